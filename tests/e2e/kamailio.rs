//! Kamailio in front, which stays in the path of each dialog: phones know only the proxy, orbits
//! are numbers of its domain, and it has the configuration that operators are given.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::harness::baresip::Baresip;
use crate::harness::clock::{PATIENCE, pause};
use crate::harness::sipp::{Over, Running};
use crate::harness::wav::{self, RATE};
use crate::harness::{Kamailio, Server, Settings, Sipp};

/// Where the server is: Kamailio knows its requests by the address.
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 7));
const ALICE_HERTZ: f64 = 1_000.0;
const ANNA_HERTZ: f64 = 440.0;
const CAROL_HERTZ: f64 = 700.0;

/// A server with one orbit behind a proxy, and how the proxy reaches it.
fn office(over: Over, park: &str) -> (Server, Kamailio) {
    office_of(over, settings(park))
}

fn settings(park: &str) -> Settings {
    Settings {
        orbits: (701, 701),
        address: SERVER,
        domain: Some("127.0.0.1"),
        park: park.to_owned(),
        ..Settings::default()
    }
}

fn office_of(over: Over, settings: Settings) -> (Server, Kamailio) {
    let server = Server::start(&settings);
    let proxy = Kamailio::start(&server, over);
    (server, proxy)
}

/// Anna calls Alice, and Alice transfers her to the park address.
fn park(server: &Server, proxy: &Kamailio, alice: &mut Baresip) -> Running {
    let anna = Sipp::new("transferee.xml").by(proxy).echoes();
    let mut anna = anna.dials(&["alice".to_owned()]).start(server);
    alice.wait_for("CALL_INCOMING");
    alice.command("accept", "");
    alice.wait_for("CALL_ESTABLISHED");
    alice.command("transfer", &proxy.uri("park"));
    assert_eq!(anna.orbit(), "701");
    anna
}

/// Alice, Anna and Carol, who are real phones. Anna has called Alice, who has transferred her to
/// the park address.
fn three_phones(server: &Server, proxy: &Kamailio) -> [Baresip; 3] {
    let phone = |place, hertz, name| Baresip::behind(proxy, &server.ports, (place, hertz), name);
    let mut alice = phone(0, ALICE_HERTZ, "alice");
    let mut anna = phone(1, ANNA_HERTZ, "anna");
    let carol = phone(2, CAROL_HERTZ, "carol");
    anna.dial(&proxy.uri("alice"));
    alice.wait_for("CALL_INCOMING");
    alice.command("accept", "");
    anna.wait_for("CALL_ESTABLISHED");
    alice.command("transfer", &proxy.uri("park"));
    anna.wait_for("CALL_ESTABLISHED");
    alice.wait_for("CALL_CLOSED");
    [alice, anna, carol]
}

/// Carol has heard her own voice, which Anna sends back: so there is sound both ways.
fn heard_both_ways(carol: Baresip) {
    let share = wav::share_at_the_end(&carol.quit(), 2, CAROL_HERTZ);
    assert!(share > 0.9, "Carol hears her own voice: {share:.3}");
}

/// What a lamp was told: nobody, somebody who waits, is recalled, and has been retrieved; and no
/// NOTIFY is missing.
fn follows_the_call(log: &str) {
    let told: Vec<&str> = { log.lines() }
        .filter_map(|line| line.split_once("lamp ").map(|(_, told)| told))
        .collect();
    for (number, told) in told.iter().enumerate() {
        assert!(told.starts_with(&format!("{number} ")), "a gap: {log}");
    }
    let at = |needle: &str| told.iter().position(|told| told.contains(needle));
    let parked = at("state=confirmed status=parked").expect("parked");
    let recalled = at("state=confirmed status=recalling").expect("recalled");
    let retrieved = at("state=terminated").expect("retrieved");
    assert!(parked == 1 && recalled == 2 && retrieved > 2, "{log}");
    assert!(told[retrieved].contains("reason=retrieved"), "{log}");
    let lit = &told[parked..retrieved];
    assert!(lit.iter().all(|told| told.contains("state=confirmed")));
    assert_eq!(retrieved + 2, told.len(), "then only the end: {log}");
}

#[test]
fn row_38_park_lamp_recall_and_retrieve_by_way_of_a_proxy() {
    complete_run(Over::Udp);
}

#[test]
fn row_38_park_lamp_recall_and_retrieve_by_way_of_a_proxy_over_tcp() {
    complete_run(Over::Tcp);
}

fn complete_run(over: Over) {
    let (server, proxy) = office(over, "pickup_timeout = \"10s\"");
    let lamp = { Sipp::new("lamp.xml").by(&proxy) }.dials(&["701".to_owned()]);
    let lamp = lamp.start(&server);
    lamp.logged("lamp 0 state= ");
    let mut alice = Baresip::behind(&proxy, &server.ports, (0, ALICE_HERTZ), "alice");
    let mut carol = Baresip::behind(&proxy, &server.ports, (1, CAROL_HERTZ), "carol");
    let anna = park(&server, &proxy, &mut alice);
    alice.wait_for("CALL_CLOSED");
    lamp.logged("lamp 1 state=confirmed status=parked");
    // Nobody comes: Alice's phone rings as it does for calls that come back.
    alice.wait_for("CALL_INCOMING");
    alice.saw("Alert-Info: <urn:alert:service:recall>");
    alice.saw("Recall 701: Anna");
    carol.dial(&proxy.uri("701"));
    carol.wait_for("CALL_ESTABLISHED");
    alice.wait_for("CALL_CLOSED");
    anna.logged("retrieved");
    anna.finish();
    carol.wait_for("CALL_CLOSED");
    heard_both_ways(carol);
    follows_the_call(&lamp.finish_with_log());
    server.stop();
}

#[test]
fn a_proxy_that_is_restarted_loses_no_parked_call() {
    for over in [Over::Udp, Over::Tcp] {
        let (server, mut proxy) = office(over, "");
        let mut alice = Baresip::behind(&proxy, &server.ports, (0, ALICE_HERTZ), "alice");
        let anna = park(&server, &proxy, &mut alice);
        proxy.restart();
        let mut carol = Baresip::behind(&proxy, &server.ports, (1, CAROL_HERTZ), "carol");
        carol.dial(&proxy.uri("701"));
        carol.wait_for("CALL_ESTABLISHED");
        anna.finish();
        carol.wait_for("CALL_CLOSED");
        heard_both_ways(carol);
        server.stop();
    }
}

#[test]
fn a_server_that_is_killed_behind_its_proxy_has_the_call_again_with_music() {
    for over in [Over::Udp, Over::Tcp] {
        let store = true;
        let kept = settings("pickup_timeout = \"5min\"");
        let (mut server, proxy) = office_of(over, Settings { store, ..kept });
        let [alice, mut anna, mut carol] = three_phones(&server, &proxy);
        // Each recording of baresip is named by its second.
        pause(Duration::from_secs(2));
        server.kill_and_restart();
        server.process.line_with("adopted=1 lost=0", PATIENCE);
        pause(MUSIC);
        carol.dial(&proxy.uri("701"));
        carol.wait_for("CALL_ESTABLISHED");
        pause(TALK);
        anna.command("hangup", "");
        carol.wait_for("CALL_CLOSED");
        let heard = wav::share_at_the_end(&carol.quit(), 2, ANNA_HERTZ);
        assert!(heard > 0.9, "{over:?}: Carol hears Anna: {heard:.3}");
        let heard = anna.quit();
        let share = wav::share_at_the_end(&heard, 2, CAROL_HERTZ);
        assert!(share > 0.9, "{over:?}: Anna hears Carol: {share:.3}");
        hears_music_before(&heard, TALK);
        drop(alice);
        server.stop();
    }
}

/// How long Anna waits in the new process, and how long she talks then.
const MUSIC: Duration = Duration::from_secs(5);
const TALK: Duration = Duration::from_secs(4);

/// A second of the music, a second and a half before somebody talked until the end.
fn hears_music_before(heard: &[i16], talk: Duration) {
    let talk = RATE * usize::try_from(talk.as_secs()).expect("seconds");
    let end = heard.len() - talk - 3 * RATE / 2;
    let (place, likeness) = wav::find(&heard[end - RATE..end], &wav::builtin_music());
    assert!(likeness > 0.9, "{likeness:.3} like the music at {place}");
}

#[test]
fn row_27_three_real_phones_transfer_park_retrieve_and_hear_each_other() {
    let (server, proxy) = office(Over::Udp, "");
    let [alice, mut anna, mut carol] = three_phones(&server, &proxy);
    pause(Duration::from_secs(1));
    carol.dial(&proxy.uri("701"));
    carol.wait_for("CALL_ESTABLISHED");
    pause(Duration::from_secs(4));
    anna.command("hangup", "");
    carol.wait_for("CALL_CLOSED");
    let heard = wav::share_at_the_end(&carol.quit(), 2, ANNA_HERTZ);
    assert!(heard > 0.9, "Carol hears Anna: {heard:.3}");
    let heard = wav::share_at_the_end(&anna.quit(), 2, CAROL_HERTZ);
    assert!(heard > 0.9, "Anna hears Carol: {heard:.3}");
    drop(alice);
    server.stop();
}
