//! A worker that panics takes the process with it. Seen from outside, on a process of its own.

use std::net::Ipv4Addr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command as Process;
use std::sync::Arc;

use dataplane::prompt::PromptTable;
use shared::{Command, RtcpPort, SyncSource, Wake};

use super::common::{PATIENCE, config, local, stream};

/// What tells this test that it is the process to be watched.
const CHILD: &str = "ORBIT_TEST_PANICS";

/// Panics on whoever rings it: the worker, when it has an event.
struct Trap;

impl Wake for Trap {
    fn wake(&self) {
        panic!("a fault of the worker");
    }
}

#[test]
fn a_worker_that_panics_ends_the_process_and_says_why() {
    if std::env::var_os(CHILD).is_some() {
        return child();
    }
    let output = Process::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("panicking::a_worker_that_panics_ends_the_process_and_says_why")
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    const SIGABRT: i32 = 6;
    assert_eq!(output.status.signal(), Some(SIGABRT), "{said}");
    assert!(said.contains("a fault of the worker"), "{said}");
    assert!(
        said.contains("a media worker panicked, which is a fault of orbit: the process ends"),
        "{said}"
    );
}

fn child() {
    tracing_subscriber::fmt().with_ansi(false).init();
    let prompts = Arc::new(PromptTable::new([]));
    let wake: Arc<dyn Wake> = Arc::new(Trap);
    let plane = dataplane::start(&config(), &prompts, &wake).unwrap();
    let commands = &plane.links[0].commands;
    let open = Command::Open {
        stream: stream(0, 0),
        local: local(Ipv4Addr::LOCALHOST),
        rtcp: RtcpPort::Mux,
        role: shared::Role::Begin,
        source: SyncSource::numbered(0),
    };
    commands.push(open).unwrap();
    commands.ring();
    std::thread::park_timeout(PATIENCE);
    // Who comes here limps: no signal is what the other process sees.
}
