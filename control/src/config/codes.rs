//! Feature codes: what is dialled in front of an orbit to say what is wanted of it.

use super::ConfigError;
use super::limits::ORBIT_DIGITS_MAX;
use super::orbit_range::OrbitRange;
use super::table::Table;

/// `park_code` and `retrieve_code` of `[park]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Codes {
    /// `*68` parks anywhere, `*68701` in the orbit 701. `None` where it is off.
    pub park: Option<String>,
    /// `*88701` retrieves from the orbit 701. `None` where it is off.
    pub retrieve: Option<String>,
}

impl Codes {
    /// A code that the file names is neither an orbit nor the beginning of one; one that it does
    /// not name is off where the operator's orbits are in its way.
    pub(super) fn read(
        root: &Table<'_>,
        ranges: &[OrbitRange],
        warnings: &mut Vec<String>,
    ) -> Result<Self, ConfigError> {
        let table = root.table("park")?;
        let mut codes = Self::default();
        for (key, code) in [
            ("park_code", &mut codes.park),
            ("retrieve_code", &mut codes.retrieve),
        ] {
            let named = table.as_ref().map_or(Ok(None), |t| t.text(key, RULE))?;
            let in_way = |code: &str| ranges.iter().find(|range| begins_one_of(code, range));
            match (table.as_ref(), named) {
                (Some(table), Some(text)) => {
                    let what = format!("not a code; {RULE}");
                    *code = parse(text).ok_or_else(|| table.wrong(key, &what))?;
                    if let Some(range) = code.as_deref().and_then(in_way) {
                        let name = &range.name;
                        let what = format!("begins an orbit of the range \"{name}\"; {RULE}");
                        return Err(table.wrong(key, &what));
                    }
                }
                _ => {
                    if let Some(range) = code.as_deref().and_then(in_way) {
                        warnings.push(off(key, code.as_deref().unwrap_or_default(), range));
                        *code = None;
                    }
                }
            }
        }
        if let (Some(table), Some(park), Some(retrieve)) = (table, &codes.park, &codes.retrieve)
            && (park.starts_with(&**retrieve) || retrieve.starts_with(&**park))
        {
            let what = format!("one of \"{park}\" and \"{retrieve}\" begins the other; {RULE}");
            return Err(table.wrong("retrieve_code", &what));
        }
        Ok(codes)
    }
}

impl Default for Codes {
    fn default() -> Self {
        Self {
            park: Some("*68".to_owned()),
            retrieve: Some("*88".to_owned()),
        }
    }
}

const RULE: &str = "write * or # and one to seven digits such as \"*68\", or \"\" for none";

/// `Some(None)` for a code that is off.
fn parse(text: &str) -> Option<Option<String>> {
    if text.is_empty() {
        return Some(None);
    }
    let digits = text.strip_prefix(['*', '#'])?;
    let fits = (1..ORBIT_DIGITS_MAX - 1).contains(&digits.len());
    (fits && digits.bytes().all(|b| b.is_ascii_digit())).then(|| Some(text.to_owned()))
}

/// Whether an orbit of a range is dialled with these signs first.
fn begins_one_of(code: &str, range: &OrbitRange) -> bool {
    let prefix = range.prefix.map(String::from).unwrap_or_default();
    let Some(digits) = code.strip_prefix(&*prefix) else {
        return false;
    };
    let (start, end) = (range.start.to_string(), range.end.to_string());
    // Both ends are equally long: the numbers that begin so are between these two.
    let Some(more) = start.len().checked_sub(digits.len()) else {
        return false;
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) || digits.starts_with('0') {
        return false;
    }
    let (first, last) = (
        format!("{digits}{}", "0".repeat(more)),
        format!("{digits}{}", "9".repeat(more)),
    );
    first <= end && start <= last
}

fn off(key: &str, code: &str, range: &OrbitRange) -> String {
    let name = &range.name;
    format!(
        "[park] {key}: the usual \"{code}\" begins an orbit of the range \"{name}\" and is off; \
         write {key} = \"…\" for another, or \"\""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_in_the_way_of_the_orbits_that_begin_with_it() {
        let range = |prefix, start, end| OrbitRange {
            prefix,
            start,
            end,
            ..OrbitRange::default()
        };
        for (code, range, expected) in [
            ("*68", range(Some('*'), 680, 689), true),
            ("*68", range(Some('*'), 600, 679), false),
            ("*68", range(Some('*'), 6000, 6900), true),
            ("*68", range(Some('#'), 680, 689), false),
            ("*68", range(None, 680, 689), false),
            ("*68", range(Some('*'), 101, 109), false),
            ("*6801", range(Some('*'), 680, 689), false),
            ("*680", range(Some('*'), 680, 689), true),
        ] {
            assert_eq!(begins_one_of(code, &range), expected, "{code} {range:?}");
        }
    }

    #[test]
    fn a_code_has_a_form() {
        for good in ["*6", "#88", "*1234567"] {
            assert_eq!(parse(good), Some(Some(good.to_owned())));
        }
        assert_eq!(parse(""), Some(None));
        for bad in ["68", "*", "*12345678", "*6a", "**6", " *68", "*６8"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
