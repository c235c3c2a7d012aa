//! From whom a stream believes RTP (RFC 7362): the signalled address, or, where control allows it,
//! the first source that sends what was negotiated. Once locked it stays so until the peer
//! describes another remote.
//!
//! Absent on purpose: what the packets hold (`rtp`), and the policy that chose the rule (control).

use shared::Latch;

use crate::address::Address;
use crate::terms::Terms;

/// The state of one stream's latch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lock {
    /// Only this source is believed; [`Address::NONE`] while nobody was heard.
    on: Address,
    /// From this port of the same host its RTCP comes, which was not said so; 0 when it was.
    rtcp_port: u16,
}

/// What a source that sent a datagram may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Belief {
    /// Believed.
    Known,
    /// Believed if the datagram is RTP of the negotiated payload type: then [`Lock::learn`] it.
    Learnable,
    /// Not believed.
    Stranger,
}

impl Lock {
    /// Nobody was heard yet.
    pub const OPEN: Self = Self {
        on: Address::NONE,
        rtcp_port: 0,
    };

    /// Judges a source.
    #[must_use]
    pub fn judge(&self, terms: &Terms, source: &Address) -> Belief {
        if self.on.is_known() {
            return if self.on.is(source) {
                Belief::Known
            } else {
                Belief::Stranger
            };
        }
        if terms.remote.is(source) {
            return Belief::Learnable;
        }
        match terms.latch {
            Latch::From(host) if source.is_at(&host.into()) => Belief::Learnable,
            Latch::Closed | Latch::From(_) => Belief::Stranger,
            Latch::Any => Belief::Learnable,
        }
    }

    /// Locks on a source; `true` if it is another than the signalled one.
    pub fn learn(&mut self, terms: &Terms, source: &Address) -> bool {
        self.on = *source;
        !terms.remote.is(source)
    }

    /// Learns the port of the peer's RTCP, which is behind a translator too (RFC 7362 §4): only of
    /// the host whose RTP is believed, only where learning is allowed, and only once.
    pub fn learn_rtcp(&mut self, terms: &Terms, source: &Address) {
        let may_learn = terms.latch != Latch::Closed && self.on.is_at(source);
        if may_learn && self.rtcp_port == 0 && !terms.remote_rtcp.is(source) {
            self.rtcp_port = source.port();
        }
    }

    /// The only source that is believed, once there is one.
    #[must_use]
    pub fn source(&self) -> Option<Address> {
        self.on.is_known().then_some(self.on)
    }

    /// Where RTP goes: the learned source, else the signalled one.
    #[must_use]
    pub fn destination(&self, terms: &Terms) -> Option<Address> {
        let to = if self.on.is_known() {
            self.on
        } else {
            terms.remote
        };
        to.is_known().then_some(to)
    }

    /// Where RTCP goes that has a port of its own, or came from one; `None` when the signalled
    /// address is the one.
    #[must_use]
    pub fn rtcp_destination(&self) -> Option<Address> {
        (self.rtcp_port != 0).then(|| self.on.with_port(self.rtcp_port))
    }

    /// Whether the lock outlives new terms: it does while the peer's address and the rule stay.
    pub fn describe(&mut self, before: Option<&Terms>, terms: &Terms) {
        let stays = before
            .is_some_and(|before| before.remote == terms.remote && before.latch == terms.latch);
        if !stays {
            *self = Self::OPEN;
        }
    }
}
