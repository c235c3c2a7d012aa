//! One attack as it goes on: who is attacked, who calls, moves and leaves meanwhile.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use shared::Time;

use super::super::cut::Cut;
use super::super::options::{AttackOptions, Latch};
use super::super::ports::{self, Port};
use super::super::report::Attack;
use super::super::stage::{Speaker, Stage};
use super::super::talkers::{self, Talkers, Voice};
use super::assailant::{Assailant, Order, Plan, Victim};
use super::mouth::{LEARNED_WITHIN, Mouth, own_ssrc};
use super::packet::Kind;
use crate::clock;
use crate::phone::{Event, What};

/// The attack and those in it.
#[derive(Debug)]
pub(super) struct Raid<'a> {
    options: &'a AttackOptions,
    strangers: Vec<Port>,
    assailant: Option<Assailant>,
    /// Sockets for those who come or move.
    fresh: Vec<Port>,
    /// What becomes of a phone when its call is answered.
    coming: HashMap<usize, Coming>,
    /// Phones that send from where they are, so that a learning server learns it.
    speaking: HashMap<usize, Mouth>,
    /// Who moves where, and when; then who is moving.
    moves: VecDeque<(usize, Port, Time)>,
    moving: HashMap<usize, Port>,
    /// Phones of each wave, oldest first.
    waves: VecDeque<[usize; 2]>,
    begun: u32,
    /// Where phones behind a NAT really are.
    behind_nat: Vec<SocketAddr>,
    attack: Attack,
}

/// A phone that calls while the attack goes on.
#[derive(Clone, Debug)]
struct Coming {
    /// What it says.
    ear: Port,
    /// What it sends from.
    mouth: Port,
}

/// Orders reach the assailant within this.
const ORDERED_WITHIN: Duration = Duration::from_millis(100);

/// Waves that a phone stays for.
const WAVES_STAYED: usize = 5;

/// Who calls or moves last has this long to be heard.
const LAST_WAVE: Duration = Duration::from_millis(2_500);

impl<'a> Raid<'a> {
    pub(super) fn new(options: &'a AttackOptions, strangers: Vec<Port>) -> Self {
        Self {
            options,
            strangers,
            assailant: None,
            fresh: Vec::new(),
            coming: HashMap::new(),
            speaking: HashMap::new(),
            moves: VecDeque::new(),
            moving: HashMap::new(),
            waves: VecDeque::new(),
            begun: 0,
            behind_nat: Vec::new(),
            attack: Attack {
                must_latch: options.latch == Latch::Learn,
                ..Attack::default()
            },
        }
    }

    /// All of it.
    pub(super) fn play(&mut self, stage: &mut Stage) -> Result<(), Cut> {
        let parked = self.options.calls as usize;
        for phone in 0..parked {
            stage.exchange.add(stage.rtp(phone), None);
        }
        let mut took = stage.place("parking", 0..parked)?;
        let (partners, bridging) = self.bridge(stage)?;
        took += bridging;
        let voices = voices(stage, &partners);
        let bridged: Vec<(usize, Port)> = partners
            .iter()
            .map(|(phone, partner)| (*phone, partner.port.clone()))
            .collect();
        let talkers = Talkers::start(voices, 1).map_err(|error| Cut::Failed(error.into()))?;
        // Who can send as a phone before the phone does is the phone, for all a server can know.
        stage.wait(LEARNED_WITHIN)?;
        self.assailant = Some(self.assail(stage)?);
        for (phone, port) in bridged {
            self.strike(
                stage,
                phone,
                &port,
                talkers::ssrc(partners[&phone].pair, partners[&phone].side),
            );
        }
        for phone in 0..parked {
            let port = stage.port(phone).clone();
            self.settle(stage, phone, &port);
        }
        let attacked = self.attack_for_its_time(stage);
        self.stop();
        drop(talkers);
        attacked?;
        stage.count_calls(parked + partners.len(), took);
        let hears = |phone: usize| partners.get(&phone).map(Partner::hears);
        stage.compare_streams(hears);
        let streams = stage.watch.listeners().streams();
        let heard: HashSet<SocketAddr> = streams.iter().map(|stream| stream.port).collect();
        let latched = self.behind_nat.iter().filter(|mouth| heard.contains(mouth));
        self.attack.latched = latched.count();
        self.attack.behind_nat = self.behind_nat.len();
        Ok(())
    }

    /// What was sent, and what came of it as far as it is known here.
    pub(super) fn finish(mut self) -> Attack {
        self.stop();
        self.attack
    }

    fn stop(&mut self) {
        let Some(assailant) = self.assailant.take() else {
            return;
        };
        let sent = assailant.end();
        self.attack.packets = sent.iter().sum();
        let kinds = Kind::ALL.iter().zip(sent);
        self.attack.kinds = kinds.map(|(kind, count)| (kind.name(), count)).collect();
    }

    fn learns(&self) -> bool {
        self.options.latch == Latch::Learn
    }

    fn assail(&self, stage: &Stage) -> Result<Assailant, Cut> {
        let host: IpAddr = stage.exchange.scope().sip.ip();
        let plan = Plan {
            strangers: self.strangers.clone(),
            packets_a_second: self.options.rate,
            sweep: self.options.sweep.map(|(first, last)| (host, first..=last)),
            own: self
                .strangers
                .iter()
                .map(|port| ports::address(port).port())
                .chain(stage.own_ports())
                .collect(),
            sweeps_spare: self.learns(),
            seed: clock::wall().as_nanos(),
        };
        Assailant::start(plan).map_err(|error| Cut::Failed(error.into()))
    }

    /// Parks and retrieves the pairs, each phone at a socket of its own.
    fn bridge(&self, stage: &mut Stage) -> Result<(HashMap<usize, Partner>, Duration), Cut> {
        let pairs = self.options.pairs as usize;
        let first = stage.exchange.phones().len();
        let mut partners = HashMap::new();
        for (pair, port) in (0..).zip(stage.apart()[..pairs].to_vec()) {
            let phone = add(stage, &port, None);
            partners.insert(
                phone,
                Partner {
                    pair,
                    side: 0,
                    port,
                },
            );
        }
        let parking = stage.place("parking", first..first + pairs)?;
        let second = first + pairs;
        let ports = stage.apart()[pairs..2 * pairs].to_vec();
        for (pair, port) in (0..).zip(ports) {
            let parked = first + pair as usize;
            let Some(orbit) = stage.exchange.phones().server_user(parked) else {
                continue;
            };
            let phone = add(stage, &port, Some(&orbit));
            partners.insert(
                phone,
                Partner {
                    pair,
                    side: 1,
                    port,
                },
            );
        }
        let retrievers = second..stage.exchange.phones().len();
        let retrieving = stage.place("retrieving", retrievers)?;
        Ok((partners, parking + retrieving))
    }

    fn attack_for_its_time(&mut self, stage: &mut Stage) -> Result<(), Cut> {
        let pairs = self.options.pairs as usize;
        self.fresh = stage.apart()[2 * pairs..].to_vec();
        let whole = Duration::from_secs(self.options.seconds.into());
        let every = whole / super::waves(self.options).max(1);
        stage.hold_with("attacking", |stage, events, passed| {
            events.iter().for_each(|event| self.follow(stage, event));
            let now = clock::now();
            self.speak(now);
            if passed >= every * self.begun && passed + LAST_WAVE < whole {
                self.wave(stage, now);
            }
            self.move_who_is_due(stage, now);
        })
    }

    /// Two new phones call, one of them from behind a NAT; another moves; the oldest leave.
    fn wave(&mut self, stage: &mut Stage, now: Time) {
        self.begun += 1;
        let (Some(plain), Some(ear), Some(mouth), Some(elsewhere)) = (
            self.fresh.pop(),
            self.fresh.pop(),
            self.fresh.pop(),
            self.fresh.pop(),
        ) else {
            return;
        };
        self.behind_nat.push(ports::address(&mouth));
        let plain = (plain.clone(), plain);
        let phones = [plain, (ear, mouth)].map(|(ear, mouth)| {
            let phone = add(stage, &ear, None);
            self.coming.insert(phone, Coming { ear, mouth });
            stage.exchange.call(phone);
            phone
        });
        self.attack.fresh += phones.len();
        self.waves.push_back(phones);
        let mover = (self.begun as usize - 1) % (self.options.calls as usize);
        self.spare(mover, true);
        self.moves
            .push_back((mover, elsewhere, now + ORDERED_WITHIN));
        if self.waves.len() > WAVES_STAYED {
            let leaving = self.waves.pop_front();
            leaving
                .into_iter()
                .flatten()
                .for_each(|phone| self.leave(stage, phone));
        }
    }

    fn move_who_is_due(&mut self, stage: &mut Stage, now: Time) {
        while let Some((phone, port, _)) = self.moves.pop_front_if(|(_, _, at)| *at <= now) {
            if !stage.exchange.phones().is_up(phone) {
                continue;
            }
            stage.exchange.move_to(phone, ports::address(&port));
            self.attack.moves.0 += 1;
            self.moving.insert(phone, port);
        }
    }

    fn follow(&mut self, stage: &mut Stage, event: &Event) {
        let phone = event.phone;
        match event.what {
            What::Answered => {
                let Some(coming) = self.coming.remove(&phone) else {
                    return;
                };
                let believed = if self.learns() {
                    &coming.mouth
                } else {
                    &coming.ear
                };
                if ports::address(believed) != ports::address(&coming.ear) {
                    stage.settle(phone, ports::address(believed));
                }
                self.settle(stage, phone, believed);
                if let Some(to) = stage.exchange.phones().server_media(phone) {
                    self.speaking
                        .insert(phone, Mouth::new(coming.mouth, to, self.learns()));
                }
            }
            What::Agreed => {
                let Some(port) = self.moving.remove(&phone) else {
                    return;
                };
                self.attack.moves.1 += 1;
                stage.settle(phone, ports::address(&port));
                self.settle(stage, phone, &port);
            }
            What::Disagreed(_) | What::Dismissed => {
                self.moving.remove(&phone);
            }
            What::Refused(_) | What::Redescribed | What::HungUp => {}
        }
    }

    /// A phone is at a socket from here on: it is attacked there, and speaks where that matters.
    fn settle(&mut self, stage: &Stage, phone: usize, port: &Port) {
        self.strike(stage, phone, port, own_ssrc(phone));
        let media = stage.exchange.phones().server_media(phone);
        if let Some(to) = media.filter(|_| self.learns()) {
            self.speaking
                .insert(phone, Mouth::new(port.clone(), to, true));
        }
    }

    fn strike(&mut self, stage: &Stage, phone: usize, port: &Port, ssrc: u32) {
        let Some(at) = stage.exchange.phones().server_media(phone) else {
            return;
        };
        self.attack.victims += 1;
        self.order(Order::Attack(Victim {
            phone,
            at,
            from: port.clone(),
            ssrc,
            is_spared: self.learns() && ssrc == own_ssrc(phone),
        }));
    }

    fn spare(&self, phone: usize, is_spared: bool) {
        if self.learns() {
            self.order(Order::Spare(phone, is_spared));
        }
    }

    fn order(&self, order: Order) {
        if let Some(assailant) = &self.assailant {
            assailant.tell(order);
        }
    }

    fn leave(&mut self, stage: &mut Stage, phone: usize) {
        self.order(Order::Leave(phone));
        self.speaking.remove(&phone);
        stage.leave(phone);
        stage.exchange.hang_up(phone);
    }

    /// Lets those speak whose time it is.
    fn speak(&mut self, now: Time) {
        let mut learned = Vec::new();
        for (phone, mouth) in &mut self.speaking {
            mouth.speak(*phone, now);
            if mouth.spared_until.is_some_and(|until| until <= now) {
                mouth.spared_until = None;
                learned.push(*phone);
            }
        }
        learned
            .into_iter()
            .for_each(|phone| self.spare(phone, false));
    }
}

/// Who a phone is, among the pairs.
#[derive(Clone, Debug)]
struct Partner {
    pair: u32,
    side: u8,
    port: Port,
}

impl Partner {
    fn hears(&self) -> Speaker {
        (self.pair, 1 - self.side)
    }
}

fn voices(stage: &Stage, partners: &HashMap<usize, Partner>) -> Vec<Voice> {
    let voices = partners.iter().filter_map(|(phone, partner)| {
        Some(Voice {
            port: Arc::clone(&partner.port),
            to: stage.exchange.phones().server_media(*phone)?,
            pair: partner.pair,
            side: partner.side,
            is_direct: false,
        })
    });
    voices.collect()
}

fn add(stage: &mut Stage, port: &Port, orbit: Option<&str>) -> usize {
    let rtp = ports::address(port);
    let phone = stage.exchange.add(rtp, orbit);
    stage.settle(phone, rtp);
    phone
}
