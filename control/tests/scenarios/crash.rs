//! The process dies with calls in it; another starts from what is durable.

use crate::common::phone::ReinviteHabit;
use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, ms, secs};

#[test]
fn a_parked_call_survives_the_death_of_the_process() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let orbit = world.orbit(parked);
    let port = world.call(parked).settled.as_ref().unwrap().remote.port();
    world.crash();
    world.run(secs(2));
    assert_eq!(world.orbit(parked), orbit);
    assert!(world.hears_music(parked));
    assert_ne!(
        world.call(parked).settled.as_ref().unwrap().remote.port(),
        port,
        "it was told another port"
    );
    checks::agreement(&world);
    world.retrieve(bob, parked);
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_bridged_call_survives_the_death_of_the_process() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    world.run(secs(1));
    world.crash();
    world.run(secs(2));
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.hang_up(retriever);
    world.run(secs(2));
    let view = world.view(parked);
    assert!(
        matches!(view, View::Ended(Ending::ByServer { .. })),
        "{view:?}"
    );
    world.finish();
}

#[test]
fn phones_hear_the_same_source_go_on_after_the_death_of_the_process() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let carol = world.phone("carol");
    let (parked, waiting) = (world.park(alice), world.park(carol));
    let retriever = world.retrieve(bob, parked);
    world.run(secs(1));
    let calls = [parked, retriever, waiting];
    let before = calls.map(|call| world.sync_source(call));
    world.crash();
    world.run(secs(2));
    let after = calls.map(|call| world.sync_source(call));
    assert_eq!(after, before);
    checks::agreement(&world);
    world.finish();
}

#[test]
fn the_parker_is_called_back_at_the_time_it_was_before() {
    let site = Site::default().pickup_timeout(secs(30));
    let mut world = World::new(site);
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let referred = [("Referred-By", "<sip:bob@198.51.100.2>".to_owned())];
    let parked = world.dial_with(alice, "park", &referred);
    world.run(secs(20));
    world.crash();
    world.run(secs(9));
    assert_eq!(world.sent(bob, "INVITE"), 0);
    assert!(world.orbit(parked).is_some());
    world.run(secs(2));
    assert!(world.sent(bob, "INVITE") > 0);
    world.finish();
}

/// It said 491 first: then its own offer waits for ours. But ours it does not want.
#[test]
fn a_phone_that_refuses_our_offer_for_good_is_taken_up_by_its_own() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    world.phones[alice].habits.excuses = 1;
    world.phones[alice].habits.reinvite = ReinviteHabit::Refuse(603);
    world.crash();
    world.run(secs(10));
    assert!(world.parked(parked).unwrap().adopting);
    world.with(alice, |phone, now| phone.change_codecs(now, 0, &[8]));
    world.run(secs(10));
    assert!(!world.parked(parked).unwrap().adopting);
    assert!(world.hears_music(parked));
    world.phones[alice].habits.reinvite = ReinviteHabit::Accept;
    world.retrieve(bob, parked);
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_proxy_that_is_busy_after_the_restart_is_asked_again_until_the_call_is_adopted() {
    for status in [503, 500, 480] {
        let mut world = World::new(Site::default());
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        let parked = world.park(alice);
        world.phones[alice].habits.reinvite = ReinviteHabit::Refuse(status);
        world.crash();
        world.run(secs(10));
        let asked = world.sent(alice, "INVITE");
        assert!((3..=5).contains(&asked), "at 0, 1, 3 and 7 s: {asked}");
        assert!(world.parked(parked).unwrap().adopting);
        world.phones[alice].habits.reinvite = ReinviteHabit::Accept;
        world.run(secs(10));
        assert!(!world.parked(parked).unwrap().adopting);
        assert!(world.hears_music(parked));
        let asked = world.sent(alice, "INVITE");
        world.run(secs(60));
        assert_eq!(world.sent(alice, "INVITE"), asked, "once it has agreed");
        world.retrieve(bob, parked);
        checks::agreement(&world);
        world.finish();
    }
}

#[test]
fn a_phone_that_will_not_be_adopted_is_asked_so_often_and_no_more() {
    let mut world = World::new(Site::default().pickup_timeout(secs(600)));
    let alice = world.phone("alice");
    world.park(alice);
    world.phones[alice].habits.reinvite = ReinviteHabit::Refuse(503);
    world.crash();
    world.run(secs(400));
    assert_eq!(world.sent(alice, "INVITE"), 8);
    world.finish();
}

#[test]
fn a_phone_that_never_agrees_after_a_restart_is_let_go_when_its_session_ends() {
    let mut site = Site::default().pickup_timeout(secs(7_200));
    site.config.sip.session_expires = secs(600);
    let mut world = World::new(site);
    let alice = world.phone("alice");
    let parked = world.park(alice);
    world.phones[alice].habits.reinvite = ReinviteHabit::Refuse(503);
    world.crash();
    world.run(secs(500));
    assert!(world.orbit(parked).is_some());
    world.run(secs(120));
    assert_eq!(world.orbit(parked), None);
    assert_eq!(world.sent(alice, "BYE"), 1);
    world.finish();
}

#[test]
fn sessions_are_refreshed_after_a_restart_as_before() {
    let mut site = Site::default().pickup_timeout(secs(7_200));
    site.config.sip.session_expires = secs(300);
    let mut world = World::new(site);
    let (alice, bob, carol) = (
        world.phone("alice"),
        world.phone("bob"),
        world.phone("carol"),
    );
    for phone in [alice, bob, carol] {
        world.phones[phone].habits.update = true;
    }
    let bridged = world.park(alice);
    let retriever = world.retrieve(bob, bridged);
    let waiting = world.park(carol);
    world.run(secs(100));
    world.crash();
    world.run(secs(3));
    let before = [alice, bob, carol].map(|phone| world.phones[phone].updates);
    world.run(secs(1_000));
    for (phone, before) in [alice, bob, carol].into_iter().zip(before) {
        let refreshed = world.phones[phone].updates - before;
        assert!(
            (6..=9).contains(&refreshed),
            "each 112 to 150 s: {refreshed}"
        );
    }
    assert!(world.are_joined(bridged, retriever));
    assert!(world.hears_music(waiting));
    // Who is gone is noticed by that.
    world.switch_off(carol);
    world.run(secs(400));
    assert_eq!(world.orbit(waiting), None);
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_second_death_while_the_store_cannot_be_written_repeats_no_number() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let parked = world.park(alice);
    world.store.is_broken = true;
    let mut asked = world.sent(alice, "INVITE");
    for _ in 0..3 {
        world.crash();
        world.run(secs(2));
        // A number that it knows already the phone would refuse.
        asked += 1;
        assert_eq!(world.sent(alice, "INVITE"), asked);
        assert!(world.hears_music(parked));
    }
    world.store.is_broken = false;
    checks::agreement(&world);
    world.finish();
}

#[test]
fn who_dials_before_the_stream_is_open_is_told_when_to_try_again() {
    let mut site = Site::default();
    site.media.delay = (secs(1), secs(1));
    let mut world = World::new(site);
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    world.crash();
    world.run(ms(100));
    let early = world.dial(bob, &orbit);
    world.run(ms(500));
    let view = world.view(early);
    let is_refused = matches!(view, View::Ended(Ending::Refused { status: 480, .. }));
    assert!(is_refused, "{view:?}");
    let refusal = world.call(early).answer.as_ref().unwrap();
    assert_eq!(refusal.must("Retry-After"), "2");
    world.run(secs(2));
    let call = world.dial(bob, &orbit);
    world.run(secs(4));
    assert!(world.are_joined(parked, call));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn who_does_not_answer_after_a_while_frees_its_orbit() {
    let mut world = World::new(Site::default().pickup_timeout(secs(600)));
    let alice = world.phone("alice");
    let parked = world.park(alice);
    world.switch_off(alice);
    world.crash();
    assert_eq!(world.status().parked, 1);
    // A proxy may come up later than we do: the phone is given two minutes.
    world.run(secs(120));
    assert_eq!(world.status().parked, 1);
    world.run(secs(20));
    assert_eq!(world.status().parked, 0);
    assert_eq!(world.orbit(parked), None);
    assert_eq!(world.store.len(), 0);
    world.finish();
}

#[test]
fn a_phone_that_is_reached_a_minute_after_the_restart_keeps_its_call() {
    let mut world = World::new(Site::default().pickup_timeout(secs(600)));
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
    let bridged = world.park(alice);
    let retriever = world.retrieve(bob, bridged);
    let parked = world.park(carol);
    world.run(secs(1));
    for phone in [alice, bob, carol] {
        world.phones[phone].is_dead = true;
    }
    world.crash();
    world.run(secs(60));
    for phone in [alice, bob, carol] {
        world.phones[phone].is_dead = false;
    }
    world.run(secs(40));
    assert!(world.hears_music(parked));
    assert!(world.are_joined(bridged, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn who_does_not_answer_is_given_up_when_its_parker_would_be_called() {
    let mut world = World::new(Site::default().pickup_timeout(secs(20)));
    let [alice, bob] = ["alice", "bob"].map(|name| world.phone(name));
    let referred = [("Referred-By", "<sip:bob@198.51.100.2>".to_owned())];
    world.dial_with(alice, "park", &referred);
    world.run(secs(1));
    world.switch_off(alice);
    world.crash();
    world.run(secs(100));
    assert!(world.sent(bob, "INVITE") > 0, "its time is what it was");
    assert_eq!(world.status().calls, 0);
    world.finish();
}

#[test]
fn calls_of_a_range_that_was_removed_survive_the_death_of_the_process() {
    let mut world = World::new(Site::default());
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
    let bridged = world.park(alice);
    let retriever = world.retrieve(bob, bridged);
    let parked = world.park(carol);
    let orbit = world.orbit(parked);
    let mut config = world.site.config.clone();
    (config.orbit_ranges[0].start, config.orbit_ranges[0].end) = (800, 809);
    world.configure(&config).unwrap();
    world.crash();
    world.run(secs(2));
    assert_eq!(world.orbit(parked), orbit);
    assert!(world.hears_music(parked));
    assert!(world.are_joined(bridged, retriever));
    checks::agreement(&world);
    // The range comes back, and has the call again.
    (config.orbit_ranges[0].start, config.orbit_ranges[0].end) = (700, 799);
    world.configure(&config).unwrap();
    assert_eq!((world.status().parked, world.status().free), (1, 99));
    world.hang_up(parked);
    world.finish();
}

#[test]
fn a_second_death_while_calls_are_taken_up_loses_none() {
    let mut site = Site::default();
    site.media.delay = (secs(1), secs(1));
    let mut world = World::new(site);
    let alice = world.phone("alice");
    let parked = world.park(alice);
    let orbit = world.orbit(parked);
    world.crash();
    // Its dialog changes before its stream is open.
    world.with(alice, |phone, now| phone.refresh(now, 0, true));
    world.run(ms(500));
    assert!(world.parked(parked).is_some_and(|status| status.adopting));
    world.crash();
    world.run(secs(10));
    assert_eq!(world.orbit(parked), orbit);
    assert!(world.hears_music(parked));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn who_dials_before_the_peer_was_told_has_the_call() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    world.crash();
    let call = world.dial(bob, &orbit);
    world.run(secs(2));
    assert!(world.are_joined(parked, call));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn nobody_is_told_of_an_orbit_before_the_call_is_durable() {
    let site = Site {
        store_delay: Some(ms(300)),
        ..Site::default()
    };
    let mut world = World::new(site);
    let alice = world.phone("alice");
    let call = world.dial(alice, "park");
    world.run(ms(250));
    assert_eq!(world.sent(alice, "SIP/2.0 200"), 0);
    assert_eq!(world.store.len(), 0);
    world.run(ms(250));
    assert_eq!(world.sent(alice, "SIP/2.0 200"), 1);
    assert_eq!(world.store.len(), 1);
    assert_eq!(world.view(call), View::Listening);
    world.finish();
}

#[test]
fn a_store_that_cannot_be_written_stops_nobody_from_parking() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    world.store.is_broken = true;
    let first = world.park(alice);
    assert!(world.status().store_behind);
    world.store.is_broken = false;
    let second = world.park(bob);
    assert!(!world.status().store_behind);
    assert_eq!(world.store.len(), 2, "what failed was written later");
    world.crash();
    world.run(secs(2));
    assert!(world.orbit(first).is_some() && world.orbit(second).is_some());
    world.finish();
}

#[test]
fn the_calls_are_told_one_after_the_other_two_thousand_a_second() {
    let site = Site::default().workers(&[500]).orbits(700, 899);
    let mut world = World::new(site);
    let alice = world.phone("alice");
    let calls: Vec<_> = (0..200).map(|_| world.dial(alice, "park")).collect();
    world.run(secs(10));
    assert_eq!(world.status().parked, 200);
    world.crash();
    world.run(ms(60));
    let told = calls.iter().filter(|call| is_told(&world, **call)).count();
    assert!((1..150).contains(&told), "{told}");
    world.run(ms(500));
    assert!(calls.iter().all(|call| is_told(&world, *call)));
    world.finish();
}

fn is_told(world: &World, call: CallRef) -> bool {
    world.parked(call).is_some_and(|status| !status.adopting)
}

/// Whatever the moment, nothing is lost or doubled: a call that somebody was told of is there, and
/// everybody agrees about it.
#[test]
fn the_process_may_die_at_any_moment_of_park_retrieve_and_recall() {
    // Parking, dialling the orbit, the recall; and what is between them.
    let busy = [0..500, 5_000..5_500, 10_000..10_500];
    let moments = busy.into_iter().flat_map(|span| span.step_by(11));
    for at in moments.chain((0..40_000).step_by(1_009)) {
        for retrieves in [false, true] {
            die(at, retrieves);
        }
    }
}

fn die(at_ms: u64, retrieves: bool) {
    let site = Site::default().pickup_timeout(secs(10)).seed(at_ms);
    let mut world = World::new(site);
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    world.phone("carol");
    let referred = [("Referred-By", "<sip:carol@198.51.100.3>".to_owned())];
    let parked = world.dial_with(alice, "park", &referred);
    world.run(ms(at_ms.min(5_000)));
    if retrieves && let Some(orbit) = world.orbit(parked) {
        world.dial(bob, &orbit);
    }
    world.run(ms(at_ms.saturating_sub(5_000)));
    world.crash();
    world.run(secs(35));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn nothing_else_is_chosen_differently_because_calls_are_kept() {
    let choices = [None, Some(ms(0))].map(|store_delay| {
        let mut world = World::new(Site {
            store_delay,
            ..Site::default()
        });
        let alice = world.phone("alice");
        let parked = [(); 3].map(|()| world.park(alice));
        parked.map(|call| (world.orbit(call), world.call(call).remote_tag.clone()))
    });
    assert_eq!(choices[0], choices[1]);
}

/// The bridge is durable, its 200 has not arrived: the retriever does not know of it, and the
/// parkee shall not lose its place because of that.
#[test]
fn who_was_being_retrieved_when_the_process_died_is_parked_as_before() {
    let mut world = World::new(Site::default().pickup_timeout(secs(60)));
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
    let referred = [("Referred-By", "<sip:carol@198.51.100.3>".to_owned())];
    let parked = world.dial_with(alice, "park", &referred);
    world.run(secs(20));
    let orbit = world.orbit(parked).unwrap();
    world.dial(bob, &orbit);
    world.switch_off(bob);
    world.run(secs(2));
    assert_eq!(world.orbit(parked), None, "it is bridged, and nobody knows");
    world.crash();
    world.run(secs(34));
    assert_eq!(world.orbit(parked), Some(orbit));
    assert!(world.hears_music(parked));
    assert_eq!(world.sent(carol, "INVITE"), 0);
    world.run(secs(5));
    assert!(world.sent(carol, "INVITE") > 0, "when it was due before");
    world.finish();
}

/// Its proxy is busy for longer than a retriever's proof takes: that nothing was heard of it since
/// is still no sign that it ever was there.
#[test]
fn who_was_being_retrieved_is_parked_as_before_also_when_the_retriever_is_missed_late() {
    let mut world = World::new(Site::default().pickup_timeout(secs(600)));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    world.phones[bob].habits.acks_forgotten = u32::MAX;
    world.dial(bob, &orbit);
    world.run(ms(300));
    assert_eq!(world.orbit(parked), None, "it is bridged");
    world.phones[bob].habits.reinvite = ReinviteHabit::Refuse(503);
    world.crash();
    world.run(secs(50));
    world.switch_off(bob);
    world.run(secs(60));
    assert_eq!(world.orbit(parked), Some(orbit));
    assert!(world.hears_music(parked));
    world.finish();
}

#[test]
fn a_retriever_that_has_its_answer_is_joined_again_though_its_ack_is_missing() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    world.phones[bob].habits.acks_forgotten = 1;
    let orbit = world.orbit(parked).unwrap();
    let retriever = world.dial(bob, &orbit);
    world.run(ms(300));
    world.crash();
    world.run(secs(2));
    assert!(world.are_joined(parked, retriever));
    world.run(secs(60));
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}
