//! ACK (RFC 3261 §13.2.2.4, §17.1.1.3): of failures by the transaction, of 2xx by the dialog, once
//! built and repeated for each repetition; forks that nobody wants are acknowledged and ended.

use std::net::IpAddr;

use shared::Time;
use tracing::debug;

use super::Agent;
use super::clients::{Ack, AckState, ClientId, Owner};
use super::destination::{NextHop, NextHost, Path};
use super::event::{DialogKey, Reply, Resolve};
use super::request::{Draft, Part, ack_of_failure, ack_of_stray_success};
use super::usage::Progress;
use crate::sip::dialog::Dialog;
use crate::sip::limits::FORKS_MAX;
use crate::sip::message::Message;
use crate::sip::transport::Ticket;
use crate::sip::write::Body;

impl Agent {
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
        let part = Part::ack(ours.cseq, body.as_ref());
        let signature = self.config.signature(&self.allow);
        let (draft, next_hop) = Draft::within(&usage.dialog, &part, &signature);
        let (path, remote_tag) = (usage.path, usage.dialog.remote_tag().to_owned());
        self.launch_ack(ours.client, &remote_tag, draft, &next_hop, path);
        self.rearm_usage(dialog);
    }

    /// Sends the ACK of a 2xx, kept with the INVITE's transaction for repetitions of the 2xx.
    pub(super) fn launch_ack(
        &mut self,
        id: ClientId,
        remote_tag: &str,
        draft: Draft,
        next_hop: &str,
        path: Option<Path>,
    ) {
        let ready = match NextHop::of(next_hop) {
            None => AckState::Impossible,
            // Without its transaction the 2xx is old, and the ACK too late to wait for DNS.
            Some(NextHop {
                host: NextHost::Name(_),
                ..
            }) if self.clients.get(id).is_none() => AckState::Impossible,
            Some(NextHop {
                host: NextHost::Name(host),
                ..
            }) => {
                let ticket = self.clients.issue(id);
                self.resolves.push_back(Resolve { ticket, host });
                AckState::Asking(ticket, draft)
            }
            Some(next_hop) => self.send_ack(&draft, &next_hop, None, path),
        };
        let next_hop = NextHop::of(next_hop);
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        client.acks.push(Ack {
            remote_tag: remote_tag.into(),
            ready,
            next_hop,
            path,
        });
    }

    pub(super) fn ack_resolved(&mut self, id: ClientId, ticket: Ticket, addresses: &[IpAddr]) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        let asking = |ack: &&mut Ack| matches!(ack.ready, AckState::Asking(t, _) if t == ticket);
        let Some(ack) = client.acks.iter_mut().find(asking) else {
            return;
        };
        let (path, next_hop) = (ack.path, ack.next_hop.clone());
        let remote_tag = ack.remote_tag.clone();
        let state = std::mem::replace(&mut ack.ready, AckState::Impossible);
        let (AckState::Asking(_, draft), Some(next_hop)) = (state, next_hop) else {
            return;
        };
        let ready = self.send_ack(&draft, &next_hop, addresses.first().copied(), path);
        let client = self.clients.get_mut(id);
        let acks = client.map(|client| &mut client.acks).into_iter().flatten();
        for ack in acks.filter(|ack| ack.remote_tag == remote_tag) {
            ack.ready = AckState::Impossible;
            if let AckState::Sent(hop, bytes) = &ready {
                ack.ready = AckState::Sent(*hop, bytes.clone());
            }
        }
    }

    /// An ACK of a 2xx is a request of its own, with a branch of its own (§17.1.1.3).
    fn send_ack(
        &mut self,
        draft: &Draft,
        next_hop: &NextHop,
        resolved: Option<IpAddr>,
        path: Option<Path>,
    ) -> AckState {
        let address = match next_hop.host {
            NextHost::Address(address) => Some(address),
            NextHost::Name(_) => resolved,
        };
        let listeners = &self.config.listeners;
        let attempt =
            address.and_then(|address| next_hop.attempt(address, listeners, path.as_ref()));
        let branch = self.random.branch();
        let rendered = attempt
            .and_then(|attempt| Some((attempt.hop, self.render_draft(draft, branch, attempt)?)));
        let Some((hop, bytes)) = rendered else {
            return AckState::Impossible;
        };
        self.push(hop, Ticket::default(), bytes.clone());
        AckState::Sent(hop, bytes)
    }

    /// Whether this 2xx was acknowledged before; if so, it is again.
    pub(super) fn repeat_ack(&mut self, id: ClientId, remote_tag: &str) -> bool {
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

    /// A 2xx nobody waits for: of another fork (§13.2.2.4) it is acknowledged and its dialog ended;
    /// to a re-INVITE of a dialog that is gone, only acknowledged.
    pub(super) fn refuse_success(
        &mut self,
        now: Time,
        id: ClientId,
        path: Path,
        response: &Message<'_>,
    ) {
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
        debug!(call_id = &**dialog.call_id(), "fork refused");
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
        self.launch(now, Owner::Nobody, bye, &plan.next_hop, Some(path));
    }

    pub(super) fn acknowledge_failure(&mut self, id: ClientId, response: &Message<'_>) {
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
