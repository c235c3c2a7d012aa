//! What the processes here and the server's used of the machine.

use std::fs;
use std::time::Duration;

/// The CPU time of a server's media path.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServerCpu {
    pid: u32,
    /// Whether there are threads that only do media; otherwise all are counted.
    has_workers: bool,
}

impl ServerCpu {
    /// # Errors
    /// When there is no such process, or the kernel does not say what it uses.
    pub(super) fn new(pid: u32) -> Result<Self, String> {
        let has_workers = threads(pid).is_some_and(|threads| threads.iter().any(Thread::is_worker));
        let server = Self { pid, has_workers };
        server.used().map(|_| server).ok_or_else(|| {
            format!("--server-pid {pid}: no such process, or no schedstat of its threads")
        })
    }

    /// CPU time so far; `None` when the process is gone.
    pub(super) fn used(&self) -> Option<Duration> {
        let threads = threads(self.pid)?;
        let counted = threads
            .iter()
            .filter(|thread| !self.has_workers || thread.is_worker());
        let nanos: u64 = counted.filter_map(Thread::cpu_nanos).sum();
        (nanos > 0).then_some(Duration::from_nanos(nanos))
    }

    /// Of which threads this is.
    pub(super) fn of_what(&self) -> &'static str {
        if self.has_workers {
            "its media workers"
        } else {
            "all its threads"
        }
    }
}

struct Thread {
    name: String,
    schedstat: String,
}

impl Thread {
    /// As orbit names its media threads: `orbit-w0`.
    fn is_worker(&self) -> bool {
        self.name.starts_with("orbit-w")
    }

    /// The first of three figures: nanoseconds on a CPU, waiting for one, and turns.
    fn cpu_nanos(&self) -> Option<u64> {
        self.schedstat.split_whitespace().next()?.parse().ok()
    }
}

fn threads(pid: u32) -> Option<Vec<Thread>> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let read = |task: fs::DirEntry| {
        Some(Thread {
            name: fs::read_to_string(task.path().join("comm")).ok()?,
            schedstat: fs::read_to_string(task.path().join("schedstat")).ok()?,
        })
    };
    Some(tasks.flatten().filter_map(read).collect())
}

/// Kernel, cores and load, in a few words.
pub(super) fn describe() -> String {
    let first = |path: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.split_whitespace().next().unwrap_or("?").to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = first("/proc/sys/kernel/osrelease");
    let load = first("/proc/loadavg");
    format!("Linux {kernel}, {cores} cores, load {load}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_uses_cpu_and_one_that_is_not_there_is_refused() {
        let own = ServerCpu::new(std::process::id()).unwrap();
        assert!(own.used() > Some(Duration::ZERO));
        assert!(
            ServerCpu::new(u32::MAX)
                .unwrap_err()
                .contains("--server-pid")
        );
    }
}
