//! Requests in a dialog (RFC 3261 §12.2.2, §13.3.1.4, §14.2, §15.1.2): re-INVITE, the ACK of a 2xx,
//! BYE.

use shared::Time;

use super::Agent;
use super::destination::Path;
use super::event::{AgentEvent, DialogKey, EndCause, RequestKey, SipDrop};
use super::respond::Answer;
use super::servers::ServerId;
use super::uas::Facts;
use super::usage::{Carried, Ending, Farewell, Phase, Report};
use crate::sip::dialog::Order;
use crate::sip::limits::UNACKED_MAX;
use crate::sip::message::Message;
use crate::sip::method::Method;
use crate::sip::status::Status;
use crate::sip::transport::Packet;

impl Agent {
    /// A request with our tag (§12.2.2).
    pub(super) fn receive_in_dialog<'a>(
        &mut self,
        now: Time,
        id: ServerId,
        packet: &Packet<'a>,
        request: &'a Message<'a>,
        facts: &Facts<'_>,
    ) -> Result<Option<AgentEvent<'a>>, Answer> {
        let key = self.usage_of(facts);
        let path = Path::of(&self.config.listeners, packet);
        let Some((dialog, usage)) = key.and_then(|key| Some((key, self.usages.get_mut(key)?)))
        else {
            return self.receive_in_subscription(now, id, packet, request, facts);
        };
        if usage.dialog.receive_cseq(facts.cseq.number, facts.method) == Order::Stale {
            // §14.2: a second INVITE while the first is unanswered has a higher number and is
            // treated below.
            return Err(Answer::new(Status::SERVER_ERROR));
        }
        usage.path = Some(path);
        self.check_require(request)?;
        match facts.method {
            Method::Invite => self.receive_reinvite(id, dialog, request).map(Some),
            Method::Bye => Ok(self.receive_bye(now, id, dialog, request)),
            Method::Options => {
                self.answer_options(now, id);
                Ok(None)
            }
            Method::Subscribe | Method::Refer => {
                self.receive_subscribe(now, id, packet, request, Some(dialog))
            }
            Method::Update => self.receive_update(id, dialog, request).map(Some),
            Method::Prack => self.receive_prack(now, id, dialog, request).map(|()| None),
            _ => {
                if let Some(server) = self.servers.get_mut(id) {
                    server.owner = Some(dialog);
                }
                Ok(Some(AgentEvent::Request {
                    key: RequestKey(id.0),
                    dialog: Some(dialog),
                    request,
                }))
            }
        }
    }

    /// The usage that a request with our tag belongs to. A callee says no BYE before the ACK of its
    /// 2xx (§15), but some do, and theirs may come before the 2xx does: then it is for the call
    /// that is about to begin, or it would begin with nobody there.
    pub(super) fn usage_of(&self, facts: &Facts<'_>) -> Option<DialogKey> {
        let to_tag = facts.to_tag.unwrap_or_default();
        let found = self.usages.find(facts.call_id, to_tag, facts.from_tag);
        found.or_else(|| match facts.method {
            Method::Bye => self.usages.find_unanswered(facts.call_id, to_tag),
            _ => None,
        })
    }

    /// A re-INVITE (§14.2). One that comes although the ACK of our last 2xx has not is treated: the
    /// peer has seen the 2xx, its ACK is late or lost and will come for a repetition. Only where
    /// that ACK owes us an answer, 491.
    pub(super) fn receive_reinvite<'a>(
        &mut self,
        id: ServerId,
        dialog: DialogKey,
        request: &'a Message<'a>,
    ) -> Result<AgentEvent<'a>, Answer> {
        let retry_after_s = self.random.retry_after_s();
        self.check_content(request)?;
        self.check_session(request)?;
        let Some(usage) = self.usages.get_mut(dialog) else {
            return Err(Answer::new(Status::CALL_DOES_NOT_EXIST));
        };
        if usage.is_ending() {
            return Err(Answer::new(Status::CALL_DOES_NOT_EXIST));
        }
        let is_busy = usage.their_invite.is_some() || usage.their_update.is_some();
        if is_busy || usage.unacked.len() >= UNACKED_MAX {
            return Err(Answer::new(Status::SERVER_ERROR).with("Retry-After", retry_after_s));
        }
        let owes_answer = usage
            .unacked
            .iter()
            .any(|unacked| unacked.carried == Carried::Offer);
        if usage.our_invite.is_some() || owes_answer {
            return Err(Answer::new(Status::REQUEST_PENDING));
        }
        usage.their_invite = Some(id);
        if let Some(server) = self.servers.get_mut(id) {
            server.owner = Some(dialog);
        }
        Ok(AgentEvent::Reinvite { dialog, request })
    }

    /// An ACK that is not the one of a failure.
    pub(super) fn receive_ack<'a>(
        &mut self,
        now: Time,
        request: &'a Message<'a>,
        facts: &Facts<'_>,
    ) -> Option<AgentEvent<'a>> {
        let to_tag = facts.to_tag.unwrap_or_default();
        let found = self.usages.find(facts.call_id, to_tag, facts.from_tag);
        let usage = found.and_then(|key| self.usages.get_mut(key));
        let (Some(dialog), Some(usage)) = (found, usage) else {
            self.count(SipDrop::StrayAck);
            return None;
        };
        let number = facts.cseq.number;
        let Some(at) = usage
            .unacked
            .iter()
            .position(|unacked| unacked.cseq == number)
        else {
            if usage.acked_cseq != Some(number) {
                self.count(SipDrop::StrayAck);
            }
            return None;
        };
        usage.unacked.remove(at);
        usage.unacked.shrink_to_fit();
        usage.acked_cseq = Some(number);
        let is_ending = usage.is_ending();
        self.say_bye_if_due(now, dialog);
        self.rearm_usage(dialog);
        (!is_ending).then_some(AgentEvent::Acked { dialog, request })
    }

    /// The peer's BYE (§15.1.2). It is answered 200 in every phase, also before the ACK of our 2xx
    /// and when it crosses ours. Where our INVITE has no final answer, that is cancelled; should a
    /// 2xx come all the same, it is acknowledged and ended.
    pub(super) fn receive_bye<'a>(
        &mut self,
        now: Time,
        id: ServerId,
        dialog: DialogKey,
        request: &'a Message<'a>,
    ) -> Option<AgentEvent<'a>> {
        self.answer(now, id, &Answer::new(Status::OK));
        let usage = self.usages.get_mut(dialog)?;
        if let Some(invite) = usage.their_invite.take() {
            self.answer(now, invite, &Answer::new(Status::REQUEST_TERMINATED));
        }
        let usage = self.usages.get_mut(dialog)?;
        match &usage.phase {
            Phase::Early | Phase::Confirmed => {
                if usage.is_early() && usage.our_invite.is_some() {
                    let (headers, report) = (Vec::new(), Report::Silence);
                    usage.phase = Phase::Ending(Ending::Cancelling(Farewell { headers, report }));
                    self.cancel_invite(now, dialog, &[]);
                } else {
                    self.drop_usage(now, dialog);
                }
                let cause = EndCause::Bye;
                Some(AgentEvent::Ended {
                    dialog,
                    cause,
                    request: Some(request),
                })
            }
            Phase::Ending(Ending::AwaitingAck(farewell)) => {
                let report = farewell.report;
                self.drop_usage(now, dialog);
                (report == Report::Forgotten).then_some(AgentEvent::Forgotten { dialog })
            }
            // Our BYE or CANCEL is under way: its answer ends the dialog.
            Phase::Ending(Ending::Cancelling(_) | Ending::Leaving(_)) => None,
        }
    }
}
