//! Names of things that both sides speak of. Each carries a generation, so that a stale name never
//! reaches a newer thing in the same place.

use std::fmt;

/// One dataplane worker: a pinned thread with one ring and one table of streams.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WorkerId(pub u8);

/// One leg's media in the dataplane: a place in a worker's stream table, and which of its
/// successive occupants is meant. Control gives them out; the generation grows by one each time a
/// place is reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// The worker whose table holds the stream.
    pub worker: WorkerId,
    /// The place in the table, below [`crate::limits::STREAMS_PER_WORKER_MAX`].
    pub index: u32,
    /// Which occupant of the place; wraps at 2^32, which no stream outlives.
    pub generation: u32,
}

/// One prepared recording, the same number in every worker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PromptId(pub u16);

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "w{}", self.0)
    }
}

impl fmt::Display for StreamId {
    /// Worker, place and generation: `w0/7g3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}g{}", self.worker, self.index, self.generation)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_prints_as_worker_place_and_generation() {
        let stream = StreamId {
            worker: WorkerId(1),
            index: 7,
            generation: 3,
        };
        assert_eq!(stream.to_string(), "w1/7g3");
    }
}
