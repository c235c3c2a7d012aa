//! Cutting a TCP stream into messages (RFC 3261 §18.3), within limits.
//!
//! Absent on purpose: the connection. What is wrong with one closes it; that is the driver's doing.

/// Collects the bytes of one connection and gives whole messages.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
}

/// What came out of a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame {
    /// One whole message.
    Message(Vec<u8>),
    /// A double CRLF (RFC 5626 §3.5.1): answer with one CRLF.
    KeepAlive,
    /// The stream cannot be followed further (too long, no Content-Length, not SIP): the head as far as it
    /// came, to be answered where possible; then close.
    Broken(Vec<u8>),
}

impl Framer {
    /// Takes what arrived.
    pub fn push(&mut self, _bytes: &[u8]) {
        unimplemented!()
    }

    /// The next frame, or `None` until more arrives. After [`Frame::Broken`] always `None`.
    pub fn next_frame(&mut self) -> Option<Frame> {
        unimplemented!()
    }
}
