//! The real binary with real peers: `orbitd` is started as an operator starts it, sipp and
//! baresip call it over loopback, by way of Kamailio too, and dumpcap and tshark watch.
//!
//! Real processes keep real time, so each wait has a generous limit and no test judges more finely
//! than a busy machine allows. What can be proved under a virtual clock is proved in
//! `control/tests`.

mod api;
mod attended;
mod bad_input;
mod baresip;
mod bed;
mod call_capture;
mod capacity;
mod capture;
mod configuration;
mod configure;
mod demo;
mod dialects;
mod flood;
mod harness;
mod kamailio;
mod kernel;
mod kills;
mod metrics;
mod music;
mod music_under_load;
mod orbitctl;
mod package;
mod recall;
mod released;
mod service;
mod sipp;
mod spoken;
mod store;
mod store_faults;
mod tls;
