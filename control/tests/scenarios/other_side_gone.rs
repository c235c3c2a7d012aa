//! One of two who speak with each other is gone: the other is let go, and told why (RFC 3326).

use crate::common::phone::ReinviteHabit;
use crate::common::phone::call::{Ending, View};
use crate::common::phone::callee::RingHabit;
use crate::common::secs;
use crate::common::site::Site;
use crate::common::world::{CallRef, World};

/// Two who speak with each other, and whose sessions are refreshed each minute.
fn joined() -> (World, [CallRef; 2]) {
    let mut site = Site::default();
    site.config.sip.session_expires = secs(120);
    let mut world = World::new(site);
    let [alice, bob] = ["alice", "bob"].map(|name| world.phone(name));
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    (world, [parked, retriever])
}

/// The Reason of the BYE that has ended a call.
fn told(world: &World, call: CallRef) -> Option<String> {
    let View::Ended(Ending::ByServer { reason }) = world.view(call) else {
        panic!("{:?}", world.view(call));
    };
    reason
}

#[test]
fn the_other_is_told_the_reason_of_who_hangs_up_and_no_other() {
    let given = "Q.850;cause=16;text=\"Normal call clearing\"";
    for reason in [Some(given), None] {
        for (leaving, staying) in [(0, 1), (1, 0)] {
            let (mut world, calls) = joined();
            let CallRef { phone, call } = calls[leaving];
            let fields = reason.map(|reason| ("Reason", reason.to_owned()));
            world.with(phone, |phone, now| {
                phone.leave(now, call, fields.as_slice());
            });
            world.run(secs(1));
            assert_eq!(told(&world, calls[staying]).as_deref(), reason);
            world.finish();
        }
    }
}

#[test]
fn the_other_is_told_that_a_phone_has_forgotten_its_call_or_never_refreshes() {
    for (status, reason) in [
        (481, "SIP;cause=408;text=\"The other side does not answer\""),
        (500, "SIP;cause=408;text=\"The session was not refreshed\""),
    ] {
        for (gone, staying) in [(0, 1), (1, 0)] {
            let (mut world, calls) = joined();
            let habits = &mut world.phones[calls[gone].phone].habits;
            habits.reinvite = ReinviteHabit::Refuse(status);
            world.run(secs(180));
            let told = told(&world, calls[staying]);
            assert_eq!(told.as_deref(), Some(reason), "{status}");
            world.finish();
        }
    }
}

/// A parker who was called back, has answered, and is there: the parkee, and the parker's call.
fn called_back() -> (World, [CallRef; 2]) {
    let mut site = Site::default().pickup_timeout(secs(10));
    site.config.sip.session_expires = secs(120);
    let mut world = World::new(site);
    let [alice, bob] = ["alice", "bob"].map(|name| world.phone(name));
    world.phones[bob].habits.ring = RingHabit::Answer(secs(2));
    let parker = format!("<sip:bob@{}>", world.phones[bob].address);
    let parked = world.dial_with(alice, "park", &[("Referred-By", parker)]);
    world.run(secs(15));
    let recall = world.last_call(bob);
    assert!(world.are_joined(parked, recall));
    (world, [parked, recall])
}

/// Only who may never have been there leaves a call that waits again.
#[test]
fn a_parkee_whose_parker_was_there_is_let_go_and_not_parked_again() {
    let (mut world, [parked, recall]) = called_back();
    world.run(secs(34));
    world.phones[recall.phone].habits.reinvite = ReinviteHabit::Refuse(481);
    world.run(secs(60));
    let reason = told(&world, parked).expect("a Reason");
    assert!(reason.contains("does not answer"), "{reason}");
    assert_eq!(world.status().parked, 0);
    world.finish();
}
