//! Who may send (RFC 3264 §5.1), and the table of §6.1 that settles it.

/// Who may send, from our side of the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// Both.
    SendRecv,
    /// Only we.
    SendOnly,
    /// Only the peer.
    RecvOnly,
    /// Nobody.
    Inactive,
}

impl Direction {
    /// All four.
    pub const ALL: [Self; 4] = [
        Self::SendRecv,
        Self::SendOnly,
        Self::RecvOnly,
        Self::Inactive,
    ];

    /// From what we may do and what the peer may do.
    #[must_use]
    pub const fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// Whether we may send.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the peer may send.
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The attribute's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// What RFC 3264 §6.1 leaves of our wish when `peer` is the direction as the peer wrote it,
    /// seen from its side.
    #[must_use]
    pub const fn within(self, peer: Self) -> Self {
        Self::new(
            self.sends() && peer.receives(),
            self.receives() && peer.sends(),
        )
    }

    pub(super) fn from_attribute(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|direction| direction.name().eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    use super::*;

    #[test]
    fn an_answer_never_gives_more_than_the_offer_allows() {
        // Each row: the offer as the peer wrote it; then our answer to it for each wish.
        let wishes = [SendRecv, SendOnly, RecvOnly, Inactive];
        let table = [
            (SendRecv, [SendRecv, SendOnly, RecvOnly, Inactive]),
            (SendOnly, [RecvOnly, Inactive, RecvOnly, Inactive]),
            (RecvOnly, [SendOnly, SendOnly, Inactive, Inactive]),
            (Inactive, [Inactive, Inactive, Inactive, Inactive]),
        ];
        for (offered, answers) in table {
            for (wish, answer) in wishes.into_iter().zip(answers) {
                assert_eq!(
                    wish.within(offered),
                    answer,
                    "{offered:?} offered, {wish:?} wished"
                );
            }
        }
    }

    #[test]
    fn names_are_read_without_case_and_others_are_not_directions() {
        for direction in Direction::ALL {
            let shouted = direction.name().to_ascii_uppercase();
            assert_eq!(Direction::from_attribute(&shouted), Some(direction));
        }
        assert_eq!(Direction::from_attribute("sendrecvonly"), None);
    }
}
