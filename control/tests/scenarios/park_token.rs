//! Safe retrieval: a park token names the call, not the orbit, and never brings a later call.

use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, secs};

#[test]
fn row_31_a_token_retrieves_the_call_that_it_names() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let user = safe_user(&world, parked);
    assert!(user.starts_with(&world.orbit(parked).unwrap()), "{user}");
    let retriever = world.dial(bob, &user);
    world.run(secs(1));
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn row_31_a_token_never_brings_the_next_call_in_the_orbit() {
    let mut world = World::new(Site::default().orbits(700, 700));
    let (alice, bob, carol) = (
        world.phone("alice"),
        world.phone("bob"),
        world.phone("carol"),
    );
    let first = world.park(alice);
    let user = safe_user(&world, first);
    world.hang_up(first);
    world.run(secs(1));
    gone(&mut world, carol, &user);
    let second = world.park(bob);
    assert_eq!(world.orbit(second).as_deref(), Some("700"));
    gone(&mut world, carol, &user);
    assert!(world.hears_music(second));
    world.finish();
}

#[test]
fn row_31_a_token_goes_with_an_attended_transfer_to_who_takes_the_place() {
    let mut world = World::new(Site::default());
    let (parker, parkee) = (world.phone("parker"), world.phone("parkee"));
    let own = world.park(parker);
    let user = safe_user(&world, own);
    let call = world.call(own);
    let replaces = format!(
        "{};to-tag={};from-tag={}",
        call.call_id,
        call.remote_tag.as_deref().unwrap(),
        call.local_tag
    );
    let parked = world.dial_with(parkee, "park", &[("Replaces", replaces)]);
    world.run(secs(1));
    let retriever = world.dial(parker, &user);
    world.run(secs(1));
    assert!(world.are_joined(parked, retriever));
    world.finish();
}

#[test]
fn who_was_transferred_here_is_not_told_how_to_retrieve_itself() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let referred = ("Referred-By", "<sip:parker@example.com>".to_owned());
    let call = world.dial_with(alice, "park", &[referred]);
    world.run(secs(1));
    let answer = world.call(call).answer.as_ref().unwrap();
    assert_eq!(answer.header("Call-Info"), None);
    world.finish();
}

#[test]
fn what_is_no_token_is_a_bad_request() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    for token in ["", "=", "=1", "=0123456789abcdeg", "=00123456789abcdef"] {
        let call = world.dial(bob, &format!("{orbit};park-token{token}"));
        world.run(secs(1));
        let View::Ended(Ending::Refused { status: 400, .. }) = world.view(call) else {
            panic!("{token}: {:?}", world.view(call));
        };
    }
    assert!(world.hears_music(parked));
    world.finish();
}

fn gone(world: &mut World, phone: usize, user: &str) {
    let call = world.dial(phone, user);
    world.run(secs(1));
    let View::Ended(Ending::Refused {
        status: 410,
        reason: Some(reason),
    }) = world.view(call)
    else {
        panic!("{:?}", world.view(call));
    };
    assert!(reason.contains("not parked here any more"), "{reason}");
    let answer = world.call(call).answer.as_ref().unwrap();
    let diagnostics = answer.header("ms-diagnostics").unwrap();
    assert!(diagnostics.starts_with("35010;"), "{diagnostics}");
}

/// What the answer to a parked call says can be dialled to get it, and it alone.
fn safe_user(world: &World, parked: CallRef) -> String {
    let answer = world.call(parked).answer.as_ref().unwrap();
    let info = answer.header("Call-Info").unwrap();
    let uri = info.strip_prefix("<sip:").unwrap();
    let uri = uri.strip_suffix(">;purpose=park").unwrap();
    let (user, rest) = uri.split_once('@').unwrap();
    let (_, parameters) = rest.split_once(';').unwrap();
    format!("{user};{parameters}")
}
