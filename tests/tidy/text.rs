//! Rules about the text of files: widths, lengths, words, characters, attributes.

use super::tree::{blobs, code};
use super::{File, lines, none, tree, with_extension};

/// Columns of a line of code or comment.
const COLUMNS_MAX: usize = 100;
/// Lines of a source file without its tests.
const LINES_MAX: usize = 400;
/// Lines of a file that is only tests.
const TEST_LINES_MAX: usize = 800;
/// Bytes of one file: the shipped hold music is the largest.
const BYTES_MAX: usize = 3 << 20;

/// Files above [`LINES_MAX`], the lines they may have, and why. They may shrink, never grow.
const LONG_FILES: &[(&str, usize, &str)] = &[];

/// What a file may be called.
const EXTENSIONS: &[&str] = &[
    "",
    "cfg",
    "flac",
    "gitignore",
    "json",
    "html",
    "lock",
    "md",
    "mp3",
    "ogg",
    "rs",
    "service",
    "sdp",
    "sh",
    "sip",
    "toml",
    "wav",
    "xml",
    "yml",
    "bin",
];

/// Files with `unsafe` besides `dataplane/src/uring/`, and why.
const UNSAFE_FILES: &[(&str, &str)] = &[
    (
        "benches/tests/allocations.rs",
        "a counting allocator: its trait asks for it",
    ),
    (
        "benches/tests/memory.rs",
        "an allocator that counts bytes: its trait asks for it",
    ),
];

#[test]
fn no_line_is_wider_than_a_hundred_columns() {
    none(&lines(&with_extension("rs"), |_, line| {
        let columns = line.chars().count();
        (columns > COLUMNS_MAX).then(|| format!("{columns} columns"))
    }));
}

#[test]
fn no_file_is_longer_than_one_can_hold_in_mind() {
    let mut findings = Vec::new();
    for file in with_extension("rs") {
        let count = file.without_tests().count();
        let known = LONG_FILES.iter().find(|(path, ..)| *path == file.path);
        let max = match known {
            Some((_, max, _)) => *max,
            None if file.is_test() => TEST_LINES_MAX,
            None => LINES_MAX,
        };
        if count > max {
            findings.push(format!(
                "{}: {count} lines without tests, {max} allowed",
                file.path
            ));
        }
    }
    none(&findings);
}

#[test]
fn each_exception_is_still_one() {
    let files = tree();
    let mut findings = Vec::new();
    for (path, max, reason) in LONG_FILES {
        assert!(!reason.is_empty(), "{path}: an exception has a reason");
        let now = files.iter().find(|file| file.path == *path);
        let now = now.map_or(0, |file| file.without_tests().count());
        if now + 20 < *max {
            findings.push(format!(
                "{path}: has {now} lines now: lower its {max} in LONG_FILES"
            ));
        }
    }
    for (path, reason) in UNSAFE_FILES {
        assert!(!reason.is_empty(), "{path}: an exception has a reason");
        let uses = |file: &File| file.path == *path && file.text.lines().any(says_unsafe);
        if !files.iter().any(uses) {
            findings.push(format!(
                "{path}: needs no exception any more: strike it from UNSAFE_FILES"
            ));
        }
    }
    none(&findings);
}

#[test]
fn each_file_says_first_what_it_is_for() {
    let mut findings = Vec::new();
    for file in with_extension("rs") {
        let first = file.text.lines().next().unwrap_or_default();
        // The tests of one module, moved beside it, are about that module.
        if file.name() == "tests.rs" {
            continue;
        }
        if !first.starts_with("//! ") {
            findings.push(format!("{}: the first line is no `//!`", file.path));
        }
    }
    none(&findings);
}

#[test]
fn nothing_is_left_for_later() {
    // Written in two parts, so that this file does not find itself.
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
        concat!("dbg", "!("),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
    ];
    none(&lines(&tree(), |file, line| {
        if file.extension() == "lock" {
            return None;
        }
        words
            .iter()
            .find(|word| line.contains(**word))
            .map(|word| format!("says {word}"))
    }));
}

#[test]
fn types_have_the_words_of_the_architecture() {
    let vague = [
        "Manager", "Handler", "Context", "Info", "Data", "Channel", "Helper", "Utils",
    ];
    none(&lines(&with_extension("rs"), |file, line| {
        // The name of an associated type is its trait's.
        if line.starts_with("    type ") {
            return None;
        }
        let mut words = code(line).split(|byte: char| !byte.is_alphanumeric() && byte != '_');
        words.find(|word| ["struct", "enum", "trait", "type"].contains(word))?;
        let name = words.next()?;
        if let Some(word) = vague.iter().find(|word| name.ends_with(**word)) {
            return Some(format!("{name}: what does it do? {word} says nothing"));
        }
        let sdp = file.path.contains("/sdp");
        (name.contains("Session") && !sdp).then(|| format!("{name}: only SDP has a session"))
    }));
}

#[test]
fn text_has_no_invisible_characters() {
    none(&lines(&tree(), |file, line| {
        // Torture messages are hostile on purpose.
        if file.extension() == "sip" || file.extension() == "bin" {
            return None;
        }
        let tab = file.name() == "Makefile";
        let bad = line.chars().find(|&one| match one {
            '\t' => !tab,
            '\u{a0}' | '\u{ad}' | '\u{feff}' => true,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' => true,
            one => one.is_control(),
        });
        if let Some(bad) = bad {
            return Some(format!("has the invisible character {bad:?}"));
        }
        line.ends_with(' ').then(|| "ends with a blank".to_owned())
    }));
}

#[test]
fn exceptions_to_lints_and_ignored_tests_have_a_reason() {
    let mut findings = Vec::new();
    for file in with_extension("rs") {
        for (name, after) in attributes(&file.text) {
            let reasoned = match name {
                "allow" | "expect" => after.contains("reason ="),
                "ignore" => after.contains('='),
                _ => true,
            };
            if !reasoned {
                findings.push(format!("{}: #[{name}{after}] gives no reason", file.path));
            }
        }
    }
    none(&findings);
}

/// The attributes of a file that open a line: the name and what follows it.
fn attributes(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("#[").into_iter().chain(rest.find("#![")).min() {
        let line_start = rest[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let opens_line = rest[line_start..at].trim().is_empty();
        rest = rest[at..].trim_start_matches(['#', '!', '[']);
        let end = rest.find(")]\n").into_iter().chain(rest.find("]\n")).min();
        let Some(end) = end.filter(|_| opens_line) else {
            continue;
        };
        let attribute = &rest[..end];
        let name = attribute
            .split(|one: char| !one.is_alphanumeric())
            .next()
            .unwrap_or_default();
        found.push((name, &attribute[name.len()..]));
        rest = &rest[end..];
    }
    found
}

#[test]
fn unsafe_code_lives_beside_the_ring_only() {
    none(&lines(&with_extension("rs"), |file, line| {
        let allowed = file.path.starts_with("dataplane/src/uring/")
            || UNSAFE_FILES.iter().any(|(path, _)| *path == file.path);
        (says_unsafe(line) && !allowed).then(|| "unsafe outside dataplane/src/uring".to_owned())
    }));
}

/// Whether the line has the keyword in its code: not in a comment, a string or the name of a lint.
fn says_unsafe(line: &str) -> bool {
    let code = code(line);
    let keyword = concat!("un", "safe");
    let mut words = code.split(|one: char| !one.is_alphanumeric() && one != '_' && one != '"');
    words.any(|word| word == keyword)
}

#[test]
fn nothing_names_a_place_of_one_machine() {
    let places = [
        concat!("/wo", "rk/"),
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/Us", "ers/"),
        concat!("/t", "mp/"),
    ];
    none(&lines(&tree(), |_, line| {
        places
            .iter()
            .find(|place| line.contains(**place))
            .map(|place| format!("names {place}"))
    }));
}

#[test]
fn each_folder_is_in_the_index_of_the_readme() {
    let files = tree();
    let readme = files
        .iter()
        .find(|file| file.path == "README.md")
        .expect("a README");
    let mut folders: Vec<&str> = files
        .iter()
        .filter_map(|file| file.path.split_once('/'))
        .map(|(top, _)| top)
        .collect();
    folders.dedup();
    let missing = folders
        .into_iter()
        .filter(|folder| !folder.starts_with('.'));
    let missing = missing.filter(|folder| !readme.text.contains(&format!("[{folder}/]({folder})")));
    none(
        &missing
            .map(|folder| format!("README.md does not say what {folder}/ is for"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn the_tree_holds_sources_not_products() {
    let mut findings = Vec::new();
    for (path, bytes) in blobs() {
        let name = path.rsplit('/').next().unwrap_or_default();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        if !EXTENSIONS.contains(&extension) {
            findings.push(format!(
                "{path}: a kind of file the project does not have yet"
            ));
        }
        if bytes.len() > BYTES_MAX {
            findings.push(format!(
                "{path}: {} bytes, {BYTES_MAX} allowed",
                bytes.len()
            ));
        }
    }
    none(&findings);
}
