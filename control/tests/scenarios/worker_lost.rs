//! A worker ends because of a fault: its calls end with it and are told, all others go on.

use shared::WorkerId;

use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, ms, secs};

#[test]
fn the_calls_of_a_lost_worker_are_told_and_all_others_go_on() {
    let mut world = World::new(Site::default());
    let phones = ["alice", "bob", "carol", "dave"].map(|name| world.phone(name));
    let calls = phones.map(|phone| world.park(phone));
    let worker_of = |world: &World, call: CallRef| world.stream(call).id.worker;
    let lost = worker_of(&world, calls[0]);
    let (gone, left): (Vec<_>, Vec<_>) = calls
        .into_iter()
        .partition(|call| worker_of(&world, *call) == lost);
    world.lose_worker(lost);
    world.run(secs(1));
    for call in gone {
        let view = world.view(call);
        let told = matches!(view, View::Ended(Ending::ByServer { reason: Some(_) }));
        assert!(told, "{view:?}");
    }
    assert!(!left.is_empty(), "calls are spread over the workers");
    assert!(left.iter().all(|call| world.hears_music(*call)));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_lost_worker_takes_both_sides_of_a_bridge() {
    let mut world = World::new(Site::default().workers(&[8]));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    world.lose_worker(WorkerId(0));
    world.run(secs(1));
    assert!(
        [parked, retriever]
            .iter()
            .all(|call| world.call(*call).is_over())
    );
    world.finish();
}

#[test]
fn new_callers_find_another_worker() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    world.lose_worker(WorkerId(0));
    world.run(ms(100));
    for _ in 0..4 {
        let call = world.park(alice);
        assert_eq!(world.stream(call).id.worker, WorkerId(1));
    }
    world.finish();
}

#[test]
fn a_stream_that_was_closing_is_not_waited_for() {
    let mut site = Site::default().workers(&[8]);
    site.media.delay = (ms(100), ms(100));
    let mut world = World::new(site);
    let alice = world.phone("alice");
    let parked = world.park(alice);
    world.hang_up(parked);
    world.lose_worker(WorkerId(0));
    world.run(secs(1));
    assert_eq!(world.status().streams, 0);
    world.finish();
}

#[test]
fn without_any_worker_callers_are_refused_and_the_server_can_still_end() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    for worker in [0, 1] {
        world.lose_worker(WorkerId(worker));
    }
    world.run(ms(100));
    let call = world.dial(alice, "park");
    world.run(secs(1));
    let view = world.view(call);
    assert!(
        matches!(view, View::Ended(Ending::Refused { status: 503, .. })),
        "{view:?}"
    );
    world.stop();
    world.run(secs(1));
    assert!(world.is_stopped);
}
