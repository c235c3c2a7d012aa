//! Why an offer or answer did not lead to a session, and how SIP says so.

/// Why no session could be agreed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SdpError {
    /// Not SDP: 400.
    #[error("not a session description")]
    Syntax,
    /// No m=audio over RTP/AVP that is not disabled: 488, Warning 304.
    #[error("no audio over RTP/AVP")]
    NoAudio,
    /// No codec in common: 488, Warning 305.
    #[error("no codec in common")]
    NoCodec,
    /// Address family or network type we cannot use: 488, Warning 301.
    #[error("network address not usable")]
    Address,
    /// The answer does not fit the offer: end the call.
    #[error("the answer does not fit the offer")]
    Mismatch,
    /// An answer came without an offer outstanding, or an offer while one is.
    #[error("offer and answer out of order")]
    OutOfOrder,
}

impl SdpError {
    /// Code and text of the Warning header field (RFC 3261 §20.43), without quotes. 399 where no
    /// code fits.
    #[must_use]
    pub const fn warning(&self) -> (u16, &'static str) {
        match self {
            Self::NoAudio => (
                304,
                "Media type not available: audio over RTP/AVP is needed",
            ),
            Self::NoCodec => (305, "Incompatible media format: no codec in common"),
            Self::Address => (301, "Incompatible network address format"),
            Self::Syntax => (399, "Session description not understood"),
            Self::Mismatch => (399, "Answer does not fit the offer"),
            Self::OutOfOrder => (399, "Offer and answer out of order"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_carries_the_warning_code_of_its_cause() {
        let codes = [
            (SdpError::NoAudio, 304),
            (SdpError::NoCodec, 305),
            (SdpError::Address, 301),
            (SdpError::Syntax, 399),
            (SdpError::Mismatch, 399),
            (SdpError::OutOfOrder, 399),
        ];
        for (error, code) in codes {
            let (given, text) = error.warning();
            assert_eq!(given, code, "{error}");
            assert!(!text.contains('"'), "{text}");
        }
    }
}
