//! REFER (RFC 3515) as a way to park: outside of any call with a Refer-To that names the parkee and
//! its dialog with the parker (RFC 5359 §2.15), or within a retrieved call with a Refer-To that
//! names the park address or an orbit.
//!
//! A REFER makes us call somebody. So it is obeyed only where that somebody is in a dialog already,
//! which Replaces names; where Refer-To leads to a host that the operator allows; for so many at
//! once; and nothing but Replaces is taken from the header fields of its URI.

use std::net::IpAddr;

use shared::Time;

use super::fetch::{Asker, Fetch, Outcome, Wanted};
use super::permit::Parker;
use super::{Dialled, Orbit, ParkToken};
use crate::call::arrival::{callable, host_of};
use crate::call::end::Farewell;
use crate::call::limits::OPEN_TIMEOUT;
use crate::call::{Call, CallKey, Exchange, Refusal, State, Wish};
use crate::happening::Dialect;
use crate::lamp::End;
use crate::policy::Party;
use crate::sip::agent::{Closing, DialogKey, DialogName, Reply, Stance, SubscriptionKey};
use crate::sip::header::{Address, Header, Replaces};
use crate::sip::message::Message;
use crate::sip::status::Status;
use crate::sip::uri::{Scheme, Uri};
use crate::sip::write::Body;

/// A REFER that was accepted, until its sender knows how it ended.
#[derive(Debug)]
pub(crate) struct Referral {
    subscription: SubscriptionKey,
    /// Host and port of its Request-URI: a name of ours that its sender can reach.
    host: Box<str>,
}

/// What a REFER asks for.
pub(super) enum Request {
    /// The call of this dialog, which ends here, is to be parked for the other end of it.
    Ours(CallKey, DialogKey),
    /// The call of somebody else.
    Theirs(Wanted),
}

impl Exchange {
    /// Takes a REFER.
    pub(crate) fn referred(
        &mut self,
        now: Time,
        subscription: SubscriptionKey,
        dialog: Option<DialogKey>,
        request: &Message<'_>,
        source: IpAddr,
    ) {
        if let Err(refusal) = self.obey_refer(now, subscription, dialog, request, source) {
            let call_id = request.call_id().unwrap_or_default();
            let (status, text) = (refusal.status(), self.words(refusal));
            tracing::info!(call_id, %status, "REFER refused: {text}");
            self.tell_refer_refused(request, dialog.is_some(), refusal);
            let reply = self.refusal_reply(refusal);
            self.agent
                .refuse_subscription(now, subscription, status, reply);
        }
    }

    fn obey_refer(
        &mut self,
        now: Time,
        subscription: SubscriptionKey,
        dialog: Option<DialogKey>,
        request: &Message<'_>,
        source: IpAddr,
    ) -> Result<(), Refusal> {
        self.take_on()?;
        let refer_to = refer_to(request)?;
        let host = host_of(&request_uri(request)?);
        let referral = Referral { subscription, host };
        let party = Party::of_request(request);
        if let Some(dialog) = dialog {
            let orbit = self.park_target(&refer_to)?;
            let parker = self.parker_of(&party, Some(source), orbit)?;
            let (key, _) = self.call_of(dialog).ok_or(Refusal::DialogEnded)?;
            let parkee = { self.calls[&key].other(dialog) }.ok_or(Refusal::NoConversation)?;
            return self.repark(now, key, parkee, (orbit, &parker), referral);
        }
        let orbit = self.park_target(&request_uri(request)?)?;
        let parker = self.parker_of(&party, Some(source), orbit)?;
        match self.wanted(request, &refer_to, &referral.host)? {
            Request::Ours(key, parkee) => self.repark(now, key, parkee, (orbit, &parker), referral),
            Request::Theirs(wanted) => {
                let fetch = Fetch::new(Asker::Refer(referral), wanted);
                let (_, orbit) = self.fetch(now, orbit, &parker, fetch)?;
                self.accept_refer(now, subscription, orbit);
                Ok(())
            }
        }
    }

    /// The orbit that a URI of ours asks to be parked in; `None` for any.
    pub(super) fn park_target(&self, uri: &Uri<'_>) -> Result<Option<Orbit>, Refusal> {
        match self.dialled(uri.user_unescaped().as_deref().unwrap_or_default()) {
            Dialled::Park => Ok(None),
            Dialled::Orbit(orbit) | Dialled::ParkAt(orbit) => Ok(Some(orbit)),
            Dialled::Retrieve(_) | Dialled::RetrieveWhat | Dialled::Unknown => {
                Err(Refusal::UnknownUser)
            }
        }
    }

    /// What a request outside of a call wants parked.
    pub(super) fn wanted(
        &self,
        request: &Message<'_>,
        refer_to: &Uri<'_>,
        host: &str,
    ) -> Result<Request, Refusal> {
        let replaces = refer_to.header("Replaces");
        let replaces = replaces.ok_or(Refusal::NoConversation)?;
        let replaces =
            Replaces::parse(&replaces).ok_or(Refusal::BadRequest("Replaces in Refer-To"))?;
        if let Some((key, parkee)) = self.ours(&replaces)? {
            return Ok(Request::Ours(key, parkee));
        }
        if !self.rules.refer_to.allows(refer_to) {
            return Err(Refusal::ReferToElsewhere);
        }
        let target = refer_to.text.split('?').next().unwrap_or_default();
        let referred_by = request.header(Header::ReferredBy);
        let from = request.from().map_or("", |from| from.text);
        let parker = callable(referred_by.unwrap_or(from));
        let referred_by = match (referred_by, &parker) {
            (Some(value), _) => Some(value.into()),
            (None, Some(parker)) => Some(format!("<{parker}>").into()),
            (None, None) => None,
        };
        Ok(Request::Theirs(Wanted {
            target: target.into(),
            call_id: replaces.call_id.into(),
            to_tag: replaces.to_tag.into(),
            from_tag: replaces.from_tag.into(),
            referred_by,
            parker,
            host: host.into(),
        }))
    }

    /// The call and the parkee, where the dialog is one of ours: a call that was retrieved through
    /// us is parked again without calling anybody. A call that is parked is not parked twice.
    fn ours(&self, replaces: &Replaces<'_>) -> Result<Option<(CallKey, DialogKey)>, Refusal> {
        let named = |local_tag, remote_tag| {
            self.agent.find(&DialogName {
                call_id: replaces.call_id,
                local_tag,
                remote_tag,
            })
        };
        // To-tag is of who is to be parked. That is us where the parker speaks through us; the
        // other end of it is meant.
        let found = match named(replaces.to_tag, replaces.from_tag) {
            Some(parker) => { self.call_of(parker) }
                .map(|(key, state)| (key, state, self.calls[&key].other(parker))),
            None => match named(replaces.from_tag, replaces.to_tag) {
                Some(parkee) => {
                    { self.call_of(parkee) }.map(|(key, state)| (key, state, Some(parkee)))
                }
                None => return Ok(None),
            },
        };
        match found {
            Some((key, State::Bridged(_), Some(parkee))) => Ok(Some((key, parkee))),
            Some((_, State::Parked(_) | State::Recalling(..) | State::Retrieving(..), _)) => {
                Err(Refusal::DoublePark)
            }
            _ => Err(Refusal::NoConversation),
        }
    }

    fn accept_refer(&mut self, now: Time, subscription: SubscriptionKey, orbit: Orbit) {
        let user = self.orbits.number(orbit);
        self.agent
            .accept_subscription(now, subscription, &user, Reply::default());
    }

    /// Parks one leg of a bridge; the other one's is over.
    fn repark(
        &mut self,
        now: Time,
        key: CallKey,
        parkee: DialogKey,
        (orbit, parker): (Option<Orbit>, &Parker),
        referral: Referral,
    ) -> Result<(), Refusal> {
        let Some(State::Bridged(_)) = self.state(key) else {
            return Err(Refusal::NoConversation);
        };
        let leaves = { self.calls[&key].other(parkee) }.expect("a bridge has two legs");
        let uri = self.agent.remote(leaves).and_then(callable);
        let anew = self.new_call_key();
        let orbit = self.take_orbit(orbit, anew, parker)?;
        self.accept_refer(now, referral.subscription, orbit);
        self.part(now, key, anew, parkee, (orbit, uri));
        let token = ParkToken::new(&mut self.random);
        self.legs.get_mut(&parkee).expect("a call has legs").orbit = orbit;
        self.begin_waiting(now, anew, orbit, token, Dialect::ReferInCall);
        self.tell_referrer(now, &referral, Outcome::Parked(orbit, token));
        self.end_leg(now, leaves, Farewell::Parked);
        self.wish(now, parkee, Wish::PARKED);
        Ok(())
    }

    /// One leg of a bridge begins a call of its own; the other call is over.
    pub(super) fn part(
        &mut self,
        now: Time,
        key: CallKey,
        anew: CallKey,
        parkee: DialogKey,
        (orbit, parker): (Orbit, Option<Box<str>>),
    ) {
        self.news.farewell = Some((key, Farewell::Parked));
        let before = self.remove_call(key, End::of(Farewell::Parked));
        let mut call = Call::new(parkee, State::Fetching(orbit), parker);
        call.history = before.expect("the caller looked").history;
        self.legs.get_mut(&parkee).expect("a call has legs").call = anew;
        self.enter_call(now + OPEN_TIMEOUT, anew, call);
    }

    /// Tells who sent a REFER how it ended: a response (RFC 3420) that says the orbit, and how to
    /// retrieve safely; or why the call is the parker's still.
    pub(super) fn tell_referrer(&mut self, now: Time, referral: &Referral, outcome: Outcome) {
        let (status, headers) = match outcome {
            Outcome::Parked(orbit, token) => {
                let host = &referral.host;
                let (number, user) = (self.orbits.number(orbit), self.orbits.user(orbit));
                let safe = self.safe_uri(orbit, token, host);
                let identity = format!("\"Orbit {number}\" <sip:{user}@{host}>");
                let headers = vec![
                    (Header::Contact, format!("<sip:{user}@{host}>")),
                    (Header::PAssertedIdentity, identity),
                    (Header::CallInfo, format!("<{safe}>;purpose=park")),
                ];
                (Status::OK, headers)
            }
            Outcome::Failed(refusal) => (refusal.status(), self.refusal_reply(refusal).headers),
        };
        let mut text = format!("SIP/2.0 {status} {}\r\n", status.reason());
        for (header, value) in headers {
            text += &format!("{}: {value}\r\n", header.name());
        }
        let body = Some(Body {
            content_type: "message/sipfrag;version=2.0",
            bytes: text.into_bytes(),
        });
        let headers = Vec::new();
        let last = Stance::Terminated(Closing::NoResource);
        self.agent
            .notify(now, referral.subscription, Reply { headers, body }, last);
    }
}

/// Where a REFER leads: a SIP URI that is to be called, not to be sent something else.
pub(super) fn refer_to<'a>(request: &Message<'a>) -> Result<Uri<'a>, Refusal> {
    let value = request.header(Header::ReferTo);
    let address = value.and_then(Address::parse);
    let uri = address.and_then(|address| Uri::parse(address.uri).ok());
    let uri = uri.ok_or(Refusal::BadRequest("Refer-To"))?;
    let method = uri.parameter("method").unwrap_or("INVITE");
    if uri.scheme != Scheme::Sip || method != "INVITE" {
        return Err(Refusal::BadRequest("Refer-To is no sip: URI to call"));
    }
    Ok(uri)
}

pub(super) fn request_uri<'a>(request: &Message<'a>) -> Result<Uri<'a>, Refusal> {
    request
        .request_uri()
        .and_then(|text| Uri::parse(text).ok())
        .ok_or(Refusal::BadRequest("Request-URI"))
}
