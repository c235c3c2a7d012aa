//! Codecs: one for both where there is one, the relay's tables between the two laws where there is
//! none.

use shared::Codec;

use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, secs};

#[test]
fn both_sides_speak_the_codec_they_share() {
    let (world, calls) = joined(&[8], &[0, 8]);
    assert_eq!(calls.map(|call| codec(&world, call)), [Codec::Pcma; 2]);
    world.finish();
}

#[test]
fn the_retrievers_preference_counts_where_the_parkee_can_take_it() {
    let (world, calls) = joined(&[0, 8], &[8, 0]);
    assert_eq!(calls.map(|call| codec(&world, call)), [Codec::Pcma; 2]);
    world.finish();
}

#[test]
fn two_laws_are_no_reason_to_refuse() {
    let (world, calls) = joined(&[0], &[8]);
    assert_eq!(
        calls.map(|call| codec(&world, call)),
        [Codec::Pcmu, Codec::Pcma]
    );
    world.finish();
}

#[test]
fn a_codec_change_of_one_side_is_answered() {
    for payloads in [&[8][..], &[0], &[8, 0]] {
        let (mut world, calls) = joined(&[0, 8], &[0, 8]);
        for call in calls {
            let changed = world.with(call.phone, |phone, now| {
                phone.change_codecs(now, call.call, payloads)
            });
            assert!(changed);
            world.run(secs(3));
            assert_eq!(
                world.call(call).last_reinvite_status,
                Some(200),
                "{payloads:?}"
            );
            assert!(world.are_joined(calls[0], calls[1]), "{payloads:?}");
            checks::agreement(&world);
        }
        world.finish();
    }
}

#[test]
fn a_codec_change_while_parked_changes_the_music() {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let parked = world.park(alice);
    assert_eq!(codec(&world, parked), Codec::Pcmu);
    world.with(alice, |phone, now| phone.change_codecs(now, 0, &[8]));
    world.run(secs(1));
    assert_eq!(codec(&world, parked), Codec::Pcma);
    assert!(world.hears_music(parked));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_change_to_a_codec_nobody_has_is_refused_and_changes_nothing() {
    let (mut world, calls) = joined(&[0, 8], &[0, 8]);
    world.with(calls[0].phone, |phone, now| {
        phone.change_codecs(now, 0, &[9])
    });
    world.run(secs(3));
    assert_eq!(world.call(calls[0]).last_reinvite_status, Some(488));
    assert!(world.are_joined(calls[0], calls[1]));
    checks::agreement(&world);
    world.finish();
}

fn joined(parkee: &[u8], retriever: &[u8]) -> (World, [CallRef; 2]) {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    world.phones[alice].habits.payloads = parkee.to_vec();
    world.phones[bob].habits.payloads = retriever.to_vec();
    let parked = world.park(alice);
    let retrieved = world.retrieve(bob, parked);
    assert!(world.are_joined(parked, retrieved));
    checks::agreement(&world);
    (world, [parked, retrieved])
}

fn codec(world: &World, call: CallRef) -> Codec {
    world.stream(call).media.unwrap().codec
}
