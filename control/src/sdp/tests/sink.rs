//! Telling one peer where another listens.

use super::*;

/// A peer at 192.0.2.8, as [`PHONE`] otherwise, with these words instead.
fn other(replacements: &[(&str, &str)]) -> Session {
    let mut text = format!("{HEAD}{PHONE}").replace("192.0.2.7", "192.0.2.8");
    for (from, to) in replacements {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let mut session = Session::new(8);
    session
        .answer(text.as_bytes(), &local(SendRecv))
        .expect("a peer of ours");
    session
}

fn talking() -> Session {
    let mut session = Session::new(7);
    answer(&mut session, PHONE);
    session
}

fn told(sink: &Session) -> Option<Sink> {
    talking().tellable(&sink.sink()?)
}

#[test]
fn a_peer_is_offered_where_the_other_listens_under_an_origin_of_ours() {
    let mut session = talking();
    let sink = told(&other(&[("a=ptime:20", "a=ptime:30")])).unwrap();
    let text = String::from_utf8(session.offer_sink(&local(SendRecv), &sink)).unwrap();
    let lines = [
        "v=0",
        "o=- 7 2 IN IP4 192.0.2.1",
        "s=-",
        "c=IN IP4 192.0.2.8",
        "t=0 0",
        "m=audio 4000 RTP/AVP 0 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-16",
        "a=ptime:30",
        "a=sendrecv",
        "",
    ];
    assert_eq!(text, lines.join("\r\n"));
    let agreed = session.answered(&offer(PHONE)).unwrap();
    assert_eq!(agreed.remote, "192.0.2.7:4000".parse().ok());
    let back = String::from_utf8(session.offer(&local(SendRecv))).unwrap();
    assert!(has(&back, "c=IN IP4 192.0.2.1"), "{back}");
    assert_eq!(version(&back), 3);
}

#[test]
fn the_other_peers_numbers_are_told_and_what_the_peer_answers_counts() {
    let mut session = talking();
    let sink = told(&other(&[("101", "96")])).unwrap();
    let text = String::from_utf8(session.offer_sink(&local(SendRecv), &sink)).unwrap();
    assert_eq!(m_lines(&text), ["m=audio 4000 RTP/AVP 0 96"]);
    let agreed = session.answered(&offer(PHONE)).unwrap();
    assert_eq!(number(agreed.send_event_payload_type), Some(101));
    assert_eq!(number(agreed.receive_event_payload_type), Some(96));
    let back = session.tellable(&sink);
    assert_eq!(back, Some(sink), "the same once more");
}

#[test]
fn without_digits_on_one_side_none_are_told() {
    let silent = other(&[(" 101\r\n", "\r\n")]);
    assert_eq!(told(&silent).unwrap().event, None);
    let sink = talking().sink().unwrap();
    assert_eq!(silent.tellable(&sink).unwrap().event, None);
}

#[test]
fn what_cannot_be_told_is_not() {
    let cases: [&[(&str, &str)]; 8] = [
        &[(" 0 8 101", " 8")],
        &[("a=ptime:20", "a=sendonly")],
        &[("a=ptime:20", "a=inactive")],
        &[("192.0.2.8\r\nt=", "0.0.0.0\r\nt=")],
        &[("a=ptime:20", "a=rtcp:5000")],
        &[("a=ptime:20", "b=RS:0\r\nb=RR:0")],
        &[("a=ptime:20", "a=rtcp-mux")],
        &[("RTP/AVP", "RTP/AVPF")],
    ];
    assert!(told(&other(&[])).is_some());
    for case in cases {
        assert_eq!(told(&other(case)), None, "{case:?}");
    }
}

#[test]
fn a_number_that_means_something_else_in_a_dialog_is_not_told() {
    let mut session = Session::new(7);
    let maps = "a=rtpmap:101 PCMA/8000\r\na=rtpmap:96 telephone-event/8000\r\n";
    for numbers in ["101 96", "0 96"] {
        let media = format!("m=audio 4000 RTP/AVP {numbers}\r\n{maps}");
        answer(&mut session, &media);
    }
    let with_digits_at = |number| other(&[("101", number)]).sink().unwrap();
    assert!(session.tellable(&with_digits_at("97")).is_some());
    assert_eq!(
        session.tellable(&with_digits_at("101")),
        None,
        "101 is PCMA"
    );
}

#[test]
fn an_offer_that_says_the_same_gets_the_same_answer() {
    let mut session = talking();
    let sink = told(&other(&[])).unwrap();
    let text = session.offer_sink(&local(SendRecv), &sink);
    session.answered(&offer(PHONE)).unwrap();
    let again = Description::parse(&offer(PHONE)).unwrap();
    assert!(session.is_repeated_by(&again, &local(SendRecv)));
    let answered = session.answer_sink(&again, &local(SendRecv), &sink);
    assert_eq!(answered.unwrap(), text, "with the same version");
}

#[test]
fn an_offer_that_says_something_else_is_no_repetition() {
    let session = talking();
    let others = [
        PHONE.replace("4000", "4002"),
        PHONE.replace("0 8 101", "8 0 101"),
        PHONE.replace("0 8 101", "8 101"),
        PHONE.replace("ptime:20", "ptime:30"),
        format!("{PHONE}a=sendonly\r\n"),
        format!("{PHONE}a=rtcp:4005\r\n"),
    ];
    let is_repeated = others.map(|media| {
        let offer = Description::parse(&offer(&media)).unwrap();
        session.is_repeated_by(&offer, &local(SendRecv))
    });
    // Which codec the peer would like best is not what is agreed.
    assert_eq!(is_repeated, [false, true, false, false, false, false]);
}
