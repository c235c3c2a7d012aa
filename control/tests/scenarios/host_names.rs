//! Phones whose Contact is a name: DNS is asked before a request of ours can go (RFC 3263 §4.2).

use std::net::IpAddr;

use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, secs};

const NAME: &str = "desk.example.net";

#[test]
fn a_phone_with_a_name_is_retrieved_and_told_the_end() {
    let (mut world, parked) = parked(&["198.51.100.1"]);
    let bob = world.phone("bob");
    let retriever = world.retrieve(bob, parked);
    assert!(world.are_joined(parked, retriever));
    // The ACK asks DNS as well.
    world.run(secs(1));
    checks::agreement(&world);
    world.hang_up(retriever);
    world.run(secs(1));
    assert!(matches!(
        world.view(parked),
        View::Ended(Ending::ByServer { .. })
    ));
    world.finish();
}

#[test]
fn a_name_that_dns_does_not_know_does_not_keep_the_orbit() {
    let (mut world, parked) = parked(&[]);
    let bob = world.phone("bob");
    let orbit = world.orbit(parked).unwrap();
    let retriever = world.dial(bob, &orbit);
    world.run(secs(15));
    assert!(
        world.call(retriever).is_over(),
        "{:?}",
        world.view(retriever)
    );
    world.run(secs(100));
    assert_eq!(world.status().parked, 0);
    world.hang_up(parked);
    world.run(secs(40));
    let status = world.status();
    assert_eq!(
        (status.legs, status.dialogs, status.transactions),
        (0, 0, 0)
    );
}

/// Alice is parked; DNS knows `addresses` for her.
fn parked(addresses: &[&str]) -> (World, CallRef) {
    let mut site = Site::default();
    let addresses: Vec<IpAddr> = addresses.iter().map(|a| a.parse().unwrap()).collect();
    site.names.insert(NAME.to_owned(), addresses);
    let mut world = World::new(site);
    let alice = world.phone("alice");
    world.phones[alice].contact_host = Some(NAME.to_owned());
    let call = world.park(alice);
    (world, call)
}
