//! Full tables: 503 with Retry-After, counted, and calls in progress go on.

use control::sip::agent::{Reply, SipDrop};

use super::basics::outgoing;
use super::bench::{Bench, Seen, first_line, header, invite, request, response, sdp_reply, to_tag};

fn other_invite(number: u32) -> String {
    invite()
        .replace("call-1@", &format!("call-x{number}@"))
        .replace("z9hG4bKi1", &format!("z9hG4bKx{number}"))
}

#[test]
fn beyond_the_last_dialog_a_call_is_503_either_way() {
    let mut bench = Bench::new();
    bench.agent.limit(1, 100);
    let (_, _) = bench.confirmed();
    assert_eq!(bench.receive(&other_invite(1)), None);
    let full = bench.text();
    assert_eq!(first_line(&full), "SIP/2.0 503 Service Unavailable");
    assert!(header(&full, "Retry-After").is_some());
    let dialog = bench.agent.invite(bench.now, outgoing("sip:bob@192.0.2.1"));
    assert_eq!(bench.events(), [Seen::Rejected(dialog, 503)]);
    assert_eq!(bench.texts().len(), 0);
    assert_eq!(bench.agent.dropped(SipDrop::Full), 2);
}

#[test]
fn beyond_the_last_transaction_only_what_ends_calls_is_taken() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    let Some(Seen::Invite(waiting)) = bench.receive(&other_invite(0)) else {
        panic!("no invite");
    };
    bench.agent.limit(100, bench.agent.transactions());
    for number in 1..20 {
        assert_eq!(bench.receive(&other_invite(number)), None);
        assert_eq!(bench.lines(), ["SIP/2.0 503 Service Unavailable"]);
    }
    bench.receive(&request("BYE", "stray", 5, "nobody"));
    assert_eq!(bench.lines(), ["SIP/2.0 503 Service Unavailable"]);
    assert_eq!(bench.agent.dropped(SipDrop::Full), 20);
    assert_eq!(bench.agent.transactions(), 2);
    let cancel = other_invite(0).replace("INVITE", "CANCEL");
    assert_eq!(bench.receive(&cancel), Some(Seen::Cancelled(waiting)));
    bench.texts();
    let seen = bench.receive(&request("BYE", "b1", 11, &tag));
    assert!(matches!(seen, Some(Seen::Ended(ended, _)) if ended == dialog));
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    bench.assert_empty();
}

#[test]
fn every_table_is_empty_after_a_thousand_calls_of_all_kinds() {
    let mut bench = Bench::new();
    for number in 0..1_000 {
        let Some(Seen::Invite(dialog)) = bench.receive(&other_invite(number)) else {
            panic!("no invite");
        };
        match number % 4 {
            0 => bench.agent.bye(bench.now, dialog, Reply::default()),
            1 => bench.agent.accept(bench.now, dialog, "701", sdp_reply()),
            2 => {
                bench.agent.accept(bench.now, dialog, "701", sdp_reply());
                let tag = to_tag(&bench.texts().pop().unwrap());
                let ack = request("ACK", &format!("a{number}"), 10, &tag)
                    .replace("call-1@", &format!("call-x{number}@"));
                assert_eq!(bench.receive(&ack), Some(Seen::Acked(dialog)));
                bench.agent.bye(bench.now, dialog, Reply::default());
            }
            _ => {
                let cancel = other_invite(number).replace("INVITE", "CANCEL");
                assert_eq!(bench.receive(&cancel), Some(Seen::Cancelled(dialog)));
            }
        }
        let dialog = bench.agent.invite(bench.now, outgoing("sip:bob@192.0.2.1"));
        let invite = bench.texts().pop().unwrap();
        if number % 2 == 0 {
            bench.receive(&response(&invite, "180 Ringing", "bob", ""));
        }
        if number % 3 == 0 {
            bench.agent.cancel(bench.now, dialog);
        }
    }
    assert!(bench.agent.dialogs() > 1_000);
    bench.assert_empty();
}
