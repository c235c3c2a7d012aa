//! What is said: the orbit to who parks, a request to hold on to who is parked.

use control::config::Word;
use shared::{Repeat, Source};

use crate::common::media::PROMPT_LENGTH;
use crate::common::phone::call::View;
use crate::common::phone::{Hold, ReinviteHabit};
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, ms, secs};

#[test]
fn row_61_who_parks_by_a_call_of_its_own_hears_the_orbit_and_then_music() {
    let mut world = World::new(speaking());
    let bob = world.phone("bob");
    let call = world.dial(bob, "park");
    world.run(secs(4));
    let expected = ["parked-at", "7", "5", "5", "7", "5", "5"];
    assert_eq!(said(&world), expected, "755, and once more");
    assert!(hears_music_for_ever(&world, call));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn row_61_a_parkee_is_asked_to_hold_on_and_does_not_hear_the_orbit() {
    for extra in [
        ("Referred-By", "<sip:bob@example.com>".to_owned()),
        ("Replaces", String::new()),
    ] {
        let mut world = World::new(speaking());
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        let (name, mut value) = extra;
        if name == "Replaces" {
            let announced = world.dial(bob, "park");
            world.run(secs(4));
            value = world.replaces(announced);
            world.workers.said.clear();
        }
        let call = world.dial_with(alice, "755", &[(name, value)]);
        world.run(secs(1));
        assert_eq!(said(&world), ["please-hold"], "{name}");
        assert!(hears_music_for_ever(&world, call));
        world.finish();
    }
}

#[test]
fn without_being_asked_for_nothing_is_said() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let call = world.park(alice);
    world.run(secs(1));
    assert_eq!(said(&world), [""; 0]);
    assert!(hears_music_for_ever(&world, call));
    world.finish();
}

#[test]
fn who_is_retrieved_hears_its_retriever_and_not_the_rest_of_the_words() {
    let mut world = World::new(speaking());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let call = world.dial(alice, "park");
    world.run(PROMPT_LENGTH + ms(50));
    let retriever = world.retrieve(bob, call);
    assert!(world.are_joined(call, retriever));
    let before = said(&world).len();
    world.run(secs(3));
    assert_eq!(said(&world).len(), before);
    world.with(retriever.phone, |phone, now| {
        phone.hold(now, 0, Hold::Inactive)
    });
    world.run(secs(3));
    assert_eq!(said(&world).len(), before, "nor when it is put on hold");
    assert!(hears_music_for_ever(&world, call));
    world.finish();
}

#[test]
fn a_retrieval_that_fails_leaves_the_words_where_they_were() {
    let mut world = World::new(speaking());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let call = world.dial(alice, "park");
    world.run(ms(100));
    world.phones[alice].habits.reinvite = ReinviteHabit::Refuse(486);
    let retriever = world.dial(bob, "755");
    world.run(secs(4));
    assert!(world.call(retriever).is_over());
    assert_eq!(world.view(call), View::Listening);
    assert_eq!(said(&world).len(), 7);
    assert!(hears_music_for_ever(&world, call));
    world.finish();
}

/// The orbit 755 alone, with everything said that can be.
fn speaking() -> Site {
    let mut site = Site::default().orbits(755, 755);
    site.config.park.speech.announce = true;
    site.config.park.speech.comfort = true;
    site
}

/// The words that were said, in their order.
fn said(world: &World) -> Vec<&'static str> {
    let said = world.workers.said.iter();
    let name = |prompt| Word::of_prompt(prompt).unwrap().name();
    said.map(|(_, prompt)| name(*prompt)).collect()
}

fn hears_music_for_ever(world: &World, call: CallRef) -> bool {
    let forever = Repeat::Forever;
    matches!(world.stream(call).source, Source::Prompt { repeat, .. } if repeat == forever)
}

impl World {
    /// As a third party names a parked call: our tag, the parkee's tag.
    fn replaces(&self, call: CallRef) -> String {
        let call = self.call(call);
        let to_tag = call.remote_tag.as_deref().unwrap();
        format!(
            "{};to-tag={to_tag};from-tag={}",
            call.call_id, call.local_tag
        )
    }
}
