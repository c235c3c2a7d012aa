//! The fold: happenings in, records out. It holds what is going on and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use shared::{StreamStats, Time};

use super::{Cdr, MediaCdr, RecallCdr};
use crate::happening::{AdoptedState, CallNumber, Fact, Happening, RecallEnd, Side};

/// Microseconds of one unit of RTP time: all audio here is of 8,000 Hz (RFC 3551 §4.5).
const TIMESTAMP_US: u32 = 125;

/// The end of a call that was lost with a process.
const UNKNOWN: &str = "unknown";

/// The records of the calls that are going on, and of those that have just ended.
#[derive(Debug, Default)]
pub struct Folder {
    /// Milliseconds from 1970 to [`Time::ZERO`].
    origin_unix_ms: u64,
    records: BTreeMap<CallNumber, Cdr>,
    /// Records that have changed since they were taken last.
    changed: BTreeSet<CallNumber>,
    /// Calls that are over, whose records were not taken for the last time.
    ended: BTreeSet<CallNumber>,
    /// Records of an earlier process whose calls were not taken up yet.
    inherited: BTreeSet<CallNumber>,
}

impl Folder {
    /// Goes on with the records that an earlier process has left unfinished.
    #[must_use]
    pub fn new(origin_unix_ms: u64, unfinished: Vec<Cdr>) -> Self {
        let numbered = |record: Cdr| CallNumber::parse(&record.call).map(|number| (number, record));
        let records: BTreeMap<_, _> = unfinished.into_iter().filter_map(numbered).collect();
        Self {
            origin_unix_ms,
            inherited: records.keys().copied().collect(),
            records,
            changed: BTreeSet::new(),
            ended: BTreeSet::new(),
        }
    }

    /// Takes in the next happening.
    pub fn fold(&mut self, happening: &Happening) {
        let Some(call) = happening.call else { return };
        let at = self.unix_ms(happening.at);
        match &happening.fact {
            Fact::Parked {
                dialect,
                parkee,
                parker,
                ..
            } => {
                let record = self.begin(call, happening);
                record.dialect = Some(dialect.name().to_owned());
                record.parkee = parkee.to_string();
                record.parker = parker.as_deref().map(str::to_owned);
                record.parked_at = Some(at);
            }
            Fact::Adopted {
                state,
                parkee,
                parker,
            } => {
                self.inherited.remove(&call);
                if !self.records.contains_key(&call) {
                    let record = self.begin(call, happening);
                    record.parkee = parkee.to_string();
                    record.parker = parker.as_deref().map(str::to_owned);
                    record.adopt(*state);
                }
                self.change(call, |record| {
                    record.adopted += 1;
                    // Who takes a call up has its media first.
                    record.anchored(at);
                });
            }
            Fact::NotAdopted => {
                self.inherited.remove(&call);
                self.change(call, |record| record.end(at, "not-adopted", Side::Server));
            }
            fact => self.change(call, |record| record.take(at, fact, happening)),
        }
    }

    /// All calls of the earlier process were taken up that could be: the others are over, and how
    /// they ended is lost.
    pub fn all_adopted(&mut self, now: Time) {
        let at = self.unix_ms(now);
        for call in std::mem::take(&mut self.inherited) {
            self.change(call, |record| record.end(at, UNKNOWN, Side::Server));
        }
    }

    /// Whether there is something to take.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The records that have changed since the last time.
    pub fn take_changed(&mut self) -> Vec<Cdr> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let record = |call| self.records.get(&call).cloned();
        changed.filter_map(record).collect()
    }

    /// Lets go of the calls that ended so long ago, and gives their records: what comes later of
    /// them is not waited for.
    pub fn take_ended(&mut self, now: Time, age: Duration) -> Vec<Cdr> {
        let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let by = self.unix_ms(now).saturating_sub(age_ms);
        let records = &mut self.records;
        let is_over = |call: &CallNumber| records[call].ended_at.is_some_and(|at| at <= by);
        let ended: Vec<_> = self.ended.extract_if(.., |call| is_over(call)).collect();
        for call in &ended {
            self.changed.remove(call);
        }
        ended
            .iter()
            .filter_map(|call| self.records.remove(call))
            .collect()
    }

    /// The calls that are going on.
    pub fn unfinished(&self) -> impl Iterator<Item = &Cdr> {
        let records = self.records.values();
        records.filter(|record| record.ended_at.is_none())
    }

    /// Whether it holds a call that is over.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// How many calls it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    fn unix_ms(&self, at: Time) -> u64 {
        self.origin_unix_ms + at.as_millis()
    }

    fn begin(&mut self, call: CallNumber, happening: &Happening) -> &mut Cdr {
        self.changed.insert(call);
        let record = self.records.entry(call).or_default();
        record.call = call.to_string();
        record.call_id = happening.call_id.to_string();
        record.orbit = happening.orbit.as_deref().unwrap_or_default().to_owned();
        record.range = happening.range.as_deref().map(str::to_owned);
        record
    }

    fn change(&mut self, call: CallNumber, change: impl FnOnce(&mut Cdr)) {
        if let Some(record) = self.records.get_mut(&call) {
            change(record);
            self.changed.insert(call);
            if record.ended_at.is_some() {
                self.ended.insert(call);
            }
        }
    }
}

impl Cdr {
    fn take(&mut self, at: u64, fact: &Fact, happening: &Happening) {
        match fact {
            Fact::Retrieved { by, way } => {
                self.retriever = Some(by.to_string());
                self.retrieved_at = Some(at);
                self.way = Some(way.name().to_owned());
            }
            Fact::RetrieveFailed { .. } => self.retrieves_failed += 1,
            Fact::RecallBegun { whom, target, .. } => self.recalls.push(RecallCdr {
                at,
                whom: whom.name().to_owned(),
                target: target.to_string(),
                ended_at: None,
                how: None,
                status: None,
            }),
            Fact::RecallEnded { how, .. } => self.recall_ended(at, *how),
            Fact::Forsaken { .. } => self.forsaken += 1,
            Fact::ParkedAgain { .. } => {
                (self.retriever, self.retrieved_at, self.way) = (None, None, None);
                self.parked_again += 1;
                self.orbit = happening.orbit.as_deref().unwrap_or_default().to_owned();
            }
            Fact::Moved { .. } => {
                self.orbit = happening.orbit.as_deref().unwrap_or_default().to_owned();
                self.range = happening.range.as_deref().map(str::to_owned);
            }
            Fact::Ended { how, by } => self.end(at, how.name(), *by),
            Fact::Released => self.released_at = Some(at),
            Fact::Anchored { .. } => self.anchored(at),
            Fact::MediaEnded { side, stats } => match side {
                Side::Parkee => self.parkee_media = Some(stats.into()),
                Side::Retriever | Side::Server => self.retriever_media = Some(stats.into()),
            },
            Fact::Parked { .. }
            | Fact::Adopted { .. }
            | Fact::NotAdopted
            | Fact::DrainBegun
            | Fact::Configured
            | Fact::Claimed { .. }
            | Fact::ParkRefused { .. }
            | Fact::RetrieveRefused { .. } => {}
        }
    }

    /// What is known of a call whose record was lost.
    fn adopt(&mut self, state: AdoptedState) {
        match state {
            AdoptedState::Parked { since_unix_ms, .. } => self.parked_at = Some(since_unix_ms),
            AdoptedState::Bridged { since_unix_ms } => self.retrieved_at = Some(since_unix_ms),
        }
    }

    fn recall_ended(&mut self, at: u64, how: RecallEnd) {
        let Some(recall) = self.recalls.last_mut() else {
            return;
        };
        recall.ended_at = Some(at);
        recall.how = Some(how.name().to_owned());
        if let RecallEnd::Refused(status) = how {
            recall.status = Some(status);
        }
    }

    /// Its media came to us until now, or does from here on.
    fn anchored(&mut self, at: u64) {
        if let Some(since) = self.released_at.take() {
            self.released_ms += at.saturating_sub(since);
        }
    }

    fn end(&mut self, at: u64, how: &str, by: Side) {
        self.anchored(at);
        self.ended_at = Some(at);
        self.end = Some(how.to_owned());
        self.ended_by = Some(by.name().to_owned());
    }
}

impl From<&StreamStats> for MediaCdr {
    fn from(stats: &StreamStats) -> Self {
        Self {
            sent: stats.sent,
            received: stats.received,
            lost_by_peer: stats.lost_by_peer,
            jitter_us: stats.jitter.saturating_mul(TIMESTAMP_US),
            round_trip_us: Some(stats.round_trip_us).filter(|us| *us > 0),
        }
    }
}
