//! Lamps: whoever subscribes to an orbit, a range or the park address sees who waits there, and
//! ends with the true state whatever is lost.

use std::time::Duration;

use control::sip::agent::SipDrop;

use crate::common::phone::callee::RingHabit;
use crate::common::phone::watch::Watching;
use crate::common::site::Site;
use crate::common::world::World;
use crate::common::{ms, secs};

const HOUR: Duration = Duration::from_secs(3_600);

fn watch(world: &mut World, phone: usize, user: &str) -> usize {
    let number = world.with(phone, |phone, now| phone.watch(now, user, HOUR));
    world.run(ms(200));
    number
}

fn seen(world: &World, phone: usize) -> &Watching {
    world.phones[phone].watches.last().expect("a watch")
}

#[test]
fn row_60_a_lamp_is_lit_while_a_call_waits_and_goes_out_after() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
    watch(&mut world, carol, "701");
    assert!(seen(&world, carol).lamps.is_empty());
    assert_eq!(seen(&world, carol).state, "active;expires=3600");
    let parked = world.park(alice);
    world.run(secs(7));
    let lamp = seen(&world, carol).lamp().clone();
    assert_eq!((&*lamp.state, &*lamp.orbit), ("confirmed", "701"));
    assert_eq!(lamp.remote, "sip:alice@example.com");
    assert_eq!(lamp.call_id, None, "tags are not for everybody");
    world.retrieve(bob, parked);
    world.run(secs(1));
    let lamp = seen(&world, carol).lamp().clone();
    assert_eq!(lamp.state, "terminated");
    let end = ("retrieved".to_owned(), "sip:bob@example.com".to_owned());
    assert_eq!(lamp.end, Some(end));
    world.with(carol, |phone, now| phone.refresh_watch(now, 0));
    world.run(secs(1));
    assert!(
        seen(&world, carol).lamps.is_empty(),
        "the full state has no dialog"
    );
    world.finish();
}

#[test]
fn who_subscribes_later_sees_who_waits_since_when_and_by_whom() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let [alice, carol] = ["alice", "carol"].map(|name| world.phone(name));
    let referred = [("Referred-By", "<sip:bob@example.com>".to_owned())];
    world.dial_with(alice, "701", &referred);
    world.run(secs(42));
    watch(&mut world, carol, "701");
    let lamp = seen(&world, carol).lamp().clone();
    assert_eq!(lamp.referred_by.as_deref(), Some("sip:bob@example.com"));
    assert_eq!(lamp.status.as_deref(), Some("parked"));
    let body = seen(&world, carol).body();
    assert!(body.contains("<duration>41</duration>"), "{body}");
    assert!(body.contains("+sip.rendering"), "{body}");
    assert!(body.contains("entity=\"sip:701@192.0.2.1:5060\""), "{body}");
    world.finish();
}

#[test]
fn a_parkee_that_does_not_want_to_be_known_is_anonymous() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let [alice, carol] = ["alice", "carol"].map(|name| world.phone(name));
    world.dial_with(alice, "park", &[("Privacy", "id".to_owned())]);
    watch(&mut world, carol, "701");
    let remote = &seen(&world, carol).lamp().remote;
    assert_eq!(remote, "sip:anonymous@anonymous.invalid");
    assert!(!seen(&world, carol).body().contains("alice"));
    world.finish();
}

#[test]
fn only_named_watchers_are_told_tags_and_token() {
    let mut site = Site::default().orbits(701, 701);
    site.config.park.reveal_dialogs_to = vec!["198.51.100.2/32".parse().unwrap()];
    let mut world = World::new(site);
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
    let parked = world.park(alice);
    for phone in [bob, carol] {
        watch(&mut world, phone, "701");
    }
    let call_id = world.call(parked).call_id.clone();
    assert_eq!(seen(&world, bob).lamp().call_id, Some(call_id));
    assert!(seen(&world, bob).body().contains(" token=\""));
    assert_eq!(seen(&world, carol).lamp().call_id, None);
    assert!(!seen(&world, carol).body().contains("token"));
    world.finish();
}

#[test]
fn a_call_stays_lit_while_its_parker_is_called_back_and_the_end_says_who_has_it() {
    let mut world = World::new(Site::default().orbits(701, 701).pickup_timeout(secs(10)));
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
    world.phones[bob].habits.ring = RingHabit::Answer(secs(4));
    watch(&mut world, carol, "701");
    let parker = format!("<sip:bob@{}>", world.phones[bob].address);
    world.dial_with(alice, "701", &[("Referred-By", parker)]);
    world.run(secs(12));
    let lamp = seen(&world, carol).lamp().clone();
    assert_eq!(lamp.state, "confirmed");
    assert_eq!(lamp.status.as_deref(), Some("recalling"));
    world.run(secs(6));
    let lamp = seen(&world, carol).lamp().clone();
    assert_eq!(lamp.state, "terminated");
    assert_eq!(lamp.end.as_ref().unwrap().0, "recalled");
    assert!(lamp.end.unwrap().1.starts_with("sip:bob@"));
    world.finish();
}

#[test]
fn row_37_a_parkee_that_hangs_up_frees_the_orbit_and_whoever_watches_is_told() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let [alice, bob] = ["alice", "bob"].map(|name| world.phone(name));
    watch(&mut world, bob, "701");
    let parked = world.park(alice);
    world.hang_up(parked);
    world.run(ms(100));
    assert_eq!(world.status().parked, 0);
    let lamp = seen(&world, bob).lamp();
    assert_eq!(lamp.end.as_ref().unwrap().0, "hung-up");
    assert!(seen(&world, bob).body().contains("event=\"remote-bye\""));
    world.finish();
}

#[test]
fn row_36_whoever_watches_is_told_that_nobody_came() {
    let mut world = World::new(Site::default().orbits(701, 701).pickup_timeout(secs(10)));
    let [alice, bob] = ["alice", "bob"].map(|name| world.phone(name));
    watch(&mut world, bob, "701");
    world.park(alice);
    world.run(secs(12));
    let lamp = seen(&world, bob).lamp();
    assert_eq!(lamp.end.as_ref().unwrap().0, "timed-out");
    world.finish();
}

#[test]
fn the_park_address_shows_every_call_and_then_what_changes() {
    let mut world = World::new(Site::default());
    let [alice, bob, carol, dave] = ["alice", "bob", "carol", "dave"].map(|n| world.phone(n));
    let first = world.park(alice);
    watch(&mut world, carol, "park");
    assert_eq!(
        seen(&world, carol).lit(),
        [world.orbit(first).unwrap()].into()
    );
    assert!(seen(&world, carol).body().contains("state=\"full\""));
    let second = world.park(bob);
    world.run(ms(100));
    let both = [first, second]
        .map(|call| world.orbit(call).unwrap())
        .into();
    assert_eq!(seen(&world, carol).lit(), both);
    assert!(seen(&world, carol).body().contains("state=\"partial\""));
    assert!(
        !seen(&world, carol).body().contains("alice"),
        "only what changed"
    );
    world.retrieve(dave, first);
    world.run(ms(100));
    assert_eq!(
        seen(&world, carol).lit(),
        [world.orbit(second).unwrap()].into()
    );
    world.finish();
}

#[test]
fn a_range_is_told_as_a_list_to_whoever_takes_lists_and_as_one_document_to_others() {
    let mut world = World::new(Site::default().orbits(701, 703));
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
    let parked = world.park(alice);
    let lists = [
        ("Event", "dialog"),
        ("Supported", "eventlist"),
        (
            "Accept",
            "application/dialog-info+xml, multipart/related, application/rlmi+xml",
        ),
    ];
    world.with(bob, |phone, now| {
        phone.watch_with(now, "ONLY", HOUR, &lists)
    });
    watch(&mut world, carol, "only");
    world.run(ms(100));
    let orbit = world.orbit(parked).unwrap();
    let body = seen(&world, bob).body().to_owned();
    for number in 701..=703 {
        let resource = format!("<resource uri=\"sip:{number}@192.0.2.1:5060\">");
        assert!(body.contains(&resource), "{body}");
    }
    assert!(body.contains("fullState=\"true\""));
    for phone in [bob, carol] {
        assert_eq!(seen(&world, phone).lit(), [orbit.clone()].into());
    }
    world.hang_up(parked);
    world.run(ms(200));
    for phone in [bob, carol] {
        assert!(seen(&world, phone).lit().is_empty());
    }
    assert!(seen(&world, bob).body().contains("fullState=\"false\""));
    assert_eq!(seen(&world, bob).body().matches("<resource ").count(), 1);
    world.finish();
}

/// Whoever asks again hears everything again, also where only changes were told before.
#[test]
fn a_refresh_is_answered_with_the_full_state_in_each_form() {
    let lists = ("Supported", "eventlist");
    for (user, extra) in [
        ("701", vec![]),
        ("park", vec![]),
        ("only", vec![]),
        ("only", vec![lists]),
    ] {
        let mut world = World::new(Site::default().orbits(701, 703));
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
        let first = world.dial(alice, "*68701");
        let extra = [vec![("Event", "dialog")], extra].concat();
        world.with(carol, |phone, now| {
            phone.watch_with(now, user, HOUR, &extra)
        });
        world.run(ms(100));
        let second = world.dial(bob, "*68702");
        world.run(ms(100));
        world.with(carol, |phone, now| phone.refresh_watch(now, 0));
        world.run(ms(100));
        let body = seen(&world, carol).body().to_owned();
        assert!(body.contains("alice"), "{user}: {body}");
        assert_eq!(body.contains("bob"), user != "701", "{user}: {body}");
        let full = match body.contains("<list ") {
            true => "fullState=\"true\"",
            false => "state=\"full\"",
        };
        assert!(body.contains(full), "{user}: {body}");
        for call in [first, second] {
            world.hang_up(call);
        }
        world.run(ms(100));
        assert!(seen(&world, carol).lit().is_empty());
        world.finish();
    }
}

/// RFC 4662 §5.2: a list in full names every orbit, also those whose state does not fit.
#[test]
fn a_list_that_does_not_fit_one_body_names_every_orbit_at_once() {
    let mut world = World::new(Site::default().orbits(700, 799));
    let carol = world.phone("carol");
    let lists = [("Event", "dialog"), ("Supported", "eventlist")];
    world.with(carol, |phone, now| {
        phone.watch_with(now, "only", HOUR, &lists)
    });
    world.run(secs(2));
    let notices = &seen(&world, carol).notices;
    let all = notices[0].body.matches("<resource ").count();
    assert_eq!(all, 100);
    let told = |what: &str| -> usize {
        let bodies = notices
            .iter()
            .map(|notice| notice.body.matches(what).count());
        bodies.sum()
    };
    assert!(notices.len() > 1);
    assert_eq!(told("<instance "), 100, "and then tells each");
    world.finish();
}

#[test]
fn phones_made_for_broadworks_get_its_body() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
    let kind = "application/x-broadworks-callpark-info+xml";
    let by_event = [("Event", "x-broadworks-callpark-info"), ("Accept", kind)];
    let by_form = [("Event", "dialog"), ("Accept", kind)];
    world.with(bob, |phone, now| {
        phone.watch_with(now, "701", HOUR, &by_event)
    });
    world.with(carol, |phone, now| {
        phone.watch_with(now, "701", HOUR, &by_form)
    });
    world.run(ms(100));
    assert!(seen(&world, bob).body().contains("<callpark></callpark>"));
    let parked = world.park(alice);
    world.run(ms(100));
    for phone in [bob, carol] {
        let identity = "<identity display=\"alice\">sip:alice@example.com</identity>";
        let body = seen(&world, phone).body();
        assert!(body.contains(identity), "{body}");
    }
    world.hang_up(parked);
    world.run(ms(100));
    assert!(seen(&world, carol).body().contains("<callpark></callpark>"));
    world.finish();
}

#[test]
fn what_cannot_be_watched_is_refused_with_the_reason() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    for (user, accept, answer) in [
        ("nobody", "*/*", "SIP/2.0 404 Not Found"),
        ("600", "*/*", "SIP/2.0 404 Not Found"),
        ("701", "text/plain", "SIP/2.0 406 Not Acceptable"),
    ] {
        let extra = [("Event", "dialog"), ("Accept", accept)];
        world.with(alice, |phone, now| {
            phone.watch_with(now, user, HOUR, &extra)
        });
        world.run(ms(100));
        assert_eq!(seen(&world, alice).state, answer, "{user}");
        let refused = world.phones[alice].responses.last().unwrap();
        assert!(refused.header("Reason").is_some());
    }
    assert_eq!(world.status().subscriptions, 0);
    world.finish();
}

#[test]
fn a_subscriber_has_so_many_watches_and_no_more() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    for number in 0..513 {
        let user = format!("{}", 700 + number % 100);
        world.with(alice, |phone, now| phone.watch(now, &user, HOUR));
        world.run(ms(20));
    }
    assert_eq!(seen(&world, alice).state, "SIP/2.0 403 Forbidden");
    assert_eq!(world.status().subscriptions, 512);
    assert_eq!(world.control.dropped(SipDrop::Full), 0);
}

#[test]
fn one_lost_notify_ends_nothing_and_the_newest_state_arrives() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let [alice, carol] = ["alice", "carol"].map(|name| world.phone(name));
    watch(&mut world, carol, "701");
    world.phones[carol].is_dead = true;
    let parked = world.park(alice);
    world.run(secs(33));
    world.hang_up(parked);
    world.run(ms(100));
    world.phones[carol].is_dead = false;
    world.run(secs(3));
    let watch = seen(&world, carol);
    assert!(watch.lit().is_empty(), "{watch:?}");
    assert_eq!(watch.notices.len(), 3, "each version, in order");
    world.finish();
}

#[test]
fn a_watcher_that_is_switched_off_is_forgotten() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let [alice, carol] = ["alice", "carol"].map(|name| world.phone(name));
    watch(&mut world, carol, "701");
    world.switch_off(carol);
    world.park(alice);
    world.run(secs(110));
    assert_eq!(world.status().subscriptions, 0);
    world.finish();
}

#[test]
fn a_server_that_ends_tells_its_watchers_when_to_come_back() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let [alice, carol] = ["alice", "carol"].map(|name| world.phone(name));
    world.park(alice);
    watch(&mut world, carol, "701");
    world.stop();
    world.run(secs(1));
    assert!(world.is_stopped);
    let watch = seen(&world, carol);
    assert_eq!(watch.state, "terminated;reason=probation;retry-after=30");
    assert!(watch.lit().is_empty());
}

#[test]
fn a_name_with_everything_xml_forbids_is_read_back() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let [alice, carol] = ["alice", "carol"].map(|name| world.phone(name));
    let name = "\"<&'\\\"]]>--\" <sip:al%3C&ice@example.com>".to_owned();
    world.dial_with(alice, "park", &[("P-Asserted-Identity", name)]);
    watch(&mut world, carol, "701");
    let remote = &seen(&world, carol).lamp().remote;
    assert_eq!(remote, "sip:al%3C&ice@example.com");
    world.finish();
}

#[test]
fn what_does_not_fit_one_body_is_told_by_the_next() {
    let mut world = World::new(Site::default());
    let phones: Vec<_> = (0..60).map(|n| world.phone(&format!("phone{n}"))).collect();
    for phone in &phones {
        world.dial(*phone, "park");
    }
    world.run(secs(1));
    let [carol, dave] = ["carol", "dave"].map(|name| world.phone(name));
    watch(&mut world, carol, "park");
    world.run(secs(1));
    let carols = seen(&world, carol);
    assert_eq!(carols.lit().len(), 60);
    assert!(carols.notices.len() > 2, "{}", carols.notices.len());
    assert!(
        carols
            .notices
            .iter()
            .all(|notice| notice.body.len() < 16_384)
    );
    world.with(dave, |phone, now| phone.watch(now, "park", secs(0)));
    world.run(secs(1));
    let daves = seen(&world, dave);
    assert_eq!((daves.lit().len(), daves.notices.len()), (60, 1));
    assert!(daves.is_over);
    world.finish();
}
