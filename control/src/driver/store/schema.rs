//! The tables, and how a file becomes one of ours or is refused.
//!
//! An operator may read all of it with `sqlite3` while the server runs:
//! `SELECT orbit, datetime(parked_at / 1000, 'unixepoch'), parker FROM parked_call;`
//! `SELECT orbit, ending, waited_ms FROM cdr ORDER BY parked_at DESC LIMIT 20;`
//! `SELECT datetime(at / 1000, 'unixepoch'), token, action, object, outcome FROM audit;`
//! `SELECT kind, name, definition ->> 'start', changed_by FROM configuration;`

use std::path::Path;

use rusqlite::Connection;

use super::sqlite::unavailable;
use crate::store::StoreError;

/// "orbt": what `file` and `PRAGMA application_id` tell of a store.
pub(super) const APPLICATION_ID: i32 = 0x6f72_6274;

/// Grows with every change of the tables; each has a step in [`MIGRATIONS`].
pub(super) const VERSION: i32 = 5;

/// The first version that has objects of the configuration.
pub(super) const WITH_OBJECTS: i32 = 4;

/// What makes version n + 1 of version n.
const MIGRATIONS: [&str; VERSION as usize] = [
    "
    -- One row a call that would be taken up again after a restart. Times: milliseconds since 1970.
    CREATE TABLE parked_call (
        name      TEXT PRIMARY KEY,  -- of the call, never reused
        orbit     TEXT,              -- as dialled; NULL while two legs talk
        parked_at INTEGER,           -- NULL while two legs talk
        recall_at INTEGER,           -- when somebody is called back
        parker    TEXT,              -- who is called back, a URI
        call_id   TEXT NOT NULL,     -- the Call-ID of the parkee's dialog
        record    TEXT NOT NULL      -- all of it, as JSON
    ) WITHOUT ROWID;
    CREATE INDEX parked_call_orbit ON parked_call (orbit);
",
    "
    -- One row a call that is or was parked. Times: milliseconds since 1970.
    CREATE TABLE cdr (
        call         TEXT PRIMARY KEY,  -- its number, never reused
        call_id      TEXT NOT NULL,     -- the Call-ID of the parkee's dialog
        orbit        TEXT NOT NULL,     -- as dialled
        orbit_range  TEXT,              -- its name
        dialect      TEXT,              -- how its parking was asked for
        parkee       TEXT NOT NULL,     -- a name-addr
        parker       TEXT,              -- a URI
        parked_at    INTEGER,
        retriever    TEXT,              -- who had it last, a name-addr
        retrieved_at INTEGER,
        way          TEXT,              -- dialled, recall or fallback
        ended_at     INTEGER,           -- NULL while it is going on
        ending       TEXT,              -- how it ended
        ended_by     TEXT,              -- parkee, retriever or server
        waited_ms    INTEGER,
        talked_ms    INTEGER,
        recalls      INTEGER NOT NULL,  -- how often somebody was called back
        record       TEXT NOT NULL      -- all of it, as JSON
    ) WITHOUT ROWID;
    CREATE INDEX cdr_parked_at ON cdr (parked_at);
    CREATE INDEX cdr_ended_at ON cdr (ended_at);
",
    "
    -- One row a subscription to orbits. Times: milliseconds since 1970.
    CREATE TABLE watch (
        name    TEXT PRIMARY KEY,  -- our tag in its dialog
        watched TEXT NOT NULL,     -- the orbit, the range or the park address
        watcher TEXT NOT NULL,     -- its URI
        until   INTEGER NOT NULL,  -- unless it is refreshed
        record  TEXT NOT NULL      -- all of it, as JSON
    ) WITHOUT ROWID;
",
    "
    -- One row an object of the configuration that was changed while a server ran: it takes the
    -- place of that of its name in the file. Who deletes the row while no server runs leaves the
    -- object to the file.
    CREATE TABLE configuration (
        kind       TEXT NOT NULL,     -- range, settings, policy or music
        name       TEXT NOT NULL,     -- of settings: global, or site:NAME
        definition TEXT,              -- keys and values as in the file, as JSON; NULL: removed
        changed_at INTEGER NOT NULL,  -- milliseconds since 1970
        changed_by TEXT NOT NULL,     -- the name of the token
        PRIMARY KEY (kind, name)
    ) WITHOUT ROWID;
",
    "
    -- One row a deed over the API, done or refused; the last 100,000.
    CREATE TABLE audit (
        number  INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused
        at      INTEGER NOT NULL,  -- milliseconds since 1970
        token   TEXT NOT NULL,     -- by whom: the name of the token
        role    TEXT NOT NULL,
        peer    TEXT,              -- from where: address and port
        action  TEXT NOT NULL,     -- configure, remove, upload, hang-up, …
        object  TEXT NOT NULL,     -- range front-desk, orbit 701, …
        before  TEXT,              -- what the object said, as JSON
        after   TEXT,              -- what it was to say, as JSON
        outcome TEXT NOT NULL      -- done, or the name of the problem
    );
    CREATE INDEX audit_at ON audit (at);
",
];

/// Makes the file one of ours, of this version.
///
/// # Errors
/// [`StoreError::Unusable`] for what is torn, somebody else's, or of a newer version: it is left as
/// it is.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let version = check(connection, path)?;
    migrate(connection, version).map_err(|error| unavailable(path, &error))
}

/// The version of a file that is one of ours; 0: it is empty.
///
/// # Errors
/// As [`prepare`].
pub(super) fn check(connection: &Connection, path: &Path) -> Result<i32, StoreError> {
    let unusable = |what: String, remedy| StoreError::Unusable {
        path: path.display().to_string(),
        what,
        remedy,
    };
    let torn = |error: rusqlite::Error| {
        unusable(
            format!("not a store, or damaged ({error})"),
            "restore it from a backup, or move it away: a new one is made where there is none",
        )
    };
    let application: i32 = pragma(connection, "application_id").map_err(torn)?;
    let version: i32 = pragma(connection, "user_version").map_err(torn)?;
    let tables: i32 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
        .map_err(torn)?;
    if application != APPLICATION_ID && (application != 0 || tables > 0) {
        return Err(unusable(
            "a database of another program".to_owned(),
            "change [store] path",
        ));
    }
    if version > VERSION {
        return Err(unusable(
            format!("written by a newer orbitd (version {version}, this one knows {VERSION})"),
            "start the newer orbitd, or change [store] path",
        ));
    }
    let check: String = pragma(connection, "quick_check(1)").map_err(torn)?;
    if check != "ok" {
        return Err(unusable(
            format!("damaged ({check})"),
            "restore it from a backup, or move it away: a new one is made where there is none",
        ));
    }
    Ok(version)
}

fn migrate(connection: &mut Connection, from: i32) -> rusqlite::Result<()> {
    let done = usize::try_from(from).unwrap_or(0);
    if done == MIGRATIONS.len() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for step in &MIGRATIONS[done..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

fn pragma<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<T> {
    connection.query_row(&format!("PRAGMA {name}"), (), |row| row.get(0))
}
