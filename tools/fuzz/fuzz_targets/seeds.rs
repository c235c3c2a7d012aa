//! Writes the seeds of every target into `FOLDER/<target>/`, for libFuzzer to start from.

use std::path::PathBuf;
use std::{env, fs, io};

use orbit_fuzz::TARGETS;

fn main() -> io::Result<()> {
    let usage = || io::Error::other("usage: seeds FOLDER");
    let folder = PathBuf::from(env::args_os().nth(1).ok_or_else(usage)?);
    for target in TARGETS {
        let folder = folder.join(target.name);
        fs::create_dir_all(&folder)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            fs::write(folder.join(format!("seed{number:03}")), seed)?;
        }
    }
    Ok(())
}
