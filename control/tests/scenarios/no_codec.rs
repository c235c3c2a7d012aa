//! No codec in common: 488 with a Warning (RFC 3261 §20.43, §21.4.26), and nothing else happens.

use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, secs};

#[test]
fn a_caller_without_a_common_codec_is_refused_with_a_warning() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    world.phones[alice].habits.payloads = vec![9];
    let call = world.dial(alice, "park");
    world.run(secs(1));
    is_not_acceptable(&world, call);
    assert_eq!(world.status().parked, 0);
    world.finish();
}

#[test]
fn a_retriever_without_a_common_codec_leaves_the_call_parked() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    world.phones[bob].habits.payloads = vec![9];
    let orbit = world.orbit(parked).unwrap();
    let retriever = world.dial(bob, &orbit);
    world.run(secs(1));
    is_not_acceptable(&world, retriever);
    assert_eq!(world.orbit(parked), Some(orbit));
    assert_eq!(
        world.sent(alice, "INVITE"),
        0,
        "the parkee was not bothered"
    );
    assert!(world.hears_music(parked));
    checks::agreement(&world);
    world.finish();
}

fn is_not_acceptable(world: &World, call: CallRef) {
    let view = world.view(call);
    assert!(
        matches!(view, View::Ended(Ending::Refused { status: 488, .. })),
        "{view:?}"
    );
    let answer = world.call(call).answer.as_ref().unwrap();
    let warning = answer.header("Warning").expect("a Warning");
    assert!(warning.starts_with("305 "), "{warning}");
}
