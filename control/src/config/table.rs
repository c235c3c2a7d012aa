//! How a table is read: each value in the type that is wanted, or a message that says what to
//! write instead.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use shared::Share;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::limits::{NAME_BYTES_MAX, URI_BYTES_MAX};
use super::nearest::nearest;
use super::{ConfigError, Source, duration};
use crate::sip::uri::Uri;

/// One table of the file, and the way to it.
pub(super) struct Table<'a> {
    table: &'a DeTable<'a>,
    path: Vec<String>,
    source: &'a Source,
}

impl<'a> Table<'a> {
    pub(super) const fn root(table: &'a DeTable<'a>, source: &'a Source) -> Self {
        Self {
            table,
            path: Vec::new(),
            source,
        }
    }

    /// Refuses any key that is not one of these.
    pub(super) fn knows(&self, known: &[&str]) -> Result<(), ConfigError> {
        for key in self.table.keys().map(|key| key.get_ref().as_ref()) {
            if known.contains(&key) {
                continue;
            }
            let what = nearest(key, known).map_or_else(
                || format!("unknown; known here: {}", known.join(", ")),
                |meant| format!("unknown; did you mean {meant}?"),
            );
            return Err(self.wrong(key, &what));
        }
        Ok(())
    }

    /// A message about a key, there or missing.
    pub(super) fn wrong(&self, key: &str, what: &str) -> ConfigError {
        self.source.problem(&self.way_to(&[key]), what)
    }

    /// A message about the element `number` of a list.
    pub(super) fn wrong_element(&self, key: &str, number: usize, what: &str) -> ConfigError {
        let number = number.to_string();
        self.source.problem(&self.way_to(&[key, &number]), what)
    }

    /// A message about the table itself.
    pub(super) fn wrong_itself(&self, what: &str) -> ConfigError {
        self.source.problem(&self.way_to(&[]), what)
    }

    /// The keys, in alphabetical order.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.table.keys().map(|key| key.get_ref().as_ref())
    }

    /// `None` when it is not there.
    pub(super) fn table(&self, key: &str) -> Result<Option<Self>, ConfigError> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let Some(table) = value.as_table() else {
            return Err(self.wrong(key, &format!("not a table; write [{}]", self.name_of(key))));
        };
        Ok(Some(self.inner(table, &[key])))
    }

    /// All `[[key]]`.
    pub(super) fn tables(&self, key: &str) -> Result<Vec<Self>, ConfigError> {
        let Some(value) = self.value(key) else {
            return Ok(Vec::new());
        };
        let refuse = || {
            let what = format!(
                "not a list of tables; write [[{}]] for each",
                self.name_of(key)
            );
            self.wrong(key, &what)
        };
        let mut tables = Vec::new();
        for (number, element) in value.as_array().ok_or_else(refuse)?.iter().enumerate() {
            let table = element.get_ref().as_table().ok_or_else(refuse)?;
            tables.push(self.inner(table, &[key, &number.to_string()]));
        }
        Ok(tables)
    }

    /// A text; `rule` says what to write.
    pub(super) fn text(&self, key: &str, rule: &str) -> Result<Option<&'a str>, ConfigError> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        match value {
            DeValue::String(text) => Ok(Some(text)),
            _ => Err(self.wrong(key, &format!("not a text; {rule}, in quotes"))),
        }
    }

    /// A text that must be there.
    pub(super) fn required(&self, key: &str, rule: &str) -> Result<&'a str, ConfigError> {
        let text = self.text(key, rule)?;
        text.ok_or_else(|| self.wrong(key, &format!("missing; {rule}")))
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &str, rule: &str) -> Result<Option<Vec<&'a str>>, ConfigError> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let Some(array) = value.as_array() else {
            return Err(self.wrong(key, &format!("not a list; {rule}, in brackets")));
        };
        let text = |(number, element): (usize, &'a Spanned<DeValue<'a>>)| {
            let what = format!("not a text; {rule}, in quotes");
            let text = element.get_ref().as_str();
            text.ok_or_else(|| self.wrong_element(key, number, &what))
        };
        array
            .iter()
            .enumerate()
            .map(text)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// A list of whole numbers.
    pub(super) fn numbers(
        &self,
        key: &str,
        range: RangeInclusive<u16>,
    ) -> Result<Option<Vec<u16>>, ConfigError> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let rule = format!("write numbers from {} to {}", range.start(), range.end());
        let Some(array) = value.as_array() else {
            return Err(self.wrong(key, &format!("not a list; {rule}, in brackets")));
        };
        let number = |(number, element): (usize, &'a Spanned<DeValue<'a>>)| {
            let read = whole(element.get_ref()).and_then(|whole| u16::try_from(whole).ok());
            let read = read.filter(|read| range.contains(read));
            read.ok_or_else(|| {
                self.wrong_element(key, number, &format!("not such a number; {rule}"))
            })
        };
        array
            .iter()
            .enumerate()
            .map(number)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    pub(super) fn switch(&self, key: &str) -> Result<Option<bool>, ConfigError> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let wrong = || {
            self.wrong(
                key,
                "neither true nor false; write one of them, without quotes",
            )
        };
        value.as_bool().map(Some).ok_or_else(wrong)
    }

    /// A whole number within `range`.
    pub(super) fn number<N>(
        &self,
        key: &str,
        range: &RangeInclusive<N>,
    ) -> Result<Option<N>, ConfigError>
    where
        N: Copy + Display + PartialOrd + TryFrom<i64>,
    {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let (first, last) = (range.start(), range.end());
        let rule = format!("write a number from {first} to {last}");
        let whole = whole(value).ok_or_else(|| {
            let what = format!("not a whole number; {rule}, without quotes");
            self.wrong(key, &what)
        })?;
        let number = N::try_from(whole)
            .ok()
            .filter(|number| range.contains(number));
        number
            .map(Some)
            .ok_or_else(|| self.wrong(key, &format!("out of range; {rule}")))
    }

    /// A duration within `range`.
    pub(super) fn duration(
        &self,
        key: &str,
        range: &RangeInclusive<Duration>,
    ) -> Result<Option<Duration>, ConfigError> {
        let [first, last] = [range.start(), range.end()].map(|end| duration::show(*end));
        let rule = format!("write a duration from {first} to {last}");
        let Some(text) = self.text(key, &format!("{rule} such as \"90s\""))? else {
            return Ok(None);
        };
        let Some(duration) = duration::parse(text) else {
            return Err(self.wrong(key, &format!("not a duration; {rule}, such as \"1m30s\"")));
        };
        if duration < *range.start() {
            return Err(self.wrong(key, &format!("shorter than {first}; {rule}")));
        }
        if duration > *range.end() {
            return Err(self.wrong(key, &format!("longer than {last}; {rule}")));
        }
        Ok(Some(duration))
    }

    /// A whole percentage within `range`, written as `"85%"`.
    pub(super) fn percentage(
        &self,
        key: &str,
        range: &RangeInclusive<u8>,
    ) -> Result<Option<Share>, ConfigError> {
        let (first, last) = (range.start(), range.end());
        let rule = format!("write \"{first}%\" to \"{last}%\"");
        let Some(text) = self.text(key, &rule)? else {
            return Ok(None);
        };
        let number = text
            .strip_suffix('%')
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse::<u32>().ok())
            .ok_or_else(|| self.wrong(key, &format!("not a whole percentage; {rule}")))?;
        let percent = u8::try_from(number)
            .ok()
            .filter(|percent| range.contains(percent))
            .ok_or_else(|| self.wrong(key, &format!("out of range; {rule}")))?;
        Ok(Some(Share::percent(percent)))
    }

    /// Anything with a form of its own.
    pub(super) fn parsed<T: FromStr>(
        &self,
        key: &str,
        rule: &str,
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.text(key, rule)? else {
            return Ok(None);
        };
        let wrong = |_| self.wrong(key, &format!("not understood; {rule}"));
        text.parse().map(Some).map_err(wrong)
    }

    /// A list of at most `max` things with a form of their own; none where it is not there.
    pub(super) fn list<T: FromStr>(
        &self,
        key: &str,
        rule: &str,
        max: usize,
    ) -> Result<Vec<T>, ConfigError> {
        let texts = self.texts(key, rule)?.unwrap_or_default();
        if texts.len() > max {
            return Err(self.wrong(key, &format!("more than {max}; write fewer, or wider ones")));
        }
        let parse = |(number, text): (usize, &str)| {
            let what = format!("not understood; {rule}");
            let wrong = |_| self.wrong_element(key, number, &what);
            text.parse().map_err(wrong)
        };
        texts.into_iter().enumerate().map(parse).collect()
    }

    /// A SIP URI to call.
    pub(super) fn sip_uri(&self, key: &str) -> Result<Option<String>, ConfigError> {
        let rule = "write a SIP URI such as \"sip:operator@example.com\"";
        let Some(text) = self.text(key, rule)? else {
            return Ok(None);
        };
        let scheme = text.split(':').next().unwrap_or_default();
        if !["sip", "sips"]
            .iter()
            .any(|sip| sip.eq_ignore_ascii_case(scheme))
        {
            let what = format!("does not begin with sip: or sips:; {rule}");
            return Err(self.wrong(key, &what));
        }
        if text.len() > URI_BYTES_MAX || Uri::parse(text).is_err() {
            return Err(self.wrong(key, &format!("not a SIP URI; {rule}")));
        }
        Ok(Some(text.to_owned()))
    }

    fn value(&self, key: &str) -> Option<&'a DeValue<'a>> {
        self.table.get(key).map(Spanned::get_ref)
    }

    fn inner(&self, table: &'a DeTable<'a>, way: &[&str]) -> Self {
        let path = self.way_to(way).into_iter().map(str::to_owned).collect();
        Self {
            table,
            path,
            source: self.source,
        }
    }

    fn way_to<'b>(&'b self, way: &[&'b str]) -> Vec<&'b str> {
        self.path
            .iter()
            .map(String::as_str)
            .chain(way.iter().copied())
            .collect()
    }

    fn name_of(&self, key: &str) -> String {
        self.way_to(&[key]).join(".")
    }
}

/// Letters, digits, `.`, `_` and `-`: what goes into logs, metrics and file names unchanged.
pub(super) fn is_name(text: &str) -> bool {
    let fits = (1..=NAME_BYTES_MAX).contains(&text.len());
    fits && text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// What [`is_name`] wants.
pub(super) const NAME_RULE: &str = "write letters, digits, \".\", \"_\" or \"-\", at most 64";

fn whole(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}
