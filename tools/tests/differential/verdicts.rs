//! Where the others read a message otherwise than we do, and what RFC 3261 says to it.
//!
//! Who is right stands first in each reason. "We, by choice" is where the grammar would refuse what
//! we take or leaves open what we refuse.

use control::sip::header::{Header, Via};
use control::sip::message::{Message, Start};
use control::sip::method::Method;
use control::sip::uri::{Scheme, Uri};

use crate::reading::{self, Reading};

/// The other parsers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Oracle {
    /// ezk-sip-types
    Ezk,
    /// rsipstack
    Rsipstack,
}

impl Oracle {
    pub(crate) const ALL: [Self; 2] = [Self::Ezk, Self::Rsipstack];

    /// What it makes of a message.
    pub(crate) fn read(self, bytes: &[u8]) -> Option<Reading> {
        match self {
            Self::Ezk => reading::ezk(bytes),
            Self::Rsipstack => reading::rsipstack(bytes),
        }
    }
}

/// A disagreement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// They take what we refuse, for this reason.
    TheyTake(&'static str),
    /// They refuse what we take.
    TheyRefuse,
    /// Both take it, and this part differs.
    Part(&'static str),
    /// They panic.
    TheyPanic,
}

/// One disagreement and its verdict.
pub(crate) struct Verdict {
    pub(crate) oracle: Oracle,
    pub(crate) kind: Kind,
    /// Holds for the messages it is about, where we take them.
    pub(crate) when: fn(&Case<'_>) -> bool,
    /// The torture messages it occurs on, all of them.
    pub(crate) torture: &'static [&'static str],
    pub(crate) why: &'static str,
}

/// A message that we take.
pub(crate) struct Case<'a> {
    pub(crate) message: Message<'a>,
    pub(crate) bytes: &'a [u8],
}

use Kind::{Part, TheyRefuse, TheyTake};
use Oracle::{Ezk, Rsipstack};

/// They take what we refuse.
const fn taken(
    oracle: Oracle,
    what: &'static str,
    torture: &'static [&'static str],
    why: &'static str,
) -> Verdict {
    Verdict {
        oracle,
        kind: TheyTake(what),
        when: |_| true,
        torture,
        why,
    }
}

/// Both take it, or only we.
const fn read(
    oracle: Oracle,
    kind: Kind,
    when: fn(&Case<'_>) -> bool,
    torture: &'static [&'static str],
    why: &'static str,
) -> Verdict {
    Verdict {
        oracle,
        kind,
        when,
        torture,
        why,
    }
}

const CSEQ_RANGE: &str = "CSeq is not a number below 2^31 and a method";
const CSEQ_OTHER: &str = "CSeq names another method";
const LENGTH: &str = "Content-Length is not one number";
const START: &str = "start line is not that of a request or response";
const CONTROL: &str = "control character in the header";
const FIELD: &str = "a line is not a header field";
const CALL_ID: &str = "Call-ID is not a Call-ID or too long";
const HOPS: &str = "Max-Forwards is not a number";
const FROM: &str = "From is not an address";
const TO: &str = "To is not an address";
const VIA: &str = "Via is not a Via";
const BRANCH: &str = "branch too long or doubled";
const FROM_TAG: &str = "From has a wrong tag";
const URI: &str = "Request-URI is not a URI";
const END: &str = "no end of the header";

pub(crate) const VERDICTS: &[Verdict] = &[
    // ezk-sip-types: what it takes.
    taken(
        Ezk,
        CSEQ_RANGE,
        &["bad_cseq_limit"],
        "We, §8.1.1.5: below 2^31",
    ),
    taken(
        Ezk,
        CSEQ_OTHER,
        &[
            "bad_ack_mismatch",
            "bad_method_mismatch",
            "bad_method_mismatch_unknown",
        ],
        "We, §8.1.1.5: it leaves the comparison to its caller",
    ),
    taken(
        Ezk,
        LENGTH,
        &["bad_length_twice"],
        "We, §7.3.1: it takes the first of two",
    ),
    taken(
        Ezk,
        START,
        &[
            "bad_start_space_behind",
            "bad_start_two_spaces",
            "bad_uri_space",
        ],
        "We, §7.1: single spaces, none in the URI",
    ),
    taken(
        Ezk,
        CONTROL,
        &["bad_nul", "bad_smuggled_field"],
        "We, §25.1: no control characters, CRLF alone ends a line",
    ),
    taken(
        Ezk,
        END,
        &["bad_line_feeds"],
        "We, §7: it takes LF for CRLF",
    ),
    taken(
        Ezk,
        FIELD,
        &["bad_field_without_name"],
        "We, §7.3.1: a field without a name",
    ),
    taken(
        Ezk,
        CALL_ID,
        &["bad_call_id_space"],
        "We, §25.1: a word has no space and no comma",
    ),
    taken(
        Ezk,
        HOPS,
        &["bad_max_forwards"],
        "We, §20.22: it looks only when asked",
    ),
    taken(
        Ezk,
        FROM,
        &["bad_from_with_rest"],
        "We, §20.20: it ignores what follows an address",
    ),
    taken(
        Ezk,
        TO,
        &["bad_open_quote"],
        "We, §25.1: it ignores what follows an address",
    ),
    taken(
        Ezk,
        VIA,
        &["bad_separators"],
        "We, §25.1: it ignores what follows a Via",
    ),
    taken(
        Ezk,
        BRANCH,
        &["bad_branch_twice"],
        "We, §7.3.1: a parameter stands once",
    ),
    taken(
        Ezk,
        FROM_TAG,
        &["bad_tag_twice"],
        "We, §7.3.1: a parameter stands once",
    ),
    taken(
        Ezk,
        URI,
        &["bad_uri_runs_on"],
        "We, §7.1: it ignores what follows the version",
    ),
    taken(
        Ezk,
        "more than one From header",
        &["semantic_from_twice"],
        "We, §7.3.1",
    ),
    taken(
        Ezk,
        "more than one To header",
        &["semantic_to_twice"],
        "We, §7.3.1",
    ),
    taken(
        Ezk,
        "more than one Call-ID header",
        &["semantic_call_id_twice"],
        "We, §7.3.1",
    ),
    taken(
        Ezk,
        "more than one CSeq header",
        &["semantic_cseq_twice"],
        "We, §7.3.1",
    ),
    taken(
        Ezk,
        "more than one Max-Forwards header",
        &["semantic_max_forwards_twice"],
        "We, §7.3.1",
    ),
    taken(
        Ezk,
        "too many header fields",
        &["bad_many_fields"],
        "Both: a limit of ours",
    ),
    // ezk-sip-types: what it refuses or reads otherwise.
    read(
        Ezk,
        TheyRefuse,
        has_other_scheme,
        &[
            "semantic_known_scheme_no_call",
            "semantic_unknown_scheme",
            "semantic_unknown_scheme_elsewhere",
        ],
        "We, §25.1: an absoluteURI, to be answered 416 (§8.2.2.1)",
    ),
    read(
        Ezk,
        TheyRefuse,
        has_folded_address,
        &["valid_white_space"],
        "We, §7.3.1: white space and folds between the parts of a value",
    ),
    read(
        Ezk,
        TheyRefuse,
        has_lower_version,
        &["valid_case"],
        "We, §7.1: no case",
    ),
    read(
        Ezk,
        TheyRefuse,
        has_other_protocol,
        &["valid_via_protocol"],
        "We, §25.1: protocol-name is any token",
    ),
    read(
        Ezk,
        TheyRefuse,
        has_odd_uri,
        &["valid_token_characters"],
        "They by the grammar of a user; we by choice: nothing is ambiguous",
    ),
    read(
        Ezk,
        Part("start"),
        is_nearly_known,
        &["semantic_method_case"],
        "We, §7.1: it compares without case, and only the beginning",
    ),
    read(
        Ezk,
        Part("cseq"),
        is_nearly_known,
        &["semantic_method_case"],
        "We, §7.1: it compares without case, and only the beginning",
    ),
    read(
        Ezk,
        Part("branch"),
        has_odd_parameters,
        &["valid_percent_in_method"],
        "We, §25.1: a token has no escapes; and names have no case",
    ),
    read(
        Ezk,
        Part("from_tag"),
        has_odd_parameters,
        &["valid_percent_in_method"],
        "We, §25.1: a token has no escapes; and names have no case",
    ),
    // rsipstack: what it takes.
    taken(
        Rsipstack,
        CSEQ_RANGE,
        &["bad_cseq_limit"],
        "We, §8.1.1.5: below 2^31",
    ),
    taken(
        Rsipstack,
        CSEQ_OTHER,
        &["bad_ack_mismatch", "bad_method_mismatch"],
        "We, §8.1.1.5: it leaves the comparison to its caller",
    ),
    taken(
        Rsipstack,
        LENGTH,
        &["bad_length_huge", "bad_length_negative", "bad_length_twice"],
        "We, §20.14: it counts what is no number as 0, and takes the last of two",
    ),
    taken(
        Rsipstack,
        "body shorter than Content-Length",
        &["bad_length_too_long"],
        "We, §18.3: it takes what there is",
    ),
    taken(
        Rsipstack,
        "body too large",
        &["bad_large_body"],
        "Both: a limit of ours",
    ),
    taken(
        Rsipstack,
        START,
        &["bad_start_space_behind"],
        "We, §7.1: nothing behind the version",
    ),
    taken(
        Rsipstack,
        CONTROL,
        &["bad_nul", "bad_smuggled_field"],
        "We, §25.1: no control characters, CRLF alone ends a line",
    ),
    taken(
        Rsipstack,
        "header is not UTF-8",
        &["bad_latin1"],
        "We, §7: it stops reading there",
    ),
    taken(
        Rsipstack,
        FIELD,
        &["bad_field_name", "bad_field_without_name", "bad_no_colon"],
        "We, §7.3.1: it skips lines that are no fields",
    ),
    taken(
        Rsipstack,
        CALL_ID,
        &["bad_call_id_space"],
        "We, §25.1: a word has no space and no comma",
    ),
    taken(
        Rsipstack,
        HOPS,
        &["bad_max_forwards"],
        "We, §20.22: it looks only when asked",
    ),
    taken(
        Rsipstack,
        FROM,
        &["bad_from_with_rest"],
        "We, §20.20: it is content with less than an address",
    ),
    taken(
        Rsipstack,
        TO,
        &["bad_open_quote", "bad_space_in_address"],
        "We, §25.1: it is content with less than an address",
    ),
    taken(
        Rsipstack,
        VIA,
        &["bad_separators", "ipv6_via_without_brackets"],
        "We, §25.1: empty parameters; RFC 5118 §4.2: references stand in brackets",
    ),
    taken(
        Rsipstack,
        BRANCH,
        &["bad_branch_twice"],
        "We, §7.3.1: a parameter stands once",
    ),
    taken(
        Rsipstack,
        FROM_TAG,
        &["bad_tag_twice"],
        "We, §7.3.1: a parameter stands once",
    ),
    taken(
        Rsipstack,
        URI,
        &[
            "bad_escape",
            "bad_two_hosts",
            "bad_uri_brackets",
            "bad_uri_runs_on",
            "ipv6_without_brackets",
        ],
        "We, §19.1.1: it takes the last @, any escape, any host, and peels brackets",
    ),
    taken(
        Rsipstack,
        "Request-URI too long",
        &["bad_long_uri"],
        "Both: a limit of ours",
    ),
    taken(
        Rsipstack,
        "only SIP/2.0 is spoken here",
        &["bad_version"],
        "Both: it leaves 505 to its caller",
    ),
    taken(
        Rsipstack,
        "more than one From header",
        &["semantic_from_twice"],
        "We, §7.3.1",
    ),
    taken(
        Rsipstack,
        "more than one To header",
        &["semantic_to_twice"],
        "We, §7.3.1",
    ),
    taken(
        Rsipstack,
        "more than one Call-ID header",
        &["semantic_call_id_twice"],
        "We, §7.3.1",
    ),
    taken(
        Rsipstack,
        "more than one CSeq header",
        &["semantic_cseq_twice"],
        "We, §7.3.1",
    ),
    taken(
        Rsipstack,
        "more than one Max-Forwards header",
        &["semantic_max_forwards_twice"],
        "We, §7.3.1",
    ),
    taken(
        Rsipstack,
        "too many header fields",
        &["bad_many_fields"],
        "Both: a limit of ours",
    ),
    // rsipstack: what it refuses or reads otherwise.
    read(
        Rsipstack,
        TheyRefuse,
        has_unknown_method,
        &[
            "semantic_unknown_method",
            "valid_percent_in_method",
            "valid_token_characters",
        ],
        "We, §7.1: extension methods exist, to be answered 501",
    ),
    read(
        Rsipstack,
        TheyRefuse,
        has_lower_version,
        &["valid_case"],
        "We, §7.1: no case",
    ),
    read(
        Rsipstack,
        TheyRefuse,
        has_unknown_transport,
        &["valid_via_transport"],
        "We, §25.1: other-transport",
    ),
    read(
        Rsipstack,
        TheyRefuse,
        has_odd_uri,
        &["valid_semicolon_first"],
        "We, §25.1: semicolon and question mark may stand in a user",
    ),
    read(
        Rsipstack,
        Part("uri"),
        has_other_scheme,
        &["semantic_known_scheme_no_call", "semantic_unknown_scheme"],
        "We, §25.1: an absoluteURI has no host that we know of",
    ),
    read(
        Rsipstack,
        Part("uri"),
        has_odd_uri,
        &["valid_escaped_user", "valid_semicolon_in_user"],
        "We, §19.1.2: escapes are resolved, and the first @ ends the user whatever is in it",
    ),
    read(
        Rsipstack,
        Part("start"),
        is_nearly_known,
        &["semantic_method_case"],
        "We, §7.1: methods have case",
    ),
    read(
        Rsipstack,
        Part("cseq"),
        is_nearly_known,
        &["semantic_method_case"],
        "We, §7.1: methods have case",
    ),
    read(
        Rsipstack,
        Part("branch"),
        has_odd_parameters,
        &["valid_spaced_branch"],
        "We, §7.3.1: white space may stand around the equals sign",
    ),
    read(
        Rsipstack,
        Part("from_tag"),
        has_odd_parameters,
        &["valid_white_space"],
        "We, §7.3.1: white space may stand around the equals sign",
    ),
    read(
        Rsipstack,
        Part("body_bytes"),
        |case| case.message.header(Header::ContentLength).is_none(),
        &["valid_no_content_length"],
        "We, §18.3: the datagram's end is the body's end",
    ),
];

/// The URIs of request line, From and To.
fn uris<'a>(case: &Case<'a>) -> Vec<Uri<'a>> {
    let message = &case.message;
    let from = message.from().ok().map(|from| from.uri);
    let to = message.to().ok().map(|to| to.uri);
    let all = [message.request_uri(), from, to].into_iter().flatten();
    all.filter_map(|uri| Uri::parse(uri).ok()).collect()
}

fn has_other_scheme(case: &Case<'_>) -> bool {
    let is_other = |uri: &Uri<'_>| !matches!(uri.scheme, Scheme::Sip | Scheme::Sips);
    uris(case).iter().any(is_other)
}

/// Whether a URI has letters that the grammar would have escaped, or that others stumble over.
fn has_odd_uri(case: &Case<'_>) -> bool {
    let is_plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*')
    };
    uris(case).iter().any(|uri| {
        let user = uri.user.unwrap_or("").bytes();
        let rest = uri
            .password
            .into_iter()
            .chain([uri.parameters, uri.headers]);
        user.into_iter().any(|byte| !is_plain(byte))
            || uri.host.to_string().contains('_')
            || uri.parameters.split(';').any(|one| one.ends_with('='))
            || rest
                .flat_map(str::bytes)
                .any(|byte| !is_plain(byte) && byte != b'=')
    })
}

fn has_folded_address(case: &Case<'_>) -> bool {
    let needed = [Header::Via, Header::From, Header::To, Header::CSeq];
    needed
        .into_iter()
        .filter_map(|header| case.message.header(header))
        .any(|value| value.contains(['\r', '\t']) || value.contains("  ") || value.contains(": "))
}

fn has_lower_version(case: &Case<'_>) -> bool {
    let line = case
        .bytes
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or(b"");
    !line.windows(4).any(|four| four == b"SIP/")
}

fn has_other_protocol(case: &Case<'_>) -> bool {
    case.message
        .top_via()
        .is_ok_and(|via| !via.text.starts_with("SIP/2.0/"))
}

fn has_unknown_transport(case: &Case<'_>) -> bool {
    let via = case.message.values(Header::Via).next().and_then(Via::parse);
    via.is_some_and(|via| via.transport.is_none())
}

fn has_unknown_method(case: &Case<'_>) -> bool {
    let cseq = case.message.cseq().map(|cseq| cseq.method);
    case.message.method() == Some(Method::Other) || cseq == Ok(Method::Other)
}

/// Whether an unknown method begins like a known one, but for case.
fn is_nearly_known(case: &Case<'_>) -> bool {
    let cseq = case.message.header(Header::CSeq).unwrap_or("");
    let cseq = cseq.split_ascii_whitespace().nth(1).unwrap_or("");
    let token = match case.message.start() {
        Start::Request { token, .. } => token,
        Start::Response { .. } => cseq,
    };
    let token = token.to_ascii_uppercase();
    let known = [
        "INVITE", "ACK", "CANCEL", "BYE", "REGISTER", "MESSAGE", "OPTIONS", "PUBLISH",
    ];
    known.iter().any(|known| token.starts_with(known)) && Method::parse(cseq) == Method::Other
}

/// Whether parameters have escapes, letters beyond tokens, white space, or names in capitals.
fn has_odd_parameters(case: &Case<'_>) -> bool {
    let via = case.message.top_via().map_or("", |via| via.parameters);
    let from = case.message.from().map_or("", |from| from.parameters);
    let to = case.message.to().map_or("", |to| to.parameters);
    [via, from, to].iter().any(|parameters| {
        let mut rest = parameters.split(';');
        rest.any(|one| {
            let (name, value) = one.split_once('=').unwrap_or((one, ""));
            let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-.!*_+`'~".contains(&byte);
            !value.bytes().all(is_token)
                || one.ends_with('=')
                || name.bytes().any(|b| !b.is_ascii_lowercase())
        })
    })
}
