//! Whatever way of parking, a park that fails is refused with a status, a reason for people and a
//! number for machines, and costs nobody a call: not who was to be parked, not who waits.

use crate::common::phone::call::{Ending, View};
use crate::common::secs;
use crate::common::site::Site;
use crate::common::world::{CallRef, World};

/// Alice waits in 700, which is the only orbit.
fn full_house() -> (World, CallRef) {
    let mut world = World::new(Site::default().orbits(700, 700));
    let alice = world.phone("alice");
    let waiting = world.park(alice);
    (world, waiting)
}

fn referred_by() -> (&'static str, String) {
    ("Referred-By", "<sip:parker@example.com>".to_owned())
}

/// Of a call as its other end names it.
fn replaces(world: &World, call: CallRef) -> (&'static str, String) {
    let call = world.call(call);
    let theirs = call.remote_tag.as_deref().unwrap();
    let names = format!(
        "{};to-tag={theirs};from-tag={}",
        call.call_id, call.local_tag
    );
    ("Replaces", names)
}

fn refused(world: &World, call: CallRef, text: &str, number: &str) {
    let View::Ended(Ending::Refused {
        status: 486,
        reason: Some(reason),
    }) = world.view(call)
    else {
        panic!("{:?}", world.view(call));
    };
    assert_eq!(reason, format!("SIP;cause=486;text=\"{text}\""));
    let answer = world.call(call).answer.as_ref().unwrap();
    let diagnostics = answer.must("ms-diagnostics");
    assert!(diagnostics.starts_with(number), "{diagnostics}");
}

#[test]
fn row_26_without_a_free_orbit_every_invite_that_parks_is_refused() {
    for user in ["park", "*68"] {
        for extra in [vec![], vec![referred_by()]] {
            let (mut world, waiting) = full_house();
            let bob = world.phone("bob");
            let call = world.dial_with(bob, user, &extra);
            world.run(secs(1));
            refused(&world, call, "No free orbit", "35002;");
            assert!(world.hears_music(waiting));
            world.finish();
        }
    }
}

#[test]
fn row_28_every_invite_that_parks_in_a_taken_orbit_is_refused() {
    for (user, extra) in [
        ("700", vec![referred_by()]),
        ("*68700", vec![]),
        ("*68700", vec![referred_by()]),
    ] {
        let (mut world, waiting) = full_house();
        let bob = world.phone("bob");
        let call = world.dial_with(bob, user, &extra);
        world.run(secs(1));
        refused(&world, call, "Orbit is taken", "35009;");
        assert!(world.hears_music(waiting));
        world.finish();
    }
}

/// The parker has its own call in one orbit, and transfers the parkee to another that is taken.
#[test]
fn row_28_an_attended_transfer_to_a_taken_orbit_leaves_both_calls_where_they_are() {
    for code in ["", "*68"] {
        let mut world = World::new(Site::default().orbits(700, 701));
        let [alice, parker, parkee] = ["alice", "parker", "parkee"].map(|name| world.phone(name));
        let waiting = world.park(alice);
        let taken = world.orbit(waiting).unwrap();
        let own = world.park(parker);
        let replaces = replaces(&world, own);
        let call = world.dial_with(parkee, &format!("{code}{taken}"), &[replaces]);
        world.run(secs(1));
        refused(&world, call, "Orbit is taken", "35009;");
        assert!(world.hears_music(waiting) && world.hears_music(own));
        assert_eq!(world.status().parked, 2);
        world.finish();
    }
}

/// Two who talk, one of whom asks by REFER that the other be parked, where nothing is free.
#[test]
fn row_26_a_refer_in_a_call_without_a_free_orbit_leaves_the_two_talking() {
    let mut world = World::new(Site::default().orbits(700, 700));
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
    let parked = world.park(alice);
    let talk = world.retrieve(bob, parked);
    let waiting = world.park(carol);
    let refer = world.with(bob, |phone, now| phone.refer_in(now, talk.call, "park"));
    world.run(secs(1));
    let answer = world.phones[bob].answer_to_refer(&refer).unwrap();
    assert_eq!(answer.status(), Some(486));
    assert!(answer.must("Reason").contains("No free orbit"));
    assert!(answer.must("ms-diagnostics").starts_with("35002;"));
    assert!(world.are_joined(parked, talk) && world.hears_music(waiting));
    world.finish();
}
