//! Reliable provisional responses (RFC 3262): ours are repeated until their PRACK, where the peer
//! requires it; theirs are acknowledged with PRACK, whichever fork they are of.

use shared::Time;

use super::Agent;
use super::clients::Owner;
use super::destination::{Hop, Path};
use super::event::{AgentEvent, DialogKey, EndCause, Reply};
use super::request::{Draft, Part};
use super::respond::Answer;
use super::servers::ServerId;
use crate::sip::dialog::Dialog;
use crate::sip::header::Header;
use crate::sip::limits::{FORKS_MAX, TIMEOUT};
use crate::sip::message::Message;
use crate::sip::method::Method;
use crate::sip::status::Status;
use crate::sip::transaction::Backoff;
use crate::sip::transport::Ticket;

/// The reliable provisional responses of one INVITE usage.
#[derive(Debug, Default)]
pub(super) struct Early {
    /// Ours that waits for its PRACK.
    unacknowledged: Option<Reliable>,
    last_rseq: Option<u32>,
    /// Theirs, by fork.
    heard: Vec<Heard>,
}

impl Early {
    pub(super) fn deadline(&self) -> Option<Time> {
        let reliable = self.unacknowledged.as_ref()?;
        Some(reliable.resend.at.min(reliable.give_up_at))
    }
}

#[derive(Debug)]
struct Reliable {
    rseq: u32,
    /// The number of its INVITE.
    cseq: u32,
    hop: Hop,
    bytes: Vec<u8>,
    resend: Backoff,
    give_up_at: Time,
    /// What is to be said next; of several the last.
    next: Option<(Status, Reply)>,
}

/// The number of the last reliable response of one fork.
#[derive(Debug)]
struct Heard {
    tag: Box<str>,
    rseq: u32,
}

/// What a reliable response of the peer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hearing {
    /// Not reliable, or the next in order: it goes up.
    News,
    /// Heard before, or out of order: as if it had not come (§4).
    Old,
}

impl Agent {
    /// Says something provisional to an INVITE, reliably where it is required (§3).
    pub(super) fn say(&mut self, now: Time, dialog: DialogKey, id: ServerId, answer: Answer) {
        let status = answer.status;
        let is_reliable = status != Status::TRYING
            && self.servers.get(id).is_some_and(|server| {
                Message::parse(&server.request).is_ok_and(|request| requires_100rel(&request))
            });
        if !is_reliable {
            self.answer(now, id, &answer);
            return;
        }
        let rseq = self.random.cseq();
        let Some(usage) = self.usages.get_mut(dialog) else {
            return;
        };
        let early = usage.early.get_or_insert_default();
        let rseq = match &mut early.unacknowledged {
            // The first must be acknowledged before the next may be sent (§3).
            Some(waiting) => return waiting.next = Some((status, *answer.reply)),
            None => early.last_rseq.map_or(rseq, |last| last + 1),
        };
        let answer = answer.with("Require", "100rel").with("RSeq", rseq);
        let sent = self.answer(now, id, &answer);
        let cseq = self.servers.get(id).and_then(|server| {
            let request = Message::parse(&server.request).ok()?;
            Some(request.cseq().ok()?.number)
        });
        let (Some((hop, bytes)), Some(cseq)) = (sent, cseq) else {
            return;
        };
        let usage = self.usages.get_mut(dialog);
        let Some(early) = usage.and_then(|usage| usage.early.as_mut()) else {
            return;
        };
        early.last_rseq = Some(rseq);
        early.unacknowledged = Some(Reliable {
            rseq,
            cseq,
            hop,
            bytes,
            resend: Backoff::new(now, TIMEOUT),
            give_up_at: now + TIMEOUT,
            next: None,
        });
        self.rearm_usage(dialog);
    }

    /// §3: it doubles from T1 on; without PRACK the INVITE is refused.
    pub(super) fn repeat_provisional(&mut self, now: Time, dialog: DialogKey) {
        let Some(usage) = self.usages.get_mut(dialog) else {
            return;
        };
        let early = usage.early.as_mut();
        let Some(reliable) = early.and_then(|early| early.unacknowledged.as_mut()) else {
            return;
        };
        if reliable.give_up_at <= now {
            usage.early = None;
            let was_early = usage.is_early();
            let Some(id) = usage.their_invite.take_if(|_| was_early) else {
                return;
            };
            self.answer(now, id, &Answer::new(Status::SERVER_TIMEOUT));
            self.drop_usage(now, dialog);
            self.events.push_back(AgentEvent::Ended {
                dialog,
                cause: EndCause::NoAck,
                request: None,
            });
            return;
        }
        if reliable.resend.is_due(now) && usage.their_invite.is_some() {
            let (hop, bytes) = (reliable.hop, reliable.bytes.clone());
            self.push(hop, Ticket::default(), bytes);
        }
    }

    /// The peer's PRACK: 200 where it names what waits for it, or else 481.
    pub(super) fn receive_prack(
        &mut self,
        now: Time,
        id: ServerId,
        dialog: DialogKey,
        request: &Message<'_>,
    ) -> Result<(), Answer> {
        let Some(rack) = request.header(Header::RAck).and_then(read_rack) else {
            let phrase = Some("RAck is not two numbers and a method");
            let answer = Answer::new(Status::BAD_REQUEST);
            return Err(Answer { phrase, ..answer });
        };
        // Our provisional responses carry no description, so none is on offer here (§5).
        if super::session_description(request).is_some() {
            return Err(Answer::new(Status::NOT_ACCEPTABLE_HERE));
        }
        let usage = self.usages.get_mut(dialog);
        let named = |reliable: &mut Reliable| (reliable.rseq, reliable.cseq) == rack;
        let said = usage.and_then(|usage| {
            let said = usage.early.as_mut()?.unacknowledged.take_if(named)?;
            usage.early.take_if(|_| usage.their_invite.is_none());
            Some((said, usage.their_invite))
        });
        let Some((said, invite)) = said else {
            return Err(Answer::new(Status::CALL_DOES_NOT_EXIST));
        };
        self.answer(now, id, &Answer::new(Status::OK));
        if let (Some((status, reply)), Some(_)) = (said.next, invite) {
            self.progress(now, dialog, status, reply);
        }
        self.rearm_usage(dialog);
        Ok(())
    }

    /// A provisional response to our INVITE: where it is reliable, PRACK (§4).
    pub(super) fn hear(
        &mut self,
        now: Time,
        dialog: DialogKey,
        path: Path,
        response: &Message<'_>,
    ) -> Hearing {
        let rseq = response.header(Header::RSeq).and_then(|v| v.parse().ok());
        let (Some(rseq), true) = (rseq, requires_100rel(response)) else {
            return Hearing::News;
        };
        let (Some(usage), Some(tag)) = (self.usages.get_mut(dialog), response.to_tag()) else {
            return Hearing::News;
        };
        let early = usage.early.get_or_insert_default();
        let is_full = early.heard.len() >= FORKS_MAX;
        match early.heard.iter_mut().find(|heard| &*heard.tag == tag) {
            Some(heard) if heard.rseq.checked_add(1) == Some(rseq) => heard.rseq = rseq,
            Some(_) => return Hearing::Old,
            None if is_full => return Hearing::Old,
            None => early.heard.push(Heard {
                tag: tag.into(),
                rseq,
            }),
        }
        let Some(early) = Dialog::of_response(response) else {
            return Hearing::News;
        };
        let rack = format!("{rseq} {} INVITE", early.local_cseq());
        let cseq = usage.dialog.next_cseq();
        let plan = early.plan();
        let part = Part {
            method: Method::Prack,
            headers: &[(Header::RAck, rack)],
            ..Part::ack(cseq, None)
        };
        let draft = Draft::new(&early, &plan, &part, &self.config.signature(&self.allow));
        self.launch(now, Owner::Nobody, draft, &plan.next_hop, Some(path));
        Hearing::News
    }
}

fn requires_100rel(message: &Message<'_>) -> bool {
    message
        .values(Header::Require)
        .any(|tag| tag.trim().eq_ignore_ascii_case("100rel"))
}

/// The two numbers of RAck (§7.2): RSeq and CSeq.
fn read_rack(value: &str) -> Option<(u32, u32)> {
    let mut parts = value.split_ascii_whitespace();
    let numbers = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    (parts.next()? == "INVITE" && parts.next().is_none()).then_some(numbers)
}
