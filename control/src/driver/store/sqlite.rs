//! The store in SQLite: write-ahead log, one transaction for all that waits.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, params};
use serde::de::DeserializeOwned;

use super::lock::Lock;
use super::{audit_table, cdr_table, object_table, schema};
use crate::cdr::Cdr;
use crate::store::limits::RECORD_BYTES_MAX;
use crate::store::record::{CallRecord, StateRecord, WatchRecord};
use crate::store::{
    AuditAsk, AuditRecord, Batch, Loaded, ObjectChange, ObjectRecord, Operation, Store, StoreError,
};

/// An open store.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    connection: Connection,
    _lock: Lock,
}

impl Sqlite {
    /// Opens the store at `path`, or makes one where there is none.
    ///
    /// # Errors
    /// [`StoreError`]: in use by another process, damaged, somebody else's, of a newer version, or
    /// not to be written. Nothing of the file has changed then.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = Lock::take(path)?;
        // Made by us, so that nobody else may read who calls whom.
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| StoreError::Unavailable {
                path: path.display().to_string(),
                what: error.to_string(),
                remedy: "let orbitd's user write this file, or change [store] path",
            })?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection =
            Connection::open_with_flags(path, flags).map_err(|error| unavailable(path, &error))?;
        schema::prepare(&mut connection, path)?;
        configure(&connection).map_err(|error| unavailable(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            connection,
            _lock: lock,
        })
    }

    /// The objects of the configuration in the store at `path`, which a running server may have:
    /// nothing is written, migrated or locked. None where there is no store yet.
    ///
    /// # Errors
    /// [`StoreError`]: damaged, somebody else's, of a newer version, or not to be read.
    pub fn look(path: &Path) -> Result<Vec<ObjectRecord>, StoreError> {
        if !path.exists() {
            return Ok(Vec::new());
        }
        let failed = |error: rusqlite::Error| unavailable(path, &error);
        let connection = read_only(path).map_err(failed)?;
        match schema::check(&connection, path)? {
            version if version < schema::WITH_OBJECTS => Ok(Vec::new()),
            _ => object_table::all(&connection, path),
        }
    }

    /// As a full disk does.
    #[cfg(test)]
    pub(super) fn limit_pages(&self, pages: u32) {
        let set: u32 = self
            .connection
            .query_row(&format!("PRAGMA max_page_count = {pages}"), (), |row| {
                row.get(0)
            })
            .unwrap();
        assert!(set > 0);
    }
}

/// Reads a store that nobody has as if nothing could change, so that no file is made beside it; one
/// that somebody has, or has left by a crash, by its write-ahead log.
fn read_only(path: &Path) -> rusqlite::Result<Connection> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = if Path::new(&log).exists() {
        Connection::open_with_flags(path, flags)?
    } else {
        let name = path.display().to_string();
        let name = name
            .replace('%', "%25")
            .replace('?', "%3f")
            .replace('#', "%23");
        let flags = flags | OpenFlags::SQLITE_OPEN_URI;
        Connection::open_with_flags(format!("file:{name}?immutable=1"), flags)?
    };
    connection.busy_timeout(std::time::Duration::from_secs(2))?;
    Ok(connection)
}

/// Pages of the write-ahead log before what is in it goes to its places, which calls wait for: 32
/// MiB. Most of them are of the same few pages again and again, so that the work hardly grows with
/// their number; and the log is read in some ten milliseconds at the start.
const CHECKPOINT_PAGES: u32 = 8_192;

/// Every commit is on the disk when it returns; readers are not disturbed.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    // A reader's checkpoint lock must not hold calls up: see `HOLD_MAX`.
    connection.busy_timeout(std::time::Duration::from_millis(100))
}

impl Store for Sqlite {
    fn load(&mut self) -> Result<Loaded, StoreError> {
        let failed = |error: rusqlite::Error| unavailable(&self.path, &error);
        let mut unreadable = Vec::new();
        let calls =
            records(&self.connection, ("call", "parked_call"), &mut unreadable).map_err(failed)?;
        let watches = records(&self.connection, ("subscription", "watch"), &mut unreadable)
            .map_err(failed)?;
        Ok(Loaded {
            calls,
            watches,
            unreadable,
        })
    }

    fn commit(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
        let Self {
            connection, path, ..
        } = self;
        commit(connection, batches).map_err(|error| unavailable(path, &error))
    }

    fn record(&mut self, records: &[Cdr]) -> Result<(), StoreError> {
        cdr_table::record(&mut self.connection, records)
            .map_err(|error| unavailable(&self.path, &error))
    }

    fn unfinished_cdrs(&mut self) -> Result<Vec<Cdr>, StoreError> {
        cdr_table::unfinished(&self.connection).map_err(|error| unavailable(&self.path, &error))
    }

    fn last_cdrs(&mut self, count: usize) -> Result<Vec<Cdr>, StoreError> {
        cdr_table::last(&self.connection, count).map_err(|error| unavailable(&self.path, &error))
    }

    fn strike_cdrs(&mut self, before_unix_ms: u64, at_most: usize) -> Result<usize, StoreError> {
        cdr_table::strike(&self.connection, before_unix_ms, at_most)
            .map_err(|error| unavailable(&self.path, &error))
    }

    fn objects(&mut self) -> Result<Vec<ObjectRecord>, StoreError> {
        object_table::all(&self.connection, &self.path)
    }

    fn change_objects(
        &mut self,
        changes: &[ObjectChange],
        deeds: &[AuditRecord],
    ) -> Result<(), StoreError> {
        let Self {
            connection, path, ..
        } = self;
        change_objects(connection, changes, deeds).map_err(|error| unavailable(path, &error))
    }

    fn note(&mut self, deeds: &[AuditRecord]) -> Result<(), StoreError> {
        self.change_objects(&[], deeds)
    }

    fn audit(&mut self, ask: &AuditAsk) -> Result<Vec<(u64, AuditRecord)>, StoreError> {
        audit_table::read(&self.connection, ask).map_err(|error| unavailable(&self.path, &error))
    }
}

fn change_objects(
    connection: &mut Connection,
    changes: &[ObjectChange],
    deeds: &[AuditRecord],
) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    object_table::change(&transaction, changes)?;
    audit_table::note(&transaction, deeds)?;
    transaction.commit()
}

/// Every record of a table that can be read.
fn records<T: DeserializeOwned>(
    connection: &Connection,
    (what, table): (&str, &str),
    unreadable: &mut Vec<String>,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = connection.prepare(&format!("SELECT name, record FROM {table}"))?;
    let mut rows = statement.query(())?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, text): (String, String) = (row.get(0)?, row.get(1)?);
        match serde_json::from_str(&text) {
            Ok(record) => records.push(record),
            Err(error) => unreadable.push(format!("{what} {name}: {error}")),
        }
    }
    Ok(records)
}

fn commit(connection: &mut Connection, batches: &[Batch]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for operation in batches.iter().flat_map(|batch| &batch.operations) {
        match operation {
            Operation::Put(record) => put(&transaction, record)?,
            Operation::Delete(name) => {
                transaction
                    .prepare_cached("DELETE FROM parked_call WHERE name = ?1")?
                    .execute([&*name.0])?;
            }
            Operation::Watch(record) => watch(&transaction, record)?,
            Operation::Unwatch(name) => {
                transaction
                    .prepare_cached("DELETE FROM watch WHERE name = ?1")?
                    .execute([&*name.0])?;
            }
        }
    }
    transaction.commit()
}

fn put(transaction: &Transaction<'_>, record: &CallRecord) -> rusqlite::Result<()> {
    let text = serde_json::to_string(record).expect("a record has no map and no foreign type");
    if text.len() > RECORD_BYTES_MAX {
        let bytes = text.len();
        let name = &record.name.0;
        tracing::warn!(%name, bytes, "a call is not kept: its record is too long");
        return Ok(());
    }
    let (orbit, parked_at, recall_at) = match &record.state {
        StateRecord::Parked(parked) => (
            Some(&parked.orbit),
            Some(parked.since_unix_ms),
            Some(parked.deadline_unix_ms),
        ),
        StateRecord::Bridged { .. } => (None, None, None),
    };
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO parked_call
             (name, orbit, parked_at, recall_at, parker, call_id, record)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            record.name.0,
            orbit,
            parked_at.map(u64::cast_signed),
            recall_at.map(u64::cast_signed),
            record.parker,
            record.first.dialog.dialog.call_id,
            text,
        ])?;
    Ok(())
}

fn watch(transaction: &Transaction<'_>, record: &WatchRecord) -> rusqlite::Result<()> {
    let text = serde_json::to_string(record).expect("a record has no map and no foreign type");
    if text.len() > RECORD_BYTES_MAX {
        // Its watcher subscribes anew after a restart.
        return Ok(());
    }
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO watch (name, watched, watcher, until, record)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            record.name.0,
            record.user,
            record.subscriber,
            record.until_unix_ms.cast_signed(),
            text,
        ])?;
    Ok(())
}

/// What SQLite refused, with what an operator can do about it.
pub(super) fn unavailable(path: &Path, error: &rusqlite::Error) -> StoreError {
    let remedy = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "make room on this disk",
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "let orbitd's user write this file and its folder"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "end the program that holds it open for writing"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "restore it from a backup, or move it away: a new one is made where there is none"
        }
        _ => "see the disk and its file system",
    };
    StoreError::Unavailable {
        path: path.display().to_string(),
        what: error.to_string(),
        remedy,
    }
}
