//! Did you mean …? The known word that differs least from an unknown one.

/// The nearest of `known`, if it is near enough to be meant.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let distances = known.iter().map(|known| (distance(word, known), *known));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    let far = (nearest.chars().count() / 3).max(1);
    (distance <= far).then_some(nearest)
}

/// Letters to insert, remove, replace or swap with the next one.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().take(WORD_CHARS_MAX).collect();
    let right: Vec<char> = right.chars().take(WORD_CHARS_MAX).collect();
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, &l) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &r) in right.iter().enumerate() {
            let replaced = last[j] + usize::from(!l.eq_ignore_ascii_case(&r));
            let mut least = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && l == right[j - 1] && left[i - 1] == r {
                let swapped: &Vec<usize> = &before_last;
                least = least.min(swapped[j - 1] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

/// Longer words are compared by their beginning.
const WORD_CHARS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        let known = ["pickup_timeout", "max_pickup_attempts", "user", "music"];
        let slips = [
            ("pickup_timout", "pickup_timeout"),
            ("pickup-timeout", "pickup_timeout"),
            ("pikcup_timeuot", "pickup_timeout"),
            ("MUSIC", "music"),
            ("usre", "user"),
            ("max_pickup_attempt", "max_pickup_attempts"),
        ];
        for (slip, meant) in slips {
            assert_eq!(nearest(slip, &known), Some(meant), "{slip}");
        }
    }

    #[test]
    fn another_word_is_not() {
        assert_eq!(nearest("timeout", &["user", "music"]), None);
        assert_eq!(nearest("", &["user"]), None);
        assert_eq!(nearest("user", &[]), None);
        assert_eq!(nearest(&"x".repeat(100_000), &["user"]), None);
    }
}
