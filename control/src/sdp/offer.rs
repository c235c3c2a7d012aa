//! Offers: ours (RFC 3264 §5, §8), and our answers to the peer's (§6).

use shared::{Codec, PayloadType};

use super::description::{Audio, Description, Line};
use super::format::Format;
use super::payload::{Numbers, can_share_port};
use super::session::{Offered, settle_direction};
use super::write::Ours;
use super::{Agreed, Local, SdpError, Session, Sink};

impl Session {
    /// Makes an offer. It replaces one that was not answered (its INVITE was refused).
    ///
    /// # Panics
    /// When `local` names no codec: an m-line needs a format.
    #[must_use]
    pub fn offer(&mut self, local: &Local) -> Vec<u8> {
        assert!(!local.codecs.is_empty(), "an offer needs a codec");
        let mut codecs = Vec::with_capacity(local.codecs.len());
        for codec in &local.codecs {
            let number = self.numbers.for_offer(Format::Audio(*codec));
            codecs.extend(number.map(|number| (*codec, number)));
        }
        let event = self.numbers.for_offer(Format::Event);
        self.offer_formats(local, None, codecs, event)
    }

    /// Offers what is agreed and nothing besides, so that the description keeps its version where
    /// nothing has changed (RFC 4028 §7.4). Without an agreement it is an offer like any other.
    #[must_use]
    pub fn repeat(&mut self, local: &Local) -> Vec<u8> {
        let Some(agreed) = &self.agreed else {
            return self.offer(local);
        };
        let codecs = vec![(agreed.codec, agreed.receive_payload_type)];
        let event = agreed.receive_event_payload_type;
        self.offer_formats(local, None, codecs, event)
    }

    /// With where another than we listens, if that is so.
    pub(super) fn offer_formats(
        &mut self,
        local: &Local,
        sink: Option<&Sink>,
        codecs: Vec<(Codec, PayloadType)>,
        event: Option<PayloadType>,
    ) -> Vec<u8> {
        let lines = if self.lines.is_empty() {
            vec![Line::audio()]
        } else {
            self.lines.clone()
        };
        let mut formats: Vec<_> = codecs
            .iter()
            .map(|(codec, number)| (Format::Audio(*codec), *number))
            .collect();
        formats.extend(event.map(|number| (Format::Event, number)));
        // Once settled without, it stays so: the ports are open (RFC 5761 §5.1.1 lets either side
        // decline).
        let rtcp_mux = self.agreed.as_ref().is_none_or(|agreed| agreed.rtcp_mux)
            && formats.iter().all(|(_, number)| can_share_port(*number));
        let agreed = self.agreed.as_ref();
        let ptime = { sink.map(|sink| sink.ptime) }.or_else(|| agreed.map(|agreed| agreed.ptime));
        let text = self.describe(&Ours {
            origin: local.address.ip(),
            address: sink.map_or(local.address, Sink::address),
            lines: &lines,
            place: self.place,
            formats: &formats,
            direction: local.direction,
            ptime: ptime.unwrap_or_default(),
            rtcp_mux,
        });
        self.offered = Some(Box::new(Offered {
            local: local.clone(),
            lines,
            place: self.place,
            codecs,
            event,
            rtcp_mux,
        }));
        text
    }

    /// Our last offer was refused (RFC 6141: nothing changed).
    pub fn withdraw(&mut self) {
        self.offered = None;
    }

    /// Takes an offer of the peer and gives our answer with what was agreed. The state changes only
    /// on success.
    ///
    /// # Errors
    /// [`SdpError`]; what was agreed before stays.
    pub fn answer(&mut self, offer: &[u8], local: &Local) -> Result<(Vec<u8>, Agreed), SdpError> {
        self.answer_to(&Description::parse(offer)?, local)
    }

    /// The same, of an offer that was parsed already.
    ///
    /// # Errors
    /// [`SdpError`]; what was agreed before stays.
    pub fn answer_to(
        &mut self,
        offer: &Description,
        local: &Local,
    ) -> Result<(Vec<u8>, Agreed), SdpError> {
        let (numbers, place, agreed) = self.settle(offer, local)?;
        self.numbers = numbers;
        self.lines = offer.lines.clone();
        self.place = place;
        self.agreed = Some(agreed.clone());
        Ok((self.answer_text(local, None, &agreed), agreed))
    }

    /// What an offer of the peer would come to, if it was answered.
    ///
    /// # Errors
    /// [`SdpError`], as of the answer.
    pub fn foresee(&self, offer: &Description, local: &Local) -> Result<Agreed, SdpError> {
        self.settle(offer, local).map(|(_, _, agreed)| agreed)
    }

    pub(super) fn settle(
        &self,
        offer: &Description,
        local: &Local,
    ) -> Result<(Numbers, usize, Agreed), SdpError> {
        if self.offered.is_some() {
            return Err(SdpError::OutOfOrder);
        }
        let (place, audio, codec) = self.choose(offer, local)?;
        let mut numbers = self.numbers.clone();
        numbers.avoid(audio.formats.foreign);
        let format = Format::Audio(codec);
        let send = audio.formats.number(format).ok_or(SdpError::NoCodec)?;
        let receive = numbers.for_answer(format, send).ok_or(SdpError::NoCodec)?;
        let send_event = audio.formats.number(Format::Event);
        let receive_event = send_event.and_then(|peers| numbers.for_answer(Format::Event, peers));
        let rtcp_mux = audio.rtcp_mux
            && self.agreed.as_ref().is_none_or(|agreed| agreed.rtcp_mux)
            && [Some(send), Some(receive), send_event, receive_event]
                .into_iter()
                .flatten()
                .all(can_share_port);
        let agreed = Agreed {
            remote: audio.remote,
            remote_rtcp: audio.remote_rtcp(rtcp_mux),
            codec,
            send_payload_type: send,
            receive_payload_type: receive,
            send_event_payload_type: receive_event.and(send_event),
            receive_event_payload_type: receive_event,
            ptime: audio.ptime,
            direction: settle_direction(local.direction, &audio),
            rtcp_mux,
            peer_codecs: audio.formats.codecs().into(),
        };
        Ok((numbers, place, agreed))
    }

    /// The m-line to take, and the codec: where our audio is now, if that still serves, or else the
    /// first that does.
    fn choose(
        &self,
        offer: &Description,
        local: &Local,
    ) -> Result<(usize, Audio, Codec), SdpError> {
        let now = self.agreed.as_ref().map(|_| self.place);
        let places = now.into_iter().chain(0..offer.lines.len());
        let mut refusal = None;
        for place in places {
            let taken = match offer.audio(place) {
                None => continue,
                Some(audio) => audio.and_then(|audio| fit(audio, local)),
            };
            match taken {
                Ok((audio, codec)) => return Ok((place, audio, codec)),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        Err(refusal.unwrap_or(SdpError::NoAudio))
    }

    /// With where another than we listens, if that is so.
    pub(super) fn answer_text(
        &mut self,
        local: &Local,
        sink: Option<&Sink>,
        agreed: &Agreed,
    ) -> Vec<u8> {
        let mut formats = vec![(Format::Audio(agreed.codec), agreed.receive_payload_type)];
        formats.extend(
            agreed
                .receive_event_payload_type
                .map(|number| (Format::Event, number)),
        );
        let lines = std::mem::take(&mut self.lines);
        let text = self.describe(&Ours {
            origin: local.address.ip(),
            address: sink.map_or(local.address, Sink::address),
            lines: &lines,
            place: self.place,
            formats: &formats,
            direction: agreed.direction,
            ptime: sink.map_or(agreed.ptime, |sink| sink.ptime),
            rtcp_mux: agreed.rtcp_mux,
        });
        self.lines = lines;
        text
    }
}

/// Whether we can send there, and in what.
fn fit(audio: Audio, local: &Local) -> Result<(Audio, Codec), SdpError> {
    reachable(&audio, local)?;
    let named = audio.formats.codecs();
    let codec = local.codecs.iter().find(|codec| named.contains(codec));
    codec.map(|codec| (audio, *codec)).ok_or(SdpError::NoCodec)
}

/// RFC 3264 §6, RFC 6157: an IPv4 socket does not reach an IPv6 address, nor the other way.
pub(super) fn reachable(audio: &Audio, local: &Local) -> Result<(), SdpError> {
    let same_family = |remote: std::net::SocketAddr| {
        remote.is_ipv4() == local.address.ip().to_canonical().is_ipv4()
    };
    if audio.remote.is_none_or(same_family) {
        Ok(())
    } else {
        Err(SdpError::Address)
    }
}
