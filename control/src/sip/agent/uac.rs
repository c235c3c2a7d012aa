//! The user agent client (RFC 3261 §8.1.3, §12.2.1, §13.2, §14.1): INVITE and re-INVITE of ours, and what comes of them.

use std::time::Duration;

use shared::Time;
use tracing::{debug, trace};

use super::clients::{AckState, ClientId};
use super::destination::Path;
use super::event::{AgentEvent, DialogKey, EndCause, Outgoing, Reply, SipDrop};
use super::request::{Draft, Part, ack_of_failure, ack_of_stray_success};
use super::usage::{Ending, Farewell, OurInvite, Phase, Progress, Report, Usage};
use super::{Agent, Ticket};
use crate::sip::dialog::{Dialog, Origin, Plan};
use crate::sip::header::{Address, Header};
use crate::sip::message::Message;
use crate::sip::method::Method;
use crate::sip::status::Status;
use crate::sip::transaction::Received;
use crate::sip::transaction::key::{Branch, ClientKey};
use crate::sip::transport::Packet;
use crate::sip::uri::Uri;
use crate::sip::write::Body;

/// After a provisional response a final one is awaited this long (as timer C of §16.6, which is above 3 minutes).
const PATIENCE: Duration = Duration::from_secs(181);

/// Forks of one INVITE that are acknowledged and ended; more are left to their own timeout.
const FORKS_MAX: usize = 8;

impl Agent {
    /// Calls somebody. Fails by event, never here.
    pub fn invite(&mut self, now: Time, outgoing: Outgoing) -> DialogKey {
        if self.usages.len() >= self.dialogs_max || self.is_full() {
            self.count(SipDrop::Full);
            let dialog = self.usages.reserve();
            self.events.push_back(AgentEvent::Rejected {
                dialog,
                status: Status::SERVICE_UNAVAILABLE,
                response: None,
            });
            return dialog;
        }
        let (call_id, tag, cseq) = (self.random.call_id(), self.random.tag(), self.random.cseq());
        let dialog = Dialog::to_be(&Origin {
            call_id: &call_id,
            tag: &tag,
            from: &outgoing.from,
            to: &outgoing.to,
            target: &outgoing.target,
            cseq,
        });
        let user = Address::parse(&outgoing.from)
            .and_then(|from| Uri::parse(from.uri).ok()?.user)
            .unwrap_or_default();
        let plan = Plan::new(&outgoing.target, &outgoing.routes);
        let reply = Reply {
            headers: outgoing.headers,
            body: outgoing.body,
        };
        let part = Part::invite(cseq, &reply, user);
        let draft = Draft::new(&dialog, &plan, &part, &self.config.signature(&self.allow));
        let mut usage = Usage::new(dialog, None);
        usage.contact_user = user.into();
        let key = self.usages.insert(usage);
        debug!(call_id, dialog = key.0, "invite");
        self.launch_invite(now, key, draft, cseq, &plan.next_hop);
        key
    }

    /// Offers anew in a dialog. False, without effect, while an INVITE of either side is pending or a back-off runs: wait
    /// for its end ([`AgentEvent::Acked`] for one that we accepted, [`AgentEvent::Retry`]).
    pub fn reinvite(&mut self, now: Time, dialog: DialogKey, reply: Reply) -> bool {
        let Some(usage) = self.usages.get_mut(dialog) else {
            return false;
        };
        let is_free = usage.is_confirmed()
            && usage.our_invite.is_none()
            && usage.retry_at.is_none()
            && usage.their_invite.is_none()
            && usage.unacked.is_empty();
        if !is_free {
            return false;
        }
        let cseq = usage.dialog.next_cseq();
        let plan = usage.dialog.plan();
        let part = Part::invite(cseq, &reply, &usage.contact_user);
        let draft = Draft::new(
            &usage.dialog,
            &plan,
            &part,
            &self.config.signature(&self.allow),
        );
        let next_hop = plan.next_hop.into_owned();
        self.launch_invite(now, dialog, draft, cseq, &next_hop);
        true
    }

    fn launch_invite(
        &mut self,
        now: Time,
        dialog: DialogKey,
        draft: Draft,
        cseq: u32,
        next_hop: &str,
    ) {
        let path = self.usages.get(dialog).and_then(|usage| usage.path);
        let client = self.launch(now, Some(dialog), draft, next_hop, path);
        if let Some(usage) = self.usages.get_mut(dialog) {
            usage.our_invite = Some(OurInvite {
                client,
                cseq,
                progress: Progress::Calling,
                patience: None,
            });
        }
        self.rearm_usage(dialog);
    }

    /// Acknowledges a 2xx, with the answer where the 2xx carried the offer.
    pub fn ack(&mut self, _now: Time, dialog: DialogKey, body: Option<Body>) {
        let Some(usage) = self.usages.get_mut(dialog) else {
            return;
        };
        let Some(ours) = usage
            .our_invite
            .take_if(|ours| ours.progress == Progress::Answered)
        else {
            return;
        };
        let plan = usage.dialog.plan();
        let part = Part::ack(ours.cseq, body.as_ref());
        let draft = Draft::new(
            &usage.dialog,
            &plan,
            &part,
            &self.config.signature(&self.allow),
        );
        let next_hop = plan.next_hop.into_owned();
        let (path, remote_tag) = (usage.path, usage.dialog.remote_tag().to_owned());
        self.launch_ack(ours.client, &remote_tag, draft, &next_hop, path);
        self.rearm_usage(dialog);
    }

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
        trace!(dialog = owner.map(|key| key.0), %method, %status, "response");
        match method {
            Method::Invite => {
                let path = Path::of(&self.config.listeners, packet);
                if status.is_success() {
                    return self.invite_succeeded(now, id, owner, path, response);
                }
                if status.is_provisional() {
                    return self.invite_progressed(now, id, owner?, path, response, status);
                }
                self.invite_failed(now, id, owner?, status, Some(response))
            }
            Method::Bye if status.is_final() => self.bye_answered(now, owner?),
            _ => None,
        }
    }

    /// No response came, or the request could not be sent.
    pub(super) fn client_failed(&mut self, now: Time, id: ClientId) {
        let Some(client) = self.clients.get(id) else {
            return;
        };
        let (method, owner, status) = (client.key.method, client.owner, client.machine.failure());
        debug!(dialog = owner.map(|key| key.0), %method, %status, "request failed");
        self.forget_client(id);
        let event = match (method, owner) {
            (Method::Invite, Some(dialog)) => self.invite_failed(now, id, dialog, status, None),
            (Method::Bye, Some(dialog)) => self.bye_answered(now, dialog),
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
        let is_news = usage.is_early() && status != Status::TRYING;
        if let (true, Some(tag)) = (is_news, response.to_tag()) {
            usage.dialog.learn_remote_tag(tag);
        }
        self.rearm_usage(dialog);
        is_news.then_some(AgentEvent::Progress { dialog, response })
    }

    /// No final answer for too long: CANCEL. The caller of an initial INVITE need not wait for what comes of it.
    pub(super) fn lose_patience(&mut self, now: Time, dialog: DialogKey) {
        self.cancel_invite(now, dialog, &[]);
        let Some(usage) = self.usages.get_mut(dialog) else {
            return;
        };
        if usage.is_early() {
            let farewell = Farewell {
                headers: Vec::new(),
                report: Report::Silence,
            };
            usage.phase = Phase::Ending(Ending::Cancelling(farewell));
            self.events.push_back(AgentEvent::Rejected {
                dialog,
                status: Status::REQUEST_TIMEOUT,
                response: None,
            });
        }
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
        usage.our_invite.take_if(|ours| ours.client == id)?;
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
            Phase::Confirmed if is_end_of_dialog(status) => {
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

    /// Glare: who made the Call-ID waits longer (§14.1).
    fn await_retry(&mut self, now: Time, dialog: DialogKey) {
        let Some(usage) = self.usages.get_mut(dialog) else {
            return;
        };
        let backoff = self.random.glare_backoff(usage.dialog.role());
        debug!(
            call_id = usage.dialog.call_id(),
            dialog = dialog.0,
            ?backoff,
            "glare"
        );
        usage.retry_at = Some(now + backoff);
        self.rearm_usage(dialog);
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

    /// Whether this 2xx was acknowledged before; if so, it is again.
    fn repeat_ack(&mut self, id: ClientId, remote_tag: &str) -> bool {
        let acks = self
            .clients
            .get(id)
            .map(|client| &client.acks)
            .into_iter()
            .flatten();
        let Some(ack) = { acks }.find(|ack| *ack.remote_tag == *remote_tag) else {
            return false;
        };
        if let AckState::Sent(hop, bytes) = &ack.ready {
            let (hop, bytes) = (*hop, bytes.clone());
            self.push(hop, Ticket::default(), bytes);
        }
        true
    }

    /// A 2xx nobody waits for: of another fork (§13.2.2.4) it is acknowledged and its dialog ended; to a re-INVITE of
    /// a dialog that is gone, only acknowledged.
    fn refuse_success(&mut self, now: Time, id: ClientId, path: Path, response: &Message<'_>) {
        let Some(client) = self
            .clients
            .get(id)
            .filter(|client| client.acks.len() <= FORKS_MAX)
        else {
            return;
        };
        let Some((hop, sent)) = client.sent.clone() else {
            return;
        };
        let Some(mut dialog) = Dialog::of_response(response) else {
            return;
        };
        let Ok(invite) = Message::parse(&sent) else {
            return;
        };
        if invite.to_tag().is_some() {
            let branch = self.random.branch();
            let via = self
                .via(path.listener)
                .map(|via| format!("{via};branch={branch}"));
            if let Some(bytes) = via.and_then(|via| ack_of_stray_success(&invite, response, &via)) {
                self.push(hop, Ticket::default(), bytes);
            }
            return;
        }
        debug!(call_id = dialog.call_id(), "fork refused");
        let signature = self.config.signature(&self.allow);
        let part = Part::ack(dialog.local_cseq(), None);
        let ack = Draft::new(&dialog, &dialog.plan(), &part, &signature);
        let cseq = dialog.next_cseq();
        let plan = dialog.plan();
        let bye = Draft::new(
            &dialog,
            &plan,
            &Part::bye(cseq, &Reply::default()),
            &signature,
        );
        self.launch_ack(id, dialog.remote_tag(), ack, &plan.next_hop, Some(path));
        self.launch(now, None, bye, &plan.next_hop, Some(path));
    }

    fn acknowledge_failure(&mut self, id: ClientId, response: &Message<'_>) {
        let sent = self.clients.get(id).and_then(|client| client.sent.as_ref());
        let ack = sent.and_then(|(hop, bytes)| {
            let invite = Message::parse(bytes).ok()?;
            Some((*hop, ack_of_failure(&invite, response)?))
        });
        if let Some((hop, bytes)) = ack {
            self.push(hop, Ticket::default(), bytes);
        }
    }
}

/// §12.2.1.2: the answers that tell that the peer has no such dialog, or is no more.
fn is_end_of_dialog(status: Status) -> bool {
    matches!(
        status,
        Status::CALL_DOES_NOT_EXIST | Status::REQUEST_TIMEOUT
    )
}
