//! Session timers (RFC 4028): who refreshes, how, and what becomes of a session that nobody does.

use std::time::Duration;

use control::sip::agent::{DialogKey, EndCause, Outgoing};

use super::basics::outgoing;
use super::bench::{
    Bench, Seen, first_line, header, invite, request, response, sdp_reply, to_tag, with_header,
};

/// An incoming call with these header lines; its key, our tag, and our 200.
fn accepted(bench: &mut Bench, lines: &[&str]) -> (DialogKey, String, String) {
    let invite = { lines.iter() }.fold(invite(), |text, line| with_header(&text, line));
    let Some(Seen::Invite(dialog)) = bench.receive(&invite) else {
        panic!("no invite: {:?}", bench.texts());
    };
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    let ok = bench.text();
    let tag = to_tag(&ok);
    bench.receive(&request("ACK", "a1", 10, &tag));
    (dialog, tag, ok)
}

fn expires(text: &str) -> Option<&str> {
    header(text, "Session-Expires")
}

#[test]
fn who_knows_the_timer_refreshes_and_others_are_refreshed() {
    for (lines, said, required) in [
        (&[][..], "1800;refresher=uas", None),
        (&["Supported: timer"], "1800;refresher=uac", Some("timer")),
        (
            &["Supported: timer", "Session-Expires: 600"],
            "600;refresher=uac",
            Some("timer"),
        ),
        (
            &["Supported: timer", "x: 600;refresher=uas"],
            "600;refresher=uas",
            None,
        ),
        (
            &["k: timer", "Session-Expires: 7200;refresher=uac"],
            "1800;refresher=uac",
            Some("timer"),
        ),
        (
            &["Supported: timer", "Session-Expires: 7200", "Min-SE: 3600"],
            "3600;refresher=uac",
            Some("timer"),
        ),
        (
            &["Session-Expires: 600;refresher=uac"],
            "600;refresher=uas",
            None,
        ),
        (
            &["Require: timer", "Session-Expires: 90"],
            "90;refresher=uac",
            Some("timer"),
        ),
    ] {
        let mut bench = Bench::new();
        let (_, _, ok) = accepted(&mut bench, lines);
        assert_eq!(expires(&ok), Some(said), "{lines:?}");
        assert_eq!(header(&ok, "Require"), required, "{lines:?}");
    }
}

#[test]
fn an_interval_below_the_minimum_is_refused_where_the_peer_can_ask_for_another() {
    let mut bench = Bench::new();
    let short = with_header(&invite(), "Session-Expires: 89");
    let known = with_header(&short, "Supported: timer");
    assert_eq!(bench.receive(&known), None);
    let refusal = bench.text();
    assert_eq!(
        first_line(&refusal),
        "SIP/2.0 422 Session Interval Too Small"
    );
    assert_eq!(header(&refusal, "Min-SE"), Some("90"));
    // A proxy has put it in: the caller could not understand the refusal.
    let mut bench = Bench::new();
    let (_, _, ok) = accepted(&mut bench, &["Session-Expires: 89"]);
    assert_eq!(expires(&ok), Some("89;refresher=uas"));
}

#[test]
fn what_is_no_interval_is_refused_with_its_name() {
    let mut bench = Bench::new();
    assert_eq!(
        bench.receive(&with_header(&invite(), "Session-Expires: soon")),
        None
    );
    assert_eq!(
        first_line(&bench.text()),
        "SIP/2.0 400 Session-Expires is not an interval"
    );
}

#[test]
fn a_session_that_the_peer_does_not_refresh_ends_before_its_interval() {
    let mut bench = Bench::new();
    let (dialog, _, _) = accepted(&mut bench, &["Supported: timer", "Session-Expires: 90"]);
    assert_eq!(bench.advance(59_000), []);
    assert_eq!(
        bench.advance(2_000),
        [Seen::Ended(dialog, EndCause::Expired)]
    );
    assert!(bench.lines()[0].starts_with("BYE "));
    bench.assert_empty();
}

#[test]
fn a_refresh_of_the_peer_begins_the_interval_anew() {
    let mut bench = Bench::new();
    let lines = ["Supported: timer", "Session-Expires: 90"];
    let (dialog, tag, _) = accepted(&mut bench, &lines);
    bench.advance(50_000);
    let update = request("UPDATE", "u1", 11, &tag);
    let update = { lines.iter() }.fold(update, |text, line| with_header(&text, line));
    let Some(Seen::Update(key, _)) = bench.receive(&update) else {
        panic!("no update");
    };
    let ok = control::sip::status::Status::OK;
    bench.agent.respond(bench.now, key, ok, Default::default());
    let answer = bench.text();
    assert_eq!(expires(&answer), Some("90;refresher=uac"));
    assert!(header(&answer, "Contact").is_some());
    assert_eq!(bench.advance(59_000), []);
    assert_eq!(
        bench.advance(2_000),
        [Seen::Ended(dialog, EndCause::Expired)]
    );
}

/// What happens and is sent when a session of so many milliseconds is refreshed: between three
/// eighths of them and a half.
fn refreshed(bench: &mut Bench, interval_ms: u64) -> (Vec<Seen>, Vec<String>) {
    const STEP_MS: u64 = 100;
    let eighth = interval_ms / 8;
    assert_eq!(bench.advance(3 * eighth - STEP_MS), []);
    assert_eq!(bench.texts(), [""; 0]);
    let steps = 0..eighth / STEP_MS + 2;
    let what = steps.map(|_| (bench.advance(STEP_MS), bench.texts()));
    what.into_iter()
        .find(|(seen, texts)| !seen.is_empty() || !texts.is_empty())
        .expect("a refresh in time")
}

#[test]
fn sessions_that_began_at_once_are_not_refreshed_at_once_for_ever() {
    let mut bench = Bench::new();
    accepted(&mut bench, &["Allow: INVITE, UPDATE"]);
    let mut moments = Vec::new();
    for _ in 0..6 {
        let begin = bench.now;
        let (_, texts) = refreshed(&mut bench, 1_800_000);
        moments.push(bench.now - begin);
        bench.receive(&response(&texts[0], "200 OK", "", ""));
    }
    moments.sort_unstable();
    moments.dedup();
    assert_eq!(moments.len(), 6, "{moments:?}");
}

#[test]
fn we_refresh_by_update_before_half_the_interval_where_the_peer_takes_it() {
    let mut bench = Bench::new();
    let lines = [
        "Supported: timer",
        "Session-Expires: 240;refresher=uas",
        "Allow: INVITE, ACK, BYE, UPDATE",
    ];
    let (dialog, _, _) = accepted(&mut bench, &lines);
    for _ in 0..2 {
        let (seen, texts) = refreshed(&mut bench, 240_000);
        assert_eq!((seen.len(), texts.len()), (0, 1));
        let update = &texts[0];
        assert_eq!(first_line(update), "UPDATE sip:anna@192.0.2.1 SIP/2.0");
        assert_eq!(expires(update), Some("1800;refresher=uac"));
        assert!(update.ends_with("\r\n\r\n"), "no offer: {update}");
        let extra = "Session-Expires: 240;refresher=uac\r\n";
        assert_eq!(bench.receive(&response(update, "200 OK", "", extra)), None);
    }
    // The peer is gone: the UPDATE has no answer.
    refreshed(&mut bench, 240_000);
    let seen = bench.advance(33_000);
    assert_eq!(seen, [Seen::Ended(dialog, EndCause::Gone)]);
    bench.assert_empty();
}

#[test]
fn where_the_peer_takes_no_update_the_layer_above_is_asked_to_offer_again() {
    let mut bench = Bench::new();
    let (dialog, _, _) = accepted(&mut bench, &[]);
    let asked = (vec![Seen::Refresh(dialog)], vec![]);
    assert_eq!(refreshed(&mut bench, 1_800_000), asked);
    assert!(bench.agent.reinvite(bench.now, dialog, sdp_reply()));
    let reinvite = bench.text();
    assert_eq!(expires(&reinvite), Some("1800;refresher=uac"));
    let seen = bench.receive(&response(&reinvite, "200 OK", "", ""));
    assert_eq!(seen, Some(Seen::Answered(dialog)));
    bench.agent.ack(bench.now, dialog, None);
    assert_eq!(bench.lines(), ["ACK sip:anna@192.0.2.1 SIP/2.0"]);
    // A refresh that cannot be made now is asked for again, until the session ends.
    assert_eq!(refreshed(&mut bench, 1_800_000), asked);
    assert_eq!(
        bench.advance(21_000),
        [Seen::Refresh(dialog), Seen::Refresh(dialog)]
    );
}

#[test]
fn an_update_that_is_not_allowed_after_all_becomes_a_reinvite() {
    for (status, expected) in [("405 No", true), ("501 No", true), ("500 Later", false)] {
        let mut bench = Bench::new();
        let (dialog, _, _) = accepted(&mut bench, &["Allow: INVITE, UPDATE"]);
        let (_, texts) = refreshed(&mut bench, 1_800_000);
        let seen = bench.receive(&response(&texts[0], status, "", ""));
        assert_eq!(seen, expected.then_some(Seen::Refresh(dialog)), "{status}");
    }
}

#[test]
fn an_invite_of_ours_asks_again_with_the_interval_that_a_422_names() {
    let mut bench = Bench::new();
    bench.agent.expire_sessions(Duration::from_secs(100));
    let dialog = bench.agent.invite(
        bench.now,
        Outgoing {
            headers: vec![(control::sip::header::Header::Subject, "x".to_owned())],
            ..outgoing("sip:bob@192.0.2.1")
        },
    );
    let first = bench.text();
    assert_eq!(expires(&first), Some("100"));
    assert!(header(&first, "Supported").unwrap().contains("timer"));
    let refusal = response(&first, "422 Too small", "bob1", "Min-SE: 300\r\n");
    assert_eq!(bench.receive(&refusal), None);
    let texts = bench.texts();
    assert!(first_line(&texts[0]).starts_with("ACK "));
    let second = &texts[1];
    assert_eq!(expires(second), Some("300"));
    assert_eq!(header(second, "Min-SE"), Some("300"));
    assert_eq!(header(second, "Subject"), Some("x"));
    assert_eq!(header(second, "Call-ID"), header(&first, "Call-ID"));
    assert_eq!(header(second, "To"), header(&first, "To"));
    assert_ne!(header(second, "CSeq"), header(&first, "CSeq"));
    assert_eq!(second.split("\r\n\r\n").nth(1), Some("v=0\r\n"));
    let agreed = "Contact: <sip:bob@192.0.2.1>\r\nSession-Expires: 300;refresher=uas\r\n";
    let ok = response(second, "200 OK", "bob1", agreed);
    assert_eq!(bench.receive(&ok), Some(Seen::Answered(dialog)));
    bench.agent.ack(bench.now, dialog, None);
    // It refreshes; we only wait.
    let seen = bench.advance(300_000 - 32_000 + 100);
    assert_eq!(seen, [Seen::Ended(dialog, EndCause::Expired)]);
}

#[test]
fn a_422_that_names_nothing_new_is_a_refusal() {
    let mut bench = Bench::new();
    let dialog = bench.agent.invite(bench.now, outgoing("sip:bob@192.0.2.1"));
    let first = bench.text();
    let refusal = response(&first, "422 Too small", "bob1", "Min-SE: 1800\r\n");
    assert_eq!(bench.receive(&refusal), Some(Seen::Rejected(dialog, 422)));
}
