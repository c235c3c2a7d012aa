//! Our parser against two others, on the torture messages and on seeded mutations of them.
//!
//! Nobody is the judge but the RFC: `differential/verdicts.rs` lists every disagreement with its
//! verdict. One that is not listed fails, and so does one that is listed and does not occur any
//! more.

#[path = "differential/reading.rs"]
mod reading;
#[path = "../../control/tests/torture/table.rs"]
mod table;
#[path = "differential/verdicts.rs"]
mod verdicts;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::catch_unwind;

use control::sip::message::Message;
use orbit_fuzz::Mutator;
use reading::Reading;
use table::TABLE;
use verdicts::{Case, Kind, Oracle, VERDICTS, Verdict};

/// Mutations that each oracle reads.
const RUNS: u64 = 10_000;

/// What two parsers make of one input, where it is not the same.
fn disagreements(oracle: Oracle, input: &[u8]) -> Vec<Kind> {
    let input = head_first(input);
    let theirs = catch_unwind(|| oracle.read(input));
    match (reading::ours(input), theirs) {
        (_, Err(_)) => vec![Kind::TheyPanic],
        (Ok(ours), Ok(Some(theirs))) => {
            let parts = ours.differences(&theirs).into_iter();
            parts.map(Kind::Part).collect()
        }
        (Ok(_), Ok(None)) => vec![Kind::TheyRefuse],
        (Err(wrong), Ok(Some(_))) => vec![Kind::TheyTake(wrong.what)],
        (Err(_), Ok(None)) => Vec::new(),
    }
}

/// The input without the line breaks ahead of it: the others skip them in their transports.
fn head_first(input: &[u8]) -> &[u8] {
    let start = input.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
    &input[start.unwrap_or(0)..]
}

/// The verdict on a disagreement: the first whose condition holds.
fn verdict(oracle: Oracle, kind: Kind, input: &[u8]) -> Option<usize> {
    let bytes = head_first(input);
    let message = Message::parse(bytes).ok();
    let case = message.map(|message| Case { message, bytes });
    let is_it = |verdict: &Verdict| {
        let is_about = || case.as_ref().is_none_or(|case| (verdict.when)(case));
        verdict.oracle == oracle && verdict.kind == kind && is_about()
    };
    VERDICTS.iter().position(is_it)
}

#[test]
fn every_disagreement_on_a_torture_message_is_listed_and_occurs() {
    let mut found: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    let mut unlisted = Vec::new();
    for oracle in Oracle::ALL {
        for torture in TABLE {
            for kind in disagreements(oracle, torture.bytes) {
                match verdict(oracle, kind, torture.bytes) {
                    Some(index) => drop(found.entry(index).or_default().insert(torture.name)),
                    None => unlisted.push(format!("{oracle:?} {}: {kind:?}", torture.name)),
                }
            }
        }
    }
    for (index, verdict) in VERDICTS.iter().enumerate() {
        let listed: BTreeSet<&str> = verdict.torture.iter().copied().collect();
        let found = found.remove(&index).unwrap_or_default();
        if listed != found || listed.is_empty() {
            let (oracle, kind, why) = (verdict.oracle, verdict.kind, verdict.why);
            unlisted.push(format!(
                "{oracle:?} {kind:?} ({why}): found {found:?}, listed {listed:?}"
            ));
        }
    }
    assert!(unlisted.is_empty(), "{}", unlisted.join("\n"));
}

#[test]
fn every_disagreement_on_a_mutation_is_of_a_listed_kind() {
    let mut unlisted = Vec::new();
    for oracle in Oracle::ALL {
        // What they disagree on before it is mutated would only be found again.
        let agreed =
            |bytes: &[u8]| reading::ours(bytes).is_ok() && disagreements(oracle, bytes).is_empty();
        let seeds: Vec<Vec<u8>> = TABLE
            .iter()
            .filter(|torture| agreed(torture.bytes))
            .map(|torture| torture.bytes.to_vec())
            .collect();
        assert!(seeds.len() > 30, "{oracle:?} reads as we do");
        for seed in 0..RUNS {
            let input = Mutator::new(seed).variant(&seeds);
            for kind in disagreements(oracle, &input) {
                if verdict(oracle, kind, &input).is_none() {
                    let text = String::from_utf8_lossy(&input);
                    unlisted.push(format!("{oracle:?} seed {seed}: {kind:?}\n{text}"));
                }
            }
        }
    }
    let count = unlisted.len();
    unlisted.truncate(20);
    assert!(
        unlisted.is_empty(),
        "{count}, the first:\n{}",
        unlisted.join("\n")
    );
}

#[test]
fn a_plain_call_is_read_alike() {
    let plain = b"INVITE sip:park@pbx.test:5080 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.71:5070;rport;branch=z9hG4bKplain\r\n\
        From: \"Ann\" <sip:ann@phone.test>;tag=a1\r\nTo: <sip:park@pbx.test>;tag=b2\r\n\
        Call-ID: plain@phone.test\r\nCSeq: 7 INVITE\r\nMax-Forwards: 70\r\n\
        Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n";
    let expected = Reading {
        start: "INVITE".to_owned(),
        uri: Some((Some("park".to_owned()), "pbx.test".to_owned(), Some(5080))),
        call_id: "plain@phone.test".to_owned(),
        cseq: (7, "INVITE".to_owned()),
        branch: Some("z9hG4bKplain".to_owned()),
        from_tag: Some("a1".to_owned()),
        to_tag: Some("b2".to_owned()),
        field_count: 8,
        body_bytes: 5,
    };
    assert_eq!(reading::ours(plain), Ok(expected.clone()));
    for oracle in Oracle::ALL {
        assert_eq!(oracle.read(plain), Some(expected.clone()), "{oracle:?}");
    }
}
