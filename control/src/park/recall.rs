//! Recall: nobody came for a parked call in time, so who has parked it is called, as often as the
//! operator allows, then the fallback; and when nobody has answered, the call ends.
//!
//! The parkee hears music all the while, and its orbit can be dialled: who dials has the call,
//! however many phones ring. An answer is a retrieval whose retriever was answered first. A phone
//! that an operator has chosen (`deliver`) is called in the same way.

use shared::Time;

use super::Parked;
use crate::call::end::Farewell;
use crate::call::identity::Told;
use crate::call::limits::{CONNECT_TIMEOUT, EXPIRES_MARGIN, OPEN_TIMEOUT};
use crate::call::offer::description;
use crate::call::refusal::reason;
use crate::call::{CallKey, Exchange, Refusal, State, Turn, Wish};
use crate::config::WhenAllFail;
use crate::happening::Fact;
use crate::sip::agent::{DialogKey, Outgoing};
use crate::sip::header::Header;
use crate::sip::status::Status;

/// Lets a phone ring as it does for its own calls that come back (RFC 7462 §8.2.1).
const ALERT: &str = "<urn:alert:service:recall>";

/// Why the call comes back, as a header field of a URI (RFC 7044 §10.2, RFC 3326).
const REASON_ESCAPED: &str = "Reason=SIP%3Bcause%3D408%3Btext%3D%22Not%20retrieved%22";

impl Exchange {
    /// The time of a parked call is over: calls who may want it, or ends it.
    pub(super) fn recall_or_end(&mut self, now: Time, key: CallKey, parked: Parked) {
        let Some(target) = self.to_call(key, &parked).map(str::to_owned) else {
            return self.forsake(now, key, parked);
        };
        // Counted when it begins: nothing that happens to it can make it begin without end.
        let parked = Parked {
            recalls: parked.recalls + 1,
            ..parked
        };
        match self.open_recall(key, parked.orbit, &target) {
            Ok(recall) => {
                self.set_state(key, State::Recalling(parked, recall));
                self.set_deadline(key, Some(now + OPEN_TIMEOUT));
            }
            Err(refusal) => {
                let dialog = self.calls[&key].first;
                let (orbit, call_id) = self.log_fields(dialog);
                let text = refusal.text();
                tracing::warn!(call_id, orbit, dialog = dialog.0, "no recall: {text}");
                self.recall_failed(now, key, parked);
            }
        }
    }

    /// Nobody is left to be called.
    fn forsake(&mut self, now: Time, key: CallKey, parked: Parked) {
        let settings = self.settings(parked.orbit);
        if settings.when_all_fail == WhenAllFail::End {
            return self.end_call(now, key, Farewell::NotRetrieved);
        }
        let parked = Parked {
            deadline: now + settings.pickup_timeout,
            recalls: 0,
            ..parked
        };
        self.totals.forsaken += 1;
        let deadline = parked.deadline;
        self.happened(key, Fact::Forsaken { deadline });
        let dialog = self.calls[&key].first;
        let (orbit, call_id) = self.log_fields(dialog);
        let waits_s = now.since(parked.since).as_secs();
        tracing::error!(
            call_id,
            orbit,
            dialog = dialog.0,
            waits_s,
            "ALARM: nobody comes for this call; it is parked again"
        );
        self.set_state(key, State::Parked(parked));
        self.set_deadline(key, Some(parked.deadline));
        self.wish(now, dialog, Wish::PARKED);
    }

    /// Whether a call that fails to be connected now is about to end.
    pub(super) fn is_about_to_end(&self, now: Time, key: CallKey, parked: &Parked) -> bool {
        now >= parked.deadline
            && self.to_call(key, parked).is_none()
            && self.settings(parked.orbit).when_all_fail == WhenAllFail::End
    }

    /// Whom to call after so many recalls: the parker as often as is allowed, then the fallback.
    pub(crate) fn to_call(&self, key: CallKey, parked: &Parked) -> Option<&str> {
        let (park, recalls) = (self.settings(parked.orbit), parked.recalls);
        match self.calls[&key].parker.as_deref() {
            Some(parker) if recalls < park.max_pickup_attempts => Some(parker),
            Some(_) if recalls == park.max_pickup_attempts => park.on_timeout_uri.as_deref(),
            None if recalls == 0 => park.on_timeout_uri.as_deref(),
            Some(_) | None => None,
        }
    }

    /// Whether it is the parker who is called after so many recalls.
    pub(crate) fn is_parker_next(&self, key: CallKey, parked: &Parked) -> bool {
        self.calls[&key].parker.is_some()
            && parked.recalls < self.settings(parked.orbit).max_pickup_attempts
    }

    /// The stream for a recall is open: calls.
    pub(crate) fn recall_opened(
        &mut self,
        now: Time,
        key: CallKey,
        parked: Parked,
        recall: DialogKey,
    ) {
        // None where a change of the settings has taken it away while the stream opened.
        let Some(target) = self.being_called(key, parked) else {
            return self.fail_arrival(now, recall, Refusal::NotAnswered);
        };
        let outgoing = self.recall_invite(key, &target);
        let local = self.local_offer(&self.legs[&recall]);
        let leg = self.legs.get_mut(&recall).expect("the caller looked");
        leg.told = Told::of(&outgoing.headers);
        leg.turn = Turn::Calling(leg.wish);
        let body = Some(description(leg.session.offer(&local)));
        self.agent
            .invite_as(now, recall, Outgoing { body, ..outgoing });
        leg.call_id = self.agent.call_id(recall);
        self.set_deadline(
            key,
            Some(now + self.settings(parked.orbit).recall_ring_timeout),
        );
        let (orbit, call_id) = self.log_fields(recall);
        let (dialog, attempt) = (recall.0, parked.recalls);
        tracing::info!(call_id, orbit, dialog, attempt, target, "recall");
    }

    /// Whom the second leg of a recall that is under way is to call.
    fn being_called(&self, key: CallKey, parked: Parked) -> Option<String> {
        if let Some(chosen) = &self.calls[&key].chosen {
            return Some(chosen.to_string());
        }
        let before = Parked {
            recalls: parked.recalls - 1,
            ..parked
        };
        self.to_call(key, &before).map(str::to_owned)
    }

    /// Who is called sees from which orbit and who waits there; and that it is its own call which
    /// comes back, where it is.
    fn recall_invite(&self, key: CallKey, target: &str) -> Outgoing {
        let call = &self.calls[&key];
        let is_chosen = call.chosen.is_some();
        let parkee = &self.legs[&call.first];
        let number = self.orbits.number(parkee.orbit);
        let orbit = format!("sip:{}@{}", self.orbits.user(parkee.orbit), parkee.host);
        let mut headers = parkee.identity.headers();
        let expires = self.settings(parkee.orbit).recall_ring_timeout + EXPIRES_MARGIN;
        if !is_chosen {
            headers.push((Header::Alert, ALERT.to_owned()));
            headers.push(reason(408, "Not retrieved"));
        }
        headers.push((Header::Expires, expires.as_secs().to_string()));
        let history = call.history.as_deref();
        headers.extend(history.map(|history| (Header::HistoryInfo, history.to_owned())));
        // The orbit is where the last one led; without any it is the first (RFC 7044 §10.3).
        let index = history
            .and_then(last_index)
            .map_or_else(|| "1".to_owned(), |i| i + ".1");
        let orbit_entry = match is_chosen {
            true => format!("<{orbit}>;index={index}"),
            false => format!("<{orbit}?{REASON_ESCAPED}>;index={index}"),
        };
        let target_entry = format!("<{target}>;index={index}.1;mp={index}");
        headers.push((Header::HistoryInfo, orbit_entry));
        headers.push((Header::HistoryInfo, target_entry));
        let who = parkee.identity.display();
        let name = who.map_or_else(String::new, |who| format!(": {who}"));
        let what = if is_chosen { "Parked" } else { "Recall" };
        Outgoing {
            target: target.to_owned(),
            from: format!("\"{what} {number}{name}\" <{orbit}>"),
            to: format!("<{target}>"),
            routes: Vec::new(),
            headers,
            body: None,
        }
    }

    /// Who was called has answered: the call is its own if the parkee agrees to talk. Should that
    /// fail, somebody is awake all the same who may dial: the time starts again.
    pub(crate) fn recall_answered(
        &mut self,
        now: Time,
        key: CallKey,
        parked: Parked,
        recall: DialogKey,
    ) {
        let parked = self.with_time_left(now, parked);
        let (orbit, call_id) = self.log_fields(recall);
        tracing::info!(call_id, orbit, dialog = recall.0, "recall answered");
        self.set_state(key, State::Retrieving(parked, recall));
        self.set_deadline(key, Some(now + CONNECT_TIMEOUT));
        self.retriever_opened(now, key, recall);
    }

    /// Who was called is busy, declines, has moved, or cannot be reached.
    pub(crate) fn recall_rejected(&mut self, now: Time, recall: DialogKey, status: Status) {
        let (orbit, call_id) = self.log_fields(recall);
        tracing::info!(call_id, orbit, dialog = recall.0, %status, "recall refused");
        let Some((key, State::Recalling(parked, _))) = self.call_of(recall) else {
            return;
        };
        self.news.rejected = Some((recall, status.code()));
        self.drop_leg(recall);
        self.recall_failed(now, key, parked);
    }

    /// The second leg of a recall is gone: another attempt after another while, or the fallback at
    /// once. Whom an operator has chosen is called once, and the call's time has gone on: where it
    /// is over by now, the parker's turn has come.
    pub(crate) fn recall_failed(&mut self, now: Time, key: CallKey, parked: Parked) {
        let deadline = if self.calls[&key].chosen.is_some() {
            parked.deadline
        } else if self.is_parker_next(key, &parked) {
            now + self.settings(parked.orbit).pickup_timeout
        } else {
            now
        };
        self.set_state(key, State::Parked(Parked { deadline, ..parked }));
        self.set_deadline(key, Some(deadline));
    }
}

/// The index of the last entry of a History-Info value (RFC 7044 §5).
fn last_index(history: &str) -> Option<String> {
    let (_, index) = history.rsplit_once("index=")?;
    let end = index.find(|c: char| !c.is_ascii_digit() && c != '.');
    let index = &index[..end.unwrap_or(index.len())];
    (!index.is_empty()).then(|| index.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_index_is_counted_on_from() {
        let history = "<sip:a@b>;index=1, <sip:c@d?Reason=x>;index=1.2;mp=1";
        assert_eq!(last_index(history).as_deref(), Some("1.2"));
        assert_eq!(last_index("<sip:a@b>;index="), None);
        assert_eq!(last_index("<sip:a@b>"), None);
    }
}
