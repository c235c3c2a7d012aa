//! What each leg hears, and how its stream is told: derived anew from the call's state and what was
//! agreed, and sent where it differs from what the worker was told last.

use shared::{Command, Latch, Media, Source};

use super::leg::Described;
use super::{CallKey, Exchange, Leg, State};
use crate::sdp::Agreed;
use crate::sip::agent::DialogKey;

/// Whether a leg's peer is meant to be heard by somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ears {
    /// By the other leg.
    Somebody,
    /// It hears music, or is being connected.
    Nobody,
}

impl Exchange {
    /// Tells the workers what a call's legs shall do now.
    pub(crate) fn apply(&mut self, key: CallKey) {
        let Some(call) = self.calls.get(&key) else {
            return;
        };
        for dialog in call.legs() {
            self.apply_leg(key, dialog);
        }
    }

    fn apply_leg(&mut self, key: CallKey, dialog: DialogKey) {
        let call = &self.calls[&key];
        let leg = &self.legs[&dialog];
        let Some(agreed) = leg.session.agreed() else {
            return;
        };
        if leg.is_arriving() {
            return;
        }
        let (ears, source) = match call.state {
            State::Bridged(_) => {
                let other = call.other(dialog).expect("a bridge has two legs");
                (
                    Ears::Somebody,
                    self.heard_in_bridge(leg, &self.legs[&other]),
                )
            }
            // Digits come by RTP.
            State::Asking(_) => (Ears::Somebody, leg.said_now().unwrap_or(Source::Silent)),
            _ => {
                let music = || self.music(leg);
                (Ears::Nobody, leg.said_now().unwrap_or_else(music))
            }
        };
        let latch = if self.rules.media.latch_learn {
            Latch::Any
        } else {
            Latch::Closed
        };
        let mut media = describe(agreed, ears, latch);
        media.supervise &= !leg.is_elsewhere();
        if call.legs().all(|leg| self.legs[&leg].is_elsewhere()) {
            // Their reports are about each other; ours would be of nothing.
            media.remote_rtcp = None;
        }
        let source = if leg.is_away() {
            Source::Silent
        } else {
            self.resumed(leg, source)
        };
        self.tell(dialog, media, source);
    }

    /// A bridge is symmetric: where one side is away, nobody is relayed, and who is left hears
    /// music. Who holds and may send is heard, and our music as long as it says nothing.
    fn heard_in_bridge(&self, leg: &Leg, other: &Leg) -> Source {
        let music = self.music(leg);
        if leg.is_away() || other.is_away() || other.is_arriving() {
            return music;
        }
        let peer = other.stream;
        match music {
            Source::Prompt { prompt, .. } if other.holds() => Source::Held { peer, prompt },
            _ => Source::Bridge { peer },
        }
    }

    /// Lets a stream send nothing, so that it says the same word again when told to.
    pub(super) fn hush(&mut self, dialog: DialogKey) {
        if self.legs[&dialog].described.is_some() {
            self.feed(dialog, Source::Silent);
        }
    }

    fn tell(&mut self, dialog: DialogKey, media: Media, source: Source) {
        let leg = self.legs.get_mut(&dialog).expect("the caller looked");
        let (stream, described) = (leg.stream, Described::of(&media));
        if leg.described.replace(described) != Some(described) {
            self.command(stream.worker, Command::Describe { stream, media });
        }
        self.feed(dialog, source);
    }

    fn feed(&mut self, dialog: DialogKey, source: Source) {
        if self.legs[&dialog].source == source {
            return;
        }
        self.note_music(dialog);
        let leg = self.legs.get_mut(&dialog).expect("the caller looked");
        leg.source = source;
        let stream = leg.stream;
        self.command(stream.worker, Command::Send { stream, source });
    }
}

fn describe(agreed: &Agreed, ears: Ears, latch: Latch) -> Media {
    let receive = ears == Ears::Somebody && agreed.direction.receives();
    Media {
        remote: agreed.remote,
        remote_rtcp: agreed.remote_rtcp,
        codec: agreed.codec,
        send_payload_type: agreed.send_payload_type,
        receive_payload_type: agreed.receive_payload_type,
        send_event_payload_type: agreed.send_event_payload_type,
        receive_event_payload_type: agreed.receive_event_payload_type,
        ptime: agreed.ptime,
        send: agreed.direction.sends(),
        receive,
        latch,
        // Who has put us on hold, in whatever form, or only listens, may be silent for as long as
        // it likes: sendonly allows a phone to send and does not ask it to (RFC 3264 §8.4).
        supervise: receive && agreed.direction.sends() && agreed.remote.is_some(),
    }
}
