//! `[[orbit_range]]`: the numbers under which calls wait.

use super::ConfigError;
use super::limits::{
    NAME_BYTES_MAX, ORBIT_DIGITS_MAX, ORBITS_MAX, ORBITS_PER_RANGE_MAX, PREFIXED_ORBIT_ABOVE,
};
use super::table::Table;

/// `[[orbit_range]]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrbitRange {
    /// Unique.
    pub name: String,
    /// `*`, `#` or nothing.
    pub prefix: Option<char>,
    /// First number, after the prefix.
    pub start: u32,
    /// Last number, after the prefix; as many digits as `start`.
    pub end: u32,
}

impl OrbitRange {
    /// Orbits in it.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.end - self.start + 1
    }

    /// Whether this is one of its orbits, as dialled.
    #[must_use]
    pub fn has(&self, dialled: &str) -> bool {
        Orbit::parse(dialled).is_some_and(|orbit| {
            orbit.prefix == self.prefix && (self.start..=self.end).contains(&orbit.number)
        })
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.prefix == other.prefix && self.start <= other.end && other.start <= self.end
    }

    fn shown(&self) -> String {
        let prefix = self.prefix.map(String::from).unwrap_or_default();
        format!(
            "\"{}\" ({prefix}{}-{prefix}{})",
            self.name, self.start, self.end
        )
    }
}

impl Default for OrbitRange {
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            prefix: None,
            start: 700,
            end: 799,
        }
    }
}

/// All ranges for parking, by prefix and start; the default one when the file has none.
pub(super) fn read(
    root: &Table<'_>,
    warnings: &mut Vec<String>,
) -> Result<Vec<OrbitRange>, ConfigError> {
    let tables = root.tables("orbit_range")?;
    let Some(first) = tables.first() else {
        return Ok(vec![OrbitRange::default()]);
    };
    let mut ranges: Vec<(OrbitRange, Kind)> = Vec::with_capacity(tables.len());
    let mut total = 0;
    for table in &tables {
        let (range, kind) = one(table)?;
        if ranges.iter().any(|(other, _)| other.name == range.name) {
            return Err(table.wrong("name", "another range has it; write a name of its own"));
        }
        if let Some((other, _)) = ranges.iter().find(|(other, _)| other.overlaps(&range)) {
            let (one, two) = (range.shown(), other.shown());
            let what = format!("the range {one} overlaps {two}; write other numbers");
            return Err(table.wrong("start", &what));
        }
        total += range.count();
        if total > ORBITS_MAX {
            let what = format!("more than {ORBITS_MAX} orbits in all; write smaller ranges");
            return Err(table.wrong_itself(&what));
        }
        if kind == Kind::GroupPickup {
            let what = "group-pickup is not built in this version; the range is reserved";
            warnings.push(table.wrong("kind", what).0);
        }
        ranges.push((range, kind));
    }
    let for_parking = ranges.into_iter().filter(|(_, kind)| *kind == Kind::Park);
    let mut parking: Vec<OrbitRange> = for_parking.map(|(range, _)| range).collect();
    if parking.is_empty() {
        return Err(first.wrong("kind", "no range is left to park in; write kind = \"park\""));
    }
    parking.sort_by_key(|range| (range.prefix, range.start));
    Ok(parking)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Park,
    GroupPickup,
}

fn one(table: &Table<'_>) -> Result<(OrbitRange, Kind), ConfigError> {
    table.knows(&["name", "start", "end", "kind"])?;
    let name = table.required("name", "write a name of its own such as \"front-desk\"")?;
    let printable = !name.trim().is_empty() && !name.chars().any(char::is_control);
    if !printable || name.len() > NAME_BYTES_MAX {
        let what = format!("not a name; write 1 to {NAME_BYTES_MAX} letters or digits");
        return Err(table.wrong("name", &what));
    }
    let start = orbit(table, "start")?;
    let end = orbit(table, "end")?;
    let first = table.required("start", ORBIT_RULE)?;
    if end.prefix != start.prefix {
        let what = format!("not of the prefix of start = \"{first}\"; write the same");
        return Err(table.wrong("end", &what));
    }
    if end.digits != start.digits {
        let what = format!("not as long as start = \"{first}\"; write as many digits");
        return Err(table.wrong("end", &what));
    }
    if end.number < start.number {
        let what = format!("before start = \"{first}\"; write a higher number");
        return Err(table.wrong("end", &what));
    }
    if start.prefix.is_some() && start.number <= PREFIXED_ORBIT_ABOVE {
        let what = format!("too low behind a prefix; write a number above {PREFIXED_ORBIT_ABOVE}");
        return Err(table.wrong("start", &what));
    }
    let range = OrbitRange {
        name: name.to_owned(),
        prefix: start.prefix,
        start: start.number,
        end: end.number,
    };
    if range.count() > ORBITS_PER_RANGE_MAX {
        let what = format!("more than {ORBITS_PER_RANGE_MAX} orbits; write a lower number");
        return Err(table.wrong("end", &what));
    }
    let rule = "write \"park\" or \"group-pickup\"";
    let kind = match table.text("kind", rule)? {
        None | Some("park") => Kind::Park,
        Some("group-pickup") => Kind::GroupPickup,
        Some(_) => return Err(table.wrong("kind", &format!("unknown; {rule}"))),
    };
    Ok((range, kind))
}

const ORBIT_RULE: &str = "write 1 to 9 digits that begin with 1 to 9, or * or # and at most 8";

fn orbit(table: &Table<'_>, key: &str) -> Result<Orbit, ConfigError> {
    let text = table.required(key, ORBIT_RULE)?;
    let wrong = || table.wrong(key, &format!("not an orbit; {ORBIT_RULE}"));
    Orbit::parse(text).ok_or_else(wrong)
}

/// One number as dialled: `[*#]?[1-9]` and up to seven digits, or `[1-9]` and up to eight.
struct Orbit {
    prefix: Option<char>,
    digits: usize,
    number: u32,
}

impl Orbit {
    fn parse(text: &str) -> Option<Self> {
        let prefix = text
            .chars()
            .next()
            .filter(|first| matches!(first, '*' | '#'));
        let number = text.strip_prefix(['*', '#']).unwrap_or(text);
        let longest = ORBIT_DIGITS_MAX - usize::from(prefix.is_some());
        let fits =
            number.len() <= longest && number.starts_with(|c: char| ('1'..='9').contains(&c));
        if !fits || !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some(Self {
            prefix,
            digits: number.len(),
            number: number.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_03_orbits_have_a_form() {
        let good = ["1", "700", "123456789", "*101", "#12345678"];
        for text in good {
            assert!(Orbit::parse(text).is_some(), "{text}");
        }
        let bad = [
            "",
            "*",
            "0",
            "0700",
            "1234567890",
            "*123456789",
            "*0101",
            "|700",
            "**700",
            "7a",
            "+700",
            "7 0",
            "７００",
        ];
        for text in bad {
            assert!(Orbit::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_range_has_its_ends_and_what_is_between() {
        let range = OrbitRange::default();
        assert!(range.has("700") && range.has("750") && range.has("799"));
        assert!(!range.has("699") && !range.has("800") && !range.has("*700") && !range.has("0700"));
        assert_eq!(range.count(), 100);
    }
}
