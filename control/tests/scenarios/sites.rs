//! Settings of sites and ranges: what a call waits for, and where it is put.

use std::collections::BTreeSet;
use std::time::Duration;

use control::config::{Allocation, Overrides};

use crate::common::phone::call::{Ending, View};
use crate::common::secs;
use crate::common::site::Site;
use crate::common::world::World;

#[test]
fn row_20_a_site_has_a_waiting_time_of_its_own() {
    let mut world = World::new(two_sites());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let in_paris = world.dial_with(alice, "701", &[referred("+33140000001@example.com")]);
    let elsewhere = world.dial_with(bob, "801", &[referred("ann@example.com")]);
    world.run(secs(19));
    assert_eq!(world.view(in_paris), View::Listening);
    world.run(secs(2));
    let ended = matches!(world.view(in_paris), View::Ended(Ending::ByServer { .. }));
    assert!(ended, "{:?}", world.view(in_paris));
    assert_eq!(world.view(elsewhere), View::Listening);
    world.finish();
}

#[test]
fn row_20_without_a_site_the_settings_of_all_hold() {
    let mut site = two_sites();
    site.config.park.sites.clear();
    let mut world = World::new(site);
    let alice = world.phone("alice");
    let call = world.dial(alice, "park");
    world.run(secs(60));
    assert_eq!(world.view(call), View::Listening);
    world.finish();
}

#[test]
fn a_range_has_silence_of_its_own() {
    let mut site = Site::default();
    site.config.orbit_ranges[0].own.music_on_hold = Some(false);
    // What the checks of the world take for granted of all orbits.
    site.config.park.music_on_hold = false;
    let mut world = World::new(site);
    let alice = world.phone("alice");
    let call = world.park(alice);
    world.run(secs(1));
    assert!(!world.hears_music(call));
    world.finish();
}

#[test]
fn a_member_of_a_site_parks_in_its_ranges_and_then_in_those_of_all() {
    let mut world = World::new(two_sites());
    let mut orbits = Vec::new();
    for number in 0..4 {
        let phone = world.phone(&format!("phone-{number}"));
        let from = referred(&format!("+3314000000{number}@example.com"));
        let call = world.dial_with(phone, "park", &[from]);
        world.run(secs(1));
        orbits.push(world.orbit(call).expect("parked"));
    }
    let first: BTreeSet<_> = orbits[..2].iter().map(String::as_str).collect();
    assert_eq!(first, BTreeSet::from(["700", "701"]), "of the site");
    assert!(
        orbits[2].starts_with('8') && orbits[3].starts_with('8'),
        "{orbits:?}"
    );
    world.finish();
}

#[test]
fn who_belongs_to_no_site_is_not_put_into_one() {
    let mut site = two_sites();
    site.config.orbit_ranges[1].end = 800;
    let mut world = World::new(site);
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let call = world.park(alice);
    assert_eq!(world.orbit(call).as_deref(), Some("800"));
    let refused = world.dial(bob, "park");
    world.run(secs(1));
    let busy = matches!(
        world.view(refused),
        View::Ended(Ending::Refused { status: 486, .. })
    );
    assert!(busy, "{:?}", world.view(refused));
    world.finish();
}

#[test]
fn row_63_a_range_may_give_out_its_orbits_in_sequence_and_begin_anew_after_the_last() {
    let mut site = Site::default().orbits(10, 12);
    let range = &mut site.config.orbit_ranges[0];
    range.allocation = Allocation::Sequential;
    range.own.pickup_timeout = Some(Duration::from_secs(120));
    let mut world = World::new(site);
    let phone = world.phone("alice");
    let mut orbits = Vec::new();
    for _ in 0..5 {
        let call = world.park(phone);
        orbits.push(world.orbit(call).unwrap());
        world.hang_up(call);
        world.run(secs(1));
    }
    assert_eq!(orbits, ["10", "11", "12", "10", "11"]);
    let waiting = world.park(phone);
    world.run(secs(118));
    assert_eq!(world.view(waiting), View::Listening, "beyond the default");
    world.run(secs(3));
    assert!(world.call(waiting).is_over());
    world.finish();
}

#[test]
fn row_63_a_taken_orbit_is_passed_over_in_the_sequence() {
    let mut site = Site::default().orbits(10, 13);
    site.config.orbit_ranges[0].allocation = Allocation::Sequential;
    let mut world = World::new(site);
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    world.dial_with(bob, "11", &[referred("ann@example.com")]);
    world.run(secs(1));
    let orbits: Vec<_> = (0..3)
        .map(|_| {
            let call = world.park(alice);
            world.orbit(call).unwrap()
        })
        .collect();
    assert_eq!(orbits, ["10", "12", "13"]);
    world.finish();
}

fn referred(by: &str) -> (&'static str, String) {
    ("Referred-By", format!("<sip:{by}>"))
}

/// Paris has 700-701 and a waiting time of 20 s; 800-809 is everybody's.
fn two_sites() -> Site {
    let mut site = Site::default().orbits(700, 701);
    let mut of_all = site.config.orbit_ranges[0].clone();
    of_all.name = "of-all".to_owned();
    (of_all.start, of_all.end) = (800, 809);
    site.config.orbit_ranges[0].site = Some("paris".to_owned());
    site.config.orbit_ranges.push(of_all);
    let paris = control::config::Site {
        members: vec!["+331*".parse().unwrap()],
        own: Overrides {
            pickup_timeout: Some(Duration::from_secs(20)),
            ..Overrides::default()
        },
    };
    site.config.park.sites.insert("paris".to_owned(), paris);
    site
}
