//! The parker is told by MESSAGE where its call waits, and what became of it, where the operator
//! wants that.

use std::time::Duration;

use control::ask::{Ask, Which};
use control::config::NotifyParker;

use crate::common::phone::callee::RingHabit;
use crate::common::secs;
use crate::common::site::Site;
use crate::common::world::{CallRef, World};

/// Orbit 701 alone, and texts to the parker.
fn site(pickup_timeout: Duration) -> Site {
    let mut site = Site::default()
        .orbits(701, 701)
        .pickup_timeout(pickup_timeout);
    site.config.park.notify_parker = NotifyParker::Message;
    site
}

const WAITS: &str = "Your call with anna waits in orbit 701.";

/// In each way of parking: a phone shows texts, and seldom what a NOTIFY says.
#[test]
fn row_24_the_parker_is_told_the_orbit_by_message() {
    for way in ["blind", "attended", "refer"] {
        let mut world = World::new(site(secs(90)));
        let [bob, anna] = ["bob", "anna"].map(|name| world.phone(name));
        let at = vec![world.phones[bob].address.ip()];
        world.site.names.insert("example.com".to_owned(), at);
        let by_bob = || ("Referred-By", "<sip:bob@example.com>".to_owned());
        match way {
            "blind" => _ = world.dial_with(anna, "park", &[by_bob()]),
            "attended" => {
                let own = world.park(bob);
                let call = world.call(own);
                let ours = call.remote_tag.as_deref().unwrap();
                let names = format!("{};to-tag={ours};from-tag={}", call.call_id, call.local_tag);
                assert!(world.phones[bob].texts.is_empty(), "it hears and sees it");
                world.dial_with(anna, "park", &[("Replaces", names)]);
            }
            _ => {
                let refer_to = world.call_elsewhere(anna, bob);
                world.with(bob, |phone, now| phone.refer(now, "park", &refer_to));
            }
        }
        world.run(secs(1));
        let texts = &world.phones[bob].texts;
        assert_eq!(texts.len(), 1, "{way}: {texts:?}");
        assert!(
            texts[0].ends_with(" waits in orbit 701."),
            "{way}: {texts:?}"
        );
        world.finish();
    }
}

#[test]
fn row_24_the_parker_is_told_the_orbit_that_its_call_was_moved_to() {
    let mut world = World::new(site(secs(90)).orbits(701, 702));
    let (bob, call) = parked(&mut world);
    let which = Which {
        orbit: "701".to_owned(),
        call: None,
    };
    let to = "702".to_owned();
    world.begin_to_ask(Ask::Move { which, to });
    world.run(secs(1));
    assert_eq!(world.orbit(call).as_deref(), Some("702"));
    let told = "Your call with anna waits in orbit 702.";
    assert_eq!(world.phones[bob].texts, [WAITS, told]);
    world.finish();
}

/// Anna, parked by Bob, who is phone 0.
fn parked(world: &mut World) -> (usize, CallRef) {
    let [bob, anna] = ["bob", "anna"].map(|name| world.phone(name));
    let parker = format!("<sip:bob@{}>", world.phones[bob].address);
    let call = world.dial_with(anna, "701", &[("Referred-By", parker)]);
    world.run(secs(1));
    (bob, call)
}

#[test]
fn row_36_the_parker_is_told_who_has_retrieved_its_call() {
    let mut world = World::new(site(secs(90)));
    let (bob, call) = parked(&mut world);
    let carol = world.phone("carol");
    world.retrieve(carol, call);
    world.run(secs(1));
    let told = "carol has retrieved your call with anna from orbit 701.";
    assert_eq!(world.phones[bob].texts, [WAITS, told]);
    world.finish();
}

#[test]
fn row_36_the_parker_is_told_that_the_fallback_has_answered() {
    let mut site = site(secs(10));
    site.config.park.on_timeout_uri = Some("sip:carol@198.51.100.3:5060".to_owned());
    let mut world = World::new(site);
    let (bob, _) = parked(&mut world);
    let carol = world.phone("carol");
    world.phones[carol].habits.ring = RingHabit::Answer(secs(1));
    world.run(secs(40));
    let told = "sip:carol@198.51.100.3:5060 has answered your call with anna in orbit 701.";
    assert_eq!(world.phones[bob].texts, [WAITS, told]);
    world.finish();
}

#[test]
fn row_36_the_parker_is_told_that_nobody_came() {
    let mut world = World::new(site(secs(10)));
    let (bob, _) = parked(&mut world);
    world.run(secs(60));
    let told = "Nobody has retrieved your call with anna from orbit 701: it has ended.";
    assert_eq!(world.phones[bob].texts, [WAITS, told]);
    world.finish();
}

#[test]
fn row_37_the_parker_is_told_that_its_parkee_has_hung_up() {
    let mut world = World::new(site(secs(90)));
    let (bob, call) = parked(&mut world);
    world.hang_up(call);
    world.run(secs(1));
    let told = "anna has hung up in orbit 701.";
    assert_eq!(world.phones[bob].texts, [WAITS, told]);
    assert_eq!(world.status().parked, 0);
    world.finish();
}

#[test]
fn a_parker_that_has_its_call_again_is_told_nothing_more() {
    let mut world = World::new(site(secs(10)));
    let (bob, _) = parked(&mut world);
    world.phones[bob].habits.ring = RingHabit::Answer(secs(1));
    world.run(secs(20));
    assert_eq!(world.status().retrieved, 1);
    assert_eq!(world.phones[bob].texts, [WAITS]);
    world.finish();
}

#[test]
fn nobody_is_told_unless_the_operator_wants_it() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let (bob, call) = parked(&mut world);
    world.hang_up(call);
    world.run(secs(1));
    assert_eq!(world.sent(bob, "MESSAGE"), 0);
    world.finish();
}
