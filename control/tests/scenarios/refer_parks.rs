//! Parking by REFER with Replaces (RFC 5359 §2.15): the server takes the parker's place at the
//! parkee, and the parker is told how it went. What fails leaves the call with the parker.

use crate::common::phone::call::{Ending, View};
use crate::common::phone::callee::RingHabit;
use crate::common::phone::elsewhere::{ReplacesHabit, refer_to, user_of};
use crate::common::site::Site;
use crate::common::wire::Wire;
use crate::common::world::{CallRef, World};
use crate::common::{checks, ms, secs};

/// A parker and a parkee who speak with each other.
struct Pair {
    world: World,
    parker: usize,
    parkee: usize,
    /// The parkee and that dialog.
    refer_to: String,
}

impl Pair {
    fn new(site: Site) -> Self {
        let mut world = World::new(site);
        let (parker, parkee) = (world.phone("parker"), world.phone("parkee"));
        let refer_to = world.call_elsewhere(parkee, parker);
        Self {
            world,
            parker,
            parkee,
            refer_to,
        }
    }

    fn refer(&mut self, user: &str) -> String {
        let refer_to = self.refer_to.clone();
        self.world
            .with(self.parker, |phone, now| phone.refer(now, user, &refer_to))
    }

    /// The last report on a REFER that was accepted.
    fn report(&self, refer: &str) -> Wire {
        let parker = &self.world.phones[self.parker];
        let answer = parker.answer_to_refer(refer).expect("an answer");
        assert_eq!(answer.status(), Some(202));
        let mut reports = parker.reports(refer);
        assert_eq!(reports[0].status(), Some(100));
        assert_eq!(reports.len(), 2, "one at first, one at last");
        reports.remove(1)
    }

    /// Nobody is parked, and the parker has its call.
    fn is_untouched(&self) {
        assert!(!self.world.phones[self.parkee].elsewhere[0].is_over);
        let status = self.world.status();
        assert_eq!((status.parked, status.calls, status.legs), (0, 0, 0));
    }
}

#[test]
fn row_27_a_refer_with_replaces_takes_the_parkers_place_with_music() {
    for user in ["park", "742", "*68", "*68742"] {
        let mut pair = Pair::new(Site::default());
        let refer = pair.refer(user);
        pair.world.run(secs(1));
        let parked = pair.world.last_call(pair.parkee);
        assert_eq!(pair.world.view(parked), View::Listening);
        assert!(pair.world.hears_music(parked));
        assert!(pair.world.phones[pair.parkee].elsewhere[0].is_over);
        let orbit = pair.world.orbit(parked).unwrap();
        assert!(!user.ends_with("742") || orbit == "742");
        let invite = pair.world.call(parked).invite.as_ref().unwrap();
        let parker = pair.world.phones[pair.parker].address;
        assert_eq!(
            invite.must("Referred-By"),
            format!("<sip:parker@{parker}>"),
            "who wants it"
        );
        assert_eq!(invite.must("Expires"), "12");
        let report = pair.report(&refer);
        assert_eq!(report.status(), Some(200));
        assert_eq!(user_of(report.must("Contact")), orbit);
        checks::agreement(&pair.world);
        pair.world.finish();
    }
}

#[test]
fn row_24_who_refers_is_told_the_orbit_and_a_uri_that_retrieves_this_call_alone() {
    let mut pair = Pair::new(Site::default().orbits(700, 700));
    let refer = pair.refer("park");
    pair.world.run(secs(1));
    let report = pair.report(&refer);
    let identity = report.must("P-Asserted-Identity");
    assert!(
        identity.starts_with("\"Orbit 700\" <sip:700@"),
        "{identity}"
    );
    let info = report.must("Call-Info").to_owned();
    let safe = info.strip_prefix("<sip:700@192.0.2.1:5060").unwrap();
    let safe = safe.strip_suffix(">;purpose=park").unwrap();
    let (parker, parked) = (pair.parker, pair.world.last_call(pair.parkee));
    let retriever = pair.world.dial(parker, &format!("700{safe}"));
    pair.world.run(secs(1));
    assert!(pair.world.are_joined(parked, retriever));
    pair.world.finish();
}

#[test]
fn row_27_the_time_of_a_call_begins_when_the_parkee_has_changed_over() {
    let mut pair = Pair::new(Site::default().pickup_timeout(secs(10)));
    pair.world.phones[pair.parkee].habits.replaces = ReplacesHabit::Accept(secs(5));
    pair.world.phones[pair.parker].habits.ring = RingHabit::NobodyThere;
    pair.refer("park");
    pair.world.run(secs(14));
    let parked = pair.world.last_call(pair.parkee);
    let status = pair.world.parked(parked).unwrap();
    assert!(!status.recalling);
    pair.world.run(secs(2));
    assert!(pair.world.parked(parked).unwrap().recalling);
    // Who has referred is called back.
    assert_eq!(pair.world.sent(pair.parker, "INVITE"), 1);
    pair.world.finish();
}

#[test]
fn row_28_a_parkee_that_refuses_replaces_stays_with_the_parker() {
    for (status, text) in [
        (420, "knows no Replaces"),
        (488, "refuses"),
        (603, "has ended"),
        (302, "refuses"),
    ] {
        let mut pair = Pair::new(Site::default());
        pair.world.phones[pair.parkee].habits.replaces = ReplacesHabit::Refuse(status);
        let refer = pair.refer("park");
        pair.world.run(secs(2));
        let report = pair.report(&refer);
        let expected = if status == 302 { 480 } else { status };
        assert_eq!(report.status(), Some(expected));
        told_why(&report, text, "35007");
        pair.is_untouched();
        pair.world.finish();
    }
}

#[test]
fn row_28_a_parkee_that_is_gone_frees_the_orbit_and_the_parker_hears_481() {
    let mut pair = Pair::new(Site::default());
    // The parkee, or the parker half-way, has hung up.
    pair.world.phones[pair.parkee].elsewhere[0].is_over = true;
    let refer = pair.refer("park");
    pair.world.run(secs(2));
    let report = pair.report(&refer);
    assert_eq!(report.status(), Some(481));
    told_why(&report, "has ended", "35007");
    assert_eq!(pair.world.status().parked, 0);
    pair.world.finish();
}

#[test]
fn row_28_a_parkee_that_does_not_answer_stays_with_the_parker() {
    for habit in [ReplacesHabit::Ignore, ReplacesHabit::Accept(secs(20))] {
        let mut pair = Pair::new(Site::default());
        pair.world.phones[pair.parkee].habits.replaces = habit;
        let refer = pair.refer("park");
        pair.world.run(secs(12));
        let report = pair.report(&refer);
        assert_eq!(report.status(), Some(408));
        told_why(&report, "did not answer", "35004");
        pair.world.run(secs(30));
        pair.is_untouched();
        pair.world.finish();
    }
}

#[test]
fn row_28_a_parker_that_hangs_up_half_way_is_told_and_its_orbit_freed() {
    let mut pair = Pair::new(Site::default());
    pair.world.phones[pair.parkee].habits.replaces = ReplacesHabit::Hesitate(secs(2));
    let refer = pair.refer("park");
    pair.world.run(secs(1));
    assert_eq!(pair.world.status().parked, 1, "on its way");
    pair.world.phones[pair.parkee].elsewhere[0].is_over = true;
    pair.world.run(secs(2));
    assert_eq!(pair.report(&refer).status(), Some(481));
    assert_eq!(pair.world.status().parked, 0);
    pair.world.finish();
}

/// It has left its parker with an answer that nobody can use: the parker is told that it is gone.
#[test]
fn row_28_a_parkee_whose_answer_cannot_be_used_frees_the_orbit() {
    let mut pair = Pair::new(Site::default());
    pair.world.phones[pair.parkee].habits.wrong_answers = 1;
    let refer = pair.refer("park");
    pair.world.run(secs(2));
    let report = pair.report(&refer);
    assert_eq!(report.status(), Some(480));
    assert_eq!(pair.world.status().parked, 0);
    pair.world.finish();
}

#[test]
fn row_38_the_way_of_a_call_that_is_parked_anew_goes_on_from_where_it_was() {
    let mut world = World::new(Site::default().pickup_timeout(secs(10)));
    let [alice, bob] = ["alice", "bob"].map(|name| world.phone(name));
    let at = vec![world.phones[bob].address.ip()];
    world.site.names.insert("example.com".to_owned(), at);
    world.phones[bob].habits.ring = RingHabit::NobodyThere;
    let history = "<sip:desk@example.com>;index=1".to_owned();
    let parked = world.dial_with(alice, "park", &[("History-Info", history.clone())]);
    world.run(secs(1));
    let talk = world.retrieve(bob, parked);
    world.with(bob, |phone, now| phone.refer_in(now, talk.call, "park"));
    world.run(secs(12));
    let recall = world.call(world.last_call(bob)).invite.as_ref().unwrap();
    assert_eq!(recall.headers("History-Info").next(), Some(&*history));
    world.finish();
}

/// Its answer crosses our giving up: it has nobody but us then, and its parker is told the orbit.
#[test]
fn row_28_a_parkee_that_has_changed_over_in_the_last_moment_is_parked() {
    let mut outcomes = [0; 2];
    for late_ms in 0..80 {
        let mut pair = Pair::new(Site::default());
        let after = secs(10) - ms(60) + ms(late_ms);
        pair.world.phones[pair.parkee].habits.replaces = ReplacesHabit::Accept(after);
        let refer = pair.refer("park");
        pair.world.run(secs(12));
        let is_taken_over = pair.world.phones[pair.parkee].elsewhere[0].is_over;
        let status = if is_taken_over { 200 } else { 408 };
        assert_eq!(pair.report(&refer).status(), Some(status), "{late_ms} ms");
        assert_eq!(pair.world.status().parked, usize::from(is_taken_over));
        if is_taken_over {
            assert!(pair.world.hears_music(pair.world.last_call(pair.parkee)));
        }
        outcomes[usize::from(is_taken_over)] += 1;
        pair.world.finish();
    }
    assert!(outcomes.iter().all(|times| *times > 0), "{outcomes:?}");
}

#[test]
fn row_26_a_refer_without_a_free_orbit_is_refused_and_nobody_is_called() {
    let mut pair = Pair::new(Site::default().orbits(700, 700));
    let other = pair.world.phone("other");
    let parked = pair.world.park(other);
    for user in ["park", "700"] {
        let refer = pair.refer(user);
        pair.world.run(secs(1));
        let (text, number) = match user {
            "park" => ("No free orbit", "35002"),
            _ => ("Orbit is taken", "35009"),
        };
        refused(&pair, &refer, 486, text, number);
    }
    assert_eq!(pair.world.sent(pair.parkee, "INVITE"), 0);
    assert!(pair.world.hears_music(parked));
    pair.world.finish();
}

#[test]
fn row_22_a_call_is_not_parked_twice() {
    let mut pair = Pair::new(Site::default());
    pair.world.phones[pair.parkee].habits.replaces = ReplacesHabit::Accept(secs(1));
    let first = pair.refer("park");
    let second = pair.refer("park");
    pair.world.run(secs(2));
    refused(&pair, &second, 486, "parked already", "35006");
    assert_eq!(pair.report(&first).status(), Some(200));
    // By the dialog that we have with the parkee now, as a watcher names it.
    let parked = pair.world.last_call(pair.parkee);
    pair.refer_to = named(&pair.world, parked);
    let third = pair.refer("park");
    pair.world.run(secs(1));
    refused(&pair, &third, 486, "parked already", "35006");
    assert!(pair.world.hears_music(parked));
    pair.world.finish();
}

#[test]
fn row_22_what_is_no_call_of_two_is_refused_by_name() {
    let mut pair = Pair::new(Site::default());
    let address = pair.world.phones[pair.parkee].address;
    for (refer_to, status, text) in [
        (format!("<sip:phone@{address}>"), 403, "no call to park"),
        (
            format!("<sip:phone@{address}?Replaces=x>"),
            400,
            "Replaces in Refer-To",
        ),
        ("<tel:+331>".to_owned(), 400, "no sip: URI"),
        (
            format!("<sip:phone@{address};method=MESSAGE>"),
            400,
            "no sip: URI",
        ),
        ("nonsense".to_owned(), 400, "Refer-To"),
    ] {
        pair.refer_to = refer_to;
        let refer = pair.refer("park");
        pair.world.run(secs(1));
        refused(&pair, &refer, status, text, "350");
    }
    pair.is_untouched();
    pair.world.finish();
}

#[test]
fn a_refer_to_a_host_that_is_not_allowed_calls_nobody() {
    let mut pair = Pair::new(Site::default());
    let (_, name) = pair.refer_to.split_once('?').unwrap();
    let name = name.to_owned();
    for host in [
        "203.0.113.9",
        "elsewhere.test",
        "198.51.100.2;maddr=203.0.113.9",
    ] {
        pair.refer_to = format!("<sip:phone@{host}?{name}");
        let refer = pair.refer("park");
        pair.world.run(secs(1));
        refused(&pair, &refer, 403, "host that is not allowed", "35009");
    }
    pair.is_untouched();
    pair.world.finish();
}

#[test]
fn a_refer_to_what_is_no_orbit_parks_nothing() {
    let mut pair = Pair::new(Site::default());
    for user in ["999", "*88700", "*88", "nobody"] {
        let refer = pair.refer(user);
        pair.world.run(secs(1));
        refused(&pair, &refer, 404, "No such number", "35000");
    }
    pair.is_untouched();
    pair.world.finish();
}

#[test]
fn a_call_that_was_retrieved_is_parked_again_by_refer_within_it() {
    for user in ["park", "742", "*68742"] {
        let mut world = World::new(Site::default());
        let (alice, bob, carol) = (
            world.phone("alice"),
            world.phone("bob"),
            world.phone("carol"),
        );
        let parked = world.park(alice);
        let retriever = world.retrieve(bob, parked);
        let refer = world.with(bob, |phone, now| phone.refer_in(now, retriever.call, user));
        world.run(secs(1));
        parked_again(&world, bob, &refer, parked, retriever);
        let third = world.retrieve(carol, parked);
        assert!(world.are_joined(parked, third));
        checks::agreement(&world);
        world.finish();
    }
}

#[test]
fn either_side_of_a_retrieved_call_parks_the_other() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    let refer = world.with(alice, |phone, now| phone.refer_in(now, parked.call, "park"));
    world.run(secs(1));
    parked_again(&world, alice, &refer, retriever, parked);
    checks::agreement(&world);
    world.finish();
}

#[test]
fn a_retrieved_call_is_parked_again_by_refer_outside_of_it() {
    let mut world = World::new(Site::default());
    let (alice, bob) = (world.phone("alice"), world.phone("bob"));
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    let call = world.call(retriever);
    let ours = call.remote_tag.as_deref().unwrap();
    let replaces = format!("{};to-tag={ours};from-tag={}", call.call_id, call.local_tag);
    let refer_to = refer_to("sip:x@192.0.2.1:5060", &replaces);
    let refer = world.with(bob, |phone, now| phone.refer(now, "park", &refer_to));
    world.run(secs(1));
    parked_again(&world, bob, &refer, parked, retriever);
    world.finish();
}

#[test]
fn a_refer_within_a_call_leads_to_orbits_only_and_leaves_the_call() {
    let mut world = World::new(Site::default().orbits(700, 701));
    let (alice, bob, carol) = (
        world.phone("alice"),
        world.phone("bob"),
        world.phone("carol"),
    );
    let parked = world.park(alice);
    let retriever = world.retrieve(bob, parked);
    let other = world.park(carol);
    let taken = world.orbit(other).unwrap();
    for (user, status) in [("nobody", 404), (&*taken, 486)] {
        let refer = world.with(bob, |phone, now| phone.refer_in(now, retriever.call, user));
        world.run(secs(1));
        let mut answers = world.phones[bob].responses.iter();
        let last = answers.rfind(|answer| answer.must("Call-ID") == refer);
        assert_eq!(last.unwrap().status(), Some(status), "{user}");
        assert!(world.are_joined(parked, retriever));
    }
    // Who waits is in no call of two.
    let refer = world.with(carol, |phone, now| phone.refer_in(now, other.call, "park"));
    world.run(secs(1));
    let answer = world.phones[carol].answer_to_refer(&refer).unwrap();
    assert_eq!(answer.status(), Some(403));
    assert!(world.hears_music(other));
    world.finish();
}

#[test]
fn a_server_that_ends_tells_who_has_referred() {
    let mut pair = Pair::new(Site::default());
    pair.world.phones[pair.parkee].habits.replaces = ReplacesHabit::Accept(secs(5));
    let refer = pair.refer("park");
    pair.world.run(secs(1));
    pair.world.stop();
    pair.world.run(secs(1));
    assert_eq!(pair.report(&refer).status(), Some(503));
    assert!(!pair.world.phones[pair.parkee].elsewhere[0].is_over);
}

fn parked_again(world: &World, parker: usize, refer: &str, parked: CallRef, left: CallRef) {
    assert!(world.hears_music(parked));
    assert_eq!(world.view(parked), View::Listening);
    let orbit = world.orbit(parked).expect("parked");
    let reports = world.phones[parker].reports(refer);
    let last = reports.last().expect("a report");
    assert_eq!(last.status(), Some(200));
    assert_eq!(user_of(last.must("Contact")), orbit);
    assert!(matches!(
        world.view(left),
        View::Ended(Ending::ByServer { .. })
    ));
}

/// Why something failed, for a person and for a machine.
fn told_why(message: &Wire, text: &str, number: &str) {
    let reason = message.must("Reason");
    assert!(reason.contains(text), "{reason}");
    let diagnostics = message.must("ms-diagnostics");
    assert!(diagnostics.starts_with(number), "{diagnostics}");
}

fn refused(pair: &Pair, refer: &str, status: u16, text: &str, number: &str) {
    let parker = &pair.world.phones[pair.parker];
    let answer = parker.answer_to_refer(refer).expect("an answer");
    assert_eq!(answer.status(), Some(status), "{text}");
    told_why(answer, text, number);
    assert!(parker.reports(refer).is_empty());
}

/// The parkee's dialog with us, as it is named to the parkee.
fn named(world: &World, parked: CallRef) -> String {
    let call = world.call(parked);
    let ours = call.remote_tag.as_deref().unwrap();
    let replaces = format!("{};to-tag={};from-tag={ours}", call.call_id, call.local_tag);
    let uri = format!("sip:phone@{}", world.phones[parked.phone].address);
    refer_to(&uri, &replaces)
}
