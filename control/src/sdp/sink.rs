//! Where a peer takes RTP, and how another peer is told: so that the two talk without us (RFC 3725
//! §4). Its own description goes on: `o=` is ours as before, and so are its m-lines; only address,
//! port, numbers and packet time are the other peer's.
//!
//! Absent on purpose: whether the two should, and when.

use std::net::SocketAddr;

use shared::{Codec, PayloadType, Ptime};

use super::description::Description;
use super::format::Format;
use super::{Agreed, Direction, Local, SdpError, Session};

/// Where and how a peer takes RTP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sink {
    pub(super) address: SocketAddr,
    pub(super) codec: Codec,
    /// The peer's number for it.
    pub(super) payload_type: PayloadType,
    /// The peer's number for telephone-event.
    pub(super) event: Option<PayloadType>,
    pub(super) ptime: Ptime,
    pub(super) rtcp_mux: bool,
}

impl Sink {
    /// Its address and port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its codec.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }
}

impl Session {
    /// Where our peer takes RTP, if another peer could be told with what we write: it speaks and
    /// listens, over plain RTP (`RTP/AVP`), and takes RTCP at the usual place.
    #[must_use]
    pub fn sink(&self) -> Option<Sink> {
        let agreed = self.agreed.as_ref()?;
        let address = agreed.remote?;
        let is_plain = self.lines[self.place].proto.eq_ignore_ascii_case("RTP/AVP");
        let usual_rtcp = match agreed.rtcp_mux {
            true => Some(address.port()),
            false => address.port().checked_add(1),
        };
        let usual_rtcp = usual_rtcp.map(|port| SocketAddr::new(address.ip(), port));
        let is_usual =
            is_plain && agreed.direction == Direction::SendRecv && agreed.remote_rtcp == usual_rtcp;
        is_usual.then_some(Sink {
            address,
            codec: agreed.codec,
            payload_type: agreed.send_payload_type,
            event: agreed.send_event_payload_type,
            ptime: agreed.ptime,
            rtcp_mux: agreed.rtcp_mux,
        })
    }

    /// What our peer can be told of where another takes RTP. `None` where they have not the same
    /// codec, family of addresses and form of RTCP, or a number means something else here (RFC 3264
    /// §8.3.2).
    #[must_use]
    pub fn tellable(&self, sink: &Sink) -> Option<Sink> {
        let agreed = self.agreed.as_ref()?;
        let is_fitting =
            agreed.codec == sink.codec && agreed.rtcp_mux == sink.rtcp_mux && { agreed.remote }
                .is_some_and(|r| r.is_ipv4() == sink.address.is_ipv4());
        let event = { sink.event }.filter(|_| agreed.send_event_payload_type.is_some());
        let told = Sink { event, ..*sink };
        let can_mean = told
            .numbers()
            .all(|(format, number)| self.numbers.can_mean(format, number));
        (is_fitting && can_mean).then_some(told)
    }

    /// Offers that our peer sends to where another listens, and hears from there. `local` is ours.
    #[must_use]
    pub fn offer_sink(&mut self, local: &Local, sink: &Sink) -> Vec<u8> {
        for (format, number) in sink.numbers() {
            self.numbers.restore(format, number);
        }
        let codecs = vec![(sink.codec, sink.payload_type)];
        self.offer_formats(local, Some(sink), codecs, sink.event)
    }

    /// Whether an offer of the peer says what is agreed, and nothing else.
    #[must_use]
    pub fn is_repeated_by(&self, offer: &Description, local: &Local) -> bool {
        let (Ok((_, place, offered)), Some(agreed)) = (self.settle(offer, local), &self.agreed)
        else {
            return false;
        };
        let offered = Agreed {
            receive_payload_type: agreed.receive_payload_type,
            receive_event_payload_type: agreed.receive_event_payload_type,
            peer_codecs: agreed.peer_codecs.clone(),
            ..offered
        };
        place == self.place && offered == *agreed
    }

    /// Answers an offer of the peer that [repeats](Self::is_repeated_by) what is agreed: it goes on
    /// to send to where another listens.
    ///
    /// # Errors
    /// [`SdpError`]; what was agreed before stays.
    pub fn answer_sink(
        &mut self,
        offer: &Description,
        local: &Local,
        sink: &Sink,
    ) -> Result<Vec<u8>, SdpError> {
        let agreed = Agreed {
            receive_payload_type: sink.payload_type,
            receive_event_payload_type: sink.event,
            ..self.foresee(offer, local)?
        };
        self.lines = offer.lines.clone();
        self.agreed = Some(agreed.clone());
        Ok(self.answer_text(local, Some(sink), &agreed))
    }
}

impl Sink {
    fn numbers(&self) -> impl Iterator<Item = (Format, PayloadType)> + use<> {
        let event = self.event.map(|number| (Format::Event, number));
        [(Format::Audio(self.codec), self.payload_type)]
            .into_iter()
            .chain(event)
    }
}
