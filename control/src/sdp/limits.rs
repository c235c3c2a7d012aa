//! The limits of SDP. The length of a description is limited where it arrives
//! (`sip::limits::BODY_BYTES_MAX`).

/// Most m-lines in one description. More: [`crate::sdp::SdpError::Syntax`]. Each is kept for the
/// life of the dialog, because none may vanish (RFC 3264 §8).
pub const MEDIA_LINES_MAX: usize = 32;

/// Longest media name, protocol or format that is echoed in a refused m-line, in bytes. Longer:
/// [`crate::sdp::SdpError::Syntax`].
pub const TOKEN_BYTES_MAX: usize = 64;

/// RTP payload types there are (RFC 3550 §5.1: seven bits).
pub const PAYLOAD_TYPES: usize = 128;

const _: () = assert!(PAYLOAD_TYPES <= u128::BITS as usize);
