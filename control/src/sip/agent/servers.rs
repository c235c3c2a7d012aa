//! The table of server transactions: a machine, the request while it waits for its answer, the last
//! response.

use std::collections::HashMap;
use std::net::SocketAddr;

use shared::Time;

use super::destination::Hop;
use super::event::DialogKey;
use crate::sip::method::Method;
use crate::sip::status::Status;
use crate::sip::table::give_back;
use crate::sip::transaction::Expired;
use crate::sip::transaction::invite_server::InviteServer;
use crate::sip::transaction::key::ServerKey;
use crate::sip::transaction::server::Server as OtherServer;
use crate::sip::transport::Transport;

/// Names a server transaction. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct ServerId(pub(super) u64);

/// One server transaction.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) key: ServerKey,
    /// What tells a merged request (§8.2.2.2); `None` inside a dialog.
    pub(super) merge: Option<Box<str>>,
    pub(super) machine: Machine,
    /// Where responses go.
    pub(super) hop: Hop,
    pub(super) source: SocketAddr,
    /// Index of the listener it came by.
    pub(super) listener: usize,
    /// Our tag in its responses.
    pub(super) tag: Box<str>,
    /// The usage of an INVITE.
    pub(super) owner: Option<DialogKey>,
    /// The request, until its final answer.
    pub(super) request: Vec<u8>,
    /// The last response, while it may have to be repeated.
    pub(super) response: Vec<u8>,
}

/// The state of a server transaction.
#[derive(Debug)]
pub(super) enum Machine {
    Invite(InviteServer),
    Other(OtherServer),
}

impl Machine {
    pub(super) fn started(now: Time, method: Method, transport: Transport) -> Self {
        match method {
            Method::Invite => Self::Invite(InviteServer::new(now, transport)),
            _ => Self::Other(OtherServer::new(transport)),
        }
    }

    pub(super) fn receive_again(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.receive_again(),
            Self::Other(machine) => machine.receive_again(),
        }
    }

    pub(super) fn respond(&mut self, now: Time, status: Status) -> bool {
        match self {
            Self::Invite(machine) => machine.respond(now, status),
            Self::Other(machine) => machine.respond(now, status),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Time) -> Expired {
        match self {
            Self::Invite(machine) => machine.handle_timeout(now),
            Self::Other(machine) => machine.handle_timeout(now),
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        match self {
            Self::Invite(machine) => machine.deadline(),
            Self::Other(machine) => machine.deadline(),
        }
    }

    pub(super) fn is_proceeding(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.is_proceeding(),
            Self::Other(machine) => machine.is_proceeding(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.is_over(),
            Self::Other(machine) => machine.is_over(),
        }
    }
}

/// All server transactions, by id, by what a request names, by what a merged request shares.
#[derive(Debug, Default)]
pub(super) struct Servers {
    by_id: HashMap<ServerId, Box<Server>>,
    by_key: HashMap<ServerKey, ServerId>,
    by_merge: HashMap<Box<str>, ServerId>,
    last: u64,
}

impl Servers {
    /// Adds one.
    pub(super) fn insert(&mut self, server: Server) -> ServerId {
        self.last += 1;
        let id = ServerId(self.last);
        self.by_key.insert(server.key.clone(), id);
        if let Some(merge) = &server.merge {
            self.by_merge.entry(merge.clone()).or_insert(id);
        }
        self.by_id.insert(id, Box::new(server));
        self.check();
        id
    }

    /// Whether another transaction than `id` brought the same request first.
    pub(super) fn is_merged(&self, id: ServerId) -> bool {
        let merge = self.by_id.get(&id).and_then(|server| server.merge.as_ref());
        let first = merge.and_then(|merge| self.by_merge.get(merge));
        first.is_some_and(|first| *first != id)
    }

    pub(super) fn get(&self, id: ServerId) -> Option<&Server> {
        self.by_id.get(&id).map(|server| &**server)
    }

    pub(super) fn get_mut(&mut self, id: ServerId) -> Option<&mut Server> {
        self.by_id.get_mut(&id).map(|server| &mut **server)
    }

    pub(super) fn find(&self, key: &ServerKey) -> Option<ServerId> {
        self.by_key.get(key).copied()
    }

    pub(super) fn remove(&mut self, id: ServerId) {
        let Some(server) = self.by_id.remove(&id) else {
            return;
        };
        self.by_key.remove(&server.key);
        if let Some(merge) = server.merge
            && self.by_merge.get(&merge) == Some(&id)
        {
            self.by_merge.remove(&merge);
        }
        give_back(&mut self.by_id);
        give_back(&mut self.by_key);
        give_back(&mut self.by_merge);
        self.check();
    }

    /// The indexes hold what the table holds, and nothing once it is empty.
    fn check(&self) {
        debug_assert_eq!(self.by_key.len(), self.by_id.len());
        debug_assert!(self.by_merge.len() <= self.by_id.len());
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }
}
