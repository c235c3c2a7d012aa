//! `orbitd`: reads the configuration, starts the workers, runs control, waits for the end. No logic
//! of its own.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;
use control::config::Config;
use control::driver;
use dataplane::files::Files;
use dataplane::prompt::Prompt;
use tikv_jemallocator::Jemalloc;
use tools::command_line::{Arguments, Command};
use tools::server::start;
use tools::{bed, capacity, demo, log, pages, token};

/// Of the whole process but SQLite.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let format = arguments.log_format;
    log::start(format, arguments.log_level());
    match perform(arguments) {
        Ok(code) => code,
        Err(failure) => {
            format.fail("orbitd", &failure);
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
        arguments.log_format.warn("orbitd", warning);
    }
    let mut out = std::io::stdout();
    match arguments.command.unwrap_or(Command::Run) {
        Command::Run => {
            let (server, media) = start(&config)?;
            out.write_all(driver::banner(&config, &server, &media).as_bytes())?;
            server.join()?;
        }
        Command::Check => {
            let config = driver::look(&config)?;
            let files = Files::start()?;
            let load = |path: &Path| Prompt::load(&files, path);
            config.prepare_prompts(Prompt::builtin, Prompt::spoken, load)?;
            driver::check_certificate(&config)?;
            writeln!(out, "the configuration is right")?;
        }
        Command::Demo(options) => return demo::run(&options, config, &|config| start(config)),
        Command::Capacity(options) => return capacity::run(&options, &config),
        Command::Bed(options) => return bed::run(&options, config, &|config| start(config)),
        Command::Pages(options) => pages::write(&options)?,
        Command::Token(options) => token::run(&options, &mut out)?,
    }
    Ok(ExitCode::SUCCESS)
}
