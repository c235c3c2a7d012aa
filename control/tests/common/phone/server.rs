//! The requests a phone gets (RFC 3261 §8.2, §12.2.2, §13.3.1.4, §14.2, §15.1.2, §17.2).

use std::net::SocketAddr;
use std::time::Duration;

use shared::Time;

use super::super::wire::Wire;
use super::call::{Call, Ending, State};
use super::elsewhere::reports_on_refer;
use super::{Phone, ReinviteHabit, T1, T2, TIMEOUT};

/// A re-INVITE of the server that is not acknowledged yet.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) call: usize,
    branch: String,
    cseq: u32,
    request: Wire,
    stage: Stage,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// To be answered then.
    Answering { at: Time },
    /// A call that nobody will answer; it expires then (RFC 3261 §13.3.1).
    Ringing { until: Time },
    /// Nobody will ever answer it.
    Ignored { until: Time },
    /// Answered, repeated until the ACK.
    Answered {
        bytes: Vec<u8>,
        resend_at: Time,
        interval: Duration,
        give_up_at: Time,
        success: bool,
    },
}

impl Server {
    pub(super) fn deadlines(&self) -> impl Iterator<Item = Time> {
        let (first, second) = match self.stage {
            Stage::Answering { at }
            | Stage::Ringing { until: at }
            | Stage::Ignored { until: at } => (at, None),
            Stage::Answered {
                resend_at,
                give_up_at,
                ..
            } => (resend_at, Some(give_up_at)),
        };
        [first].into_iter().chain(second)
    }

    /// Whether a call begins with its answer, and the ACK of that.
    fn begins(&self, call: usize) -> bool {
        self.call == call
            && self.request.tag("To").is_none()
            && matches!(self.stage, Stage::Answered { success: true, .. })
    }

    fn is_unanswered(&self) -> bool {
        matches!(self.stage, Stage::Answering { .. })
    }
}

impl Phone {
    pub(super) fn request(&mut self, now: Time, method: &str, request: &Wire) {
        let branch = request.branch();
        assert!(
            branch.starts_with("z9hG4bK"),
            "a branch without cookie: {branch}"
        );
        assert!(
            request.header("Max-Forwards").is_some(),
            "no Max-Forwards: {}",
            request.start
        );
        if method == "ACK" {
            self.acked(now, request);
            return;
        }
        let key = format!("{branch} {method}");
        if let Some((_, bytes)) = self.finals.iter().find(|(known, _)| *known == key) {
            let bytes = bytes.clone();
            self.answer_to(request, bytes);
            return;
        }
        if method == "INVITE" && self.servers.iter().any(|server| server.branch == branch) {
            self.repeat_server(branch);
            return;
        }
        match method {
            "INVITE" => self.reinvited(now, request),
            "BYE" => self.said_bye(now, request),
            "CANCEL" => self.cancelled(now, request),
            "UPDATE" => self.updated(request),
            "NOTIFY" if reports_on_refer(request) => {
                self.reported(request);
                self.reply(request, 200, None);
            }
            "NOTIFY" => self.notified(now, request),
            "MESSAGE" => {
                self.texts.push(request.body.clone());
                self.reply(request, 200, None);
            }
            "OPTIONS" => self.reply(request, 200, None),
            "INFO" => {
                self.infos.push(request.clone());
                self.reply(request, 200, None);
            }
            _ => self.reply(request, 405, None),
        }
    }

    pub(super) fn server_timeouts(&mut self, now: Time) {
        let mut at = 0;
        while at < self.servers.len() {
            match &mut self.servers[at].stage {
                Stage::Answering { at: due } if *due <= now => {
                    let server = self.servers.remove(at);
                    if self.has_nothing_to_replace(&server.request) {
                        self.decline(now, server.call, &server.request, 481);
                    } else {
                        self.accept(now, server.call, &server.request);
                    }
                    continue;
                }
                Stage::Ringing { until } if *until <= now => {
                    let server = self.servers.remove(at);
                    self.decline(now, server.call, &server.request, 487);
                    continue;
                }
                Stage::Ignored { until } if *until <= now => {
                    self.servers.remove(at);
                    continue;
                }
                Stage::Answered {
                    give_up_at,
                    success,
                    ..
                } if *give_up_at <= now => {
                    let success = *success;
                    let server = self.servers.remove(at);
                    if success {
                        self.hang_up(now, server.call);
                    }
                    continue;
                }
                Stage::Answered {
                    bytes,
                    resend_at,
                    interval,
                    ..
                } if *resend_at <= now => {
                    *interval = (*interval * 2).min(T2);
                    *resend_at = now + *interval;
                    let bytes = bytes.clone();
                    let request = self.servers[at].request.clone();
                    self.answer_to(&request, bytes);
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Whether the ACK of a call that was answered is still to come.
    pub(super) fn is_unacknowledged(&self, number: usize) -> bool {
        self.servers.iter().any(|server| server.begins(number))
    }

    /// Whether it waits for that before it hangs up, as it should.
    pub(super) fn must_await_ack(&self, number: usize) -> bool {
        self.habits.hasty_percent == 0 && self.is_unacknowledged(number)
    }

    /// Our call is over: what the server still waits for gets its final answer (§15.1.2).
    pub(super) fn give_up_servers(&mut self, now: Time, number: usize) {
        while let Some(at) = self
            .servers
            .iter()
            .position(|server| server.call == number && server.is_unanswered())
        {
            let server = self.servers.remove(at);
            self.refuse(now, server.call, &server.request, 487);
        }
        let (over, servers): (Vec<_>, _) = { self.servers.drain(..) }.partition(|server| {
            server.call == number && matches!(server.stage, Stage::Answered { success: true, .. })
        });
        self.servers = servers;
        over.iter().for_each(|server| self.keep_answer(server));
    }

    fn reinvited(&mut self, now: Time, request: &Wire) {
        if request.tag("To").is_none() {
            return self.called(now, request);
        }
        let Some(number) = self.call_of(request) else {
            self.reply(request, 481, None);
            return;
        };
        assert!(
            request.header("Contact").is_some(),
            "a re-INVITE has a Contact"
        );
        let (cseq, _) = request.cseq();
        if self.calls[number].is_over() {
            self.refuse(now, number, request, 481);
            return;
        }
        if self.calls[number]
            .remote_cseq
            .is_some_and(|last| cseq <= last)
        {
            self.refuse(now, number, request, 500);
            return;
        }
        self.calls[number].remote_cseq = Some(cseq);
        if self
            .servers
            .iter()
            .any(|server| server.call == number && server.is_unanswered())
        {
            self.refuse(now, number, request, 500);
            return;
        }
        if self.habits.glare && !self.has_invite_pending(number) {
            self.habits.glare = false;
            self.invite(now, number, true);
        }
        if self
            .clients
            .iter()
            .any(|client| client.is_invite_of(number))
        {
            self.refuse(now, number, request, 491);
            return;
        }
        if self.habits.excuses > 0 {
            self.habits.excuses -= 1;
            self.refuse(now, number, request, 491);
            return;
        }
        match self.habits.reinvite {
            ReinviteHabit::Accept => self.accept(now, number, request),
            ReinviteHabit::Refuse(status) => self.refuse(now, number, request, status),
            ReinviteHabit::Late(delay) => {
                self.provisional_reply(request);
                self.wait(number, request, Stage::Answering { at: now + delay });
            }
            ReinviteHabit::Ignore => {
                self.wait(
                    number,
                    request,
                    Stage::Ignored {
                        until: now + TIMEOUT,
                    },
                );
            }
        }
    }

    /// An UPDATE without an offer: it refreshes the session (RFC 4028 §7.4), or says who we talk to
    /// (RFC 4916).
    fn updated(&mut self, request: &Wire) {
        assert!(self.habits.update, "an UPDATE that was not allowed");
        assert!(request.body.is_empty(), "an UPDATE with an offer");
        let found = self.call_of(request).map(|number| &mut self.calls[number]);
        let Some(call) = found.filter(|call| !call.is_over()) else {
            return self.reply(request, 481, None);
        };
        let (cseq, _) = request.cseq();
        if call.remote_cseq.is_some_and(|last| cseq <= last) {
            return self.reply(request, 500, None);
        }
        call.remote_cseq = Some(cseq);
        call.learn(request, None);
        self.updates += 1;
        let reply = self
            .response_to(request, 200)
            .with("Contact", self.contact());
        self.reply_with(request, &reply);
    }

    fn accept(&mut self, now: Time, number: usize, request: &Wire) {
        let call = &mut self.calls[number];
        call.learn(request, None);
        if self.habits.moves {
            call.rtp.set_port(call.rtp.port() ^ 0x4000);
        }
        let body = if request.body.is_empty() {
            Some(call.offer())
        } else {
            call.answer(&request.body)
        };
        let Some(mut body) = body else {
            self.decline(now, number, request, 488);
            return;
        };
        if self.habits.wrong_answers > 0 {
            self.habits.wrong_answers -= 1;
            body = body
                .replace("RTP/AVP 0", "RTP/AVP 18")
                .replace("RTP/AVP 8", "RTP/AVP 18");
        }
        self.replaced(request);
        let call = &mut self.calls[number];
        if call.state == State::Calling {
            call.state = State::Confirmed;
        }
        call.reinvited += 1;
        call.reinvite_identity = request.header("P-Asserted-Identity").map(str::to_owned);
        let reply = self
            .response_to(request, 200)
            .with("Contact", self.contact())
            .with("Allow", self.allow())
            .sdp(body);
        self.answered(now, number, request, reply.bytes(), true);
        let is_hasty = self.habits.hasty_percent > 0 && request.tag("To").is_none();
        if is_hasty && self.seed.chance(self.habits.hasty_percent) {
            self.hang_up(now, number);
        }
    }

    pub(super) fn refuse(&mut self, now: Time, number: usize, request: &Wire, status: u16) {
        let mut reply = self.response_to(request, status);
        if status == 500 {
            reply = reply.with("Retry-After", 1);
        }
        self.answered(now, number, request, reply.bytes(), false);
    }

    fn answered(
        &mut self,
        now: Time,
        number: usize,
        request: &Wire,
        bytes: Vec<u8>,
        success: bool,
    ) {
        self.answer_to(request, bytes.clone());
        let stage = Stage::Answered {
            bytes,
            resend_at: now + T1,
            interval: T1,
            give_up_at: now + TIMEOUT,
            success,
        };
        self.wait(number, request, stage);
    }

    pub(super) fn wait(&mut self, number: usize, request: &Wire, stage: Stage) {
        self.servers.push(Server {
            call: number,
            branch: request.branch().to_owned(),
            cseq: request.cseq().0,
            request: request.clone(),
            stage,
        });
    }

    fn repeat_server(&mut self, branch: &str) {
        let server = self.servers.iter().find(|server| server.branch == branch);
        let Some(server) = server else { return };
        let request = server.request.clone();
        match &server.stage {
            Stage::Answered { bytes, .. } => {
                let bytes = bytes.clone();
                self.answer_to(&request, bytes);
            }
            Stage::Answering { .. } | Stage::Ringing { .. } => self.provisional_reply(&request),
            Stage::Ignored { .. } => {}
        }
    }

    fn acked(&mut self, now: Time, request: &Wire) {
        let (cseq, _) = request.cseq();
        let Some(number) = self.call_of(request) else {
            return;
        };
        let found = self.servers.iter().position(|server| {
            server.call == number
                && server.cseq == cseq
                && matches!(server.stage, Stage::Answered { .. })
        });
        let Some(at) = found else { return };
        let server = self.servers.remove(at);
        self.keep_answer(&server);
        let call = &mut self.calls[number];
        if call.offered.is_some() && !request.body.is_empty() && !call.is_over() {
            call.answered(&request.body);
        }
        if std::mem::take(&mut call.hangs_up) {
            self.hang_up(now, number);
        }
    }

    /// A late repetition of the INVITE gets the answer again (RFC 6026 §7.1).
    fn keep_answer(&mut self, server: &Server) {
        if let Stage::Answered { bytes, .. } = &server.stage {
            let key = format!("{} INVITE", server.branch);
            self.finals.push((key, bytes.clone()));
        }
    }

    fn said_bye(&mut self, now: Time, request: &Wire) {
        let Some(number) = self.call_of(request) else {
            self.reply(request, 481, None);
            return;
        };
        self.reply(request, 200, None);
        let call = &mut self.calls[number];
        let reason = request.header("Reason").map(str::to_owned);
        call.remote_cseq = Some(request.cseq().0.max(call.remote_cseq.unwrap_or(0)));
        call.end(Ending::ByServer { reason });
        call.bye = Some(request.clone());
        self.give_up_servers(now, number);
    }

    fn cancelled(&mut self, now: Time, request: &Wire) {
        let branch = request.branch();
        let Some(at) = self
            .servers
            .iter()
            .position(|server| server.branch == branch)
        else {
            self.reply(request, 481, None);
            return;
        };
        self.reply(request, 200, None);
        if matches!(
            self.servers[at].stage,
            Stage::Answering { .. } | Stage::Ringing { .. } | Stage::Ignored { .. }
        ) {
            let server = self.servers.remove(at);
            let reason = request.header("Reason").map(str::to_owned);
            self.calls[server.call].cancel_reason = reason;
            self.decline(now, server.call, &server.request, 487);
        }
    }

    /// The user refuses a call that rings.
    pub(super) fn stop_ringing(&mut self, now: Time, number: usize) {
        let ringing = self.servers.iter().position(|server| server.call == number);
        if let Some(at) = ringing {
            let server = self.servers.remove(at);
            self.decline(now, number, &server.request, 486);
        }
    }

    fn call_of(&self, request: &Wire) -> Option<usize> {
        let (call_id, theirs) = (request.must("Call-ID"), request.tag("From"));
        let ours = request.tag("To");
        self.calls.iter().position(|call: &Call| {
            call.call_id == call_id
                && call.remote_tag.as_deref() == theirs
                && ours == Some(call.local_tag.as_str())
                && call.state != State::Calling
        })
    }

    pub(super) fn reply(&mut self, request: &Wire, status: u16, body: Option<String>) {
        let mut reply = self.response_to(request, status);
        if let Some(body) = body {
            reply = reply.sdp(body);
        }
        self.reply_with(request, &reply);
    }

    fn reply_with(&mut self, request: &Wire, reply: &Wire) {
        let bytes = reply.bytes();
        let (_, method) = request.cseq();
        self.finals
            .push((format!("{} {method}", request.branch()), bytes.clone()));
        self.answer_to(request, bytes);
    }

    fn provisional_reply(&mut self, request: &Wire) {
        let bytes = self.response_to(request, 100).bytes();
        self.answer_to(request, bytes);
    }

    pub(super) fn response_to(&self, request: &Wire, status: u16) -> Wire {
        let mut reply = Wire::new(format!("SIP/2.0 {status} Said"));
        for via in request.headers("Via") {
            reply = reply.with("Via", via);
        }
        for field in ["From", "To", "Call-ID", "CSeq"] {
            reply = reply.with(field, request.must(field));
        }
        let called = self
            .calls
            .iter()
            .find(|call| call.invite.is_some() && call.call_id == request.must("Call-ID"));
        match called.filter(|_| request.tag("To").is_none() && status > 100) {
            Some(call) => {
                let to = format!("{};tag={}", request.must("To"), call.local_tag);
                reply.replaced("To", to)
            }
            None => reply,
        }
    }

    /// Responses go to where the top Via says (§18.2.2).
    pub(super) fn answer_to(&mut self, request: &Wire, bytes: Vec<u8>) {
        let via = request.must("Via").split(';').next().unwrap_or_default();
        let sent_by = via.split(' ').nth(1).unwrap_or_default();
        let to: SocketAddr = sent_by.parse().unwrap_or(self.server);
        self.send(to, bytes);
    }
}
