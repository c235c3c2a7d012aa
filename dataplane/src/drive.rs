//! Puts into effect what control says a stream shall send: links it into a pacing slot, takes it
//! out, changes its line in place. Whatever changes, sequence numbers and timestamps go on.

use shared::{DropReason, Media, PromptStart, Repeat, Source, StreamId, Time};

use crate::address::Address;
use crate::engine::{Engine, owner};
use crate::hush::Hush;
use crate::intake::Intake;
use crate::library::Track;
use crate::line::Line;
use crate::player::{self, SAMPLES_PER_MS};
use crate::port::{Owner, Port};
use crate::rtcp::reception::Reception;
use crate::rtp::Header;
use crate::stream::{Paused, Stream};
use crate::terms::Terms;

impl Engine {
    /// What offer and answer settled, from now on.
    pub(crate) fn describe(&mut self, now: Time, stream: StreamId, media: &Media) {
        let Some(entry) = self.table.get(owner(stream)) else {
            return self.stats.count_drop(DropReason::StaleStream, 1);
        };
        let terms = Terms::from(media);
        let before = entry.terms.replace(terms);
        entry.lock.describe(before.as_ref(), &terms);
        let same_peer = before.is_some_and(|before| before.remote == terms.remote);
        if !same_peer {
            entry.reception = Reception::default();
            entry.reports.restart();
            entry.gave_way = false;
        }
        if media.supervise && before.is_none_or(|before| !before.supervise) {
            entry.hear(now);
        }
        let repaced = before.is_none_or(|before| before.ptime != media.ptime);
        if repaced {
            self.unlink(owner(stream));
        }
        self.agenda.hurry(stream.index);
        self.unsettle(owner(stream));
        self.drive(now, owner(stream));
    }

    /// What to send, from now on.
    pub(crate) fn send(&mut self, now: Time, stream: StreamId, source: Source) {
        let Some(entry) = self.table.get(owner(stream)) else {
            return self.stats.count_drop(DropReason::StaleStream, 1);
        };
        if entry.source == source {
            return;
        }
        let before = std::mem::replace(&mut entry.source, source);
        entry.relay.switch();
        self.unlink(owner(stream));
        if let Some(entry) = self.table.get(owner(stream)) {
            entry.paused = None;
            entry.hush = Hush::default();
        }
        if matches!(source, Source::Held { .. }) {
            self.agenda.hurry(stream.index);
        }
        self.unbridge(owner(stream), before);
        self.bridge(owner(stream), source);
        self.drive(now, owner(stream));
    }

    /// Lets the kernel know what the streams need to hear, since they were described or learned
    /// something; to be called before the worker sleeps.
    pub fn settle(&mut self, port: &mut impl Port) {
        while let Some(owner) = self.unsettled.pop() {
            let Some(stream) = self.table.get(owner) else {
                continue;
            };
            if let Some(terms) = stream.terms
                && stream.sockets().is_some()
            {
                let mut intake = Intake::of(&terms, &stream.lock);
                if stream.captured {
                    intake.without = None;
                }
                stream.screened = port.aim(owner, &intake);
                stream.excused |= stream.screened;
            }
        }
    }

    /// What a stream needs to hear may have changed.
    pub(crate) fn unsettle(&mut self, owner: Owner) {
        if self.unsettled.last() != Some(&owner) {
            self.unsettled.push(owner);
        }
    }

    /// From now on what `source` receives is sent by `listener`.
    fn bridge(&mut self, listener: Owner, source: Source) {
        let Some(peer) = source.peer() else {
            return;
        };
        match self.table.get(owner(peer)) {
            Some(speaker) => speaker.listener = Some(listener),
            None => self.stats.count_drop(DropReason::StaleStream, 1),
        }
    }

    fn unbridge(&mut self, listener: Owner, before: Source) {
        if let Some(peer) = before.peer()
            && let Some(speaker) = self.table.get(owner(peer))
            && speaker.listener == Some(listener)
        {
            speaker.listener = None;
        }
    }

    /// What a stream's line has sent that its counters do not have yet.
    pub(crate) fn live(&mut self, owner: Owner) -> Live {
        let place = self.table.get(owner).and_then(|stream| stream.place);
        place.map_or_else(Live::default, |place| {
            let due = self.wheel.due_at(place);
            let line = self.wheel.line(place);
            Live {
                packets: line.sent,
                octets: line.sent.wrapping_mul(line.samples.into()),
                next: Some((line.header.timestamp.get(), due)),
            }
        })
    }

    /// Makes the line of a stream what its source and description ask for.
    pub(crate) fn drive(&mut self, now: Time, owner: Owner) {
        let Some(stream) = self.table.get(owner) else {
            return;
        };
        let Some(wish) = Wish::of(stream) else {
            return self.unlink(owner);
        };
        match stream.place {
            Some(place) => {
                let line = self.wheel.line(place);
                line.remote = wish.remote;
                line.header.set_payload_type(wish.terms.send_payload_type);
                line.track = wish.track;
            }
            None => self.link(now, owner, &wish),
        }
    }

    fn link(&mut self, now: Time, owner: Owner, wish: &Wish) {
        let Some(stream) = self.table.get(owner) else {
            return;
        };
        let Some(sockets) = stream.sockets() else {
            return;
        };
        if !self.library.acquire(wish.track.prompt()) {
            return;
        }
        let length = self.library.audio(wish.track).len();
        let (slot, due) = self.wheel.emptiest(wish.terms.ptime, now);
        let output = &stream.output;
        let timestamp = output.resume(due);
        let payload_type = wish.terms.send_payload_type;
        let mut header = Header::new(payload_type, output.sequence, timestamp, output.ssrc);
        header.set_marker(true);
        let resumed = stream.paused.take().unwrap_or_else(|| Paused {
            cursor: player::position(wish.start, due, length),
            left: wish.repeat,
        });
        let samples = wish.terms.codec.samples_per_packet(wish.terms.ptime);
        let line = Line {
            header,
            cursor: resumed.cursor,
            remote: wish.remote,
            socket: sockets.rtp,
            index: owner.index,
            generation: owner.generation,
            sent: 0,
            track: wish.track,
            samples: u16::try_from(samples).unwrap_or(u16::MAX),
            repeats: match resumed.left {
                Repeat::Forever => 0,
                Repeat::Times(times) => times.max(1),
            },
            programme: wish.start == PromptStart::Programme,
            captured: stream.captured,
        };
        stream.place = Some(self.wheel.insert(slot, line));
    }

    /// Takes a stream out of its slot, if it is in one.
    pub(crate) fn unlink(&mut self, owner: Owner) {
        let Some(stream) = self.table.get(owner) else {
            return;
        };
        let Some(place) = stream.place.take() else {
            return;
        };
        let removed = self.wheel.remove(place);
        let line = removed.line;
        let due = removed.due;
        let sequence = line.header.sequence.get();
        stream
            .output
            .advance(sequence, line.header.timestamp.get(), due);
        stream.count_sent(line.sent, line.samples.into());
        stream.counts.prompt_position_ms =
            u32::try_from(u64::from(line.cursor) / SAMPLES_PER_MS).unwrap_or(u32::MAX);
        stream.paused = (!line.programme).then_some(Paused {
            cursor: line.cursor,
            left: match line.repeats {
                0 => Repeat::Forever,
                times => Repeat::Times(times),
            },
        });
        self.library.release(line.track.prompt());
        if let Some(index) = removed.moved
            && let Some(neighbour) = self.table.at(index)
        {
            neighbour.place = Some(place);
        }
    }
}

/// See [`Engine::live`].
#[derive(Default)]
pub(crate) struct Live {
    pub(crate) packets: u32,
    pub(crate) octets: u32,
    /// The next timestamp, and when it is due.
    pub(crate) next: Option<(u32, Time)>,
}

/// A prompt that is to be sent now.
struct Wish {
    terms: Terms,
    remote: Address,
    track: Track,
    start: PromptStart,
    repeat: Repeat,
}

impl Wish {
    fn of(stream: &Stream) -> Option<Self> {
        let terms = stream.terms.filter(|terms| terms.send)?;
        let remote = stream.lock.destination(&terms)?;
        stream.sockets()?;
        let (prompt, start, repeat) = match stream.source {
            Source::Prompt {
                prompt,
                start,
                repeat,
            } => (prompt, start, repeat),
            Source::Held { prompt, .. } if stream.hush.is_over() => {
                (prompt, PromptStart::Programme, Repeat::Forever)
            }
            Source::Held { .. } | Source::Bridge { .. } | Source::Silent => return None,
        };
        Some(Self {
            terms,
            remote,
            track: Track::new(prompt, terms.codec),
            start,
            repeat,
        })
    }
}
