//! SUBSCRIBE and NOTIFY (RFC 6665) as the notifier: what is granted and refused, one NOTIFY at a
//! time and in order, what a lost one does, and how a subscription ends.

use std::time::Duration;

use control::sip::agent::{Closing, Package, Reply, SipDrop, Stance, SubscriptionKey};
use control::sip::status::Status;
use control::sip::write::Body;

use super::bench::{
    Bench, Seen, branch, first_line, header, request, response, to_tag, with_header,
};

const DIALOG: Package = Package {
    event: "dialog",
    default: Duration::from_secs(3_600),
    min: Duration::from_secs(60),
    max: Duration::from_secs(7_200),
};

pub(super) fn subscribe(branch: &str, cseq: u32, tag: &str, expires: &str) -> String {
    let text = request("SUBSCRIBE", branch, cseq, tag);
    let text = with_header(&text, "Contact: <sip:anna@192.0.2.1:5071>");
    let text = with_header(&text, "Event: dialog");
    match expires {
        "" => text,
        _ => with_header(&text, &format!("Expires: {expires}")),
    }
}

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.agent.serve(DIALOG);
    bench
}

pub(super) fn state(text: &str) -> Reply {
    Reply {
        headers: Vec::new(),
        body: Some(Body {
            content_type: "text/plain",
            bytes: text.as_bytes().to_vec(),
        }),
    }
}

impl Bench {
    /// A subscription that was granted and has heard its first state. Gives its key and our tag.
    fn subscribed(&mut self) -> (SubscriptionKey, String) {
        let Some(Seen::Subscribe(key)) = self.receive(&subscribe("s1", 1, "", "600")) else {
            panic!("no subscription");
        };
        self.agent
            .accept_subscription(self.now, key, "701", Reply::default());
        self.tell(key, "first");
        let [ok, notify] = &self.texts()[..] else {
            panic!("not 200 and NOTIFY")
        };
        let arrived = self.receive(&response(notify, "200 OK", "", ""));
        assert_eq!(arrived, Some(Seen::Notified(key)));
        (key, to_tag(ok))
    }

    fn tell(&mut self, key: SubscriptionKey, text: &str) {
        self.agent
            .notify(self.now, key, state(text), Stance::Active);
    }
}

fn body(text: &str) -> &str {
    text.split_once("\r\n\r\n").unwrap().1
}

fn cseq(text: &str) -> u32 {
    let value = header(text, "CSeq").unwrap();
    value.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn who_subscribes_gets_200_and_then_the_state_in_its_dialog() {
    let mut bench = bench();
    let routed = with_header(
        &subscribe("s1", 1, "", ""),
        "Record-Route: <sip:192.0.2.7;lr>",
    );
    let Some(Seen::Subscribe(key)) = bench.receive(&routed) else {
        panic!("no subscription");
    };
    assert_eq!(bench.texts().len(), 0);
    bench
        .agent
        .accept_subscription(bench.now, key, "701", Reply::default());
    let ok = bench.text();
    assert_eq!(first_line(&ok), "SIP/2.0 200 OK");
    assert_eq!(header(&ok, "Expires"), Some("3600"));
    assert_eq!(header(&ok, "Contact"), Some("<sip:701@192.0.2.9:5060>"));
    assert_eq!(header(&ok, "Record-Route"), Some("<sip:192.0.2.7;lr>"));
    bench.advance(10_500);
    bench.tell(key, "empty");
    let notify = bench.text();
    assert_eq!(
        first_line(&notify),
        "NOTIFY sip:anna@192.0.2.1:5071 SIP/2.0"
    );
    assert_eq!(header(&notify, "Route"), Some("<sip:192.0.2.7;lr>"));
    assert_eq!(header(&notify, "Event"), Some("dialog"));
    let left = "active;expires=3589";
    assert_eq!(header(&notify, "Subscription-State"), Some(left));
    assert_eq!(header(&notify, "Contact"), Some("<sip:701@192.0.2.9:5060>"));
    let from = format!("<sip:park@192.0.2.9>;tag={}", to_tag(&ok));
    assert_eq!(header(&notify, "From"), Some(&*from));
    assert_eq!(body(&notify), "empty");
}

#[test]
fn what_is_not_served_is_489_and_too_short_is_423() {
    let mut bench = bench();
    for (event, line, answer) in [
        ("Event: presence", "", "SIP/2.0 489 Bad Event"),
        ("Event: refer", "", "SIP/2.0 489 Bad Event"),
        ("X-No: event", "", "SIP/2.0 489 Bad Event"),
        ("Event: dialog", "30", "SIP/2.0 423 Interval Too Brief"),
    ] {
        let text = subscribe("s1", 1, "", line).replace("Event: dialog", event);
        let text = text.replace("z9hG4bKs1", &format!("z9hG4bK{}", event.len()));
        let text = text.replace("call-1@", &format!("call-{}@", event.len()));
        assert_eq!(bench.receive(&text), None, "{event}");
        let refused = bench.text();
        assert_eq!(first_line(&refused), answer, "{event}");
        match answer.contains("489") {
            true => assert_eq!(header(&refused, "Allow-Events"), Some("dialog")),
            false => assert_eq!(header(&refused, "Min-Expires"), Some("60")),
        }
    }
    assert_eq!(bench.agent.subscriptions(), 0);
    bench.assert_empty();
}

#[test]
fn without_a_package_subscribe_is_405_and_the_layer_above_may_refuse() {
    let mut bare = Bench::new();
    bare.receive(&subscribe("s1", 1, "", ""));
    assert_eq!(bare.lines(), ["SIP/2.0 405 Method Not Allowed"]);
    let mut bench = bench();
    let Some(Seen::Subscribe(key)) = bench.receive(&subscribe("s1", 1, "", "")) else {
        panic!("no subscription");
    };
    let status = Status::FORBIDDEN;
    bench
        .agent
        .refuse_subscription(bench.now, key, status, Reply::default());
    assert_eq!(bench.lines(), ["SIP/2.0 403 Forbidden"]);
    assert_eq!(bench.agent.subscriptions(), 0);
    bench.assert_empty();
}

#[test]
fn one_notify_is_in_flight_and_the_newest_state_follows_it() {
    let mut bench = bench();
    let (key, _) = bench.subscribed();
    assert!(bench.agent.may_notify(key));
    bench.tell(key, "second");
    assert!(!bench.agent.may_notify(key));
    let second = bench.text();
    bench.tell(key, "third");
    bench.tell(key, "fourth");
    assert_eq!(bench.texts().len(), 0);
    assert_eq!(bench.receive(&response(&second, "200 OK", "", "")), None);
    let fourth = bench.text();
    assert_eq!((body(&second), body(&fourth)), ("second", "fourth"));
    assert_eq!(cseq(&fourth), cseq(&second) + 1);
    let arrived = bench.receive(&response(&fourth, "200 OK", "", ""));
    assert_eq!(arrived, Some(Seen::Notified(key)));
}

#[test]
fn a_lost_notify_is_sent_again_as_it_was_and_the_next_waits_for_it() {
    let mut bench = bench();
    let (key, _) = bench.subscribed();
    bench.tell(key, "second");
    let lost = bench.text();
    bench.advance(32_500);
    bench.texts();
    bench.tell(key, "third");
    assert_eq!(bench.texts().len(), 0, "the order is kept");
    assert_eq!(bench.advance(1_000), []);
    let again = bench.texts().remove(0);
    assert_eq!(body(&again), "second");
    assert_eq!(cseq(&again), cseq(&lost) + 1);
    assert_ne!(branch(&again), branch(&lost));
    assert_eq!(bench.receive(&response(&again, "200 OK", "", "")), None);
    assert_eq!(body(&bench.text()), "third");
    assert_eq!(bench.agent.subscriptions(), 1);
}

#[test]
fn a_busy_subscriber_is_told_again_when_it_says_and_one_that_is_gone_never() {
    let mut bench = bench();
    let (key, _) = bench.subscribed();
    bench.tell(key, "second");
    let refused = response(&bench.text(), "503 Busy", "", "Retry-After: 20\r\n");
    assert_eq!(bench.receive(&refused), None);
    bench.advance(19_900);
    assert_eq!(bench.texts().len(), 0);
    bench.advance(200);
    let again = bench.text();
    assert_eq!(body(&again), "second");
    let unknown = response(&again, "481 Subscription Does Not Exist", "", "");
    assert_eq!(bench.receive(&unknown), Some(Seen::Unsubscribed(key)));
    assert_eq!(bench.agent.subscriptions(), 0);
    bench.tell(key, "third");
    assert_eq!(bench.texts().len(), 0);
    bench.assert_empty();
}

#[test]
fn who_never_answers_is_given_up_after_three_notifies() {
    let mut bench = bench();
    let (key, _) = bench.subscribed();
    bench.tell(key, "second");
    let seen = bench.advance(110_000);
    assert_eq!(seen, [Seen::Unsubscribed(key)]);
    let mut branches: Vec<_> = bench.texts().iter().map(|text| branch(text)).collect();
    branches.dedup();
    assert_eq!(branches.len(), 3);
    bench.assert_empty();
}

#[test]
fn a_refresh_prolongs_moves_the_target_and_wants_the_full_state() {
    let mut bench = bench();
    let (key, tag) = bench.subscribed();
    bench.advance(500_000);
    let moved = subscribe("s2", 2, &tag, "9000").replace(":5071", ":5072");
    assert_eq!(bench.receive(&moved), Some(Seen::Refreshed(key)));
    assert_eq!(header(&bench.text(), "Expires"), Some("7200"));
    bench.tell(key, "full");
    let notify = bench.text();
    assert_eq!(
        first_line(&notify),
        "NOTIFY sip:anna@192.0.2.1:5072 SIP/2.0"
    );
    bench.receive(&response(&notify, "200 OK", "", ""));
    assert_eq!(bench.advance(7_000_000), []);
    assert_eq!(bench.agent.subscriptions(), 1);
}

#[test]
fn another_event_in_its_dialog_is_403_and_an_old_number_500() {
    let mut bench = bench();
    let (_, tag) = bench.subscribed();
    let other = subscribe("s2", 2, &tag, "600").replace("Event: dialog", "Event: dialog;id=2");
    bench.receive(&other);
    let refused = bench.text();
    assert_eq!(
        first_line(&refused),
        "SIP/2.0 403 One subscription a dialog"
    );
    bench.receive(&subscribe("s3", 2, &tag, "600"));
    assert!(bench.text().starts_with("SIP/2.0 200"), "repeated numbers");
    bench.receive(&subscribe("s4", 0, &tag, "600"));
    assert!(bench.text().starts_with("SIP/2.0 500"));
    bench.receive(&request("BYE", "s5", 5, &tag));
    assert!(bench.text().starts_with("SIP/2.0 481"));
    bench.receive(&request("OPTIONS", "s6", 6, &tag));
    assert!(bench.text().starts_with("SIP/2.0 200"));
}

#[test]
fn who_unsubscribes_hears_the_last_state() {
    let mut bench = bench();
    let (key, tag) = bench.subscribed();
    let seen = bench.receive(&subscribe("s2", 2, &tag, "0"));
    assert_eq!(seen, Some(Seen::Refreshed(key)));
    assert_eq!(header(&bench.text(), "Expires"), Some("0"));
    bench.tell(key, "last");
    assert_eq!(bench.events(), [Seen::Unsubscribed(key)]);
    let last = bench.text();
    let state = header(&last, "Subscription-State");
    assert_eq!(state, Some("terminated;reason=timeout"));
    assert_eq!(body(&last), "last");
    bench.receive(&subscribe("s3", 3, &tag, "600"));
    assert!(bench.text().starts_with("SIP/2.0 481"));
    assert_eq!(bench.receive(&response(&last, "200 OK", "", "")), None);
    assert_eq!(bench.agent.subscriptions(), 0);
    bench.assert_empty();
}

#[test]
fn who_asks_once_hears_the_state_once() {
    let mut bench = bench();
    let Some(Seen::Subscribe(key)) = bench.receive(&subscribe("s1", 1, "", "0")) else {
        panic!("no subscription");
    };
    bench
        .agent
        .accept_subscription(bench.now, key, "701", Reply::default());
    bench.tell(key, "now");
    assert_eq!(bench.events(), [Seen::Unsubscribed(key)]);
    let texts = bench.texts();
    assert_eq!(header(&texts[0], "Expires"), Some("0"));
    let state = header(&texts[1], "Subscription-State");
    assert_eq!(state, Some("terminated;reason=timeout"));
    bench.receive(&response(&texts[1], "200 OK", "", ""));
    assert_eq!(bench.agent.subscriptions(), 0);
    bench.assert_empty();
}

#[test]
fn who_does_not_subscribe_anew_hears_the_last_state_when_its_time_is_over() {
    let mut bench = bench();
    let (key, _) = bench.subscribed();
    assert_eq!(bench.advance(599_900), []);
    assert_eq!(bench.advance(200), [Seen::Refreshed(key)]);
    bench.tell(key, "last");
    let last = bench.text();
    let state = header(&last, "Subscription-State");
    assert_eq!(state, Some("terminated;reason=timeout"));
    bench.events();
    bench.assert_empty();
    assert_eq!(bench.agent.subscriptions(), 0);
}

#[test]
fn the_layer_above_ends_a_subscription_with_its_reason() {
    let mut bench = bench();
    let (key, _) = bench.subscribed();
    let stance = Stance::Terminated(Closing::Probation { retry_after_s: 30 });
    bench.agent.notify(bench.now, key, state("bye"), stance);
    assert_eq!(bench.events(), []);
    let last = bench.text();
    let state = header(&last, "Subscription-State");
    assert_eq!(state, Some("terminated;reason=probation;retry-after=30"));
    bench.receive(&response(&last, "200 OK", "", ""));
    assert_eq!(bench.agent.subscriptions(), 0);
}

#[test]
fn beyond_the_last_subscription_it_is_503_and_beyond_the_last_transaction_a_notify_waits() {
    let mut bench = bench();
    bench.agent.limit_subscriptions(1);
    let (key, _) = bench.subscribed();
    let other = subscribe("x1", 1, "", "").replace("call-1@", "call-2@");
    assert_eq!(bench.receive(&other), None);
    assert_eq!(bench.lines(), ["SIP/2.0 503 Service Unavailable"]);
    bench.agent.limit(10, 0);
    bench.tell(key, "second");
    assert_eq!(bench.texts().len(), 0);
    assert_eq!(bench.agent.dropped(SipDrop::Full), 2);
    bench.agent.limit(10, 10);
    bench.advance(1_000);
    assert_eq!(body(&bench.text()), "second");
}

#[test]
fn a_subscription_without_contact_is_400() {
    let mut bench = bench();
    let text = subscribe("s1", 1, "", "");
    let bare = text.replace("Contact: <sip:anna@192.0.2.1:5071>\r\n", "");
    assert_eq!(bench.receive(&bare), None);
    assert_eq!(bench.lines(), ["SIP/2.0 400 no Contact header"]);
    assert_eq!(bench.agent.subscriptions(), 0);
}

#[test]
fn a_first_subscribe_that_comes_again_is_answered_in_the_dialog_that_there_is() {
    for (branch, cseq) in [("s1", 1), ("s2", 1), ("s3", 2)] {
        let mut bench = bench();
        let (key, tag) = bench.subscribed();
        // Its transaction is over.
        bench.advance(40_000);
        let again = subscribe(branch, cseq, "", "600").replace("192.0.2.1:5071", "192.0.2.1:5072");
        assert_eq!(bench.receive(&again), Some(Seen::Refreshed(key)));
        let ok = bench.text();
        assert_eq!(first_line(&ok), "SIP/2.0 200 OK");
        assert_eq!(header(&ok, "Expires"), Some("600"));
        assert_eq!(to_tag(&ok), tag, "no other dialog");
        bench.tell(key, "again");
        let notify = bench.text();
        let first = first_line(&notify);
        assert_eq!(
            first, "NOTIFY sip:anna@192.0.2.1:5072 SIP/2.0",
            "its Contact of now"
        );
        bench.receive(&response(&notify, "200 OK", "", ""));
        let refresh = subscribe("s9", cseq + 1, &tag, "600");
        assert_eq!(bench.receive(&refresh), Some(Seen::Refreshed(key)));
    }
}

#[test]
fn a_first_subscribe_that_is_older_than_its_refresh_is_merged() {
    let mut bench = bench();
    let (key, tag) = bench.subscribed();
    let refresh = subscribe("s2", 2, &tag, "600");
    assert_eq!(bench.receive(&refresh), Some(Seen::Refreshed(key)));
    bench.texts();
    bench.advance(40_000);
    assert_eq!(bench.receive(&subscribe("s1", 1, "", "600")), None);
    assert_eq!(bench.lines(), ["SIP/2.0 482 Loop Detected"]);
    assert_eq!(bench.agent.subscriptions(), 1);
}

#[test]
fn who_watches_something_else_under_the_same_call_id_has_another_subscription() {
    let mut bench = bench();
    let (key, _) = bench.subscribed();
    let first = subscribe("s2", 2, "", "600");
    for other in [
        first.replace("sip:park@", "sip:701@"),
        first.replace("Event: dialog", "Event: dialog;id=2"),
        first.replace("tag=anna1", "tag=anna2"),
        first.replace("call-1", "call-2"),
    ] {
        let mut bench = self::bench();
        let (known, _) = bench.subscribed();
        assert_eq!(known, key);
        let seen = bench.receive(&other);
        assert!(
            matches!(seen, Some(Seen::Subscribe(new)) if new != key),
            "{seen:?}"
        );
    }
}

#[test]
fn who_has_unsubscribed_may_begin_again_under_the_same_call_id() {
    let mut bench = bench();
    let (key, tag) = bench.subscribed();
    bench.receive(&subscribe("s2", 2, &tag, "0"));
    bench.texts();
    let end = Stance::Terminated(Closing::Timeout);
    bench.agent.notify(bench.now, key, state("last"), end);
    let notify = bench.text();
    bench.receive(&response(&notify, "200 OK", "", ""));
    let seen = bench.receive(&subscribe("s3", 3, "", "600"));
    assert!(
        matches!(seen, Some(Seen::Subscribe(new)) if new != key),
        "{seen:?}"
    );
}
