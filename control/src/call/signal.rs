//! What the SIP agent says, handed to whoever it concerns.

use shared::Time;

use super::{Adopted, Exchange, State};
use crate::control::OrbitStatus;
use crate::sip::agent::AgentEvent;

impl Exchange {
    /// Takes what the SIP agent says.
    pub(crate) fn signalled(&mut self, now: Time, event: AgentEvent<'_>) {
        match event {
            AgentEvent::Invite {
                dialog,
                request,
                source,
            } => self.invited(now, dialog, request, source.ip()),
            AgentEvent::Reinvite { dialog, request } => self.reinvited(now, dialog, request),
            AgentEvent::Acked { dialog, request } => self.acked(now, dialog, request),
            AgentEvent::Answered { dialog, response } => self.answered(now, dialog, response),
            AgentEvent::Rejected { dialog, status, .. } => self.rejected(now, dialog, status),
            AgentEvent::Retry { dialog } => self.retry(now, dialog),
            AgentEvent::Cancelled { dialog } => self.cancelled(now, dialog),
            AgentEvent::Ended {
                dialog,
                cause,
                request,
            } => self.dialog_ended(now, dialog, cause, request),
            AgentEvent::Update {
                key,
                dialog,
                request,
            } => self.updated(now, dialog, key, request),
            AgentEvent::Refresh { dialog } => self.refresh(now, dialog),
            AgentEvent::Refer {
                subscription,
                dialog,
                request,
                source,
            } => self.referred(now, subscription, dialog, request, source.ip()),
            AgentEvent::Request {
                key,
                dialog,
                request,
            } => self.requested(now, key, dialog, request),
            AgentEvent::Progress { dialog, response } => self.progressed(dialog, response),
            AgentEvent::Subscribe {
                subscription,
                event,
                request,
                source,
            } => self.watched(now, subscription, event, request, source),
            AgentEvent::Refreshed { subscription } => self.watch_refreshed(now, subscription),
            AgentEvent::Notified { subscription } => self.watch_notified(now, subscription),
            AgentEvent::Unsubscribed { subscription } => self.watch_ended(subscription),
            AgentEvent::Response { key, .. } => self.request_answered(now, key),
            // A re-INVITE is answered at once, so there is never one left to cancel.
            AgentEvent::ReinviteCancelled { .. } | AgentEvent::Forgotten { .. } => {}
        }
    }

    /// The calls in orbits, by number.
    pub(crate) fn parked(&self) -> impl Iterator<Item = OrbitStatus> + '_ {
        self.orbits.taken().filter_map(|(orbit, key)| {
            let call = &self.calls[&key];
            let (State::Parked(parked)
            | State::Retrieving(parked, _)
            | State::Recalling(parked, _)
            | State::Adopting(Adopted::Parked(parked))) = call.state
            else {
                return None;
            };
            let leg = &self.legs[&call.first];
            Some(OrbitStatus {
                orbit: self.orbits.number(orbit),
                call_id: leg.call_id.to_string(),
                parked_at: parked.since,
                retrieving: matches!(call.state, State::Retrieving(..)),
                recalling: matches!(call.state, State::Recalling(..)),
                adopting: leg.session.agreed().is_none(),
            })
        })
    }
}
