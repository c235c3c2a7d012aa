//! `[[orbit_range]]`: the numbers under which calls wait.

use std::collections::BTreeMap;
use std::time::Duration;

use super::limits::{
    NAME_BYTES_MAX, ORBIT_DIGITS_MAX, ORBITS_MAX, ORBITS_PER_RANGE_MAX, PICKUP_TIMEOUT,
    PICKUP_TIMEOUT_IN_SEQUENCE, PREFIXED_ORBIT_ABOVE, RANGES_MAX,
};
use super::nearest::nearest;
use super::settings::Overrides;
use super::table::{NAME_RULE, Table, is_name};
use super::{ConfigError, Music, Node, Park, Policy, RangeKind, Reserved};

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
    /// The site whose settings it has and whose members park there; a name in `[park.site.NAME]`.
    pub site: Option<String>,
    /// Whose parties may park and retrieve here, and nobody else; a name in `[[policy]]`.
    pub policy: Option<String>,
    /// Which of its free orbits a call gets that names none.
    pub allocation: Allocation,
    /// What dialling one of its orbits does in which nobody waits.
    pub empty: Empty,
    /// What it has of its own.
    pub own: Overrides,
}

/// Which of the free orbits of a range a call gets that names none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Allocation {
    /// Any, each as likely, but those freed lately.
    #[default]
    Random,
    /// The one after that given out last; after the last one the first.
    Sequential,
}

/// What dialling an orbit does in which nobody waits. A transfer to it parks in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Empty {
    /// Nothing: 404.
    #[default]
    NotFound,
    /// It parks who dials: one key parks and retrieves.
    Park,
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
            site: None,
            policy: None,
            allocation: Allocation::Random,
            empty: Empty::NotFound,
            own: Overrides::default(),
        }
    }
}

/// The ranges of a file.
pub(super) struct Ranges {
    /// All, in the order of the file: also those reserved for what is not parking here.
    pub(super) all: Vec<OrbitRange>,
    /// Those to park in here, by prefix and start.
    pub(super) parking: Vec<OrbitRange>,
    /// The others, in the order of the file.
    pub(super) reserved: Vec<Reserved>,
}

/// All ranges; the default one when the file has none.
pub(super) fn read(
    root: &Table<'_>,
    node: &Node,
    music: &BTreeMap<String, Music>,
    warnings: &mut Vec<String>,
) -> Result<Ranges, ConfigError> {
    let tables = root.tables("orbit_range")?;
    let Some(first) = tables.first() else {
        let all = vec![OrbitRange::default()];
        let parking = all.clone();
        let reserved = Vec::new();
        return Ok(Ranges {
            all,
            parking,
            reserved,
        });
    };
    if tables.len() > RANGES_MAX {
        let what = format!("more than {RANGES_MAX}; write fewer and longer ones");
        return Err(root.wrong("orbit_range", &what));
    }
    let mut all: Vec<OrbitRange> = Vec::with_capacity(tables.len());
    let (mut parking, mut reserved) = (Vec::new(), Vec::new());
    let mut total = 0;
    for table in &tables {
        let range = one(table, music)?;
        let (kind, elsewhere) = (kind(table)?, elsewhere(table, node)?);
        if all.iter().any(|other| other.name == range.name) {
            return Err(table.wrong("name", "another range has it; write a name of its own"));
        }
        if let Some(other) = all.iter().find(|other| other.overlaps(&range)) {
            let (one, two) = (range.shown(), other.shown());
            let what = format!("the range {one} overlaps {two}; write other numbers");
            return Err(table.wrong("start", &what));
        }
        total += range.count();
        if total > ORBITS_MAX {
            let what = format!("more than {ORBITS_MAX} orbits in all; write smaller ranges");
            return Err(table.wrong_itself(&what));
        }
        if kind == RangeKind::GroupPickup && elsewhere.is_none() {
            let what = "group-pickup is not built in this version; the range is reserved";
            warnings.push(table.wrong("kind", what).message);
        }
        all.push(range.clone());
        if kind == RangeKind::Park && elsewhere.is_none() {
            parking.push(range);
        } else {
            let node = elsewhere;
            reserved.push(Reserved { range, kind, node });
        }
    }
    if parking.is_empty() {
        return Err(match first.text("node", NAME_RULE)? {
            Some(owner) if owner != node.id => {
                let what = format!("no range is left to park in; write \"{}\"", node.id);
                first.wrong("node", &what)
            }
            _ => first.wrong("kind", "no range is left to park in; write kind = \"park\""),
        });
    }
    parking.sort_by_key(|range| (range.prefix, range.start));
    Ok(Ranges {
        all,
        parking,
        reserved,
    })
}

/// Each range is of a site and of a policy that are there.
pub(super) fn check_names(
    root: &Table<'_>,
    park: &Park,
    policies: &[Policy],
) -> Result<(), ConfigError> {
    let sites: Vec<&str> = park.sites.keys().map(String::as_str).collect();
    let policies: Vec<&str> = policies.iter().map(|policy| &*policy.name).collect();
    for table in root.tables("orbit_range")? {
        for (key, known, rule) in [
            ("site", &sites, "write a [park.site.NAME] of this name"),
            ("policy", &policies, "write a [[policy]] of this name"),
        ] {
            let Some(name) = table.text(key, rule)? else {
                continue;
            };
            if !known.contains(&name) {
                let meant = nearest(name, known).map(|meant| format!("did you mean {meant}?"));
                let what = meant.unwrap_or_else(|| rule.to_owned());
                return Err(table.wrong(key, &format!("no such {key}; {what}")));
            }
        }
    }
    Ok(())
}

fn one(table: &Table<'_>, music: &BTreeMap<String, Music>) -> Result<OrbitRange, ConfigError> {
    let mut known = vec![
        "name",
        "start",
        "end",
        "kind",
        "node",
        "site",
        "policy",
        "allocation",
        "empty",
    ];
    known.extend(Overrides::KEYS);
    table.knows(&known)?;
    let name = table.required("name", "write a name of its own such as \"front-desk\"")?;
    let printable = !name.trim().is_empty() && !name.chars().any(char::is_control);
    if !printable || name.len() > NAME_BYTES_MAX {
        let what = format!("not a name; write 1 to {NAME_BYTES_MAX} letters or digits");
        return Err(table.wrong("name", &what));
    }
    let (start, end) = ends(table)?;
    let allocation = allocation(table)?;
    let (timeout, own_timeout) = match allocation {
        Allocation::Random => (PICKUP_TIMEOUT, None),
        Allocation::Sequential => (PICKUP_TIMEOUT_IN_SEQUENCE, Some(SEQUENCE_TIMEOUT)),
    };
    let mut own = Overrides::read(table, music, &timeout)?;
    own.pickup_timeout = own.pickup_timeout.or(own_timeout);
    let site = table.text("site", "write the name of a [park.site.NAME]")?;
    let policy = table.text("policy", "write the name of a [[policy]]")?;
    Ok(OrbitRange {
        name: name.to_owned(),
        prefix: start.prefix,
        start: start.number,
        end: end.number,
        site: site.map(str::to_owned),
        policy: policy.map(str::to_owned),
        allocation,
        empty: empty(table)?,
        own,
    })
}

fn ends(table: &Table<'_>) -> Result<(Orbit, Orbit), ConfigError> {
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
    if end.number - start.number >= ORBITS_PER_RANGE_MAX {
        let what = format!("more than {ORBITS_PER_RANGE_MAX} orbits; write a lower number");
        return Err(table.wrong("end", &what));
    }
    Ok((start, end))
}

fn allocation(table: &Table<'_>) -> Result<Allocation, ConfigError> {
    let rule = "write \"random\" or \"sequential\"";
    match table.text("allocation", rule)? {
        None | Some("random") => Ok(Allocation::Random),
        Some("sequential") => Ok(Allocation::Sequential),
        Some(_) => Err(table.wrong("allocation", &format!("unknown; {rule}"))),
    }
}

fn empty(table: &Table<'_>) -> Result<Empty, ConfigError> {
    let rule = "write \"404\" or \"park\"";
    match table.text("empty", rule)? {
        None | Some("404") => Ok(Empty::NotFound),
        Some("park") => Ok(Empty::Park),
        Some(_) => Err(table.wrong("empty", &format!("unknown; {rule}"))),
    }
}

/// The other node that a range belongs to.
fn elsewhere(table: &Table<'_>, node: &Node) -> Result<Option<String>, ConfigError> {
    let Some(owner) = table.text("node", NAME_RULE)? else {
        return Ok(None);
    };
    if !is_name(owner) {
        return Err(table.wrong("node", &format!("not a name; {NAME_RULE}")));
    }
    Ok((owner != node.id).then(|| owner.to_owned()))
}

fn kind(table: &Table<'_>) -> Result<RangeKind, ConfigError> {
    let rule = "write \"park\" or \"group-pickup\"";
    let Some(name) = table.text("kind", rule)? else {
        return Ok(RangeKind::Park);
    };
    RangeKind::of(name).ok_or_else(|| table.wrong("kind", &format!("unknown; {rule}")))
}

/// How long a call waits in a range that gives its orbits out in sequence and does not say.
const SEQUENCE_TIMEOUT: Duration = Duration::from_mins(5);

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
