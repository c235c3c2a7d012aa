//! What users of other servers complain about (`docs/complaints.md`): each test names the complaint
//! that we shall not hear. Those about sound are with real phones in `tests/e2e`.

use std::time::Duration;

use control::config::Empty;
use shared::{Codec, Source};

use crate::common::link::Quality;
use crate::common::phone::Hold;
use crate::common::phone::call::{Ending, View};
use crate::common::phone::callee::RingHabit;
use crate::common::phone::watch::Watching;
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, ms, secs};

const HOUR: Duration = Duration::from_secs(3_600);

/// A transfer by Bob, the second phone.
fn by_bob() -> (&'static str, String) {
    ("Referred-By", "<sip:bob@198.51.100.2:5060>".to_owned())
}

fn watch(world: &mut World, phone: usize, user: &str) {
    world.with(phone, |phone, now| phone.watch(now, user, HOUR));
    world.run(ms(500));
}

fn lamps(world: &World, phone: usize) -> &Watching {
    world.phones[phone].watches.last().expect("a watch")
}

fn is_refused(world: &World, call: CallRef, with: u16) {
    let view = world.view(call);
    let View::Ended(Ending::Refused { status, reason }) = view else {
        panic!("{view:?}");
    };
    let reason = reason.expect("a Reason, for machines and people");
    assert_eq!(status, with);
    assert!(
        reason.contains(&format!("cause={with}")) && reason.contains("text="),
        "{reason}"
    );
}

#[test]
fn complaint_07_a_lamp_follows_each_way_of_parking() {
    for dialled in ["park", "701", "*68", "*68701"] {
        let mut world = World::new(Site::default().orbits(701, 701));
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
        watch(&mut world, carol, "701");
        let parked = world.dial_with(alice, dialled, &[by_bob()]);
        world.run(secs(1));
        let lit = lamps(&world, carol).lit();
        assert!(lit.contains("701"), "{dialled}: {lit:?}");
        world.retrieve(bob, parked);
        world.run(secs(1));
        assert!(lamps(&world, carol).lit().is_empty(), "{dialled}");
        checks::lamps(&world);
        world.finish();
    }
}

#[test]
fn complaint_07_a_lamp_follows_a_refer_and_an_attended_transfer() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let [parker, parkee, carol] = ["parker", "parkee", "carol"].map(|name| world.phone(name));
    watch(&mut world, carol, "701");
    let refer_to = world.call_elsewhere(parkee, parker);
    world.with(parker, |phone, now| phone.refer(now, "park", &refer_to));
    world.run(secs(1));
    assert!(lamps(&world, carol).lit().contains("701"));
    world.hang_up(world.last_call(parkee));
    world.run(secs(1));
    assert!(lamps(&world, carol).lit().is_empty());
    let consulted = world.park(parker);
    let call = world.call(consulted);
    let tag = call.remote_tag.as_deref().unwrap();
    let replaces = format!("{};to-tag={tag};from-tag={}", call.call_id, call.local_tag);
    let parked = world.dial_with(parkee, "701", &[("Replaces", replaces)]);
    world.run(secs(1));
    assert!(world.hears_music(parked));
    let lamp = lamps(&world, carol).lamps.values().last().unwrap();
    assert_eq!(
        lamps(&world, carol).lit().len(),
        1,
        "one lamp, lit: {lamp:?}"
    );
    checks::lamps(&world);
    world.finish();
}

#[test]
fn complaint_08_one_key_parks_and_retrieves_and_never_costs_a_call() {
    let mut site = Site::default().orbits(701, 702);
    site.config.orbit_ranges[0].empty = Empty::Park;
    let mut world = World::new(site);
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
    for _ in 0..2 {
        // A transfer straight to the orbit parks: it is not told that nobody is parked there.
        let parked = world.dial_with(alice, "701", &[by_bob()]);
        world.run(secs(1));
        assert!(world.hears_music(parked));
        // Another transfer to the same key costs neither call.
        let second = world.dial_with(carol, "701", &[by_bob()]);
        world.run(secs(1));
        is_refused(&world, second, 486);
        assert!(world.hears_music(parked));
        let retriever = world.dial(bob, "701");
        world.run(secs(1));
        assert!(world.are_joined(parked, retriever));
        world.hang_up(retriever);
        world.run(secs(1));
    }
    checks::agreement(&world);
    world.finish();
}

#[test]
fn complaint_09_each_side_sees_the_other_after_a_retrieval_and_no_code() {
    for code in ["", "*88"] {
        let mut world = World::new(Site::default().orbits(701, 701));
        let [alice, bob] = ["alice", "bob"].map(|name| world.phone(name));
        let parked = world.park(alice);
        let retriever = world.dial(bob, &format!("{code}701"));
        world.run(secs(1));
        let seen_by_parkee = world.call(parked).reinvite_identity.clone().unwrap();
        let seen_by_retriever = world.call(retriever).peer_identity.clone().unwrap();
        assert!(
            seen_by_parkee.contains("sip:bob@example.com"),
            "{seen_by_parkee}"
        );
        assert!(
            seen_by_retriever.contains("sip:alice@example.com"),
            "{seen_by_retriever}"
        );
        for seen in [seen_by_parkee, seen_by_retriever] {
            assert!(!seen.contains("701") && !seen.contains('*'), "{seen}");
        }
        world.finish();
    }
}

#[test]
fn complaint_09_a_parker_that_is_called_back_sees_who_waits() {
    let mut world = World::new(Site::default().orbits(701, 701).pickup_timeout(secs(10)));
    let [alice, bob] = ["alice", "bob"].map(|name| world.phone(name));
    world.phones[bob].habits.ring = RingHabit::Answer(secs(1));
    let parked = world.dial_with(alice, "701", &[by_bob()]);
    world.run(secs(13));
    let recall = world.last_call(bob);
    assert!(world.are_joined(parked, recall));
    let invite = world.call(recall).invite.as_ref().unwrap();
    assert!(invite.must("From").starts_with("\"Recall 701: alice\""));
    let waits = "\"alice\" <sip:alice@example.com>";
    assert_eq!(invite.must("P-Asserted-Identity"), waits);
    let seen_by_parkee = world.call(parked).reinvite_identity.clone().unwrap();
    assert!(seen_by_parkee.contains("sip:bob@"), "{seen_by_parkee}");
    world.finish();
}

#[test]
fn complaint_10_a_full_house_hangs_up_on_nobody_and_says_that_it_is_full() {
    let mut world = World::new(Site::default().orbits(701, 702));
    let phones = ["alice", "bob", "carol", "dave", "erin"].map(|name| world.phone(name));
    let [alice, bob, carol, dave, erin] = phones;
    watch(&mut world, erin, "park");
    let parked = [alice, bob].map(|phone| world.park(phone));
    // Whoever wants to know before it parks sees it.
    world.run(secs(1));
    assert_eq!(world.status().free, 0);
    assert_eq!(lamps(&world, erin).lit().len(), 2);
    let refer_to = world.call_elsewhere(carol, dave);
    let refer = world.with(dave, |phone, now| phone.refer(now, "park", &refer_to));
    for dialled in ["park", "*68", "701", "*68702"] {
        let call = world.dial_with(erin, dialled, &[by_bob()]);
        world.run(secs(1));
        is_refused(&world, call, 486);
    }
    let answer = world.phones[dave].answer_to_refer(&refer).unwrap();
    assert_eq!(answer.status(), Some(486));
    assert!(answer.must("Reason").contains("cause=486"));
    // The parker and its call go on, and so does everybody who waits.
    assert!(!world.phones[carol].elsewhere[0].is_over);
    assert!(parked.iter().all(|call| world.hears_music(*call)));
    world.finish();
}

#[test]
fn complaint_11_no_half_of_a_retrieved_call_stays_behind_on_a_bad_line() {
    for seed in 1..=20 {
        let site = Site {
            quality: Quality {
                loss_percent: 10,
                duplicate_percent: 5,
                delay: (ms(5), ms(80)),
            },
            ..Site::default().seed(seed)
        };
        let mut world = World::new(site);
        let [alice, bob] = ["alice", "bob"].map(|name| world.phone(name));
        let parked = world.park(alice);
        let retriever = world.retrieve(bob, parked);
        assert!(world.are_joined(parked, retriever), "seed {seed}");
        // The hold of a retrieved call, and back.
        world.with(bob, |phone, now| phone.hold(now, 0, Hold::Inactive));
        world.run(secs(20));
        assert!(world.hears_music(parked), "seed {seed}");
        world.with(bob, |phone, now| phone.resume(now, 0));
        world.run(secs(20));
        assert!(world.are_joined(parked, retriever), "seed {seed}");
        // The BYE of either reaches the other.
        let (leaves, stays) = match seed % 2 {
            0 => (parked, retriever),
            _ => (retriever, parked),
        };
        world.hang_up(leaves);
        world.run(secs(20));
        let view = world.view(stays);
        assert!(
            matches!(view, View::Ended(Ending::ByServer { .. })),
            "seed {seed}: {view:?}"
        );
        world.finish();
    }
}

#[test]
fn complaint_14_a_change_of_codec_in_a_hold_keeps_the_music() {
    let mut world = World::new(Site::default());
    let [alice, bob] = ["alice", "bob"].map(|name| world.phone(name));
    let parked = world.park(alice);
    let codec = |world: &World| world.stream(parked).media.unwrap().codec;
    assert_eq!(codec(&world), Codec::Pcmu);
    world.with(alice, |phone, now| phone.change_codecs(now, 0, &[8]));
    world.run(secs(2));
    assert!(world.hears_music(parked));
    assert_eq!(codec(&world), Codec::Pcma);
    let retriever = world.retrieve(bob, parked);
    // The holder holds with another codec than before, as one that keeps sending does.
    world.with(bob, |phone, now| phone.hold(now, 0, Hold::SendOnly));
    world.run(secs(1));
    world.with(bob, |phone, now| phone.change_codecs(now, 0, &[0]));
    world.run(secs(2));
    let held = world.stream(parked).source;
    assert!(
        matches!(held, Source::Held { .. } | Source::Prompt { .. }),
        "{held:?}"
    );
    world.with(bob, |phone, now| phone.resume(now, 0));
    world.run(secs(2));
    assert!(world.are_joined(parked, retriever));
    world.finish();
}

#[test]
fn complaint_24_a_forgotten_call_comes_back_to_its_parker_however_it_was_parked() {
    for way in ["transfer", "refer", "attended"] {
        let mut site = Site::default().orbits(701, 701).pickup_timeout(secs(10));
        let address = vec!["198.51.100.2".parse().unwrap()];
        site.names.insert("example.com".to_owned(), address);
        let mut world = World::new(site);
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
        world.phones[bob].habits.ring = RingHabit::Answer(secs(1));
        let parked = match way {
            "transfer" => world.dial_with(alice, "701", &[by_bob()]),
            "refer" => {
                let refer_to = world.call_elsewhere(alice, bob);
                world.with(bob, |phone, now| phone.refer(now, "park", &refer_to));
                world.run(ms(500));
                world.last_call(alice)
            }
            _ => {
                let consulted = world.park(bob);
                let call = world.call(consulted);
                let tag = call.remote_tag.as_deref().unwrap();
                let replaces = format!("{};to-tag={tag};from-tag={}", call.call_id, call.local_tag);
                world.dial_with(alice, "701", &[("Replaces", replaces)])
            }
        };
        world.run(secs(13));
        let recall = world.last_call(bob);
        assert!(world.call(recall).invite.is_some(), "{way}: no call back");
        assert!(world.are_joined(parked, recall), "{way}");
        assert_eq!(world.sent(carol, "INVITE"), 0, "{way}: nobody else rings");
        world.finish();
    }
}

#[test]
fn complaint_25_lamps_end_with_the_truth_when_many_change_and_notifies_are_lost() {
    for seed in 1..=5 {
        let mut world = World::new(Site::default().orbits(701, 710).seed(seed));
        let watchers = ["eve", "fay", "gus"].map(|name| world.phone(name));
        for watcher in watchers {
            watch(&mut world, watcher, "park");
            watch(&mut world, watcher, "703");
        }
        world.link.quality = Quality {
            loss_percent: 25,
            duplicate_percent: 10,
            delay: (ms(5), ms(300)),
        };
        let callers: Vec<usize> = (0..10).map(|n| world.phone(&format!("c{n}"))).collect();
        for turn in 0..3 {
            let calls: Vec<CallRef> = { callers.iter() }
                .map(|phone| world.dial_with(*phone, "park", &[by_bob()]))
                .collect();
            world.run(ms(700));
            for call in calls.iter().skip(turn) {
                world.hang_up(*call);
                world.run(ms(30));
            }
        }
        world.link.quality = Quality::GOOD;
        world.run(secs(40));
        // The phones stop the test where a version is missing, or a lamp lives after its end.
        let looked_at = checks::lamps(&world);
        assert_eq!(looked_at, 6, "seed {seed}: a lost NOTIFY ended a lamp");
        for watcher in watchers {
            let watches = world.phones[watcher].watches.iter();
            let mut lit = watches.flat_map(|watch| watch.lamps.values());
            assert!(
                lit.all(|lamp| lamp.state != "confirmed" || lamp.remote.starts_with("sip:c")),
                "seed {seed}: each lit lamp says who waits"
            );
        }
        world.finish();
    }
}
