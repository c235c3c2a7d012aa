//! Header fields by name, with their compact forms (RFC 3261 §7.3.3, §20), and parsers for their values.

/// A header field this project reads or writes. All others keep their name in the message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the header's own")]
pub enum Header {
    Accept,
    Alert,
    Allow,
    AllowEvents,
    CallId,
    Contact,
    ContentEncoding,
    ContentLength,
    ContentType,
    CSeq,
    Date,
    Event,
    Expires,
    From,
    HistoryInfo,
    MaxForwards,
    MinSe,
    PAssertedIdentity,
    PreferredIdentity,
    Privacy,
    ProxyRequire,
    RAck,
    RSeq,
    Reason,
    RecordRoute,
    ReferTo,
    ReferredBy,
    Replaces,
    Require,
    RetryAfter,
    Route,
    Server,
    SessionExpires,
    Subject,
    SubscriptionState,
    Supported,
    To,
    Unsupported,
    UserAgent,
    Via,
    Warning,
}

use super::method::Method;
use super::transport::Transport;
use super::uri::Host;

/// One Via value (RFC 3261 §20.42, RFC 3581).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Via<'a> {
    /// The whole value as written.
    pub text: &'a str,
    /// `None` for a transport we do not speak.
    pub transport: Option<Transport>,
    /// sent-by host.
    pub host: Host<'a>,
    /// sent-by port.
    pub port: Option<u16>,
    /// The branch parameter.
    pub branch: Option<&'a str>,
    /// The received parameter.
    pub received: Option<&'a str>,
    /// The rport parameter: `Some(None)` when it has no value.
    pub rport: Option<Option<u16>>,
    /// All parameters as written, without the first semicolon.
    pub parameters: &'a str,
}

/// A name-addr or addr-spec with header parameters: From, To, Contact, Route, Refer-To … (RFC 3261 §20.10).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Address<'a> {
    /// The whole value as written.
    pub text: &'a str,
    /// The display name, without quotes, escapes as written.
    pub display: Option<&'a str>,
    /// The URI as written, without brackets.
    pub uri: &'a str,
    /// Header parameters as written, without the first semicolon.
    pub parameters: &'a str,
}

/// CSeq (RFC 3261 §20.16).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CSeq {
    /// Below 2^31.
    pub number: u32,
    /// The method.
    pub method: Method,
}

/// Replaces (RFC 3891 §6.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replaces<'a> {
    /// The Call-ID of the dialog to be replaced.
    pub call_id: &'a str,
    /// Our tag in it: we are the UA that holds it.
    pub to_tag: &'a str,
    /// The peer's tag in it.
    pub from_tag: &'a str,
    /// Only while early.
    pub early_only: bool,
}

impl<'a> Via<'a> {
    /// `None` when it is not a Via value.
    #[must_use]
    pub fn parse(_text: &'a str) -> Option<Self> {
        unimplemented!()
    }
}

impl<'a> Address<'a> {
    /// `None` when it is not an address.
    #[must_use]
    pub fn parse(_text: &'a str) -> Option<Self> {
        unimplemented!()
    }

    /// A header parameter, `Some("")` without value.
    #[must_use]
    pub fn parameter(&self, _name: &str) -> Option<&'a str> {
        unimplemented!()
    }

    /// The tag parameter.
    #[must_use]
    pub fn tag(&self) -> Option<&'a str> {
        self.parameter("tag")
    }
}

impl CSeq {
    /// `None` when it is not a CSeq value.
    #[must_use]
    pub fn parse(_text: &str) -> Option<Self> {
        unimplemented!()
    }
}

impl<'a> Replaces<'a> {
    /// `None` when it is not a Replaces value.
    #[must_use]
    pub fn parse(_text: &'a str) -> Option<Self> {
        unimplemented!()
    }
}

impl Header {
    /// By full or compact name, without case. `None` for a field without a name here.
    #[must_use]
    pub fn parse(_name: &str) -> Option<Self> {
        unimplemented!()
    }

    /// The full name as written on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        unimplemented!()
    }
}
