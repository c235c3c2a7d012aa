//! No orbit is free: 486 with a Reason, and nothing else of the caller is touched.

use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::World;
use crate::common::{checks, secs};

#[test]
fn row_26_a_caller_without_a_free_orbit_is_refused_with_a_reason() {
    let mut world = World::new(Site::default().orbits(700, 701));
    let (alice, bob, carol) = (
        world.phone("alice"),
        world.phone("bob"),
        world.phone("carol"),
    );
    world.park(alice);
    world.park(bob);
    let refused = world.dial(carol, "park");
    world.run(secs(1));
    let View::Ended(Ending::Refused {
        status: 486,
        reason: Some(reason),
    }) = world.view(refused)
    else {
        panic!("{:?}", world.view(refused));
    };
    assert!(reason.starts_with("SIP;cause=486"), "{reason}");
    assert!(reason.contains("No free orbit"), "{reason}");
    world.finish();
}

#[test]
fn row_26_the_other_call_of_a_refused_caller_is_untouched() {
    let mut world = World::new(Site::default().orbits(700, 700));
    let (alice, bob, carol) = (
        world.phone("alice"),
        world.phone("bob"),
        world.phone("carol"),
    );
    let parked = world.park(alice);
    let talking = world.retrieve(bob, parked);
    world.park(carol);
    let before = world.sent.len();
    let refused = world.dial(bob, "park");
    world.run(secs(1));
    assert!(world.call(refused).is_over());
    assert!(world.are_joined(parked, talking));
    let answers = world.sent[before..]
        .iter()
        .filter(|(_, line)| !line.starts_with("SIP/2.0 486"));
    assert_eq!(
        answers.count(),
        0,
        "nothing but the refusal was sent: {:?}",
        &world.sent[before..]
    );
    checks::agreement(&world);
    world.finish();
}

#[test]
fn an_orbit_that_becomes_free_is_given_to_the_next_caller() {
    let mut world = World::new(Site::default().orbits(700, 700));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let first = world.park(alice);
    let refused = world.dial(bob, "park");
    world.run(secs(1));
    assert!(world.call(refused).is_over());
    world.hang_up(first);
    world.run(secs(1));
    world.park(bob);
    world.finish();
}
