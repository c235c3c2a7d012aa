//! The table of call detail records.

use rusqlite::{Connection, Row, params};

use crate::cdr::Cdr;

/// Writes records, each in the place of what is there of its call.
pub(super) fn record(connection: &mut Connection, records: &[Cdr]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        let mut statement = transaction.prepare_cached(
            "INSERT OR REPLACE INTO cdr
             (call, call_id, orbit, orbit_range, dialect, parkee, parker, parked_at, retriever,
              retrieved_at, way, ended_at, ending, ended_by, waited_ms, talked_ms, recalls, record)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
              ?18)",
        )?;
        for cdr in records {
            let text = serde_json::to_string(cdr).expect("a record has no map and no foreign type");
            statement.execute(params![
                cdr.call,
                cdr.call_id,
                cdr.orbit,
                cdr.range,
                cdr.dialect,
                cdr.parkee,
                cdr.parker,
                cdr.parked_at.map(u64::cast_signed),
                cdr.retriever,
                cdr.retrieved_at.map(u64::cast_signed),
                cdr.way,
                cdr.ended_at.map(u64::cast_signed),
                cdr.end,
                cdr.ended_by,
                cdr.waited_ms().map(u64::cast_signed),
                cdr.talked_ms().map(u64::cast_signed),
                cdr.recalls.len(),
                text,
            ])?;
        }
    }
    transaction.commit()
}

/// The records of calls that are not over. One that cannot be read is left where it is.
pub(super) fn unfinished(connection: &Connection) -> rusqlite::Result<Vec<Cdr>> {
    let mut statement = connection.prepare("SELECT record FROM cdr WHERE ended_at IS NULL")?;
    let records = statement.query_map((), read)?;
    Ok(records
        .collect::<rusqlite::Result<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect())
}

/// The calls parked last, the last one first.
pub(super) fn last(connection: &Connection, count: usize) -> rusqlite::Result<Vec<Cdr>> {
    let mut statement = connection
        .prepare_cached("SELECT record FROM cdr ORDER BY parked_at DESC, call LIMIT ?1")?;
    let records = statement.query_map([count], read)?;
    Ok(records
        .collect::<rusqlite::Result<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect())
}

/// Strikes at most so many records of calls that had ended before then. How many there were.
pub(super) fn strike(
    connection: &Connection,
    before_unix_ms: u64,
    at_most: usize,
) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM cdr WHERE call IN
             (SELECT call FROM cdr WHERE ended_at < ?1 LIMIT ?2)",
        )?
        .execute(params![before_unix_ms.cast_signed(), at_most])
}

fn read(row: &Row<'_>) -> rusqlite::Result<Option<Cdr>> {
    let text: String = row.get(0)?;
    let record = serde_json::from_str(&text);
    if let Err(error) = &record {
        tracing::warn!(%error, "a call detail record in the store cannot be read");
    }
    Ok(record.ok())
}
