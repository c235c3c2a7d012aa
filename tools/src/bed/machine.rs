//! The machine under the bed: its CPUs, its kernel, and how busy others keep it.

use std::error::Error;
use std::fs;
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// What figures depend on.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) processor: String,
    pub(super) kernel: String,
    /// CPUs that this process may run on.
    pub(super) cpus: Vec<usize>,
}

impl Machine {
    pub(super) fn look() -> Result<Self, Box<dyn Error>> {
        let allowed = sched_getaffinity(None)?;
        let cpus: Vec<usize> = (0..CpuSet::MAX_CPU)
            .filter(|&cpu| allowed.is_set(cpu))
            .collect();
        let listing = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = listing
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Ok(Self {
            processor: processor.map_or_else(|| "unknown".to_owned(), |(_, name)| name.to_owned()),
            kernel: first_line("/proc/sys/kernel/osrelease"),
            cpus,
        })
    }

    /// The CPU of the worker, and of the bare loops it is compared with.
    pub(super) fn worker_cpu(&self) -> usize {
        self.cpus.last().copied().unwrap_or(0)
    }

    /// A CPU beside it, where there is one.
    pub(super) fn other_cpu(&self) -> Option<usize> {
        let first = self.cpus.first().copied();
        first.filter(|&cpu| cpu != self.worker_cpu())
    }

    /// Keeps the calling thread, and all that it starts, away from the worker's CPU, where there
    /// is another.
    pub(super) fn stand_aside(&self) -> Result<(), Box<dyn Error>> {
        let worker = self.worker_cpu();
        let mut others = CpuSet::new();
        for &cpu in self.cpus.iter().filter(|&&cpu| cpu != worker) {
            others.set(cpu);
        }
        if others.count() > 0 {
            sched_setaffinity(None, &others)?;
        }
        Ok(())
    }

    /// Gives the calling thread, and all that it starts, back what it stood aside from.
    pub(super) fn spread(&self) -> Result<(), Box<dyn Error>> {
        let mut all = CpuSet::new();
        self.cpus.iter().for_each(|&cpu| all.set(cpu));
        sched_setaffinity(None, &all)?;
        Ok(())
    }

    pub(super) fn line(&self) -> String {
        let (processor, kernel) = (&self.processor, &self.kernel);
        let (count, worker) = (self.cpus.len(), self.worker_cpu());
        format!("{processor}, {count} CPUs, Linux {kernel}; worker on CPU {worker}")
    }

    /// With its load before a run, as [`load`] told it then, and now.
    pub(super) fn line_since(&self, before: &str) -> String {
        format!("{}; load {before} before, {} after", self.line(), load())
    }
}

/// Pins the calling thread to one CPU.
pub(super) fn pin(cpu: usize) -> Result<(), Box<dyn Error>> {
    let mut one = CpuSet::new();
    one.set(cpu);
    sched_setaffinity(None, &one).map_err(|error| format!("cannot pin to CPU {cpu}: {error}"))?;
    Ok(())
}

/// Runs a thread before everything that has no real-time priority, so that figures are of the
/// server and not of what else the machine does. The bare loops that it is compared with get the
/// same.
pub(super) fn prefer(thread: &str, rank: Rank) -> Result<(), Box<dyn Error>> {
    let run = Command::new("chrt")
        .args(["--fifo", "--pid", rank.priority(), thread])
        .output();
    let output =
        run.map_err(|error| format!("cannot run chrt (Debian package util-linux): {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "no real-time priority: {}; the bed needs CAP_SYS_NICE",
        said.trim()
    )
    .into())
}

/// Who goes before whom; all above ordinary work, and below what the kernel itself runs at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rank {
    /// Media workers, and what they are compared with.
    Worker,
    /// What else is measured.
    Other,
}

impl Rank {
    const fn priority(self) -> &'static str {
        match self {
            Self::Worker => "10",
            Self::Other => "9",
        }
    }
}

/// The load averages of 1, 5 and 15 minutes.
pub(super) fn load() -> String {
    let line = first_line("/proc/loadavg");
    line.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// As many open files as the kernel lets this process have.
pub(super) fn raise_descriptors() -> Result<u64, Box<dyn Error>> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, wanted)?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

fn first_line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}
