//! Text that others have chosen, such as the display name of a caller, made fit for a terminal.

/// Without what would move the cursor, change colours or end the line.
pub(super) fn printable(text: &str) -> String {
    let fit = |one: char| {
        let hidden = matches!(one,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if one.is_control() || hidden {
            '·'
        } else {
            one
        }
    };
    text.chars().map(fit).collect()
}

/// At most so many columns; what is longer ends with `…`.
pub(super) fn cut(text: &str, columns: usize) -> String {
    let text = printable(text);
    if text.chars().count() <= columns {
        return text;
    }
    let kept: String = text.chars().take(columns.saturating_sub(1)).collect();
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_cannot_paint_on_the_operators_screen() {
        assert_eq!(printable("Eve\u{1b}[2J\r\nAnna\u{202e}"), "Eve·[2J··Anna·");
        assert_eq!(printable("Zoë 中"), "Zoë 中");
    }

    #[test]
    fn what_is_too_long_says_so() {
        assert_eq!(cut("sip:anna@example.com", 8), "sip:ann…");
        assert_eq!(cut("sip:anna", 8), "sip:anna");
    }
}
