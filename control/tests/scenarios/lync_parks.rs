//! Parking in the words of Lync (MS-SIPAPP): an INVITE with a park-request, a park-response, INFO
//! with an unpark-notification. What fails leaves the call with the parker, with a number.

use roxmltree::Document;

use crate::common::phone::call::{Ending, View};
use crate::common::phone::callee::RingHabit;
use crate::common::phone::elsewhere::{ReplacesHabit, refer_to};
use crate::common::site::Site;
use crate::common::world::{CallRef, World};
use crate::common::{ms, secs};

const REQUEST: &str = "<park-request xmlns=\"urn:x\" version=\"1.0\" request-id=\"r-7\"/>";

struct Pair {
    world: World,
    parker: usize,
    parkee: usize,
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

    fn ask(&mut self, body: &str) -> CallRef {
        let refer_to = self.refer_to.clone();
        let act = |phone: &mut crate::common::phone::Phone, now| {
            phone.ask_to_park(now, "park", &refer_to, body)
        };
        let call = self.world.with(self.parker, act);
        let phone = self.parker;
        CallRef { phone, call }
    }

    /// Parked: the control call, the parkee's call, the orbit, what names the call.
    fn parked(&mut self) -> (CallRef, CallRef, String, String) {
        let control = self.ask(REQUEST);
        self.world.run(secs(1));
        let parked = self.world.last_call(self.parkee);
        assert!(self.world.hears_music(parked));
        let answer = self.world.call(control).answer.as_ref().expect("an answer");
        assert!(answer.must("Contact").ends_with(";isCps"));
        assert_eq!(answer.must("Content-Type"), "application/ms-call-park+xml");
        let document = Document::parse(&answer.body).unwrap();
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "park-response");
        assert_eq!(root.tag_name().namespace(), Some("urn:x"));
        assert_eq!(root.attribute("request-id"), Some("r-7"));
        assert_eq!(root.attribute("version"), Some("1.0"));
        let child = |name: &str| {
            let found = root.children().find(|node| node.tag_name().name() == name);
            found.unwrap().text().unwrap().to_owned()
        };
        (control, parked, child("orbit"), child("ms-parked-call"))
    }

    /// The one INFO: what became of the call, and who has it. The dialog has ended with it.
    fn told(&self, control: CallRef) -> (String, Option<String>) {
        let [info] = &self.world.phones[self.parker].infos[..] else {
            panic!("not one INFO");
        };
        assert_eq!(info.must("Content-Type"), "application/ms-call-park+xml");
        let document = Document::parse(&info.body).unwrap();
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "unpark-notification");
        assert_eq!(root.attribute("request-id"), Some("r-7"));
        assert!(matches!(
            self.world.view(control),
            View::Ended(Ending::ByServer { .. })
        ));
        let target = root.attribute("target").map(str::to_owned);
        (root.attribute("reason").unwrap().to_owned(), target)
    }

    fn refused(&self, control: CallRef, status: u16, number: &str) {
        let View::Ended(Ending::Refused {
            status: got,
            reason: Some(_),
        }) = self.world.view(control)
        else {
            panic!("{:?}", self.world.view(control));
        };
        assert_eq!(got, status);
        let answer = self.world.call(control).answer.as_ref().unwrap();
        let diagnostics = answer.must("ms-diagnostics");
        assert!(diagnostics.starts_with(number), "{diagnostics}");
    }
}

#[test]
fn row_27_a_park_request_parks_the_parkee_and_answers_with_the_orbit() {
    let mut pair = Pair::new(Site::default());
    let (_, parked, orbit, _) = pair.parked();
    assert_eq!(pair.world.orbit(parked), Some(orbit));
    pair.world.finish();
}

#[test]
fn row_31_what_names_the_parked_call_retrieves_it_and_no_other() {
    let mut pair = Pair::new(Site::default());
    let (control, parked, orbit, name) = pair.parked();
    let retriever = pair
        .world
        .dial(pair.parker, &format!("{orbit};park-token={name}"));
    pair.world.run(secs(1));
    assert!(pair.world.are_joined(parked, retriever));
    let (reason, target) = pair.told(control);
    assert_eq!(reason, "retrieved");
    assert_eq!(target.as_deref(), Some("sip:parker@example.com"));
    pair.world.finish();
}

#[test]
fn row_37_a_parker_is_told_that_its_parkee_has_hung_up() {
    let mut pair = Pair::new(Site::default());
    let (control, parked, ..) = pair.parked();
    pair.world.hang_up(parked);
    pair.world.run(secs(1));
    assert_eq!(pair.told(control), ("hang-up".to_owned(), None));
    assert_eq!(pair.world.status().parked, 0);
    pair.world.finish();
}

#[test]
fn row_36_a_parker_is_told_that_its_call_was_dropped() {
    let mut pair = Pair::new(Site::default().pickup_timeout(secs(10)));
    let (control, ..) = pair.parked();
    // The parker's own phone refuses the recall.
    pair.world.run(secs(15));
    assert_eq!(pair.told(control), ("drop".to_owned(), None));
    pair.world.finish();
}

/// The parker's own phone answers the recall, or the fallback's.
#[test]
fn row_36_a_parker_is_told_who_was_called_back_and_has_the_call() {
    for (is_parkers, reason) in [(true, "ringback"), (false, "fallback")] {
        let mut site = Site::default().pickup_timeout(secs(10));
        site.config.park.on_timeout_uri = Some("sip:desk@198.51.100.3:5060".to_owned());
        let mut pair = Pair::new(site);
        let desk = pair.world.phone("desk");
        let at = vec!["198.51.100.1".parse().unwrap()];
        pair.world.site.names.insert("example.com".to_owned(), at);
        let answers = if is_parkers { pair.parker } else { desk };
        pair.world.phones[answers].habits.ring = RingHabit::Answer(secs(1));
        let (control, ..) = pair.parked();
        pair.world.run(secs(15));
        let (told, target) = pair.told(control);
        assert_eq!(told, reason);
        assert!(target.is_some());
        let bye = pair.world.call(control).bye.as_ref().unwrap();
        let diagnostics = bye.must("ms-diagnostics");
        assert!(diagnostics.starts_with("35014;"), "{diagnostics}");
        pair.world.finish();
    }
}

#[test]
fn a_parker_that_leaves_its_control_call_leaves_the_parked_call() {
    let mut pair = Pair::new(Site::default());
    let (control, parked, ..) = pair.parked();
    pair.world.hang_up(control);
    pair.world.run(secs(1));
    assert!(pair.world.hears_music(parked));
    pair.world.hang_up(parked);
    pair.world.run(secs(1));
    assert!(pair.world.phones[pair.parker].infos.is_empty());
    pair.world.finish();
}

#[test]
fn row_28_a_park_request_that_fails_leaves_the_call_with_the_parker_and_says_why() {
    for (habit, status, number) in [
        (ReplacesHabit::Refuse(420), 420, "35007"),
        (ReplacesHabit::Refuse(603), 603, "35007"),
        (ReplacesHabit::Ignore, 408, "35004"),
    ] {
        let mut pair = Pair::new(Site::default());
        pair.world.phones[pair.parkee].habits.replaces = habit;
        let control = pair.ask(REQUEST);
        pair.world.run(secs(12));
        pair.refused(control, status, number);
        pair.world.run(secs(32));
        assert_eq!(pair.world.status().parked, 0);
        assert!(!pair.world.phones[pair.parkee].elsewhere[0].is_over);
        pair.world.finish();
    }
}

#[test]
fn row_28_a_park_request_is_refused_by_name() {
    let elsewhere = "<sip:a@203.0.113.1?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>";
    for (body, refer_to, status, number) in [
        (
            "<park-request version=\"2.0\" request-id=\"1\"/>",
            None,
            400,
            "35008",
        ),
        ("<park-request version=\"1.0\"/>", None, 400, "35009"),
        ("not xml", None, 400, "35009"),
        ("<x/>", None, 400, "35009"),
        (REQUEST, Some("<sip:phone@198.51.100.2>"), 403, "35016"),
        (REQUEST, Some(elsewhere), 403, "35009"),
    ] {
        let mut pair = Pair::new(Site::default());
        if let Some(refer_to) = refer_to {
            refer_to.clone_into(&mut pair.refer_to);
        }
        let control = pair.ask(body);
        pair.world.run(secs(1));
        pair.refused(control, status, number);
        assert_eq!(pair.world.status().parked, 0);
        pair.world.finish();
    }
}

#[test]
fn row_22_a_call_is_not_parked_twice_by_park_request() {
    let mut pair = Pair::new(Site::default());
    pair.world.phones[pair.parkee].habits.replaces = ReplacesHabit::Accept(secs(1));
    let first = pair.ask(REQUEST);
    let second = pair.ask(REQUEST);
    pair.world.run(secs(2));
    pair.refused(second, 486, "35006");
    assert_eq!(pair.world.view(first), View::Silent);
    let parked = pair.world.last_call(pair.parkee);
    let call = pair.world.call(parked);
    let ours = call.remote_tag.as_deref().unwrap();
    let replaces = format!("{};to-tag={};from-tag={ours}", call.call_id, call.local_tag);
    let uri = format!("sip:phone@{}", pair.world.phones[pair.parkee].address);
    pair.refer_to = refer_to(&uri, &replaces);
    let third = pair.ask(REQUEST);
    pair.world.run(secs(1));
    pair.refused(third, 486, "35006");
    assert!(pair.world.hears_music(parked));
    pair.world.finish();
}

#[test]
fn row_28_a_parkee_that_is_gone_frees_the_orbit_and_the_parker_is_told() {
    let mut pair = Pair::new(Site::default());
    pair.world.phones[pair.parkee].elsewhere[0].is_over = true;
    let control = pair.ask(REQUEST);
    pair.world.run(secs(2));
    pair.refused(control, 481, "35007");
    assert_eq!(pair.world.status().parked, 0);
    pair.world.finish();
}

/// The parker gives up just when the parkee changes over: it has nobody but us then.
#[test]
fn row_28_a_parkee_that_has_changed_over_when_its_parker_gave_up_is_parked() {
    let mut outcomes = [0; 2];
    for early_ms in 0..60 {
        let mut pair = Pair::new(Site::default());
        pair.world.phones[pair.parkee].habits.replaces = ReplacesHabit::Accept(secs(1));
        let control = pair.ask(REQUEST);
        pair.world.run(secs(1) + ms(30) - ms(early_ms));
        pair.world.hang_up(control);
        pair.world.run(secs(3));
        let is_taken_over = pair.world.phones[pair.parkee].elsewhere[0].is_over;
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
fn row_26_a_park_request_without_a_free_orbit_is_refused() {
    let mut pair = Pair::new(Site::default().orbits(700, 700));
    let other = pair.world.phone("other");
    let parked = pair.world.park(other);
    let control = pair.ask(REQUEST);
    pair.world.run(secs(1));
    pair.world.hang_up(parked);
    pair.world.run(secs(1));
    pair.refused(control, 486, "35002");
    assert_eq!(pair.world.status().parked, 0);
    pair.world.finish();
}

#[test]
fn row_28_a_parker_that_gives_up_half_way_has_its_call_still() {
    let mut pair = Pair::new(Site::default());
    pair.world.phones[pair.parkee].habits.replaces = ReplacesHabit::Accept(secs(5));
    let control = pair.ask(REQUEST);
    pair.world.run(secs(1));
    pair.world.hang_up(control);
    pair.world.run(secs(10));
    assert!(!pair.world.phones[pair.parkee].elsewhere[0].is_over);
    let status = pair.world.status();
    assert_eq!((status.parked, status.calls, status.legs), (0, 0, 0));
    pair.world.finish();
}

#[test]
fn a_server_that_ends_tells_and_leaves_the_parker() {
    let mut pair = Pair::new(Site::default());
    let (control, ..) = pair.parked();
    pair.world.stop();
    pair.world.run(secs(2));
    assert!(pair.world.is_stopped);
    assert_eq!(pair.told(control).0, "drop");
}
