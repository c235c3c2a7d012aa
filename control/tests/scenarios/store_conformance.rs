//! What every store must do: one suite, run with the file of the server and with that of the
//! simulated worlds.

use std::path::Path;

use control::cdr::Cdr;
use control::config::{Definition, ObjectKind, ObjectName};
use control::driver::Sqlite;
use control::sdp::{FormatRecord, LineRecord, SessionRecord};
use control::sip::agent::{SubscriptionRecord, TimerRecord, UsageRecord};
use control::sip::dialog::DialogRecord;
use control::store::record::{
    CallName, CallRecord, LegRecord, ParkedRecord, StateRecord, WatchForm, WatchName, WatchRecord,
    WatchScope,
};
use control::store::{AuditAsk, AuditRecord, Batch, ObjectChange, ObjectRecord, Operation, Store};

use crate::common::store::Store as Simulated;

/// Runs one case with each store: it is given a way to open the store once more.
fn with_each(case: impl Fn(&mut dyn Store)) {
    case(&mut Simulated::default());
    let folder = tempfile::tempdir().unwrap();
    case(&mut open(&folder.path().join("orbit.db")));
}

fn open(path: &Path) -> Sqlite {
    Sqlite::open(path).unwrap()
}

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

fn in_orbit(recalls: u8) -> ParkedRecord {
    ParkedRecord {
        orbit: "701".into(),
        since_unix_ms: 1_000,
        deadline_unix_ms: 91_000,
        recalls,
        park_token: "0123456789abcdef".into(),
    }
}

fn parked(name: &str, recalls: u8) -> CallRecord {
    CallRecord {
        name: CallName(name.into()),
        state: StateRecord::Parked(in_orbit(recalls)),
        parker: Some("sip:ann@example.com".into()),
        history: Some("<sip:ann@example.com>;index=1".into()),
        first: leg("bob"),
        second: None,
    }
}

fn bridged(name: &str) -> CallRecord {
    CallRecord {
        state: StateRecord::Bridged {
            since_unix_ms: 5_000,
            way_back: Some(in_orbit(1)),
        },
        second: Some(leg("carol")),
        ..parked(name, 0)
    }
}

fn batch(number: u64, operations: Vec<Operation>) -> Batch {
    Batch { number, operations }
}

fn put(record: &CallRecord) -> Operation {
    Operation::Put(Box::new(record.clone()))
}

fn delete(name: &str) -> Operation {
    Operation::Delete(CallName(name.into()))
}

fn calls(store: &mut dyn Store) -> Vec<CallRecord> {
    let mut calls = store.load().unwrap().calls;
    calls.sort_by(|a, b| a.name.cmp(&b.name));
    calls
}

fn cdr(call: u64, parked_at: u64, ended_at: Option<u64>) -> Cdr {
    Cdr {
        call: format!("{call:016x}"),
        call_id: "c@192.0.2.7".to_owned(),
        orbit: "701".to_owned(),
        parked_at: Some(parked_at),
        ended_at,
        ..Cdr::default()
    }
}

#[test]
fn an_empty_store_has_nothing() {
    with_each(|store| {
        assert_eq!(calls(store), []);
        assert_eq!(store.unfinished_cdrs().unwrap(), []);
        assert_eq!(store.last_cdrs(5).unwrap(), []);
        assert_eq!(store.strike_cdrs(u64::MAX >> 1, 5).unwrap(), 0);
        assert_eq!(store.objects().unwrap(), []);
        store.commit(&[]).unwrap();
        store.record(&[]).unwrap();
        store.change_objects(&[], &[]).unwrap();
    });
}

#[test]
fn what_was_put_is_loaded_as_it_was() {
    with_each(|store| {
        let (one, other) = (parked("a", 0), bridged("b"));
        let batches = [batch(1, vec![put(&one)]), batch(2, vec![put(&other)])];
        store.commit(&batches).unwrap();
        assert_eq!(calls(store), [one, other]);
    });
}

#[test]
fn what_was_put_is_there_when_a_file_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orbit.db");
    let record = parked("a", 1);
    open(&path).commit(&[batch(1, vec![put(&record)])]).unwrap();
    open(&path).record(&[cdr(1, 1_000, None)]).unwrap();
    let night = object("night", Some("700"));
    open(&path)
        .change_objects(&[put_object(&night)], &[])
        .unwrap();
    assert_eq!(open(&path).objects().unwrap(), [night]);
    assert_eq!(calls(&mut open(&path)), [record]);
    let unfinished = open(&path).unfinished_cdrs().unwrap();
    assert_eq!(unfinished, [cdr(1, 1_000, None)]);
}

#[test]
fn the_last_word_on_a_call_holds_within_a_batch_and_across() {
    with_each(|store| {
        let operations = [parked("a", 0), parked("b", 0), parked("a", 1)];
        let operations = operations.iter().map(put).collect();
        store.commit(&[batch(1, operations)]).unwrap();
        assert_eq!(calls(store), [parked("a", 1), parked("b", 0)]);
        let batches = [
            batch(2, vec![delete("b"), put(&bridged("a"))]),
            batch(3, vec![put(&parked("b", 2)), delete("a")]),
        ];
        store.commit(&batches).unwrap();
        assert_eq!(calls(store), [parked("b", 2)]);
    });
}

#[test]
fn subscriptions_are_kept_like_calls_and_beside_them() {
    with_each(|store| {
        let watches = |store: &mut dyn Store| store.load().unwrap().watches;
        let first = watch("a", 1_000);
        let put = |watch: &WatchRecord| Operation::Watch(Box::new(watch.clone()));
        let batches = [batch(
            1,
            vec![put(&first), put_call("a"), put(&watch("b", 1))],
        )];
        store.commit(&batches).unwrap();
        let later = watch("a", 2_000);
        let over = Operation::Unwatch(WatchName("b".into()));
        store.commit(&[batch(2, vec![over, put(&later)])]).unwrap();
        assert_eq!(watches(store), [later]);
        assert_eq!(calls(store), [parked("a", 0)]);
    });
}

fn put_call(name: &str) -> Operation {
    put(&parked(name, 0))
}

fn watch(name: &str, until_unix_ms: u64) -> WatchRecord {
    let leg = leg(name);
    WatchRecord {
        name: WatchName(name.into()),
        subscription: SubscriptionRecord {
            dialog: leg.dialog.dialog,
            path: leg.dialog.path,
            event: "dialog".into(),
            id: None,
            contact: "701".into(),
        },
        until_unix_ms,
        scope: WatchScope::Orbit("701".into()),
        form: WatchForm::Orbit,
        user: "701".into(),
        host: "192.0.2.1".into(),
        sees_dialogs: true,
        subscriber: "sip:ann@example.com".into(),
        version: 64,
    }
}

#[test]
fn doing_it_again_changes_nothing() {
    with_each(|store| {
        let again = [batch(1, vec![put(&parked("a", 0)), delete("b")])];
        for _ in 0..3 {
            store.commit(&again).unwrap();
            assert_eq!(calls(store), [parked("a", 0)]);
            store.record(&[cdr(1, 1_000, None)]).unwrap();
            assert_eq!(store.last_cdrs(9).unwrap(), [cdr(1, 1_000, None)]);
        }
    });
}

/// The range `name`, from this orbit on; `None` where it was removed.
fn object(name: &str, start: Option<&str>) -> ObjectRecord {
    let text = |start| format!("{{\"start\":\"{start}\",\"max_pickup_attempts\":3}}");
    let definition = start.map(|start| Definition::parse(&text(start)).unwrap());
    ObjectRecord {
        name: ObjectName::new(ObjectKind::Range, name),
        definition,
        changed_unix_ms: 1_800_000_000_000,
        changed_by: "ann".to_owned(),
    }
}

fn put_object(record: &ObjectRecord) -> ObjectChange {
    ObjectChange::Put(record.clone())
}

#[test]
fn the_last_word_on_an_object_of_the_configuration_holds() {
    with_each(|store| {
        let (front, night) = (object("front \"desk\"", Some("700")), object("night", None));
        let of_all = ObjectRecord {
            name: ObjectName::of_settings(None),
            ..object("", Some("1"))
        };
        let changes = [&night, &of_all, &front].map(put_object);
        for _ in 0..2 {
            store.change_objects(&changes, &[]).unwrap();
            let all = [front.clone(), night.clone(), of_all.clone()];
            assert_eq!(store.objects().unwrap(), all, "by kind and name");
        }
        let other = object("night", Some("800"));
        let changes = [
            ObjectChange::Forget(front.name),
            put_object(&other),
            ObjectChange::Forget(ObjectName::new(ObjectKind::Music, "night")),
        ];
        store.change_objects(&changes, &[]).unwrap();
        assert_eq!(store.objects().unwrap(), [other, of_all]);
    });
}

#[test]
fn a_change_of_the_configuration_and_its_deed_are_there_together() {
    with_each(|store| {
        let deed = |token: &str| AuditRecord {
            token: token.to_owned(),
            ..AuditRecord::default()
        };
        let told = |store: &mut dyn Store| -> Vec<(u64, String)> {
            let ask = AuditAsk {
                limit: 9,
                ..AuditAsk::default()
            };
            let told = store.audit(&ask).unwrap().into_iter();
            told.map(|(number, deed)| (number, deed.token)).collect()
        };
        store.note(&[deed("eve")]).unwrap();
        let night = object("night", Some("700"));
        let change = [put_object(&night)];
        store.change_objects(&change, &[deed("ann")]).unwrap();
        assert_eq!(store.objects().unwrap(), [night]);
        let numbered = |number, token: &str| (number, token.to_owned());
        assert_eq!(told(store), [numbered(2, "ann"), numbered(1, "eve")]);
        store.change_objects(&[], &[]).unwrap();
        assert_eq!(told(store).len(), 2, "nobody has done anything");
    });
}

#[test]
fn a_call_detail_record_takes_the_place_of_the_one_before() {
    with_each(|store| {
        store
            .record(&[cdr(1, 1_000, None), cdr(2, 2_000, None)])
            .unwrap();
        store.record(&[cdr(1, 1_000, Some(3_000))]).unwrap();
        assert_eq!(store.unfinished_cdrs().unwrap(), [cdr(2, 2_000, None)]);
        let last = store.last_cdrs(9).unwrap();
        assert_eq!(last, [cdr(2, 2_000, None), cdr(1, 1_000, Some(3_000))]);
        assert_eq!(store.last_cdrs(1).unwrap(), [cdr(2, 2_000, None)]);
    });
}

#[test]
fn old_records_are_struck_so_many_at_once_and_calls_that_go_on_stay() {
    with_each(|store| {
        let mut records: Vec<Cdr> = (0..5).map(|n| cdr(n, 1_000, Some(1_000 + n))).collect();
        records.push(cdr(9, 1, None));
        store.record(&records).unwrap();
        assert_eq!(store.strike_cdrs(1_004, 3).unwrap(), 3);
        assert_eq!(store.strike_cdrs(1_004, 3).unwrap(), 1);
        assert_eq!(store.strike_cdrs(1_004, 3).unwrap(), 0);
        assert_eq!(
            store.last_cdrs(9).unwrap(),
            [records[4].clone(), records[5].clone()]
        );
    });
}

#[test]
fn deeds_are_told_the_last_one_first_and_as_they_are_asked_for() {
    let deed = |at_unix_ms: u64, token: &str, object: &str| AuditRecord {
        at_unix_ms,
        token: token.to_owned(),
        role: "admin".to_owned(),
        action: "configure".to_owned(),
        object: object.to_owned(),
        after: Some("{\"start\":\"700\"}".to_owned()),
        outcome: "done".to_owned(),
        ..AuditRecord::default()
    };
    with_each(|store| {
        let deeds = [
            deed(1_000, "ann", "range front"),
            deed(2_000, "bob", "range night"),
            deed(3_000, "ann", "music jazz"),
        ];
        store.note(&deeds[..1]).unwrap();
        store.note(&deeds[1..]).unwrap();
        let mut told = |ask: AuditAsk| -> Vec<u64> {
            let told = store.audit(&AuditAsk { limit: 9, ..ask }).unwrap();
            for (number, deed) in &told {
                let place = usize::try_from(number - 1).unwrap();
                assert_eq!(*deed, deeds[place], "as it was noted");
            }
            told.into_iter().map(|(number, _)| number).collect()
        };
        let all = AuditAsk::default;
        assert_eq!(told(all()), [3, 2, 1]);
        let (ann, range) = (Some("ann".to_owned()), Some("range *".to_owned()));
        assert_eq!(
            told(AuditAsk {
                before: Some(3),
                ..all()
            }),
            [2, 1]
        );
        assert_eq!(
            told(AuditAsk {
                since_unix_ms: Some(2_000),
                ..all()
            }),
            [3, 2]
        );
        assert_eq!(
            told(AuditAsk {
                until_unix_ms: Some(2_000),
                ..all()
            }),
            [1]
        );
        assert_eq!(
            told(AuditAsk {
                token: ann.clone(),
                ..all()
            }),
            [3, 1]
        );
        let both = AuditAsk {
            token: ann,
            object: range,
            ..all()
        };
        assert_eq!(told(both), [1]);
        let last = store.audit(&AuditAsk { limit: 1, ..all() }).unwrap();
        assert_eq!(last[0].0, 3);
    });
}
