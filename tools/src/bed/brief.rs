//! One size, quickly: is anything lost, and is the pacing as good as a bare timer's on the same
//! CPU. What `make test` runs.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use serde_json::json;
use shared::Form;

use super::machine::{self, Machine};
use super::report::{Delivery, Judgement, Report, Row, grouped, heard_row, median, time};
use super::stage::{Round, Rush, Stage, Totals, Turns, Window};

/// What to measure, and how often.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct BriefOptions {
    /// Calls to park.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    calls: u32,
    /// Rounds in which a bare timer and the server take turns, until one is as it should be.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Calls whose every packet is judged; of the others packets are counted.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=900))]
    heard: u32,
    /// How packets are sent.
    #[arg(long, value_name = "FORM", default_value = "socket")]
    send: Form,
    #[command(flatten)]
    delivery: Delivery,
}

const TURNS: Turns = Turns {
    bare: Duration::from_millis(2_300),
    server: Duration::from_millis(3_000),
};

const RUSHES: u32 = 2;

/// The server is watched for this long before anything else has its CPU.
const UNDISTURBED: Duration = Duration::from_secs(8);

/// Beyond the bare timer's own.
pub(super) const P99_MORE: Duration = Duration::from_micros(300);
pub(super) const P999_MORE: Duration = Duration::from_micros(500);

/// Measures; whether nothing falls short.
pub(super) fn brief(options: &BriefOptions, out: &mut impl Write) -> Result<bool, Box<dyn Error>> {
    let machine = Machine::look()?;
    machine::raise_descriptors()?;
    let load = machine::load();
    let mut stage = Stage::build(&machine, options.calls, options.heard, options.send)?;
    stage.park(options.calls)?;
    let window = stage.watch(UNDISTURBED)?;
    let mut rounds = Vec::new();
    // What disturbs a round from outside only ever makes it worse.
    while rounds.len() < options.rounds as usize
        && rounds
            .last()
            .is_none_or(|round: &Round| !round.excess().is_zero())
    {
        rounds.push(stage.round(TURNS)?);
    }
    let rushes = stage.rushes(RUSHES)?;
    let parked = stage.parked();
    let totals = stage.finish()?;
    let mut rows = vec![parked_row(options.calls, parked)];
    rows.extend(loss_rows(&window, totals, stage.listened_of(options.calls)));
    rows.push(best_pacing_row(&rounds));
    rows.push(cpu_row(&rushes));
    let report = Report {
        title: format!("{} parked calls", grouped(options.calls.into())),
        machine: machine.line_since(&load),
        rows,
        figures: json!({
            "sent": totals.sent,
            "arrived": totals.arrived,
            "rushes": rushes.iter().map(|rush| rush.to_json()).collect::<Vec<_>>(),
            "rounds": rounds.iter().map(Round::to_json).collect::<Vec<_>>(),
        }),
    };
    report.deliver(&options.delivery, out)
}

pub(super) fn parked_row(calls: u32, parked: usize) -> Row {
    Row::new(
        "calls parked throughout",
        grouped(calls.into()),
        grouped(parked as u64),
        Judgement::of(parked == calls as usize),
    )
}

/// That nothing was lost over the whole run, and nothing skipped or broken in one window.
pub(super) fn loss_rows(window: &Window, totals: Totals, listened: usize) -> [Row; 3] {
    let lost = totals.sent.abs_diff(totals.arrived);
    [
        Row::new(
            "packets sent and not arrived",
            "0",
            format!(
                "{lost} of {}; dropped by the server {}, by the interface {}",
                grouped(totals.sent),
                window.drops,
                totals.interface_drops
            ),
            Judgement::of(lost == 0 && window.drops == 0 && totals.interface_drops == 0),
        ),
        Row::new(
            "packets sent of those due",
            "100.00 %",
            format!("{:.3} %", window.share * 100.0),
            Judgement::of(window.share > SHARE_MIN),
        ),
        heard_row(&window.heard, listened),
    ]
}

/// A window begins and ends within a slot, so that a few packets more or less are due.
pub(super) const SHARE_MIN: f64 = 0.999;

fn best_pacing_row(rounds: &[Round]) -> Row {
    let best = rounds.iter().min_by_key(|round| round.excess());
    let Some(round) = best else {
        return Row::new("pacing", "", "no round", Judgement::NotJudged);
    };
    pacing_row(round, &format!("in the best of {} rounds", rounds.len()))
}

pub(super) fn pacing_row(round: &Round, which: &str) -> Row {
    let quantiles = |part| {
        let [server, bare, busy] =
            [&round.deviation, &round.bare, &round.busy].map(|pacing| time(pacing.quantile(part)));
        format!("{server} (bare {bare}, as busy {busy})")
    };
    let stolen = round.figures.stolen_share * 100.0;
    Row::new(
        "deviation against a bare 1 ms timer",
        "p99 + 0.3 ms, p99.9 + 0.5 ms",
        format!(
            "p99 {}, p99.9 {} {which}; the host had the CPU for {stolen:.2} % of the time",
            quantiles(0.99),
            quantiles(0.999)
        ),
        Judgement::of(round.excess().is_zero()),
    )
}

fn cpu_row(rushes: &[Rush]) -> Row {
    Row::new(
        "packets a second of a bare sendmmsg loop's",
        "see the table",
        ratio_in_words(rushes),
        Judgement::NotJudged,
    )
}

pub(super) fn ratio_in_words(rushes: &[Rush]) -> String {
    if rushes.is_empty() {
        return "the worker was kept from its CPU".to_owned();
    }
    let ratio = median(rushes.iter().map(Rush::ratio));
    let server = median(rushes.iter().map(|rush| rush.figures.cpu_ns));
    let bare = median(rushes.iter().map(|rush| rush.bare.cpu_ns()));
    format!("{ratio:.2} ({server:.0} ns a packet, bare {bare:.0} ns)")
}

impl Round {
    /// By how much the server's pacing is worse than it may be against the bare timer's.
    pub(super) fn excess(&self) -> Duration {
        let over = |part, more| {
            let allowed = self.bare.quantile(part) + more;
            self.deviation.quantile(part).saturating_sub(allowed)
        };
        over(0.99, P99_MORE).max(over(0.999, P999_MORE))
    }
}
