//! The negotiation of a dialog as it is kept beyond the process: what later offers must agree with
//! (RFC 3264 §8). What was agreed is not kept: whoever adopts a dialog offers anew.

use serde::{Deserialize, Serialize};
use shared::{Codec, PayloadType};

use super::Session;
use super::description::{Line, word};
use super::format::Format;
use super::limits::MEDIA_LINES_MAX;

/// What binds later offers of ours.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct SessionRecord {
    /// The session id of our `o=` line.
    pub id: u64,
    /// A version that no description of ours has gone beyond.
    pub version: u64,
    /// The m-lines, in the order they first appeared.
    pub lines: Vec<LineRecord>,
    /// Which of them carries our audio.
    pub place: usize,
    /// Formats by the number they are bound to, where RFC 3551 §6 does not bind them to it anyway;
    /// the one used last is last.
    pub numbers: Vec<(FormatRecord, u8)>,
}

/// One m-line.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct LineRecord {
    /// `audio`, `video` …
    pub kind: String,
    /// `RTP/AVP` …
    pub proto: String,
    /// One of its formats.
    pub format: String,
}

/// What a payload number means.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FormatRecord {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// telephone-event (RFC 4733).
    Event,
}

/// Versions between two writings of the record.
const VERSION_STEP: u64 = 64;

impl Session {
    /// As it is kept.
    #[must_use]
    pub fn record(&self) -> SessionRecord {
        SessionRecord {
            id: self.id(),
            version: (self.version() / VERSION_STEP + 1) * VERSION_STEP,
            lines: self.lines.iter().map(LineRecord::of).collect(),
            place: self.place,
            numbers: self
                .numbers
                .bound()
                .filter(|(format, number)| format.static_number() != Some(*number))
                .map(|(format, number)| (format.into(), number.number()))
                .collect(),
        }
    }

    /// As it was kept. `None` for what no session of ours can have left.
    #[must_use]
    pub fn from_record(record: &SessionRecord) -> Option<Self> {
        let lines = &record.lines;
        let is_in_place = lines.is_empty() || record.place < lines.len();
        if lines.len() > MEDIA_LINES_MAX || !is_in_place {
            return None;
        }
        let mut session = Self::new(record.id);
        session.resume(record.version);
        session.lines = lines.iter().map(LineRecord::line).collect();
        session.place = record.place;
        for &(format, number) in &record.numbers {
            session
                .numbers
                .restore(format.into(), PayloadType::new(number)?);
        }
        Some(session)
    }
}

impl LineRecord {
    fn of(line: &Line) -> Self {
        Self {
            kind: line.kind.to_string(),
            proto: line.proto.to_string(),
            format: line.format.to_string(),
        }
    }

    fn line(&self) -> Line {
        Line {
            kind: word(&self.kind),
            proto: word(&self.proto),
            format: word(&self.format),
        }
    }
}

impl From<Format> for FormatRecord {
    fn from(format: Format) -> Self {
        match format {
            Format::Audio(Codec::Pcmu) => Self::Pcmu,
            Format::Audio(Codec::Pcma) => Self::Pcma,
            Format::Event => Self::Event,
        }
    }
}

impl From<FormatRecord> for Format {
    fn from(format: FormatRecord) -> Self {
        match format {
            FormatRecord::Pcmu => Self::Audio(Codec::Pcmu),
            FormatRecord::Pcma => Self::Audio(Codec::Pcma),
            FormatRecord::Event => Self::Event,
        }
    }
}
