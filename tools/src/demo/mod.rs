//! `orbitd demo`: a server, callers of its own that park over real SIP and RTP, and how well they
//! are served.
//!
//! Everything is on loopback and on free ports, so it runs beside anything else. What is shown is
//! what the callers heard, not what the server says of itself; where the two differ, it says so.

mod machine;
mod screen;
pub(crate) mod site;
mod stage;
mod verdict;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use control::config::Config;
use control::driver::Server;

use screen::{Row, Screen};
use stage::{Interrupted, Stage};
use verdict::Verdict;

/// What the demo shall do.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Callers to park.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=11_000))]
    pub calls: u32,
    /// Seconds to watch them.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=480))]
    pub seconds: u32,
}

/// Starts a server from a configuration; gives it with a line about its media path.
pub type Start<'a> = &'a dyn Fn(&Config) -> Result<(Server, String), Box<dyn Error>>;

/// What a shell shows for a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Runs the demo; the exit code says whether every call was parked and every packet came.
///
/// # Errors
/// What kept it from running, with the remedy.
pub fn run(
    options: &Options,
    config: Config,
    start: Start<'_>,
) -> Result<ExitCode, Box<dyn Error>> {
    site::check_descriptors(options.calls)?;
    let config = site::configure(config, options.calls);
    let music = site::music(&config)?;
    let (server, media) = start(&config)?;
    let mut screen = Screen::new(std::io::stdout());
    let mut stage = Stage::new(&server, &config, options.calls, music.as_ref())?;
    screen.title(options, stage.target(), &media)?;
    let played = play(options, &mut stage, &mut screen);
    let verdict = match played {
        Ok(verdict) => verdict,
        Err(Ended::Interrupted) => {
            stage.wait_for_end();
            screen.interrupted(stage.phones().counts())?;
            drop(stage);
            server.join()?;
            return Ok(ExitCode::from(INTERRUPTED));
        }
        Err(Ended::Failed(error)) => return Err(error),
    };
    drop(stage);
    server.stop();
    server.join()?;
    screen.verdict(&verdict)?;
    Ok(if verdict.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Why the play was not played to its end.
enum Ended {
    Interrupted,
    Failed(Box<dyn Error>),
}

impl From<Interrupted> for Ended {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

impl From<std::io::Error> for Ended {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Parks, watches, hangs up.
fn play(
    options: &Options,
    stage: &mut Stage<'_>,
    screen: &mut Screen<impl Write>,
) -> Result<Verdict, Ended> {
    let took = stage.park()?;
    screen.parked(stage.phones(), took)?;
    // What the last callers' grids are learned from came in the rush, and is not watched.
    stage.wait(SETTLE)?;
    let mut before = stage.look();
    let first = before.clone();
    let mut overall = crate::judge::Pacing::new();
    screen.head()?;
    for second in 1..=options.seconds {
        stage.wait(Duration::from_secs(1))?;
        let now = stage.look();
        overall.add(&now.heard.pacing);
        screen.row(&Row {
            second,
            parked: stage.phones().counts().parked,
            before: &before,
            now: &now,
        })?;
        before = now;
    }
    let parked_throughout = stage.phones().counts().parked;
    stage.hang_up()?;
    let leftovers = stage.leftovers()?;
    let last = stage.look();
    Ok(Verdict {
        calls: stage.phones().len(),
        parked_throughout,
        counts: stage.phones().counts(),
        failures: stage.phones().failures(),
        refused_for_time: stage.refused_for_time(),
        pacing: overall,
        watched: (first, before),
        last,
        leftovers,
        drops: stage.drops(),
        has_music: stage.has_music(),
    })
}

const SETTLE: Duration = Duration::from_millis(600);
