//! One behaviour a file: phones and workers around the control plane, under virtual time.
//!
//! One program for all of them, because each would be linked with the whole server otherwise.

#![allow(clippy::unwrap_used, reason = "a test stops at what should not be")]

#[path = "../common/mod.rs"]
mod common;

mod asked;
mod bad_requests;
mod cancel_race;
mod checks_can_fail;
mod codec_change;
mod complaints;
mod configure;
mod crash;
mod delivered;
mod drain;
mod empty_orbit;
mod feature_codes;
mod fetches_at_once;
mod glare;
mod happenings;
mod hasty_bye;
mod host_names;
mod ipv6;
mod lamp;
mod lamp_crash;
mod lamp_presence;
mod lost_ack;
mod lync_parks;
mod media_refused;
mod media_released;
mod media_timeout;
mod music;
mod no_codec;
mod no_free_orbit;
mod no_referred_by;
mod offerless_invite;
mod one_key;
mod operated;
mod other_side_gone;
mod park_refused;
mod park_retrieve;
mod park_token;
mod parkee_hangs_up_while_retrieving;
mod parker_told;
mod pickup_timeout;
mod pin;
mod policy;
mod recall;
mod record_route;
mod refer_parks;
mod reinvite_hold;
mod replaces_retrieves;
mod retriever_never_there;
mod sites;
mod speech;
mod stop;
mod store_conformance;
mod tcp;
mod transfer_parks;
mod two_retrievers;
mod untrusted;
mod worker_lost;
