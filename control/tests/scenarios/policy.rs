//! Who may park and who may retrieve; who may not is told by which policy, and nobody loses a call.

use control::config::{Kind, Policy, Scope};

use crate::common::phone::call::{Ending, View};
use crate::common::site::Site;
use crate::common::wire::Wire;
use crate::common::world::{CallRef, World};
use crate::common::{checks, secs};

const PARK_REQUEST: &str = "<park-request xmlns=\"urn:x\" version=\"1.0\" request-id=\"r-7\"/>";

#[test]
fn row_21_who_may_not_park_is_told_by_which_policy() {
    let mut world = World::new(with(&[policy("staff", &[], &[Kind::Internal])]));
    let alice = world.phone("alice");
    let call = world.dial(alice, "park");
    world.run(secs(1));
    let text = "Policy staff does not let internal callers park";
    assert_eq!(refusal(&world, call), (403, text.to_owned()));
    let answer = world.call(call).answer.as_ref().unwrap();
    assert_eq!(answer.must("Warning"), format!("399 192.0.2.1 \"{text}\""));
    assert_eq!(world.status().parked, 0);
    world.finish();
}

#[test]
fn row_21_whether_a_transferred_call_may_be_parked_is_a_matter_of_who_transferred_it() {
    let desk = Policy {
        scope: Scope::Users(vec!["desk@example.com".parse().unwrap()]),
        ..policy("desk", &[Kind::Internal], &[])
    };
    let mut world = World::new(with(&[desk]));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    for dialled in ["park", "701", "*68702"] {
        let by = |who: &str| [("Referred-By", format!("<sip:{who}@example.com>"))];
        let parked = world.dial_with(alice, dialled, &by("desk"));
        let refused = world.dial_with(bob, dialled, &by("eve"));
        world.run(secs(1));
        assert!(world.orbit(parked).is_some(), "{dialled}");
        let (status, text) = refusal(&world, refused);
        let expected = match dialled {
            "park" => (403, "No policy lets this internal caller park"),
            _ => (486, "Orbit is taken"),
        };
        assert_eq!((status, &*text), expected, "{dialled}");
    }
    world.finish();
}

/// Alice parks; whoever else only retrieves.
#[test]
fn row_21_who_may_not_park_may_not_in_any_words() {
    let text = "Policy others does not let internal callers park";
    let told = |answer: &Wire| {
        assert_eq!(answer.status(), Some(403));
        let reason = answer.must("Reason");
        assert_eq!(reason, format!("SIP;cause=403;text=\"{text}\""));
    };
    let mut world = World::new(alice_alone());
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.phone(name));
    let refer_to = world.call_elsewhere(carol, bob);
    let refer = world.with(bob, |phone, now| phone.refer(now, "park", &refer_to));
    let control = world.with(bob, |phone, now| {
        phone.ask_to_park(now, "park", &refer_to, PARK_REQUEST)
    });
    world.run(secs(1));
    told(world.phones[bob].answer_to_refer(&refer).unwrap());
    told(world.phones[bob].calls[control].answer.as_ref().unwrap());
    assert_eq!(world.sent(carol, "INVITE"), 0);
    let parked = world.park(alice);
    let talk = world.retrieve(bob, parked);
    let refer = world.with(bob, |phone, now| phone.refer_in(now, talk.call, "park"));
    world.run(secs(1));
    told(world.phones[bob].answer_to_refer(&refer).unwrap());
    assert!(world.are_joined(parked, talk));
    world.with(alice, |phone, now| phone.refer_in(now, parked.call, "park"));
    world.run(secs(1));
    assert!(world.orbit(talk).is_some(), "alice may");
    world.finish();
}

/// What has changed since its parker has parked holds for who takes its place.
#[test]
fn row_21_who_may_park_no_more_does_not_complete_a_transfer() {
    let mut world = World::new(alice_alone());
    let [alice, bob] = ["alice", "bob"].map(|name| world.phone(name));
    let own = world.park(alice);
    let replaces = replaces(&world, own);
    let mut config = world.site.config.clone();
    config.policies = vec![policy("others", &[], &[Kind::Internal])];
    world.configure(&config).unwrap();
    let call = world.dial_with(bob, "park", &[("Replaces", replaces)]);
    world.run(secs(1));
    assert_eq!(refusal(&world, call).0, 403);
    assert!(world.hears_music(own));
    world.finish();
}

#[test]
fn row_62_a_refer_parks_where_who_has_sent_it_may() {
    for seed in 0..6 {
        let mut world = World::new(range_of_sales().seed(seed));
        let [bob, carol] = ["bob", "carol"].map(|name| world.phone(name));
        let refer_to = world.call_elsewhere(carol, bob);
        world.with(bob, |phone, now| phone.refer(now, "park", &refer_to));
        world.run(secs(1));
        let parked = world.last_call(carol);
        assert_eq!(world.orbit(parked).as_deref(), Some("800"), "not in 700");
        world.finish();
    }
}

#[test]
fn row_34_a_federated_caller_does_not_retrieve() {
    let staff = policy("staff", &[Kind::Internal], &[Kind::Internal]);
    let mut world = World::new(with(&[staff]));
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    let asserted = |uri: &str| [("P-Asserted-Identity", format!("<{uri}>"))];
    let refused = world.dial_with(bob, &orbit, &asserted("sip:eve@partner.example"));
    world.run(secs(1));
    let text = "Policy staff does not let federated callers retrieve";
    assert_eq!(refusal(&world, refused), (403, text.to_owned()));
    let answer = world.call(refused).answer.as_ref().unwrap();
    assert!(answer.must("ms-diagnostics").starts_with("35003;"));
    assert_eq!(world.orbit(parked).as_deref(), Some(&*orbit));
    assert!(world.hears_music(parked));
    let retriever = world.retrieve(bob, parked);
    assert!(world.are_joined(parked, retriever));
    checks::agreement(&world);
    world.finish();
}

#[test]
fn row_35_a_caller_of_the_telephone_network_does_not_retrieve() {
    let staff = policy("staff", &[Kind::Internal], &[Kind::Internal]);
    let mut site = with(&[staff]);
    site.config.party.pstn_networks = vec!["198.51.100.2/32".parse().unwrap()];
    let mut world = World::new(site);
    let (alice, gateway, carol) = (
        world.phone("alice"),
        world.phone("gateway"),
        world.phone("carol"),
    );
    let parked = world.park(alice);
    let orbit = world.orbit(parked).unwrap();
    let by_gateway = world.dial(gateway, &orbit);
    let number = [(
        "P-Asserted-Identity",
        "<sip:+33140000000@example.com>".to_owned(),
    )];
    let by_number = world.dial_with(carol, &orbit, &number);
    world.run(secs(1));
    for call in [by_gateway, by_number] {
        let text = "Policy staff does not let telephone network callers retrieve";
        assert_eq!(refusal(&world, call), (403, text.to_owned()));
    }
    assert!(world.hears_music(parked));
    world.finish();
}

#[test]
fn row_62_a_range_of_a_policy_is_for_its_parties_only() {
    let mut world = World::new(range_of_sales());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let by_bob = world.park(bob);
    assert_eq!(world.orbit(by_bob).as_deref(), Some("800"), "not in 700");
    let by_alice = world.park(alice);
    assert_eq!(world.orbit(by_alice).as_deref(), Some("700"));
    let refused = world.dial(bob, "700");
    world.run(secs(1));
    let text = "Policy others does not let its callers retrieve in this range";
    assert_eq!(refusal(&world, refused), (403, text.to_owned()));
    let full = world.dial(bob, "park");
    world.run(secs(1));
    assert_eq!(refusal(&world, full), (486, "No free orbit".to_owned()));
    world.finish();
}

#[test]
fn an_attended_transfer_parks_where_its_transferor_may_and_nowhere_else() {
    let mut world = World::new(range_of_sales());
    let [carol, bob] = ["carol", "bob"].map(|name| world.phone(name));
    let by_bob = world.park(bob);
    assert_eq!(world.orbit(by_bob).as_deref(), Some("800"));
    let replaces = replaces(&world, by_bob);
    let transferred = [("Replaces", replaces)];
    let refused = world.dial_with(carol, "700", &transferred);
    world.run(secs(1));
    assert_eq!(refusal(&world, refused).0, 403);
    assert_eq!(world.orbit(by_bob).as_deref(), Some("800"), "as before");
    let parked = world.dial_with(carol, "800", &transferred);
    world.run(secs(1));
    assert_eq!(world.orbit(parked).as_deref(), Some("800"));
    assert!(world.call(by_bob).is_over());
    world.finish();
}

#[test]
fn a_change_of_the_policies_holds_for_the_next_caller() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let mut config = world.site.config.clone();
    config.policies = vec![policy("staff", &[], &[])];
    world.configure(&config).unwrap();
    assert!(world.hears_music(parked));
    let orbit = world.orbit(parked).unwrap();
    let refused = world.dial(bob, &orbit);
    world.run(secs(1));
    assert_eq!(refusal(&world, refused).0, 403);
    world.finish();
}

/// 700 is for alice alone, 800 is everybody's.
fn range_of_sales() -> Site {
    let sales = Policy {
        scope: Scope::Users(vec!["alice@example.com".parse().unwrap()]),
        ..policy("sales", &[Kind::Internal], &[Kind::Internal])
    };
    let others = policy("others", &[Kind::Internal], &[Kind::Internal]);
    let mut site = with(&[sales, others]).orbits(700, 700);
    let mut of_all = site.config.orbit_ranges[0].clone();
    of_all.name = "of-all".to_owned();
    (of_all.start, of_all.end) = (800, 800);
    site.config.orbit_ranges[0].policy = Some("sales".to_owned());
    site.config.orbit_ranges.push(of_all);
    site
}

/// Alice parks and retrieves, all others retrieve.
fn alice_alone() -> Site {
    let alice = Policy {
        scope: Scope::Users(vec!["alice@example.com".parse().unwrap()]),
        ..policy("alice", &[Kind::Internal], &[Kind::Internal])
    };
    with(&[alice, policy("others", &[], &[Kind::Internal])])
}

/// As a third party names a call of ours.
fn replaces(world: &World, call: CallRef) -> String {
    let call = world.call(call);
    let (to, from) = (call.remote_tag.as_deref().unwrap(), &call.local_tag);
    format!("{};to-tag={to};from-tag={from}", call.call_id)
}

fn with(policies: &[Policy]) -> Site {
    let mut site = Site::default();
    site.config.policies = policies.to_vec();
    site
}

fn policy(name: &str, park: &[Kind], retrieve: &[Kind]) -> Policy {
    Policy {
        name: name.to_owned(),
        scope: Scope::Global,
        park: park.to_vec(),
        retrieve: retrieve.to_vec(),
        retrieve_with_pin: Vec::new(),
        pin: None,
    }
}

/// The status of a refused call, and the text of its Reason.
fn refusal(world: &World, call: CallRef) -> (u16, String) {
    let View::Ended(Ending::Refused { status, reason }) = world.view(call) else {
        panic!("{:?}", world.view(call));
    };
    let reason = reason.unwrap_or_default();
    let text = reason.split('"').nth(1).unwrap_or_default();
    (status, text.to_owned())
}
