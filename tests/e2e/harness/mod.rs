//! What starts, drives, watches and stops the processes of a test.

pub(crate) mod api;
pub(crate) mod baresip;
pub(crate) mod capture;
pub(crate) mod clock;
pub(crate) mod crowd;
pub(crate) mod ear;
pub(crate) mod kamailio;
pub(crate) mod link;
pub(crate) mod phone;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod server;
pub(crate) mod sipp;
pub(crate) mod wav;

pub(crate) use api::Api;
pub(crate) use crowd::Crowd;
pub(crate) use ear::Ear;
pub(crate) use kamailio::Kamailio;
pub(crate) use link::Link;
pub(crate) use ports::Ports;
pub(crate) use process::Process;
pub(crate) use server::{Server, Settings};
pub(crate) use sipp::Sipp;
