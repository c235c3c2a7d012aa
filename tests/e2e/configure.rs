//! The configuration changed while the server runs, by `orbitctl`: kept beyond a kill, and no call
//! disturbed by it.

use serde_json::Value;

use crate::harness::clock::PATIENCE;
use crate::harness::server::orbitd;
use crate::harness::{Server, Settings, Sipp};
use crate::orbitctl::{fails, orbitctl, said};

fn server() -> Server {
    Server::start(&Settings {
        api: true,
        store: true,
        ..Settings::default()
    })
}

fn ranges(server: &Server) -> String {
    said(&orbitctl(server, &["ranges"]))
}

#[test]
fn row_13_a_range_is_added_changed_and_removed_while_a_call_waits_and_outlives_a_kill() {
    let mut server = server();
    let add = [
        "ranges",
        "add",
        "night",
        "800",
        "809",
        "--pickup-timeout",
        "3min",
    ];
    let added = said(&orbitctl(&server, &add));
    assert!(added.contains("from                store"), "{added}");
    fails(&orbitctl(&server, &add), 1, &["another one by now"]);
    assert_eq!(
        said(&orbitctl(&server, &["ranges", "remove", "te?t"])),
        "test: removed\n"
    );

    let mut parkee = Sipp::new("parkee_adopted.xml").start(&server);
    let orbit = parkee.orbit();
    assert!(
        orbit.starts_with("80"),
        "the one range that is left: {orbit}"
    );
    let metrics = server.api().get("/metrics");
    let taken = "orbit_orbits{range=\"night\",state=\"taken\"} 1\n";
    assert!(metrics.contains(taken), "{metrics}");
    let set = [
        "ranges",
        "set",
        "night",
        "--pickup-timeout",
        "2min",
        "--json",
    ];
    let set: Value = serde_json::from_str(&said(&orbitctl(&server, &set))).expect("JSON");
    assert_eq!(set["definition"]["pickup_timeout"], "2min");
    assert_eq!(set["definition"]["end"], "809", "as it was");
    said(&orbitctl(&server, &["ranges", "add", "day", "700", "709"]));
    said(&orbitctl(&server, &["ranges", "remove", "night"]));
    let closing = ranges(&server);
    assert!(closing.contains(&format!("{orbit}-{orbit}")), "{closing}");
    assert!(closing.contains("removed"), "{closing}");

    server.kill_and_restart();
    server.process.line_with("from the store", PATIENCE);
    server.process.line_with("adopted=1 lost=0", PATIENCE);
    parkee.logged_times("adopted", 1);
    let listed = ranges(&server);
    assert!(
        listed.contains("700-709") && !listed.contains("700-799"),
        "{listed}"
    );
    deeds_are_told(&server);
    let retriever = Sipp::new("retriever_leaves.xml")
        .dials(&[orbit])
        .start(&server);
    retriever.finish();
    parkee.finish();
    server.stop();
}

/// Each deed outlives the kill, what was refused too.
fn deeds_are_told(server: &Server) {
    let audit = said(&orbitctl(
        server,
        &["audit", "-n", "20", "--object", "range *"],
    ));
    let deeds: Vec<_> = audit.lines().skip(1).collect();
    assert_eq!(deeds.len(), 6, "each deed outlives the kill: {audit}");
    assert!(
        deeds[0].contains("remove  ") && deeds[0].contains("range night"),
        "{audit}"
    );
    assert!(
        deeds[4].contains("meanwhile"),
        "what was refused too: {audit}"
    );
}

#[test]
fn what_was_changed_is_left_to_the_file_again_where_it_is_asked_for() {
    let server = server();
    said(&orbitctl(&server, &["ranges", "add", "day", "900", "909"]));
    said(&orbitctl(&server, &["ranges", "remove", "test"]));
    said(&orbitctl(
        &server,
        &["ranges", "set", "day", "--start", "700", "--end", "709"],
    ));
    let back = ["ranges", "revert", "test"];
    fails(&orbitctl(&server, &back), 1, &["\"day\"", "overlaps"]);
    let away = ["ranges", "set", "day", "--start", "900", "--end", "909"];
    said(&orbitctl(&server, &away));
    assert_eq!(said(&orbitctl(&server, &back)), "test: left to the file\n");
    let listed = ranges(&server);
    assert!(
        listed.contains("700-799") && listed.contains("900-909"),
        "{listed}"
    );
    let named = said(&orbitctl(&server, &["ranges", "list", "--name", "D*"]));
    assert!(
        named.contains("900-909") && !named.contains("700-799"),
        "{named}"
    );
    server.stop();
}

#[test]
fn row_20_settings_and_policies_change_while_the_server_runs_and_outlive_a_kill() {
    let mut server = server();
    let set = ["settings", "set", "--pickup-timeout", "2min"];
    assert!(said(&orbitctl(&server, &set)).contains("2min"));
    let site = ["settings", "set", "--site", "paris", "--member", "+331*"];
    said(&orbitctl(&server, &site));
    let own = [
        "settings",
        "set",
        "--site",
        "paris",
        "--max-pickup-attempts",
        "3",
    ];
    said(&orbitctl(&server, &own));
    let pin = server.folder().join("pin");
    std::fs::write(&pin, "4711\n").expect("a file of our own");
    let file = pin.display().to_string();
    let kinds = "internal,federated";
    let policy = [
        "policy",
        "add",
        "staff",
        "--park",
        kinds,
        "--retrieve",
        kinds,
    ];
    let with_pin = ["--retrieve-with-pin", "pstn", "--pin-file", &file];
    said(&orbitctl(&server, &[&policy[..], &with_pin].concat()));
    said(&orbitctl(
        &server,
        &["ranges", "set", "test", "--policy", "staff"],
    ));

    server.kill_and_restart();
    let listed = said(&orbitctl(&server, &["settings"]));
    let has = |words: [&str; 4]| {
        let is_it = |line: &str| line.split_whitespace().eq(words);
        assert!(listed.lines().any(is_it), "{words:?}: {listed}");
    };
    has(["all", "pickup_timeout", "2min", "store"]);
    has(["all", "max_pickup_attempts", "1", "usual"]);
    has(["paris", "max_pickup_attempts", "3", "store"]);
    has(["paris", "members", "+331*", "store"]);
    let shown = said(&orbitctl(&server, &["policy", "show", "staff"]));
    assert!(
        shown.contains("***") && !shown.contains("sha256"),
        "{shown}"
    );
    let named = orbitctl(&server, &["policy", "remove", "staff"]);
    fails(&named, 1, &["no such policy"]);

    let mut parkee = Sipp::new("parkee_until_bye.xml").start(&server);
    let orbit = parkee.orbit();
    let waits = server.api().get(&format!("/v1/orbits/{orbit}"));
    assert!(waits.contains("\"state\":\"parked\""), "{waits}");
    said(&orbitctl(
        &server,
        &["policy", "set", "staff", "--park", "internal"],
    ));
    Sipp::new("retriever_leaves.xml")
        .dials(&[orbit])
        .start(&server)
        .finish();
    parkee.finish();
    said(&orbitctl(&server, &["settings", "unset", "pickup_timeout"]));
    said(&orbitctl(&server, &["settings", "revert"]));
    let odd = ["settings", "unset", "--site", "paris", "pickup_timeout"];
    fails(&orbitctl(&server, &odd), 2, &["not set", "members"]);
    server.stop();
}

#[test]
fn row_54_what_is_exported_starts_another_server_and_imports_all_or_nothing() {
    let one = server();
    said(&orbitctl(&one, &["ranges", "add", "night", "800", "809"]));
    let file = one.folder().join("export.toml").display().to_string();
    assert_eq!(said(&orbitctl(&one, &["export", "--output", &file])), "");
    fails(
        &orbitctl(&one, &["export", "-o", &file]),
        2,
        &["not there yet"],
    );
    let checked = orbitd().args(["--config", &file, "check"]).output();
    assert!(said(&checked.expect("orbitd runs")).contains("is right"));

    let other = server();
    let trial = said(&orbitctl(&other, &["import", "--dry-run", &file]));
    assert!(trial.contains("range night  added"), "{trial}");
    assert!(trial.contains("[sip] differs"), "{trial}");
    assert!(!ranges(&other).contains("800-809"), "a trial");
    said(&orbitctl(&other, &["import", &file]));
    assert!(ranges(&other).contains("800-809"));
    one.stop();
    other.stop();
}

#[test]
fn a_check_looks_at_what_the_store_has_whether_a_server_runs_or_not() {
    let mut server = server();
    said(&orbitctl(
        &server,
        &["ranges", "add", "night", "800", "809"],
    ));
    let file = server.folder().join("site.toml");
    let check = || {
        let output = orbitd().arg("--config").arg(&file).arg("check").output();
        output.expect("orbitd runs")
    };
    assert!(said(&check()).contains("is right"), "while it runs");
    let text = std::fs::read_to_string(&file).expect("our own file");
    let other = "[[orbit_range]]\nname = \"other\"\nstart = \"805\"\nend = \"815\"\n";
    std::fs::write(&file, format!("{text}\n{other}")).expect("our own file");
    let overlaps = || {
        let checked = check();
        let message = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(!checked.status.success(), "{message}");
        assert!(message.contains("overlaps"), "{message}");
        assert!(message.contains("is in the store"), "{message}");
    };
    overlaps();
    server.process.kill();
    overlaps();
    std::fs::write(&file, &text).expect("our own file");
    server.restart();
    let folder = server.folder().to_owned();
    server.process.terminate();
    assert!(server.process.wait(PATIENCE).success());
    assert!(said(&check()).contains("is right"), "after its end");
    let beside = |name: &str| folder.join(name).exists();
    assert!(
        !beside("orbit.db-wal") && !beside("orbit.db-shm"),
        "nothing is made"
    );
}
