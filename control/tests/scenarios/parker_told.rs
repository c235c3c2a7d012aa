//! The parker is told by MESSAGE what became of its call, where the operator wants that.

use std::time::Duration;

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
    assert_eq!(world.phones[bob].texts, [told]);
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
    assert_eq!(world.phones[bob].texts, [told]);
    world.finish();
}

#[test]
fn row_36_the_parker_is_told_that_nobody_came() {
    let mut world = World::new(site(secs(10)));
    let (bob, _) = parked(&mut world);
    world.run(secs(60));
    let told = "Nobody has retrieved your call with anna from orbit 701: it has ended.";
    assert_eq!(world.phones[bob].texts, [told]);
    world.finish();
}

#[test]
fn row_37_the_parker_is_told_that_its_parkee_has_hung_up() {
    let mut world = World::new(site(secs(90)));
    let (bob, call) = parked(&mut world);
    world.hang_up(call);
    world.run(secs(1));
    assert_eq!(world.phones[bob].texts, ["anna has hung up in orbit 701."]);
    assert_eq!(world.status().parked, 0);
    world.finish();
}

#[test]
fn a_parker_that_has_its_call_again_is_told_nothing() {
    let mut world = World::new(site(secs(10)));
    let (bob, _) = parked(&mut world);
    world.phones[bob].habits.ring = RingHabit::Answer(secs(1));
    world.run(secs(20));
    assert_eq!(world.status().retrieved, 1);
    assert_eq!(world.phones[bob].texts, [""; 0]);
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
