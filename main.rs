//! `orbitd`: reads the configuration, starts the workers, runs control, waits for a signal.

fn main() {}
