//! Requests of ours that are neither INVITE, ACK, CANCEL nor BYE (RFC 3261 §8.1, §12.2.1): one
//! final response each, 408 where none comes. All of a dialog count in its one CSeq.

use shared::Time;
use tracing::debug;

use super::Agent;
use super::clients::Owner;
use super::event::{AgentEvent, DialogKey, EndCause, Outgoing, Reply, SentKey, SipDrop};
use super::request::{Draft, Part};
use super::uac::is_end_of_dialog;
use crate::sip::dialog::{Dialog, Origin, Plan};
use crate::sip::header::Address;
use crate::sip::message::Message;
use crate::sip::method::Method;
use crate::sip::status::Status;
use crate::sip::uri::Uri;

impl Agent {
    /// Sends a request outside of any dialog: MESSAGE, OPTIONS, INFO … Fails by event, never here.
    ///
    /// # Panics
    /// For INVITE, ACK, CANCEL and BYE, which have verbs of their own.
    pub fn request(&mut self, now: Time, method: Method, outgoing: Outgoing) -> SentKey {
        assert_plain(method);
        let key = self.next_sent();
        if self.refuse_when_full(key) {
            return key;
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
        let user = user_of(&outgoing.from);
        let plan = Plan::new(&outgoing.target, &outgoing.routes);
        let reply = Reply {
            headers: outgoing.headers,
            body: outgoing.body,
        };
        let part = Part::other(method, cseq, &reply, &user);
        let draft = Draft::new(&dialog, &plan, &part, &self.config.signature(&self.allow));
        debug!(call_id, %method, "request");
        let owner = Owner::Sent(key, None);
        self.launch(now, owner, draft, &plan.next_hop, None);
        key
    }

    /// Sends a request in a dialog: INFO, NOTIFY, UPDATE, PRACK … `None`, without effect, where the
    /// dialog has ended, or is early and the peer has no tag yet.
    ///
    /// 481 and 408 to an UPDATE end the dialog (§12.2.1.2): [`AgentEvent::Ended`] follows the
    /// response. To all others they mean what the layer above makes of them (RFC 5057 §5.1).
    ///
    /// # Panics
    /// For INVITE, ACK, CANCEL and BYE, which have verbs of their own.
    pub fn request_in(
        &mut self,
        now: Time,
        dialog: DialogKey,
        method: Method,
        reply: &Reply,
    ) -> Option<SentKey> {
        assert_plain(method);
        let usage = self.usages.get(dialog)?;
        if usage.is_ending() || usage.dialog.remote_tag().is_empty() {
            return None;
        }
        let key = self.next_sent();
        if self.refuse_when_full(key) {
            return Some(key);
        }
        let usage = self.usages.get_mut(dialog)?;
        let cseq = usage.dialog.next_cseq();
        let part = Part::other(method, cseq, reply, &usage.contact_user);
        let signature = self.config.signature(&self.allow);
        let (draft, next_hop) = Draft::within(&usage.dialog, &part, &signature);
        let path = usage.path;
        let owner = Owner::Sent(key, Some(dialog));
        self.launch(now, owner, draft, &next_hop, path);
        Some(key)
    }

    /// A response to one of these. What is provisional says nothing.
    pub(super) fn request_answered<'a>(
        &mut self,
        now: Time,
        key: SentKey,
        dialog: Option<DialogKey>,
        method: Method,
        response: &'a Message<'a>,
        status: Status,
    ) -> Option<AgentEvent<'a>> {
        if status.is_provisional() {
            return None;
        }
        let usage = dialog.and_then(|dialog| self.usages.get_mut(dialog));
        if let Some(usage) = usage.filter(|_| status.is_success() && method == Method::Update) {
            usage.dialog.refresh_target(response);
        }
        self.end_if_gone(now, dialog, method, status);
        Some(AgentEvent::Response {
            key,
            status,
            response: Some(response),
        })
    }

    pub(super) fn end_if_gone(
        &mut self,
        now: Time,
        dialog: Option<DialogKey>,
        method: Method,
        status: Status,
    ) {
        let Some(dialog) = dialog.filter(|_| method == Method::Update) else {
            return;
        };
        if is_end_of_dialog(status) && self.is_confirmed(dialog) {
            self.gone(now, dialog, EndCause::Gone);
        }
    }

    fn next_sent(&mut self) -> SentKey {
        self.last_sent += 1;
        SentKey(self.last_sent)
    }

    /// A full table refuses by event, as a failed transport does.
    fn refuse_when_full(&mut self, key: SentKey) -> bool {
        if !self.is_full() {
            return false;
        }
        self.count(SipDrop::Full);
        self.events.push_back(AgentEvent::Response {
            key,
            status: Status::SERVICE_UNAVAILABLE,
            response: None,
        });
        true
    }
}

/// The user of an address, for our Contact.
pub(super) fn user_of(address: &str) -> String {
    Address::parse(address)
        .and_then(|address| Some(Uri::parse(address.uri).ok()?.user_unescaped()?.into_owned()))
        .unwrap_or_default()
}

fn assert_plain(method: Method) {
    let has_own_verb = matches!(
        method,
        Method::Invite | Method::Ack | Method::Cancel | Method::Bye
    );
    assert!(!has_own_verb, "{method} has a verb of its own");
}
