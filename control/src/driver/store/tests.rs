//! What this store does about files that are not what they should be, and how they read by hand.
//!
//! Absent on purpose: what every store must do (`tests/scenarios/store_conformance.rs`).

use std::fs;
use std::path::PathBuf;

use super::Sqlite;
use crate::cdr::Cdr;
use crate::config::{ObjectKind, ObjectName};
use crate::sdp::{FormatRecord, LineRecord, SessionRecord};
use crate::sip::agent::{TimerRecord, UsageRecord};
use crate::sip::dialog::DialogRecord;
use crate::store::record::{CallName, CallRecord, LegRecord, ParkedRecord, StateRecord};
use crate::store::{
    AuditAsk, AuditRecord, Batch, ObjectChange, ObjectRecord, Operation, Store as _, StoreError,
};

fn leg(name: &str) -> LegRecord {
    LegRecord {
        dialog: UsageRecord {
            dialog: DialogRecord {
                uac: false,
                call_id: format!("{name}@192.0.2.7").into(),
                local_tag: "l".into(),
                remote_tag: "r".into(),
                local: "<sip:park@192.0.2.1>;tag=l".into(),
                remote: format!("\"{name}\" <sip:{name}@192.0.2.7>;tag=r").into(),
                target: format!("sip:{name}@192.0.2.7").into(),
                routes: ["<sip:192.0.2.9;lr>".into()].into(),
                local_cseq: 64,
                secure: false,
            },
            path: None,
            timer: Some(TimerRecord {
                seconds: 600,
                ours: true,
            }),
        },
        session: SessionRecord {
            id: u64::MAX >> 1,
            version: 2,
            lines: vec![LineRecord {
                kind: "audio".to_owned(),
                proto: "RTP/AVP".to_owned(),
                format: "0".to_owned(),
            }],
            place: 0,
            numbers: vec![(FormatRecord::Pcmu, 0), (FormatRecord::Event, 101)],
        },
        contact: "701".into(),
        host: "192.0.2.1".into(),
        identity: format!("<sip:{name}@192.0.2.7>").into(),
        private: true,
        source: None,
    }
}

fn call(token: &str, recalls: u8) -> CallRecord {
    CallRecord {
        name: CallName(token.into()),
        state: StateRecord::Parked(ParkedRecord {
            orbit: "701".into(),
            since_unix_ms: 1_000,
            deadline_unix_ms: 91_000,
            recalls,
            park_token: "0123456789abcdef".into(),
        }),
        parker: Some("sip:ann@example.com".into()),
        history: None,
        first: leg("bob"),
        second: None,
    }
}

fn batch(number: u64, operations: Vec<Operation>) -> Batch {
    Batch { number, operations }
}

fn put(token: &str, recalls: u8) -> Operation {
    Operation::Put(Box::new(call(token, recalls)))
}

struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orbit.db");
        Self {
            _folder: folder,
            path,
        }
    }

    fn open(&self) -> Sqlite {
        Sqlite::open(&self.path).unwrap()
    }

    fn refusal(&self) -> String {
        let error = Sqlite::open(&self.path).unwrap_err();
        assert!(matches!(error, StoreError::Unusable { .. }), "{error}");
        error.to_string()
    }
}

#[test]
fn a_file_of_another_program_is_left_as_it_is() {
    let place = Place::new();
    let other = rusqlite::Connection::open(&place.path).unwrap();
    other.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(other);
    let before = fs::read(&place.path).unwrap();
    assert!(place.refusal().contains("another program"));
    assert_eq!(fs::read(&place.path).unwrap(), before);
}

#[test]
fn a_file_of_a_newer_version_is_left_as_it_is() {
    let place = Place::new();
    drop(place.open());
    let newer = rusqlite::Connection::open(&place.path).unwrap();
    newer.pragma_update(None, "user_version", 7).unwrap();
    drop(newer);
    assert!(
        place
            .refusal()
            .contains("written by a newer orbitd (version 7")
    );
}

#[test]
fn what_is_no_database_is_left_as_it_is() {
    let place = Place::new();
    fs::write(
        &place.path,
        "a letter to the editor, long enough to be read",
    )
    .unwrap();
    assert!(place.refusal().contains("not a store, or damaged"));
    let text = fs::read_to_string(&place.path).unwrap();
    assert!(text.starts_with("a letter"));
}

#[test]
fn a_torn_file_is_refused() {
    let place = Place::new();
    let mut store = place.open();
    let many = (0..500).map(|n| put(&format!("{n:04}"), 0)).collect();
    store.commit(&[batch(1, many)]).unwrap();
    drop(store);
    let bytes = fs::read(&place.path).unwrap();
    let torn: Vec<u8> = [&bytes[..8_192], &vec![0xa5; bytes.len() - 8_192]].concat();
    fs::write(&place.path, &torn).unwrap();
    assert!(place.refusal().contains("damaged"));
    assert_eq!(fs::read(&place.path).unwrap(), torn);
}

#[test]
fn a_second_owner_is_refused_by_the_first_ones_process_id() {
    let place = Place::new();
    let _first = place.open();
    let refusal = place.refusal();
    let owner = format!("process {}", std::process::id());
    assert!(refusal.contains(&owner), "{refusal}");
}

#[test]
fn a_record_that_cannot_be_read_is_counted_and_stays() {
    let place = Place::new();
    let mut store = place.open();
    store.commit(&[batch(1, vec![put("a", 0)])]).unwrap();
    let other = rusqlite::Connection::open(&place.path).unwrap();
    let strange = "INSERT INTO parked_call (name, call_id, record) VALUES ('x', 'y', '{}')";
    other.execute(strange, ()).unwrap();
    for _ in 0..2 {
        let loaded = store.load().unwrap();
        assert_eq!(loaded.calls, [call("a", 0)]);
        assert_eq!(loaded.unreadable.len(), 1);
        assert!(loaded.unreadable[0].starts_with("call x: missing field"));
    }
}

#[test]
fn a_file_that_may_not_be_written_says_what_to_do() {
    let path = PathBuf::from("/proc/orbit.db");
    let error = Sqlite::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }));
    assert!(error.to_string().contains("change [store] path"), "{error}");
}

#[test]
fn a_full_store_changes_nothing_and_says_what_to_do() {
    let place = Place::new();
    let mut store = place.open();
    store.commit(&[batch(1, vec![put("a", 0)])]).unwrap();
    store.limit_pages(16);
    let many = (0..500).map(|n| put(&format!("{n:04}"), 0)).collect();
    let error = store.commit(&[batch(2, many)]).unwrap_err();
    assert!(error.to_string().contains("make room"), "{error}");
    assert_eq!(store.load().unwrap().calls, [call("a", 0)]);
    store.limit_pages(100_000);
    store.commit(&[batch(3, vec![put("b", 0)])]).unwrap();
    assert_eq!(store.load().unwrap().calls.len(), 2);
}

/// A file as version 1 made it, with a call in it.
const VERSION_1: &str = "
    CREATE TABLE parked_call (
        name      TEXT PRIMARY KEY,
        orbit     TEXT,
        parked_at INTEGER,
        recall_at INTEGER,
        parker    TEXT,
        call_id   TEXT NOT NULL,
        record    TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX parked_call_orbit ON parked_call (orbit);
    PRAGMA application_id = 1869767284;
    PRAGMA user_version = 1;
";

#[test]
fn a_file_of_an_older_version_is_migrated_with_its_calls() {
    let place = Place::new();
    let old = rusqlite::Connection::open(&place.path).unwrap();
    old.execute_batch(VERSION_1).unwrap();
    let record = serde_json::to_string(&call("a", 0)).unwrap();
    let insert = "INSERT INTO parked_call (name, call_id, record) VALUES ('a', 'c', ?1)";
    old.execute(insert, [record]).unwrap();
    drop(old);
    let mut store = place.open();
    assert_eq!(store.load().unwrap().calls, [call("a", 0)]);
    let cdr = Cdr {
        call: "0123456789abcdef".to_owned(),
        ..Cdr::default()
    };
    store.record(std::slice::from_ref(&cdr)).unwrap();
    assert_eq!(store.unfinished_cdrs().unwrap(), [cdr]);
    drop(store);
    drop(place.open());
}

#[test]
fn the_columns_can_be_read_by_hand() {
    let place = Place::new();
    place.open().commit(&[batch(1, vec![put("a", 0)])]).unwrap();
    let by_hand = rusqlite::Connection::open(&place.path).unwrap();
    let row: (String, i64, String) = by_hand
        .query_row(
            "SELECT orbit, recall_at, json_extract(record, '$.first.identity') FROM parked_call",
            (),
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    assert_eq!(
        row,
        ("701".to_owned(), 91_000, "<sip:bob@192.0.2.7>".to_owned())
    );
}

#[test]
fn row_49_the_calls_parked_last_can_be_read_by_hand() {
    let place = Place::new();
    let record = |call: &str, parked_at, ended_at| Cdr {
        call: call.to_owned(),
        orbit: "701".to_owned(),
        parkee: "<sip:bob@192.0.2.7>".to_owned(),
        parked_at: Some(parked_at),
        ended_at,
        end: ended_at.map(|_| "not-retrieved".to_owned()),
        ..Cdr::default()
    };
    let records = [record("a", 1_000, Some(91_000)), record("b", 2_000, None)];
    place.open().record(&records).unwrap();
    let by_hand = rusqlite::Connection::open(&place.path).unwrap();
    let mut statement = by_hand
        .prepare(
            "SELECT orbit, parkee, ending, waited_ms FROM cdr ORDER BY parked_at DESC LIMIT 20",
        )
        .unwrap();
    let rows = statement.query_map((), |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, Option<String>>(2)?,
            row.get(3)?,
        ))
    });
    let rows: Vec<(String, Option<String>, Option<u64>)> =
        rows.unwrap().collect::<Result<_, _>>().unwrap();
    let ended = Some("not-retrieved".to_owned());
    let expected = [
        ("701".to_owned(), None, None),
        ("701".to_owned(), ended, Some(90_000)),
    ];
    assert_eq!(rows, expected);
}

/// Whichever of the two cannot be written takes the other with it.
#[test]
fn a_change_of_the_configuration_is_not_there_without_its_deed_nor_the_deed_without_it() {
    for table in ["audit", "configuration"] {
        let place = Place::new();
        let mut store = place.open();
        let ill = rusqlite::Connection::open(&place.path).unwrap();
        let trigger = format!(
            "CREATE TRIGGER ill BEFORE INSERT ON {table} \
             BEGIN SELECT RAISE(ABORT, 'no room'); END"
        );
        ill.execute_batch(&trigger).unwrap();
        let night = ObjectRecord {
            name: ObjectName::new(ObjectKind::Range, "night"),
            definition: None,
            changed_unix_ms: 1,
            changed_by: "ann".to_owned(),
        };
        let (changes, deeds) = ([ObjectChange::Put(night)], [AuditRecord::default()]);
        let refused = store.change_objects(&changes, &deeds).unwrap_err();
        assert!(refused.to_string().contains("no room"), "{refused}");
        let ask = AuditAsk {
            limit: 9,
            ..AuditAsk::default()
        };
        let there = |store: &mut Sqlite| {
            let deeds = store.audit(&ask).unwrap();
            (store.objects().unwrap().len(), deeds.len())
        };
        assert_eq!(there(&mut store), (0, 0), "{table}");
        ill.execute_batch("DROP TRIGGER ill").unwrap();
        store.change_objects(&changes, &deeds).unwrap();
        assert_eq!(there(&mut store), (1, 1), "{table}");
    }
}
