//! One key for both: dialling an orbit parks where nobody waits, and retrieves where somebody does.

use control::config::Empty;

use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::World;
use crate::common::{checks, secs};

fn site() -> Site {
    let mut site = Site::default().orbits(700, 709);
    site.config.orbit_ranges[0].empty = Empty::Park;
    site
}

#[test]
fn row_59_one_key_parks_in_an_empty_orbit_and_retrieves_from_a_taken_one() {
    let mut world = World::new(site());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.dial(alice, "705");
    world.run(secs(1));
    assert_eq!(world.orbit(parked).as_deref(), Some("705"));
    assert!(world.hears_music(parked));
    let retriever = world.dial(bob, "705");
    world.run(secs(1));
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn row_59_a_transfer_to_a_taken_orbit_is_refused_and_the_call_kept() {
    for referred in [true, false] {
        let mut world = World::new(site());
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        let parked = world.dial(alice, "705");
        world.run(secs(1));
        let referred_by = ("Referred-By", "<sip:parker@example.com>".to_owned());
        let extra = if referred { vec![referred_by] } else { vec![] };
        let user = if referred { "705" } else { "*68705" };
        let transferred = world.dial_with(bob, user, &extra);
        world.run(secs(1));
        assert!(matches!(
            world.view(transferred),
            View::Ended(Ending::Refused { status: 486, .. })
        ));
        assert!(world.hears_music(parked));
        world.finish();
    }
}

#[test]
fn the_retrieve_code_does_not_park() {
    let mut world = World::new(site());
    let alice = world.phone("alice");
    let call = world.dial(alice, "*88705");
    world.run(secs(1));
    assert!(matches!(
        world.view(call),
        View::Ended(Ending::Refused { status: 404, .. })
    ));
    world.finish();
}
