//! Phones that send silence from where they are, so that a learning server learns it, and a closed
//! one can show that it does not.

use std::net::SocketAddr;
use std::time::Duration;

use shared::Time;

use super::super::ports::Port;
use crate::clock;

/// Where a phone speaks from, and to whom.
#[derive(Debug)]
pub(super) struct Mouth {
    port: Port,
    to: SocketAddr,
    number: u16,
    next: Time,
    /// Strangers leave out what can be learned until then.
    pub(super) spared_until: Option<Time>,
}

/// A phone is learned within this, once it speaks.
pub(super) const LEARNED_WITHIN: Duration = Duration::from_millis(300);

const PACKET: Duration = Duration::from_millis(20);

impl Mouth {
    /// Speaks from now on; a server that learns knows it soon after.
    pub(super) fn new(port: Port, to: SocketAddr, is_learned: bool) -> Self {
        let now = clock::now();
        Self {
            port,
            to,
            number: 0,
            next: now,
            spared_until: is_learned.then(|| now + LEARNED_WITHIN),
        }
    }

    /// A packet, if it is time for one.
    pub(super) fn speak(&mut self, phone: usize, now: Time) {
        if now < self.next {
            return;
        }
        self.next = (self.next + PACKET).max(now);
        let mut packet = vec![0x80, 0];
        packet.extend(self.number.to_be_bytes());
        packet.extend((u32::from(self.number) * 160).to_be_bytes());
        packet.extend(own_ssrc(phone).to_be_bytes());
        packet.resize(172, 0xff);
        self.number = self.number.wrapping_add(1);
        // What is lost here is spoken again in 20 ms.
        let _ = self.port.send_to(&packet, self.to);
    }
}

/// The source that a phone which is not in a bridge names.
pub(super) fn own_ssrc(phone: usize) -> u32 {
    0x6000_0000 | u32::try_from(phone).unwrap_or(0)
}
