//! Each way of parking and of retrieving, as sipp speaks it: all on the same orbits.

use std::time::Duration;

use crate::harness::clock::pause;
use crate::harness::phone::{Phone, status};
use crate::harness::sipp::Running;
use crate::harness::{Server, Settings, Sipp};

/// A server with one orbit.
fn one_orbit(range: &str, park: &str) -> Server {
    Server::start(&Settings {
        orbits: (701, 701),
        range: range.to_owned(),
        park: park.to_owned(),
        ..Settings::default()
    })
}

/// What a header field is that says nothing.
const NOTHING: &str = "Subject: none";
/// Who has transferred a call.
const REFERRED: &str = "Referred-By: <sip:parker@127.0.0.1>";

/// A caller that dials a number, with one header field more.
fn dials(server: &Server, number: &str, extra: &str) -> Running {
    let parkee = Sipp::new("parkee_by.xml").named("parkee");
    let parkee = parkee.key("target", &server.uri(number));
    parkee.key("extra", extra).start(server)
}

/// A retriever that calls a URI, with one header field more.
fn retrieves(server: &Server, uri: &str, extra: &str) {
    let retriever = Sipp::new("retriever_by.xml").key("target", uri);
    retriever.key("extra", extra).start(server).finish();
}

/// A parkee with a call that its parker has past us: the parkee, and what names it and that call.
fn called_elsewhere(server: &Server) -> (Running, String) {
    let port = server.ports.pair();
    let parkee = Sipp::new("parkee_taken_over.xml").at(port).start(server);
    let refer_to = format!(
        "<sip:parkee@127.0.0.1:{port}?Replaces=call-7%40phone%3Bto-tag%3Dtheirs%3Bfrom-tag%3Dmine>"
    );
    (parkee, refer_to)
}

const REPLACES: &str = "replaces=call-7@phone;to-tag=theirs;from-tag=mine";

#[test]
fn row_27_refer_with_replaces_to_the_park_address() {
    let server = one_orbit("", "");
    let (parkee, refer_to) = called_elsewhere(&server);
    let parker = Sipp::new("parker_refers.xml").key("refer_to", &refer_to);
    let mut parker = parker.key("target", &server.uri("park")).start(&server);
    assert_eq!(parker.orbit(), "701");
    let token = parker.said("token=");
    parker.finish();
    parkee.logged(REPLACES);
    let safe = format!("{};park-token={token}", server.uri("701"));
    retrieves(&server, &safe, NOTHING);
    parkee.finish();
    server.stop();
}

#[test]
fn row_27_the_words_of_lync() {
    let server = one_orbit("", "");
    let (parkee, refer_to) = called_elsewhere(&server);
    let parker = Sipp::new("parker_lync.xml").key("refer_to", &refer_to);
    let mut parker = parker.key("target", &server.uri("park")).start(&server);
    assert_eq!(parker.orbit(), "701");
    let token = parker.said("token=");
    parkee.logged(REPLACES);
    let safe = format!("{};park-token={token}", server.uri("701"));
    retrieves(&server, &safe, NOTHING);
    parker.finish();
    parkee.finish();
    server.stop();
}

#[test]
fn row_27_an_attended_transfer_whose_parker_sees_the_orbit() {
    let server = one_orbit("", "announce = true");
    let parker = Sipp::new("parker_consults.xml").key("target", &server.uri("park"));
    let mut parker = parker.start(&server);
    assert_eq!(parker.orbit(), "701");
    let replaces = format!("Replaces: {}", parker.said("dialog="));
    let mut parkee = dials(&server, "701", &replaces);
    assert_eq!(parkee.orbit(), "701");
    parker.finish();
    retrieves(&server, &server.uri("701"), NOTHING);
    parkee.finish();
    server.stop();
}

#[test]
fn row_30_feature_codes_park_and_retrieve() {
    for code in ["*68", "*68701"] {
        let server = one_orbit("", "");
        let mut parkee = dials(&server, code, REFERRED);
        assert_eq!(parkee.orbit(), "701");
        retrieves(&server, &server.uri("*88701"), NOTHING);
        parkee.finish();
        server.stop();
    }
}

#[test]
fn row_59_one_key_parks_and_retrieves() {
    let server = one_orbit("empty = \"park\"", "");
    let mut parkee = dials(&server, "701", NOTHING);
    assert_eq!(parkee.orbit(), "701");
    retrieves(&server, &server.uri("701"), NOTHING);
    parkee.finish();
    server.stop();
}

#[test]
fn row_31_a_token_brings_its_call_and_no_later_one() {
    let server = one_orbit("", "");
    let mut first = dials(&server, "park", NOTHING);
    first.orbit();
    let safe = format!("{};park-token={}", server.uri("701"), first.said("token="));
    retrieves(&server, &safe, NOTHING);
    first.finish();
    let mut second = dials(&server, "park", NOTHING);
    assert_eq!(second.orbit(), "701");
    let late = Sipp::new("retriever_too_late.xml").key("target", &safe);
    late.start(&server).finish();
    retrieves(&server, &server.uri("701"), NOTHING);
    second.finish();
    server.stop();
}

#[test]
fn row_35_a_pin_in_digits_of_rfc_4733() {
    let policy = "[[policy]]\nname = \"staff\"\npark = [\"internal\"]\nretrieve = [\"internal\"]\n\
                  retrieve_with_pin = [\"pstn\"]\npin = \"4711\"\n";
    let server = one_orbit("", policy);
    let mut parkee = dials(&server, "701", REFERRED);
    assert_eq!(parkee.orbit(), "701");
    let phone = Phone::new(&server, "gateway");
    let number = "P-Asserted-Identity: <sip:+33140000000@127.0.0.1>\r\n";
    let invite = phone.request("INVITE", "701", number, &phone.offer());
    phone.send(invite.as_bytes());
    let answer = phone.final_response();
    assert_eq!(status(&answer), 200, "{answer}");
    phone.send(phone.in_dialog("ACK", 1, &invite, &answer).as_bytes());
    // Whatever is wrong stays outside.
    phone.press("0815#", &answer);
    pause(Duration::from_millis(500));
    assert!(!parkee.has_logged("retrieved"));
    phone.press("4711#", &answer);
    parkee.logged("retrieved");
    phone.send(phone.in_dialog("BYE", 2, &invite, &answer).as_bytes());
    parkee.finish();
    server.stop();
}

#[test]
fn row_30_replaces_as_the_dialog_package_tells_it() {
    let server = one_orbit("", "reveal_dialogs_to = [\"127.0.0.1\"]");
    let lamp = Sipp::new("lamp.xml").dials(&["701".to_owned()]);
    let lamp = lamp.start(&server);
    lamp.logged("lamp 0 ");
    let mut parkee = dials(&server, "park", NOTHING);
    parkee.orbit();
    lamp.logged("lamp 1 ");
    let replaces = format!("Replaces: {}", lamp.said("dialog="));
    retrieves(&server, &server.uri("701"), &replaces);
    parkee.finish();
    lamp.finish();
    server.stop();
}
