//! CANCEL (RFC 3261 §9): theirs ends what is not answered, ours waits for the first provisional
//! response.

use shared::Time;

use super::Agent;
use super::clients::{ClientId, Machine as ClientMachine};
use super::event::{AgentEvent, DialogKey, Reply};
use super::request::cancel_of;
use super::respond::Answer;
use super::servers::Machine;
use super::uas::Facts;
use super::usage::{Phase, Progress, Report};
use crate::sip::header::Header;
use crate::sip::message::Message;
use crate::sip::status::Status;
use crate::sip::transaction::key::ServerKey;
use crate::sip::transport::Packet;

impl Agent {
    /// §9.2.
    pub(super) fn receive_cancel<'a>(
        &mut self,
        now: Time,
        packet: &Packet<'a>,
        request: &'a Message<'a>,
        facts: &Facts<'_>,
        key: ServerKey,
    ) -> Option<AgentEvent<'a>> {
        let invite = self
            .servers
            .find(&ServerKey::cancelled_by(request, &facts.via));
        let id = self.open_server(now, packet, facts, key);
        let Some(invite) = invite.and_then(|id| Some((id, self.servers.get(id)?))) else {
            self.answer(now, id, &Answer::new(Status::CALL_DOES_NOT_EXIST));
            return None;
        };
        let (invite, owner, tag) = (invite.0, invite.1.owner, invite.1.tag.clone());
        let is_pending = invite_is_pending(&self.servers.get(invite)?.machine);
        if let Some(server) = self.servers.get_mut(id) {
            server.tag = tag;
        }
        self.answer(now, id, &Answer::new(Status::OK));
        if !is_pending {
            return None;
        }
        self.answer(now, invite, &Answer::new(Status::REQUEST_TERMINATED));
        let dialog = owner?;
        let usage = self.usages.get_mut(dialog)?;
        usage.their_invite = None;
        if !usage.is_early() {
            return Some(AgentEvent::ReinviteCancelled { dialog });
        }
        self.drop_usage(now, dialog);
        Some(AgentEvent::Cancelled { dialog })
    }

    /// Gives up an INVITE of ours that has no final answer (RFC 3261 §9.1): CANCEL now or as soon
    /// as a provisional arrived; a 2xx that crosses is acknowledged and ended with BYE. No further
    /// event but `Forgotten`.
    ///
    /// A re-INVITE is cancelled alike, but the dialog lives and the outcome is told:
    /// [`AgentEvent::Rejected`], usually with 487, or [`AgentEvent::Answered`].
    pub fn cancel(&mut self, now: Time, dialog: DialogKey) {
        let Some(usage) = self.usages.get(dialog) else {
            return;
        };
        match usage.phase {
            Phase::Early if usage.our_invite.is_some() => {
                self.end(now, dialog, Reply::default(), Report::Forgotten);
            }
            Phase::Confirmed => self.cancel_invite(now, dialog, &[]),
            Phase::Early | Phase::Ending(_) => {}
        }
    }

    /// Asks for the end of a first INVITE of ours, and waits for what comes of it: whoever took the
    /// place of another by Replaces (RFC 3891) has left that one, should its 2xx have crossed.
    /// [`AgentEvent::Rejected`] follows, usually with 487, or [`AgentEvent::Answered`].
    pub fn withdraw(&mut self, now: Time, dialog: DialogKey, reply: &Reply) {
        let is_early = { self.usages.get(dialog) }.is_some_and(|usage| usage.is_early());
        if is_early {
            self.cancel_invite(now, dialog, &reply.headers);
        }
    }

    /// CANCEL now, or after the first provisional (§9.1); at once where the INVITE was not even
    /// sent.
    pub(super) fn cancel_invite(
        &mut self,
        now: Time,
        dialog: DialogKey,
        headers: &[(Header, String)],
    ) {
        let Some(ours) = self
            .usages
            .get_mut(dialog)
            .and_then(|usage| usage.our_invite.as_mut())
        else {
            return;
        };
        let id = ours.client;
        match ours.progress {
            Progress::Proceeding => {
                ours.progress = Progress::Cancelled;
                ours.patience = None;
                self.send_cancel(now, id, headers);
                self.rearm_usage(dialog);
            }
            Progress::Calling => {
                ours.progress = Progress::CancelDue;
                let is_sent = self
                    .clients
                    .get(id)
                    .is_some_and(|client| client.machine.is_sent());
                if !is_sent {
                    self.unsend(now, id);
                }
            }
            Progress::CancelDue | Progress::Cancelled | Progress::Answered => {}
        }
    }

    /// An INVITE that still waits for DNS fails at the next `handle_timeout`.
    fn unsend(&mut self, now: Time, id: ClientId) {
        if let Some(client) = self.clients.get_mut(id) {
            client.next_hop = None;
            client.machine = ClientMachine::Unsent {
                until: now,
                status: Status::REQUEST_TERMINATED,
            };
        }
        self.rearm_client(id);
    }

    fn send_cancel(&mut self, now: Time, id: ClientId, headers: &[(Header, String)]) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        if let ClientMachine::Invite(machine) = &mut client.machine {
            machine.abandon(now);
        }
        let branch = client.key.branch;
        let cancel = client.sent.as_ref().and_then(|(hop, bytes)| {
            let invite = Message::parse(bytes).ok()?;
            Some((*hop, cancel_of(&invite, headers, &self.config.product)?))
        });
        if let Some((hop, bytes)) = cancel {
            self.launch_cancel(now, branch, hop, bytes);
        }
        self.rearm_client(id);
    }
}

fn invite_is_pending(machine: &Machine) -> bool {
    matches!(machine, Machine::Invite(_)) && machine.is_proceeding()
}
