//! Feature codes: `*68` parks, `*68` and an orbit parks there, `*88` and an orbit retrieves.

use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, secs};

#[test]
fn row_30_the_retrieve_code_and_the_orbit_retrieve() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    let retriever = world.dial(bob, &format!("*88{orbit}"));
    world.run(secs(1));
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn the_park_code_parks_anywhere_or_in_the_orbit_behind_it() {
    for extra in [vec![], vec![referred_by()]] {
        let mut world = World::new(Site::default());
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        let anywhere = world.dial_with(alice, "*68", &extra);
        let there = world.dial_with(bob, "*68742", &extra);
        world.run(secs(1));
        assert!(world.hears_music(anywhere));
        assert_eq!(world.orbit(there).as_deref(), Some("742"));
        assert!(world.hears_music(there));
        checks::agreement(&world);
        world.finish();
    }
}

#[test]
fn the_park_code_never_retrieves_and_the_retrieve_code_never_parks() {
    let mut world = World::new(Site::default().orbits(700, 709));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.dial(alice, "*68700");
    world.run(secs(1));
    let taken = world.dial(bob, "*68700");
    let empty = world.dial_with(bob, "*88701", &[referred_by()]);
    world.run(secs(1));
    refused(&world, taken, 486, "Orbit is taken", 35_009);
    refused(&world, empty, 404, "No call parked here", 35_000);
    assert!(world.hears_music(parked));
    world.finish();
}

#[test]
fn a_transfer_with_the_retrieve_code_brings_the_two_together() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let user = format!("*88{}", world.orbit(parked).unwrap());
    let retriever = world.dial_with(bob, &user, &[referred_by()]);
    world.run(secs(1));
    assert!(world.are_joined(parked, retriever));
    world.finish();
}

#[test]
fn a_code_without_the_orbit_that_it_needs_says_so() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    for user in ["*88", "*88999", "%2a8870"] {
        let call = world.dial(alice, user);
        world.run(secs(1));
        refused(&world, call, 484, "Dial the orbit behind the code", 35_009);
    }
    let call = world.dial(alice, "*68999");
    world.run(secs(1));
    refused(&world, call, 404, "No such number", 35_000);
    world.finish();
}

#[test]
fn codes_are_the_operators_or_off() {
    let mut site = Site::default();
    site.config.codes.park = Some("#1".to_owned());
    site.config.codes.retrieve = None;
    let mut world = World::new(site);
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.dial(alice, "%231742");
    let retriever = world.dial(bob, "*88742");
    world.run(secs(1));
    assert_eq!(world.orbit(parked).as_deref(), Some("742"));
    refused(&world, retriever, 404, "No such number", 35_000);
    world.finish();
}

fn referred_by() -> (&'static str, String) {
    ("Referred-By", "<sip:parker@example.com>".to_owned())
}

/// Refused with a status and a reason that a person can read, and a number that a machine can.
fn refused(world: &World, call: CallRef, status: u16, text: &str, number: u32) {
    let reason = format!("SIP;cause={status};text=\"{text}\"");
    assert_eq!(
        world.view(call),
        View::Ended(Ending::Refused {
            status,
            reason: Some(reason)
        })
    );
    let answer = world.call(call).answer.as_ref().unwrap();
    let diagnostics = format!("{number};reason=\"{text}\";source=\"192.0.2.1\"");
    assert_eq!(answer.header("ms-diagnostics"), Some(&*diagnostics));
}
