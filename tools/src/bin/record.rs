//! Speaks the words that orbit says to callers: `record dataplane/src/prompt/words`.

use std::path::PathBuf;

use clap::Parser;

/// Records every word in every language with espeak-ng.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder to write to: one folder in it for each language.
    folder: PathBuf,
}

fn main() -> std::io::Result<()> {
    tools::speech::record(&Arguments::parse().folder)
}
