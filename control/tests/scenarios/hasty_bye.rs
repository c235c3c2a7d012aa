//! A BYE that comes before the call it ends has begun here: from who was called and says it without
//! waiting for the ACK of its 2xx, which the BYE overtakes; from who calls, before its own ACK. No
//! orbit is left with nobody in it.

use crate::common::link::Way;
use crate::common::phone::call::{Ending, View};
use crate::common::phone::callee::RingHabit;
use crate::common::phone::elsewhere::ReplacesHabit;
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, ms, secs};

/// A phone that is called, and hangs up at the moment at which it answers. Its 200 comes after its
/// BYE, or not at all: so often it is lost.
fn answers_and_hangs_up(world: &mut World, phone: usize, lost: u32) -> CallRef {
    let called = |world: &World| {
        let call = world.phones[phone].calls.last();
        call.is_some_and(|call| call.invite.is_some())
    };
    world.phones[phone].habits.hasty_percent = 100;
    world.run_until(secs(20), "called", called);
    world.run(ms(200));
    world.link.lose(Way::ToServer, "SIP/2.0 200", lost);
    world.run_until(secs(2), "answered", |world| {
        world.call(world.last_call(phone)).reinvited > 0
    });
    world.last_call(phone)
}

#[test]
fn a_parkee_that_changes_over_and_hangs_up_at_once_holds_no_orbit() {
    for lost in [1, 4] {
        let mut world = World::new(Site::default());
        let (parker, parkee) = (world.phone("parker"), world.phone("parkee"));
        let refer_to = world.call_elsewhere(parkee, parker);
        world.phones[parkee].habits.replaces = ReplacesHabit::Accept(secs(1));
        let refer = world.with(parker, |phone, now| phone.refer(now, "park", &refer_to));
        let gone = answers_and_hangs_up(&mut world, parkee, lost);
        world.run(ms(20));
        assert_eq!(world.view(gone), View::Ended(Ending::HungUp));
        assert_eq!(world.status().parked, 0, "the orbit is free at once");
        let said = world.call(gone).bye_status;
        assert_eq!(said, Some(200), "the BYE is for a call that we know");
        world.run(secs(1));
        let reports = world.phones[parker].reports(&refer);
        assert_eq!(
            reports.last().unwrap().status(),
            Some(480),
            "told the parker"
        );
        world.run(secs(40));
        let status = world.status();
        assert_eq!((status.parked, status.calls, status.legs), (0, 0, 0));
        checks::agreement(&world);
        world.finish();
    }
}

#[test]
fn a_parker_that_answers_its_recall_and_hangs_up_at_once_leaves_the_parkee_waiting() {
    for lost in [1, 4] {
        let mut site = Site::default().pickup_timeout(secs(10));
        site.config.park.max_pickup_attempts = 2;
        let mut world = World::new(site);
        let (parkee, parker) = (world.phone("parkee"), world.phone("parker"));
        let referred_by = format!("<sip:parker@{}>", world.phones[parker].address);
        world.phones[parker].habits.ring = RingHabit::Answer(secs(1));
        // Nothing has told its tag before the BYE does.
        world.link.lose(Way::ToServer, "SIP/2.0 180", 1);
        let parked = world.dial_with(parkee, "701", &[("Referred-By", referred_by)]);
        let gone = answers_and_hangs_up(&mut world, parker, lost);
        world.run(secs(1));
        assert_eq!(world.view(gone), View::Ended(Ending::HungUp));
        assert_eq!(world.call(gone).bye_status, Some(200));
        assert_eq!(world.orbit(parked).as_deref(), Some("701"));
        assert!(world.hears_music(parked));
        assert!(!world.parked(parked).unwrap().recalling);
        world.link.lose_no_more();
        world.phones[parker].habits.hasty_percent = 0;
        world.run(secs(12));
        assert!(
            world.are_joined(parked, world.last_call(parker)),
            "called once more"
        );
        checks::agreement(&world);
        world.finish();
    }
}

#[test]
fn a_parked_caller_that_hangs_up_before_its_ack_frees_its_orbit() {
    let mut world = World::new(Site::default().orbits(700, 700));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    world.phones[alice].habits.acks_forgotten = u32::MAX;
    let parked = world.dial(alice, "park");
    world.run_until(secs(1), "answered", |world| {
        world.view(parked) == View::Listening
    });
    world.hang_up(parked);
    world.run(ms(20));
    assert_eq!(world.view(parked), View::Ended(Ending::HungUp));
    assert_eq!(world.call(parked).bye_status, Some(200));
    assert_eq!(world.status().parked, 0, "the orbit is free at once");
    let next = world.park(bob);
    assert_eq!(world.orbit(next).as_deref(), Some("700"));
    world.finish();
}
