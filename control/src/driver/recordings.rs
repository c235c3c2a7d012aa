//! Recordings that were uploaded, as files in a folder beside the store: each under the digest of
//! what it has, so that one that is there is whole and never changes.
//!
//! Absent on purpose: which of them is played (the configuration), and whether it can be.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::http::limits::RECORDING_BYTES_MAX;
use crate::config::RecordingName;
use crate::store::StoreError;

/// All of them together.
const FOLDER_BYTES_MAX: u64 = 512 * 1_024 * 1_024;

const _: () = assert!(
    2 * RECORDING_BYTES_MAX as u64 <= FOLDER_BYTES_MAX,
    "one can be replaced"
);

/// The folder.
#[derive(Clone, Debug)]
pub(super) struct Recordings(PathBuf);

/// Why a recording was not kept.
#[derive(Debug)]
pub(super) enum NotKept {
    /// There are too many.
    NoRoom(String),
    /// The operating system does not let us.
    Refused(StoreError),
}

impl Recordings {
    /// Those in a folder, which need not be there.
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.0
    }

    /// Makes a recording durable.
    ///
    /// # Errors
    /// [`NotKept`]; nothing is there then that would be found.
    pub(super) fn keep(&self, bytes: &[u8]) -> Result<RecordingName, NotKept> {
        let name = RecordingName::of_bytes(bytes);
        if self.is_whole(&name) {
            return Ok(name);
        }
        let refused = |error: io::Error| {
            NotKept::Refused(StoreError::Unavailable {
                path: self.0.display().to_string(),
                what: error.to_string(),
                remedy: "let orbitd's user write there, and see that the disk has room",
            })
        };
        let there = self.bytes().map_err(refused)?;
        if there + bytes.len() as u64 > FOLDER_BYTES_MAX {
            return Err(NotKept::NoRoom(format!(
                "the recordings in {} would have more than {} MiB together; remove one first",
                self.0.display(),
                FOLDER_BYTES_MAX >> 20
            )));
        }
        let written = self.write(&name, bytes);
        if written.is_err() {
            // It would be swept at the next start.
            let _ = fs::remove_file(self.0.join(UPLOAD));
        }
        written.map_err(refused)?;
        Ok(name)
    }

    /// Whether a recording is there as it was uploaded. It is read for that.
    pub(super) fn is_whole(&self, name: &RecordingName) -> bool {
        let bytes = fs::read(self.0.join(name.as_str()));
        bytes.is_ok_and(|bytes| RecordingName::of_bytes(&bytes) == *name)
    }

    /// Removes the recordings that nobody names, and what is left of uploads that did not end.
    /// What is not ours stays.
    pub(super) fn sweep(&self, named: &BTreeSet<RecordingName>) {
        // Without a folder there is nothing to remove.
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let is_ours = name == UPLOAD
                || RecordingName::of(name).is_some_and(|recording| !named.contains(&recording));
            if is_ours && let Err(error) = fs::remove_file(entry.path()) {
                let path = entry.path();
                let path = path.display();
                tracing::warn!(%path, %error, "a recording is left that nobody names");
            }
        }
    }

    fn write(&self, name: &RecordingName, bytes: &[u8]) -> io::Result<()> {
        // Nobody else may read what callers hear only.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)?;
        let upload = self.0.join(UPLOAD);
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&upload)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&upload, self.0.join(name.as_str()))?;
        File::open(&self.0)?.sync_all()
    }

    fn bytes(&self) -> io::Result<u64> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        let length = |entry: io::Result<fs::DirEntry>| Ok(entry?.metadata()?.len());
        entries.map(length).sum()
    }
}

/// The file that is being written; there is one at a time.
const UPLOAD: &str = "upload.part";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_kept_whole_and_swept_when_nobody_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let recordings = Recordings::new(folder.path().join("orbit.db.music"));
        assert!(!recordings.is_whole(&RecordingName::of_bytes(b"one")));
        let one = recordings.keep(b"one").unwrap();
        let two = recordings.keep(b"two").unwrap();
        assert_eq!(recordings.keep(b"one").unwrap(), one, "again");
        assert!(recordings.is_whole(&one) && recordings.is_whole(&two));
        fs::write(recordings.folder().join(UPLOAD), "torn").unwrap();
        fs::write(recordings.folder().join("README"), "not ours").unwrap();
        recordings.sweep(&BTreeSet::from([two.clone()]));
        assert!(!recordings.is_whole(&one) && recordings.is_whole(&two));
        let mut left: Vec<_> = { fs::read_dir(recordings.folder()).unwrap() }
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let mut expected = vec![two.as_str().to_owned(), "README".to_owned()];
        expected.sort();
        assert_eq!(left, expected);
    }

    #[test]
    fn a_damaged_recording_is_not_whole_and_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let recordings = Recordings::new(folder.path().to_owned());
        let name = recordings.keep(b"music").unwrap();
        fs::write(folder.path().join(name.as_str()), "musik").unwrap();
        assert!(!recordings.is_whole(&name));
        assert_eq!(recordings.keep(b"music").unwrap(), name);
        assert!(recordings.is_whole(&name));
    }

    #[test]
    fn what_cannot_be_written_and_what_has_no_room_is_said() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let recordings = Recordings::new(folder.path().join("file"));
        let refused = recordings.keep(b"music").unwrap_err();
        assert!(matches!(refused, NotKept::Refused(_)), "{refused:?}");
        let recordings = Recordings::new(folder.path().to_owned());
        let large = File::create(folder.path().join("large")).unwrap();
        large.set_len(FOLDER_BYTES_MAX).unwrap();
        let refused = recordings.keep(b"music").unwrap_err();
        assert!(matches!(refused, NotKept::NoRoom(_)), "{refused:?}");
    }
}
