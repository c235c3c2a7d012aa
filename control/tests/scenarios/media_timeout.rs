//! A joined phone whose audio and RTCP stop is gone: the other is told.

use crate::common::phone::Hold;
use crate::common::phone::call::{Ending, View};
use crate::common::secs;
use crate::common::site::Site;
use crate::common::world::World;

#[test]
fn a_joined_phone_that_falls_silent_ends_the_call() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    world.switch_off(alice);
    world.run(secs(29));
    assert_eq!(world.view(retriever), View::Talking);
    world.run(secs(2));
    let view = world.view(retriever);
    assert!(
        matches!(view, View::Ended(Ending::ByServer { reason: Some(_) })),
        "{view:?}"
    );
    world.finish();
}

#[test]
fn a_parked_phone_may_be_silent() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let parked = world.park(alice);
    assert!(!world.stream(parked).media.unwrap().supervise);
    world.finish();
}

#[test]
fn a_phone_that_holds_may_be_silent() {
    for hold in [Hold::SendOnly, Hold::Inactive, Hold::ZeroAddress] {
        a_phone_that_holds_so_may_be_silent(hold);
    }
}

fn a_phone_that_holds_so_may_be_silent(hold: Hold) {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    assert!(world.stream(parked).media.unwrap().supervise);
    world.with(alice, |phone, now| phone.hold(now, 0, hold));
    world.run(secs(1));
    assert!(!world.stream(parked).media.unwrap().supervise);
    world.with(alice, |phone, now| phone.resume(now, 0));
    world.run(secs(1));
    assert!(world.stream(parked).media.unwrap().supervise);
    assert!(world.are_joined(parked, retriever));
    world.finish();
}
