//! Reliable provisional responses (RFC 3262), ours and theirs.

use control::sip::agent::{DialogKey, EndCause, Reply};
use control::sip::status::Status;

use super::basics::outgoing;
use super::bench::{
    Bench, Seen, first_line, header, invite, request, response, sdp_reply, to_tag, with_header,
};

fn ringing(bench: &mut Bench) -> (DialogKey, String) {
    let asking = with_header(&invite(), "Require: 100rel");
    let Some(Seen::Invite(dialog)) = bench.receive(&asking) else {
        panic!("no invite");
    };
    bench
        .agent
        .progress(bench.now, dialog, Status::RINGING, Reply::default());
    let text = bench.text();
    assert_eq!(first_line(&text), "SIP/2.0 180 Ringing");
    assert_eq!(header(&text, "Require"), Some("100rel"));
    (dialog, text)
}

fn prack(branch: &str, tag: &str, rseq: u32, cseq: u32) -> String {
    with_header(
        &request("PRACK", branch, 11, tag),
        &format!("RAck: {rseq} {cseq} INVITE"),
    )
}

fn rseq(text: &str) -> u32 {
    header(text, "RSeq").unwrap().parse().unwrap()
}

#[test]
fn ours_is_repeated_until_its_prack() {
    let mut bench = Bench::new();
    let (dialog, text) = ringing(&mut bench);
    let times: Vec<_> = { bench.timeline(4_000).into_iter() }
        .filter(|(_, line)| line.contains("180"))
        .map(|(at, _)| at)
        .collect();
    assert_eq!(times, [500, 1_500, 3_500]);
    let tag = to_tag(&text);
    assert_eq!(bench.receive(&prack("p0", &tag, rseq(&text) + 1, 10)), None);
    assert!(bench.text().starts_with("SIP/2.0 481 "));
    assert_eq!(bench.receive(&prack("p1", &tag, rseq(&text), 10)), None);
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    assert_eq!(bench.advance(30_000), []);
    assert!(bench.texts().is_empty());
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    assert_eq!(first_line(&bench.text()), "SIP/2.0 200 OK");
}

#[test]
fn the_next_waits_for_the_prack_of_the_last_and_counts_on() {
    let mut bench = Bench::new();
    let (dialog, first) = ringing(&mut bench);
    let progress = Status::SESSION_PROGRESS;
    bench
        .agent
        .progress(bench.now, dialog, progress, Reply::default());
    assert!(bench.texts().is_empty());
    bench.receive(&prack("p1", &to_tag(&first), rseq(&first), 10));
    let texts = bench.texts();
    assert_eq!(first_line(&texts[0]), "SIP/2.0 200 OK");
    assert_eq!(first_line(&texts[1]), "SIP/2.0 183 Session Progress");
    assert_eq!(rseq(&texts[1]), rseq(&first) + 1);
}

#[test]
fn without_prack_the_invite_is_refused() {
    let mut bench = Bench::new();
    let (dialog, _) = ringing(&mut bench);
    assert_eq!(bench.advance(31_000), []);
    bench.texts();
    assert_eq!(bench.advance(2_000), [Seen::Ended(dialog, EndCause::NoAck)]);
    let refusal = "SIP/2.0 504 Server Time-out".to_owned();
    assert!(bench.lines().contains(&refusal));
    bench.assert_empty();
}

#[test]
fn an_answer_may_overtake_the_prack() {
    let mut bench = Bench::new();
    let (dialog, text) = ringing(&mut bench);
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    let tag = to_tag(&bench.text());
    bench.receive(&request("ACK", "a1", 10, &tag));
    assert_eq!(bench.advance(3_000), []);
    assert!(bench.texts().is_empty(), "no more of the 180");
    assert_eq!(bench.receive(&prack("p1", &tag, rseq(&text), 10)), None);
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
}

#[test]
fn who_does_not_require_it_gets_it_as_ever() {
    let mut bench = Bench::new();
    let asking = with_header(&invite(), "Supported: 100rel");
    let Some(Seen::Invite(dialog)) = bench.receive(&asking) else {
        panic!("no invite");
    };
    bench
        .agent
        .progress(bench.now, dialog, Status::RINGING, Reply::default());
    let text = bench.text();
    assert_eq!(header(&text, "RSeq"), None);
    assert_eq!(bench.advance(5_000), []);
    assert!(bench.texts().is_empty());
}

#[test]
fn theirs_is_acknowledged_once_and_in_order() {
    let mut bench = Bench::new();
    let dialog = bench.agent.invite(bench.now, outgoing("sip:bob@192.0.2.1"));
    let sent = bench.text();
    assert!(header(&sent, "Supported").unwrap().contains("100rel"));
    let said = |rseq: u32| {
        let extra = format!(
            "Require: 100rel\r\nRSeq: {rseq}\r\nContact: <sip:bob@192.0.2.1:5070>\r\n\
             Record-Route: <sip:192.0.2.5;lr>\r\n"
        );
        response(&sent, "183 Session Progress", "bob1", &extra)
    };
    let seen = bench.receive(&said(7));
    assert_eq!(seen, Some(Seen::Progress(dialog, 183)));
    let prack = bench.text();
    assert_eq!(first_line(&prack), "PRACK sip:bob@192.0.2.1:5070 SIP/2.0");
    assert_eq!(header(&prack, "Route"), Some("<sip:192.0.2.5;lr>"));
    assert!(header(&prack, "To").unwrap().ends_with(";tag=bob1"));
    let cseq = header(&sent, "CSeq").unwrap().replace(" INVITE", "");
    let rack = format!("7 {cseq} INVITE");
    assert_eq!(header(&prack, "RAck"), Some(&*rack));
    bench.receive(&response(&prack, "200 OK", "", ""));
    for old in [7, 9] {
        assert_eq!(bench.receive(&said(old)), None, "{old}");
        assert!(bench.texts().is_empty(), "{old}");
    }
    bench.receive(&said(8));
    assert!(first_line(&bench.text()).starts_with("PRACK "));
    // Another fork counts for itself.
    let fork = said(3).replace("tag=bob1", "tag=bob2");
    bench.receive(&fork);
    assert!(header(&bench.text(), "To").unwrap().ends_with(";tag=bob2"));
}
