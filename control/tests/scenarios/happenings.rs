//! What happened is told once, when it is so: from parking to the end, with who, how and why.

use control::config::MediaPath;
use control::happening::{Dialect, End, Fact, RecallEnd, Side, Way, Whom};

use crate::common::phone::callee::RingHabit;
use crate::common::phone::{Hold, ReinviteHabit};
use crate::common::site::Site;
use crate::common::world::World;
use crate::common::{ms, secs};

/// The facts in a word or two each, figures left out.
fn story(world: &World) -> Vec<String> {
    let words = |fact: &Fact| match fact {
        Fact::Parked { dialect, .. } => format!("parked {}", dialect.name()),
        Fact::ParkRefused { dialect, why, .. } => {
            format!(
                "park refused {} {} {}",
                dialect.name(),
                why.name,
                why.status
            )
        }
        Fact::Claimed { way, .. } => format!("claimed {}", way.name()),
        Fact::RetrieveRefused { why, .. } => {
            format!("retrieve refused {} {}", why.name, why.status)
        }
        Fact::RetrieveFailed { way, why, .. } => {
            format!("retrieve failed {} {} {}", way.name(), why.name, why.status)
        }
        Fact::Retrieved { way, .. } => format!("retrieved {}", way.name()),
        Fact::RecallBegun { attempt, whom, .. } => format!("recall {attempt} {}", whom.name()),
        Fact::RecallEnded {
            attempt, whom, how, ..
        } => {
            format!("recall ended {attempt} {} {}", whom.name(), how.name())
        }
        Fact::Forsaken { .. } => "forsaken".to_owned(),
        Fact::ParkedAgain { .. } => "parked again".to_owned(),
        Fact::Released => "released".to_owned(),
        Fact::Anchored { why } => format!("anchored {why}"),
        Fact::Moved { from } => format!("moved from {from}"),
        Fact::Adopted { .. } => "adopted".to_owned(),
        Fact::NotAdopted => "not adopted".to_owned(),
        Fact::DrainBegun => "drain begun".to_owned(),
        Fact::Configured => "configured".to_owned(),
        Fact::Ended { how, by } => format!("ended {} {}", how.name(), by.name()),
        Fact::MediaEnded { side, .. } => format!("media {}", side.name()),
    };
    world.history.facts().map(words).collect()
}

#[test]
fn a_call_that_is_retrieved_and_ends_is_told_in_order() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let retrieved = world.retrieve(bob, parked);
    world.hang_up(retrieved);
    world.run(secs(2));
    let expected = [
        "parked dialled",
        "claimed dialled",
        "retrieved dialled",
        "ended hung-up retriever",
        "media retriever",
        "media parkee",
    ];
    assert_eq!(story(&world), expected);
    let told = &world.history.all;
    assert!(told.iter().all(|one| one.call == told[0].call));
    assert_eq!(told[0].orbit.as_deref(), Some("701"));
    assert_eq!(told[0].range.as_deref(), Some("only"));
    assert_eq!(*told[0].call_id, *world.call(parked).call_id);
    let Fact::Parked { parkee, .. } = &told[0].fact else {
        panic!("{:?}", told[0]);
    };
    assert_eq!(&**parkee, "\"alice\" <sip:alice@example.com>");
    let Fact::Retrieved { by, .. } = &told[2].fact else {
        panic!("{:?}", told[2]);
    };
    assert_eq!(&**by, "\"bob\" <sip:bob@example.com>");
    world.finish();
}

#[test]
fn each_call_back_is_told_with_how_it_ended() {
    let mut site = Site::default().orbits(701, 701).pickup_timeout(secs(10));
    site.config.park.max_pickup_attempts = 2;
    site.config.park.on_timeout_uri = Some("sip:desk@198.51.100.3:5060".to_owned());
    let mut world = World::new(site);
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let desk = world.phone("desk");
    world.phones[bob].habits.ring = RingHabit::Refuse(486);
    world.phones[desk].habits.ring = RingHabit::Answer(secs(1));
    let referred_by = ("Referred-By", "<sip:bob@198.51.100.2:5060>".to_owned());
    world.dial_with(alice, "701", &[referred_by]);
    world.run(secs(15));
    world.phones[bob].habits.ring = RingHabit::NobodyThere;
    world.run(secs(45));
    let expected = [
        "parked transfer",
        "recall 1 parker",
        "recall ended 1 parker refused",
        "recall 2 parker",
        "recall ended 2 parker not-answered",
        "recall 3 fallback",
        "recall ended 3 fallback answered",
        "claimed fallback",
        "retrieved fallback",
    ];
    assert_eq!(story(&world), expected);
    let ended = |fact: &&Fact| matches!(fact, Fact::RecallEnded { .. });
    let Some(Fact::RecallEnded { how, .. }) = world.history.facts().find(ended) else {
        panic!("a recall has ended");
    };
    assert_eq!(*how, RecallEnd::Refused(486));
    let tally = &world.history.tally;
    assert_eq!(tally.recalls[&Whom::Parker], 2);
    assert_eq!(tally.recalls[&Whom::Fallback], 1);
    assert_eq!(tally.retrieved[&Way::Fallback], 1);
    world.finish();
}

#[test]
fn who_dials_while_the_parker_rings_ends_the_recall() {
    let mut world = World::new(Site::default().orbits(701, 701).pickup_timeout(secs(10)));
    let (alice, bob, carol) = (
        world.phone("alice"),
        world.phone("bob"),
        world.phone("carol"),
    );
    world.phones[bob].habits.ring = RingHabit::NobodyThere;
    let referred_by = ("Referred-By", "<sip:bob@198.51.100.2:5060>".to_owned());
    let parked = world.dial_with(alice, "701", &[referred_by]);
    world.run(secs(12));
    world.retrieve(carol, parked);
    let expected = [
        "parked transfer",
        "recall 1 parker",
        "recall ended 1 parker retrieved-elsewhere",
        "claimed dialled",
        "retrieved dialled",
    ];
    assert_eq!(story(&world), expected);
    world.finish();
}

#[test]
fn a_parkee_that_hangs_up_while_it_is_retrieved_fails_the_retrieval_and_ends() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    world.phones[alice].habits.reinvite = ReinviteHabit::Ignore;
    world.dial(bob, "701");
    world.run(ms(500));
    world.hang_up(parked);
    world.run(secs(1));
    let expected = [
        "parked dialled",
        "claimed dialled",
        "retrieve failed dialled parkee-gone 480",
        "ended hung-up parkee",
        "media parkee",
    ];
    assert_eq!(story(&world), expected);
    world.finish();
}

#[test]
fn a_call_that_is_parked_anew_is_another_call() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let talk = world.retrieve(bob, parked);
    world.with(bob, |phone, now| phone.refer_in(now, talk.call, "park"));
    world.run(secs(2));
    let expected = [
        "parked dialled",
        "claimed dialled",
        "retrieved dialled",
        "ended parked-anew server",
        "parked refer-in-call",
        "media retriever",
    ];
    assert_eq!(story(&world), expected);
    let numbers: Vec<_> = world.history.all.iter().map(|told| told.call).collect();
    assert_eq!(numbers[0], numbers[3]);
    assert_ne!(numbers[0], numbers[4]);
    assert_eq!(numbers[5], numbers[0], "the talk's figures are the talk's");
    assert_eq!(world.history.tally.ended[&End::ParkedAnew], 1);
    world.finish();
}

#[test]
fn two_whose_media_goes_past_the_server_are_told_so_and_recorded() {
    let mut site = Site::default().orbits(701, 701);
    site.config.park.media = MediaPath::Released;
    let mut world = World::new(site);
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let talk = world.retrieve(bob, parked);
    world.run(secs(10));
    world.with(bob, |phone, now| phone.hold(now, talk.call, Hold::Inactive));
    world.run(secs(5));
    world.with(bob, |phone, now| phone.resume(now, talk.call));
    world.run(secs(5));
    world.hang_up(talk);
    world.run(secs(2));
    let expected = [
        "parked dialled",
        "claimed dialled",
        "retrieved dialled",
        "released",
        "anchored moved",
        "released",
        "ended hung-up retriever",
        "media retriever",
        "media parkee",
    ];
    assert_eq!(story(&world), expected);
    let records = world.history.cdrs.take_ended(world.now, ms(0));
    let (past, talked) = (records[0].released_ms, records[0].talked_ms().unwrap());
    // A second through the server before each, and the hold.
    assert!((12_500..13_500).contains(&past), "{past} of {talked} ms");
    assert_eq!(records[0].released_at, None);
    world.finish();
}

#[test]
fn row_50_parks_failed_parks_and_failed_retrievals_are_counted_by_reason() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let (alice, bob, carol) = (
        world.phone("alice"),
        world.phone("bob"),
        world.phone("carol"),
    );
    let parked = world.park(alice);
    let referred_by = || ("Referred-By", "<sip:a@example.com>".to_owned());
    world.dial_with(bob, "701", &[referred_by()]);
    world.dial(bob, "park");
    // Nobody's failure to park or retrieve.
    world.dial(bob, "nobody");
    world.run(secs(1));
    world.retrieve(carol, parked);
    world.dial(bob, "701");
    world.run(secs(1));
    let tally = &world.history.tally;
    assert_eq!(tally.parked[&Dialect::Dialled], 1);
    let failed: Vec<_> = tally
        .parks_failed
        .iter()
        .map(|(w, n)| (w.name, *n))
        .collect();
    assert_eq!(failed, [("no-free-orbit", 1), ("orbit-taken", 1)]);
    let failed: Vec<_> = tally
        .retrieves_failed
        .iter()
        .map(|(w, n)| (w.name, *n))
        .collect();
    assert_eq!(failed, [("empty-orbit", 1)]);
    assert_eq!(tally.retrieved[&Way::Dialled], 1);
    world.finish();
}

#[test]
fn a_retriever_that_gives_up_is_told_as_one_that_has_left() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    world.park(alice);
    world.phones[alice].habits.reinvite = ReinviteHabit::Late(secs(3));
    let call = world.dial(bob, "701");
    world.run(ms(500));
    world.hang_up(call);
    world.run(secs(6));
    let expected = [
        "parked dialled",
        "claimed dialled",
        "retrieve failed dialled left 0",
    ];
    assert_eq!(story(&world), expected);
    world.stop();
    world.run(secs(6));
    let last = world.history.facts().rev().find_map(|fact| match fact {
        Fact::Ended { how, by } => Some((*how, *by)),
        _ => None,
    });
    assert_eq!(last, Some((End::Stopping, Side::Server)));
}

#[test]
fn a_call_detail_record_tells_who_parked_whom_and_how_it_went() {
    let mut site = Site::default().orbits(701, 701).pickup_timeout(secs(10));
    site.config.park.max_pickup_attempts = 2;
    let mut world = World::new(site);
    let (alice, bob, carol) = (
        world.phone("alice"),
        world.phone("bob"),
        world.phone("carol"),
    );
    world.phones[bob].habits.ring = RingHabit::Refuse(486);
    let referred_by = ("Referred-By", "<sip:bob@198.51.100.2:5060>".to_owned());
    let parked = world.dial_with(alice, "701", &[referred_by]);
    world.run(secs(11));
    assert_eq!(world.history.cdrs.unfinished().count(), 1);
    let retrieved = world.retrieve(carol, parked);
    world.run(secs(7));
    world.hang_up(retrieved);
    world.run(secs(1));
    assert_eq!(world.history.cdrs.unfinished().count(), 0);
    let records = world.history.cdrs.take_ended(world.now, ms(0));
    let [record] = &records[..] else {
        panic!("{records:?}");
    };
    assert_eq!(record.parker.as_deref(), Some("sip:bob@198.51.100.2:5060"));
    assert_eq!(record.parkee, "\"alice\" <sip:alice@example.com>");
    assert_eq!(
        record.retriever.as_deref(),
        Some("\"carol\" <sip:carol@example.com>")
    );
    let words = [&record.dialect, &record.way, &record.end, &record.ended_by];
    let words = words.map(|word| word.as_deref().unwrap());
    assert_eq!(words, ["transfer", "dialled", "hung-up", "retriever"]);
    let [recall] = &record.recalls[..] else {
        panic!("{record:?}");
    };
    assert_eq!(
        (recall.how.as_deref(), recall.status),
        (Some("refused"), Some(486))
    );
    let (waited, talked) = (record.waited_ms().unwrap(), record.talked_ms().unwrap());
    assert!((11_000..11_200).contains(&waited), "{waited}");
    assert!((7_000..7_200).contains(&talked), "{talked}");
    assert!(record.parkee_media.is_some() && record.retriever_media.is_some());
    world.finish();
}
