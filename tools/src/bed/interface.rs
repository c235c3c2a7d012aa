//! The counters of the veth pair, as the namespace of the calling thread sees it.

use std::error::Error;
use std::fs;

/// One end of the pair since it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Interface {
    pub(super) received: u64,
    receive_drops: u64,
    sent: u64,
    send_drops: u64,
}

impl Interface {
    pub(super) fn look(name: &str) -> Result<Self, Box<dyn Error>> {
        let text = fs::read_to_string("/proc/thread-self/net/dev")?;
        Self::parse(&text, name).ok_or_else(|| format!("there is no interface {name}").into())
    }

    /// Of both directions.
    pub(super) const fn drops(self) -> u64 {
        self.receive_drops + self.send_drops
    }

    /// Bytes, packets, errors and drops of both directions stand behind the name.
    fn parse(text: &str, name: &str) -> Option<Self> {
        let line = text
            .lines()
            .find_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix(':'))?;
        let figures: Vec<u64> = line
            .split_whitespace()
            .map_while(|word| word.parse().ok())
            .collect();
        Some(Self {
            received: *figures.get(1)?,
            receive_drops: *figures.get(3)?,
            sent: *figures.get(9)?,
            send_drops: *figures.get(11)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_and_drops_stand_in_their_places() {
        let text = "Inter-| Receive | Transmit\n face |bytes packets\n    \
            lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n\
            phones: 100 20 0 1 0 0 0 0 300 40 0 2 0 0 0 0\n";
        let expected = Interface {
            received: 20,
            receive_drops: 1,
            sent: 40,
            send_drops: 2,
        };
        assert_eq!(Interface::parse(text, "phones"), Some(expected));
        assert_eq!(Interface::parse(text, "server"), None);
    }
}
