//! RTCP and the supervision of silence, under a virtual clock.

use std::net::SocketAddr;
use std::time::Duration;

use super::common::lab::{Lab, Report, TIMEOUT};
use super::common::{media, music, packet, recording};
use dataplane::rtcp::receiver_report::Block;
use dataplane::rtcp::sender_report::SenderReport;
use dataplane::rtcp::{self as ours};
use rtcp::goodbye::Goodbye;
use rtcp::receiver_report::ReceiverReport;
use rtcp::sender_report::SenderReport as Sender;
use rtcp::source_description::SourceDescription;
use shared::{Command, DropReason, Event, Latch, Media, Source, StreamId};

fn phone() -> SocketAddr {
    "192.0.2.7:4000".parse().unwrap()
}

fn phone_rtcp() -> SocketAddr {
    "192.0.2.7:4001".parse().unwrap()
}

fn described() -> Media {
    Media {
        remote_rtcp: Some(phone_rtcp()),
        ..media(Some(phone()))
    }
}

fn find<P: 'static>(report: &Report) -> Option<&P> {
    report
        .packets
        .iter()
        .find_map(|packet| packet.as_any().downcast_ref())
}

/// A compound of the phone, whose SSRC is 7.
fn compound(sender: Option<SenderReport>, block: Option<Block>, bye: bool) -> Vec<u8> {
    let report = ours::Report {
        ssrc: 7,
        cname: b"0123456789abcdef",
        sender,
        block,
        bye,
    };
    let mut out = [0; 512];
    let length = ours::write(&mut out, &report);
    out[..length].to_vec()
}

#[test]
fn reports_leave_at_random_times_of_5_s_compensated_and_the_first_after_half() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let begun = lab.now;
    for index in 0..50 {
        lab.stream(index, described(), music());
    }
    lab.run(60_000);
    let reports = lab.reports();
    let mut firsts = Vec::new();
    for index in 0..50 {
        let times: Vec<_> = reports
            .iter()
            .filter(|it| it.owner.index == index)
            .map(|it| it.at)
            .collect();
        firsts.push((times[0] - begun).as_millis());
        let gaps = times.windows(2).map(|pair| (pair[1] - pair[0]).as_millis());
        // Each is looked after within 100 ms of its time.
        assert!(
            gaps.into_iter().all(|gap| (2_052..=6_256).contains(&gap)),
            "{times:?}"
        );
    }
    assert!(
        firsts.iter().all(|first| (1_026..=3_278).contains(first)),
        "{firsts:?}"
    );
    firsts.sort_unstable();
    assert!(
        firsts[49] - firsts[0] > 1_000,
        "not all at once: {firsts:?}"
    );
    assert!(reports.iter().all(|report| report.to == phone_rtcp()));
}

#[test]
fn who_sends_reports_what_it_sent() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    lab.stream(0, described(), music());
    let begun = lab.now;
    lab.run(10_000);
    let sent = lab.sent();
    for report in lab.reports() {
        let told: &Sender = find(&report).expect("a sender report");
        let before = sent.iter().filter(|sent| sent.at <= report.at);
        let count = u32::try_from(before.clone().count()).unwrap();
        assert_eq!((told.packet_count, told.octet_count), (count, count * 160));
        assert_eq!(told.ssrc, sent[0].packet.header.ssrc);
        let last = before.last().unwrap();
        let age = u32::try_from((report.at - last.at).as_millis()).unwrap() * 8;
        assert_eq!(
            told.rtp_time,
            last.timestamp().wrapping_add(age),
            "the moment of the report"
        );
        let seconds = u32::try_from(told.ntp_time >> 32).unwrap();
        let passed = u32::try_from((report.at - begun).as_secs()).unwrap();
        assert_eq!(seconds - (1_700_000_000 + 2_208_988_800), passed);
        let names: &SourceDescription = find(&report).expect("a name");
        assert_eq!(names.chunks[0].items[0].text.len(), 16);
    }
}

#[test]
fn who_only_listens_reports_what_it_received() {
    let mut lab = Lab::new(Vec::new());
    let stream = lab.stream(0, described(), Source::Silent);
    for sequence in 0..500_u16 {
        let late = u64::from(sequence % 2) * 4;
        lab.run(late);
        let datagram = packet(sequence, u32::from(sequence) * 160, 7, &[0; 160]);
        if sequence % 10 != 9 {
            lab.arrive(stream, phone(), &datagram);
        }
        lab.run(20 - late);
    }
    let reports = lab.reports();
    let told: &ReceiverReport = find(reports.last().unwrap()).expect("a receiver report");
    let block = &told.reports[0];
    assert_eq!(block.ssrc, 7);
    assert!(
        (20..=32).contains(&block.fraction_lost),
        "a tenth of 256: {}",
        block.fraction_lost
    );
    assert!(block.total_lost > 20);
    assert!(
        (25..=40).contains(&block.jitter),
        "4 ms are 32 units: {}",
        block.jitter
    );
}

#[test]
fn after_two_silent_reports_a_sender_is_a_receiver() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let stream = lab.stream(0, described(), music());
    lab.run(8_000);
    lab.send(stream, Source::Silent);
    lab.reports();
    lab.run(30_000);
    let senders: Vec<_> = lab
        .reports()
        .iter()
        .map(|it| find::<Sender>(it).is_some())
        .collect();
    assert!(
        senders.starts_with(&[true]) && senders.ends_with(&[false]),
        "{senders:?}"
    );
    assert!(senders.iter().filter(|sender| **sender).count() <= 2);
}

#[test]
fn the_round_trip_and_the_peers_losses_are_taken_from_its_reports() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let stream = lab.stream(0, described(), music());
    lab.run(4_000);
    let report = lab.reports().pop().unwrap();
    let told: &Sender = find(&report).unwrap();
    let waited = (lab.now - report.at).as_micros();
    let block = Block {
        ssrc: told.ssrc,
        lost: 12,
        last_report: u32::try_from(told.ntp_time >> 16 & 0xffff_ffff).unwrap(),
        // The peer had our report for all the time but 40 ms.
        delay: u32::try_from(((waited - 40_000) << 16) / 1_000_000).unwrap(),
        ..Block::default()
    };
    lab.arrive(stream, phone_rtcp(), &compound(None, Some(block), false));
    lab.command(Command::Close { stream });
    let owner = lab.port.closing.pop().unwrap();
    lab.engine.closed(owner);
    let Some(Event::Closed { stats, .. }) = lab.events().pop() else {
        panic!()
    };
    assert_eq!(stats.lost_by_peer, 12);
    assert!(
        stats.round_trip_us.abs_diff(40_000) < 50,
        "{} µs",
        stats.round_trip_us
    );
}

#[test]
fn the_peers_sender_report_is_answered_with_its_time_and_our_delay() {
    let mut lab = Lab::new(Vec::new());
    let stream = lab.stream(0, described(), Source::Silent);
    lab.arrive(stream, phone(), &packet(0, 0, 7, &[0; 160]));
    let info = SenderReport {
        ssrc: 7,
        ntp: 0x1111_2222_3333_4444,
        timestamp: 0,
        packets: 1,
        octets: 160,
    };
    let heard = lab.now;
    lab.arrive(stream, phone_rtcp(), &compound(Some(info), None, false));
    lab.run(4_000);
    let reports = lab.reports();
    let told: &ReceiverReport = find(&reports[0]).unwrap();
    assert_eq!(told.reports[0].last_sender_report, 0x2222_3333);
    let waited = u32::try_from((reports[0].at - heard).as_millis()).unwrap();
    let delay = waited * 65_536 / 1_000;
    assert!(told.reports[0].delay.abs_diff(delay) < 2);
}

#[test]
fn closing_says_goodbye() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let stream = lab.stream(0, described(), music());
    lab.run(100);
    lab.command(Command::Close { stream });
    let reports = lab.reports();
    let bye: &Goodbye = find(&reports[0]).expect("a goodbye");
    assert_eq!(bye.sources, [lab.sent()[0].packet.header.ssrc]);
}

#[test]
fn a_peers_goodbye_is_told_once_and_only_if_it_is_the_peers() {
    let mut lab = Lab::new(Vec::new());
    let stream = lab.stream(0, described(), Source::Silent);
    lab.arrive(stream, phone(), &packet(0, 0, 7, &[0; 160]));
    let mut other = compound(None, None, true);
    let ssrc = other.len() - 1;
    other[ssrc] = 8;
    lab.arrive(stream, phone_rtcp(), &other);
    assert_eq!(lab.events(), []);
    lab.arrive(
        stream,
        "198.51.100.1:4001".parse().unwrap(),
        &compound(None, None, true),
    );
    assert_eq!(lab.dropped(DropReason::WrongSource), 1);
    for _ in 0..3 {
        lab.arrive(stream, phone_rtcp(), &compound(None, None, true));
    }
    assert_eq!(lab.events(), [Event::PeerBye { stream }]);
}

#[test]
fn a_peer_with_our_ssrc_makes_us_take_another_and_an_echo_does_not_do_so_twice() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let stream = lab.stream(0, described(), music());
    lab.run(100);
    let old = lab.sent()[0].packet.header.ssrc;
    lab.arrive(stream, phone(), &packet(0, 0, old, &[0; 160]));
    lab.run(200);
    let sent = lab.sent();
    let new = sent[0].packet.header.ssrc;
    assert_ne!(new, old);
    let reports = lab.reports();
    let bye: &Goodbye = find(&reports[0]).expect("a goodbye for the old one");
    assert_eq!(bye.sources, [old]);
    lab.arrive(stream, phone(), &packet(1, 160, new, &[0; 160]));
    lab.run(200);
    assert_eq!(lab.sent()[0].packet.header.ssrc, new);
}

#[test]
fn a_silent_peer_is_told_of_once_until_it_is_heard_again() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let supervised = Media {
        supervise: true,
        ..described()
    };
    let stream = lab.stream(0, supervised, music());
    lab.run(20_000);
    lab.arrive(stream, phone(), &packet(0, 0, 7, &[0; 160]));
    lab.run(29_800);
    assert_eq!(lab.events(), []);
    lab.run(7_000);
    let timeout = Event::MediaTimeout { stream };
    assert_eq!(lab.events(), [timeout]);
    lab.run(100_000);
    assert_eq!(lab.events(), []);
    lab.arrive(stream, phone_rtcp(), &compound(None, None, false));
    lab.run(u64::try_from(TIMEOUT.as_millis()).unwrap() + 7_000);
    assert_eq!(lab.events(), [timeout]);
}

#[test]
fn an_unsupervised_peer_may_be_silent() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let stream = lab.stream(0, described(), music());
    lab.run(40_000);
    assert_eq!(lab.events(), []);
    let supervised = Media {
        supervise: true,
        ..described()
    };
    lab.describe(stream, supervised);
    lab.run(29_000);
    assert_eq!(lab.events(), [], "its time begins with the supervision");
}

#[test]
fn a_peer_that_takes_no_rtcp_gets_none() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let stream = lab.stream(0, media(Some(phone())), music());
    lab.run(20_000);
    lab.command(Command::Close { stream });
    assert!(lab.reports().is_empty());
}

#[test]
fn a_digit_whose_end_was_lost_is_told_after_a_silence() {
    let mut lab = Lab::new(Vec::new());
    let stream = lab.stream(0, described(), Source::Silent);
    let mut press = packet(0, 0, 7, &[3, 10, 1, 144]);
    press[1] = 101;
    lab.arrive(stream, phone(), &press);
    lab.jump(Duration::from_millis(100));
    assert_eq!(lab.events(), []);
    lab.run(700);
    let digit = Event::Digit {
        stream,
        code: 3,
        duration_ms: 50,
    };
    assert_eq!(lab.events(), [digit]);
}

/// A phone behind a translator: its RTP and its RTCP come from ports that it does not know of.
fn translated(lab: &mut Lab, latch: Latch) -> (StreamId, SocketAddr) {
    let mut described = described();
    described.latch = latch;
    let stream = lab.stream(0, described, music());
    let outside = SocketAddr::from(([203, 0, 113, 5], 61_000));
    lab.arrive(stream, outside, &packet(0, 0, 7, &[0; 160]));
    let rtcp = SocketAddr::from(([203, 0, 113, 5], 61_001));
    lab.arrive(stream, rtcp, &compound(None, None, false));
    (stream, rtcp)
}

#[test]
fn reports_go_where_the_translated_phones_own_reports_come_from() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let (stream, rtcp) = translated(&mut lab, Latch::Any);
    let again = SocketAddr::from(([203, 0, 113, 5], 62_000));
    lab.arrive(stream, again, &compound(None, None, false));
    lab.run(20_000);
    let reports = lab.reports();
    assert!(reports.len() > 2 && reports.iter().all(|report| report.to == rtcp));
    lab.describe(stream, media("192.0.2.8:4000".parse().ok()));
    let mut moved = described();
    moved.latch = Latch::Any;
    lab.describe(stream, moved);
    lab.run(20_000);
    let reports = lab.reports();
    assert!(reports.len() > 2 && reports.iter().all(|report| report.to == phone_rtcp()));
}

#[test]
fn where_nothing_may_be_learned_reports_go_where_it_was_signalled() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    translated(&mut lab, Latch::Closed);
    lab.run(20_000);
    let reports = lab.reports();
    assert!(reports.len() > 2 && reports.iter().all(|report| report.to == phone_rtcp()));
    assert_eq!(lab.dropped(DropReason::WrongSource), 2);
}

#[test]
fn reports_of_a_stranger_teach_nothing() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let (stream, rtcp) = translated(&mut lab, Latch::Any);
    let stranger = SocketAddr::from(([198, 51, 100, 9], 61_001));
    lab.arrive(stream, stranger, &compound(None, None, true));
    assert_eq!(lab.dropped(DropReason::WrongSource), 1);
    lab.run(20_000);
    assert!(lab.reports().iter().all(|report| report.to == rtcp));
    assert!(!lab.events().contains(&Event::PeerBye { stream }));
}
