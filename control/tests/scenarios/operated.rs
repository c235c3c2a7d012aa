//! What an operator does with calls: ends them, moves them, parks them again.

use control::ask::{Answer, Ask, AskError, OrbitState, Which};

use crate::common::phone::call::{Ending, View};
use crate::common::phone::callee::RingHabit;
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, secs};

#[test]
fn a_parked_call_is_ended_and_its_orbit_is_free() {
    let (mut world, parked) = parked_at("705");
    assert_eq!(world.ask(Ask::HangUp(which("705"))), Ok(Answer::Done));
    world.run(secs(1));
    let View::Ended(Ending::ByServer { reason }) = world.view(parked) else {
        panic!("{:?}", world.view(parked))
    };
    assert_eq!(
        reason.as_deref(),
        Some("SIP;cause=480;text=\"Ended by the operator\"")
    );
    assert_eq!(world.status().parked, 0);
    let again = world.ask(Ask::HangUp(which("705")));
    assert_eq!(again, Err(AskError::EmptyOrbit("705".to_owned())));
    world.finish();
}

#[test]
fn a_call_is_ended_while_its_parker_is_called_back_and_nobody_rings_on() {
    let mut world = World::new(Site::default().pickup_timeout(secs(20)));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    world.phones[bob].habits.ring = RingHabit::NobodyThere;
    let to_bob = format!("<sip:bob@{}>", world.phones[bob].address);
    let parked = world.dial_with(alice, "705", &[("Referred-By", to_bob)]);
    world.run(secs(25));
    assert!(world.parked(parked).unwrap().recalling);
    assert_eq!(world.ask(Ask::HangUp(which("705"))), Ok(Answer::Done));
    world.run(secs(2));
    assert!(world.call(parked).is_over());
    assert!(world.phones[bob].calls.iter().all(|call| call.is_over()));
    world.finish();
}

#[test]
fn a_moved_call_is_in_its_new_orbit_with_the_time_it_had_left() {
    let (mut world, parked) = parked_at("705");
    let carol = world.phone("carol");
    for user in ["705", "712"] {
        world.with(carol, |phone, now| phone.watch(now, user, secs(600)));
    }
    world.run(secs(10));
    let before = orbit(&mut world, "705").call.unwrap();
    let moved = world.ask(Ask::Move {
        which: which("705"),
        to: "712".to_owned(),
    });
    let Ok(Answer::Orbit(view)) = moved else {
        panic!("{moved:?}")
    };
    assert_eq!((&*view.orbit, view.state), ("712", OrbitState::Parked));
    let after = view.call.unwrap();
    assert_eq!(
        (after.since, after.deadline),
        (before.since, before.deadline)
    );
    assert_eq!(after.call, before.call, "it is the same call");
    world.run(secs(2));
    assert_eq!(world.orbit(parked).as_deref(), Some("712"));
    assert_eq!(orbit(&mut world, "705").state, OrbitState::Free);
    assert!(world.hears_music(parked));
    checks::agreement(&world);
    assert_eq!(checks::lamps(&world), 2);
    let bob = world.phone("bob");
    let late = world.dial(bob, "705");
    world.run(secs(1));
    assert!(world.call(late).is_over());
    let retriever = world.retrieve(bob, parked);
    assert!(world.are_joined(parked, retriever));
    world.finish();
}

#[test]
fn a_call_is_moved_to_a_free_orbit_only_and_only_the_one_that_was_meant() {
    let (mut world, parked) = parked_at("705");
    let bob = world.phone("bob");
    world.dial_with(
        bob,
        "706",
        &[("Referred-By", "<sip:carol@example.com>".to_owned())],
    );
    world.run(secs(1));
    let to = |to: &str| Ask::Move {
        which: which("705"),
        to: to.to_owned(),
    };
    assert_eq!(
        world.ask(to("706")),
        Err(AskError::OrbitTaken("706".to_owned()))
    );
    assert_eq!(
        world.ask(to("705")),
        Err(AskError::OrbitTaken("705".to_owned()))
    );
    assert_eq!(
        world.ask(to("600")),
        Err(AskError::NoOrbitToBe("600".to_owned()))
    );
    let other = orbit(&mut world, "706").call.unwrap().call;
    let meant = Which {
        orbit: "705".to_owned(),
        call: Some(other),
    };
    let refused = world.ask(Ask::HangUp(meant));
    assert_eq!(refused, Err(AskError::OtherCall("705".to_owned())));
    assert_eq!(world.orbit(parked).as_deref(), Some("705"));
    world.finish();
}

#[test]
fn a_call_that_is_being_called_back_is_not_moved() {
    let mut world = World::new(Site::default().pickup_timeout(secs(20)));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    world.phones[bob].habits.ring = RingHabit::NobodyThere;
    let to_bob = format!("<sip:bob@{}>", world.phones[bob].address);
    let parked = world.dial_with(alice, "705", &[("Referred-By", to_bob)]);
    world.run(secs(25));
    assert!(world.parked(parked).unwrap().recalling);
    let moved = world.ask(Ask::Move {
        which: which("705"),
        to: "712".to_owned(),
    });
    assert_eq!(moved, Err(AskError::NotAtRest("705".to_owned())));
    assert_eq!(world.orbit(parked).as_deref(), Some("705"));
    world.finish();
}

#[test]
fn two_who_talk_are_parted_and_the_first_waits_again() {
    let (mut world, parked) = parked_at("705");
    let number = orbit(&mut world, "705").call.unwrap().call;
    let bob = world.phone("bob");
    let early = world.ask(Ask::Park {
        call: number,
        orbit: None,
    });
    assert_eq!(early, Err(AskError::NoConversation(number)));
    let retriever = world.retrieve(bob, parked);
    assert!(world.are_joined(parked, retriever));
    world.run(secs(1));
    let ask = Ask::Park {
        call: number,
        orbit: Some("730".to_owned()),
    };
    let answer = world.ask(ask.clone());
    let Ok(Answer::Orbit(view)) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!((&*view.orbit, view.state), ("730", OrbitState::Parked));
    world.run(secs(1));
    assert_eq!(world.orbit(parked).as_deref(), Some("730"));
    assert!(world.hears_music(parked));
    assert!(world.call(retriever).is_over());
    assert_eq!(
        world.ask(ask),
        Err(AskError::NoSuchCall(number)),
        "it is another call now"
    );
    checks::agreement(&world);
    let again = world.retrieve(bob, parked);
    assert!(world.are_joined(parked, again));
    world.finish();
}

fn parked_at(orbit: &str) -> (World, CallRef) {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let referred = ("Referred-By", "<sip:parker@example.com>".to_owned());
    let parked = world.dial_with(alice, orbit, &[referred]);
    world.run(secs(1));
    assert_eq!(world.orbit(parked).as_deref(), Some(orbit));
    (world, parked)
}

fn which(orbit: &str) -> Which {
    Which {
        orbit: orbit.to_owned(),
        call: None,
    }
}

fn orbit(world: &mut World, number: &str) -> control::ask::OrbitView {
    match world.ask(Ask::Orbit(number.to_owned())).unwrap() {
        Answer::Orbit(view) => *view,
        other => panic!("{other:?}"),
    }
}
