//! The table of client transactions: a machine, the request as sent, where it may still be tried,
//! its ACKs.

use std::collections::{HashMap, VecDeque};

use shared::Time;

use super::destination::{Attempt, Hop, NextHop, Path};
use super::event::{DialogKey, SentKey, SubscriptionKey};
use super::request::Draft;
use crate::sip::method::Method;
use crate::sip::status::Status;
use crate::sip::table::give_back;
use crate::sip::transaction::client::Client as OtherClient;
use crate::sip::transaction::invite_client::InviteClient;
use crate::sip::transaction::key::ClientKey;
use crate::sip::transaction::{Expired, Received};
use crate::sip::transport::{Ticket, Transport};

/// Names a client transaction. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct ClientId(u64);

/// One client transaction.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) key: ClientKey,
    /// Who is told what comes of it.
    pub(super) owner: Owner,
    pub(super) machine: Machine,
    /// Until the first response.
    pub(super) draft: Option<Draft>,
    pub(super) path: Option<Path>,
    /// `None` for what cannot be reached.
    pub(super) next_hop: Option<NextHop>,
    /// Where to try next, in order.
    pub(super) attempts: VecDeque<Attempt>,
    /// The attempt or question that is under way.
    pub(super) ticket: Ticket,
    /// As sent, and where to.
    pub(super) sent: Option<(Hop, Vec<u8>)>,
    /// ACKs of 2xx by the tag of who sent it: one of ours, others of forks.
    pub(super) acks: Vec<Ack>,
}

/// Who waits for the outcome of a client transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Owner {
    /// Nobody, or nobody any more.
    Nobody,
    /// The usage whose INVITE or BYE it is.
    Dialog(DialogKey),
    /// The subscription whose NOTIFY it is.
    Subscription(SubscriptionKey),
    /// The layer above, which has sent another request, in this dialog or outside of any.
    Sent(SentKey, Option<DialogKey>),
}

impl Owner {
    /// The dialog it is in.
    pub(super) fn dialog(self) -> Option<DialogKey> {
        match self {
            Self::Nobody | Self::Subscription(_) => None,
            Self::Dialog(dialog) => Some(dialog),
            Self::Sent(_, dialog) => dialog,
        }
    }
}

/// The ACK of a 2xx, built once.
#[derive(Debug)]
pub(super) struct Ack {
    pub(super) remote_tag: Box<str>,
    pub(super) ready: AckState,
    pub(super) next_hop: Option<NextHop>,
    pub(super) path: Option<Path>,
}

/// Whether an ACK knows where it goes.
#[derive(Debug)]
pub(super) enum AckState {
    /// DNS is asked.
    Asking(Ticket, Draft),
    Sent(Hop, Vec<u8>),
    /// There is no way to the peer; it gives up by itself.
    Impossible,
}

/// The state of a client transaction.
#[derive(Debug)]
pub(super) enum Machine {
    /// Not sent: DNS is asked, or nothing is left to be tried. Then it fails with this status.
    Unsent {
        until: Time,
        status: Status,
    },
    Invite(InviteClient),
    Other(OtherClient),
}

impl Machine {
    pub(super) fn started(now: Time, method: Method, transport: Transport) -> Self {
        match method {
            Method::Invite => Self::Invite(InviteClient::new(now, transport)),
            _ => Self::Other(OtherClient::new(now, transport)),
        }
    }

    pub(super) fn receive(&mut self, now: Time, status: Status) -> Received {
        match self {
            Self::Unsent { .. } => Received::Absorb,
            Self::Invite(machine) => machine.receive(now, status),
            Self::Other(machine) => machine.receive(now, status),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Time) -> Expired {
        match self {
            Self::Unsent { until, .. } if *until <= now => Expired::TimedOut,
            Self::Unsent { .. } => Expired::Nothing,
            Self::Invite(machine) => machine.handle_timeout(now),
            Self::Other(machine) => machine.handle_timeout(now),
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        match self {
            Self::Unsent { until, .. } => Some(*until),
            Self::Invite(machine) => machine.deadline(),
            Self::Other(machine) => machine.deadline(),
        }
    }

    /// What its failure without a response is called (§8.1.3.1).
    pub(super) fn failure(&self) -> Status {
        match self {
            Self::Unsent { status, .. } => *status,
            Self::Invite(_) | Self::Other(_) => Status::REQUEST_TIMEOUT,
        }
    }

    pub(super) fn is_sent(&self) -> bool {
        !matches!(self, Self::Unsent { .. })
    }

    pub(super) fn is_unanswered(&self) -> bool {
        match self {
            Self::Unsent { .. } => true,
            Self::Invite(machine) => machine.is_calling(),
            Self::Other(machine) => machine.is_trying(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Unsent { .. } => false,
            Self::Invite(machine) => machine.is_over(),
            Self::Other(machine) => machine.is_over(),
        }
    }
}

/// All client transactions, by id, by what a response names, by what the driver names.
#[derive(Debug, Default)]
pub(super) struct Clients {
    by_id: HashMap<ClientId, Box<Client>>,
    by_key: HashMap<ClientKey, ClientId>,
    by_ticket: HashMap<Ticket, ClientId>,
    last_id: u64,
    last_ticket: u64,
}

impl Clients {
    pub(super) fn insert(&mut self, client: Client) -> ClientId {
        self.last_id += 1;
        let id = ClientId(self.last_id);
        self.by_key.insert(client.key, id);
        self.by_id.insert(id, Box::new(client));
        self.check();
        id
    }

    pub(super) fn get(&self, id: ClientId) -> Option<&Client> {
        self.by_id.get(&id).map(|client| &**client)
    }

    pub(super) fn get_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        self.by_id.get_mut(&id).map(|client| &mut **client)
    }

    pub(super) fn find(&self, key: ClientKey) -> Option<ClientId> {
        self.by_key.get(&key).copied()
    }

    /// A new name for what the driver is asked to do on behalf of a transaction.
    pub(super) fn issue(&mut self, id: ClientId) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.by_ticket.insert(ticket, id);
        ticket
    }

    /// Whose ticket it was; it is not valid any more.
    pub(super) fn redeem(&mut self, ticket: Ticket) -> Option<ClientId> {
        self.by_ticket.remove(&ticket)
    }

    pub(super) fn remove(&mut self, id: ClientId) -> Option<Client> {
        let client = self.by_id.remove(&id)?;
        self.by_key.remove(&client.key);
        self.by_ticket.remove(&client.ticket);
        for ack in &client.acks {
            if let AckState::Asking(ticket, _) = ack.ready {
                self.by_ticket.remove(&ticket);
            }
        }
        give_back(&mut self.by_id);
        give_back(&mut self.by_key);
        give_back(&mut self.by_ticket);
        self.check();
        Some(*client)
    }

    /// The indexes hold what the table holds, and nothing once it is empty.
    fn check(&self) {
        debug_assert_eq!(self.by_key.len(), self.by_id.len());
        debug_assert!(!self.by_id.is_empty() || self.by_ticket.is_empty());
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }
}
