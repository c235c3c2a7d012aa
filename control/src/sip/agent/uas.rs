//! The user agent server (RFC 3261 §8.2, §9.2, §12.2.2, §13.3, §14.2): requests come in, are checked, and go up once.

use shared::Time;
use tracing::{debug, trace};

use super::check::SUPPORTED;
use super::destination::{Path, contact, response_hop};
use super::event::{AgentEvent, DialogKey, EndCause, Reply, RequestKey, SipDrop};
use super::respond::Answer;
use super::servers::{Machine, Server, ServerId};
use super::usage::{Carried, Ending, Phase, Report, Unacked, Usage};
use super::{Agent, Deadline};
use crate::sip::dialog::{Dialog, Order};
use crate::sip::header::{CSeq, Via};
use crate::sip::message::{Malformed, Message};
use crate::sip::method::Method;
use crate::sip::status::Status;
use crate::sip::transaction::Expired;
use crate::sip::transaction::invite_server::AckFor;
use crate::sip::transaction::key::ServerKey;
use crate::sip::transport::Packet;

/// 2xx of ours that may wait for their ACK at once in one dialog: the peer may re-INVITE although its ACK got lost.
const UNACKED_MAX: usize = 2;

/// What every request must have, taken out once.
pub(super) struct Facts<'a> {
    pub(super) method: Method,
    pub(super) via: Via<'a>,
    pub(super) call_id: &'a str,
    pub(super) from_tag: &'a str,
    pub(super) to_tag: Option<&'a str>,
    pub(super) cseq: CSeq,
}

impl<'a> Facts<'a> {
    fn of(request: &Message<'a>, method: Method) -> Result<Self, Malformed> {
        request.from()?;
        request.to()?;
        Ok(Self {
            method,
            via: request.top_via()?,
            call_id: request.call_id()?,
            from_tag: request.from_tag().unwrap_or_default(),
            to_tag: request.to_tag(),
            cseq: request.cseq()?,
        })
    }
}

impl Agent {
    /// Takes one request from the network.
    pub(super) fn receive_request<'a>(
        &mut self,
        now: Time,
        packet: &Packet<'a>,
        request: &'a Message<'a>,
        method: Method,
    ) -> Option<AgentEvent<'a>> {
        let facts = match Facts::of(request, method) {
            Ok(facts) => facts,
            Err(malformed) => {
                self.refuse_malformed(packet, request, malformed);
                return None;
            }
        };
        let key = ServerKey::of(request, &facts.via);
        if let Some(id) = self.find_server(&key, &facts) {
            return self.receive_again(now, id, request, &facts);
        }
        match method {
            Method::Ack => self.receive_ack(now, request, &facts),
            _ if self.is_full() => {
                self.count(SipDrop::Full);
                self.answer_stateless(packet, request, &self.overloaded());
                None
            }
            Method::Cancel => self.receive_cancel(now, packet, request, &facts, key),
            _ => self.receive_new(now, packet, request, &facts, key),
        }
    }

    /// What cannot be taken as it is gets an answer where it can get one.
    pub(super) fn refuse_malformed(
        &mut self,
        packet: &Packet<'_>,
        request: &Message<'_>,
        malformed: Malformed,
    ) {
        let is_answerable = request.top_via().is_ok()
            && request.method().is_some_and(|method| method != Method::Ack);
        if !is_answerable {
            return self.count(SipDrop::Unparseable);
        }
        debug!(what = malformed.what, source = %packet.source, "request refused as malformed");
        self.answer_stateless(packet, request, &Answer::malformed(malformed));
    }

    fn find_server(&self, key: &ServerKey, facts: &Facts<'_>) -> Option<ServerId> {
        let id = self.servers.find(key)?;
        let tag = &self.servers.get(id)?.tag;
        let is_foreign_ack =
            facts.method == Method::Ack && !key.is_unique() && facts.to_tag != Some(tag);
        (!is_foreign_ack).then_some(id)
    }

    /// A request whose transaction exists: a repetition, or the ACK of an INVITE.
    fn receive_again<'a>(
        &mut self,
        now: Time,
        id: ServerId,
        request: &'a Message<'a>,
        facts: &Facts<'_>,
    ) -> Option<AgentEvent<'a>> {
        let server = self.servers.get_mut(id)?;
        match &mut server.machine {
            Machine::Invite(machine) if facts.method == Method::Ack => {
                let whose = machine.acknowledge(now);
                self.rearm_server(id);
                match whose {
                    AckFor::Failure => None,
                    AckFor::Success => self.receive_ack(now, request, facts),
                }
            }
            machine => {
                if machine.receive_again() && !server.response.is_empty() {
                    let (hop, bytes) = (server.hop, server.response.clone());
                    self.push(hop, super::Ticket::default(), bytes);
                }
                None
            }
        }
    }

    /// A request of a new transaction.
    fn receive_new<'a>(
        &mut self,
        now: Time,
        packet: &Packet<'a>,
        request: &'a Message<'a>,
        facts: &Facts<'_>,
        key: ServerKey,
    ) -> Option<AgentEvent<'a>> {
        let id = self.open_server(now, packet, facts, key);
        trace!(call_id = facts.call_id, method = %facts.method, source = %packet.source, "request");
        let result = match self.check_method(facts.method) {
            Err(answer) => Err(answer),
            Ok(()) if facts.to_tag.is_some() => {
                self.receive_in_dialog(now, id, packet, request, facts)
            }
            Ok(()) => self.receive_outside(now, id, packet, request, facts),
        };
        match result {
            Ok(event) => event,
            Err(answer) => {
                debug!(call_id = facts.call_id, method = %facts.method, status = %answer.status,
                    "request refused");
                self.answer(now, id, &answer);
                None
            }
        }
    }

    fn receive_outside<'a>(
        &mut self,
        now: Time,
        id: ServerId,
        packet: &Packet<'a>,
        request: &'a Message<'a>,
        facts: &Facts<'_>,
    ) -> Result<Option<AgentEvent<'a>>, Answer> {
        self.check_target(packet, request, facts.method)?;
        if self.servers.is_merged(id) {
            return Err(Answer::new(Status::LOOP_DETECTED));
        }
        self.check_require(request)?;
        match facts.method {
            Method::Invite => self.receive_invite(id, packet, request).map(Some),
            Method::Options => {
                self.answer_options(now, id);
                Ok(None)
            }
            Method::Bye => Err(Answer::new(Status::CALL_DOES_NOT_EXIST)),
            _ => Ok(Some(AgentEvent::Request {
                key: RequestKey(id.0),
                dialog: None,
                request,
            })),
        }
    }

    /// A new call (§13.3.1).
    fn receive_invite<'a>(
        &mut self,
        id: ServerId,
        packet: &Packet<'a>,
        request: &'a Message<'a>,
    ) -> Result<AgentEvent<'a>, Answer> {
        self.check_content(request)?;
        if self.usages.len() >= self.dialogs_max {
            self.count(SipDrop::Full);
            return Err(self.overloaded());
        }
        let tag = self
            .servers
            .get(id)
            .map(|server| server.tag.clone())
            .unwrap_or_default();
        let cseq = self.random.cseq();
        let dialog = Dialog::from_request(request, &tag, cseq).map_err(Answer::malformed)?;
        let mut usage = Usage::new(dialog, Some(Path::of(&self.config.listeners, packet)));
        usage.their_invite = Some(id);
        let dialog = self.usages.insert(usage);
        if let Some(server) = self.servers.get_mut(id) {
            server.owner = Some(dialog);
        }
        Ok(AgentEvent::Invite {
            dialog,
            request,
            source: packet.source,
        })
    }

    /// A request with our tag (§12.2.2).
    fn receive_in_dialog<'a>(
        &mut self,
        now: Time,
        id: ServerId,
        packet: &Packet<'a>,
        request: &'a Message<'a>,
        facts: &Facts<'_>,
    ) -> Result<Option<AgentEvent<'a>>, Answer> {
        let to_tag = facts.to_tag.unwrap_or_default();
        let key = self.usages.find(facts.call_id, to_tag, facts.from_tag);
        let path = Path::of(&self.config.listeners, packet);
        let Some((dialog, usage)) = key.and_then(|key| Some((key, self.usages.get_mut(key)?)))
        else {
            return Err(Answer::new(Status::CALL_DOES_NOT_EXIST));
        };
        if usage.dialog.receive_cseq(facts.cseq.number, facts.method) == Order::Stale {
            // §14.2: a second INVITE while the first is unanswered has a higher number and is treated below.
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
            _ => Ok(Some(AgentEvent::Request {
                key: RequestKey(id.0),
                dialog: Some(dialog),
                request,
            })),
        }
    }

    /// A re-INVITE (§14.2). One that comes although the ACK of our last 2xx has not is treated: the peer has seen the
    /// 2xx, its ACK is late or lost and will come for a repetition. Only where that ACK owes us an answer, 491.
    fn receive_reinvite<'a>(
        &mut self,
        id: ServerId,
        dialog: DialogKey,
        request: &'a Message<'a>,
    ) -> Result<AgentEvent<'a>, Answer> {
        let retry_after_s = self.random.retry_after_s();
        self.check_content(request)?;
        let Some(usage) = self.usages.get_mut(dialog) else {
            return Err(Answer::new(Status::CALL_DOES_NOT_EXIST));
        };
        if usage.is_ending() {
            return Err(Answer::new(Status::CALL_DOES_NOT_EXIST));
        }
        if usage.their_invite.is_some() || usage.unacked.len() >= UNACKED_MAX {
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
    fn receive_ack<'a>(
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

    /// §9.2.
    fn receive_cancel<'a>(
        &mut self,
        now: Time,
        packet: &Packet<'a>,
        request: &'a Message<'a>,
        facts: &Facts<'_>,
        key: ServerKey,
    ) -> Option<AgentEvent<'a>> {
        let invite = self
            .servers
            .find(&ServerKey::cancelled_by(request, &facts.via));
        let id = self.open_server(now, packet, facts, key);
        let Some(invite) = invite.and_then(|id| Some((id, self.servers.get(id)?))) else {
            self.answer(now, id, &Answer::new(Status::CALL_DOES_NOT_EXIST));
            return None;
        };
        let (invite, owner, tag) = (invite.0, invite.1.owner, invite.1.tag.clone());
        let is_pending = invite_is_pending(&self.servers.get(invite)?.machine);
        if let Some(server) = self.servers.get_mut(id) {
            server.tag = tag;
        }
        self.answer(now, id, &Answer::new(Status::OK));
        if !is_pending {
            return None;
        }
        self.answer(now, invite, &Answer::new(Status::REQUEST_TERMINATED));
        let dialog = owner?;
        let usage = self.usages.get_mut(dialog)?;
        usage.their_invite = None;
        if !usage.is_early() {
            return Some(AgentEvent::ReinviteCancelled { dialog });
        }
        self.drop_usage(now, dialog);
        Some(AgentEvent::Cancelled { dialog })
    }

    /// The peer's BYE (§15.1.2). It is answered 200 in every phase, also before the ACK of our 2xx and when it crosses ours.
    fn receive_bye<'a>(
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
        match &self.usages.get(dialog)?.phase {
            Phase::Early | Phase::Confirmed => {
                self.drop_usage(now, dialog);
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

    fn open_server(
        &mut self,
        now: Time,
        packet: &Packet<'_>,
        facts: &Facts<'_>,
        key: ServerKey,
    ) -> ServerId {
        let is_outside = facts.to_tag.is_none() && facts.method != Method::Cancel;
        let merge = is_outside.then(|| {
            let (number, method) = (facts.cseq.number, facts.method);
            format!("{}\n{}\n{number} {method}", facts.call_id, facts.from_tag).into()
        });
        let tag = self.random.tag().into();
        let id = self.servers.insert(Server {
            key,
            merge,
            machine: Machine::started(now, facts.method, packet.transport),
            hop: response_hop(packet, &facts.via),
            source: packet.source,
            listener: self.listener_index(packet),
            tag,
            owner: None,
            request: packet.bytes.to_vec(),
            response: Vec::new(),
        });
        self.rearm_server(id);
        id
    }

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
        self.answer(now, id, &answer.carrying(reply));
    }

    /// Answers an INVITE or re-INVITE with 200, retransmitted until ACK. `contact_user` is the user part of our Contact.
    pub fn accept(&mut self, now: Time, dialog: DialogKey, contact_user: &str, reply: Reply) {
        let Some(usage) = self.usages.get_mut(dialog) else {
            return;
        };
        usage.contact_user = contact_user.into();
        let Some((id, contact)) = self.answerable(dialog) else {
            return;
        };
        let carried = self.take_offer(dialog, id);
        let mut answer = Answer::new(Status::OK)
            .with("Allow", &self.allow)
            .with("Supported", SUPPORTED)
            .carrying(reply);
        answer.contact = Some(contact);
        let sent = self.answer(now, id, &answer);
        if let Some(server) = self.servers.get_mut(id) {
            server.response = Vec::new();
        }
        let (Some((carried, cseq)), Some((hop, bytes))) = (carried, sent) else {
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
            call_id = usage.dialog.call_id(),
            dialog = dialog.0,
            "accepted"
        );
        self.rearm_usage(dialog);
    }

    /// Answers an INVITE (the dialog is gone) or a re-INVITE (the dialog lives) with a final failure.
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

    /// Answers a request that came as [`AgentEvent::Request`].
    pub fn respond(&mut self, now: Time, key: RequestKey, status: Status, reply: Reply) {
        self.answer(now, ServerId(key.0), &Answer::new(status).carrying(reply));
    }

    /// The unanswered INVITE of a dialog, and our Contact for its answer.
    fn answerable(&self, dialog: DialogKey) -> Option<(ServerId, String)> {
        let usage = self.usages.get(dialog)?;
        let id = usage.their_invite?;
        let listener = self.config.listeners.get(self.servers.get(id)?.listener)?;
        Some((id, contact(listener, &usage.contact_user)))
    }

    /// What our 2xx will carry and the number its ACK will have; a re-INVITE's Contact counts from now on (RFC 6141 §5).
    fn take_offer(&mut self, dialog: DialogKey, id: ServerId) -> Option<(Carried, u32)> {
        let server = self.servers.get(id)?;
        let request = Message::parse(&server.request).ok()?;
        let carried = match request.body().is_empty() {
            true => Carried::Offer,
            false => Carried::Answer,
        };
        let number = request.cseq().ok()?.number;
        self.usages.get_mut(dialog)?.dialog.refresh_target(&request);
        Some((carried, number))
    }

    /// A deadline of a server transaction has passed.
    pub(super) fn server_expired(&mut self, now: Time, id: ServerId) {
        let Some(server) = self.servers.get_mut(id) else {
            return;
        };
        match server.machine.handle_timeout(now) {
            Expired::Trying => {
                self.answer(now, id, &Answer::new(Status::TRYING));
            }
            Expired::Retransmit => {
                let (hop, bytes) = (server.hop, server.response.clone());
                self.push(hop, super::Ticket::default(), bytes);
            }
            Expired::Nothing | Expired::TimedOut | Expired::Over => {}
        }
        self.rearm_server(id);
    }

    pub(super) fn rearm_server(&mut self, id: ServerId) {
        let Some(server) = self.servers.get(id) else {
            return;
        };
        if server.machine.is_over() {
            self.servers.remove(id);
            return self.deadlines.set(Deadline::Server(id), None);
        }
        self.deadlines
            .set(Deadline::Server(id), server.machine.deadline());
    }
}

fn invite_is_pending(machine: &Machine) -> bool {
    matches!(machine, Machine::Invite(_)) && machine.is_proceeding()
}
