//! Workers that are full and ports that are taken: refused with Retry-After, calls in progress
//! untouched.

use shared::{RefuseReason, Share, WorkerId};

use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, secs};

#[test]
fn a_taken_port_is_passed_over() {
    let mut site = Site::default();
    site.config.media.ports = (20_000, 20_015);
    site.media.taken = (20_000..20_016).filter(|port| port % 8 != 0).collect();
    let mut world = World::new(site);
    let alice = world.phone("alice");
    let call = world.park(alice);
    assert_eq!(world.stream(call).local.port() % 8, 0);
    world.finish();
}

#[test]
fn when_every_port_is_taken_the_caller_is_refused() {
    let mut site = Site::default();
    site.config.media.ports = (20_000, 20_007);
    site.media.taken = (20_000..20_008).collect();
    let mut world = World::new(site);
    let alice = world.phone("alice");
    let call = world.dial(alice, "park");
    world.run(secs(5));
    is_unavailable(&world, call);
    assert_eq!(world.status().parked, 0);
    world.finish();
}

#[test]
fn when_the_port_range_is_used_up_the_next_caller_is_refused_and_the_others_stay() {
    let mut site = Site::default();
    site.config.media.ports = (20_000, 20_003);
    let mut world = World::new(site);
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
    let calls = [world.park(alice), world.park(bob)];
    let refused = world.dial(carol, "park");
    world.run(secs(5));
    is_unavailable(&world, refused);
    assert!(calls.iter().all(|call| world.hears_music(*call)));
    checks::agreement(&world);
    world.hang_up(calls[0]);
    world.run(secs(1));
    world.park(carol);
    world.finish();
}

#[test]
fn full_workers_refuse_with_retry_after_and_the_others_stay() {
    let mut world = World::new(Site::default().workers(&[1, 1]));
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
    let calls = [world.park(alice), world.park(bob)];
    let refused = world.dial(carol, "park");
    world.run(secs(5));
    is_unavailable(&world, refused);
    assert!(calls.iter().all(|call| world.hears_music(*call)));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_worker_that_refuses_is_no_loss_of_an_orbit() {
    for reason in [
        RefuseReason::PortTaken,
        RefuseReason::NoDescriptor,
        RefuseReason::WorkerFull,
        RefuseReason::Kernel,
        RefuseReason::AddressUnavailable,
    ] {
        let mut site = Site::default();
        site.media.refuse = Some(reason);
        let mut world = World::new(site);
        let alice = world.phone("alice");
        let call = world.dial(alice, "park");
        world.run(secs(5));
        is_unavailable(&world, call);
        assert_eq!(world.status().free, 100, "{reason:?}");
        world.finish();
    }
}

#[test]
fn a_retriever_without_a_place_leaves_the_call_parked() {
    let mut world = World::new(Site::default().workers(&[1]));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    let retriever = world.dial(bob, &orbit);
    world.run(secs(2));
    is_unavailable(&world, retriever);
    assert_eq!(world.orbit(parked), Some(orbit));
    assert!(world.hears_music(parked));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn workers_without_time_refuse_to_begin_calls_and_go_on_with_those_there_are() {
    let mut world = World::new(Site::default().workers(&[100]));
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
    let parked = world.park(alice);
    world.utilise(WorkerId(0), Share::percent(90));
    world.run(secs(1));
    let refused = world.dial(carol, "park");
    world.run(secs(5));
    is_unavailable(&world, refused);
    let retriever = world.retrieve(bob, parked);
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    let refused = world.dial(carol, "park");
    world.run(secs(5));
    is_unavailable(&world, refused);
    world.utilise(WorkerId(0), Share::percent(80));
    world.run(secs(1));
    world.park(carol);
    world.finish();
}

#[test]
fn the_worker_with_more_time_takes_the_next_call() {
    let mut world = World::new(Site::default().workers(&[100, 100]));
    world.utilise(WorkerId(0), Share::percent(70));
    world.run(secs(1));
    for name in ["alice", "bob", "carol"] {
        let phone = world.phone(name);
        let call = world.park(phone);
        assert_eq!(world.stream(call).id.worker, WorkerId(1));
    }
    world.finish();
}

fn is_unavailable(world: &World, call: CallRef) {
    let view = world.view(call);
    assert!(
        matches!(view, View::Ended(Ending::Refused { status: 503, .. })),
        "{view:?}"
    );
    let answer = world.call(call).answer.as_ref().unwrap();
    assert!(
        answer.header("Retry-After").is_some(),
        "503 says when to try again"
    );
}
