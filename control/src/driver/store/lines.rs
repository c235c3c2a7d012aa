//! The file that gets a line of JSON for each call that is over.
//!
//! Who rotates it moves it away: the next line makes a new one, without a signal.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use serde::Serialize;

use crate::cdr::Cdr;

/// An open file.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    file: File,
}

/// A line: the record, and what follows from it.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    cdr: &'a Cdr,
    waited_ms: Option<u64>,
    talked_ms: Option<u64>,
}

impl Lines {
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        // Who calls whom is nobody else's business.
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o640);
        let file = options.open(&path)?;
        Ok(Self { path, file })
    }

    pub(super) fn write(&mut self, records: &[Cdr]) -> io::Result<()> {
        if self.is_elsewhere() {
            *self = Self::open(self.path.clone())?;
        }
        let mut text = Vec::new();
        for cdr in records {
            let line = Line {
                cdr,
                waited_ms: cdr.waited_ms(),
                talked_ms: cdr.talked_ms(),
            };
            serde_json::to_writer(&mut text, &line)?;
            text.push(b'\n');
        }
        self.file.write_all(&text)
    }

    /// Whether the open file is not the one of this name any more.
    fn is_elsewhere(&self) -> bool {
        let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        let named = std::fs::metadata(&self.path).map(identity);
        let open = self.file.metadata().map(identity);
        named.ok() != open.ok()
    }
}
