//! What the API says, as people read it.

use control::driver::http::{Orbit, OrbitState, Party, Range, Status, Stay, WaitingCall};
use jiff::Timestamp;

use super::cell::{cut, printable};
use super::table::Side::{Left, Right};
use super::table::Table;
use crate::clock;

/// Columns of a party's name in a table.
const PARTY_COLUMNS: usize = 32;

pub(super) fn orbits(orbits: &[Orbit]) -> String {
    if orbits.is_empty() {
        return "nobody waits\n".to_owned();
    }
    let heads = [
        ("orbit", Left),
        ("range", Left),
        ("state", Left),
        ("waits", Right),
        ("left", Right),
        ("parkee", Left),
        ("parker", Left),
        ("music", Left),
    ];
    let mut table = Table::new(&heads);
    for orbit in orbits {
        table.row(row(orbit, now()));
    }
    table.text()
}

fn row(orbit: &Orbit, now: Timestamp) -> Vec<String> {
    let call = orbit.call.as_ref();
    let parker = call.and_then(|call| call.parker.as_deref());
    let music = call.and_then(|call| call.music.as_deref());
    vec![
        printable(&orbit.orbit),
        cut(&orbit.range, 16),
        word(orbit.state).to_owned(),
        call.and_then(|call| call.since)
            .map_or_else(none, |since| span(since, now)),
        call.and_then(|call| call.deadline)
            .map_or_else(none, |end| span(now, end)),
        call.map_or_else(none, |call| cut(&party(&call.parkee), PARTY_COLUMNS)),
        parker.map_or_else(none, |parker| cut(parker, PARTY_COLUMNS)),
        music.map_or_else(none, |music| cut(music, 16)),
    ]
}

pub(super) fn orbit(orbit: &Orbit) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        text.push_str(&format!("{label:<9} {}\n", printable(value)));
    };
    line("orbit", &orbit.orbit);
    line("range", &orbit.range);
    line("state", word(orbit.state));
    if let Some(call) = &orbit.call {
        waiting(call, now(), &mut line);
    }
    text
}

fn waiting(call: &WaitingCall, now: Timestamp, line: &mut impl FnMut(&str, &str)) {
    line("call", &call.call);
    line("parkee", &party(&call.parkee));
    line("parker", call.parker.as_deref().unwrap_or("itself"));
    if let Some(since) = call.since {
        line("since", &format!("{since} ({} ago)", span(since, now)));
    }
    if let Some(deadline) = call.deadline {
        line(
            "deadline",
            &format!("{deadline} (in {})", span(now, deadline)),
        );
    }
    line(
        "recalls",
        &format!("{} of {}", call.recalls, call.recalls_max),
    );
    line("music", call.music.as_deref().unwrap_or("silence"));
    line("Call-ID", &call.call_id);
}

pub(super) fn history(stays: &[Stay]) -> String {
    if stays.is_empty() {
        return "nobody was parked since the server began\n".to_owned();
    }
    let heads = [
        ("parked", Left),
        ("orbit", Left),
        ("waited", Right),
        ("what became of it", Left),
        ("parker", Left),
        ("asked for by", Left),
        ("call", Left),
    ];
    let mut table = Table::new(&heads);
    for stay in stays {
        table.row(stayed(stay, now()));
    }
    table.text()
}

fn stayed(stay: &Stay, now: Timestamp) -> Vec<String> {
    vec![
        // To the second.
        stay.parked_at.strftime("%FT%TZ").to_string(),
        printable(&stay.orbit),
        span(stay.parked_at, stay.over_at.unwrap_or(now)),
        printable(&stay.outcome),
        stay.parker
            .as_deref()
            .map_or_else(none, |parker| cut(parker, PARTY_COLUMNS)),
        printable(&stay.dialect),
        printable(&stay.call),
    ]
}

pub(super) fn ranges(ranges: &[Range]) -> String {
    let heads = [
        ("range", Left),
        ("orbits", Left),
        ("free", Right),
        ("taken", Right),
        ("site", Left),
        ("policy", Left),
        ("allocation", Left),
    ];
    let mut table = Table::new(&heads);
    for range in ranges {
        let order = if range.sequential {
            "sequential"
        } else {
            "random"
        };
        let closing = if range.closing { ", removed" } else { "" };
        table.row(vec![
            printable(&range.name),
            format!("{}-{}", range.start, range.end),
            range.free.to_string(),
            range.taken.to_string(),
            range.site.as_deref().map_or_else(none, printable),
            range.policy.as_deref().map_or_else(none, printable),
            format!("{order}{closing}"),
        ]);
    }
    table.text()
}

pub(super) fn status(status: &Status) -> String {
    let figures = &status.figures;
    let serving = if status.serving {
        "serving"
    } else {
        "takes no new calls"
    };
    let store = if figures.store_behind {
        "\nTHE STORE IS BEHIND: what changes now would be lost with the process; see the log"
    } else {
        ""
    };
    format!(
        "orbit {} · node {} · {serving}\n\
         orbits    {} taken, {} free\n\
         calls     {}, {} with media released, {} legs, {} streams\n\
         SIP       {} dialogs, {} transactions, {} subscriptions\n\
         so far    {} parked, {} retrieved, {} forsaken{store}\n",
        printable(&status.version),
        printable(&status.node),
        figures.orbits_taken,
        figures.orbits_free,
        figures.calls,
        figures.released,
        figures.legs,
        figures.streams,
        figures.dialogs,
        figures.transactions,
        figures.subscriptions,
        figures.parked_total,
        figures.retrieved_total,
        figures.forsaken_total,
    )
}

const fn word(state: OrbitState) -> &'static str {
    match state {
        OrbitState::Free => "free",
        OrbitState::Parking => "parking",
        OrbitState::Parked => "parked",
        OrbitState::Retrieving => "retrieving",
        OrbitState::Recalling => "recalling",
        OrbitState::Adopting => "adopting",
    }
}

fn party(party: &Party) -> String {
    match &party.display {
        Some(display) => format!("{display} <{}>", party.uri),
        None => party.uri.clone(),
    }
}

fn none() -> String {
    "-".to_owned()
}

fn now() -> Timestamp {
    let millis = i64::try_from(clock::wall().as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}

/// From one moment to a later one: `12s`, `3m05s`, `2h07m`.
fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = (to.as_second() - from.as_second()).max(0);
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h{minutes:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken() -> Orbit {
        Orbit {
            orbit: "701".to_owned(),
            range: "front".to_owned(),
            state: OrbitState::Parked,
            call: Some(WaitingCall {
                call: "0123456789abcdef".to_owned(),
                call_id: "abc@host".to_owned(),
                parkee: Party {
                    display: Some("Anna\u{1b}[31m".to_owned()),
                    uri: "sip:anna@example.com".to_owned(),
                },
                parker: None,
                since: Some("2026-01-01T10:00:00Z".parse().unwrap()),
                deadline: Some("2026-01-01T10:01:30Z".parse().unwrap()),
                recalls: 0,
                recalls_max: 1,
                music: Some("default".to_owned()),
            }),
        }
    }

    #[test]
    fn a_taken_orbit_is_a_row_with_how_long_it_waits_and_has_left() {
        let cells = row(&taken(), "2026-01-01T10:01:05Z".parse().unwrap());
        assert_eq!(
            cells,
            [
                "701",
                "front",
                "parked",
                "1m05s",
                "25s",
                "Anna·[31m <sip:anna@example.com>",
                "-",
                "default"
            ]
        );
    }

    #[test]
    fn one_orbit_has_everything_and_no_escape_of_its_caller() {
        let text = orbit(&taken());
        for part in [
            "call      0123456789abcdef",
            "parker    itself",
            "recalls   0 of 1",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn a_stay_is_a_row_with_how_long_it_was_and_what_became_of_it() {
        let mut stay = Stay {
            call: "0123456789abcdef".to_owned(),
            orbit: "701".to_owned(),
            dialect: "transfer".to_owned(),
            parker: Some("sip:bob\u{7}@example.com".to_owned()),
            parked_at: "2026-01-01T10:00:00.123Z".parse().unwrap(),
            outcome: "retrieved".to_owned(),
            over_at: Some("2026-01-01T10:00:42.2Z".parse().unwrap()),
        };
        let now = "2026-01-01T10:05:00.5Z".parse().unwrap();
        assert_eq!(
            stayed(&stay, now),
            [
                "2026-01-01T10:00:00Z",
                "701",
                "42s",
                "retrieved",
                "sip:bob·@example.com",
                "transfer",
                "0123456789abcdef"
            ]
        );
        stay.over_at = None;
        assert_eq!(stayed(&stay, now)[2], "5m00s", "it waits still");
    }

    #[test]
    fn spans_are_short() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(span(at(0), at(59)), "59s");
        assert_eq!(span(at(0), at(7_620)), "2h07m");
        assert_eq!(span(at(9), at(0)), "0s", "a clock that was put right");
    }
}
