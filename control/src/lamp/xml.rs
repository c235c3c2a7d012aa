//! XML as it is written here: text in attributes and elements, escaped (XML 1.0 §2.2, §2.4).

use std::fmt::{self, Write as _};

/// Text that may hold anything: it ends no attribute and no element, and what XML has no character
/// for becomes U+FFFD.
pub(crate) struct Text<'a>(pub(crate) &'a str);

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
    use proptest::prelude::*;
    use roxmltree::Document;

    use super::*;

    /// What a reader finds of a text.
    fn read(text: &str) -> String {
        let seen = |character| match character {
            '\t' | '\n' | '\r' => ' ',
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
            _ => character,
        };
        text.chars().map(seen).collect()
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back(text: String, other in "[\\PC<>&\"'\\]\\-\0-\x20]*") {
            for text in [text, other] {
                let (one, two) = (Text(&text), Text(&text));
                let written = format!("<a b=\"{one}\">{two}</a>");
                let document = Document::parse(&written).unwrap();
                let root = document.root_element();
                prop_assert_eq!(root.attribute("b").unwrap(), read(&text));
                prop_assert_eq!(root.text().unwrap_or_default(), read(&text));
                prop_assert_eq!(root.children().filter(|n| n.is_element()).count(), 0);
            }
        }
    }

    #[test]
    fn nothing_that_means_something_gets_through() {
        let text = Text("a<b>&\"c'\u{1}\u{fffe}\r\nd").to_string();
        let written = "a&lt;b&gt;&amp;&quot;c&apos;\u{fffd}\u{fffd}  d";
        assert_eq!(text, written);
    }
}
