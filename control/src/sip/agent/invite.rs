//! INVITE and re-INVITE of ours (RFC 3261 §13.2.1, §14.1), on their way out.

use shared::Time;
use tracing::debug;

use super::Agent;
use super::clients::{ClientId, Owner};
use super::event::{AgentEvent, DialogKey, Outgoing, Reply, SipDrop};
use super::non_invite::user_of;
use super::request::{Draft, Part};
use super::usage::{Ending, Farewell, OurInvite, Phase, Progress, Report, Stake, Usage};
use crate::sip::dialog::{Dialog, Origin, Plan};
use crate::sip::status::Status;

impl Agent {
    /// Calls somebody. Fails by event, never here.
    pub fn invite(&mut self, now: Time, outgoing: Outgoing) -> DialogKey {
        let dialog = self.reserve();
        self.invite_as(now, dialog, outgoing);
        dialog
    }

    /// The key of a dialog to be, for who must have one before it can call: a stream's owner.
    pub fn reserve(&mut self) -> DialogKey {
        self.usages.reserve()
    }

    /// Calls somebody, under a key that was reserved for it. Fails by event, never here.
    pub fn invite_as(&mut self, now: Time, dialog: DialogKey, outgoing: Outgoing) {
        let key = dialog;
        if self.usages.len() >= self.dialogs_max || self.is_full() {
            self.count(SipDrop::Full);
            self.events.push_back(AgentEvent::Rejected {
                dialog,
                status: Status::SERVICE_UNAVAILABLE,
                response: None,
            });
            return;
        }
        let (call_id, tag, cseq) = (self.random.call_id(), self.random.tag(), self.random.cseq());
        let dialog = Dialog::to_be(&Origin {
            call_id: &call_id,
            tag: &tag,
            from: &outgoing.from,
            to: &outgoing.to,
            target: &outgoing.target,
            cseq,
        });
        let user = user_of(&outgoing.from);
        let plan = Plan::new(&outgoing.target, &outgoing.routes);
        let mut reply = Reply {
            headers: self.session_headers(key),
            body: outgoing.body,
        };
        reply.headers.extend(outgoing.headers);
        let part = Part::invite(cseq, &reply, &user);
        let draft = Draft::new(&dialog, &plan, &part, &self.config.signature(&self.allow));
        let mut usage = Usage::new(dialog, None);
        usage.contact_user = user.into();
        self.usages.insert_as(key, usage);
        debug!(call_id, dialog = key.0, "invite");
        self.launch_invite(now, key, draft, (cseq, Stake::Dialog), &plan.next_hop);
    }

    /// Offers anew in a dialog. False, without effect, while an INVITE of either side is pending or
    /// a back-off runs: wait for its end ([`AgentEvent::Acked`] for one that we accepted,
    /// [`AgentEvent::Retry`]).
    pub fn reinvite(&mut self, now: Time, dialog: DialogKey, reply: Reply) -> bool {
        self.offer_in(now, dialog, reply, Stake::Dialog)
    }

    /// As [`Self::reinvite`], to a peer that is known to be there: if it does not answer, it has
    /// not taken the offer ([`AgentEvent::Rejected`]), and the dialog lives.
    pub fn propose(&mut self, now: Time, dialog: DialogKey, reply: Reply) -> bool {
        self.offer_in(now, dialog, reply, Stake::Offer)
    }

    fn offer_in(&mut self, now: Time, dialog: DialogKey, mut reply: Reply, stake: Stake) -> bool {
        let session = self.session_headers(dialog);
        let Some(usage) = self.usages.get_mut(dialog) else {
            return false;
        };
        let is_free = usage.is_confirmed()
            && usage.our_invite.is_none()
            && usage.retry_at.is_none()
            && usage.their_invite.is_none()
            && usage.their_update.is_none()
            && usage.unacked.is_empty();
        if !is_free {
            return false;
        }
        reply.headers.splice(0..0, session);
        let cseq = usage.dialog.next_cseq();
        let part = Part::invite(cseq, &reply, &usage.contact_user);
        let signature = self.config.signature(&self.allow);
        let (draft, next_hop) = Draft::within(&usage.dialog, &part, &signature);
        self.launch_invite(now, dialog, draft, (cseq, stake), &next_hop);
        true
    }

    /// The INVITE once more after a 422, with the interval that was asked for (RFC 4028 §7.3).
    /// False where that cannot be.
    pub(super) fn invite_again(
        &mut self,
        now: Time,
        (id, stake): (ClientId, Stake),
        dialog: DialogKey,
    ) -> bool {
        let session = self.session_headers(dialog);
        let sent = self.clients.get(id).and_then(|client| client.sent.clone());
        let usage = self
            .usages
            .get_mut(dialog)
            .filter(|usage| !usage.is_ending());
        let (Some((_, sent)), Some(usage)) = (sent, usage) else {
            return false;
        };
        let cseq = usage.dialog.next_cseq();
        let Some((draft, next_hop)) = Draft::again(&sent, cseq, &session, &usage.contact_user)
        else {
            return false;
        };
        self.launch_invite(now, dialog, draft, (cseq, stake), &next_hop);
        true
    }

    fn launch_invite(
        &mut self,
        now: Time,
        dialog: DialogKey,
        draft: Draft,
        (cseq, stake): (u32, Stake),
        next_hop: &str,
    ) {
        let path = self.usages.get(dialog).and_then(|usage| usage.path);
        let client = self.launch(now, Owner::Dialog(dialog), draft, next_hop, path);
        if let Some(usage) = self.usages.get_mut(dialog) {
            usage.our_invite = Some(OurInvite {
                client,
                cseq,
                progress: Progress::Calling,
                stake,
                patience: None,
            });
        }
        self.rearm_usage(dialog);
    }

    /// No final answer for too long: CANCEL. The caller of an initial INVITE need not wait for what
    /// comes of it.
    pub(super) fn lose_patience(&mut self, now: Time, dialog: DialogKey) {
        self.cancel_invite(now, dialog, &[]);
        if let Some(ours) = self
            .usages
            .get_mut(dialog)
            .and_then(|usage| usage.our_invite.as_mut())
        {
            ours.patience = None;
        }
        let Some(usage) = self.usages.get_mut(dialog) else {
            return;
        };
        if usage.is_early() {
            let farewell = Farewell {
                headers: Vec::new(),
                report: Report::Silence,
            };
            usage.phase = Phase::Ending(Ending::Cancelling(farewell));
            self.events.push_back(AgentEvent::Rejected {
                dialog,
                status: Status::REQUEST_TIMEOUT,
                response: None,
            });
        }
    }

    /// Glare: who made the Call-ID waits longer (§14.1).
    pub(super) fn await_retry(&mut self, now: Time, dialog: DialogKey) {
        let Some(usage) = self.usages.get_mut(dialog) else {
            return;
        };
        let backoff = self.random.glare_backoff(usage.dialog.role());
        debug!(
            call_id = &**usage.dialog.call_id(),
            dialog = dialog.0,
            ?backoff,
            "glare"
        );
        usage.retry_at = Some(now + backoff);
        self.rearm_usage(dialog);
    }
}
