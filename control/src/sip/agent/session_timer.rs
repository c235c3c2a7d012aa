//! Session timers (RFC 4028): every confirmed dialog has one, so that a peer that vanished is
//! noticed. Who supports the timer may refresh; for all others we do.
//!
//! Absent on purpose: re-INVITEs, whose offers are the layer above's. It is asked for one where the
//! peer does not take UPDATE.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::Time;
use tracing::debug;

use super::Agent;
use super::event::{AgentEvent, DialogKey, EndCause, Reply};
use super::random::Random;
use super::respond::Answer;
use super::update::Purpose;
use crate::sip::header::{Header, Interval, Refresher};
use crate::sip::limits::{REFRESH_RETRY, SESSION_EXPIRES_MIN, TIMEOUT};
use crate::sip::message::Message;
use crate::sip::status::Status;

/// The timer of one dialog.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Timer {
    duty: Duty,
    /// In seconds.
    interval: u32,
    /// When we refresh; `None` where the peer does.
    refresh_at: Option<Time>,
    /// When the dialog ends unless it is refreshed.
    ends_at: Time,
}

/// Whose task it is to refresh.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Duty {
    Ours,
    Peers,
}

impl Timer {
    /// From now on. It ends a little before the interval does (§10), so that the BYE arrives while
    /// proxies still know the session. It is refreshed at half of the interval (§10), or up to a
    /// quarter of that sooner: thousands that began at one moment shall not be so for ever.
    fn start(now: Time, interval: Duration, duty: Duty, random: &mut Random) -> Self {
        let interval = interval.max(SESSION_EXPIRES_MIN);
        let sooner = random.up_to(interval / 8);
        Self {
            duty,
            interval: whole_seconds(interval),
            refresh_at: (duty == Duty::Ours).then(|| now + (interval / 2 - sooner)),
            ends_at: now + (interval - TIMEOUT.min(interval / 3)),
        }
    }

    pub(super) fn deadline(&self) -> Time {
        self.refresh_at
            .map_or(self.ends_at, |at| at.min(self.ends_at))
    }

    /// As it is kept: what was agreed, without the time that is left. Who takes the dialog up
    /// begins with a re-INVITE, which is a refresh.
    pub(super) fn record(&self) -> TimerRecord {
        TimerRecord {
            seconds: self.interval,
            ours: self.duty == Duty::Ours,
        }
    }

    /// Of a dialog of another process; `ours` where it has kept none. Should nobody agree to the
    /// re-INVITE, and no refresh come, the session ends as any other.
    pub(super) fn adopt(
        now: Time,
        ours: Duration,
        record: Option<TimerRecord>,
        random: &mut Random,
    ) -> Self {
        match record {
            Some(TimerRecord { seconds: s, ours }) => {
                let duty = if ours { Duty::Ours } else { Duty::Peers };
                Self::start(now, seconds(s), duty, random)
            }
            None => Self::start(now, ours, Duty::Ours, random),
        }
    }

    /// What the 2xx to an INVITE or UPDATE of ours has settled (§7.2). Without an interval nobody
    /// but us would notice that the other is gone.
    pub(super) fn answered(
        now: Time,
        ours: Duration,
        response: &Message<'_>,
        random: &mut Random,
    ) -> Self {
        match expires(response) {
            Some(agreed) => {
                let duty = match agreed.refresher {
                    Some(Refresher::Uas) => Duty::Peers,
                    Some(Refresher::Uac) | None => Duty::Ours,
                };
                Self::start(now, seconds(agreed.seconds), duty, random)
            }
            None => Self::start(now, ours, Duty::Ours, random),
        }
    }

    /// What our 2xx to an INVITE or UPDATE says (§9, table 2): never more than was asked for, never
    /// less than the peer's minimum.
    pub(super) fn answer(
        now: Time,
        ours: Duration,
        request: &Message<'_>,
        random: &mut Random,
    ) -> (Self, Agreement) {
        let asked = expires(request);
        let is_known = knows_timer(request);
        let least = least(request);
        let wanted = ours.max(least);
        let interval = asked.map_or(wanted, |asked| wanted.min(seconds(asked.seconds)));
        let duty = match asked.and_then(|asked| asked.refresher) {
            Some(Refresher::Uas) => Duty::Ours,
            Some(Refresher::Uac) | None if is_known => Duty::Peers,
            Some(Refresher::Uac) | None => Duty::Ours,
        };
        let agreement = Agreement {
            expires: Interval {
                seconds: whole_seconds(interval),
                refresher: Some(match duty {
                    Duty::Ours => Refresher::Uas,
                    Duty::Peers => Refresher::Uac,
                }),
            },
            is_required: duty == Duty::Peers,
        };
        (Self::start(now, interval, duty, random), agreement)
    }
}

/// What was agreed about the session timer, as it is kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct TimerRecord {
    /// The interval.
    pub seconds: u32,
    /// Whether we refresh.
    pub ours: bool,
}

/// What a 2xx of ours says about the timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Agreement {
    expires: Interval,
    /// Whether the peer must understand it, as it shall refresh (§9).
    is_required: bool,
}

impl Agreement {
    pub(super) fn add_to(self, mut answer: Answer) -> Answer {
        answer = answer.with("Session-Expires", self.expires);
        match self.is_required {
            true => answer.with("Require", "timer"),
            false => answer,
        }
    }
}

impl Agent {
    /// How long a session lasts without a refresh; 30 minutes unless this says otherwise. Not below
    /// [`SESSION_EXPIRES_MIN`].
    pub fn expire_sessions(&mut self, after: Duration) {
        self.session_expires = after.max(SESSION_EXPIRES_MIN);
    }

    /// §9: an interval below the minimum is refused where the peer can do something about it.
    pub(super) fn check_session(&self, request: &Message<'_>) -> Result<(), Answer> {
        let Some(value) = request.header(Header::SessionExpires) else {
            return Ok(());
        };
        let Some(asked) = Interval::parse(value) else {
            let phrase = Some("Session-Expires is not an interval");
            let answer = Answer::new(Status::BAD_REQUEST);
            return Err(Answer { phrase, ..answer });
        };
        if seconds(asked.seconds) >= SESSION_EXPIRES_MIN || !knows_timer(request) {
            return Ok(());
        }
        let least = SESSION_EXPIRES_MIN.as_secs();
        Err(Answer::new(Status::SESSION_INTERVAL_TOO_SMALL).with("Min-SE", least))
    }

    /// What an INVITE or UPDATE of ours says about the timer: who refreshes, still does (§7.4).
    pub(super) fn session_headers(&self, dialog: DialogKey) -> Vec<(Header, String)> {
        let usage = self.usages.get(dialog);
        let least = seconds(usage.map_or(0, |usage| usage.min_se));
        let timer = usage.and_then(|usage| usage.timer);
        let expires = Interval {
            seconds: whole_seconds(self.session_expires.max(least)),
            refresher: timer.map(|timer| match timer.duty {
                Duty::Ours => Refresher::Uac,
                Duty::Peers => Refresher::Uas,
            }),
        };
        let mut headers = vec![(Header::SessionExpires, expires.to_string())];
        if least > SESSION_EXPIRES_MIN {
            headers.push((Header::MinSe, whole_seconds(least).to_string()));
        }
        headers
    }

    /// Takes the minimum of a 422 (§7.3). False where it brings nothing new: to ask again would be
    /// in vain.
    pub(super) fn learn_min_se(
        &mut self,
        dialog: DialogKey,
        status: Status,
        response: Option<&Message<'_>>,
    ) -> bool {
        let (Some(usage), Some(response)) = (self.usages.get_mut(dialog), response) else {
            return false;
        };
        let wanted = least(response);
        let is_news = status == Status::SESSION_INTERVAL_TOO_SMALL
            && wanted > seconds(usage.min_se)
            && wanted > self.session_expires;
        if is_news {
            usage.min_se = whole_seconds(wanted);
        }
        is_news
    }

    /// The timer of a dialog has moved: refresh, or end what nobody has refreshed.
    pub(super) fn session_expired(&mut self, now: Time, dialog: DialogKey) {
        let Some(usage) = self.usages.get_mut(dialog) else {
            return;
        };
        let Some(timer) = usage.timer.as_mut().filter(|timer| timer.deadline() <= now) else {
            return;
        };
        if timer.ends_at <= now {
            usage.timer = None;
            if usage.is_confirmed() {
                debug!(
                    call_id = &**usage.dialog.call_id(),
                    dialog = dialog.0,
                    "session expired"
                );
                self.gone(now, dialog, EndCause::Expired);
            }
            return;
        }
        timer.refresh_at = Some(now + REFRESH_RETRY);
        if !usage.is_confirmed() {
            return;
        }
        if !self.update(now, dialog, Purpose::Refresh, Reply::default()) {
            self.events.push_back(AgentEvent::Refresh { dialog });
        }
    }
}

fn expires(message: &Message<'_>) -> Option<Interval> {
    Interval::parse(message.header(Header::SessionExpires)?)
}

/// Min-SE, at least what the RFC says without it (§5).
fn least(message: &Message<'_>) -> Duration {
    let said = message.delta_seconds(Header::MinSe);
    seconds(said.unwrap_or(0)).max(SESSION_EXPIRES_MIN)
}

fn knows_timer(request: &Message<'_>) -> bool {
    request
        .values(Header::Supported)
        .chain(request.values(Header::Require))
        .any(|tag| tag.trim().eq_ignore_ascii_case("timer"))
}

fn seconds(count: u32) -> Duration {
    Duration::from_secs(count.into())
}

fn whole_seconds(interval: Duration) -> u32 {
    u32::try_from(interval.as_secs()).unwrap_or(u32::MAX)
}
