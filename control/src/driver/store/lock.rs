//! Who owns a store: a lock on a file beside it, with the owner's process id as text. The kernel
//! lifts it when the owner dies, however it dies.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::store::StoreError;

/// The lock, for as long as it lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the store at `path`.
    ///
    /// # Errors
    /// [`StoreError`]: another process has it, which is named; or the folder is not to be written.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let beside = beside(path);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&beside)
            .map_err(|error| StoreError::Unavailable {
                path: beside.display().to_string(),
                what: error.to_string(),
                remedy: "let orbitd's user write in this folder, or change [store] path",
            })?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut owner = String::new();
            // Without its number the owner is still the owner.
            let _ = file.read_to_string(&mut owner);
            return Err(StoreError::Unusable {
                path: path.display().to_string(),
                what: format!("in use by another orbitd, process {}", owner.trim()),
                remedy: "stop that one first, or give this one its own [store] path",
            });
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        if let Err(error) = written {
            // The lock itself holds; only its message is poorer.
            tracing::warn!(path = %beside.display(), %error, "the store's lock does not name us");
        }
        Ok(Self { _file: file })
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
