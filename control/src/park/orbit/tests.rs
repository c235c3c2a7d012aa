use std::collections::{HashMap, HashSet, VecDeque};

use super::*;
use crate::config::Config;

fn range(prefix: Option<char>, start: u32, end: u32) -> OrbitRange {
    OrbitRange {
        name: format!("from-{start}"),
        prefix,
        start,
        end,
        ..OrbitRange::default()
    }
}

fn table(start: u32, end: u32) -> OrbitTable {
    table_of(&[range(None, start, end)])
}

fn table_of(ranges: &[OrbitRange]) -> OrbitTable {
    OrbitTable::new(with_settings(ranges))
}

fn with_settings(ranges: &[OrbitRange]) -> Vec<(OrbitRange, Settings)> {
    let settings = |range| Settings::of_range(&Config::default(), range);
    ranges
        .iter()
        .map(|range| (range.clone(), settings(range)))
        .collect()
}

#[test]
fn a_number_is_found_by_its_exact_text_only() {
    let table = table_of(&[
        range(None, 700, 799),
        range(Some('*'), 700, 709),
        range(Some('#'), 1000, 1999),
        range(None, 7000, 7009),
    ]);
    for number in [
        "700", "799", "*700", "*709", "#1000", "#1999", "7000", "7009",
    ] {
        let orbit = table.find(number).expect(number);
        assert_eq!(table.number(orbit), number);
    }
    for other in [
        "",
        "*",
        "#",
        "699",
        "800",
        "*710",
        "#700",
        "0700",
        "+700",
        "-700",
        "700 ",
        "7010",
        "70a",
        "**700",
        "*0700",
        "99999999999",
        "７００",
    ] {
        assert_eq!(table.find(other), None, "{other:?}");
    }
}

#[test]
fn a_number_sign_is_escaped_where_a_uri_needs_it() {
    let table = table_of(&[range(Some('#'), 1000, 1001), range(Some('*'), 500, 501)]);
    let user = |number| table.user(table.find(number).unwrap());
    assert_eq!(user("#1001"), "%231001");
    assert_eq!(user("*500"), "*500");
}

#[test]
fn every_orbit_is_given_out_once_until_none_is_left() {
    let mut table = table(700, 799);
    let mut random = Random::from_seed([1; 32]);
    let given: HashSet<_> = (0..100)
        .map(|n| table.take_any(&mut random, CallKey(n), None).unwrap())
        .collect();
    assert_eq!(given.len(), 100);
    assert_eq!(table.take_any(&mut random, CallKey(100), None), None);
    assert_eq!((table.taken_count(), table.free_count()), (100, 0));
}

#[test]
fn row_25_the_choice_is_uniform() {
    const ORBITS: usize = 100;
    const DRAWS: usize = 100_000;
    let mut table = table(700, 799);
    let mut random = Random::from_seed([2; 32]);
    let mut counts = HashMap::new();
    for n in 0..DRAWS {
        let orbit = table
            .take_any(&mut random, CallKey(n as u64), None)
            .unwrap();
        *counts.entry(orbit).or_insert(0_u32) += 1;
        table.free(orbit);
    }
    let expected = DRAWS as f64 / ORBITS as f64;
    let chi_square: f64 = counts
        .values()
        .map(|&count| (f64::from(count) - expected).powi(2) / expected)
        .sum();
    assert_eq!(counts.len(), ORBITS);
    // 99 degrees of freedom: above 148.2 once in a thousand (resting only evens it out).
    assert!(chi_square < 148.2, "χ² = {chi_square}");
}

#[test]
fn the_first_choice_is_uniform_over_all_orbits() {
    let mut counts = [0_u32; 10];
    let mut random = Random::from_seed([3; 32]);
    for _ in 0..10_000 {
        let mut table = table(700, 709);
        counts[table
            .take_any(&mut random, CallKey(0), None)
            .unwrap()
            .number as usize
            - 700] += 1;
    }
    let chi_square: f64 = counts
        .iter()
        .map(|&count| (f64::from(count) - 1_000.0).powi(2) / 1_000.0)
        .sum();
    // 9 degrees of freedom: above 27.9 once in a thousand.
    assert!(chi_square < 27.9, "χ² = {chi_square}");
}

#[test]
fn a_freed_orbit_comes_back_only_after_half_of_the_free_ones_were_freed() {
    let mut table = table(700, 799);
    let mut random = Random::from_seed([4; 32]);
    let mut last_freed = HashMap::new();
    let mut shortest = usize::MAX;
    for n in 0..20_000 {
        let orbit = table
            .take_any(&mut random, CallKey(n as u64), None)
            .unwrap();
        if let Some(freed) = last_freed.insert(orbit, n) {
            shortest = shortest.min(n - freed);
        }
        table.free(orbit);
    }
    assert!(shortest >= 50, "reused after {shortest}");
}

#[test]
fn the_last_free_orbit_is_given_out_however_lately_it_was_freed() {
    let mut table = table(700, 700);
    let mut random = Random::from_seed([5; 32]);
    for n in 0..10 {
        let orbit = table.take_any(&mut random, CallKey(n), None).unwrap();
        table.free(orbit);
    }
}

#[test]
fn a_named_orbit_is_taken_from_wherever_it_is() {
    let mut table = table(700, 709);
    let orbit = table.find("705").unwrap();
    for n in 0..100 {
        assert!(table.take(orbit, CallKey(n)));
        assert!(!table.take(orbit, CallKey(n + 1)));
        assert_eq!(table.occupant(orbit), Some(CallKey(n)));
        table.free(orbit);
        assert_eq!(table.occupant(orbit), None);
    }
}

#[test]
fn fifty_thousand_orbits_behave_like_a_plain_set_under_random_use() {
    let ranges: Vec<_> = (0..5)
        .map(|n| range(None, 100_000 + n * 10_000, 109_999 + n * 10_000))
        .collect();
    let mut table = table_of(&ranges);
    let mut random = Random::from_seed([6; 32]);
    let mut held = VecDeque::new();
    for n in 0..200_000_u64 {
        if random.below(5) < 3 || held.is_empty() {
            let orbit = table.take_any(&mut random, CallKey(n), None).unwrap();
            held.push_back((orbit, CallKey(n)));
        } else {
            let (orbit, call) = held.pop_front().unwrap();
            assert_eq!(table.occupant(orbit), Some(call));
            table.free(orbit);
        }
    }
    assert_eq!(table.free_count() + held.len(), 50_000);
    assert!(table.ranges.iter().all(|range| range.astray() == 0));
    assert_eq!(table.taken().count(), held.len());
}
