//! Retrieving with a PIN: who needs one is answered, asked, and dials it.

use std::path::Path;

use control::config::{Config, Word};

use crate::common::phone::call::{Ending, View};
use crate::common::phone::callee::RingHabit;
use crate::common::site::Site;
use crate::common::wire::Wire;
use crate::common::world::{CallRef, World};
use crate::common::{checks, ms, secs};

#[test]
fn row_35_a_caller_of_the_telephone_network_retrieves_with_the_pin() {
    let (mut world, parked) = parked();
    let caller = asked(&mut world, GATEWAY);
    assert_eq!(said(&world), ["enter-pin"]);
    assert!(world.hears_music(parked), "nobody was disturbed yet");
    world.press(caller, "4711#");
    world.run(secs(1));
    assert!(world.are_joined(parked, caller));
    assert_eq!((world.status().parked, world.status().free), (0, 1));
    checks::agreement(&world);
    world.hang_up(caller);
    world.run(secs(1));
    assert!(world.call(parked).is_over());
    world.finish();
}

#[test]
fn row_62_a_pin_is_whole_when_nothing_more_is_dialled_and_begins_anew_with_a_star() {
    for keys in ["4711", "99*4711#", "*4711"] {
        let (mut world, parked) = parked();
        let caller = asked(&mut world, GATEWAY);
        world.press(caller, keys);
        world.run(secs(6));
        assert!(world.are_joined(parked, caller), "{keys}");
        world.finish();
    }
}

#[test]
fn row_62_after_three_wrong_pins_the_caller_is_refused_and_the_call_waits() {
    let (mut world, parked) = parked();
    let caller = asked(&mut world, GATEWAY);
    for (wrong, keys) in [(1, "4712#"), (2, "#")] {
        world.press(caller, keys);
        world.run(secs(1));
        assert_eq!(world.view(caller), View::Talking, "{keys}");
        let told = said(&world)
            .iter()
            .filter(|word| **word == "wrong-pin")
            .count();
        assert_eq!(told, wrong);
    }
    world.press(caller, "47111111111111111111#");
    world.run(secs(1));
    assert_eq!(ended(&world, caller), "SIP;cause=403;text=\"Wrong PIN\"");
    assert!(world.hears_music(parked));
    assert_eq!(world.status().parked, 1);
    world.finish();
}

#[test]
fn row_62_who_has_dialled_too_many_wrong_pins_is_not_asked_again_for_a_while() {
    let (mut world, parked) = parked();
    for _ in 0..3 {
        let caller = asked(&mut world, GATEWAY);
        for _ in 0..3 {
            world.press(caller, "0000#");
        }
        world.run(secs(1));
        assert!(world.call(caller).is_over());
    }
    let caller = world.dial_with(GATEWAY, "701", &[number()]);
    world.run(secs(1));
    let refused = matches!(
        world.view(caller),
        View::Ended(Ending::Refused { status: 403, .. })
    );
    assert!(refused, "{:?}", world.view(caller));
    let answer = world.call(caller).answer.as_ref().unwrap();
    assert!(answer.must("Reason").contains("Too many wrong PINs"));
    assert!(world.hears_music(parked));
    world.finish();
}

#[test]
fn who_dials_nothing_is_sent_away() {
    let (mut world, parked) = parked();
    let caller = asked(&mut world, GATEWAY);
    world.run(secs(31));
    assert_eq!(
        ended(&world, caller),
        "SIP;cause=408;text=\"No PIN was dialled\""
    );
    assert!(world.hears_music(parked));
    world.finish();
}

#[test]
fn a_call_that_is_gone_when_the_pin_is_dialled_is_not_mistaken_for_the_next_one() {
    let (mut world, parked) = parked();
    let caller = asked(&mut world, GATEWAY);
    world.press(caller, "471");
    world.hang_up(parked);
    world.run(secs(1));
    let next = world.dial_with(PARKEE, "701", &[referred()]);
    world.run(secs(1));
    world.press(caller, "1#");
    world.run(secs(1));
    assert!(ended(&world, caller).contains("cause=410"));
    assert!(world.hears_music(next));
    world.finish();
}

#[test]
fn another_who_needs_no_pin_may_be_faster() {
    let (mut world, parked) = parked();
    let caller = asked(&mut world, GATEWAY);
    world.press(caller, "471");
    let retriever = world.retrieve(COLLEAGUE, parked);
    assert!(world.are_joined(parked, retriever));
    world.press(caller, "1#");
    world.run(secs(1));
    assert!(world.call(caller).is_over());
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_recall_that_rings_is_over_when_the_pin_is_right() {
    let (mut world, parked) = parked();
    world.phones[COLLEAGUE].habits.ring = RingHabit::NobodyThere;
    world.run(secs(89));
    let caller = asked(&mut world, GATEWAY);
    world.run(secs(3));
    let recall = CallRef {
        phone: COLLEAGUE,
        call: 0,
    };
    assert_eq!(world.view(recall), View::Calling);
    world.press(caller, "4711#");
    world.run(secs(1));
    assert!(world.are_joined(parked, caller));
    assert!(world.call(recall).is_over());
    world.finish();
}

#[test]
fn a_caller_that_hangs_up_while_it_is_asked_leaves_nothing_behind() {
    let (mut world, parked) = parked();
    let caller = asked(&mut world, GATEWAY);
    world.press(caller, "47");
    world.hang_up(caller);
    world.run(secs(1));
    assert_eq!(world.status().legs, 1);
    assert!(world.hears_music(parked));
    world.finish();
}

#[test]
fn row_62_a_phone_without_telephone_event_dials_its_pin_by_info() {
    let relay = |key: char| format!("Signal={key}\r\nDuration=160\r\n");
    for kind in ["application/dtmf-relay", "application/dtmf"] {
        let (mut world, parked) = parked();
        world.phones[GATEWAY].habits.info = true;
        let caller = asked(&mut world, GATEWAY);
        for key in "0*4711#".chars() {
            let body = match kind {
                "application/dtmf" => key.to_string(),
                _ => relay(key),
            };
            let number = caller.call;
            world.with(GATEWAY, |phone, now| {
                phone.press_by_info(now, number, kind, &body)
            });
            world.run(ms(200));
        }
        world.run(secs(1));
        assert!(world.are_joined(parked, caller), "{kind}");
        let answers = &world.phones[GATEWAY].responses;
        assert!(answers.iter().all(|answer| answer.status() == Some(200)));
        assert_eq!(answers.len(), 7);
        world.finish();
    }
}

#[test]
fn a_key_that_comes_by_rtp_and_by_info_is_heard_once() {
    let (mut world, parked) = parked();
    let caller = asked(&mut world, GATEWAY);
    for key in "4711#".chars() {
        world.press(caller, &key.to_string());
        let body = format!("Signal={key}\r\n");
        let number = caller.call;
        world.with(GATEWAY, |phone, now| {
            phone.press_by_info(now, number, "application/dtmf-relay", &body)
        });
        world.run(ms(50));
    }
    world.run(secs(1));
    assert!(world.are_joined(parked, caller));
    world.finish();
}

#[test]
fn an_info_that_is_no_key_is_answered_with_what_would_be() {
    let (mut world, _) = parked();
    let caller = asked(&mut world, GATEWAY);
    for (kind, body) in [
        ("text/plain", "4"),
        ("application/dtmf", "44"),
        ("application/dtmf-relay", ""),
    ] {
        let number = caller.call;
        world.with(GATEWAY, |phone, now| {
            phone.press_by_info(now, number, kind, body)
        });
        world.run(ms(100));
    }
    let answers = &world.phones[GATEWAY].responses;
    let statuses: Vec<_> = answers.iter().filter_map(Wire::status).collect();
    assert_eq!(statuses, [415, 400, 200]);
    let known = "application/dtmf-relay, application/dtmf";
    assert_eq!(answers[0].header("Accept"), Some(known));
    world.hang_up(caller);
    world.finish();
}

const PARKEE: usize = 0;
const GATEWAY: usize = 1;
const COLLEAGUE: usize = 2;

/// One orbit, 701, with a call of the parkee's that the colleague has parked.
fn parked() -> (World, CallRef) {
    let text = "[[policy]]\nname = \"staff\"\npark = [\"internal\"]\nretrieve = [\"internal\"]\n\
                retrieve_with_pin = [\"pstn\"]\npin = \"4711\"";
    let policies = Config::parse(text, "site.toml", Path::new(""))
        .unwrap()
        .policies;
    let mut site = Site::default().orbits(701, 701);
    site.config.policies = policies;
    let mut world = World::new(site);
    for name in ["alice", "gateway", "carol"] {
        world.phone(name);
    }
    let parked = world.dial_with(PARKEE, "701", &[referred()]);
    world.run(secs(1));
    assert!(world.hears_music(parked));
    (world, parked)
}

fn referred() -> (&'static str, String) {
    ("Referred-By", "<sip:carol@198.51.100.3:5060>".to_owned())
}

fn number() -> (&'static str, String) {
    let number = "<sip:+33140000000@example.com>";
    ("P-Asserted-Identity", number.to_owned())
}

/// Dials the orbit as somebody of the telephone network, and is asked for the PIN.
fn asked(world: &mut World, phone: usize) -> CallRef {
    let call = world.dial_with(phone, "701", &[number()]);
    world.run(secs(1));
    assert_eq!(world.view(call), View::Talking, "it is answered");
    call
}

/// The words that were said, in their order.
fn said(world: &World) -> Vec<&'static str> {
    let said = world.workers.said.iter();
    let name = |prompt| Word::of_prompt(prompt).unwrap().name();
    said.map(|(_, prompt)| name(*prompt)).collect()
}

/// The Reason of the BYE that has ended a call.
fn ended(world: &World, call: CallRef) -> String {
    match world.view(call) {
        View::Ended(Ending::ByServer { reason }) => reason.unwrap_or_default(),
        view => panic!("{view:?}"),
    }
}
