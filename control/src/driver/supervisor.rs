//! What the process tells whoever started it, by the protocol of sd_notify(3): that it serves, how
//! it is, that its loop still turns, and that it ends. Without a supervisor nothing is told.
//!
//! Absent on purpose: a thread or a timer of its own. The loop of the driver calls
//! [`Supervisor::turn`] and sleeps no longer than [`Supervisor::wait`]: a loop that hangs falls
//! silent, and the supervisor starts the server again.

use std::env;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use shared::Time;

use crate::control::ControlStatus;

/// How often the state is told where no watchdog asks for more.
const INTERVAL_MAX: Duration = Duration::from_secs(10);

/// The line to the supervisor.
#[derive(Debug)]
pub(super) struct Supervisor {
    line: Option<UnixDatagram>,
    interval: Duration,
    watched: bool,
    next: Time,
    stopping: bool,
}

impl Supervisor {
    /// The one that the environment names: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID.
    pub(super) fn from_environment() -> Self {
        let line = env::var_os("NOTIFY_SOCKET").and_then(|name| match connect(&name) {
            Ok(line) => Some(line),
            Err(error) => {
                tracing::warn!(%error, "NOTIFY_SOCKET: the supervisor cannot be told anything");
                None
            }
        });
        let number = |name| env::var(name).ok()?.parse::<u64>().ok();
        let ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let limit = number("WATCHDOG_USEC").filter(|_| ours);
        Self::new(line, limit.map(Duration::from_micros))
    }

    /// `limit`: after so long without a word the supervisor takes the process for hung.
    fn new(line: Option<UnixDatagram>, limit: Option<Duration>) -> Self {
        let limit = limit.filter(|limit| !limit.is_zero());
        // Half of the time allowed, as sd_watchdog_enabled(3) advises.
        let half = limit.map_or(INTERVAL_MAX, |limit| limit / 2);
        Self {
            line,
            interval: half.min(INTERVAL_MAX),
            watched: limit.is_some(),
            next: Time::ZERO,
            stopping: false,
        }
    }

    /// The sockets are open, the calls of an earlier process are known: who depends on us may
    /// start.
    pub(super) fn ready(&self) {
        self.tell("READY=1");
    }

    /// Once for each turn of the loop.
    pub(super) fn turn(&mut self, now: Time, stopping: bool, status: impl Fn() -> ControlStatus) {
        if self.line.is_none() {
            return;
        }
        if stopping && !self.stopping {
            self.stopping = true;
            self.tell("STOPPING=1");
            self.next = now;
        }
        if now < self.next {
            return;
        }
        self.next = now + self.interval;
        let mut text = described(&status(), stopping);
        if self.watched {
            text.push_str("\nWATCHDOG=1");
        }
        if stopping {
            // Calls may take their time to end, for as long as we say so.
            let micros = (self.interval * 3).as_micros();
            // Writing to a String cannot fail.
            let _ = write!(text, "\nEXTEND_TIMEOUT_USEC={micros}");
        }
        self.tell(&text);
    }

    /// How long the loop may sleep; `None`: as long as it likes.
    pub(super) fn wait(&self, now: Time) -> Option<Duration> {
        self.line.is_some().then(|| self.next - now)
    }

    fn tell(&self, text: &str) {
        if let Some(line) = &self.line {
            // A supervisor that does not listen now is told the same again at the next turn.
            let _ = line.send(text.as_bytes());
        }
    }
}

fn described(status: &ControlStatus, stopping: bool) -> String {
    let verb = if stopping { "Ending" } else { "Serving" };
    let behind = if status.store_behind {
        "; the store is behind"
    } else {
        ""
    };
    format!(
        "STATUS={verb}: {} parked in {} orbits, {} calls{behind}",
        status.parked,
        status.parked + status.free,
        status.calls
    )
}

/// A path, or an abstract name that begins with `@`.
fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let line = UnixDatagram::unbound()?;
    match name.as_bytes().strip_prefix(b"@") {
        Some(name) => line.connect_addr(&SocketAddr::from_abstract_name(name)?)?,
        None => line.connect(name)?,
    }
    // A word is lost rather than that a call waits for the supervisor.
    line.set_nonblocking(true)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A supervisor with this limit, and its ear.
    fn pair(limit: Option<Duration>) -> (Supervisor, UnixDatagram) {
        let (line, ear) = UnixDatagram::pair().unwrap();
        ear.set_nonblocking(true).unwrap();
        (Supervisor::new(Some(line), limit), ear)
    }

    fn heard(ear: &UnixDatagram) -> Vec<String> {
        let mut words = Vec::new();
        let mut buffer = [0; 512];
        while let Ok(length) = ear.recv(&mut buffer) {
            words.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        words
    }

    fn at(millis: u64) -> Time {
        Time::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn a_loop_that_turns_is_heard_twice_within_the_limit_however_often_it_turns() {
        let (mut supervisor, ear) = pair(Some(Duration::from_secs(2)));
        supervisor.ready();
        assert_eq!(heard(&ear), ["READY=1"]);
        for millis in (1..=4_000).step_by(10) {
            supervisor.turn(at(millis), false, ControlStatus::default);
        }
        let beats = heard(&ear);
        assert_eq!(beats.len(), 4, "{beats:?}");
        assert!(beats.iter().all(|beat| beat.contains("WATCHDOG=1")));
    }

    #[test]
    fn the_loop_sleeps_no_longer_than_until_the_next_word() {
        let (mut supervisor, _ear) = pair(Some(Duration::from_secs(2)));
        supervisor.turn(at(500), false, ControlStatus::default);
        assert_eq!(
            supervisor.wait(at(700)),
            Some(Duration::from_millis(800)),
            "a second after the last"
        );
        let alone = Supervisor::new(None, Some(Duration::from_secs(2)));
        assert_eq!(alone.wait(at(700)), None);
    }

    #[test]
    fn the_state_is_told_without_a_watchdog_too() {
        let (mut supervisor, ear) = pair(None);
        let status = ControlStatus {
            parked: 3,
            free: 97,
            calls: 5,
            store_behind: true,
            ..ControlStatus::default()
        };
        supervisor.turn(at(1), false, || status);
        assert_eq!(
            heard(&ear),
            ["STATUS=Serving: 3 parked in 100 orbits, 5 calls; the store is behind"]
        );
    }

    #[test]
    fn the_end_is_told_at_once_and_once_and_asks_for_time_while_it_lasts() {
        let (mut supervisor, ear) = pair(Some(Duration::from_secs(2)));
        supervisor.turn(at(1), false, ControlStatus::default);
        heard(&ear);
        supervisor.turn(at(2), true, ControlStatus::default);
        supervisor.turn(at(1_100), true, ControlStatus::default);
        let words = heard(&ear);
        assert_eq!(words[0], "STOPPING=1");
        assert_eq!(words.len(), 3, "{words:?}");
        let extended = |word: &String| word.contains("EXTEND_TIMEOUT_USEC=3000000");
        assert!(words[1..].iter().all(extended), "{words:?}");
    }

    #[test]
    fn an_abstract_name_and_a_path_are_both_found() {
        let name = format!("orbit-supervisor-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let ear = UnixDatagram::bind_addr(&address).unwrap();
        let line = connect(OsStr::new(&format!("@{name}"))).unwrap();
        line.send(b"READY=1").unwrap();
        ear.set_nonblocking(true).unwrap();
        assert_eq!(heard(&ear), ["READY=1"]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let ear = UnixDatagram::bind(&path).unwrap();
        connect(path.as_os_str()).unwrap().send(b"READY=1").unwrap();
        ear.set_nonblocking(true).unwrap();
        assert_eq!(heard(&ear), ["READY=1"]);
        assert!(connect(OsStr::new("/nowhere/notify")).is_err());
    }
}
