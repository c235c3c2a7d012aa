//! Proof that the simulator notices faults: each of these worlds is broken on purpose.

use control::control::{ControlStatus, OrbitStatus};
use control::happening::{Fact, Whom};
use shared::{Command, Role, RtcpPort, Source, StreamId, SyncSource, Time, WorkerId};

use crate::common::media::{Fault, MediaHabits, Workers};
use crate::common::seed::Seed;
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, secs};

#[test]
#[should_panic(expected = "something is left at the end")]
fn a_stream_that_never_closes_is_noticed() {
    let mut world = broken(Fault::ForgetsClosed);
    let alice = world.phone("alice");
    world.park(alice);
    world.finish();
}

#[test]
#[should_panic(expected = "alice watching 701")]
fn a_lamp_that_shows_what_is_not_so_is_noticed() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let [alice, bob] = ["alice", "bob"].map(|name| world.phone(name));
    world.with(alice, |phone, now| phone.watch(now, "701", secs(600)));
    world.run(secs(1));
    assert_eq!(checks::lamps(&world), 1);
    world.phones[alice].is_dead = true;
    world.park(bob);
    world.phones[alice].is_dead = false;
    checks::lamps(&world);
}

/// One lamp, lit for bob's call, and a third phone.
fn lit() -> (World, [usize; 3]) {
    let mut site = Site::default().orbits(701, 701);
    site.config.park.reveal_dialogs_to = vec!["198.51.100.0/24".parse().unwrap()];
    let mut world = World::new(site);
    let phones = ["alice", "bob", "carol"].map(|name| world.phone(name));
    world.with(phones[0], |phone, now| phone.watch(now, "701", secs(600)));
    world.park(phones[1]);
    world.run(secs(1));
    assert_eq!(checks::lamps(&world), 1);
    (world, phones)
}

#[test]
#[should_panic(expected = "shows another call")]
fn a_lamp_that_is_lit_for_a_call_before_is_noticed() {
    let (mut world, [alice, ..]) = lit();
    for lamp in world.phones[alice].watches[0].lamps.values_mut() {
        lamp.call_id = Some("of-somebody-else".to_owned());
    }
    checks::lamps(&world);
}

#[test]
#[should_panic(expected = "has left its parker and was not parked")]
fn who_has_left_its_parker_in_vain_is_noticed() {
    let (mut world, [_, bob, carol]) = lit();
    let refer_to = world.call_elsewhere(carol, bob);
    world.hang_up(CallRef {
        phone: bob,
        call: 0,
    });
    world.run(secs(1));
    world.with(bob, |phone, now| phone.refer(now, "park", &refer_to));
    world.run(secs(1));
    checks::nobody_changed_over_in_vain(&world);
    world.phones[carol].calls[0].call_id = "not-parked".to_owned();
    checks::nobody_changed_over_in_vain(&world);
}

#[test]
#[should_panic(expected = "of a call that does not wait")]
fn a_recall_after_a_retrieval_is_noticed() {
    let (mut world, [_, bob, carol]) = lit();
    let parked = CallRef {
        phone: bob,
        call: 0,
    };
    world.retrieve(carol, parked);
    let mut recall = world.history.all.last().unwrap().clone();
    recall.fact = Fact::RecallBegun {
        attempt: 1,
        whom: Whom::Parker,
        target: "sip:desk@example.com".into(),
    };
    let now = recall.at;
    world.history.fold(now, &recall);
}

#[test]
#[should_panic(expected = "is parked and hears")]
fn a_parked_caller_who_hears_nothing_is_noticed() {
    let mut world = broken(Fault::IgnoresSend);
    let alice = world.phone("alice");
    world.dial(alice, "park");
    world.run(secs(2));
}

#[test]
#[should_panic(expected = "was not described")]
fn a_stream_without_an_address_is_noticed() {
    let mut world = broken(Fault::IgnoresDescribe);
    let alice = world.phone("alice");
    world.dial(alice, "park");
    world.run(secs(2));
}

#[test]
#[should_panic(expected = "has not come to rest")]
fn a_call_under_way_is_not_taken_for_settled() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    world.park(alice);
    world.with(alice, |phone, now| phone.refresh(now, 0, true));
    checks::agreement(&world);
}

#[test]
#[should_panic(expected = "two calls in one orbit")]
fn an_orbit_claimed_twice_is_noticed() {
    let status = ControlStatus {
        parked: 2,
        free: 98,
        calls: 2,
        legs: 2,
        ..Default::default()
    };
    checks::counts(&status, &[orbit("700", "a"), orbit("700", "b")], 100);
}

#[test]
#[should_panic(expected = "one call in two orbits")]
fn a_call_in_two_orbits_is_noticed() {
    checks::one_orbit_each(&[orbit("700", "a"), orbit("701", "a")]);
}

#[test]
#[should_panic(expected = "an orbit is lost")]
fn a_lost_orbit_is_noticed() {
    let status = ControlStatus {
        parked: 1,
        free: 98,
        calls: 1,
        legs: 1,
        ..Default::default()
    };
    checks::counts(&status, &[orbit("700", "a")], 100);
}

#[test]
#[should_panic(expected = "a leg outlived its call")]
fn a_leg_without_a_call_is_noticed() {
    let status = ControlStatus {
        free: 100,
        legs: 1,
        ..Default::default()
    };
    checks::counts(&status, &[], 100);
}

#[test]
#[should_panic(expected = "not open")]
fn a_command_for_a_stream_that_was_never_opened_is_noticed() {
    let mut workers = workers();
    command(
        &mut workers,
        Command::Send {
            stream: stream(0, 1),
            source: Source::Silent,
        },
    );
}

#[test]
#[should_panic(expected = "Send for w0/0g1")]
fn a_command_before_the_stream_is_reported_open_is_noticed() {
    let mut workers = workers();
    command(&mut workers, open(stream(0, 1), 20_000));
    command(
        &mut workers,
        Command::Send {
            stream: stream(0, 1),
            source: Source::Silent,
        },
    );
}

#[test]
#[should_panic(expected = "generation 1 was there before")]
fn a_generation_used_twice_is_noticed() {
    let mut workers = workers();
    for _ in 0..2 {
        open_and_close(&mut workers, stream(0, 1));
    }
}

#[test]
#[should_panic(expected = "is in use")]
fn a_port_used_twice_is_noticed() {
    let mut workers = workers();
    command(&mut workers, open(stream(0, 1), 20_000));
    command(&mut workers, open(stream(1, 1), 20_000));
}

#[test]
#[should_panic(expected = "bridges a third stream")]
fn a_bridge_that_does_not_lead_back_is_noticed() {
    let mut workers = workers();
    let streams = [0, 1, 2].map(|index| stream(index, 1));
    for (port, stream) in (20_000..).step_by(2).zip(streams) {
        tell(&mut workers, open(stream, port));
    }
    for (from, to) in [(0, 1), (1, 2)] {
        let source = Source::Bridge { peer: streams[to] };
        command(
            &mut workers,
            Command::Send {
                stream: streams[from],
                source,
            },
        );
    }
    workers.check();
}

fn broken(fault: Fault) -> World {
    let mut site = Site::default();
    site.media.fault = Some(fault);
    World::new(site)
}

fn orbit(orbit: &str, call_id: &str) -> OrbitStatus {
    OrbitStatus {
        orbit: orbit.to_owned(),
        call_id: call_id.to_owned(),
        parked_at: Time::ZERO,
        retrieving: false,
        recalling: false,
        adopting: false,
    }
}

fn workers() -> Workers {
    Workers::new(Seed::new(1), &[(WorkerId(0), 8)], MediaHabits::default())
}

const fn stream(index: u32, generation: u32) -> StreamId {
    StreamId {
        worker: WorkerId(0),
        index,
        generation,
    }
}

fn open(stream: StreamId, port: u16) -> Command {
    let local = std::net::SocketAddr::from(([192, 0, 2, 1], port));
    Command::Open {
        stream,
        local,
        rtcp: RtcpPort::Next,
        role: Role::Begin,
        source: SyncSource::numbered(stream.index),
    }
}

fn command(workers: &mut Workers, command: Command) {
    workers.command(Time::ZERO, WorkerId(0), command);
}

/// Obeys, and tells what follows at once.
fn tell(workers: &mut Workers, command: Command) {
    for (_, event) in workers.command(Time::ZERO, WorkerId(0), command) {
        workers.told(WorkerId(0), &event);
    }
}

fn open_and_close(workers: &mut Workers, stream: StreamId) {
    tell(workers, open(stream, 20_000));
    tell(workers, Command::Close { stream });
}
