//! OPTIONS (RFC 3261 §11): what this server can do, asked by proxies to see whether it lives.

use shared::Time;

use super::Agent;
use super::check::{SDP, SUPPORTED};
use super::respond::Answer;
use super::servers::ServerId;
use crate::sip::status::Status;

impl Agent {
    /// In a dialog and outside: the same answer (§11.2).
    pub(super) fn answer_options(&mut self, now: Time, id: ServerId) {
        self.options_answered += 1;
        let answer = Answer::new(Status::OK)
            .with("Allow", &self.allow)
            .with("Accept", SDP)
            .with("Accept-Encoding", "identity")
            .with("Accept-Language", "en")
            .with("Supported", SUPPORTED);
        let answer = match self.packages.is_empty() {
            true => answer,
            false => answer.with("Allow-Events", self.allow_events()),
        };
        self.answer(now, id, &answer);
    }

    /// OPTIONS answered with 200 since the start.
    #[must_use]
    pub fn options_answered(&self) -> u64 {
        self.options_answered
    }
}
