//! Session-Expires (RFC 4028).

use std::fmt;

use super::parameter::split_parameters;
use crate::sip::token::number;

/// Session-Expires (RFC 4028 §4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interval {
    /// The session interval, in seconds.
    pub seconds: u32,
    /// Who shall refresh; `None`: the answer decides.
    pub refresher: Option<Refresher>,
}

/// A side of the request that carries the field, or whose answer does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refresher {
    /// Who has sent the request.
    Uac,
    /// Who answers it.
    Uas,
}

impl Interval {
    /// `None` when it is not such a value. More seconds than fit are as many as fit.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (seconds, parameters) = split_parameters(text);
        let refresher = match parameters.find("refresher") {
            None => None,
            Some(who) if who.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(who) if who.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            Some(_) => return None,
        };
        let seconds = u32::try_from(number(seconds)?).unwrap_or(u32::MAX);
        parameters
            .is_well_formed()
            .then_some(Self { seconds, refresher })
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seconds)?;
        match self.refresher {
            None => Ok(()),
            Some(Refresher::Uac) => f.write_str(";refresher=uac"),
            Some(Refresher::Uas) => f.write_str(";refresher=uas"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_and_the_refresher_are_read() {
        for (text, seconds, refresher) in [
            ("1800", 1_800, None),
            ("90 ; Refresher=UAS", 90, Some(Refresher::Uas)),
            ("3600;x=1;refresher=uac", 3_600, Some(Refresher::Uac)),
            ("99999999999", u32::MAX, None),
        ] {
            let read = Interval::parse(text);
            assert_eq!(read, Some(Interval { seconds, refresher }), "{text}");
        }
        for wrong in ["", "-1", "soon", "90;refresher=me", "90;;", "90 s"] {
            assert_eq!(Interval::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        for text in ["90", "1800;refresher=uac", "1800;refresher=uas"] {
            assert_eq!(Interval::parse(text).unwrap().to_string(), text);
        }
    }
}
