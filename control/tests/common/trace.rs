//! What happened last, for whoever has to find out why a test failed.

use std::collections::VecDeque;
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};

use shared::Time;

/// Lines kept.
const LINES_MAX: usize = 120;

/// The last lines of a world's life; printed when its test fails.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    lines: VecDeque<String>,
    /// Prints each line at once.
    pub(crate) is_live: bool,
    /// Of all lines so far: two lives with the same digest were the same.
    pub(crate) digest: u64,
}

impl Trace {
    pub(crate) fn line(&mut self, now: Time, what: impl Display) {
        let line = format!("{now:?} {what}");
        let mut hasher = DefaultHasher::new();
        (self.digest, &line).hash(&mut hasher);
        self.digest = hasher.finish();
        if self.is_live {
            println!("{line}");
        }
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// A SIP message in one line.
    pub(crate) fn message(&mut self, now: Time, arrow: &str, phone: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let field = |name: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(name));
            found.unwrap_or("").trim().to_owned()
        };
        let call_id = field("Call-ID:");
        let direction = ["sendrecv", "sendonly", "recvonly", "inactive"]
            .into_iter()
            .find(|name| text.contains(&format!("a={name}\r")))
            .unwrap_or("");
        let start = text.lines().next().unwrap_or_default();
        let call = call_id.get(..call_id.len().min(8)).unwrap_or("");
        self.line(
            now,
            format_args!(
                "{phone} {arrow} {start} [{}] {call} {direction}",
                field("CSeq:")
            ),
        );
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.is_live {
            for line in &self.lines {
                eprintln!("  {line}");
            }
        }
    }
}
