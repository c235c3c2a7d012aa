//! Numbers under which nobody is parked.

use crate::common::phone::call::{Ending, View};
use crate::common::secs;
use crate::common::site::Site;
use crate::common::world::World;

#[test]
fn row_33_an_empty_orbit_answers_404_with_a_reason() {
    let reason = refusal("750").expect("a Reason");
    assert!(reason.starts_with("SIP;cause=404"), "{reason}");
}

#[test]
fn row_33_a_number_outside_of_all_ranges_answers_404() {
    for user in ["800", "0750", "7500", "nobody", "Park", "75", "%2A750"] {
        refusal(user);
    }
}

#[test]
fn the_park_user_is_found_with_escapes() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let call = world.dial(alice, "p%61rk");
    world.run(secs(1));
    assert_eq!(world.view(call), View::Listening);
    world.finish();
}

#[test]
fn row_42_an_orbit_with_a_star_is_found_with_and_without_escape() {
    for (dialled, user) in [("*70", "*70"), ("%2A70", "*70"), ("%2a70", "*70")] {
        let mut site = Site::default().orbits(70, 70);
        site.config.orbit_ranges[0].prefix = Some('*');
        let mut world = World::new(site);
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        let parked = world.park(alice);
        assert_eq!(world.orbit(parked).as_deref(), Some(user));
        let retriever = world.dial(bob, dialled);
        world.run(secs(1));
        assert!(world.are_joined(parked, retriever), "{dialled}");
        world.finish();
    }
}

fn refusal(user: &str) -> Option<String> {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let call = world.dial(alice, user);
    world.run(secs(1));
    let View::Ended(Ending::Refused { status, reason }) = world.view(call) else {
        panic!("{user}: {:?}", world.view(call));
    };
    assert_eq!(status, 404, "{user}");
    world.finish();
    reason
}
