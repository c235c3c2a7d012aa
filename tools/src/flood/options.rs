//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::value_parser;

use super::limits::{
    ATTACK_PACKETS_PER_SECOND_MAX, CALLS_MAX, CALLS_PER_SECOND_MAX, RTP_SOCKETS_MAX, SECONDS_MAX,
    VICTIMS_MAX,
};

/// Load, sink and attack for the media path of a SIP server that is yours.
///
/// Exit codes: 0 the judgement is clean; 1 it is not; 2 the run could not be made; 3 rtpflood
/// itself was the bottleneck, so that nothing can be said of the server; 130 interrupted.
#[derive(Debug, clap::Parser)]
#[command(name = "rtpflood", version)]
pub struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Park calls by SIP and judge every stream of music that comes.
    Park(ParkOptions),
    /// Park calls, retrieve each from another phone, and speak both ways through the bridges.
    Relay(RelayOptions),
    /// Throw RTP-bleed, injection, floods and malformed packets at live calls, and tell whether
    /// any of it moved the server.
    Attack(AttackOptions),
    /// Only count what arrives at ports of this machine.
    Sink(SinkOptions),
}

/// See [`Command::Park`].
#[derive(Debug, clap::Args)]
pub(super) struct ParkOptions {
    #[command(flatten)]
    pub(super) target: Target,
    #[command(flatten)]
    pub(super) load: Load,
    /// The music that every caller is to hear, as the server was given it; `none` judges no music.
    #[arg(long, value_name = "FILE|builtin|none", default_value = "builtin")]
    pub(super) music: String,
    /// Let the parked callers talk although nobody listens, as many phones do.
    #[arg(long)]
    pub(super) talk: bool,
    /// Not clean when more than one packet in a thousand is later than this, in milliseconds.
    #[arg(long, value_name = "MS")]
    pub(super) max_p999_ms: Option<f64>,
    /// Calls that the server refuses with 503 are no fault: the run is to find its bound.
    #[arg(long)]
    pub(super) refusals_ok: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

/// See [`Command::Relay`].
#[derive(Debug, clap::Args)]
pub(super) struct RelayOptions {
    #[command(flatten)]
    pub(super) target: Target,
    #[command(flatten)]
    pub(super) load: Load,
    /// Not clean when the server adds more than this to one packet in a thousand, in milliseconds.
    #[arg(long, value_name = "MS")]
    pub(super) max_p999_ms: Option<f64>,
    /// Calls that the server refuses with 503 are no fault: the run is to find its bound.
    #[arg(long)]
    pub(super) refusals_ok: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

/// See [`Command::Attack`].
#[derive(Debug, clap::Args)]
pub(super) struct AttackOptions {
    #[command(flatten)]
    pub(super) target: Target,
    /// Seconds to attack for.
    #[arg(long, default_value_t = 10, value_parser = up_to(SECONDS_MAX))]
    pub(super) seconds: u32,
    /// Packets of the attack in a second.
    #[arg(long, default_value_t = 5_000, value_parser = up_to(ATTACK_PACKETS_PER_SECOND_MAX))]
    pub(super) rate: u32,
    /// Phones that are parked and listen, from the beginning.
    #[arg(long, default_value_t = 16, value_parser = up_to(VICTIMS_MAX))]
    pub(super) calls: u32,
    /// Pairs of phones that are bridged and speak, from the beginning.
    #[arg(long, default_value_t = 8, value_parser = up_to(VICTIMS_MAX))]
    pub(super) pairs: u32,
    /// Whom the server believes, as it is configured: `closed` the signalled addresses only,
    /// `learn` who sends first, so that phones behind a NAT must get their audio.
    #[arg(long, value_enum, default_value_t = Latch::Closed)]
    pub(super) latch: Latch,
    /// The server's RTP ports, to be swept as RTP-bleed scanners do, besides those of our calls.
    #[arg(long, value_name = "FIRST-LAST", value_parser = port_range)]
    pub(super) sweep: Option<(u16, u16)>,
    /// A further address of this machine to attack from; on loopback there are two by themselves.
    #[arg(long, value_name = "IP")]
    pub(super) attack_from: Vec<IpAddr>,
    /// The music that parked phones are to hear, as the server was given it; `none` judges none.
    #[arg(long, value_name = "FILE|builtin|none", default_value = "builtin")]
    pub(super) music: String,
    #[command(flatten)]
    pub(super) output: Output,
}

/// Whom a server believes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(super) enum Latch {
    Closed,
    Learn,
}

/// See [`Command::Sink`].
#[derive(Debug, clap::Args)]
pub(super) struct SinkOptions {
    /// The address to listen at.
    #[arg(long, default_value = "127.0.0.1")]
    pub(super) address: IpAddr,
    /// The first port.
    #[arg(long, default_value_t = 40_000, value_parser = value_parser!(u16).range(1..))]
    pub(super) port: u16,
    /// How many ports, each the next but one: RTP has the even ones.
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u16).range(1..=10_000))]
    pub(super) ports: u16,
    /// Seconds to count for.
    #[arg(long, default_value_t = 10, value_parser = up_to(SECONDS_MAX))]
    pub(super) seconds: u32,
    #[command(flatten)]
    pub(super) output: Output,
}

/// The server, and who we are to it.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// The server, or the proxy before it: everything goes there.
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) sip: String,
    /// The user to call in order to park.
    #[arg(long, default_value = "park")]
    pub(super) user: String,
    /// A further host that the server may have its audio at; can be given more than once.
    #[arg(long, value_name = "IP")]
    pub(super) media: Vec<IpAddr>,
    /// Our own address; the one that reaches the server, if not given.
    #[arg(long, value_name = "IP")]
    pub(super) local: Option<IpAddr>,
    /// The server's process, to tell its CPU a packet.
    #[arg(long, value_name = "PID")]
    pub(super) server_pid: Option<u32>,
    /// Flood public addresses as well: you are allowed to.
    #[arg(long)]
    pub(super) i_own_this_network: bool,
}

/// How much, how fast, how long.
#[derive(Debug, clap::Args)]
pub(super) struct Load {
    /// Calls to park; in a relay as many more retrieve them.
    #[arg(long, default_value_t = 100, value_parser = up_to(CALLS_MAX))]
    pub(super) calls: u32,
    /// Calls to begin in a second.
    #[arg(long, default_value_t = 100, value_parser = up_to(CALLS_PER_SECOND_MAX))]
    pub(super) cps: u32,
    /// Seconds to hold all of them.
    #[arg(long, default_value_t = 20, value_parser = up_to(SECONDS_MAX))]
    pub(super) hold: u32,
    /// RTP sockets, shared by the calls: a server's streams are told apart by where they come
    /// from. As many as calls gives each its own, as phones have.
    #[arg(long, value_parser = up_to(RTP_SOCKETS_MAX))]
    pub(super) sockets: Option<u32>,
    /// Threads that receive; one for each 4,000 calls, if not given.
    #[arg(long, value_parser = value_parser!(u8).range(1..=32))]
    pub(super) threads: Option<u8>,
}

/// What is told, and where.
#[derive(Debug, clap::Args)]
pub(super) struct Output {
    /// Print the report as one JSON object, instead of a summary.
    #[arg(long)]
    pub(super) json: bool,
    /// Write the report as a page with plots, too.
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Show no progress.
    #[arg(long)]
    pub(super) quiet: bool,
}

fn up_to(most: u32) -> clap::builder::RangedI64ValueParser<u32> {
    value_parser!(u32).range(1..=i64::from(most))
}

fn port_range(text: &str) -> Result<(u16, u16), String> {
    let ports = text.split_once('-').and_then(|(first, last)| {
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (0 < first && first <= last).then_some((first, last))
    });
    ports.ok_or_else(|| "two ports, the first no greater, such as 20000-20999".to_owned())
}
