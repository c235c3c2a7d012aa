//! Our payload numbers: once bound to a format in a dialog, never bound to another (RFC 3264
//! §8.3.2).

use shared::PayloadType;
use smallvec::SmallVec;

use super::format::Format;
use super::limits::PAYLOAD_TYPES;

/// The numbers we have given to formats in one dialog.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    /// Each number at most once; the one used last is last.
    bound: SmallVec<[(Format, PayloadType); 4]>,
    /// Numbers that mean something else to the peer: ours, chosen freely, keep clear of them.
    foreign: u128,
}

impl Numbers {
    pub(super) fn new() -> Self {
        Self {
            bound: SmallVec::new(),
            foreign: 0,
        }
    }

    /// Our number in an answer: the peer's (§6.1), unless we have bound that one to something else.
    /// `None` when no number is left.
    pub(super) fn for_answer(&mut self, format: Format, peers: PayloadType) -> Option<PayloadType> {
        match self.meaning(peers) {
            Some(bound) if bound != format => self.for_offer(format),
            _ => Some(self.bind(format, peers)),
        }
    }

    /// Our number in an offer: the one used last, or else the static one, or else a free one.
    /// `None` when no number is left.
    pub(super) fn for_offer(&mut self, format: Format) -> Option<PayloadType> {
        let number = self
            .used_last(format)
            .or_else(|| self.free(format, self.foreign))
            .or_else(|| self.free(format, 0))?;
        Some(self.bind(format, number))
    }

    /// All that are bound, the one used last last.
    pub(super) fn bound(&self) -> impl Iterator<Item = (Format, PayloadType)> + '_ {
        self.bound.iter().copied()
    }

    /// As somebody else has chosen: another process of ours, or another peer.
    pub(super) fn restore(&mut self, format: Format, number: PayloadType) {
        self.bind(format, number);
    }

    /// Whether a number may be bound to a format.
    pub(super) fn can_mean(&self, format: Format, number: PayloadType) -> bool {
        self.meaning(number).is_none_or(|meaning| meaning == format)
    }

    /// The peer uses these for formats we do not know.
    pub(super) fn avoid(&mut self, foreign: u128) {
        self.foreign |= foreign;
    }

    fn meaning(&self, number: PayloadType) -> Option<Format> {
        let found = self.bound.iter().find(|(_, bound)| *bound == number);
        found.map(|(format, _)| *format)
    }

    fn used_last(&self, format: Format) -> Option<PayloadType> {
        let mut newest_first = self.bound.iter().rev();
        let found = newest_first.find(|(bound, _)| *bound == format);
        found.map(|(_, number)| *number)
    }

    fn bind(&mut self, format: Format, number: PayloadType) -> PayloadType {
        self.bound.retain(|(_, bound)| *bound != number);
        self.bound.push((format, number));
        assert!(self.bound.len() <= PAYLOAD_TYPES, "a number is bound twice");
        number
    }

    fn free(&self, format: Format, avoid: u128) -> Option<PayloadType> {
        let usual = match format {
            Format::Audio(_) => format.static_number(),
            Format::Event => PayloadType::new(USUAL_EVENT),
        };
        // 64 to 95 would be taken for RTCP on a shared port (RFC 5761 §4).
        let dynamic = (96..=127).chain(35..=63).filter_map(PayloadType::new);
        usual
            .into_iter()
            .chain(dynamic)
            .find(|number| avoid & (1 << number.number()) == 0 && self.meaning(*number).is_none())
    }
}

/// Whether a packet with this payload type could be told from RTCP on the same port (RFC 5761 §4).
pub(super) const fn can_share_port(number: PayloadType) -> bool {
    !matches!(number.number(), 64..=95)
}

/// The number nearly every phone gives telephone-event.
const USUAL_EVENT: u8 = 101;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::Codec;

    use super::*;

    const PCMU: Format = Format::Audio(Codec::Pcmu);
    const PCMA: Format = Format::Audio(Codec::Pcma);

    fn n(number: u8) -> PayloadType {
        PayloadType::new(number).unwrap()
    }

    #[test]
    fn an_answer_uses_the_peers_number() {
        let mut numbers = Numbers::new();
        assert_eq!(numbers.for_answer(PCMU, n(107)), Some(n(107)));
        assert_eq!(
            numbers.for_offer(PCMU),
            Some(n(107)),
            "and a later offer keeps it"
        );
    }

    #[test]
    fn a_first_offer_uses_the_usual_numbers() {
        let mut numbers = Numbers::new();
        assert_eq!(numbers.for_offer(PCMU), Some(n(0)));
        assert_eq!(numbers.for_offer(PCMA), Some(n(8)));
        assert_eq!(numbers.for_offer(Format::Event), Some(n(101)));
    }

    #[test]
    fn a_bound_number_keeps_its_meaning_when_the_peer_changes_it() {
        let mut numbers = Numbers::new();
        numbers.for_answer(Format::Event, n(96));
        let instead = numbers.for_answer(PCMU, n(96)).unwrap();
        assert_eq!(instead, n(0));
        assert_eq!(numbers.for_answer(Format::Event, n(96)), Some(n(96)));
    }

    #[test]
    fn a_format_may_move_to_another_number_and_back() {
        let mut numbers = Numbers::new();
        for moved in [101, 96, 101] {
            assert_eq!(numbers.for_answer(Format::Event, n(moved)), Some(n(moved)));
            assert_eq!(numbers.for_offer(Format::Event), Some(n(moved)));
        }
    }

    #[test]
    fn a_free_number_keeps_clear_of_the_peers_other_formats_and_of_rtcp() {
        let mut numbers = Numbers::new();
        numbers.avoid(1 << 101 | 1 << 96);
        assert_eq!(numbers.for_offer(Format::Event), Some(n(97)));
        assert!(can_share_port(n(97)) && !can_share_port(n(72)));
    }

    #[test]
    fn a_dialog_that_used_up_every_number_gets_none() {
        let mut numbers = Numbers::new();
        for number in 0..=127 {
            numbers.for_answer(Format::Event, n(number));
        }
        assert_eq!(numbers.for_answer(PCMU, n(0)), None);
        assert_eq!(numbers.for_offer(PCMA), None);
        assert_eq!(numbers.for_offer(Format::Event), Some(n(127)));
    }

    proptest! {
        #[test]
        fn no_number_ever_has_two_meanings(
            steps in proptest::collection::vec((0..3_usize, any::<bool>(), 0..128_u8), 0..300),
        ) {
            let mut numbers = Numbers::new();
            let mut meanings = [None; PAYLOAD_TYPES];
            for (format, answer, number) in steps {
                let format = [PCMU, PCMA, Format::Event][format];
                let given = match answer {
                    true => numbers.for_answer(format, n(number)),
                    false => numbers.for_offer(format),
                };
                if let Some(given) = given {
                    let meaning = meanings[usize::from(given.number())].get_or_insert(format);
                    prop_assert_eq!(*meaning, format);
                }
            }
        }
    }
}
