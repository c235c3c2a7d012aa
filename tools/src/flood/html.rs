//! The report as a page that stands by itself: no script, nothing from elsewhere, light or dark as
//! the reader has it.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::plot::{self, Series, Unit};
use super::report::{Attack, Report, Second, Spread, Verdict};
use super::text::{grouped, rounded, verdict};

/// The page.
pub(super) fn page(report: &Report) -> String {
    let mut html = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut html, report);
    html
}

fn write(out: &mut String, report: &Report) -> fmt::Result {
    let (mode, target) = (report.mode, escape(&report.target));
    write!(
        out,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>rtpflood {mode} · {target}</title><style>{STYLE}</style></head><body><main>\
         <header><div><h1>rtpflood {mode}</h1><p class=\"sub\">{target}</p></div>{}</header>",
        badge(report)
    )?;
    write_findings(out, report)?;
    write_cards(out, report)?;
    write_plots(out, report)?;
    if let Some(attack) = &report.attack {
        write_attack(out, attack)?;
    }
    write_foot(out, report)?;
    out.push_str("</main></body></html>\n");
    Ok(())
}

fn badge(report: &Report) -> String {
    let (class, word) = match report.verdict {
        Verdict::Clean => ("good", "✓ clean"),
        Verdict::NotClean => ("bad", "✗ not clean"),
        Verdict::Inconclusive => ("warn", "? inconclusive"),
        Verdict::Interrupted => ("warn", "interrupted"),
    };
    format!("<span class=\"badge {class}\">{word}</span>")
}

fn write_findings(out: &mut String, report: &Report) -> fmt::Result {
    if report.verdict == Verdict::Inconclusive {
        write!(out, "<p class=\"finding warn\">{}</p>", verdict(report))?;
    }
    for complaint in &report.complaints {
        write!(out, "<p class=\"finding bad\">{}</p>", escape(complaint))?;
    }
    for note in &report.notes {
        write!(out, "<p class=\"finding\">{}</p>", escape(note))?;
    }
    Ok(())
}

fn write_cards(out: &mut String, report: &Report) -> fmt::Result {
    out.push_str("<section class=\"cards\">");
    let found = &report.packets.findings;
    if let Some(calls) = &report.calls {
        let asked = grouped(calls.asked as u64);
        let text = format!("of {asked}, 99 % within {:.1} ms", calls.answer_p99_ms);
        card(
            out,
            "Calls answered",
            &grouped(calls.answered as u64),
            &text,
        )?;
    }
    let streams = format!("in {} streams", grouped(report.packets.streams as u64));
    card(out, "Packets heard", &grouped(found.received), &streams)?;
    let order = format!(
        "{} twice, {} out of order",
        grouped(found.repeated),
        grouped(found.overtaken)
    );
    card(out, "Packets lost", &grouped(found.lost), &order)?;
    if let Some(attack) = &report.attack {
        let harm = format!("{} injected, {} strays", attack.injected, attack.strays);
        card(out, "Hijacks", &grouped(attack.hijacks), &harm)?;
    }
    if let Some(latency) = &report.latency {
        let text = format!(
            "median {:.3} ms, p99 {:.3} ms",
            latency.added_p50_ms, latency.added_p99_ms
        );
        card(
            out,
            "Added latency, p99.9",
            &milliseconds(latency.added_p999_ms),
            &text,
        )?;
    } else if let Some(pacing) = &report.pacing {
        let text = format!(
            "half within {:.3} ms, worst {:.1} ms",
            pacing.p50_ms, pacing.max_ms
        );
        card(out, "Pacing, p99.9", &milliseconds(pacing.p999_ms), &text)?;
    }
    if let Some(server) = &report.server_cpu {
        let text = format!(
            "{:.1} % of one core, {}",
            server.core_share * 100.0,
            server.threads
        );
        card(
            out,
            "CPU a packet",
            &format!("{} ns", rounded(server.cpu_ns_a_packet)),
            &text,
        )?;
    }
    out.push_str("</section>");
    Ok(())
}

fn card(out: &mut String, name: &str, figure: &str, text: &str) -> fmt::Result {
    write!(
        out,
        "<div class=\"card\"><h2>{name}</h2><p class=\"figure\">{figure}</p>\
         <p class=\"sub\">{}</p></div>",
        escape(text)
    )
}

fn milliseconds(time: f64) -> String {
    format!("{time:.3} ms")
}

fn write_plots(out: &mut String, report: &Report) -> fmt::Result {
    if let Some(latency) = &report.latency {
        let (through, direct) = (&latency.through_server, &latency.direct);
        let series = [
            ("through the server", through),
            ("straight to ourselves", direct),
        ];
        let title = "Time on the way";
        figure(
            out,
            title,
            "Packets by the time from sending to arrival.",
            &spreads(&series),
        )?;
    }
    if let Some(pacing) = &report.pacing {
        let text = "Packets by how far each was from its stream's own 20 ms grid, all calls held.";
        figure(out, "Pacing", text, &spreads(&[("packets", pacing)]))?;
    }
    let seconds = &report.timeline;
    if seconds.is_empty() {
        return Ok(());
    }
    let over = |name, value: fn(&Second) -> f64| Series {
        name,
        points: seconds
            .iter()
            .map(|second| (second.at_s, value(second)))
            .collect(),
    };
    let time = |up| Unit {
        across: "seconds",
        up,
    };
    let lost = if seconds.iter().any(|second| second.lost > 0) {
        let lost = [over("lost", |second| number(second.lost))];
        plot::lines(&lost, time("packets lost"))
    } else {
        "<p>None, in no second.</p>".to_owned()
    };
    let text = "In each second, of all streams.";
    figure(out, "Loss over time", text, &lost)?;
    let heard = [over("packets", |second| {
        number(second.packets) / second.took_s.max(1e-3)
    })];
    let heard = plot::lines(&heard, time("packets a second"));
    figure(
        out,
        "Packets over time",
        "In each second, of all streams.",
        &heard,
    )?;
    let times = [
        over("p99", |second| second.p99_ms),
        over("worst", |second| second.max_ms),
    ];
    let (title, text) = if report.latency.is_some() {
        (
            "Time on the way, over time",
            "Through the server, in each second.",
        )
    } else {
        (
            "Pacing over time",
            "Deviation from the grid, in each second.",
        )
    };
    figure(out, title, text, &plot::lines(&times, time("ms")))?;
    write_cpu(out, seconds)
}

/// CPU a packet against calls: a second a dot, those of the ramp among them.
fn write_cpu(out: &mut String, seconds: &[Second]) -> fmt::Result {
    let points = seconds.iter().filter_map(|second| {
        let cpu = second.server_cpu_ns_a_packet?;
        (second.packets > 0).then(|| (number(second.calls as u64), cpu))
    });
    let series = Series {
        name: "CPU a packet",
        points: points.collect(),
    };
    if series.points.is_empty() {
        return Ok(());
    }
    let unit = Unit {
        across: "calls",
        up: "ns a packet",
    };
    let text = "The server's CPU time for a packet that was heard; a dot for each second.";
    figure(
        out,
        "CPU a packet against calls",
        text,
        &plot::scatter(&[series], unit),
    )
}

fn spreads(series: &[(&'static str, &Spread)]) -> String {
    let longest = series.iter().map(|(_, spread)| &spread.histogram);
    let longest = longest.max_by_key(|histogram| histogram.len());
    let labels: Vec<String> = longest
        .into_iter()
        .flatten()
        .map(|(bound, _)| bound_label(*bound))
        .collect();
    let counts = series.iter().map(|(name, spread)| {
        let counts = spread.histogram.iter().map(|(_, count)| *count);
        (*name, counts.collect())
    });
    let counts: Vec<(&'static str, Vec<u64>)> = counts.collect();
    let unit = Unit {
        across: "within",
        up: "packets",
    };
    plot::histogram(&labels, &counts, unit)
}

fn bound_label(micros: u64) -> String {
    let time = Duration::from_micros(micros);
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{} ms", time.as_millis()),
        _ => format!("{} s", time.as_secs()),
    }
}

fn figure(out: &mut String, title: &str, text: &str, svg: &str) -> fmt::Result {
    write!(
        out,
        "<figure><figcaption><h2>{title}</h2><p class=\"sub\">{text}</p></figcaption>{svg}</figure>"
    )
}

fn write_attack(out: &mut String, attack: &Attack) -> fmt::Result {
    out.push_str("<figure><h2>What was thrown</h2><table>");
    for (kind, count) in &attack.kinds {
        write!(
            out,
            "<tr><td>{kind}</td><td class=\"n\">{}</td></tr>",
            grouped(*count)
        )?;
    }
    let (asked, agreed) = attack.moves;
    write!(
        out,
        "<tr><th>at {} ports</th><th class=\"n\">{}</th></tr></table>\
         <p class=\"sub\">Meanwhile {} calls began, {agreed} of {asked} moved by re-INVITE, {} \
         phones sent from elsewhere than they said, and {} of those were believed.</p></figure>",
        grouped(attack.victims as u64),
        grouped(attack.packets),
        attack.fresh,
        attack.behind_nat,
        attack.latched
    )
}

fn write_foot(out: &mut String, report: &Report) -> fmt::Result {
    let own = &report.own;
    write!(
        out,
        "<figure><h2>rtpflood itself</h2><p class=\"sub\">{} sockets, {} receiving threads, the \
         busiest at {:.0} %; {} packets dropped by itself, {} sent late.</p></figure>\
         <details><summary>Report as JSON</summary><pre>{}</pre></details>\
         <footer class=\"sub\"><p><code>{}</code></p><p>{} · rtpflood {}</p></footer>",
        own.sockets,
        own.threads,
        own.busiest * 100.0,
        grouped(own.dropped),
        grouped(own.sent_late),
        escape(&serde_json::to_string_pretty(report).unwrap_or_default()),
        escape(&report.command),
        escape(&report.machine),
        report.version
    )
}

#[expect(clippy::cast_precision_loss, reason = "a height for the eye")]
fn number(count: u64) -> f64 {
    count as f64
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            one => safe.push(one),
        }
    }
    safe
}

const STYLE: &str = "\
:root{--bg:#f6f7f9;--card:#fff;--edge:#e2e5ea;--text:#1b2430;--dim:#5d6878;--grid:#e7eaef;\
--s0:#2a6fdb;--s1:#e07a2f;--good:#177a43;--bad:#b3261e;--warn:#8a5a00}\
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1b2129;--edge:#2b333e;--text:#e6eaf0;\
--dim:#98a4b5;--grid:#2a323d;--s0:#6ea8fe;--s1:#f2a267;\
--good:#5fd08f;--bad:#ff8a80;--warn:#f0c060}}\
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--text);\
font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif}\
main{max-width:860px;margin:0 auto;padding:32px 20px 48px}\
header{display:flex;justify-content:space-between;align-items:center;gap:16px;margin-bottom:20px}\
h1{font-size:26px;line-height:1.2;margin:0;letter-spacing:-.01em}\
h2{font-size:14px;font-weight:600;margin:0}p{margin:0}.sub{color:var(--dim);font-size:13px}\
.badge{font-weight:600;padding:6px 14px;border-radius:999px;border:1.5px solid currentColor;\
white-space:nowrap}.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}\
.finding{border-left:3px solid currentColor;padding:2px 0 2px 12px;margin:0 0 8px}\
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(148px,1fr));gap:12px;\
margin:16px 0 12px}\
.card,figure,details{background:var(--card);border:1px solid var(--edge);border-radius:10px}\
.card{padding:12px 14px}.card h2{color:var(--dim);font-weight:500;font-size:13px}\
.figure{font-size:22px;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums}\
figure{margin:0 0 12px;padding:16px 18px}figcaption{margin-bottom:10px}\
svg{width:100%;height:auto;display:block;overflow:visible}svg text{fill:var(--dim);font-size:11px}\
.mid{text-anchor:middle}.end{text-anchor:end}.grid{stroke:var(--grid);stroke-width:1}\
.s0{fill:var(--s0)}.s1{fill:var(--s1)}.line{fill:none;stroke-width:2;stroke-linejoin:round}\
.l0{stroke:var(--s0)}.l1{stroke:var(--s1)}.hit{opacity:0}.hit:hover{opacity:1}\
.dot{opacity:.75;stroke:var(--card);stroke-width:1}\
table{border-collapse:collapse;width:100%;margin:8px 0;font-size:14px}\
td,th{text-align:left;padding:5px 0;border-top:1px solid var(--grid)}\
.n{text-align:right;font-variant-numeric:tabular-nums}\
details{padding:12px 18px;margin-bottom:12px}summary{cursor:pointer;font-size:14px}\
pre{overflow:auto;font-size:12px;max-height:420px}code{overflow-wrap:anywhere}\
footer p{margin-top:6px}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Pacing;

    fn report() -> Report {
        let mut pacing = Pacing::new();
        pacing.record(Duration::from_micros(3));
        pacing.record(Duration::from_millis(3));
        let mut report = Report::new("park", "sip:<script>@[::1]:5060".to_owned(), Duration::ZERO);
        report.pacing = Spread::of(&pacing);
        report.timeline = vec![Second {
            at_s: 1.0,
            calls: 10,
            packets: 500,
            lost: 2,
            server_cpu_ns_a_packet: Some(900.0),
            ..Second::default()
        }];
        report.judge(false);
        report
    }

    #[test]
    fn the_page_has_its_plots_and_takes_nothing_from_elsewhere() {
        let page = page(&report());
        for title in ["Pacing", "Loss over time", "CPU a packet against calls"] {
            assert!(page.contains(&format!("<h2>{title}</h2>")), "{title}");
        }
        for foreign in [
            "<script", "http://", "https://", "<link", "src=", "@import", "url(",
        ] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert!(page.contains("prefers-color-scheme:dark"));
    }

    #[test]
    fn what_a_server_or_a_user_wrote_is_text() {
        assert!(page(&report()).contains("sip:&lt;script&gt;@[::1]:5060"));
    }
}
