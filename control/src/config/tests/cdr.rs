//! `[cdr]`, and what becomes of calls when the server ends.

use std::path::Path;
use std::time::Duration;

use super::{parse, refused};
use crate::config::OnTerminate;

#[test]
fn records_are_kept_for_ninety_days_and_no_file_is_written_by_default() {
    let cdr = parse("").unwrap().cdr;
    assert_eq!((cdr.path, cdr.keep_days, cdr.names), (None, 90, true));
    assert!(!parse("[cdr]\nnames = false").unwrap().cdr.names);
}

#[test]
fn a_file_of_records_is_found_from_the_folder_of_the_configuration() {
    let cdr = parse("[cdr]\npath = \"calls.jsonl\"\nkeep_days = 7")
        .unwrap()
        .cdr;
    let path = cdr.path.unwrap();
    assert_eq!(
        (&*path, cdr.keep_days),
        (Path::new("/etc/orbit/calls.jsonl"), 7)
    );
}

#[test]
fn what_is_wrong_in_cdr_is_refused_by_name() {
    refused(
        "
[cdr]
path = \"\"
=> 2: [cdr] path = \"\": empty; write the path of a file

[cdr]
keep_days = 0
=> 2: [cdr] keep_days = 0: out of range; write a number from 1 to 3650
",
    );
}

#[test]
fn a_drain_has_a_limit() {
    let text = "[node]\ndrain_limit = \"2min\"\n[store]\non_terminate = \"drain\"";
    let config = parse(text).unwrap();
    assert_eq!(config.node.drain_limit, Duration::from_mins(2));
    assert_eq!(config.store.on_terminate, OnTerminate::Drain);
    let limit = parse("").unwrap().node.drain_limit;
    assert_eq!(limit, Duration::from_mins(15));
    refused(
        r#"
[store]
on_terminate = "wait"
=> 2: [store] on_terminate = "wait": write "keep", "end" or "drain"
"#,
    );
}
