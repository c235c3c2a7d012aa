//! Re-INVITE in both directions: glare and its back-off, cancelled and refused ones, dialogs that
//! turn out to be gone (RFC 3261 §12.2.1.2, §14; RFC 6141).

use control::sip::agent::{DialogKey, EndCause, Reply};
use control::sip::status::Status;

use super::basics::outgoing;
use super::bench::{
    Bench, Seen, first_line, header, invite, request, response, sdp_reply, to_tag, with_body,
};

fn reinvite(branch: &str, cseq: u32, tag: &str) -> String {
    with_body(
        &request("INVITE", branch, cseq, tag),
        "application/sdp",
        "v=0\r\n",
    )
}

/// A call of ours that was answered. Gives its key and the INVITE.
fn called(bench: &mut Bench) -> (DialogKey, String) {
    let dialog = bench.agent.invite(bench.now, outgoing("sip:bob@192.0.2.1"));
    let sent = bench.text();
    let ok = response(&sent, "200 OK", "bob1", "Contact: <sip:bob@192.0.2.1>\r\n");
    assert_eq!(bench.receive(&ok), Some(Seen::Answered(dialog)));
    bench.agent.ack(bench.now, dialog, None);
    bench.text();
    (dialog, sent)
}

#[test]
fn a_re_invite_is_answered_acknowledged_and_moves_the_target() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    let moved = reinvite("r1", 11, &tag).replace(
        "Contact: <sip:anna@192.0.2.1>",
        "Contact: <sip:anna@192.0.2.2>",
    );
    assert_eq!(bench.receive(&moved), Some(Seen::Reinvite(dialog)));
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    let ok = bench.text();
    assert_eq!(first_line(&ok), "SIP/2.0 200 OK");
    assert_eq!(header(&ok, "Contact"), Some("<sip:701@192.0.2.9:5060>"));
    let acked = bench.receive(&request("ACK", "a2", 11, &tag));
    assert_eq!(acked, Some(Seen::Acked(dialog)));
    bench.agent.bye(bench.now, dialog, Reply::default());
    assert_eq!(bench.lines(), ["BYE sip:anna@192.0.2.2 SIP/2.0"]);
}

#[test]
fn a_refused_re_invite_changes_nothing() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    let moved = reinvite("r1", 11, &tag).replace(
        "Contact: <sip:anna@192.0.2.1>",
        "Contact: <sip:anna@192.0.2.2>",
    );
    assert_eq!(bench.receive(&moved), Some(Seen::Reinvite(dialog)));
    bench.agent.reject(
        bench.now,
        dialog,
        Status::NOT_ACCEPTABLE_HERE,
        Reply::default(),
    );
    assert_eq!(bench.lines(), ["SIP/2.0 488 Not Acceptable Here"]);
    assert!(bench.agent.is_confirmed(dialog));
    bench.receive(&request("ACK", "r1", 11, &tag));
    bench.agent.bye(bench.now, dialog, Reply::default());
    assert_eq!(bench.lines(), ["BYE sip:anna@192.0.2.1 SIP/2.0"]);
}

#[test]
fn a_cancelled_re_invite_leaves_the_dialog() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    assert_eq!(
        bench.receive(&reinvite("r1", 11, &tag)),
        Some(Seen::Reinvite(dialog))
    );
    let cancelled = bench.receive(&request("CANCEL", "r1", 11, &tag));
    assert_eq!(cancelled, Some(Seen::ReinviteCancelled(dialog)));
    assert_eq!(
        bench.lines(),
        ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]
    );
    assert!(bench.agent.is_confirmed(dialog));
}

#[test]
fn a_re_invite_while_ours_is_pending_is_491() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    assert!(bench.agent.reinvite(bench.now, dialog, sdp_reply()));
    bench.text();
    assert_eq!(bench.receive(&reinvite("r1", 11, &tag)), None);
    assert_eq!(bench.lines(), ["SIP/2.0 491 Request Pending"]);
}

#[test]
fn a_second_re_invite_while_the_first_is_unanswered_is_500_with_retry_after() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    assert_eq!(
        bench.receive(&reinvite("r1", 11, &tag)),
        Some(Seen::Reinvite(dialog))
    );
    assert_eq!(bench.receive(&reinvite("r2", 12, &tag)), None);
    let busy = bench.text();
    assert_eq!(first_line(&busy), "SIP/2.0 500 Server Internal Error");
    let seconds: u32 = header(&busy, "Retry-After").unwrap().parse().unwrap();
    assert!(seconds <= 10);
}

#[test]
fn a_re_invite_ahead_of_the_ack_of_the_last_is_treated_and_both_acks_count() {
    let mut bench = Bench::new();
    let Some(Seen::Invite(dialog)) = bench.receive(&invite()) else {
        panic!("no invite");
    };
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    let tag = to_tag(&bench.text());
    assert_eq!(
        bench.receive(&reinvite("r1", 11, &tag)),
        Some(Seen::Reinvite(dialog))
    );
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    bench.text();
    assert_eq!(bench.receive(&reinvite("r2", 12, &tag)), None);
    assert_eq!(bench.lines(), ["SIP/2.0 500 Server Internal Error"]);
    for cseq in [11, 10] {
        let ack = request("ACK", &format!("a{cseq}"), cseq, &tag);
        assert_eq!(bench.receive(&ack), Some(Seen::Acked(dialog)));
    }
    assert_eq!(bench.receive(&request("ACK", "r2", 12, &tag)), None);
    assert_eq!(bench.timeline(60_000), []);
}

#[test]
fn a_re_invite_ahead_of_an_ack_that_owes_us_an_answer_is_491() {
    let mut bench = Bench::new();
    let Some(Seen::Invite(dialog)) = bench.receive(&request("INVITE", "i1", 10, "")) else {
        panic!("no invite");
    };
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    let tag = to_tag(&bench.text());
    assert_eq!(bench.receive(&reinvite("r1", 11, &tag)), None);
    assert_eq!(bench.lines(), ["SIP/2.0 491 Request Pending"]);
}

#[test]
fn we_do_not_offer_while_anything_is_pending() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    assert_eq!(
        bench.receive(&reinvite("r1", 11, &tag)),
        Some(Seen::Reinvite(dialog))
    );
    assert!(!bench.agent.reinvite(bench.now, dialog, sdp_reply()));
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    assert!(!bench.agent.reinvite(bench.now, dialog, sdp_reply()));
    bench.receive(&request("ACK", "a2", 11, &tag));
    bench.texts();
    assert!(bench.agent.reinvite(bench.now, dialog, sdp_reply()));
    assert!(!bench.agent.reinvite(bench.now, dialog, sdp_reply()));
    assert_eq!(bench.texts().len(), 1);
}

#[track_caller]
fn assert_backs_off(bench: &mut Bench, dialog: DialogKey, bounds_ms: (u64, u64)) {
    assert!(bench.agent.reinvite(bench.now, dialog, sdp_reply()));
    let sent = bench.text();
    let pending = response(&sent, "491 Request Pending", "", "");
    assert_eq!(bench.receive(&pending), Some(Seen::Rejected(dialog, 491)));
    assert!(bench.text().starts_with("ACK "));
    assert!(!bench.agent.reinvite(bench.now, dialog, sdp_reply()));
    let start = bench.now.as_millis();
    // The transaction's own deadlines are far behind.
    let at = bench.agent.poll_timeout().unwrap().as_millis() - start;
    assert!(
        at >= bounds_ms.0 && at <= bounds_ms.1 && at.is_multiple_of(10),
        "{at}"
    );
    assert_eq!(bench.advance(at), [Seen::Retry(dialog)]);
    assert!(bench.agent.reinvite(bench.now, dialog, sdp_reply()));
    bench.texts();
}

#[test]
fn after_491_who_made_the_call_id_waits_longer() {
    let mut bench = Bench::new();
    let (dialog, _) = called(&mut bench);
    assert_backs_off(&mut bench, dialog, (2_100, 4_000));
    let mut bench = Bench::new();
    let (dialog, _) = bench.confirmed();
    assert_backs_off(&mut bench, dialog, (0, 2_000));
}

#[test]
fn during_the_back_off_the_peers_re_invite_is_taken() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    assert!(bench.agent.reinvite(bench.now, dialog, sdp_reply()));
    let sent = bench.text();
    bench.receive(&response(&sent, "491 Request Pending", "", ""));
    assert_eq!(
        bench.receive(&reinvite("r1", 11, &tag)),
        Some(Seen::Reinvite(dialog))
    );
}

#[test]
fn a_failed_re_invite_leaves_the_dialog_unless_it_says_that_there_is_none() {
    for (status, code) in [
        ("488 No", 488),
        ("503 Busy", 503),
        ("500 Oops", 500),
        ("603 No", 603),
    ] {
        let mut bench = Bench::new();
        let (dialog, _) = bench.confirmed();
        assert!(bench.agent.reinvite(bench.now, dialog, sdp_reply()));
        let sent = bench.text();
        let seen = bench.receive(&response(&sent, status, "", ""));
        assert_eq!(seen, Some(Seen::Rejected(dialog, code)));
        assert!(bench.agent.is_confirmed(dialog));
    }
    for status in ["481 Gone", "408 Late"] {
        let mut bench = Bench::new();
        let (dialog, _) = bench.confirmed();
        assert!(bench.agent.reinvite(bench.now, dialog, sdp_reply()));
        let sent = bench.text();
        let seen = bench.receive(&response(&sent, status, "", ""));
        assert_eq!(seen, Some(Seen::Ended(dialog, EndCause::Gone)));
        let lines = bench.lines();
        assert!(
            lines[0].starts_with("ACK ") && lines[1].starts_with("BYE "),
            "{lines:?}"
        );
        assert!(!bench.agent.is_confirmed(dialog));
        bench.assert_empty();
    }
}

#[test]
fn a_re_invite_nobody_answers_ends_the_dialog() {
    let mut bench = Bench::new();
    let (dialog, _) = bench.confirmed();
    assert!(bench.agent.reinvite(bench.now, dialog, sdp_reply()));
    assert_eq!(bench.advance(31_999), []);
    bench.texts();
    assert_eq!(bench.advance(1), [Seen::Ended(dialog, EndCause::Gone)]);
    assert!(bench.text().starts_with("BYE "));
    bench.assert_empty();
}

#[test]
fn a_proposal_that_nobody_answers_leaves_the_dialog() {
    let mut bench = Bench::new();
    let (dialog, _) = bench.confirmed();
    assert!(bench.agent.propose(bench.now, dialog, sdp_reply()));
    assert_eq!(bench.advance(31_999), []);
    bench.texts();
    assert_eq!(bench.advance(1), [Seen::Rejected(dialog, 408)]);
    assert!(bench.agent.is_confirmed(dialog));
    for (status, seen) in [
        ("408 Late", Seen::Rejected(dialog, 408)),
        ("481 Gone", Seen::Ended(dialog, EndCause::Gone)),
    ] {
        assert!(bench.agent.propose(bench.now, dialog, sdp_reply()));
        let sent = bench.text();
        assert_eq!(bench.receive(&response(&sent, status, "", "")), Some(seen));
        bench.texts();
    }
}

#[test]
fn a_re_invite_of_ours_can_be_cancelled_and_the_dialog_lives() {
    let mut bench = Bench::new();
    let (dialog, _) = bench.confirmed();
    assert!(bench.agent.reinvite(bench.now, dialog, sdp_reply()));
    let sent = bench.text();
    bench.agent.cancel(bench.now, dialog);
    assert_eq!(bench.texts().len(), 0);
    assert_eq!(bench.receive(&response(&sent, "100 Trying", "", "")), None);
    let cancel = bench.text();
    assert!(cancel.starts_with("CANCEL "));
    bench.receive(&response(&cancel, "200 OK", "", ""));
    let seen = bench.receive(&response(&sent, "487 Request Terminated", "", ""));
    assert_eq!(seen, Some(Seen::Rejected(dialog, 487)));
    assert!(bench.agent.is_confirmed(dialog));
}

#[test]
fn our_bye_does_not_wait_for_our_re_invite_whose_200_is_acknowledged_all_the_same() {
    let mut bench = Bench::new();
    let (dialog, _) = bench.confirmed();
    assert!(bench.agent.reinvite(bench.now, dialog, sdp_reply()));
    let sent = bench.text();
    bench.agent.bye(bench.now, dialog, Reply::default());
    let bye = bench.text();
    assert_eq!(bench.receive(&response(&sent, "200 OK", "", "")), None);
    assert!(bench.text().starts_with("ACK sip:anna@192.0.2.1 "));
    assert_eq!(
        bench.receive(&response(&bye, "200 OK", "", "")),
        Some(Seen::Forgotten(dialog))
    );
    bench.assert_empty();
}

#[test]
fn a_200_to_a_re_invite_of_a_dialog_that_is_gone_is_acknowledged() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    assert!(bench.agent.reinvite(bench.now, dialog, sdp_reply()));
    let sent = bench.text();
    let ended = bench.receive(&request("BYE", "b1", 11, &tag));
    assert_eq!(ended, Some(Seen::Ended(dialog, EndCause::Bye)));
    bench.texts();
    assert_eq!(bench.receive(&response(&sent, "200 OK", "", "")), None);
    let ack = bench.text();
    assert_eq!(first_line(&ack), "ACK sip:anna@192.0.2.1 SIP/2.0");
    assert_eq!(
        header(&ack, "To"),
        Some("\"Anna\" <sip:anna@192.0.2.1>;tag=anna1")
    );
    bench.assert_empty();
}

#[test]
fn a_pending_re_invite_of_the_peer_is_terminated_by_either_bye() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    assert_eq!(
        bench.receive(&reinvite("r1", 11, &tag)),
        Some(Seen::Reinvite(dialog))
    );
    bench.agent.bye(bench.now, dialog, Reply::default());
    let lines = bench.lines();
    assert_eq!(
        lines,
        [
            "SIP/2.0 487 Request Terminated",
            "BYE sip:anna@192.0.2.1 SIP/2.0"
        ]
    );
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    assert_eq!(
        bench.receive(&reinvite("r1", 11, &tag)),
        Some(Seen::Reinvite(dialog))
    );
    let ended = bench.receive(&request("BYE", "b1", 12, &tag));
    assert_eq!(ended, Some(Seen::Ended(dialog, EndCause::Bye)));
    assert_eq!(
        bench.lines(),
        ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]
    );
    bench.assert_empty();
}
