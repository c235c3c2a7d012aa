//! Most calls that are taken over from their parkers at once: beyond, 503, and nobody is called.
//!
//! Without phones, and without a look at everything after each step: a thousand calls would take
//! minutes.

use std::time::Duration;

use control::sip::transport::{Flow, Packet, Transport};
use control::{Control, Input, Output};
use shared::Time;

use crate::common::site::{SERVER, Site};
use crate::common::wire::Wire;
use crate::common::world::World;

/// Those whose streams have not opened yet count too.
const AT_ONCE_MAX: usize = 1_024;
/// After it, each of them has failed.
const OVER: Duration = Duration::from_secs(30);

/// The answer to a REFER that wants a call of its own to be parked.
fn refer(control: &mut Control, now: Time, number: usize) -> Wire {
    let phone = "198.51.100.9:5060";
    let request = format!(
        "REFER sip:park@{SERVER} SIP/2.0\r\nVia: SIP/2.0/UDP {phone};branch=z9hG4bK{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:parker@{phone}>;tag=f\r\nTo: <sip:park@{SERVER}>\r\n\
         Call-ID: refer-{number}\r\nCSeq: 1 REFER\r\nContact: <sip:parker@{phone}>\r\nRefer-To: \
         <sip:parkee@{phone}?Replaces=call-{number}%3Bto-tag%3Dtheirs%3Bfrom-tag%3Dmine>\r\n\
         Content-Length: 0\r\n\r\n"
    );
    let packet = Packet {
        transport: Transport::Udp,
        flow: Flow(1),
        local: SERVER.parse().unwrap(),
        source: phone.parse().unwrap(),
        bytes: request.as_bytes(),
    };
    control.handle(now, Input::Packet(packet));
    let mut answer = None;
    while let Some(output) = control.poll_output() {
        if let Output::Transmit(transmit) = output
            && transmit.bytes.starts_with(b"SIP/2.0 ")
        {
            answer = Some(Wire::parse(&transmit.bytes));
        }
    }
    answer.expect("each REFER is answered at once")
}

fn pass(control: &mut Control, until: Time) {
    while let Some(at) = control.poll_timeout().filter(|at| *at <= until) {
        control.handle(at, Input::Timeout);
        while control.poll_output().is_some() {}
    }
}

#[test]
fn so_many_calls_are_taken_over_at_once_and_no_more() {
    let mut site = Site::default().orbits(1_000, 2_999).workers(&[4_000]);
    site.store_delay = None;
    let mut control = World::new(site).control;
    let start = Time::ZERO;
    for number in 0..AT_ONCE_MAX {
        let answer = refer(&mut control, start, number);
        assert_eq!(answer.status(), Some(202), "{number}");
    }
    let answer = refer(&mut control, start, AT_ONCE_MAX);
    assert_eq!(answer.status(), Some(503));
    let reason = answer.must("Reason");
    assert!(
        reason.contains("Too many calls are being parked"),
        "{reason}"
    );
    assert!(answer.header("Retry-After").is_some());
    // It is a limit of those at once: when they are over, others can be.
    pass(&mut control, start + OVER);
    let answer = refer(&mut control, start + OVER, AT_ONCE_MAX + 1);
    assert_eq!(answer.status(), Some(202));
}
