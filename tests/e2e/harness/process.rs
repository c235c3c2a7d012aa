//! A child process: its output as lines, a signal, an exit code, and no way to outlive its test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::clock::{Deadline, PATIENCE};

/// A running child. Dropped, it is killed; in a failing test its log is shown.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    lines: Receiver<String>,
    log: Vec<String>,
}

impl Process {
    /// # Panics
    /// When the program is not there: `make packages` installs it.
    pub(crate) fn spawn(name: &str, command: &mut Command) -> Self {
        let piped = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = match piped.spawn() {
            Ok(child) => child,
            Err(error) => panic!("{name} does not start: {error}; run `make packages` first"),
        };
        let (sender, lines) = mpsc::channel();
        read_lines(child.stdout.take().expect("piped"), sender.clone());
        read_lines(child.stderr.take().expect("piped"), sender);
        Self {
            name: name.to_owned(),
            child,
            lines,
            log: Vec::new(),
        }
    }

    /// The first line with `needle`, among those already seen or within `wait`.
    ///
    /// # Panics
    /// When it does not come.
    pub(crate) fn line_with(&mut self, needle: &str, wait: Duration) -> String {
        self.take_lines();
        if let Some(line) = self.log.iter().find(|line| line.contains(needle)) {
            return line.clone();
        }
        let deadline = Deadline::after(wait);
        loop {
            match self.lines.recv_timeout(deadline.left()) {
                Ok(line) => {
                    self.log.push(line.clone());
                    if line.contains(needle) {
                        return line;
                    }
                }
                Err(end) => panic!("{}: no line with {needle:?}: {end}", self.name),
            }
        }
    }

    /// Every line so far.
    pub(crate) fn log(&mut self) -> &[String] {
        self.take_lines();
        &self.log
    }

    /// Asks it to end as a service supervisor does.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Lets it do nothing more, until it is killed.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Ends it as the kernel does, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait(PATIENCE);
    }

    /// Sends a signal to this process and no other.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .expect("a pid");
        kill_process(pid, signal).expect("our own child takes a signal");
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    /// How it ended.
    ///
    /// # Panics
    /// When it goes on for longer than `wait`.
    pub(crate) fn wait(&mut self, wait: Duration) -> ExitStatus {
        // Both pipes close when it ends, so that nothing has to be polled.
        let deadline = Deadline::after(wait);
        loop {
            match self.lines.recv_timeout(deadline.left()) {
                Ok(line) => self.log.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("{} goes on after {wait:?}", self.name),
            }
        }
        self.child.wait().expect("our own child")
    }

    fn take_lines(&mut self) {
        self.log.extend(self.lines.try_iter());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already is as good as killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            self.take_lines();
            eprintln!("---- {} ----", self.name);
            for line in &self.log {
                eprintln!("{line}");
            }
        }
    }
}

fn read_lines(pipe: impl Read + Send + 'static, sender: Sender<String>) {
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
}
