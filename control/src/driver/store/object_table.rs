//! The table of what was changed of the configuration.

use std::path::Path;

use rusqlite::{Connection, Row, params};

use super::sqlite::unavailable;
use crate::config::{Definition, ObjectKind, ObjectName};
use crate::store::{ObjectChange, ObjectRecord, StoreError};

/// Every object, by kind and name. One that cannot be read is refused: without it the server would
/// not be what its operators have made of it.
pub(super) fn all(connection: &Connection, path: &Path) -> Result<Vec<ObjectRecord>, StoreError> {
    let failed = |error: rusqlite::Error| unavailable(path, &error);
    let mut statement = connection
        .prepare(
            "SELECT kind, name, definition, changed_at, changed_by FROM configuration
             ORDER BY kind, name",
        )
        .map_err(failed)?;
    let mut rows = statement.query(()).map_err(failed)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let (kind, name): (String, String) =
            (|| Ok((row.get(0)?, row.get(1)?)))().map_err(failed)?;
        let record = read(row, &kind, &name).map_err(|what| StoreError::Unusable {
            path: path.display().to_string(),
            what: format!("table configuration, {kind} \"{name}\": {what}"),
            remedy: "put the row right, or delete it, which leaves the object to the file",
        })?;
        all.push(record);
    }
    Ok(all)
}

/// Within a transaction.
pub(super) fn change(transaction: &Connection, changes: &[ObjectChange]) -> rusqlite::Result<()> {
    for change in changes {
        match change {
            ObjectChange::Put(record) => {
                transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO configuration
                         (kind, name, definition, changed_at, changed_by)
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .execute(params![
                        record.name.kind.name(),
                        record.name.name,
                        record.definition.as_ref().map(Definition::to_string),
                        record.changed_unix_ms.cast_signed(),
                        record.changed_by,
                    ])?;
            }
            ObjectChange::Forget(name) => {
                transaction
                    .prepare_cached("DELETE FROM configuration WHERE kind = ?1 AND name = ?2")?
                    .execute(params![name.kind.name(), name.name])?;
            }
        }
    }
    Ok(())
}

fn read(row: &Row<'_>, kind: &str, name: &str) -> Result<ObjectRecord, String> {
    let kind = ObjectKind::of(kind).ok_or("no such kind")?;
    let text: Option<String> = row.get(2).map_err(|error| error.to_string())?;
    let definition = text.as_deref().map(Definition::parse).transpose();
    let changed_at: i64 = row.get(3).map_err(|error| error.to_string())?;
    Ok(ObjectRecord {
        name: ObjectName::new(kind, name),
        definition: definition.map_err(|error| error.to_string())?,
        changed_unix_ms: changed_at.cast_unsigned(),
        changed_by: row.get(4).map_err(|error| error.to_string())?,
    })
}
