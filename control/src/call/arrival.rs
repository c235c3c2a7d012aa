//! An INVITE as the call layer sees it: whom it dials, what it offers, whether a transfer brought
//! it.

use std::net::IpAddr;

use shared::RtcpPort;

use super::Exchange;
use super::identity::Identity;
use super::leg::Codecs;
use super::limits::HISTORY_BYTES_MAX;
use super::refusal::Refusal;
use crate::park::{Dialled, ParkToken};
use crate::policy::Party;
use crate::sdp::{Description, Direction, Local, Session};
use crate::sip::header::{Address, Header, Replaces};
use crate::sip::message::Message;
use crate::sip::uri::{Scheme, Uri};

/// What is kept of an INVITE until it is answered.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) dialled: Dialled,
    /// Which parked call it is for, where it says so.
    pub(crate) token: Option<ParkToken>,
    /// Host and port of the Request-URI: a name of ours that this peer can reach.
    pub(crate) host: Box<str>,
    pub(crate) identity: Identity,
    /// Whether a transfer brought it (RFC 3892).
    pub(crate) referred: Referred,
    /// Who sent it, as the trusted network says.
    pub(crate) caller: Party,
    /// From where.
    pub(crate) source: IpAddr,
    /// Whether it takes the place of another leg (RFC 3891).
    pub(crate) replaces: bool,
    /// Who is called back should nobody retrieve it.
    pub(crate) parker: Option<Box<str>>,
    /// Where it has been before; `None` as well where that is too long to keep.
    pub(crate) history: Option<Box<str>>,
    /// The party that the call was for at first.
    pub(crate) called: Option<Party>,
    /// `None` when the INVITE leaves the offer to us (RFC 3261 §13.2.1).
    pub(crate) offer: Option<Offer>,
    /// Streams asked for so far.
    pub(crate) attempts: u8,
}

/// Whether a request was caused by a REFER.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Referred {
    Yes,
    No,
}

/// An offer that was found acceptable.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) description: Description,
    /// The codecs of ours in it, in its order.
    pub(crate) codecs: Codecs,
    /// Whether RTCP may share the RTP port (RFC 5761).
    pub(crate) rtcp_mux: bool,
}

impl Arrival {
    /// Where RTCP of its stream must be.
    pub(crate) fn rtcp(&self) -> RtcpPort {
        match &self.offer {
            Some(offer) if offer.rtcp_mux => RtcpPort::Mux,
            Some(_) | None => RtcpPort::Next,
        }
    }
}

impl Exchange {
    /// Reads an INVITE, and its offer far enough to know that it can be answered.
    pub(crate) fn read_arrival(
        &self,
        request: &Message<'_>,
        source: IpAddr,
    ) -> Result<Arrival, Refusal> {
        let uri = request
            .request_uri()
            .and_then(|text| Uri::parse(text).ok())
            .ok_or(Refusal::BadRequest("Request-URI"))?;
        let referred = match request.header(Header::ReferredBy) {
            Some(_) => Referred::Yes,
            None => Referred::No,
        };
        Ok(Arrival {
            dialled: self.dialled(uri.user_unescaped().as_deref().unwrap_or_default()),
            token: ParkToken::of(&uri)?,
            host: host_of(&uri),
            identity: Identity::of(request),
            referred,
            replaces: request.header(Header::Replaces).is_some(),
            caller: Party::of_request(request),
            source,
            parker: request.header(Header::ReferredBy).and_then(callable),
            history: history(request),
            called: called(request),
            offer: None,
            attempts: 0,
        })
    }

    /// The offer of an INVITE, if it has one, found acceptable.
    pub(crate) fn read_offer(&self, body: Option<&[u8]>) -> Result<Option<Offer>, Refusal> {
        let Some(body) = body else {
            return Ok(None);
        };
        let local = Local {
            address: (self.rules.media.advertise, 9).into(),
            codecs: self.rules.media.codecs.clone(),
            direction: Direction::SendRecv,
        };
        let description = Description::parse(body)?;
        let agreed = Session::new(0).foresee(&description, &local)?;
        Ok(Some(Offer {
            codecs: self.known(&description.codecs()?),
            description,
            rtcp_mux: agreed.rtcp_mux,
        }))
    }

    /// Those codecs that the operator allows.
    pub(crate) fn known(&self, codecs: &[shared::Codec]) -> Codecs {
        let allowed = &self.rules.media.codecs;
        codecs
            .iter()
            .copied()
            .filter(|codec| allowed.contains(codec))
            .collect()
    }
}

fn called(request: &Message<'_>) -> Option<Party> {
    let first = request.values(Header::HistoryInfo).next();
    let first = first.and_then(|entry| Party::of_uri(Address::parse(entry)?.uri));
    first.or_else(|| Party::of_uri(request.to().ok()?.uri))
}

fn history(request: &Message<'_>) -> Option<Box<str>> {
    let entries: Vec<&str> = request.values(Header::HistoryInfo).collect();
    let history = entries.join(", ");
    let is_kept = (1..=HISTORY_BYTES_MAX).contains(&history.len());
    is_kept.then(|| history.into())
}

/// The URI of an address as the target of an INVITE of ours (RFC 3261 §19.1.5): without header
/// fields. `None` for what we cannot call.
pub(crate) fn callable(address: &str) -> Option<Box<str>> {
    let address = Address::parse(address)?;
    let uri = Uri::parse(address.uri).ok()?;
    let target = uri.text.split('?').next().unwrap_or_default();
    (uri.scheme == Scheme::Sip).then(|| target.into())
}

/// Host and port of a URI.
pub(crate) fn host_of(uri: &Uri<'_>) -> Box<str> {
    match uri.port {
        Some(port) => format!("{}:{port}", uri.host).into(),
        None => uri.host.to_string().into(),
    }
}

/// The dialog that an INVITE wants to replace, if it does (RFC 3891 §3).
pub(crate) fn replaces<'a>(request: &Message<'a>) -> Result<Option<Replaces<'a>>, Refusal> {
    let mut values = request.values(Header::Replaces);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Refusal::BadRequest("more than one Replaces"));
    }
    Replaces::parse(value)
        .map(Some)
        .ok_or(Refusal::BadRequest("Replaces"))
}
