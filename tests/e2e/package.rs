//! The Debian package: built, put into a scratch root by dpkg itself, started from there, upgraded,
//! removed and purged. And the unit that it brings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::harness::clock::PATIENCE;
use crate::harness::{Ports, Process};

/// What the unit may score at most by `systemd-analyze security`, in tenths: 0 is locked in a
/// box, 100 is root without limits.
const EXPOSURE_MAX: &str = "20";

/// A root of its own with a package database of its own.
struct Root {
    folder: TempDir,
}

impl Root {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for place in ["info", "updates", "triggers"] {
            let place = folder.path().join("var/lib/dpkg").join(place);
            fs::create_dir_all(place).expect("a folder of our own");
        }
        fs::write(folder.path().join("var/lib/dpkg/status"), "").expect("a file of our own");
        Self { folder }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// dpkg, as root: the dependencies are this machine's, not the scratch root's.
    fn dpkg(&self, arguments: &[&str]) {
        let root = format!("--root={}", self.folder.path().display());
        let log = format!("--log={}", self.path("dpkg.log").display());
        let fixed = [
            root.as_str(),
            log.as_str(),
            "--force-script-chrootless",
            "--force-depends",
        ];
        let mut command = Command::new("dpkg");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        succeeds(command.args(fixed).args(arguments));
    }
}

fn succeeds(command: &mut Command) -> Output {
    let output = command.output().expect("`make packages` installs it");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}:\n{said}");
    output
}

fn tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A package with the binaries under test.
fn package(to: &Path, version: &str) -> String {
    let binaries = Path::new(env!("CARGO_BIN_EXE_orbitd")).parent();
    let mut command = Command::new(tree(".ci/package"));
    command.arg("--from").arg(binaries.expect("a folder"));
    command.arg("--to").arg(to).args(["--version", version]);
    let output = succeeds(&mut command);
    let said = String::from_utf8_lossy(&output.stdout);
    said.lines().last().expect("the path of the package").into()
}

/// Starts the installed server with the installed configuration, and ends it as an upgrade does.
fn serves(root: &Root) {
    let mut command = Command::new(root.path("usr/bin/orbitd"));
    command
        .arg("--config")
        .arg(root.path("etc/orbit/orbit.toml"));
    let mut process = Process::spawn("orbitd", &mut command);
    process.line_with("to stop", PATIENCE);
    process.terminate();
    let status = process.wait(PATIENCE);
    assert!(status.success(), "orbitd ended with {status}");
}

/// What an operator changes after the installation: ports, and where the store is.
fn configure(root: &Root, ports: &Ports) {
    let (first, last) = ports.server_media();
    let state = root.path("var/lib/orbit");
    fs::create_dir_all(&state).expect("a folder of our own");
    let text = root.text("etc/orbit/orbit.toml");
    let store = state.join("orbit.db").display().to_string();
    let mine = text
        .replace("127.0.0.1:5060", &format!("127.0.0.1:{}", ports.pair()))
        .replace("20000-59999", &format!("{first}-{last}"))
        .replace("/var/lib/orbit/orbit.db", &store);
    assert_ne!(mine, text);
    fs::write(root.path("etc/orbit/orbit.toml"), mine).expect("a file of our own");
}

#[test]
fn installed_it_serves_and_upgrading_and_removing_keep_the_configuration_and_the_store() {
    let packages = tempfile::tempdir().expect("a temporary folder");
    let ports = Ports::reserve();
    let root = Root::new();
    root.dpkg(&["--install", &package(packages.path(), "1.0.0")]);
    configure(&root, &ports);
    serves(&root);
    let configured = root.text("etc/orbit/orbit.toml");
    let store = fs::read(root.path("var/lib/orbit/orbit.db")).expect("a store");

    root.dpkg(&["--install", &package(packages.path(), "1.0.1")]);
    assert!(root.text("var/lib/dpkg/status").contains("Version: 1.0.1"));
    assert_eq!(root.text("etc/orbit/orbit.toml"), configured);
    assert!(fs::read(root.path("var/lib/orbit/orbit.db")).is_ok_and(|now| now == store));
    serves(&root);

    root.dpkg(&["--remove", "orbit"]);
    assert!(!root.path("usr/bin/orbitd").exists());
    assert_eq!(root.text("etc/orbit/orbit.toml"), configured);
    assert!(root.path("var/lib/orbit/orbit.db").exists());

    root.dpkg(&["--purge", "orbit"]);
    assert!(!root.path("etc/orbit").exists());
    assert!(!root.path("var/lib/orbit").exists());
}

#[test]
fn what_it_brings_is_whole() {
    let packages = tempfile::tempdir().expect("a temporary folder");
    let file = package(packages.path(), "1.0.0");
    let root = tempfile::tempdir().expect("a temporary folder");
    succeeds(
        Command::new("dpkg-deb")
            .arg("-x")
            .arg(&file)
            .arg(root.path()),
    );
    for path in [
        "usr/lib/systemd/system/orbitd.service",
        "usr/share/bash-completion/completions/orbitd",
        "usr/share/doc/orbit/example.toml",
        "usr/share/doc/orbit/copyright",
        "usr/bin/orbitctl",
        "usr/share/man/man1/orbitctl.1.gz",
        "usr/share/man/man8/orbitd.8.gz",
        "usr/share/zsh/vendor-completions/_orbitd",
    ] {
        let found = root.path().join(path).metadata();
        assert!(found.is_ok_and(|found| found.len() > 0), "{path}");
    }
    // The configuration is right as it comes, and says nothing that has no effect.
    let mut check = Command::new(root.path().join("usr/bin/orbitd"));
    let configuration = root.path().join("etc/orbit/orbit.toml");
    let output = succeeds(check.args(["check", "--config"]).arg(configuration));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let fields = succeeds(Command::new("dpkg-deb").arg("-f").arg(&file));
    let fields = String::from_utf8_lossy(&fields.stdout).into_owned();
    assert!(fields.contains("Depends: libc6 (>= 2."), "{fields}");
}

#[test]
fn the_unit_is_one_that_systemd_understands_and_calls_safe() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let unit = folder.path().join("orbitd.service");
    let text = fs::read_to_string(tree("packaging/orbitd.service")).expect("the unit");
    // systemd looks whether the program is there.
    let installed = text.replace("/usr/bin/orbitd", env!("CARGO_BIN_EXE_orbitd"));
    fs::write(&unit, installed).expect("a file of our own");
    let mut verify = Command::new("systemd-analyze");
    let output = succeeds(verify.args(["verify", "--man=no"]).arg(&unit));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let threshold = format!("--threshold={EXPOSURE_MAX}");
    let mut security = Command::new("systemd-analyze");
    succeeds(
        security
            .args(["security", "--offline=true", &threshold])
            .arg(&unit),
    );
}
