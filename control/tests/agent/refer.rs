//! REFER and the subscription that it makes (RFC 3515, RFC 4488).

use control::sip::agent::{DialogKey, Reply, SubscriptionKey};
use control::sip::method::Method;
use control::sip::status::Status;

use super::bench::{Bench, Seen, first_line, header, request, response, to_tag, with_header};

fn refer(branch: &str, cseq: u32, tag: &str) -> String {
    let text = request("REFER", branch, cseq, tag);
    let text = with_header(&text, "Contact: <sip:anna@192.0.2.1:5071>");
    with_header(&text, "Refer-To: <sip:bob@192.0.2.1>")
}

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.agent.allow(Method::Refer);
    bench
}

fn frag(text: &str) -> &str {
    text.split_once("\r\n\r\n").unwrap().1
}

impl Bench {
    fn referred(&mut self, text: &str) -> (SubscriptionKey, Option<DialogKey>) {
        let seen = self.receive(text);
        let Some(Seen::Refer(key, dialog)) = seen else {
            panic!("{seen:?}");
        };
        self.agent
            .accept_subscription(self.now, key, "701", Reply::default());
        (key, dialog)
    }
}

#[test]
fn who_refers_is_told_202_then_100_then_how_it_ended() {
    let mut bench = bench();
    let (key, dialog) = bench.referred(&refer("r1", 1, ""));
    assert_eq!(dialog, None);
    let [accepted, trying] = &bench.texts()[..] else {
        panic!("not 202 and NOTIFY");
    };
    assert_eq!(first_line(accepted), "SIP/2.0 202 Accepted");
    let contact = Some("<sip:701@192.0.2.9:5060>");
    assert_eq!(header(accepted, "Contact"), contact);
    assert_eq!(header(trying, "Event"), Some("refer"));
    let kind = Some("message/sipfrag;version=2.0");
    assert_eq!(header(trying, "Content-Type"), kind);
    let state = Some("active;expires=300");
    assert_eq!(header(trying, "Subscription-State"), state);
    assert_eq!(frag(trying), "SIP/2.0 100 Trying\r\n");
    bench.agent.notify_referrer(bench.now, key, Status::RINGING);
    bench.agent.notify_referrer(bench.now, key, Status::OK);
    assert_eq!(bench.texts().len(), 0);
    assert_eq!(bench.receive(&response(trying, "200 OK", "", "")), None);
    let last = bench.text();
    assert_eq!(frag(&last), "SIP/2.0 200 OK\r\n");
    let state = Some("terminated;reason=noresource");
    assert_eq!(header(&last, "Subscription-State"), state);
    bench.receive(&response(&last, "200 OK", "", ""));
    assert_eq!(bench.agent.subscriptions(), 0);
    bench.assert_empty();
}

#[test]
fn who_wants_no_reports_gets_none() {
    let mut bench = bench();
    let silent = with_header(&refer("r1", 1, ""), "Refer-Sub: false;x");
    let silent = with_header(&silent, "Require: norefersub");
    let (key, _) = bench.referred(&silent);
    let accepted = bench.text();
    assert_eq!(first_line(&accepted), "SIP/2.0 202 Accepted");
    assert_eq!(header(&accepted, "Refer-Sub"), Some("false"));
    bench.agent.notify_referrer(bench.now, key, Status::OK);
    assert_eq!(bench.texts().len(), 0);
    bench.assert_empty();
}

#[test]
fn a_refer_has_one_target() {
    let mut bench = bench();
    let one = refer("r1", 1, "");
    let none = one.replace("Refer-To: <sip:bob@192.0.2.1>\r\n", "");
    let two = with_header(&one, "Refer-To: <sip:carol@192.0.2.1>");
    for text in [none, two] {
        assert_eq!(
            bench.receive(
                &text
                    .replace("z9hG4bKr1", &format!("z9hG4bK{}", text.len()))
                    .replace("call-1", &format!("call-{}", text.len()))
            ),
            None
        );
        assert_eq!(bench.lines(), ["SIP/2.0 400 a REFER has one Refer-To"]);
    }
    assert_eq!(bench.agent.subscriptions(), 0);
}

#[test]
fn refers_in_a_call_share_its_dialog_and_are_told_apart_and_outlive_it() {
    let mut bench = bench();
    let (dialog, tag) = bench.confirmed();
    let (first, within) = bench.referred(&refer("r1", 11, &tag));
    assert_eq!(within, Some(dialog));
    let texts = bench.texts();
    assert_eq!(header(&texts[1], "Event"), Some("refer"));
    assert_eq!(to_tag(&texts[1]), "anna1");
    let cseq = |text: &str| header(text, "CSeq").unwrap().to_owned();
    let (second, _) = bench.referred(&refer("r2", 12, &tag));
    let others = bench.texts();
    assert_eq!(header(&others[1], "Event"), Some("refer;id=12"));
    assert_ne!(cseq(&texts[1]), cseq(&others[1]));
    for text in [&texts[1], &others[1]] {
        bench.receive(&response(text, "200 OK", "", ""));
    }
    bench.receive(&request("BYE", "b1", 13, &tag));
    bench.texts();
    // One dialog has one count: only the first goes on.
    assert_eq!(bench.events(), [Seen::Unsubscribed(second)]);
    bench.agent.notify_referrer(bench.now, first, Status::OK);
    let last = bench.text();
    assert_eq!(first_line(&last), "NOTIFY sip:anna@192.0.2.1 SIP/2.0");
    assert_eq!(frag(&last), "SIP/2.0 200 OK\r\n");
    bench.receive(&response(&last, "200 OK", "", ""));
    assert_eq!(bench.agent.subscriptions(), 0);
    bench.assert_empty();
}

#[test]
fn who_asks_again_hears_the_last_report_again_and_silence_ends_it_after_300_s() {
    let mut bench = bench();
    let (key, _) = bench.referred(&refer("r1", 1, ""));
    let texts = bench.texts();
    let tag = to_tag(&texts[0]);
    bench.receive(&response(&texts[1], "200 OK", "", ""));
    let again = request("SUBSCRIBE", "s1", 2, &tag);
    let again = with_header(&again, "Event: refer");
    assert_eq!(bench.receive(&again), None);
    let texts = bench.texts();
    assert_eq!(first_line(&texts[0]), "SIP/2.0 200 OK");
    assert_eq!(frag(&texts[1]), "SIP/2.0 100 Trying\r\n");
    bench.receive(&response(&texts[1], "200 OK", "", ""));
    assert_eq!(bench.advance(301_000), [Seen::Unsubscribed(key)]);
    let last = bench.texts().remove(0);
    assert_eq!(frag(&last), "SIP/2.0 100 Trying\r\n");
    let state = Some("terminated;reason=timeout");
    assert_eq!(header(&last, "Subscription-State"), state);
    bench.assert_empty();
}

#[test]
fn a_refer_that_is_refused_leaves_nothing() {
    let mut bench = bench();
    let Some(Seen::Refer(key, None)) = bench.receive(&refer("r1", 1, "")) else {
        panic!("no refer");
    };
    let status = Status::FORBIDDEN;
    bench
        .agent
        .refuse_subscription(bench.now, key, status, Reply::default());
    assert_eq!(bench.lines(), ["SIP/2.0 403 Forbidden"]);
    assert_eq!(bench.agent.subscriptions(), 0);
    bench.assert_empty();
}
