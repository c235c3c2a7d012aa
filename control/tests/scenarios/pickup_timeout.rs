//! Nobody came: the call ends with a Reason and its orbit is free.

use crate::common::phone::ReinviteHabit;
use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::World;
use crate::common::{checks, ms, secs};

#[test]
fn a_call_nobody_retrieves_ends_with_a_reason() {
    let mut world = World::new(Site::default().pickup_timeout(secs(10)));
    let alice = world.phone("alice");
    let call = world.park(alice);
    world.run(secs(9));
    assert_eq!(world.view(call), View::Listening);
    world.run(secs(2));
    let View::Ended(Ending::ByServer {
        reason: Some(reason),
    }) = world.view(call)
    else {
        panic!("{:?}", world.view(call));
    };
    assert!(reason.starts_with("SIP;cause=480"), "{reason}");
    assert!(reason.contains("Not retrieved in time"), "{reason}");
    assert_eq!(world.status().free, 100);
    world.finish();
}

#[test]
fn a_retrieved_call_is_not_ended() {
    let mut world = World::new(Site::default().pickup_timeout(secs(10)));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    world.run(secs(60));
    assert!(world.are_joined(parked, retriever));
    world.finish();
}

#[test]
fn a_retrieval_in_the_last_moment_goes_on() {
    let mut world = World::new(Site::default().pickup_timeout(secs(10)));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    world.phones[alice].habits.reinvite = ReinviteHabit::Late(secs(3));
    world.run(secs(9));
    let retriever = world.dial(bob, &orbit);
    world.run(secs(5));
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_retrieval_that_fails_after_the_last_moment_ends_the_call() {
    let mut world = World::new(Site::default().pickup_timeout(secs(10)));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    world.phones[alice].habits.reinvite = ReinviteHabit::Late(secs(3));
    world.run(secs(9));
    let retriever = world.dial(bob, &orbit);
    world.run(secs(2));
    world.hang_up(retriever);
    world.run(secs(5));
    assert!(matches!(
        world.view(parked),
        View::Ended(Ending::ByServer { .. })
    ));
    assert_eq!(world.status().parked, 0);
    world.finish();
}

#[test]
fn a_switched_off_phone_is_forgotten_after_its_time() {
    let mut world = World::new(Site::default().pickup_timeout(secs(10)));
    let alice = world.phone("alice");
    world.park(alice);
    world.switch_off(alice);
    world.run(secs(10) + ms(500));
    assert_eq!(world.status().parked, 0);
    world.finish();
}
