//! XML as it is written here: text in attributes and elements, escaped (XML 1.0 §2.2, §2.4).

use std::fmt::{self, Write as _};

/// Text that may hold anything: it ends no attribute and no element, and what XML has no character
/// for becomes U+FFFD.
pub(super) struct Text<'a>(pub(super) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&apos;")?,
                '\t' | '\n' | '\r' => f.write_char(' ')?,
                '\0'..=' ' if character != ' ' => f.write_char('\u{fffd}')?,
                '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                _ => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_means_something_gets_through() {
        let text = Text("a<b>&\"c'\u{1}\u{fffe}\r\nd").to_string();
        let written = "a&lt;b&gt;&amp;&quot;c&apos;\u{fffd}\u{fffd}  d";
        assert_eq!(text, written);
    }
}
