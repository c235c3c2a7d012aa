//! The server side of an INVITE: 100, repetitions, lost ACKs, CANCEL and BYE at every moment
//! (RFC 3261 §9.2, §13.3, §15, §17.2; RFC 6026).

use control::sip::agent::{DialogKey, EndCause, Reply, SipDrop};
use control::sip::header::Header;
use control::sip::status::Status;
use control::sip::transport::{Flow, Transport};

use super::bench::{
    Bench, PEER, Seen, first_line, header, invite, request, response, sdp_reply, to_tag,
    with_header,
};

#[track_caller]
fn incoming(bench: &mut Bench) -> DialogKey {
    match bench.receive(&invite()) {
        Some(Seen::Invite(dialog)) => dialog,
        other => panic!("{other:?}"),
    }
}

fn cancel() -> String {
    request("CANCEL", "i1", 10, "")
}

#[test]
fn an_invite_that_waits_gets_100_after_200_ms() {
    let mut bench = Bench::new();
    incoming(&mut bench);
    assert_eq!(
        bench.timeline(5_000),
        [(200, "SIP/2.0 100 Trying".to_owned())]
    );
    assert_eq!(
        bench.receive(&with_header(&invite(), "Subject: again")),
        None
    );
    let trying = bench.text();
    assert_eq!(first_line(&trying), "SIP/2.0 100 Trying");
    assert_eq!(header(&trying, "To"), Some("<sip:park@192.0.2.9>"));
}

#[test]
fn a_repeated_invite_never_goes_up_twice_and_gets_the_last_response() {
    let mut bench = Bench::new();
    let dialog = incoming(&mut bench);
    assert_eq!(bench.receive(&invite()), None);
    assert_eq!(bench.texts().len(), 0);
    bench
        .agent
        .progress(bench.now, dialog, Status::RINGING, Reply::default());
    let ringing = bench.text();
    assert_eq!(bench.receive(&invite()), None);
    assert_eq!(bench.text(), ringing);
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    let ok = bench.text();
    assert_eq!(to_tag(&ok), to_tag(&ringing));
    assert_eq!(bench.receive(&invite()), None);
    assert_eq!(bench.texts().len(), 0);
}

#[test]
fn a_200_is_repeated_from_t1_to_t2_until_its_ack() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut bench = Bench::new();
        let seen = bench.receive_from(transport, 1, PEER, &invite());
        let Some(Seen::Invite(dialog)) = seen else {
            panic!("{seen:?}");
        };
        bench.agent.accept(bench.now, dialog, "701", sdp_reply());
        let tag = to_tag(&bench.text());
        let times: Vec<u64> = bench
            .timeline(16_000)
            .into_iter()
            .map(|(at, _)| at)
            .collect();
        assert_eq!(times, [500, 1_500, 3_500, 7_500, 11_500, 15_500]);
        let ack = request("ACK", "a1", 10, &tag);
        let acked = bench.receive_from(transport, 1, PEER, &ack);
        assert_eq!(acked, Some(Seen::Acked(dialog)));
        assert_eq!(bench.timeline(60_000), []);
        assert_eq!(bench.receive_from(transport, 1, PEER, &ack), None);
        assert_eq!(bench.agent.dropped(SipDrop::StrayAck), 0);
    }
}

#[test]
fn without_ack_the_call_ends_with_bye_after_64_t1() {
    let mut bench = Bench::new();
    let dialog = incoming(&mut bench);
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    bench.texts();
    assert_eq!(bench.advance(31_999), []);
    bench.texts();
    assert_eq!(bench.advance(1), [Seen::Ended(dialog, EndCause::NoAck)]);
    let bye = bench.text();
    assert_eq!(first_line(&bye), "BYE sip:anna@192.0.2.1 SIP/2.0");
    assert_eq!(
        bench.receive(&response(&bye, "481 No Such Call", "", "")),
        None
    );
    assert_eq!(bench.agent.dialogs(), 0);
    bench.assert_empty();
}

#[test]
fn a_refusal_is_repeated_until_its_ack_which_goes_no_further() {
    let mut bench = Bench::new();
    let dialog = incoming(&mut bench);
    let reason = (
        Header::Reason,
        "SIP;cause=486;text=\"No free orbit\"".to_owned(),
    );
    let reply = Reply {
        headers: vec![reason],
        body: None,
    };
    bench
        .agent
        .reject(bench.now, dialog, Status::BUSY_HERE, reply);
    assert_eq!(bench.agent.dialogs(), 0);
    let busy = bench.text();
    assert_eq!(
        header(&busy, "Reason"),
        Some("SIP;cause=486;text=\"No free orbit\"")
    );
    let lines = bench.timeline(1_600);
    assert_eq!(
        lines.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        [500, 1_500]
    );
    assert_eq!(
        bench.receive(&request("ACK", "i1", 10, &to_tag(&busy))),
        None
    );
    assert_eq!(bench.timeline(60_000), []);
    assert_eq!(bench.agent.dropped(SipDrop::StrayAck), 0);
    bench.assert_empty();
}

#[test]
fn a_refusal_without_ack_is_forgotten_after_64_t1() {
    let mut bench = Bench::new();
    let dialog = incoming(&mut bench);
    bench
        .agent
        .reject(bench.now, dialog, Status::BUSY_HERE, Reply::default());
    assert_eq!(bench.advance(31_999), []);
    assert_eq!(bench.agent.transactions(), 1);
    assert_eq!(bench.advance(1), []);
    assert_eq!(bench.agent.transactions(), 0);
}

#[test]
fn an_old_client_without_branch_is_served_and_its_ack_is_told_apart_by_our_tag() {
    let old = |text: String| text.replace(";branch=z9hG4bKi1;rport", "");
    let mut bench = Bench::new();
    let Some(Seen::Invite(dialog)) = bench.receive(&old(invite())) else {
        panic!("no invite");
    };
    assert_eq!(bench.receive(&old(invite())), None);
    bench
        .agent
        .reject(bench.now, dialog, Status::BUSY_HERE, Reply::default());
    let tag = to_tag(&bench.text());
    assert_eq!(bench.receive(&old(request("ACK", "i1", 10, "other"))), None);
    assert_eq!(bench.agent.dropped(SipDrop::StrayAck), 1);
    assert_eq!(bench.receive(&old(request("ACK", "i1", 10, &tag))), None);
    assert_eq!(bench.agent.dropped(SipDrop::StrayAck), 1);
    assert_eq!(bench.timeline(60_000), []);
}

#[test]
fn a_cancel_ends_what_is_not_answered() {
    let mut bench = Bench::new();
    let dialog = incoming(&mut bench);
    bench
        .agent
        .progress(bench.now, dialog, Status::RINGING, Reply::default());
    let tag = to_tag(&bench.text());
    assert_eq!(bench.receive(&cancel()), Some(Seen::Cancelled(dialog)));
    let texts = bench.texts();
    assert_eq!(first_line(&texts[0]), "SIP/2.0 200 OK");
    assert_eq!(header(&texts[0], "CSeq"), Some("10 CANCEL"));
    assert_eq!(first_line(&texts[1]), "SIP/2.0 487 Request Terminated");
    assert_eq!(header(&texts[1], "CSeq"), Some("10 INVITE"));
    assert_eq!(
        (to_tag(&texts[0]), to_tag(&texts[1])),
        (tag.clone(), tag.clone())
    );
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    assert_eq!(bench.texts().len(), 0);
    assert_eq!(bench.receive(&cancel()), None);
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    assert_eq!(bench.receive(&request("ACK", "i1", 10, &tag)), None);
    bench.assert_empty();
}

#[test]
fn a_cancel_that_crosses_the_200_is_answered_and_changes_nothing() {
    let mut bench = Bench::new();
    let dialog = incoming(&mut bench);
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    let tag = to_tag(&bench.text());
    assert_eq!(bench.receive(&cancel()), None);
    let ok = bench.text();
    assert_eq!(
        (first_line(&ok), to_tag(&ok)),
        ("SIP/2.0 200 OK", tag.clone())
    );
    let acked = bench.receive(&request("ACK", "a1", 10, &tag));
    assert_eq!(acked, Some(Seen::Acked(dialog)));
}

#[test]
fn a_bye_ahead_of_the_ack_ends_the_call() {
    let mut bench = Bench::new();
    let dialog = incoming(&mut bench);
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    let tag = to_tag(&bench.text());
    let ended = bench.receive(&request("BYE", "b1", 11, &tag));
    assert_eq!(ended, Some(Seen::Ended(dialog, EndCause::Bye)));
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    assert_eq!(bench.receive(&request("ACK", "a1", 10, &tag)), None);
    assert_eq!(bench.agent.dropped(SipDrop::StrayAck), 1);
    assert_eq!(bench.timeline(60_000), []);
    bench.assert_empty();
}

#[test]
fn a_bye_in_an_early_dialog_also_ends_its_invite() {
    let mut bench = Bench::new();
    let dialog = incoming(&mut bench);
    bench
        .agent
        .progress(bench.now, dialog, Status::RINGING, Reply::default());
    let tag = to_tag(&bench.text());
    let ended = bench.receive(&request("BYE", "b1", 11, &tag));
    assert_eq!(ended, Some(Seen::Ended(dialog, EndCause::Bye)));
    assert_eq!(
        bench.lines(),
        ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]
    );
    bench.assert_empty();
}

#[test]
fn a_repeated_bye_gets_the_same_200() {
    let mut bench = Bench::new();
    let (_, tag) = bench.confirmed();
    bench.receive(&request("BYE", "b1", 11, &tag));
    let ok = bench.text();
    assert_eq!(bench.receive(&request("BYE", "b1", 11, &tag)), None);
    assert_eq!(bench.text(), ok);
}

#[test]
fn our_bye_waits_for_the_ack_of_our_200() {
    let mut bench = Bench::new();
    let dialog = incoming(&mut bench);
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    let tag = to_tag(&bench.text());
    let reason = (Header::Reason, "SIP;cause=480".to_owned());
    let reply = Reply {
        headers: vec![reason],
        body: None,
    };
    bench.agent.bye(bench.now, dialog, reply);
    assert_eq!(bench.texts().len(), 0);
    assert_eq!(bench.receive(&request("ACK", "a1", 10, &tag)), None);
    let bye = bench.text();
    assert!(bye.starts_with("BYE "));
    assert_eq!(header(&bye, "Reason"), Some("SIP;cause=480"));
    assert_eq!(
        bench.receive(&response(&bye, "200 OK", "", "")),
        Some(Seen::Forgotten(dialog))
    );
    bench.assert_empty();
}

#[test]
fn our_bye_does_not_wait_for_ever() {
    let mut bench = Bench::new();
    let dialog = incoming(&mut bench);
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    bench.agent.bye(bench.now, dialog, Reply::default());
    bench.advance(31_999);
    assert!(bench.lines().iter().all(|line| line == "SIP/2.0 200 OK"));
    assert_eq!(bench.advance(1), []);
    assert_eq!(bench.lines(), ["BYE sip:anna@192.0.2.1 SIP/2.0"]);
    assert_eq!(bench.advance(32_000), [Seen::Forgotten(dialog)]);
    bench.assert_empty();
}

#[test]
fn the_peers_bye_while_ours_waits_for_the_ack_ends_both() {
    let mut bench = Bench::new();
    let dialog = incoming(&mut bench);
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    let tag = to_tag(&bench.text());
    bench.agent.bye(bench.now, dialog, Reply::default());
    let seen = bench.receive(&request("BYE", "b1", 11, &tag));
    assert_eq!(seen, Some(Seen::Forgotten(dialog)));
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    bench.assert_empty();
}

#[test]
fn byes_that_cross_are_both_answered_with_200() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    bench.agent.bye(bench.now, dialog, Reply::default());
    let bye = bench.text();
    assert_eq!(bench.receive(&request("BYE", "b1", 11, &tag)), None);
    assert_eq!(bench.lines(), ["SIP/2.0 200 OK"]);
    assert_eq!(
        bench.receive(&response(&bye, "200 OK", "", "")),
        Some(Seen::Forgotten(dialog))
    );
    bench.assert_empty();
}

#[test]
fn ending_an_unanswered_call_refuses_it() {
    let mut bench = Bench::new();
    let dialog = incoming(&mut bench);
    bench.agent.bye(bench.now, dialog, Reply::default());
    assert_eq!(bench.lines(), ["SIP/2.0 480 Temporarily Unavailable"]);
    assert_eq!(bench.events(), [Seen::Forgotten(dialog)]);
    bench.assert_empty();
}

#[test]
fn verbs_for_a_dialog_that_is_gone_have_no_effect() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    bench.receive(&request("BYE", "b1", 11, &tag));
    bench.texts();
    bench
        .agent
        .progress(bench.now, dialog, Status::RINGING, Reply::default());
    bench.agent.accept(bench.now, dialog, "701", sdp_reply());
    bench
        .agent
        .reject(bench.now, dialog, Status::BUSY_HERE, Reply::default());
    bench.agent.ack(bench.now, dialog, None);
    bench.agent.cancel(bench.now, dialog);
    bench.agent.bye(bench.now, dialog, Reply::default());
    assert!(!bench.agent.reinvite(bench.now, dialog, Reply::default()));
    assert!(bench.agent.name(dialog).is_none());
    assert_eq!((bench.texts().len(), bench.events().len()), (0, 0));
}

#[test]
fn responses_go_where_the_request_says() {
    let mut bench = Bench::new();
    let options = request("OPTIONS", "r1", 1, "");
    let source = "192.0.2.77:6000";
    bench.receive_from(Transport::Udp, 1, source, &options);
    let sent = bench.sent().remove(0);
    assert_eq!(
        (sent.destination, sent.flow),
        (source.parse().unwrap(), Some(Flow(1)))
    );
    let text = String::from_utf8(sent.bytes).unwrap();
    let via = header(&text, "Via").unwrap();
    assert!(
        via.contains("received=192.0.2.77") && via.contains("rport=6000"),
        "{via}"
    );

    let plain = options
        .replace(";rport", "")
        .replace("z9hG4bKr1", "z9hG4bKr2");
    bench.receive_from(
        Transport::Udp,
        1,
        source,
        &plain.replace("CSeq: 1 ", "CSeq: 2 "),
    );
    assert_eq!(
        bench.sent()[0].destination,
        "192.0.2.77:5060".parse().unwrap()
    );

    let tcp = options
        .replace("/UDP", "/TCP")
        .replace("z9hG4bKr1", "z9hG4bKr3");
    bench.receive_from(
        Transport::Tcp,
        77,
        source,
        &tcp.replace("CSeq: 1 ", "CSeq: 3 "),
    );
    let sent = bench.sent().remove(0);
    assert_eq!(
        (sent.transport, sent.flow),
        (Transport::Tcp, Some(Flow(77)))
    );
    assert_eq!(sent.destination, "192.0.2.77:5060".parse().unwrap());
}

#[test]
fn replaces_finds_the_dialog_it_names_until_that_ends() {
    let mut bench = Bench::new();
    let (dialog, tag) = bench.confirmed();
    let find = |bench: &Bench, remote_tag| {
        bench.agent.find(&control::sip::agent::DialogName {
            call_id: "call-1@192.0.2.1",
            local_tag: &tag,
            remote_tag,
        })
    };
    assert_eq!(find(&bench, "anna1"), Some(dialog));
    assert_eq!(find(&bench, "anna2"), None);
    bench.agent.bye(bench.now, dialog, Reply::default());
    assert_eq!(find(&bench, "anna1"), None);
}
