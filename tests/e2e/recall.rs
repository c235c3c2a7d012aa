//! Nobody comes for a parked call: who has parked it is called back, then the fallback.

use crate::harness::sipp::Running;
use crate::harness::{Ports, Server, Settings, Sipp};

/// A server that calls back after the shortest time there is.
fn impatient(more: &str) -> Server {
    Server::start(&Settings {
        park: format!("pickup_timeout = \"10s\"\n{more}"),
        ..Settings::default()
    })
}

/// A caller that somebody at this port has transferred to the park address.
fn park_for(server: &Server, port: u16) -> Running {
    Sipp::new("parkee_recalled.xml")
        .dials(&[format!("sip:parker@127.0.0.1:{port}")])
        .start(server)
}

#[test]
fn row_38_the_parker_is_called_back_and_speaks_with_its_caller() {
    let server = impatient("");
    let port = server.ports.pair();
    let parker = Sipp::new("recall_answers.xml").at(port).start(&server);
    let parkee = park_for(&server, port);
    parker.logged("answered");
    parkee.logged("retrieved");
    parker.finish();
    parkee.finish();
    server.stop();
}

#[test]
fn row_40_the_fallback_is_called_when_the_parker_is_busy() {
    let ports = Ports::reserve();
    let fallback = ports.pair();
    let server = impatient(&format!(
        "on_timeout_uri = \"sip:operator@127.0.0.1:{fallback}\"\n"
    ));
    let operator = Sipp::new("recall_answers.xml").at(fallback).start(&server);
    let port = server.ports.pair();
    let parker = Sipp::new("recall_busy.xml").at(port).start(&server);
    let parkee = park_for(&server, port);
    parker.finish();
    operator.finish();
    parkee.finish();
    server.stop();
}

#[test]
fn row_38_who_dials_the_orbit_wins_over_a_parker_that_rings() {
    let server = impatient("");
    let port = server.ports.pair();
    let parker = Sipp::new("recall_rings.xml").at(port).start(&server);
    let mut parkee = park_for(&server, port);
    let orbit = parkee.orbit();
    parker.logged("recalled");
    let retriever = Sipp::new("retriever_leaves.xml")
        .dials(&[orbit])
        .start(&server);
    retriever.finish();
    parker.finish();
    parkee.finish();
    server.stop();
}
