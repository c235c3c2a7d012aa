//! The parkee goes while somebody is being connected with it.

use crate::common::phone::ReinviteHabit;
use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, ms, secs};

#[test]
fn a_parkee_that_hangs_up_ends_the_retrieval_at_once() {
    let (mut world, parked, retriever) = retrieving(ReinviteHabit::Late(secs(3)));
    world.hang_up(parked);
    world.run(ms(100));
    assert!(is_refused(&world, retriever), "{:?}", world.view(retriever));
    assert_eq!(world.status().parked, 0);
    world.finish();
}

#[test]
fn a_bye_that_crosses_the_offer_leaves_nothing_behind() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    let retriever = world.dial(bob, &orbit);
    world.run_until(secs(1), "offered", |world| world.sent(alice, "INVITE") == 1);
    world.hang_up(parked);
    world.run(secs(1));
    assert!(is_refused(&world, retriever), "{:?}", world.view(retriever));
    assert_eq!(world.status().legs, 0);
    world.finish();
}

#[test]
fn a_bye_right_after_the_answer_ends_the_retriever_as_well() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    let retriever = world.dial(bob, &orbit);
    world.run_until(secs(1), "answered", |world| {
        world.view(parked) == View::Talking
    });
    world.hang_up(parked);
    world.run(secs(1));
    assert!(
        world.call(retriever).is_over(),
        "{:?}",
        world.view(retriever)
    );
    assert_eq!(world.status().legs, 0);
    world.finish();
}

#[test]
fn a_parkee_that_vanished_does_not_keep_the_retriever_waiting() {
    let (mut world, parked, retriever) = retrieving(ReinviteHabit::Accept);
    world.switch_off(parked.phone);
    world.run(secs(12));
    assert!(is_refused(&world, retriever), "{:?}", world.view(retriever));
    world.run(secs(150));
    assert_eq!(
        world.status().parked,
        0,
        "it is found to be gone in the end"
    );
    world.finish();
}

#[test]
fn a_parkee_that_refuses_stays_parked_with_its_music() {
    for status in [488, 500, 603] {
        let (mut world, parked, retriever) = retrieving(ReinviteHabit::Refuse(status));
        world.run(secs(1));
        assert!(is_refused(&world, retriever), "{:?}", world.view(retriever));
        assert!(world.orbit(parked).is_some());
        assert!(world.hears_music(parked));
        checks::agreement(&world);
        world.phones[parked.phone].habits.reinvite = ReinviteHabit::Accept;
        let second = world.retrieve(retriever.phone, parked);
        assert!(world.are_joined(parked, second));
        world.finish();
    }
}

#[test]
fn a_parkee_that_knows_of_no_call_is_forgotten() {
    let (mut world, parked, retriever) = retrieving(ReinviteHabit::Refuse(481));
    world.run(secs(1));
    assert!(is_refused(&world, retriever), "{:?}", world.view(retriever));
    assert_eq!(world.status().parked, 0);
    world.hang_up(parked);
    world.finish();
}

/// A parked call and somebody who dialled its orbit just now.
fn retrieving(habit: ReinviteHabit) -> (World, CallRef, CallRef) {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    world.phones[alice].habits.reinvite = habit;
    let orbit = world.orbit(parked).unwrap();
    let retriever = world.dial(bob, &orbit);
    (world, parked, retriever)
}

fn is_refused(world: &World, call: CallRef) -> bool {
    matches!(world.view(call), View::Ended(Ending::Refused { .. }))
}
