//! SUBSCRIBE and REFER as they come in (RFC 6665 §4.2.1, RFC 3515 §2.4, RFC 4488): what is wrong
//! with them is answered here, what may be granted goes up.
//!
//! Absent on purpose: who may watch what, and what there is to see; that is the layer above's.

use std::time::Duration;

use shared::Time;
use tracing::debug;

use super::Agent;
use super::destination::{Path, contact};
use super::event::{AgentEvent, DialogKey, Reply, SipDrop, Stance, SubscriptionKey};
use super::respond::Answer;
use super::servers::ServerId;
use super::subscription::{Flight, Home, Lease, Package, REFER, Seat, Subscription};
use super::uas::Facts;
use crate::sip::dialog::{Dialog, Order};
use crate::sip::header::{Header, split_parameters};
use crate::sip::limits::SHORT_LEASE;
use crate::sip::message::Message;
use crate::sip::method::Method;
use crate::sip::status::Status;
use crate::sip::transport::Packet;

impl Agent {
    /// Lets SUBSCRIBE for this event package up as [`AgentEvent::Subscribe`]; others get 489.
    pub fn serve(&mut self, package: Package) {
        self.allow(Method::Subscribe);
        self.packages.push(package);
    }

    /// Grants a SUBSCRIBE or REFER: 200 or 202. `contact_user` is the user part of our Contact.
    /// `notify` must follow a SUBSCRIBE at once (RFC 6665 §4.2.1.2); who sent a REFER is told
    /// `100 Trying`, and without a subscription where it asked for none (RFC 4488).
    pub fn accept_subscription(
        &mut self,
        now: Time,
        subscription: SubscriptionKey,
        contact_user: &str,
        reply: Reply,
    ) {
        let Some(asked) = self.subscriptions.get_mut(subscription) else {
            return;
        };
        let Lease::Asked(id) = asked.lease else {
            return;
        };
        asked.lease = match asked.until <= now {
            true => Lease::Over,
            false => Lease::Active,
        };
        if let Home::Own(seat) = &mut asked.home {
            seat.contact_user = contact_user.into();
        }
        if asked.package == REFER {
            return self.accept_refer(now, subscription, id, reply);
        }
        let answer = self.grant(now, subscription, id).carrying(reply);
        self.answer(now, id, &answer);
        self.rearm_subscription(subscription);
    }

    /// Refuses a SUBSCRIBE or REFER; the subscription is gone.
    ///
    /// # Panics
    /// When `status` is no final failure.
    pub fn refuse_subscription(
        &mut self,
        now: Time,
        subscription: SubscriptionKey,
        status: Status,
        reply: Reply,
    ) {
        assert!(
            status.is_final() && !status.is_success(),
            "{status} is no failure"
        );
        let lease = self.subscriptions.get(subscription).map(|s| s.lease);
        if let Some(Lease::Asked(id)) = lease {
            self.answer(now, id, &Answer::new(status).carrying(reply));
            self.subscriptions.remove(subscription);
        }
    }

    fn accept_refer(&mut self, now: Time, key: SubscriptionKey, id: ServerId, reply: Reply) {
        let is_silent = self.is_asked_for_silence(id);
        let mut answer = Answer::new(Status::ACCEPTED).carrying(reply);
        answer.contact = self.contact_of(key, id);
        if is_silent {
            let answer = answer.with("Refer-Sub", "false");
            self.answer(now, id, &answer);
            self.subscriptions.remove(key);
            return;
        }
        self.answer(now, id, &answer);
        self.rearm_subscription(key);
        self.report(now, key, Status::TRYING, Stance::Active);
    }

    /// RFC 4488 §4.
    fn is_asked_for_silence(&self, id: ServerId) -> bool {
        let request = self.servers.get(id).map(|server| &server.request[..]);
        let request = request.and_then(|bytes| Message::parse(bytes).ok());
        request.is_some_and(|request| {
            let value = request.header(Header::ReferSub).map(split_parameters);
            value.is_some_and(|(value, _)| value.eq_ignore_ascii_case("false"))
        })
    }

    /// A SUBSCRIBE or REFER outside of a dialog, or in that of a call.
    pub(super) fn receive_subscribe<'a>(
        &mut self,
        now: Time,
        id: ServerId,
        packet: &Packet<'a>,
        request: &'a Message<'a>,
        call: Option<DialogKey>,
    ) -> Result<Option<AgentEvent<'a>>, Answer> {
        let (package, event_id) = self.package_of(request)?;
        let refreshed = call.filter(|_| request.method() == Some(Method::Subscribe));
        if let Some(key) = refreshed.and_then(|call| self.in_call(call, package, event_id)) {
            return self.resubscribe(now, id, key, request);
        }
        if refreshed.is_some() && package == REFER {
            return Err(Answer::new(Status::CALL_DOES_NOT_EXIST));
        }
        let begun = match call {
            None => self.begun_before(request, package, event_id),
            Some(_) => None,
        };
        if let Some(key) = begun {
            return self.subscribe_again(now, id, packet, request, key);
        }
        let duration = granted(request, package)?;
        if self.subscriptions.len() >= self.subscriptions_max {
            self.count(SipDrop::Full);
            return Err(self.overloaded());
        }
        let event_id = self.id_of(request, package, event_id, call);
        let home = self.home_of(id, packet, request, call)?;
        let subscription = self.subscriptions.insert(Subscription {
            home,
            package,
            id: event_id,
            until: now + duration,
            lease: Lease::Asked(id),
            flight: Flight::None,
            waiting: None,
            report: None,
        });
        let source = packet.source;
        Ok(Some(match package == REFER {
            true => AgentEvent::Refer {
                subscription,
                dialog: call,
                request,
                source,
            },
            false => AgentEvent::Subscribe {
                subscription,
                event: package.event,
                request,
                source,
            },
        }))
    }

    /// A request with the tag of a subscription's own dialog.
    pub(super) fn receive_in_subscription<'a>(
        &mut self,
        now: Time,
        id: ServerId,
        packet: &Packet<'a>,
        request: &'a Message<'a>,
        facts: &Facts<'_>,
    ) -> Result<Option<AgentEvent<'a>>, Answer> {
        let to_tag = facts.to_tag.unwrap_or_default();
        let key = self
            .subscriptions
            .find(facts.call_id, to_tag, facts.from_tag);
        let subscription = key.and_then(|key| self.subscriptions.get_mut(key));
        let (Some(key), Some(subscription)) = (key, subscription) else {
            return Err(Answer::new(Status::CALL_DOES_NOT_EXIST));
        };
        if let Home::Own(seat) = &mut subscription.home {
            if seat.dialog.receive_cseq(facts.cseq.number, facts.method) == Order::Stale {
                return Err(Answer::new(Status::SERVER_ERROR));
            }
            seat.path = Some(Path::of(&self.config.listeners, packet));
        }
        self.check_require(request)?;
        match facts.method {
            Method::Subscribe => {
                let (package, event_id) = self.package_of(request)?;
                let held = self.subscriptions.get(key);
                if held.is_none_or(|held| held.package != package || held.id.as_deref() != event_id)
                {
                    return Err(one_a_dialog());
                }
                self.resubscribe(now, id, key, request)
            }
            Method::Options => {
                self.answer_options(now, id);
                Ok(None)
            }
            Method::Refer => Err(one_a_dialog()),
            _ => Err(Answer::new(Status::CALL_DOES_NOT_EXIST)),
        }
    }

    /// RFC 6665 §4.2.1.1: a refresh, or an end by `Expires: 0`; the full state follows either.
    pub(super) fn resubscribe<'a>(
        &mut self,
        now: Time,
        id: ServerId,
        key: SubscriptionKey,
        request: &Message<'_>,
    ) -> Result<Option<AgentEvent<'a>>, Answer> {
        let Some(held) = self
            .subscriptions
            .get_mut(key)
            .filter(|held| held.lease == Lease::Active)
        else {
            return Err(Answer::new(Status::CALL_DOES_NOT_EXIST));
        };
        let duration = granted(request, held.package)?;
        held.until = now + duration;
        if duration.is_zero() {
            held.lease = Lease::Over;
        }
        if let Home::Own(seat) = &mut held.home {
            seat.dialog.refresh_target(request);
        }
        let answer = self.grant(now, key, id);
        self.answer(now, id, &answer);
        self.rearm_subscription(key);
        Ok(self.state_is_due(now, key))
    }

    fn package_of<'m>(&self, request: &Message<'m>) -> Result<(Package, Option<&'m str>), Answer> {
        if request.method() == Some(Method::Refer) {
            return match request.values(Header::ReferTo).count() {
                1 => Ok((REFER, None)),
                _ => Err(phrased("a REFER has one Refer-To")),
            };
        }
        let (event, parameters) = split_parameters(request.header(Header::Event).unwrap_or(""));
        let mut packages = self.packages.iter().copied();
        // The subscription of a REFER can be refreshed, but not begun.
        let is_refer = event.eq_ignore_ascii_case(REFER.event) && request.to_tag().is_some();
        let package = match is_refer {
            true => Some(REFER),
            false => packages.find(|package| package.event.eq_ignore_ascii_case(event)),
        };
        match package {
            Some(package) => Ok((package, parameters.find("id"))),
            None => Err(Answer::new(Status::BAD_EVENT).with("Allow-Events", self.allow_events())),
        }
    }

    /// The value of Allow-Events.
    pub(super) fn allow_events(&self) -> String {
        let events: Vec<_> = self.packages.iter().map(|package| package.event).collect();
        events.join(", ")
    }

    /// The subscription that a SUBSCRIBE in a call refreshes.
    fn in_call(
        &self,
        call: DialogKey,
        package: Package,
        event_id: Option<&str>,
    ) -> Option<SubscriptionKey> {
        let mut keys = self.subscriptions.of_call(call).iter().copied();
        keys.find(|key| {
            let held = self.subscriptions.get(*key);
            held.is_some_and(|held| held.package == package && held.id.as_deref() == event_id)
        })
    }

    fn home_of(
        &mut self,
        id: ServerId,
        packet: &Packet<'_>,
        request: &Message<'_>,
        call: Option<DialogKey>,
    ) -> Result<Home, Answer> {
        if let Some(call) = call {
            return Ok(Home::Call(call));
        }
        let tag = self.servers.get(id).map(|server| server.tag.clone());
        let cseq = self.random.cseq();
        let dialog = Dialog::from_request(request, &tag.unwrap_or_default(), cseq)
            .map_err(Answer::malformed)?;
        Ok(Home::Own(Box::new(Seat {
            dialog,
            path: Some(Path::of(&self.config.listeners, packet)),
            contact_user: Box::default(),
        })))
    }

    /// RFC 3515 §2.4.6: REFERs after the first in a dialog are told apart by their CSeq.
    fn id_of(
        &self,
        request: &Message<'_>,
        package: Package,
        event_id: Option<&str>,
        call: Option<DialogKey>,
    ) -> Option<Box<str>> {
        if package != REFER {
            return event_id.map(Box::from);
        }
        let is_second = call.is_some_and(|call| self.in_call(call, REFER, None).is_some());
        let number = request.cseq().ok().filter(|_| is_second)?.number;
        Some(number.to_string().into())
    }

    /// 200 with what is granted.
    fn grant(&self, now: Time, key: SubscriptionKey, id: ServerId) -> Answer {
        let left = self
            .subscriptions
            .get(key)
            .map_or(Duration::ZERO, |held| held.until.since(now));
        let mut answer = Answer::new(Status::OK).with("Expires", left.as_secs());
        answer.contact = self.contact_of(key, id);
        debug!(
            subscription = key.0,
            expires_s = left.as_secs(),
            "subscribed"
        );
        answer
    }

    fn contact_of(&self, key: SubscriptionKey, id: ServerId) -> Option<String> {
        let listener = self.config.listeners.get(self.servers.get(id)?.listener)?;
        let user = match &self.subscriptions.get(key)?.home {
            Home::Own(seat) => &seat.contact_user,
            Home::Call(call) => &self.usages.get(*call)?.contact_user,
        };
        Some(contact(listener, user))
    }
}

/// For how long (RFC 6665 §4.2.1.1): not at all for `Expires: 0`; too short a time is refused,
/// unless it is an hour or more.
fn granted(request: &Message<'_>, package: Package) -> Result<Duration, Answer> {
    let asked = request.delta_seconds(Header::Expires).map(u64::from);
    let asked = asked.map_or(package.default, Duration::from_secs);
    if asked.is_zero() || asked >= package.min.min(SHORT_LEASE) {
        return Ok(asked.min(package.max));
    }
    let min_s = package.min.as_secs();
    Err(Answer::new(Status::INTERVAL_TOO_BRIEF).with("Min-Expires", min_s))
}

fn one_a_dialog() -> Answer {
    Answer {
        phrase: Some("One subscription a dialog"),
        ..Answer::new(Status::FORBIDDEN)
    }
}

fn phrased(phrase: &'static str) -> Answer {
    Answer {
        phrase: Some(phrase),
        ..Answer::new(Status::BAD_REQUEST)
    }
}
