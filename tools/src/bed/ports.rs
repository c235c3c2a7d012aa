//! Which phones are listened to: every so-many-th, so that they are spread over all slots and over
//! all places within a slot.

use super::namespace::{DROPPED_PORTS, HEARD_PORTS};

/// The RTP ports of so many phones, in the order of their calls, of which `heard` or a few more are
/// listened to.
pub(super) fn ports(calls: u32, heard: u32) -> Vec<u16> {
    let mut every = calls.checked_div(heard).unwrap_or(u32::MAX).max(1);
    // Calls are dealt to 20 slots in turn: a step that shares no factor with 20 visits them all.
    while every.is_multiple_of(2) || every.is_multiple_of(5) {
        every -= 1;
    }
    let (mut listened, mut dropped) = (
        HEARD_PORTS.0..=HEARD_PORTS.1,
        DROPPED_PORTS.0..=DROPPED_PORTS.1,
    );
    (0..calls)
        .map_while(|number| {
            // The last of its group: where it stands within a slot must not always be first.
            if number % every == every - 1 {
                listened.next()
            } else {
                dropped.next()
            }
        })
        .collect()
}

/// The RTP ports of so many phones: first those that hear music, of which `heard` or a few more are
/// listened to, then those that hear nothing.
pub(super) fn ports_with_silent(calls: u32, with_music: u32, heard: u32) -> Vec<u16> {
    let mut ports = ports(with_music, heard.min(with_music));
    let silent = (calls - with_music) as usize;
    let last = ports.iter().copied().max().unwrap_or(0);
    let free = last.max(DROPPED_PORTS.0) + 1;
    ports.extend((free..=DROPPED_PORTS.1).take(silent));
    ports
}

/// Those that are listened to, and the others.
pub(super) fn parted(ports: &[u16]) -> (Vec<u16>, Vec<u16>) {
    let is_heard = |port: &u16| (HEARD_PORTS.0..=HEARD_PORTS.1).contains(port);
    ports.iter().partition(|port| is_heard(port))
}

/// The numbers of the phones that are listened to.
pub(super) fn places_heard(ports: &[u16]) -> Vec<usize> {
    let is_heard = |place: &usize| ports[*place] <= HEARD_PORTS.1;
    (0..ports.len()).filter(is_heard).collect()
}

#[cfg(test)]
fn heard(ports: &[u16]) -> Vec<u16> {
    parted(ports).0
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_phone_has_its_own_port_and_as_many_are_heard_as_asked() {
        let ports = ports(15_000, 300);
        assert_eq!(ports.len(), 15_000);
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 15_000);
        assert_eq!(heard(&ports).len(), 306, "each 49th");
    }

    #[test]
    fn each_silent_phone_has_a_port_of_its_own() {
        for (calls, with_music) in [(10_000, 1_000), (15_000, 15_000), (1, 1), (9, 0)] {
            let ports = ports_with_silent(calls, with_music, 100);
            assert_eq!(ports.len(), calls as usize);
            assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), ports.len());
        }
    }

    #[test]
    fn the_heard_ones_are_not_all_of_one_slot() {
        let ports = ports(5_000, 250);
        let slots: BTreeSet<usize> = (0..ports.len())
            .filter(|&number| ports[number] <= HEARD_PORTS.1)
            .map(|number| number % 20)
            .collect();
        assert_eq!(slots.len(), 20);
    }

    #[test]
    fn nobody_may_be_heard() {
        assert!(heard(&ports(100, 0)).is_empty());
    }
}
