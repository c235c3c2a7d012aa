//! A first SUBSCRIBE that comes once more when its transaction is over, or in another process than
//! that which has answered it: the subscriber has heard no answer, and would have a second
//! subscription beside one that it knows nothing of.

use shared::Time;

use super::Agent;
use super::destination::Path;
use super::event::{AgentEvent, SubscriptionKey};
use super::respond::Answer;
use super::servers::ServerId;
use super::subscription::{Home, Lease, Origin, Package};
use crate::sip::dialog::{Dialog, Order};
use crate::sip::message::Message;
use crate::sip::method::Method;
use crate::sip::status::Status;
use crate::sip::transport::Packet;

impl Agent {
    /// The subscription that this SUBSCRIBE, which has no tag of ours, has begun before.
    pub(super) fn begun_before(
        &self,
        request: &Message<'_>,
        package: Package,
        event_id: Option<&str>,
    ) -> Option<SubscriptionKey> {
        let origin = Origin {
            call_id: request.call_id().ok()?,
            from_tag: request.from_tag()?,
            to: request.to().ok()?.uri,
            event: package.event,
            event_id,
        };
        let key = self.subscriptions.begun_by(&origin)?;
        let held = self.subscriptions.get(key)?;
        let is_subscribe = request.method() == Some(Method::Subscribe);
        (is_subscribe && held.lease == Lease::Active).then_some(key)
    }

    /// Answers it as it was answered, with our tag of then and the full state: one that has lost
    /// the first answer goes on in the dialog that there is. What is older than the last refresh
    /// has only been late (RFC 3261 §8.2.2.2).
    pub(super) fn subscribe_again<'a>(
        &mut self,
        now: Time,
        id: ServerId,
        packet: &Packet<'_>,
        request: &Message<'_>,
        key: SubscriptionKey,
    ) -> Result<Option<AgentEvent<'a>>, Answer> {
        let merged = || Answer::new(Status::LOOP_DETECTED);
        let number = request.cseq().map_err(Answer::malformed)?.number;
        let held = self.subscriptions.get_mut(key).ok_or_else(merged)?;
        let Home::Own(seat) = &mut held.home else {
            return Err(merged());
        };
        if seat.dialog.receive_cseq(number, Method::Subscribe) == Order::Stale {
            return Err(merged());
        }
        // It may have come another way, and have another route set.
        let (tag, cseq) = (seat.dialog.local_tag(), seat.dialog.local_cseq());
        seat.dialog = Dialog::from_request(request, tag, cseq).map_err(Answer::malformed)?;
        seat.path = Some(Path::of(&self.config.listeners, packet));
        if let Some(server) = self.servers.get_mut(id) {
            server.tag = seat.dialog.local_tag().into();
        }
        self.resubscribe(now, id, key, request)
    }
}
