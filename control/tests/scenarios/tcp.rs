//! The same over TCP: nothing is retransmitted but 2xx, and a lost connection is made anew (RFC
//! 3261 §18).

use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::World;
use crate::common::{checks, ms, secs};

#[test]
fn calls_over_tcp_are_parked_and_retrieved() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    world.phones[alice].tcp = true;
    world.phones[bob].tcp = true;
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn one_side_may_come_by_tcp_and_the_other_by_udp() {
    for tcp in [0, 1] {
        let mut world = World::new(Site::default());
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        world.phones[tcp].tcp = true;
        let parked = world.park(alice);
        let retriever = world.retrieve(bob, parked);
        assert!(world.are_joined(parked, retriever));
        world.hang_up(retriever);
        world.run(secs(1));
        assert!(world.call(parked).is_over());
        world.finish();
    }
}

#[test]
fn a_request_of_ours_makes_a_lost_connection_anew() {
    let mut world = World::new(Site::default().pickup_timeout(secs(10)));
    let alice = world.phone("alice");
    world.phones[alice].tcp = true;
    let call = world.park(alice);
    world.disconnect(alice);
    world.run(secs(12));
    assert!(matches!(
        world.view(call),
        View::Ended(Ending::ByServer { .. })
    ));
    world.finish();
}

#[test]
fn an_answer_makes_a_lost_connection_anew() {
    let mut site = Site::default();
    site.media.delay = (secs(1), secs(1));
    let mut world = World::new(site);
    let alice = world.phone("alice");
    world.phones[alice].tcp = true;
    let call = world.dial(alice, "park");
    world.run(ms(500));
    world.disconnect(alice);
    world.run(secs(2));
    assert_eq!(world.view(call), View::Listening);
    world.finish();
}

#[test]
fn a_2xx_is_repeated_over_tcp_as_well() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    world.phones[alice].tcp = true;
    world.phones[alice].habits.acks_forgotten = 2;
    let call = world.dial(alice, "park");
    world.run(secs(40));
    assert_eq!(world.sent(alice, "SIP/2.0 200"), 3);
    assert_eq!(world.view(call), View::Listening);
    world.finish();
}
