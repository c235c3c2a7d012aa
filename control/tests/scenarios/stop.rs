//! The end of the server: every call is ended with BYE, and it does not wait for those who do not
//! answer.

use crate::common::phone::ReinviteHabit;
use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::World;
use crate::common::{ms, secs};

#[test]
fn stopping_ends_every_call_with_bye() {
    let mut world = World::new(Site::default());
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    let other = world.park(carol);
    world.stop();
    world.run(secs(1));
    for call in [parked, retriever, other] {
        let view = world.view(call);
        assert!(
            matches!(view, View::Ended(Ending::ByServer { reason: Some(_) })),
            "{view:?}"
        );
    }
    assert!(world.is_stopped);
    assert_eq!(world.workers.len(), 0);
}

#[test]
fn stopping_without_calls_is_done_at_once() {
    let mut world = World::new(Site::default());
    world.stop();
    world.run(ms(100));
    assert!(world.is_stopped);
}

#[test]
fn while_stopping_new_callers_are_refused() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    world.park(alice);
    world.switch_off(alice);
    world.stop();
    let call = world.dial(bob, "park");
    world.run(secs(1));
    let view = world.view(call);
    assert!(
        matches!(view, View::Ended(Ending::Refused { status: 503, .. })),
        "{view:?}"
    );
}

#[test]
fn stopping_does_not_wait_for_phones_that_are_gone() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    world.park(alice);
    world.switch_off(alice);
    world.stop();
    world.run(secs(5) + ms(100));
    assert!(world.is_stopped);
}

#[test]
fn stopping_ends_a_retrieval_in_its_middle() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    world.phones[alice].habits.reinvite = ReinviteHabit::Late(secs(3));
    let orbit = world.orbit(parked).unwrap();
    let retriever = world.dial(bob, &orbit);
    world.run(secs(1));
    world.stop();
    world.run(secs(5) + ms(100));
    assert!(world.call(parked).is_over());
    assert!(world.call(retriever).is_over());
    assert!(world.is_stopped);
}

#[test]
fn stopping_cancels_a_caller_that_was_not_answered_yet() {
    let mut site = Site::default();
    site.media.delay = (secs(2), secs(2));
    let mut world = World::new(site);
    let alice = world.phone("alice");
    let call = world.dial(alice, "park");
    world.run(ms(500));
    world.stop();
    world.run(secs(5) + ms(100));
    assert!(world.call(call).is_over(), "{:?}", world.view(call));
    assert!(world.is_stopped);
}
