//! Playing prompts, under a virtual clock.

use std::collections::BTreeMap;
use std::time::Duration;

use super::common::lab::{Lab, Sent, assert_continuous};
use super::common::{media, music, recording};
use shared::{Codec, DropReason, Event, PromptId, PromptStart, Ptime, Repeat, Source, StreamStats};

const PEER: &str = "192.0.2.7:4000";

fn described() -> shared::Media {
    media(PEER.parse().ok())
}

fn programme() -> Source {
    Source::Prompt {
        prompt: PromptId(0),
        start: PromptStart::Programme,
        repeat: Repeat::Forever,
    }
}

fn audio_of(sent: &[Sent]) -> Vec<u8> {
    sent.iter()
        .flat_map(|sent| sent.packet.payload.iter().copied())
        .collect()
}

fn endless(samples: u32, from: usize, count: usize) -> Vec<u8> {
    let recording = recording(samples);
    let audio = recording.audio(Codec::Pcmu);
    audio
        .iter()
        .copied()
        .cycle()
        .skip(from)
        .take(count)
        .collect()
}

#[test]
fn every_packet_leaves_on_its_own_grid() {
    let mut lab = Lab::new(vec![recording(1_000)]);
    for index in 0..100 {
        lab.stream(index, described(), music());
    }
    lab.run(2_000);
    let mut by_stream: BTreeMap<u32, Vec<Sent>> = BTreeMap::new();
    for sent in lab.sent() {
        by_stream.entry(sent.owner.index).or_default().push(sent);
    }
    for (index, sent) in by_stream {
        assert_eq!(sent.len(), 100, "stream {index}");
        let gaps = sent
            .windows(2)
            .map(|pair| (pair[1].at - pair[0].at).as_millis());
        assert!(gaps.into_iter().all(|gap| gap == 20));
        assert_continuous(&sent);
    }
}

#[test]
fn a_stall_is_made_up_for_in_order_and_its_lateness_is_recorded() {
    let mut lab = Lab::new(vec![recording(1_000)]);
    for index in 0..20 {
        lab.stream(index, described(), music());
    }
    lab.run(20);
    lab.sent();
    lab.jump(Duration::from_millis(200));
    let late = lab.sent();
    assert_eq!(late.len(), 200, "ten packets of each of twenty streams");
    for pair in late.windows(21) {
        assert_eq!(pair[20].owner, pair[0].owner, "slot after slot");
        assert_eq!(pair[20].sequence(), pair[0].sequence().wrapping_add(1));
        assert_eq!(pair[20].timestamp(), pair[0].timestamp().wrapping_add(160));
    }
    let slow: u64 = lab.stats.lateness.counts()[17..].iter().sum();
    assert!(
        (120..=140).contains(&slow),
        "{slow} packets more than 65 ms late"
    );
    lab.run(20);
    assert_eq!(lab.sent().len(), 20, "and then as before");
}

#[test]
fn a_stall_below_two_seconds_costs_no_packet_and_afterwards_no_slot_has_more_than_its_share() {
    const STREAMS: usize = 1_000;
    const FAIR_SHARE: usize = STREAMS / 20;
    let mut lab = Lab::new(vec![recording(1_000)]);
    for index in 0..1_000 {
        lab.stream(index, described(), music());
    }
    lab.run(20);
    let first = lab.sent();
    lab.jump(Duration::from_millis(1_980));
    let late = lab.sent();
    assert_eq!(late.len(), STREAMS * 99, "all that was missed");
    for (before, after) in first.iter().zip(&late) {
        assert_eq!(after.owner, before.owner, "the order of the slots");
    }
    for _ in 0..40 {
        lab.run(1);
        let count = lab.sent().len();
        assert!(count <= 2 * FAIR_SHARE, "{count} in a millisecond");
    }
}

#[test]
fn after_a_stop_of_the_whole_machine_there_is_no_flood() {
    let mut lab = Lab::new(vec![recording(1_000)]);
    lab.stream(0, described(), music());
    lab.run(100);
    let before = lab.sent();
    lab.jump(Duration::from_secs(60));
    lab.run(100);
    let after = lab.sent();
    assert_eq!(after.len(), 5);
    assert!(after[0].marker());
    let last = before.last().unwrap();
    assert_eq!(after[0].sequence(), last.sequence().wrapping_add(1));
    let passed = u32::try_from((after[0].at - last.at).as_millis()).unwrap();
    assert_eq!(
        after[0].timestamp().wrapping_sub(last.timestamp()),
        passed * 8
    );
}

#[test]
fn all_who_follow_the_programme_hear_the_same_moment() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    lab.stream(0, described(), programme());
    lab.run(333);
    lab.stream(1, described(), programme());
    lab.run(5_000);
    for sent in lab.sent() {
        let moment = usize::try_from(sent.at.as_millis()).unwrap() * 8;
        assert_eq!(audio_of(&[sent]), endless(5_000, moment % 5_000, 160));
    }
}

#[test]
fn a_start_of_ones_own_begins_where_it_was_asked_to() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let source = Source::Prompt {
        prompt: PromptId(0),
        start: PromptStart::At { position_ms: 500 },
        repeat: Repeat::Forever,
    };
    lab.stream(0, described(), source);
    lab.run(1_000);
    let sent = lab.sent();
    assert_eq!(audio_of(&sent), endless(5_000, 4_000, sent.len() * 160));
}

#[test]
fn a_prompt_played_twice_ends_and_says_so() {
    let mut lab = Lab::new(vec![recording(1_000)]);
    let source = Source::Prompt {
        prompt: PromptId(0),
        start: PromptStart::At { position_ms: 0 },
        repeat: Repeat::Times(2),
    };
    let stream = lab.stream(0, described(), source);
    lab.run(1_000);
    let heard = audio_of(&lab.sent());
    assert_eq!(heard.len(), 2_080, "2,000 samples fill 13 packets");
    assert_eq!(heard[..2_000], endless(1_000, 0, 2_000));
    assert!(
        heard[2_000..]
            .iter()
            .all(|byte| *byte == Codec::Pcmu.silence())
    );
    assert_eq!(lab.events(), [Event::PromptEnded { stream }]);
    lab.send(stream, source);
    lab.run(100);
    assert_eq!(lab.sent().len(), 5, "the same command plays it again");
}

#[test]
fn on_hold_nothing_is_sent_and_timestamps_go_on() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let stream = lab.stream(0, described(), programme());
    lab.run(200);
    let mut held = described();
    held.send = false;
    lab.describe(stream, held);
    let mut sent = lab.sent();
    lab.run(5_003);
    assert_eq!(lab.sent().len(), 0);
    lab.describe(stream, described());
    lab.run(200);
    let resumed = lab.sent();
    assert!(resumed[0].marker() && !resumed[1].marker());
    let moment = usize::try_from(resumed[0].at.as_millis()).unwrap() * 8;
    assert_eq!(audio_of(&resumed[..1]), endless(5_000, moment % 5_000, 160));
    sent.extend(resumed);
    assert_continuous(&sent);
}

#[test]
fn an_announcement_on_hold_goes_on_where_it_was_interrupted() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let stream = lab.stream(0, described(), music());
    lab.run(200);
    let mut held = described();
    held.send = false;
    lab.describe(stream, held);
    lab.run(1_000);
    lab.describe(stream, described());
    lab.run(200);
    let sent = lab.sent();
    assert_eq!(audio_of(&sent), endless(5_000, 0, sent.len() * 160));
}

#[test]
fn describing_a_stream_anew_does_not_disturb_its_music() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let stream = lab.stream(0, described(), music());
    lab.run(100);
    let moved = media("192.0.2.8:5000".parse().ok());
    lab.describe(stream, moved);
    lab.send(stream, music());
    lab.run(100);
    let sent = lab.sent();
    assert_continuous(&sent);
    assert!(sent.iter().skip(1).all(|sent| !sent.marker()));
    assert_eq!(audio_of(&sent), endless(5_000, 0, sent.len() * 160));
    assert_eq!(sent[4].to, PEER.parse().unwrap());
    assert_eq!(sent[5].to, "192.0.2.8:5000".parse().unwrap());
}

#[test]
fn another_packet_time_changes_the_packets_and_not_the_sender() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let stream = lab.stream(0, described(), music());
    lab.run(100);
    let mut longer = described();
    longer.ptime = Ptime::new(60).unwrap();
    lab.describe(stream, longer);
    lab.run(300);
    let sent = lab.sent();
    let sizes: Vec<_> = sent.iter().map(|sent| sent.packet.payload.len()).collect();
    assert_eq!(sizes[..5], [160; 5]);
    assert!(sizes[5..].iter().all(|size| *size == 480) && sizes.len() >= 9);
    assert_eq!(audio_of(&sent), endless(5_000, 0, sizes.iter().sum()));
    assert_eq!(sent[5].sequence(), sent[4].sequence().wrapping_add(1));
    assert!(sent[5].timestamp().wrapping_sub(sent[4].timestamp()) >= 160);
}

#[test]
fn a_replaced_prompt_is_taken_up_without_a_missing_packet() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    for index in 0..100 {
        lab.stream(index, described(), programme());
    }
    lab.run(200);
    lab.sent();
    lab.prompts.put(PromptId(0), recording(800));
    lab.run(20);
    lab.sent();
    lab.run(200);
    let sent = lab.sent();
    assert_eq!(sent.len(), 1_000);
    for sent in sent {
        let moment = usize::try_from(sent.at.as_millis()).unwrap() * 8;
        assert_eq!(audio_of(&[sent]), endless(800, moment % 800, 160));
    }
}

#[test]
fn a_prompt_replaced_under_five_thousand_streams_costs_none_of_them_a_packet() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    for index in 0..5_000 {
        lab.stream(index, described(), programme());
    }
    lab.run(50);
    for length in [800, 2_400, 1_600] {
        lab.prompts.put(PromptId(0), recording(length));
        lab.run(50);
    }
    let mut next = BTreeMap::new();
    for sent in lab.sent() {
        let expected = next.entry(sent.owner.index).or_insert_with(|| sent.clone());
        assert_eq!(sent.sequence(), expected.sequence(), "{:?}", sent.owner);
        assert_eq!(sent.timestamp(), expected.timestamp(), "{:?}", sent.owner);
        expected.packet.header.sequence_number = sent.sequence().wrapping_add(1);
        expected.packet.header.timestamp = sent.timestamp().wrapping_add(160);
    }
    assert_eq!(next.len(), 5_000);
    lab.run(20);
    for sent in lab.sent() {
        let moment = usize::try_from(sent.at.as_millis()).unwrap() * 8;
        assert_eq!(audio_of(&[sent]), endless(1_600, moment % 1_600, 160));
    }
    assert_eq!(lab.prompts.sweep(), 0, "the old ones are freed");
}

#[test]
fn a_replaced_prompt_is_let_go_when_its_last_player_leaves() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let old = std::sync::Arc::downgrade(&lab.prompts.current(PromptId(0)).unwrap());
    let [one, other] = [0, 1].map(|index| lab.stream(index, described(), programme()));
    lab.run(20);
    lab.send(one, Source::Silent);
    lab.prompts.put(PromptId(0), recording(800));
    lab.prompts.sweep();
    assert!(old.upgrade().is_some(), "one still plays it");
    lab.send(other, Source::Silent);
    lab.prompts.sweep();
    assert!(old.upgrade().is_none());
}

#[test]
fn a_replaced_prompt_is_let_go() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    let old = std::sync::Arc::downgrade(&lab.prompts.current(PromptId(0)).unwrap());
    lab.stream(0, described(), programme());
    lab.run(20);
    lab.prompts.put(PromptId(0), recording(800));
    assert!(old.upgrade().is_some(), "somebody plays it");
    lab.run(20);
    lab.prompts.sweep();
    assert!(old.upgrade().is_none());
}

#[test]
fn a_packet_the_ring_does_not_take_is_a_loss_and_not_a_delay() {
    let mut lab = Lab::new(vec![recording(5_000)]);
    lab.stream(0, described(), music());
    lab.run(100);
    lab.port.full = true;
    lab.run(20);
    lab.port.full = false;
    lab.run(100);
    let sent = lab.sent();
    assert_eq!(lab.dropped(DropReason::RingFull), 1);
    assert_eq!(sent[5].sequence(), sent[4].sequence().wrapping_add(2));
    assert_eq!(sent[5].timestamp(), sent[4].timestamp().wrapping_add(320));
    assert_eq!(lab.stats.rtp_sent.load(), sent.len() as u64);
}

#[test]
fn a_closed_stream_tells_what_it_did_and_where_its_music_was() {
    let mut lab = Lab::new(vec![recording(8_000)]);
    let stream = lab.stream(0, described(), music());
    lab.run(500);
    lab.command(shared::Command::Close { stream });
    let owner = lab.port.closing.pop().unwrap();
    lab.engine.closed(owner);
    let stats = StreamStats {
        sent: 25,
        prompt_position_ms: 500,
        ..StreamStats::default()
    };
    assert_eq!(lab.events(), [Event::Closed { stream, stats }]);
    lab.run(100);
    assert_eq!(lab.sent().len(), 25);
}

#[test]
fn nothing_is_sent_while_the_remote_is_not_known() {
    let mut lab = Lab::new(vec![recording(8_000)]);
    let stream = lab.stream(0, media(None), music());
    lab.run(500);
    assert_eq!(lab.sent().len(), 0);
    lab.describe(stream, described());
    lab.run(40);
    let sent = lab.sent();
    assert_eq!(
        audio_of(&sent),
        endless(8_000, 0, 320),
        "and then from the beginning"
    );
}
