//! The thread as its users see it, by either way to the disk.

use std::net::SocketAddr;
use std::sync::mpsc;

use shared::limits::{CAPTURE_MAX, CAPTURED_BYTES_MAX, CAPTURES_MAX};
use shared::{Carrier, Course, Ends, Time};

use super::*;
use crate::tap::Unrung;
use crate::uring::clock;

fn both() -> [(&'static str, Files); 2] {
    [
        ("std", Files::start_with(By::Std).unwrap()),
        ("ring", Files::start_with(By::Ring).unwrap()),
    ]
}

#[test]
fn a_file_of_several_chunks_arrives_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let bytes: Vec<u8> = (0..3_200_017_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(&path, &bytes).unwrap();
    for (name, files) in both() {
        assert!(
            FileIo::read(&files, &path, 1 << 24).unwrap() == bytes,
            "{name}"
        );
    }
}

#[test]
fn a_file_above_the_limit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, [0; 101]).unwrap();
    for (name, files) in both() {
        let refused = FileIo::read(&files, &path, 100).unwrap_err();
        assert!(refused.to_string().contains("longer than"), "{name}");
        assert_eq!(
            FileIo::read(&files, &path, 101).unwrap().len(),
            101,
            "{name}"
        );
    }
}

#[test]
fn a_folder_and_a_device_are_refused() {
    for path in ["/", "/dev/zero"] {
        for (name, files) in both() {
            assert!(
                FileIo::read(&files, Path::new(path), 100).is_err(),
                "{name} {path}"
            );
        }
    }
}

fn order(number: u32, folder: &Path) -> CaptureOrder {
    CaptureOrder {
        capture: CaptureId(number),
        call: "0123456789abcdef".to_owned(),
        orbit: Some("701".to_owned()),
        folder: folder.to_path_buf(),
        since: clock::now(),
        until: clock::now() + CAPTURE_MAX,
    }
}

fn ends() -> Ends {
    Ends {
        local: "192.0.2.1:5060".parse().unwrap(),
        remote: SocketAddr::from(([192, 0, 2, 2], 4_000)),
    }
}

fn packet(capture: u32, lost: u32) -> CapturedPacket {
    CapturedPacket {
        capture: CaptureId(capture),
        at: clock::now(),
        course: Course::Sent,
        ends: ends(),
        length: 172,
        kept: 12,
        lost,
        head: [0x80; CAPTURED_BYTES_MAX],
    }
}

fn message(capture: u32, text: &[u8]) -> CapturedMessage {
    CapturedMessage {
        capture: CaptureId(capture),
        at: clock::now(),
        course: Course::Arrived,
        ends: ends(),
        carrier: Carrier::Udp,
        bytes: text.into(),
        comment: None,
    }
}

/// What is answered on the thread.
fn asked<T: Send + 'static>(ask: impl FnOnce(Reply<T>)) -> Result<T, CaptureError> {
    let (sender, answer) = mpsc::sync_channel(1);
    ask(Box::new(move |reply| drop(sender.send(reply))));
    answer.recv().unwrap()
}

fn begin(files: &Files, order: CaptureOrder) -> Result<(), CaptureError> {
    asked(|reply| files.begin(order, reply))
}

/// All of a file whose capture has ended.
fn whole(files: &Files, number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let from = bytes.len() as u64;
        let piece = asked(|reply| Recorder::read(files, CaptureId(number), from, reply)).unwrap();
        bytes.extend(piece.bytes);
        if piece.is_last {
            return bytes;
        }
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn what_was_told_before_the_end_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for (name, files) in both() {
        let (seen, tap) = shared::pair(4, Unrung::wake());
        files.tap(vec![tap]);
        begin(&files, order(1, folder.path())).unwrap();
        seen.push(packet(1, 3)).unwrap();
        seen.push(packet(2, 0)).unwrap();
        files.message(message(1, b"OPTIONS sip:a SIP/2.0\r\n\r\n"));
        files.message(message(2, b"NOTHING"));
        files.end(CaptureId(1), CaptureEnd::Stopped);
        let bytes = whole(&files, 1);
        assert!(contains(&bytes, b"OPTIONS sip:a"), "{name}");
        assert!(!contains(&bytes, b"NOTHING"), "of another capture");
        let status = &files.captures()[0];
        assert_eq!(
            (status.messages, status.packets, status.lost),
            (1, 1, 3),
            "{name}"
        );
        assert_eq!(status.bytes, bytes.len() as u64);
        assert_eq!(status.end, Some(CaptureEnd::Stopped));
    }
}

#[test]
fn a_file_has_no_name_that_somebody_could_find() {
    let folder = tempfile::tempdir().unwrap();
    for (name, files) in both() {
        begin(&files, order(1, folder.path())).unwrap();
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            0,
            "{name}"
        );
    }
}

#[test]
fn a_folder_that_is_not_there_or_not_to_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    for (name, files) in both() {
        match begin(&files, order(1, &gone)) {
            Err(CaptureError::File(path, why)) => {
                assert_eq!(path, gone, "{name}");
                assert!(why.contains("No such file"), "{why}");
            }
            other => panic!("{name}: {other:?}"),
        }
        assert!(files.captures().is_empty(), "{name}");
    }
}

#[test]
fn the_oldest_file_gives_way_and_a_running_capture_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::start().unwrap();
    let last = u32::try_from(CAPTURES_MAX).unwrap();
    for number in 1..=last {
        begin(&files, order(number, folder.path())).unwrap();
    }
    let another = || order(last + 1, folder.path());
    assert_eq!(begin(&files, another()), Err(CaptureError::TooMany));
    files.end(CaptureId(3), CaptureEnd::CallOver);
    assert_eq!(begin(&files, another()), Ok(()));
    let gone = asked(|reply| Recorder::read(&files, CaptureId(3), 0, reply));
    assert_eq!(gone, Err(CaptureError::Gone));
    files.forget(CaptureId(1));
    assert_eq!(begin(&files, order(last + 2, folder.path())), Ok(()));
}

#[test]
fn a_capture_whose_time_is_over_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::start().unwrap();
    let until = Time::ZERO;
    begin(
        &files,
        CaptureOrder {
            until,
            ..order(1, folder.path())
        },
    )
    .unwrap();
    whole(&files, 1);
    assert_eq!(files.captures()[0].end, Some(CaptureEnd::TimeOver));
}
