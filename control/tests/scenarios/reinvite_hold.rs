//! Re-INVITEs of either side: hold in its three forms, resume, refresh, a moved address (RFC 3264
//! §8).

use crate::common::phone::Hold;
use crate::common::phone::call::View;
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, secs};

#[test]
fn a_parked_phone_may_hold_and_resume() {
    for hold in [Hold::SendOnly, Hold::Inactive, Hold::ZeroAddress] {
        let mut world = World::new(Site::default());
        let alice = world.phone("alice");
        let parked = world.park(alice);
        put_on_hold(&mut world, parked, hold);
        assert_eq!(world.view(parked), View::Silent, "{hold:?}");
        assert!(world.orbit(parked).is_some());
        resume(&mut world, parked);
        assert_eq!(world.view(parked), View::Listening, "{hold:?}");
        assert!(world.hears_music(parked));
        checks::agreement(&world);
        world.finish();
    }
}

#[test]
fn a_phone_that_is_parked_while_it_holds_can_still_be_retrieved() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    put_on_hold(&mut world, parked, Hold::SendOnly);
    let orbit = world.orbit(parked).unwrap();
    let retriever = world.dial(bob, &orbit);
    world.run(secs(2));
    assert_eq!(world.view(retriever), View::Talking);
    resume(&mut world, parked);
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_hold_with_sendonly_lets_the_other_hear_what_the_holder_plays_and_else_our_music() {
    let (mut world, [parked, retriever]) = joined();
    put_on_hold(&mut world, parked, Hold::SendOnly);
    assert_eq!(world.view(parked), View::Holding);
    let holder = world.stream(parked).id;
    assert_eq!(
        world.stream(retriever).source,
        shared::Source::Held {
            peer: holder,
            prompt: shared::PromptId(0)
        }
    );
    resume(&mut world, parked);
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_hold_without_audio_lets_the_other_hear_our_music() {
    let (mut world, [parked, retriever]) = joined();
    put_on_hold(&mut world, parked, Hold::Inactive);
    assert_eq!(world.view(parked), View::Silent);
    assert!(world.hears_music(retriever));
    checks::agreement(&world);
    resume(&mut world, parked);
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_hold_of_the_old_kind_sends_nothing_to_nowhere() {
    let (mut world, [parked, retriever]) = joined();
    put_on_hold(&mut world, retriever, Hold::ZeroAddress);
    assert_eq!(world.stream(retriever).media.unwrap().remote, None);
    checks::agreement(&world);
    resume(&mut world, retriever);
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn either_side_may_hold_whatever_the_other_does() {
    let holds = [Hold::SendOnly, Hold::Inactive, Hold::ZeroAddress];
    for first in holds {
        for second in holds {
            let (mut world, [parked, retriever]) = joined();
            put_on_hold(&mut world, parked, first);
            put_on_hold(&mut world, retriever, second);
            checks::agreement(&world);
            resume(&mut world, parked);
            checks::agreement(&world);
            resume(&mut world, retriever);
            assert!(world.are_joined(parked, retriever), "{first:?} {second:?}");
            checks::agreement(&world);
            world.finish();
        }
    }
}

#[test]
fn a_refresh_changes_nothing() {
    for with_offer in [true, false] {
        let (mut world, [parked, retriever]) = joined();
        for call in [parked, retriever, parked] {
            let refreshed = world.with(call.phone, |phone, now| {
                phone.refresh(now, call.call, with_offer)
            });
            assert!(refreshed);
            world.run(secs(1));
            assert_eq!(world.call(call).last_reinvite_status, Some(200));
            assert!(
                world.are_joined(parked, retriever),
                "with offer: {with_offer}"
            );
            checks::agreement(&world);
        }
        world.finish();
    }
}

#[test]
fn a_refresh_while_parked_changes_nothing() {
    for with_offer in [true, false] {
        let mut world = World::new(Site::default());
        let alice = world.phone("alice");
        let parked = world.park(alice);
        world.with(alice, |phone, now| phone.refresh(now, 0, with_offer));
        world.run(secs(1));
        assert_eq!(world.call(parked).last_reinvite_status, Some(200));
        assert_eq!(world.view(parked), View::Listening);
        assert!(world.hears_music(parked));
        checks::agreement(&world);
        world.finish();
    }
}

#[test]
fn audio_follows_a_phone_that_moves() {
    let (mut world, [parked, retriever]) = joined();
    for call in [parked, retriever] {
        world.with(call.phone, |phone, now| phone.move_audio(now, call.call));
        world.run(secs(1));
        let local = world.call(call).settled.as_ref().unwrap().local;
        assert_eq!(world.stream(call).media.unwrap().remote, Some(local));
    }
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn music_follows_a_parked_phone_that_moves() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let parked = world.park(alice);
    world.with(alice, |phone, now| phone.move_audio(now, 0));
    world.run(secs(1));
    checks::agreement(&world);
    assert!(world.hears_music(parked));
    world.finish();
}

fn joined() -> (World, [CallRef; 2]) {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    (world, [parked, retriever])
}

fn put_on_hold(world: &mut World, call: CallRef, hold: Hold) {
    assert!(world.with(call.phone, |phone, now| phone.hold(now, call.call, hold)));
    world.run(secs(1));
    assert_eq!(world.call(call).last_reinvite_status, Some(200));
}

fn resume(world: &mut World, call: CallRef) {
    assert!(world.with(call.phone, |phone, now| phone.resume(now, call.call)));
    world.run(secs(1));
    assert_eq!(world.call(call).last_reinvite_status, Some(200));
}
