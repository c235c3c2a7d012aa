//! The requests of a phone and their responses (RFC 3261 §8.1, §13.2, §14.1, §15.1.1, §17.1).

use std::net::SocketAddr;
use std::time::Duration;

use shared::Time;

use super::super::wire::{self, Wire};
use super::call::{Ending, State, Wish};
use super::{Phone, T1, T2, TIMEOUT};

/// A client transaction without a final response.
#[derive(Debug)]
pub(super) struct Client {
    branch: String,
    method: &'static str,
    call: Option<usize>,
    cseq: u32,
    uri: String,
    destination: SocketAddr,
    bytes: Vec<u8>,
    resend_at: Option<Time>,
    interval: Duration,
    give_up_at: Time,
    proceeding: bool,
    cancelled: bool,
    is_reinvite: bool,
    /// The server has died since: nobody can be blamed if no answer comes.
    pub(super) is_excused: bool,
}

impl Client {
    pub(super) fn is_invite_of(&self, number: usize) -> bool {
        self.method == "INVITE" && self.call == Some(number)
    }

    pub(super) fn deadlines(&self) -> impl Iterator<Item = Time> {
        self.resend_at.into_iter().chain([self.give_up_at])
    }
}

impl Phone {
    /// Sends an INVITE or re-INVITE of a call.
    pub(super) fn invite(&mut self, now: Time, number: usize, with_offer: bool) {
        let branch = self.new_branch();
        let mut wire = self.in_dialog(number, "INVITE", &branch);
        if self.calls[number].state == State::Calling {
            for (name, value) in self.calls[number].extra.clone() {
                wire = wire.with(&name, value);
            }
        }
        wire = wire.with("Contact", self.contact());
        wire = wire.with("Allow", self.allow());
        self.calls[number].offered = None;
        if let Some(body) = self.calls[number].park_request.clone() {
            wire.body = body;
        } else if with_offer {
            let offer = self.calls[number].offer();
            wire = wire.sdp(offer);
        }
        self.start(now, Some(number), "INVITE", branch, &wire);
    }

    pub(super) fn allow(&self) -> String {
        let mut allow = "INVITE, ACK, BYE, CANCEL, OPTIONS".to_owned();
        for (method, takes) in [("UPDATE", self.habits.update), ("INFO", self.habits.info)] {
            if takes {
                allow = format!("{allow}, {method}");
            }
        }
        allow
    }

    /// Tells the other side of a key that is pressed.
    pub(crate) fn press_by_info(&mut self, now: Time, number: usize, kind: &str, body: &str) {
        let branch = self.new_branch();
        let mut wire = self.in_dialog(number, "INFO", &branch);
        wire = wire.with("Content-Type", kind);
        body.clone_into(&mut wire.body);
        self.start(now, Some(number), "INFO", branch, &wire);
    }

    pub(super) fn request_in_dialog(&mut self, now: Time, number: usize, method: &'static str) {
        self.request_in_dialog_with(now, number, method, &[]);
    }

    pub(super) fn request_in_dialog_with(
        &mut self,
        now: Time,
        number: usize,
        method: &'static str,
        fields: &[(&str, String)],
    ) {
        let branch = self.new_branch();
        let mut wire = self.in_dialog(number, method, &branch);
        for (name, value) in fields {
            wire = wire.with(name, value);
        }
        self.start(now, Some(number), method, branch, &wire);
    }

    /// OPTIONS inside a call.
    pub(crate) fn options(&mut self, now: Time, number: usize) {
        self.request_in_dialog(now, number, "OPTIONS");
    }

    /// Sends a request of the test's own making; Via is added when absent. The final response is in
    /// `responses`.
    pub(crate) fn send_raw(&mut self, now: Time, method: &'static str, wire: Wire) {
        let branch = self.new_branch();
        let mut whole = Wire::new(wire.start.clone());
        if wire.header("Via").is_none() {
            whole = whole.with("Via", self.via(&branch));
        }
        whole.fields.extend(wire.fields.iter().cloned());
        whole.body.clone_from(&wire.body);
        let branch = wire::parameter(whole.must("Via"), "branch")
            .unwrap_or(&branch)
            .to_owned();
        self.start(now, None, method, branch, &whole);
    }

    /// Gives up a call that is not answered.
    pub(super) fn cancel(&mut self, now: Time, number: usize) {
        self.calls[number].wish = Wish::Cancel;
        let position = self
            .clients
            .iter()
            .position(|client| client.is_invite_of(number));
        let Some(client) = position.map(|at| &mut self.clients[at]) else {
            return;
        };
        if !client.proceeding || client.cancelled {
            return;
        }
        client.cancelled = true;
        let (branch, uri, cseq) = (client.branch.clone(), client.uri.clone(), client.cseq);
        let wire = self.head("CANCEL", &uri, &branch, number, cseq);
        self.start(now, Some(number), "CANCEL", branch, &wire);
    }

    pub(super) fn response(&mut self, now: Time, response: &Wire) {
        let status = response.status().expect("a status");
        let (cseq, method) = response.cseq();
        let branch = response.branch();
        let found = self.clients.iter().position(|client| {
            client.branch == branch && (client.method == method || client.call.is_none())
        });
        let Some(at) = found else {
            self.repeat_ack(response, status, cseq, method);
            return;
        };
        if status < 200 {
            self.provisional(now, at);
            return;
        }
        let client = self.clients.remove(at);
        match client.method {
            "INVITE" => self.invite_final(now, &client, status, response),
            "CANCEL" if client.call.is_some() => {}
            "BYE" if client.call.is_some() => self.said_goodbye(&client, status),
            "SUBSCRIBE" if self.is_watching(response) => {
                self.subscribed(now, status, response);
            }
            _ => self.other_final(&client, status, response),
        }
    }

    pub(super) fn client_timeouts(&mut self, now: Time) {
        let mut at = 0;
        while at < self.clients.len() {
            if self.clients[at].give_up_at <= now {
                let client = self.clients.remove(at);
                self.gave_up(now, &client);
                continue;
            }
            let client = &mut self.clients[at];
            if client.resend_at.is_some_and(|resend| resend <= now) {
                client.interval *= 2;
                if client.method != "INVITE" {
                    client.interval = client.interval.min(T2);
                }
                client.resend_at = Some(now + client.interval);
                let (to, bytes) = (client.destination, client.bytes.clone());
                self.send(to, bytes);
            }
            at += 1;
        }
    }

    fn provisional(&mut self, now: Time, at: usize) {
        let client = &mut self.clients[at];
        client.proceeding = true;
        match client.method {
            "INVITE" => {
                client.resend_at = None;
                client.give_up_at = now + Duration::from_secs(180);
            }
            _ => client.interval = T2,
        }
        if let (true, Some(number)) = (self.clients[at].method == "INVITE", self.clients[at].call)
            && self.calls[number].wish == Wish::Cancel
        {
            self.cancel(now, number);
        }
    }

    fn invite_final(&mut self, now: Time, client: &Client, status: u16, response: &Wire) {
        if status >= 300 {
            self.acknowledge_failure(client, response);
        }
        let Some(number) = client.call else {
            self.responses.push(response.clone());
            return;
        };
        if status < 300 {
            self.invite_accepted(now, number, client, response);
        } else if client.is_reinvite {
            self.reinvite_refused(now, number, status);
        } else {
            let reason = response.header("Reason").map(str::to_owned);
            self.calls[number].answer = Some(response.clone());
            self.calls[number].end(Ending::Refused { status, reason });
        }
    }

    fn invite_accepted(&mut self, now: Time, number: usize, client: &Client, response: &Wire) {
        let call = &mut self.calls[number];
        call.learn(response, response.tag("To"));
        assert!(call.remote_tag.is_some(), "a 2xx has a To tag");
        let identity = response.header("P-Asserted-Identity").map(str::to_owned);
        call.peer_identity = identity.or_else(|| call.peer_identity.take());
        if client.is_reinvite {
            call.last_reinvite_status = Some(200);
        } else {
            assert!(
                response.header("Contact").is_some(),
                "a 2xx to INVITE has a Contact"
            );
            call.answer = Some(response.clone());
        }
        let answer = if call.park_request.is_some() {
            None
        } else if call.offered.is_some() {
            call.answered(&response.body);
            None
        } else {
            call.answer(&response.body)
        };
        let was_over = call.is_over();
        if !was_over {
            call.state = State::Confirmed;
        }
        self.acknowledge(number, client.cseq, answer);
        if !was_over && !client.is_reinvite && self.calls[number].wish == Wish::Cancel {
            self.hang_up(now, number);
        }
    }

    fn reinvite_refused(&mut self, now: Time, number: usize, status: u16) {
        let call = &mut self.calls[number];
        call.offered = None;
        call.last_reinvite_status = Some(status);
        if call.is_over() {
            return;
        }
        match status {
            // RFC 3261 §14.1: we made the Call-ID, so between 2.1 and 4 s.
            491 => {
                let wait = self.seed.between(Duration::from_millis(2_100), T2);
                self.calls[number].retry_at = Some(now + wait);
            }
            408 | 481 => {
                self.hang_up(now, number);
                self.calls[number].state = State::Ended(Ending::Lost);
            }
            _ => {}
        }
    }

    fn said_goodbye(&mut self, client: &Client, status: u16) {
        if let Some(number) = client.call {
            self.calls[number].bye_status = Some(status);
        }
    }

    fn other_final(&mut self, client: &Client, status: u16, response: &Wire) {
        self.responses.push(response.clone());
        if let (481, Some(number)) = (status, client.call) {
            self.calls[number].end(Ending::Lost);
        }
    }

    fn gave_up(&mut self, now: Time, client: &Client) {
        // Whoever hangs up in the middle of an offer cannot count on its answer: where the 2xx was
        // lost, nobody repeats it any more.
        let is_over = client
            .call
            .is_some_and(|number| self.calls[number].is_over());
        if !client.is_excused && (client.method == "BYE" || !is_over) {
            self.unanswered
                .push(format!("{} of call {:?}", client.method, client.call));
        }
        let Some(number) = client.call else { return };
        if client.method != "INVITE" {
            return;
        }
        if client.is_reinvite {
            self.hang_up(now, number);
            self.calls[number].state = State::Ended(Ending::Lost);
        } else {
            self.calls[number].end(Ending::NoAnswer);
        }
    }

    /// ACK of a 2xx: a request of its own, repeated for each repetition of the 2xx (§13.2.2.4).
    fn acknowledge(&mut self, number: usize, cseq: u32, answer: Option<String>) {
        let branch = self.new_branch();
        let uri = self.calls[number].remote_target.clone();
        let mut wire = self.head("ACK", &uri, &branch, number, cseq);
        if let Some(answer) = answer.filter(|_| !self.habits.answerless) {
            wire = wire.sdp(answer);
        }
        let bytes = wire.bytes();
        let call = &mut self.calls[number];
        call.acks.insert(cseq, bytes.clone());
        call.ack_owed = (!call.is_over()).then_some(cseq);
        self.send_ack(&uri, bytes);
    }

    fn repeat_ack(&mut self, response: &Wire, status: u16, cseq: u32, method: &str) {
        if method != "INVITE" || status < 200 {
            return;
        }
        if status >= 300 {
            let branch = response.branch();
            let found = self.failure_acks.iter().find(|(known, _)| known == branch);
            if let Some((_, bytes)) = found {
                let (server, bytes) = (self.server, bytes.clone());
                self.send(server, bytes);
            }
            return;
        }
        let call_id = response.must("Call-ID");
        let call = self.calls.iter().find(|call| call.call_id == call_id);
        let Some((uri, bytes)) =
            call.and_then(|c| Some((c.remote_target.clone(), c.acks.get(&cseq)?.clone())))
        else {
            return;
        };
        self.send_ack(&uri, bytes);
    }

    fn send_ack(&mut self, uri: &str, bytes: Vec<u8>) {
        if self.habits.acks_forgotten > 0 {
            self.habits.acks_forgotten -= 1;
            return;
        }
        let to = wire::host_of(uri).unwrap_or(self.server);
        self.send(to, bytes);
    }

    /// ACK of a failure: in the INVITE's own transaction (§17.1.1.3).
    fn acknowledge_failure(&mut self, client: &Client, response: &Wire) {
        let mut ack = Wire::new(format!("ACK {} SIP/2.0", client.uri))
            .with("Via", self.via(&client.branch))
            .with("Max-Forwards", 70);
        for field in ["From", "To", "Call-ID"] {
            ack = ack.with(field, response.must(field));
        }
        let bytes = ack.with("CSeq", format!("{} ACK", client.cseq)).bytes();
        self.failure_acks
            .push((client.branch.clone(), bytes.clone()));
        self.send(client.destination, bytes);
    }

    fn in_dialog(&mut self, number: usize, method: &str, branch: &str) -> Wire {
        self.calls[number].cseq += 1;
        let (uri, cseq) = (
            self.calls[number].remote_target.clone(),
            self.calls[number].cseq,
        );
        self.head(method, &uri, branch, number, cseq)
    }

    fn head(&self, method: &str, uri: &str, branch: &str, number: usize, cseq: u32) -> Wire {
        let call = &self.calls[number];
        let tag = call.remote_tag.as_ref().filter(|_| method != "CANCEL");
        let in_first = call.state == State::Calling || method == "CANCEL";
        let to_tag = tag.filter(|_| !in_first).map(|tag| format!(";tag={tag}"));
        Wire::new(format!("{method} {uri} SIP/2.0"))
            .with("Via", self.via(branch))
            .with("Max-Forwards", 70)
            .with("From", self.from(&call.local_tag))
            .with(
                "To",
                format!("<{}>{}", call.dialled, to_tag.unwrap_or_default()),
            )
            .with("Call-ID", &call.call_id)
            .with("CSeq", format!("{cseq} {method}"))
    }

    /// The From field, as others see the phone.
    pub(crate) fn from(&self, tag: &str) -> String {
        format!("\"{0}\" <sip:{0}@example.com>;tag={tag}", self.name)
    }

    pub(super) fn via(&self, branch: &str) -> String {
        let transport = if self.tcp { "TCP" } else { "UDP" };
        format!("SIP/2.0/{transport} {};branch={branch};rport", self.address)
    }

    pub(super) fn new_branch(&mut self) -> String {
        format!("z9hG4bK{:016x}", self.seed.next())
    }

    pub(super) fn start(
        &mut self,
        now: Time,
        call: Option<usize>,
        method: &'static str,
        branch: String,
        wire: &Wire,
    ) {
        let uri = wire.start.split(' ').nth(1).unwrap_or_default().to_owned();
        let bytes = wire.bytes();
        let destination = wire::host_of(&uri)
            .filter(|_| call.is_some())
            .unwrap_or(self.server);
        self.send(destination, bytes.clone());
        let cseq = wire
            .header("CSeq")
            .and_then(|v| v.split(' ').next()?.parse().ok());
        self.clients.push(Client {
            branch,
            method,
            call,
            cseq: cseq.unwrap_or(0),
            uri,
            destination,
            bytes,
            resend_at: (!self.tcp).then(|| now + T1),
            interval: T1,
            give_up_at: now + TIMEOUT,
            proceeding: false,
            cancelled: false,
            is_reinvite: call.is_some_and(|number| self.calls[number].state != State::Calling),
            is_excused: false,
        });
    }
}
