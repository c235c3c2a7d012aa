//! The lists of features and complaints are true: each row that is done has a test that carries its
//! number.

use std::collections::BTreeSet;

use super::{none, tree, with_extension};

#[test]
fn each_feature_that_is_done_has_a_test_with_its_number() {
    let tested = tested("fn row_");
    let missing = rows()
        .into_iter()
        .filter(|(row, is_done)| *is_done && !tested.contains(row));
    none(
        &missing
            .map(|(row, _)| {
                format!("docs/features.md: row {row} is done without a test row_{row}_")
            })
            .collect::<Vec<_>>(),
    );
}

#[test]
fn each_number_of_a_test_is_a_row_of_the_features() {
    let rows: BTreeSet<u32> = rows().into_iter().map(|(row, _)| row).collect();
    let unknown = tested("fn row_")
        .into_iter()
        .filter(|row| !rows.contains(row));
    none(
        &unknown
            .map(|row| format!("a test says row_{row}_, which docs/features.md does not have"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn the_rows_of_the_features_are_numbered_without_a_gap() {
    let numbers: Vec<u32> = rows().into_iter().map(|(row, _)| row).collect();
    assert!(numbers.iter().copied().eq(1..=64), "{numbers:?}");
}

#[test]
fn each_complaint_has_a_test_with_its_number() {
    let tested = tested("fn complaint_");
    let listed = complaints();
    assert!(listed.len() > 5, "the list was not found: {listed:?}");
    let missing = listed.difference(&tested);
    none(
        &missing
            .map(|row| format!("docs/complaints.md: {row} has no test complaint_{row:02}_"))
            .collect::<Vec<_>>(),
    );
    let unknown = tested.difference(&listed);
    none(
        &unknown
            .map(|row| format!("a test says complaint_{row:02}_, which no list has"))
            .collect::<Vec<_>>(),
    );
}

/// The numbers of the complaints.
fn complaints() -> BTreeSet<u32> {
    let files = tree();
    let list = { files.iter() }.find(|file| file.path == "docs/complaints.md");
    let lines = list.expect("a list of complaints").text.lines();
    lines
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()?.parse().ok())
        .collect()
}

/// The rows of the list, and whether each is done.
fn rows() -> Vec<(u32, bool)> {
    let files = tree();
    let list = files
        .iter()
        .find(|file| file.path == "docs/features.md")
        .expect("a list of features");
    let rows = list.text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let row = cells.next()?.parse().ok()?;
        match cells.next()? {
            "done" => Some((row, true)),
            "not yet" => Some((row, false)),
            state => panic!("docs/features.md: row {row} is {state:?}, not done or not yet"),
        }
    });
    rows.collect()
}

/// The numbers in the names of tests that begin so.
fn tested(prefix: &str) -> BTreeSet<u32> {
    let mut rows = BTreeSet::new();
    for file in with_extension("rs") {
        let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
        for (number, line) in lines.iter().enumerate() {
            let name = line.strip_prefix("async ").unwrap_or(line);
            let Some(name) = name.strip_prefix(prefix) else {
                continue;
            };
            let digits = name.split('_').next().unwrap_or_default();
            // Its attributes stand above it.
            let above = lines[..number].iter().rev();
            let mut attributes = above.take_while(|line| line.starts_with(['#', '/']));
            if attributes.any(|line| line.starts_with("#[test")) {
                rows.extend(digits.parse::<u32>());
            }
        }
    }
    rows
}
