//! A change of the configuration while calls wait: none of them is disturbed.

use control::config::{Allocation, Config, Music, OrbitRange};
use shared::{PromptId, Source};

use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, secs};

#[test]
fn a_removed_range_keeps_its_calls_and_takes_no_others() {
    let (mut world, parked) = parked_at("705");
    let config = with_ranges(&world, &[("other", 800, 809)]);
    world.configure(&config).unwrap();
    assert_eq!(world.orbit(parked).as_deref(), Some("705"));
    assert!(world.hears_music(parked));
    let bob = world.phone("bob");
    let transferred = world.dial_with(bob, "706", &[referred()]);
    world.run(secs(1));
    let gone = matches!(
        world.view(transferred),
        View::Ended(Ending::Refused { status: 404, .. })
    );
    assert!(gone, "{:?}", world.view(transferred));
    let retriever = world.retrieve(bob, parked);
    assert!(world.are_joined(parked, retriever));
    let late = world.dial(bob, "705");
    world.run(secs(1));
    assert!(world.call(late).is_over(), "the orbit went with its call");
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_call_whose_range_is_gone_is_put_into_another_orbit_when_its_retriever_never_was_there() {
    let (mut world, parked) = parked_at("705");
    let bob = world.phone("bob");
    world.phones[bob].habits.acks_forgotten = u32::MAX;
    let retriever = world.dial(bob, "705");
    world.run(secs(1));
    let config = with_ranges(&world, &[("other", 800, 809)]);
    world.configure(&config).unwrap();
    world.run(secs(40));
    assert!(world.call(retriever).is_over());
    let orbit = world.orbit(parked).expect("parked again");
    assert!(orbit.starts_with("80"), "{orbit}");
    world.finish();
}

#[test]
fn row_02_a_range_keeps_its_name() {
    let (mut world, parked) = parked_at("705");
    let config = with_ranges(&world, &[("reception", 700, 799)]);
    assert_eq!(
        world.configure(&config).unwrap_err(),
        "the built-in defaults: [orbit_range]: the range \"reception\" has numbers of the range \
         \"front-desk\", and a range keeps its name; remove \"front-desk\" first, then add \
         \"reception\""
    );
    assert_eq!(world.orbit(parked).as_deref(), Some("705"));
    let removed = with_ranges(&world, &[("other", 800, 809)]);
    world.configure(&removed).unwrap();
    assert_eq!(
        world.configure(&config).unwrap_err(),
        "the built-in defaults: [orbit_range]: a call waits in 705 of the range \"front-desk\", \
         which cannot be of the range \"reception\" meanwhile; try again when it is over"
    );
    world.hang_up(parked);
    world.run(secs(1));
    world.configure(&config).unwrap();
    world.finish();
}

#[test]
fn row_13_a_removed_range_frees_its_numbers_for_others() {
    let (mut world, parked) = parked_at("705");
    world.hang_up(parked);
    world.run(secs(1));
    let removed = with_ranges(&world, &[("other", 800, 809)]);
    world.configure(&removed).unwrap();
    assert_eq!(world.status().free, 10);
    let given_anew = with_ranges(&world, &[("other", 800, 809), ("night", 700, 719)]);
    world.configure(&given_anew).unwrap();
    assert_eq!(world.status().free, 30);
    let bob = world.phone("bob");
    world.dial_with(bob, "705", &[referred()]);
    world.run(secs(1));
    assert_eq!(world.status().parked, 1);
    world.finish();
}

#[test]
fn row_08_the_numbers_of_a_range_may_change_while_calls_wait_there() {
    let (mut world, parked) = parked_at("705");
    for (start, end) in [(700, 899), (705, 705), (800, 899), (100, 999)] {
        let config = with_ranges(&world, &[("front-desk", start, end)]);
        world.configure(&config).unwrap();
        assert_eq!(world.orbit(parked).as_deref(), Some("705"));
        assert_eq!(world.status().parked, 1);
        world.control.check();
    }
    assert_eq!(world.status().free, 899);
    let bob = world.phone("bob");
    let retriever = world.retrieve(bob, parked);
    assert!(world.are_joined(parked, retriever));
    assert_eq!(world.status().free, 900);
    world.finish();
}

#[test]
fn a_call_that_waits_keeps_its_time_and_the_next_one_has_the_new_one() {
    let (mut world, parked) = parked_at("705");
    let mut config = world.site.config.clone();
    config.park.pickup_timeout = secs(10);
    world.configure(&config).unwrap();
    let bob = world.phone("bob");
    let later = world.park(bob);
    world.run(secs(15));
    assert!(world.call(later).is_over());
    assert_eq!(world.view(parked), View::Listening);
    world.run(secs(80));
    assert!(world.call(parked).is_over());
    world.finish();
}

/// Freed lately, an orbit rests: a change of something else must not forget that.
#[test]
fn row_25_an_orbit_that_was_freed_lately_still_rests_after_a_change() {
    let mut site = Site::default();
    site.config.orbit_ranges[0].end = 705;
    let mut world = World::new(site);
    let alice = world.phone("alice");
    for _ in 0..20 {
        let parked = world.park(alice);
        world.run(secs(1));
        let orbit = world.orbit(parked).expect("it waits");
        world.hang_up(parked);
        world.run(secs(1));
        let mut config = world.site.config.clone();
        config.park.max_pickup_attempts += 1;
        config.park.max_pickup_attempts %= 9;
        world.configure(&config).unwrap();
        let next = world.park(alice);
        world.run(secs(1));
        assert_ne!(world.orbit(next), Some(orbit), "it rests");
        world.hang_up(next);
        world.run(secs(1));
    }
    world.finish();
}

#[test]
fn the_sequence_goes_on_where_it_was_after_a_change() {
    let mut site = Site::default();
    site.config.orbit_ranges[0].allocation = Allocation::Sequential;
    let mut world = World::new(site);
    let alice = world.phone("alice");
    for expected in ["700", "701", "702"] {
        let parked = world.park(alice);
        world.run(secs(1));
        assert_eq!(world.orbit(parked).as_deref(), Some(expected));
        world.hang_up(parked);
        let mut config = world.site.config.clone();
        config.park.music_on_hold = !config.park.music_on_hold;
        world.configure(&config).unwrap();
        world.run(secs(1));
    }
    world.finish();
}

#[test]
fn a_policy_stays_while_a_call_of_a_removed_range_needs_it() {
    let staff = "[[policy]]\nname = \"staff\"\npark = [\"internal\", \"federated\"]\n\
                 retrieve = [\"internal\", \"federated\"]\n";
    let range = "[[orbit_range]]\nname = \"front-desk\"\nstart = \"700\"\nend = \"799\"\n\
                 policy = \"staff\"\n";
    let other = "[[orbit_range]]\nname = \"other\"\nstart = \"800\"\nend = \"809\"\n";
    let of = |text: &str| {
        let parsed = Config::parse(text, "site.toml", std::path::Path::new("")).unwrap();
        Config {
            policies: parsed.policies,
            orbit_ranges: parsed.orbit_ranges,
            ..Site::default().config
        }
    };
    let mut world = World::new(Site {
        config: of(&format!("{staff}{range}")),
        ..Site::default()
    });
    let alice = world.phone("alice");
    let parked = world.park(alice);
    let orbit = world.orbit(parked).expect("it waits");
    world.configure(&of(&format!("{staff}{other}"))).unwrap();
    let refused = world.configure(&of(other)).unwrap_err();
    assert!(
        refused.contains(&orbit) && refused.contains("\"staff\""),
        "{refused}"
    );
    let bob = world.phone("bob");
    let retriever = world.retrieve(bob, parked);
    assert!(world.are_joined(parked, retriever));
    world.configure(&of(other)).unwrap();
    world.finish();
}

#[test]
fn row_20_a_removed_site_leaves_its_ranges_to_the_settings_of_all() {
    let mut site = Site::default();
    site.config.orbit_ranges[0].site = Some("paris".to_owned());
    let mut paris = control::config::Site::default();
    paris.own.pickup_timeout = Some(secs(10));
    site.config.park.sites.insert("paris".to_owned(), paris);
    let mut world = World::new(site);
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let in_paris = world.park(alice);
    let mut config = world.site.config.clone();
    config.park.sites.clear();
    config.orbit_ranges[0].site = None;
    world.configure(&config).unwrap();
    let later = world.park(bob);
    world.run(secs(12));
    assert!(world.call(in_paris).is_over());
    assert_eq!(world.view(later), View::Listening);
    world.finish();
}

#[test]
fn what_cannot_change_while_the_server_runs_is_refused_and_nothing_is_changed() {
    let (mut world, _) = parked_at("705");
    let mut config = with_ranges(&world, &[("other", 800, 809)]);
    config.media.ports = (30_000, 30_001);
    let expected =
        "the built-in defaults: [media]: cannot change while the server runs; restart it";
    assert_eq!(world.configure(&config).unwrap_err(), expected);
    assert_eq!(world.status().free, 99);
    world.finish();
}

fn parked_at(orbit: &str) -> (World, CallRef) {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let parked = world.dial_with(alice, orbit, &[referred()]);
    world.run(secs(1));
    assert_eq!(world.orbit(parked).as_deref(), Some(orbit));
    (world, parked)
}

fn referred() -> (&'static str, String) {
    ("Referred-By", "<sip:parker@example.com>".to_owned())
}

fn with_ranges(world: &World, ranges: &[(&str, u32, u32)]) -> Config {
    let mut config = world.site.config.clone();
    let range = |&(name, start, end): &(&str, u32, u32)| OrbitRange {
        name: name.to_owned(),
        start,
        end,
        ..OrbitRange::default()
    };
    config.orbit_ranges = ranges.iter().map(range).collect();
    config
}

#[test]
fn row_46_music_is_added_and_set_for_a_range_and_who_waits_already_goes_on_hearing_its_own() {
    let (mut world, parked) = parked_at("705");
    let mut config = world.site.config.clone();
    let jazz = Music {
        prompt: PromptId(1),
        ..Music::default()
    };
    config.music.insert("jazz".to_owned(), jazz);
    config.orbit_ranges[0].own.music = Some("jazz".to_owned());
    world.configure(&config).unwrap();
    let heard = |world: &World, call| match world.stream(call).source {
        Source::Prompt { prompt, .. } => prompt,
        source => panic!("{source:?}"),
    };
    assert_eq!(heard(&world, parked), PromptId(0));
    let bob = world.phone("bob");
    let other = world.park(bob);
    assert_eq!(heard(&world, other), PromptId(1));
    config.orbit_ranges[0].own.music = None;
    config.music.remove("jazz");
    world.configure(&config).unwrap();
    assert_eq!(heard(&world, other), PromptId(1), "it goes on");
    world.hang_up(other);
    world.run(secs(1));
    let third = world.park(bob);
    assert_eq!(heard(&world, third), PromptId(0));
    world.finish();
}
