//! A transferred call (Referred-By, RFC 3892; Replaces, RFC 3891) sent to an orbit parks there; a
//! dialled one retrieves.

use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, ms, secs};

#[test]
fn row_59_a_blind_transfer_to_an_empty_orbit_parks_there() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let call = world.dial_with(alice, "742", &[referred_by()]);
    world.run(secs(1));
    assert_eq!(world.orbit(call).as_deref(), Some("742"));
    assert!(world.hears_music(call));
    let retriever = world.retrieve(bob, call);
    assert!(world.are_joined(call, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn row_28_a_blind_transfer_to_a_taken_orbit_retrieves_nobody() {
    let mut world = World::new(Site::default().orbits(700, 700));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let transferred = world.dial_with(bob, "700", &[referred_by()]);
    world.run(secs(1));
    let refused = matches!(
        world.view(transferred),
        View::Ended(Ending::Refused {
            status: 486,
            reason: Some(_)
        })
    );
    assert!(refused, "{:?}", world.view(transferred));
    assert_eq!(world.view(parked), View::Listening);
    assert!(world.hears_music(parked));
    world.finish();
}

#[test]
fn a_blind_transfer_to_the_park_address_parks_anywhere() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let call = world.dial_with(alice, "park", &[referred_by()]);
    world.run(secs(1));
    assert!(world.orbit(call).is_some());
    world.finish();
}

#[test]
fn row_27_an_attended_transfer_takes_the_place_in_the_orbit() {
    for dialled in ["park", "700"] {
        let mut world = World::new(Site::default().orbits(700, 700));
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        let parked = world.park(alice);
        let replaces = replaces(&world, parked);
        let call = world.dial_with(bob, dialled, &[("Replaces", replaces)]);
        world.run(secs(1));
        assert_eq!(
            world.orbit(call).as_deref(),
            Some("700"),
            "dialled {dialled}"
        );
        assert!(world.hears_music(call));
        assert!(matches!(
            world.view(parked),
            View::Ended(Ending::ByServer { .. })
        ));
        checks::agreement(&world);
        world.finish();
    }
}

#[test]
fn row_28_a_parker_that_hangs_up_half_way_leaves_no_call_in_the_orbit() {
    let mut world = World::new(Site::default().orbits(700, 700));
    let (parker, parkee) = (world.phone("parker"), world.phone("parkee"));
    let own = world.park(parker);
    let replaces = replaces(&world, own);
    world.hang_up(own);
    world.run(secs(1));
    // The parkee comes too late: its call with the parker is the one that it has.
    let call = world.dial_with(parkee, "700", &[("Replaces", replaces)]);
    world.run(secs(1));
    let View::Ended(Ending::Refused { status, .. }) = world.view(call) else {
        panic!("{:?}", world.view(call));
    };
    assert!([481, 603].contains(&status), "{status}");
    assert_eq!(world.status().parked, 0);
    world.finish();
}

#[test]
fn row_28_a_parker_that_hangs_up_while_the_parkee_arrives_does_not_end_its_call() {
    let mut site = Site::default();
    site.media.delay = (ms(100), ms(100));
    let mut world = World::new(site);
    let (parker, parkee) = (world.phone("parker"), world.phone("parkee"));
    let own = world.park(parker);
    let replaces = replaces(&world, own);
    let call = world.dial_with(parkee, "park", &[("Replaces", replaces)]);
    world.run(ms(60));
    world.hang_up(own);
    world.run(secs(2));
    // Its orbit was the parker's: it is told that there is nothing to take over, and stays where it
    // is, with the parker.
    assert!(matches!(
        world.view(call),
        View::Ended(Ending::Refused { status: 603, .. })
    ));
    assert_eq!(world.status().parked, 0);
    world.finish();
}

/// Somebody dials while the parkee's place is being made: the call is whose INVITE came first to
/// an end, and the parkee stays with its parker.
#[test]
fn row_28_a_transfer_that_meets_a_retrieval_leaves_it_alone() {
    let mut site = Site::default();
    site.media.delay = (ms(100), ms(100));
    let mut world = World::new(site);
    let [parker, parkee, retriever] = ["parker", "parkee", "dave"].map(|name| world.phone(name));
    let own = world.park(parker);
    let orbit = world.orbit(own).unwrap();
    let replaces = replaces(&world, own);
    let call = world.dial_with(parkee, "park", &[("Replaces", replaces)]);
    world.run(ms(40));
    let talk = world.dial(retriever, &orbit);
    world.run(secs(2));
    assert!(matches!(
        world.view(call),
        View::Ended(Ending::Refused { status: 486, .. })
    ));
    assert!(world.are_joined(own, talk));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn row_57_a_call_to_a_second_number_of_the_parker_is_parked_as_any_other() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let private = ("Referred-By", "<sip:bob-private@example.com>".to_owned());
    let call = world.dial_with(alice, "742", &[private]);
    world.run(secs(1));
    assert_eq!(world.orbit(call).as_deref(), Some("742"));
    let retriever = world.retrieve(bob, call);
    assert!(world.are_joined(call, retriever));
    world.finish();
}

#[test]
fn an_attended_transfer_to_another_empty_orbit_moves_the_call() {
    let mut world = World::new(Site::default().orbits(700, 701));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let old = world.orbit(parked).unwrap();
    let other = if old == "700" { "701" } else { "700" };
    let replaces = replaces(&world, parked);
    let call = world.dial_with(bob, other, &[("Replaces", replaces)]);
    world.run(secs(1));
    assert_eq!(world.orbit(call).as_deref(), Some(other));
    assert_eq!(world.status().parked, 1);
    assert!(world.call(parked).is_over());
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_replaces_that_names_nothing_is_answered_481() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let parked = world.park(alice);
    let replaces = "unknown@nowhere;to-tag=1;from-tag=2".to_owned();
    let call = world.dial_with(alice, "park", &[("Replaces", replaces)]);
    world.run(secs(1));
    assert!(matches!(
        world.view(call),
        View::Ended(Ending::Refused { status: 481, .. })
    ));
    assert_eq!(world.view(parked), View::Listening);
    world.finish();
}

#[test]
fn an_early_only_replaces_does_not_take_an_answered_call() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let replaces = format!("{};early-only", replaces(&world, parked));
    let call = world.dial_with(bob, "park", &[("Replaces", replaces)]);
    world.run(secs(1));
    assert!(matches!(
        world.view(call),
        View::Ended(Ending::Refused { status: 486, .. })
    ));
    assert_eq!(world.view(parked), View::Listening);
    world.finish();
}

#[test]
fn row_28_a_transfer_that_cannot_be_answered_leaves_the_old_call_in_its_orbit() {
    let mut world = World::new(Site::default().orbits(700, 700));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    world.phones[bob].habits.payloads = vec![9];
    let replaces = replaces(&world, parked);
    let call = world.dial_with(bob, "700", &[("Replaces", replaces)]);
    world.run(secs(1));
    assert!(matches!(
        world.view(call),
        View::Ended(Ending::Refused { status: 488, .. })
    ));
    assert_eq!(world.orbit(parked).as_deref(), Some("700"));
    assert!(world.hears_music(parked));
    checks::agreement(&world);
    world.finish();
}

fn referred_by() -> (&'static str, String) {
    ("Referred-By", "<sip:parker@example.com>".to_owned())
}

/// As a third party names the parked call: our tag, the parkee's tag.
fn replaces(world: &World, call: CallRef) -> String {
    let call = world.call(call);
    let to_tag = call.remote_tag.as_deref().unwrap();
    format!(
        "{};to-tag={to_tag};from-tag={}",
        call.call_id, call.local_tag
    )
}
