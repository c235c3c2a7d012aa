//! Both sides offer at once: 491, a random wait, another try (RFC 3261 §14.1, §14.2).

use crate::common::phone::call::View;
use crate::common::phone::{Hold, ReinviteHabit};
use crate::common::site::Site;
use crate::common::world::World;
use crate::common::{checks, ms, secs};

#[test]
fn a_retrieval_that_meets_the_parkees_own_offer_succeeds_after_the_wait() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    world.phones[alice].habits.glare = true;
    let orbit = world.orbit(parked).unwrap();
    let retriever = world.dial(bob, &orbit);
    world.run(ms(100));
    assert!(
        world.sent(alice, "SIP/2.0 491") == 1,
        "our offer was pending"
    );
    world.run(secs(15));
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_refusal_for_a_moment_is_followed_by_another_try_within_the_time_of_the_rfc() {
    for seed in 0..20 {
        let mut world = World::new(Site::default().seed(seed));
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        let parked = world.park(alice);
        world.phones[alice].habits.excuses = 1;
        let orbit = world.orbit(parked).unwrap();
        let retriever = world.dial(bob, &orbit);
        // The phone made the Call-ID: we wait for up to 2 s, it for at least 2.1 s.
        world.run(ms(2_100));
        assert_eq!(world.sent(alice, "INVITE"), 2);
        assert!(world.are_joined(parked, retriever));
        checks::agreement(&world);
        world.finish();
    }
}

#[test]
fn a_hold_that_crosses_the_retrieval_ends_in_one_opinion() {
    for seed in 0..20 {
        let mut world = World::new(Site::default().seed(seed));
        let (alice, bob) = (world.phone("alice"), world.phone("bob"));
        let parked = world.park(alice);
        let orbit = world.orbit(parked).unwrap();
        let retriever = world.dial(bob, &orbit);
        world.run_until(secs(1), "offered", |world| world.sent(alice, "INVITE") == 1);
        assert!(world.with(alice, |phone, now| phone.hold(
            now,
            parked.call,
            Hold::SendOnly
        )));
        world.run(secs(20));
        assert_eq!(world.view(retriever), View::Talking);
        assert_eq!(world.view(parked), View::Holding);
        checks::agreement(&world);
        assert!(world.with(alice, |phone, now| phone.resume(now, parked.call)));
        world.run(secs(2));
        assert!(world.are_joined(parked, retriever));
        world.finish();
    }
}

#[test]
fn a_phone_that_answers_491_for_ever_does_not_keep_the_retriever_waiting_for_ever() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    world.phones[alice].habits.reinvite = ReinviteHabit::Refuse(491);
    let orbit = world.orbit(parked).unwrap();
    let retriever = world.dial(bob, &orbit);
    world.run(secs(15));
    assert!(
        world.call(retriever).is_over(),
        "{:?}",
        world.view(retriever)
    );
    assert_eq!(world.orbit(parked), Some(orbit));
    assert!(world.hears_music(parked));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn who_answers_491_for_ever_keeps_what_it_had_and_is_left_in_peace() {
    let mut world = World::new(Site::default().pickup_timeout(secs(3_600)));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    world.phones[bob].habits.acks_forgotten = u32::MAX;
    world.dial(bob, &orbit);
    world.run_until(secs(1), "joined", |world| {
        world.view(parked) == View::Talking
    });
    // Its retriever turns out never to have been there, and it will not be told.
    world.phones[alice].habits.reinvite = ReinviteHabit::Refuse(491);
    let before = world.sent(alice, "INVITE");
    world.run(secs(100));
    let offers = world.sent(alice, "INVITE") - before;
    assert!((2..=10).contains(&offers), "{offers}");
    // Until its session timer wants a word with it.
    world.run(secs(600));
    assert_eq!(world.sent(alice, "INVITE") - before, offers);
    assert_eq!(world.orbit(parked), Some(orbit), "it waits as before");
    assert!(world.hears_music(parked));
    // Once it takes offers again, it is retrieved as any other.
    world.phones[alice].habits.reinvite = ReinviteHabit::Accept;
    let carol = world.phone("carol");
    let retriever = world.retrieve(carol, parked);
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_bridge_whose_one_side_answers_491_for_ever_goes_on_as_it_was() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    world.phones[alice].habits.reinvite = ReinviteHabit::Refuse(491);
    let before = world.sent(alice, "INVITE");
    // The other side changes to a codec that this one is offered in vain.
    world.with(bob, |phone, now| phone.change_codecs(now, 0, &[8]));
    world.run(secs(600));
    let offers = world.sent(alice, "INVITE") - before;
    assert!((2..=10).contains(&offers), "{offers}");
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn an_offer_while_another_of_the_same_phone_is_unanswered_never_confuses_the_call() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    for phone in [alice, bob] {
        world.with(phone, |phone, now| phone.hold(now, 0, Hold::Inactive));
    }
    world.run(secs(10));
    checks::agreement(&world);
    for phone in [alice, bob] {
        world.with(phone, |phone, now| phone.resume(now, 0));
    }
    world.run(secs(10));
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}
