//! The places in the workers' stream tables, as control keeps them: who owns which, and what a
//! worker still owes us.
//!
//! Absent on purpose: what a stream plays; sending commands.

use std::collections::VecDeque;

use shared::{Role, Share, StreamId, WorkerId};

use super::limits::{RESERVE_SHARE, UNMEASURED_PPM};
use super::port::PortPair;
use crate::sip::agent::DialogKey;

/// All streams of all workers.
#[derive(Debug)]
pub(crate) struct StreamPool {
    workers: Vec<Worker>,
}

#[derive(Debug)]
struct Worker {
    id: WorkerId,
    /// Streams it can hold, as it said at its start.
    capacity: u32,
    /// Streams it can hold as experience shows: it called itself full at this number.
    ceiling: u32,
    /// As `ceiling`, for streams that begin a call: a worker refuses those first.
    ceiling_of_begun: u32,
    busy: u32,
    /// The part of its time that it needs, as it said last.
    utilisation: Share,
    /// Streams opened since then: what they need is not in there yet.
    unmeasured: u32,
    /// Grows as far as it is needed.
    slots: Vec<Slot>,
    /// Places to use again, the one free for longest first.
    free: VecDeque<u32>,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    state: State,
    /// What it was opened for last.
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Free,
    /// `Open` is out, unanswered.
    Opening(DialogKey, PortPair),
    /// `Opened` came.
    Open(DialogKey, PortPair),
    /// `Close` is out; until `Closed` neither place nor ports may be used.
    Closing(PortPair),
}

/// What a stream is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// A call of its own, on whatever worker.
    Begin,
    /// A call that has a leg on this worker already: a bridge joins two streams of one worker.
    Join(WorkerId),
}

impl Purpose {
    /// What the worker is told of it.
    pub(crate) const fn role(self) -> Role {
        match self {
            Self::Begin => Role::Begin,
            Self::Join(_) => Role::Join,
        }
    }
}

/// What a refused stream leaves behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Refused {
    /// The leg that waits for it, unless it has gone.
    pub(crate) owner: Option<DialogKey>,
    /// Its ports.
    pub(crate) ports: PortPair,
    /// What it was for.
    pub(crate) role: Role,
}

impl StreamPool {
    /// The workers with the streams each can hold.
    pub(crate) fn new(workers: &[(WorkerId, u32)]) -> Self {
        let worker = |&(id, capacity)| Worker {
            id,
            capacity,
            ceiling: capacity,
            ceiling_of_begun: capacity,
            busy: 0,
            utilisation: Share::NONE,
            unmeasured: 0,
            slots: Vec::new(),
            free: VecDeque::new(),
        };
        Self {
            workers: workers.iter().map(worker).collect(),
        }
    }

    /// Takes a place: where it must be, or else on the worker that is used least. `None` when there
    /// is none; the last ones are kept for legs that join a call.
    pub(crate) fn open(
        &mut self,
        purpose: Purpose,
        owner: DialogKey,
        ports: PortPair,
    ) -> Option<StreamId> {
        self.workers
            .iter_mut()
            .filter(|worker| match purpose {
                Purpose::Begin => worker.busy < worker.ceiling_to_begin(),
                Purpose::Join(id) => worker.id == id && worker.busy < worker.ceiling,
            })
            .min_by_key(|worker| (worker.is_full(), worker.use_ppm()))
            .map(|worker| worker.take(State::Opening(owner, ports), purpose.role()))
    }

    /// The worker has opened it. The leg that waits for it, if there still is one.
    pub(crate) fn opened(&mut self, stream: StreamId) -> Option<DialogKey> {
        let slot = self.slot(stream)?;
        let State::Opening(owner, ports) = slot.state else {
            return None;
        };
        slot.state = State::Open(owner, ports);
        Some(owner)
    }

    /// The worker would not open it: the place is free. `None` for a stream that is not opening.
    pub(crate) fn refused(&mut self, stream: StreamId) -> Option<Refused> {
        let slot = self.slot(stream)?;
        let role = slot.role;
        let (owner, ports) = match slot.state {
            State::Opening(owner, ports) => (Some(owner), ports),
            State::Closing(ports) => (None, ports),
            State::Open(..) | State::Free => return None,
        };
        self.release(stream);
        Some(Refused { owner, ports, role })
    }

    /// The worker says that it cannot hold more than it holds: it is asked again when a stream of
    /// it has closed, or when it says that it is used otherwise.
    pub(crate) fn full(&mut self, worker: WorkerId, role: Role) {
        if let Some(worker) = self.worker(worker) {
            worker.ceiling_of_begun = worker.busy.max(1);
            if role == Role::Join {
                worker.ceiling = worker.busy.max(1);
            }
        }
    }

    /// The worker says what part of its time it needs.
    pub(crate) fn utilised(&mut self, worker: WorkerId, share: Share) {
        if let Some(worker) = self.worker(worker) {
            worker.utilisation = share;
            worker.unmeasured = 0;
            worker.ask_again();
        }
    }

    /// The leg is gone: the stream waits for its end.
    pub(crate) fn close(&mut self, stream: StreamId) {
        let slot = self.slot(stream).expect("a leg closes its own stream");
        let (State::Opening(_, ports) | State::Open(_, ports)) = slot.state else {
            unreachable!("a stream is closed once")
        };
        slot.state = State::Closing(ports);
    }

    /// The worker has closed it. Its ports, free again.
    pub(crate) fn closed(&mut self, stream: StreamId) -> Option<PortPair> {
        let State::Closing(ports) = self.slot(stream)?.state else {
            return None;
        };
        self.release(stream);
        if let Some(worker) = self.worker(stream.worker) {
            worker.ask_again();
        }
        Some(ports)
    }

    /// The worker has ended, and all its streams with it: the legs that had one there, and the
    /// ports, free again.
    pub(crate) fn lose(&mut self, worker: WorkerId) -> (Vec<DialogKey>, Vec<PortPair>) {
        let Some(at) = self.workers.iter().position(|w| w.id == worker) else {
            return (Vec::new(), Vec::new());
        };
        let (mut owners, mut ports) = (Vec::new(), Vec::new());
        for slot in self.workers.remove(at).slots {
            match slot.state {
                State::Opening(owner, pair) | State::Open(owner, pair) => {
                    owners.push(owner);
                    ports.push(pair);
                }
                State::Closing(pair) => ports.push(pair),
                State::Free => {}
            }
        }
        (owners, ports)
    }

    /// The leg that a stream belongs to.
    pub(crate) fn owner(&self, stream: StreamId) -> Option<DialogKey> {
        self.held(stream).map(|(owner, _)| owner)
    }

    /// The ports of a leg's stream.
    pub(crate) fn ports(&self, stream: StreamId) -> Option<PortPair> {
        self.held(stream).map(|(_, ports)| ports)
    }

    fn held(&self, stream: StreamId) -> Option<(DialogKey, PortPair)> {
        let worker = self.workers.iter().find(|w| w.id == stream.worker)?;
        let slot = worker.slots.get(stream.index as usize)?;
        match slot.state {
            State::Opening(owner, ports) | State::Open(owner, ports)
                if slot.generation == stream.generation =>
            {
                Some((owner, ports))
            }
            _ => None,
        }
    }

    /// Streams that are opening, open or closing.
    pub(crate) fn busy(&self) -> usize {
        self.workers.iter().map(|worker| worker.busy as usize).sum()
    }

    /// The workers.
    pub(crate) fn workers(&self) -> impl Iterator<Item = WorkerId> + '_ {
        self.workers.iter().map(|worker| worker.id)
    }

    fn worker(&mut self, id: WorkerId) -> Option<&mut Worker> {
        self.workers.iter_mut().find(|worker| worker.id == id)
    }

    /// `None` for a place that has another occupant by now.
    fn slot(&mut self, stream: StreamId) -> Option<&mut Slot> {
        self.worker(stream.worker)?
            .slots
            .get_mut(stream.index as usize)
            .filter(|slot| slot.generation == stream.generation)
    }

    fn release(&mut self, stream: StreamId) {
        let worker = self.worker(stream.worker).expect("the stream was found");
        worker.slots[stream.index as usize].state = State::Free;
        worker.free.push_back(stream.index);
        worker.busy -= 1;
    }
}

impl Worker {
    /// At least one for a worker that is not lost, or an idle one would never be asked again.
    fn ceiling_to_begin(&self) -> u32 {
        let reserve = self.capacity / RESERVE_SHARE;
        self.ceiling
            .saturating_sub(reserve)
            .min(self.ceiling_of_begun)
            .max(1)
            .min(self.ceiling)
    }

    /// Whether it called itself full.
    const fn is_full(&self) -> bool {
        self.ceiling < self.capacity || self.ceiling_of_begun < self.capacity
    }

    const fn ask_again(&mut self) {
        self.ceiling = self.capacity;
        self.ceiling_of_begun = self.capacity;
    }

    /// How far it is used, in millionths: of its places or of its time, whichever is used more.
    fn use_ppm(&self) -> u64 {
        let places = u64::from(self.busy) * 1_000_000 / u64::from(self.capacity);
        let time = u64::from(self.utilisation.as_thousandths()) * 1_000;
        places.max(time + u64::from(self.unmeasured) * UNMEASURED_PPM)
    }

    fn take(&mut self, state: State, role: Role) -> StreamId {
        let index = self.free.pop_front().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                state: State::Free,
                role,
            });
            u32::try_from(self.slots.len() - 1).expect("a worker's table is bounded")
        });
        let slot = &mut self.slots[index as usize];
        slot.generation = slot.generation.wrapping_add(1);
        slot.state = state;
        slot.role = role;
        self.busy += 1;
        self.unmeasured += 1;
        StreamId {
            worker: self.id,
            index,
            generation: slot.generation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{PortPool, Random};

    const LEG: DialogKey = DialogKey(1);

    fn ports() -> PortPair {
        PortPool::new((20_000, 20_001), &mut Random::from_seed([0; 32]))
            .take(Purpose::Begin)
            .unwrap()
    }

    fn pool(capacities: &[u32]) -> StreamPool {
        let workers: Vec<_> = capacities
            .iter()
            .zip(0..)
            .map(|(&capacity, id)| (WorkerId(id), capacity))
            .collect();
        StreamPool::new(&workers)
    }

    #[test]
    fn streams_go_to_the_worker_with_the_smallest_share_in_use() {
        let mut pool = pool(&[100, 300]);
        let on_second = (0..40)
            .filter(|_| pool.open(Purpose::Begin, LEG, ports()).unwrap().worker == WorkerId(1))
            .count();
        assert_eq!(on_second, 30);
    }

    #[test]
    fn of_two_workers_the_one_with_more_time_left_is_asked() {
        let mut pool = pool(&[10_000, 10_000]);
        let mut next = || {
            let stream = pool.open(Purpose::Begin, LEG, ports()).unwrap();
            pool.opened(stream);
            stream.worker
        };
        assert_eq!((next(), next()), (WorkerId(0), WorkerId(1)), "in turn");
        let mut busy = pool;
        busy.utilised(WorkerId(0), Share::percent(40));
        busy.utilised(WorkerId(1), Share::percent(39));
        let on_second = (0..300)
            .filter(|_| busy.open(Purpose::Begin, LEG, ports()).unwrap().worker == WorkerId(1))
            .count();
        assert_eq!(on_second, 200, "until they are level, and then in turn");
    }

    #[test]
    fn a_worker_that_called_itself_full_is_asked_again_when_its_use_has_changed() {
        let mut pool = pool(&[10]);
        let begin = |pool: &mut StreamPool| pool.open(Purpose::Begin, LEG, ports());
        let open = begin(&mut pool).unwrap();
        pool.opened(open);
        let refused = begin(&mut pool).unwrap();
        pool.refused(refused);
        pool.full(WorkerId(0), Role::Begin);
        assert_eq!(begin(&mut pool), None);
        pool.utilised(WorkerId(0), Share::percent(80));
        assert!(begin(&mut pool).is_some());
    }

    #[test]
    fn a_place_is_used_again_only_after_closed_and_with_another_generation() {
        let mut pool = pool(&[1]);
        let first = pool.open(Purpose::Begin, LEG, ports()).unwrap();
        assert_eq!(pool.opened(first), Some(LEG));
        pool.close(first);
        assert_eq!(
            pool.open(Purpose::Begin, LEG, ports()),
            None,
            "not closed yet"
        );
        assert_eq!(pool.closed(first), Some(ports()));
        let second = pool.open(Purpose::Begin, LEG, ports()).unwrap();
        assert_eq!(second.index, first.index);
        assert_ne!(second.generation, first.generation);
    }

    #[test]
    fn events_of_an_earlier_occupant_do_not_reach_the_later_one() {
        let mut pool = pool(&[1]);
        let first = pool.open(Purpose::Begin, LEG, ports()).unwrap();
        pool.close(first);
        pool.closed(first);
        let second = pool.open(Purpose::Begin, DialogKey(2), ports()).unwrap();
        assert_eq!(pool.opened(first), None);
        assert_eq!(pool.refused(first), None);
        assert_eq!(pool.closed(first), None);
        assert_eq!(pool.owner(first), None);
        assert_eq!(pool.owner(second), Some(DialogKey(2)));
    }

    #[test]
    fn a_stream_closed_while_opening_has_no_owner_when_it_opens() {
        let mut pool = pool(&[1]);
        let stream = pool.open(Purpose::Begin, LEG, ports()).unwrap();
        pool.close(stream);
        assert_eq!(pool.opened(stream), None);
        assert_eq!(pool.closed(stream), Some(ports()));
        assert_eq!(pool.busy(), 0);
    }

    #[test]
    fn a_stream_closed_while_opening_may_still_be_refused() {
        let mut pool = pool(&[1]);
        let stream = pool.open(Purpose::Begin, LEG, ports()).unwrap();
        pool.close(stream);
        let refused = pool.refused(stream).unwrap();
        assert_eq!((refused.owner, refused.ports), (None, ports()));
        assert_eq!(pool.busy(), 0);
    }

    #[test]
    fn a_worker_that_called_itself_full_is_spared_until_a_stream_of_it_closed() {
        let mut pool = pool(&[10, 10]);
        let open = pool.open(Purpose::Join(WorkerId(0)), LEG, ports()).unwrap();
        pool.opened(open);
        let refused = pool.open(Purpose::Join(WorkerId(0)), LEG, ports()).unwrap();
        pool.refused(refused);
        pool.full(WorkerId(0), Role::Join);
        assert_eq!(pool.open(Purpose::Join(WorkerId(0)), LEG, ports()), None);
        assert!(
            pool.open(Purpose::Begin, LEG, ports()).is_some(),
            "the other has room"
        );
        pool.close(open);
        pool.closed(open);
        assert!(
            pool.open(Purpose::Join(WorkerId(0)), LEG, ports())
                .is_some()
        );
    }

    #[test]
    fn a_lost_worker_names_its_legs_gives_back_all_ports_and_takes_no_more() {
        let mut pool = pool(&[10]);
        let closing = pool.open(Purpose::Begin, LEG, ports()).unwrap();
        pool.close(closing);
        pool.open(Purpose::Begin, DialogKey(5), ports());
        let (owners, ports_back) = pool.lose(WorkerId(0));
        assert_eq!(owners, [DialogKey(5)]);
        assert_eq!(ports_back, [ports(); 2]);
        assert_eq!(pool.busy(), 0);
        assert_eq!(pool.open(Purpose::Begin, LEG, ports()), None);
    }

    #[test]
    fn the_last_places_are_for_legs_that_join_a_call() {
        let mut pool = pool(&[64]);
        let begun = std::iter::from_fn(|| pool.open(Purpose::Begin, LEG, ports())).count();
        let join = Purpose::Join(WorkerId(0));
        let joined = std::iter::from_fn(|| pool.open(join, LEG, ports())).count();
        assert_eq!((begun, joined), (62, 2));
    }
}
