//! Fuzz targets, one for every parser that reads what the network or the operator sends. Each is a
//! function that takes any bytes and asserts what must be true of them.
//!
//! Two runners: `run.sh` with libFuzzer and coverage, and this crate's tests, which are quick,
//! need no instrumentation and try the same seeds with seeded mutations.

mod config;
mod media;
mod mutate;
mod park;
mod rewrite;
mod sdp;
mod secrets;
mod seeds;
mod sip;

pub use config::config;
pub use media::{rtcp, rtp};
pub use mutate::Mutator;
pub use park::park_request;
pub use rewrite::rewrite;
pub use sdp::sdp;
pub use secrets::capture_secrets;
pub use sip::{sip_frame, sip_headers, sip_message, sip_uri};

/// One target, for both runners.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// As the binary is called.
    pub name: &'static str,
    /// Panics when something is not as it must be.
    pub run: fn(&[u8]),
    /// Inputs to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target {
        name: "sip_message",
        run: sip_message,
        seeds: seeds::messages,
    },
    Target {
        name: "sip_uri",
        run: sip_uri,
        seeds: seeds::uris,
    },
    Target {
        name: "sip_headers",
        run: sip_headers,
        seeds: seeds::values,
    },
    Target {
        name: "sip_frame",
        run: sip_frame,
        seeds: seeds::streams,
    },
    Target {
        name: "sdp",
        run: sdp,
        seeds: seeds::descriptions,
    },
    Target {
        name: "config",
        run: config,
        seeds: seeds::files,
    },
    Target {
        name: "park_request",
        run: park_request,
        seeds: seeds::park_requests,
    },
    Target {
        name: "capture_secrets",
        run: capture_secrets,
        seeds: seeds::secrets,
    },
    Target {
        name: "rtp",
        run: rtp,
        seeds: seeds::packets,
    },
    Target {
        name: "rtcp",
        run: rtcp,
        seeds: seeds::reports,
    },
];
