//! Finding a header field by its name: a table that the compiler fills, since every field of every
//! message is looked up once.
//!
//! Absent on purpose: names nobody here asks for, which are in no place of it.

use super::Header;

/// The header of that full or compact name, without case.
pub(super) fn find(name: &str) -> Option<Header> {
    let mut place = place(name.as_bytes());
    while let Some((known, header)) = TABLE[place] {
        // Nearly everybody writes it as the RFC does.
        if known == name || known.eq_ignore_ascii_case(name) {
            return Some(header);
        }
        place = (place + 1) % PLACES;
    }
    None
}

/// A name, and what it names. `None` ends a search: names whose place is taken stand behind it.
type Place = Option<(&'static str, Header)>;

/// So many that each name of now stands in its own place.
const PLACES: usize = 256;

static TABLE: [Place; PLACES] = fill();

const fn fill() -> [Place; PLACES] {
    let mut table = [None; PLACES];
    let mut number = 0;
    while number < Header::ALL.len() {
        let header = Header::ALL[number];
        enter(&mut table, header.name(), header);
        if !header.compact().is_empty() {
            enter(&mut table, header.compact(), header);
        }
        number += 1;
    }
    table
}

const fn enter(table: &mut [Place; PLACES], name: &'static str, header: Header) {
    let mut place = place(name.as_bytes());
    while table[place].is_some() {
        place = (place + 1) % PLACES;
    }
    table[place] = Some((name, header));
}

/// Where a name stands: by its length, its first and its last letter, without case. The factors
/// are such that no two names of now meet.
const fn place(name: &[u8]) -> usize {
    let ([first, ..], [.., last]) = (name, name) else {
        return 0;
    };
    let (first, last) = ((*first | CASE) as usize, (*last | CASE) as usize);
    (name.len() * 3 + first * 28 + last * 8) % PLACES
}

/// What distinguishes a small letter from a capital one.
const CASE: u8 = 0x20;

// A search must come to an end, and soon.
const _: () = assert!(4 * Header::ALL.len() < PLACES);
