//! `rtpflood relay`: callers park, others retrieve them, and both sides speak through the bridges;
//! every packet is followed from one phone to the other.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use super::cut::{Cut, cut_short};
use super::listener::Role;
use super::options::RelayOptions;
use super::ports;
use super::report::{Latency, Report};
use super::stage::{Cast, Speaker, Stage, blame_calls};
use super::talkers::{Spoken, Talkers, Voice};

/// What is on its way when the last packet was sent arrives within this.
const TAIL: Duration = Duration::from_millis(500);

/// Voices that speak straight to ourselves, from sockets of their own: for the time that the way
/// alone takes.
const DIRECT_VOICES: usize = 8;

/// Runs it.
pub(super) fn run(options: &RelayOptions) -> Result<Report, Box<dyn Error>> {
    let load = &options.load;
    let cast = Cast {
        phones: 2 * load.calls,
        role: Role::Bridged,
        music: None,
        apart: vec![Role::Direct],
        guests: Vec::new(),
    };
    let mut stage = Stage::set("relay", &options.target, load, cast, &options.output)?;
    let mut spoken = Spoken::default();
    let played = play(load.calls as usize, &mut stage, &mut spoken);
    stage.hang_up();
    let (mut report, times) = stage.finish();
    let is_interrupted = cut_short(played)?;
    report.take_spoken(spoken);
    report.latency = Latency::of(&times.latency, &times.direct);
    blame_calls(&mut report, options.refusals_ok);
    blame_ends(&mut report);
    blame_latency(&mut report, options.max_p999_ms);
    report.judge(is_interrupted);
    Ok(report)
}

fn play(pairs: usize, stage: &mut Stage, spoken: &mut Spoken) -> Result<(), Cut> {
    for phone in 0..pairs {
        let rtp = stage.rtp(phone);
        stage.exchange.add(rtp, None);
    }
    let parking = stage.place("parking", 0..pairs)?;
    let partners = add_retrievers(pairs, stage);
    let retrievers = pairs..stage.exchange.phones().len();
    let retrieving = stage.place("retrieving", retrievers)?;
    stage.count_calls(stage.exchange.phones().len(), parking + retrieving);
    let voices = voices(stage, &partners);
    let threads = stage.report.own.threads;
    let talkers = Talkers::start(voices, threads).map_err(|error| Cut::Failed(error.into()))?;
    let held = stage.hold();
    *spoken = talkers.hush();
    held?;
    stage.compare_streams(|phone| partners.get(&phone).map(|speaks| speaks.hears()));
    stage.wait(TAIL)
}

/// Who a phone is, among the pairs.
#[derive(Clone, Copy, Debug)]
struct Partner {
    pair: u32,
    side: u8,
}

impl Partner {
    fn hears(self) -> Speaker {
        (self.pair, 1 - self.side)
    }
}

/// A phone for each parked call, that will call its orbit; who is whose partner then.
fn add_retrievers(pairs: usize, stage: &mut Stage) -> HashMap<usize, Partner> {
    let mut partners = HashMap::new();
    for (pair, parked) in (0..).zip(0..pairs) {
        let Some(orbit) = stage.exchange.phones().server_user(parked) else {
            continue;
        };
        let rtp = stage.rtp(stage.exchange.phones().len());
        let retriever = stage.exchange.add(rtp, Some(&orbit));
        partners.insert(parked, Partner { pair, side: 0 });
        partners.insert(retriever, Partner { pair, side: 1 });
    }
    partners
}

/// A voice for each phone whose call is up, and those that speak straight to ourselves.
fn voices(stage: &Stage, partners: &HashMap<usize, Partner>) -> Vec<Voice> {
    let mut voices: Vec<Voice> = partners
        .iter()
        .filter_map(|(phone, partner)| {
            Some(Voice {
                port: Arc::clone(stage.port(*phone)),
                to: stage.exchange.phones().server_media(*phone)?,
                pair: partner.pair,
                side: partner.side,
                is_direct: false,
            })
        })
        .collect();
    let direct = stage.apart().iter().flat_map(|mirror| {
        (0..DIRECT_VOICES.min(stage.sockets())).map(|voice| Voice {
            port: Arc::clone(stage.port(voice)),
            to: ports::address(mirror),
            pair: u32::MAX >> 1,
            side: 0,
            is_direct: true,
        })
    });
    voices.extend(direct);
    voices
}

/// What was sent first or last and never came leaves no gap: only the sums show it.
fn blame_ends(report: &mut Report) {
    let found = &mut report.packets.findings;
    let missing = report.packets.sent.saturating_sub(found.received);
    found.lost = found.lost.max(missing);
}

fn blame_latency(report: &mut Report, bound: Option<f64>) {
    let Some((bound, latency)) = bound.zip(report.latency.as_ref()) else {
        return;
    };
    let added = latency.added_p999_ms;
    if added > bound {
        let complaint =
            format!("the server adds {added:.3} ms to one packet in 1,000, not {bound}");
        report.complaints.push(complaint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_at_the_ends_counts() {
        let mut report = Report::new("relay", String::new(), Duration::ZERO);
        report.packets.sent = 1_000;
        report.packets.findings.received = 990;
        report.packets.findings.lost = 4;
        blame_ends(&mut report);
        assert_eq!(report.packets.findings.lost, 10);
    }

    #[test]
    fn latency_is_blamed_only_beyond_its_bound() {
        let mut report = Report::new("relay", String::new(), Duration::ZERO);
        report.latency = Some(Latency {
            added_p999_ms: 2.0,
            ..Latency::default()
        });
        blame_latency(&mut report, Some(2.5));
        assert!(report.complaints.is_empty());
        blame_latency(&mut report, Some(1.5));
        assert_eq!(report.complaints.len(), 1);
    }
}
