//! The same over IPv6: Via, Contact, Request-URI and SDP (RFC 5118, RFC 4566 §5.7).

use control::config::MediaPath;

use crate::common::phone::Hold;
use crate::common::site::{SERVER_V6, Site};
use crate::common::world::World;
use crate::common::{checks, secs};

#[test]
fn calls_over_ipv6_are_parked_and_retrieved() {
    for tcp in [false, true] {
        let (mut world, [alice, bob]) = world(Site::default(), tcp);
        let parked = world.park(alice);
        let orbit = world.orbit(parked).unwrap();
        assert_eq!(world.call(parked).remote_target, contact(&orbit, tcp));
        let retriever = world.retrieve(bob, parked);
        assert!(world.are_joined(parked, retriever));
        checks::agreement(&world);
        world.hang_up(retriever);
        world.run(secs(1));
        assert!(world.call(parked).is_over());
        world.finish();
    }
}

#[test]
fn two_over_ipv6_send_to_each_other_and_hold_comes_back_to_us() {
    for tcp in [false, true] {
        let mut site = Site::default();
        site.config.park.media = MediaPath::Released;
        let (mut world, [alice, bob]) = world(site, tcp);
        let parked = world.park(alice);
        let retriever = world.retrieve(bob, parked);
        world.run(secs(3));
        assert!(world.are_released(parked, retriever));
        let told = world.call(parked).settled.as_ref().unwrap().remote;
        assert_eq!(told.ip().to_string(), "2001:db8::b");
        assert!(world.with(bob, |phone, now| phone.hold(now, 0, Hold::Inactive)));
        world.run(secs(3));
        assert!(world.hears_music(parked), "while it is held");
        assert!(world.with(bob, |phone, now| phone.resume(now, 0)));
        world.run(secs(5));
        assert!(world.are_released(parked, retriever));
        checks::agreement(&world);
        world.finish();
    }
}

fn world(mut site: Site, tcp: bool) -> (World, [usize; 2]) {
    site.config.media.address = "2001:db8::1".parse().unwrap();
    site.config.media.advertise = site.config.media.address;
    let mut world = World::new(site);
    let phones = [
        ("alice", "[2001:db8::a]:5060"),
        ("bob", "[2001:db8::b]:5062"),
    ];
    let phones = phones.map(|(name, address)| {
        let server = SERVER_V6.parse().unwrap();
        let phone = world.phone_at(name, address.parse().unwrap(), server);
        world.phones[phone].tcp = tcp;
        phone
    });
    (world, phones)
}

fn contact(orbit: &str, tcp: bool) -> String {
    let transport = if tcp { ";transport=tcp" } else { "" };
    format!("sip:{orbit}@[2001:db8::1]:5060{transport}")
}
