//! UPDATE (RFC 3311): theirs is checked and goes up; ours refreshes a session or tells who the
//! other side is now, never with an offer.

use shared::Time;
use tracing::debug;

use super::Agent;
use super::check::SUPPORTED;
use super::clients::{ClientId, Owner};
use super::destination::contact;
use super::event::{AgentEvent, DialogKey, EndCause, Reply, RequestKey};
use super::request::{Draft, Part};
use super::respond::Answer;
use super::servers::ServerId;
use super::session_timer::Timer;
use super::usage::{Carried, Progress};
use crate::sip::message::Message;
use crate::sip::method::Method;
use crate::sip::status::Status;

/// An UPDATE of ours that is under way.
#[derive(Debug)]
pub(super) struct OurUpdate {
    client: ClientId,
    purpose: Purpose,
}

/// Why an UPDATE of ours is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    Refresh,
    Tell,
}

impl Agent {
    /// Names our side anew from the next request on, where the peer follows it (RFC 4916 §4.4.2).
    pub fn rename(&mut self, dialog: DialogKey, name: &str) {
        let usage = self.usages.get_mut(dialog);
        if let Some(usage) = usage.filter(|usage| usage.peer.from_change) {
            usage.dialog.rename(name);
        }
    }

    /// Tells the peer by UPDATE without an offer, as connected identity does (RFC 4916 §4). False,
    /// without effect, where the peer does not take UPDATE, or none can be sent now.
    pub fn tell(&mut self, now: Time, dialog: DialogKey, reply: Reply) -> bool {
        self.update(now, dialog, Purpose::Tell, reply)
    }

    pub(super) fn update(
        &mut self,
        now: Time,
        dialog: DialogKey,
        purpose: Purpose,
        mut reply: Reply,
    ) -> bool {
        let session = self.session_headers(dialog);
        let Some(usage) = self.usages.get_mut(dialog) else {
            return false;
        };
        // A caller that has not heard our 2xx yet knows no dialog, and would answer 481.
        if !usage.is_confirmed() || !usage.peer.updates || usage.must_await_ack() {
            return false;
        }
        if usage.our_update.is_some() {
            // Its answer refreshes as well; what is to be told would come out of order.
            return purpose == Purpose::Refresh;
        }
        reply.headers.splice(0..0, session);
        let cseq = usage.dialog.next_cseq();
        let part = Part::other(Method::Update, cseq, &reply, &usage.contact_user);
        let signature = self.config.signature(&self.allow);
        let (draft, next_hop) = Draft::within(&usage.dialog, &part, &signature);
        let path = usage.path;
        let client = self.launch(now, Owner::Dialog(dialog), draft, &next_hop, path);
        if let Some(usage) = self.usages.get_mut(dialog) {
            usage.our_update = Some(Box::new(OurUpdate { client, purpose }));
        }
        true
    }

    /// The final answer to our UPDATE, or its absence.
    pub(super) fn update_answered<'a>(
        &mut self,
        now: Time,
        id: ClientId,
        dialog: DialogKey,
        status: Status,
        response: Option<&'a Message<'a>>,
    ) -> Option<AgentEvent<'a>> {
        let expires = self.session_expires;
        let usage = self.usages.get_mut(dialog)?;
        let OurUpdate { purpose, .. } = *usage.our_update.take_if(|ours| ours.client == id)?;
        if !usage.is_confirmed() {
            return None;
        }
        if let (true, Some(response)) = (status.is_success(), response) {
            usage.dialog.refresh_target(response);
            usage.peer.learn(response);
            usage.timer = Some(Timer::answered(now, expires, response, &mut self.random));
            self.rearm_usage(dialog);
            return None;
        }
        debug!(call_id = &**usage.dialog.call_id(), dialog = dialog.0, %status, "UPDATE refused");
        match status {
            Status::CALL_DOES_NOT_EXIST | Status::REQUEST_TIMEOUT => {
                self.gone(now, dialog, EndCause::Gone);
            }
            Status::METHOD_NOT_ALLOWED | Status::NOT_IMPLEMENTED => {
                usage.peer.updates = false;
                return Some(AgentEvent::Refresh { dialog });
            }
            _ if self.learn_min_se(dialog, status, response) || purpose == Purpose::Tell => {
                return Some(AgentEvent::Refresh { dialog });
            }
            // Another try before the session expires.
            _ => {}
        }
        None
    }

    /// The peer's UPDATE. One with an offer must wait for those that are on their way (RFC 3311
    /// §5.2); one without may come at any time.
    pub(super) fn receive_update<'a>(
        &mut self,
        id: ServerId,
        dialog: DialogKey,
        request: &'a Message<'a>,
    ) -> Result<AgentEvent<'a>, Answer> {
        let retry_after_s = self.random.retry_after_s();
        self.check_content(request)?;
        self.check_session(request)?;
        let usage = self
            .usages
            .get_mut(dialog)
            .filter(|usage| !usage.is_ending());
        let Some(usage) = usage else {
            return Err(Answer::new(Status::CALL_DOES_NOT_EXIST));
        };
        if super::session_description(request).is_some() {
            if usage.their_invite.is_some() || usage.their_update.is_some() {
                return Err(Answer::new(Status::SERVER_ERROR).with("Retry-After", retry_after_s));
            }
            let is_offering = usage
                .our_invite
                .as_ref()
                .is_some_and(|ours| ours.progress != Progress::Answered);
            let owes_answer = usage
                .unacked
                .iter()
                .any(|unacked| unacked.carried == Carried::Offer);
            if is_offering || owes_answer {
                return Err(Answer::new(Status::REQUEST_PENDING));
            }
            usage.their_update = Some(id);
        }
        if let Some(server) = self.servers.get_mut(id) {
            server.owner = Some(dialog);
        }
        Ok(AgentEvent::Update {
            key: RequestKey(id.0),
            dialog,
            request,
        })
    }

    /// What an answer must add where it is one to UPDATE: our Contact to a 2xx, which takes the
    /// peer's, and the session's timer.
    pub(super) fn settle_update(&mut self, now: Time, id: ServerId, answer: Answer) -> Answer {
        let Some(server) = self.servers.get(id) else {
            return answer;
        };
        let usage = server.owner.and_then(|dialog| self.usages.get_mut(dialog));
        let (Some(usage), Ok(request)) = (usage, Message::parse(&server.request)) else {
            return answer;
        };
        if request.method() != Some(Method::Update) {
            return answer;
        }
        usage.their_update.take_if(|update| *update == id);
        if !answer.status.is_success() {
            return answer;
        }
        usage.dialog.refresh_target(&request);
        usage.dialog.refresh_remote(&request);
        usage.peer.learn(&request);
        let listener = self.config.listeners.get(server.listener);
        let answer = Answer {
            contact: listener.map(|listener| contact(listener, &usage.contact_user)),
            ..answer
                .with("Allow", &self.allow)
                .with("Supported", SUPPORTED)
        };
        // Before the first 2xx there is no session whose time could pass.
        if !usage.is_confirmed() {
            return answer;
        }
        let (timer, agreement) =
            Timer::answer(now, self.session_expires, &request, &mut self.random);
        usage.timer = Some(timer);
        if let Some(dialog) = server.owner {
            self.rearm_usage(dialog);
        }
        agreement.add_to(answer)
    }
}
