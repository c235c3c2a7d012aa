//! Phones and a bad network against the whole control plane: many worlds, each from one number.
//!
//! `ORBIT_SEED=n` runs one world and prints all that happens in it; `ORBIT_SEEDS=n` runs that many
//! instead of a thousand.

#![allow(clippy::unwrap_used, reason = "a test stops at what should not be")]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use control::config::MediaPath;
use shared::{Time, WorkerId};

use self::common::checks;
use self::common::link::Quality;
use self::common::phone::call::{State, View};
use self::common::phone::callee::RingHabit;
use self::common::phone::elsewhere::{ReplacesHabit, refer_to};
use self::common::phone::{Habits, Hold, Phone, ReinviteHabit};
use self::common::seed::Seed;
use self::common::site::Site;
use self::common::world::{CallRef, World};
use self::common::{ms, secs};

const SEEDS: u64 = 1_000;

/// The first phone.
const FALLBACK: &str = "sip:operator@198.51.100.1:5060";

/// How long after a change the last watcher knows of it, in a good network.
const LAMPS_LATE_MAX: Duration = ms(100);

/// After this many failures no more worlds are begun.
const FAILURES_MAX: usize = 3;

#[test]
fn every_world_ends_well() {
    if let Some(number) = number_from("ORBIT_SEED") {
        Life::new(number, true).live();
        return;
    }
    let seeds = number_from("ORBIT_SEEDS").unwrap_or(SEEDS);
    let (tally, failed) = run(seeds);
    let commands: Vec<String> = failed
        .iter()
        .map(|number| format!("ORBIT_SEED={number} cargo test -p orbit-control --test simulator"))
        .collect();
    assert!(
        failed.is_empty(),
        "worlds that failed:\n{}",
        commands.join("\n")
    );
    println!("{seeds} worlds: {tally:?}");
    // Worlds in which nothing happens would prove nothing.
    assert!(tally.parked > seeds, "{tally:?}");
    assert!(tally.retrieved > seeds / 2, "{tally:?}");
    assert!(tally.recalled > seeds / 10, "{tally:?}");
    assert!(tally.referred > seeds / 10, "{tally:?}");
    assert!(tally.lamps > seeds / 2, "{tally:?}");
    assert!(tally.released > seeds / 20, "{tally:?}");
    assert!(tally.lost_network > seeds / 2, "{tally:?}");
}

#[test]
fn the_same_number_gives_the_same_world() {
    for number in 0..4 {
        let digests = [(); 2].map(|()| Life::new(number, false).live().digest);
        assert_eq!(digests[0], digests[1], "world {number} has two histories");
    }
}

/// What happened, summed over worlds.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    parked: u64,
    retrieved: u64,
    recalled: u64,
    /// REFERs that ended with a parked call.
    referred: u64,
    lamps: u64,
    /// Calls that ended up past the server.
    released: u64,
    calls: u64,
    messages: u64,
    lost_network: u64,
    virtual_secs: u64,
    digest: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.parked += other.parked;
        self.retrieved += other.retrieved;
        self.recalled += other.recalled;
        self.referred += other.referred;
        self.lamps += other.lamps;
        self.released += other.released;
        self.calls += other.calls;
        self.messages += other.messages;
        self.lost_network += other.lost_network;
        self.virtual_secs += other.virtual_secs;
        self.digest ^= other.digest;
    }
}

/// One world with people who press keys at random.
struct Life {
    world: World,
    seed: Seed,
    end: Time,
    /// Watches that were compared with the orbits.
    lamps: u64,
}

impl Life {
    fn new(number: u64, is_live: bool) -> Self {
        let mut seed = Seed::new(number).fork();
        let mut site = Site::default()
            .seed(number)
            .orbits(700, 700 + below(&mut seed, 8));
        site.config.park.pickup_timeout = secs(seed.pick(&[10, 30, 90]));
        site.config.park.max_pickup_attempts = seed.pick(&[1, 2]);
        site.config.park.recall_ring_timeout = secs(seed.pick(&[5, 20]));
        site.config.park.on_timeout_uri = seed.pick(&[None, Some(FALLBACK)]).map(str::to_owned);
        // All end within the time that a world has at its end: a bridge of two phones that are
        // switched off, one of them holding, is found by nothing else.
        site.config.sip.session_expires = secs(seed.pick(&[90, 300, 600]));
        if seed.chance(50) {
            site.config.park.media = MediaPath::Released;
        }
        site.quality = Quality::any(&mut seed);
        site.media.delay = seed.pick(&[(ms(0), ms(1)), (ms(1), ms(30)), (ms(100), ms(2_000))]);
        site.media.refuse_percent = seed.pick(&[0, 0, 0, 10]);
        site.workers
            .iter_mut()
            .for_each(|worker| worker.1 = seed.pick(&[3, 8, 512]));
        let mut world = World::new(site);
        world.trace.is_live = is_live;
        for number in 0..3 + seed.index(6) {
            let phone = world.phone(&format!("phone{number}"));
            world.phones[phone].habits = habits(&mut seed);
            world.phones[phone].tcp = seed.chance(20);
        }
        let end = Time::ZERO + secs(40 + seed.below(80));
        let lamps = 0;
        Self {
            world,
            seed,
            end,
            lamps,
        }
    }

    fn live(mut self) -> Tally {
        while self.world.now < self.end {
            let pause = self.seed.pick(&[ms(1), ms(30), ms(400), secs(2), secs(6)]);
            let pause = self.seed.between(Duration::ZERO, pause);
            self.world.run(pause);
            let phone = self.seed.index(self.world.phones.len());
            if !self.world.phones[phone].is_dead {
                self.press(phone);
            }
            if self.seed.below(2_000) == 0 {
                self.world.lose_worker(WorkerId(0));
            }
        }
        self.rest();
        let status = self.world.status();
        let mut tally = Tally {
            parked: status.parked_total,
            retrieved: status.retrieved,
            recalled: self.recalls_answered(),
            referred: self.refers_that_parked(),
            lamps: self.lamps,
            released: checks::released(&self.world),
            calls: self
                .world
                .phones
                .iter()
                .map(|phone| phone.calls.len() as u64)
                .sum(),
            messages: self.world.sent.len() as u64,
            lost_network: u64::from(self.world.site.quality.loss_percent > 0),
            virtual_secs: self.world.now.as_millis() / 1_000,
            digest: 0,
        };
        tally.digest = self.world.trace.digest;
        if self.seed.chance(15) {
            self.world.finish_by_stop();
        } else {
            self.world.finish();
        }
        tally
    }

    /// Nobody presses a key, the network is good: everybody must come to the same opinion.
    fn rest(&mut self) {
        self.world.link.quality = Quality::GOOD;
        self.world.run(secs(80));
        let end = self.world.now + secs(120);
        let mut orbits = None;
        while orbits.as_ref() != Some(&self.world.control.orbits()) || !self.is_at_rest() {
            let restless = self.restless();
            assert!(self.world.now < end, "no rest: {restless:?}");
            orbits = Some(self.world.control.orbits());
            // Watchers are told a little later.
            self.world.run(LAMPS_LATE_MAX);
        }
        checks::agreement(&self.world);
        self.lamps = checks::lamps(&self.world);
    }

    fn is_at_rest(&self) -> bool {
        let orbits = self.world.control.orbits();
        let is_connecting = orbits.iter().any(|o| o.recalling || o.retrieving);
        self.world.is_quiet() && !is_connecting && self.restless().is_empty()
    }

    fn recalls_answered(&self) -> u64 {
        let calls = self.world.phones.iter().flat_map(|phone| &phone.calls);
        let answered = calls.filter(|call| {
            let invite = call.invite.as_ref();
            let is_recall = invite.is_some_and(|invite| invite.header("Replaces").is_none());
            is_recall && call.settled.is_some()
        });
        answered.count() as u64
    }

    fn refers_that_parked(&self) -> u64 {
        let notices = self.world.phones.iter().flat_map(|phone| &phone.notices);
        let parked = notices.filter(|notice| notice.body.starts_with("SIP/2.0 200"));
        parked.count() as u64
    }

    /// Calls in which something is still under way.
    fn restless(&self) -> Vec<String> {
        let phones = self.world.phones.iter().filter(|phone| !phone.is_dead);
        let calls = phones.flat_map(|phone| {
            let calls = (0..phone.calls.len()).filter(|call| !phone.is_settled(*call));
            calls.map(|call| format!("{} {}", phone.name, phone.why_restless(call)))
        });
        calls.collect()
    }

    /// One thing a user may do at any moment.
    fn press(&mut self, phone: usize) {
        if self.seed.chance(8) {
            return self.watch(phone);
        }
        let living = (0..self.world.phones[phone].calls.len())
            .filter(|call| !self.world.phones[phone].calls[*call].is_over());
        let living: Vec<CallRef> = living.map(|call| CallRef { phone, call }).collect();
        if living.is_empty() || (living.len() < 3 && self.seed.chance(25)) {
            self.dial(phone);
            return;
        }
        let call = self.seed.pick(&living);
        if self.world.view(call) == View::Calling {
            if self.seed.chance(30) {
                self.world.hang_up(call);
            }
            return;
        }
        self.press_in_call(call, living.len());
    }

    fn press_in_call(&mut self, call: CallRef, living: usize) {
        let CallRef {
            phone,
            call: number,
        } = call;
        let world = &mut self.world;
        match self.seed.below(100) {
            0..25 => world.hang_up(call),
            25..45 => {
                let hold = self
                    .seed
                    .pick(&[Hold::SendOnly, Hold::Inactive, Hold::ZeroAddress]);
                world.with(phone, |phone, now| phone.hold(now, number, hold));
            }
            45..65 => {
                world.with(phone, |phone, now| phone.resume(now, number));
            }
            65..72 => {
                let with_offer = self.seed.chance(50);
                world.with(phone, |phone, now| phone.refresh(now, number, with_offer));
            }
            72..78 => {
                world.with(phone, |phone, now| phone.move_audio(now, number));
            }
            78..84 => {
                let payloads: &[u8] = self.seed.pick(&[&[0], &[8], &[0, 8], &[8, 0], &[9]]);
                world.with(phone, |phone, now| {
                    phone.change_codecs(now, number, payloads)
                });
            }
            84..88 => world.with(phone, |phone, now| phone.options(now, number)),
            88..90 => world.disconnect(phone),
            90 => {
                let user = self.seed.pick(&["park", "703", "*68705", "nobody"]);
                world.with(phone, |phone, now| phone.refer_in(now, number, user));
            }
            91..93 if living == 1 => world.switch_off(phone),
            _ => {}
        }
    }

    /// Looks at another lamp, or longer at one, or not any more.
    fn watch(&mut self, phone: usize) {
        let watches = self.world.phones[phone].watches.len();
        if watches > 0 && self.seed.chance(40) {
            let watch = self.seed.index(watches);
            let is_over = self.world.phones[phone].watches[watch].is_over;
            let is_refresh = self.seed.chance(60);
            return self.world.with(phone, |phone, now| match is_refresh {
                true if is_over => {}
                true => phone.refresh_watch(now, watch),
                false => phone.unwatch(now, watch),
            });
        }
        let orbit = (700 + below(&mut self.seed, 8)).to_string();
        let user = self.seed.pick(&[&*orbit, "park", "only"]).to_owned();
        let expires = secs(self.seed.pick(&[60, 90, 600]));
        let lists = self.seed.pick(&["eventlist", "replaces"]);
        let extra = [("Event", "dialog"), ("Supported", lists)];
        let watch = |phone: &mut Phone, now| phone.watch_with(now, &user, expires, &extra);
        self.world.with(phone, watch);
    }

    fn dial(&mut self, phone: usize) {
        let orbits = self.world.control.orbits();
        let parker = self.seed.index(self.world.phones.len());
        let parker = match self.seed.chance(90) {
            true => format!("<sip:phone@{}>", self.world.phones[parker].address),
            false => "<sip:parker@example.com>".to_owned(),
        };
        let referred = [("Referred-By", parker)];
        match self.seed.below(100) {
            0..45 if !orbits.is_empty() => {
                let orbit = &orbits[self.seed.index(orbits.len())].orbit;
                let code = self.seed.pick(&["", "", "", "*88", "*68"]);
                let orbit = format!("{code}{orbit}");
                self.world.dial(phone, &orbit);
            }
            45..55 => {
                let orbit = 700 + below(&mut self.seed, 10);
                self.world.dial(phone, &orbit.to_string());
            }
            55..62 => {
                let orbit = 700 + below(&mut self.seed, 10);
                self.world.dial_with(phone, &orbit.to_string(), &referred);
            }
            62..66 => self.refer(phone),
            66..72 => {
                if let Some(replaces) = self.somebody() {
                    let orbit = 700 + below(&mut self.seed, 10);
                    let user = if self.seed.chance(50) {
                        "park".to_owned()
                    } else {
                        orbit.to_string()
                    };
                    self.world
                        .dial_with(phone, &user, &[("Replaces", replaces)]);
                }
            }
            72..76 => {
                let orbit = 700 + below(&mut self.seed, 10);
                self.world.dial(phone, &format!("*68{orbit}"));
            }
            _ => {
                self.world.dial(phone, "park");
            }
        }
    }

    /// Two phones speak with each other, and one asks by REFER that the other be parked; or it asks
    /// so for a call through the server.
    fn refer(&mut self, parker: usize) {
        let parkee = self.seed.index(self.world.phones.len());
        let refer_to = if self.seed.chance(80) {
            self.world.call_elsewhere(parkee, parker)
        } else {
            let Some(replaces) = self.somebody() else {
                return;
            };
            let uri = format!("sip:phone@{}", self.world.phones[parkee].address);
            refer_to(&uri, &replaces)
        };
        if self.seed.chance(10) {
            // Who speaks hangs up at the same time.
            let calls = &mut self.world.phones[parkee].elsewhere;
            calls.iter_mut().for_each(|call| call.is_over = true);
        }
        let user = self.seed.pick(&["park", "park", "702", "*68706"]);
        let act = |phone: &mut Phone, now| phone.refer(now, user, &refer_to);
        self.world.with(parker, act);
    }

    /// The Replaces value that names some confirmed call.
    fn somebody(&mut self) -> Option<String> {
        let calls = self.world.phones.iter().flat_map(|phone| &phone.calls);
        let confirmed: Vec<String> = calls
            .filter(|call| call.state == State::Confirmed)
            .map(|call| {
                let to_tag = call.remote_tag.as_deref().unwrap_or_default();
                format!(
                    "{};to-tag={to_tag};from-tag={}",
                    call.call_id, call.local_tag
                )
            })
            .collect();
        (!confirmed.is_empty()).then(|| confirmed[self.seed.index(confirmed.len())].clone())
    }
}

fn habits(seed: &mut Seed) -> Habits {
    let payloads: &[u8] = seed.pick(&[&[0, 8], &[0, 8], &[8, 0], &[8], &[0], &[9, 8]]);
    let reinvite = match seed.below(20) {
        0..2 => ReinviteHabit::Late(seed.between(ms(50), secs(5))),
        2 => ReinviteHabit::Refuse(seed.pick(&[488, 491, 500, 603])),
        3 => ReinviteHabit::Ignore,
        _ => ReinviteHabit::Accept,
    };
    let replaces = match seed.below(10) {
        0..7 => ReplacesHabit::Accept(seed.between(Duration::ZERO, secs(3))),
        7..9 => ReplacesHabit::Refuse(seed.pick(&[302, 420, 481, 486, 488, 603])),
        _ => ReplacesHabit::Ignore,
    };
    let ring = match seed.below(10) {
        0..6 => RingHabit::Answer(seed.between(Duration::ZERO, secs(8))),
        6..8 => RingHabit::NobodyThere,
        _ => RingHabit::Refuse(seed.pick(&[302, 480, 486, 491, 603])),
    };
    Habits {
        payloads: payloads.to_vec(),
        ring,
        replaces,
        reinvite,
        excuses: seed.pick(&[0, 0, 0, 1, 2]),
        wrong_answers: 0,
        acks_forgotten: seed.pick(&[0, 0, 0, 0, 0, 0, 1, 3, u32::MAX]),
        offerless: seed.chance(15),
        answerless: seed.chance(5),
        moves: seed.chance(5),
        glare: seed.chance(20),
    }
}

fn run(seeds: u64) -> (Tally, Vec<u64>) {
    let next = AtomicU64::new(0);
    let failures = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| run_until_none_is_left(seeds, &next, &failures)))
            .collect();
        let (mut tally, mut failed) = (Tally::default(), Vec::new());
        for worker in workers {
            let (part, failures) = worker.join().unwrap();
            tally.add(&part);
            failed.extend(failures);
        }
        failed.sort_unstable();
        (tally, failed)
    })
}

fn run_until_none_is_left(seeds: u64, next: &AtomicU64, failures: &AtomicU64) -> (Tally, Vec<u64>) {
    let (mut tally, mut failed) = (Tally::default(), Vec::new());
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= seeds || failures.load(Ordering::Relaxed) >= FAILURES_MAX as u64 {
            return (tally, failed);
        }
        let life = AssertUnwindSafe(|| Life::new(number, false).live());
        if let Ok(part) = catch_unwind(life) {
            tally.add(&part);
        } else {
            failures.fetch_add(1, Ordering::Relaxed);
            eprintln!("ORBIT_SEED={number} cargo test -p orbit-control --test simulator");
            failed.push(number);
        }
    }
}

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn below(seed: &mut Seed, bound: u32) -> u32 {
    u32::try_from(seed.below(u64::from(bound))).unwrap()
}
