//! What an operator is told of orbits and ranges, at each moment of a call's stay.

use control::ask::{Answer, Ask, AskError, Draw, OrbitState, OrbitView, OrbitsAsk, limits};
use control::config::Config;

use crate::common::phone::callee::RingHabit;
use crate::common::site::Site;
use crate::common::world::World;
use crate::common::{ms, secs};

#[test]
fn row_49_who_waits_is_told_with_its_parker_its_time_and_its_music() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let referred = ("Referred-By", "<sip:bob@example.com>".to_owned());
    let call = world.dial_with(alice, "701", &[referred]);
    world.run(secs(1));
    let before = world.now;
    let view = orbit(&mut world, "701");
    assert_eq!(
        (&*view.range, view.state),
        ("front-desk", OrbitState::Parked)
    );
    let waiting = view.call.unwrap();
    assert_eq!(waiting.call_id, world.call(call).call_id);
    assert_eq!(waiting.parkee.display.as_deref(), Some("alice"));
    assert_eq!(waiting.parkee.uri, "sip:alice@example.com");
    assert_eq!(waiting.parker.as_deref(), Some("sip:bob@example.com"));
    let since = waiting.since.unwrap();
    assert!(since < before && since + secs(1) >= before, "{since:?}");
    assert_eq!(waiting.deadline, Some(since + secs(90)));
    assert_eq!((waiting.recalls, waiting.recalls_max), (0, 1));
    assert_eq!(waiting.music.as_deref(), Some("default"));
    world.finish();
}

#[test]
fn who_does_not_want_to_be_known_is_not_named() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    world.dial_with(
        alice,
        "701",
        &[
            ("Referred-By", "<sip:bob@example.com>".to_owned()),
            ("Privacy", "id".to_owned()),
        ],
    );
    world.run(secs(1));
    let waiting = orbit(&mut world, "701").call.unwrap();
    assert_eq!(waiting.parkee.uri, "sip:anonymous@anonymous.invalid");
    world.finish();
}

#[test]
fn an_orbit_says_what_it_is_at() {
    let mut world = World::new(Site::default().pickup_timeout(secs(20)));
    assert_eq!(orbit(&mut world, "701").state, OrbitState::Free);
    assert_eq!(orbit(&mut world, "701").call, None);
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    world.phones[bob].habits.ring = RingHabit::NobodyThere;
    let to_bob = format!("<sip:bob@{}>", world.phones[bob].address);
    let referred = ("Referred-By", to_bob);
    let parked = world.dial_with(alice, "701", &[referred]);
    world.run(ms(100));
    let seen = world.seen_while(secs(30), |world| orbit(world, "701").state);
    assert!(seen.contains(&OrbitState::Parked), "{seen:?}");
    assert!(seen.contains(&OrbitState::Recalling), "{seen:?}");
    assert_eq!(orbit(&mut world, "701").call.unwrap().recalls, 1);
    let retriever = world.retrieve(bob, parked);
    assert!(world.are_joined(parked, retriever));
    assert_eq!(orbit(&mut world, "701").state, OrbitState::Free);
    world.finish();
}

#[test]
fn row_49_the_taken_orbits_are_told_page_by_page() {
    let mut site = Site::default();
    site.config.orbit_ranges[0].end = 704;
    let mut second = site.config.orbit_ranges[0].clone();
    "second".clone_into(&mut second.name);
    (second.start, second.end) = (800, 809);
    site.config.orbit_ranges.push(second);
    let mut world = World::new(site);
    let alice = world.phone("alice");
    for number in ["803", "701", "700", "704", "809"] {
        let referred = ("Referred-By", "<sip:bob@example.com>".to_owned());
        world.dial_with(alice, number, &[referred]);
    }
    world.run(secs(1));
    let all = ["700", "701", "704", "803", "809"];
    assert_eq!(
        page(&mut world, None, None, 9),
        (all.map(String::from).to_vec(), false)
    );
    let mut after = None;
    let mut seen = Vec::new();
    loop {
        let (orbits, has_more) = page(&mut world, None, after.take(), 2);
        assert!(orbits.len() <= 2);
        after = orbits.last().cloned();
        seen.extend(orbits);
        if !has_more {
            break;
        }
    }
    assert_eq!(seen, all);
    let second = page(&mut world, Some("Second"), None, 9);
    assert_eq!(second, (vec!["803".to_owned(), "809".to_owned()], false));
    let behind_a_free_one = page(&mut world, None, Some("750".to_owned()), 1);
    assert_eq!(behind_a_free_one, (vec!["803".to_owned()], true));
    assert_eq!(page(&mut world, None, None, 0), (vec![], true));
    world.finish();
}

#[test]
fn a_page_is_never_longer_than_its_limit() {
    let orbits = u32::try_from(limits::ORBITS_PER_PAGE_MAX).unwrap() + 1;
    let mut world = World::new(Site::default().orbits(1_000, 1_000 + orbits));
    let alice = world.phone("alice");
    for _ in 0..orbits {
        world.dial(alice, "park");
    }
    world.run(secs(2));
    assert_eq!(world.status().parked, limits::ORBITS_PER_PAGE_MAX + 1);
    let (orbits, has_more) = page(&mut world, None, None, usize::MAX);
    assert_eq!(
        (orbits.len(), has_more),
        (limits::ORBITS_PER_PAGE_MAX, true)
    );
    world.finish();
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    let mut world = World::new(Site::default());
    let no_orbit = AskError::NoSuchOrbit("600".to_owned());
    assert_eq!(world.ask(Ask::Orbit("600".to_owned())), Err(no_orbit));
    let of_range = OrbitsAsk {
        range: Some("back".to_owned()),
        ..OrbitsAsk::default()
    };
    let no_range = AskError::NoSuchRange("back".to_owned());
    assert_eq!(world.ask(Ask::Orbits(of_range)), Err(no_range));
    let behind = OrbitsAsk {
        after: Some("+33".to_owned()),
        ..OrbitsAsk::default()
    };
    let no_form = AskError::NotAnOrbit("+33".to_owned());
    assert_eq!(world.ask(Ask::Orbits(behind)), Err(no_form));
    world.finish();
}

#[test]
fn row_49_a_range_tells_how_many_orbits_are_free() {
    let mut world = World::new(Site::default().orbits(700, 709));
    let alice = world.phone("alice");
    let parked = world.park(alice);
    let Answer::Ranges(ranges) = world.ask(Ask::Ranges).unwrap() else {
        panic!("another answer")
    };
    let [range] = &*ranges else {
        panic!("{ranges:?}")
    };
    assert_eq!((range.free, range.taken, range.is_closing), (9, 1, false));
    assert_eq!(
        (range.first(), range.last()),
        ("700".to_owned(), "709".to_owned())
    );
    let Answer::Status(status) = world.ask(Ask::Status).unwrap() else {
        panic!("another answer")
    };
    assert!(status.is_serving);
    assert_eq!(status.figures, world.status());
    world.hang_up(parked);
    world.finish();
}

#[test]
fn row_13_ranges_that_only_keep_numbers_free_are_told_as_well() {
    let text = "[node]\nid = \"edge-1\"\n\
        [[orbit_range]]\nname = \"here\"\nstart = \"800\"\nend = \"809\"\n\
        [[orbit_range]]\nname = \"there\"\nstart = \"700\"\nend = \"709\"\nnode = \"edge-2\"\n\
        [[orbit_range]]\nname = \"group\"\nstart = \"*900\"\nend = \"*909\"\n\
        kind = \"group-pickup\"\n";
    let config = Config::parse(text, "site.toml", std::path::Path::new("")).unwrap();
    let mut site = Site::default();
    site.config.orbit_ranges = config.orbit_ranges;
    site.config.reserved = config.reserved;
    let mut world = World::new(site);
    let Answer::Ranges(ranges) = world.ask(Ask::Ranges).unwrap() else {
        panic!("another answer")
    };
    let told: Vec<_> = ranges
        .iter()
        .map(|view| {
            (
                &*view.range.name,
                view.kind.name(),
                view.node.as_deref(),
                view.free,
            )
        })
        .collect();
    let expected = [
        ("there", "park", Some("edge-2"), 0),
        ("here", "park", None, 10),
        ("group", "group-pickup", None, 0),
    ];
    assert_eq!(told, expected);
    world.finish();
}

#[test]
fn row_25_orbits_are_drawn_on_trial_each_as_likely_as_every_other_and_none_is_taken() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let parked = world.park(alice);
    let taken = world.orbit(parked).expect("it waits");
    let ask = |count, range: Option<&str>| {
        let range = range.map(str::to_owned);
        Ask::Draw(Draw { count, range })
    };
    let Answer::Drawn(drawn) = world.ask(ask(20_000, None)).unwrap() else {
        panic!("it is answered by what was drawn")
    };
    assert_eq!((drawn.free, drawn.orbits.len()), (99, 99), "the free ones");
    assert!(drawn.orbits.iter().all(|(orbit, _)| *orbit != taken));
    let expected = 20_000.0 / 99.0;
    let of = |times: u32| (f64::from(times) - expected).powi(2) / expected;
    let chi_square: f64 = drawn.orbits.iter().map(|(_, times)| of(*times)).sum();
    assert!(chi_square < 147.0, "98 degrees of freedom: {chi_square}");
    assert_eq!(world.status().parked, 1);
    let nowhere = world.ask(ask(1, Some("nowhere")));
    assert_eq!(nowhere, Err(AskError::NoSuchRange("nowhere".to_owned())));
    let Answer::Drawn(drawn) = world.ask(ask(usize::MAX, Some("Front-Desk"))).unwrap() else {
        panic!("it is answered by what was drawn")
    };
    let times: u32 = drawn.orbits.iter().map(|(_, times)| times).sum();
    assert_eq!(times as usize, limits::DRAWS_MAX, "at most");
    world.finish();
}

fn orbit(world: &mut World, number: &str) -> OrbitView {
    match world.ask(Ask::Orbit(number.to_owned())).unwrap() {
        Answer::Orbit(view) => *view,
        other => panic!("{other:?}"),
    }
}

fn page(
    world: &mut World,
    range: Option<&str>,
    after: Option<String>,
    limit: usize,
) -> (Vec<String>, bool) {
    let ask = OrbitsAsk {
        range: range.map(str::to_owned),
        after,
        limit,
    };
    match world.ask(Ask::Orbits(ask)).unwrap() {
        Answer::Orbits(page) => {
            let orbits = page.orbits.into_iter().map(|view| view.orbit);
            (orbits.collect(), page.has_more)
        }
        other => panic!("{other:?}"),
    }
}

impl World {
    /// What is seen each half a second.
    fn seen_while<T>(&mut self, time: std::time::Duration, see: impl Fn(&mut Self) -> T) -> Vec<T> {
        let end = self.now + time;
        let mut seen = Vec::new();
        while self.now < end {
            self.run(ms(500));
            seen.push(see(self));
        }
        seen
    }
}
