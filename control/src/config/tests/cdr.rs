//! `[cdr]`.

use std::path::Path;

use super::{parse, refused};

#[test]
fn records_are_kept_for_ninety_days_and_no_file_is_written_by_default() {
    let cdr = parse("").unwrap().cdr;
    assert_eq!((cdr.path, cdr.keep_days), (None, 90));
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
