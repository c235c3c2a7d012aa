//! sipp parks and retrieves, over UDP and TCP.

use std::net::Ipv6Addr;
use std::time::Duration;

use crate::harness::clock::{PATIENCE, pause};
use crate::harness::ports::has_ipv6;
use crate::harness::sipp::Over;
use crate::harness::{Server, Settings, Sipp};

/// A server with one orbit.
fn one_orbit() -> Server {
    Server::start(&Settings {
        orbits: (701, 701),
        ..Settings::default()
    })
}

fn parkee_hangs_up(over: Over) {
    let server = Server::start(&Settings::default());
    let mut parkee = Sipp::new("parkee_leaves.xml").over(over).start(&server);
    let orbit = parkee.orbit();
    let retriever = Sipp::new("retriever_until_bye.xml")
        .over(over)
        .dials(&[orbit])
        .start(&server);
    parkee.finish();
    retriever.finish();
    server.stop();
}

fn retriever_hangs_up(over: Over) {
    let server = Server::start(&Settings::default());
    let mut parkee = Sipp::new("parkee_until_bye.xml").over(over).start(&server);
    let orbit = parkee.orbit();
    let retriever = Sipp::new("retriever_leaves.xml")
        .over(over)
        .dials(&[orbit])
        .start(&server);
    retriever.finish();
    parkee.finish();
    server.stop();
}

#[test]
fn the_parkees_bye_ends_the_retrievers_call_over_udp() {
    parkee_hangs_up(Over::Udp);
}

#[test]
fn the_parkees_bye_ends_the_retrievers_call_over_tcp() {
    parkee_hangs_up(Over::Tcp);
}

#[test]
fn the_retrievers_bye_ends_the_parkees_call_over_udp() {
    retriever_hangs_up(Over::Udp);
}

#[test]
fn the_retrievers_bye_ends_the_parkees_call_over_tcp() {
    retriever_hangs_up(Over::Tcp);
}

#[test]
fn a_call_parked_over_tcp_is_retrieved_over_udp() {
    let server = Server::start(&Settings::default());
    let mut parkee = Sipp::new("parkee_until_bye.xml")
        .over(Over::Tcp)
        .start(&server);
    let orbit = parkee.orbit();
    Sipp::new("retriever_leaves.xml")
        .dials(&[orbit])
        .start(&server)
        .finish();
    parkee.finish();
    server.stop();
}

#[test]
fn the_orbit_is_of_the_configured_range() {
    let server = Server::start(&Settings {
        orbits: (4_100, 4_109),
        ..Settings::default()
    });
    let mut parked = Sipp::new("parked_leaves.xml").start(&server);
    let orbit: u32 = parked.orbit().parse().expect("a number");
    assert!((4_100..=4_109).contains(&orbit), "{orbit}");
    parked.finish();
    server.stop();
}

#[test]
fn an_orbit_is_free_again_once_the_parkee_hung_up() {
    let server = one_orbit();
    for _ in 0..2 {
        let mut parked = Sipp::new("parked_leaves.xml").start(&server);
        assert_eq!(parked.orbit(), "701");
        parked.finish();
    }
    server.stop();
}

#[test]
fn a_retrieved_call_is_gone_from_its_orbit() {
    let server = one_orbit();
    let mut parkee = Sipp::new("parkee_until_bye.xml").start(&server);
    let orbit = [parkee.orbit()];
    let retriever = Sipp::new("retriever_leaves.xml")
        .dials(&orbit)
        .start(&server);
    retriever.logged("connected");
    Sipp::new("orbit_empty.xml")
        .dials(&orbit)
        .start(&server)
        .finish();
    retriever.finish();
    parkee.finish();
    server.stop();
}

#[test]
fn row_60_a_watcher_sees_its_orbit_taken_and_free_again_over_udp_and_tcp() {
    for over in [Over::Udp, Over::Tcp] {
        let server = one_orbit();
        let watcher = Sipp::new("watcher.xml")
            .over(over)
            .dials(&["701".to_owned()])
            .start(&server);
        watcher.logged("watching");
        Sipp::new("parked_leaves.xml").start(&server).finish();
        watcher.finish();
        server.stop();
    }
}

#[test]
fn an_empty_orbit_is_not_found_over_udp_and_tcp() {
    let server = Server::start(&Settings::default());
    for over in [Over::Udp, Over::Tcp] {
        let dials = ["742".to_owned()];
        Sipp::new("orbit_empty.xml")
            .over(over)
            .dials(&dials)
            .start(&server)
            .finish();
    }
    server.stop();
}

#[test]
fn no_free_orbit_is_busy_and_leaves_the_parked_call_alone() {
    let server = one_orbit();
    let mut parkee = Sipp::new("parkee_until_bye.xml").start(&server);
    let orbit = parkee.orbit();
    Sipp::new("no_orbit_free.xml").start(&server).finish();
    // Still there: it can be retrieved.
    Sipp::new("retriever_leaves.xml")
        .dials(&[orbit])
        .start(&server)
        .finish();
    parkee.finish();
    server.stop();
}

#[test]
fn an_invite_without_sdp_gets_an_offer() {
    let server = Server::start(&Settings::default());
    for over in [Over::Udp, Over::Tcp] {
        Sipp::new("parked_offerless.xml")
            .over(over)
            .start(&server)
            .finish();
    }
    server.stop();
}

#[test]
fn a_parked_call_is_held_and_resumed() {
    let server = Server::start(&Settings::default());
    for over in [Over::Udp, Over::Tcp] {
        Sipp::new("parked_holds.xml")
            .over(over)
            .start(&server)
            .finish();
    }
    server.stop();
}

#[test]
fn a_retrieved_call_is_held_and_resumed() {
    let server = Server::start(&Settings::default());
    let mut parkee = Sipp::new("parkee_until_bye.xml").start(&server);
    let orbit = parkee.orbit();
    Sipp::new("retriever_holds.xml")
        .dials(&[orbit])
        .start(&server)
        .finish();
    parkee.finish();
    server.stop();
}

#[test]
fn a_call_transferred_to_an_empty_orbit_is_parked_there() {
    let server = Server::start(&Settings::default());
    let dials = ["777".to_owned()];
    let mut parked = Sipp::new("transfer_parks.xml").dials(&dials).start(&server);
    assert_eq!(parked.orbit(), "777");
    parked.finish();
    server.stop();
}

#[test]
fn twenty_calls_are_parked_and_retrieved_at_once() {
    const CALLS: u32 = 20;
    for over in [Over::Udp, Over::Tcp] {
        let server = Server::start(&Settings::default());
        let mut parkees = Sipp::new("parkee_until_bye.xml")
            .over(over)
            .calls(CALLS, 20)
            .start(&server);
        let orbits = parkees.orbits(CALLS as usize);
        let mut different = orbits.clone();
        different.sort();
        different.dedup();
        assert_eq!(
            different.len(),
            orbits.len(),
            "each call has an orbit of its own: {orbits:?}"
        );
        let retrievers = Sipp::new("retriever_leaves.xml").over(over).dials(&orbits);
        retrievers.calls(CALLS, 20).start(&server).finish();
        parkees.finish();
        server.stop();
    }
}

#[test]
fn a_server_that_is_stopped_ends_each_call_with_bye() {
    for over in [Over::Udp, Over::Tcp] {
        let mut server = Server::start(&Settings::default());
        let mut parked = Sipp::new("parked_until_bye.xml")
            .over(over)
            .calls(5, 50)
            .start(&server);
        parked.orbits(5);
        pause(Duration::from_millis(500));
        server.process.terminate();
        parked.finish();
        let status = server.process.wait(PATIENCE);
        assert!(status.success(), "orbitd ended with {status}");
    }
}

#[test]
fn ipv6_is_as_good() {
    if !has_ipv6() {
        println!("nothing is shown: this machine has no IPv6 loopback");
        return;
    }
    let server = Server::start(&Settings {
        address: Ipv6Addr::LOCALHOST.into(),
        ..Settings::default()
    });
    for over in [Over::Udp, Over::Tcp] {
        let mut parkee = Sipp::new("parkee_until_bye.xml").over(over).start(&server);
        let orbit = parkee.orbit();
        let retriever = Sipp::new("retriever_leaves.xml").over(over).dials(&[orbit]);
        retriever.start(&server).finish();
        parkee.finish();
    }
    server.stop();
}

#[test]
fn without_a_free_media_port_a_call_is_refused_and_those_there_go_on() {
    let mut server = Server::start(&Settings {
        media_pairs: 2,
        ..Settings::default()
    });
    let mut parked = Sipp::new("parked_until_bye.xml")
        .calls(2, 50)
        .start(&server);
    parked.orbits(2);
    Sipp::new("no_resource.xml").start(&server).finish();
    // They are still there: each is told when the server ends.
    server.process.terminate();
    parked.finish();
    assert!(server.process.wait(PATIENCE).success());
}

#[test]
fn each_line_of_the_log_about_a_call_names_call_orbit_and_dialog() {
    let mut server = one_orbit();
    Sipp::new("parked_leaves.xml").start(&server).finish();
    server.process.line_with("ended", PATIENCE);
    let about: Vec<&String> = server
        .process
        .log()
        .iter()
        .filter(|line| line.contains("call_id="))
        .collect();
    assert!(
        about.len() >= 2,
        "it says that a call was parked and that it ended: {about:?}"
    );
    for line in about {
        assert!(
            line.contains("orbit=\"701\"") && line.contains("dialog="),
            "{line}"
        );
    }
    server.stop();
}
