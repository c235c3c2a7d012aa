//! A phone's lamps: SUBSCRIBE to orbits, NOTIFY, and what the phone believes of them (RFC 6665
//! §4.1, RFC 4235 §4.3, RFC 4662 §5, RFC 3863). It stops the test where versions have gaps, where a
//! document is no XML, and where something is early after it has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use roxmltree::{Document, Node};
use shared::Time;

use super::super::wire::{self, Wire};
use super::Phone;

/// One subscription.
#[derive(Debug)]
pub(crate) struct Watching {
    user: String,
    /// Additional header fields of each SUBSCRIBE.
    extra: Vec<(String, String)>,
    expires: Duration,
    call_id: String,
    local_tag: String,
    remote_tag: Option<String>,
    remote_target: String,
    cseq: u32,
    remote_cseq: Option<u32>,
    refresh_at: Option<Time>,
    /// The next version that may come.
    next_version: u64,
    /// How often the server has died and another has not been heard of: it may go on with a higher
    /// version, and begins with everything. What its predecessor said last may come before that.
    jumps: u32,
    /// It has died, and its store was behind: the next may begin where an earlier one began.
    server_has_forgotten: bool,
    /// By dialog: what is known of it.
    pub(crate) lamps: BTreeMap<String, Lamp>,
    ended: BTreeSet<String>,
    /// Every NOTIFY that was taken.
    pub(crate) notices: Vec<Wire>,
    /// The last Subscription-State, or what refused it.
    pub(crate) state: String,
    pub(crate) is_over: bool,
}

/// What is known of one dialog of an orbit.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Lamp {
    pub(crate) state: String,
    pub(crate) orbit: String,
    pub(crate) remote: String,
    pub(crate) referred_by: Option<String>,
    pub(crate) call_id: Option<String>,
    pub(crate) status: Option<String>,
    /// Why it ended, and who has it now.
    pub(crate) end: Option<(String, String)>,
}

impl Watching {
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.refresh_at.filter(|_| !self.is_over)
    }

    /// The orbits that a call waits in, as far as the phone knows.
    pub(crate) fn lit(&self) -> BTreeSet<String> {
        let lit = self.lamps.values().filter(|lamp| lamp.state == "confirmed");
        lit.map(|lamp| lamp.orbit.clone()).collect()
    }

    /// Whether it has been granted, has heard something, and lasts.
    pub(crate) fn is_live(&self) -> bool {
        !self.is_over && self.refresh_at.is_some() && !self.notices.is_empty()
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    pub(crate) fn is_of_one_orbit(&self) -> bool {
        self.user.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// The number of the last NOTIFY: it grows also where the same is said again.
    pub(crate) fn last_number(&self) -> Option<u32> {
        self.remote_cseq
    }

    /// The last body.
    pub(crate) fn body(&self) -> &str {
        &self.notices.last().expect("a NOTIFY came").body
    }

    /// The one dialog that is known.
    ///
    /// # Panics
    /// When there are none or several.
    pub(crate) fn lamp(&self) -> &Lamp {
        assert_eq!(self.lamps.len(), 1, "{:?}", self.lamps);
        self.lamps.values().next().expect("one")
    }

    fn take(&mut self, notify: &Wire) {
        let kind = notify.header("Content-Type").unwrap_or_default();
        if kind.starts_with("application/dialog-info+xml") {
            self.take_document(&notify.body, true);
        } else if kind.starts_with("multipart/related") {
            self.take_list(notify, kind);
        } else if kind == "application/pidf+xml" {
            self.take_presence(&notify.body);
        } else {
            let parsed = Document::parse(&notify.body);
            assert!(parsed.is_ok(), "{parsed:?}: {}", notify.body);
        }
    }

    fn take_list(&mut self, notify: &Wire, kind: &str) {
        assert_eq!(notify.header("Require"), Some("eventlist"));
        let boundary = kind.split("boundary=\"").nth(1).expect("a boundary");
        let boundary = format!("--{}", boundary.trim_end_matches('"'));
        let mut parts = notify.body.split(&boundary).skip(1);
        let content = |part: &str| part.split_once("\r\n\r\n").expect("a head").1.to_owned();
        let list = content(parts.next().expect("a list"));
        let list = Document::parse(&list).expect("the list is XML");
        let root = list.root_element();
        let is_full = root.attribute("fullState") == Some("true");
        self.check_version(root.attribute("version"), is_full);
        if root.attribute("fullState") == Some("true") {
            self.lamps.clear();
        }
        let instances = root
            .descendants()
            .filter(|n| n.has_tag_name_local("instance"));
        let mut told = 0;
        for part in parts.filter(|part| !part.starts_with("--")) {
            self.take_document(&content(part), false);
            told += 1;
        }
        assert_eq!(instances.count(), told, "a part for each instance");
    }

    fn take_document(&mut self, text: &str, is_alone: bool) {
        let document = Document::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "dialog-info");
        let entity = root.attribute("entity").expect("an entity");
        let is_full = root.attribute("state") == Some("full");
        if is_alone {
            self.check_version(root.attribute("version"), is_full);
        }
        if is_full {
            let of_entity = wire::uri(entity).to_owned();
            self.lamps.retain(|_, lamp| {
                !is_alone && !of_entity.starts_with(&format!("sip:{}@", lamp.orbit))
            });
        }
        for dialog in root.children().filter(Node::is_element) {
            let id = dialog
                .attribute("id")
                .expect("a dialog has an id")
                .to_owned();
            let mut lamp = read(dialog);
            if lamp.state == "terminated" {
                lamp.orbit = self
                    .lamps
                    .get(&id)
                    .map(|l| l.orbit.clone())
                    .unwrap_or_default();
                self.ended.insert(id.clone());
            } else {
                assert!(
                    !self.ended.contains(&id),
                    "{id} lives after its end: {text}"
                );
            }
            self.lamps.insert(id, lamp);
        }
    }

    /// An orbit as a buddy: on the phone while a call waits there.
    fn take_presence(&mut self, text: &str) {
        let document = Document::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let root = document.root_element();
        assert!(root.has_tag_name((PIDF, "presence")), "{text}");
        let find = |name| root.descendants().find(|node| node.has_tag_name(name));
        let basic = find((PIDF, "basic")).expect("a tuple has a basic status");
        assert_eq!(basic.text(), Some("open"), "an orbit can be called");
        self.lamps.clear();
        if find((RPID, "on-the-phone")).is_none() {
            return;
        }
        let note = find((PIDF, "note")).and_then(|note| note.text());
        let (status, remote) = note.and_then(|note| note.split_once(": ")).expect("a note");
        let status = match status {
            "Parked" => "parked",
            "Being retrieved" => "retrieving",
            "Recall" => "recalling",
            _ => panic!("{text}"),
        };
        let lamp = Lamp {
            state: "confirmed".to_owned(),
            orbit: self.user.clone(),
            remote: remote.to_owned(),
            status: Some(status.to_owned()),
            ..Lamp::default()
        };
        self.lamps.insert(self.user.clone(), lamp);
    }

    fn check_version(&mut self, version: Option<&str>, is_full: bool) {
        let version: u64 = version.and_then(|v| v.parse().ok()).expect("a version");
        let is_ahead = version > self.next_version;
        if is_full && is_ahead && self.jumps > 0 {
            self.next_version = version;
            self.jumps -= 1;
        }
        if is_full && self.server_has_forgotten {
            self.next_version = version;
        }
        assert_eq!(version, self.next_version, "a gap in the versions");
        self.next_version = version + 1;
    }

    /// The server has died, and what it said last may be nowhere written.
    pub(super) fn server_died(&mut self, was_behind: bool) {
        self.jumps += 1;
        self.server_has_forgotten |= was_behind;
    }

    /// Whether this was told before: the 200 was lost, and the notifier sends it again.
    fn is_old(&self, notify: &Wire) -> bool {
        self.notices
            .last()
            .is_some_and(|last| last.body == notify.body && !last.body.is_empty())
    }
}

fn read(dialog: Node<'_, '_>) -> Lamp {
    let find = |name: &str| {
        dialog
            .descendants()
            .find(|node| node.has_tag_name_local(name))
    };
    let text = |node: Option<Node<'_, '_>>| {
        node.and_then(|node| node.text())
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let identity = |side: &str| {
        let side = find(side)?;
        side.descendants()
            .find(|node| node.has_tag_name_local("identity"))
    };
    let orbit = identity("local").and_then(|node| node.attribute("display"));
    Lamp {
        state: text(find("state")),
        orbit: orbit
            .unwrap_or_default()
            .trim_start_matches("Orbit ")
            .to_owned(),
        remote: text(identity("remote")),
        referred_by: find("referred-by").map(|node| text(Some(node))),
        call_id: dialog.attribute("call-id").map(str::to_owned),
        status: find("call")
            .and_then(|node| node.attribute("status"))
            .map(str::to_owned),
        end: find("end").map(|end| {
            let reason = end.attribute("reason").unwrap_or_default().to_owned();
            (reason, text(identity("end")))
        }),
    }
}

trait Local {
    fn has_tag_name_local(&self, name: &str) -> bool;
}

impl Local for Node<'_, '_> {
    fn has_tag_name_local(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

/// Namespaces of presence.
const PIDF: &str = "urn:ietf:params:xml:ns:pidf";
const RPID: &str = "urn:ietf:params:xml:ns:pidf:rpid";

impl Phone {
    /// Subscribes to the dialogs of `user`, for as long as it is switched on.
    pub(crate) fn watch(&mut self, now: Time, user: &str, expires: Duration) -> usize {
        self.watch_with(now, user, expires, &[("Event", "dialog")])
    }

    pub(crate) fn watch_with(
        &mut self,
        now: Time,
        user: &str,
        expires: Duration,
        extra: &[(&str, &str)],
    ) -> usize {
        let number = self.watches.len();
        let extra = extra
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.watches.push(Watching {
            user: user.to_owned(),
            extra: extra.collect(),
            expires,
            call_id: format!("{:016x}-w{number}@{}", self.seed.next(), self.name),
            local_tag: format!("{:x}", self.seed.next()),
            remote_tag: None,
            remote_target: format!("sip:{user}@{}", self.server),
            cseq: 0,
            remote_cseq: None,
            refresh_at: None,
            next_version: 0,
            jumps: 0,
            server_has_forgotten: false,
            lamps: BTreeMap::new(),
            ended: BTreeSet::new(),
            notices: Vec::new(),
            state: String::new(),
            is_over: false,
        });
        self.subscribe(now, number, expires);
        number
    }

    /// Wants no more.
    pub(crate) fn unwatch(&mut self, now: Time, number: usize) {
        self.watches[number].refresh_at = None;
        if !self.watches[number].is_over && self.watches[number].remote_tag.is_some() {
            self.subscribe(now, number, Duration::ZERO);
        }
    }

    /// Subscribes anew to what this watch was of. Its number.
    pub(crate) fn watch_again(&mut self, now: Time, number: usize) -> usize {
        let Watching {
            user,
            expires,
            extra,
            ..
        } = &self.watches[number];
        let (user, expires, extra) = (user.clone(), *expires, extra.clone());
        let extra: Vec<(&str, &str)> = extra.iter().map(|(n, v)| (&**n, &**v)).collect();
        self.watch_with(now, &user, expires, &extra)
    }

    /// Asks for the full state now, unless it has not heard of the dialog yet: a SUBSCRIBE without
    /// a To tag would begin another one.
    pub(crate) fn refresh_watch(&mut self, now: Time, number: usize) {
        if self.watches[number].remote_tag.is_none() {
            return;
        }
        let expires = self.watches[number].expires;
        self.subscribe(now, number, expires);
    }

    pub(super) fn watch_timeouts(&mut self, now: Time) {
        for number in 0..self.watches.len() {
            if self.watches[number].deadline().is_some_and(|at| at <= now) {
                self.watches[number].refresh_at = None;
                self.refresh_watch(now, number);
            }
        }
    }

    pub(super) fn is_watching(&self, response: &Wire) -> bool {
        self.watch_of(response, "From").is_some()
    }

    /// A final response to a SUBSCRIBE.
    pub(super) fn subscribed(&mut self, now: Time, status: u16, response: &Wire) {
        let number = self.watch_of(response, "From").expect("the caller looked");
        let watch = &mut self.watches[number];
        if status >= 300 {
            watch.state = response.start.clone();
            watch.is_over = true;
            self.responses.push(response.clone());
            return;
        }
        assert!(
            response.header("Contact").is_some(),
            "a 2xx to SUBSCRIBE has a Contact"
        );
        let tag = response.tag("To").map(str::to_owned);
        let is_another = watch.remote_tag.is_some() && watch.remote_tag != tag;
        if is_another && response.cseq().0 != watch.cseq {
            // A late answer of a dialog whose NOTIFY it has refused.
            return;
        }
        if is_another {
            // Asked again, another process has answered: it knows nothing of the first.
            watch.next_version = 0;
            watch.remote_cseq = None;
            watch.lamps.clear();
            watch.ended.clear();
            watch.notices.clear();
        }
        watch.remote_tag = tag;
        wire::uri(response.must("Contact")).clone_into(&mut watch.remote_target);
        let granted: u64 = response.must("Expires").parse().expect("seconds");
        if granted > 0 {
            watch.refresh_at = Some(now + Duration::from_secs(granted) / 2);
        }
    }

    pub(super) fn notified(&mut self, _now: Time, notify: &Wire) {
        assert!(notify.header("Contact").is_some(), "a NOTIFY has a Contact");
        let found = self.watch_of(notify, "To");
        let Some(number) = found.filter(|number| !self.watches[*number].is_over) else {
            self.reply(notify, 481, None);
            return;
        };
        let watch = &mut self.watches[number];
        let tag = notify.tag("From");
        if watch
            .remote_tag
            .as_deref()
            .is_some_and(|known| Some(known) != tag)
        {
            // Its 200 was lost and its SUBSCRIBE was taken twice: one dialog is enough.
            self.reply(notify, 481, None);
            return;
        }
        let (cseq, _) = notify.cseq();
        if watch.remote_cseq.is_some_and(|last| cseq <= last) {
            self.reply(notify, 500, None);
            return;
        }
        watch.remote_cseq = Some(cseq);
        let event = watch
            .extra
            .iter()
            .find(|(name, _)| name == "Event")
            .map(|(_, e)| e.clone());
        assert_eq!(notify.header("Event"), event.as_deref());
        notify
            .must("Subscription-State")
            .clone_into(&mut watch.state);
        watch.remote_tag = notify.tag("From").map(str::to_owned);
        if !watch.is_old(notify) {
            watch.take(notify);
            watch.notices.push(notify.clone());
        }
        if watch.state.starts_with("terminated") {
            watch.is_over = true;
        }
        self.reply(notify, 200, None);
    }

    fn watch_of(&self, message: &Wire, ours: &str) -> Option<usize> {
        let (call_id, tag) = (message.must("Call-ID"), message.tag(ours));
        let mut watches = self.watches.iter();
        watches.position(|w| w.call_id == call_id && Some(&*w.local_tag) == tag)
    }

    fn subscribe(&mut self, now: Time, number: usize, expires: Duration) {
        let branch = self.new_branch();
        let watch = &mut self.watches[number];
        watch.cseq += 1;
        let watch = &self.watches[number];
        let to_tag = watch.remote_tag.as_ref().map(|tag| format!(";tag={tag}"));
        let to = format!(
            "<sip:{}@{}>{}",
            watch.user,
            self.server,
            to_tag.unwrap_or_default()
        );
        let mut wire = Wire::new(format!("SUBSCRIBE {} SIP/2.0", watch.remote_target))
            .with("Via", self.via(&branch))
            .with("Max-Forwards", 70)
            .with("From", self.from(&watch.local_tag))
            .with("To", to)
            .with("Call-ID", &watch.call_id)
            .with("CSeq", format!("{} SUBSCRIBE", watch.cseq))
            .with("Contact", self.contact())
            .with("Expires", expires.as_secs());
        for (name, value) in &watch.extra {
            wire = wire.with(name, value);
        }
        self.start(now, None, "SUBSCRIBE", branch, &wire);
    }
}
