//! When two URIs are the same (RFC 3261 §19.1.4, RFC 3966 §4).

use super::escape::{Letter, letters};
use super::{Scheme, Uri};
use crate::sip::header::Parameters;

/// Parameters that make two URIs differ when only one of them has it, even with its default value.
const TELLING: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

pub(super) fn is_equivalent(one: &Uri<'_>, two: &Uri<'_>) -> bool {
    if one.scheme != two.scheme {
        return false;
    }
    match one.scheme {
        Scheme::Sip | Scheme::Sips => {
            is_same_option(one.user, two.user)
                && is_same_option(one.password, two.password)
                && one.host.is_same(&two.host)
                && one.port == two.port
                && have_same_parameters(one, two)
                && have_same_headers(one.headers, two.headers)
        }
        Scheme::Tel => {
            is_same_number(one, two) && are_parameters_in(one, two) && are_parameters_in(two, one)
        }
        Scheme::Other => one.text == two.text,
    }
}

/// `-.()`, which people put into numbers for their eyes.
pub(super) const fn is_visual_separator(byte: u8) -> bool {
    matches!(byte, b'-' | b'.' | b'(' | b')')
}

/// With case, escapes resolved.
fn is_same_option(one: Option<&str>, two: Option<&str>) -> bool {
    match (one, two) {
        (Some(one), Some(two)) => letters(one).eq(letters(two)),
        (None, None) => true,
        _ => false,
    }
}

/// Without case, escapes resolved.
fn is_same_folded(one: &str, two: &str) -> bool {
    let fold = |letter| match letter {
        Letter::Plain(byte) => Letter::Plain(byte.to_ascii_lowercase()),
        Letter::Reserved(byte) => Letter::Reserved(byte),
    };
    letters(one).map(fold).eq(letters(two).map(fold))
}

/// A parameter in both must be the same in both; one in only one of them counts when it is telling.
fn have_same_parameters(one: &Uri<'_>, two: &Uri<'_>) -> bool {
    let is_matched = |uri: &Uri<'_>, other: &Uri<'_>| {
        Parameters(uri.parameters)
            .iter()
            .all(|(name, value)| match other.parameter(name) {
                Some(theirs) => is_same_folded(value.unwrap_or(""), theirs),
                None => !TELLING
                    .iter()
                    .any(|telling| telling.eq_ignore_ascii_case(name)),
            })
    };
    is_matched(one, two) && is_matched(two, one)
}

/// No header is ever ignored; their order is.
fn have_same_headers(one: &str, two: &str) -> bool {
    let parts = |headers: &str| headers.split('&').count();
    let is_in = |header: &str, others: &str| {
        let (name, value) = header.split_once('=').unwrap_or((header, ""));
        others.split('&').any(|other| {
            let (other, theirs) = other.split_once('=').unwrap_or((other, ""));
            is_same_folded(name, other) && letters(value).eq(letters(theirs))
        })
    };
    parts(one) == parts(two)
        && one.split('&').all(|header| is_in(header, two))
        && two.split('&').all(|header| is_in(header, one))
}

fn is_same_number(one: &Uri<'_>, two: &Uri<'_>) -> bool {
    let digits = |uri: &Uri<'_>| -> Vec<u8> {
        let number = uri.user.unwrap_or("").bytes();
        number
            .filter(|byte| !is_visual_separator(*byte))
            .map(|byte| byte.to_ascii_lowercase())
            .collect()
    };
    digits(one) == digits(two)
}

fn are_parameters_in(one: &Uri<'_>, two: &Uri<'_>) -> bool {
    Parameters(one.parameters).iter().all(|(name, value)| {
        two.parameter(name)
            .is_some_and(|theirs| is_same_folded(value.unwrap_or(""), theirs))
    })
}
