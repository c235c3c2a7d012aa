//! What happened in a world, as the server has told it: folded, and compared with what is.

use std::collections::{BTreeMap, BTreeSet};

use control::cdr::Folder;
use control::control::{ControlStatus, OrbitStatus};
use control::happening::{Board, CallNumber, Fact, Happening, Tally, Why};
use shared::Time;

/// Everything that was told.
#[derive(Debug, Default)]
pub(crate) struct History {
    board: Board,
    pub(crate) tally: Tally,
    /// The parked calls that have not ended, by this process.
    living: BTreeSet<CallNumber>,
    /// How often each has ended, in all processes.
    ends: BTreeMap<CallNumber, u32>,
    /// Counts of the processes before.
    before: Counts,
    /// Whether the server was killed: the end of a call may then have been lost with it.
    was_killed: bool,
    /// The call detail records.
    pub(crate) cdrs: Folder,
    pub(crate) all: Vec<Happening>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    parked: u64,
    retrieved: u64,
    forsaken: u64,
}

impl History {
    /// Who counts begins with 0 for each reason: it must know them all.
    pub(crate) fn check_reasons(&self) {
        let known: BTreeSet<Why> = Why::known().collect();
        let failed = self.tally.parks_failed.keys();
        for why in failed.chain(self.tally.retrieves_failed.keys()) {
            let is_known = known.contains(why) || why.name == "phone-refused";
            assert!(is_known, "no figure is there from the start: {why:?}");
        }
    }

    /// Takes in what the server tells.
    ///
    /// # Panics
    /// When it cannot be so.
    pub(crate) fn fold(&mut self, now: Time, happening: &Happening) {
        assert_eq!(happening.at, now, "told late: {happening:?}");
        self.check_waits(happening);
        self.board.fold(happening);
        self.tally.fold(happening);
        self.cdrs.fold(happening);
        self.all.push(happening.clone());
        let Some(call) = happening.call else {
            return;
        };
        match happening.fact {
            Fact::Parked { .. } | Fact::Adopted { .. } => {
                assert!(self.living.insert(call), "parked twice: {happening:?}");
                // That it was parked may have been lost with the process.
                let before = self.ends.insert(call, 0);
                let is_new = before.is_none();
                let is_adopted = matches!(happening.fact, Fact::Adopted { .. });
                assert!(is_new || is_adopted, "a number of before: {happening:?}");
            }
            Fact::Ended { .. } => {
                assert!(self.living.remove(&call), "ended twice: {happening:?}");
                *self.ends.entry(call).or_default() += 1;
            }
            Fact::ParkRefused { .. } | Fact::RetrieveRefused { .. } => {}
            Fact::NotAdopted => {
                let is_known = self.ends.contains_key(&call) || self.was_killed;
                assert!(is_known, "of nobody: {happening:?}");
            }
            Fact::MediaEnded { .. } => {
                assert!(self.ends.contains_key(&call), "of nobody: {happening:?}");
            }
            _ => assert!(self.living.contains(&call), "of nobody: {happening:?}"),
        }
    }

    /// Nobody is called, connected or moved for a call that does not wait: it was retrieved, or is
    /// over.
    fn check_waits(&self, happening: &Happening) {
        let waits = |call| self.board.waiting().any(|(number, _)| number == call);
        let is_of_waiting = matches!(
            happening.fact,
            Fact::Claimed { .. }
                | Fact::RetrieveFailed { .. }
                | Fact::Retrieved { .. }
                | Fact::RecallBegun { .. }
                | Fact::RecallEnded { .. }
                | Fact::Forsaken { .. }
                | Fact::Moved { .. }
        );
        assert!(
            !is_of_waiting || happening.call.is_some_and(waits),
            "of a call that does not wait: {happening:?}"
        );
    }

    /// Whether the call of this Call-ID was ever parked.
    pub(crate) fn has_parked(&self, call_id: &str) -> bool {
        let mut parked = self.all.iter();
        parked.any(|one| matches!(one.fact, Fact::Parked { .. }) && *one.call_id == *call_id)
    }

    /// What was told of one kind.
    pub(crate) fn facts(&self) -> impl DoubleEndedIterator<Item = &Fact> {
        self.all.iter().map(|happening| &happening.fact)
    }

    /// The server is killed, and what it was about to tell is never told.
    pub(super) fn crash(&mut self) {
        self.board = Board::default();
        self.living.clear();
        self.was_killed = true;
        let unfinished = self.cdrs.unfinished().cloned().collect();
        self.cdrs = Folder::new(0, unfinished);
        let sum = |counts: &BTreeMap<_, u64>| counts.values().sum();
        self.before = Counts {
            parked: self.tally.parked.values().sum(),
            retrieved: sum(&self.tally.retrieved),
            forsaken: self.tally.forsaken,
        };
    }

    /// The next process has taken up what it can.
    pub(super) fn all_adopted(&mut self, now: Time) {
        self.cdrs.all_adopted(now);
    }

    /// The fold of what was told is what is.
    ///
    /// # Panics
    /// When it is not.
    pub(super) fn check(&self, status: &ControlStatus, orbits: &[OrbitStatus]) {
        let mut told: Vec<OrbitStatus> = self
            .board
            .waiting()
            .map(|(_, waiting)| OrbitStatus {
                orbit: waiting.orbit.to_string(),
                call_id: waiting.call_id.to_string(),
                parked_at: waiting.since,
                retrieving: waiting.retrieving,
                recalling: waiting.recalling,
                adopting: false,
            })
            .collect();
        let mut is: Vec<OrbitStatus> = orbits.to_vec();
        is.iter_mut().for_each(|orbit| orbit.adopting = false);
        told.sort_by(|one, other| one.orbit.cmp(&other.orbit));
        is.sort_by(|one, other| one.orbit.cmp(&other.orbit));
        assert_eq!(told, is, "what was told is not what is");
        let parked: u64 = self.tally.parked.values().sum();
        let retrieved: u64 = self.tally.retrieved.values().sum();
        assert_eq!(parked - self.before.parked, status.parked_total);
        assert_eq!(retrieved - self.before.retrieved, status.retrieved);
        assert_eq!(
            self.tally.forsaken - self.before.forsaken,
            status.forsaken,
            "alarms"
        );
    }

    /// Nobody is left: each call that was parked has ended once.
    ///
    /// # Panics
    /// When one has not.
    pub(super) fn check_all_ended(&self) {
        let unfinished: Vec<_> = self.cdrs.unfinished().collect();
        assert!(unfinished.is_empty(), "no end is recorded: {unfinished:?}");
        assert!(self.living.is_empty(), "no end: {:?}", self.living);
        let ends = |(call, ends): (&CallNumber, &u32)| (*ends != 1).then_some(*call);
        let wrong: Vec<_> = self.ends.iter().filter_map(ends).collect();
        assert!(
            wrong.is_empty() || self.was_killed,
            "not just one end: {wrong:?}"
        );
    }
}
