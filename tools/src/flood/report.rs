//! What a run found, as it is written for machines; the summary and the page are made from it.

use std::time::Duration;

use serde::Serialize;

use super::listener::Heard;
use super::talkers::Spoken;
use crate::judge::{Findings, Pacing};

/// What a run found. The names of the fields are those of the JSON object.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) tool: &'static str,
    pub(super) version: &'static str,
    pub(super) mode: &'static str,
    /// The command line as it was given.
    pub(super) command: String,
    pub(super) target: String,
    pub(super) machine: String,
    /// Seconds since 1970.
    pub(super) began: u64,
    pub(super) calls: Option<Calls>,
    pub(super) packets: Packets,
    /// Deviation of each packet from its stream's own grid, while all calls were held.
    pub(super) pacing: Option<Spread>,
    pub(super) latency: Option<Latency>,
    pub(super) attack: Option<Attack>,
    pub(super) server_cpu: Option<ServerUse>,
    pub(super) own: Own,
    pub(super) timeline: Vec<Second>,
    /// What is wrong; nothing, in a clean run.
    pub(super) complaints: Vec<String>,
    /// What the reader should know.
    pub(super) notes: Vec<String>,
    pub(super) verdict: Verdict,
}

/// What the judgement is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Clean,
    #[default]
    NotClean,
    /// rtpflood was the bottleneck.
    Inconclusive,
    Interrupted,
}

/// What became of the calls.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Calls {
    pub(super) asked: usize,
    pub(super) answered: usize,
    /// With 503.
    pub(super) refused: usize,
    pub(super) failed: usize,
    /// By status, with how many; no answer counts as 408.
    pub(super) failures: Vec<(u16, usize)>,
    /// Whose call the server ended while it was to be held.
    pub(super) dismissed: usize,
    /// That ended after that, by our BYE or, as the other side of a bridge, by the server's.
    pub(super) hung_up: usize,
    /// Of the calls begun, until the last was answered.
    pub(super) a_second: f64,
    pub(super) answer_p50_ms: f64,
    pub(super) answer_p99_ms: f64,
}

/// What arrived.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Packets {
    /// Sent by us, where we send.
    pub(super) sent: u64,
    #[serde(flatten)]
    pub(super) findings: Findings,
    pub(super) streams: usize,
    /// Calls that were up and heard nothing at all.
    pub(super) unheard: usize,
    /// Streams that ended while their call went on.
    pub(super) silenced: usize,
    /// Streams that went on where a phone was no more.
    pub(super) lingering: usize,
    /// Phones that heard another call than their own.
    pub(super) crossed: usize,
    /// Streams from an address that no call was told of.
    pub(super) unsignalled: usize,
    pub(super) datagrams: u64,
    pub(super) bytes: u64,
    pub(super) music: Option<String>,
}

/// A distribution of times, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) count: u64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p999_ms: f64,
    pub(super) max_ms: f64,
    /// Bounds in microseconds, each with how many were within it and beyond the one before.
    pub(super) histogram: Vec<(u64, u64)>,
}

/// Times on the way.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Latency {
    pub(super) through_server: Spread,
    /// From ourselves to ourselves, in the same batches.
    pub(super) direct: Spread,
    pub(super) added_p50_ms: f64,
    pub(super) added_p99_ms: f64,
    pub(super) added_p999_ms: f64,
}

/// What an attack sent, and what came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Attack {
    pub(super) packets: u64,
    /// By kind.
    pub(super) kinds: Vec<(&'static str, u64)>,
    /// Phones that were attacked, one after the other.
    pub(super) victims: usize,
    /// Calls that began while the attack went on.
    pub(super) fresh: usize,
    /// Of these, phones whose audio comes from elsewhere than they say, as behind a NAT.
    pub(super) behind_nat: usize,
    /// Whether these are to get their audio at the address they send from.
    pub(super) must_latch: bool,
    /// Of these, those that got their audio at the address they send from.
    pub(super) latched: usize,
    /// Moves by re-INVITE, asked for and agreed to.
    pub(super) moves: (usize, usize),
    /// Packets that the server sent to the attacker, streams to addresses that no call was told
    /// of, and streams to where a phone was no more.
    pub(super) strays: u64,
    /// Packets of the attack that came out at a phone.
    pub(super) injected: u64,
    /// Calls that lost their audio, or their call, to the attack.
    pub(super) hijacks: u64,
}

/// What the server used while all calls were held.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct ServerUse {
    pub(super) threads: &'static str,
    pub(super) cpu_ns_a_packet: f64,
    /// Of one core.
    pub(super) core_share: f64,
}

/// What became of rtpflood itself.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Own {
    pub(super) sockets: usize,
    pub(super) threads: usize,
    /// Packets that our own sockets had no room for.
    pub(super) dropped: u64,
    /// The share of its time that the busiest thread worked, in the busiest second.
    pub(super) busiest: f64,
    /// Packets that we sent more than 5 ms after their time.
    pub(super) sent_late: u64,
    /// How far our sending was behind its time when it ended.
    pub(super) behind_ms: f64,
    /// Packets that our own kernel refused to send.
    pub(super) send_failed: u64,
    /// Datagrams from hosts that are not the server's.
    pub(super) elsewhere: u64,
    pub(super) was_bottleneck: bool,
}

/// One second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Second {
    /// Since the beginning.
    pub(super) at_s: f64,
    /// How long it was; more than one, in a long run.
    pub(super) took_s: f64,
    pub(super) calls: usize,
    pub(super) packets: u64,
    pub(super) lost: u64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
    pub(super) server_cpu_ns_a_packet: Option<f64>,
}

impl Spread {
    /// Of these times; `None` when there are none.
    pub(super) fn of(pacing: &Pacing) -> Option<Self> {
        if pacing.count() == 0 {
            return None;
        }
        let histogram = pacing.doublings().into_iter();
        Some(Self {
            count: pacing.count(),
            p50_ms: millis(pacing.quantile(0.5)),
            p99_ms: millis(pacing.quantile(0.99)),
            p999_ms: millis(pacing.quantile(0.999)),
            max_ms: millis(pacing.max()),
            histogram: histogram
                .map(|(bound, count)| (u64::try_from(bound.as_micros()).unwrap_or(0), count))
                .collect(),
        })
    }
}

impl Latency {
    /// What the server added to the way.
    pub(super) fn of(through: &Pacing, direct: &Pacing) -> Option<Self> {
        let (through, direct) = (Spread::of(through)?, Spread::of(direct)?);
        let added = |one: f64, other: f64| (one - other).max(0.0);
        Some(Self {
            added_p50_ms: added(through.p50_ms, direct.p50_ms),
            added_p99_ms: added(through.p99_ms, direct.p99_ms),
            added_p999_ms: added(through.p999_ms, direct.p999_ms),
            through_server: through,
            direct,
        })
    }
}

impl Report {
    /// With what every run has.
    pub(super) fn new(mode: &'static str, target: String, began: Duration) -> Self {
        Self {
            tool: "rtpflood",
            version: env!("CARGO_PKG_VERSION"),
            mode,
            command: std::env::args().collect::<Vec<_>>().join(" "),
            target,
            machine: super::machine::describe(),
            began: began.as_secs(),
            ..Self::default()
        }
    }

    /// Takes what was sent.
    pub(super) fn take_spoken(&mut self, spoken: Spoken) {
        self.packets.sent = spoken.sent;
        self.own.sent_late = spoken.late;
        self.own.send_failed = spoken.failed;
        self.own.behind_ms = millis(spoken.behind);
    }

    /// Takes what was heard.
    pub(super) fn take(&mut self, heard: &Heard) {
        self.packets.findings = heard.findings;
        self.packets.streams = heard.streams;
        self.packets.datagrams = heard.datagrams;
        self.packets.bytes = heard.bytes;
        self.own.dropped = heard.overflowed;
        self.own.elsewhere = heard.elsewhere;
    }

    /// Adds a complaint if there is something to complain of.
    pub(super) fn complain_of(&mut self, count: impl TryInto<u64>, what: &str) {
        match count.try_into() {
            Ok(0) | Err(_) => {}
            Ok(count) => {
                let count = super::text::grouped(count);
                self.complaints.push(format!("{count} {what}"));
            }
        }
    }

    /// Comes to a verdict. What our own sockets dropped cannot be told from what the server did
    /// not send: such a run says nothing of the server.
    pub(super) fn judge(&mut self, is_interrupted: bool) {
        let complaints = self.packets.findings.complaints();
        let heard = complaints.map(|(what, count)| (count, format!("packets {what}")));
        for (count, what) in heard {
            self.complain_of(count, &what);
        }
        self.complain_of(self.packets.unheard, "calls heard nothing");
        self.complain_of(
            self.packets.silenced,
            "streams fell silent while their calls went on",
        );
        self.complain_of(
            self.packets.lingering,
            "streams went on for more than a second where a phone was no more",
        );
        self.complain_of(
            self.packets.crossed,
            "phones heard another call than their own",
        );
        self.complain_of(
            self.packets.unsignalled,
            "streams came from an address that no call was told of",
        );
        self.own.was_bottleneck =
            self.own.dropped + self.own.send_failed > 0 || self.own.behind_ms > BEHIND_MS_MAX;
        self.verdict = match (is_interrupted, self.own.was_bottleneck) {
            (true, _) => Verdict::Interrupted,
            (_, true) => Verdict::Inconclusive,
            _ if self.complaints.is_empty() => Verdict::Clean,
            _ => Verdict::NotClean,
        };
    }
}

impl Verdict {
    /// What the process says to the shell.
    pub(super) fn exit_code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::NotClean => 1,
            Self::Inconclusive => 3,
            Self::Interrupted => 130,
        }
    }
}

/// Who is further behind cannot send as fast as asked. A packet now and then that is late does no
/// harm: the time that it takes is measured from when it was sent.
const BEHIND_MS_MAX: f64 = 1_000.0;

/// In milliseconds.
pub(super) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean() -> Report {
        let mut report = Report::new("park", "sip:park@127.0.0.1:5060".to_owned(), Duration::ZERO);
        report.packets.findings.received = 100_000;
        report
    }

    fn verdict(spoil: impl Fn(&mut Report)) -> (Verdict, Vec<String>) {
        let mut report = clean();
        spoil(&mut report);
        report.judge(false);
        (report.verdict, report.complaints)
    }

    #[test]
    fn what_has_no_fault_is_clean() {
        assert_eq!(verdict(|_| {}), (Verdict::Clean, Vec::new()));
    }

    #[test]
    fn each_fault_alone_is_not_clean_and_is_named() {
        let spoils: [fn(&mut Report); 12] = [
            |report| report.packets.findings.lost = 1,
            |report| report.packets.findings.repeated = 1,
            |report| report.packets.findings.timestamp_jumps = 1,
            |report| report.packets.findings.foreign = 1,
            |report| report.packets.findings.wrong_format = 1,
            |report| report.packets.findings.wrong_music = 1,
            |report| report.packets.findings.malformed = 1,
            |report| report.packets.unheard = 1,
            |report| report.packets.silenced = 1,
            |report| report.packets.unsignalled = 1,
            |report| report.packets.crossed = 1,
            |report| report.packets.lingering = 1,
        ];
        for (place, spoil) in spoils.into_iter().enumerate() {
            let (verdict, complaints) = verdict(spoil);
            assert_eq!(verdict, Verdict::NotClean, "fault {place}");
            assert_eq!(complaints.len(), 1, "fault {place}");
        }
    }

    #[test]
    fn a_run_that_was_its_own_bottleneck_judges_nobody() {
        let dropped = |report: &mut Report| {
            report.own.dropped = 3;
            report.packets.findings.lost = 3;
        };
        assert_eq!(verdict(dropped).0, Verdict::Inconclusive);
        let late = |report: &mut Report| report.own.behind_ms = 1_001.0;
        assert_eq!(verdict(late).0, Verdict::Inconclusive);
        assert_eq!(
            verdict(|report| report.own.send_failed = 1).0,
            Verdict::Inconclusive
        );
    }

    #[test]
    fn only_a_clean_run_ends_with_0() {
        let others = [
            Verdict::NotClean,
            Verdict::Inconclusive,
            Verdict::Interrupted,
        ];
        assert_eq!(Verdict::Clean.exit_code(), 0);
        assert!(others.iter().all(|verdict| verdict.exit_code() != 0));
    }
}
