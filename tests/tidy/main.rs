//! The house rules that no compiler and no clippy lint holds: each is a test over the whole tree.
//!
//! A rule that hurts is discussed in CONTRIBUTING.md and changed here, for everybody; what a rule
//! has to let through stands in a list beside it, with the reason. No rule is switched off in the
//! file that breaks it.

mod features;
mod manifests;
mod text;
mod tree;
mod walls;

use tree::{File, tree};

/// Fails with every finding at once, so that one run shows all that is to be mended.
fn none(findings: &[String]) {
    assert!(
        findings.is_empty(),
        "{} finding(s):\n{}",
        findings.len(),
        findings.join("\n")
    );
}

/// One finding for each line of the files that `wrong` objects to.
fn lines(files: &[File], wrong: impl Fn(&File, &str) -> Option<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        for (number, line) in file.text.lines().enumerate() {
            if let Some(what) = wrong(file, line) {
                findings.push(format!("{}:{}: {what}", file.path, number + 1));
            }
        }
    }
    findings
}

/// The files of one extension.
fn with_extension(extension: &str) -> Vec<File> {
    tree()
        .into_iter()
        .filter(|file| file.extension() == extension)
        .collect()
}
