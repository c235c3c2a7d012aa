//! The death of the process: what was durable at that moment is all that the next one has.

use std::time::Duration;

use control::control::{Control, Setup};

use super::media::Workers;
use super::phone::call::State;
use super::world::{Happening, World};

/// How long after a death a phone may retransmit an INVITE whose call the store has already: the
/// new process takes it for another one until the phone has said that it does not know the first.
const TWICE_MAX: Duration = Duration::from_secs(100);

/// What the processes before this one have done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Past {
    pub(crate) deaths: u64,
    /// Calls that were taken up.
    pub(crate) adopted: u64,
    /// Deaths with messages or batches of the same input still to be carried out.
    pub(crate) torn_inputs: u64,
    pub(crate) parked: u64,
    pub(crate) retrieved: u64,
    pub(crate) forsaken: u64,
}

impl World {
    /// The process dies, and another starts at once from what is durable. Messages to and from the
    /// network stay under way; TCP connections are gone, and so is what was not written yet.
    pub(crate) fn crash(&mut self) {
        self.crash_keeping(|_, _| 0);
    }

    /// The process will die when it has carried out so many outputs more.
    pub(crate) fn doom(&mut self, outputs: u32) {
        self.doom = Some(outputs);
    }

    pub(crate) fn is_doomed(&self) -> bool {
        self.doom.is_some()
    }

    /// Whether the process dies before its next output.
    pub(super) fn dies_now(&mut self) -> bool {
        match &mut self.doom {
            Some(0) => {
                self.doom = None;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    /// Dies at any moment of what was being written; at times a record is torn.
    pub(super) fn die(&mut self) {
        self.past.torn_inputs += 1;
        self.crash_keeping(|world, batches| world.seed.index(batches + 1));
    }

    fn crash_keeping(&mut self, durable: impl Fn(&mut Self, usize) -> usize) {
        self.trace.line(self.now, format_args!("the server dies"));
        self.nothing_told_is_lost();
        self.questions.lost();
        for connection in &mut self.connections {
            connection.is_open = false;
        }
        let (mut lost, mut batches) = (0, Vec::new());
        self.agenda.retain(|happening| match happening {
            Happening::ToServer { transport, .. } if transport.is_reliable() => {
                lost += 1;
                false
            }
            Happening::ToServer { .. }
            | Happening::ToPhone { .. }
            | Happening::Wake(_)
            | Happening::Unheard(_) => true,
            Happening::Written(batch) => {
                batches.push(batch.clone());
                false
            }
            Happening::Media(..)
            | Happening::Failed(_)
            | Happening::Resolved(..)
            | Happening::WriteAgain => false,
        });
        self.in_flight -= lost;
        self.unwritten = 0;
        batches.sort_unstable_by_key(|batch| batch.number);
        let handed_out = self.store.refused() + batches.len();
        let durable = durable(self, handed_out);
        self.store.crash(batches, durable);
        self.count_death();
        let was_behind = self.status().store_behind;
        self.phones
            .iter_mut()
            .for_each(|p| p.server_died(was_behind));
        self.start_again();
    }

    fn count_death(&mut self) {
        let status = self.control.status();
        self.past.deaths += 1;
        self.past.parked += status.parked_total;
        self.past.retrieved += status.retrieved;
        self.past.forsaken += status.forsaken;
        self.died_at = Some(self.now);
    }

    fn start_again(&mut self) {
        if self.seed.chance(self.site.torn_percent) {
            let mut seed = self.seed.fork();
            self.store.tear(&mut seed);
        }
        let seed = self.fork_seed();
        let habits = self.site.media.clone();
        self.workers = Workers::new(seed, &self.site.workers, habits);
        let setup = self.setup();
        self.past.adopted += self.store.len() as u64;
        self.history.crash();
        self.control = Control::new(setup, self.now);
        let taken = self.control.orbits();
        for orbit in self.store.orbits() {
            let is_taken = taken.iter().any(|status| status.orbit == orbit);
            assert!(is_taken, "the call in {orbit} was not taken up");
        }
        self.carry_out();
        self.history.all_adopted(self.now);
    }

    /// Who has dialled and was told that it is parked is kept, unless the store was behind, which
    /// the operator knows.
    fn nothing_told_is_lost(&self) {
        if self.site.store_delay.is_none() || self.status().store_behind {
            return;
        }
        let orbits = self.control.orbits();
        for phone in self.phones.iter().filter(|phone| !phone.is_dead) {
            let dialled = phone.calls.iter().filter(|call| call.invite.is_none());
            for call in dialled.filter(|call| call.state == State::Confirmed) {
                let is_parked = orbits.iter().any(|orbit| orbit.call_id == call.call_id);
                let is_kept = !is_parked || self.store.has(&call.call_id);
                assert!(
                    is_kept,
                    "{} was told of its orbit and is lost",
                    call.call_id
                );
            }
        }
    }

    /// Whether one call of a phone may still be two for the server.
    pub(super) fn may_have_twice(&self) -> bool {
        self.died_at.is_some_and(|at| self.now < at + TWICE_MAX)
    }

    pub(super) fn setup(&mut self) -> Setup {
        Setup {
            config: self.site.config.clone(),
            listeners: self.listeners.clone(),
            workers: self.site.workers.clone(),
            seed: self.seed_bytes(),
            kept: self.site.store_delay.map(|_| self.store.kept()),
        }
    }
}
