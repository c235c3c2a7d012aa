//! Lamps under load, on one core: 10,000 orbits with five watchers each, and how long after a call
//! was parked or has ended the NOTIFYs leave.
//!
//! Time is the bench's own: inputs arrive at their moments, each takes as long as it really takes,
//! and what comes meanwhile waits, as it would in a server.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use control::config::Config;
use control::control::Setup;
use control::sip::transport::{Flow, Listener, Packet, Transmit, Transport};
use control::{Control, Input, Output};
use criterion::{Criterion, criterion_group, criterion_main};
use shared::{Command, Event, StreamStats, Time, WorkerId};

/// As the server has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const ORBITS: u32 = 10_000;
const FIRST: u32 = 10_000;
const WATCHERS: u32 = 5;
/// Orbits that one subscriber watches.
const KEYS: u32 = 200;
const SERVER: &str = "127.0.0.1:5060";
const PHONES: &str = "127.0.0.2:5060";
/// For how many questions one call stays parked: for less than its pickup timeout.
const PARKED_FOR: u32 = 10_000;
/// How long the network takes, one way.
const WAY: Duration = Duration::from_millis(1);

/// A server, and everybody around it.
struct Site {
    control: Control,
    now: Time,
    agenda: BinaryHeap<Reverse<(Time, u64)>>,
    arrivals: HashMap<u64, Arrival>,
    sequence: u64,
    round: u32,
    /// The tag of our 200.
    tags: HashMap<Call, String>,
    notifies: u64,
    /// From the arrival of what changed an orbit to each NOTIFY that it caused.
    delays: Vec<Duration>,
}

/// Who calls an orbit in which round.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Call(u32, u32);

enum Arrival {
    Text(String),
    /// Hangs up.
    Bye(u32),
    Media(Event),
}

impl Site {
    fn new() -> Self {
        let text = format!(
            "[park]\npickup_timeout = \"10min\"\n[media]\nports = \"10000-59999\"\n\
             [[orbit_range]]\nname = \"all\"\nstart = \"{FIRST}\"\nend = \"{}\"\n",
            FIRST + ORBITS - 1
        );
        let config = Config::parse(&text, "bench.toml", Path::new("")).expect("it is right");
        let listener = Listener {
            transport: Transport::Udp,
            flow: Flow(1),
            local: SERVER.parse().expect("an address"),
            advertise: "127.0.0.1".to_owned(),
        };
        let setup = Setup {
            config,
            listeners: vec![listener],
            workers: vec![(WorkerId(0), 2 * ORBITS)],
            seed: [7; 32],
            kept: None,
        };
        Self {
            control: Control::new(setup, Time::ZERO),
            now: Time::ZERO,
            agenda: BinaryHeap::new(),
            arrivals: HashMap::new(),
            sequence: 0,
            round: 0,
            tags: HashMap::new(),
            notifies: 0,
            delays: Vec::new(),
        }
    }

    /// With five watchers of each orbit.
    fn watched() -> Self {
        let mut site = Self::new();
        for orbit in 0..ORBITS {
            for watcher in 0..WATCHERS {
                let subscribe = subscribe(orbit, orbit / KEYS * WATCHERS + watcher);
                site.note(site.now, Arrival::Text(subscribe));
            }
            site.run();
        }
        assert_eq!(site.notifies, u64::from(ORBITS * WATCHERS));
        site
    }

    fn note(&mut self, at: Time, arrival: Arrival) {
        self.sequence += 1;
        self.agenda.push(Reverse((at, self.sequence)));
        self.arrivals.insert(self.sequence, arrival);
    }

    /// Until nobody has anything to say.
    fn run(&mut self) {
        while let Some(Reverse((at, number))) = self.agenda.pop() {
            while let Some(due) = self.control.poll_timeout().filter(|due| *due <= at) {
                self.now = self.now.max(due);
                self.give(due, Input::Timeout);
            }
            self.now = self.now.max(at);
            let arrival = self.arrivals.remove(&number).expect("it was noted");
            self.arrive(at, arrival);
        }
    }

    fn arrive(&mut self, at: Time, arrival: Arrival) {
        let text = match arrival {
            Arrival::Media(event) => return self.give(at, Input::Media(WorkerId(0), event)),
            Arrival::Text(text) => text,
            Arrival::Bye(orbit) => {
                let call = Call(orbit, self.round);
                let tag = self.tags.remove(&call).expect("it was answered");
                request("BYE", call, &tag, "")
            }
        };
        self.give(
            at,
            Input::Packet(Packet {
                transport: Transport::Udp,
                flow: Flow(1),
                local: SERVER.parse().expect("an address"),
                source: PHONES.parse().expect("an address"),
                bytes: text.as_bytes(),
            }),
        );
    }

    /// One input: the clock goes on by what it takes.
    #[expect(clippy::disallowed_methods, reason = "a bench measures time")]
    fn give(&mut self, at: Time, input: Input<'_>) {
        let begun = Instant::now();
        self.control.handle(self.now, input);
        let mut outputs = Vec::new();
        while let Some(output) = self.control.poll_output() {
            outputs.push((begun.elapsed(), output));
        }
        let start = self.now;
        self.now += begun.elapsed();
        for (after, output) in outputs {
            match output {
                Output::Transmit(transmit) => self.sent(at, start + after, &transmit),
                Output::Command(_, command) => self.asked(&command),
                Output::Answer(..)
                | Output::Configured(_)
                | Output::Happened(_)
                | Output::Resolve(_)
                | Output::Store(_)
                | Output::Stopped => {}
            }
        }
    }

    fn sent(&mut self, since: Time, at: Time, transmit: &Transmit) {
        let text = str::from_utf8(&transmit.bytes).expect("SIP is UTF-8");
        if text.starts_with("NOTIFY ") {
            self.notifies += 1;
            self.delays.push(at - since);
            self.note(at + 2 * WAY, Arrival::Text(ok(text)));
        } else if text.starts_with("SIP/2.0 200") && text.contains(" INVITE\r\n") {
            let to = field(text, "To");
            let tag = to
                .split(";tag=")
                .nth(1)
                .expect("a 200 has a tag")
                .to_owned();
            let (orbit, _) = field(text, "Call-ID").split_once('.').expect("it is ours");
            let call = Call(orbit.parse().expect("it is ours"), self.round);
            let ack = request("ACK", call, &tag, "");
            self.tags.insert(call, tag);
            self.note(at + 2 * WAY, Arrival::Text(ack));
        } else {
            let is_good = ["SIP/2.0 200", "SIP/2.0 100"]
                .iter()
                .any(|ok| text.starts_with(ok));
            assert!(is_good, "{text}");
        }
    }

    /// The worker obeys at once.
    fn asked(&mut self, command: &Command) {
        let event = match *command {
            Command::Open { stream, .. } => Event::Opened { stream },
            Command::Close { stream } => Event::Closed {
                stream,
                stats: StreamStats::default(),
            },
            _ => return,
        };
        self.note(self.now, Arrival::Media(event));
    }

    /// A call in the first orbit, and none besides.
    fn park_anew(&mut self) {
        if self.round > 0 {
            self.note(self.now, Arrival::Bye(0));
            self.run();
        }
        self.round += 1;
        let invite = request("INVITE", Call(0, self.round), "", SDP);
        self.note(self.now, Arrival::Text(invite));
        self.run();
    }

    /// Parks a call in each of these orbits and hangs up a while later, at so many a second.
    fn busy(&mut self, orbits: std::ops::Range<u32>, a_second: u32) {
        self.round += 1;
        let pause = Duration::from_secs(1) / a_second;
        for (number, orbit) in (0..).zip(orbits) {
            let at = self.now + number * pause;
            let invite = request("INVITE", Call(orbit, self.round), "", SDP);
            self.note(at, Arrival::Text(invite));
            self.note(at + Duration::from_secs(1), Arrival::Bye(orbit));
        }
        self.delays.clear();
        self.run();
    }

    /// The delay that so many of a hundred NOTIFYs keep.
    fn delay(&mut self, percent: usize) -> Duration {
        self.delays.sort_unstable();
        self.delays[(self.delays.len() * percent / 100).min(self.delays.len() - 1)]
    }
}

/// One who asks once: a SUBSCRIBE, and a NOTIFY with the whole body of a taken orbit.
fn body(criterion: &mut Criterion) {
    let mut site = Site::new();
    let mut asked = 0_u32;
    criterion.bench_function("lamps/ask once, SUBSCRIBE and NOTIFY", |bencher| {
        bencher.iter(|| {
            if asked.is_multiple_of(PARKED_FOR) {
                site.park_anew();
            }
            asked += 1;
            let notifies = site.notifies;
            // So slowly that transactions end as others begin.
            site.note(site.now + Duration::from_millis(10), Arrival::Text(ask()));
            site.run();
            assert_eq!(site.notifies, notifies + 1);
        });
    });
}

fn lamps(criterion: &mut Criterion) {
    let mut site = Site::watched();
    if !std::env::args().any(|argument| argument == "--test") {
        figures(&mut site);
    }
    let mut orbit = 0;
    criterion.bench_function("lamps/park and hang up before 5 watchers", |bencher| {
        bencher.iter(|| {
            orbit = (orbit + 1) % ORBITS;
            site.busy(black_box(orbit..orbit + 1), 1);
        });
    });
}

/// The figures of the goal, on standard output.
#[expect(clippy::print_stdout, reason = "criterion has no percentiles")]
fn figures(site: &mut Site) {
    for a_second in [500, 1_000, 1_500] {
        site.busy(0..5_000, a_second);
        let [p50, p99, max] = [50, 99, 100].map(|percent| site.delay(percent));
        let changes = 2 * a_second;
        println!("{changes} changes a second: NOTIFY after p50 {p50:?}, p99 {p99:?}, max {max:?}");
        assert!(p99 < Duration::from_millis(250), "p99 {p99:?}");
    }
    site.busy(0..ORBITS, 1_000_000);
    let [p50, p99, max] = [50, 99, 100].map(|percent| site.delay(percent));
    println!("all orbits at once: NOTIFY after p50 {p50:?}, p99 {p99:?}, max {max:?}");
}

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\n\
    m=audio 9000 RTP/AVP 0 8\r\n";

/// A request of who calls an orbit, brought there by a transfer.
fn request(method: &str, call: Call, tag: &str, body: &str) -> String {
    let Call(orbit, round) = call;
    let number = FIRST + orbit;
    let (to, cseq) = match (tag, method) {
        ("", _) => (String::new(), 1),
        (_, "ACK") => (format!(";tag={tag}"), 1),
        _ => (format!(";tag={tag}"), 2),
    };
    format!(
        "{method} sip:{number}@127.0.0.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP {PHONES};branch=z9hG4bK{method}{orbit}-{}\r\nMax-Forwards: 70\r\n\
         From: \"Caller {orbit}\" <sip:caller{orbit}@example.com>;tag=c{orbit}\r\n\
         To: <sip:{number}@127.0.0.1>{to}\r\nCall-ID: {orbit}.{round}\r\nCSeq: {cseq} {method}\r\n\
         Contact: <sip:caller{orbit}@{PHONES}>\r\nReferred-By: <sip:desk@example.com>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        fresh(),
        body.len()
    )
}

fn subscribe(orbit: u32, subscriber: u32) -> String {
    let number = FIRST + orbit;
    format!(
        "SUBSCRIBE sip:{number}@127.0.0.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP {PHONES};branch=z9hG4bKs{orbit}-{subscriber}\r\nMax-Forwards: 70\r\n\
         From: <sip:desk{subscriber}@example.com>;tag=w\r\nTo: <sip:{number}@127.0.0.1>\r\n\
         Call-ID: watch-{orbit}-{subscriber}\r\nCSeq: 1 SUBSCRIBE\r\n\
         Contact: <sip:desk{subscriber}@{PHONES}>\r\nEvent: dialog\r\nExpires: 86400\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// A SUBSCRIBE of who asks once (RFC 6665 §4.4.3).
fn ask() -> String {
    let number = fresh();
    subscribe(0, 0)
        .replace("z9hG4bKs0-0", &format!("z9hG4bKa{number}"))
        .replace("watch-0-0", &format!("ask-{number}"))
        .replace("Expires: 86400", "Expires: 0")
}

/// The answer to a NOTIFY.
fn ok(notify: &str) -> String {
    let mut answer = "SIP/2.0 200 OK\r\n".to_owned();
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        answer += &format!("{name}: {}\r\n", field(notify, name));
    }
    answer + "Content-Length: 0\r\n\r\n"
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let mut lines = text.split("\r\n");
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.expect("the server writes whole messages")
}

/// Each call has transactions of its own.
fn fresh() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

criterion_group!(benches, body, lamps);
criterion_main!(benches);
