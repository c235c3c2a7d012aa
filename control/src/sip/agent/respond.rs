//! Responses (RFC 3261 §8.2.6): composing them, sending them by their transaction or, for what has
//! none, without.

use std::hash::{DefaultHasher, Hash, Hasher};

use shared::Time;

use super::destination::{Hop, listener_of, response_hop};
use super::event::Reply;
use super::servers::{Machine, Server, ServerId};
use super::uas::Facts;
use super::{Agent, Deadline};
use crate::sip::header::Header;
use crate::sip::message::{Malformed, Message};
use crate::sip::method::Method;
use crate::sip::status::Status;
use crate::sip::transaction::Expired;
use crate::sip::transaction::key::ServerKey;
use crate::sip::transport::{Packet, Ticket, Transmit};
use crate::sip::write::Writer;

/// A response, less what is copied from its request.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: Status,
    /// Instead of the usual reason phrase.
    pub(super) phrase: Option<&'static str>,
    pub(super) headers: Vec<(&'static str, String)>,
    /// Our Contact, where the response may form a dialog; Record-Route is copied then (§12.1.1).
    pub(super) contact: Option<String>,
    pub(super) reply: Box<Reply>,
}

impl Answer {
    pub(super) fn new(status: Status) -> Self {
        Self {
            status,
            phrase: None,
            headers: Vec::new(),
            contact: None,
            reply: Box::default(),
        }
    }

    /// 400 and its like, with what is wrong.
    pub(super) fn malformed(malformed: Malformed) -> Self {
        Self {
            phrase: Some(malformed.what),
            ..Self::new(malformed.status)
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    pub(super) fn carrying(mut self, reply: Reply) -> Self {
        *self.reply = reply;
        self
    }

    fn write(&self, mut writer: Writer, request: &Message<'_>, product: &str) -> Vec<u8> {
        if let Some(contact) = &self.contact {
            for route in request.values(Header::RecordRoute) {
                writer.header(Header::RecordRoute, route);
            }
            writer.header(Header::Contact, contact);
        }
        for (name, value) in &self.headers {
            writer.extension(name, value);
        }
        writer.header(Header::Server, product);
        for (header, value) in &self.reply.headers {
            writer.header(*header, value);
        }
        let bytes = writer.finish(self.reply.body.as_ref());
        match self.phrase {
            Some(phrase) => rephrase(&bytes, self.status, phrase),
            None => bytes,
        }
    }
}

impl Agent {
    /// Answers by the transaction. `None`, without effect, when it was answered finally before;
    /// else what was sent.
    pub(super) fn answer(
        &mut self,
        now: Time,
        id: ServerId,
        answer: &Answer,
    ) -> Option<(Hop, Vec<u8>)> {
        let product = self.config.product.clone();
        let server = self.servers.get_mut(id)?;
        let bytes = {
            let request = Message::parse(&server.request).ok()?;
            let tag = (answer.status != Status::TRYING).then_some(&*server.tag);
            let writer = Writer::reply(&request, server.source, answer.status, tag);
            answer.write(writer, &request, &product)
        };
        if !server.machine.respond(now, answer.status) {
            return None;
        }
        if answer.status.is_final() {
            server.request = Vec::new();
        }
        server.response.clone_from(&bytes);
        let hop = server.hop;
        self.push(hop, Ticket::default(), bytes.clone());
        self.rearm_server(id);
        Some((hop, bytes))
    }

    /// Answers a request that gets no transaction. An ACK is never answered.
    pub(super) fn answer_stateless(
        &mut self,
        packet: &Packet<'_>,
        request: &Message<'_>,
        answer: &Answer,
    ) {
        let Ok(via) = request.top_via() else {
            return;
        };
        let tag = self.computed_tag(request, via.branch);
        let writer = Writer::reply(request, packet.source, answer.status, Some(&tag));
        let bytes = answer.write(writer, request, &self.config.product);
        self.push(response_hop(packet, &via), Ticket::default(), bytes);
    }

    /// The same for each repetition of a request, and not to be guessed (§8.2.7).
    fn computed_tag(&self, request: &Message<'_>, branch: Option<&str>) -> String {
        let mut hasher = DefaultHasher::new();
        self.secret.hash(&mut hasher);
        request.call_id().unwrap_or_default().hash(&mut hasher);
        request.from_tag().hash(&mut hasher);
        branch.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// Queues a message for the driver.
    pub(super) fn push(&mut self, hop: Hop, ticket: Ticket, bytes: Vec<u8>) {
        self.transmits.push_back(Transmit {
            transport: hop.transport,
            flow: hop.flow,
            destination: hop.destination,
            ticket,
            bytes,
        });
    }

    pub(super) fn open_server(
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
            listener: listener_of(&self.config.listeners, packet),
            tag,
            owner: None,
            request: packet.bytes.to_vec(),
            response: Vec::new(),
        });
        self.rearm_server(id);
        id
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
                self.push(hop, Ticket::default(), bytes);
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

/// Replaces the reason phrase of a response.
fn rephrase(bytes: &[u8], status: Status, phrase: &str) -> Vec<u8> {
    let end = bytes.windows(2).position(|two| two == b"\r\n").unwrap_or(0);
    let line = format!("SIP/2.0 {status} {phrase}");
    [line.as_bytes(), &bytes[end..]].concat()
}
