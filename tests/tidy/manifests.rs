//! Rules about the manifests: one place for versions, a reason for each dependency.

use super::{none, with_extension};

#[test]
fn each_dependency_says_why_it_is_here() {
    let manifest = with_extension("toml")
        .into_iter()
        .find(|file| file.path == "Cargo.toml")
        .expect("the workspace has a manifest");
    let mut findings = Vec::new();
    let mut section = "";
    let mut seen = 0;
    for line in manifest.text.lines() {
        if line.starts_with('[') {
            section = line;
            continue;
        }
        if section != "[workspace.dependencies]" || !line.contains('=') {
            continue;
        }
        seen += 1;
        if !line.contains("path = ") && line.rsplit_once("# ").is_none() {
            findings.push(format!("no reason beside: {line}"));
        }
    }
    assert!(seen > 10, "[workspace.dependencies] was not found");
    none(&findings);
}

#[test]
fn versions_stand_in_the_workspace_only() {
    let mut findings = Vec::new();
    for file in with_extension("toml")
        .iter()
        .filter(|file| file.path.ends_with("/Cargo.toml"))
    {
        let mut section = "";
        for line in file.text.lines() {
            if line.starts_with('[') {
                section = line;
            } else if section.contains("dependencies]")
                && line.contains('=')
                && !line.contains("workspace = true")
            {
                findings.push(format!("{}: give {line} in the workspace", file.path));
            }
        }
        if !file.text.contains("[lints]\nworkspace = true") {
            findings.push(format!(
                "{}: does not take the workspace's lints",
                file.path
            ));
        }
    }
    none(&findings);
}

#[test]
fn the_toolchain_is_pinned_once() {
    let files = with_extension("toml");
    let text = |path: &str| {
        let file = files.iter().find(|file| file.path == path);
        file.map(|file| file.text.clone())
            .expect("the file is there")
    };
    let pinned = text("rust-toolchain.toml");
    let channel = pinned
        .lines()
        .find_map(|line| line.strip_prefix("channel = \""));
    let channel = channel
        .and_then(|line| line.split('"').next())
        .expect("a channel");
    let minor = channel.rsplit_once('.').map_or(channel, |(minor, _)| minor);
    let rust_version = format!("rust-version = \"{minor}\"");
    assert!(
        text("Cargo.toml").contains(&rust_version),
        "Cargo.toml lacks {rust_version}"
    );
}
