//! From whom a stream believes RTP (RFC 7362): the signalled address, or, where control allows it,
//! the first source that sends what was negotiated. Once locked it stays so until the peer
//! describes another remote.
//!
//! Absent on purpose: what the packets hold (`rtp`), and the policy that chose the rule (control).

use std::net::SocketAddr;

use shared::{Latch, Media};

use crate::address::{canonical, same_host};

/// The state of one stream's latch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Lock {
    /// Nobody was heard yet.
    #[default]
    Open,
    /// Only this source is believed.
    On(SocketAddr),
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
    /// Judges a source (in canonical form).
    #[must_use]
    pub fn judge(&self, media: &Media, source: SocketAddr) -> Belief {
        if let Self::On(locked) = *self {
            return if same(locked, source) {
                Belief::Known
            } else {
                Belief::Stranger
            };
        }
        if media.remote.is_some_and(|remote| same(remote, source)) {
            return Belief::Learnable;
        }
        match media.latch {
            Latch::Closed => Belief::Stranger,
            Latch::From(host) if same_host(source, host) => Belief::Learnable,
            Latch::From(_) => Belief::Stranger,
            Latch::Any => Belief::Learnable,
        }
    }

    /// Locks on a source; `true` if it is another than the signalled one.
    pub fn learn(&mut self, media: &Media, source: SocketAddr) -> bool {
        *self = Self::On(source);
        media.remote.is_none_or(|remote| !same(remote, source))
    }

    /// Where RTP goes: the learned source, else the signalled one.
    #[must_use]
    pub fn destination(&self, media: &Media) -> Option<SocketAddr> {
        match *self {
            Self::On(source) => Some(source),
            Self::Open => media.remote,
        }
    }

    /// Whether the lock outlives a new description: it does while the peer's address and the rule
    /// stay.
    pub fn describe(&mut self, before: Option<&Media>, media: &Media) {
        let stays = before
            .is_some_and(|before| before.remote == media.remote && before.latch == media.latch);
        if !stays {
            *self = Self::Open;
        }
    }
}

fn same(one: SocketAddr, other: SocketAddr) -> bool {
    let (one, other) = (canonical(one), canonical(other));
    one.ip() == other.ip() && one.port() == other.port()
}
