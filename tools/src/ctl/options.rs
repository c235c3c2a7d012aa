//! The command line of `orbitctl`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::audit::AuditOptions;
use super::capture::CaptureOptions;
use super::music::MusicCommand;
use super::policies::PolicyCommand;
use super::top::TopOptions;

/// Ask a running orbitd how things stand, and act on its calls.
///
/// The token is in ORBIT_TOKEN, or in a file: --token-file, or else ~/.config/orbit/token.
/// `orbitd token NAME ROLE` makes one. Exit codes: 0 done, 1 refused, 2 wrong command line,
/// 3 nobody answers, 4 the token is missing or not enough.
#[derive(Parser, Debug)]
#[command(name = "orbitctl", version)]
pub struct Arguments {
    /// Where the API of orbitd is, as `[api] listen` says; https:// where it has a certificate.
    #[arg(
        long,
        visible_alias = "url",
        global = true,
        value_name = "URL",
        env = "ORBIT_SERVER",
        default_value = "http://127.0.0.1:8080"
    )]
    pub(super) server: String,
    /// The file (PEM) with the certificate of the CA that has signed the server's; otherwise those
    /// that this host trusts. There is no way past it: https means verified.
    #[arg(long, global = true, value_name = "FILE", env = "ORBIT_CA")]
    pub(super) ca: Option<PathBuf>,
    /// The file with the token.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    /// Print JSON, as the API gives it.
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What it can do.
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Who waits in which orbit.
    Orbits {
        /// Only in the range of this name.
        #[arg(long, value_name = "NAME")]
        range: Option<String>,
    },
    /// One orbit, with all that is known of its call.
    Orbit {
        /// As it is dialled.
        number: String,
    },
    /// The calls parked last, and what became of them; since the start of the server.
    History {
        /// So many, the last one first.
        #[arg(short = 'n', long = "count", default_value_t = 20)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000))]
        count: u32,
    },
    /// End the call in an orbit. Needs the role operator, as all that changes something.
    #[command(visible_alias = "hangup")]
    HangUp {
        /// As it is dialled.
        orbit: String,
        /// Only if this call still waits there (`call` of `orbitctl orbit`).
        #[arg(long, value_name = "CALL")]
        call: Option<String>,
    },
    /// Put a parked call into another orbit; it keeps the time it has left.
    Move {
        /// As it is dialled.
        orbit: String,
        /// A free one.
        to: String,
        /// Only if this call still waits there (`call` of `orbitctl orbit`).
        #[arg(long, value_name = "CALL")]
        call: Option<String>,
    },
    /// Bring a parked call to a phone: it is called, and has the call when it answers. Waits until
    /// it has, or will not have it (exit code 1); the call waits on then.
    Retrieve {
        /// As it is dialled.
        orbit: String,
        /// The phone, such as sip:alice@example.com.
        to: String,
        /// Only if this call still waits there (`call` of `orbitctl orbit`).
        #[arg(long, value_name = "CALL")]
        call: Option<String>,
    },
    /// Park a call again that was retrieved: its first party waits, the other one's call is over.
    Park {
        /// As events and the history name it.
        call: String,
        /// A free one; any where it is not given.
        orbit: Option<String>,
    },
    /// Write the SIP of a call and the headers of its RTP into a file for Wireshark.
    Capture(CaptureOptions),
    /// Take no more calls, and end the server with the last one. Needs the role admin.
    Drain,
    /// The ranges of orbits: list, add, change and remove them.
    #[command(args_conflicts_with_subcommands = true)]
    Ranges(Box<Ranges>),
    /// Draw orbits without parking, and judge whether each is as likely as every other.
    TestReservations {
        /// So many times.
        #[arg(short = 'n', long, default_value_t = 10_000)]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
        count: u32,
        /// From the range of this name only.
        #[arg(long, value_name = "NAME")]
        range: Option<String>,
    },
    /// The whole configuration as TOML: orbitd can be started with it. Needs the role admin: it has
    /// the hashes of tokens and PINs.
    Export {
        /// Into this new file, which nobody else may read.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Make ranges, settings, policies and music those of a configuration: all or nothing.
    Import {
        /// The configuration; - for the standard input.
        file: PathBuf,
        /// Only say what would change.
        #[arg(long)]
        dry_run: bool,
    },
    /// The settings of waiting calls, of all and of each site: list and change them.
    Settings {
        #[command(subcommand)]
        command: Option<Box<SettingsCommand>>,
    },
    /// What waiting callers hear: list, upload, replace, listen to and remove it.
    Music {
        #[command(subcommand)]
        command: Option<Box<MusicCommand>>,
    },
    /// Who may park and retrieve: list, add, change and remove policies.
    Policy {
        #[command(subcommand)]
        command: Option<Box<PolicyCommand>>,
    },
    /// What was done over the API and by whom, the last first. Needs the role admin.
    Audit(AuditOptions),
    /// Figures of the moment.
    Status,
    /// Every change as it happens, until Ctrl-C.
    Events,
    /// Figures and orbits, anew every second.
    Top(TopOptions),
}

/// `orbitctl ranges`
#[derive(Args, Debug)]
pub(super) struct Ranges {
    #[command(flatten)]
    pub(super) which: WhichRanges,
    #[command(subcommand)]
    pub(super) command: Option<RangesCommand>,
}

/// What it can do with ranges. What changes something needs the role admin, is kept in the store,
/// and holds at the next start, whatever the file says. Calls that wait are not disturbed.
#[derive(Subcommand, Debug)]
pub(super) enum RangesCommand {
    /// The ranges, and how full they are.
    List(WhichRanges),
    /// One range as it is configured.
    Show {
        /// Its name.
        name: String,
    },
    /// Add a range; one of the name must not be there yet.
    Add {
        /// Its name.
        name: String,
        /// Its first orbit, as dialled.
        start: String,
        /// Its last orbit.
        end: String,
        #[command(flatten)]
        range: RangeOptions,
        #[command(flatten)]
        scope: ScopeOptions,
    },
    /// Change what is given of a range, and leave the rest as it is.
    Set {
        /// Its name.
        name: String,
        /// Its first orbit, as dialled.
        #[arg(long, value_name = "ORBIT")]
        start: Option<String>,
        /// Its last orbit.
        #[arg(long, value_name = "ORBIT")]
        end: Option<String>,
        #[command(flatten)]
        range: RangeOptions,
        #[command(flatten)]
        scope: ScopeOptions,
        /// Leave a key to its usual value, such as pickup_timeout.
        #[arg(long, value_name = "KEY")]
        unset: Vec<String>,
    },
    /// Remove ranges. Who waits there can be retrieved; nobody else parks there any more.
    Remove {
        /// Their names; * stands for any signs, ? for one.
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Leave ranges to the file: what it says of them holds again.
    Revert {
        /// Their names.
        #[arg(required = true)]
        names: Vec<String>,
    },
}

/// Which ranges. All that is given must hold.
#[derive(Args, Debug, Default)]
pub(super) struct WhichRanges {
    /// Their name, whatever its case; * stands for any signs, ? for one.
    #[arg(long, value_name = "PATTERN")]
    pub(super) name: Option<String>,
    /// What they are for: park or group-pickup.
    #[arg(long)]
    pub(super) kind: Option<String>,
    /// The node they belong to.
    #[arg(long)]
    pub(super) node: Option<String>,
    /// The sign before their numbers: *, # or none.
    #[arg(long)]
    pub(super) prefix: Option<String>,
}

/// The keys of a range besides its orbits.
#[derive(Args, Debug, Default)]
pub(super) struct RangeOptions {
    /// What it is for: park or group-pickup.
    #[arg(long)]
    pub(super) kind: Option<String>,
    /// The node it belongs to.
    #[arg(long)]
    pub(super) node: Option<String>,
    /// The site whose members park there.
    #[arg(long)]
    pub(super) site: Option<String>,
    /// The policy whose parties alone may park and retrieve there.
    #[arg(long)]
    pub(super) policy: Option<String>,
    /// Which free orbit a call gets: random or sequential.
    #[arg(long)]
    pub(super) allocation: Option<String>,
    /// What dialling an orbit does where nobody waits: 404 or park.
    #[arg(long)]
    pub(super) empty: Option<String>,
}

/// The settings that each scope may have of its own.
#[derive(Args, Debug, Default)]
pub(super) struct ScopeOptions {
    /// How long a call waits before its parker is called, such as 90s.
    #[arg(long, value_name = "DURATION")]
    pub(super) pickup_timeout: Option<String>,
    /// How often the parker is called.
    #[arg(long, value_name = "COUNT")]
    pub(super) max_pickup_attempts: Option<u8>,
    /// How long a phone rings that is called back, such as 20s.
    #[arg(long, value_name = "DURATION")]
    pub(super) recall_ring_timeout: Option<String>,
    /// Whether there is music; otherwise silence.
    #[arg(long, value_name = "BOOL")]
    pub(super) music_on_hold: Option<bool>,
    /// The name of the music.
    #[arg(long, value_name = "NAME")]
    pub(super) music: Option<String>,
    /// Who is called after the last attempt.
    #[arg(long, value_name = "URI")]
    pub(super) on_timeout_uri: Option<String>,
    /// What follows when that was in vain as well: end or repark.
    #[arg(long, value_name = "WHAT")]
    pub(super) when_all_fail: Option<String>,
    /// Which way media goes once a call was retrieved: anchored or released.
    #[arg(long, value_name = "WAY")]
    pub(super) media: Option<String>,
}

/// `orbitctl settings`. What changes something needs the role admin and is kept in the store.
#[derive(Subcommand, Debug)]
pub(super) enum SettingsCommand {
    /// What holds for all, and what each site has of its own.
    List,
    /// Change what is given, of all or of a site, and leave the rest as it is.
    Set {
        /// Of this site; it is made where it is not there.
        #[arg(long, value_name = "NAME")]
        site: Option<String>,
        #[command(flatten)]
        scope: ScopeOptions,
        /// Who belongs to the site, such as *@paris.example.com; may be given several times.
        #[arg(long = "member", value_name = "WHO", requires = "site")]
        members: Vec<String>,
    },
    /// Leave keys to the settings of all, or to their usual value.
    Unset {
        /// Of this site.
        #[arg(long, value_name = "NAME")]
        site: Option<String>,
        /// Such as pickup_timeout.
        #[arg(required = true)]
        keys: Vec<String>,
    },
    /// Remove a site. One that a range or a policy names stays.
    Remove {
        /// Its name.
        site: String,
    },
    /// Leave settings to the file: what it says holds again.
    Revert {
        /// Of this site.
        #[arg(long, value_name = "NAME")]
        site: Option<String>,
    },
}
