//! One world with people who press keys at random, from beginning to end.

use std::time::Duration;

use shared::{Time, WorkerId};

use super::habits;
use super::tally::Tally;
use crate::common::checks;
use crate::common::link::Quality;
use crate::common::phone::Phone;
use crate::common::phone::call::{Call, State};
use crate::common::seed::Seed;
use crate::common::wire::Wire;
use crate::common::world::{CallRef, World};
use crate::common::{ms, secs};

/// How long after a change the last watcher knows of it, in a good network.
const LAMPS_LATE_MAX: Duration = ms(100);

/// One world with people who press keys at random.
pub(crate) struct Life {
    pub(super) world: World,
    pub(super) seed: Seed,
    end: Time,
    /// Whether the server may die.
    is_mortal: bool,
    /// Watches that were compared with the orbits.
    lamps: u64,
    was_behind: bool,
    /// Calls whose phones have typed something that may be a PIN.
    pub(super) typed: Vec<CallRef>,
    /// Calls that were connected after that.
    let_in: u64,
    pub(super) configured: u64,
    pub(super) not_configured: u64,
}

impl Life {
    pub(crate) fn new(number: u64, is_live: bool) -> Self {
        let mut seed = Seed::new(number).fork();
        let site = habits::site(number, &mut seed);
        let mut world = World::new(site);
        world.trace.is_live = is_live;
        for number in 0..3 + seed.index(6) {
            let phone = world.phone(&format!("phone{number}"));
            world.phones[phone].habits = habits::phone(&mut seed);
            world.phones[phone].tcp = seed.chance(20);
        }
        let end = Time::ZERO + secs(40 + seed.below(80));
        let is_mortal = seed.chance(50);
        Self {
            world,
            seed,
            end,
            is_mortal,
            lamps: 0,
            was_behind: false,
            typed: Vec::new(),
            let_in: 0,
            configured: 0,
            not_configured: 0,
        }
    }

    pub(crate) fn live(mut self) -> Tally {
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
            self.fate();
            if self.seed.chance(2) {
                self.operate();
            }
            if !self.world.is_doomed() && self.seed.below(60) == 0 {
                self.configure();
            }
            self.look_at_typed();
        }
        self.rest();
        let mut tally = self.tally();
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
        self.world.doom = None;
        self.world.store.is_broken = false;
        self.world.run(secs(80));
        let mut end = self.world.now + secs(120);
        if self.world.past.deaths > 0 {
            self.look_around();
            // An INVITE that died with the server rings on for three minutes.
            end = self.world.now + secs(300);
        }
        let mut orbits = None;
        while orbits.as_ref() != Some(&self.world.control.orbits()) || !self.is_at_rest() {
            let restless = self.restless();
            assert!(self.world.now < end, "no rest: {restless:?}");
            orbits = Some(self.world.control.orbits());
            // Watchers are told a little later.
            self.world.run(LAMPS_LATE_MAX);
        }
        checks::agreement(&self.world);
        checks::nobody_changed_over_in_vain(&self.world);
        self.lamps = checks::lamps(&self.world);
    }

    /// The server dies, or its store fails or recovers.
    fn fate(&mut self) {
        if !self.is_mortal || self.world.is_doomed() {
            return;
        }
        match self.seed.below(100) {
            0..2 => self.world.doom(u32::try_from(self.seed.below(8)).unwrap()),
            2 => self.world.store.is_broken = true,
            3..6 => self.world.store.is_broken = false,
            _ => {}
        }
        self.was_behind |= self.world.status().store_behind;
    }

    fn look_at_typed(&mut self) {
        let (connected, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.typed)
            .into_iter()
            .partition(|call| self.is_bridged(*call));
        self.let_in += connected.len() as u64;
        self.typed = waiting;
    }

    /// After a death phones find out, sooner or later, which of their calls and watches the new
    /// server knows.
    fn look_around(&mut self) {
        let mut watches = Vec::new();
        for phone in 0..self.world.phones.len() {
            if self.world.phones[phone].is_dead {
                continue;
            }
            // A 2xx of the old server may have been under way when it died.
            self.world.phones[phone].owe_no_acks();
            for call in 0..self.world.phones[phone].calls.len() {
                if self.world.phones[phone].calls[call].state == State::Confirmed {
                    self.world
                        .with(phone, |phone, now| phone.options(now, call));
                }
            }
            for watch in 0..self.world.phones[phone].watches.len() {
                if self.world.phones[phone].watches[watch].is_live() {
                    watches.push((phone, watch));
                    let ask = |phone: &mut Phone, now| phone.refresh_watch(now, watch);
                    self.world.with(phone, ask);
                }
            }
        }
        self.world.run(secs(40));
        for (phone, watch) in watches {
            if !self.world.phones[phone].watches[watch].is_live() {
                let ask = |phone: &mut Phone, now| phone.watch_again(now, watch);
                self.world.with(phone, ask);
            }
        }
        self.world.run(secs(5));
    }

    fn is_at_rest(&self) -> bool {
        let orbits = self.world.control.orbits();
        let is_connecting = orbits.iter().any(|o| o.recalling || o.retrieving);
        self.world.is_quiet() && !is_connecting && self.restless().is_empty()
    }

    fn tally(&self) -> Tally {
        let (world, status) = (&self.world, self.world.status());
        let calls = || world.phones.iter().flat_map(|phone| &phone.calls);
        let count = |is: &dyn Fn(&Call) -> bool| calls().filter(|call| is(call)).count() as u64;
        let dialled = |call: &Call, user: &str| call.dialled.starts_with(&format!("sip:{user}"));
        let answered = |call: &Call| call.answer.as_ref().and_then(Wire::status) == Some(200);
        let said = |call: &Call, what: &str| {
            let answer = call.answer.as_ref();
            let parked = answer.and_then(|answer| answer.header("Call-Info"));
            parked.is_some_and(|value| value.contains(what) && value.contains("purpose=park"))
        };
        Tally {
            parked: world.past.parked + status.parked_total,
            retrieved: world.past.retrieved + status.retrieved,
            recalled: self.recalls_answered(),
            referred: self.refers_that_parked(),
            delivered: self.deliveries_answered(),
            lamps: self.lamps,
            released: checks::released(world),
            lost_notifies: world.lost_notifies,
            deaths: world.past.deaths,
            adopted: world.past.adopted,
            torn_inputs: world.past.torn_inputs,
            behind: u64::from(self.was_behind),
            forbidden: count(&|call| call.answer.as_ref().and_then(Wire::status) == Some(403)),
            let_in: self.let_in,
            spoken: u64::from(!world.workers.said.is_empty()),
            one_key: count(&|call| {
                let is_plain = call.extra.is_empty() && dialled(call, "7");
                is_plain && said(call, "sip:7")
            }),
            coded: [("*68"), ("*88")]
                .map(|code| count(&|call| dialled(call, code) && answered(call))),
            of_site: count(&|call| said(call, "sip:80")),
            updates: world.phones.iter().map(|phone| phone.updates).sum(),
            configured: [self.configured, self.not_configured],
            lync: world.phones.iter().map(|p| p.infos.len() as u64).sum(),
            hasty: count(&|call| call.left_hastily),
            calls: calls().count() as u64,
            messages: world.sent.len() as u64,
            lost_network: u64::from(world.site.quality.loss_percent > 0),
            virtual_secs: world.now.as_millis() / 1_000,
            digest: 0,
        }
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

    fn deliveries_answered(&self) -> u64 {
        let calls = self.world.phones.iter().flat_map(|phone| &phone.calls);
        let answered = calls.filter(|call| {
            let from = call.invite.as_ref().map(|invite| invite.must("From"));
            from.is_some_and(|from| from.starts_with("\"Parked ")) && call.settled.is_some()
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
}
