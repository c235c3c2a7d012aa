//! The formats of one m-line: which number means which codec (RFC 8866 §6.6, RFC 3551 §6, RFC 4733
//! §2.4.1).

use sdp_types::{Attribute, Media};
use shared::{Codec, PayloadType};

use super::limits::PAYLOAD_TYPES;

/// What a payload type can mean to us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    /// Sound.
    Audio(Codec),
    /// Dialled digits, RFC 4733.
    Event,
}

impl Format {
    /// Encoding name and clock rate of `a=rtpmap`.
    pub(super) const fn encoding(self) -> (&'static str, u32) {
        match self {
            Self::Audio(codec) => (codec.name(), codec.clock_hz()),
            Self::Event => ("telephone-event", 8_000),
        }
    }

    pub(super) const fn static_number(self) -> Option<PayloadType> {
        match self {
            Self::Audio(codec) => codec.static_payload_type(),
            Self::Event => None,
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        Codec::ALL.into_iter().map(Self::Audio).chain([Self::Event])
    }

    fn from_static_number(number: PayloadType) -> Option<Self> {
        Self::all().find(|format| format.static_number() == Some(number))
    }

    /// `encoding` is `PCMU/8000` or `PCMU/8000/1`.
    fn from_encoding(encoding: &str) -> Option<Self> {
        let mut parts = encoding.split('/');
        let name = parts.next()?;
        let clock_hz = parts.next()?.parse::<u32>().ok()?;
        if parts.next().is_some_and(|count| count != "1") {
            return None;
        }
        Self::all().find(|format| {
            let (known, known_clock_hz) = format.encoding();
            known.eq_ignore_ascii_case(name) && known_clock_hz == clock_hz
        })
    }
}

/// The formats of one m-line that we know, in its order, each number once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Formats {
    known: Vec<(Format, PayloadType)>,
    /// One bit for each number that means something else to the peer.
    pub(super) foreign: u128,
}

impl Formats {
    pub(super) fn read(media: &Media) -> Self {
        let mapped = Mappings::read(&media.attributes);
        let mut formats = Self::default();
        let mut seen = 0_u128;
        for number in media.fmt.split_ascii_whitespace().filter_map(number) {
            let bit = 1 << number.number();
            if seen & bit != 0 {
                continue;
            }
            seen |= bit;
            match mapped.format(number) {
                Some(format) => formats.known.push((format, number)),
                None => formats.foreign |= bit,
            }
        }
        formats
    }

    /// The number the m-line prefers for a format.
    pub(super) fn number(&self, format: Format) -> Option<PayloadType> {
        let found = self.known.iter().find(|(known, _)| *known == format);
        found.map(|(_, number)| *number)
    }

    /// The codecs, each once, in the order of the m-line.
    pub(super) fn codecs(&self) -> Vec<Codec> {
        let mut codecs = Vec::with_capacity(Codec::ALL.len());
        for (format, _) in &self.known {
            if let Format::Audio(codec) = *format
                && !codecs.contains(&codec)
            {
                codecs.push(codec);
            }
        }
        codecs
    }
}

/// The `a=rtpmap` and `a=fmtp` lines of one m-line, by number; the first line for a number counts.
struct Mappings<'a> {
    encodings: [Option<&'a str>; PAYLOAD_TYPES],
    parameters: [Option<&'a str>; PAYLOAD_TYPES],
}

impl<'a> Mappings<'a> {
    fn read(attributes: &'a [Attribute]) -> Self {
        let mut mappings = Self {
            encodings: [None; PAYLOAD_TYPES],
            parameters: [None; PAYLOAD_TYPES],
        };
        for attribute in attributes {
            let table = match attribute.attribute.as_str() {
                "rtpmap" => &mut mappings.encodings,
                "fmtp" => &mut mappings.parameters,
                _ => continue,
            };
            let value = attribute.value.as_deref().unwrap_or_default().trim();
            let Some((head, rest)) = value.split_once(|c: char| c.is_ascii_whitespace()) else {
                continue;
            };
            let rest = rest.trim();
            if let Some(number) = number(head) {
                table[usize::from(number.number())].get_or_insert(rest);
            }
        }
        mappings
    }

    fn format(&self, number: PayloadType) -> Option<Format> {
        let place = usize::from(number.number());
        let by_number = Format::from_static_number(number);
        let Some(encoding) = self.encodings[place] else {
            return by_number;
        };
        let format = Format::from_encoding(encoding)?;
        // RFC 3551 §3: below 35 a number has one meaning for ever; a map that says otherwise is not
        // believed.
        if number.number() < FIRST_DYNAMIC && by_number != Some(format) {
            return None;
        }
        if format == Format::Event && !takes_digits(self.parameters[place]) {
            return None;
        }
        Some(format)
    }
}

/// The first payload type RFC 3551 §6 leaves free for maps.
const FIRST_DYNAMIC: u8 = 35;

fn number(text: &str) -> Option<PayloadType> {
    text.parse().ok().and_then(PayloadType::new)
}

/// Whether the events of `a=fmtp` (RFC 4733 §2.4.1, such as `0-15,66`) have any dialled digit.
/// Without the line they do; a list that cannot be read gets the benefit of the doubt.
fn takes_digits(events: Option<&str>) -> bool {
    let Some(events) = events else { return true };
    events.split(',').any(|range| {
        let (first, _) = range.split_once('-').unwrap_or((range, ""));
        first
            .trim()
            .parse::<u16>()
            .map_or(true, |first| first <= LAST_DIGIT)
    })
}

/// `#` in RFC 4733 §3.2.
const LAST_DIGIT: u16 = 11;

#[cfg(test)]
mod tests {
    use shared::Codec::{Pcma, Pcmu};

    use super::*;

    fn formats(text: &str) -> Formats {
        let text = format!("v=0\n{text}");
        Formats::read(&sdp_types::Session::parse(text.as_bytes()).unwrap().medias[0])
    }

    fn numbers(formats: &Formats) -> Vec<(Format, u8)> {
        formats
            .known
            .iter()
            .map(|(format, number)| (*format, number.number()))
            .collect()
    }

    #[test]
    fn static_numbers_need_no_map() {
        let formats = formats("m=audio 4000 RTP/AVP 8 0");
        assert_eq!(
            numbers(&formats),
            [(Format::Audio(Pcma), 8), (Format::Audio(Pcmu), 0)]
        );
    }

    #[test]
    fn maps_give_dynamic_numbers_a_meaning_without_case() {
        let formats = formats(
            "m=audio 4000 RTP/AVP 107 98 101\na=rtpmap:107 pcmu/8000/1\na=rtpmap:98 PCMA/8000\n\
             a=rtpmap:101 Telephone-Event/8000\na=fmtp:101 0-16",
        );
        assert_eq!(formats.codecs(), [Pcmu, Pcma]);
        assert_eq!(
            formats.number(Format::Event).map(PayloadType::number),
            Some(101)
        );
    }

    #[test]
    fn another_clock_or_channel_count_is_another_format() {
        let formats = formats(
            "m=audio 4000 RTP/AVP 96 97 98\na=rtpmap:96 PCMU/16000\na=rtpmap:97 PCMA/8000/2\n\
             a=rtpmap:98 telephone-event/48000",
        );
        assert_eq!(numbers(&formats), []);
        assert_eq!(formats.foreign, 0b111 << 96);
    }

    #[test]
    fn a_static_number_is_never_given_another_meaning() {
        let formats = formats(
            "m=audio 4000 RTP/AVP 0 8\na=rtpmap:0 telephone-event/8000\na=rtpmap:8 PCMU/8000",
        );
        assert_eq!(numbers(&formats), []);
    }

    #[test]
    fn the_first_map_and_the_first_mention_of_a_number_count() {
        let formats =
            formats("m=audio 4000 RTP/AVP 96 96 0\na=rtpmap:96 PCMA/8000\na=rtpmap:96 PCMU/8000");
        assert_eq!(
            numbers(&formats),
            [(Format::Audio(Pcma), 96), (Format::Audio(Pcmu), 0)]
        );
    }

    #[test]
    fn malformed_numbers_and_maps_are_passed_over() {
        let formats = formats(
            "m=audio 4000 RTP/AVP x 128 256 -1 99999999999 97 98 99 8\na=rtpmap:\n\
             a=rtpmap\na=rtpmap:97\n\
             a=rtpmap:98 PCMU\na=rtpmap:99 PCMU/eight\na=rtpmap:300 PCMU/8000\na=fmtp:8",
        );
        assert_eq!(numbers(&formats), [(Format::Audio(Pcma), 8)]);
    }

    #[test]
    fn events_without_dialled_digits_are_not_dialled_digits() {
        assert!(takes_digits(None));
        assert!(takes_digits(Some("0-15")));
        assert!(takes_digits(Some("32, 0-11")));
        assert!(takes_digits(Some("what")));
        assert!(!takes_digits(Some("32,36,66-70")));
    }
}
