//! What must be true: after every step, when everything has come to rest, and at the end.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use control::control::{ControlStatus, OrbitStatus};
use shared::Source;

use super::link::Quality;
use super::media::Stream;
use super::phone::call::{Call, Settled, State};
use super::phone::watch::Lamp;
use super::phone::{Phone, ReinviteHabit};
use super::world::World;

/// Longest time everything may take to end after the phones hung up: the longest transaction (timer
/// B or L, 32 s), once for a request and once for the BYE after it, and a pickup that expires
/// meanwhile, with two recalls and a fallback; or a subscription of ten minutes that its phone
/// never heard of.
const END_MAX: Duration = Duration::from_secs(720);

/// Longest time the server may take to end, whatever peers and workers do.
const STOP_MAX: Duration = Duration::from_millis(5_100);

/// After every step.
///
/// # Panics
/// When an invariant does not hold.
pub(crate) fn after_step(world: &World) {
    world.control.check();
    world.workers.check();
    let (status, orbits) = (world.control.status(), world.control.orbits());
    counts(&status, &orbits, orbits_of(world));
    world.history.check(&status, &orbits);
    if !world.may_have_twice() {
        one_orbit_each(&orbits);
    }
    if world.is_quiet() && !world.workers.is_one_lost() {
        for phone in world.phones.iter().filter(|phone| !phone.is_dead) {
            for (number, call) in phone.calls.iter().enumerate() {
                if phone.is_settled(number) && knows_where_we_are(world, phone) {
                    hears_music_when_both_say_parked(world, call, &orbits);
                }
            }
        }
    }
}

/// A call holds at most one orbit.
///
/// # Panics
/// When one holds two.
pub(crate) fn one_orbit_each(orbits: &[OrbitStatus]) {
    let calls: HashSet<_> = orbits.iter().map(|orbit| &orbit.call_id).collect();
    assert_eq!(
        calls.len(),
        orbits.len(),
        "one call in two orbits: {orbits:?}"
    );
}

/// An orbit holds at most one call, none is lost, and nothing outlives its owner.
///
/// # Panics
/// When an invariant does not hold.
pub(crate) fn counts(status: &ControlStatus, orbits: &[OrbitStatus], total: usize) {
    let numbers: HashSet<_> = orbits.iter().map(|orbit| &orbit.orbit).collect();
    assert_eq!(
        numbers.len(),
        orbits.len(),
        "two calls in one orbit: {orbits:?}"
    );
    // A call that is about to be answered has its orbit, but nobody can dial it yet.
    assert!(
        orbits.len() <= status.parked,
        "an orbit nobody took: {orbits:?}"
    );
    assert!(
        status.parked <= status.calls,
        "an orbit is kept for no call: {status:?}"
    );
    // Its range may be removed before it can be dialled.
    let hidden = status.parked - orbits.len();
    let known = status.parked + status.free;
    assert!(
        (total..=total + hidden).contains(&known),
        "an orbit is lost: {status:?}"
    );
    assert!(
        status.legs <= 2 * status.calls,
        "a leg outlived its call: {status:?}"
    );
}

/// When everything has come to rest, phones, server and workers say the same about every call.
///
/// # Panics
/// When they do not.
pub(crate) fn agreement(world: &World) {
    let orbits = world.control.orbits();
    // Who talks with somebody that does not waits for the answer.
    let all_know = world.phones.iter().all(|p| knows_where_we_are(world, p));
    let mut confirmed = 0;
    let mut parked = 0;
    for phone in world.phones.iter().filter(|phone| !phone.is_dead) {
        for (number, call) in phone.calls.iter().enumerate() {
            // A call that only carries news of another has no media.
            if call.state != State::Confirmed || call.park_request.is_some() {
                continue;
            }
            confirmed += 1;
            let who = format!("{} call {number} ({})", phone.name, call.call_id);
            assert!(phone.is_settled(number), "{who} has not come to rest");
            let is_in_orbit = orbits.iter().any(|orbit| orbit.call_id == call.call_id);
            parked += usize::from(is_in_orbit);
            if !knows_where_we_are(world, phone) {
                continue;
            }
            let (settled, stream) = stream_of(world, call, &who);
            // Who takes no codec of ours any more cannot be told to be quiet, or to come back.
            let takes_ours = call.payloads.iter().any(|payload| [0, 8].contains(payload));
            let can_be_told = takes_ours && takes_reinvites(phone);
            if is_elsewhere(world, settled) {
                if takes_ours && all_know {
                    is_released(world, settled, stream, &who);
                }
                continue;
            }
            if !is_in_orbit || can_be_told {
                same_media(settled, stream, &who);
            }
            if is_in_orbit {
                let obeys = takes_ours && phone.habits.reinvite == ReinviteHabit::Accept;
                is_parked(obeys, settled, stream, &who);
            } else if all_know {
                is_joined(world, settled, stream, &who);
            }
        }
    }
    if world.phones.iter().all(|phone| !phone.is_dead) {
        assert_eq!(
            orbits.len(),
            parked,
            "an orbit is taken by nobody: {orbits:?}"
        );
        assert_eq!(world.status().legs, confirmed, "legs and calls of phones");
        assert_eq!(
            world.workers.living(),
            confirmed,
            "streams and calls of phones"
        );
        assert_eq!(2 * world.status().calls, confirmed + parked, "calls");
    }
}

/// Whoever has left its parker for the server was parked, whatever the parker was told: it has
/// nobody else.
///
/// # Panics
/// When one was not.
pub(crate) fn nobody_changed_over_in_vain(world: &World) {
    let workers = &world.workers;
    let is_one_lost = workers.is_one_lost() || workers.has_one_ended();
    if world.past.deaths > 0 || is_one_lost || world.is_stopped {
        return;
    }
    let phones = world.phones.iter();
    let calls = phones.flat_map(|phone| phone.calls.iter().map(move |call| (phone, call)));
    for (phone, call) in calls {
        let invite = call.invite.as_ref();
        let is_taken_over = invite.is_some_and(|invite| invite.header("Replaces").is_some());
        // Who answers what nobody can use, or hangs up before anybody hears of it, has done so in
        // vain.
        let is_good = phone.habits.wrong_answers == 0 && !call.left_hastily;
        let is_usable = call.reinvited > 0 && is_good;
        assert!(
            !is_taken_over || !is_usable || world.history.has_parked(&call.call_id),
            "{} has left its parker and was not parked: {}",
            phone.name,
            call.call_id
        );
    }
}

/// The living calls of phones that send past the server.
pub(crate) fn released(world: &World) -> u64 {
    let phones = world.phones.iter().filter(|phone| !phone.is_dead);
    let calls = phones.flat_map(|phone| &phone.calls);
    let living = calls.filter(|call| call.state == State::Confirmed);
    let settled = living.filter_map(|call| call.settled.as_ref());
    settled
        .filter(|settled| is_elsewhere(world, settled))
        .count() as u64
}

/// When everything has come to rest, every lamp shows what is true. Gives how many were looked at.
///
/// # Panics
/// When one does not.
pub(crate) fn lamps(world: &World) -> u64 {
    let orbits = world.control.orbits();
    let taken: BTreeMap<String, OrbitStatus> = { orbits.into_iter() }
        .map(|status| (status.orbit.clone(), status))
        .collect();
    let phones = world.phones.iter().filter(|phone| !phone.is_dead);
    let watches = phones.flat_map(|phone| phone.watches.iter().map(move |w| (phone, w)));
    let mut looked_at = 0;
    for (phone, watch) in watches.filter(|(_, watch)| watch.is_live()) {
        let ranges = &world.site.config.orbit_ranges;
        let of_range = !watch.is_of_one_orbit() && watch.user() != world.site.config.park.user;
        let range = ranges.iter().find(|range| range.name == watch.user());
        // Of which range an orbit was whose range is gone, the server knows.
        let is_known = |orbit: &&String| !of_range || ranges.iter().any(|r| r.has(orbit));
        let in_scope = |orbit: &&String| match range {
            _ if watch.is_of_one_orbit() => watch.user() == **orbit,
            Some(range) => range.has(orbit),
            None => !of_range,
        };
        let expected: BTreeSet<_> = taken.keys().filter(in_scope).cloned().collect();
        let lit = watch.lit();
        let lit: BTreeSet<_> = lit.iter().filter(is_known).cloned().collect();
        let who = format!("{} watching {}", phone.name, watch.user());
        assert_eq!(lit, expected, "{who}: {watch:?}");
        for lamp in watch.lamps.values().filter(|lamp| is_known(&&lamp.orbit)) {
            shows(lamp, taken.get(&lamp.orbit), &who);
        }
        looked_at += 1;
    }
    looked_at
}

/// A lamp shows the call that waits, and what it is at.
fn shows(lamp: &Lamp, is: Option<&OrbitStatus>, who: &str) {
    let Some(is) = is.filter(|_| lamp.state == "confirmed") else {
        return;
    };
    let call_id = lamp.call_id.as_ref();
    assert!(
        call_id.is_none_or(|call_id| *call_id == is.call_id),
        "{who}: {lamp:?} shows another call than {is:?}"
    );
    let status = match (is.retrieving, is.recalling) {
        (true, _) => "retrieving",
        (_, true) => "recalling",
        _ => "parked",
    };
    assert_eq!(lamp.status.as_deref(), Some(status), "{who}: {lamp:?}");
}

impl World {
    /// The phones hang up, the network recovers; then nothing may be left anywhere.
    ///
    /// # Panics
    /// When something is.
    pub(crate) fn finish(mut self) {
        self.link.quality = Quality::GOOD;
        self.link.lose_no_more();
        for phone in 0..self.phones.len() {
            for call in 0..self.phones[phone].calls.len() {
                if !self.phones[phone].is_dead {
                    self.with(phone, |phone, now| phone.hang_up(now, call));
                }
            }
            for watch in 0..self.phones[phone].watches.len() {
                if !self.phones[phone].is_dead {
                    self.with(phone, |phone, now| phone.unwatch(now, watch));
                }
            }
        }
        self.run(END_MAX);
        let status = self.status();
        let left = ControlStatus {
            retrieved: status.retrieved,
            parked_total: status.parked_total,
            forsaken: status.forsaken,
            store_falls: status.store_falls,
            free: orbits_of(&self),
            ..ControlStatus::default()
        };
        assert_eq!(status, left, "something is left at the end");
        self.history.check_all_ended();
        self.history.check_reasons();
        assert_eq!(self.questions.open(), 0, "a question without an answer");
        assert_eq!(self.workers.len(), 0, "a stream is left at the end");
        assert_eq!(
            self.workers.opened, self.workers.closed,
            "streams opened and closed"
        );
        for phone in self.phones.iter().filter(|phone| !phone.is_dead) {
            assert!(
                phone.is_idle(),
                "{} is not idle at the end: {phone:?}",
                phone.name
            );
            let unanswered = &phone.unanswered;
            assert!(
                unanswered.is_empty(),
                "{} got no answer: {unanswered:?}",
                phone.name
            );
        }
    }
}

/// Who takes no re-INVITE, or none with a codec of ours, never learns the addresses of another
/// process.
fn knows_where_we_are(world: &World, phone: &Phone) -> bool {
    let fits = |call: &Call| call.payloads.iter().any(|payload| [0, 8].contains(payload));
    let takes_all = || phone.calls.iter().all(|call| call.is_over() || fits(call));
    world.past.deaths == 0 || (takes_reinvites(phone) && takes_all())
}

fn takes_reinvites(phone: &Phone) -> bool {
    matches!(
        phone.habits.reinvite,
        ReinviteHabit::Accept | ReinviteHabit::Late(_)
    )
}

fn hears_music_when_both_say_parked(world: &World, call: &Call, orbits: &[OrbitStatus]) {
    let Some(settled) = call
        .settled
        .as_ref()
        .filter(|_| call.state == State::Confirmed)
    else {
        return;
    };
    let orbit = orbits
        .iter()
        .find(|orbit| orbit.call_id == call.call_id && !orbit.retrieving && !orbit.adopting);
    if orbit.is_none() || settled.direction.sends() || !settled.direction.receives() {
        return;
    }
    let (settled, stream) = stream_of(world, call, &call.call_id);
    same_media(settled, stream, &call.call_id);
    if world.site.config.park.music_on_hold {
        let plays = matches!(stream.source, Source::Prompt { .. });
        assert!(
            plays,
            "{} is parked and hears {:?}",
            call.call_id, stream.source
        );
    }
}

fn stream_of<'a>(world: &'a World, call: &'a Call, who: &str) -> (&'a Settled, &'a Stream) {
    let settled = call.settled.as_ref();
    let settled = settled.unwrap_or_else(|| panic!("{who}: nothing agreed"));
    let stream = world.workers.behind(settled);
    (
        settled,
        stream.unwrap_or_else(|| panic!("{who}: no stream for {}", settled.remote)),
    )
}

/// Whether a phone sends past the server.
fn is_elsewhere(world: &World, settled: &Settled) -> bool {
    settled.remote.ip() != world.site.config.media.advertise
        && !settled.remote.ip().is_unspecified()
}

/// Who sends past the server sends to a phone that sends back, in the same codec; nobody waits here
/// for its audio, and what it sends here all the same is still passed on.
fn is_released(world: &World, settled: &Settled, stream: &Stream, who: &str) {
    let phones = world.phones.iter();
    let calls = phones.flat_map(|phone| phone.calls.iter().map(move |call| (phone, call)));
    let settlements = calls.filter_map(|(phone, call)| Some((phone, call.settled.as_ref()?)));
    let mut partners = settlements.filter(|(_, other)| other.local == settled.remote);
    let is_known = partners.clone().next().is_some();
    if is_known && partners.clone().all(|(phone, _)| phone.is_dead) {
        // It was switched off before it was told; the session timer finds that.
        return;
    }
    let partner = partners.find(|(_, other)| other.remote == settled.local);
    let (phone, other) = partner.unwrap_or_else(|| {
        panic!(
            "{who} sends to {}, which does not send back",
            settled.remote
        )
    });
    if !phone.is_dead {
        assert_eq!(other.payload, settled.payload, "{who}: the payload type");
        assert_eq!(other.direction, settled.direction, "{who}: the direction");
    }
    let media = stream.media.unwrap_or_else(|| panic!("{who}: no media"));
    assert!(!media.supervise, "{who} sends elsewhere and is waited for");
    let is_joined = matches!(stream.source, Source::Bridge { .. });
    assert!(is_joined, "{who} could not be heard: {:?}", stream.source);
}

/// The worker sends where the phone listens, what the phone expects, and only if it may.
fn same_media(settled: &Settled, stream: &Stream, who: &str) {
    let media = stream
        .media
        .unwrap_or_else(|| panic!("{who}: {} was not described", stream.id));
    let remote = Some(settled.local).filter(|local| !local.ip().is_unspecified());
    assert_eq!(media.remote, remote, "{who}: where the stream sends to");
    assert_eq!(
        media.send_payload_type.number(),
        settled.payload,
        "{who}: the payload type"
    );
    let phone_hears = settled.direction.receives() && remote.is_some();
    assert!(
        media.send || !phone_hears,
        "{who}: the phone waits for audio"
    );
    assert!(
        !media.send || settled.direction.receives(),
        "{who}: the phone wants no audio"
    );
    assert_eq!(
        media.receive,
        settled.direction.sends(),
        "{who}: audio of the phone"
    );
}

/// A parked call hears music or nothing, and was asked to be quiet.
fn is_parked(obeys: bool, settled: &Settled, stream: &Stream, who: &str) {
    let is_bridged = stream.source.peer().is_some();
    assert!(!is_bridged, "{who} is parked and bridged");
    let sends = settled.direction.sends();
    assert!(!sends || !obeys, "{who} is parked and was told to speak");
}

/// A call that is not parked hears its partner, or our music because the partner sends nothing; and
/// is heard.
fn is_joined(world: &World, settled: &Settled, stream: &Stream, who: &str) {
    if let Some(peer) = stream.source.peer() {
        let other = world.workers.find(peer).expect("checked after every step");
        let hears = other.media.is_some_and(|media| media.receive);
        let wants = settled.direction.receives() && world.site.config.park.music_on_hold;
        assert!(
            hears || !wants,
            "{who} is joined with {peer}, which says nothing"
        );
        let back = other.source.peer() == Some(stream.id);
        let wants = other.media.is_some_and(|media| media.send);
        assert!(
            back || !wants || !settled.direction.sends(),
            "{who}: {peer} does not hear it"
        );
    } else if settled.direction.receives() {
        let plays = matches!(stream.source, Source::Prompt { .. });
        assert!(
            plays || !world.site.config.park.music_on_hold,
            "{who} hears nothing"
        );
        // Nothing is agreed with a partner that has not answered yet after a restart: it is asked
        // for two minutes.
        let partner = world.workers.streams().any(|other| {
            other.id != stream.id
                && other.id.worker == stream.id.worker
                && other
                    .media
                    .is_none_or(|media| !media.receive || media.remote.is_none())
        });
        assert!(partner, "{who} hears music although nobody holds it");
    }
}

impl World {
    /// The server ends instead: it tells everybody, and is done in time whoever answers.
    ///
    /// # Panics
    /// When it does not.
    pub(crate) fn finish_by_stop(mut self) {
        self.link.quality = Quality::GOOD;
        self.link.lose_no_more();
        self.stop();
        self.run(STOP_MAX);
        assert!(self.is_stopped, "the server does not end");
        assert_eq!(
            (self.status().calls, self.status().legs),
            (0, 0),
            "calls are left"
        );
        self.history.check_all_ended();
        assert_eq!(self.workers.living(), 0, "a stream is left");
        for phone in self.phones.iter().filter(|phone| !phone.is_dead) {
            let told = phone.calls.iter().all(Call::is_over);
            assert!(told, "{} was not told: {phone:?}", phone.name);
        }
    }
}

/// Orbits there are, those included that stay for their calls after their range was removed.
fn orbits_of(world: &World) -> usize {
    let ranges = &world.site.config.orbit_ranges;
    let of_ranges: usize = ranges.iter().map(|range| range.count() as usize).sum();
    let taken = world.control.orbits().into_iter();
    let without_range = taken.filter(|status| ranges.iter().all(|range| !range.has(&status.orbit)));
    of_ranges + without_range.count()
}
