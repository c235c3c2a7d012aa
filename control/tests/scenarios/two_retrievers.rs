//! Of any number of retrievers exactly one wins; the others are told at once and nothing of theirs
//! is left.

use crate::common::phone::ReinviteHabit;
use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, ms, secs};

#[test]
fn row_32_of_two_retrievers_exactly_one_wins() {
    race(2, ReinviteHabit::Accept);
}

#[test]
fn row_32_of_sixty_four_retrievers_exactly_one_wins() {
    race(64, ReinviteHabit::Accept);
}

#[test]
fn the_others_are_told_while_the_winner_still_waits_for_the_parkee() {
    race(5, ReinviteHabit::Late(secs(2)));
}

#[test]
fn a_late_retriever_is_told_that_nobody_is_parked_there() {
    let mut world = World::new(Site::default());
    let (alice, bob, carol) = (
        world.phone("alice"),
        world.phone("bob"),
        world.phone("carol"),
    );
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    let winner = world.retrieve(bob, parked);
    let late = world.dial(carol, &orbit);
    world.run(secs(1));
    assert!(matches!(
        world.view(late),
        View::Ended(Ending::Refused { status: 404, .. })
    ));
    assert!(world.are_joined(parked, winner));
    world.finish();
}

fn race(retrievers: usize, habit: ReinviteHabit) {
    let mut world = World::new(Site::default());
    let alice = world.phone("alice");
    let phones: Vec<_> = (0..retrievers)
        .map(|n| world.phone(&format!("bob{n}")))
        .collect();
    let parked = world.park(alice);
    world.phones[alice].habits.reinvite = habit;
    let orbit = world.orbit(parked).unwrap();
    let calls: Vec<CallRef> = phones
        .iter()
        .map(|phone| world.dial(*phone, &orbit))
        .collect();
    world.run(ms(200));
    let losers = calls.iter().filter(|call| {
        matches!(
            world.view(**call),
            View::Ended(Ending::Refused {
                status: 404 | 486,
                ..
            })
        )
    });
    assert_eq!(losers.count(), retrievers - 1, "told at once");
    world.run(secs(5));
    let winners: Vec<_> = calls
        .iter()
        .filter(|call| world.view(**call) == View::Talking)
        .collect();
    assert_eq!(winners.len(), 1);
    assert!(world.are_joined(parked, *winners[0]));
    assert_eq!(world.status().retrieved, 1);
    checks::agreement(&world);
    world.finish();
}
