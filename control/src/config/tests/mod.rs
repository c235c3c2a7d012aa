//! The rules of the configuration, each with the whole message of its refusal.

mod api;
mod cdr;
mod later;
mod media;
mod overlay;
mod park;
mod policy;
mod shape;
mod sip;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use shared::{Codec, Dscp, Form, Share};

use super::*;
use crate::sip::transport::Transport;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, "site.toml", Path::new("/etc/orbit"))
}

fn message(text: &str) -> String {
    parse(text).map_or_else(|error| error.message, |_| "accepted".to_owned())
}

/// Cases apart by blank lines: a file, then `=> LINE: MESSAGE`, whose further lines are indented.
fn refused(cases: &str) {
    let mut count = 0;
    for case in cases.trim_matches('\n').split("\n\n") {
        let (text, expected) = case.split_once("\n=> ").expect("a case has a message");
        assert_eq!(
            message(text),
            format!("site.toml:{}", expected.replace("\n   ", " "))
        );
        count += 1;
    }
    assert_ne!(count, 0);
}

/// The file that an operator starts from.
const EXAMPLE: &str = include_str!("../../../../example.toml");

#[test]
fn an_empty_file_is_the_default() {
    let empty = parse("").unwrap();
    let source = Source::default();
    assert_eq!(Config { source, ..empty }, Config::default());
}

#[test]
fn the_default_serves_this_host() {
    let config = Config::default();
    let address: SocketAddr = "127.0.0.1:5060".parse().unwrap();
    assert_eq!(
        config.sip.listen,
        [(Transport::Udp, address), (Transport::Tcp, address)]
    );
    assert_eq!(config.sip.trusted.len(), 2);
    assert_eq!(config.media.ports, (20_000, 59_999));
    assert_eq!(config.media.codecs, [Codec::Pcmu, Codec::Pcma]);
    assert!(!config.media.latch_learn);
    assert_eq!(config.park.pickup_timeout, Duration::from_secs(90));
    assert_eq!(config.orbit_ranges, [OrbitRange::default()]);
    assert_eq!(config.music.keys().collect::<Vec<_>>(), ["default"]);
}

#[test]
fn the_example_is_right_and_says_what_is_not_built() {
    let config = Config::parse(EXAMPLE, "example.toml", Path::new("")).unwrap();
    assert_eq!(config.node.id, "edge-1");
    assert_eq!(config.sip.advertise.as_deref(), Some("127.0.0.1"));
    assert_eq!(config.sip.domains, ["example.com"]);
    assert_eq!(config.sip.trusted.len(), 3);
    assert_eq!(config.media, Media::default(), "opus and g722 are left out");
    assert_eq!(config.park, Park::default());
    assert_eq!(config.orbit_ranges[0].name, "front-desk");
    let without_line = |warning: &String| warning.split_once(": ").map(|(_, what)| what.to_owned());
    let warnings: Vec<_> = config.warnings.iter().filter_map(without_line).collect();
    let expected = [
        "[media] codecs = \"opus\": not built in this version; left out",
        "[media] codecs = \"g722\": not built in this version; left out",
        "[[announcement]]: announcements are not built in this version; without effect",
        "[[unassigned]]: unassigned numbers are not built in this version; without effect",
        "[api]: no token, so that only its health can be asked; `orbitd token` makes one",
    ];
    assert_eq!(warnings, expected);
}

#[test]
fn what_the_example_only_mentions_is_right_as_well() {
    // Sources of one thing, of which there can be one.
    let instead = ["# url = "];
    let lines = EXAMPLE
        .lines()
        .filter(|line| !instead.iter().any(|key| line.starts_with(key)));
    let mentioned: Vec<&str> = lines
        .map(|line| line.strip_prefix("# ").unwrap_or(line))
        .filter(|line| line.starts_with('[') || line.contains(" = "))
        .collect();
    assert_eq!(message(&mentioned.join("\n")), "accepted");
}

/// Every key, with a value that is not the default.
const EVERY_KEY: &str = r##"
[node]
id = "edge-2"
[sip]
listen = ["TCP:[2001:db8::1]:5070", "udp:0.0.0.0:0"]
advertise = "[2001:db8::1]"
domains = ["Example.COM", "2001:DB8::2"]
trusted = ["10.1.2.3/8", "2001:db8::7"]
session_expires = "10min"
[media]
address = "::"
advertise = "2001:db8::1"
ports = "1000-1001"
workers = 2
cpus = [3, 0x1]
codecs = ["PCMA"]
latch = "learn"
timeout = "1m30s"
dscp = 34
send = "raw"
admission = "60%"
[music]
jazz = { file = "jazz.flac", mode = "from-start", numbers = ["2000-2999"] }
[music.default]
file = "/srv/hold.wav"
[park]
user = "hold"
pickup_timeout = "10min"
max_pickup_attempts = 10
recall_ring_timeout = "2min"
music_on_hold = false
music = "jazz"
on_timeout_uri = "SIP:desk@example.com"
[[orbit_range]]
name = "back office"
start = "*101"
end = "*199"
[[orbit_range]]
name = "desk"
start = "7"
end = "9"
node = "edge-2"
site = "paris"
policy = "staff"
allocation = "sequential"
pickup_timeout = "3min"
[park.site.paris]
members = ["+331*"]
recall_ring_timeout = "7s"
[[policy]]
name = "staff"
scope = "site:paris"
park = ["internal"]
retrieve = ["internal", "pstn", "federated"]
[[policy]]
name = "desk"
scope = "users"
users = ["ann@example.com"]
retrieve_with_pin = ["pstn"]
pin = "4711"
[party]
internal = ["*@partner.example"]
pstn = ["gw.example.com"]
pstn_networks = ["10.9.0.0/24"]
extension_digits = 4
"##;

#[test]
fn every_key_is_taken() {
    let config = parse(EVERY_KEY).unwrap();
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let listen = [
        (Transport::Tcp, "[2001:db8::1]:5070".parse().unwrap()),
        (Transport::Udp, "0.0.0.0:0".parse().unwrap()),
    ];
    assert_eq!(config.sip.listen, listen);
    assert_eq!(config.sip.advertise.as_deref(), Some("2001:db8::1"));
    assert_eq!(config.sip.domains, ["example.com", "2001:db8::2"]);
    let trusted = ["10.0.0.0/8", "2001:db8::7/128"].map(|net| net.parse().unwrap());
    assert_eq!(config.sip.trusted, trusted);
    assert_eq!(config.sip.session_expires, Duration::from_mins(10));
    let media = Media {
        address: address("::"),
        advertise: address("2001:db8::1"),
        ports: (1_000, 1_001),
        workers: Some(2),
        cpus: vec![3, 1],
        codecs: vec![Codec::Pcma],
        latch_learn: true,
        timeout: Duration::from_secs(90),
        dscp: Dscp::new(34).unwrap(),
        send: Form::Raw,
        admission: Share::percent(60),
    };
    assert_eq!(config.media, media);
    let file = |music: &str| config.music[music].file.clone();
    assert_eq!(file("jazz"), Some(PathBuf::from("/etc/orbit/jazz.flac")));
    assert_eq!(file("default"), Some(PathBuf::from("/srv/hold.wav")));
    assert!(config.music["jazz"].numbers[0].has("2500"));
    assert!(config.music["default"].programme && !config.music["jazz"].programme);
    let paris = Site {
        members: vec!["+331*".parse().unwrap()],
        own: Overrides {
            recall_ring_timeout: Some(Duration::from_secs(7)),
            ..Overrides::default()
        },
    };
    let park = Park {
        sites: BTreeMap::from([("paris".to_owned(), paris)]),
        user: "hold".to_owned(),
        pickup_timeout: Duration::from_mins(10),
        max_pickup_attempts: 10,
        recall_ring_timeout: Duration::from_secs(120),
        music_on_hold: false,
        music: "jazz".to_owned(),
        on_timeout_uri: Some("SIP:desk@example.com".to_owned()),
        ..Park::default()
    };
    assert_eq!(config.park, park);
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn every_key_of_policies_and_ranges_is_taken() {
    let config = parse(EVERY_KEY).unwrap();
    let scopes: Vec<_> = config.policies.iter().map(|p| p.scope.clone()).collect();
    let ann = vec!["ann@example.com".parse().unwrap()];
    assert_eq!(scopes, [Scope::Site("paris".to_owned()), Scope::Users(ann)]);
    assert_eq!(config.policies[0].park, [Kind::Internal]);
    assert_eq!(
        config.policies[0].retrieve,
        Kind::WORDS.map(|(_, kind)| kind)
    );
    assert!(config.policies[1].pin.as_ref().unwrap().is(b"4711"));
    assert_eq!(config.policies[1].retrieve_with_pin, [Kind::Pstn]);
    assert_eq!(config.party.extension_digits, 4);
    assert_eq!(config.party.pstn_networks.len(), 1);
    let desk = &config.orbit_ranges[0];
    assert_eq!(
        (&*desk.name, desk.allocation, desk.own.pickup_timeout),
        ("desk", Allocation::Sequential, Some(Duration::from_mins(3)))
    );
    assert_eq!(desk.site.as_deref(), Some("paris"));
    assert_eq!(desk.policy.as_deref(), Some("staff"));
    let ranges: Vec<_> = config
        .orbit_ranges
        .iter()
        .map(|range| (range.prefix, range.start))
        .collect();
    assert_eq!(ranges, [(None, 7), (Some('*'), 101)]);
}

#[test]
fn a_long_value_is_cut_in_the_message() {
    let text = format!("[node]\nid = \"{}\"", "x".repeat(65));
    let expected = format!(
        "site.toml:2: [node] id = \"{}…: not a name; write letters, digits, \".\", \"_\" or \
         \"-\", at most 64",
        "x".repeat(59)
    );
    assert_eq!(message(&text), expected);
}

#[test]
fn a_problem_found_later_names_the_place_of_its_key() {
    let text = "[music.jazz]\nmode = \"programme\"\nfile = \"jazz.mp3\"\n[media]\nports = \"2-3\"";
    let config = parse(text).unwrap();
    let problem = |key: &[&str]| config.problem(key, "no").message;
    assert_eq!(
        problem(&["music", "jazz", "file"]),
        "site.toml:3: [music.jazz] file = \"jazz.mp3\": no"
    );
    assert_eq!(
        problem(&["media", "address"]),
        "site.toml:4: [media] address: no"
    );
    assert_eq!(problem(&["sip", "listen"]), "site.toml: [sip] listen: no");
    let default = Config::default().problem(&["sip", "listen"], "no").message;
    assert_eq!(default, "the built-in defaults: [sip] listen: no");
}

#[test]
fn a_file_is_read_with_its_music_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.toml");
    std::fs::write(&path, "[music.default]\nfile = \"hold.wav\"").unwrap();
    let config = Config::load(&path).unwrap();
    assert_eq!(
        config.music["default"].file,
        Some(folder.path().join("hold.wav"))
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.toml");
    let shown = path.display();
    let error = Config::load(&path).unwrap_err().message;
    assert!(
        error.starts_with(&format!("{shown}: cannot be read: ")),
        "{error}"
    );
    std::fs::write(&path, b"[node]\nid = \"\xff\"").unwrap();
    let expected = format!("{shown}:2: not UTF-8; save the file in UTF-8");
    assert_eq!(Config::load(&path).unwrap_err().message, expected);
    std::fs::write(&path, vec![b'#'; limits::FILE_BYTES_MAX + 1]).unwrap();
    let expected = format!("{shown}: longer than 1048576 bytes; is it the configuration?");
    assert_eq!(Config::load(&path).unwrap_err().message, expected);
}

#[test]
fn no_text_panics() {
    let mut seed = 1_u32;
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    for _ in 0..2_000 {
        // Numerical Recipes' generator: any will do to cut, swap and break lines.
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as usize % below
        };
        let mut text: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        for _ in 0..=next(4) {
            let (one, two) = (next(text.len()), next(text.len()));
            text.swap(one, two);
            let cut = next(text[one].len() + 1);
            if text[one].is_char_boundary(cut) {
                text[one].truncate(cut);
            }
        }
        let _ = parse(&text.join("\n"));
    }
}
