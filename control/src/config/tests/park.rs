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
"##,
    );
}

#[test]
fn the_usual_park_user_cannot_hide_an_orbit() {
    let config = parse(
        "[[orbit_range]]\nname = \"a\"\nstart = \"700\"\nend = \"799\"\n[park]\nuser = \"700\"",
    );
    let expected = "site.toml:6: [park] user = \"700\": an orbit of the range \"a\"; write a name";
    assert_eq!(config.unwrap_err().0, expected);
}

#[test]
fn sites_are_checked_and_warned_of() {
    let config = parse("[park.site.paris]\npickup_timeout = \"20s\"").unwrap();
    assert_eq!(config.park, Park::default());
    let expected =
        "site.toml:1: [park.site.paris]: sites are not built in this version; without effect";
    assert_eq!(config.warnings, [expected]);
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
