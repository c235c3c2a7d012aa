//! Media released: after a retrieval the two phones send RTP to each other; and every way back to
//! the relay.

use std::time::Duration;

use control::config::MediaPath;

use crate::common::phone::call::{Ending, View};
use crate::common::phone::callee::RingHabit;
use crate::common::phone::{Hold, ReinviteHabit};
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, ms, secs};

#[test]
fn after_a_retrieval_the_two_send_to_each_other() {
    let (world, [parked, retriever]) = released();
    assert_eq!(world.status().released, 1);
    for call in [parked, retriever] {
        assert_eq!(world.view(call), View::Talking);
        let media = world.stream(call).media.unwrap();
        assert_eq!(media.remote_rtcp, None, "reports of nothing");
        assert!(!media.supervise);
    }
    checks::agreement(&world);
    world.finish();
}

#[test]
fn one_offer_to_each_does_it() {
    let (mut world, calls) = joined(site());
    let before = calls.map(|call| world.call(call).reinvited);
    world.run(secs(60));
    assert!(world.are_released(calls[0], calls[1]));
    let after = calls.map(|call| world.call(call).reinvited);
    assert_eq!(after, before.map(|count| count + 1));
    world.finish();
}

#[test]
fn nobody_is_released_unasked() {
    let (mut world, calls) = joined(Site::default());
    world.run(secs(60));
    assert_anchored(&world, calls);
    world.finish();
}

#[test]
fn a_range_has_a_say_of_its_own() {
    for (own, of_all) in [
        (MediaPath::Released, MediaPath::Anchored),
        (MediaPath::Anchored, MediaPath::Released),
    ] {
        let mut site = site();
        site.config.park.media = of_all;
        site.config.orbit_ranges[0].own.media = Some(own);
        let (mut world, [parked, retriever]) = joined(site);
        world.run(secs(5));
        let is_released = world.are_released(parked, retriever);
        assert_eq!(is_released, own == MediaPath::Released);
        checks::agreement(&world);
        world.finish();
    }
}

#[test]
fn two_without_a_codec_in_common_stay() {
    let mut world = World::new(site());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    world.phones[alice].habits.payloads = vec![0];
    world.phones[bob].habits.payloads = vec![8];
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    world.run(secs(60));
    assert_anchored(&world, [parked, retriever]);
    world.finish();
}

#[test]
fn who_refuses_stays_and_is_not_asked_again() {
    for status in [488, 603, 500, 408] {
        for refuser in 0..2 {
            let (mut world, calls) = joined(site());
            let phone = calls[refuser].phone;
            world.phones[phone].habits.reinvite = ReinviteHabit::Refuse(status);
            world.run(secs(2));
            world.phones[phone].habits.reinvite = ReinviteHabit::Accept;
            world.run(secs(60));
            assert_anchored(&world, calls);
            world.finish();
        }
    }
}

#[test]
fn glare_is_waited_out() {
    for refuser in 0..2 {
        let (mut world, calls) = joined(site());
        world.phones[calls[refuser].phone].habits.excuses = 1;
        world.run(secs(8));
        assert!(world.are_released(calls[0], calls[1]));
        checks::agreement(&world);
        world.finish();
    }
}

#[test]
fn who_always_asks_for_later_is_left_in_peace() {
    for refuser in 0..2 {
        let (mut world, calls) = joined(site());
        let phone = calls[refuser].phone;
        world.phones[phone].habits.reinvite = ReinviteHabit::Refuse(491);
        let before = world.sent(phone, "INVITE");
        world.run(secs(300));
        let offers = world.sent(phone, "INVITE") - before;
        assert!((2..20).contains(&offers), "{offers}");
        assert_anchored(&world, calls);
        world.finish();
    }
}

#[test]
fn who_does_not_answer_the_offer_loses_no_call() {
    for silent in 0..2 {
        let (mut world, calls) = joined(site());
        let phone = calls[silent].phone;
        world.phones[phone].habits.reinvite = ReinviteHabit::Ignore;
        world.run(secs(20));
        assert!(world.are_joined(calls[0], calls[1]), "and nobody hears it");
        world.run(secs(20));
        world.phones[phone].habits.reinvite = ReinviteHabit::Accept;
        world.run(secs(40));
        assert_anchored(&world, calls);
        world.finish();
    }
}

#[test]
fn an_answer_that_nobody_understands_ends_no_call() {
    for wrong in 0..2 {
        let (mut world, calls) = joined(site());
        world.phones[calls[wrong].phone].habits.wrong_answers = 1;
        world.run(secs(60));
        assert_eq!(world.phones[calls[wrong].phone].habits.wrong_answers, 0);
        assert_anchored(&world, calls);
        world.finish();
    }
}

#[test]
fn phones_that_move_whenever_they_are_asked_are_left_alone() {
    let (mut world, calls) = joined(site());
    for call in calls {
        world.phones[call.phone].habits.moves = true;
    }
    world.run(secs(60));
    assert_anchored(&world, calls);
    let offers = calls.map(|call| world.sent(call.phone, "INVITE"));
    assert!(offers.iter().sum::<usize>() < 20, "{offers:?}");
    world.finish();
}

#[test]
fn one_that_moves_is_followed() {
    let (mut world, calls) = joined(site());
    world.phones[calls[1].phone].habits.moves = true;
    world.run(secs(5));
    assert!(world.are_released(calls[0], calls[1]));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_peer_behind_a_translator_stays() {
    for translated in 0..2 {
        let (mut world, calls) = joined(site());
        world.translate(calls[translated]);
        world.run(secs(60));
        assert_anchored(&world, calls);
        world.finish();
    }
}

#[test]
fn a_translator_that_shows_late_brings_the_media_back() {
    for after_ms in [1_005, 1_010, 1_015, 1_020, 5_000] {
        let (mut world, calls) = joined(site());
        world.run(ms(after_ms));
        world.translate(calls[1]);
        world.run(secs(60));
        assert_anchored(&world, calls);
        world.finish();
    }
}

#[test]
fn hold_brings_music_and_resume_releases_again() {
    for hold in [Hold::SendOnly, Hold::Inactive, Hold::ZeroAddress] {
        for holder in 0..2 {
            let (mut world, calls) = released();
            let (held, other) = (calls[holder], calls[1 - holder]);
            world.with(held.phone, |phone, now| phone.hold(now, held.call, hold));
            world.run(secs(10));
            assert_eq!(world.call(held).last_reinvite_status, Some(200));
            let is_music = match hold {
                Hold::SendOnly => matches!(world.stream(other).source, shared::Source::Held { .. }),
                Hold::Inactive | Hold::ZeroAddress => world.hears_music(other),
            };
            assert!(is_music, "{hold:?}");
            checks::agreement(&world);
            world.with(held.phone, |phone, now| phone.resume(now, held.call));
            world.run(secs(5));
            assert!(world.are_released(calls[0], calls[1]), "{hold:?}");
            checks::agreement(&world);
            world.finish();
        }
    }
}

#[test]
fn a_refresh_that_says_the_same_changes_nothing() {
    let (mut world, calls) = released();
    let before = calls.map(|call| world.sent(call.phone, "INVITE"));
    for call in [calls[0], calls[1], calls[0]] {
        world.with(call.phone, |phone, now| phone.refresh(now, call.call, true));
        world.run(secs(5));
        assert_eq!(world.call(call).last_reinvite_status, Some(200));
        assert!(world.are_released(calls[0], calls[1]));
        checks::agreement(&world);
    }
    let after = calls.map(|call| world.sent(call.phone, "INVITE"));
    assert_eq!(after, before, "nobody is asked anything");
    world.finish();
}

#[test]
fn a_refresh_that_asks_us_to_offer_goes_by_the_relay() {
    let (mut world, calls) = released();
    for call in calls {
        world.with(call.phone, |phone, now| {
            phone.refresh(now, call.call, false)
        });
        world.run(ms(500));
        assert_anchored(&world, calls);
        world.run(secs(5));
        assert!(world.are_released(calls[0], calls[1]));
        checks::agreement(&world);
    }
    world.finish();
}

#[test]
fn who_moves_or_changes_its_codec_is_followed_by_the_relay_and_then_released() {
    for mover in 0..2 {
        let (mut world, calls) = released();
        let call = calls[mover];
        world.with(call.phone, |phone, now| phone.move_audio(now, call.call));
        world.run(secs(5));
        assert!(world.are_released(calls[0], calls[1]));
        checks::agreement(&world);
        world.with(call.phone, |phone, now| {
            phone.change_codecs(now, call.call, &[8])
        });
        world.run(secs(5));
        assert!(world.are_released(calls[0], calls[1]));
        let payloads = calls.map(|call| world.call(call).settled.as_ref().unwrap().payload);
        assert_eq!(payloads, [8, 8]);
        checks::agreement(&world);
        world.finish();
    }
}

#[test]
fn who_hangs_up_ends_both() {
    for leaver in 0..2 {
        let (mut world, calls) = released();
        world.hang_up(calls[leaver]);
        world.run(secs(1));
        let left = world.view(calls[1 - leaver]);
        assert!(matches!(left, View::Ended(Ending::ByServer { .. })));
        world.finish();
    }
}

#[test]
fn who_asks_to_hold_while_it_is_being_released_holds() {
    for after_ms in 1_000..1_030 {
        for holder in 0..2 {
            let (mut world, calls) = joined(site());
            world.run(ms(after_ms));
            let call = calls[holder];
            let hold = |phone: &mut crate::common::phone::Phone, now| {
                phone.hold(now, call.call, Hold::SendOnly)
            };
            if !world.with(call.phone, hold) {
                continue;
            }
            world.run(secs(10));
            assert_eq!(world.view(call), View::Holding, "after {after_ms}");
            checks::agreement(&world);
            world.finish();
        }
    }
}

#[test]
fn a_released_call_is_parked_again_with_music() {
    let (mut world, [parked, retriever]) = released();
    world.with(retriever.phone, |phone, now| {
        phone.refer_in(now, retriever.call, "park")
    });
    world.run(secs(3));
    assert!(world.orbit(parked).is_some());
    assert_eq!(world.view(parked), View::Listening);
    assert!(world.hears_music(parked));
    checks::agreement(&world);
    let carol = world.phone("carol");
    let again = world.retrieve(carol, parked);
    world.run(secs(3));
    assert!(world.are_released(parked, again));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_leg_whose_place_is_taken_leaves_no_audio_behind() {
    for replaced in 0..2 {
        let (mut world, calls) = released();
        let carol = world.phone("carol");
        let call = world.call(calls[replaced]);
        let name = format!(
            "{};to-tag={};from-tag={}",
            call.call_id,
            call.remote_tag.as_deref().unwrap(),
            call.local_tag
        );
        let joiner = world.dial_with(carol, "park", &[("Replaces", name)]);
        world.run(ms(100));
        let other = calls[1 - replaced];
        assert!(world.are_joined(other, joiner));
        world.run(secs(5));
        assert!(world.are_released(other, joiner));
        checks::agreement(&world);
        world.finish();
    }
}

#[test]
fn who_answers_a_recall_is_released_when_it_is_certain_that_it_is_there() {
    let mut site = site().pickup_timeout(secs(10));
    site.config.media.timeout = secs(30);
    let mut world = World::new(site);
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    world.phones[bob].habits.ring = RingHabit::Answer(secs(3));
    let referred = [("Referred-By", "<sip:bob@198.51.100.2>".to_owned())];
    let parked = world.dial_with(alice, "park", &referred);
    world.run(secs(20));
    let recall = world.last_call(bob);
    assert_anchored(&world, [parked, recall]);
    world.run(secs(40));
    assert!(world.are_released(parked, recall));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn who_is_gone_is_found_by_the_session_timer() {
    let mut site = site();
    site.config.sip.session_expires = secs(120);
    let (mut world, calls) = joined(site);
    world.run(secs(3));
    assert!(world.are_released(calls[0], calls[1]));
    world.switch_off(calls[0].phone);
    world.run(secs(50));
    assert_eq!(
        world.view(calls[1]),
        View::Talking,
        "nobody heard its silence"
    );
    world.run(secs(70));
    let left = world.view(calls[1]);
    assert!(matches!(left, View::Ended(Ending::ByServer { .. })));
    assert_eq!(world.status().calls, 0);
    world.finish();
}

#[test]
fn a_session_is_refreshed_with_what_the_two_were_told() {
    let mut site = site();
    site.config.sip.session_expires = secs(120);
    let (mut world, calls) = joined(site);
    world.run(secs(3));
    let before = calls.map(|call| world.sent(call.phone, "INVITE"));
    world.run(Duration::from_mins(10));
    let after = calls.map(|call| world.sent(call.phone, "INVITE"));
    assert!(before[0] < after[0] && before[1] < after[1]);
    assert!(world.are_released(calls[0], calls[1]));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_new_process_takes_the_media_back_and_releases_it_again() {
    let (mut world, calls) = released();
    world.crash();
    world.run(ms(500));
    assert_anchored(&world, calls);
    world.run(secs(5));
    assert!(world.are_released(calls[0], calls[1]));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn the_process_may_die_at_any_moment_of_the_release() {
    for after_ms in 990..1_040 {
        let (mut world, calls) = joined(site());
        world.run(ms(after_ms));
        world.crash();
        world.run(secs(45));
        assert!(world.are_released(calls[0], calls[1]));
        checks::agreement(&world);
        world.finish();
    }
}

#[test]
fn a_change_of_the_settings_moves_nobody_who_talks() {
    let (mut world, calls) = released();
    let mut config = world.site.config.clone();
    config.park.media = MediaPath::Anchored;
    world.configure(&config).unwrap();
    world.run(secs(60));
    assert!(world.are_released(calls[0], calls[1]));
    world.finish();
}

fn site() -> Site {
    let mut site = Site::default();
    site.config.park.media = MediaPath::Released;
    site
}

fn joined(site: Site) -> (World, [CallRef; 2]) {
    let mut world = World::new(site);
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    assert_anchored(&world, [parked, retriever]);
    (world, [parked, retriever])
}

fn released() -> (World, [CallRef; 2]) {
    let (mut world, [parked, retriever]) = joined(site());
    world.run(ms(1_500));
    assert!(world.are_released(parked, retriever));
    (world, [parked, retriever])
}

/// Both talk, and through us.
fn assert_anchored(world: &World, calls: [CallRef; 2]) {
    let server = world.site.config.media.advertise;
    assert_eq!(world.status().released, 0);
    for call in calls {
        assert_eq!(world.view(call), View::Talking);
        let settled = world.call(call).settled.as_ref().unwrap();
        assert_eq!(settled.remote.ip(), server);
    }
    assert!(world.are_joined(calls[0], calls[1]));
    checks::agreement(world);
}
