//! One message as each parser reads it, in the same words.

use bytes::Bytes;
use control::sip::header::Header;
use control::sip::message::{Malformed, Message, Start};
use control::sip::uri::Uri;
use ezk_sip_types::header::typed::{CSeq, CallID, ContentLength, FromTo, Via};
use ezk_sip_types::msg::{Line, MessageLine, PullParser};
use ezk_sip_types::parse::Parse;
use ezk_sip_types::{Headers, Name};
use rsipstack::sip::{HasHeaders, HeadersExt, SipMessage, ToTypedHeader};

/// What a message says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reading {
    /// The method, or the status code.
    pub(crate) start: String,
    /// User (without escapes), host (in lower case) and port of the Request-URI.
    pub(crate) uri: Option<(Option<String>, String, Option<u16>)>,
    pub(crate) call_id: String,
    pub(crate) cseq: (u32, String),
    pub(crate) branch: Option<String>,
    pub(crate) from_tag: Option<String>,
    pub(crate) to_tag: Option<String>,
    pub(crate) field_count: usize,
    pub(crate) body_bytes: usize,
}

impl Reading {
    /// The names of the parts that differ.
    pub(crate) fn differences(&self, other: &Self) -> Vec<&'static str> {
        let parts = [
            ("start", self.start != other.start),
            ("uri", self.uri != other.uri),
            ("call_id", self.call_id != other.call_id),
            ("cseq", self.cseq != other.cseq),
            ("branch", self.branch != other.branch),
            ("from_tag", self.from_tag != other.from_tag),
            ("to_tag", self.to_tag != other.to_tag),
            ("field_count", self.field_count != other.field_count),
            ("body_bytes", self.body_bytes != other.body_bytes),
        ];
        parts
            .into_iter()
            .filter_map(|(name, differs)| differs.then_some(name))
            .collect()
    }
}

/// As we read it.
pub(crate) fn ours(bytes: &[u8]) -> Result<Reading, Malformed> {
    let message = Message::parse(bytes)?;
    let cseq_token = message.header(Header::CSeq).unwrap_or("");
    let cseq_token = cseq_token.split_ascii_whitespace().nth(1);
    let uri = message.request_uri().and_then(|uri| Uri::parse(uri).ok());
    Ok(Reading {
        start: match message.start() {
            Start::Request { token, .. } => token.to_owned(),
            Start::Response { status, .. } => status.to_string(),
        },
        uri: uri.map(|uri| {
            let user = uri.user_unescaped().map(|user| user.into_owned());
            let host = uri.host.to_string().to_ascii_lowercase();
            (user, host, uri.port)
        }),
        call_id: message.call_id()?.to_owned(),
        cseq: (message.cseq()?.number, cseq_token.unwrap_or("").to_owned()),
        branch: message.top_via()?.branch.map(str::to_owned),
        from_tag: message.from_tag().map(str::to_owned),
        to_tag: message.to_tag().map(str::to_owned),
        field_count: message.fields().count(),
        body_bytes: message.body().len(),
    })
}

/// As ezk-sip-types reads it. It leaves the body to its caller: cut as RFC 3261 §18.3 wants it.
pub(crate) fn ezk(bytes: &[u8]) -> Option<Reading> {
    let source = Bytes::copy_from_slice(bytes);
    let mut lines = PullParser::new(&source, 0);
    let start = str::from_utf8(lines.next()?.ok()?).ok()?;
    let (_, start) = MessageLine::parse(&source)(start).ok()?;
    let mut headers = Headers::new();
    let mut field_count = 0;
    for line in &mut lines {
        let line = str::from_utf8(line.ok()?).ok()?;
        let (_, line) = Line::parse(&source, line).ok()?;
        headers.insert(line.name, line.value);
        field_count += 1;
    }
    let rest = source.len() - lines.head_end();
    let body_bytes = match headers.try_get_named::<ContentLength>() {
        Some(length) => Some(length.ok()?.0).filter(|length| *length <= rest)?,
        None => rest,
    };
    let cseq: CSeq = headers.get_named().ok()?;
    let via: Via = headers.get_named().ok()?;
    let (start, uri) = match start {
        MessageLine::Response(line) => (line.code.into_u16().to_string(), None),
        MessageLine::Request(line) => {
            // It does not give its user part out, but prints it, escaped.
            let printed = format!("{:?}", line.uri);
            let printed = Uri::parse(&printed).ok()?;
            let user = printed.user_unescaped().map(|user| user.into_owned());
            let host = line.uri.host_port.host.to_string().to_ascii_lowercase();
            (
                line.method.to_string(),
                Some((user, host, line.uri.host_port.port)),
            )
        }
    };
    let tag = |name| -> Option<Option<String>> {
        let value: FromTo = headers.get(name).ok()?;
        Some(value.tag.map(|tag| tag.to_string()))
    };
    Some(Reading {
        start,
        uri,
        call_id: headers.get_named::<CallID>().ok()?.0.to_string(),
        cseq: (cseq.cseq, cseq.method.to_string()),
        branch: via.params.get_val("branch").map(ToString::to_string),
        from_tag: tag(Name::FROM)?,
        to_tag: tag(Name::TO)?,
        field_count,
        body_bytes,
    })
}

/// As rsipstack reads it.
pub(crate) fn rsipstack(bytes: &[u8]) -> Option<Reading> {
    let message = SipMessage::try_from(bytes).ok()?;
    let (start, uri, body_bytes) = match &message {
        SipMessage::Request(request) => {
            let user = request.uri.auth.as_ref().map(|auth| auth.user.clone());
            let host = request
                .uri
                .host_with_port
                .host
                .to_string()
                .to_ascii_lowercase();
            let port = request.uri.host_with_port.port.as_ref();
            let port = port.and_then(|port| port.to_string().parse().ok());
            let uri = (user, host, port);
            (request.method.to_string(), Some(uri), request.body.len())
        }
        SipMessage::Response(response) => {
            let code = response.status_code.code().to_string();
            (code, None, response.body.len())
        }
    };
    let cseq = message.cseq_header().ok()?.typed().ok()?;
    let via = message.top_via_header().ok()?.typed().ok()?;
    let from = message.from_header().ok()?.typed().ok()?;
    let to = message.to_header().ok()?.typed().ok()?;
    Some(Reading {
        start,
        uri,
        call_id: message.call_id_header().ok()?.value().to_owned(),
        cseq: (cseq.seq, cseq.method.to_string()),
        branch: via.branch().map(|branch| branch.value().to_owned()),
        from_tag: from.tag().map(|tag| tag.value().to_owned()),
        to_tag: to.tag().map(|tag| tag.value().to_owned()),
        field_count: message.headers().len(),
        body_bytes,
    })
}
