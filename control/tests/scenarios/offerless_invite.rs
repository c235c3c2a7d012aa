//! INVITEs without SDP: the offer is ours, the answer comes with the ACK (RFC 3261 §13.2.1).

use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::World;
use crate::common::{checks, ms, secs};

#[test]
fn a_caller_without_an_offer_is_parked_and_hears_music_after_its_ack() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    world.phones[alice].habits.offerless = true;
    let call = world.dial(alice, "park");
    world.run_until(secs(1), "answered", |world| {
        world.view(call) == View::Listening
    });
    world.run(ms(100));
    assert!(world.hears_music(call));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_parkee_without_an_offer_can_be_retrieved() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    world.phones[alice].habits.offerless = true;
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_retriever_without_an_offer_is_joined() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    world.phones[bob].habits.offerless = true;
    let retriever = world.retrieve(bob, parked);
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_retriever_without_an_offer_speaks_the_codec_of_the_parkee() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    world.phones[alice].habits.payloads = vec![8];
    let parked = world.park(alice);
    world.phones[bob].habits.offerless = true;
    let retriever = world.retrieve(bob, parked);
    assert!(world.are_joined(parked, retriever));
    let codec = |call| world.stream(call).media.unwrap().codec;
    assert_eq!(codec(parked), codec(retriever));
    world.finish();
}

#[test]
fn an_ack_without_the_answer_ends_the_call() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    world.phones[alice].habits.offerless = true;
    world.phones[alice].habits.answerless = true;
    let call = world.dial(alice, "park");
    world.run(secs(2));
    assert!(matches!(
        world.view(call),
        View::Ended(Ending::ByServer { .. })
    ));
    assert_eq!(world.status().parked, 0);
    world.finish();
}
