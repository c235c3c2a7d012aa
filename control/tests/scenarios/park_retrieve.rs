//! The main job: a caller is parked, hears music, and is joined with whoever dials the orbit.

use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::World;
use crate::common::{checks, ms, secs};

#[test]
fn a_caller_is_parked_in_a_free_orbit_and_hears_music() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let call = world.park(alice);
    assert!(world.hears_music(call));
    let orbit: u32 = world.orbit(call).unwrap().parse().unwrap();
    assert!((700..=799).contains(&orbit), "{orbit}");
    assert_eq!(world.status().parked, 1);
    checks::agreement(&world);
    world.finish();
}

#[test]
fn row_24_the_answer_tells_the_orbit() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let call = world.park(alice);
    let orbit = world.orbit(call).unwrap();
    assert_eq!(
        world.call(call).remote_target,
        format!("sip:{orbit}@192.0.2.1:5060")
    );
    let identity = world
        .call(call)
        .peer_identity
        .clone()
        .expect("P-Asserted-Identity");
    assert!(identity.contains(&format!("sip:{orbit}@")), "{identity}");
    world.finish();
}

#[test]
fn row_29_whoever_dials_the_orbit_speaks_with_the_parked_caller() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    assert!(world.are_joined(parked, retriever));
    assert_eq!(world.orbit(parked), None);
    assert_eq!(world.status().retrieved, 1);
    let identity = world
        .call(retriever)
        .peer_identity
        .clone()
        .expect("P-Asserted-Identity");
    assert!(
        identity.contains("alice"),
        "the retriever sees who it speaks with: {identity}"
    );
    checks::agreement(&world);
    world.finish();
}

#[test]
fn the_orbit_is_free_as_soon_as_its_call_is_retrieved() {
    let mut world = World::new(Site::default().orbits(700, 700));
    let (alice, bob, carol) = (
        world.phone("alice"),
        world.phone("bob"),
        world.phone("carol"),
    );
    let first = world.park(alice);
    let retriever = world.retrieve(bob, first);
    let second = world.park(carol);
    assert_eq!(world.orbit(second).as_deref(), Some("700"));
    assert!(world.are_joined(first, retriever));
    world.finish();
}

#[test]
fn the_retriever_hanging_up_ends_the_parkee() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    world.hang_up(retriever);
    world.run(secs(1));
    assert!(matches!(
        world.view(parked),
        View::Ended(Ending::ByServer { .. })
    ));
    assert_eq!(world.status().legs, 0);
    world.finish();
}

#[test]
fn the_parkee_hanging_up_ends_the_retriever() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    world.hang_up(parked);
    world.run(secs(1));
    assert!(matches!(
        world.view(retriever),
        View::Ended(Ending::ByServer { .. })
    ));
    world.finish();
}

#[test]
fn a_parked_caller_hanging_up_frees_the_orbit_at_once() {
    let mut world = World::new(Site::default().orbits(700, 700));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    world.hang_up(parked);
    world.run(ms(6));
    assert_eq!(world.status().free, 1);
    let next = world.park(bob);
    assert_eq!(world.orbit(next).as_deref(), Some("700"));
    world.finish();
}

#[test]
fn row_25_a_freed_orbit_is_not_given_out_again_soon() {
    let mut world = World::new(Site::default().orbits(700, 709));
    let alice = world.phone("alice");
    let mut orbits = Vec::new();
    for _ in 0..8 {
        let call = world.park(alice);
        orbits.push(world.orbit(call).unwrap());
        world.hang_up(call);
        world.run(secs(1));
    }
    let distinct: std::collections::HashSet<_> = orbits.iter().collect();
    assert!(
        distinct.len() >= 5,
        "half of the orbits at least rest before one returns: {orbits:?}"
    );
    world.finish();
}

#[test]
fn an_escaped_orbit_number_is_the_same_orbit() {
    let mut world = World::new(Site::default().orbits(700, 700));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let retriever = world.dial(bob, "%37%300");
    world.run(secs(1));
    assert_eq!(world.view(retriever), View::Talking);
    assert!(world.are_joined(parked, retriever));
    world.finish();
}

#[test]
fn a_phone_may_retrieve_the_call_it_parked_itself() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let parked = world.park(alice);
    let retriever = world.retrieve(alice, parked);
    assert!(world.are_joined(parked, retriever));
    world.finish();
}

#[test]
fn row_17_without_hold_music_a_parked_caller_hears_nothing() {
    let mut site = Site::default();
    site.config.park.music_on_hold = false;
    let mut world = World::new(site);
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    assert!(!world.hears_music(parked));
    let retriever = world.retrieve(bob, parked);
    assert!(world.are_joined(parked, retriever));
    world.finish();
}

#[test]
fn options_are_answered_inside_a_call_as_well() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let parked = world.park(alice);
    world.with(alice, |phone, now| phone.options(now, parked.call));
    world.run(secs(1));
    assert_eq!(world.phones[alice].responses[0].status(), Some(200));
    assert!(world.hears_music(parked));
    world.finish();
}
