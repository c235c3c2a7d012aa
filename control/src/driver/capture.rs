//! The captures of a running server: what the loop reads and sends is shown to the book of
//! captures, and what belongs to one goes to whoever writes.
//!
//! Where nothing is captured, that costs the loop one look at an empty list.

use std::env;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shared::{
    CaptureEnd, CaptureError, CaptureId, CaptureOrder, CapturedMessage, Carrier, Course, Ends,
    Recorder, Time,
};
use tokio::sync::oneshot;

use super::clock;
use super::reactor::Reactor;
use crate::ask::AskError;
use crate::capture::limits::LOOK;
use crate::capture::{Book, COMMENT, Change, Prologue, Wanted, secrets};
use crate::config::Config;
use crate::control::Input;
use crate::happening::CallNumber;
use crate::sip::agent::DialogKey;
use crate::sip::transport::{Packet, Transmit, Transport};

/// The captures that go on, and who writes them.
#[derive(Debug)]
pub(super) struct Captures {
    recorder: Arc<dyn Recorder>,
    book: Book,
    /// The name of the last one.
    last: u32,
    folder: PathBuf,
}

/// A capture that somebody wants.
#[derive(Debug)]
pub(super) struct CaptureWish {
    pub(super) wanted: Wanted,
    pub(super) time: Duration,
    pub(super) reply: oneshot::Sender<Result<CaptureId, NotCaptured>>,
}

/// Why nothing is captured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum NotCaptured {
    /// The call is not there.
    Refused(AskError),
    /// It is being captured already, by this one.
    Already(CallNumber, CaptureId),
    /// Its file cannot be made.
    NoFile(CaptureError),
}

impl Captures {
    pub(super) fn new(recorder: Arc<dyn Recorder>, config: &Config) -> Self {
        let store = config.store.path.as_deref().and_then(|path| path.parent());
        // An empty one is that of a file that was named without any.
        let store = store.map(|folder| match folder.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => folder.to_path_buf(),
        });
        Self {
            recorder,
            book: Book::default(),
            last: 0,
            folder: store.unwrap_or_else(env::temp_dir),
        }
    }

    /// How long the loop may sleep.
    pub(super) fn wait(&self) -> Duration {
        match self.book.is_empty() {
            true => Duration::MAX,
            false => LOOK,
        }
    }

    fn tell(&self, at: Time, sight: &Sight<'_>) {
        let Some(call_id) = secrets::call_id(sight.bytes) else {
            return;
        };
        for capture in self.book.of_dialog(call_id) {
            self.write(capture, at, sight, None);
        }
    }

    fn write(
        &self,
        capture: CaptureId,
        at: Time,
        sight: &Sight<'_>,
        comment: Option<&'static str>,
    ) {
        let mut bytes: Box<[u8]> = sight.bytes.into();
        secrets::withhold(&mut bytes);
        self.recorder.message(CapturedMessage {
            capture,
            at: clock::of_workers(at),
            course: sight.course,
            ends: sight.ends,
            carrier: sight.carrier,
            bytes,
            comment,
        });
    }

    /// What a dialog has agreed to before it was looked at.
    fn write_prologue(&self, capture: CaptureId, ours: SocketAddr, prologue: &Prologue) {
        let peer = prologue
            .peer
            .filter(|peer| peer.is_ipv4() == ours.is_ipv4());
        let ends = Ends {
            local: ours,
            remote: peer.unwrap_or_else(|| unknown(ours)),
        };
        let now = clock::now();
        let sides = [
            (Course::Sent, &prologue.invite),
            (Course::Arrived, &prologue.ok),
        ];
        for (course, bytes) in sides {
            let sight = Sight {
                course,
                ends,
                carrier: Carrier::Udp,
                bytes,
            };
            self.write(capture, now, &sight, Some(COMMENT));
        }
    }

    fn is_written(&self) -> impl Fn(CaptureId) -> bool + use<> {
        let captures = self.recorder.captures();
        move |capture| {
            let mut captures = captures.iter();
            captures.any(|one| one.order.capture == capture && one.end.is_none())
        }
    }
}

/// A message on its way.
struct Sight<'a> {
    course: Course,
    ends: Ends,
    carrier: Carrier,
    bytes: &'a [u8],
}

impl Reactor {
    /// Begins a capture, once its file is made.
    pub(super) fn capture(&mut self, wish: CaptureWish) {
        let CaptureWish {
            wanted,
            time,
            reply,
        } = wish;
        let found = self.control.wanted(&wanted).map_err(NotCaptured::Refused);
        let found = found.and_then(|(call, orbit)| match self.captures.book.of_call(call) {
            Some(other) => Err(NotCaptured::Already(call, other)),
            None => Ok((call, orbit)),
        });
        let (call, orbit) = match found {
            Ok(found) => found,
            Err(why) => {
                // Whoever asked may have gone away.
                let _ = reply.send(Err(why));
                return;
            }
        };
        let now = clock::now();
        let captures = &mut self.captures;
        captures.last += 1;
        let capture = CaptureId(captures.last);
        let order = CaptureOrder {
            capture,
            call: call.to_string(),
            orbit,
            folder: captures.folder.clone(),
            since: clock::of_workers(now),
            until: clock::of_workers(now + time),
        };
        let answer = move |begun: Result<(), CaptureError>| {
            let begun = begun.map(|()| capture).map_err(NotCaptured::NoFile);
            // Whoever asked may have gone away.
            let _ = reply.send(begun);
        };
        captures.recorder.begin(order, Box::new(answer));
        captures.book.begin(now, capture, call);
        let changes = self.follow_captures();
        self.change_captures(changes);
    }

    /// What arrives, if somebody may want to see it.
    pub(super) fn seen<'a>(&self, input: &Input<'a>) -> Option<Packet<'a>> {
        match input {
            Input::Packet(packet) if !self.captures.book.is_empty() => Some(*packet),
            _ => None,
        }
    }

    /// Shows what has arrived.
    pub(super) fn show_arrived(&self, packet: &Packet<'_>) {
        let sight = Sight {
            course: Course::Arrived,
            ends: Ends {
                local: packet.local,
                remote: packet.source,
            },
            carrier: carrier(packet.transport),
            bytes: packet.bytes,
        };
        self.captures.tell(clock::now(), &sight);
    }

    /// Shows what is about to be sent.
    pub(super) fn show_sent(&self, transmit: &Transmit) {
        if self.captures.book.is_empty() {
            return;
        }
        let local = match transmit.transport {
            Transport::Udp => {
                let mut sockets = self.udp.iter();
                let socket = sockets.find(|socket| Some(socket.flow) == transmit.flow);
                socket.map(|socket| socket.local)
            }
            Transport::Tcp => self.connections.local(transmit),
        };
        let sight = Sight {
            course: Course::Sent,
            ends: Ends {
                local: local.unwrap_or_else(|| unknown(transmit.destination)),
                remote: transmit.destination,
            },
            carrier: carrier(transmit.transport),
            bytes: &transmit.bytes,
        };
        self.captures.tell(clock::now(), &sight);
    }

    /// Looks whether calls have other legs by now.
    pub(super) fn follow_captures(&mut self) -> Vec<Change> {
        if self.captures.book.is_empty() {
            return Vec::new();
        }
        let control = &self.control;
        let legs = |call| control.traces(call);
        self.captures.book.follow(clock::now(), legs)
    }

    /// Looks whether captures have ended, and calls.
    pub(super) fn look_at_captures(&mut self, now: Time) {
        if self.captures.book.is_empty() {
            return;
        }
        let mut changes = self.follow_captures();
        let is_written = self.captures.is_written();
        changes.extend(self.captures.book.look(now, is_written));
        self.change_captures(changes);
    }

    pub(super) fn change_captures(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Enter(capture, dialog) => self.remember(capture, dialog),
                Change::Tell(worker, command) => self.workers.command(worker, command),
                Change::End(capture) => self.captures.recorder.end(capture, CaptureEnd::CallOver),
            }
        }
    }
}

impl Reactor {
    fn remember(&self, capture: CaptureId, dialog: DialogKey) {
        let Some(prologue) = self.control.prologue(dialog) else {
            return;
        };
        // Who speaks TCP only is asked nothing here: these were never sent.
        let ours = self.udp.first().map(|socket| socket.local);
        let ours = ours.unwrap_or_else(|| (Ipv4Addr::UNSPECIFIED, 0).into());
        self.captures.write_prologue(capture, ours, &prologue);
    }
}

const fn carrier(transport: Transport) -> Carrier {
    match transport {
        Transport::Udp => Carrier::Udp,
        Transport::Tcp => Carrier::Tcp,
    }
}

/// An address of ours that nobody knows yet, of the peer's family.
fn unknown(peer: SocketAddr) -> SocketAddr {
    match peer {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}
