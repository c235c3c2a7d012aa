//! The server's counters at one moment, as its process tells them to the one that measures.

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use shared::{DropReason, Time, WorkerStats};

use super::machine::{self, Rank};
use crate::clock;

/// What a server's process says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Look {
    pub(super) at: Time,
    pub(super) streams: u64,
    pub(super) rtp_sent: u64,
    pub(super) rtp_received: u64,
    pub(super) rtcp_sent: u64,
    /// Calls of `io_uring_enter`.
    pub(super) enters: u64,
    /// By name, those that are not 0.
    pub(super) drops: Vec<(String, u64)>,
    /// Resident memory of the process.
    pub(super) resident_bytes: u64,
    /// Of all threads.
    pub(super) process_cpu: Duration,
    pub(super) cpu: ThreadCpu,
}

/// What the workers used of their CPUs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct ThreadCpu {
    /// Exactly, user and system together.
    pub(crate) total: Duration,
    /// Counted in clock ticks, so only good over many seconds.
    pub(super) user: Duration,
    pub(super) system: Duration,
    /// Ready, but something else had the CPU.
    pub(crate) waited: Duration,
    /// A virtual machine's host had taken their CPUs away; counted in clock ticks.
    pub(crate) stolen: Duration,
}

impl Look {
    /// The moment, from within the server's process.
    pub(super) fn take(stats: &[Arc<WorkerStats>]) -> Self {
        let sum =
            |counter: fn(&WorkerStats) -> u64| stats.iter().map(|worker| counter(worker)).sum();
        let drops = DropReason::ALL.into_iter().map(|reason| {
            let count = stats.iter().map(|worker| worker.dropped(reason)).sum();
            (reason.name().to_owned(), count)
        });
        Self {
            at: clock::now(),
            streams: sum(|worker| worker.streams.load()),
            rtp_sent: sum(|worker| worker.rtp_sent.load()),
            rtp_received: sum(|worker| worker.rtp_received.load()),
            rtcp_sent: sum(|worker| worker.rtcp_sent.load()),
            enters: sum(|worker| worker.enters.load()),
            drops: drops.filter(|(_, count)| *count > 0).collect(),
            resident_bytes: resident_bytes().unwrap_or(0),
            process_cpu: process_cpu(),
            cpu: ThreadCpu::of_workers(),
        }
    }

    /// RTP and RTCP together.
    pub(super) const fn sent(&self) -> u64 {
        self.rtp_sent + self.rtcp_sent
    }

    pub(super) fn dropped(&self) -> u64 {
        self.drops.iter().map(|(_, count)| count).sum()
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "at_ns": self.at.as_nanos(),
            "streams": self.streams,
            "rtp_sent": self.rtp_sent,
            "rtp_received": self.rtp_received,
            "rtcp_sent": self.rtcp_sent,
            "enters": self.enters,
            "drops": self.drops,
            "resident_bytes": self.resident_bytes,
            "process_cpu_ns": nanos(self.process_cpu),
            "cpu_ns": nanos(self.cpu.total),
            "cpu_user_ns": nanos(self.cpu.user),
            "cpu_system_ns": nanos(self.cpu.system),
            "cpu_waited_ns": nanos(self.cpu.waited),
            "cpu_stolen_ns": nanos(self.cpu.stolen),
        })
    }

    pub(super) fn from_json(text: &str) -> Result<Self, Box<dyn Error>> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| format!("the server's process said `{}`: {error}", text.trim()))?;
        let figure = |name: &str| {
            value[name]
                .as_u64()
                .ok_or_else(|| format!("the server's process does not say `{name}`"))
        };
        let drops = value["drops"].as_array().into_iter().flatten();
        let drops = drops
            .filter_map(|drop| Some((drop[0].as_str()?.to_owned(), drop[1].as_u64()?)))
            .collect();
        Ok(Self {
            at: Time::from_nanos(figure("at_ns")?),
            streams: figure("streams")?,
            rtp_sent: figure("rtp_sent")?,
            rtp_received: figure("rtp_received")?,
            rtcp_sent: figure("rtcp_sent")?,
            enters: figure("enters")?,
            drops,
            resident_bytes: figure("resident_bytes")?,
            process_cpu: Duration::from_nanos(figure("process_cpu_ns")?),
            cpu: ThreadCpu {
                total: Duration::from_nanos(figure("cpu_ns")?),
                user: Duration::from_nanos(figure("cpu_user_ns")?),
                system: Duration::from_nanos(figure("cpu_system_ns")?),
                waited: Duration::from_nanos(figure("cpu_waited_ns")?),
                stolen: Duration::from_nanos(figure("cpu_stolen_ns")?),
            },
        })
    }
}

impl ThreadCpu {
    /// Of all media workers of this process.
    fn of_workers() -> Self {
        let mut sum = Self::default();
        let cpus = fs::read_to_string("/proc/stat").unwrap_or_default();
        for thread in worker_threads() {
            let (on, waited) = schedule(&read(&thread, "schedstat"));
            let stat = read(&thread, "stat");
            let (user, system) = ticks(&stat);
            sum.stolen += stolen(&cpus, processor(&stat));
            sum.total += on;
            sum.waited += waited;
            sum.user += user;
            sum.system += system;
        }
        sum
    }
}

/// What the media workers of this process have used.
pub(crate) fn worker_cpu() -> ThreadCpu {
    ThreadCpu::of_workers()
}

/// Gives the media workers of this process a real-time priority.
pub(crate) fn prefer_workers() -> Result<(), Box<dyn Error>> {
    worker_threads().try_for_each(|thread| machine::prefer(&thread, Rank::Worker))
}

/// Gives all threads of this process a real-time priority, its media workers a higher one than the
/// others.
pub(super) fn prefer_all() -> Result<(), Box<dyn Error>> {
    threads().try_for_each(|thread| machine::prefer(&thread, Rank::Other))?;
    prefer_workers()
}

/// The media workers of this process, by thread id.
fn worker_threads() -> impl Iterator<Item = String> {
    threads().filter(|thread| read(thread, "comm").starts_with(WORKER_NAME))
}

/// All threads of this process, by thread id.
fn threads() -> impl Iterator<Item = String> {
    let threads = fs::read_dir(THREADS).into_iter().flatten().flatten();
    threads.filter_map(|thread| thread.file_name().into_string().ok())
}

/// A file of a thread; nothing of one that has ended.
fn read(thread: &str, file: &str) -> String {
    fs::read_to_string(format!("{THREADS}/{thread}/{file}")).unwrap_or_default()
}

const THREADS: &str = "/proc/self/task";

/// As the data plane names its threads: `orbit-w0`.
const WORKER_NAME: &str = "orbit-w";

/// The unit of CPU times in `/proc/PID/stat`: USER_HZ is 100 on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// Time on a CPU and time waiting for one, of `schedstat`.
fn schedule(text: &str) -> (Duration, Duration) {
    let mut figures = text
        .split_whitespace()
        .map(|word| word.parse().unwrap_or(0));
    let mut next = || Duration::from_nanos(figures.next().unwrap_or(0));
    (next(), next())
}

/// User and system time, fields 14 and 15 of `stat`; the name, field 2, may hold anything.
fn ticks(text: &str) -> (Duration, Duration) {
    let behind = text.rsplit_once(')').map_or("", |(_, behind)| behind);
    let mut figures = behind.split_whitespace().skip(11);
    let mut next = || {
        TICK * figures
            .next()
            .and_then(|word| word.parse().ok())
            .unwrap_or(0)
    };
    (next(), next())
}

/// The CPU that the thread ran on last, field 39 of `stat`.
fn processor(text: &str) -> u32 {
    let behind = text.rsplit_once(')').map_or("", |(_, behind)| behind);
    let field = behind.split_whitespace().nth(36);
    field.and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// Steal time of a CPU, the eighth figure of its line in `/proc/stat`.
fn stolen(cpus: &str, cpu: u32) -> Duration {
    let name = format!("cpu{cpu}");
    let mut lines = cpus.lines().map(str::split_whitespace);
    let figures = lines.find_map(|mut words| (words.next() == Some(&name)).then_some(words));
    let steal = figures.and_then(|mut figures| figures.nth(7)?.parse().ok());
    TICK * steal.unwrap_or(0)
}

/// Exactly, user and system together.
fn process_cpu() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// `VmRSS:   1234 kB` of `status`.
fn resident_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_survives_its_journey() {
        let look = Look {
            at: Time::from_millis(5),
            streams: 2,
            rtp_sent: 100,
            drops: vec![("ring full".to_owned(), 3)],
            resident_bytes: 4_096,
            process_cpu: Duration::from_nanos(9),
            cpu: ThreadCpu {
                total: Duration::from_nanos(7),
                ..ThreadCpu::default()
            },
            ..Look::default()
        };
        assert_eq!(Look::from_json(&look.to_json().to_string()).unwrap(), look);
        assert!(Look::from_json("panicked").is_err());
    }

    #[test]
    fn cpu_times_are_read_behind_a_name_with_spaces() {
        let line = "7 (orbit w) 0) S 1 1 1 0 -1 4194368 0 0 0 0 12 34 0 0 20 0";
        let shown = (Duration::from_millis(120), Duration::from_millis(340));
        assert_eq!(ticks(line), shown);
        let shown = (Duration::from_nanos(839_346), Duration::from_nanos(116_107));
        assert_eq!(schedule("839346 116107 2\n"), shown);
    }

    #[test]
    fn steal_time_is_that_of_the_cpu_a_thread_ran_on() {
        let stat = format!(
            "7 (orbit-w0) S {}",
            (4..=39)
                .map(|field| format!("{field} "))
                .collect::<String>()
        );
        assert_eq!(processor(&stat), 39);
        let cpus =
            "cpu  9 9 9 9 9 9 9 9 0 0\ncpu1 1 2 3 4 5 6 7 8 0 0\ncpu39 1 2 3 4 5 6 7 42 0 0\n";
        assert_eq!(stolen(cpus, 39), Duration::from_millis(420));
        assert_eq!(stolen(cpus, 3), Duration::ZERO);
    }

    #[test]
    fn a_process_is_in_memory() {
        assert!(resident_bytes().unwrap() > 100_000);
    }
}
