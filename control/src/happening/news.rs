//! What is noted while one input is taken, so that what it causes can be told whole: who has left
//! and why, who is being called, whose stream is still to close.
//!
//! Absent on purpose: reading it off the calls (`tell`).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use shared::{StreamId, WorkerId};

use super::{End, Happening, RecallEnd, Side, Way, Whom, Why};
use crate::call::end::Farewell;
use crate::call::{CallKey, Refusal};
use crate::park::Orbit;
use crate::sip::agent::DialogKey;

/// What is to be told, and what is remembered for it: nothing of a call that only waits.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(super) queue: VecDeque<Happening>,
    /// Who is being called, the how manieth, since when it was.
    pub(super) called: BTreeMap<DialogKey, (u8, Whom)>,
    /// The streams of legs that are gone, until they are closed.
    pub(super) closing: BTreeMap<StreamId, (CallKey, Side, Arc<str>, Orbit)>,
    /// Why somebody is turned away, by us.
    pub(crate) refused: Option<(DialogKey, Refusal)>,
    /// With which status who was called refuses.
    pub(crate) rejected: Option<(DialogKey, u16)>,
    /// Why a leg is gone.
    pub(crate) gone: Option<(DialogKey, End)>,
    /// Why we end a call.
    pub(crate) farewell: Option<(CallKey, Farewell)>,
    /// The legs that this input has ended.
    pub(super) left: Vec<Left>,
    /// The last call that this input has ended: its first leg, and whether it was of two.
    pub(super) last: Option<(CallKey, DialogKey, bool)>,
}

/// What is still to be said of a leg that is gone.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) dialog: DialogKey,
    pub(super) call_id: Arc<str>,
    pub(super) orbit: Orbit,
    pub(super) name: Box<str>,
    /// Its stream was opening, and it was not called yet.
    pub(super) is_uncalled: bool,
    pub(super) called: Option<(u8, Whom)>,
}

impl News {
    /// Another input: what was noted for the last one is said.
    pub(crate) fn begin(&mut self) {
        self.left.clear();
        (self.refused, self.rejected, self.gone) = (None, None, None);
        (self.farewell, self.last) = (None, None);
    }

    /// The next thing to be told.
    pub(crate) fn poll(&mut self) -> Option<Happening> {
        self.queue.pop_front()
    }

    /// A worker is lost, and the figures of its streams with it.
    pub(crate) fn lose(&mut self, worker: WorkerId) {
        self.closing.retain(|stream, _| stream.worker != worker);
    }

    /// Who is or was called by us, because nobody came.
    pub(crate) fn whom(&self, dialog: DialogKey) -> Option<Whom> {
        Some(self.attempt(dialog)?.1)
    }

    pub(super) fn attempt(&self, dialog: DialogKey) -> Option<(u8, Whom)> {
        let called = self.called.get(&dialog).copied();
        called.or_else(|| self.left(dialog)?.called)
    }

    pub(super) fn left(&self, dialog: DialogKey) -> Option<&Left> {
        self.left.iter().rev().find(|left| left.dialog == dialog)
    }

    pub(super) fn way(&self, dialog: DialogKey) -> Way {
        match self.whom(dialog) {
            None => Way::Dialled,
            Some(Whom::Parker) => Way::Recall,
            Some(Whom::Fallback) => Way::Fallback,
            Some(Whom::Chosen) => Way::Chosen,
        }
    }

    pub(super) fn why(&self, dialog: DialogKey) -> Why {
        let refused = self.refused.filter(|(refused, _)| *refused == dialog);
        refused.map_or(Why::LEFT, |(_, refusal)| refusal.into())
    }

    pub(super) fn recall_end(&self, recall: DialogKey) -> RecallEnd {
        if self.left(recall).is_some_and(|left| left.is_uncalled) {
            return RecallEnd::NotCalled;
        }
        let rejected = self.rejected.filter(|(rejected, _)| *rejected == recall);
        rejected.map_or(RecallEnd::NotAnswered, |(_, status)| {
            RecallEnd::Refused(status)
        })
    }
}
