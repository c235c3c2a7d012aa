//! `orbitd` itself, started from a configuration made for the test.

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::clock::PATIENCE;
use super::{Api, Ports, Process};

/// What a test wants other than the default.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// First and last orbit.
    pub(crate) orbits: (u32, u32),
    /// A WAV file instead of the music that ships with the project.
    pub(crate) music: Option<PathBuf>,
    /// `programme` or `from-start`.
    pub(crate) mode: &'static str,
    /// Where SIP and media are: loopback of either family.
    pub(crate) address: IpAddr,
    /// Who may send requests; `None`: the default, loopback.
    pub(crate) trusted: Option<&'static str>,
    /// What it serves besides its own address, such as the host of a proxy in front.
    pub(crate) domain: Option<&'static str>,
    /// Whom it believes: `closed` or `learn`.
    pub(crate) latch: &'static str,
    /// How many pairs of media ports there are; more than 100 take a block of ports of their own,
    /// more than 200 those from `media_first` on.
    pub(crate) media_pairs: u16,
    /// No two tests that may run at once have the same; above the blocks, below the kernel's own.
    pub(crate) media_first: u16,
    /// The kernel it shall work as on; `None`: this one.
    pub(crate) kernel: Option<&'static str>,
    /// RLIMIT_NOFILE, hard and soft; `None`: ours.
    pub(crate) descriptors: Option<u32>,
    /// Keys of the range, as they stand in the file.
    pub(crate) range: String,
    /// Keys of `[park]`, as they stand in the file.
    pub(crate) park: String,
    /// Keys of `[media]`, as they stand in the file.
    pub(crate) media: &'static str,
    /// Whether calls are kept in a file beyond the process.
    pub(crate) store: bool,
    /// How large its file system is, which ends with the server; `None`: that of the folder.
    pub(crate) store_room: Option<&'static str>,
    /// Whether it has the HTTP API.
    pub(crate) api: bool,
    /// What SIGTERM does with calls that are kept: `keep`, `end` or `drain`.
    pub(crate) on_terminate: &'static str,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            orbits: (700, 799),
            music: None,
            mode: "programme",
            address: Ipv4Addr::LOCALHOST.into(),
            trusted: None,
            domain: None,
            latch: "closed",
            media_pairs: 100,
            media_first: 20_000,
            kernel: None,
            descriptors: None,
            range: String::new(),
            park: String::new(),
            media: "",
            store: false,
            store_room: None,
            api: false,
            on_terminate: "keep",
        }
    }
}

/// The folder of a store with a file system of its own.
const ROOM: &str = "room";

/// A running server with a folder and ports of its own.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) process: Process,
    /// Of UDP and of TCP.
    pub(crate) address: SocketAddr,
    pub(crate) ports: Ports,
    _media: Option<Ports>,
    api: Option<Api>,
    folder: TempDir,
    settings: Settings,
}

impl Server {
    /// Starts one and waits until it listens.
    pub(crate) fn start(settings: &Settings) -> Self {
        let ports = Ports::reserve();
        let is_of_a_block = (101..=200).contains(&settings.media_pairs);
        let media = is_of_a_block.then(Ports::reserve);
        let first = match &media {
            Some(media) => media.all().0,
            None if settings.media_pairs > 200 => settings.media_first,
            None => ports.server_media().0,
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = SocketAddr::from((settings.address, ports.pair()));
        let file = configuration_file(folder.path());
        let api = settings.api.then(|| Api::new(&ports));
        let lines = api.as_ref().map(Api::lines).unwrap_or_default();
        let text = configuration(settings, address, first) + &lines;
        fs::write(&file, text).expect("a file of our own");
        Self {
            process: spawn(settings, folder.path(), address),
            address,
            ports,
            _media: media,
            api,
            folder,
            settings: settings.clone(),
        }
    }

    /// Kills it as the kernel does (SIGKILL), and starts it again, as a supervisor does.
    pub(crate) fn kill_and_restart(&mut self) {
        self.process.kill();
        self.restart();
    }

    /// Ends it by SIGTERM, expects it to end well, and starts it again.
    pub(crate) fn upgrade(&mut self) {
        self.process.terminate();
        let status = self.process.wait(PATIENCE);
        assert!(status.success(), "orbitd ended with {status}");
        self.restart();
    }

    /// Starts it again after its end.
    pub(crate) fn restart(&mut self) {
        self.process = spawn(&self.settings, self.folder.path(), self.address);
    }

    /// Its folder, which goes with it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file that calls are kept in.
    pub(crate) fn store(&self) -> PathBuf {
        match self.settings.store_room {
            Some(_) => {
                let folder = self.folder.path().strip_prefix("/").expect("absolute");
                let seen_by_it = format!("/proc/{}/root", self.process.id());
                Path::new(&seen_by_it)
                    .join(folder)
                    .join(ROOM)
                    .join("orbit.db")
            }
            None => self.folder.path().join("orbit.db"),
        }
    }

    /// The file that has a line for each call that is over.
    pub(crate) fn call_records(&self) -> PathBuf {
        self.folder.path().join("calls.jsonl")
    }

    /// Its API.
    pub(crate) fn api(&self) -> &Api {
        self.api.as_ref().expect("a test that has asked for it")
    }

    /// A SIP URI at this server.
    pub(crate) fn uri(&self, user: &str) -> String {
        format!("sip:{user}@{}", self.address)
    }

    /// Ends it as an operator does, and expects it to end well.
    pub(crate) fn stop(mut self) {
        self.process.terminate();
        let status = self.process.wait(PATIENCE);
        assert!(status.success(), "orbitd ended with {status}");
        let panicked = self
            .process
            .log()
            .iter()
            .any(|line| line.contains("panicked"));
        assert!(!panicked, "a thread of orbitd panicked");
    }
}

/// Starts one from the configuration in a folder and waits until it listens.
fn spawn(settings: &Settings, folder: &Path, address: SocketAddr) -> Process {
    let mut command = match settings.store_room {
        Some(room) => orbitd_with_room(&folder.join(ROOM), room),
        None => settings.descriptors.map_or_else(orbitd, orbitd_limited),
    };
    command.arg("--config").arg(configuration_file(folder));
    command.envs(settings.kernel.map(|kernel| ("ORBIT_KERNEL", kernel)));
    let mut process = Process::spawn("orbitd", &mut command);
    process.line_with(&format!("udp:{address}"), PATIENCE);
    process.line_with(&format!("tcp:{address}"), PATIENCE);
    process
}

fn configuration_file(folder: &Path) -> PathBuf {
    folder.join("site.toml")
}

/// The binary under test, with the log level that shows each call.
pub(crate) fn orbitd() -> Command {
    with_log(Command::new(env!("CARGO_BIN_EXE_orbitd")))
}

/// The same with fewer descriptors.
fn orbitd_limited(descriptors: u32) -> Command {
    let mut command = Command::new("sh");
    let limit = format!("ulimit -n {descriptors} && exec \"$0\" \"$@\"");
    command.args(["-c", &limit, env!("CARGO_BIN_EXE_orbitd")]);
    with_log(command)
}

/// The same with a small file system at `folder`, in a mount namespace of its own.
fn orbitd_with_room(folder: &Path, room: &str) -> Command {
    fs::create_dir_all(folder).expect("a folder of our own");
    let mut command = Command::new("unshare");
    let mount = format!(
        "mount -t tmpfs -o size={room} tmpfs {} && exec \"$0\" \"$@\"",
        folder.display()
    );
    command.args(["--mount", "sh", "-c", &mount, env!("CARGO_BIN_EXE_orbitd")]);
    with_log(command)
}

fn with_log(mut command: Command) -> Command {
    command.env(
        "RUST_LOG",
        std::env::var("ORBIT_TEST_LOG").as_deref().unwrap_or("info"),
    );
    command.env("NO_COLOR", "1");
    command
}

fn configuration(settings: &Settings, address: SocketAddr, first: u16) -> String {
    let last = first + (settings.media_pairs * 2 - 1);
    let music = match &settings.music {
        Some(path) => path.display().to_string(),
        None => "builtin".to_owned(),
    };
    let trusted = settings
        .trusted
        .map(|network| format!("trusted = [\"{network}\"]\n"));
    let domains = { settings.domain }.map(|domain| format!("domains = [\"{domain}\"]\n"));
    let domains = domains.unwrap_or_default();
    let (trusted, host) = (trusted.unwrap_or_default(), settings.address);
    // A busy machine must not refuse the calls of a test that is not about that.
    let mut text = format!(
        "[sip]\nlisten = [\"udp:{address}\", \"tcp:{address}\"]\n{trusted}{domains}\
         [media]\naddress = \"{host}\"\nports = \"{first}-{last}\"\nworkers = 1\nlatch = \"{}\"\n\
         admission = \"100%\"\n{}\
         [music.default]\nfile = \"{music}\"\nmode = \"{}\"\n",
        settings.latch, settings.media, settings.mode
    );
    let (start, end) = settings.orbits;
    writeln!(
        text,
        "[[orbit_range]]\nname = \"test\"\nstart = \"{start}\"\nend = \"{end}\"\n{}",
        settings.range
    )
    .expect("a string");
    writeln!(text, "[park]\n{}", settings.park).expect("a string");
    if settings.store {
        writeln!(
            text,
            "[store]\non_terminate = \"{}\"",
            settings.on_terminate
        )
        .expect("a string");
        let folder = settings
            .store_room
            .map_or(String::new(), |_| format!("{ROOM}/"));
        writeln!(
            text,
            "path = \"{folder}orbit.db\"\n[cdr]\npath = \"calls.jsonl\""
        )
        .expect("a string");
    }
    text
}
