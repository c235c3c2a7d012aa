//! Programs around orbit, as a library so that each can be tested.

pub mod demo;
