//! The peer's answers to our offers (RFC 3264 §7).
//!
//! An answer must fit where a misunderstanding would be heard: the same m-lines, a codec that we
//! offered. A direction wider than we offered is narrowed instead of ending the call: many phones
//! answer `sendonly` without any attribute, and what they send then is dropped.

use shared::{Codec, PayloadType};

use super::description::{Audio, Description};
use super::format::Format;
use super::offer::reachable;
use super::session::{Offered, settle_direction};
use super::{Agreed, SdpError, Session};

impl Session {
    /// Takes the peer's answer to our last offer, which is settled by it one way or the other.
    ///
    /// # Errors
    /// [`SdpError`]; what was agreed before stays.
    pub fn answered(&mut self, answer: &[u8]) -> Result<Agreed, SdpError> {
        let offered = *self.offered.take().ok_or(SdpError::OutOfOrder)?;
        let answer = Description::parse(answer)?;
        let audio = taken(&answer, &offered)?;
        let (codec, send, receive) = codec(&audio, &offered).ok_or(SdpError::Mismatch)?;
        let send_event = audio
            .formats
            .number(Format::Event)
            .filter(|_| offered.event.is_some());
        let rtcp_mux = offered.rtcp_mux && audio.rtcp_mux;
        let agreed = Agreed {
            remote: audio.remote,
            remote_rtcp: audio.remote_rtcp(rtcp_mux),
            codec,
            send_payload_type: send,
            receive_payload_type: receive,
            send_event_payload_type: send_event,
            receive_event_payload_type: offered.event.filter(|_| send_event.is_some()),
            ptime: audio.ptime,
            direction: settle_direction(offered.local.direction, &audio),
            rtcp_mux,
            peer_codecs: audio.formats.codecs().into(),
        };
        self.numbers.avoid(audio.formats.foreign);
        self.lines = offered.lines;
        self.place = offered.place;
        self.agreed = Some(agreed.clone());
        Ok(agreed)
    }
}

/// The m-line that answers ours (§6: same number, same order, same media and protocol).
fn taken(answer: &Description, offered: &Offered) -> Result<Audio, SdpError> {
    if answer.lines.len() != offered.lines.len() {
        return Err(SdpError::Mismatch);
    }
    let ours = &offered.lines[offered.place];
    let theirs = &answer.lines[offered.place];
    let same = theirs.kind.eq_ignore_ascii_case(&ours.kind)
        && theirs.proto.eq_ignore_ascii_case(&ours.proto);
    if !same {
        return Err(SdpError::Mismatch);
    }
    let audio = answer.audio(offered.place).ok_or(SdpError::NoAudio)??;
    reachable(&audio, &offered.local)?;
    Ok(audio)
}

/// The first codec of the answer that we offered: the peer's number, then ours (§7: the answerer
/// prefers its first).
fn codec(audio: &Audio, offered: &Offered) -> Option<(Codec, PayloadType, PayloadType)> {
    audio.formats.codecs().into_iter().find_map(|codec| {
        let (_, ours) = offered
            .codecs
            .iter()
            .find(|(offered, _)| *offered == codec)?;
        Some((codec, audio.formats.number(Format::Audio(codec))?, *ours))
    })
}
