//! The user agent core against a scripted peer under a virtual clock, and against itself over a bad link.

#[cfg(test)]
mod agent {
    mod bench;

    mod basics;
}
