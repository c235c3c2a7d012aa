//! Two agents back to back over a link that loses, doubles, delays and reorders. Whatever happens,
//! each dialog ends once on each side, nothing is heard of it afterwards, and both tables empty.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::SocketAddr;
use std::time::Duration;

use control::sip::agent::{Agent, AgentConfig, DialogKey, Reply};
use control::sip::message::Message;
use control::sip::status::Status;
use control::sip::transport::{Flow, Packet, Transport};
use shared::Time;

use super::basics::outgoing;
use super::bench::{Seen, sdp_reply, seen, udp_listener};

const HOSTS: [&str; 2] = ["192.0.2.1:5060", "192.0.2.9:5060"];
const SEEDS: u64 = 60;

/// Both ends, the link, and what is still to happen.
struct World {
    seed: u64,
    random: u64,
    /// Messages lost of a hundred.
    loss: u64,
    now: Time,
    agents: [Agent; 2],
    /// What each side's layer above holds.
    held: [BTreeMap<DialogKey, Hold>; 2],
    queue: BinaryHeap<Reverse<(Time, u64, Happening)>>,
    sequence: u64,
}

/// What the layer above thinks of a dialog.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hold {
    /// It wants it.
    Live,
    /// It said bye or cancel and waits for `Forgotten`.
    Ending,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Happening {
    Arrive {
        at: usize,
        bytes: Vec<u8>,
    },
    Act {
        at: usize,
        dialog: DialogKey,
        deed: Deed,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Deed {
    Ring,
    Accept,
    Reject,
    Reinvite,
    Cancel,
    Bye,
}

impl World {
    fn new(seed: u64) -> Self {
        let agent = |at: usize| {
            let host = HOSTS[at].split(':').next().unwrap();
            Agent::new(AgentConfig {
                listeners: vec![udp_listener(1, HOSTS[at], host)],
                domains: Vec::new(),
                product: "orbit-test".to_owned(),
                seed: [u8::try_from(seed % 251).unwrap() + u8::try_from(at).unwrap(); 32],
            })
        };
        Self {
            seed,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            loss: [0, 5, 20, 40][usize::try_from(seed % 4).unwrap()],
            now: Time::ZERO,
            agents: [agent(0), agent(1)],
            held: [BTreeMap::new(), BTreeMap::new()],
            queue: BinaryHeap::new(),
            sequence: 0,
        }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % end
    }

    fn after(&mut self, ms: u64, happening: Happening) {
        self.sequence += 1;
        let at = self.now + Duration::from_millis(ms);
        self.queue.push(Reverse((at, self.sequence, happening)));
    }

    fn act(&mut self, at: usize, dialog: DialogKey, within_ms: u64, deed: Deed) {
        let ms = self.below(within_ms);
        self.after(ms, Happening::Act { at, dialog, deed });
    }

    fn call(&mut self, at: usize) {
        let target = format!("sip:x@{}", HOSTS[1 - at]);
        let dialog = self.agents[at].invite(self.now, outgoing(&target));
        self.held[at].insert(dialog, Hold::Live);
        if self.below(4) == 0 {
            self.act(at, dialog, 2_000, Deed::Cancel);
        }
        self.act(at, dialog, 60_000, Deed::Bye);
        self.drain(at);
    }

    /// Sends what an agent wants sent and hears what it has to say.
    fn drain(&mut self, at: usize) {
        while let Some(event) = self.agents[at].poll_event() {
            let event = seen(&event);
            self.hear(at, event);
        }
        while let Some(transmit) = self.agents[at].poll_transmit() {
            assert_eq!(
                transmit.destination,
                HOSTS[1 - at].parse::<SocketAddr>().unwrap()
            );
            for _ in 0..1 + u64::from(self.below(10) == 0) {
                if self.below(100) < self.loss {
                    continue;
                }
                let delay = 5 + self.below(120);
                let bytes = transmit.bytes.clone();
                self.after(delay, Happening::Arrive { at: 1 - at, bytes });
            }
        }
    }

    fn hear(&mut self, at: usize, event: Seen) {
        let seed = self.seed;
        let dialog = key(event);
        match event {
            Seen::Invite(_) => {
                assert_eq!(
                    self.held[at].insert(dialog, Hold::Live),
                    None,
                    "seed {seed}"
                );
                return match self.below(6) {
                    0 => self.act(at, dialog, 3_000, Deed::Reject),
                    1 => self.act(at, dialog, 3_000, Deed::Bye),
                    _ => {
                        self.act(at, dialog, 300, Deed::Ring);
                        self.act(at, dialog, 3_000, Deed::Accept);
                        self.act(at, dialog, 60_000, Deed::Bye);
                    }
                };
            }
            Seen::Forgotten(_) => {
                let was = self.held[at].remove(&dialog);
                assert_eq!(was, Some(Hold::Ending), "seed {seed}: {event:?}");
                return;
            }
            _ => {}
        }
        let hold = self.held[at].get(&dialog).copied();
        assert_eq!(hold, Some(Hold::Live), "seed {seed}: {event:?}");
        match event {
            Seen::Answered(_) => {
                self.agents[at].ack(self.now, dialog, None);
                self.act(at, dialog, 10_000, Deed::Reinvite);
            }
            Seen::Acked(_) => self.act(at, dialog, 10_000, Deed::Reinvite),
            Seen::Reinvite(_) => {
                let deed = if self.below(3) == 0 {
                    Deed::Reject
                } else {
                    Deed::Accept
                };
                self.act(at, dialog, 400, deed);
            }
            Seen::Retry(_) => self.act(at, dialog, 1, Deed::Reinvite),
            Seen::Cancelled(_) | Seen::Ended(..) => {
                self.held[at].remove(&dialog);
            }
            Seen::Rejected(..) if self.agents[at].name(dialog).is_none() => {
                self.held[at].remove(&dialog);
            }
            _ => {}
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrive { at, bytes } => {
                let packet = Packet {
                    transport: Transport::Udp,
                    flow: Flow(1),
                    local: HOSTS[at].parse().unwrap(),
                    source: HOSTS[1 - at].parse().unwrap(),
                    bytes: &bytes,
                };
                let message = Message::parse(&bytes).unwrap();
                let event = self.agents[at].receive(self.now, &packet, &message);
                if let Some(event) = event.as_ref().map(seen) {
                    self.hear(at, event);
                }
                self.drain(at);
            }
            Happening::Act { at, dialog, deed } => {
                if self.held[at].get(&dialog) == Some(&Hold::Live) {
                    self.carry_out(at, dialog, deed);
                }
                self.drain(at);
            }
        }
    }

    fn carry_out(&mut self, at: usize, dialog: DialogKey, deed: Deed) {
        let (now, agent) = (self.now, &mut self.agents[at]);
        match deed {
            Deed::Ring => agent.progress(now, dialog, Status::RINGING, Reply::default()),
            Deed::Accept => agent.accept(now, dialog, "700", sdp_reply()),
            Deed::Reject => {
                agent.reject(now, dialog, Status::NOT_ACCEPTABLE_HERE, Reply::default());
                if agent.name(dialog).is_none() {
                    self.held[at].remove(&dialog);
                }
            }
            Deed::Reinvite => {
                if !agent.reinvite(now, dialog, sdp_reply()) {
                    self.act(at, dialog, 5_000, Deed::Reinvite);
                }
            }
            Deed::Cancel if agent.is_confirmed(dialog) => {}
            Deed::Cancel => {
                agent.cancel(now, dialog);
                self.held[at].insert(dialog, Hold::Ending);
            }
            Deed::Bye => {
                agent.bye(now, dialog, Reply::default());
                self.held[at].insert(dialog, Hold::Ending);
            }
        }
    }

    /// The next delivery, deed or deadline; false when nothing is left.
    fn step(&mut self) -> bool {
        let deadlines = [self.agents[0].poll_timeout(), self.agents[1].poll_timeout()];
        let next = self.queue.peek().map(|Reverse((at, ..))| *at);
        let Some(at) = deadlines.into_iter().flatten().chain(next).min() else {
            return false;
        };
        self.now = self.now.max(at);
        if next == Some(at) {
            if let Some(Reverse((_, _, happening))) = self.queue.pop() {
                self.happen(happening);
            }
            return true;
        }
        for (at, deadline) in deadlines.into_iter().enumerate() {
            if deadline.is_some_and(|deadline| deadline <= self.now) {
                self.agents[at].handle_timeout(self.now);
                self.drain(at);
            }
        }
        true
    }
}

fn key(event: Seen) -> DialogKey {
    match event {
        Seen::Invite(dialog)
        | Seen::Cancelled(dialog)
        | Seen::ReinviteCancelled(dialog)
        | Seen::Acked(dialog)
        | Seen::Reinvite(dialog)
        | Seen::Progress(dialog, _)
        | Seen::Answered(dialog)
        | Seen::Rejected(dialog, _)
        | Seen::Retry(dialog)
        | Seen::Update(_, dialog)
        | Seen::Refresh(dialog)
        | Seen::Ended(dialog, _)
        | Seen::Forgotten(dialog) => dialog,
        _ => panic!("no such method was allowed: {event:?}"),
    }
}

#[test]
fn everything_ends_on_both_sides_of_a_bad_link() {
    let mut answered = 0;
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        for _ in 0..3 {
            world.call(0);
            world.call(1);
        }
        let mut steps = 0;
        while world.step() {
            steps += 1;
            assert!(steps < 100_000, "seed {seed} goes on for ever");
            let is_talking = |agent: &Agent, held: &BTreeMap<DialogKey, Hold>| {
                held.keys().any(|dialog| agent.is_confirmed(*dialog))
            };
            answered += usize::from(is_talking(&world.agents[0], &world.held[0]));
        }
        for at in 0..2 {
            assert_eq!(world.held[at], BTreeMap::new(), "seed {seed}");
            let left = (world.agents[at].dialogs(), world.agents[at].transactions());
            assert_eq!(left, (0, 0), "seed {seed}");
        }
        assert!(
            world.now < Time::from_millis(600_000),
            "seed {seed} ended at {:?}",
            world.now
        );
    }
    assert!(answered > 500, "hardly a call was answered");
}
