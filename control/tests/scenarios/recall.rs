//! Nobody came: the parker is called back, then the fallback; whoever dials meanwhile has the call.

use std::time::Duration;

use control::config::WhenAllFail;

use crate::common::phone::ReinviteHabit;
use crate::common::phone::call::{Ending, View};
use crate::common::phone::callee::RingHabit;
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, ms, secs};

#[test]
fn row_38_the_parker_is_called_back_and_has_the_call() {
    let mut home = Home::new(RingHabit::Answer(secs(3)));
    home.world.run(secs(9));
    assert!(home.calls_of(PARKER).is_empty(), "not yet");
    home.world.run(secs(2));
    assert_eq!(home.recall_view(), View::Calling);
    assert!(home.waits(), "music while it rings");
    home.world.run(secs(3));
    let recall = home.recall();
    assert!(home.world.are_joined(home.parked, recall));
    assert_eq!(home.world.status().parked, 0);
    checks::agreement(&home.world);
    home.world.finish();
}

#[test]
fn row_38_a_recall_says_what_it_is_and_who_waits() {
    let mut home = Home::new(RingHabit::NobodyThere);
    home.world.run(secs(11));
    let recall = home.world.call(home.recall());
    let invite = recall.invite.as_ref().unwrap();
    assert_eq!(invite.start, "INVITE sip:bob@198.51.100.2:5060 SIP/2.0");
    assert!(
        invite
            .must("From")
            .starts_with("\"Recall 701: alice\" <sip:701@192.0.2.1:5060>;tag=")
    );
    assert_eq!(invite.must("Alert-Info"), "<urn:alert:service:recall>");
    assert_eq!(
        invite.must("Reason"),
        "SIP;cause=408;text=\"Not retrieved\""
    );
    assert_eq!(
        invite.must("P-Asserted-Identity"),
        "\"alice\" <sip:alice@example.com>"
    );
    let history: Vec<_> = invite.headers("History-Info").collect();
    assert_eq!(
        history,
        [
            "<sip:701@192.0.2.1:5060\
             ?Reason=SIP%3Bcause%3D408%3Btext%3D%22Not%20retrieved%22>;index=1",
            "<sip:bob@198.51.100.2:5060>;index=1.1;mp=1",
        ]
    );
    assert_eq!(invite.must("Expires"), "22");
    assert!(invite.must("Contact").contains("sip:701@"));
    assert!(invite.body.contains("a=sendrecv"), "{}", invite.body);
    home.world.finish();
}

#[test]
fn the_parker_of_an_attended_transfer_is_who_has_called_the_orbit() {
    let mut world = World::new(site());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let announced = world.park(bob);
    let call = world.call(announced);
    let replaces = format!(
        "{};to-tag={};from-tag={}",
        call.call_id,
        call.remote_tag.as_deref().unwrap(),
        call.local_tag
    );
    world.site.names.insert(
        "example.com".to_owned(),
        vec!["198.51.100.2".parse().unwrap()],
    );
    world.phones[bob].habits.ring = RingHabit::Answer(secs(1));
    let parked = world.dial_with(alice, "park", &[("Replaces", replaces)]);
    world.run(secs(13));
    let recall = CallRef {
        phone: bob,
        call: 1,
    };
    assert!(world.are_joined(parked, recall));
    let invite = world.call(recall).invite.as_ref().unwrap();
    assert_eq!(invite.start, "INVITE sip:bob@example.com SIP/2.0");
    world.finish();
}

#[test]
fn row_39_an_unanswered_recall_is_cancelled_and_tried_again_after_another_while() {
    let mut home = Home::with(site_of(2, None), RingHabit::NobodyThere);
    home.world.run(secs(10) + secs(20) + secs(1));
    let recall = home.world.call(home.recall());
    assert!(recall.cancel_reason.as_ref().unwrap().contains("cause=408"));
    assert!(home.waits());
    home.world.run(secs(8));
    assert_eq!(home.calls_of(PARKER).len(), 1, "the time starts again");
    home.world.run(secs(2));
    assert_eq!(home.calls_of(PARKER).len(), 2);
    assert!(home.waits());
    home.world.run(secs(20));
    home.is_ended();
    assert_eq!(home.calls_of(PARKER).len(), 2);
    home.world.finish();
}

#[test]
fn row_39_a_busy_parker_is_tried_again() {
    let mut home = Home::with(site_of(2, None), RingHabit::Refuse(486));
    home.world.run(secs(11));
    assert!(home.waits());
    home.world.phones[PARKER].habits.ring = RingHabit::Answer(secs(1));
    home.world.run(secs(13));
    assert!(home.world.are_joined(home.parked, home.recall()));
    home.world.finish();
}

/// No attempt is left and there is no fallback.
#[test]
fn row_40_a_parker_that_declines_the_last_recall_ends_the_call() {
    for status in [480, 486, 603, 500] {
        let mut home = Home::new(RingHabit::Refuse(status));
        home.world.run(secs(11));
        home.is_ended();
        assert_eq!(home.calls_of(PARKER).len(), 1);
        home.world.finish();
    }
}

/// The parker's own forwarding would lead the call away from who parked it.
#[test]
fn row_38_a_recall_is_not_redirected() {
    let mut home = Home::new(RingHabit::Refuse(302));
    home.world.run(secs(11));
    assert_eq!(home.calls_of(PARKER).len(), 1);
    home.is_ended();
    home.world.finish();
}

#[test]
fn row_39_a_parker_that_cannot_be_reached_counts_as_an_attempt() {
    let mut home = Home::with(site_of(2, None), RingHabit::Unreachable);
    home.world.run(secs(31));
    assert!(home.waits());
    home.world.phones[PARKER].habits.ring = RingHabit::Answer(secs(1));
    home.world.run(secs(10) + ms(300));
    assert!(home.world.are_joined(home.parked, home.calls_of(PARKER)[0]));
    home.world.finish();
}

#[test]
fn a_parker_whose_name_leads_nowhere_counts_as_an_attempt() {
    let mut world = World::new(site());
    let alice = world.phone("alice");
    let referred = [("Referred-By", "<sip:bob@nowhere.example.com>".to_owned())];
    let parked = world.dial_with(alice, "701", &referred);
    world.run(secs(11));
    assert!(matches!(
        world.view(parked),
        View::Ended(Ending::ByServer { .. })
    ));
    world.finish();
}

#[test]
fn row_40_the_fallback_is_called_after_the_last_recall() {
    let mut home = Home::with(site_of(1, Some(FALLBACK_URI)), RingHabit::Refuse(486));
    home.world.phones[FALLBACK].habits.ring = RingHabit::Answer(secs(2));
    home.world.run(secs(11));
    assert!(home.waits());
    let rings = home.calls_of(FALLBACK)[0];
    assert_eq!(home.world.view(rings), View::Calling);
    home.world.run(secs(3));
    assert!(home.world.are_joined(home.parked, rings));
    checks::agreement(&home.world);
    home.world.finish();
}

/// Who parked itself cannot be called back.
#[test]
fn row_40_the_fallback_is_called_at_once_where_nobody_is_known_as_the_parker() {
    let mut world = World::new(site_of(3, Some(FALLBACK_URI)));
    let alice = world.phone("alice");
    let (_, carol) = (world.phone("bob"), world.phone("carol"));
    world.phones[carol].habits.ring = RingHabit::Answer(secs(1));
    let parked = world.park(alice);
    world.run(secs(12));
    let fallback = CallRef {
        phone: carol,
        call: 0,
    };
    assert!(world.are_joined(parked, fallback));
    world.finish();
}

#[test]
fn row_41_a_fallback_that_is_not_answered_ends_the_call_and_frees_the_orbit() {
    let mut home = Home::with(site_of(1, Some(FALLBACK_URI)), RingHabit::Refuse(603));
    home.world.phones[FALLBACK].habits.ring = RingHabit::NobodyThere;
    home.world.run(secs(29));
    assert!(home.waits(), "the fallback rings");
    home.world.run(secs(2));
    home.is_ended();
    assert_eq!(home.calls_of(FALLBACK).len(), 1);
    home.world.finish();
}

#[test]
fn a_retrieval_wins_over_a_recall_that_rings() {
    let mut home = Home::new(RingHabit::NobodyThere);
    home.world.run(secs(12));
    let retriever = home.world.retrieve(OTHER, home.parked);
    assert!(home.world.are_joined(home.parked, retriever));
    let recall = home.world.call(home.recall());
    assert!(recall.is_over());
    assert_eq!(
        recall.cancel_reason.as_deref(),
        Some("SIP;cause=200;text=\"Call completed elsewhere\"")
    );
    checks::agreement(&home.world);
    home.world.finish();
}

/// Who dials before the parker's answer has arrived has the call, whoever dials later does not.
#[test]
fn one_of_recall_and_retrieval_wins_at_every_instant_around_the_answer() {
    let mut winners = Vec::new();
    for before in 0..80 {
        let mut home = Home::new(RingHabit::Answer(secs(2)));
        let rings_from = secs(10);
        home.world.run(rings_from + secs(2) - ms(40) + ms(before));
        let retriever = home.world.dial(OTHER, "701");
        home.world.run(secs(3));
        let recall = home.recall();
        let by_recall = home.world.are_joined_if_both(home.parked, recall);
        let by_retrieval = home.world.are_joined_if_both(home.parked, retriever);
        assert!(by_recall != by_retrieval, "{before} ms");
        winners.push(by_retrieval);
        checks::agreement(&home.world);
        home.world.finish();
    }
    assert!(winners.contains(&true) && winners.contains(&false));
    assert!(winners.is_sorted_by(|one, next| one >= next), "{winners:?}");
}

#[test]
fn a_retrieval_that_fails_while_it_rings_leaves_the_call_parked_for_another_while() {
    let mut home = Home::new(RingHabit::NobodyThere);
    home.world.phones[PARKEE].habits.reinvite = ReinviteHabit::Refuse(488);
    home.world.run(secs(12));
    home.world.dial(OTHER, "701");
    home.world.run(secs(9));
    assert!(home.waits());
    home.world.run(secs(2));
    home.is_ended();
    home.world.finish();
}

/// RFC 3891 §3: an early dialog that we have begun is not replaced; the orbit can be dialled.
#[test]
fn nobody_takes_the_place_of_a_parker_that_rings() {
    let mut home = Home::new(RingHabit::NobodyThere);
    home.world.run(secs(12));
    let recall = home.world.call(home.recall());
    let ours = recall.remote_tag.as_deref().unwrap();
    let replaces = format!(
        "{};to-tag={ours};from-tag={}",
        recall.call_id, recall.local_tag
    );
    let call = home
        .world
        .dial_with(OTHER, "park", &[("Replaces", replaces)]);
    home.world.run(secs(1));
    assert!(matches!(
        home.world.view(call),
        View::Ended(Ending::Refused { status: 481, .. })
    ));
    assert!(home.waits());
    assert_eq!(home.recall_view(), View::Calling, "it rings on");
    home.world.finish();
}

#[test]
fn a_parkee_that_hangs_up_ends_the_ringing() {
    let mut home = Home::new(RingHabit::NobodyThere);
    home.world.run(secs(12));
    home.world.hang_up(home.parked);
    home.world.run(secs(1));
    assert!(home.world.call(home.recall()).is_over());
    assert_eq!(home.world.status().legs, 0);
    home.world.finish();
}

#[test]
fn a_parkee_that_refuses_to_talk_stays_parked_when_the_recall_is_answered() {
    let mut home = Home::new(RingHabit::Answer(secs(1)));
    home.world.phones[PARKEE].habits.reinvite = ReinviteHabit::Refuse(488);
    home.world.run(secs(12));
    assert!(home.waits());
    let View::Ended(Ending::ByServer {
        reason: Some(reason),
    }) = home.recall_view()
    else {
        panic!("{:?}", home.recall_view());
    };
    assert!(reason.contains("cause=488"), "{reason}");
    home.world.finish();
}

#[test]
fn a_parker_that_answers_and_vanishes_does_not_take_the_parkee_along() {
    let mut home = Home::with(site_of(2, None), RingHabit::Answer(secs(1)));
    home.world.run(secs(11) + ms(500));
    assert!(home.world.are_joined(home.parked, home.recall()));
    home.world.switch_off(PARKER);
    home.world.run(secs(31));
    assert!(home.waits(), "parked again after the media timeout");
    home.world.finish();
}

#[test]
fn a_parker_that_hangs_up_ends_the_call_that_came_back_to_it() {
    let mut home = Home::new(RingHabit::Answer(secs(1)));
    home.world.run(secs(12));
    home.world.hang_up(home.recall());
    home.world.run(secs(1));
    home.is_ended();
    home.world.finish();
}

#[test]
fn a_parker_that_names_the_orbit_as_its_own_does_not_make_the_server_call_itself_for_ever() {
    let mut world = World::new(site_of(3, None));
    let alice = world.phone("alice");
    let referred = [("Referred-By", "<sip:701@192.0.2.1>".to_owned())];
    let parked = world.dial_with(alice, "701", &referred);
    world.run(secs(120));
    assert!(world.call(parked).is_over());
    world.finish();
}

/// Nobody answers, neither the parker nor the fallback: it waits on, and an alarm is raised.
#[test]
fn a_call_that_nobody_comes_for_is_parked_again_where_the_operator_wants_that() {
    for fallback in [None, Some(FALLBACK_URI)] {
        let mut site = site_of(1, fallback);
        site.config.park.when_all_fail = WhenAllFail::Repark;
        let mut home = Home::with(site, RingHabit::Refuse(486));
        home.world.phones[FALLBACK].habits.ring = RingHabit::Refuse(486);
        for round in 1..=3 {
            home.world.run(secs(10) + ms(500));
            assert!(home.waits(), "{fallback:?}");
            assert_eq!(home.calls_of(PARKER).len(), round);
            assert_eq!(home.world.status().forsaken, round as u64);
        }
        home.world.phones[PARKER].habits.ring = RingHabit::Answer(ms(100));
        home.world.run(secs(10));
        assert!(home.world.are_joined(home.parked, home.recall()));
        home.world.finish();
    }
}

/// Its retrieval fails just when its time is over: it must hear music again.
#[test]
fn a_retrieval_that_fails_after_the_time_leaves_the_call_to_its_next_round() {
    let mut site = site_of(1, None);
    site.config.park.when_all_fail = WhenAllFail::Repark;
    let mut home = Home::with(site, RingHabit::Refuse(486));
    home.world.run(secs(9));
    home.world.phones[PARKEE].habits.reinvite = ReinviteHabit::Late(secs(12));
    let retriever = home.world.dial(OTHER, "701");
    home.world.run(secs(11));
    assert!(home.world.call(retriever).is_over());
    home.world.phones[PARKEE].habits.reinvite = ReinviteHabit::Accept;
    home.world.run(secs(5));
    assert!(home.waits());
    assert_eq!(home.world.view(home.parked), View::Listening);
    home.world.finish();
}

#[test]
fn stopping_ends_a_recall_that_rings() {
    let mut home = Home::new(RingHabit::NobodyThere);
    home.world.run(secs(12));
    home.world.stop();
    home.world.run(secs(2));
    assert!(home.world.is_stopped);
    assert!(home.world.call(home.recall()).is_over());
}

const PARKEE: usize = 0;
const PARKER: usize = 1;
const FALLBACK: usize = 2;
const OTHER: usize = 3;

const FALLBACK_URI: &str = "sip:operator@198.51.100.3:5060";

/// Alice, whom Bob has transferred to 701; Carol is the fallback; Dave walks by.
struct Home {
    world: World,
    parked: CallRef,
}

impl Home {
    fn new(ring: RingHabit) -> Self {
        Self::with(site(), ring)
    }

    fn with(site: Site, ring: RingHabit) -> Self {
        let mut world = World::new(site);
        for name in ["alice", "bob", "carol", "dave"] {
            world.phone(name);
        }
        world.phones[PARKER].habits.ring = ring;
        let referred = [("Referred-By", "<sip:bob@198.51.100.2:5060>".to_owned())];
        let parked = world.dial_with(PARKEE, "701", &referred);
        world.run_until(secs(1), "parked", |world| {
            world.view(parked) == View::Listening
        });
        Self { world, parked }
    }

    /// The parkee hears music in its orbit.
    fn waits(&self) -> bool {
        self.world.orbit(self.parked).as_deref() == Some("701")
            && self.world.hears_music(self.parked)
    }

    fn is_ended(&self) {
        let view = self.world.view(self.parked);
        assert!(
            matches!(view, View::Ended(Ending::ByServer { .. })),
            "{view:?}"
        );
        assert_eq!(self.world.status().parked, 0);
    }

    fn calls_of(&self, phone: usize) -> Vec<CallRef> {
        (0..self.world.phones[phone].calls.len())
            .map(|call| CallRef { phone, call })
            .collect()
    }

    fn recall(&self) -> CallRef {
        *self.calls_of(PARKER).last().expect("a recall")
    }

    fn recall_view(&self) -> View {
        self.world.view(self.recall())
    }
}

impl World {
    /// Whether two calls live and are joined.
    fn are_joined_if_both(&self, one: CallRef, other: CallRef) -> bool {
        [one, other]
            .iter()
            .all(|call| self.view(*call) == View::Talking)
            && self.are_joined(one, other)
    }
}

fn site() -> Site {
    site_of(1, None)
}

fn site_of(attempts: u8, fallback: Option<&str>) -> Site {
    let mut site = Site::default().pickup_timeout(Duration::from_secs(10));
    site.config.park.max_pickup_attempts = attempts;
    site.config.park.on_timeout_uri = fallback.map(str::to_owned);
    site
}
