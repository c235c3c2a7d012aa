//! The user agent server (RFC 3261 §8.2, §9.2, §12.2.2, §13.3, §14.2): requests come in, are
//! checked, and go up once.

use shared::Time;
use tracing::{debug, trace};

use super::Agent;
use super::destination::Path;
use super::event::{AgentEvent, RequestKey, SipDrop};
use super::respond::Answer;
use super::servers::{Machine, ServerId};
use super::usage::Usage;
use crate::sip::dialog::Dialog;
use crate::sip::header::{CSeq, Via};
use crate::sip::message::{Malformed, Message};
use crate::sip::method::Method;
use crate::sip::status::Status;
use crate::sip::transaction::invite_server::AckFor;
use crate::sip::transaction::key::ServerKey;
use crate::sip::transport::Packet;

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
    pub(super) fn of(request: &Message<'a>, method: Method) -> Result<Self, Malformed> {
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
            _ if self.is_full() && !self.ends_something(request, &facts) => {
                self.count(SipDrop::Full);
                self.answer_stateless(packet, request, &self.overloaded());
                None
            }
            Method::Cancel => self.receive_cancel(now, packet, request, &facts, key),
            _ => self.receive_new(now, packet, request, &facts, key),
        }
    }

    /// A full table must not keep calls from ending: that is how it gets empty.
    fn ends_something(&self, request: &Message<'_>, facts: &Facts<'_>) -> bool {
        match facts.method {
            Method::Bye => self.usage_of(facts).is_some(),
            Method::Cancel => {
                let invite = ServerKey::cancelled_by(request, &facts.via);
                self.servers.find(&invite).is_some()
            }
            _ => false,
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
        // A ping that repeats Call-ID, tag and CSeq asks again; it can do no harm twice.
        if facts.method != Method::Options && self.servers.is_merged(id) {
            return Err(Answer::new(Status::LOOP_DETECTED));
        }
        self.check_require(request)?;
        match facts.method {
            Method::Invite => self.receive_invite(id, packet, request).map(Some),
            Method::Options => {
                self.answer_options(now, id);
                Ok(None)
            }
            Method::Bye | Method::Prack | Method::Update => {
                Err(Answer::new(Status::CALL_DOES_NOT_EXIST))
            }
            Method::Subscribe | Method::Refer => {
                self.receive_subscribe(now, id, packet, request, None)
            }
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
        self.check_session(request)?;
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
        usage.peer.learn(request);
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
}
