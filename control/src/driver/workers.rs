//! The queues of the workers, as the reactor uses them: commands that did not fit are kept in order
//! and tried again.

use std::collections::VecDeque;

use shared::{Command, Event, WorkerId, WorkerLink};

/// Commands that may wait for one worker before the reactor stops reading from the network.
const BACKLOG_MAX: usize = 4_096;

/// All workers.
#[derive(Debug)]
pub(super) struct Workers {
    links: Vec<Link>,
}

#[derive(Debug)]
struct Link {
    link: WorkerLink,
    backlog: VecDeque<Command>,
    unrung: bool,
    ended: bool,
}

impl Workers {
    pub(super) fn new(links: Vec<WorkerLink>) -> Self {
        let links = links
            .into_iter()
            .map(|link| Link {
                link,
                backlog: VecDeque::new(),
                unrung: false,
                ended: false,
            })
            .collect();
        Self { links }
    }

    /// Names and sizes, for the state machine.
    pub(super) fn sizes(&self) -> Vec<(WorkerId, u32)> {
        self.links
            .iter()
            .map(|link| (link.link.worker, link.link.streams_max))
            .collect()
    }

    /// Queues one command; [`Workers::flush`] rings.
    pub(super) fn command(&mut self, worker: WorkerId, command: Command) {
        let Some(link) = self
            .links
            .iter_mut()
            .find(|link| link.link.worker == worker)
        else {
            debug_assert!(
                false,
                "a command for a worker that does not exist: {worker}"
            );
            return;
        };
        link.backlog.push_back(command);
    }

    /// Moves what waits into the queues and rings once for each worker that has something new.
    pub(super) fn flush(&mut self) {
        for link in &mut self.links {
            while let Some(command) = link.backlog.pop_front() {
                if let Err(command) = link.link.commands.push(command) {
                    link.backlog.push_front(command);
                    break;
                }
                link.unrung = true;
            }
            if std::mem::take(&mut link.unrung) {
                link.link.commands.ring();
            }
        }
    }

    /// The next event of any worker.
    pub(super) fn event(&mut self) -> Option<(WorkerId, Event)> {
        self.links.iter_mut().find_map(|link| {
            let event = link.link.events.pop()?;
            link.ended |= event == Event::Stopped;
            Some((link.link.worker, event))
        })
    }

    /// Whether commands wait because a queue is full.
    pub(super) fn has_backlog(&self) -> bool {
        self.links.iter().any(|link| !link.backlog.is_empty())
    }

    /// Whether so many commands wait that nothing new should be taken on.
    pub(super) fn is_congested(&self) -> bool {
        self.links
            .iter()
            .any(|link| link.backlog.len() > BACKLOG_MAX)
    }

    /// Whether every worker said that it has ended.
    pub(super) fn all_ended(&self) -> bool {
        self.links.iter().all(|link| link.ended)
    }

    /// The first worker that has ended, if any.
    pub(super) fn ended(&self) -> Option<WorkerId> {
        self.links
            .iter()
            .find(|link| link.ended)
            .map(|link| link.link.worker)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use shared::{StreamId, Wake, WorkerStats, pair};

    use super::*;

    #[derive(Default)]
    struct Rings(AtomicU32);

    impl Wake for Rings {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn close(index: u32) -> Command {
        Command::Close {
            stream: StreamId {
                worker: WorkerId(0),
                index,
                generation: 0,
            },
        }
    }

    #[test]
    fn commands_beyond_the_queue_wait_in_order_and_the_worker_is_rung_once_a_batch() {
        let rings = Arc::new(Rings::default());
        let (commands, at_worker) = pair(2, rings.clone());
        let (_events, events) = pair(2, Arc::new(Rings::default()));
        let mut workers = Workers::new(vec![WorkerLink {
            worker: WorkerId(0),
            commands,
            events,
            stats: Arc::new(WorkerStats::new()),
            streams_max: 8,
        }]);
        for index in 0..3 {
            workers.command(WorkerId(0), close(index));
        }
        workers.flush();
        assert_eq!(rings.0.load(Ordering::Relaxed), 1);
        assert!(workers.has_backlog(), "the third does not fit");
        assert_eq!(at_worker.pop(), Some(close(0)));
        workers.flush();
        assert!(!workers.has_backlog());
        assert_eq!(
            (at_worker.pop(), at_worker.pop()),
            (Some(close(1)), Some(close(2)))
        );
        workers.flush();
        assert_eq!(rings.0.load(Ordering::Relaxed), 2, "nothing new, no ring");
    }
}
