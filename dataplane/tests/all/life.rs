//! The life of a stream: opening, closing, stale names, under a virtual clock.

use super::common::lab::Lab;
use super::common::{media, music, packet, recording, stream};
use dataplane::port::Owner;
use shared::{
    Command, DropReason, Event, RefuseReason, Role, RtcpPort, Source, StreamId, StreamStats,
    SyncSource,
};

fn open(stream: StreamId) -> Command {
    Command::Open {
        stream,
        local: "127.0.0.1:4000".parse().unwrap(),
        rtcp: RtcpPort::Mux,
        role: Role::Begin,
        source: SyncSource::numbered(stream.index),
    }
}

fn close(lab: &mut Lab, stream: StreamId) {
    lab.command(Command::Close { stream });
    let owner = lab.port.closing.pop().expect("its sockets are closed");
    lab.engine.closed(owner);
    assert!(matches!(lab.events()[..], [Event::Closed { stream: closed, .. }] if closed == stream));
}

#[test]
fn opening_twice_is_answered_twice_and_done_once() {
    let mut lab = Lab::new(Vec::new());
    let stream = lab.open(0, 0);
    lab.command(open(stream));
    assert_eq!(lab.events(), [Event::Opened { stream }]);
    assert!(lab.port.opening.is_empty());
}

#[test]
fn a_place_beyond_the_table_or_not_yet_free_is_refused() {
    let mut lab = Lab::new(Vec::new());
    lab.open(0, 0);
    let reason = RefuseReason::WorkerFull;
    for stream in [stream(5_000, 0), stream(0, 1)] {
        lab.command(open(stream));
        assert_eq!(lab.events(), [Event::Refused { stream, reason }]);
    }
}

#[test]
fn a_stale_name_never_reaches_a_newer_stream() {
    let mut lab = Lab::new(vec![recording(1_000)]);
    let old = lab.open(0, 0);
    close(&mut lab, old);
    let new = lab.open(0, 1);
    let remote = "192.0.2.7:4000".parse().ok();
    let stale = [
        Command::Describe {
            stream: old,
            media: media(remote),
        },
        Command::Send {
            stream: old,
            source: music(),
        },
        Command::Close { stream: old },
        open(old),
    ];
    for command in stale {
        lab.command(command);
    }
    lab.run(100);
    assert_eq!(lab.dropped(DropReason::StaleStream), 4);
    assert_eq!((lab.events(), lab.sent().len()), (Vec::new(), 0));
    assert!(lab.port.closing.is_empty());
    close(&mut lab, new);
}

#[test]
fn closing_twice_closes_once() {
    let mut lab = Lab::new(Vec::new());
    let stream = lab.open(0, 0);
    lab.command(Command::Close { stream });
    lab.command(Command::Close { stream });
    assert_eq!(lab.port.closing.len(), 1);
}

#[test]
fn a_refused_stream_leaves_its_place() {
    let mut lab = Lab::new(Vec::new());
    let refused = stream(0, 0);
    lab.command(open(refused));
    let owner = lab.port.opening.pop().unwrap();
    let reason = RefuseReason::PortTaken;
    lab.engine.opened(lab.now, owner, Err(reason));
    assert_eq!(
        lab.events(),
        [Event::Refused {
            stream: refused,
            reason
        }]
    );
    lab.open(0, 1);
}

#[test]
fn a_stream_closed_while_it_opens_is_only_closed() {
    let mut lab = Lab::new(Vec::new());
    let hasty = stream(0, 0);
    lab.command(open(hasty));
    lab.command(Command::Describe {
        stream: hasty,
        media: media("192.0.2.7:4000".parse().ok()),
    });
    close(&mut lab, hasty);
}

#[test]
fn described_before_its_sockets_are_bound_it_plays_once_they_are() {
    let mut lab = Lab::new(vec![recording(1_000)]);
    let early = stream(0, 0);
    lab.command(open(early));
    lab.describe(early, media("192.0.2.7:4000".parse().ok()));
    lab.send(early, music());
    lab.run(100);
    assert_eq!(lab.sent().len(), 0);
    let sockets = dataplane::port::Sockets {
        rtp: dataplane::port::Socket(0),
        rtcp: dataplane::port::Socket(0),
    };
    let owner = lab.port.opening.pop().unwrap();
    lab.engine.opened(lab.now, owner, Ok(sockets));
    lab.run(100);
    assert_eq!(lab.sent().len(), 5);
}

#[test]
fn stopping_closes_all_and_admits_nobody() {
    let mut lab = Lab::new(vec![recording(1_000)]);
    for index in 0..3 {
        lab.stream(index, media("192.0.2.7:4000".parse().ok()), music());
    }
    lab.command(Command::Stop);
    assert!(!lab.engine.is_finished());
    let late = stream(7, 0);
    lab.command(open(late));
    assert!(matches!(lab.events()[..], [Event::Refused { .. }]));
    let closing: Vec<Owner> = lab.port.closing.drain(..).collect();
    assert_eq!(closing.len(), 3);
    closing
        .into_iter()
        .for_each(|owner| lab.engine.closed(owner));
    assert!(lab.engine.is_finished());
}

#[test]
fn places_freed_in_any_order_keep_the_others_playing() {
    let mut lab = Lab::new(vec![recording(1_000)]);
    let remote = "192.0.2.7:4000".parse().ok();
    let streams: Vec<_> = (0..200)
        .map(|index| lab.stream(index, media(remote), music()))
        .collect();
    for stream in streams.iter().step_by(3) {
        lab.send(*stream, Source::Silent);
    }
    lab.run(1);
    for stream in streams.iter().skip(1).step_by(3) {
        close(&mut lab, *stream);
    }
    lab.run(19);
    lab.sent();
    lab.run(200);
    let mut counts = std::collections::BTreeMap::new();
    for sent in lab.sent() {
        *counts.entry(sent.owner.index).or_insert(0) += 1;
    }
    assert!(counts.keys().copied().eq((2..200).step_by(3)));
    assert!(counts.values().all(|count| *count == 10));
}

#[test]
fn a_stream_may_go_while_its_packet_is_in_flight() {
    let mut lab = Lab::new(Vec::new());
    let speaker = lab.stream(0, media("192.0.2.7:4000".parse().ok()), Source::Silent);
    let bridge = Source::Bridge { peer: speaker };
    let listener = lab.stream(1, media("192.0.2.8:4000".parse().ok()), bridge);
    let from = "192.0.2.7:4000".parse().unwrap();
    let sent = lab.arrive(speaker, from, &packet(0, 0, 7, &[0; 160]));
    let owner = sent.expect("it is on its way").owner;
    close(&mut lab, listener);
    let newer = lab.open(1, 1);
    lab.engine.dropped(owner, DropReason::SendFailed);
    assert_eq!(lab.dropped(DropReason::SendFailed), 1, "it is counted");
    let arrived = lab.arrive(speaker, from, &packet(1, 160, 7, &[0; 160]));
    assert!(arrived.is_none(), "nobody listens any more");
    lab.command(Command::Close { stream: newer });
    lab.port.closing.pop().unwrap();
    let late = lab.arrive(listener, from, &packet(2, 320, 7, &[0; 160]));
    assert!(
        late.is_none(),
        "nor does what comes for the one that has gone reach another"
    );
    assert_eq!(lab.dropped(DropReason::StaleStream), 1);
    let place = Owner {
        index: 1,
        generation: 1,
    };
    lab.engine.closed(place);
    let closed = Event::Closed {
        stream: newer,
        stats: StreamStats::default(),
    };
    assert_eq!(lab.events(), [closed], "none of it is the newer one's");
}
