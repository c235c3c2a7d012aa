//! Parking in the words of Lync and Skype for Business (MS-SIPAPP §3.1): an INVITE with a
//! `park-request` and no media, whose Refer-To names the parkee and its dialog as that of a REFER
//! does. Its dialog stays while the call waits: INFO tells the parker what became of it, then BYE.
//!
//! Absent on purpose: how the call is taken over (`fetch`), how the bodies are written
//! (`ms_call_park`).

use std::collections::BTreeMap;
use std::net::IpAddr;

use shared::Time;

use super::fetch::{Asker, Fetch, Outcome};
use super::ms_call_park::{CONTENT_TYPE, ParkRequest, ParkRequestError};
use super::refer::{Request, refer_to, request_uri};
use crate::call::arrival::host_of;
use crate::call::{CallKey, Exchange, Refusal};
use crate::lamp::End;
use crate::policy::Party;
use crate::sip::agent::{DialogKey, Reply, SentKey};
use crate::sip::header::Header;
use crate::sip::message::Message;
use crate::sip::method::Method;
use crate::sip::write::Body;

/// The dialogs with parkers who have asked so: at most one for each call.
#[derive(Debug, Default)]
pub(crate) struct ControlDialogs {
    by_call: BTreeMap<CallKey, ControlDialog>,
    by_dialog: BTreeMap<DialogKey, CallKey>,
    /// The last word is said: BYE follows its answer.
    leaving: BTreeMap<SentKey, DialogKey>,
    /// What is to be said.
    news: Vec<(CallKey, End, Option<String>)>,
}

#[derive(Debug)]
struct ControlDialog {
    dialog: DialogKey,
    request: ParkRequest,
}

impl ControlDialogs {
    /// A call that waited does so no more.
    pub(crate) fn departed(&mut self, key: CallKey, end: End, target: Option<String>) {
        if self.by_call.contains_key(&key) {
            self.news.push((key, end, target));
        }
    }

    fn remove(&mut self, key: CallKey) -> Option<ControlDialog> {
        let control = self.by_call.remove(&key)?;
        self.by_dialog.remove(&control.dialog);
        Some(control)
    }
}

/// Whether an INVITE asks so.
pub(super) fn is_park_request(request: &Message<'_>) -> bool {
    let kind = request.header(Header::ContentType).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case(CONTENT_TYPE)
}

impl Exchange {
    /// Takes an INVITE with a `park-request`.
    pub(super) fn park_requested(
        &mut self,
        now: Time,
        dialog: DialogKey,
        request: &Message<'_>,
        source: IpAddr,
    ) -> Result<(), Refusal> {
        self.take_on()?;
        let asked = ParkRequest::parse(request.body())?;
        let uri = request_uri(request)?;
        let orbit = self.park_target(&uri)?;
        let parker = self.parker_of(&Party::of_request(request), Some(source), orbit)?;
        let host = host_of(&uri);
        let wanted = match self.wanted(request, &refer_to(request)?, &host)? {
            Request::Theirs(wanted) => wanted,
            // Whoever speaks through us is asked to say so within that call.
            Request::Ours(..) => return Err(Refusal::NoConversation),
        };
        let fetch = Fetch::new(Asker::Lync, wanted);
        let key = self.fetch(now, orbit, &parker, fetch)?.0;
        let request = asked;
        let controls = &mut self.controls;
        controls
            .by_call
            .insert(key, ControlDialog { dialog, request });
        controls.by_dialog.insert(dialog, key);
        Ok(())
    }

    /// Answers the parker: its call waits, or is its own still.
    pub(super) fn tell_requester(&mut self, now: Time, key: CallKey, outcome: Outcome) {
        match outcome {
            Outcome::Parked(orbit, token) => {
                let Some(control) = self.controls.by_call.get(&key) else {
                    return;
                };
                let number = orbit.to_string();
                let bytes = control.request.response(&number, &token.to_string());
                let reply = Reply {
                    headers: Vec::new(),
                    body: Some(body(bytes)),
                };
                let dialog = control.dialog;
                self.agent
                    .accept_as(now, dialog, &number, CPS_FEATURE, reply);
            }
            Outcome::Failed(refusal) => {
                if let Some(control) = self.controls.remove(key) {
                    self.refuse(now, control.dialog, refusal);
                }
            }
        }
    }

    /// Tells parkers what became of their calls.
    pub(crate) fn tell_parkers(&mut self, now: Time) {
        for (key, end, target) in std::mem::take(&mut self.controls.news) {
            let Some(control) = self.controls.remove(key) else {
                continue;
            };
            let bytes = control.request.notification(reason(end), target.as_deref());
            let info = Reply {
                headers: Vec::new(),
                body: Some(body(bytes)),
            };
            let dialog = control.dialog;
            match self.agent.request_in(now, dialog, Method::Info, &info) {
                Some(sent) => {
                    self.controls.leaving.insert(sent, dialog);
                }
                None => self.leave_parker(now, dialog),
            }
        }
    }

    /// An INFO was answered, or was not: nothing more is said in its dialog.
    pub(crate) fn request_answered(&mut self, now: Time, sent: SentKey) {
        if let Some(dialog) = self.controls.leaving.remove(&sent) {
            self.leave_parker(now, dialog);
        }
    }

    fn leave_parker(&mut self, now: Time, dialog: DialogKey) {
        let host = &self.rules.host;
        let text = "Terminating dialog with parker";
        let why = format!("35014;reason=\"{text}\";source=\"{host}\"");
        let reply = Reply {
            headers: vec![(Header::MsDiagnostics, why)],
            body: None,
        };
        self.agent.bye(now, dialog, reply);
    }

    /// The parker has left. A call that waits goes on waiting; one that is still the parker's
    /// stays so.
    pub(crate) fn parker_left(&mut self, now: Time, dialog: DialogKey) {
        let Some(&key) = self.controls.by_dialog.get(&dialog) else {
            return;
        };
        self.controls.remove(key);
        if self.fetches.contains_key(&key) {
            self.withdraw_fetch(now, key, Refusal::NoConversation);
        }
    }
}

impl From<ParkRequestError> for Refusal {
    fn from(error: ParkRequestError) -> Self {
        match error {
            ParkRequestError::Version => Self::ParkVersion,
            ParkRequestError::Xml => Self::BadRequest("The body is no XML that is read here"),
            ParkRequestError::NoRequest => Self::BadRequest("The body has no park-request"),
            ParkRequestError::RequestId => Self::BadRequest("The park-request has no request-id"),
        }
    }
}

/// By which a parker knows that this is call park (MS-SIPAPP §3.1.5.2, RFC 3840 §9).
const CPS_FEATURE: &str = ";isCps";

/// As `unpark-notification` says it.
const fn reason(end: End) -> &'static str {
    match end {
        End::Retrieved => "retrieved",
        End::Recalled => "ringback",
        End::Fallback => "fallback",
        End::HungUp | End::Replaced => "hang-up",
        End::TimedOut | End::Failed | End::Stopping => "drop",
    }
}

fn body(bytes: Vec<u8>) -> Body {
    Body {
        content_type: CONTENT_TYPE,
        bytes,
    }
}
