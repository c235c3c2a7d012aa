//! Requests of ours other than INVITE and BYE: one final response each, one count a dialog.

use control::sip::agent::{EndCause, Outgoing, Reply, SipDrop};
use control::sip::header::Header;
use control::sip::method::Method;
use control::sip::write::Body;

use super::basics::outgoing;
use super::bench::{
    Bench, Seen, first_line, header, headers, request, response, sdp_reply, with_header,
};

fn text_message() -> Outgoing {
    Outgoing {
        body: Some(Body {
            content_type: "text/plain",
            bytes: b"parked at 701".to_vec(),
        }),
        routes: vec!["<sip:192.0.2.1;lr>".to_owned()],
        headers: vec![(Header::Subject, "park".to_owned())],
        ..outgoing("sip:anna@desk.example")
    }
}

fn cseq(text: &str) -> u32 {
    let value = header(text, "CSeq").unwrap();
    value.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_message_goes_by_its_route_and_its_final_response_is_told_once() {
    let mut bench = Bench::new();
    let key = bench
        .agent
        .request(bench.now, Method::Message, text_message());
    let sent = bench.sent();
    assert_eq!(sent[0].destination, "192.0.2.1:5060".parse().unwrap());
    let text = String::from_utf8(sent[0].bytes.clone()).unwrap();
    assert_eq!(first_line(&text), "MESSAGE sip:anna@desk.example SIP/2.0");
    assert_eq!(header(&text, "Route"), Some("<sip:192.0.2.1;lr>"));
    assert_eq!(header(&text, "Subject"), Some("park"));
    assert_eq!(header(&text, "Contact"), None);
    assert!(text.ends_with("\r\n\r\nparked at 701"));
    let trying = response(&text, "100 Trying", "", "");
    assert_eq!(bench.receive(&trying), None);
    let ok = response(&text, "202 Accepted", "x", "");
    assert_eq!(bench.receive(&ok), Some(Seen::Response(key, 202)));
    assert_eq!(bench.receive(&ok), None);
    bench.assert_empty();
}

#[test]
fn without_an_answer_it_is_408_and_without_a_way_503() {
    let mut bench = Bench::new();
    let key = bench
        .agent
        .request(bench.now, Method::Options, text_message());
    assert_eq!(bench.advance(40_000), [Seen::Response(key, 408)]);
    let nowhere = Outgoing {
        routes: Vec::new(),
        ..outgoing("tel:+4930123")
    };
    let key = bench.agent.request(bench.now, Method::Message, nowhere);
    assert_eq!(bench.advance(1), [Seen::Response(key, 503)]);
    bench.agent.limit(10, 0);
    let key = bench
        .agent
        .request(bench.now, Method::Message, text_message());
    assert_eq!(bench.events(), [Seen::Response(key, 503)]);
    assert_eq!(bench.agent.dropped(SipDrop::Full), 1);
    bench.texts();
    bench.assert_empty();
}

#[test]
fn requests_in_a_dialog_share_its_count_its_tags_and_its_target() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    let reply = Reply::default();
    let info = bench
        .agent
        .request_in(bench.now, dialog, Method::Info, &reply)
        .unwrap();
    let first = bench.text();
    assert_eq!(first_line(&first), "INFO sip:anna@192.0.2.1 SIP/2.0");
    assert!(header(&first, "From").unwrap().ends_with(&tag));
    assert!(header(&first, "To").unwrap().ends_with(";tag=anna1"));
    assert_eq!(headers(&first, "Contact").len(), 0);
    bench
        .agent
        .request_in(bench.now, dialog, Method::Update, &reply)
        .unwrap();
    let second = bench.text();
    assert_eq!(cseq(&second), cseq(&first) + 1);
    assert_eq!(header(&second, "Contact"), Some("<sip:701@192.0.2.9:5060>"));
    assert!(header(&second, "Allow").is_some());
    assert!(bench.agent.reinvite(bench.now, dialog, sdp_reply()));
    assert_eq!(cseq(&bench.text()), cseq(&second) + 1);
    // Told even after its dialog is over.
    bench.receive(&request("BYE", "b1", 11, &tag));
    let answered = bench.receive(&response(&first, "200 OK", "", ""));
    assert_eq!(answered, Some(Seen::Response(info, 200)));
    let later = bench
        .agent
        .request_in(bench.now, dialog, Method::Info, &reply);
    assert_eq!(later, None);
}

#[test]
fn an_early_dialog_is_spoken_to_where_its_provisional_response_says() {
    let mut bench = Bench::new();
    let dialog = bench.agent.invite(bench.now, outgoing("sip:bob@192.0.2.1"));
    let invite = bench.text();
    let reply = Reply::default();
    let too_early = bench
        .agent
        .request_in(bench.now, dialog, Method::Prack, &reply);
    assert_eq!(too_early, None);
    let lines = "Contact: <sip:bob@192.0.2.1:5070>\r\nRecord-Route: <sip:192.0.2.7;lr>\r\n";
    for tag in ["fork1", "fork2"] {
        bench.receive(&response(&invite, "180 Ringing", tag, lines));
    }
    bench
        .agent
        .request_in(bench.now, dialog, Method::Prack, &reply)
        .unwrap();
    let prack = bench.text();
    assert_eq!(first_line(&prack), "PRACK sip:bob@192.0.2.1:5070 SIP/2.0");
    assert_eq!(header(&prack, "Route"), Some("<sip:192.0.2.7;lr>"));
    assert_eq!(header(&prack, "To"), Some("<sip:bob@192.0.2.1>;tag=fork2"));
    assert_eq!(cseq(&prack), cseq(&invite) + 1);
    let plain = "Contact: <sip:bob@192.0.2.1:5080>\r\n";
    let ok = response(&invite, "200 OK", "fork1", plain);
    assert_eq!(bench.receive(&ok), Some(Seen::Answered(dialog)));
    bench.agent.ack(bench.now, dialog, None);
    let ack = bench.text();
    assert_eq!(header(&ack, "To"), Some("<sip:bob@192.0.2.1>;tag=fork1"));
    assert_eq!(header(&ack, "Route"), None);
    assert_eq!(cseq(&ack), cseq(&invite));
}

#[test]
fn an_update_that_the_peer_knows_no_dialog_for_ends_it_and_an_info_does_not() {
    let mut bench = Bench::new();
    let (dialog, _) = bench.confirmed();
    let reply = Reply::default();
    let info = bench
        .agent
        .request_in(bench.now, dialog, Method::Info, &reply);
    let sent = bench.text();
    let seen = bench.receive(&response(&sent, "481 Unknown", "", ""));
    assert_eq!(seen, Some(Seen::Response(info.unwrap(), 481)));
    assert!(bench.agent.is_confirmed(dialog));
    let update = bench
        .agent
        .request_in(bench.now, dialog, Method::Update, &reply);
    let sent = bench.text();
    let seen = bench.receive(&response(&sent, "481 Unknown", "", ""));
    assert_eq!(seen, Some(Seen::Response(update.unwrap(), 481)));
    assert_eq!(bench.events(), [Seen::Ended(dialog, EndCause::Gone)]);
    assert!(bench.text().starts_with("BYE "));
    bench.assert_empty();
}

#[test]
fn an_update_of_the_peer_moves_the_target_when_it_succeeds() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    let update = |branch, number| {
        let text = request("UPDATE", branch, number, &tag);
        with_header(&text, "Contact: <sip:anna@192.0.2.1:5099>")
    };
    for (branch, number, status, target) in [
        ("u1", 20, 488, "sip:anna@192.0.2.1"),
        ("u2", 21, 200, "sip:anna@192.0.2.1:5099"),
    ] {
        let seen = bench.receive(&update(branch, number));
        let Some(Seen::Update(key, _)) = seen else {
            panic!("{seen:?}");
        };
        let status = control::sip::status::Status::new(status).unwrap();
        bench
            .agent
            .respond(bench.now, key, status, Reply::default());
        let answer = bench.text();
        assert_eq!(header(&answer, "Contact").is_some(), status.is_success());
        bench
            .agent
            .request_in(bench.now, dialog, Method::Info, &Reply::default());
        assert_eq!(first_line(&bench.text()), format!("INFO {target} SIP/2.0"));
    }
}
