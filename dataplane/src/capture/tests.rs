//! A capture as whoever reads its file sees it.

use std::net::SocketAddr;

use shared::limits::CAPTURED_BYTES_MAX;
use shared::{CaptureId, CapturedMessage};

use super::*;

fn capture() -> Capture {
    let order = CaptureOrder {
        capture: CaptureId(1),
        call: "0123456789abcdef".to_owned(),
        orbit: Some("701".to_owned()),
        folder: "/nonexistent".into(),
        since: Time::ZERO,
        until: at(60_000),
    };
    let mut capture = Capture::new(order, Duration::from_secs(1_700_000_000));
    let head = capture.head().len() as u64;
    capture.written(head);
    capture
}

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn ends() -> Ends {
    Ends {
        local: "192.0.2.1:5060".parse().unwrap(),
        remote: SocketAddr::from(([192, 0, 2, 2], 4_000)),
    }
}

fn message(ms: u64, carrier: Carrier, bytes: &[u8]) -> CapturedMessage {
    CapturedMessage {
        capture: CaptureId(1),
        at: at(ms),
        course: Course::Arrived,
        ends: ends(),
        carrier,
        bytes: bytes.into(),
        comment: None,
    }
}

fn packet(ms: u64) -> CapturedPacket {
    CapturedPacket {
        capture: CaptureId(1),
        at: at(ms),
        course: Course::Sent,
        ends: ends(),
        length: 172,
        kept: 12,
        lost: 0,
        head: [0x80; CAPTURED_BYTES_MAX],
    }
}

/// Kind, and for a packet: interface, milliseconds of the clock, what was kept, how long it was.
fn blocks(mut file: &[u8]) -> Vec<(u32, [u64; 4])> {
    let mut found = Vec::new();
    while !file.is_empty() {
        let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        let (kind, length) = (number(0), number(4) as usize);
        let nanos = |at| u64::from(number(at)) << 32 | u64::from(number(at + 4));
        let what = match kind {
            6 => {
                let ms = nanos(12) / 1_000_000 - 1_700_000_000_000;
                [number(8).into(), ms, number(20).into(), number(24).into()]
            }
            _ => [0; 4],
        };
        found.push((kind, what));
        file = &file[length..];
    }
    found
}

#[test]
fn what_comes_out_of_order_is_written_in_order() {
    let mut capture = capture();
    capture.packet(packet(30));
    capture.packet(packet(10));
    capture.message(message(20, Carrier::Udp, b"BYE sip:a SIP/2.0\r\n\r\n"));
    capture.packet(packet(50));
    let times = |bytes: &[u8]| -> Vec<u64> {
        let blocks = blocks(bytes);
        blocks.iter().map(|(_, [_, ms, ..])| *ms).collect()
    };
    assert_eq!(times(&capture.blocks(at(40))), [10, 20, 30]);
    assert_eq!(times(&capture.blocks(at(60))), [50]);
    assert!(capture.blocks(at(70)).is_empty());
    let status = capture.status();
    assert_eq!((status.messages, status.packets), (1, 3));
}

#[test]
fn frames_say_which_interface_they_are_of_and_how_long_they_were() {
    let mut capture = capture();
    capture.packet(packet(1));
    capture.message(message(2, Carrier::Udp, b"hello"));
    let blocks = blocks(&capture.blocks(at(9)));
    assert_eq!(blocks[0].1, [1, 1, 20 + 8 + 12, 20 + 8 + 172]);
    assert_eq!(blocks[1].1, [0, 2, 20 + 8 + 5, 20 + 8 + 5]);
}

#[test]
fn a_long_message_of_a_stream_is_several_segments() {
    let mut capture = capture();
    capture.message(message(1, Carrier::Tcp, &[b'x'; 65_535]));
    let blocks = blocks(&capture.blocks(at(9)));
    let kept: u64 = blocks.iter().map(|(_, [_, _, kept, _])| kept - 40).sum();
    assert_eq!((blocks.len(), kept), (2, 65_535));
    assert_eq!(capture.status().messages, 1);
}

#[test]
fn a_file_ends_whole_before_it_is_too_long() {
    let mut capture = capture();
    let full = CAPTURE_BYTES_MAX / 65_000 + 1;
    for ms in 0..full {
        capture.message(message(ms, Carrier::Udp, &[b'x'; 65_000]));
    }
    let bytes = capture.blocks(at(full));
    assert_eq!(capture.status().end, Some(CaptureEnd::Full));
    assert_eq!(capture.status().messages, blocks(&bytes).len() as u64);
    capture.written(capture.status().bytes + bytes.len() as u64);
    capture.message(message(full, Carrier::Udp, b"too late"));
    let tail = capture.tail(at(full), CaptureEnd::Stopped);
    assert_eq!(blocks(&tail).len(), 2, "the counts of both interfaces");
    assert!(capture.status().bytes + tail.len() as u64 <= CAPTURE_BYTES_MAX);
    assert_eq!(capture.status().end, Some(CaptureEnd::Full));
}
