//! The summary for people.

use std::fmt::{self, Write as _};

use super::report::{Attack, Calls, Latency, Report, Spread, Verdict};

/// A few lines that say what was found.
pub(super) fn summary(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, report);
    text
}

fn write(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(out, "rtpflood {} · {}", report.mode, report.target)?;
    writeln!(out)?;
    if let Some(calls) = &report.calls {
        write_calls(out, calls)?;
    }
    write_packets(out, report)?;
    if let Some(attack) = &report.attack {
        write_attack(out, attack)?;
    }
    if let Some(latency) = &report.latency {
        write_latency(out, latency)?;
    } else if let Some(pacing) = &report.pacing {
        row(
            out,
            ' ',
            "pacing",
            &format!("{} of their time", spread(pacing)),
        )?;
    }
    if let Some(server) = &report.server_cpu {
        let text = format!(
            "{} ns a packet of {}, {:.1} % of one core",
            rounded(server.cpu_ns_a_packet),
            server.threads,
            server.core_share * 100.0
        );
        row(out, ' ', "server CPU", &text)?;
    }
    write_own(out, report)?;
    for complaint in &report.complaints {
        row(out, '✗', "", complaint)?;
    }
    for note in &report.notes {
        row(out, ' ', "", note)?;
    }
    writeln!(out, "\n  {}", verdict(report))
}

/// The verdict in words.
pub(super) fn verdict(report: &Report) -> &'static str {
    match report.verdict {
        Verdict::Clean => "clean",
        Verdict::NotClean => "NOT CLEAN",
        Verdict::Inconclusive => {
            "INCONCLUSIVE: rtpflood itself was the bottleneck, so this says nothing of the server; \
             use fewer calls, or more --threads and cores"
        }
        Verdict::Interrupted => "interrupted: every call was told to end",
    }
}

fn write_calls(out: &mut String, calls: &Calls) -> fmt::Result {
    let is_good = calls.answered == calls.asked && calls.dismissed == 0;
    let mark = if is_good { '✓' } else { '✗' };
    let text = format!(
        "{} of {} answered, half within {:.1} ms, 99 % within {:.1} ms; {:.0} calls a second",
        grouped(calls.answered as u64),
        grouped(calls.asked as u64),
        calls.answer_p50_ms,
        calls.answer_p99_ms,
        calls.a_second
    );
    row(out, mark, "calls", &text)?;
    if calls.refused > 0 {
        let text = format!("{} refused with 503", grouped(calls.refused as u64));
        row(out, ' ', "", &text)?;
    }
    for (status, count) in calls.failures.iter().filter(|(status, _)| *status != 503) {
        let text = format!("{} failed with {status}", grouped(*count as u64));
        row(out, ' ', "", &text)?;
    }
    let text = format!("{} hung up", grouped(calls.hung_up as u64));
    row(out, ' ', "", &text)
}

fn write_packets(out: &mut String, report: &Report) -> fmt::Result {
    let packets = &report.packets;
    let found = &packets.findings;
    let mark = if found.is_clean() { '✓' } else { '✗' };
    let mut text = String::new();
    if packets.sent > 0 {
        write!(text, "{} sent, ", grouped(packets.sent))?;
    }
    write!(
        text,
        "{} heard in {} streams; {} lost, {} twice, {} out of order",
        grouped(found.received),
        grouped(packets.streams as u64),
        grouped(found.lost),
        grouped(found.repeated),
        grouped(found.overtaken)
    )?;
    row(out, mark, "packets", &text)?;
    match &packets.music {
        Some(music) if found.is_clean() && found.received > 0 => {
            row(out, ' ', "", &format!("each of them {music}, bit for bit"))
        }
        _ => Ok(()),
    }
}

fn write_attack(out: &mut String, attack: &Attack) -> fmt::Result {
    let is_harmless = attack.strays + attack.injected + attack.hijacks == 0;
    let mark = if is_harmless { '✓' } else { '✗' };
    let text = format!(
        "{} packets at {} ports of the server: {} strays, {} injected, {} hijacks",
        grouped(attack.packets),
        grouped(attack.victims as u64),
        grouped(attack.strays),
        grouped(attack.injected),
        grouped(attack.hijacks)
    );
    row(out, mark, "attack", &text)?;
    let (asked, agreed) = attack.moves;
    let (behind, latched) = (attack.behind_nat, attack.latched);
    let nat = if attack.must_latch {
        format!("{latched} of {behind} phones behind a NAT got their audio")
    } else {
        format!("{behind} phones sent from elsewhere, and {latched} were believed")
    };
    let text = format!(
        "meanwhile {} calls began, {agreed} of {asked} moved; {nat}",
        attack.fresh
    );
    row(out, ' ', "", &text)?;
    for (kind, count) in &attack.kinds {
        row(out, ' ', "", &format!("{:>9} {kind}", grouped(*count)))?;
    }
    Ok(())
}

fn write_latency(out: &mut String, latency: &Latency) -> fmt::Result {
    let through = spread(&latency.through_server);
    row(
        out,
        ' ',
        "latency",
        &format!("{through} through the server"),
    )?;
    let direct = spread(&latency.direct);
    row(out, ' ', "", &format!("{direct} straight to ourselves"))?;
    let text = format!(
        "added by the server: median {:.3} ms, p99 {:.3} ms, p99.9 {:.3} ms",
        latency.added_p50_ms, latency.added_p99_ms, latency.added_p999_ms
    );
    row(out, ' ', "", &text)
}

fn write_own(out: &mut String, report: &Report) -> fmt::Result {
    let own = &report.own;
    let mark = if own.was_bottleneck { '✗' } else { ' ' };
    let mut text = format!(
        "dropped {} itself, sent {} late; its busiest thread worked {:.0} % of its time",
        grouped(own.dropped),
        grouped(own.sent_late),
        own.busiest * 100.0
    );
    if own.send_failed > 0 {
        write!(text, "; {} not sent", grouped(own.send_failed))?;
    }
    row(out, mark, "rtpflood", &text)
}

fn spread(spread: &Spread) -> String {
    format!(
        "half within {:.3} ms, 99 % within {:.3} ms, 99.9 % within {:.3} ms, all within {:.3} ms",
        spread.p50_ms, spread.p99_ms, spread.p999_ms, spread.max_ms
    )
}

fn row(out: &mut String, mark: char, name: &str, text: &str) -> fmt::Result {
    writeln!(out, "  {mark} {name:<10} {text}")
}

/// A whole number with a comma at each thousand.
pub(super) fn rounded(number: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a figure for the eye"
    )]
    let whole = number.round().max(0.0) as u64;
    grouped(whole)
}

/// With a comma at each thousand.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_summary_says_what_is_wrong() {
        let mut report = Report::new("park", "sip:park@[::1]:5060".to_owned(), Duration::ZERO);
        report.packets.findings.lost = 12_345;
        report.judge(false);
        let text = summary(&report);
        assert!(
            text.contains("✗") && text.contains("12,345 packets lost"),
            "{text}"
        );
        assert!(text.contains("NOT CLEAN"), "{text}");
    }

    #[test]
    fn a_bottleneck_of_our_own_is_said_plainly() {
        let mut report = Report::new("park", String::new(), Duration::ZERO);
        report.own.dropped = 1;
        report.judge(false);
        assert!(summary(&report).contains("rtpflood itself was the bottleneck"));
    }
}
