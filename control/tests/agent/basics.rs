//! A call in each direction, from INVITE to BYE, without trouble.

use control::sip::agent::{EndCause, Outgoing, Reply};
use control::sip::status::Status;

use super::bench::{
    Bench, Seen, branch, first_line, header, headers, invite, request, response, sdp_reply, to_tag,
    with_header,
};

pub(super) fn outgoing(target: &str) -> Outgoing {
    Outgoing {
        target: target.to_owned(),
        from: "<sip:701@192.0.2.9>".to_owned(),
        to: format!("<{target}>"),
        routes: Vec::new(),
        headers: Vec::new(),
        body: sdp_reply().body,
    }
}

#[test]
fn an_incoming_call_is_accepted_acknowledged_and_ended_by_the_peer() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    assert!(bench.agent.is_confirmed(dialog));
    let ended = bench.receive(&request("BYE", "b1", 11, &tag));
    assert_eq!(ended, Some(Seen::Ended(dialog, EndCause::Bye)));
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    assert_eq!(bench.agent.dialogs(), 0);
    bench.assert_empty();
}

#[test]
fn our_200_says_who_we_are_and_what_we_can() {
    let mut bench = Bench::new();
    let routed = with_header(
        &invite(),
        "Record-Route: <sip:p1.test;lr>, <sip:p2.test;lr>",
    );
    let Some(Seen::Invite(dialog)) = bench.receive(&routed) else {
        panic!("no invite");
    };
    bench.agent.accept(bench.now, dialog, "*71#", sdp_reply());
    let ok = bench.text();
    assert_eq!(first_line(&ok), "SIP/2.0 200 OK");
    assert_eq!(header(&ok, "Contact"), Some("<sip:*71%23@192.0.2.9:5060>"));
    assert_eq!(
        headers(&ok, "Record-Route").join(", "),
        "<sip:p1.test;lr>, <sip:p2.test;lr>"
    );
    assert_eq!(
        header(&ok, "Allow"),
        Some("INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE")
    );
    assert_eq!(
        header(&ok, "Supported"),
        Some("100rel, eventlist, from-change, norefersub, replaces, timer")
    );
    assert_eq!(header(&ok, "Server"), Some("orbit-test"));
    assert_eq!(header(&ok, "Content-Type"), Some("application/sdp"));
    assert!(ok.ends_with("\r\n\r\nv=0\r\n"));
    assert!(to_tag(&ok).len() >= 16);
}

#[test]
fn our_bye_ends_a_call_and_its_answer_is_the_last_of_it() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    bench.agent.bye(bench.now, dialog, Reply::default());
    let bye = bench.text();
    assert_eq!(first_line(&bye), "BYE sip:anna@192.0.2.1 SIP/2.0");
    assert_eq!(
        header(&bye, "From"),
        Some(&*format!("<sip:park@192.0.2.9>;tag={tag}"))
    );
    assert_eq!(
        header(&bye, "To"),
        Some("\"Anna\" <sip:anna@192.0.2.1>;tag=anna1")
    );
    assert_eq!(header(&bye, "Max-Forwards"), Some("70"));
    assert_eq!(header(&bye, "User-Agent"), Some("orbit-test"));
    let forgotten = bench.receive(&response(&bye, "200 OK", "", ""));
    assert_eq!(forgotten, Some(Seen::Forgotten(dialog)));
    bench.assert_empty();
}

#[test]
fn an_outgoing_call_is_answered_acknowledged_and_ended() {
    let mut bench = Bench::new();
    let dialog = bench.agent.invite(bench.now, outgoing("sip:bob@192.0.2.1"));
    let sent = bench.text();
    assert_eq!(first_line(&sent), "INVITE sip:bob@192.0.2.1 SIP/2.0");
    assert_eq!(header(&sent, "Contact"), Some("<sip:701@192.0.2.9:5060>"));
    assert_eq!(
        header(&sent, "Allow"),
        Some("INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE")
    );
    assert!(
        header(&sent, "Via")
            .unwrap()
            .starts_with("SIP/2.0/UDP 192.0.2.9:5060;rport;branch=")
    );
    assert_eq!(bench.receive(&response(&sent, "100 Trying", "", "")), None);
    let ringing = bench.receive(&response(&sent, "180 Ringing", "bob1", ""));
    assert_eq!(
        ringing,
        Some(Seen::Progress(dialog, Status::RINGING.code()))
    );
    let ok = response(
        &sent,
        "200 OK",
        "bob1",
        "Contact: <sip:bob@192.0.2.1:5070>\r\n",
    );
    assert_eq!(bench.receive(&ok), Some(Seen::Answered(dialog)));
    assert_eq!(bench.texts().len(), 0);
    bench.agent.ack(bench.now, dialog, None);
    let ack = bench.text();
    assert_eq!(first_line(&ack), "ACK sip:bob@192.0.2.1:5070 SIP/2.0");
    assert_eq!(
        header(&ack, "CSeq").unwrap().split(' ').next(),
        header(&sent, "CSeq").unwrap().split(' ').next()
    );
    assert_ne!(branch(&ack), branch(&sent));
    assert_eq!(bench.receive(&ok), None);
    assert_eq!(bench.text(), ack);
    bench.agent.bye(bench.now, dialog, Reply::default());
    let bye = bench.text();
    assert_eq!(first_line(&bye), "BYE sip:bob@192.0.2.1:5070 SIP/2.0");
    assert!(header(&bye, "To").unwrap().ends_with(";tag=bob1"));
    assert_eq!(
        bench.receive(&response(&bye, "200 OK", "", "")),
        Some(Seen::Forgotten(dialog))
    );
    bench.assert_empty();
}
