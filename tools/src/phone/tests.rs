use control::sip::message::Message;
use control::sip::method::Method;

use super::*;

fn phones(count: u16) -> Phones {
    let line = Line {
        local: "127.0.0.1:6000".parse().unwrap(),
        target: "sip:park@127.0.0.1:5060".to_owned(),
        seed: 7,
    };
    Phones::new(line, (0..count).map(|n| 40_000 + 2 * n))
}

fn one(out: &mut Outbox) -> Vec<u8> {
    assert_eq!(out.len(), 1, "exactly one message");
    out.remove(0)
}

/// What a server answers to a request.
fn response(request: &[u8], status: u16) -> Vec<u8> {
    let text = String::from_utf8(request.to_vec()).unwrap();
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    let kept: Vec<String> = head
        .lines()
        .filter(|line| {
            ["Via", "From", "Call-ID", "CSeq"]
                .iter()
                .any(|name| line.starts_with(name))
        })
        .map(|line| format!("{line}\r\n"))
        .collect();
    format!(
        "SIP/2.0 {status} Some\r\n{}To: <sip:park@127.0.0.1:5060>;tag=s1\r\n\
         Contact: <sip:orbit@127.0.0.1:5060>\r\nContent-Length: 0\r\n\r\n",
        kept.concat()
    )
    .into_bytes()
}

fn parked() -> (Phones, Outbox, Vec<u8>) {
    let (mut phones, mut out) = (phones(1), Outbox::new());
    assert!(phones.call_next(Time::ZERO, &mut out));
    let answer = response(&one(&mut out), 200);
    phones.receive(Time::from_millis(3), &answer, &mut out);
    (phones, out, answer)
}

#[test]
fn an_invite_is_one_that_a_server_can_parse() {
    let (mut phones, mut out) = (phones(2), Outbox::new());
    phones.call_next(Time::ZERO, &mut out);
    let invite = one(&mut out);
    let message = Message::parse(&invite).unwrap();
    assert_eq!(message.request_uri(), Some("sip:park@127.0.0.1:5060"));
    assert_eq!(
        control::sdp::codecs(message.body()).unwrap(),
        vec![shared::Codec::Pcmu]
    );
}

#[test]
fn an_answered_call_is_acknowledged_at_the_contact_and_parked() {
    let (phones, mut out, _) = parked();
    let ack = one(&mut out);
    let message = Message::parse(&ack).unwrap();
    assert_eq!(message.method(), Some(Method::Ack));
    assert_eq!(message.request_uri(), Some("sip:orbit@127.0.0.1:5060"));
    assert_eq!(message.to_tag(), Some("s1"));
    assert_eq!(
        phones.counts(),
        Counts {
            parked: 1,
            ..Counts::default()
        }
    );
}

#[test]
fn a_repeated_answer_is_acknowledged_again() {
    let (mut phones, mut out, answer) = parked();
    out.clear();
    phones.receive(Time::from_millis(600), &answer, &mut out);
    assert!(one(&mut out).starts_with(b"ACK "));
}

#[test]
fn an_unanswered_invite_is_sent_again_at_doubling_intervals_then_given_up() {
    let (mut phones, mut out) = (phones(1), Outbox::new());
    phones.call_next(Time::ZERO, &mut out);
    out.clear();
    let mut sent_at = Vec::new();
    for ms in (0..40_000).step_by(100) {
        phones.tick(Time::from_millis(ms), &mut out);
        sent_at.extend(out.drain(..).map(|_| ms));
    }
    assert_eq!(sent_at, [500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    assert_eq!(phones.counts().failed, 1);
    assert_eq!(phones.failures(), [(Status::REQUEST_TIMEOUT, 1)]);
}

#[test]
fn a_refused_call_is_acknowledged_within_its_transaction() {
    let (mut phones, mut out) = (phones(1), Outbox::new());
    phones.call_next(Time::ZERO, &mut out);
    let invite = one(&mut out);
    phones.receive(Time::ZERO, &response(&invite, 486), &mut out);
    let ack = one(&mut out);
    let branch = |bytes: &[u8]| {
        Message::parse(bytes)
            .unwrap()
            .top_via()
            .unwrap()
            .branch
            .map(str::to_owned)
    };
    assert_eq!(branch(&ack), branch(&invite));
    assert_eq!(phones.failures(), [(Status::BUSY_HERE, 1)]);
}

#[test]
fn hanging_up_ends_with_the_answer_to_the_bye() {
    let (mut phones, mut out, _) = parked();
    out.clear();
    phones.hang_up(0, Time::from_millis(10), &mut out);
    let bye = one(&mut out);
    assert_eq!(phones.counts().hanging_up, 1);
    phones.receive(Time::from_millis(11), &response(&bye, 200), &mut out);
    assert_eq!(
        phones.counts(),
        Counts {
            hung_up: 1,
            ..Counts::default()
        }
    );
}

#[test]
fn a_bye_of_the_server_is_answered_each_time_and_counted_once() {
    let (mut phones, mut out, _) = parked();
    out.clear();
    let bye = b"BYE sip:caller-0@127.0.0.1:6000 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx\r\n\
        From: <sip:park@127.0.0.1:5060>;tag=s1\r\nTo: <sip:caller-0@127.0.0.1>;tag=c0\r\n\
        Call-ID: 0.00000007@127.0.0.1\r\nCSeq: 1 BYE\r\nMax-Forwards: 70\r\n\
        Content-Length: 0\r\n\r\n";
    for _ in 0..2 {
        phones.receive(Time::ZERO, bye, &mut out);
        let answer = one(&mut out);
        assert_eq!(Message::parse(&answer).unwrap().status(), Some(Status::OK));
    }
    assert_eq!(
        phones.counts(),
        Counts {
            dismissed: 1,
            ..Counts::default()
        }
    );
}

#[test]
fn a_message_of_another_run_is_ignored() {
    let (mut phones, mut out) = (phones(1), Outbox::new());
    phones.call_next(Time::ZERO, &mut out);
    let answer = String::from_utf8(response(&one(&mut out), 200)).unwrap();
    phones.receive(
        Time::ZERO,
        answer.replace("00000007", "00000008").as_bytes(),
        &mut out,
    );
    assert!(out.is_empty());
    assert_eq!(phones.counts().calling, 1);
}

/// A re-INVITE of the server's.
fn reinvite(sequence: u32) -> Vec<u8> {
    let sdp = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
        m=audio 20002 RTP/AVP 0\r\na=sendonly\r\n";
    format!(
        "INVITE sip:caller-0@127.0.0.1:6000 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK{sequence}\r\n\
         From: <sip:park@127.0.0.1:5060>;tag=s1\r\nTo: <sip:caller-0@127.0.0.1>;tag=c0\r\n\
         Call-ID: 0.00000007@127.0.0.1\r\nCSeq: {sequence} INVITE\r\nMax-Forwards: 70\r\n\
         Contact: <sip:orbit@127.0.0.1:5070>\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
    .into_bytes()
}

#[test]
fn a_reinvite_of_the_server_is_agreed_to_and_believed() {
    let (mut phones, mut out, _) = parked();
    out.clear();
    let event = phones.hear(Time::ZERO, &reinvite(5), &mut out);
    assert_eq!(event.map(|event| event.what), Some(What::Redescribed));
    let answer = one(&mut out);
    let message = Message::parse(&answer).unwrap();
    assert_eq!(message.status(), Some(Status::OK));
    assert_eq!(sdp::direction(message.body()), Some("recvonly"));
    assert_eq!(phones.server_media(0), "127.0.0.1:20002".parse().ok());
    phones.hang_up(0, Time::ZERO, &mut out);
    let bye = one(&mut out);
    let uri = Message::parse(&bye)
        .unwrap()
        .request_uri()
        .map(str::to_owned);
    assert_eq!(uri.as_deref(), Some("sip:orbit@127.0.0.1:5070"));
}

#[test]
fn a_request_of_another_dialog_of_the_server_is_none_of_this_call() {
    let (mut phones, mut out, _) = parked();
    out.clear();
    let other = String::from_utf8(reinvite(5)).unwrap();
    let other = other.replace("tag=s1", "tag=s2");
    assert_eq!(phones.hear(Time::ZERO, other.as_bytes(), &mut out), None);
    let answer = one(&mut out);
    let status = Message::parse(&answer).unwrap().status();
    assert_eq!(status, Some(Status::CALL_DOES_NOT_EXIST));
    assert_eq!(phones.counts().parked, 1);
}

#[test]
fn a_reinvite_that_crosses_ours_is_asked_to_come_again() {
    let (mut phones, mut out, _) = parked();
    let moved = "127.0.0.1:41000".parse().unwrap();
    phones.move_to(0, moved, Time::ZERO, &mut out);
    out.clear();
    phones.receive(Time::ZERO, &reinvite(5), &mut out);
    let answer = one(&mut out);
    assert_eq!(
        Message::parse(&answer).unwrap().status(),
        Some(Status::REQUEST_PENDING)
    );
}

#[test]
fn a_phone_that_moves_says_where_to_and_acknowledges_the_agreement() {
    let (mut phones, mut out, _) = parked();
    out.clear();
    phones.move_to(0, "127.0.0.1:41000".parse().unwrap(), Time::ZERO, &mut out);
    let invite = one(&mut out);
    let message = Message::parse(&invite).unwrap();
    assert_eq!(
        sdp::audio_at(message.body()),
        "127.0.0.1:41000".parse().ok()
    );
    assert_eq!(message.cseq().unwrap().number, 2);
    assert_eq!(message.to_tag(), Some("s1"));
    let event = phones.hear(Time::ZERO, &response(&invite, 200), &mut out);
    assert_eq!(event.map(|event| event.what), Some(What::Agreed));
    let ack = one(&mut out);
    assert_eq!(Message::parse(&ack).unwrap().cseq().unwrap().number, 2);
}

#[test]
fn a_refused_move_leaves_the_call_up() {
    let (mut phones, mut out, _) = parked();
    out.clear();
    phones.move_to(0, "127.0.0.1:41000".parse().unwrap(), Time::ZERO, &mut out);
    let invite = one(&mut out);
    let event = phones.hear(Time::ZERO, &response(&invite, 488), &mut out);
    assert!(matches!(
        event.map(|event| event.what),
        Some(What::Disagreed(_))
    ));
    let ack = one(&mut out);
    let branch = |bytes: &[u8]| {
        let message = Message::parse(bytes).unwrap();
        message.top_via().unwrap().branch.map(str::to_owned)
    };
    assert_eq!(branch(&ack), branch(&invite));
    assert!(phones.is_up(0));
}

#[test]
fn what_follows_goes_through_the_proxies_that_recorded_themselves() {
    let (mut phones, mut out) = (phones(1), Outbox::new());
    phones.call_next(Time::ZERO, &mut out);
    let answer = String::from_utf8(response(&one(&mut out), 200)).unwrap();
    let answer = answer.replacen(
        "Contact:",
        "Record-Route: <sip:near@10.0.0.1;lr>, <sip:far@10.0.0.2;lr>\r\nContact:",
        1,
    );
    phones.receive(Time::ZERO, answer.as_bytes(), &mut out);
    let ack = one(&mut out);
    let message = Message::parse(&ack).unwrap();
    let routes: Vec<&str> = message
        .values(control::sip::header::Header::Route)
        .collect();
    assert_eq!(routes, ["<sip:far@10.0.0.2;lr>", "<sip:near@10.0.0.1;lr>"]);
    assert_eq!(message.request_uri(), Some("sip:orbit@127.0.0.1:5060"));
}

#[test]
fn a_phone_of_its_own_calls_whom_it_was_told_to() {
    let (mut phones, mut out) = (phones(1), Outbox::new());
    let target = "sip:742@127.0.0.1:5060".to_owned();
    let number = phones.add("10.1.2.3:7000".parse().unwrap(), Some(target.clone()));
    phones.call(number, Time::ZERO, &mut out);
    let invite = one(&mut out);
    let message = Message::parse(&invite).unwrap();
    assert_eq!(message.request_uri(), Some(target.as_str()));
    assert_eq!(sdp::audio_at(message.body()), "10.1.2.3:7000".parse().ok());
    assert!(
        phones.call_next(Time::ZERO, &mut out),
        "the first has not called"
    );
    assert!(!phones.call_next(Time::ZERO, &mut out), "the second has");
}

#[test]
fn who_is_transferred_says_by_whom() {
    let (mut phones, mut out) = (phones(1), Outbox::new());
    phones.refer(0, "sip:ann@127.0.0.1:6001");
    phones.call_next(Time::ZERO, &mut out);
    let text = String::from_utf8(one(&mut out)).unwrap();
    assert!(text.contains("\r\nReferred-By: <sip:ann@127.0.0.1:6001>\r\n"));
}
