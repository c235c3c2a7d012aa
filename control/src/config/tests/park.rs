//! The rules of `[park]` and `[[orbit_range]]`.

use super::*;

#[test]
fn the_park_user_is_a_user_part_and_no_orbit() {
    refused(
        r##"
[park]
user = ""
=> 2: [park] user = "": not a user part; write the part of sip:park@… before the @

[park]
user = "par k"
=> 2: [park] user = "par k": not a user part; write the part of sip:park@… before the @

[park]
user = "750"
=> 2: [park] user = "750": an orbit of the range "default"; write a name

[park]
user = "750@example.com"
=> 2: [park] user = "750@example.com": not a user part; write the part of sip:park@… before
   the @
"##,
    );
}

#[test]
fn row_16_a_call_waits_ten_seconds_to_ten_minutes() {
    refused(
        r##"
[park]
pickup_timeout = "9s"
=> 2: [park] pickup_timeout = "9s": shorter than 10s; write a duration from 10s to 10min

[park]
pickup_timeout = "601s"
=> 2: [park] pickup_timeout = "601s": longer than 10min; write a duration from 10s to 10min

[park]
pickup_timeout = "soon"
=> 2: [park] pickup_timeout = "soon": not a duration; write a duration from 10s to 10min, such
   as "1m30s"

[park]
pickup_timeout = "90"
=> 2: [park] pickup_timeout = "90": not a duration; write a duration from 10s to 10min, such
   as "1m30s"
"##,
    );
    assert_eq!(Park::default().pickup_timeout, Duration::from_secs(90));
    for (text, seconds) in [("10s", 10), ("600s", 600), ("10min", 600)] {
        let config = parse(&format!("[park]\npickup_timeout = \"{text}\"")).unwrap();
        assert_eq!(config.park.pickup_timeout, Duration::from_secs(seconds));
    }
}

#[test]
fn row_18_a_parker_is_called_back_once_to_ten_times() {
    refused(
        r##"
[park]
max_pickup_attempts = 0
=> 2: [park] max_pickup_attempts = 0: out of range; write a number from 1 to 10

[park]
max_pickup_attempts = 11
=> 2: [park] max_pickup_attempts = 11: out of range; write a number from 1 to 10
"##,
    );
    assert_eq!(Park::default().max_pickup_attempts, 1);
    for attempts in [1, 10] {
        let config = parse(&format!("[park]\nmax_pickup_attempts = {attempts}")).unwrap();
        assert_eq!(config.park.max_pickup_attempts, attempts);
    }
}

#[test]
fn a_recall_rings_five_seconds_to_two_minutes() {
    refused(
        r##"
[park]
recall_ring_timeout = "4s"
=> 2: [park] recall_ring_timeout = "4s": shorter than 5s; write a duration from 5s to 2min
"##,
    );
}

#[test]
fn the_music_of_waiting_calls_exists() {
    refused(
        r##"
[park]
music = "defualt"
=> 2: [park] music = "defualt": no such music; did you mean default?

[park]
music = "jazz"
=> 2: [park] music = "jazz": no such music; write [music.jazz], or one of: default
"##,
    );
}

#[test]
fn row_19_the_fallback_is_a_sip_uri() {
    refused(
        r##"
[park]
on_timeout_uri = "operator@example.com"
=> 2: [park] on_timeout_uri = "operator@example.com": does not begin with sip: or sips:; write
   a SIP URI such as "sip:operator@example.com"

[park]
on_timeout_uri = "tel:+331"
=> 2: [park] on_timeout_uri = "tel:+331": does not begin with sip: or sips:; write a SIP URI
   such as "sip:operator@example.com"

[park]
on_timeout_uri = "sip:"
=> 2: [park] on_timeout_uri = "sip:": not a SIP URI; write a SIP URI such as
   "sip:operator@example.com"
"##,
    );
    assert_eq!(Park::default().on_timeout_uri, None);
    let config = parse("[park]\non_timeout_uri = \"sip:operator@example.com\"").unwrap();
    let fallback = config.park.on_timeout_uri.as_deref();
    assert_eq!(fallback, Some("sip:operator@example.com"));
}

#[test]
fn sites_keep_the_same_rules() {
    refused(
        r##"
[park.site.paris]
pickup_timeout = "1s"
=> 2: [park.site.paris] pickup_timeout = "1s": shorter than 10s; write a duration from 10s to
   10min

[park.site."a b"]
=> 1: [park.site.a b]: not a name; write letters, digits, ".", "_" or "-", at most 64

[park.site.paris]
members = ["*@example.com", "a b"]
=> 2: [park.site.paris] members = "a b": not understood; write users such as
   "ann@example.com", "*@example.com", "*.example.com" or "+331*"

[[orbit_range]]
name = "a"
start = "700"
end = "799"
site = "pairs"
[park.site.paris]
=> 5: [[orbit_range]] site = "pairs": no such site; did you mean paris?

[[orbit_range]]
name = "a"
start = "700"
end = "799"
site = "london"
=> 5: [[orbit_range]] site = "london": no such site; write a [park.site.NAME] of this name
"##,
    );
}

#[test]
fn row_20_a_setting_is_the_ranges_own_or_its_sites_or_that_of_all() {
    let config = parse(
        r##"[music.jazz]
[park]
pickup_timeout = "60s"
max_pickup_attempts = 2
on_timeout_uri = "sip:operator@example.com"
[park.site.paris]
pickup_timeout = "30s"
max_pickup_attempts = 3
music = "jazz"
members = ["+331*"]
[[orbit_range]]
name = "a"
start = "700"
end = "709"
site = "paris"
max_pickup_attempts = 4
[[orbit_range]]
name = "b"
start = "710"
end = "719"
site = "paris"
music_on_hold = false
[[orbit_range]]
name = "c"
start = "720"
end = "729""##,
    )
    .unwrap();
    let settings = config.orbit_ranges.iter().map(|range| {
        let settings = config.settings(range);
        let seconds = settings.pickup_timeout.as_secs();
        (seconds, settings.max_pickup_attempts, settings.music)
    });
    let music = |name: &str| Some(name.to_owned());
    let expected = [
        (30, 4, music("jazz")),
        (30, 3, None),
        (60, 2, music("default")),
    ];
    assert_eq!(settings.collect::<Vec<_>>(), expected);
    let fallback = config.settings(&config.orbit_ranges[0]).on_timeout_uri;
    assert_eq!(fallback.as_deref(), Some("sip:operator@example.com"));
    assert!(config.park.sites["paris"].members[0].matches("+33140000000", ""));
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn row_48_one_recording_serves_every_site_that_names_it() {
    let site = |name: &str| format!("[park.site.{name}]\nmusic = \"jazz\"\n");
    let text = format!("[music.jazz]\n{}{}", site("paris"), site("london"));
    let config = parse(&text).unwrap();
    for site in ["paris", "london"] {
        let range = OrbitRange {
            site: Some(site.to_owned()),
            ..OrbitRange::default()
        };
        assert_eq!(config.settings(&range).music.as_deref(), Some("jazz"));
    }
}

#[test]
fn row_11_a_range_of_another_node_is_not_parked_in_here() {
    let ranges = r##"[[orbit_range]]
name = "a"
start = "700"
end = "709"
node = "edge-1"
[[orbit_range]]
name = "b"
start = "710"
end = "719"
node = "edge-2"
[[orbit_range]]
name = "c"
start = "720"
end = "729"
"##;
    let names = |node: &str| {
        let config = parse(&format!("{ranges}[node]\nid = \"{node}\"")).unwrap();
        let names = config.orbit_ranges.into_iter().map(|range| range.name);
        names.collect::<String>()
    };
    assert_eq!(
        (names("edge-1"), names("edge-2")),
        ("ac".to_owned(), "bc".to_owned())
    );
    refused(
        r##"
[[orbit_range]]
name = "a"
start = "700"
end = "709"
node = "edge-2"
=> 5: [[orbit_range]] node = "edge-2": no range is left to park in; write "orbit-1"

[[orbit_range]]
name = "a"
start = "700"
end = "709"
[[orbit_range]]
name = "b"
start = "705"
end = "719"
node = "edge-2"
=> 7: [[orbit_range]] start = "705": the range "b" (705-719)
   overlaps "a" (700-709); write other numbers
"##,
    );
}

#[test]
fn row_15_an_orbit_is_nobodys_number() {
    refused(
        r##"
[park]
assigned = ["1000-1999", "750-850"]
=> 2: [park] assigned = "750-850": 750 is an orbit of the range "default"; write other numbers
   there, or here

[park]
assigned = ["799"]
=> 2: [park] assigned = "799": 799 is an orbit of the range "default"; write other numbers
   there, or here

[park]
assigned = ["ann"]
=> 2: [park] assigned = "ann": not understood; write numbers such as "112", "2000-2999" or
   "+33140001000-+33140001999"
"##,
    );
    let others = "[park]\nassigned = [\"7000-7999\", \"+700-+799\", \"800\"]";
    assert_eq!(message(others), "accepted");
}

#[test]
fn row_43_an_orbit_that_is_an_emergency_number_is_warned_of() {
    let range = "[[orbit_range]]\nname = \"a\"\nstart = \"900\"\nend = \"950\"\n";
    let expected = "site.toml:1: [[orbit_range]]: 911 is an orbit of the range \"a\" and an \
                    emergency number: whoever dials it here reaches a parked call; write other \
                    numbers";
    assert_eq!(parse(range).unwrap().warnings, [expected]);
    let others = format!("{range}[park]\nemergency = [\"112\"]");
    assert_eq!(parse(&others).unwrap().warnings, [""; 0]);
}

#[test]
fn row_63_a_range_in_sequence_has_waiting_times_of_its_own() {
    refused(
        r##"
[[orbit_range]]
name = "a"
start = "10"
end = "99"
allocation = "sequential"
pickup_timeout = "119s"
=> 6: [[orbit_range]] pickup_timeout = "119s": shorter than 2min; write a duration from 2min to
   30min

[[orbit_range]]
name = "a"
start = "10"
end = "99"
allocation = "sequential"
pickup_timeout = "1801s"
=> 6: [[orbit_range]] pickup_timeout = "1801s": longer than 30min; write a duration from 2min
   to 30min

[[orbit_range]]
name = "a"
start = "10"
end = "99"
allocation = "next"
=> 5: [[orbit_range]] allocation = "next": unknown; write "random" or "sequential"
"##,
    );
    let text = |more: &str| {
        format!(
            "[[orbit_range]]\nname = \"a\"\nstart = \"10\"\nend = \"99\"\n\
             allocation = \"sequential\"\n{more}"
        )
    };
    let seconds = |more: &str| {
        let config = parse(&text(more)).unwrap();
        config
            .settings(&config.orbit_ranges[0])
            .pickup_timeout
            .as_secs()
    };
    assert_eq!(seconds(""), 300);
    assert_eq!(seconds("pickup_timeout = \"120s\""), 120);
    assert_eq!(seconds("pickup_timeout = \"1800s\""), 1_800);
}

#[test]
fn the_usual_park_user_cannot_hide_an_orbit() {
    let config = parse(
        "[[orbit_range]]\nname = \"a\"\nstart = \"700\"\nend = \"799\"\n[park]\nuser = \"700\"",
    );
    let expected = "site.toml:6: [park] user = \"700\": an orbit of the range \"a\"; write a name";
    assert_eq!(config.unwrap_err().message, expected);
}

#[test]
fn an_orbit_range_has_a_name_and_two_ends() {
    refused(
        r##"
[[orbit_range]]
start = "700"
end = "799"
=> 1: [[orbit_range]] name: missing; write a name of its own such as "front-desk"

[[orbit_range]]
name = "a"
end = "799"
=> 1: [[orbit_range]] start: missing; write 1 to 9 digits that begin with 1 to 9, or * or #
   and at most 8

[[orbit_range]]
name = "a"
start = "700"
=> 1: [[orbit_range]] end: missing; write 1 to 9 digits that begin with 1 to 9, or * or # and
   at most 8

[[orbit_range]]
name = " "
start = "700"
end = "799"
=> 2: [[orbit_range]] name = " ": not a name; write 1 to 64 letters or digits

[[orbit_range]]
name = "a"
start = "0700"
end = "0799"
=> 3: [[orbit_range]] start = "0700": not an orbit; write 1 to 9 digits that begin with 1 to
   9, or * or # and at most 8

[[orbit_range]]
name = "a"
start = "1234567890"
end = "1234567899"
=> 3: [[orbit_range]] start = "1234567890": not an orbit; write 1 to 9 digits that begin with
   1 to 9, or * or # and at most 8

[[orbit_range]]
name = "a"
start = "*123456789"
end = "*123456799"
=> 3: [[orbit_range]] start = "*123456789": not an orbit; write 1 to 9 digits that begin with
   1 to 9, or * or # and at most 8
"##,
    );
}

#[test]
fn row_06_both_ends_of_a_range_have_the_same_prefix() {
    refused(
        r##"
[[orbit_range]]
name = "a"
start = "*700"
end = "#799"
=> 4: [[orbit_range]] end = "#799": not of the prefix of start = "*700"; write the same
"##,
    );
}

#[test]
fn row_05_both_ends_of_a_range_are_equally_long() {
    refused(
        r##"
[[orbit_range]]
name = "a"
start = "700"
end = "7999"
=> 4: [[orbit_range]] end = "7999": not as long as start = "700"; write as many digits
"##,
    );
}

#[test]
fn row_04_a_range_does_not_end_before_it_starts() {
    refused(
        r##"
[[orbit_range]]
name = "a"
start = "799"
end = "700"
=> 4: [[orbit_range]] end = "700": before start = "799"; write a higher number
"##,
    );
}

#[test]
fn row_07_a_number_behind_a_prefix_is_above_a_hundred() {
    refused(
        r##"
[[orbit_range]]
name = "a"
start = "*100"
end = "*199"
=> 3: [[orbit_range]] start = "*100": too low behind a prefix; write a number above 100
"##,
    );
    let lowest = "[[orbit_range]]\nname = \"a\"\nstart = \"*101\"\nend = \"*199\"";
    assert_eq!(message(lowest), "accepted");
}

#[test]
fn row_09_a_range_has_at_most_ten_thousand_orbits() {
    refused(
        r##"
[[orbit_range]]
name = "a"
start = "10000"
end = "20000"
=> 4: [[orbit_range]] end = "20000": more than 10000 orbits; write a lower number
"##,
    );
}

#[test]
fn row_14_a_range_is_for_parking_or_for_group_pickup() {
    refused(
        r##"
[[orbit_range]]
name = "a"
start = "700"
end = "799"
kind = "pickup"
=> 5: [[orbit_range]] kind = "pickup": unknown; write "park" or "group-pickup"

[[orbit_range]]
name = "a"
start = "700"
end = "799"
kind = "group-pickup"
=> 5: [[orbit_range]] kind = "group-pickup": no range is left to park in; write kind = "park"
"##,
    );
}

#[test]
fn row_01_a_range_has_a_name_of_its_own() {
    refused(
        r##"
[[orbit_range]]
name = "a"
start = "700"
end = "799"
[[orbit_range]]
name = "a"
start = "800"
end = "899"
=> 6: [[orbit_range]] name = "a": another range has it; write a name of its own
"##,
    );
}

#[test]
fn row_08_ranges_keep_clear_of_each_other_whatever_their_kind() {
    refused(
        r##"
[[orbit_range]]
name = "a"
start = "700"
end = "799"
[[orbit_range]]
name = "b"
start = "799"
end = "899"
=> 7: [[orbit_range]] start = "799": the range "b" (799-899)
   overlaps "a" (700-799); write other numbers

[[orbit_range]]
name = "a"
start = "*700"
end = "*799"
kind = "group-pickup"
[[orbit_range]]
name = "b"
start = "*650"
end = "*950"
=> 8: [[orbit_range]] start = "*650": the range "b" (*650-*950)
   overlaps "a" (*700-*799); write other numbers
"##,
    );
}

#[test]
fn row_12_several_ranges_of_other_prefixes_and_lengths_do_not_overlap() {
    let ranges = ["700-799", "7000-7999", "*700-*799", "#700-#799"].map(|range| {
        let (start, end) = range.split_once('-').unwrap();
        format!("[[orbit_range]]\nname = \"{range}\"\nstart = \"{start}\"\nend = \"{end}\"\n")
    });
    assert_eq!(parse(&ranges.concat()).unwrap().orbit_ranges.len(), 4);
}

#[test]
fn row_09_a_range_of_ten_thousand_orbits_is_right() {
    assert_eq!(
        parse(&range_of_ten_thousand(1)).unwrap().orbit_ranges[0].count(),
        10_000
    );
}

#[test]
fn row_10_a_node_has_at_most_fifty_thousand_orbits() {
    let five: String = (1..=5).map(range_of_ten_thousand).collect();
    assert_eq!(parse(&five).unwrap().orbit_ranges.len(), 5);
    let expected =
        "site.toml:21: [[orbit_range]]: more than 50000 orbits in all; write smaller ranges";
    assert_eq!(message(&(five + &range_of_ten_thousand(6))), expected);
}

fn range_of_ten_thousand(first: u32) -> String {
    let (start, end) = (first * 10_000, first * 10_000 + 9_999);
    format!("[[orbit_range]]\nname = \"{first}\"\nstart = \"{start}\"\nend = \"{end}\"\n")
}

#[test]
fn row_14_a_range_for_group_pickup_is_reserved_and_not_parked_in() {
    let config = parse(
        r##"[[orbit_range]]
name = "pickup"
start = "800"
end = "899"
kind = "group-pickup"
[[orbit_range]]
name = "park"
start = "700"
end = "799"
kind = "park""##,
    )
    .unwrap();
    assert_eq!(config.orbit_ranges.len(), 1);
    let expected = "site.toml:5: [[orbit_range]] kind = \"group-pickup\": group-pickup is not \
                    built in this version; the range is reserved";
    assert_eq!(config.warnings, [expected]);
}

#[test]
fn a_feature_code_is_a_star_or_hash_and_digits_and_no_orbit() {
    refused(
        r##"
[park]
park_code = "68"
=> 2: [park] park_code = "68": not a code; write * or # and one to seven digits such as "*68",
   or "" for none

[park]
retrieve_code = 88
=> 2: [park] retrieve_code = 88: not a text; write * or # and one to seven digits such as "*68",
   or "" for none, in quotes

[park]
park_code = "*7"
[[orbit_range]]
name = "stars"
start = "*701"
end = "*709"
=> 2: [park] park_code = "*7": begins an orbit of the range "stars"; write * or # and one to
   seven digits such as "*68", or "" for none

[park]
park_code = "*8"
=> 1: [park] retrieve_code: one of "*8" and "*88" begins the other; write * or # and one to
   seven digits such as "*68", or "" for none
"##,
    );
    assert_eq!(parse("").unwrap().codes.park.as_deref(), Some("*68"));
    assert_eq!(parse("[park]\npark_code = \"\"").unwrap().codes.park, None);
}

#[test]
fn an_empty_orbit_answers_404_or_parks() {
    refused(
        r##"
[[orbit_range]]
name = "x"
start = "700"
end = "709"
empty = "busy"
=> 5: [[orbit_range]] empty = "busy": unknown; write "404" or "park"
"##,
    );
    let text = "[[orbit_range]]\nname = \"x\"\nstart = \"700\"\nend = \"709\"\nempty = \"park\"";
    assert_eq!(parse(text).unwrap().orbit_ranges[0].empty, Empty::Park);
    assert_eq!(OrbitRange::default().empty, Empty::NotFound);
}

#[test]
fn a_usual_feature_code_is_off_where_orbits_begin_so() {
    let config =
        parse("[[orbit_range]]\nname = \"stars\"\nstart = \"*680\"\nend = \"*689\"").unwrap();
    assert_eq!(config.codes.park, None);
    assert_eq!(config.codes.retrieve.as_deref(), Some("*88"));
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    assert!(
        config.warnings[0].contains("park_code"),
        "{:?}",
        config.warnings
    );
}

#[test]
fn a_fallback_is_called_by_a_way_that_is_there() {
    refused(
        r##"
[park]
on_timeout_uri = "sips:operator@example.com"
=> 2: [park] on_timeout_uri = "sips:operator@example.com": there is no TLS in this version, so that
   it could not be called; write sip: with the proxy that has it
"##,
    );
}

#[test]
fn a_fallback_that_is_not_trusted_is_warned_of() {
    let warnings = |uri: &str| {
        let text = format!("[park]\non_timeout_uri = \"{uri}\"\n");
        parse(&text).unwrap().warnings
    };
    let warned = warnings("sip:operator@192.0.2.1");
    assert_eq!(warned.len(), 1);
    assert!(
        warned[0].contains("192.0.2.1 is in no network of [sip] trusted"),
        "{warned:?}"
    );
    assert!(warnings("sip:operator@127.0.0.9:5070").is_empty());
    assert!(warnings("sip:operator@example.com").is_empty());
}

#[test]
fn a_call_that_nobody_comes_for_ends_or_is_parked_again() {
    assert_eq!(parse("").unwrap().park.when_all_fail, WhenAllFail::End);
    let config = parse("[park]\nwhen_all_fail = \"repark\"\n").unwrap();
    assert_eq!(config.park.when_all_fail, WhenAllFail::Repark);
    let range = &config.orbit_ranges.first().cloned().unwrap_or_default();
    assert_eq!(config.settings(range).when_all_fail, WhenAllFail::Repark);
    refused(
        r##"
[park]
when_all_fail = "drop"
=> 2: [park] when_all_fail = "drop": neither; write "end" or "repark"
"##,
    );
}

#[test]
fn media_is_anchored_unless_a_scope_says_otherwise() {
    assert_eq!(parse("").unwrap().park.media, MediaPath::Anchored);
    let text = r#"
[park]
media = "released"
[park.site.paris]
media = "anchored"
[[orbit_range]]
name = "a"
start = "100"
end = "199"
site = "paris"
[[orbit_range]]
name = "b"
start = "200"
end = "299"
[[orbit_range]]
name = "c"
start = "300"
end = "399"
site = "paris"
media = "released"
"#;
    let config = parse(text).unwrap();
    let media = { config.orbit_ranges.iter() }.map(|range| config.settings(range).media);
    let (anchored, released) = (MediaPath::Anchored, MediaPath::Released);
    assert_eq!(media.collect::<Vec<_>>(), [anchored, released, released]);
    refused(
        r##"
[park]
media = "direct"
=> 2: [park] media = "direct": neither; write "anchored" or "released"
"##,
    );
}

#[test]
fn who_is_told_what_of_parked_calls_is_the_operators_to_say() {
    let park = parse("").unwrap().park;
    assert_eq!(park.notify_parker, NotifyParker::Off);
    assert_eq!(park.reveal_dialogs_to, []);
    let text = "[park]\nnotify_parker = \"message\"\nreveal_dialogs_to = [\"10.1.2.3\"]\n";
    let park = parse(text).unwrap().park;
    assert_eq!(park.notify_parker, NotifyParker::Message);
    let only: Vec<_> = park
        .reveal_dialogs_to
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(only, ["10.1.2.3/32"]);
    refused(
        r##"
[park]
notify_parker = "sms"
=> 2: [park] notify_parker = "sms": neither; write "message" or "off"

[park]
reveal_dialogs_to = ["desk"]
=> 2: [park] reveal_dialogs_to = "desk": not a network; write networks such as "10.0.0.0/8" or
   addresses such as "::1"
"##,
    );
}
