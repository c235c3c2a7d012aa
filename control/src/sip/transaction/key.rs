//! How a message finds its transaction (RFC 3261 §17.1.3, §17.2.3).

use std::fmt::Write as _;

use crate::sip::header::Via;
use crate::sip::message::Message;
use crate::sip::method::Method;

/// What marks a branch that is unique by construction (§8.1.1.7).
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// A branch parameter of ours: 64 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Branch(pub u64);

/// The name of a client transaction: its branch, and the method since a CANCEL shares that of its
/// INVITE (§17.1.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ClientKey {
    /// Ours.
    pub branch: Branch,
    /// That of CSeq.
    pub method: Method,
}

/// The name of a server transaction (§17.2.3).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ServerKey {
    text: Box<str>,
    method: Method,
}

impl Branch {
    /// `None` for a branch that is not of our making.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(MAGIC_COOKIE)?;
        let is_ours = digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_ours {
            return None;
        }
        u64::from_str_radix(digits, 16).ok().map(Self)
    }
}

impl std::fmt::Display for Branch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{MAGIC_COOKIE}{:016x}", self.0)
    }
}

impl ServerKey {
    /// The transaction that `request` belongs to or begins. An ACK belongs to the INVITE's.
    #[must_use]
    pub fn of(request: &Message<'_>, via: &Via<'_>) -> Self {
        let method = match request.method() {
            Some(Method::Ack) => Method::Invite,
            Some(method) => method,
            None => Method::Other,
        };
        Self::for_method(request, via, method)
    }

    /// The INVITE transaction that a CANCEL means (§9.2).
    #[must_use]
    pub fn cancelled_by(cancel: &Message<'_>, via: &Via<'_>) -> Self {
        Self::for_method(cancel, via, Method::Invite)
    }

    /// Whether the peer named it by a unique branch; if not (RFC 2543), an ACK must also carry our
    /// tag.
    #[must_use]
    pub fn is_unique(&self) -> bool {
        self.text.starts_with('3')
    }

    fn for_method(request: &Message<'_>, via: &Via<'_>, method: Method) -> Self {
        let mut text = String::with_capacity(96);
        match via.branch {
            Some(branch) if branch.starts_with(MAGIC_COOKIE) => {
                let port = via.port.unwrap_or(5060);
                let _ = write!(text, "3\n{branch}\n{}:{port}", via.host);
                let host_at = text.len() - text.rsplit('\n').next().map_or(0, str::len);
                text[host_at..].make_ascii_lowercase();
            }
            _ => Self::write_rfc2543(&mut text, request, via, method),
        }
        Self {
            text: text.into(),
            method,
        }
    }

    /// The whole of what §17.2.3 compares. To's tag is left out for INVITE: neither its ACK nor its
    /// CANCEL repeats it.
    fn write_rfc2543(text: &mut String, request: &Message<'_>, via: &Via<'_>, method: Method) {
        let uri = request.request_uri().unwrap_or_default();
        let call_id = request.call_id().unwrap_or_default();
        let from_tag = request.from_tag().unwrap_or_default();
        let number = request.cseq().map_or(0, |cseq| cseq.number);
        let to_tag = match method {
            Method::Invite => "",
            _ => request.to_tag().unwrap_or_default(),
        };
        let _ = write!(
            text,
            "2\n{uri}\n{to_tag}\n{from_tag}\n{call_id}\n{number}\n{}",
            via.text
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, via: &str, to: &str) -> String {
        format!(
            "{method} sip:700@192.0.2.9 SIP/2.0\r\nVia: {via}\r\nFrom: <sip:a@192.0.2.1>;tag=f1\r\n\
             To: <sip:700@192.0.2.9>{to}\r\nCall-ID: k1@192.0.2.1\r\nCSeq: 7 {method}\r\n\
             Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
    }

    fn key(text: &str) -> ServerKey {
        let message = Message::parse(text.as_bytes()).unwrap();
        ServerKey::of(&message, &message.top_via().unwrap())
    }

    #[test]
    fn a_branch_is_read_back_as_written_and_no_other_is_taken_for_ours() {
        let branch = Branch(0x0123_4567_89ab_cdef);
        assert_eq!(Branch::parse(&branch.to_string()), Some(branch));
        for foreign in [
            "z9hG4bK",
            "z9hG4bK+123456789abcdef",
            "0123456789abcdef",
            "z9hG4bK1",
        ] {
            assert_eq!(Branch::parse(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn an_ack_finds_its_invite_and_a_cancel_names_it() {
        let via = "SIP/2.0/UDP a.test;branch=z9hG4bK77";
        let invite = key(&request("INVITE", via, ""));
        assert_eq!(invite, key(&request("ACK", via, ";tag=x")));
        let cancel = request("CANCEL", via, "");
        assert_ne!(invite, key(&cancel));
        let cancel = Message::parse(cancel.as_bytes()).unwrap();
        let named = ServerKey::cancelled_by(&cancel, &cancel.top_via().unwrap());
        assert_eq!(invite, named);
    }

    #[test]
    fn sent_by_counts_without_case_and_with_its_default_port() {
        let plain = key(&request(
            "INVITE",
            "SIP/2.0/UDP a.test;branch=z9hG4bK77",
            "",
        ));
        let full = key(&request(
            "INVITE",
            "SIP/2.0/UDP A.Test:5060;branch=z9hG4bK77",
            "",
        ));
        let other = key(&request(
            "INVITE",
            "SIP/2.0/UDP a.test:5062;branch=z9hG4bK77",
            "",
        ));
        assert_eq!(plain, full);
        assert_ne!(plain, other);
    }

    #[test]
    fn without_the_magic_cookie_the_whole_request_names_the_transaction() {
        let via = "SIP/2.0/UDP a.test;branch=1";
        let invite = key(&request("INVITE", via, ""));
        assert!(!invite.is_unique());
        assert_eq!(invite, key(&request("ACK", via, ";tag=ours")));
        assert_ne!(
            invite,
            key(&request("INVITE", "SIP/2.0/UDP b.test;branch=1", ""))
        );
        assert_ne!(
            key(&request("BYE", via, ";tag=x")),
            key(&request("BYE", via, ";tag=y"))
        );
    }
}
