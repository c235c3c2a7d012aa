//! Writes the hold music that ships with orbit: `compose dataplane/src/prompt/hold_music.wav`.

use std::path::PathBuf;

use clap::Parser;

/// Composes the hold music and writes it as a WAV file; always the same bytes.
#[derive(Debug, Parser)]
struct Arguments {
    /// The file to write.
    file: PathBuf,
}

fn main() -> std::io::Result<()> {
    std::fs::write(Arguments::parse().file, tools::compose::file())
}
