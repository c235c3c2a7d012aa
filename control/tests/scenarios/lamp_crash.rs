//! Lamps outlive the process: watchers are told what has changed without asking again, with
//! versions that only grow; whom nobody knows any more is told 481, and asks anew.

use std::time::Duration;

use crate::common::link::Way;
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, ms, secs};

const HOUR: Duration = Duration::from_secs(3_600);

/// A world with a watcher of one orbit, of the range as a list, and of all.
fn watched() -> (World, [usize; 3]) {
    let mut world = World::new(Site::default().orbits(701, 705));
    let range = world.site.config.orbit_ranges[0].name.clone();
    let watchers = ["bob", "carol", "dave"].map(|name| world.phone(name));
    let list = [("Event", "dialog"), ("Supported", "eventlist")];
    world.with(watchers[0], |phone, now| phone.watch(now, "701", HOUR));
    world.with(watchers[1], |phone, now| {
        phone.watch_with(now, &range, HOUR, &list)
    });
    world.with(watchers[2], |phone, now| phone.watch(now, "park", HOUR));
    world.run(secs(1));
    (world, watchers)
}

/// Somebody parks this phone in the orbit.
fn park(world: &mut World, phone: usize) -> CallRef {
    let referred = [("Referred-By", "<sip:frank@example.com>".to_owned())];
    world.dial_with(phone, "701", &referred)
}

fn asked(world: &World, watchers: &[usize]) -> Vec<usize> {
    let sent = |phone: &usize| world.phones[*phone].watches.len();
    watchers.iter().map(sent).collect()
}

#[test]
fn watchers_are_told_by_the_next_process_without_asking_again() {
    let (mut world, watchers) = watched();
    let [alice, erin] = ["alice", "erin"].map(|name| world.phone(name));
    let parked = park(&mut world, alice);
    world.run(secs(1));
    assert_eq!(world.store.watches(), 3);
    let ids = |world: &World| -> Vec<String> {
        let watch = &world.phones[watchers[0]].watches[0];
        watch.lamps.keys().cloned().collect()
    };
    let before = ids(&world);
    world.crash();
    world.run(secs(2));
    checks::agreement(&world);
    assert_ne!(ids(&world), before, "a place is never given twice");
    world.retrieve(erin, parked);
    world.run(secs(1));
    checks::agreement(&world);
    for phone in watchers {
        assert!(world.phones[phone].watches[0].lit().is_empty());
    }
    let lamp = world.phones[watchers[0]].watches[0].lamp().clone();
    let end = ("retrieved".to_owned(), "sip:erin@example.com".to_owned());
    assert_eq!(lamp.end, Some(end));
    assert_eq!(asked(&world, &watchers), [1, 1, 1]);
    world.finish();
}

#[test]
fn a_call_that_ended_while_no_server_was_there_goes_out() {
    let (mut world, watchers) = watched();
    let alice = world.phone("alice");
    park(&mut world, alice);
    world.run(secs(1));
    world.switch_off(alice);
    world.crash();
    world.run(secs(200));
    for phone in watchers {
        let watch = &world.phones[phone].watches[0];
        assert!(watch.is_live() && watch.lit().is_empty());
    }
    checks::agreement(&world);
    world.finish();
}

#[test]
fn versions_grow_over_many_documents_and_deaths() {
    let (mut world, watchers) = watched();
    let alice = world.phone("alice");
    // More than are told between two writings.
    for turn in 0..150 {
        let call = park(&mut world, alice);
        world.run(ms(300));
        world.hang_up(call);
        world.run(ms(300));
        if turn % 40 == 39 {
            world.crash();
            world.run(ms(500));
        }
    }
    world.crash();
    world.crash();
    world.run(secs(2));
    let call = park(&mut world, alice);
    world.run(secs(1));
    checks::agreement(&world);
    world.hang_up(call);
    world.run(secs(1));
    assert_eq!(asked(&world, &watchers), [1, 1, 1]);
    world.finish();
}

#[test]
fn a_subscription_that_has_ended_or_expired_is_not_taken_up() {
    let (mut world, watchers) = watched();
    world.with(watchers[0], |phone, now| phone.unwatch(now, 0));
    world.run(secs(1));
    assert_eq!(world.store.watches(), 2);
    world.switch_off(watchers[1]);
    world.run(secs(3_700));
    world.crash();
    world.run(secs(1));
    assert_eq!(world.status().subscriptions, 1);
    assert_eq!(world.store.watches(), 1);
    world.finish();
}

#[test]
fn a_refresh_that_nobody_knows_is_answered_481_and_a_new_one_gets_everything() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let [alice, bob] = ["alice", "bob"].map(|name| world.phone(name));
    park(&mut world, alice);
    world.run(secs(1));
    world.store.is_broken = true;
    world.with(bob, |phone, now| phone.watch(now, "701", HOUR));
    world.run(secs(1));
    world.crash();
    world.store.is_broken = false;
    world.with(bob, |phone, now| phone.refresh_watch(now, 0));
    world.run(secs(1));
    let watch = &world.phones[bob].watches[0];
    assert!(
        watch.is_over && watch.state.contains(" 481 "),
        "{}",
        watch.state
    );
    world.with(bob, |phone, now| phone.watch_again(now, 0));
    world.run(secs(1));
    assert_eq!(world.phones[bob].watches[1].lit().len(), 1);
    checks::agreement(&world);
    world.finish();
}

/// The phone has heard nothing of the first process: neither its 200 nor its NOTIFY.
#[test]
fn a_subscribe_that_is_repeated_to_the_next_process_is_one_subscription() {
    for is_notify_lost in [true, false] {
        let mut world = World::new(Site::default().orbits(701, 701));
        let [alice, bob] = ["alice", "bob"].map(|name| world.phone(name));
        park(&mut world, alice);
        world.run(secs(1));
        world.link.lose(Way::ToPhone, "SIP/2.0 200", 1);
        world
            .link
            .lose(Way::ToPhone, "NOTIFY", u32::from(is_notify_lost));
        world.with(bob, |phone, now| phone.watch(now, "701", HOUR));
        world.run(ms(200));
        assert_eq!(world.store.watches(), 1, "it is kept");
        world.crash();
        // The SUBSCRIBE comes again.
        world.run(secs(2));
        assert_eq!(world.status().subscriptions, 1);
        assert_eq!(world.store.watches(), 1);
        let watch = &world.phones[bob].watches[0];
        assert!(watch.is_live(), "{}", watch.state);
        assert_eq!(watch.lit().len(), 1);
        checks::agreement(&world);
        // It is the dialog that the phone refreshes, and that its lamp goes out in.
        world.with(bob, |phone, now| phone.refresh_watch(now, 0));
        world.run(secs(1));
        world.hang_up(CallRef {
            phone: alice,
            call: 0,
        });
        world.run(secs(1));
        assert!(world.phones[bob].watches[0].lit().is_empty());
        world.finish();
    }
}
