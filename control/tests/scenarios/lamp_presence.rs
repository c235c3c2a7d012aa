//! Softphones that know presence and no dialogs have orbits among their buddies (RFC 3856): free
//! ones can be called, and who has a call waiting is on the phone.

use std::time::Duration;

use crate::common::phone::callee::RingHabit;
use crate::common::phone::watch::{Lamp, Watching};
use crate::common::site::Site;
use crate::common::world::World;
use crate::common::{checks, ms, secs};

const HOUR: Duration = Duration::from_secs(3_600);
const PRESENCE: (&str, &str) = ("Event", "presence");

fn befriend(world: &mut World, phone: usize, user: &str) {
    befriend_with(world, phone, user, &[]);
}

fn befriend_with(world: &mut World, phone: usize, user: &str, extra: &[(&str, &str)]) {
    let extra = [&[PRESENCE], extra].concat();
    world.with(phone, |phone, now| {
        phone.watch_with(now, user, HOUR, &extra)
    });
    world.run(ms(200));
}

fn seen(world: &World, phone: usize) -> &Watching {
    world.phones[phone].watches.last().expect("a watch")
}

/// How the call waits that a phone sees, and who it is.
fn waiting(world: &World, phone: usize) -> (String, String) {
    let Lamp { status, remote, .. } = seen(world, phone).lamp().clone();
    (status.expect("presence says how"), remote)
}

fn parked(who: &str) -> (String, String) {
    ("parked".to_owned(), who.to_owned())
}

#[test]
fn row_60_an_orbit_is_on_the_phone_while_a_call_waits_there() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
    befriend(&mut world, carol, "701");
    assert_eq!(seen(&world, carol).state, "active;expires=3600");
    assert!(seen(&world, carol).lamps.is_empty());
    let body = seen(&world, carol).body();
    assert!(body.contains("entity=\"sip:701@192.0.2.1:5060\""), "{body}");
    let call = world.park(alice);
    world.run(ms(100));
    assert_eq!(waiting(&world, carol), parked("alice"));
    world.retrieve(bob, call);
    world.run(secs(1));
    assert!(seen(&world, carol).lamps.is_empty());
    world.hang_up(call);
    world.finish();
}

#[test]
fn an_orbit_stays_on_the_phone_while_its_parker_is_called_back() {
    let mut world = World::new(Site::default().orbits(701, 701).pickup_timeout(secs(10)));
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
    world.phones[bob].habits.ring = RingHabit::Answer(secs(4));
    befriend(&mut world, carol, "701");
    let parker = format!("<sip:bob@{}>", world.phones[bob].address);
    world.dial_with(alice, "701", &[("Referred-By", parker)]);
    world.run(secs(12));
    assert_eq!(waiting(&world, carol).0, "recalling");
    world.run(secs(6));
    assert!(seen(&world, carol).lamps.is_empty());
    world.finish();
}

/// The same as the dialog package tells that watcher, and less where presence has no words.
#[test]
fn presence_tells_no_name_that_the_dialog_package_does_not_tell() {
    let mut site = Site::default().orbits(701, 701);
    site.config.park.reveal_dialogs_to = vec!["198.51.100.0/24".parse().unwrap()];
    let mut world = World::new(site);
    let [alice, carol] = ["alice", "carol"].map(|name| world.phone(name));
    let call = world.dial_with(alice, "park", &[("Privacy", "id".to_owned())]);
    befriend(&mut world, carol, "701");
    assert_eq!(waiting(&world, carol), parked("Anonymous"));
    let body = seen(&world, carol).body();
    let call_id = world.call(call).call_id.clone();
    for secret in ["alice", "token", &call_id] {
        assert!(!body.contains(secret), "{secret}: {body}");
    }
    world.finish();
}

#[test]
fn who_says_nothing_of_forms_and_who_takes_any_gets_that_of_presence() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let [alice, carol] = ["alice", "carol"].map(|name| world.phone(name));
    world.park(alice);
    for accept in [
        None,
        Some("application/pidf+xml"),
        Some("application/*"),
        Some("text/plain, */*"),
        Some("application/dialog-info+xml, application/PIDF+xml"),
    ] {
        let extra: Vec<_> = accept
            .map(|accept| ("Accept", accept))
            .into_iter()
            .collect();
        befriend_with(&mut world, carol, "701", &extra);
        assert_eq!(waiting(&world, carol), parked("alice"), "{accept:?}");
    }
    world.finish();
}

#[test]
fn what_has_no_presence_is_refused_with_the_reason() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let dialogs = "application/dialog-info+xml";
    for (user, event, accept, answer) in [
        ("701", "presence", dialogs, "SIP/2.0 406 Not Acceptable"),
        ("701", "presence", "text/*", "SIP/2.0 406 Not Acceptable"),
        (
            "701",
            "dialog",
            "application/pidf+xml",
            "SIP/2.0 406 Not Acceptable",
        ),
        ("600", "presence", "*/*", "SIP/2.0 404 Not Found"),
        // Many orbits are no one buddy.
        ("park", "presence", "*/*", "SIP/2.0 404 Not Found"),
        ("only", "presence", "*/*", "SIP/2.0 404 Not Found"),
    ] {
        let extra = [("Event", event), ("Accept", accept)];
        world.with(alice, |phone, now| {
            phone.watch_with(now, user, HOUR, &extra)
        });
        world.run(ms(100));
        assert_eq!(seen(&world, alice).state, answer, "{user}: {event}");
        let refused = world.phones[alice].responses.last().unwrap();
        assert!(refused.header("Reason").is_some());
    }
    let extra = [("Event", "presence.winfo")];
    world.with(alice, |phone, now| {
        phone.watch_with(now, "701", HOUR, &extra)
    });
    world.run(ms(100));
    assert_eq!(seen(&world, alice).state, "SIP/2.0 489 Bad Event");
    let refused = world.phones[alice].responses.last().unwrap();
    let events = refused.must("Allow-Events");
    assert!(
        events.split(", ").any(|event| event == "presence"),
        "{events}"
    );
    assert_eq!(world.status().subscriptions, 0);
    world.finish();
}

#[test]
fn a_refresh_and_the_end_are_answered_with_the_state() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let [alice, carol] = ["alice", "carol"].map(|name| world.phone(name));
    world.park(alice);
    befriend(&mut world, carol, "701");
    let first = seen(&world, carol).last_number();
    world.with(carol, |phone, now| phone.refresh_watch(now, 0));
    world.run(ms(100));
    let second = seen(&world, carol).last_number();
    assert!(second > first, "{first:?}, {second:?}");
    world.with(carol, |phone, now| phone.unwatch(now, 0));
    world.run(ms(100));
    let watch = seen(&world, carol);
    assert!(watch.last_number() > second);
    assert!(watch.state.starts_with("terminated"), "{}", watch.state);
    assert_eq!(waiting(&world, carol), parked("alice"));
    assert_eq!(world.status().subscriptions, 0);
    world.finish();
}

#[test]
fn the_newest_state_arrives_whatever_was_lost() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
    befriend(&mut world, carol, "701");
    world.phones[carol].is_dead = true;
    let first = world.park(alice);
    world.run(secs(3));
    world.hang_up(first);
    world.run(secs(1));
    world.park(bob);
    world.run(secs(30));
    world.phones[carol].is_dead = false;
    world.run(secs(3));
    assert_eq!(waiting(&world, carol), parked("bob"));
    let notices = &seen(&world, carol).notices;
    assert!(notices.len() <= 3, "one under way at a time: {notices:?}");
    world.finish();
}

#[test]
fn watches_of_both_packages_count_together() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    for number in 0..513 {
        let user = format!("{}", 700 + number % 100);
        let event = [PRESENCE, ("Event", "dialog")][number % 2];
        world.with(alice, |phone, now| {
            phone.watch_with(now, &user, HOUR, &[event])
        });
        world.run(ms(20));
    }
    assert_eq!(seen(&world, alice).state, "SIP/2.0 403 Forbidden");
    assert_eq!(world.status().subscriptions, 512);
}

#[test]
fn the_next_process_tells_buddies_without_being_asked() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let [alice, carol] = ["alice", "carol"].map(|name| world.phone(name));
    befriend(&mut world, carol, "701");
    let call = world.park(alice);
    world.run(secs(1));
    world.crash();
    world.run(secs(2));
    checks::agreement(&world);
    assert_eq!(waiting(&world, carol), parked("alice"));
    world.hang_up(call);
    world.run(secs(1));
    assert!(seen(&world, carol).lamps.is_empty());
    assert_eq!(world.phones[carol].watches.len(), 1, "nobody asked again");
    world.finish();
}

#[test]
fn a_server_that_ends_tells_its_buddies_when_to_come_back() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let [alice, carol] = ["alice", "carol"].map(|name| world.phone(name));
    world.park(alice);
    befriend(&mut world, carol, "701");
    world.stop();
    world.run(secs(1));
    let watch = seen(&world, carol);
    assert_eq!(watch.state, "terminated;reason=probation;retry-after=30");
    assert!(watch.lit().is_empty());
}
