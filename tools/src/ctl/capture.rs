//! `orbitctl capture`: the messages and packets of a call into a file for Wireshark, as they come,
//! until the time or the call is over, or Ctrl-C.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use control::driver::http::{Capture, NewCapture};
use nix::sys::signal::SigSet;

use super::client::{self, Client};
use super::{Failure, cell, tell};
use crate::signals;

/// `orbitctl capture`
#[derive(Args, Debug)]
pub(super) struct CaptureOptions {
    /// The orbit in which the call waits, as it is dialled.
    #[arg(required_unless_present = "call")]
    orbit: Option<String>,
    /// The call, wherever it is (`call` of `orbitctl orbit`, of events and of the history); beside
    /// an orbit: only if it waits there.
    #[arg(long, value_name = "CALL")]
    call: Option<String>,
    /// After so many seconds it ends by itself.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
    /// The file, which must not be there yet; - for the standard output, as for
    /// `orbitctl capture 701 -o - | wireshark -k -i -`. Otherwise ORBIT.pcapng or CALL.pcapng.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Captures a call until it ends, one way or another.
pub(super) fn run(
    client: &Client,
    json: bool,
    options: &CaptureOptions,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let path = options.file();
    let is_stdout = path == Path::new("-");
    if !is_stdout && path.exists() {
        return Err(not_new(&path, "it is there already"));
    }
    // Before anything is begun that Ctrl-C would leave behind: it ends nothing by itself now.
    let signals = signals::block()?;
    let wish = NewCapture {
        orbit: options.orbit.clone(),
        call: options.call.clone(),
        seconds: Some(options.seconds),
    };
    let begun: Capture = client.act("/v1/captures", &wish)?;
    let place = client::path(&["v1", "captures", &begun.id.to_string()]);
    stop_on_signal(client, &place, signals);
    say(&begun, &path, options.seconds);
    let fetched = fetch(client, &place, is_stdout.then_some(&mut *out), &path);
    let ended: Result<Capture, Failure> = client.get(&place);
    // Where this fails the file goes in an hour.
    let _ = client.delete(&place);
    fetched?;
    let ended = ended?;
    if is_stdout {
        return verdict(&ended);
    }
    tell(out, json, &ended, |ended| summary(ended, &path))?;
    verdict(&ended)
}

impl CaptureOptions {
    fn file(&self) -> PathBuf {
        let name = || {
            let name = self.orbit.as_deref().or(self.call.as_deref());
            // What an orbit is dialled with is no separator of folders; a slip of the pen may be.
            let name = name.unwrap_or("capture").replace('/', "_");
            PathBuf::from(format!("{name}.pcapng"))
        };
        self.output.clone().unwrap_or_else(name)
    }
}

/// Copies the file as it grows. Where it cannot be written here, the capture ends.
fn fetch(
    client: &Client,
    place: &str,
    stdout: Option<&mut dyn Write>,
    path: &Path,
) -> Result<(), Failure> {
    let mut made;
    let file: &mut dyn Write = match stdout {
        Some(stdout) => stdout,
        None => {
            made = make(path)?;
            &mut made
        }
    };
    let response = client.listen(&format!("{place}/file"))?;
    let mut reader = response.into_body().into_reader();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = reader.read(&mut buffer).map_err(|error| broken(&error))?;
        if count == 0 {
            return Ok(());
        }
        // Whoever looks on sees it at once.
        file.write_all(&buffer[..count])?;
        file.flush()?;
    }
}

/// A new file that nobody else may read: it tells who calls whom.
fn make(path: &Path) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| not_new(path, &error.to_string()))
}

fn not_new(path: &Path, why: &str) -> Failure {
    let path = path.display();
    Failure::Argument(format!("{path}: {why}; name a file that is not there yet"))
}

fn broken(error: &io::Error) -> Failure {
    Failure::Unreachable {
        what: format!("the file has not come whole: {error}"),
        remedy: "the server has ended; what is there can be read all the same",
    }
}

const BUFFER_BYTES: usize = 64 * 1_024;

/// The first signal ends the capture, whose file comes to its end then; the second one ends us.
fn stop_on_signal(client: &Client, place: &str, signals: SigSet) {
    let (client, stop) = (client.clone(), format!("{place}/stop"));
    std::thread::spawn(move || {
        if signals.wait().is_err() {
            return;
        }
        let stopped = client.post(&stop, &serde_json::json!({}));
        if let Err(failure) = stopped {
            note(&format!("the capture goes on at the server: {failure}"));
        }
        // In this thread, which is enough for a signal of the process.
        let _ = signals.thread_unblock();
        loop {
            std::thread::park();
        }
    });
}

fn say(begun: &Capture, path: &Path, seconds: u32) {
    let call = cell::printable(&begun.call);
    let path = path.display();
    note(&format!(
        "call {call} into {path} for {seconds} s; Ctrl-C ends it before"
    ));
}

/// Beside what is written.
fn note(text: &str) {
    // Nothing is left to do about a closed stderr.
    let _ = writeln!(io::stderr(), "orbitctl: {text}");
}

fn summary(ended: &Capture, path: &Path) -> String {
    let why = match ended.end.as_deref() {
        Some("stopped") => "ended",
        Some("time-over") => "its time is over",
        Some("call-over") => "the call is over",
        Some("full") => "the file is as long as one may be",
        Some("unwritable") => "the server could not write it any more",
        Some(_) | None => "goes on",
    };
    let lost = match ended.lost {
        0 => String::new(),
        lost => format!(", {lost} lost on their way to it"),
    };
    let (messages, packets) = (ended.messages, ended.packets);
    let path = path.display();
    format!("{path}: {messages} messages, {packets} packets{lost}; {why}\n")
}

fn verdict(ended: &Capture) -> Result<(), Failure> {
    match &ended.detail {
        Some(detail) => Err(Failure::CutShort(detail.clone())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(orbit: Option<&str>, call: Option<&str>) -> CaptureOptions {
        CaptureOptions {
            orbit: orbit.map(str::to_owned),
            call: call.map(str::to_owned),
            seconds: 60,
            output: None,
        }
    }

    #[test]
    fn a_file_is_named_after_the_orbit_or_the_call() {
        assert_eq!(options(Some("#701"), None).file(), Path::new("#701.pcapng"));
        assert_eq!(
            options(Some("7/../x"), None).file(),
            Path::new("7_.._x.pcapng")
        );
        assert_eq!(options(None, Some("00aa")).file(), Path::new("00aa.pcapng"));
    }

    #[test]
    fn what_is_missing_in_a_file_is_said() {
        let ended = serde_json::json!({
            "id": 1, "call": "00aa", "orbit": null, "since": "2026-01-01T10:00:00Z",
            "until": "2026-01-01T10:01:00Z", "messages": 4, "packets": 3_000, "lost": 7,
            "bytes": 9, "end": "unwritable", "detail": "No space left on device"
        });
        let ended: Capture = serde_json::from_value(ended).unwrap();
        let summary = summary(&ended, Path::new("x.pcapng"));
        assert!(
            summary.contains("4 messages, 3000 packets, 7 lost"),
            "{summary}"
        );
        let failure = verdict(&ended).unwrap_err();
        assert!(failure.to_string().contains("No space left"), "{failure}");
    }
}
