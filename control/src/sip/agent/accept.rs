//! The answers of the layer above (RFC 3261 §13.3.1, RFC 6141), and 2xx repeated until its ACK
//! (§13.3.1.4).

use shared::Time;
use tracing::debug;

use super::Agent;
use super::check::SUPPORTED;
use super::destination::contact;
use super::event::{DialogKey, EndCause, Reply, RequestKey};
use super::respond::Answer;
use super::servers::ServerId;
use super::session_timer::{Agreement, Timer};
use super::usage::{Carried, Phase, Unacked};
use crate::sip::message::Message;
use crate::sip::status::Status;
use crate::sip::transport::Ticket;

impl Agent {
    /// Sends a provisional response to an incoming INVITE. Without effect once it is answered.
    ///
    /// # Panics
    /// When `status` is final: that is what `accept` and `reject` are for.
    pub fn progress(&mut self, now: Time, dialog: DialogKey, status: Status, reply: Reply) {
        assert!(status.is_provisional(), "{status} is not provisional");
        let Some((id, contact)) = self.answerable(dialog) else {
            return;
        };
        let contact = (status != Status::TRYING).then_some(contact);
        let answer = Answer {
            contact,
            ..Answer::new(status)
        };
        self.say(now, dialog, id, answer.carrying(reply));
    }

    /// Answers an INVITE or re-INVITE with 200, retransmitted until ACK. `contact_user` is the user
    /// part of our Contact.
    pub fn accept(&mut self, now: Time, dialog: DialogKey, contact_user: &str, reply: Reply) {
        self.accept_as(now, dialog, contact_user, "", reply);
    }

    /// The same, with feature parameters in our Contact (RFC 3840 §9), such as `;isCps`.
    pub fn accept_as(
        &mut self,
        now: Time,
        dialog: DialogKey,
        contact_user: &str,
        features: &str,
        reply: Reply,
    ) {
        let Some(usage) = self.usages.get_mut(dialog) else {
            return;
        };
        usage.contact_user = contact_user.into();
        let Some((id, contact)) = self.answerable(dialog) else {
            return;
        };
        let carried = self.take_offer(now, dialog, id);
        let mut answer = Answer::new(Status::OK)
            .with("Allow", &self.allow)
            .with("Supported", SUPPORTED)
            .carrying(reply);
        answer.contact = Some(contact + features);
        if let Some((_, _, agreement)) = carried {
            answer = agreement.add_to(answer);
        }
        let sent = self.answer(now, id, &answer);
        if let Some(server) = self.servers.get_mut(id) {
            server.response = Vec::new();
        }
        let (Some((carried, cseq, _)), Some((hop, bytes))) = (carried, sent) else {
            return;
        };
        let Some(usage) = self.usages.get_mut(dialog) else {
            return;
        };
        usage.their_invite = None;
        usage.phase = Phase::Confirmed;
        usage
            .unacked
            .push(Unacked::new(now, cseq, hop, bytes, carried));
        debug!(
            call_id = &**usage.dialog.call_id(),
            dialog = dialog.0,
            "accepted"
        );
        self.rearm_usage(dialog);
    }

    /// Answers an INVITE (the dialog is gone) or a re-INVITE (the dialog lives) with a final
    /// failure.
    ///
    /// # Panics
    /// When `status` is no final failure.
    pub fn reject(&mut self, now: Time, dialog: DialogKey, status: Status, reply: Reply) {
        assert!(
            status.is_final() && !status.is_success(),
            "{status} is no failure"
        );
        let Some((id, _)) = self.answerable(dialog) else {
            return;
        };
        self.answer(now, id, &Answer::new(status).carrying(reply));
        let Some(usage) = self.usages.get_mut(dialog) else {
            return;
        };
        usage.their_invite = None;
        if usage.is_early() {
            self.drop_usage(now, dialog);
        }
    }

    /// Answers a request that came as [`super::AgentEvent::Request`] or
    /// [`super::AgentEvent::Update`]. Success to an UPDATE takes its Contact and carries ours (RFC
    /// 3311 §5.2).
    pub fn respond(&mut self, now: Time, key: RequestKey, status: Status, reply: Reply) {
        let id = ServerId(key.0);
        let answer = self.settle_update(now, id, Answer::new(status));
        self.answer(now, id, &answer.carrying(reply));
    }

    /// The unanswered INVITE of a dialog, and our Contact for its answer.
    fn answerable(&self, dialog: DialogKey) -> Option<(ServerId, String)> {
        let usage = self.usages.get(dialog)?;
        let id = usage.their_invite?;
        let listener = self.config.listeners.get(self.servers.get(id)?.listener)?;
        Some((id, contact(listener, &usage.contact_user)))
    }

    /// What our 2xx will carry, the number its ACK will have, and what is agreed of the session's
    /// timer; a re-INVITE's Contact counts from now on (RFC 6141 §5).
    fn take_offer(
        &mut self,
        now: Time,
        dialog: DialogKey,
        id: ServerId,
    ) -> Option<(Carried, u32, Agreement)> {
        let server = self.servers.get(id)?;
        let request = Message::parse(&server.request).ok()?;
        let carried = match request.body().is_empty() {
            true => Carried::Offer,
            false => Carried::Answer,
        };
        let number = request.cseq().ok()?.number;
        let usage = self.usages.get_mut(dialog)?;
        usage.dialog.refresh_target(&request);
        usage.dialog.refresh_remote(&request);
        usage.peer.learn(&request);
        let (timer, agreement) =
            Timer::answer(now, self.session_expires, &request, &mut self.random);
        usage.timer = Some(timer);
        Some((carried, number, agreement))
    }

    /// §13.3.1.4: a 2xx is repeated until its ACK, over TCP as well; without ACK the dialog ends.
    pub(super) fn repeat_success(&mut self, now: Time, dialog: DialogKey) {
        let Some(usage) = self.usages.get_mut(dialog) else {
            return;
        };
        let is_lost = usage
            .unacked
            .iter()
            .any(|unacked| unacked.give_up_at <= now);
        if is_lost {
            usage.unacked = Vec::new();
            match usage.phase {
                Phase::Ending(_) => self.say_bye_if_due(now, dialog),
                Phase::Early | Phase::Confirmed => self.gone(now, dialog, EndCause::NoAck),
            }
            return;
        }
        let mut due = Vec::new();
        for unacked in &mut usage.unacked {
            if unacked.resend.is_due(now) {
                due.push((unacked.hop, unacked.bytes.clone()));
            }
        }
        for (hop, bytes) in due {
            self.push(hop, Ticket::default(), bytes);
        }
    }
}
