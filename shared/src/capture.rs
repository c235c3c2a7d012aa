//! What is written down of a call that an operator looks at: who names a capture, what a worker
//! copies of a packet, what control copies of a message, and what either wants of whoever writes.
//!
//! All times are of the clock that workers have. Absent on purpose: files and their format, which
//! messages belong to a call, and speech: of a packet of RTP only the header is copied.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::Time;
use crate::limits::CAPTURED_BYTES_MAX;

/// Names a capture; never used again while the process runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CaptureId(pub u32);

/// Which way something went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Course {
    /// To us.
    Arrived,
    /// From us.
    Sent,
}

/// The ends of a datagram or message. An address may be unspecified (`0.0.0.0`, `::`), where a
/// socket is bound to all of them, and a port 0, where it is not known yet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ends {
    /// Ours.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
}

/// What a worker copies of a datagram of RTP or RTCP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CapturedPacket {
    /// For which capture.
    pub capture: CaptureId,
    /// When it was sent or taken from the kernel.
    pub at: Time,
    /// Which way it went.
    pub course: Course,
    /// Between whom.
    pub ends: Ends,
    /// Bytes of the datagram.
    pub length: u16,
    /// How many of them are in `head`.
    pub kept: u16,
    /// Packets of the same stream before this one that found no room in the queue.
    pub lost: u32,
    /// Its beginning: the whole of RTCP as far as there is room, of RTP the header.
    pub head: [u8; CAPTURED_BYTES_MAX],
}

/// What carries messages of SIP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carrier {
    /// A datagram each.
    Udp,
    /// A stream.
    Tcp,
}

/// A message of SIP, secrets withheld.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CapturedMessage {
    /// For which capture.
    pub capture: CaptureId,
    /// When it was sent or read.
    pub at: Time,
    /// Which way it went.
    pub course: Course,
    /// Between whom.
    pub ends: Ends,
    /// By what.
    pub carrier: Carrier,
    /// The whole of it.
    pub bytes: Box<[u8]>,
    /// What is said beside it, for who reads the file.
    pub comment: Option<&'static str>,
}

/// A capture to be begun.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaptureOrder {
    /// Its name.
    pub capture: CaptureId,
    /// The call, as orbits and events name it.
    pub call: String,
    /// The orbit it was found in, as dialled; none where it was named itself.
    pub orbit: Option<String>,
    /// Where its file is made.
    pub folder: PathBuf,
    /// When it began.
    pub since: Time,
    /// When it ends by itself.
    pub until: Time,
}

/// How a capture stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaptureStatus {
    /// What was wanted.
    pub order: CaptureOrder,
    /// Messages written.
    pub messages: u64,
    /// Packets written.
    pub packets: u64,
    /// Packets and messages that there was no room for on their way to the file.
    pub lost: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Why it has ended; none while it goes on.
    pub end: Option<CaptureEnd>,
}

/// Why a capture has ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CaptureEnd {
    /// Somebody has ended it.
    Stopped,
    /// Its time is over.
    TimeOver,
    /// Its call is over.
    CallOver,
    /// Its file has as many bytes as one may have.
    Full,
    /// The file cannot be written any more; the operating system's reason.
    Unwritable(String),
}

impl CaptureEnd {
    /// In answers and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::TimeOver => "time-over",
            Self::CallOver => "call-over",
            Self::Full => "full",
            Self::Unwritable(_) => "unwritable",
        }
    }
}

/// Why a capture was not begun, or cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CaptureError {
    /// As many go on as there may be.
    TooMany,
    /// Its file cannot be made or read; the folder and the operating system's reason.
    File(PathBuf, String),
    /// It is not there, or not any more.
    Gone,
    /// Nobody writes, or who does is too busy.
    Busy,
}

/// A piece of a capture's file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// Whole blocks and parts of them, as they stand in the file; may be empty while it grows.
    pub bytes: Vec<u8>,
    /// Whether nothing will follow.
    pub is_last: bool,
}

/// Who is told of an answer, on the writer's thread; must not wait.
pub type Reply<T> = Box<dyn FnOnce(Result<T, CaptureError>) + Send>;

/// Whoever writes captures. Nothing here waits.
pub trait Recorder: Send + Sync + fmt::Debug {
    /// Makes a capture's file; from the answer on everything of it is taken.
    fn begin(&self, order: CaptureOrder, reply: Reply<()>);
    /// Writes a message down.
    fn message(&self, message: CapturedMessage);
    /// Ends a capture: its file is whole, and stays for a while.
    fn end(&self, capture: CaptureId, end: CaptureEnd);
    /// Ends a capture and gives its file up.
    fn forget(&self, capture: CaptureId);
    /// Reads on in a file from a byte.
    fn read(&self, capture: CaptureId, from: u64, reply: Reply<Piece>);
    /// All captures whose files are there, the oldest first.
    fn captures(&self) -> Arc<Vec<CaptureStatus>>;
}

/// Who writes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRecorder;

impl Recorder for NoRecorder {
    fn begin(&self, _order: CaptureOrder, reply: Reply<()>) {
        reply(Err(CaptureError::Busy));
    }

    fn message(&self, _message: CapturedMessage) {}

    fn end(&self, _capture: CaptureId, _end: CaptureEnd) {}

    fn forget(&self, _capture: CaptureId) {}

    fn read(&self, _capture: CaptureId, _from: u64, reply: Reply<Piece>) {
        reply(Err(CaptureError::Gone));
    }

    fn captures(&self) -> Arc<Vec<CaptureStatus>> {
        Arc::default()
    }
}
