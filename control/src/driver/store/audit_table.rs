//! The table of what was done over the API.

use rusqlite::{Connection, Row, params};

use crate::store::{AUDIT_MAX, AuditAsk, AuditRecord};

/// Within a transaction; the oldest go where there are too many.
pub(super) fn note(transaction: &Connection, deeds: &[AuditRecord]) -> rusqlite::Result<()> {
    if deeds.is_empty() {
        return Ok(());
    }
    for deed in deeds {
        transaction
            .prepare_cached(
                "INSERT INTO audit
                 (at, token, role, peer, action, object, before, after, outcome)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                deed.at_unix_ms.cast_signed(),
                deed.token,
                deed.role,
                deed.peer,
                deed.action,
                deed.object,
                deed.before,
                deed.after,
                deed.outcome,
            ])?;
    }
    let last = transaction.last_insert_rowid();
    transaction
        .prepare_cached("DELETE FROM audit WHERE number <= ?1")?
        .execute([last - AUDIT_MAX.cast_signed()])?;
    Ok(())
}

/// The last one first.
pub(super) fn read(
    connection: &Connection,
    ask: &AuditAsk,
) -> rusqlite::Result<Vec<(u64, AuditRecord)>> {
    let most = |limit: Option<u64>| limit.unwrap_or(i64::MAX.cast_unsigned()).cast_signed();
    let mut statement = connection.prepare_cached(
        "SELECT number, at, token, role, peer, action, object, before, after, outcome FROM audit
         WHERE number < ?1 AND at >= ?2 AND at < ?3
           AND (?4 IS NULL OR token = ?4) AND (?5 IS NULL OR object GLOB ?5)
         ORDER BY number DESC LIMIT ?6",
    )?;
    let parameters = params![
        most(ask.before),
        ask.since_unix_ms.unwrap_or(0).cast_signed(),
        most(ask.until_unix_ms),
        ask.token,
        ask.object,
        ask.limit,
    ];
    statement.query_map(parameters, deed)?.collect()
}

fn deed(row: &Row<'_>) -> rusqlite::Result<(u64, AuditRecord)> {
    let number: i64 = row.get(0)?;
    let at: i64 = row.get(1)?;
    let deed = AuditRecord {
        at_unix_ms: at.cast_unsigned(),
        token: row.get(2)?,
        role: row.get(3)?,
        peer: row.get(4)?,
        action: row.get(5)?,
        object: row.get(6)?,
        before: row.get(7)?,
        after: row.get(8)?,
        outcome: row.get(9)?,
    };
    Ok((number.cast_unsigned(), deed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_deeds_go_where_there_are_too_many_and_no_number_is_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orbit.db");
        let mut connection = Connection::open(&path).unwrap();
        super::super::schema::prepare(&mut connection, &path).unwrap();
        let deed = AuditRecord::default();
        note(&connection, &[deed.clone(), deed.clone(), deed.clone()]).unwrap();
        let most = AUDIT_MAX.cast_signed();
        let sequence = "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'audit'";
        connection.execute(sequence, [most]).unwrap();
        note(&connection, &[deed.clone(), deed]).unwrap();
        let ask = AuditAsk {
            limit: 9,
            ..AuditAsk::default()
        };
        let left = read(&connection, &ask).unwrap();
        let numbers: Vec<u64> = left.into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, [AUDIT_MAX + 2, AUDIT_MAX + 1, 3]);
    }
}
