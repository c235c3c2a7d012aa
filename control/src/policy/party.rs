//! A party: who calls, or who has transferred a call, by the user and host of its URI.

use crate::config::Who;
use crate::sip::header::{Address, Header};
use crate::sip::message::Message;
use crate::sip::uri::{Scheme, Uri};

/// A party. Empty where nothing is known of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Party {
    /// Escapes resolved; the number of a telephone.
    pub(crate) user: Box<str>,
    /// In lower case; empty for a telephone's number.
    pub(crate) host: Box<str>,
}

impl Party {
    /// Who sent a request: P-Asserted-Identity, where a proxy has put it (only trusted ones are
    /// heard; RFC 3325 §6), or else From.
    pub(crate) fn of_request(request: &Message<'_>) -> Self {
        let asserted = request.values(Header::PAssertedIdentity);
        let uri_of = |value| Some(Address::parse(value)?.uri);
        let from = || request.from().ok().map(|from| from.uri);
        let uri = asserted.filter_map(uri_of).next().or_else(from);
        uri.and_then(Self::of_uri).unwrap_or_default()
    }

    /// By its URI; `None` for what is none, and for what names neither a user nor a host.
    pub(crate) fn of_uri(uri: &str) -> Option<Self> {
        let uri = Uri::parse(uri).ok()?;
        let user = uri.user_unescaped().unwrap_or_default();
        match uri.scheme {
            Scheme::Sip | Scheme::Sips => Some(Self {
                user: user.as_ref().into(),
                host: uri.host.to_string().to_ascii_lowercase().into(),
            }),
            // RFC 3966 §3: visual separators mean nothing.
            Scheme::Tel => Some(Self {
                user: user.replace(['-', '.', '(', ')'], "").into(),
                host: Box::default(),
            }),
            Scheme::Other => None,
        }
    }

    /// Whether one of the patterns is about it.
    pub(crate) fn is_one_of(&self, patterns: &[Who]) -> bool {
        patterns
            .iter()
            .any(|who| who.matches(&self.user, &self.host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_is_known_by_user_and_host() {
        let cases = [
            ("sip:ann@Example.com:5070;x=y", "ann", "example.com"),
            ("sips:%61nn@example.com", "ann", "example.com"),
            ("tel:+33-1-40.00(00)00;phone-context=x", "+33140000000", ""),
            ("sip:example.com", "", "example.com"),
        ];
        for (address, user, host) in cases {
            let party = Party::of_uri(address).unwrap();
            assert_eq!((&*party.user, &*party.host), (user, host), "{address}");
        }
        for address in ["mailto:ann@example.com", "", "ann", "sip:"] {
            assert_eq!(Party::of_uri(address), None, "{address}");
        }
    }
}
