//! What is measured, once for all that measure it: `packets` and `control` take the time,
//! `instructions` counts.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;

use control::lamp::Sample;
use control::sdp::Description;
use control::sip::header::Header;
use control::sip::message::Message;
use control::sip::uri::Uri;
use dataplane::address::Address;
use dataplane::latch::Lock;
use dataplane::output::Output;
use dataplane::port::Owner;
use dataplane::stream::Stream;
use dataplane::table::Table;
use dataplane::terms::Terms;
use dataplane::{rtcp, rtp};
use shared::{Command, Latch, StreamId, Time, Wake, WorkerId, pair};

use crate::house::invite;
use crate::{Plane, bridged, media, phone_report, voice};

/// Something that is done again and again.
pub struct Case {
    /// What, as `part/detail`.
    pub name: String,
    /// How many of what the figure is given for are in one turn.
    pub count: u64,
    /// Prepares it; gives one turn.
    pub prepare: Box<dyn Fn() -> Turn>,
}

/// One turn of a case.
pub type Turn = Box<dyn FnMut()>;

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

impl Case {
    fn new(name: &str, count: u64, prepare: impl Fn() -> Turn + 'static) -> Self {
        Self {
            name: name.to_owned(),
            count,
            prepare: Box::new(prepare),
        }
    }
}

/// What each SIP message needs.
#[must_use]
pub fn messages() -> Vec<Case> {
    vec![
        Case::new("sip/parse an INVITE", 1, sip_parse),
        Case::new("sip/route", 1, sip_route),
        Case::new("sdp/parse", 1, sdp_parse),
        Case::new("lamp/NOTIFY body", 1, notify_body),
    ]
}

/// What each packet of media needs.
#[must_use]
pub fn packets() -> Vec<Case> {
    vec![
        music(1_000),
        music(15_000),
        relay("same codec", false),
        relay("PCMU to PCMA", true),
        Case::new("latch/known source", 1, latch),
        Case::new("rtp/parse", 1, rtp_parse),
        Case::new("rtcp/parse and read", 1, rtcp_read),
        Case::new("table/get of 15,000", 1, table),
        Case::new("queue/64 commands in and out", 64, queue),
    ]
}

/// A desk phone's INVITE by way of a proxy.
fn sip_parse() -> Turn {
    let text = invite();
    Box::new(move || {
        let body = Message::parse(black_box(text.as_bytes())).map(|it| it.body().len());
        black_box(body).ok();
    })
}

/// Who is called, through whom the message came, and how the way back goes.
fn sip_route() -> Turn {
    let message = parsed_invite();
    Box::new(move || {
        let message = black_box(&message);
        let uri = message.request_uri().map(Uri::parse);
        let user = uri.map(|uri| uri.map(|uri| uri.user_unescaped().map(|user| user.len())));
        let routes = message.values(Header::RecordRoute).count();
        black_box((user, message.top_via().is_ok(), routes));
    })
}

/// Its description, and the codecs in it.
fn sdp_parse() -> Turn {
    let message = parsed_invite();
    Box::new(move || {
        black_box(Description::parse(black_box(message.body())).map(|it| it.codecs())).ok();
    })
}

/// What a lamp is told of a call that waits.
fn notify_body() -> Turn {
    let sample = Sample::default();
    let mut version = 0;
    Box::new(move || {
        version += 1;
        black_box(black_box(&sample).body(version));
    })
}

fn parsed_invite() -> Message<'static> {
    Message::parse(invite().leak().as_bytes()).expect("it is one")
}

/// One slot of the wheel: N streams spread over 20 slots.
fn music(streams: u32) -> Case {
    let name = format!("music/slot of {streams} streams");
    Case::new(&name, u64::from(streams) / 20, move || {
        let mut plane = Plane::playing(streams);
        Box::new(move || plane.slot())
    })
}

fn relay(name: &str, transcoded: bool) -> Case {
    Case::new(&format!("relay/{name}"), 1, move || {
        let mut bridge = bridged(transcoded);
        Box::new(move || bridge.pass())
    })
}

fn latch() -> Turn {
    let remote = SocketAddr::from(([192, 0, 2, 7], 4_000));
    let mut described = media(remote);
    described.latch = Latch::Any;
    let terms = Terms::from(&described);
    let mut lock = Lock::OPEN;
    lock.learn(&terms, &remote.into());
    Box::new(move || {
        let source = Address::from(black_box(remote));
        black_box(black_box(&lock).judge(black_box(&terms), &source));
    })
}

fn rtp_parse() -> Turn {
    let packet = voice(1, 160);
    Box::new(move || {
        black_box(rtp::parse(black_box(&packet)).is_ok());
    })
}

fn rtcp_read() -> Turn {
    let compound = phone_report();
    Box::new(move || {
        black_box(rtcp::parse(black_box(&compound)).map(Iterator::count)).ok();
    })
}

/// Streams in no order, as completions name them.
fn table() -> Turn {
    const STREAMS: u32 = 15_000;
    let owner = |index| Owner {
        index,
        generation: 1,
    };
    let mut table = Table::new(STREAMS);
    for index in 0..STREAMS {
        let output = Output::new(index, 0, 0);
        table.insert(Stream::new(owner(index), output, [0; 12], Time::ZERO));
    }
    let mut index = 0;
    Box::new(move || {
        // A prime that is no divisor: each stream once before any comes again.
        index = (index + 7_919) % STREAMS;
        black_box(table.get(owner(index)).map(|stream| stream.heard));
    })
}

/// Nobody is woken.
struct Silence;

impl Wake for Silence {
    fn wake(&self) {}
}

/// Control to worker, without contention.
fn queue() -> Turn {
    let (sender, receiver) = pair::<Command>(1_024, Arc::new(Silence));
    let stream = StreamId {
        worker: WorkerId(0),
        index: 1,
        generation: 1,
    };
    Box::new(move || {
        for _ in 0..64 {
            let pushed = sender.push(black_box(Command::Close { stream }));
            assert!(pushed.is_ok(), "there is room");
        }
        sender.ring();
        while let Some(command) = receiver.pop() {
            black_box(command);
        }
    })
}
