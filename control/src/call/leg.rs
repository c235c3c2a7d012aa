//! One leg: one dialog, one stream, and the SDP session that ties them.
//!
//! A leg has a *wish*, which its call gives it, and what is *settled* by offer and answer. Whatever
//! moves the wish or settles something, the rest follows: where the two differ and nobody's offer
//! is pending, we offer.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use shared::{Codec, Media, PromptId, Source, StreamId, SyncSource};
use smallvec::SmallVec;

use super::CallKey;
use super::arrival::Arrival;
use super::identity::{Identity, Told};
use super::limits::EXCUSES_MAX;
use super::open::NewLeg;
use crate::call::music::Heard;
use crate::park::Orbit;
use crate::sdp::{Direction, Session};

/// One leg of a call. Its dialog's key is its key.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) call: CallKey,
    /// For the log: the agent forgets a dialog's name when it ends.
    pub(crate) call_id: Arc<str>,
    /// The user part of our Contact.
    pub(crate) orbit: Orbit,
    /// Host and port of the Request-URI that it dialled: a name of ours that it can reach.
    pub(crate) host: Box<str>,
    /// The peer, as others are told.
    pub(crate) identity: Identity,
    /// Whom the peer was told last that it is connected to.
    pub(crate) told: Told,
    pub(crate) session: Session,
    pub(crate) stream: StreamId,
    /// Who the stream is to the peer.
    pub(crate) sync_source: SyncSource,
    pub(crate) turn: Turn,
    pub(crate) wish: Wish,
    /// The wish that last went into an offer or answer that held.
    pub(crate) settled: Option<Wish>,
    /// The wish that the peer would not have: it is not offered again.
    pub(crate) refused: Option<Wish>,
    /// How often its peer has answered 491 since anything was settled.
    excuses: u8,
    /// The codecs of ours in the peer's last offer, in its order.
    pub(crate) peer_codecs: Codecs,
    /// The answer that a provisional response to our first INVITE brought.
    pub(crate) early: Option<Box<EarlyAnswer>>,
    /// What the worker was told last.
    pub(crate) described: Option<Described>,
    pub(crate) source: Source,
    pub(crate) heard: Box<Heard>,
    /// What it is told before; most are told nothing.
    pub(crate) speech: Option<Box<Speech>>,
}

/// What a worker was told of a stream, as far as it matters here: the whole would be a twentieth of
/// what is kept of a parked call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Described {
    digest: u64,
    /// Whether silence of the peer is told.
    pub(crate) supervise: bool,
}

impl Described {
    pub(crate) fn of(media: &Media) -> Self {
        let mut hasher = DefaultHasher::new();
        media.hash(&mut hasher);
        Self {
            digest: hasher.finish(),
            supervise: media.supervise,
        }
    }
}

/// What a leg is told before it hears music.
#[derive(Debug)]
pub(crate) struct Speech {
    /// The words, the next one last.
    pub(crate) unsaid: Vec<PromptId>,
}

/// An answer before the 2xx, which need not repeat it (RFC 3262 §5, RFC 6337 §2.3).
#[derive(Debug)]
pub(crate) struct EarlyAnswer {
    /// Of which fork.
    pub(crate) tag: Box<str>,
    pub(crate) description: Box<[u8]>,
}

/// A few codecs, in somebody's order.
pub(crate) type Codecs = SmallVec<[Codec; 4]>;

/// Whose move it is in the leg's dialog.
#[derive(Debug)]
pub(crate) enum Turn {
    /// The peer's first INVITE waits for a stream, or for the other leg.
    Arriving(Box<Arrival>),
    /// Its stream is opening, then we call it. Streams asked for so far.
    Opening(u8),
    /// Our first INVITE is out.
    Calling(Wish),
    /// Nothing is on offer.
    Idle,
    /// Our 2xx carried our offer; the ACK shall bring the answer.
    OfferedInAnswer(Wish),
    /// Our re-INVITE is out.
    Offering(Wish),
}

/// What we want of a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    /// It sends to us, and hears from us.
    Anchored {
        direction: Direction,
        /// Before all others, if the peer takes it. `None`: whatever is in use.
        codec: Option<Codec>,
    },
    /// It talks to the other leg's peer, past us, in this codec.
    Released(Codec),
}

impl Wish {
    /// To be heard, and to hear nothing.
    pub(crate) const PARKED: Self = Self::Anchored {
        direction: Direction::SendOnly,
        codec: None,
    };

    /// To talk.
    pub(crate) const fn talk(codec: Option<Codec>) -> Self {
        Self::Anchored {
            direction: Direction::SendRecv,
            codec,
        }
    }

    /// Whether whoever took it sends elsewhere.
    pub(crate) const fn is_released(&self) -> bool {
        matches!(self, Self::Released(_))
    }

    pub(crate) const fn direction(&self) -> Direction {
        match self {
            Self::Anchored { direction, .. } => *direction,
            Self::Released(_) => Direction::SendRecv,
        }
    }

    pub(crate) const fn codec(&self) -> Option<Codec> {
        match self {
            Self::Anchored { codec, .. } => *codec,
            Self::Released(codec) => Some(*codec),
        }
    }
}

impl Leg {
    /// A leg of which its peer has not heard yet. `host` is a name of ours that the peer can reach.
    pub(crate) fn new(
        new: &NewLeg,
        (stream, sync_source, session): (StreamId, SyncSource, Session),
        (host, identity): (Box<str>, Identity),
        turn: Turn,
    ) -> Self {
        Self {
            call: new.call,
            call_id: "".into(),
            orbit: new.orbit,
            host,
            identity,
            told: Told::default(),
            session,
            stream,
            sync_source,
            turn,
            wish: new.wish,
            settled: None,
            refused: None,
            excuses: 0,
            peer_codecs: Codecs::new(),
            early: None,
            described: None,
            source: Source::Silent,
            heard: Box::default(),
            speech: None,
        }
    }

    /// Whether offer and answer settled what is wished, as far as the peer would have it, and
    /// nothing else is on offer.
    pub(crate) fn is_satisfied(&self) -> bool {
        let (Some(settled), Turn::Idle) = (self.settled, &self.turn) else {
            return false;
        };
        let codec = self.wish.codec();
        self.wish.direction() == settled.direction()
            && self.wish.is_released() == settled.is_released()
            && (codec.is_none() || codec == settled.codec() || codec == self.codec())
    }

    /// Whether we should offer, now that we can.
    pub(crate) fn wants_to_offer(&self) -> bool {
        matches!(self.turn, Turn::Idle) && !self.is_satisfied() && self.refused != Some(self.wish)
    }

    /// The peer has taken what was wished, or has to be asked for something else.
    pub(crate) fn begin_anew(&mut self) {
        (self.refused, self.excuses) = (None, 0);
    }

    /// The peer has answered 491; whether that may be glare (RFC 3261 §14.1), which another offer
    /// meets no more.
    pub(crate) fn excuse(&mut self) -> bool {
        self.excuses = self.excuses.saturating_add(1);
        self.excuses < EXCUSES_MAX
    }

    /// The peer has refused our offer for good: its own need not wait for another of ours.
    pub(crate) fn end_excuses(&mut self) {
        self.excuses = 0;
    }

    /// Whether an offer has met one of the peer's, which another soon may not.
    pub(crate) fn has_met_an_offer(&self) -> bool {
        (1..=2).contains(&self.excuses)
    }

    /// Whether its INVITE is unanswered.
    pub(crate) fn is_arriving(&self) -> bool {
        matches!(self.turn, Turn::Arriving(_))
    }

    /// Whether it has not come to be by a 2xx of either side.
    pub(crate) fn is_early(&self) -> bool {
        matches!(
            self.turn,
            Turn::Arriving(_) | Turn::Opening(_) | Turn::Calling(_)
        )
    }

    /// Whether its peer may send to another than us.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.settled.is_some_and(|wish| wish.is_released())
            || matches!(self.turn, Turn::Offering(wish) if wish.is_released())
    }

    /// The codec in use.
    pub(crate) fn codec(&self) -> Option<Codec> {
        Some(self.session.agreed()?.codec)
    }

    /// Whether the peer has put us on hold and may play something to us (RFC 3264 §8.4).
    pub(crate) fn holds(&self) -> bool {
        self.session
            .agreed()
            .is_some_and(|agreed| agreed.direction == Direction::RecvOnly)
    }

    /// Whether the peer neither speaks nor says where it listens: it is on hold by its own will, or
    /// has not yet answered our offer.
    pub(crate) fn is_away(&self) -> bool {
        self.session
            .agreed()
            .is_none_or(|agreed| agreed.remote.is_none() || agreed.direction == Direction::Inactive)
    }
}

// With its dialog, its SDP texts and its place in the tables a parked call stays below 2 KB.
const _: () = assert!(size_of::<Leg>() <= 640);
