//! Call detail records on their way to the store and to the file: what happened is folded at once
//! and written a few times a second, so that a crash loses what was in the last second only.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use shared::Time;

use super::lines::Lines;
use crate::cdr::{Cdr, Folder};
use crate::config::CdrConfig;
use crate::driver::clock;
use crate::driver::metrics::RecordStats;
use crate::happening::Happening;
use crate::store::{Store, StoreError};

/// What is folded and what is to be written.
#[derive(Debug)]
pub(in crate::driver) struct Recorder {
    folder: Folder,
    lines: Option<Lines>,
    keep: Duration,
    names: bool,
    /// Records that the store does not have yet, the last word on each call.
    unwritten: BTreeMap<String, Cdr>,
    /// Lines that the file does not have yet.
    unsaid: Vec<Cdr>,
    /// The calls that ended last, where no store knows them.
    last: VecDeque<Cdr>,
    flush_at: Option<Time>,
    strike_at: Time,
    is_failing: bool,
    stats: Arc<RecordStats>,
}

/// How soon what happened is written.
const FLUSH: Duration = Duration::from_millis(400);
/// How long after the end of a call its streams may take to close.
const CLOSING: Duration = Duration::from_millis(300);
/// How soon what could not be written is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Records in one transaction: some milliseconds, after which calls have their turn.
const AT_ONCE: usize = 50;
/// Old records struck in one transaction: more than are written meanwhile.
const STRUCK_AT_ONCE: usize = 200;
/// Most records that wait to be written; beyond, the oldest are lost, and the log says so.
const UNWRITTEN_MAX: usize = 100_000;
/// How often old records are looked for.
const STRIKE_EVERY: Duration = Duration::from_hours(1);
/// How many are remembered without a store.
const LAST_MAX: usize = 200;

impl Recorder {
    /// Goes on with the records of an earlier process.
    pub(in crate::driver) fn open(
        config: &CdrConfig,
        unfinished: Vec<Cdr>,
        stats: Arc<RecordStats>,
    ) -> io::Result<Self> {
        let lines = config.path.clone().map(Lines::open).transpose()?;
        Ok(Self {
            folder: Folder::new(clock::origin_unix_ms(), unfinished),
            lines,
            keep: Duration::from_hours(24) * config.keep_days,
            names: config.names,
            unwritten: BTreeMap::new(),
            unsaid: Vec::new(),
            last: VecDeque::new(),
            flush_at: None,
            strike_at: Time::ZERO,
            is_failing: false,
            stats,
        })
    }

    /// Where what is lost is counted.
    pub(super) fn stats(&self) -> Arc<RecordStats> {
        Arc::clone(&self.stats)
    }

    /// Takes in what happened.
    pub(super) fn fold(&mut self, happening: &Happening) {
        self.folder.fold(happening);
        self.note_change(happening.at);
    }

    /// The calls of the earlier process are taken up.
    pub(super) fn all_adopted(&mut self, now: Time) {
        self.folder.all_adopted(now);
        self.note_change(now);
    }

    /// When [`Recorder::flush`] is due: at once where it has left something.
    pub(super) fn deadline(&self) -> Option<Time> {
        match self.unwritten.is_empty() || self.is_failing {
            true => self.flush_at,
            false => Some(Time::ZERO),
        }
    }

    /// Writes some of what has changed.
    pub(super) fn flush(&mut self, now: Time, mut store: Option<&mut dyn Store>) {
        if self.flush_at.is_some_and(|at| at <= now) {
            self.collect(now, CLOSING);
            self.flush_at = None;
        }
        let written = match store.as_deref_mut() {
            Some(store) => self.store_some(store),
            None => {
                self.unwritten.clear();
                Ok(())
            }
        };
        let said = self.say();
        let is_failing = written.is_err() || said.is_err();
        if is_failing && !self.is_failing {
            let store = written.err().map(|error| error.to_string());
            let file = said.err().map(|error| error.to_string());
            tracing::error!(?store, ?file, "call records were not written; tried again");
        } else if self.is_failing && !is_failing {
            tracing::info!("call records are written again");
        }
        self.is_failing = is_failing;
        self.bound();
        if let Some(store) = store
            && !is_failing
            && now >= self.strike_at
        {
            self.strike(now, store);
        }
        // Who has ended waits for its streams, and is looked at once more.
        let waits = !self.unwritten.is_empty() || self.folder.has_ended();
        self.flush_at = match (is_failing, waits) {
            (true, _) => Some(now + RETRY),
            (false, true) => self.flush_at.or(Some(now + FLUSH)),
            (false, false) => self.flush_at,
        };
    }

    /// Writes everything, without waiting for streams to close.
    pub(super) fn finish(&mut self, store: Option<&mut dyn Store>) {
        let now = clock::now();
        self.collect(now, Duration::ZERO);
        let Some(store) = store else {
            return self.flush(now, None);
        };
        self.flush(now, Some(&mut *store));
        while !self.unwritten.is_empty() && !self.is_failing {
            self.flush(now, Some(&mut *store));
        }
    }

    /// The calls that were parked last, the last one first.
    pub(super) fn last(&mut self, count: usize, store: Option<&mut dyn Store>) -> Vec<Cdr> {
        match store {
            Some(store) => {
                self.take_changed();
                let written = self.store(store);
                written
                    .and_then(|()| store.last_cdrs(count))
                    .unwrap_or_default()
            }
            None => self.last.iter().take(count).cloned().collect(),
        }
    }

    fn note_change(&mut self, at: Time) {
        self.flush_at.get_or_insert(at + FLUSH);
    }

    fn collect(&mut self, now: Time, age: Duration) {
        self.take_changed();
        let ended = self.folder.take_ended(now, age);
        let ended = self.as_kept(ended);
        for cdr in &ended {
            self.last.push_front(cdr.clone());
        }
        self.last.truncate(LAST_MAX);
        if self.lines.is_some() {
            self.unsaid.extend(ended);
        }
    }

    fn take_changed(&mut self) {
        let changed = self.folder.take_changed();
        let changed = self.as_kept(changed).into_iter();
        self.unwritten
            .extend(changed.map(|cdr| (cdr.call.clone(), cdr)));
    }

    /// Without names where the operator keeps none.
    fn as_kept(&self, records: Vec<Cdr>) -> Vec<Cdr> {
        if self.names {
            return records;
        }
        records.into_iter().map(Cdr::without_names).collect()
    }

    fn store(&mut self, store: &mut dyn Store) -> Result<(), StoreError> {
        while !self.unwritten.is_empty() {
            self.store_some(store)?;
        }
        Ok(())
    }

    /// One transaction.
    fn store_some(&mut self, store: &mut dyn Store) -> Result<(), StoreError> {
        let some: Vec<Cdr> = self.unwritten.values().take(AT_ONCE).cloned().collect();
        if some.is_empty() {
            return Ok(());
        }
        store.record(&some)?;
        for cdr in some {
            self.unwritten.remove(&cdr.call);
        }
        Ok(())
    }

    fn say(&mut self) -> io::Result<()> {
        if let Some(lines) = &mut self.lines
            && !self.unsaid.is_empty()
        {
            lines.write(&self.unsaid)?;
            self.unsaid.clear();
        }
        Ok(())
    }

    fn bound(&mut self) {
        let lost = self.unwritten.len().saturating_sub(UNWRITTEN_MAX)
            + self.unsaid.len().saturating_sub(UNWRITTEN_MAX);
        if lost == 0 {
            return;
        }
        self.stats.records.add(lost as u64);
        tracing::error!(
            lost,
            "too many call records wait to be written: some are lost"
        );
        while self.unwritten.len() > UNWRITTEN_MAX {
            self.unwritten.pop_first();
        }
        let excess = self.unsaid.len().saturating_sub(UNWRITTEN_MAX);
        self.unsaid.drain(..excess);
    }

    fn strike(&mut self, now: Time, store: &mut dyn Store) {
        let unix_ms = clock::unix_ms(now);
        let keep_ms = u64::try_from(self.keep.as_millis()).unwrap_or(u64::MAX);
        match store.strike_cdrs(unix_ms.saturating_sub(keep_ms), STRUCK_AT_ONCE) {
            // There may be more: next time.
            Ok(STRUCK_AT_ONCE) => {}
            Ok(_) => self.strike_at = now + STRIKE_EVERY,
            Err(error) => {
                self.strike_at = now + STRIKE_EVERY;
                tracing::error!(%error, "old call records were not struck");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::store::Sqlite;
    use crate::happening::{CallNumber, Dialect, End, Fact, Side};

    fn happening(fact: Fact) -> Happening {
        Happening {
            at: clock::now(),
            call: Some(CallNumber(7)),
            call_id: "x".into(),
            orbit: Some("701".into()),
            range: None,
            fact,
        }
    }

    fn parked() -> Fact {
        Fact::Parked {
            dialect: Dialect::Dialled,
            parkee: "<sip:ann@example.com>".into(),
            parker: Some("sip:bob@example.com".into()),
            deadline: Time::ZERO,
        }
    }

    #[test]
    fn many_records_are_written_in_turns_with_calls() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Sqlite::open(&folder.path().join("orbit.db")).unwrap();
        let config = CdrConfig::default();
        let mut recorder = Recorder::open(&config, Vec::new(), Arc::default()).unwrap();
        let count = 2 * AT_ONCE + 20;
        for number in 0..count {
            recorder.fold(&Happening {
                call: Some(CallNumber(number as u64)),
                ..happening(parked())
            });
        }
        let now = clock::now() + FLUSH;
        for (turn, written) in [AT_ONCE, 2 * AT_ONCE, count].into_iter().enumerate() {
            recorder.flush(now, Some(&mut store));
            assert_eq!(store.unfinished_cdrs().unwrap().len(), written);
            let is_due = recorder.deadline() == Some(Time::ZERO);
            assert_eq!(is_due, written < count, "after turn {turn}");
        }
    }

    #[test]
    fn who_takes_part_is_kept_only_where_the_operator_wants_it() {
        let folder = tempfile::tempdir().unwrap();
        for names in [true, false] {
            let config = CdrConfig {
                path: Some(folder.path().join(format!("{names}.jsonl"))),
                names,
                ..CdrConfig::default()
            };
            let mut recorder = Recorder::open(&config, Vec::new(), Arc::default()).unwrap();
            recorder.fold(&happening(parked()));
            recorder.fold(&happening(Fact::Ended {
                how: End::HungUp,
                by: Side::Parkee,
            }));
            recorder.finish(None);
            assert!(
                recorder.unwritten.is_empty(),
                "there is no store to wait for"
            );
            let text = std::fs::read_to_string(config.path.unwrap()).unwrap();
            assert!(text.contains("\"701\""), "{text}");
            assert_eq!(text.contains("ann"), names, "{text}");
            assert_eq!(text.contains("bob"), names, "{text}");
        }
    }
}
