//! Every target over its seeds and a fixed number of mutations, without libFuzzer.
//!
//! A failure prints the input and the seed; `ORBIT_FUZZ_RUNS` tries more mutations.

use std::panic::catch_unwind;

use orbit_fuzz::{Mutator, TARGETS};

/// Mutations of each target.
const RUNS: u64 = 3_000;

fn runs() -> u64 {
    let asked = std::env::var("ORBIT_FUZZ_RUNS").ok();
    asked.and_then(|runs| runs.parse().ok()).unwrap_or(RUNS)
}

fn try_target(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.expect("a target of that name");
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty());
    for seed in &seeds {
        try_input(target.run, seed, "a seed");
    }
    for seed in 0..runs() {
        let input = Mutator::new(seed).variant(&seeds);
        try_input(target.run, &input, &format!("mutation {seed}"));
    }
}

fn try_input(run: fn(&[u8]), input: &[u8], origin: &str) {
    if let Err(panic) = catch_unwind(|| run(input)) {
        eprintln!("{origin}: \"{}\"", input.escape_ascii());
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn sip_messages() {
    try_target("sip_message");
}

#[test]
fn sip_uris() {
    try_target("sip_uri");
}

#[test]
fn sip_headers() {
    try_target("sip_headers");
}

#[test]
fn sip_frames() {
    try_target("sip_frame");
}

#[test]
fn park_requests() {
    try_target("park_request");
}

#[test]
fn descriptions() {
    try_target("sdp");
}

#[test]
fn configurations() {
    try_target("config");
}

#[test]
fn what_captures_withhold() {
    try_target("capture_secrets");
}

#[test]
fn rtp_packets() {
    try_target("rtp");
}

#[test]
fn rtcp_compounds() {
    try_target("rtcp");
}

#[test]
fn every_seed_of_media_is_taken() {
    let seeds = |name| {
        let target = TARGETS.iter().find(|target| target.name == name).unwrap();
        (target.seeds)()
    };
    assert!(
        seeds("rtp")
            .iter()
            .all(|seed| dataplane::rtp::parse(seed).is_ok())
    );
    assert!(
        seeds("rtcp")
            .iter()
            .all(|seed| dataplane::rtcp::parse(seed).is_ok())
    );
}

#[test]
fn the_same_seed_makes_the_same_mutation() {
    let seeds = vec![b"one".to_vec(), b"two".to_vec()];
    let of = |seed| Mutator::new(seed).variant(&seeds);
    assert_eq!(of(7), of(7));
    assert_ne!(of(7), of(8));
}
