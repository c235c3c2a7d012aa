//! Header fields by name, with their compact forms (RFC 3261 §7.3.3, §20), and parsers for their
//! values.
//!
//! One kind of value a file. A value may be folded: every parser here takes line breaks as white
//! space.

mod address;
mod cseq;
mod names;
mod parameter;
mod replaces;
mod session_expires;
mod via;

pub use super::token::unfold;
pub use address::Address;
pub use cseq::CSeq;
pub use parameter::{Parameters, split_parameters};
pub use replaces::Replaces;
pub use session_expires::{Interval, Refresher};
pub use via::Via;

/// Whether the grammar of a field is a comma-separated list (RFC 3261 §7.3.1).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    List,
    One,
}

macro_rules! headers {
    ($($header:ident $name:literal $compact:literal $form:ident,)*) => {
        /// A header field this project reads or writes. All others keep their name in the message.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Header {
            $(#[doc = $name] $header,)*
        }

        impl Header {
            const ALL: &'static [Self] = &[$(Self::$header,)*];

            /// The full name as written on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$header => $name,)*
                }
            }

            /// The compact form, empty where there is none.
            const fn compact(self) -> &'static str {
                match self {
                    $(Self::$header => $compact,)*
                }
            }

            const fn form(self) -> Form {
                match self {
                    $(Self::$header => Form::$form,)*
                }
            }
        }
    };
}

headers! {
    Accept "Accept" "" List,
    AcceptEncoding "Accept-Encoding" "" List,
    AcceptLanguage "Accept-Language" "" List,
    Alert "Alert-Info" "" List,
    Allow "Allow" "" List,
    AllowEvents "Allow-Events" "u" List,
    CallId "Call-ID" "i" One,
    CallInfo "Call-Info" "" List,
    Contact "Contact" "m" List,
    ContentDisposition "Content-Disposition" "" One,
    ContentEncoding "Content-Encoding" "e" List,
    ContentLength "Content-Length" "l" One,
    ContentType "Content-Type" "c" One,
    CSeq "CSeq" "" One,
    Date "Date" "" One,
    Event "Event" "o" One,
    Expires "Expires" "" One,
    From "From" "f" One,
    HistoryInfo "History-Info" "" List,
    MaxForwards "Max-Forwards" "" One,
    MinExpires "Min-Expires" "" One,
    MinSe "Min-SE" "" One,
    MsDiagnostics "ms-diagnostics" "" One,
    PAssertedIdentity "P-Asserted-Identity" "" List,
    PreferredIdentity "P-Preferred-Identity" "" List,
    Privacy "Privacy" "" One,
    ProxyRequire "Proxy-Require" "" List,
    RAck "RAck" "" One,
    RSeq "RSeq" "" One,
    Reason "Reason" "" List,
    RecordRoute "Record-Route" "" List,
    ReferSub "Refer-Sub" "" One,
    ReferTo "Refer-To" "r" One,
    ReferredBy "Referred-By" "b" One,
    Replaces "Replaces" "" One,
    Require "Require" "" List,
    RetryAfter "Retry-After" "" One,
    Route "Route" "" List,
    Server "Server" "" One,
    SessionExpires "Session-Expires" "x" One,
    Subject "Subject" "s" One,
    SubscriptionState "Subscription-State" "" One,
    Supported "Supported" "k" List,
    Timestamp "Timestamp" "" One,
    To "To" "t" One,
    Unsupported "Unsupported" "" List,
    UserAgent "User-Agent" "" One,
    Via "Via" "v" List,
    Warning "Warning" "" List,
}

impl Header {
    /// By full or compact name, without case. `None` for a field without a name here.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        names::find(name)
    }

    /// Whether several values may stand in one field, separated by commas.
    #[must_use]
    pub const fn is_list(self) -> bool {
        matches!(self.form(), Form::List)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_without_case() {
        for header in Header::ALL {
            assert_eq!(Header::parse(header.name()), Some(*header));
            assert_eq!(
                Header::parse(&header.name().to_ascii_uppercase()),
                Some(*header)
            );
        }
    }

    #[test]
    fn compact_forms_are_found() {
        for (compact, header) in [
            ("v", Header::Via),
            ("F", Header::From),
            ("t", Header::To),
            ("i", Header::CallId),
            ("m", Header::Contact),
            ("L", Header::ContentLength),
            ("c", Header::ContentType),
            ("e", Header::ContentEncoding),
            ("k", Header::Supported),
            ("s", Header::Subject),
            ("r", Header::ReferTo),
            ("b", Header::ReferredBy),
            ("o", Header::Event),
            ("u", Header::AllowEvents),
            ("x", Header::SessionExpires),
        ] {
            assert_eq!(Header::parse(compact), Some(header), "{compact}");
        }
    }

    #[test]
    fn unknown_and_empty_names_have_no_header() {
        for name in ["", "q", "Vi", "Via ", "X-Orbit"] {
            assert_eq!(Header::parse(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_date_is_no_list_although_it_has_a_comma() {
        assert!(!Header::Date.is_list());
        assert!(Header::Route.is_list());
    }
}
