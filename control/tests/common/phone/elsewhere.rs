//! What a phone has with others than the server: calls from phone to phone, whose place the server
//! may take by Replaces (RFC 3891), and REFERs (RFC 3515) that ask it to.

use std::time::Duration;

use shared::Time;

use super::super::wire::{self, Wire};
use super::Phone;
use super::server::Stage;

/// A call with another phone, past the server.
#[derive(Clone, Debug)]
pub(crate) struct Elsewhere {
    pub(crate) call_id: String,
    pub(crate) local_tag: String,
    pub(crate) remote_tag: String,
    pub(crate) is_over: bool,
}

/// What a phone does with an INVITE whose Replaces names one of its calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ReplacesHabit {
    /// Changes over, after so long.
    Accept(Duration),
    /// Thinks so long before it looks which call is meant.
    Hesitate(Duration),
    /// Refuses it with this status.
    Refuse(u16),
    /// Says nothing at all.
    Ignore,
}

impl Elsewhere {
    /// As who knows both ends names it to this phone.
    pub(crate) fn replaces(&self) -> String {
        let Self {
            call_id,
            local_tag,
            remote_tag,
            ..
        } = self;
        format!("{call_id};to-tag={local_tag};from-tag={remote_tag}")
    }
}

/// A Refer-To: where somebody is, and which of its dialogs is to be replaced.
pub(crate) fn refer_to(uri: &str, replaces: &str) -> String {
    let escaped = replaces
        .replace('%', "%25")
        .replace('@', "%40")
        .replace(';', "%3B")
        .replace('=', "%3D");
    format!("<{uri}?Replaces={escaped}>")
}

impl Phone {
    /// An INVITE that wants to take the place of another.
    pub(super) fn asked_to_change_over(&mut self, now: Time, number: usize, request: &Wire) {
        assert_eq!(request.header("Require"), Some("replaces"), "or it rings");
        let value = request.must("Replaces").to_owned();
        let calls = &self.elsewhere;
        if !calls.iter().any(|c| !c.is_over && c.replaces() == value) {
            return self.decline(now, number, request, 481);
        }
        match self.habits.replaces {
            ReplacesHabit::Accept(after) | ReplacesHabit::Hesitate(after) => {
                self.wait(number, request, Stage::Answering { at: now + after });
            }
            ReplacesHabit::Refuse(status) => self.decline(now, number, request, status),
            ReplacesHabit::Ignore => unreachable!("it was not even heard"),
        }
    }

    /// Whether the call has ended meanwhile that the INVITE wants to take the place of.
    pub(super) fn has_nothing_to_replace(&self, request: &Wire) -> bool {
        let hesitates = matches!(self.habits.replaces, ReplacesHabit::Hesitate(_));
        let value = request.header("Replaces").filter(|_| hesitates);
        let calls = &self.elsewhere;
        value.is_some_and(|value| !calls.iter().any(|c| !c.is_over && c.replaces() == value))
    }

    /// The INVITE was accepted: the other call is over.
    pub(super) fn replaced(&mut self, request: &Wire) {
        if let Some(value) = request.header("Replaces") {
            let calls = self.elsewhere.iter_mut();
            calls
                .filter(|call| call.replaces() == value)
                .for_each(|call| call.is_over = true);
        }
    }

    /// Asks the server by REFER outside of any call. The Call-ID that answer and NOTIFYs have.
    pub(crate) fn refer(&mut self, now: Time, user: &str, refer_to: &str) -> String {
        let call_id = format!("refer-{:016x}@{}", self.seed.next(), self.name);
        let tag = format!("{:x}", self.seed.next());
        let uri = format!("sip:{user}@{}", self.server);
        let wire = Wire::new(format!("REFER {uri} SIP/2.0"))
            .with("Max-Forwards", 70)
            .with("From", self.from(&tag))
            .with("To", format!("<{uri}>"))
            .with("Call-ID", &call_id)
            .with("CSeq", "1 REFER")
            .with("Contact", self.contact())
            .with("Refer-To", refer_to);
        let wire = match self.habits.anonymous_refer {
            true => wire,
            false => wire.with(
                "Referred-By",
                format!("<sip:{}@{}>", self.name, self.address),
            ),
        };
        self.send_raw(now, "REFER", wire);
        call_id
    }

    /// Asks the server by an INVITE with a body in Lync's words. The call that stays for news.
    pub(crate) fn ask_to_park(
        &mut self,
        now: Time,
        user: &str,
        refer_to: &str,
        body: &str,
    ) -> usize {
        let number = self.calls.len();
        let mut call = self.new_call(format!("sip:{user}@{}", self.server));
        call.park_request = Some(body.to_owned());
        call.extra = [
            ("Refer-To", refer_to),
            ("Content-Type", "application/ms-call-park+xml"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        self.calls.push(call);
        self.invite(now, number, false);
        number
    }

    /// Asks the server by REFER within a call.
    pub(crate) fn refer_in(&mut self, now: Time, number: usize, user: &str) -> String {
        let refer_to = format!("<sip:{user}@{}>", self.server);
        let contact = self.contact();
        let fields = [("Contact", contact), ("Refer-To", refer_to)];
        self.request_in_dialog_with(now, number, "REFER", &fields);
        self.calls[number].call_id.clone()
    }

    /// A NOTIFY of how a REFER goes.
    pub(super) fn reported(&mut self, request: &Wire) {
        request.must("Subscription-State");
        request.must("Contact");
        self.notices.push(request.clone());
    }

    /// The answer to a REFER.
    pub(crate) fn answer_to_refer(&self, call_id: &str) -> Option<&Wire> {
        let mut answers = self.responses.iter();
        answers.find(|answer| answer.must("Call-ID") == call_id && answer.cseq().1 == "REFER")
    }

    /// The reports on a REFER, in order, each as a response taken apart.
    pub(crate) fn reports(&self, call_id: &str) -> Vec<Wire> {
        let of_refer = |notice: &&Wire| notice.must("Call-ID") == call_id;
        let notices = self.notices.iter().filter(of_refer);
        notices
            .map(|notice| {
                let kind = notice.must("Content-Type");
                assert_eq!(kind, "message/sipfrag;version=2.0");
                let report =
                    Wire::parse(format!("{}Content-Length: 0\r\n\r\n", notice.body).as_bytes());
                let is_last = report.status().is_some_and(|status| status >= 200);
                let state = notice.must("Subscription-State");
                assert_eq!(state.starts_with("terminated"), is_last, "{state}");
                report
            })
            .collect()
    }
}

/// Whether a NOTIFY is about a REFER, or about a subscription.
pub(super) fn reports_on_refer(notify: &Wire) -> bool {
    notify.must("Event").split(';').next() == Some("refer")
}

/// The user of a name-addr.
pub(crate) fn user_of(address: &str) -> &str {
    let uri = wire::uri(address);
    let user = uri.strip_prefix("sip:").unwrap_or(uri);
    user.split('@').next().unwrap_or_default()
}
