//! A real phone parks by an attended transfer: it calls the park address itself, sees the orbit,
//! and then lets whom it speaks to take its place there (RFC 5589 §7, RFC 3891).

use std::net::{IpAddr, Ipv4Addr};

use crate::harness::baresip::Baresip;
use crate::harness::sipp::Over;
use crate::harness::wav::{self, RATE};
use crate::harness::{Ear, Kamailio, Server, Settings, Sipp};

const ALICE_HERTZ: f64 = 1_000.0;
const CAROL_HERTZ: f64 = 700.0;

/// Kamailio in between sends all that phones send to one place, the other phone or the server.
fn office() -> (Server, Kamailio) {
    let server = Server::start(&Settings {
        orbits: (701, 701),
        address: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 7)),
        domain: Some("127.0.0.1"),
        park: "announce = true".to_owned(),
        ..Settings::default()
    });
    let proxy = Kamailio::start(&server, Over::Udp);
    (server, proxy)
}

/// What stands in the URI of Refer-To for a value of Replaces.
fn escaped(replaces: &str) -> String {
    let replaces = replaces.replace('@', "%40").replace(';', "%3B");
    replaces.replace('=', "%3D")
}

#[test]
fn row_27_a_real_phone_sees_the_orbit_and_completes_the_transfer() {
    let (server, proxy) = office();
    let phone = |place, hertz, name| Baresip::behind(&proxy, &server.ports, (place, hertz), name);
    let mut alice = phone(0, ALICE_HERTZ, "alice");
    let mut carol = phone(1, CAROL_HERTZ, "carol");
    // Anna calls Alice, who wants to park her and to know where.
    let ear = Ear::new(&server.ports);
    let anna = Sipp::new("transferee_consulted.xml").by(&proxy);
    let anna = anna.key("ear", &ear.port.to_string());
    let mut anna = anna.dials(&["alice".to_owned()]).start(&server);
    alice.wait_for("CALL_INCOMING");
    alice.command("accept", "");
    alice.wait_for("CALL_ESTABLISHED");
    alice.command("hold", "");
    // Only then does she dial: Anna's scenario takes one thing after the other.
    alice.saw("a=recvonly");
    alice.dial(&proxy.uri("park"));
    alice.wait_for("CALL_ESTABLISHED");
    alice.saw("Parked at 701");
    let replaces = escaped(&alice.replaces("Parked at 701"));
    alice.command("line", "1");
    alice.command(
        "transfer",
        &format!("<{}?Replaces={replaces}>", proxy.uri("park")),
    );
    assert_eq!(anna.orbit(), "701");
    // Both calls of Alice are over, and Anna waits.
    alice.wait_for("CALL_CLOSED");
    alice.wait_for("CALL_CLOSED");
    let heard = ear.hear(1);
    let (place, likeness) = wav::find(&heard[..RATE / 2], &wav::builtin_music());
    assert!(likeness > 0.9, "{likeness:.3} like the music at {place}");
    carol.dial(&proxy.uri("701"));
    carol.wait_for("CALL_ESTABLISHED");
    anna.logged("retrieved");
    let share = wav::share_at_the_end(&ear.hear(2), 1, CAROL_HERTZ);
    assert!(share > 0.9, "Anna hears Carol: {share:.3}");
    anna.finish();
    carol.wait_for("CALL_CLOSED");
    server.stop();
}
