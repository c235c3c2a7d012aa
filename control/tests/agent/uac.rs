//! The client side of an INVITE: failures, CANCEL, forks, patience (RFC 3261 §9.1, §13.2.2, §17.1).

use control::sip::agent::{DialogKey, EndCause, Reply, SipDrop};
use control::sip::header::Header;

use super::basics::outgoing;
use super::bench::{Bench, Seen, branch, first_line, header, headers, request, response, to_tag};

/// Calls the peer; gives the key and the INVITE.
fn call(bench: &mut Bench) -> (DialogKey, String) {
    let dialog = bench.agent.invite(bench.now, outgoing("sip:bob@192.0.2.1"));
    (dialog, bench.text())
}

fn ok(invite: &str, tag: &str) -> String {
    response(
        invite,
        "200 OK",
        tag,
        &format!("Contact: <sip:{tag}@192.0.2.1>\r\n"),
    )
}

#[test]
fn a_failure_is_acknowledged_by_the_transaction_each_time() {
    let mut bench = Bench::new();
    let (dialog, invite) = call(&mut bench);
    let busy = response(&invite, "486 Busy Here", "bob1", "");
    assert_eq!(bench.receive(&busy), Some(Seen::Rejected(dialog, 486)));
    let ack = bench.text();
    assert_eq!(first_line(&ack), "ACK sip:bob@192.0.2.1 SIP/2.0");
    assert_eq!(branch(&ack), branch(&invite));
    assert_eq!(to_tag(&ack), "bob1");
    assert!(header(&ack, "CSeq").unwrap().ends_with(" ACK"));
    assert_eq!(bench.receive(&busy), None);
    assert_eq!(bench.text(), ack);
    assert_eq!(bench.agent.dialogs(), 0);
    bench.assert_empty();
}

#[test]
fn an_invite_nobody_answers_is_repeated_and_then_408() {
    let mut bench = Bench::new();
    let (dialog, _) = call(&mut bench);
    assert_eq!(bench.advance(31_999), []);
    assert_eq!(bench.lines().len(), 6);
    assert_eq!(bench.advance(1), [Seen::Rejected(dialog, 408)]);
    bench.assert_empty();
}

#[test]
fn an_invite_that_cannot_be_sent_is_503_by_event() {
    let mut bench = Bench::new();
    let dialog = bench.agent.invite(bench.now, outgoing("sip:bob@192.0.2.1"));
    let sent = bench.sent().remove(0);
    bench.fail(sent.ticket);
    assert_eq!(bench.advance(0), [Seen::Rejected(dialog, 503)]);
    bench.fail(sent.ticket);
    bench.assert_empty();
    for target in [
        "sips:bob@192.0.2.1",
        "tel:+331",
        "sip:bob@192.0.2.1;transport=sctp",
    ] {
        let dialog = bench.agent.invite(bench.now, outgoing(target));
        assert_eq!(bench.advance(0), [Seen::Rejected(dialog, 503)], "{target}");
        assert_eq!(bench.texts().len(), 0);
    }
    bench.assert_empty();
}

#[test]
fn a_transport_that_fails_after_a_response_is_no_failure_of_the_call() {
    let mut bench = Bench::new();
    let dialog = bench.agent.invite(bench.now, outgoing("sip:bob@192.0.2.1"));
    let sent = bench.sent().remove(0);
    let invite = String::from_utf8(sent.bytes).unwrap();
    bench.receive(&response(&invite, "180 Ringing", "bob1", ""));
    bench.fail(sent.ticket);
    assert_eq!(bench.advance(1_000), []);
    assert_eq!(
        bench.receive(&ok(&invite, "bob1")),
        Some(Seen::Answered(dialog))
    );
}

#[test]
fn a_cancel_waits_for_the_first_provisional() {
    let mut bench = Bench::new();
    let (dialog, invite) = call(&mut bench);
    let reason = (Header::Reason, "SIP;cause=200".to_owned());
    bench.agent.bye(
        bench.now,
        dialog,
        Reply {
            headers: vec![reason],
            body: None,
        },
    );
    assert_eq!(bench.texts().len(), 0);
    assert_eq!(
        bench.receive(&response(&invite, "100 Trying", "", "")),
        None
    );
    let cancel = bench.text();
    assert_eq!(first_line(&cancel), "CANCEL sip:bob@192.0.2.1 SIP/2.0");
    assert_eq!(branch(&cancel), branch(&invite));
    assert_eq!(headers(&cancel, "Via").len(), 1);
    assert_eq!(header(&cancel, "Reason"), Some("SIP;cause=200"));
    let numbers = (
        header(&cancel, "CSeq").unwrap(),
        header(&invite, "CSeq").unwrap(),
    );
    assert_eq!(numbers.0.replace("CANCEL", "INVITE"), numbers.1);
    assert_eq!(
        bench.receive(&response(&cancel, "200 OK", "bob1", "")),
        None
    );
    let ended = response(&invite, "487 Request Terminated", "bob1", "");
    assert_eq!(bench.receive(&ended), Some(Seen::Forgotten(dialog)));
    assert!(bench.text().starts_with("ACK "));
    bench.assert_empty();
}

#[test]
fn a_cancel_that_crosses_the_200_becomes_a_bye() {
    let mut bench = Bench::new();
    let (dialog, invite) = call(&mut bench);
    bench.receive(&response(&invite, "180 Ringing", "bob1", ""));
    bench.agent.cancel(bench.now, dialog);
    assert!(bench.text().starts_with("CANCEL "));
    assert_eq!(bench.receive(&ok(&invite, "bob1")), None);
    let texts = bench.texts();
    assert_eq!(first_line(&texts[0]), "ACK sip:bob1@192.0.2.1 SIP/2.0");
    assert_eq!(first_line(&texts[1]), "BYE sip:bob1@192.0.2.1 SIP/2.0");
    let forgotten = bench.receive(&response(&texts[1], "200 OK", "", ""));
    assert_eq!(forgotten, Some(Seen::Forgotten(dialog)));
    bench.assert_empty();
}

#[test]
fn a_cancelled_invite_without_any_answer_is_given_up() {
    let mut bench = Bench::new();
    let (dialog, invite) = call(&mut bench);
    bench.receive(&response(&invite, "180 Ringing", "bob1", ""));
    bench.agent.cancel(bench.now, dialog);
    assert_eq!(bench.advance(32_000), [Seen::Forgotten(dialog)]);
    bench.assert_empty();
}

#[test]
fn a_cancelled_invite_that_nobody_heard_is_given_up_without_a_cancel() {
    let mut bench = Bench::new();
    let (dialog, _) = call(&mut bench);
    bench.agent.cancel(bench.now, dialog);
    assert_eq!(bench.advance(32_000), [Seen::Forgotten(dialog)]);
    assert!(bench.lines().iter().all(|line| line.starts_with("INVITE ")));
    bench.assert_empty();
}

#[test]
fn an_invite_that_rings_for_ever_is_cancelled_after_three_minutes() {
    let mut bench = Bench::new();
    let (dialog, invite) = call(&mut bench);
    bench.receive(&response(&invite, "180 Ringing", "bob1", ""));
    bench.advance(120_000);
    bench.receive(&response(&invite, "180 Ringing", "bob1", ""));
    assert_eq!(bench.advance(180_999), []);
    assert_eq!(bench.texts().len(), 0);
    assert_eq!(bench.advance(1), [Seen::Rejected(dialog, 408)]);
    assert!(bench.text().starts_with("CANCEL "));
    bench.assert_empty();
}

#[test]
fn another_fork_is_acknowledged_and_ended() {
    let mut bench = Bench::new();
    let (dialog, invite) = call(&mut bench);
    assert_eq!(
        bench.receive(&ok(&invite, "bob1")),
        Some(Seen::Answered(dialog))
    );
    bench.agent.ack(bench.now, dialog, None);
    bench.text();
    assert_eq!(bench.receive(&ok(&invite, "bob2")), None);
    let texts = bench.texts();
    assert_eq!(first_line(&texts[0]), "ACK sip:bob2@192.0.2.1 SIP/2.0");
    assert_eq!(first_line(&texts[1]), "BYE sip:bob2@192.0.2.1 SIP/2.0");
    assert_eq!(
        (to_tag(&texts[0]), to_tag(&texts[1])),
        ("bob2".into(), "bob2".into())
    );
    assert_eq!(bench.receive(&ok(&invite, "bob2")), None);
    assert_eq!(bench.texts(), [&*texts[0]]);
    assert_eq!(bench.receive(&response(&texts[1], "200 OK", "", "")), None);
    assert!(bench.agent.is_confirmed(dialog));
    assert_eq!(bench.agent.name(dialog).unwrap().remote_tag, "bob1");
}

#[test]
fn forks_without_end_are_not_followed_without_end() {
    let mut bench = Bench::new();
    let (dialog, invite) = call(&mut bench);
    bench.receive(&ok(&invite, "bob1"));
    bench.agent.ack(bench.now, dialog, None);
    for fork in 0..100 {
        bench.receive(&ok(&invite, &format!("fork{fork}")));
    }
    assert!(
        bench.agent.transactions() < 20,
        "{}",
        bench.agent.transactions()
    );
}

#[test]
fn an_early_fork_does_not_name_the_dialog_that_another_answers() {
    let mut bench = Bench::new();
    let (dialog, invite) = call(&mut bench);
    let ringing = bench.receive(&response(&invite, "180 Ringing", "bob1", ""));
    assert_eq!(ringing, Some(Seen::Progress(dialog, 180)));
    assert_eq!(bench.agent.name(dialog).unwrap().remote_tag, "bob1");
    assert!(!bench.agent.is_confirmed(dialog));
    assert_eq!(
        bench.receive(&ok(&invite, "bob2")),
        Some(Seen::Answered(dialog))
    );
    assert_eq!(bench.agent.name(dialog).unwrap().remote_tag, "bob2");
}

#[test]
fn a_200_is_acknowledged_even_if_the_call_is_ended_instead() {
    let mut bench = Bench::new();
    let (dialog, invite) = call(&mut bench);
    bench.receive(&ok(&invite, "bob1"));
    bench.agent.bye(bench.now, dialog, Reply::default());
    let lines = bench.lines();
    assert!(
        lines[0].starts_with("ACK ") && lines[1].starts_with("BYE "),
        "{lines:?}"
    );
}

#[test]
fn the_callee_may_end_the_call_and_what_it_names_must_be_the_dialog() {
    let mut bench = Bench::new();
    let (dialog, invite) = call(&mut bench);
    bench.receive(&ok(&invite, "bob1"));
    bench.agent.ack(bench.now, dialog, None);
    bench.texts();
    let name = bench.agent.name(dialog).unwrap();
    let bye = request("BYE", "b1", 1, name.local_tag)
        .replace("call-1@192.0.2.1", name.call_id)
        .replace("tag=anna1", "tag=bob1");
    assert_eq!(
        bench.receive(&bye),
        Some(Seen::Ended(dialog, EndCause::Bye))
    );
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    bench.assert_empty();
}

/// A BYE of who was called, as it comes before the 2xx that it follows.
fn hasty_bye(bench: &Bench, dialog: DialogKey, tag: &str) -> String {
    let name = bench.agent.name(dialog).unwrap();
    request("BYE", "b1", 1, name.local_tag)
        .replace("call-1@192.0.2.1", name.call_id)
        .replace("tag=anna1", &format!("tag={tag}"))
}

#[test]
fn a_bye_that_overtakes_the_200_ends_the_call_and_the_200_too() {
    for provisional in [None, Some("100 Trying"), Some("180 Ringing")] {
        let mut bench = Bench::new();
        let (dialog, invite) = call(&mut bench);
        if let Some(provisional) = provisional {
            // Of another phone behind the same proxy.
            bench.receive(&response(&invite, provisional, "bob2", ""));
        }
        let bye = hasty_bye(&bench, dialog, "bob1");
        let ended = Some(Seen::Ended(dialog, EndCause::Bye));
        assert_eq!(bench.receive(&bye), ended, "{provisional:?}");
        let lines = bench.lines();
        assert_eq!(lines[0], "SIP/2.0 200 OK");
        let is_cancelled = lines[1..] == ["CANCEL sip:bob@192.0.2.1 SIP/2.0"];
        assert_eq!(is_cancelled, provisional.is_some(), "{lines:?}");
        assert_eq!(bench.receive(&bye), None);
        assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
        assert_eq!(bench.receive(&ok(&invite, "bob1")), None);
        let lines = bench.lines();
        assert!(
            lines[0].starts_with("ACK ") && lines[1].starts_with("BYE "),
            "{lines:?}"
        );
        assert_eq!(bench.advance(600_000), [], "all of it was told");
        bench.assert_empty();
    }
}

#[test]
fn a_bye_whose_200_never_comes_leaves_nothing_behind() {
    for tag in ["bob1", "bob2"] {
        let mut bench = Bench::new();
        let (dialog, invite) = call(&mut bench);
        bench.receive(&response(&invite, "180 Ringing", "bob1", ""));
        let ended = bench.receive(&hasty_bye(&bench, dialog, tag));
        assert_eq!(ended, Some(Seen::Ended(dialog, EndCause::Bye)));
        assert_eq!(bench.advance(600_000), []);
        bench.assert_empty();
    }
}

#[test]
fn a_bye_before_an_answer_names_our_call() {
    let mut bench = Bench::new();
    let (dialog, _) = call(&mut bench);
    let bye = hasty_bye(&bench, dialog, "bob1");
    let name = bench.agent.name(dialog).unwrap();
    let strangers = [
        bye.replace(name.call_id, "another-call"),
        bye.replace(name.local_tag, "another-tag"),
        bye.replace("BYE", "INFO"),
    ];
    for (at, stranger) in strangers.iter().enumerate() {
        let stranger = stranger.replace("z9hG4bKb1", &format!("z9hG4bKs{at}"));
        assert_eq!(bench.receive(&stranger), None);
        let lines = bench.lines();
        assert!(!lines[0].contains(" 200 "), "{lines:?}");
    }
    assert_eq!(bench.agent.dialogs(), 1);
}

#[test]
fn a_bye_that_crosses_our_cancel_leaves_the_rest_to_the_answer() {
    let mut bench = Bench::new();
    let (dialog, invite) = call(&mut bench);
    bench.receive(&response(&invite, "180 Ringing", "bob2", ""));
    bench.agent.cancel(bench.now, dialog);
    bench.texts();
    assert_eq!(bench.receive(&hasty_bye(&bench, dialog, "bob1")), None);
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    bench.receive(&ok(&invite, "bob1"));
    let bye = bench.texts().remove(1);
    assert_eq!(
        bench.receive(&response(&bye, "481 No Such Call", "", "")),
        Some(Seen::Forgotten(dialog))
    );
    bench.assert_empty();
}

#[test]
fn a_response_with_two_vias_was_not_for_us() {
    let mut bench = Bench::new();
    let (_, invite) = call(&mut bench);
    let stray = ok(&invite, "bob1").replacen(
        "From:",
        "Via: SIP/2.0/UDP 192.0.2.50;branch=z9hG4bKx\r\nFrom:",
        1,
    );
    assert_eq!(bench.receive(&stray), None);
    assert_eq!(bench.agent.dropped(SipDrop::StrayResponse), 1);
}

#[test]
fn a_bye_nobody_answers_is_repeated_and_given_up() {
    let mut bench = Bench::new();
    let (dialog, _) = bench.confirmed();
    bench.agent.bye(bench.now, dialog, Reply::default());
    bench.text();
    let times: Vec<u64> = bench
        .timeline(31_999)
        .into_iter()
        .map(|(at, _)| at)
        .collect();
    assert_eq!(
        times,
        [
            500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500
        ]
    );
    assert_eq!(bench.advance(1), [Seen::Forgotten(dialog)]);
    bench.assert_empty();
}

#[test]
fn whatever_answers_our_bye_ends_the_dialog() {
    for status in ["200 OK", "401 Unauthorized", "481 No", "500 No", "603 No"] {
        let mut bench = Bench::new();
        let (dialog, _) = bench.confirmed();
        bench.agent.bye(bench.now, dialog, Reply::default());
        let bye = bench.text();
        assert_eq!(bench.receive(&response(&bye, "100 Trying", "", "")), None);
        let seen = bench.receive(&response(&bye, status, "", ""));
        assert_eq!(seen, Some(Seen::Forgotten(dialog)), "{status}");
        bench.assert_empty();
    }
}

#[test]
fn names_of_ours_are_long_and_never_the_same() {
    let mut bench = Bench::new();
    let (_, first) = call(&mut bench);
    let (_, second) = call(&mut bench);
    for text in [&first, &second] {
        assert!(branch(text).len() >= "z9hG4bK".len() + 16);
        assert!(header(text, "Call-ID").unwrap().len() >= 24);
        let number = header(text, "CSeq").unwrap().split(' ').next().unwrap();
        assert!((1..=65_536).contains(&number.parse::<u32>().unwrap()));
    }
    assert_ne!(branch(&first), branch(&second));
    assert_ne!(header(&first, "Call-ID"), header(&second, "Call-ID"));
    assert_ne!(header(&first, "From"), header(&second, "From"));
}
