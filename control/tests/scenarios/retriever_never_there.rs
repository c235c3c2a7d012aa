//! The server has answered a retriever that is not there: the parkee does not pay for it, it is
//! parked again.

use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, ms, secs};

#[test]
fn a_parkee_is_parked_again_when_the_ack_of_its_retriever_never_comes() {
    let mut world = World::new(Site::default());
    let (parked, orbit, retriever) = retrieved_without_ack(&mut world);
    world.run(secs(40));
    assert!(matches!(
        world.view(retriever),
        View::Ended(Ending::ByServer { .. })
    ));
    waits_in(&world, parked, &orbit);
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_parkee_is_parked_again_when_the_answer_of_its_retriever_is_missing() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    world.phones[bob].habits.offerless = true;
    world.phones[bob].habits.answerless = true;
    let retriever = world.dial(bob, &orbit);
    world.run(secs(2));
    let View::Ended(Ending::ByServer {
        reason: Some(reason),
    }) = world.view(retriever)
    else {
        panic!("{:?}", world.view(retriever));
    };
    assert!(reason.contains("cause=488"), "{reason}");
    waits_in(&world, parked, &orbit);
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_parkee_is_parked_again_when_its_retriever_died_before_its_ack() {
    let mut world = World::new(Site::default());
    let (parked, orbit, retriever) = retrieved_without_ack(&mut world);
    world.switch_off(retriever.phone);
    // The silence is noticed before the ACK is given up.
    world.run(secs(31));
    waits_in(&world, parked, &orbit);
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_parkee_that_is_parked_again_can_be_retrieved() {
    let mut world = World::new(Site::default());
    let (parked, _, _) = retrieved_without_ack(&mut world);
    world.run(secs(40));
    let carol = world.phone("carol");
    let retriever = world.retrieve(carol, parked);
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_parkee_whose_orbit_was_given_away_is_parked_again_in_another() {
    let mut world = World::new(Site::default());
    let (parked, orbit, _) = retrieved_without_ack(&mut world);
    let dave = world.phone("dave");
    let referred = [("Referred-By", "<sip:bob@example.com>".to_owned())];
    let other = world.dial_with(dave, &orbit, &referred);
    world.run(secs(40));
    assert_eq!(world.orbit(other), Some(orbit.clone()));
    let new = world.orbit(parked).expect("parked again");
    assert_ne!(new, orbit);
    waits_in(&world, parked, &new);
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_parkee_for_which_no_orbit_is_left_is_ended() {
    let mut world = World::new(Site::default().orbits(700, 700));
    let (parked, _, _) = retrieved_without_ack(&mut world);
    let dave = world.phone("dave");
    let other = world.dial(dave, "park");
    world.run(secs(40));
    assert!(world.orbit(other).is_some());
    assert!(matches!(
        world.view(parked),
        View::Ended(Ending::ByServer { .. })
    ));
    world.finish();
}

#[test]
fn a_parkee_that_is_parked_again_has_the_time_it_had() {
    let mut world = World::new(Site::default().pickup_timeout(secs(60)));
    let (parked, _, _) = retrieved_without_ack(&mut world);
    world.run(secs(58));
    assert!(world.orbit(parked).is_some());
    world.run(secs(3));
    assert!(matches!(
        world.view(parked),
        View::Ended(Ending::ByServer { .. })
    ));
    world.finish();
}

#[test]
fn a_parkee_whose_time_is_over_ends_with_the_retriever_that_never_was_there() {
    let mut world = World::new(Site::default().pickup_timeout(secs(10)));
    let (parked, _, _) = retrieved_without_ack(&mut world);
    world.run(secs(33));
    assert!(matches!(
        world.view(parked),
        View::Ended(Ending::ByServer { .. })
    ));
    assert_eq!(world.status().parked, 0);
    world.finish();
}

#[test]
fn a_retriever_that_hangs_up_before_its_ack_arrived_ends_the_call() {
    let mut world = World::new(Site::default());
    let (parked, _, retriever) = retrieved_without_ack(&mut world);
    world.hang_up(retriever);
    world.run(secs(1));
    assert_eq!(world.status().parked, 0);
    assert!(matches!(
        world.view(parked),
        View::Ended(Ending::ByServer { .. })
    ));
    world.finish();
}

#[test]
fn a_display_shows_the_orbit_again_after_a_failed_retrieval() {
    let mut world = World::new(Site::default());
    let (parked, orbit, _) = retrieved_without_ack(&mut world);
    let shown = |world: &World| world.call(parked).reinvite_identity.clone();
    assert!(shown(&world).unwrap().contains("sip:bob@example.com"));
    world.run(secs(40));
    assert_eq!(
        shown(&world),
        Some(format!(
            "\"Parked at {orbit}\" <sip:{orbit}@192.0.2.1:5060>"
        ))
    );
    world.finish();
}

/// Bob has retrieved Alice's call, but his ACKs do not arrive.
fn retrieved_without_ack(world: &mut World) -> (CallRef, String, CallRef) {
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let orbit = world.orbit(parked).expect("parked");
    world.phones[bob].habits.acks_forgotten = u32::MAX;
    let retriever = world.dial(bob, &orbit);
    world.run_until(secs(1), "retrieved", |world| {
        world.view(parked) == View::Talking && world.view(retriever) == View::Talking
    });
    world.run(ms(100));
    assert_eq!(world.status().parked, 0, "its orbit is free");
    (parked, orbit, retriever)
}

fn waits_in(world: &World, parked: CallRef, orbit: &str) {
    assert_eq!(world.view(parked), View::Listening);
    assert_eq!(world.orbit(parked).as_deref(), Some(orbit));
    assert!(world.hears_music(parked));
}
