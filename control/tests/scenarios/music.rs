//! Which music is heard, and where in it: that of the called number; and on from where it was.

use std::time::Duration;

use control::config::Music;
use shared::{PromptId, PromptStart, Repeat, Source};

use crate::common::phone::Hold;
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{ms, secs};

#[test]
fn who_has_called_a_number_with_music_of_its_own_hears_that() {
    let mut world = World::new(with_own_music());
    let history = |uri: &str| {
        [(
            "History-Info",
            format!("<{uri}>;index=1, <sip:x@y>;index=1.1"),
        )]
    };
    let cases = [
        ("sip:+33140001234@example.com", 1),
        ("sip:+33140002000@example.com", 0),
        ("tel:+33-1-40-00-12-34", 1),
    ];
    for (number, (uri, prompt)) in cases.into_iter().enumerate() {
        let phone = world.phone(&format!("phone-{number}"));
        let call = world.dial_with(phone, "park", &history(uri));
        world.run(secs(1));
        let Source::Prompt { prompt: heard, .. } = world.stream(call).source else {
            panic!("{:?}", world.stream(call).source);
        };
        assert_eq!(heard, PromptId(prompt), "{uri}");
    }
    world.finish();
}

#[test]
fn music_goes_on_where_it_was_when_the_same_party_is_parked_again() {
    let mut world = World::new(from_start());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let first = world.park(alice);
    assert_eq!(position(&world, first), 0);
    world.run(secs(20));
    world.hang_up(first);
    world.run(secs(5));
    let again = world.park(alice);
    is_about(position(&world, again), secs(20));
    let other = world.park(bob);
    assert_eq!(
        position(&world, other),
        0,
        "another hears it from its start"
    );
    world.hang_up(again);
    world.run(secs(601));
    let later = world.park(alice);
    assert_eq!(position(&world, later), 0, "forgotten after a while");
    world.finish();
}

#[test]
fn music_goes_on_where_it_was_when_a_retrieved_party_is_put_on_hold() {
    let mut world = World::new(from_start());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    world.run(secs(20));
    let retriever = world.retrieve(bob, parked);
    world.run(secs(10));
    world.with(retriever.phone, |phone, now| {
        phone.hold(now, 0, Hold::Inactive)
    });
    world.run(secs(1));
    is_about(position(&world, parked), secs(20));
    world.finish();
}

#[test]
fn a_refresh_does_not_begin_the_music_anew() {
    let mut world = World::new(from_start());
    let alice = world.phone("alice");
    let parked = world.park(alice);
    world.run(secs(5));
    let before = world.stream(parked).source;
    world.with(alice, |phone, now| phone.resume(now, 0));
    world.run(secs(1));
    assert_eq!(world.stream(parked).source, before);
    world.finish();
}

fn is_about(position_ms: u32, expected: Duration) {
    let position = Duration::from_millis(position_ms.into());
    assert!(position.abs_diff(expected) < ms(200), "{position:?}");
}

/// Where the music of a call began, in milliseconds.
fn position(world: &World, call: CallRef) -> u32 {
    match world.stream(call).source {
        Source::Prompt {
            start: PromptStart::At { position_ms },
            repeat: Repeat::Forever,
            ..
        } => position_ms,
        source => panic!("{source:?}"),
    }
}

fn from_start() -> Site {
    let mut site = Site::default().pickup_timeout(secs(600));
    let music = site.config.music.get_mut("default").unwrap();
    music.programme = false;
    site
}

fn with_own_music() -> Site {
    let mut site = Site::default();
    let own = Music {
        numbers: vec!["+33140001000-+33140001999".parse().unwrap()],
        prompt: PromptId(1),
        ..Music::default()
    };
    site.config.music.insert("jazz".to_owned(), own);
    site
}
