//! The text files of the working tree, as the rules see them.

use std::fs;
use std::path::Path;

/// One text file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// From the root of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn extension(&self) -> &str {
        self.name()
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension)
    }

    pub(crate) fn name(&self) -> &str {
        self.path
            .rsplit_once('/')
            .map_or(self.path.as_str(), |(_, name)| name)
    }

    pub(crate) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Whether the whole file is a test: the in-file tests are found by [`File::without_tests`].
    pub(crate) fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.name() == "tests.rs"
            || self.path.starts_with("benches/")
    }

    /// The lines ahead of the in-file tests, which stand last in a file.
    pub(crate) fn without_tests(&self) -> impl Iterator<Item = &str> {
        let lines: Vec<&str> = self.text.lines().collect();
        let tests = lines.windows(2).position(|pair| {
            pair[0].starts_with("#[cfg(") && pair[0].contains("test") && pair[1].starts_with("mod ")
        });
        let end = tests.unwrap_or(lines.len());
        lines.into_iter().take(end)
    }
}

/// A line without its comment; good enough for rules about code (a `//` in a string is cut as
/// well).
pub(crate) fn code(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

/// Every text file of the tree but what is built or belongs to git, sorted by path.
pub(crate) fn tree() -> Vec<File> {
    let mut files = Vec::new();
    for (path, bytes) in blobs() {
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(File { path, text });
        }
    }
    assert!(
        files.len() > 40,
        "the tree was not found: {} files",
        files.len()
    );
    files
}

/// Every file of the tree with its bytes, sorted by path.
pub(crate) fn blobs() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    collect(root, root, &mut found);
    found.sort();
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("the tree is readable") {
        let path = entry.expect("the tree is readable").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("names are UTF-8");
        if ["target", "fuzz-target", ".git", "proptest-regressions"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, found);
        } else {
            let relative = path.strip_prefix(root).expect("below the root");
            let relative = relative.to_str().expect("names are UTF-8").to_owned();
            found.push((relative, fs::read(&path).expect("the tree is readable")));
        }
    }
}
