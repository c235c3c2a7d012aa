//! The torture messages and what must become of each: in the categories of RFC 4475 §3.1 and §3.3
//! and of RFC 5118, every message our own.
//!
//! Two verdicts: the parser's, and that of a user agent that got the message first of all, by UDP
//! at [`LOCAL`] from [`SOURCE`], and serves [`DOMAINS`]. Include this file with `#[path]` to
//! drive either.

#![allow(
    dead_code,
    reason = "each test that includes the table uses its own part"
)]

/// Hosts the agent serves besides the address of [`LOCAL`].
pub(crate) const DOMAINS: &[&str] = &["pbx.test"];
/// Where the messages arrive.
pub(crate) const LOCAL: &str = "[2001:db8::10]:5060";
/// Where they come from.
pub(crate) const SOURCE: &str = "[2001:db8::20]:5080";

/// One message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Torture {
    /// The file's name without its extension.
    pub(crate) name: &'static str,
    /// The datagram.
    pub(crate) bytes: &'static [u8],
    /// What the parser says.
    pub(crate) parse: Parse,
    /// What a user agent answers.
    pub(crate) answer: Answer,
    /// Why.
    pub(crate) why: &'static str,
}

/// The parser's verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Parse {
    /// A message.
    Valid,
    /// Not one: the status that says so, and the reason.
    Malformed(u16, &'static str),
}

/// The agent's verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    /// The layer above gets the INVITE.
    Invite,
    /// This final status is sent, and the layer above hears nothing.
    Status(u16),
    /// Nothing is sent, nothing is heard, something is counted.
    Silence,
}

use Answer::{Invite, Silence, Status};
use Parse::{Malformed, Valid};

const NOT_START: Parse = Malformed(400, "start line is not that of a request or response");
const NOT_URI: Parse = Malformed(400, "Request-URI is not a URI");
const NOT_CSEQ: Parse = Malformed(400, "CSeq is not a number below 2^31 and a method");
const NOT_LENGTH: Parse = Malformed(400, "Content-Length is not one number");
const NOT_FIELD: Parse = Malformed(400, "a line is not a header field");
const NOT_VIA: Parse = Malformed(400, "Via is not a Via");
const NOT_CLEAN: Parse = Malformed(400, "control character in the header");
const OTHER_METHOD: Parse = Malformed(400, "CSeq names another method");

macro_rules! table {
    ($($name:ident $parse:expr, $answer:expr, $why:literal;)*) => {
        /// All messages.
        pub(crate) const TABLE: &[Torture] = &[$(Torture {
            name: stringify!($name),
            bytes: include_bytes!(concat!(stringify!($name), ".sip")),
            parse: $parse,
            answer: $answer,
            why: $why,
        },)*];
    };
}

table! {
    // Valid, though hard to read (RFC 4475 §3.1.1).
    valid_white_space Valid, Invite, "white space and folds wherever the grammar has them";
    valid_token_characters Valid, Status(501), "a token has more letters than one thinks";
    valid_escaped_user Valid, Invite, "escapes in a user, a host they seem to name is none";
    valid_escaped_nul Valid, Status(405), "an escaped NUL is a character like any other";
    valid_percent_in_method Valid, Status(501), "a percent sign in a method escapes nothing";
    valid_no_space_before_bracket Valid, Status(200), "a name may touch its bracket";
    valid_long_values Valid, Invite, "long values within the limits";
    valid_octets_behind_body Valid, Status(200), "what follows the body is no message (§18.3)";
    valid_semicolon_in_user Valid, Status(200), "a semicolon ahead of the @ is the user's";
    valid_transports Valid, Status(200), "only the top Via's transport is ours";
    valid_binary_body Valid, Status(405), "a body is bytes";
    valid_reason_utf8 Valid, Silence, "a reason phrase is any text";
    valid_reason_empty Valid, Silence, "or none";
    valid_compact_forms Valid, Invite, "all compact forms (§7.3.3)";
    valid_case Valid, Invite, "names, schemes, hosts and the version have no case (§7.1, §7.3.1)";
    valid_breaks_first Valid, Status(200), "CRLFs ahead of the start line are skipped (§7.5)";
    valid_old_client Valid, Invite, "neither branch nor tag, as in RFC 2543 (§8.2.6.2, §17.2.3)";
    valid_no_content_length Valid, Invite, "the datagram's end is the body's end (§18.3)";
    valid_uri_headers Valid, Invite, "headers in a Request-URI are not acted on (§19.1.1)";
    valid_odd_date Valid, Invite, "a Date that does not exist does no harm here";
    valid_name_without_quotes Valid, Status(200), "phones do not quote; nothing is ambiguous";
    valid_empty_user Valid, Invite, "gateways write it for callers who hide";
    valid_overlarge_numbers Valid, Status(200), "they count as the most there is (§20.19, §20.22)";
    valid_via_protocol Valid, Status(200), "§25.1: protocol and version of a Via are tokens";
    valid_via_transport Valid, Status(200), "§25.1: it came by UDP, whatever its Via says";
    valid_spaced_branch Valid, Status(200), "§25.1: EQUAL has white space around it";
    valid_semicolon_first Valid, Status(200), "§25.1: a user may begin with a semicolon";

    // Invalid (RFC 4475 §3.1.2).
    bad_separators NOT_VIA, Silence, "the Via that would carry the answer is wrong";
    bad_contact_separators Valid, Status(400), "a Contact of an INVITE must be an address";
    bad_length_too_long Malformed(400, "body shorter than Content-Length"), Status(400), "§18.3";
    bad_length_negative NOT_LENGTH, Status(400), "§20.14: a length is digits";
    bad_length_twice NOT_LENGTH, Status(400), "two lengths: where does the message end?";
    bad_length_huge NOT_LENGTH, Status(400), "beyond 64 bits, and 1 modulo 2^64";
    bad_cseq_range NOT_CSEQ, Status(400), "§8.1.1.5: below 2^31; this is 0 modulo 2^64";
    bad_cseq_limit NOT_CSEQ, Status(400), "§8.1.1.5: the first that is too large";
    bad_max_forwards Malformed(400, "Max-Forwards is not a number"), Status(400), "§20.22";
    bad_response_scalars NOT_CSEQ, Silence, "a response is dropped, not answered";
    bad_open_quote Malformed(400, "To is not an address"), Status(400), "a quote must close";
    bad_uri_brackets NOT_URI, Status(400), "no brackets in a request line";
    bad_uri_space NOT_START, Status(400), "no white space in a request line's URI";
    bad_start_two_spaces NOT_START, Status(400), "§7.1: single spaces";
    bad_start_space_behind NOT_START, Status(400), "§7.1: nothing behind the version";
    bad_start_folded NOT_START, Silence, "a start line cannot be folded; it took the Via along";
    bad_contact_without_brackets Valid, Status(400), "§20: `?` needs brackets";
    bad_space_in_address Malformed(400, "To is not an address"), Status(400), "a URI has no space";
    bad_version Malformed(505, "only SIP/2.0 is spoken here"), Status(505), "§21.5.6";
    bad_version_unanswerable NOT_START, Silence, "another protocol gets no answer in ours";
    bad_method_mismatch OTHER_METHOD, Status(400), "§8.1.1.5: the CSeq's method is the request's";
    bad_method_mismatch_unknown OTHER_METHOD, Status(400), "for unknown methods too, with case";
    bad_ack_mismatch OTHER_METHOD, Silence, "an ACK is never answered (§17)";
    bad_status_overflow NOT_START, Silence, "must not be taken modulo 2^32";
    bad_no_call_id Malformed(400, "no Call-ID header"), Status(400), "§8.1.1";
    bad_no_cseq Malformed(400, "no CSeq header"), Silence, "its answer would need one";
    bad_no_via Malformed(400, "no Via header"), Silence, "nobody to answer to";
    bad_cut_off Malformed(400, "no end of the header"), Status(400), "a datagram that was cut";
    bad_line_feeds Malformed(400, "no end of the header"), Status(400), "§7: CRLF ends a line";
    bad_smuggled_field NOT_CLEAN, Status(400), "a field to some, the end of a Subject to others";
    bad_nul NOT_CLEAN, Status(400), "§25.1: TEXT-UTF8 has no control characters";
    bad_latin1 Malformed(400, "header is not UTF-8"), Status(400), "§7: UTF-8";
    bad_no_colon NOT_FIELD, Status(400), "§7.3.1";
    bad_field_name NOT_FIELD, Status(400), "§7.3.1: the name is a token";
    bad_tag_twice Malformed(400, "From has a wrong tag"), Status(400), "§7.3.1: once only";
    bad_escape NOT_URI, Status(400), "a percent sign and one digit";
    bad_two_hosts NOT_URI, Status(400), "to some it names one host, to others another";
    bad_long_uri Malformed(414, "Request-URI too long"), Status(414), "§21.4.12";
    bad_many_fields Malformed(400, "too many header fields"), Status(400), "our limit";
    bad_large_body Malformed(413, "body too large"), Status(413), "§21.4.11: our limit";

    bad_field_without_name NOT_FIELD, Status(400), "§7.3.1: a field has a name";
    bad_call_id_space Malformed(400, "Call-ID is not a Call-ID or too long"), Status(400), "§20.8";
    bad_from_with_rest Malformed(400, "From is not an address"), Status(400), "§20.20";
    bad_branch_twice Malformed(400, "branch too long or doubled"), Silence, "which is ours?";
    bad_uri_runs_on NOT_URI, Status(400), "a port that runs into a version";

    // For the layer above the parser (RFC 4475 §3.3).
    semantic_from_twice Malformed(400, "more than one From header"), Status(400), "§7.3.1";
    semantic_call_id_twice Malformed(400, "more than one Call-ID header"), Status(400), "§7.3.1";
    semantic_to_twice Malformed(400, "more than one To header"), Status(400), "§7.3.1";
    semantic_cseq_twice Malformed(400, "more than one CSeq header"), Status(400), "§7.3.1";
    semantic_max_forwards_twice Malformed(400, "more than one Max-Forwards header"), Status(400),
        "§7.3.1: which of them counts?";
    semantic_unknown_method Valid, Status(501), "§21.5.2";
    semantic_method_case Valid, Status(501), "§7.1: methods have case";
    semantic_publish Valid, Status(405), "§8.2.1: known, not served";
    semantic_unknown_scheme Valid, Status(416), "§8.2.2.1";
    semantic_known_scheme_no_call Valid, Status(416), "§8.2.2.1: a web page cannot be called";
    semantic_unknown_scheme_elsewhere Valid, Status(200), "§8.2.2.1: To and From may have any";
    semantic_require Valid, Status(420), "§8.2.2.3, with both in Unsupported";
    semantic_proxy_require Valid, Status(200), "§20.29: for proxies only";
    semantic_body_type Valid, Status(415), "§8.2.3";
    semantic_body_encoding Valid, Status(415), "§8.2.3";
    semantic_body_optional Valid, Invite, "§20.11: handling=optional";
    semantic_unknown_authorization Valid, Status(200), "nobody was asked for credentials";
    semantic_no_hops Valid, Status(483), "a B2BUA is the hop too many (RFC 7332)";
    semantic_no_hops_options Valid, Status(200), "§11: it has arrived";
    semantic_no_contact Valid, Status(400), "§12.1.1: a dialog needs one";
    semantic_other_host Valid, Status(404), "§8.2.2.1: not for us";
    semantic_stray_ack Valid, Silence, "§17: never answered";
    semantic_stray_bye Valid, Status(481), "§15.1.2";
    semantic_stray_cancel Valid, Status(481), "§9.2";
    semantic_stray_reinvite Valid, Status(481), "§12.2.2";
    semantic_broadcast_response Valid, Silence, "forwarded to nobody (§18.1.2)";

    // IPv6 (RFC 5118).
    ipv6_everywhere Valid, Invite, "references in every URI and in SDP";
    ipv6_without_brackets NOT_URI, Status(400), "RFC 5118 §4.2";
    ipv6_port_in_brackets Valid, Status(404), "RFC 5118 §4.3: it is part of the address";
    ipv6_port_behind_brackets Valid, Status(200), "RFC 5118 §4.3";
    ipv6_received_in_brackets Valid, Status(200), "RFC 5118 §4.5: be liberal";
    ipv6_received_plain Valid, Status(200), "RFC 5118 §4.5: the grammar's form";
    ipv6_long_form Valid, Status(200), "compared as an address, not as text";
    ipv6_mixed_hops Valid, Invite, "both families on the way (RFC 5118 §4.7)";
    ipv6_mapped_address Valid, Invite, "RFC 5118 §4.9";
    ipv6_three_colons NOT_URI, Status(400), "RFC 5118 §4.10: an old grammar's error";
    ipv6_zone_in_contact Valid, Status(400), "zones are not in the grammar of RFC 3261";
    ipv6_via_without_brackets NOT_VIA, Silence, "a sent-by that cannot be read";
    ipv6_response Valid, Silence, "a response to nothing we sent";
}
