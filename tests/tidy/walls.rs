//! The walls of ARCHITECTURE.md: who may name whom. The walls between crates are the compiler's
//! once the manifests are right; those inside a crate are only here.

use super::tree::code;
use super::{File, lines, none, with_extension};

/// A folder or file, the modules of its own crate it must not name, and why.
const WALLS: &[(&str, &[&str], &str)] = &[
    (
        "control/src/sip",
        &[
            "ask", "call", "park", "policy", "config", "driver", "control", "sdp",
        ],
        "SIP does not know calls, nor SDP",
    ),
    (
        "control/src/sdp",
        &["sip", "call", "park", "policy", "driver", "control"],
        "SDP is text and an offer/answer machine",
    ),
    (
        "control/src/policy",
        &["call", "park", "driver", "control"],
        "policy knows only facts",
    ),
    ("control/src/ask", &["driver"], "only the driver does IO"),
    ("control/src/call", &["driver"], "only the driver does IO"),
    (
        "control/src/capture",
        &["driver"],
        "only the driver does IO",
    ),
    (
        "control/src/happening",
        &["driver"],
        "only the driver does IO",
    ),
    ("control/src/park", &["driver"], "only the driver does IO"),
    (
        "control/src/control",
        &["driver"],
        "only the driver does IO",
    ),
    (
        "control/src/config",
        &["driver", "call", "park"],
        "the configuration is read before all else",
    ),
    (
        "dataplane/src/uring",
        &["rtp", "rtcp", "relay", "player", "table"],
        "the ring moves bytes",
    ),
    (
        "dataplane/src/player",
        &["uring"],
        "the core runs under a virtual clock",
    ),
    (
        "dataplane/src/relay",
        &["uring"],
        "the core runs under a virtual clock",
    ),
    (
        "dataplane/src/latch",
        &["uring"],
        "the core runs under a virtual clock",
    ),
    (
        "dataplane/src/rewrite",
        &["uring"],
        "the core runs under a virtual clock",
    ),
    (
        "dataplane/src/tap",
        &["uring"],
        "the core runs under a virtual clock",
    ),
    (
        "dataplane/src/capture",
        &["uring", "files"],
        "a file's bytes are made without IO",
    ),
    (
        "dataplane/src/rtp",
        &["uring"],
        "the core runs under a virtual clock",
    ),
    (
        "dataplane/src/rtcp",
        &["uring"],
        "the core runs under a virtual clock",
    ),
    (
        "dataplane/src/table",
        &["uring"],
        "the core runs under a virtual clock",
    ),
    (
        "dataplane/src/slot",
        &["uring"],
        "the core runs under a virtual clock",
    ),
    (
        "dataplane/src/prompt",
        &["uring", "worker"],
        "prompts are made ready off the media path",
    ),
];

/// A crate's folder, and the crates of the project that it must not name.
const CRATES: &[(&str, &[&str])] = &[
    ("shared", &["control", "dataplane", "tools"]),
    ("control", &["dataplane", "tools"]),
    ("dataplane", &["control", "tools"]),
];

#[test]
fn modules_keep_to_their_side_of_the_walls() {
    none(&lines(&with_extension("rs"), |file, line| {
        if file.is_test() {
            return None;
        }
        let (_, banned, why) = WALLS.iter().find(|(place, ..)| is_in(file, place))?;
        let word = banned
            .iter()
            .find(|word| names(code(line), "crate::", word))?;
        Some(format!("names crate::{word}: {why}"))
    }));
}

#[test]
fn each_wall_has_something_behind_it() {
    let files = with_extension("rs");
    let mut findings = Vec::new();
    for (place, ..) in WALLS {
        if !files.iter().any(|file| is_in(file, place)) {
            findings.push(format!(
                "{place} is gone: strike its wall or name its successor"
            ));
        }
    }
    none(&findings);
}

#[test]
fn crates_name_only_those_below_them() {
    let mut findings = Vec::new();
    for (folder, banned) in CRATES {
        let prefix = format!("{folder}/");
        for file in with_extension("toml") {
            if file.path != format!("{folder}/Cargo.toml") {
                continue;
            }
            for word in *banned {
                if file
                    .text
                    .lines()
                    .any(|line| line.starts_with(&format!("{word}.")))
                {
                    findings.push(format!("{}: depends on {word}", file.path));
                }
            }
        }
        for file in with_extension("rs")
            .iter()
            .filter(|file| file.path.starts_with(&prefix))
        {
            for word in *banned {
                let use_it = format!("use {word}::");
                let orbit = format!("orbit_{word}");
                if file.text.lines().any(|line| {
                    line.trim_start().starts_with(&use_it) || code(line).contains(&orbit)
                }) {
                    findings.push(format!("{}: names {word}", file.path));
                }
            }
        }
    }
    none(&findings);
}

#[test]
fn each_crate_states_what_it_does_with_unsafe() {
    let files = with_extension("rs");
    for (path, attribute) in [
        ("shared/src/lib.rs", "#![forbid(unsafe_code)]"),
        ("control/src/lib.rs", "#![forbid(unsafe_code)]"),
        ("dataplane/src/lib.rs", "#![deny(unsafe_code)]"),
    ] {
        let file = files
            .iter()
            .find(|file| file.path == path)
            .expect("the crate is there");
        assert!(file.text.contains(attribute), "{path} lacks {attribute}");
    }
}

#[test]
fn each_source_file_is_a_module_of_its_crate() {
    let files = with_extension("rs");
    let mut findings = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.path.contains("/src/") && !file.is_test())
    {
        if ["lib.rs", "main.rs"].contains(&file.name()) || file.folder().ends_with("/bin") {
            continue;
        }
        let (parent, module) = match file.name() {
            "mod.rs" => file.folder().rsplit_once('/').expect("below src"),
            name => (file.folder(), name.trim_end_matches(".rs")),
        };
        let declares = |other: &&File| {
            let sibling = format!("{parent}.rs");
            let home = other.folder() == parent && ["lib.rs", "mod.rs"].contains(&other.name());
            (home || other.path == sibling)
                && other
                    .text
                    .lines()
                    .any(|line| line.trim().ends_with(&format!("mod {module};")))
        };
        if !files.iter().any(|other| declares(&other)) {
            findings.push(format!("{}: no module declares it", file.path));
        }
    }
    none(&findings);
}

/// Whether the file is the module `place`, as a file or a folder.
fn is_in(file: &File, place: &str) -> bool {
    let rest = file.path.strip_prefix(place);
    rest.is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

/// Whether the code names `prefix` + `word` as a path segment.
fn names(code: &str, prefix: &str, word: &str) -> bool {
    let path = format!("{prefix}{word}");
    code.match_indices(&path).any(|(at, _)| {
        let next = code[at + path.len()..].chars().next();
        !next.is_some_and(|one| one.is_alphanumeric() || one == '_')
    })
}
