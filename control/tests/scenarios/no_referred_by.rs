//! Phones that do not say who has transferred (RFC 3892 is optional): whoever asks by a request of
//! its own is the parker; where the parkee's call is all that comes, nobody is.

use crate::common::phone::callee::RingHabit;
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, ms, secs};

#[test]
fn a_refer_outside_of_a_call_makes_its_sender_the_parker() {
    let mut world = world(Site::default());
    let [alice, bob] = ["alice", "bob"].map(|name| world.phone(name));
    world.phones[bob].habits.anonymous_refer = true;
    let refer_to = world.call_elsewhere(alice, bob);
    world.with(bob, |phone, now| phone.refer(now, "park", &refer_to));
    world.run(ms(500));
    let parked = world.last_call(alice);
    comes_back_to(world, bob, parked);
}

#[test]
fn a_refer_in_a_call_makes_its_sender_the_parker() {
    let mut world = world(Site::default());
    let [alice, bob] = ["alice", "bob"].map(|name| world.phone(name));
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    world.with(bob, |phone, now| {
        phone.refer_in(now, retriever.call, "park")
    });
    world.run(ms(500));
    world.hang_up(retriever);
    world.run(ms(500));
    comes_back_to(world, bob, parked);
}

#[test]
fn an_attended_transfer_makes_the_consulting_phone_the_parker() {
    let mut world = world(Site::default());
    let [alice, bob] = ["alice", "bob"].map(|name| world.phone(name));
    let consulted = world.park(bob);
    let call = world.call(consulted);
    let tag = call.remote_tag.as_deref().unwrap();
    let replaces = format!("{};to-tag={tag};from-tag={}", call.call_id, call.local_tag);
    let parked = world.dial_with(alice, "701", &[("Replaces", replaces)]);
    comes_back_to(world, bob, parked);
}

#[test]
fn a_blind_transfer_to_the_park_address_waits_for_the_fallback() {
    let mut site = Site::default();
    site.config.park.on_timeout_uri = Some("sip:desk@198.51.100.3:5060".to_owned());
    let mut world = world(site);
    let [alice, bob, desk] = ["alice", "bob", "desk"].map(|name| world.phone(name));
    world.phones[desk].habits.ring = RingHabit::Answer(secs(1));
    let parked = world.park(alice);
    world.run(secs(13));
    assert_eq!(world.sent(bob, "INVITE"), 0, "nobody has said it was bob");
    assert_eq!(world.sent(alice, "INVITE"), 1, "offered what it hears now");
    let recall = world.last_call(desk);
    assert!(world.are_joined(parked, recall));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_blind_transfer_to_an_empty_orbit_is_refused() {
    let mut world = world(Site::default());
    let alice = world.phone("alice");
    let call = world.dial(alice, "701");
    world.run(ms(500));
    assert_eq!(world.sent(alice, "SIP/2.0 404"), 1);
    assert!(world.call(call).is_over(), "its owner has it still");
    world.finish();
}

fn world(site: Site) -> World {
    let mut site = site.orbits(701, 709).pickup_timeout(secs(10));
    let bob = vec!["198.51.100.2".parse().unwrap()];
    site.names.insert("example.com".to_owned(), bob);
    World::new(site)
}

/// Nobody retrieves the call: the parker is called back, and has it.
fn comes_back_to(mut world: World, parker: usize, parked: CallRef) {
    world.phones[parker].habits.ring = RingHabit::Answer(secs(1));
    world.run(secs(13));
    let recall = world.last_call(parker);
    assert!(world.call(recall).invite.is_some(), "no call back");
    assert!(world.are_joined(parked, recall));
    checks::agreement(&world);
    world.finish();
}
