//! Compares a recording with the hold music, another recording or a tone.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tools::correlate::{self, RATE_HZ, Reference};

/// Says how like a recording is to the hold music or a tone (1: the same but for its loudness, 0:
/// unrelated), and where in it. Exits with 1 when a window is less like than `--at-least`.
#[derive(Debug, Parser)]
#[command(group = clap::ArgGroup::new("reference").required(true))]
struct Arguments {
    /// WAV, FLAC, MP3 or Ogg Vorbis of any rate.
    recording: PathBuf,
    /// `builtin`, or a file that is played as a loop.
    #[arg(long, value_name = "FILE", group = "reference")]
    music: Option<PathBuf>,
    /// A sine of this many hertz.
    #[arg(long, value_name = "HERTZ", group = "reference")]
    tone: Option<f64>,
    /// Length of a window in milliseconds.
    #[arg(long, default_value_t = 2_000)]
    window_ms: usize,
    /// Leave out this much of the beginning of the recording, in milliseconds.
    #[arg(long, default_value_t = 0)]
    skip_ms: usize,
    /// Look at this much of the recording only, in milliseconds.
    #[arg(long)]
    take_ms: Option<usize>,
    /// The least likeness that every window must have.
    #[arg(long, default_value_t = 0.0)]
    at_least: f64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            // Nothing is left to do about a closed stderr.
            let _ = writeln!(std::io::stderr(), "correlate: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let reference = match (&arguments.music, arguments.tone) {
        (_, Some(hertz)) => Reference::Tone(hertz),
        (Some(file), None) if file.as_os_str() != "builtin" => {
            Reference::Loop(correlate::read_recording(std::fs::read(file)?)?)
        }
        _ => Reference::builtin(),
    };
    let recording = correlate::read_recording(std::fs::read(&arguments.recording)?)?;
    let per_ms = RATE_HZ as usize / 1_000;
    let from = (arguments.skip_ms * per_ms).min(recording.len());
    let taken = arguments.take_ms.map_or(usize::MAX, |ms| ms * per_ms);
    let part = &recording[from..from.saturating_add(taken).min(recording.len())];
    let found = correlate::compare(part, &reference, arguments.window_ms)?;
    let mut out = std::io::stdout();
    if arguments.json {
        writeln!(out, "{}", found.json())?;
    } else {
        writeln!(out, "{found}")?;
    }
    Ok(if found.peak_min() >= arguments.at_least {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
