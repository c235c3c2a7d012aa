//! A phone: an independent user agent (RFC 3261) with one line, some habits, and a user who presses
//! keys.
//!
//! It shares no code with the server's agent: it retransmits, acknowledges, answers re-INVITEs and
//! backs off by its own reading of the RFC, and stops the test when the server sends what a good
//! server never sends.

pub(crate) mod call;
pub(crate) mod callee;
mod client;
pub(crate) mod elsewhere;
pub(crate) mod sdp;
mod server;
pub(crate) mod watch;

use std::net::SocketAddr;
use std::time::Duration;

use shared::Time;

use self::call::{Call, Ending, State, Wish};
use self::callee::RingHabit;
use self::client::Client;
use self::elsewhere::{Elsewhere, ReplacesHabit};
use self::sdp::Direction;
use self::server::Server;
use self::watch::Watching;
use super::seed::Seed;
use super::wire::Wire;

pub(crate) const T1: Duration = Duration::from_millis(500);
pub(crate) const T2: Duration = Duration::from_secs(4);
pub(crate) const TIMEOUT: Duration = Duration::from_secs(32);

/// What a phone does differently from a plain good one.
#[derive(Clone, Debug)]
pub(crate) struct Habits {
    /// Payload types it offers and takes, in order.
    pub(crate) payloads: Vec<u8>,
    /// What becomes of calls to it.
    pub(crate) ring: RingHabit,
    /// How it answers re-INVITEs.
    pub(crate) reinvite: ReinviteHabit,
    /// How it answers INVITEs that take the place of another phone.
    pub(crate) replaces: ReplacesHabit,
    /// Re-INVITEs that it answers with 491, although it offers nothing itself.
    pub(crate) excuses: u32,
    /// Answers to re-INVITEs that name a codec nobody has offered.
    pub(crate) wrong_answers: u32,
    /// ACKs of 2xx that it forgets to send, repetitions included.
    pub(crate) acks_forgotten: u32,
    /// Its INVITE carries no SDP.
    pub(crate) offerless: bool,
    /// Its ACK carries no answer where the 2xx carried the offer.
    pub(crate) answerless: bool,
    /// It moves its audio to another port whenever it is re-INVITEd.
    pub(crate) moves: bool,
    /// It offers a second re-INVITE at the moment it gets one.
    pub(crate) glare: bool,
    /// It takes UPDATE (RFC 3311).
    pub(crate) update: bool,
    /// It sends the keys that are pressed by INFO (RFC 6086), and has no telephone-event.
    pub(crate) info: bool,
    /// Its REFER has no Referred-By, which RFC 3892 does not oblige it to.
    pub(crate) anonymous_refer: bool,
    /// Where it is called, it says BYE without waiting for the ACK of its 2xx (RFC 3261 §15 forbids
    /// it), and this part of its calls it ends as it answers them: the BYE may come before the 2xx.
    /// None in a hundred: it waits.
    pub(crate) hasty_percent: u64,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            payloads: vec![0, 8],
            ring: RingHabit::Refuse(480),
            reinvite: ReinviteHabit::Accept,
            replaces: ReplacesHabit::Accept(Duration::ZERO),
            excuses: 0,
            wrong_answers: 0,
            acks_forgotten: 0,
            offerless: false,
            answerless: false,
            moves: false,
            glare: false,
            update: false,
            info: false,
            anonymous_refer: false,
            hasty_percent: 0,
        }
    }
}

/// How a phone answers a re-INVITE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ReinviteHabit {
    Accept,
    /// 100 at once, the answer later.
    Late(Duration),
    Refuse(u16),
    /// Not even 100.
    Ignore,
}

/// How a phone puts somebody on hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hold {
    /// `a=sendonly`: it may play its own music.
    SendOnly,
    /// `a=inactive`.
    Inactive,
    /// `c=0.0.0.0`, of RFC 2543.
    ZeroAddress,
}

/// A phone.
#[derive(Debug)]
pub(crate) struct Phone {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    pub(crate) tcp: bool,
    /// The host in its Contact; its address where there is none.
    pub(crate) contact_host: Option<String>,
    /// Where it sends its INVITEs.
    pub(crate) server: SocketAddr,
    pub(crate) habits: Habits,
    pub(crate) calls: Vec<Call>,
    /// What it has subscribed to.
    pub(crate) watches: Vec<Watching>,
    /// Texts that it got by MESSAGE.
    pub(crate) texts: Vec<String>,
    /// Switched off: hears and says nothing.
    pub(crate) is_dead: bool,
    /// Responses to requests outside calls.
    pub(crate) responses: Vec<Wire>,
    /// Calls with other phones.
    pub(crate) elsewhere: Vec<Elsewhere>,
    /// NOTIFYs it got, none twice.
    pub(crate) notices: Vec<Wire>,
    /// UPDATEs that it took.
    pub(crate) updates: u64,
    /// INFOs it got, none twice.
    pub(crate) infos: Vec<Wire>,
    /// Requests that got no final answer in time.
    pub(crate) unanswered: Vec<String>,
    seed: Seed,
    clients: Vec<Client>,
    servers: Vec<Server>,
    /// Final responses to requests, to be repeated, by branch and method.
    finals: Vec<(String, Vec<u8>)>,
    /// ACKs of failed INVITEs, to be repeated, by branch.
    failure_acks: Vec<(String, Vec<u8>)>,
    out: Vec<(SocketAddr, Vec<u8>)>,
}

impl Phone {
    pub(crate) fn new(name: &str, address: SocketAddr, server: SocketAddr, seed: Seed) -> Self {
        Self {
            name: name.to_owned(),
            address,
            tcp: false,
            contact_host: None,
            server,
            habits: Habits::default(),
            calls: Vec::new(),
            watches: Vec::new(),
            texts: Vec::new(),
            is_dead: false,
            responses: Vec::new(),
            elsewhere: Vec::new(),
            notices: Vec::new(),
            updates: 0,
            infos: Vec::new(),
            unanswered: Vec::new(),
            seed,
            clients: Vec::new(),
            servers: Vec::new(),
            finals: Vec::new(),
            failure_acks: Vec::new(),
            out: Vec::new(),
        }
    }

    /// Dials `user` at the server, with additional header fields; `701;x=y` has a parameter.
    pub(crate) fn dial(&mut self, now: Time, user: &str, extra: &[(&str, String)]) -> usize {
        let number = self.calls.len();
        let (user, parameters) = user.split_at(user.find(';').unwrap_or(user.len()));
        let mut call = self.new_call(format!("sip:{user}@{}{parameters}", self.server));
        call.extra = extra
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        self.calls.push(call);
        let with_offer = !self.habits.offerless;
        self.invite(now, number, with_offer);
        number
    }

    /// Ends a call in whatever state it is.
    pub(crate) fn hang_up(&mut self, now: Time, number: usize) {
        match self.calls[number].state {
            State::Calling if self.calls[number].invite.is_some() => self.stop_ringing(now, number),
            State::Calling => self.cancel(now, number),
            State::Confirmed if self.must_await_ack(number) => {
                self.calls[number].hangs_up = true;
            }
            State::Confirmed => {
                self.leave(now, number, &[]);
            }
            State::Ended(_) => {}
        }
    }

    /// Ends a call that was answered, with these header fields in its BYE.
    pub(crate) fn leave(&mut self, now: Time, number: usize, fields: &[(&str, String)]) {
        self.calls[number].left_hastily = self.is_unacknowledged(number);
        self.calls[number].end(Ending::HungUp);
        self.give_up_servers(now, number);
        self.request_in_dialog_with(now, number, "BYE", fields);
    }

    /// Puts the other on hold. False when an INVITE is pending.
    pub(crate) fn hold(&mut self, now: Time, number: usize, hold: Hold) -> bool {
        if !self.may_reinvite(number) {
            return false;
        }
        let call = &mut self.calls[number];
        call.zero_address = hold == Hold::ZeroAddress;
        call.wanted = match hold {
            Hold::SendOnly | Hold::ZeroAddress => Direction::SendOnly,
            Hold::Inactive => Direction::Inactive,
        };
        self.invite(now, number, true);
        true
    }

    /// Speaks with the other again. False when an INVITE is pending.
    pub(crate) fn resume(&mut self, now: Time, number: usize) -> bool {
        if !self.may_reinvite(number) {
            return false;
        }
        self.calls[number].wanted = Direction::SendRecv;
        self.invite(now, number, true);
        true
    }

    /// Sends a re-INVITE that changes nothing, with or without SDP. False when an INVITE is
    /// pending.
    pub(crate) fn refresh(&mut self, now: Time, number: usize, with_offer: bool) -> bool {
        if !self.may_reinvite(number) {
            return false;
        }
        self.invite(now, number, with_offer);
        true
    }

    /// Offers other codecs from now on. False when an INVITE is pending.
    pub(crate) fn change_codecs(&mut self, now: Time, number: usize, payloads: &[u8]) -> bool {
        if !self.may_reinvite(number) {
            return false;
        }
        self.calls[number].payloads = payloads.to_vec();
        self.invite(now, number, true);
        true
    }

    /// Moves its audio to another port. False when an INVITE is pending.
    pub(crate) fn move_audio(&mut self, now: Time, number: usize) -> bool {
        if !self.may_reinvite(number) {
            return false;
        }
        let port = self.calls[number].rtp.port();
        self.calls[number].rtp.set_port(port ^ 0x4000);
        self.invite(now, number, true);
        true
    }

    /// Whether a confirmed call has no INVITE of either side pending.
    pub(crate) fn may_reinvite(&self, number: usize) -> bool {
        self.calls[number].state == State::Confirmed
            && self.calls[number].retry_at.is_none()
            && !self.has_invite_pending(number)
    }

    /// Whether nothing of this call is under way, as far as the phone can know.
    pub(crate) fn is_settled(&self, number: usize) -> bool {
        self.calls[number].retry_at.is_none()
            && self.calls[number].ack_owed.is_none()
            && !self.has_invite_pending(number)
    }

    /// What is under way in a call, for whoever reads a failure.
    pub(crate) fn why_restless(&self, number: usize) -> String {
        let call = &self.calls[number];
        let clients = self
            .clients
            .iter()
            .filter(|client| client.is_invite_of(number));
        let servers = self.servers.iter().filter(|server| server.call == number);
        format!(
            "{} {:?} retry {:?} ack {:?} {:?} {:?}",
            call.call_id,
            call.state,
            call.retry_at,
            call.ack_owed,
            clients.collect::<Vec<_>>(),
            servers.collect::<Vec<_>>()
        )
    }

    /// Whether nothing is under way in this phone.
    pub(crate) fn is_idle(&self) -> bool {
        self.clients.is_empty() && self.servers.is_empty() && self.calls.iter().all(Call::is_over)
    }

    /// Takes a message from the network.
    pub(crate) fn receive(&mut self, now: Time, bytes: &[u8]) {
        if self.is_dead {
            return;
        }
        let message = Wire::parse(bytes);
        match message.method() {
            Some(method) => {
                let method = method.to_owned();
                self.request(now, &method, &message);
            }
            None => self.response(now, &message),
        }
    }

    /// Time passed.
    pub(crate) fn handle_timeout(&mut self, now: Time) {
        if self.is_dead {
            return;
        }
        self.client_timeouts(now);
        self.server_timeouts(now);
        self.watch_timeouts(now);
        for number in 0..self.calls.len() {
            if self.calls[number].retry_at.is_some_and(|at| at <= now) {
                self.calls[number].retry_at = None;
                if self.may_reinvite(number) {
                    self.invite(now, number, true);
                }
            }
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Time> {
        if self.is_dead {
            return None;
        }
        let clients = self.clients.iter().flat_map(Client::deadlines);
        let servers = self.servers.iter().flat_map(Server::deadlines);
        let retries = self.calls.iter().filter_map(|call| call.retry_at);
        let refreshes = self.watches.iter().filter_map(Watching::deadline);
        clients.chain(servers).chain(retries).chain(refreshes).min()
    }

    /// The server was another process until now, whose last words may be lost.
    pub(crate) fn server_died(&mut self, was_behind: bool) {
        for call in &mut self.calls {
            call.server_has_forgotten |= was_behind;
        }
        for client in &mut self.clients {
            client.is_excused = true;
        }
        for watch in &mut self.watches {
            watch.server_died(was_behind);
        }
        self.owe_no_acks();
    }

    /// Who has died repeats no 2xx, so no ACK of ours must come.
    pub(crate) fn owe_no_acks(&mut self) {
        for call in &mut self.calls {
            call.ack_owed = None;
        }
    }

    /// The next message to send, with its destination.
    pub(crate) fn poll_out(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        if self.out.is_empty() {
            None
        } else {
            Some(self.out.remove(0))
        }
    }

    fn send(&mut self, to: SocketAddr, bytes: Vec<u8>) {
        self.out.push((to, bytes));
    }

    fn contact(&self) -> String {
        let address = self.address.to_string();
        let host = self.contact_host.as_ref().unwrap_or(&address);
        format!("<sip:{}@{host}>", self.name)
    }

    fn new_call(&mut self, dialled: String) -> Call {
        let number = self.calls.len();
        let port = 10_000 + 2 * u16::try_from(number % 20_000).unwrap();
        Call {
            call_id: format!("{:016x}-{}@{}", self.seed.next(), number, self.name),
            local_tag: format!("{:x}", self.seed.next()),
            remote_tag: None,
            remote_target: dialled.clone(),
            dialled,
            cseq: u32::try_from(self.seed.below(1_000)).unwrap(),
            remote_cseq: None,
            state: State::Calling,
            rtp: SocketAddr::new(self.address.ip(), port),
            payloads: self.habits.payloads.clone(),
            event_payload: (!self.habits.info).then_some(101),
            wanted: Direction::SendRecv,
            zero_address: false,
            version: 0,
            offered: None,
            settled: None,
            acks: std::collections::HashMap::new(),
            ack_owed: None,
            wish: Wish::None,
            retry_at: None,
            peer_identity: None,
            reinvite_identity: None,
            last_reinvite_status: None,
            extra: Vec::new(),
            invite: None,
            cancel_reason: None,
            answer: None,
            park_request: None,
            server_has_forgotten: false,
            hangs_up: false,
            reinvited: 0,
            bye: None,
            bye_status: None,
            left_hastily: false,
        }
    }

    fn has_invite_pending(&self, number: usize) -> bool {
        self.clients
            .iter()
            .any(|client| client.is_invite_of(number))
            || self.servers.iter().any(|server| server.call == number)
    }
}
