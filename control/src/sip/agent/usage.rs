//! One INVITE usage of a dialog: which INVITE of which side is under way, and how it ends.
//!
//! Absent on purpose: what is sent because of it (`uas`, `uac`, `bye`).

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use shared::Time;

use super::clients::ClientId;
use super::destination::{Hop, Path};
use super::event::DialogKey;
use super::reliable::Early;
use super::servers::ServerId;
use super::session_timer::Timer;
use super::update::OurUpdate;
use crate::sip::dialog::{Dialog, Role};
use crate::sip::header::Header;
use crate::sip::limits::{T2, TIMEOUT};
use crate::sip::message::Message;
use crate::sip::status::Status;
use crate::sip::table::give_back;
use crate::sip::transaction::{Backoff, earlier};

/// What the agent keeps for a leg.
#[derive(Debug)]
pub(super) struct Usage {
    pub(super) dialog: Dialog,
    pub(super) phase: Phase,
    /// Where its messages come from; `None` until the first one.
    pub(super) path: Option<Path>,
    /// The user part of our Contact.
    pub(super) contact_user: Box<str>,
    /// The peer's INVITE that waits for the answer of the layer above.
    pub(super) their_invite: Option<ServerId>,
    /// Ours that waits for the answer of the peer, or for our ACK.
    pub(super) our_invite: Option<OurInvite>,
    /// Our 2xx that wait for an ACK.
    pub(super) unacked: Vec<Unacked>,
    /// The number of the last INVITE whose ACK arrived.
    pub(super) acked_cseq: Option<u32>,
    /// When the back-off after a 491 is over.
    pub(super) retry_at: Option<Time>,
    /// Once it is confirmed.
    pub(super) timer: Option<Timer>,
    /// The longest minimum of a session interval that a 422 told us, in seconds.
    pub(super) min_se: u32,
    pub(super) peer: Peer,
    /// The peer's UPDATE with an offer that waits for its answer.
    pub(super) their_update: Option<ServerId>,
    pub(super) our_update: Option<Box<OurUpdate>>,
    /// Reliable provisional responses; most dialogs have none.
    pub(super) early: Option<Box<Early>>,
}

/// What a peer can do, as it said last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Peer {
    /// It takes UPDATE (RFC 3311 §4).
    pub(super) updates: bool,
    /// It knows INFO (RFC 6086), which who takes mostly sends as well.
    pub(super) info: bool,
    /// It follows a From that changes (RFC 4916 §4).
    pub(super) from_change: bool,
}

impl Peer {
    /// Takes what a message says; one without these fields says nothing.
    pub(super) fn learn(&mut self, message: &Message<'_>) {
        if message.header(Header::Allow).is_some() {
            let allows = |name: &str| message.values(Header::Allow).any(|m| m.trim() == name);
            self.updates = allows("UPDATE");
            self.info = allows("INFO");
        }
        if message.header(Header::Supported).is_some() {
            let mut tags = message.values(Header::Supported);
            self.from_change = tags.any(|tag| tag.trim().eq_ignore_ascii_case("from-change"));
        }
    }
}

/// How far a dialog has come.
#[derive(Debug)]
pub(super) enum Phase {
    /// The initial INVITE has no final answer.
    Early,
    Confirmed,
    Ending(Ending),
}

/// What still stands between a dialog and its end.
#[derive(Debug)]
pub(super) enum Ending {
    /// The ACK of our 2xx, or its timeout: only then may a UAS send BYE (§15).
    AwaitingAck(Farewell),
    /// The final answer to our INVITE, cancelled now or after its first provisional.
    Cancelling(Farewell),
    /// The answer to our BYE.
    Leaving(Report),
}

/// How to take leave when the moment has come.
#[derive(Debug)]
pub(super) struct Farewell {
    pub(super) headers: Vec<(Header, String)>,
    pub(super) report: Report,
}

/// Whether the layer above waits for [`super::AgentEvent::Forgotten`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Report {
    Forgotten,
    Silence,
}

/// An INVITE of ours in a usage.
#[derive(Debug)]
pub(super) struct OurInvite {
    pub(super) client: ClientId,
    pub(super) cseq: u32,
    pub(super) progress: Progress,
    /// What it means that it is not answered.
    pub(super) stake: Stake,
    /// Until when a final answer is awaited once there was a provisional one.
    pub(super) patience: Option<Time>,
}

impl OurInvite {
    /// Whether this answer, or none, leaves the dialog as it was.
    pub(super) fn forgives(&self, status: Status) -> bool {
        self.stake == Stake::Offer && status == Status::REQUEST_TIMEOUT
    }
}

/// What is lost when an INVITE of ours is not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stake {
    /// The dialog (RFC 3261 §12.2.1.2).
    Dialog,
    /// The offer.
    Offer,
}

/// How far our INVITE has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// No response.
    Calling,
    /// No response, and a CANCEL is due after the first (§9.1).
    CancelDue,
    /// A provisional response.
    Proceeding,
    /// CANCEL was sent.
    Cancelled,
    /// 2xx; our ACK waits for the layer above.
    Answered,
}

/// A 2xx of ours, repeated until its ACK arrives (§13.3.1.4).
#[derive(Debug)]
pub(super) struct Unacked {
    pub(super) cseq: u32,
    pub(super) hop: Hop,
    pub(super) bytes: Vec<u8>,
    pub(super) carried: Carried,
    pub(super) resend: Backoff,
    pub(super) give_up_at: Time,
}

/// What the body of a 2xx was, by whether its INVITE had one (RFC 3264).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Carried {
    /// The answer is due in the ACK.
    Offer,
    Answer,
}

impl Usage {
    pub(super) fn new(dialog: Dialog, path: Option<Path>) -> Self {
        Self {
            dialog,
            phase: Phase::Early,
            path,
            contact_user: Box::default(),
            their_invite: None,
            our_invite: None,
            unacked: Vec::new(),
            acked_cseq: None,
            retry_at: None,
            timer: None,
            min_se: 0,
            peer: Peer::default(),
            their_update: None,
            our_update: None,
            early: None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        let patience = self.our_invite.as_ref().and_then(|ours| ours.patience);
        let unacked = self
            .unacked
            .iter()
            .map(|u| u.resend.at.min(u.give_up_at))
            .min();
        let timer = self.timer.filter(|_| self.is_confirmed());
        let session = earlier(
            timer.map(|timer| timer.deadline()),
            self.early.as_ref().and_then(|early| early.deadline()),
        );
        earlier(earlier(self.retry_at, patience), earlier(unacked, session))
    }

    pub(super) fn is_early(&self) -> bool {
        matches!(self.phase, Phase::Early)
    }

    pub(super) fn is_confirmed(&self) -> bool {
        matches!(self.phase, Phase::Confirmed)
    }

    /// Whether our first INVITE has no final answer yet.
    fn is_unanswered(&self) -> bool {
        let is_initial = matches!(
            self.phase,
            Phase::Early | Phase::Ending(Ending::Cancelling(_))
        );
        is_initial && self.our_invite.is_some()
    }

    /// §15: the callee sends no BYE before the ACK of its 2xx. Once confirmed by an ACK, it may at
    /// any time.
    pub(super) fn must_await_ack(&self) -> bool {
        let was_never_acked = self.acked_cseq.is_none();
        self.dialog.role() == Role::Uas && was_never_acked && !self.unacked.is_empty()
    }

    pub(super) fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Ending(_))
    }
}

impl Unacked {
    pub(super) fn new(now: Time, cseq: u32, hop: Hop, bytes: Vec<u8>, carried: Carried) -> Self {
        Self {
            cseq,
            hop,
            bytes,
            carried,
            resend: Backoff::new(now, T2),
            give_up_at: now + TIMEOUT,
        }
    }
}

/// All usages, by key and by our tag.
#[derive(Debug, Default)]
pub(super) struct Usages {
    /// Boxed: a table is up to half empty.
    by_key: HashMap<DialogKey, Box<Usage>>,
    /// By a digest of our tag, which is as random as it is long.
    by_tag: HashMap<u64, DialogKey>,
    /// Those that may have changed since somebody asked.
    touched: BTreeSet<DialogKey>,
    last: u64,
}

impl Usages {
    pub(super) fn insert(&mut self, usage: Usage) -> DialogKey {
        let key = self.reserve();
        self.insert_as(key, usage);
        key
    }

    /// Under a key that was reserved.
    pub(super) fn insert_as(&mut self, key: DialogKey, usage: Usage) {
        self.by_tag.insert(digest(usage.dialog.local_tag()), key);
        self.by_key.insert(key, Box::new(usage));
    }

    /// A key without a usage.
    pub(super) fn reserve(&mut self) -> DialogKey {
        self.last += 1;
        DialogKey(self.last)
    }

    pub(super) fn get(&self, key: DialogKey) -> Option<&Usage> {
        self.by_key.get(&key).map(|usage| &**usage)
    }

    pub(super) fn get_mut(&mut self, key: DialogKey) -> Option<&mut Usage> {
        self.touched.insert(key);
        self.by_key.get_mut(&key).map(|usage| &mut **usage)
    }

    pub(super) fn remove(&mut self, key: DialogKey) -> Option<Usage> {
        let usage = self.by_key.remove(&key)?;
        self.by_tag.remove(&digest(usage.dialog.local_tag()));
        give_back(&mut self.by_key);
        give_back(&mut self.by_tag);
        debug_assert_eq!(self.by_tag.len(), self.by_key.len());
        Some(*usage)
    }

    /// The next of those that may have changed.
    pub(super) fn poll_touched(&mut self) -> Option<DialogKey> {
        self.touched.pop_first()
    }

    /// The usage of this name, in any phase.
    pub(super) fn find(
        &self,
        call_id: &str,
        local_tag: &str,
        remote_tag: &str,
    ) -> Option<DialogKey> {
        let key = *self.by_tag.get(&digest(local_tag))?;
        let dialog = &self.by_key.get(&key)?.dialog;
        let is_named = dialog.local_tag() == local_tag && dialog.is_named(call_id, remote_tag);
        is_named.then_some(key)
    }

    /// The usage of a first INVITE of ours that has no final answer, by our tag alone: which tag
    /// the peer has is certain with its 2xx (§12.1.2).
    pub(super) fn find_unanswered(&self, call_id: &str, local_tag: &str) -> Option<DialogKey> {
        let key = *self.by_tag.get(&digest(local_tag))?;
        let usage = self.by_key.get(&key)?;
        let dialog = &usage.dialog;
        let is_named = dialog.local_tag() == local_tag && **dialog.call_id() == *call_id;
        (is_named && usage.is_unanswered()).then_some(key)
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }
}

fn digest(tag: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    tag.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::Message;

    #[test]
    fn a_confirmed_dialog_that_rests_keeps_well_below_a_kilobyte() {
        let text = "INVITE sip:park@pbx.example.com SIP/2.0\r\n\
             Via: SIP/2.0/UDP 203.0.113.7:5060;branch=z9hG4bKf00dfeed\r\n\
             Record-Route: <sip:203.0.113.7;lr;ftag=1f2e3d4c5b>, <sip:203.0.113.8;lr>\r\n\
             From: \"Anna Example\" <sip:anna.example@pbx.example.com>;tag=1f2e3d4c5b\r\n\
             To: <sip:park@pbx.example.com>\r\nCall-ID: 8f7e6d5c4b3a29180716@203.0.113.55\r\n\
             CSeq: 101 INVITE\r\nContact: <sip:anna.example@203.0.113.55:49170;ob>\r\n\
             Content-Length: 0\r\n\r\n";
        let message = Message::parse(text.as_bytes()).unwrap();
        let dialog = Dialog::from_request(&message, "0123456789abcdef", 7).unwrap();
        let entry = size_of::<(DialogKey, usize)>() + size_of::<(u64, DialogKey)>();
        // A table is up to half empty.
        let bytes = dialog.heap_bytes() + size_of::<Usage>() + 2 * entry;
        assert!(bytes < 1_000, "{bytes}");
        assert!(
            dialog.heap_bytes() + size_of::<Usage>() < 900,
            "{}",
            dialog.heap_bytes() + size_of::<Usage>()
        );
    }
}
