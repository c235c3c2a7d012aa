//! The user agent client (RFC 3261 §8.1.3, §12.2.1, §13.2, §14.1): INVITE and re-INVITE of ours,
//! and what comes of them.

use shared::Time;
use tracing::{debug, trace};

use super::Agent;
use super::clients::{ClientId, Owner};
use super::destination::Path;
use super::event::{AgentEvent, DialogKey, EndCause, Reply, SipDrop};
use super::reliable::Hearing;
use super::session_timer::Timer;
use super::usage::{Ending, Phase, Progress, Report};
use crate::sip::header::Header;
use crate::sip::limits::PATIENCE;
use crate::sip::message::Message;
use crate::sip::method::Method;
use crate::sip::status::Status;
use crate::sip::transaction::Received;
use crate::sip::transaction::key::{Branch, ClientKey};
use crate::sip::transport::Packet;

impl Agent {
    /// Takes one response from the network.
    pub(super) fn receive_response<'a>(
        &mut self,
        now: Time,
        packet: &Packet<'a>,
        response: &'a Message<'a>,
        status: Status,
    ) -> Option<AgentEvent<'a>> {
        let Some(id) = self.find_client(response) else {
            self.count(SipDrop::StrayResponse);
            return None;
        };
        let received = self.client_receives(now, id, status);
        if matches!(received, Received::Ack | Received::DeliverAndAck) {
            self.acknowledge_failure(id, response);
        }
        let event = match received {
            Received::Absorb | Received::Ack => None,
            Received::Deliver | Received::DeliverAndAck => {
                self.deliver_response(now, id, packet, response, status)
            }
        };
        self.rearm_client(id);
        event
    }

    /// §17.1.3. More than one Via means that it was not for us (§8.1.3.3).
    fn find_client(&self, response: &Message<'_>) -> Option<ClientId> {
        if response.values(Header::Via).nth(1).is_some() {
            return None;
        }
        let branch = Branch::parse(response.top_via().ok()?.branch?)?;
        let method = response.cseq().ok()?.method;
        self.clients.find(ClientKey { branch, method })
    }

    fn deliver_response<'a>(
        &mut self,
        now: Time,
        id: ClientId,
        packet: &Packet<'a>,
        response: &'a Message<'a>,
        status: Status,
    ) -> Option<AgentEvent<'a>> {
        let client = self.clients.get(id)?;
        let (method, owner) = (client.key.method, client.owner);
        let dialog = owner.dialog();
        trace!(dialog = dialog.map(|key| key.0), %method, %status, "response");
        match owner {
            Owner::Nobody | Owner::Dialog(_) => {}
            Owner::Sent(key, dialog) => {
                return self.request_answered(now, key, dialog, method, response, status);
            }
            Owner::Subscription(key) => {
                return self.notify_answered(now, id, key, status, Some(response));
            }
        }
        match method {
            Method::Invite => {
                let path = Path::of(&self.config.listeners, packet);
                if status.is_success() {
                    return self.invite_succeeded(now, id, dialog, path, response);
                }
                if status.is_provisional() {
                    return self.invite_progressed(now, id, dialog?, path, response, status);
                }
                self.invite_failed(now, id, dialog?, status, Some(response))
            }
            Method::Bye if status.is_final() => self.bye_answered(now, dialog?),
            Method::Update if status.is_final() => {
                self.update_answered(now, id, dialog?, status, Some(response))
            }
            _ => None,
        }
    }

    /// No response came, or the request could not be sent.
    pub(super) fn client_failed(&mut self, now: Time, id: ClientId) {
        let Some(client) = self.clients.get(id) else {
            return;
        };
        let (method, owner, status) = (client.key.method, client.owner, client.machine.failure());
        debug!(dialog = owner.dialog().map(|key| key.0), %method, %status, "request failed");
        self.forget_client(id);
        let event = match (method, owner) {
            (Method::Invite, Owner::Dialog(dialog)) => {
                self.invite_failed(now, id, dialog, status, None)
            }
            (Method::Bye, Owner::Dialog(dialog)) => self.bye_answered(now, dialog),
            (_, Owner::Subscription(key)) => self.notify_answered(now, id, key, status, None),
            (Method::Update, Owner::Dialog(dialog)) => {
                self.update_answered(now, id, dialog, status, None)
            }
            (_, Owner::Sent(key, dialog)) => {
                self.end_if_gone(now, dialog, method, status);
                Some(AgentEvent::Response {
                    key,
                    status,
                    response: None,
                })
            }
            _ => None,
        };
        self.events.extend(event);
    }

    /// Whatever the answer to our BYE is, the dialog is over (§15.1.1).
    fn bye_answered<'a>(&mut self, now: Time, dialog: DialogKey) -> Option<AgentEvent<'a>> {
        let Phase::Ending(Ending::Leaving(report)) = self.usages.get(dialog)?.phase else {
            return None;
        };
        self.drop_usage(now, dialog);
        (report == Report::Forgotten).then_some(AgentEvent::Forgotten { dialog })
    }

    fn invite_progressed<'a>(
        &mut self,
        now: Time,
        id: ClientId,
        dialog: DialogKey,
        path: Path,
        response: &'a Message<'a>,
        status: Status,
    ) -> Option<AgentEvent<'a>> {
        let usage = self.usages.get_mut(dialog)?;
        let ours = usage.our_invite.as_mut().filter(|ours| ours.client == id)?;
        usage.path = Some(path);
        match ours.progress {
            Progress::Calling => ours.progress = Progress::Proceeding,
            Progress::CancelDue => {
                ours.progress = Progress::Proceeding;
                let headers = match &mut usage.phase {
                    Phase::Ending(Ending::Cancelling(farewell)) => {
                        std::mem::take(&mut farewell.headers)
                    }
                    _ => Vec::new(),
                };
                self.cancel_invite(now, dialog, &headers);
                return None;
            }
            Progress::Proceeding => {}
            Progress::Cancelled | Progress::Answered => return None,
        }
        ours.patience = Some(now + PATIENCE);
        if self.hear(now, dialog, path, response) == Hearing::Old {
            self.rearm_usage(dialog);
            return None;
        }
        let usage = self.usages.get_mut(dialog)?;
        usage.peer.learn(response);
        let is_news = usage.is_early() && status != Status::TRYING;
        if is_news && response.to_tag().is_some() {
            usage.dialog.establish(response);
        }
        self.rearm_usage(dialog);
        is_news.then_some(AgentEvent::Progress { dialog, response })
    }

    fn invite_failed<'a>(
        &mut self,
        now: Time,
        id: ClientId,
        dialog: DialogKey,
        status: Status,
        response: Option<&'a Message<'a>>,
    ) -> Option<AgentEvent<'a>> {
        let usage = self.usages.get_mut(dialog)?;
        let ours = usage.our_invite.take_if(|ours| ours.client == id)?;
        if self.learn_min_se(dialog, status, response)
            && self.invite_again(now, (id, ours.stake), dialog)
        {
            return None;
        }
        self.rearm_usage(dialog);
        let usage = self.usages.get_mut(dialog)?;
        match &usage.phase {
            Phase::Early => {
                self.drop_usage(now, dialog);
                Some(AgentEvent::Rejected {
                    dialog,
                    status,
                    response,
                })
            }
            Phase::Ending(Ending::Cancelling(farewell)) => {
                let report = farewell.report;
                self.drop_usage(now, dialog);
                (report == Report::Forgotten).then_some(AgentEvent::Forgotten { dialog })
            }
            Phase::Ending(Ending::AwaitingAck(_) | Ending::Leaving(_)) => None,
            Phase::Confirmed if status == Status::REQUEST_PENDING && response.is_some() => {
                self.await_retry(now, dialog);
                Some(AgentEvent::Rejected {
                    dialog,
                    status,
                    response,
                })
            }
            Phase::Confirmed if is_end_of_dialog(status) && !ours.forgives(status) => {
                self.send_bye(now, dialog, &Reply::default(), Report::Silence);
                let cause = EndCause::Gone;
                Some(AgentEvent::Ended {
                    dialog,
                    cause,
                    request: None,
                })
            }
            Phase::Confirmed => Some(AgentEvent::Rejected {
                dialog,
                status,
                response,
            }),
        }
    }

    fn invite_succeeded<'a>(
        &mut self,
        now: Time,
        id: ClientId,
        owner: Option<DialogKey>,
        path: Path,
        response: &'a Message<'a>,
    ) -> Option<AgentEvent<'a>> {
        let remote_tag = response.to_tag().unwrap_or_default();
        if self.repeat_ack(id, remote_tag) {
            return None;
        }
        let usage = owner.and_then(|dialog| self.usages.get_mut(dialog));
        let (Some(dialog), Some(usage)) = (owner, usage) else {
            self.refuse_success(now, id, path, response);
            return None;
        };
        let Some(ours) = usage.our_invite.as_mut().filter(|ours| ours.client == id) else {
            self.refuse_success(now, id, path, response);
            return None;
        };
        if ours.progress == Progress::Answered {
            if usage.dialog.remote_tag() != remote_tag {
                self.refuse_success(now, id, path, response);
            }
            return None;
        }
        ours.progress = Progress::Answered;
        ours.patience = None;
        usage.path = Some(path);
        usage.peer.learn(response);
        usage.early = None;
        usage.timer = Some(Timer::answered(
            now,
            self.session_expires,
            response,
            &mut self.random,
        ));
        let is_initial =
            usage.is_early() || matches!(usage.phase, Phase::Ending(Ending::Cancelling(_)));
        match is_initial {
            true => usage.dialog.establish(response),
            false => usage.dialog.refresh_target(response),
        }
        let event = match &usage.phase {
            Phase::Early => {
                usage.phase = Phase::Confirmed;
                Some(AgentEvent::Answered { dialog, response })
            }
            Phase::Confirmed => Some(AgentEvent::Answered { dialog, response }),
            Phase::Ending(Ending::Cancelling(farewell)) => {
                let report = farewell.report;
                self.send_bye(now, dialog, &Reply::default(), report);
                None
            }
            Phase::Ending(Ending::AwaitingAck(_) | Ending::Leaving(_)) => {
                self.ack(now, dialog, None);
                None
            }
        };
        self.rearm_usage(dialog);
        event
    }
}

/// §12.2.1.2: the answers that tell that the peer has no such dialog, or is no more.
pub(super) fn is_end_of_dialog(status: Status) -> bool {
    matches!(
        status,
        Status::CALL_DOES_NOT_EXIST | Status::REQUEST_TIMEOUT
    )
}
