//! CANCEL before, while and after the answer is on its way (RFC 3261 §9).

use crate::common::phone::ReinviteHabit;
use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, ms, secs};

#[test]
fn a_cancelled_caller_leaves_nothing_behind() {
    let mut site = Site::default();
    site.media.delay = (secs(2), secs(2));
    let mut world = World::new(site);
    let alice = world.phone("alice");
    let call = world.dial(alice, "park");
    world.run(secs(1));
    world.hang_up(call);
    world.run(ms(500));
    assert!(is_refused(&world, call, 487), "{:?}", world.view(call));
    assert_eq!(world.status().parked, 0);
    world.run(secs(5));
    assert_eq!(
        world.workers.len(),
        0,
        "the stream that opened too late is closed"
    );
    world.finish();
}

#[test]
fn a_cancel_that_crosses_the_answer_ends_with_bye() {
    let mut site = Site::default();
    site.media.delay = (ms(400), ms(400));
    let mut world = World::new(site);
    let alice = world.phone("alice");
    let call = world.dial(alice, "park");
    world.run_until(secs(2), "the 2xx is on its way", |world| {
        world.sent(alice, "SIP/2.0 200") == 1
    });
    world.hang_up(call);
    world.run(secs(1));
    assert_eq!(world.view(call), View::Ended(Ending::HungUp));
    assert_eq!(world.status().parked, 0);
    world.finish();
}

#[test]
fn a_retriever_that_cancels_leaves_the_call_parked_in_its_orbit() {
    let mut world = World::new(Site::default().pickup_timeout(secs(60)));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    let since = world.parked(parked).unwrap().parked_at;
    world.phones[alice].habits.reinvite = ReinviteHabit::Late(secs(3));
    let retriever = world.dial(bob, &orbit);
    world.run(secs(1));
    world.hang_up(retriever);
    world.run(ms(500));
    assert!(
        is_refused(&world, retriever, 487),
        "{:?}",
        world.view(retriever)
    );
    world.phones[alice].habits.reinvite = ReinviteHabit::Accept;
    world.run(secs(10));
    assert_eq!(world.orbit(parked), Some(orbit));
    assert_eq!(world.view(parked), View::Listening);
    assert!(world.hears_music(parked));
    checks::agreement(&world);
    world.run(since + secs(59) - world.now);
    assert_eq!(world.view(parked), View::Listening, "its time is not over");
    world.run(secs(2));
    assert!(
        world.call(parked).is_over(),
        "its time went on while it was being retrieved"
    );
    world.finish();
}

#[test]
fn a_call_whose_retrieval_was_cancelled_can_be_retrieved_by_another() {
    let mut world = World::new(Site::default());
    let (alice, bob, carol) = (
        world.phone("alice"),
        world.phone("bob"),
        world.phone("carol"),
    );
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    world.phones[alice].habits.reinvite = ReinviteHabit::Late(secs(2));
    let first = world.dial(bob, &orbit);
    world.run(secs(1));
    world.hang_up(first);
    world.run(secs(10));
    world.phones[alice].habits.reinvite = ReinviteHabit::Accept;
    let second = world.retrieve(carol, parked);
    assert!(world.are_joined(parked, second));
    world.finish();
}

#[test]
fn a_retriever_that_cancels_while_its_answer_is_on_its_way_ends_the_call() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    world.phones[alice].habits.reinvite = ReinviteHabit::Late(secs(1));
    let retriever = world.dial(bob, &orbit);
    world.run_until(secs(5), "answered", |world| {
        world.sent(bob, "SIP/2.0 200") == 1
    });
    world.hang_up(retriever);
    world.run(secs(2));
    assert_eq!(world.view(retriever), View::Ended(Ending::HungUp));
    assert!(world.call(parked).is_over());
    world.finish();
}

fn is_refused(world: &World, call: CallRef, with: u16) -> bool {
    matches!(world.view(call), View::Ended(Ending::Refused { status, .. }) if status == with)
}
