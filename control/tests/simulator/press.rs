//! What people do, at random: dial, hold, transfer, hang up, watch a lamp.

use control::ask::{Ask, Which};

use super::habits::{PSTN, add_site, below, policies};
use super::life::Life;
use crate::common::phone::call::{State, View};
use crate::common::phone::elsewhere::refer_to;
use crate::common::phone::{Hold, Phone};
use crate::common::secs;
use crate::common::world::CallRef;

const PARK_REQUEST: &str = "<park-request xmlns=\"urn:x\" version=\"1.0\" request-id=\"r-7\"/>";

impl Life {
    /// One thing a user may do at any moment.
    pub(super) fn press(&mut self, phone: usize) {
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
        if self.world.call(call).park_request.is_some() {
            if self.seed.chance(20) {
                self.world.hang_up(call);
            }
            return;
        }
        if self.is_asked_for_pin(call) && self.seed.chance(60) {
            let keys = self.seed.pick(&["4711#", "4711", "*4711#", "4712#", "#"]);
            match self.world.phones[call.phone].habits.info {
                true => self.press_by_info(call, keys),
                false => self.world.begin_to_press(call, keys),
            }
            self.typed.push(call);
            return;
        }
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
        let user = self
            .seed
            .pick(&[&*orbit, "park", "only", "paris"])
            .to_owned();
        let expires = secs(self.seed.pick(&[60, 90, 600]));
        let lists = self.seed.pick(&["eventlist", "replaces"]);
        // A softphone has orbits among its buddies, and nothing else.
        let event = match user == orbit && self.seed.chance(30) {
            true => "presence",
            false => "dialog",
        };
        let extra = [("Event", event), ("Supported", lists)];
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
            62..65 => self.refer(phone),
            65 => self.refer_as_lync(phone),
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

    /// The same, in Lync's words.
    fn refer_as_lync(&mut self, parker: usize) {
        let parkee = self.seed.index(self.world.phones.len());
        let refer_to = self.world.call_elsewhere(parkee, parker);
        let user = self.seed.pick(&["park", "park", "703"]);
        let act = |phone: &mut Phone, now| phone.ask_to_park(now, user, &refer_to, PARK_REQUEST);
        self.world.with(parker, act);
    }

    /// Whether somebody of the telephone network has dialled an orbit and was answered, and does
    /// not talk to anybody.
    fn is_asked_for_pin(&self, call: CallRef) -> bool {
        let phone = &self.world.phones[call.phone];
        let is_pstn = phone.address.ip().to_string() == PSTN;
        is_pstn
            && !self.world.site.config.policies.is_empty()
            && self.world.view(call) == View::Talking
            && !self.is_bridged(call)
    }

    /// All at once: a network that reorders them makes another PIN of it.
    fn press_by_info(&mut self, call: CallRef, keys: &str) {
        for key in keys.chars() {
            let body = format!("Signal={key}\r\n");
            let press = |phone: &mut Phone, now| {
                phone.press_by_info(now, call.call, "application/dtmf-relay", &body);
            };
            self.world.with(call.phone, press);
        }
    }

    pub(super) fn is_bridged(&self, call: CallRef) -> bool {
        let settled = self.world.call(call).settled.as_ref();
        let stream = settled.and_then(|settled| self.world.workers.behind(settled));
        stream.is_some_and(|stream| stream.source.peer().is_some())
    }

    /// An operator does something with a call that waits. Nobody waits for the answer.
    pub(super) fn operate(&mut self) {
        let orbits = self.world.control.orbits();
        if orbits.is_empty() {
            return;
        }
        let which = Which {
            orbit: orbits[self.seed.index(orbits.len())].orbit.clone(),
            call: None,
        };
        let phone = self.seed.index(self.world.phones.len());
        let ask = match self.seed.below(10) {
            0 => Ask::HangUp(which),
            1 | 2 => Ask::Move {
                which,
                to: (700 + below(&mut self.seed, 10)).to_string(),
            },
            _ => Ask::Deliver {
                which,
                to: format!("sip:phone@{}", self.world.phones[phone].address),
            },
        };
        self.world.begin_to_ask(ask);
    }

    /// The operator changes something, which may be refused.
    pub(super) fn configure(&mut self) {
        let mut config = self.world.site.config.clone();
        let ranges = &mut config.orbit_ranges;
        match self.seed.below(8) {
            0 => config.park.pickup_timeout = secs(self.seed.pick(&[10, 30, 90])),
            1 => config.park.max_pickup_attempts = self.seed.pick(&[1, 2, 3]),
            2 => ranges[0].end = 700 + below(&mut self.seed, 10),
            3 => {
                // Another range in the place of the first, which still has calls, maybe.
                ranges[0].name = self.seed.pick(&["only", "other"]).to_owned();
                let start = self.seed.pick(&[700, 600]);
                (ranges[0].start, ranges[0].end) = (start, start + below(&mut self.seed, 8));
            }
            4 if ranges.len() == 1 => add_site(&mut config),
            4 => {
                ranges.pop();
            }
            5 => config.policies = policies(self.seed.chance(80)),
            6 => config.policies.clear(),
            _ => config.park.speech.announce ^= true,
        }
        match self.world.configure(&config) {
            Ok(()) => self.configured += 1,
            Err(_) => self.not_configured += 1,
        }
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
