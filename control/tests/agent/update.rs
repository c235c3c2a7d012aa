//! UPDATE (RFC 3311) and Require (RFC 3261 §8.2.2.3): what crosses what, and what is not known.

use control::sip::agent::Reply;
use control::sip::header::Header;
use control::sip::status::Status;

use super::bench::{
    Bench, Seen, first_line, header, invite, request, response, sdp_reply, with_body, with_header,
};

fn with_offer(text: &str) -> String {
    with_body(text, "application/sdp", "v=0\r\n")
}

#[test]
fn an_update_goes_up_with_and_without_an_offer() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    for (cseq, update) in [
        (11, request("UPDATE", "u1", 11, &tag)),
        (12, with_offer(&request("UPDATE", "u2", 12, &tag))),
    ] {
        let Some(Seen::Update(key, of)) = bench.receive(&update) else {
            panic!("{cseq}");
        };
        assert_eq!(of, dialog);
        bench.agent.respond(bench.now, key, Status::OK, sdp_reply());
        let ok = bench.text();
        assert_eq!(first_line(&ok), "SIP/2.0 200 OK");
        assert_eq!(header(&ok, "Contact"), Some("<sip:701@192.0.2.9:5060>"));
    }
}

#[test]
fn an_offer_that_crosses_ours_gets_491_and_none_crosses_without() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    assert!(bench.agent.reinvite(bench.now, dialog, sdp_reply()));
    bench.texts();
    let update = request("UPDATE", "u1", 11, &tag);
    assert!(matches!(bench.receive(&update), Some(Seen::Update(..))));
    let update = with_offer(&request("UPDATE", "u2", 12, &tag));
    assert_eq!(bench.receive(&update), None);
    assert_eq!(bench.lines(), ["SIP/2.0 491 Request Pending"]);
}

#[test]
fn an_offer_before_the_answer_to_the_last_gets_500_with_a_time() {
    let mut bench = Bench::new();
    let (_, tag) = bench.confirmed();
    let first = with_offer(&request("UPDATE", "u1", 11, &tag));
    let Some(Seen::Update(key, _)) = bench.receive(&first) else {
        panic!("no update");
    };
    for (number, crossing) in [
        with_offer(&request("UPDATE", "u2", 12, &tag)),
        with_offer(&request("INVITE", "i2", 13, &tag)),
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(bench.receive(crossing), None, "{number}");
        let refusal = bench.text();
        assert_eq!(first_line(&refusal), "SIP/2.0 500 Server Internal Error");
        assert!(header(&refusal, "Retry-After").is_some());
    }
    bench.agent.respond(bench.now, key, Status::OK, sdp_reply());
    bench.texts();
    let next = with_offer(&request("UPDATE", "u3", 14, &tag));
    assert!(matches!(bench.receive(&next), Some(Seen::Update(..))));
}

#[test]
fn an_update_outside_a_dialog_gets_481() {
    for method in ["UPDATE", "PRACK"] {
        let mut bench = Bench::new();
        assert_eq!(bench.receive(&request(method, "u1", 1, "")), None);
        let line = "SIP/2.0 481 Call/Transaction Does Not Exist";
        assert_eq!(bench.lines(), [line], "{method}");
    }
}

#[test]
fn we_tell_by_update_only_who_takes_it() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    let name = || Reply {
        headers: vec![(Header::PAssertedIdentity, "<sip:c@example.com>".to_owned())],
        body: None,
    };
    assert!(!bench.agent.tell(bench.now, dialog, name()));
    let allowing = with_header(
        &request("UPDATE", "u1", 11, &tag),
        "Allow: INVITE, ACK, UPDATE",
    );
    let Some(Seen::Update(key, _)) = bench.receive(&allowing) else {
        panic!("no update");
    };
    bench
        .agent
        .respond(bench.now, key, Status::OK, Reply::default());
    bench.texts();
    assert!(bench.agent.tell(bench.now, dialog, name()));
    let update = bench.text();
    assert_eq!(
        header(&update, "P-Asserted-Identity"),
        Some("<sip:c@example.com>")
    );
    assert!(header(&update, "Contact").is_some());
    assert!(
        !bench.agent.tell(bench.now, dialog, name()),
        "one at a time"
    );
    assert_eq!(bench.receive(&response(&update, "200 OK", "", "")), None);
    assert!(bench.agent.tell(bench.now, dialog, name()));
    // Refused, it is told by an offer instead.
    let update = bench.text();
    let seen = bench.receive(&response(&update, "488 No", "", ""));
    assert_eq!(seen, Some(Seen::Refresh(dialog)));
}

#[test]
fn require_may_name_what_we_support_and_nothing_else() {
    for known in ["timer", "100rel", "replaces", "From-Change, timer"] {
        let mut bench = Bench::new();
        let asking = with_header(&invite(), &format!("Require: {known}"));
        let seen = bench.receive(&asking);
        assert!(matches!(seen, Some(Seen::Invite(_))), "{known}");
    }
    let mut bench = Bench::new();
    let asking = with_header(&invite(), "Require: timer, precondition, x-new");
    assert_eq!(bench.receive(&asking), None);
    let refusal = bench.text();
    assert_eq!(first_line(&refusal), "SIP/2.0 420 Bad Extension");
    assert_eq!(header(&refusal, "Unsupported"), Some("precondition, x-new"));
}
