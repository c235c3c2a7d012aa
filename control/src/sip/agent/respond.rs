//! Responses (RFC 3261 §8.2.6): composing them, sending them by their transaction or, for what has none, without.

use std::hash::{DefaultHasher, Hash, Hasher};

use shared::Time;

use super::Agent;
use super::destination::{Hop, response_hop};
use super::event::Reply;
use super::servers::ServerId;
use crate::sip::header::Header;
use crate::sip::message::{Malformed, Message};
use crate::sip::status::Status;
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
    pub(super) reply: Reply,
}

impl Answer {
    pub(super) fn new(status: Status) -> Self {
        Self {
            status,
            phrase: None,
            headers: Vec::new(),
            contact: None,
            reply: Reply::default(),
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
        self.reply = reply;
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
    /// Answers by the transaction. `None`, without effect, when it was answered finally before; else what was sent.
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
}

/// Replaces the reason phrase of a response.
fn rephrase(bytes: &[u8], status: Status, phrase: &str) -> Vec<u8> {
    let end = bytes.windows(2).position(|two| two == b"\r\n").unwrap_or(0);
    let line = format!("SIP/2.0 {status} {phrase}");
    [line.as_bytes(), &bytes[end..]].concat()
}
