//! Request inspection (RFC 3261 §8.2): what is wrong with a request, and the answer that says so.
//!
//! Absent on purpose: dialogs and transactions; what a body says.

use super::Agent;
use super::respond::Answer;
use crate::sip::header::Header;
use crate::sip::message::Message;
use crate::sip::method::Method;
use crate::sip::status::Status;
use crate::sip::transport::Packet;
use crate::sip::uri::{Host, Scheme, Uri};

/// The one type of body an INVITE may have.
pub(super) const SDP: &str = "application/sdp";

/// Option tags that Require may name: Replaces is the layer above's (RFC 3891).
pub(super) const SUPPORTED: &str = "100rel, eventlist, from-change, norefersub, replaces, timer";

/// The body of a request or response where it is a session description; bodies of other types are
/// optional and may be left unread (RFC 3261 §20.11).
#[must_use]
pub fn session_description<'a>(message: &Message<'a>) -> Option<&'a [u8]> {
    let body = message.body();
    let is_session = disposition(message).is_none_or(|d| d.is("session"));
    (!body.is_empty() && is_session && is_sdp(message)).then_some(body)
}

impl Agent {
    /// §8.2.1. ACK and CANCEL do not come here.
    pub(super) fn check_method(&self, method: Method) -> Result<(), Answer> {
        if method == Method::Other {
            return Err(Answer::new(Status::NOT_IMPLEMENTED).with("Allow", &self.allow));
        }
        if !self.methods.contains(&method) {
            return Err(Answer::new(Status::METHOD_NOT_ALLOWED).with("Allow", &self.allow));
        }
        Ok(())
    }

    /// §8.2.2.1: is the request for us? Also: has it been here before (a Via of ours), has it come
    /// too far?
    pub(super) fn check_target(
        &self,
        packet: &Packet<'_>,
        request: &Message<'_>,
        method: Method,
    ) -> Result<(), Answer> {
        let uri = Uri::parse(request.request_uri().unwrap_or_default())
            .map_err(|_| phrased(Status::BAD_REQUEST, "Request-URI is not a URI"))?;
        if uri.scheme != Scheme::Sip {
            return Err(Answer::new(Status::UNSUPPORTED_URI_SCHEME));
        }
        if !self.is_ours(packet, uri.host) {
            return Err(phrased(Status::NOT_FOUND, "Domain not served here"));
        }
        if method != Method::Invite {
            return Ok(());
        }
        if self.has_our_via(request) {
            return Err(Answer::new(Status::LOOP_DETECTED));
        }
        // We are a B2BUA: what we do with an INVITE goes on from here (RFC 7332).
        let hops = request
            .header(Header::MaxForwards)
            .map(|value| value.trim().parse::<u32>());
        match hops {
            Some(Ok(0)) => Err(Answer::new(Status::TOO_MANY_HOPS)),
            _ => Ok(()),
        }
    }

    /// §8.2.2.3. Proxy-Require is not for us.
    pub(super) fn check_require(&self, request: &Message<'_>) -> Result<(), Answer> {
        let unsupported: Vec<_> = request
            .values(Header::Require)
            .map(str::trim)
            .filter(|tag| !tag.is_empty() && !is_supported(tag))
            .collect();
        if unsupported.is_empty() {
            return Ok(());
        }
        Err(Answer::new(Status::BAD_EXTENSION).with("Unsupported", unsupported.join(", ")))
    }

    /// §8.2.3, for an INVITE.
    pub(super) fn check_content(&self, request: &Message<'_>) -> Result<(), Answer> {
        if request.body().is_empty() {
            return Ok(());
        }
        let disposition = disposition(request);
        if disposition.as_ref().is_some_and(Disposition::is_optional) {
            return Ok(());
        }
        let is_encoded = request
            .values(Header::ContentEncoding)
            .any(|encoding| !encoding.trim().eq_ignore_ascii_case("identity"));
        if is_encoded {
            return Err(unsupported_media().with("Accept-Encoding", "identity"));
        }
        if request.header(Header::ContentType).is_none() {
            return Err(phrased(Status::BAD_REQUEST, "no Content-Type header"));
        }
        let is_session = disposition.is_none_or(|disposition| disposition.is("session"));
        let is_known = self.bodies.iter().any(|body| is_of_type(request, body));
        if (is_session && is_sdp(request)) || is_known {
            return Ok(());
        }
        Err(unsupported_media())
    }

    /// Whether a host names this server.
    fn is_ours(&self, packet: &Packet<'_>, host: Host<'_>) -> bool {
        match host {
            Host::Address(address) => {
                let is_unknown = packet.local.ip().is_unspecified();
                // Behind an address translator, callers name an address that is not ours.
                let mut domains = self.config.domains.iter();
                is_unknown
                    || packet.local.ip() == address
                    || domains.any(|domain| domain.parse() == Ok(address))
                    || self.config.listeners.iter().any(|listener| {
                        listener.local.ip() == address || listener.advertise.parse() == Ok(address)
                    })
            }
            Host::Name(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                let advertised = self
                    .config
                    .listeners
                    .iter()
                    .map(|listener| &listener.advertise);
                // A socket bound to every address does not say which one was meant.
                let is_loopback =
                    packet.local.ip().is_loopback() || packet.source.ip().is_loopback();
                (is_loopback && name.eq_ignore_ascii_case("localhost"))
                    || self
                        .config
                        .domains
                        .iter()
                        .any(|domain| domain.eq_ignore_ascii_case(name))
                    || { advertised }.any(|host| host.eq_ignore_ascii_case(name))
            }
        }
    }

    /// §16.3 step 4, RFC 5393: a request that went out from here must not come in again.
    fn has_our_via(&self, request: &Message<'_>) -> bool {
        use crate::sip::header::Via;
        request
            .values(Header::Via)
            .filter_map(Via::parse)
            .any(|via| {
                let port = via.port.unwrap_or(5060);
                self.config.listeners.iter().any(|listener| {
                    let is_host = match via.host {
                        Host::Address(address) => {
                            listener.local.ip() == address
                                || listener.advertise.parse() == Ok(address)
                        }
                        Host::Name(name) => listener.advertise.eq_ignore_ascii_case(name),
                    };
                    listener.local.port() == port && is_host
                })
            })
    }
}

/// Content-Disposition (§20.11).
struct Disposition<'a> {
    value: &'a str,
}

impl Disposition<'_> {
    fn is(&self, kind: &str) -> bool {
        let first = self.value.split(';').next().unwrap_or_default();
        first.trim().eq_ignore_ascii_case(kind)
    }

    fn is_optional(&self) -> bool {
        self.value.split(';').skip(1).any(|parameter| {
            let mut halves = parameter.splitn(2, '=').map(str::trim);
            let is_handling = halves
                .next()
                .is_some_and(|n| n.eq_ignore_ascii_case("handling"));
            is_handling
                && halves
                    .next()
                    .is_some_and(|v| v.eq_ignore_ascii_case("optional"))
        })
    }
}

fn disposition<'a>(message: &Message<'a>) -> Option<Disposition<'a>> {
    message
        .fields()
        .find(|(name, _)| name.eq_ignore_ascii_case("Content-Disposition"))
        .map(|(_, value)| Disposition { value })
}

fn is_sdp(message: &Message<'_>) -> bool {
    is_of_type(message, SDP)
}

fn is_of_type(message: &Message<'_>, wanted: &str) -> bool {
    let value = message.header(Header::ContentType).unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case(wanted)
}

fn unsupported_media() -> Answer {
    Answer::new(Status::UNSUPPORTED_MEDIA_TYPE).with("Accept", SDP)
}

fn phrased(status: Status, phrase: &'static str) -> Answer {
    Answer {
        phrase: Some(phrase),
        ..Answer::new(status)
    }
}

fn is_supported(tag: &str) -> bool {
    let mut tags = SUPPORTED.split(", ");
    tags.any(|supported| supported.eq_ignore_ascii_case(tag))
}
