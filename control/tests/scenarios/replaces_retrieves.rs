//! Retrieval with a Replaces that names the parkee's dialog as a watcher of the orbit has learned
//! it: to-tag is the parkee's (RFC 5359 §2.15).

use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, secs};

#[test]
fn row_30_a_replaces_that_names_the_parkee_retrieves_its_call() {
    for user in ["the orbit", "park", "anything"] {
        let mut world = World::new(Site::default());
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        let parked = world.park(alice);
        let orbit = world.orbit(parked).unwrap();
        let user = if user == "the orbit" { &orbit } else { user };
        let retriever = world.dial_with(bob, user, &[replaces(&world, parked)]);
        world.run(secs(1));
        assert!(world.are_joined(parked, retriever), "{user}");
        assert_eq!(world.status().parked, 0);
        checks::agreement(&world);
        world.finish();
    }
}

#[test]
fn of_one_who_dials_and_one_who_names_the_dialog_one_wins() {
    let mut world = World::new(Site::default());
    let (alice, bob, carol) = (
        world.phone("alice"),
        world.phone("bob"),
        world.phone("carol"),
    );
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    let named = world.dial_with(bob, "park", &[replaces(&world, parked)]);
    let dialled = world.dial(carol, &orbit);
    world.run(secs(1));
    assert!(world.are_joined(parked, named));
    refused(&world, dialled, &[404, 486]);
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_dialog_that_was_retrieved_is_not_taken_from_its_retriever() {
    let mut world = World::new(Site::default());
    let (alice, bob, carol) = (
        world.phone("alice"),
        world.phone("bob"),
        world.phone("carol"),
    );
    let parked = world.park(alice);
    let name = replaces(&world, parked);
    let winner = world.retrieve(bob, parked);
    let late = world.dial_with(carol, "park", &[name]);
    world.run(secs(1));
    refused(&world, late, &[603]);
    assert!(world.are_joined(parked, winner));
    world.finish();
}

#[test]
fn early_only_does_not_retrieve_who_was_answered() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let (name, value) = replaces(&world, parked);
    let call = world.dial_with(bob, "park", &[(name, format!("{value};early-only"))]);
    world.run(secs(1));
    refused(&world, call, &[486]);
    assert!(world.hears_music(parked));
    world.finish();
}

fn refused(world: &World, call: CallRef, statuses: &[u16]) {
    let View::Ended(Ending::Refused { status, .. }) = world.view(call) else {
        panic!("{:?}", world.view(call));
    };
    assert!(statuses.contains(&status), "{status}");
}

/// As who watches the orbit names our dialog with the parkee to the parkee.
fn replaces(world: &World, call: CallRef) -> (&'static str, String) {
    let call = world.call(call);
    let ours = call.remote_tag.as_deref().unwrap();
    let value = format!("{};to-tag={};from-tag={ours}", call.call_id, call.local_tag);
    ("Replaces", value)
}
