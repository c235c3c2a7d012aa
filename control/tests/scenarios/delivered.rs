//! An operator has a parked call brought to a phone: it rings there, waits in its orbit all the
//! while, and one of all who want it gets it.

use std::path::Path;

use control::ask::{Answer, Ask, AskError, OrbitState, OrbitView, Which};
use control::config::Config;
use control::happening::{Fact, RecallEnd, Way, Whom};
use shared::Time;

use crate::common::phone::ReinviteHabit;
use crate::common::phone::call::{Ending, View};
use crate::common::phone::callee::RingHabit;
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{checks, ms, secs};

#[test]
fn the_phone_that_answers_has_the_call_and_the_orbit_is_free() {
    let mut home = Home::new(RingHabit::Answer(secs(3)));
    let view = home.deliver(CAROL_URI).unwrap();
    assert_eq!((&*view.orbit, view.state), ("701", OrbitState::Recalling));
    home.world.run(secs(2));
    assert_eq!(home.world.view(home.rung(CAROL)), View::Calling);
    assert!(home.waits(), "music while it rings");
    home.world.run(secs(2));
    assert!(home.world.are_joined(home.parked, home.rung(CAROL)));
    assert_eq!(home.world.status().parked, 0);
    assert_eq!(home.world.history.tally.retrieved[&Way::Chosen], 1);
    assert_eq!(home.world.history.tally.recalls[&Whom::Chosen], 1);
    checks::agreement(&home.world);
    home.world.finish();
}

#[test]
fn the_phone_sees_which_orbit_it_is_and_who_waits_there() {
    let mut home = Home::new(RingHabit::NobodyThere);
    home.deliver(CAROL_URI).unwrap();
    home.world.run(secs(1));
    let call = home.world.call(home.rung(CAROL));
    let invite = call.invite.as_ref().unwrap();
    assert_eq!(invite.start, "INVITE sip:carol@198.51.100.3:5060 SIP/2.0");
    let from = invite.must("From");
    assert!(
        from.starts_with("\"Parked 701: alice\" <sip:701@192.0.2.1:5060>;tag="),
        "{from}"
    );
    assert_eq!(
        invite.must("P-Asserted-Identity"),
        "\"alice\" <sip:alice@example.com>"
    );
    assert_eq!(invite.header("Alert-Info"), None, "it is no recall");
    assert_eq!(invite.header("Reason"), None);
    let history: Vec<_> = invite.headers("History-Info").collect();
    assert_eq!(
        history,
        [
            "<sip:701@192.0.2.1:5060>;index=1",
            "<sip:carol@198.51.100.3:5060>;index=1.1;mp=1",
        ]
    );
    home.world.finish();
}

#[test]
fn a_phone_that_is_busy_or_declines_or_is_silent_leaves_the_call_as_it_was() {
    for (ring, how) in [
        (RingHabit::Refuse(486), RecallEnd::Refused(486)),
        (RingHabit::Refuse(603), RecallEnd::Refused(603)),
        (RingHabit::Refuse(302), RecallEnd::Refused(302)),
        (RingHabit::NobodyThere, RecallEnd::NotAnswered),
        (RingHabit::Unreachable, RecallEnd::NotAnswered),
    ] {
        let mut home = Home::new(ring);
        home.world.run(secs(5));
        let before = home.time();
        home.deliver(CAROL_URI).unwrap();
        home.world.run(secs(22));
        assert!(home.waits(), "{ring:?}");
        assert_eq!(home.time(), before, "{ring:?}: its time goes on");
        assert_eq!(home.how_it_ended(), [how], "{ring:?}");
        home.world.run(secs(64));
        assert_eq!(home.calls_of(BOB), 1, "{ring:?}: the parker has its turn");
        home.world.finish();
    }
}

#[test]
fn nobody_is_called_back_while_the_phone_rings_and_then_at_once() {
    let mut home = Home::new(RingHabit::NobodyThere);
    home.world.run(secs(80));
    home.deliver(CAROL_URI).unwrap();
    home.world.run(secs(19));
    assert_eq!(home.calls_of(BOB), 0, "its time is over, but a phone rings");
    home.world.run(secs(2));
    assert!(home.world.call(home.rung(CAROL)).is_over());
    assert_eq!(home.calls_of(BOB), 1);
    assert_eq!(home.view().call.unwrap().recalls, 1, "the first attempt");
    home.world.finish();
}

#[test]
fn who_dials_meanwhile_has_the_call_and_the_ringing_ends() {
    let mut home = Home::new(RingHabit::NobodyThere);
    home.deliver(CAROL_URI).unwrap();
    home.world.run(secs(3));
    let dave = home.world.retrieve(DAVE, home.parked);
    assert!(home.world.are_joined(home.parked, dave));
    home.world.run(secs(1));
    let rung = home.world.call(home.rung(CAROL));
    let reason = rung.cancel_reason.as_ref().unwrap();
    assert!(reason.contains("cause=200"), "no missed call: {reason}");
    assert_eq!(home.how_it_ended(), [RecallEnd::RetrievedElsewhere]);
    home.world.finish();
}

/// The answer and the dialled INVITE cross on the way, with each of them first.
#[test]
fn of_who_answers_and_who_dials_one_has_the_call() {
    let (mut answered, mut dialled) = (0, 0);
    for offset in 0..60 {
        let mut home = Home::new(RingHabit::Answer(secs(1)));
        home.deliver(CAROL_URI).unwrap();
        home.world.run(ms(980 + offset));
        let dave = home.world.dial(DAVE, "701");
        home.world.run(secs(4));
        let carol = home.rung(CAROL);
        let has = |call| home.world.view(call) == View::Talking;
        match (has(carol), has(dave)) {
            (true, false) => answered += 1,
            (false, true) => dialled += 1,
            both => panic!("after {offset} ms: {both:?}"),
        }
        let winner = if has(carol) { carol } else { dave };
        assert!(home.world.are_joined(home.parked, winner));
        home.world.finish();
    }
    assert!(answered > 0 && dialled > 0, "{answered} {dialled}");
}

#[test]
fn a_parkee_that_hangs_up_ends_the_ringing() {
    let mut home = Home::new(RingHabit::NobodyThere);
    home.deliver(CAROL_URI).unwrap();
    home.world.run(secs(3));
    home.world.hang_up(home.parked);
    home.world.run(secs(1));
    assert!(home.world.call(home.rung(CAROL)).is_over());
    assert_eq!(home.how_it_ended(), [RecallEnd::CallOver]);
    assert_eq!(home.world.status().parked, 0);
    home.world.finish();
}

#[test]
fn a_parkee_that_will_not_talk_waits_on_and_the_phone_is_told() {
    let mut home = Home::new(RingHabit::Answer(secs(1)));
    let before = home.time();
    home.world.phones[ALICE].habits.reinvite = ReinviteHabit::Refuse(488);
    home.deliver(CAROL_URI).unwrap();
    home.world.run(secs(3));
    assert!(home.waits());
    assert_eq!(home.time(), before);
    let View::Ended(Ending::ByServer { reason }) = home.world.view(home.rung(CAROL)) else {
        panic!("{:?}", home.world.view(home.rung(CAROL)))
    };
    assert!(reason.unwrap().contains("cause=488"));
    home.world.finish();
}

#[test]
fn a_call_that_rings_somewhere_is_brought_nowhere_else_and_can_be_ended() {
    let mut home = Home::new(RingHabit::NobodyThere);
    home.deliver(CAROL_URI).unwrap();
    home.world.run(secs(1));
    let again = home.deliver("sip:dave@198.51.100.4");
    assert_eq!(again, Err(AskError::NotAtRest("701".to_owned())));
    assert_eq!(home.calls_of(DAVE), 0);
    let ended = home.world.ask(Ask::HangUp(which()));
    assert_eq!(ended, Ok(Answer::Done));
    home.world.run(secs(1));
    assert!(home.world.call(home.rung(CAROL)).is_over());
    assert_eq!(
        home.deliver(CAROL_URI),
        Err(AskError::EmptyOrbit("701".to_owned()))
    );
    home.world.finish();
}

#[test]
fn only_a_sip_phone_on_an_allowed_host_is_called() {
    let mut home = Home::new(RingHabit::NobodyThere);
    for (to, name) in [
        ("carol", "nothing"),
        ("", "nothing"),
        ("tel:+4930123456", "nothing"),
        ("sips:carol@198.51.100.3", "nothing"),
        ("sip:carol@198.51.100.3?Replaces=x", "nothing"),
        ("<sip:carol@198.51.100.3>", "nothing"),
        ("sip:carol@198.51.100.3>\r\nX: y", "nothing"),
        ("sip:702@example.com", "ours"),
        ("sip:park@192.0.2.1", "elsewhere"),
        ("sip:%2a68702@example.com", "ours"),
        ("sip:carol@203.0.113.9", "elsewhere"),
        ("sip:carol@198.51.100.3;maddr=203.0.113.9", "elsewhere"),
        ("sip:carol@evil.example", "elsewhere"),
    ] {
        let refused = home.deliver(to).unwrap_err();
        let is_as_expected = match name {
            "nothing" => matches!(refused, AskError::NotCallable(_)),
            "ours" => matches!(refused, AskError::OwnNumber(_)),
            _ => matches!(refused, AskError::HostNotAllowed(_)),
        };
        assert!(is_as_expected, "{to}: {refused:?}");
    }
    home.world.run(secs(1));
    assert!(home.waits());
    assert_eq!(home.calls_of(CAROL), 0);
    home.world.finish();
}

#[test]
fn who_may_not_retrieve_gets_no_call_brought() {
    let carol = |pin: &str| {
        let text = format!(
            "[[policy]]\nname = \"carol\"\nscope = \"users\"\nusers = [\"carol@*\"]\n{pin}\n\
             [[policy]]\nname = \"others\"\npark = [\"internal\"]\nretrieve = [\"internal\"]\n"
        );
        let config = Config::parse(&text, "site.toml", Path::new(""));
        config.unwrap().policies
    };
    for pin in ["", "retrieve_with_pin = [\"internal\"]\npin = \"4711\""] {
        let mut site = Site::default();
        site.config.policies = carol(pin);
        let mut home = Home::with(site, RingHabit::NobodyThere);
        let refused = home.deliver(CAROL_URI).unwrap_err();
        match pin {
            "" => assert_eq!(
                refused.to_string(),
                "Policy carol does not let internal callers retrieve"
            ),
            _ => assert_eq!(refused, AskError::NeedsPin(CAROL_URI.to_owned())),
        }
        assert_eq!(home.calls_of(CAROL), 0);
        home.deliver("sip:dave@198.51.100.4").unwrap();
        home.world.run(secs(1));
        assert_eq!(home.calls_of(DAVE), 1);
        home.world.finish();
    }
}

#[test]
fn after_the_death_of_the_server_the_call_waits_as_it_did_before() {
    let mut home = Home::new(RingHabit::NobodyThere);
    let before = home.time();
    home.deliver(CAROL_URI).unwrap();
    home.world.run(secs(3));
    home.world.crash();
    home.world.run(secs(3));
    assert!(home.waits());
    assert_eq!(home.time(), before);
    assert_eq!(home.view().call.unwrap().recalls, 0);
    assert_eq!(home.calls_of(CAROL), 1, "it is not called again");
    let dave = home.world.retrieve(DAVE, home.parked);
    assert!(home.world.are_joined(home.parked, dave));
    home.world.finish();
}

#[test]
fn a_server_that_drains_still_brings_calls_and_one_that_stops_does_not() {
    let mut home = Home::new(RingHabit::Answer(secs(1)));
    home.world.drain();
    home.deliver(CAROL_URI).unwrap();
    home.world.run(secs(2));
    assert!(home.world.are_joined(home.parked, home.rung(CAROL)));
    let mut home = Home::new(RingHabit::NobodyThere);
    home.deliver(CAROL_URI).unwrap();
    home.world.run(secs(1));
    home.world.stop();
    home.world.run(secs(2));
    assert!(home.world.is_stopped);
    assert!(home.world.call(home.rung(CAROL)).is_over());
}

/// The store is slow: the operator is told of nothing that could still be undone by a crash.
#[test]
fn an_operator_is_told_what_was_done_when_it_is_durable() {
    let site = Site {
        store_delay: Some(ms(200)),
        ..Site::default()
    };
    let mut home = Home::with(site, RingHabit::NobodyThere);
    home.world.run(secs(2));
    let asked = home.world.begin_to_ask(Ask::Move {
        which: which(),
        to: "705".to_owned(),
    });
    let looked = home.world.begin_to_ask(Ask::Orbit("705".to_owned()));
    assert!(home.world.answer(looked).is_some(), "who looks is not held");
    home.world.run(ms(150));
    assert_eq!(home.world.answer(asked), None);
    home.world.run(ms(100));
    assert!(matches!(
        home.world.answer(asked),
        Some(Ok(Answer::Orbit(_)))
    ));
    let refused = home.world.begin_to_ask(Ask::HangUp(which()));
    assert!(home.world.answer(refused).is_some(), "nothing was done");
    home.world.finish();
}

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;
const DAVE: usize = 3;

const CAROL_URI: &str = "sip:carol@198.51.100.3:5060";

/// Alice, whom Bob has transferred to 701; Carol's phone is to have the call; Dave walks by.
struct Home {
    world: World,
    parked: CallRef,
}

impl Home {
    fn new(ring: RingHabit) -> Self {
        Self::with(Site::default(), ring)
    }

    fn with(site: Site, ring: RingHabit) -> Self {
        let mut world = World::new(site);
        for name in ["alice", "bob", "carol", "dave"] {
            world.phone(name);
        }
        world.phones[BOB].habits.ring = RingHabit::NobodyThere;
        world.phones[CAROL].habits.ring = ring;
        world.phones[DAVE].habits.ring = RingHabit::NobodyThere;
        let referred = [("Referred-By", "<sip:bob@198.51.100.2:5060>".to_owned())];
        let parked = world.dial_with(ALICE, "701", &referred);
        world.run_until(secs(1), "parked", |world| {
            world.view(parked) == View::Listening
        });
        Self { world, parked }
    }

    fn deliver(&mut self, to: &str) -> Result<OrbitView, AskError> {
        let ask = Ask::Deliver {
            which: which(),
            to: to.to_owned(),
        };
        match self.world.ask(ask)? {
            Answer::Orbit(view) => Ok(*view),
            other => panic!("{other:?}"),
        }
    }

    /// The parkee hears music in its orbit.
    fn waits(&self) -> bool {
        self.world.orbit(self.parked).as_deref() == Some("701")
            && self.world.hears_music(self.parked)
    }

    fn view(&mut self) -> OrbitView {
        match self.world.ask(Ask::Orbit("701".to_owned())).unwrap() {
            Answer::Orbit(view) => *view,
            other => panic!("{other:?}"),
        }
    }

    /// When the parker is called.
    fn time(&mut self) -> Option<Time> {
        self.view().call.unwrap().deadline
    }

    fn calls_of(&self, phone: usize) -> usize {
        self.world.phones[phone].calls.len()
    }

    fn rung(&self, phone: usize) -> CallRef {
        self.world.last_call(phone)
    }

    /// How the calls to the chosen phone ended.
    fn how_it_ended(&self) -> Vec<RecallEnd> {
        let ended = self.world.history.facts().filter_map(|fact| match fact {
            Fact::RecallEnded {
                whom: Whom::Chosen,
                how,
                attempt: 0,
            } => Some(*how),
            _ => None,
        });
        ended.collect()
    }
}

fn which() -> Which {
    Which {
        orbit: "701".to_owned(),
        call: None,
    }
}
