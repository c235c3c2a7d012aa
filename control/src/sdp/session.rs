//! The state of one dialog's offers and answers; `offer` and `answer` hold what moves it.

use std::hash::{DefaultHasher, Hasher};

use super::description::{Audio, Line};
use super::payload::Numbers;
use super::write::Ours;
use super::{Agreed, Direction, Local};
use shared::{Codec, PayloadType};

/// The offer/answer state of one dialog: the session id and version of our `o=` line, the payload
/// numbers once bound (RFC 3264 §8.3.2), the m-lines in the order they first appeared (§8).
#[derive(Clone, Debug)]
pub struct Session {
    id: u64,
    version: u64,
    /// A digest of what the peer last got from us, to see whether the next is another.
    sent: Option<u64>,
    pub(super) numbers: Numbers,
    /// Empty before the first agreement.
    pub(super) lines: Vec<Line>,
    /// Which of `lines` carries our audio.
    pub(super) place: usize,
    /// Boxed: most of the time there is none.
    pub(super) offered: Option<Box<Offered>>,
    pub(super) agreed: Option<Agreed>,
}

/// An offer of ours that waits for its answer.
#[derive(Clone, Debug)]
pub(super) struct Offered {
    pub(super) local: Local,
    pub(super) lines: Vec<Line>,
    pub(super) place: usize,
    /// Our numbers, in preference.
    pub(super) codecs: Vec<(Codec, PayloadType)>,
    pub(super) event: Option<PayloadType>,
    pub(super) rtcp_mux: bool,
}

impl Session {
    /// `id` is the session id of `o=`: random, below 2^63.
    #[must_use]
    pub fn new(id: u64) -> Self {
        Self {
            id,
            version: 1,
            sent: None,
            numbers: Numbers::new(),
            lines: Vec::new(),
            place: 0,
            offered: None,
            agreed: None,
        }
    }

    pub(super) const fn id(&self) -> u64 {
        self.id
    }

    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    /// Goes on with the descriptions of another process, all of which had lower versions.
    pub(super) const fn resume(&mut self, version: u64) {
        self.version = version;
    }

    /// The next version is at least this one: a process that died may have said more than it kept,
    /// so another follows the clock, as RFC 8866 §5.2 suggests.
    pub fn follow(&mut self, version: u64) {
        self.version = self.version.max(version);
    }

    /// What is agreed now.
    #[must_use]
    pub const fn agreed(&self) -> Option<&Agreed> {
        self.agreed.as_ref()
    }

    /// Whether an offer of ours waits for its answer.
    #[must_use]
    pub const fn is_offering(&self) -> bool {
        self.offered.is_some()
    }

    /// The text of a description of ours; the version grows when it differs from what the peer last
    /// got (RFC 3264 §8), and never shrinks: a description that was refused keeps its number.
    pub(super) fn describe(&mut self, ours: &Ours<'_>) -> Vec<u8> {
        let unchanged = ours.text(self.id, self.version);
        let before = self.sent.replace(digest(&unchanged));
        if before.is_none() || before == self.sent {
            return unchanged;
        }
        self.version += 1;
        let text = ours.text(self.id, self.version);
        self.sent = Some(digest(&text));
        text
    }
}

fn digest(text: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text);
    hasher.finish()
}

/// Both directions of the table: what we would do and the peer lets us, and nothing is sent to
/// nowhere (RFC 3264 §8.4).
pub(super) const fn settle_direction(wish: Direction, audio: &Audio) -> Direction {
    let settled = wish.within(audio.direction);
    Direction::new(
        settled.sends() && audio.remote.is_some(),
        settled.receives(),
    )
}
