//! sipp: scripted SIP peers. The scenarios are in `tests/sipp`.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::clock::{PATIENCE, until};
use super::{Kamailio, Process, Server};

/// How a scenario reaches the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Over {
    Udp,
    Tcp,
}

/// A scenario to run.
#[derive(Debug)]
pub(crate) struct Sipp {
    scenario: &'static str,
    over: Over,
    calls: u32,
    calls_per_second: u32,
    dials: Vec<String>,
    port: Option<u16>,
    proxy: Option<SocketAddr>,
    echoes: bool,
    /// Words in brackets, and what stands for each.
    keys: Vec<(&'static str, String)>,
    name: &'static str,
}

/// A running scenario.
#[derive(Debug)]
pub(crate) struct Running {
    scenario: &'static str,
    process: Process,
    folder: TempDir,
}

impl Sipp {
    /// One call over UDP.
    pub(crate) fn new(scenario: &'static str) -> Self {
        Self {
            scenario,
            over: Over::Udp,
            calls: 1,
            calls_per_second: 1,
            dials: Vec::new(),
            port: None,
            proxy: None,
            echoes: false,
            keys: Vec::new(),
            name: "phone",
        }
    }

    pub(crate) fn over(self, over: Over) -> Self {
        Self { over, ..self }
    }

    pub(crate) fn calls(self, calls: u32, calls_per_second: u32) -> Self {
        Self {
            calls,
            calls_per_second,
            ..self
        }
    }

    /// Where it is called.
    pub(crate) fn at(self, port: u16) -> Self {
        Self {
            port: Some(port),
            ..self
        }
    }

    /// Speaks to a proxy, not to the server itself.
    pub(crate) fn by(self, proxy: &Kamailio) -> Self {
        Self {
            proxy: Some(proxy.address),
            ..self
        }
    }

    /// Sends back each packet of media that it gets.
    pub(crate) fn echoes(self) -> Self {
        Self {
            echoes: true,
            ..self
        }
    }

    /// What stands for a word in brackets of the scenario.
    pub(crate) fn key(mut self, key: &'static str, value: &str) -> Self {
        self.keys.push((key, value.to_owned()));
        self
    }

    /// The user part of its own URI.
    pub(crate) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// What the scenario dials, call after call.
    pub(crate) fn dials(self, orbits: &[String]) -> Self {
        Self {
            dials: orbits.to_vec(),
            ..self
        }
    }

    pub(crate) fn start(self, server: &Server) -> Running {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sipp");
        let file = |name: &str| folder.path().join(name);
        let mut command = Command::new("sipp");
        let peer = self.proxy.unwrap_or(server.address);
        command.arg(peer.to_string());
        command.arg("-sf").arg(scenarios.join(self.scenario));
        let host = peer.ip().to_string();
        let port = self.port.unwrap_or_else(|| server.ports.pair());
        command.args(["-i", &host, "-p", &port.to_string()]);
        command.args(["-mp", &server.ports.pair().to_string()]);
        // It takes a second pair for video beside the one for audio.
        server.ports.pair();
        command.args(["-t", if self.over == Over::Udp { "u1" } else { "t1" }]);
        command.args([
            "-m",
            &self.calls.to_string(),
            "-r",
            &self.calls_per_second.to_string(),
            // All of them at once, if need be.
            "-l",
            &self.calls.to_string(),
        ]);
        if self.echoes {
            command.arg("-rtp_echo");
        }
        command.args(["-s", self.name]);
        for (key, value) in &self.keys {
            command.args(["-key", key, value]);
        }
        // sipp's own limits: for one receive, and for everything.
        command.args([
            "-recv_timeout",
            "15000",
            "-timeout",
            "60s",
            "-timeout_error",
        ]);
        command.args(["-nostdin", "-trace_msg", "-trace_err", "-trace_logs"]);
        command.arg("-message_file").arg(file("messages"));
        command.arg("-error_file").arg(file("errors"));
        command.arg("-log_file").arg(file("log"));
        if !self.dials.is_empty() {
            let lines = format!("SEQUENTIAL\n{}\n", self.dials.join("\n"));
            fs::write(file("dials.csv"), lines).expect("a file of our own");
            command.arg("-inf").arg(file("dials.csv"));
        }
        command.current_dir(folder.path());
        let process = Process::spawn(self.scenario, &mut command);
        Running {
            scenario: self.scenario,
            process,
            folder,
        }
    }
}

impl Running {
    /// The orbits that the scenario was told, when there are as many as `count`.
    pub(crate) fn orbits(&mut self, count: usize) -> Vec<String> {
        let log = self.folder.path().join("log");
        until(
            &format!("orbit told to {}", self.scenario),
            PATIENCE,
            || {
                let text = fs::read_to_string(&log).unwrap_or_default();
                let complete = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
                let orbits: Vec<String> = complete
                    .lines()
                    .filter_map(|line| {
                        line.rsplit_once("orbit=")
                            .map(|(_, orbit)| orbit.to_owned())
                    })
                    .collect();
                let enough = orbits.len() >= count;
                assert!(
                    enough || self.process.is_running(),
                    "{} has ended",
                    self.scenario
                );
                enough.then_some(orbits)
            },
        )
    }

    /// The one orbit that the scenario was told.
    pub(crate) fn orbit(&mut self) -> String {
        self.orbits(1).remove(0)
    }

    /// The word behind `name` in the last line with it that the scenario logs.
    pub(crate) fn said(&self, name: &str) -> String {
        let log = self.folder.path().join("log");
        until(&format!("{name} from {}", self.scenario), PATIENCE, || {
            let text = fs::read_to_string(&log).ok()?;
            let (complete, _) = text.rsplit_once('\n')?;
            let (_, behind) = complete.rsplit_once(name)?;
            let word = behind.split_whitespace().next()?;
            Some(word.to_owned())
        })
    }

    /// Whether the scenario has logged something by now.
    pub(crate) fn has_logged(&self, needle: &str) -> bool {
        let log = fs::read_to_string(self.folder.path().join("log"));
        log.is_ok_and(|log| log.contains(needle))
    }

    /// Waits for a line that the scenario logs.
    pub(crate) fn logged(&self, needle: &str) {
        self.logged_times(needle, 1);
    }

    /// Waits for so many lines that the scenario logs.
    pub(crate) fn logged_times(&self, needle: &str, times: usize) {
        let log = self.folder.path().join("log");
        until(
            &format!("{needle:?} from {}", self.scenario),
            PATIENCE,
            || {
                fs::read_to_string(&log)
                    .ok()
                    .filter(|text| text.matches(needle).count() >= times)
            },
        );
    }

    /// Waits until every call of the scenario ended as written.
    ///
    /// # Panics
    /// With sipp's own account when one did not.
    pub(crate) fn finish(self) {
        self.finish_with_log();
    }

    /// As [`Running::finish`]; gives what the scenario has logged.
    pub(crate) fn finish_with_log(mut self) -> String {
        let status = self.process.wait(Duration::from_secs(70));
        if !status.success() {
            let show = |name: &str| {
                let path: PathBuf = self.folder.path().join(name);
                fs::read_to_string(path).unwrap_or_default()
            };
            panic!(
                "{} ended with {status}\n-- errors\n{}\n-- messages\n{}",
                self.scenario,
                show("errors"),
                show("messages")
            );
        }
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("log"));
            eprintln!(
                "---- log of {} ----\n{}",
                self.scenario,
                log.unwrap_or_default()
            );
        }
    }
}
