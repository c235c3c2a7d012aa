//! Client transactions on their way (RFC 3261 §8.1.2, §18.1.1; RFC 3263 §4.3): the next hop's
//! addresses are tried in turn, a long request by TCP first.
//!
//! Absent on purpose: what a response means (`uac`, `bye`).

use std::collections::VecDeque;
use std::net::IpAddr;

use shared::Time;

use super::clients::{Client, ClientId, Machine, Owner};
use super::destination::{
    Attempt, Hop, NextHop, NextHost, Path, SizeRule, choose, contact, sent_by,
};
use super::event::Resolve;
use super::request::Draft;
use super::{Agent, Deadline};
use crate::sip::limits::{TIMEOUT, UDP_BYTES_MAX};
use crate::sip::method::Method;
use crate::sip::status::Status;
use crate::sip::transaction::key::{Branch, ClientKey};
use crate::sip::transaction::{Expired, Received};
use crate::sip::transport::{Ticket, Transport};

impl Agent {
    /// Begins a client transaction. What fails at once fails at the next `handle_timeout`, never in
    /// here.
    pub(super) fn launch(
        &mut self,
        now: Time,
        owner: Owner,
        draft: Draft,
        next_hop: &str,
        path: Option<Path>,
    ) -> ClientId {
        let method = draft.method;
        let branch = self.random.branch();
        let id = self.clients.insert(Client {
            key: ClientKey { branch, method },
            owner,
            machine: Machine::Unsent {
                until: now + TIMEOUT,
                status: Status::SERVICE_UNAVAILABLE,
            },
            draft: Some(draft),
            path,
            next_hop: NextHop::of(next_hop),
            attempts: VecDeque::new(),
            ticket: Ticket::default(),
            sent: None,
            acks: Vec::new(),
        });
        let next_hop = self
            .clients
            .get(id)
            .and_then(|client| client.next_hop.clone());
        match next_hop.map(|next_hop| next_hop.host) {
            Some(NextHost::Name(host)) => {
                let ticket = self.clients.issue(id);
                if let Some(client) = self.clients.get_mut(id) {
                    client.ticket = ticket;
                }
                self.resolves.push_back(Resolve { ticket, host });
                self.rearm_client(id);
            }
            Some(NextHost::Address(address)) => self.try_addresses(now, id, &[address]),
            None => self.try_addresses(now, id, &[]),
        }
        id
    }

    /// A transaction whose message is complete: a CANCEL, by the way of its INVITE.
    pub(super) fn launch_cancel(&mut self, now: Time, branch: Branch, hop: Hop, bytes: Vec<u8>) {
        let method = Method::Cancel;
        let id = self.clients.insert(Client {
            key: ClientKey { branch, method },
            owner: Owner::Nobody,
            machine: Machine::started(now, method, hop.transport),
            draft: None,
            path: None,
            next_hop: None,
            attempts: VecDeque::new(),
            ticket: Ticket::default(),
            sent: Some((hop, bytes.clone())),
            acks: Vec::new(),
        });
        self.push(hop, Ticket::default(), bytes);
        self.rearm_client(id);
    }

    /// The driver could not send.
    pub fn transmit_failed(&mut self, now: Time, ticket: Ticket) {
        let Some(id) = self.clients.redeem(ticket) else {
            return;
        };
        let is_open = self
            .clients
            .get(id)
            .is_some_and(|client| client.machine.is_sent() && client.machine.is_unanswered());
        if is_open {
            self.attempt_next(now, id);
        }
    }

    /// The answer of DNS; empty when there is none.
    pub fn resolved(&mut self, now: Time, ticket: Ticket, addresses: &[IpAddr]) {
        let Some(id) = self.clients.redeem(ticket) else {
            return;
        };
        let is_unsent = self
            .clients
            .get(id)
            .is_some_and(|client| !client.machine.is_sent());
        if is_unsent {
            return self.try_addresses(now, id, addresses);
        }
        self.ack_resolved(id, ticket, addresses);
    }

    /// Queues one attempt for each address that a socket of ours leads to, and makes the first.
    fn try_addresses(&mut self, now: Time, id: ClientId, addresses: &[IpAddr]) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        if let Some(next_hop) = &client.next_hop {
            let path = client.path.as_ref();
            client.attempts = addresses
                .iter()
                .filter_map(|address| next_hop.attempt(*address, &self.config.listeners, path))
                .collect();
        }
        self.attempt_next(now, id);
    }

    /// Sends by the next way there is. The branch stays: nobody has seen the request.
    fn attempt_next(&mut self, now: Time, id: ClientId) {
        let attempt = self
            .clients
            .get_mut(id)
            .and_then(|client| client.attempts.pop_front());
        let rendered = attempt.and_then(|attempt| self.render(id, attempt));
        let Some((attempt, bytes)) = rendered else {
            if let Some(client) = self.clients.get_mut(id) {
                let status = Status::SERVICE_UNAVAILABLE;
                client.machine = Machine::Unsent { until: now, status };
            }
            return self.rearm_client(id);
        };
        let ticket = self.clients.issue(id);
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        client.ticket = ticket;
        client.machine = Machine::started(now, client.key.method, attempt.hop.transport);
        client.sent = Some((attempt.hop, bytes.clone()));
        self.push(attempt.hop, ticket, bytes);
        self.rearm_client(id);
    }

    /// The request as it goes by this attempt, or by TCP instead where it is too long for UDP
    /// (§18.1.1); UDP is then what is tried after that.
    fn render(&mut self, id: ClientId, attempt: Attempt) -> Option<(Attempt, Vec<u8>)> {
        let client = self.clients.get(id)?;
        let draft = client.draft.as_ref()?;
        let bytes = self.render_draft(draft, client.key.branch, attempt)?;
        let may_switch = attempt.hop.transport == Transport::Udp
            && attempt.size == SizeRule::Apply
            && bytes.len() > UDP_BYTES_MAX;
        if !may_switch {
            return Some((attempt, bytes));
        }
        let listeners = &self.config.listeners;
        let Some(via) = choose(listeners, Transport::Tcp, attempt.hop.destination) else {
            return Some((attempt, bytes));
        };
        let by_tcp = Attempt {
            hop: Hop {
                transport: Transport::Tcp,
                flow: None,
                destination: attempt.hop.destination,
            },
            via,
            ..attempt
        };
        let bytes = self.render_draft(draft, client.key.branch, by_tcp)?;
        let fall_back = Attempt {
            size: SizeRule::Waive,
            ..attempt
        };
        self.clients.get_mut(id)?.attempts.push_front(fall_back);
        Some((by_tcp, bytes))
    }

    pub(super) fn render_draft(
        &self,
        draft: &Draft,
        branch: Branch,
        attempt: Attempt,
    ) -> Option<Vec<u8>> {
        let via = format!("{};branch={branch}", self.via(attempt.via)?);
        let listener = self.config.listeners.get(attempt.contact)?;
        let contact = draft
            .contact_user
            .as_ref()
            .map(|user| contact(listener, user));
        Some(draft.render(&via, contact.as_deref()))
    }

    /// The value of a Via of ours, less its branch.
    pub(super) fn via(&self, listener: usize) -> Option<String> {
        let listener = self.config.listeners.get(listener)?;
        let rport = match listener.transport {
            Transport::Udp => ";rport",
            Transport::Tcp => "",
        };
        let protocol = listener.transport.name();
        Some(format!("SIP/2.0/{protocol} {}{rport}", sent_by(listener)))
    }

    /// A deadline of a client transaction has passed.
    pub(super) fn client_expired(&mut self, now: Time, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        match client.machine.handle_timeout(now) {
            Expired::Retransmit => {
                let ticket = client.ticket;
                if let Some((hop, bytes)) = client.sent.clone() {
                    self.push(hop, ticket, bytes);
                }
            }
            Expired::TimedOut => return self.client_failed(now, id),
            Expired::Over => return self.forget_client(id),
            Expired::Nothing | Expired::Trying => {}
        }
        self.rearm_client(id);
    }

    /// What a client machine makes of a response.
    pub(super) fn client_receives(&mut self, now: Time, id: ClientId, status: Status) -> Received {
        let Some(client) = self.clients.get_mut(id) else {
            return Received::Absorb;
        };
        let received = client.machine.receive(now, status);
        client.draft = None;
        client.attempts.clear();
        received
    }

    pub(super) fn rearm_client(&mut self, id: ClientId) {
        let Some(client) = self.clients.get(id) else {
            return;
        };
        if client.machine.is_over() {
            return self.forget_client(id);
        }
        self.deadlines
            .set(Deadline::Client(id), client.machine.deadline());
    }

    pub(super) fn forget_client(&mut self, id: ClientId) {
        self.clients.remove(id);
        self.deadlines.set(Deadline::Client(id), None);
    }
}
