//! The framer, fed whole messages, pieces and rubbish.

use super::*;

const ONE: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nl: 3\r\n\r\nabc";
const TWO: &[u8] = b"SIP/2.0 200 OK\r\nContent-Length:\r\n 0\r\n\r\n";

fn frames(framer: &mut Framer, bytes: &[u8]) -> Vec<Frame> {
    framer.push(bytes);
    std::iter::from_fn(|| framer.next_frame()).collect()
}

/// Everything that comes out when the bytes arrive in pieces of this size.
fn in_pieces(bytes: &[u8], size: usize) -> Vec<Frame> {
    let mut framer = Framer::default();
    bytes
        .chunks(size)
        .flat_map(|piece| frames(&mut framer, piece))
        .collect()
}

#[test]
fn messages_come_out_whole_however_they_arrive() {
    let bytes = [ONE, TWO, b"\r\n", ONE].concat();
    let expected = [ONE, TWO, ONE].map(|message| Frame::Message(message.to_vec()));
    for size in 1..=bytes.len() {
        assert_eq!(in_pieces(&bytes, size), expected, "in pieces of {size}");
    }
}

#[test]
fn a_double_break_is_a_keep_alive_and_a_single_one_is_nothing() {
    for size in [1, 2, 3, 4, 64] {
        let bytes = [b"\r\n\r\n", ONE].concat();
        let expected = [Frame::KeepAlive, Frame::Message(ONE.to_vec())];
        assert_eq!(in_pieces(&bytes, size), expected, "in pieces of {size}");
        let bytes = [b"\r\n", ONE].concat();
        let expected = [Frame::Message(ONE.to_vec())];
        assert_eq!(in_pieces(&bytes, size), expected, "in pieces of {size}");
    }
}

#[test]
fn a_keep_alive_is_answered_before_anything_else_arrives() {
    let mut framer = Framer::default();
    assert_eq!(frames(&mut framer, b"\r\n\r\n"), [Frame::KeepAlive]);
    assert_eq!(frames(&mut framer, b"\r\n"), []);
    assert_eq!(frames(&mut framer, b"\r\n"), [Frame::KeepAlive]);
}

#[test]
fn a_flood_of_breaks_is_one_keep_alive() {
    let mut framer = Framer::default();
    assert_eq!(
        frames(&mut framer, &b"\r\n".repeat(9_999)),
        [Frame::KeepAlive]
    );
    assert!(framer.waiting() <= 2);
}

#[test]
fn without_one_right_content_length_the_stream_is_broken() {
    for field in ["X: y", "l: 1\r\nl: 2", "l: -1", "l: many", "l: 16385"] {
        let head = format!("OPTIONS sip:a SIP/2.0\r\n{field}\r\n\r\n");
        let mut framer = Framer::default();
        let expected = [Frame::Broken(head.clone().into_bytes())];
        assert_eq!(
            frames(&mut framer, format!("{head}abc").as_bytes()),
            expected
        );
        assert_eq!(frames(&mut framer, ONE), [], "nothing follows");
        assert_eq!(framer.waiting(), 0);
    }
}

#[test]
fn what_is_not_sip_breaks_at_once() {
    for bytes in [
        &b"\x16\x03\x01\x02"[..],
        b"\0\0",
        b" INVITE",
        b"\rX",
        b"\nX",
        b"X y\nZ",
    ] {
        let mut framer = Framer::default();
        assert_eq!(frames(&mut framer, bytes), [Frame::Broken(bytes.to_vec())]);
    }
}

#[test]
fn a_lone_line_feed_breaks_the_stream_however_it_arrives() {
    let bytes = b"OPTIONS sip:a SIP/2.0\r\nX: y\nl: 0\r\n\r\n";
    for size in 1..=bytes.len() {
        let frames = in_pieces(bytes, size);
        assert!(
            matches!(frames[..], [Frame::Broken(_)]),
            "in pieces of {size}"
        );
    }
}

#[test]
fn an_endless_head_is_cut_off_at_its_limit() {
    let mut framer = Framer::default();
    let mut out = Vec::new();
    for _ in 0..HEAD_BYTES_MAX {
        assert!(framer.waiting() <= HEAD_BYTES_MAX);
        out.extend(frames(&mut framer, b"abc"));
    }
    let [Frame::Broken(head)] = &out[..] else {
        panic!("broken once");
    };
    assert!(head.len() >= HEAD_BYTES_MAX && head.len() <= HEAD_BYTES_MAX + 3);
}

#[test]
fn a_head_of_just_the_limit_passes() {
    let empty = "OPTIONS sip:a SIP/2.0\r\nl: 0\r\nX: \r\n\r\n";
    let filler = "x".repeat(HEAD_BYTES_MAX - empty.len());
    let message = empty.replace("X: ", &format!("X: {filler}"));
    for size in [1, 1000, HEAD_BYTES_MAX] {
        let expected = [Frame::Message(message.clone().into_bytes())];
        assert!(in_pieces(message.as_bytes(), size) == expected);
        let longer = message.replace("X: ", "X: x");
        assert!(matches!(
            in_pieces(longer.as_bytes(), size)[..],
            [Frame::Broken(_)]
        ));
    }
}

#[test]
fn what_breaks_a_stream_is_refused_by_the_parser_too() {
    use crate::sip::message::Message;
    use crate::sip::status::Status;
    let broken = |bytes: &[u8]| match &in_pieces(bytes, 4_096)[..] {
        [Frame::Broken(head)] => Message::parse(head)
            .map(|_| ())
            .map_err(|wrong| wrong.status),
        other => panic!("{other:?}"),
    };
    let head = b"OPTIONS sip:a SIP/2.0\r\n";
    assert_eq!(
        broken(&[head, &b"X: y\r\n".repeat(9_999)[..]].concat()),
        Err(Status::MESSAGE_TOO_LARGE)
    );
    assert_eq!(
        broken(&[&head[..], b"l: 16385\r\n\r\n"].concat()),
        Err(Status::BODY_TOO_LARGE)
    );
}

#[test]
fn an_idle_connection_holds_no_memory() {
    let mut framer = Framer::default();
    let long = format!(
        "OPTIONS sip:a SIP/2.0\r\nl: 16000\r\n\r\n{}",
        "x".repeat(16_000)
    );
    assert_eq!(frames(&mut framer, long.as_bytes()).len(), 1);
    assert!(framer.buffer.capacity() <= IDLE_BYTES_MAX);
}
