//! The metrics of the real binary, judged by Prometheus' own `promtool`, and what is built on them:
//! alert rules and the dashboard.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Server, Settings, Sipp};

fn tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The one that `make packages` fetches, where the machine has none of its own.
fn promtool() -> Command {
    let fetched = tree("target/packages/usr/bin/promtool");
    if fetched.exists() {
        Command::new(fetched)
    } else {
        Command::new("promtool")
    }
}

fn with_api() -> Settings {
    Settings {
        api: true,
        store: true,
        ..Settings::default()
    }
}

/// The value of one series.
fn value(page: &str, series: &str) -> f64 {
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let line = line.unwrap_or_else(|| panic!("{series} is not in:\n{page}"));
    line.parse().expect("a figure")
}

#[test]
fn calls_that_are_parked_and_retrieved_show_and_promtool_has_nothing_to_say() {
    let server = Server::start(&with_api());
    let parkees = Sipp::new("parkee_until_bye.xml")
        .calls(5, 50)
        .start(&server);
    let mut parkees = parkees;
    let orbits = parkees.orbits(5);
    let parked = server.api().get("/metrics");
    assert_eq!(
        value(&parked, "orbit_orbits{range=\"test\",state=\"taken\"}"),
        5.0
    );
    assert_eq!(
        value(&parked, "orbit_orbits{range=\"test\",state=\"free\"}"),
        95.0
    );
    assert_eq!(
        value(&parked, "orbit_parks_total{dialect=\"dialled\"}"),
        5.0
    );
    assert_eq!(value(&parked, "orbit_store_behind"), 0.0);
    assert!(value(&parked, "orbit_store_commit_seconds_count") >= 1.0);
    assert!(
        value(
            &parked,
            "orbit_sip_requests_total{direction=\"received\",method=\"INVITE\"}"
        ) >= 5.0
    );
    let answered = "orbit_sip_responses_total{direction=\"sent\",method=\"INVITE\",code=\"200\"}";
    assert!(value(&parked, answered) >= 5.0);

    let retrievers = Sipp::new("retriever_leaves.xml")
        .calls(5, 50)
        .dials(&orbits)
        .start(&server);
    retrievers.finish();
    parkees.finish();
    let after = server.api().get("/metrics");
    assert_eq!(value(&after, "orbit_retrieves_total{way=\"dialled\"}"), 5.0);
    assert_eq!(
        value(&after, "orbit_orbits{range=\"test\",state=\"taken\"}"),
        0.0
    );
    let sent = "orbit_media_packets_sent_total{worker=\"0\",protocol=\"rtp\"}";
    let lateness = "orbit_media_lateness_seconds_count{worker=\"0\"}";
    assert!(value(&after, sent) > value(&parked, sent), "music was sent");
    assert!(value(&after, lateness) > 0.0);
    checked(&after);
    server.stop();
}

/// `promtool check metrics` reads the page and has no advice.
fn checked(page: &str) {
    let mut command = promtool();
    let piped = command.args(["check", "metrics"]).stdin(Stdio::piped());
    let piped = piped.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("promtool: run `make packages` first");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(page.as_bytes()).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("our own child");
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}\n{page}");
}

#[test]
fn the_rules_are_right_and_each_alert_says_what_to_do() {
    let rules = tree("docs/operations/rules.yml");
    let mut command = promtool();
    let output = command.args(["check", "rules"]).arg(&rules).output();
    let output = output.expect("promtool: run `make packages` first");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let examples = tree("tests/e2e/rules_test.yml");
    let output = promtool().args(["test", "rules"]).arg(examples).output();
    let output = output.expect("promtool: run `make packages` first");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");

    let text = fs::read_to_string(&rules).expect("our own file");
    let advice = fs::read_to_string(tree("docs/operations/alerts.md")).expect("our own file");
    let alerts = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let mut count = 0;
    for alert in alerts {
        count += 1;
        assert!(
            advice.contains(&format!("\n## {alert}\n")),
            "alerts.md lacks {alert}"
        );
        let anchor = format!("alerts.md#{}\"", alert.to_lowercase());
        assert!(text.contains(&anchor), "{alert} does not name {anchor}");
    }
    assert!(count > 10, "{count} alerts were found");
}

/// The words in a text that are names of our series.
fn series(text: &str) -> BTreeSet<&str> {
    let words = text.split(|one: char| !(one.is_alphanumeric() || one == '_' || one == ':'));
    words
        .filter(|word| {
            ["orbit_", "orbit:", "process_"]
                .iter()
                .any(|prefix| word.starts_with(prefix))
        })
        .collect()
}

#[test]
fn rules_and_dashboard_name_series_that_there_are() {
    let rules = fs::read_to_string(tree("docs/operations/rules.yml")).expect("our own file");
    let board = fs::read_to_string(tree("docs/operations/dashboard.json")).expect("our own file");
    let metrics = fs::read_to_string(tree("docs/operations/metrics.md")).expect("our own file");
    let parsed: Value = serde_json::from_str(&board).expect("JSON");
    let panels = parsed["panels"].as_array().expect("panels");
    assert!(panels.len() > 20, "{} panels", panels.len());
    let recorded: BTreeSet<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- record: "))
        .collect();
    let queries: Vec<String> = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten())
        .map(|target| target["expr"].as_str().expect("a query").to_owned())
        .collect();
    let queries = queries.join("\n");
    for name in series(&rules).into_iter().chain(series(&queries)) {
        // A histogram has three series for the family that is documented.
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(name);
        let known = recorded.contains(name) || metrics.contains(&format!("`{family}`"));
        assert!(known, "{name} is neither recorded nor in metrics.md");
    }
}
