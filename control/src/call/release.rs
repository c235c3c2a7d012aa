//! Media released: the two of a bridge send RTP to each other instead of through us, where the
//! operator wants that and both can (RFC 3725). One after the other is offered where the other
//! listens, and with what its own phone agreed; so no offer is made without knowing what becomes of
//! it, and each is answered by itself.
//!
//! The streams stay open and joined all the while: whoever still sends to us is still heard by the
//! other, so that no order of events makes a gap, and the way back needs nothing but an offer.
//! Whatever a peer begins by itself, except to repeat what it said, leads that way: what hold and
//! its music are, is known where media is anchored.
//!
//! Absent on purpose: who parks, retrieves, holds; all of them give a leg another wish.

use shared::Time;

use super::limits::{RELEASE_AFTER, RELEASE_OFFERS_MAX};
use super::{Bridge, CallKey, Exchange, State, Turn, Wish};
use crate::config::MediaPath;
use crate::happening::Fact;
use crate::sdp::{Description, Sink};
use crate::sip::agent::DialogKey;

/// How far the two of a bridge are on their way to each other.
#[derive(Debug, Default)]
pub(crate) struct Release {
    /// Where each was told last that the other listens, the first leg first.
    told: [Option<Sink>; 2],
    /// Offers that said something new.
    offers: u8,
    /// They send to each other.
    is_done: bool,
    /// That they do was said, and not the contrary since.
    is_said: bool,
    /// One of them cannot: they stay with us.
    is_barred: bool,
}

/// Why two do not go on without us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hindrance {
    /// A peer will not have the offer, or does not answer it.
    Refused,
    /// A peer is behind a translator of addresses.
    Translated,
    /// The peers move whenever they are asked, or always ask us to try later.
    Restless,
    /// A peer has begun something: hold, another codec, another address.
    PeerMoved,
    /// Another leg has taken the place of one.
    Replaced,
}

impl Hindrance {
    /// In events.
    const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Translated => "translated",
            Self::Restless => "restless",
            Self::PeerMoved => "moved",
            Self::Replaced => "replaced",
        }
    }

    /// Whether it would be in vain to try again.
    const fn is_lasting(self) -> bool {
        match self {
            Self::Refused | Self::Translated | Self::Restless => true,
            Self::PeerMoved | Self::Replaced => false,
        }
    }
}

impl Exchange {
    /// Does what is next on the way of two from us to each other, or back. To be called whenever
    /// something of a call has settled.
    pub(crate) fn tend_release(&mut self, now: Time, key: CallKey) {
        let Some(State::Bridged(bridge)) = self.state(key) else {
            return;
        };
        let legs = self.pair(key);
        let is_wished = |leg: &DialogKey| self.legs[leg].wish.is_released();
        let is_told = |release: &Release| release.told != [None; 2];
        let is_under_way = legs.iter().any(is_wished) || { self.releases.get(&key) }
            .is_some_and(|release| is_told(release));
        if !is_under_way {
            return self.await_release(now, key, bridge);
        }
        if let Some(hindrance) = self.hindrance(key) {
            return self.anchor_again(now, key, hindrance);
        }
        let is_idle = |leg: &DialogKey| matches!(self.legs[leg].turn, Turn::Idle);
        if legs.iter().all(is_idle) {
            self.tell_next(now, key);
        }
    }

    /// How many calls there are whose two send to each other.
    pub(crate) fn released(&self) -> usize {
        let releases = self.releases.values();
        releases.filter(|release| release.is_done).count()
    }

    /// Two have talked through us for a while.
    pub(crate) fn release_due(&mut self, now: Time, key: CallKey, bridge: Bridge) {
        if !self.is_releasable(key) {
            // Whatever stands in the way, its end brings us here again.
            return;
        }
        if now < self.proven_at(bridge) {
            return self.await_release(now, key, bridge);
        }
        self.releases.entry(key).or_default();
        self.tell_next(now, key);
    }

    /// From now on both talk through us.
    fn anchor_again(&mut self, now: Time, key: CallKey, hindrance: Hindrance) {
        let release = self.releases.entry(key).or_default();
        let was_said = release.is_said;
        **release = Release {
            offers: release.offers,
            is_barred: hindrance.is_lasting(),
            ..Release::default()
        };
        if was_said {
            let why = hindrance.name();
            self.happened(key, Fact::Anchored { why });
        }
        let (orbit, call_id) = self.log_fields(self.calls[&key].first);
        tracing::info!(call_id, orbit, ?hindrance, "media anchored again");
        let [first, second] = self.pair(key);
        for (dialog, other) in [(first, second), (second, first)] {
            let codec = self.legs[&other].codec();
            let leg = self.legs.get_mut(&dialog).expect("a call has legs");
            if leg.wish.is_released() {
                leg.wish = Wish::talk(codec);
                leg.begin_anew();
                self.offer_or_introduce(now, dialog);
            }
        }
        self.apply(key);
    }

    /// Another leg has taken the place of one that was told where its other listens.
    pub(super) fn anchor_replaced(&mut self, now: Time, key: CallKey) {
        if self.releases.contains_key(&key) {
            self.anchor_again(now, key, Hindrance::Replaced);
        }
    }

    /// A stream has heard its peer from somewhere else than it said.
    pub(super) fn translated(&mut self, now: Time, dialog: DialogKey) {
        let Some(leg) = self.legs.get(&dialog) else {
            return;
        };
        let key = leg.call;
        self.translated.insert(dialog);
        self.tend_release(now, key);
    }

    /// Whether an offer of a peer that sends to the other one changes nothing.
    pub(super) fn repeats_release(&self, dialog: DialogKey, offer: &Description) -> bool {
        let leg = &self.legs[&dialog];
        let Ok(codecs) = offer.codecs() else {
            return false;
        };
        let local = self.local_answer(leg, &self.known(&codecs));
        self.told_sink(dialog).is_some() && leg.session.is_repeated_by(offer, &local)
    }

    /// Where a peer was told that the other listens, if it is to send there.
    pub(super) fn told_sink(&self, dialog: DialogKey) -> Option<Sink> {
        let leg = &self.legs[&dialog];
        if !leg.wish.is_released() {
            return None;
        }
        self.releases.get(&leg.call)?.told[self.side(dialog)]
    }

    /// A peer is being told where the other listens: from now on nothing of it need come to us.
    pub(super) fn note_told(&mut self, dialog: DialogKey, sink: Sink) {
        let (key, side) = (self.legs[&dialog].call, self.side(dialog));
        let release = self.releases.entry(key).or_default();
        if release.told[side].replace(sink) != Some(sink) {
            release.offers += 1;
        }
        self.apply(key);
    }

    /// What a peer was told last it has not taken in.
    pub(super) fn note_untold(&mut self, dialog: DialogKey) {
        let (key, side) = (self.legs[&dialog].call, self.side(dialog));
        if let Some(release) = self.releases.get_mut(&key) {
            release.told[side] = None;
            release.is_done = false;
        }
    }

    /// Where the other of two listens, as this one can be told.
    pub(super) fn sink_for(&self, dialog: DialogKey) -> Option<Sink> {
        let leg = &self.legs[&dialog];
        let other = self.calls[&leg.call].other(dialog)?;
        leg.session.tellable(&self.legs[&other].session.sink()?)
    }

    /// Begins in a while, if nothing stands in the way.
    fn await_release(&mut self, now: Time, key: CallKey, bridge: Bridge) {
        if !self.is_releasable(key) {
            return;
        }
        let due = self.proven_at(bridge).max(now + RELEASE_AFTER);
        if self.calls[&key].deadline.is_none_or(|at| due < at) {
            self.set_deadline(key, Some(due));
        }
    }

    /// From when on it is certain that the second leg is there: where the way back is open, only
    /// its media proves that.
    fn proven_at(&self, bridge: Bridge) -> Time {
        match bridge.way_back {
            Some(_) => bridge.since + self.proof(),
            None => bridge.since,
        }
    }

    fn is_releasable(&self, key: CallKey) -> bool {
        let legs = self.pair(key);
        let orbit = self.legs[&legs[0]].orbit;
        let is_barred = { self.releases.get(&key) }.is_some_and(|release| release.is_barred);
        let is_ready = |dialog: &DialogKey| {
            let leg = &self.legs[dialog];
            let is_settled = matches!(leg.turn, Turn::Idle) && leg.settled.is_some();
            is_settled
                && !leg.wants_to_offer()
                && !self.translated.contains(dialog)
                && self.sink_for(*dialog).is_some()
        };
        let is_wanted = self.settings(orbit).media == MediaPath::Released;
        is_wanted && !is_barred && legs.iter().all(is_ready)
    }

    /// What forbids that two who are on their way to each other go on.
    fn hindrance(&self, key: CallKey) -> Option<Hindrance> {
        let release = self.releases.get(&key)?;
        let legs = self.pair(key);
        let each = || legs.iter().map(|dialog| &self.legs[dialog]);
        if each().any(|leg| leg.wish.is_released() && leg.refused == Some(leg.wish)) {
            return Some(Hindrance::Refused);
        }
        if legs.iter().any(|leg| self.translated.contains(leg)) {
            return Some(Hindrance::Translated);
        }
        let mut told = each().zip(release.told);
        let has_moved = told.any(|(leg, told)| told.is_some() && !leg.wish.is_released());
        if has_moved {
            return Some(Hindrance::PeerMoved);
        }
        (release.offers > RELEASE_OFFERS_MAX).then_some(Hindrance::Restless)
    }

    /// Tells the next of two, the second leg first: it has called us just now, and knows re-INVITEs
    /// less surely than who has been through one.
    fn tell_next(&mut self, now: Time, key: CallKey) {
        let [first, second] = self.pair(key);
        for dialog in [second, first] {
            let Some(sink) = self.sink_for(dialog) else {
                return self.anchor_again(now, key, Hindrance::PeerMoved);
            };
            let release = &self.releases[&key];
            if release.told[self.side(dialog)] == Some(sink) {
                continue;
            }
            if release.offers >= RELEASE_OFFERS_MAX {
                return self.anchor_again(now, key, Hindrance::Restless);
            }
            let leg = self.legs.get_mut(&dialog).expect("a call has legs");
            leg.wish = Wish::Released(sink.codec());
            self.releases.entry(key).or_default().is_done = false;
            return self.offer_anew(now, dialog);
        }
        let release = self.releases.entry(key).or_default();
        let is_news = !std::mem::replace(&mut release.is_said, true);
        if !std::mem::replace(&mut release.is_done, true) {
            let (orbit, call_id) = self.log_fields(first);
            tracing::info!(call_id, orbit, "media released");
        }
        if is_news {
            self.happened(key, Fact::Released);
        }
    }

    /// The legs of a bridge, the first one first.
    fn pair(&self, key: CallKey) -> [DialogKey; 2] {
        let call = &self.calls[&key];
        let second = call.other(call.first).expect("a bridge has two legs");
        [call.first, second]
    }

    fn side(&self, dialog: DialogKey) -> usize {
        usize::from(self.calls[&self.legs[&dialog].call].first != dialog)
    }
}

impl Exchange {
    /// Nobody is told to send elsewhere but two who talk, and who was told knows the right place.
    pub(super) fn check_release(&self) {
        for (key, release) in &self.releases {
            let state = self.state(*key);
            let is_bridged = matches!(state, Some(State::Bridged(_)));
            assert!(is_bridged, "{key:?}: released, and {state:?}");
            let legs = self.pair(*key);
            let is_idle = |leg: &DialogKey| matches!(self.legs[leg].turn, Turn::Idle);
            if release.is_done && legs.iter().all(is_idle) {
                let sinks = legs.map(|leg| self.sink_for(leg));
                assert_eq!(release.told, sinks, "{key:?}: told of another place");
            }
        }
        let are_there = { self.translated.iter() }.all(|leg| self.legs.contains_key(leg));
        assert!(are_there, "what was learned of a leg outlives it");
        for (dialog, leg) in &self.legs {
            let is_allowed = { self.releases.get(&leg.call) }.is_some_and(|r| !r.is_barred);
            let is_wished = leg.wish.is_released();
            assert!(
                is_allowed || !is_wished,
                "{dialog:?}: sent elsewhere by nobody"
            );
            let is_supervised = leg.described.is_some_and(|media| media.supervise);
            assert!(
                !is_supervised || !leg.is_elsewhere(),
                "{dialog:?}: who sends elsewhere is not heard here"
            );
        }
    }
}
