//! A server that is drained: it takes no more calls, and those that are there run to their end.

use control::happening::Fact;

use crate::common::phone::call::{Ending, View};
use crate::common::phone::callee::RingHabit;
use crate::common::site::Site;
use crate::common::world::World;
use crate::common::{checks, ms, secs};

/// A server with one call parked, which is being drained, and two more phones.
fn draining(site: Site) -> (World, crate::common::world::CallRef, usize, usize) {
    let mut world = World::new(site);
    let (alice, bob, carol) = (
        world.phone("alice"),
        world.phone("bob"),
        world.phone("carol"),
    );
    let referred_by = ("Referred-By", "<sip:bob@198.51.100.2:5060>".to_owned());
    let parked = world.dial_with(alice, "701", &[referred_by]);
    world.run(secs(1));
    world.drain();
    world.run(secs(1));
    assert!(world.status().is_draining && !world.is_stopped);
    (world, parked, bob, carol)
}

#[test]
fn row_45_a_server_that_is_drained_parks_nobody_and_says_when_to_try_again() {
    let (mut world, parked, bob, carol) = draining(Site::default());
    let calls = [
        world.dial(carol, "park"),
        world.dial_with(
            carol,
            "702",
            &[("Referred-By", "<sip:a@example.com>".into())],
        ),
    ];
    world.run(secs(1));
    for call in calls {
        let View::Ended(Ending::Refused {
            status: 503,
            reason: Some(reason),
        }) = world.view(call)
        else {
            panic!("{:?}", world.view(call));
        };
        assert!(reason.contains("Server is drained"), "{reason}");
    }
    let refer_to = world.call_elsewhere(bob, carol);
    world.with(carol, |phone, now| phone.refer(now, "park", &refer_to));
    world.run(secs(1));
    assert_eq!(world.sent(carol, "SIP/2.0 503"), 3);
    assert_eq!(world.status().parked, 1);
    assert!(world.hears_music(parked));
    let failed: Vec<_> = world.history.tally.parks_failed.iter().collect();
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].0.name, *failed[0].1), ("draining", 3));
    let told = world
        .history
        .facts()
        .filter(|fact| **fact == Fact::DrainBegun);
    assert_eq!(told.count(), 1);
}

#[test]
fn row_45_a_call_that_waits_is_retrieved_and_its_end_is_the_end_of_the_server() {
    let (mut world, parked, _, carol) = draining(Site::default());
    let retrieved = world.retrieve(carol, parked);
    world.run(secs(30));
    assert!(world.are_joined(parked, retrieved) && !world.is_stopped);
    checks::agreement(&world);
    world.hang_up(retrieved);
    world.run(secs(1));
    assert!(world.is_stopped);
    assert_eq!(world.workers.len(), 0);
}

#[test]
fn row_45_a_call_that_waits_comes_back_to_its_parker() {
    let (mut world, parked, bob, _) = draining(Site::default().pickup_timeout(secs(10)));
    world.phones[bob].habits.ring = RingHabit::Answer(secs(1));
    world.run(secs(12));
    let recall = world.last_call(bob);
    assert!(world.are_joined(parked, recall));
    world.hang_up(recall);
    world.run(secs(1));
    assert!(world.is_stopped);
}

#[test]
fn a_retrieved_call_is_not_parked_anew_while_the_server_is_drained() {
    let (mut world, parked, _, carol) = draining(Site::default());
    let retrieved = world.retrieve(carol, parked);
    let refer = |phone: &mut crate::common::phone::Phone, now| {
        phone.refer_in(now, retrieved.call, "park");
    };
    world.with(carol, refer);
    world.run(secs(1));
    assert_eq!(world.sent(carol, "SIP/2.0 503"), 1);
    assert!(world.are_joined(parked, retrieved));
}

#[test]
fn a_server_without_calls_is_drained_at_once() {
    let mut world = World::new(Site::default());
    world.drain();
    world.run(ms(100));
    assert!(world.is_stopped);
}

#[test]
fn a_drain_that_takes_too_long_is_ended_by_a_stop() {
    let (mut world, parked, ..) = draining(Site::default());
    world.stop();
    world.run(secs(1));
    let view = world.view(parked);
    let is_told = matches!(view, View::Ended(Ending::ByServer { reason: Some(_) }));
    assert!(is_told && world.is_stopped, "{view:?}");
}
