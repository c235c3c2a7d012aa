//! NOTIFY (RFC 6665 §4.2.2): one at a time for each subscription, in order, sent again as it was
//! where it failed for a while, so that no version is missing; and the end of a lease.

use shared::Time;
use tracing::debug;

use super::clients::{ClientId, Owner};
use super::event::{AgentEvent, Closing, DialogKey, Reply, SipDrop, Stance, SubscriptionKey};
use super::request::{Draft, Part};
use super::subscription::{Flight, Home, Lease, Notice, REFER, Seat, Subscription};
use super::usage::Usage;
use super::{Agent, Deadline};
use crate::sip::header::Header;
use crate::sip::limits::{NOTIFY_ATTEMPTS_MAX, NOTIFY_RETRY, NOTIFY_RETRY_MAX};
use crate::sip::message::Message;
use crate::sip::method::Method;
use crate::sip::status::Status;
use crate::sip::write::Body;

impl Agent {
    /// Tells a subscriber the state. Sent once what is in flight is answered; until then a newer
    /// one replaces it, so who numbers its states calls this only after
    /// [`AgentEvent::Notified`], or when [`Self::may_notify`]. After [`Stance::Terminated`] the
    /// subscription is over.
    pub fn notify(
        &mut self,
        now: Time,
        subscription: SubscriptionKey,
        reply: Reply,
        stance: Stance,
    ) {
        let Some(held) = self.subscriptions.get_mut(subscription) else {
            return;
        };
        let mut stance = stance;
        match held.lease {
            Lease::Asked(_) | Lease::Closing => return,
            Lease::Active => {}
            Lease::Over => {
                if stance == Stance::Active {
                    stance = Stance::Terminated(Closing::Timeout);
                }
                self.events
                    .push_back(AgentEvent::Unsubscribed { subscription });
            }
        }
        if stance != Stance::Active {
            held.lease = Lease::Closing;
        }
        if held.package == REFER {
            held.report = Some(Box::new(reply.clone()));
        }
        let attempts = 0;
        held.waiting = Some(Box::new(Notice {
            reply,
            stance,
            attempts,
        }));
        self.send_waiting(now, subscription);
        self.rearm_subscription(subscription);
    }

    /// Tells who sent a REFER how it goes (RFC 3515 §2.4.5); a final status ends the subscription.
    pub fn notify_referrer(&mut self, now: Time, subscription: SubscriptionKey, status: Status) {
        let stance = match status.is_final() {
            true => Stance::Terminated(Closing::NoResource),
            false => Stance::Active,
        };
        self.report(now, subscription, status, stance);
    }

    /// Whether a state that is given to `notify` is the next to be sent.
    #[must_use]
    pub fn may_notify(&self, subscription: SubscriptionKey) -> bool {
        let held = self.subscriptions.get(subscription);
        held.is_some_and(|held| held.is_idle() && matches!(held.lease, Lease::Active | Lease::Over))
    }

    /// Whether the next state that `notify` is given will be the last.
    #[must_use]
    pub fn is_last(&self, subscription: SubscriptionKey) -> bool {
        let held = self.subscriptions.get(subscription);
        held.is_some_and(|held| held.lease == Lease::Over)
    }

    /// Subscriptions that exist, in any state.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.subscriptions.len()
    }

    pub(super) fn report(
        &mut self,
        now: Time,
        subscription: SubscriptionKey,
        status: Status,
        stance: Stance,
    ) {
        let reply = Reply {
            headers: Vec::new(),
            body: Some(Body {
                content_type: "message/sipfrag;version=2.0",
                bytes: format!("SIP/2.0 {status} {}\r\n", status.reason()).into_bytes(),
            }),
        };
        self.notify(now, subscription, reply, stance);
    }

    /// A refresh or the end of a lease wants the state told (RFC 6665 §4.2.1.2); that of a REFER
    /// is known here.
    pub(super) fn state_is_due<'a>(
        &mut self,
        now: Time,
        subscription: SubscriptionKey,
    ) -> Option<AgentEvent<'a>> {
        let held = self.subscriptions.get(subscription)?;
        if held.package != REFER {
            return Some(AgentEvent::Refreshed { subscription });
        }
        let report = held.report.as_deref().cloned().unwrap_or_default();
        self.notify(now, subscription, report, Stance::Active);
        None
    }

    fn send_waiting(&mut self, now: Time, key: SubscriptionKey) {
        let Some(held) = self.subscriptions.get_mut(key) else {
            return;
        };
        if !matches!(held.flight, Flight::None) {
            return;
        }
        if let Some(notice) = held.waiting.take() {
            self.send_notice(now, key, notice);
        }
    }

    fn send_notice(&mut self, now: Time, key: SubscriptionKey, notice: Box<Notice>) {
        let is_full = self.is_full();
        let Some(held) = self.subscriptions.get_mut(key) else {
            return;
        };
        if is_full {
            held.flight = Flight::Again(now + NOTIFY_RETRY, notice);
            return self.count(SipDrop::Full);
        }
        let headers = held.headers(now, &notice);
        let (dialog, path, contact_user) = match &mut held.home {
            Home::Own(seat) => (&mut seat.dialog, seat.path, &seat.contact_user),
            Home::Call(call) => {
                let Some(usage) = self.usages.get_mut(*call) else {
                    return;
                };
                (&mut usage.dialog, usage.path, &usage.contact_user)
            }
        };
        let reply = Reply {
            headers,
            body: None,
        };
        let cseq = dialog.next_cseq();
        let part = Part {
            body: notice.reply.body.as_ref(),
            ..Part::other(Method::Notify, cseq, &reply, contact_user)
        };
        let signature = self.config.signature(&self.allow);
        let (draft, next_hop) = Draft::within(dialog, &part, &signature);
        let client = self.launch(now, Owner::Subscription(key), draft, &next_hop, path);
        if let Some(held) = self.subscriptions.get_mut(key) {
            held.flight = Flight::Sent(client, notice);
        }
    }

    /// What came of a NOTIFY; without response it is 408 or 503.
    pub(super) fn notify_answered<'a>(
        &mut self,
        now: Time,
        id: ClientId,
        subscription: SubscriptionKey,
        status: Status,
        response: Option<&Message<'_>>,
    ) -> Option<AgentEvent<'a>> {
        let held = self.subscriptions.get_mut(subscription)?;
        let is_ours = matches!(held.flight, Flight::Sent(client, _) if client == id);
        if !is_ours || status.is_provisional() {
            return None;
        }
        let Flight::Sent(_, mut notice) = std::mem::replace(&mut held.flight, Flight::None) else {
            return None;
        };
        if status.is_success() {
            return self.notice_arrived(now, subscription);
        }
        notice.attempts += 1;
        debug!(subscription = subscription.0, %status, attempts = notice.attempts, "notify failed");
        if ends_subscription(status) || notice.attempts >= NOTIFY_ATTEMPTS_MAX {
            return self.lose_subscription(subscription);
        }
        let wanted = response.and_then(|response| response.delta_seconds(Header::RetryAfter));
        let delay = wanted.map_or(NOTIFY_RETRY, |s| std::time::Duration::from_secs(s.into()));
        held.flight = Flight::Again(now + delay.clamp(NOTIFY_RETRY, NOTIFY_RETRY_MAX), notice);
        self.rearm_subscription(subscription);
        None
    }

    fn notice_arrived<'a>(
        &mut self,
        now: Time,
        subscription: SubscriptionKey,
    ) -> Option<AgentEvent<'a>> {
        let held = self.subscriptions.get(subscription)?;
        let event = match (&held.waiting, held.lease) {
            (Some(_), _) => {
                self.send_waiting(now, subscription);
                None
            }
            (None, Lease::Closing) => {
                self.forget_subscription(subscription);
                None
            }
            (None, _) => Some(AgentEvent::Notified { subscription }),
        };
        self.rearm_subscription(subscription);
        event
    }

    /// The subscriber is not there any more.
    fn lose_subscription<'a>(&mut self, subscription: SubscriptionKey) -> Option<AgentEvent<'a>> {
        let held = self.forget_subscription(subscription)?;
        let is_news = held.lease != Lease::Closing;
        is_news.then_some(AgentEvent::Unsubscribed { subscription })
    }

    fn forget_subscription(&mut self, key: SubscriptionKey) -> Option<Subscription> {
        self.deadlines.set(Deadline::Subscription(key), None);
        self.subscriptions.remove(key)
    }

    /// A deadline of a subscription has passed.
    pub(super) fn subscription_expired(&mut self, now: Time, key: SubscriptionKey) {
        let Some(held) = self.subscriptions.get_mut(key) else {
            return;
        };
        if matches!(held.flight, Flight::Again(at, _) if at <= now) {
            let flight = std::mem::replace(&mut held.flight, Flight::None);
            if let Flight::Again(_, notice) = flight {
                self.send_notice(now, key, notice);
            }
        }
        let Some(held) = self.subscriptions.get_mut(key) else {
            return;
        };
        if held.lease == Lease::Active && held.until <= now {
            held.lease = Lease::Over;
            let event = self.state_is_due(now, key);
            self.events.extend(event);
        }
        self.rearm_subscription(key);
    }

    pub(super) fn rearm_subscription(&mut self, key: SubscriptionKey) {
        let deadline = self.subscriptions.get(key).and_then(Subscription::deadline);
        self.deadlines.set(Deadline::Subscription(key), deadline);
    }

    /// The call is over in whose dialog somebody subscribed: the subscription keeps the dialog.
    pub(super) fn outlive(&mut self, call: DialogKey, usage: &Usage) {
        if self.subscriptions.of_call(call).is_empty() {
            return;
        }
        let seat = Seat {
            dialog: usage.dialog.clone(),
            path: usage.path,
            contact_user: usage.contact_user.clone(),
        };
        for subscription in self.subscriptions.outlive(call, seat) {
            self.deadlines
                .set(Deadline::Subscription(subscription), None);
            self.events
                .push_back(AgentEvent::Unsubscribed { subscription });
        }
    }
}

impl Subscription {
    /// What a NOTIFY says of the subscription, before what it says of the state.
    fn headers(&self, now: Time, notice: &Notice) -> Vec<(Header, String)> {
        let event = match &self.id {
            Some(id) => format!("{};id={id}", self.package.event),
            None => self.package.event.to_owned(),
        };
        let left_s = self.until.since(now).as_secs();
        let state = match notice.stance {
            Stance::Active => format!("active;expires={left_s}"),
            Stance::Terminated(closing) => format!("terminated;reason={closing}"),
        };
        let own = [(Header::Event, event), (Header::SubscriptionState, state)];
        own.into_iter()
            .chain(notice.reply.headers.iter().cloned())
            .collect()
    }
}

/// The answers that say that there is no such subscription, or nobody who would ever take a NOTIFY
/// (RFC 6665 §4.2.2, RFC 5057 §5.1).
fn ends_subscription(status: Status) -> bool {
    matches!(
        status.code(),
        404 | 405 | 410 | 416 | 480..=485 | 489 | 501 | 604
    )
}
