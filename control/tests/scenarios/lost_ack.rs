//! 2xx and ACK over a network that loses them (RFC 3261 §13.3.1.4).

use crate::common::link::Way;
use crate::common::phone::Hold;
use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::World;
use crate::common::{checks, ms, secs};

#[test]
fn a_lost_ack_is_sent_again_for_each_repeated_2xx() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    world.link.lose(Way::ToServer, "ACK", 2);
    let call = world.dial(alice, "park");
    world.run(secs(40));
    assert_eq!(world.sent(alice, "SIP/2.0 200"), 3);
    assert_eq!(world.view(call), View::Listening);
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_lost_2xx_is_repeated_until_it_arrives() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    world.link.lose(Way::ToPhone, "SIP/2.0 200", 3);
    let call = world.dial(alice, "park");
    world.run(secs(6));
    assert_eq!(world.view(call), View::Listening);
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_phone_that_never_acknowledges_is_sent_bye_and_the_orbit_is_freed() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    world.phones[alice].habits.acks_forgotten = u32::MAX;
    let call = world.dial(alice, "park");
    world.run(secs(31));
    assert!(world.orbit(call).is_some(), "64 T1 are not over");
    world.run(secs(2));
    assert!(matches!(
        world.view(call),
        View::Ended(Ending::ByServer { .. })
    ));
    assert_eq!(world.status().parked, 0);
    world.finish();
}

#[test]
fn a_lost_ack_of_the_server_is_repeated_for_each_repeated_2xx_of_the_phone() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    world.link.lose(Way::ToPhone, "ACK", 2);
    let orbit = world.orbit(parked).unwrap();
    let retriever = world.dial(bob, &orbit);
    world.run(secs(5));
    assert_eq!(world.sent(alice, "ACK"), 3);
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_repeated_invite_parks_once() {
    let mut world = World::new(Site::default());
    world.link.quality.duplicate_percent = 100;
    let alice = world.phone("alice");
    let call = world.dial(alice, "park");
    world.run(secs(3));
    assert_eq!(world.view(call), View::Listening);
    assert_eq!(world.status().parked_total, 1);
    world.finish();
}

#[test]
fn hanging_up_before_the_ack_arrived_is_answered() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    world.link.lose(Way::ToServer, "ACK", 1);
    let call = world.dial(alice, "park");
    world.run_until(secs(1), "answered", |world| {
        world.view(call) == View::Listening
    });
    world.hang_up(call);
    world.run(ms(100));
    assert_eq!(world.status().parked, 0);
    world.finish();
}

/// The other side, which we have called, says meanwhile by another name who it is: whoever has not
/// heard of its call yet would answer 481 to an UPDATE about it.
#[test]
fn who_has_not_heard_its_2xx_is_not_told_who_the_other_side_is_now() {
    let mut world = World::new(Site::default().orbits(701, 701));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let carol = world.phone("carol");
    world.phones[carol].habits.update = true;
    let refer_to = world.call_elsewhere(alice, bob);
    world.with(bob, |phone, now| phone.refer(now, "park", &refer_to));
    world.run(secs(2));
    let parked = world.last_call(alice);
    assert_eq!(world.status().parked, 1);
    world.link.lose(Way::ToPhone, "SIP/2.0 200", 1);
    let retriever = world.dial(carol, "701");
    world.run(ms(200));
    assert_eq!(world.status().parked, 0);
    let hold = Hold::SendOnly;
    world.with(alice, |phone, now| phone.hold(now, parked.call, hold));
    world.run(secs(3));
    assert!(!world.call(retriever).is_over());
    assert_eq!(world.phones[carol].updates, 1, "once it has heard");
    world.with(alice, |phone, now| phone.resume(now, parked.call));
    world.run(secs(3));
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}
