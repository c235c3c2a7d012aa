//! `orbitd`: reads the configuration, starts the workers, runs control, waits for the end. No logic
//! of its own.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use control::config::Config;
use control::driver;
use dataplane::prompt::Prompt;
use tools::server::start;
use tools::{bed, capacity, demo};
use tracing_subscriber::EnvFilter;

/// Call park, hold music and announcements for SIP.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration; without one: SIP on 127.0.0.1:5060, orbits 700-799.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until SIGINT or SIGTERM (what happens without a command).
    Run,
    /// Only check the configuration and the music it names.
    Check,
    /// Start a server, park callers of its own, and show how well they are served.
    Demo(demo::Options),
    /// Say how many parked calls this host holds, what limits that, and what to raise.
    Capacity(capacity::Options),
    /// Measure the media path between two network namespaces; needs root.
    Bed(bed::Options),
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let level = if matches!(
        arguments.command,
        Some(Command::Demo(_) | Command::Bed(_) | Command::Capacity(_))
    ) {
        "warn"
    } else {
        "info"
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(stderr().is_terminal())
        .with_writer(stderr)
        .init();
    match perform(arguments) {
        Ok(code) => code,
        Err(failure) => {
            // Nothing is left to do about a closed stderr.
            let _ = writeln!(stderr(), "orbitd: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn perform(arguments: Arguments) -> Result<ExitCode, Failure> {
    let config = arguments
        .config
        .as_deref()
        .map_or_else(|| Ok(Config::default()), Config::load)?;
    for warning in &config.warnings {
        let _ = writeln!(stderr(), "orbitd: warning: {warning}");
    }
    let mut out = std::io::stdout();
    match arguments.command.unwrap_or(Command::Run) {
        Command::Run => {
            let (server, media) = start(&config)?;
            out.write_all(driver::banner(&config, server.listeners(), &media).as_bytes())?;
            server.join()?;
        }
        Command::Check => {
            config.prepare_prompts(Prompt::builtin, Prompt::spoken, Prompt::load)?;
            writeln!(out, "the configuration is right")?;
        }
        Command::Demo(options) => return demo::run(&options, config, &|config| start(config)),
        Command::Capacity(options) => return capacity::run(&options, &config),
        Command::Bed(options) => return bed::run(&options, config, &|config| start(config)),
    }
    Ok(ExitCode::SUCCESS)
}
