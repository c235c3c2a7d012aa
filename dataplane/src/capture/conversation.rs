//! The numbers of TCP that captured messages get: those of each connection follow each other, so
//! that whoever reads the file puts them together again.

use std::collections::BTreeMap;

use shared::{Course, Ends};

use super::wire::Numbers;

/// What passed on each connection so far.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    of: BTreeMap<Ends, Passed>,
}

/// The next byte of each side.
#[derive(Debug)]
struct Passed {
    arrived: u32,
    sent: u32,
}

impl Conversations {
    /// The numbers of the next segment of so many bytes.
    pub(super) fn segment(&mut self, ends: Ends, course: Course, bytes: usize) -> Numbers {
        if self.of.len() >= CONNECTIONS_MAX && !self.of.contains_key(&ends) {
            self.of.clear();
        }
        // A connection whose beginning nobody saw begins with 1.
        let begun = || Passed {
            arrived: 1,
            sent: 1,
        };
        let passed = self.of.entry(ends).or_insert_with(begun);
        let (own, other) = match course {
            Course::Arrived => (&mut passed.arrived, passed.sent),
            Course::Sent => (&mut passed.sent, passed.arrived),
        };
        let numbers = Numbers {
            sequence: *own,
            acknowledged: other,
        };
        *own = own.wrapping_add(u32::try_from(bytes).unwrap_or(0));
        numbers
    }
}

/// Connections of one capture; a call has one or two.
const CONNECTIONS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_goes_on_where_it_was_and_knows_how_far_the_other_is() {
        let ends = Ends {
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "192.0.2.2:4000".parse().unwrap(),
        };
        let mut all = Conversations::default();
        let mut next = |course, bytes| {
            let numbers = all.segment(ends, course, bytes);
            (numbers.sequence, numbers.acknowledged)
        };
        assert_eq!(next(Course::Arrived, 300), (1, 1));
        assert_eq!(next(Course::Sent, 200), (1, 301));
        assert_eq!(next(Course::Arrived, 10), (301, 201));
    }
}
