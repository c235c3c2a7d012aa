//! The server with less than a new kernel and large limits: it says what is missing, and serves.

use crate::harness::clock::PATIENCE;
use crate::harness::server::orbitd;
use crate::harness::{Server, Settings, Sipp};

/// A server that parks a call and has it retrieved; what it says of its media.
fn serves(settings: &Settings) -> String {
    let mut server = Server::start(settings);
    let media = server.process.line_with("  media ", PATIENCE);
    let mut parkee = Sipp::new("parkee_leaves.xml").start(&server);
    let orbit = parkee.orbit();
    let retriever = Sipp::new("retriever_until_bye.xml")
        .dials(&[orbit])
        .start(&server);
    parkee.finish();
    retriever.finish();
    server.stop();
    media
}

#[test]
fn kernels_from_6_0_on_serve_and_say_what_they_lack() {
    for (kernel, lack) in [
        (
            "6.0",
            "cooperative completions (deferred ones need Linux 6.1)",
        ),
        (
            "6.1",
            "fixed socket options (those set later need Linux 6.7)",
        ),
        ("6.7", "registered sockets (direct ones need Linux 6.11)"),
        ("6.11", "relative deadlines (absolute ones need Linux 6.12)"),
    ] {
        let media = serves(&Settings {
            kernel: Some(kernel),
            ..Settings::default()
        });
        assert!(media.contains(lack), "{kernel}: {media}");
    }
}

#[test]
fn a_kernel_nobody_knows_is_refused_with_those_there_are() {
    let output = orbitd().env("ORBIT_KERNEL", "2.4").output();
    let output = output.expect("the binary");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("ORBIT_KERNEL=2.4: unknown; write 6.0, 6.1, 6.7 or 6.11"),
        "{said}"
    );
}

#[test]
fn few_descriptors_cap_the_streams_and_the_start_says_so() {
    let media = serves(&Settings {
        descriptors: Some(64),
        ..Settings::default()
    });
    assert!(
        media.contains("up to 64 streams each (RLIMIT_NOFILE)"),
        "{media}"
    );
}
