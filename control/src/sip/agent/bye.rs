//! The end of a dialog (RFC 3261 §9.1, §12.2.1.2, §13.3.1.4, §15): when BYE may be sent, when
//! CANCEL must be, and what is left.

use shared::Time;
use tracing::debug;

use super::clients::{Machine, Owner};
use super::event::{AgentEvent, DialogKey, EndCause, Reply};
use super::request::{Draft, Part};
use super::respond::Answer;
use super::usage::{Ending, Farewell, Phase, Progress, Report};
use super::{Agent, Deadline};
use crate::sip::status::Status;

impl Agent {
    /// Ends a dialog, whatever state it is in: BYE (after the ACK of our 2xx, or its timeout, where
    /// we are UAS and it is outstanding: RFC 3261 §15), CANCEL, or 480 to an unanswered INVITE. No
    /// further event but `Forgotten`.
    pub fn bye(&mut self, now: Time, dialog: DialogKey, reply: Reply) {
        self.end(now, dialog, reply, Report::Forgotten);
    }

    pub(super) fn end(&mut self, now: Time, dialog: DialogKey, reply: Reply, report: Report) {
        let Some(usage) = self.usages.get_mut(dialog) else {
            return;
        };
        let headers = reply.headers.clone();
        match usage.phase {
            Phase::Ending(_) => {}
            Phase::Early if usage.our_invite.is_some() => {
                usage.phase = Phase::Ending(Ending::Cancelling(Farewell { headers, report }));
                let headers = reply.headers;
                self.cancel_invite(now, dialog, &headers);
            }
            Phase::Early => {
                if let Some(invite) = usage.their_invite.take() {
                    let answer = Answer::new(Status::TEMPORARILY_UNAVAILABLE).carrying(reply);
                    self.answer(now, invite, &answer);
                }
                self.finish(now, dialog, report);
            }
            Phase::Confirmed if usage.must_await_ack() => {
                self.terminate_their_invite(now, dialog);
                if let Some(usage) = self.usages.get_mut(dialog) {
                    let farewell = Farewell { headers, report };
                    usage.phase = Phase::Ending(Ending::AwaitingAck(farewell));
                }
            }
            Phase::Confirmed => self.send_bye(now, dialog, &reply, report),
        }
    }

    /// The ACK that a BYE waited for has come.
    pub(super) fn say_bye_if_due(&mut self, now: Time, dialog: DialogKey) {
        let Some(usage) = self.usages.get_mut(dialog) else {
            return;
        };
        if !usage.unacked.is_empty() {
            return;
        }
        if let Phase::Ending(Ending::AwaitingAck(farewell)) = &mut usage.phase {
            let report = farewell.report;
            let headers = std::mem::take(&mut farewell.headers);
            let reply = Reply {
                headers,
                body: None,
            };
            self.send_bye(now, dialog, &reply, report);
        }
    }

    /// Sends BYE; nothing else of the dialog is waited for.
    pub(super) fn send_bye(&mut self, now: Time, dialog: DialogKey, reply: &Reply, report: Report) {
        self.terminate_their_invite(now, dialog);
        let answered = self
            .usages
            .get(dialog)
            .and_then(|usage| usage.our_invite.as_ref());
        if answered.is_some_and(|ours| ours.progress == Progress::Answered) {
            // A 2xx must be acknowledged even where nobody wants it any more (§13.2.2.4).
            self.ack(now, dialog, None);
        }
        let Some(usage) = self.usages.get_mut(dialog) else {
            return;
        };
        debug!(
            call_id = &**usage.dialog.call_id(),
            dialog = dialog.0,
            "bye"
        );
        usage.unacked = Vec::new();
        usage.retry_at = None;
        usage.phase = Phase::Ending(Ending::Leaving(report));
        let cseq = usage.dialog.next_cseq();
        let path = usage.path;
        let part = Part::bye(cseq, reply);
        let signature = self.config.signature(&self.allow);
        let (draft, next_hop) = Draft::within(&usage.dialog, &part, &signature);
        self.launch(now, Owner::Dialog(dialog), draft, &next_hop, path);
        self.rearm_usage(dialog);
    }

    pub(super) fn terminate_their_invite(&mut self, now: Time, dialog: DialogKey) {
        let usage = self.usages.get_mut(dialog);
        if let Some(invite) = usage.and_then(|usage| usage.their_invite.take()) {
            self.answer(now, invite, &Answer::new(Status::REQUEST_TERMINATED));
        }
    }

    /// The dialog is dead on the other side: BYE for good measure, and the layer above is told.
    pub(super) fn gone(&mut self, now: Time, dialog: DialogKey, cause: EndCause) {
        self.send_bye(now, dialog, &Reply::default(), Report::Silence);
        self.events.push_back(AgentEvent::Ended {
            dialog,
            cause,
            request: None,
        });
    }

    /// Nothing of the dialog is left.
    pub(super) fn finish(&mut self, now: Time, dialog: DialogKey, report: Report) {
        self.drop_usage(now, dialog);
        if report == Report::Forgotten {
            self.events.push_back(AgentEvent::Forgotten { dialog });
        }
    }

    /// Removes a usage; an INVITE of ours that is still open has nobody to tell and a limited time.
    pub(super) fn drop_usage(&mut self, now: Time, dialog: DialogKey) {
        let Some(usage) = self.usages.remove(dialog) else {
            return;
        };
        self.deadlines.set(Deadline::Dialog(dialog), None);
        self.outlive(dialog, &usage);
        let Some(ours) = usage.our_invite else {
            return;
        };
        let Some(client) = self.clients.get_mut(ours.client) else {
            return;
        };
        client.owner = Owner::Nobody;
        if let Machine::Invite(machine) = &mut client.machine {
            machine.abandon(now);
        }
        self.rearm_client(ours.client);
    }

    /// A deadline of a usage has passed: a 2xx to repeat or to give up, a back-off or a patience
    /// that is over, a session to refresh.
    pub(super) fn usage_expired(&mut self, now: Time, dialog: DialogKey) {
        let Some(usage) = self.usages.get_mut(dialog) else {
            return;
        };
        if usage.retry_at.is_some_and(|at| at <= now) {
            usage.retry_at = None;
            self.events.push_back(AgentEvent::Retry { dialog });
        }
        let patience = usage.our_invite.as_ref().and_then(|ours| ours.patience);
        if patience.is_some_and(|at| at <= now) {
            self.lose_patience(now, dialog);
        }
        self.repeat_success(now, dialog);
        self.repeat_provisional(now, dialog);
        self.session_expired(now, dialog);
        self.rearm_usage(dialog);
    }

    pub(super) fn rearm_usage(&mut self, dialog: DialogKey) {
        let deadline = self
            .usages
            .get(dialog)
            .and_then(super::usage::Usage::deadline);
        self.deadlines.set(Deadline::Dialog(dialog), deadline);
    }
}
