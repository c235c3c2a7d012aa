//! Kamailio: the proxy in front, started from `tests/kamailio/kamailio.cfg`, which includes the
//! file that operators are given (`docs/kamailio.cfg`).

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::clock::{PATIENCE, until};
use super::phone::Phone;
use super::sipp::Over;
use super::{Process, Server};

/// A running proxy. Dropped, it ends with all its processes.
#[derive(Debug)]
pub(crate) struct Kamailio {
    process: Process,
    /// Of UDP and of TCP.
    pub(crate) address: SocketAddr,
    folder: TempDir,
}

impl Kamailio {
    /// Starts one in front of a server and waits until it answers.
    pub(crate) fn start(server: &Server, over: Over) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.ports.pair()));
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (from, to) in [
            ("tests/kamailio/kamailio.cfg", "kamailio.cfg"),
            ("docs/kamailio.cfg", "orbit.cfg"),
        ] {
            fs::copy(root.join(from), folder.path().join(to)).expect("a file of our own");
        }
        fs::write(folder.path().join("site.cfg"), site(server, over, address))
            .expect("a file of our own");
        Self {
            process: spawn(folder.path(), address),
            address,
            folder,
        }
    }

    /// Ends it and starts it again: whatever it knew, registrations too, is forgotten.
    pub(crate) fn restart(&mut self) {
        self.end();
        self.process = spawn(self.folder.path(), self.address);
    }

    /// A SIP URI at this proxy.
    pub(crate) fn uri(&self, user: &str) -> String {
        format!("sip:{user}@{}", self.address)
    }

    fn end(&mut self) {
        self.process.terminate();
        let status = self.process.wait(ENDS_WITHIN);
        assert!(status.success(), "kamailio ended with {status}");
    }
}

/// It waits a minute for a process of its own that hangs, before it kills it.
const ENDS_WITHIN: Duration = Duration::from_secs(75);

impl Drop for Kamailio {
    fn drop(&mut self) {
        // Its children end with it only when it is asked to end.
        if self.process.is_running() && !std::thread::panicking() {
            self.end();
        } else if self.process.is_running() {
            self.process.terminate();
            super::clock::pause(Duration::from_secs(2));
        }
    }
}

fn spawn(folder: &Path, address: SocketAddr) -> Process {
    let mut command = Command::new("kamailio");
    command.args(["-DD", "-E", "-m", "16", "-M", "4", "-f"]);
    command.arg(folder.join("kamailio.cfg"));
    command.arg("-Y").arg(folder).arg("-w").arg(folder);
    command.arg("-P").arg(folder.join("pid"));
    let mut process = Process::spawn("kamailio", &mut command);
    let phone = Phone::at(address, "waiting");
    until("answer of Kamailio", PATIENCE, || {
        assert!(process.is_running(), "kamailio does not start");
        phone.send(phone.request("OPTIONS", "nobody", "", "").as_bytes());
        phone.receive(Duration::from_millis(200))
    });
    process
}

/// What differs from test to test.
fn site(server: &Server, over: Over, address: SocketAddr) -> String {
    let transport = match over {
        Over::Udp => "",
        Over::Tcp => ";transport=tcp",
    };
    let orbit = server.address;
    format!(
        "listen=udp:{address}\nlisten=tcp:{address}\n\
         #!define ORBIT \"sip:{orbit}{transport}\"\n\
         #!define ORBIT_ADDRESS \"{host}\"\n",
        host = orbit.ip(),
    )
}
