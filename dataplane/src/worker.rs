//! A worker: one thread that moves commands, packets and time into the core, and packets and events
//! out of it.
//!
//! Absent on purpose: what any of them means (`engine`), and how the kernel is asked (`uring`).

use std::io;
use std::sync::Arc;

use shared::{Command, Event, Receiver, Sender, WorkerStats};

use crate::engine::Engine;
use crate::receive::{Forward, Outcome};
use crate::uring::doorbell::Doorbell;
use crate::uring::{Completion, Filled, Ring, clock};

/// What a worker's thread is given.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Its kernel side.
    pub(crate) ring: Ring,
    /// Its core.
    pub(crate) engine: Engine,
    /// From control.
    pub(crate) commands: Receiver<Command>,
    /// To control.
    pub(crate) events: Sender<Event>,
    /// Rung by control.
    pub(crate) doorbell: Arc<Doorbell>,
    /// Read by control.
    pub(crate) stats: Arc<WorkerStats>,
    /// When the counters that cost a system call are brought up to date next.
    pub(crate) next_account: shared::Time,
}

/// What a stream takes of a worker's memory in all, the kernel's sockets aside.
pub const STREAM_BYTES: usize = crate::stream::STREAM_BYTES + crate::uring::STREAM_BYTES;

const _: () = assert!(STREAM_BYTES <= 512);

/// Commands obeyed between two slots.
const COMMANDS_AT_ONCE: usize = 64;

/// Completions taken between two slots.
const COMPLETIONS_AT_ONCE: usize = 256;

/// How soon a full event queue is tried again.
const RETRY: std::time::Duration = std::time::Duration::from_millis(1);

/// How often CPU time and the wall clock are read.
const ACCOUNT: std::time::Duration = crate::utilisation::WINDOW;

impl Worker {
    /// Works until control says [`Command::Stop`] and all is closed.
    ///
    /// # Errors
    /// The ring broke.
    pub(crate) fn run(&mut self) -> io::Result<()> {
        loop {
            let now = clock::now();
            self.account(now);
            self.ring.follow_paths();
            let late = self.engine.tick(now, &mut self.ring);
            let delivered = self.deliver();
            let more = delivered && self.obey(now);
            if self.engine.is_finished() && self.deliver() {
                return self.ring.submit();
            }
            self.engine.settle(&mut self.ring);
            let deadline = if late || more {
                Some(now)
            } else if delivered {
                self.engine.deadline()
            } else {
                let retry = now + RETRY;
                Some(
                    self.engine
                        .deadline()
                        .map_or(retry, |deadline| deadline.min(retry)),
                )
            };
            self.ring.wait(deadline)?;
            self.collect();
        }
    }

    /// Obeys what waits; whether there may be more.
    fn obey(&mut self, now: shared::Time) -> bool {
        self.doorbell.answer();
        for _ in 0..COMMANDS_AT_ONCE {
            let Some(command) = self.commands.pop() else {
                return false;
            };
            self.engine.command(now, command, &mut self.ring);
        }
        true
    }

    /// Hands events over; whether all found room.
    fn deliver(&mut self) -> bool {
        let mut pushed = false;
        let mut all = true;
        while let Some(event) = self.engine.event() {
            if let Err(event) = self.events.push(event) {
                self.engine.keep_event(event);
                all = false;
                break;
            }
            pushed = true;
        }
        if pushed {
            self.events.ring();
        }
        all
    }

    fn collect(&mut self) {
        let now = clock::now();
        for _ in 0..COMPLETIONS_AT_ONCE {
            let Some(completion) = self.ring.completion() else {
                return;
            };
            match completion {
                Completion::Rung => {}
                Completion::Opened(owner, result) => self.engine.opened(now, owner, result),
                Completion::Closed(owner) => self.engine.closed(owner),
                Completion::Dropped(owner, reason) => self.engine.dropped(owner, reason),
                Completion::Lost(owner, reason, count) => self.engine.lost(owner, reason, count),
                Completion::Received {
                    owner,
                    source,
                    datagram,
                } => {
                    let bytes = self.ring.datagram(&datagram);
                    match self.engine.receive(now, owner, source, bytes) {
                        Outcome::Done => self.ring.release(datagram),
                        Outcome::Forward(forward) => self.forward(datagram, forward),
                    }
                }
            }
        }
    }

    fn forward(&mut self, datagram: Filled, forward: Forward) {
        let Forward {
            part,
            socket,
            to,
            owner,
        } = forward;
        if let Err(reason) = self.ring.forward(datagram, part, socket, &to, owner) {
            self.engine.dropped(owner, reason);
        }
    }

    fn account(&mut self, now: shared::Time) {
        self.stats.enters.store(self.ring.enters());
        if now < self.next_account {
            return;
        }
        self.next_account = now + ACCOUNT;
        self.engine.set_wall(now, clock::wall());
        let cpu = clock::thread_cpu();
        let nanos = u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX);
        self.stats.cpu_nanos.store(nanos);
        let sent = self.ring.sent();
        self.stats.by_socket.store(sent.by_socket);
        self.stats.by_raw.store(sent.by_raw);
        self.stats.by_packet.store(sent.by_packet);
        self.engine.measure(now, cpu);
    }
}
