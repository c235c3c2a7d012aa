//! The thread that attacks: at a rate, at every target it was told of, with every kind of packet.

use std::collections::HashSet;
use std::net::{SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::super::ports::Port;
use super::super::talkers::sleep_until;
use super::packet::{Dice, Kind, PACKET_BYTES_MAX, forge};
use crate::clock;

/// The attack. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Assailant {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<Sent>>,
}

/// One phone's stream at the server.
#[derive(Clone, Debug)]
pub(super) struct Victim {
    pub(super) phone: usize,
    /// The server's port.
    pub(super) at: SocketAddr,
    /// The phone's own socket.
    pub(super) from: Port,
    pub(super) ssrc: u32,
    /// Whether packets that a learning server must believe are left out for now.
    pub(super) is_spared: bool,
}

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Order {
    /// Attack this one, too.
    Attack(Victim),
    /// Spare a phone of what can be learned, or no longer.
    Spare(usize, bool),
    /// Leave a phone alone from now on.
    Leave(usize),
}

/// By kind, in the order of [`Kind::ALL`].
pub(super) type Sent = [u64; Kind::ALL.len()];

/// How to attack.
#[derive(Debug)]
pub(super) struct Plan {
    /// Strangers' sockets.
    pub(super) strangers: Vec<Port>,
    pub(super) packets_a_second: u32,
    /// The server's ports, to be swept as RTP-bleed scanners do.
    pub(super) sweep: Option<(std::net::IpAddr, RangeInclusive<u16>)>,
    /// Ports that it leaves out: our own, which may lie among them on one host.
    pub(super) own: HashSet<u16>,
    /// Whether the sweep leaves out what a learning server must believe.
    pub(super) sweeps_spare: bool,
    pub(super) seed: u64,
}

const TICK: Duration = Duration::from_millis(1);

/// One packet in so many sweeps, where there is something to sweep.
const SWEEP_SHARE: usize = 4;

impl Assailant {
    pub(super) fn start(plan: Plan) -> std::io::Result<Self> {
        let (orders, ordered) = channel();
        let thread = std::thread::Builder::new()
            .name("flood-foe".to_owned())
            .spawn(move || Attacking::new(plan).run(&ordered))?;
        Ok(Self {
            orders: Some(orders),
            thread: Some(thread),
        })
    }

    pub(super) fn tell(&self, order: Order) {
        // Refused only by a thread that ended.
        let _ = self.orders.as_ref().map(|orders| orders.send(order));
    }

    /// Ends the attack; what was sent.
    pub(super) fn end(mut self) -> Sent {
        self.orders = None;
        let sent = self.thread.take().map(JoinHandle::join);
        sent.and_then(Result::ok).unwrap_or_default()
    }
}

impl Drop for Assailant {
    fn drop(&mut self) {
        self.orders = None;
        // A panic of the thread was printed when it happened.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

struct Attacking {
    plan: Plan,
    victims: Vec<Victim>,
    dice: Dice,
    packet: Vec<u8>,
    sent: Sent,
}

impl Attacking {
    fn new(plan: Plan) -> Self {
        Self {
            dice: Dice::new(plan.seed),
            plan,
            victims: Vec::new(),
            packet: Vec::with_capacity(PACKET_BYTES_MAX),
            sent: Sent::default(),
        }
    }

    fn run(mut self, ordered: &Receiver<Order>) -> Sent {
        let mut due = clock::now();
        let mut owed = 0;
        loop {
            loop {
                match ordered.try_recv() {
                    Ok(order) => self.obey(order),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return self.sent,
                }
            }
            owed += self.plan.packets_a_second;
            for _ in 0..owed / 1_000 {
                self.strike();
            }
            owed %= 1_000;
            due += TICK;
            // What could not be sent in its time is not caught up with.
            due = due.max(clock::now());
            sleep_until(due);
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Attack(victim) => {
                self.victims.retain(|known| known.phone != victim.phone);
                self.victims.push(victim);
            }
            Order::Spare(phone, is_spared) => {
                for victim in self.victims.iter_mut().filter(|known| known.phone == phone) {
                    victim.is_spared = is_spared;
                }
            }
            Order::Leave(phone) => self.victims.retain(|known| known.phone != phone),
        }
    }

    fn strike(&mut self) {
        let place = self.dice.below(Kind::ALL.len());
        let kind = Kind::ALL[place];
        let sweeps = self.dice.below(SWEEP_SHARE) == 0 && !kind.needs_right_address();
        let struck = match &self.plan.sweep {
            Some((host, ports)) if sweeps => {
                if self.plan.sweeps_spare && kind.can_be_learned() {
                    return;
                }
                let ahead = self.dice.below(ports.len());
                let port = ports.clone().nth(ahead).unwrap_or_default();
                if self.plan.own.contains(&port) {
                    return;
                }
                let to = SocketAddr::new(*host, port);
                self.strike_from_afar(kind, to, 0x5000_0000)
            }
            _ => self.strike_victim(kind),
        };
        self.sent[place] += u64::from(struck);
    }

    fn strike_victim(&mut self, kind: Kind) -> bool {
        if self.victims.is_empty() {
            return false;
        }
        let victim = self.victims[self.dice.below(self.victims.len())].clone();
        if victim.is_spared && kind.can_be_learned() {
            return false;
        }
        let is_near =
            kind.needs_right_address() || kind.suits_right_address() && self.dice.below(2) == 0;
        if is_near {
            forge(kind, &mut self.dice, victim.ssrc, &mut self.packet);
            return send(&victim.from, &self.packet, victim.at);
        }
        self.strike_from_afar(kind, victim.at, victim.ssrc)
    }

    fn strike_from_afar(&mut self, kind: Kind, to: SocketAddr, ssrc: u32) -> bool {
        forge(kind, &mut self.dice, ssrc, &mut self.packet);
        let stranger = self.dice.below(self.plan.strangers.len());
        let stranger = self.plan.strangers.get(stranger);
        stranger.is_some_and(|stranger| send(stranger, &self.packet, to))
    }
}

/// A port where nobody listens answers by ICMP, which the next send would tell of: that one is
/// tried once more.
fn send(from: &UdpSocket, packet: &[u8], to: SocketAddr) -> bool {
    from.send_to(packet, to).is_ok() || from.send_to(packet, to).is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::super::ports;
    use super::*;

    fn plan(strangers: Vec<Port>) -> Plan {
        Plan {
            strangers,
            packets_a_second: 20_000,
            sweep: None,
            own: HashSet::new(),
            sweeps_spare: false,
            seed: 3,
        }
    }

    #[test]
    fn every_kind_is_sent_from_where_it_belongs() {
        let mut sockets = ports::bind("127.0.0.1".parse().unwrap(), 3).unwrap();
        let (server, phone, stranger) = (sockets.remove(0), sockets.remove(0), sockets.remove(0));
        let assailant = Assailant::start(plan(vec![stranger])).unwrap();
        assailant.tell(Order::Attack(Victim {
            phone: 0,
            at: ports::address(&server),
            from: phone.clone(),
            ssrc: 5,
            is_spared: false,
        }));
        let mut bytes = [0; PACKET_BYTES_MAX];
        let near = ports::address(&phone);
        let mut came_near = 0;
        for _ in 0..1_000 {
            let (length, from) = server.recv_from(&mut bytes).unwrap();
            let has_source = bytes[..length].get(8..12) == Some(&[0, 0, 0, 5]);
            let is_sound = length == 172 && bytes[..2] == [0x80, 0];
            assert!(
                !(from == near && has_source && is_sound),
                "that is the phone's by right"
            );
            came_near += usize::from(from == near);
        }
        assert!((100..900).contains(&came_near), "{came_near}");
        let sent = assailant.end();
        assert!(sent.iter().all(|count| *count > 0), "{sent:?}");
    }

    #[test]
    fn who_is_spared_is_sent_nothing_that_can_be_learned() {
        let mut sockets = ports::bind("127.0.0.1".parse().unwrap(), 2).unwrap();
        let (server, stranger) = (sockets.remove(0), sockets.remove(0));
        let assailant = Assailant::start(plan(vec![stranger.clone()])).unwrap();
        assailant.tell(Order::Attack(Victim {
            phone: 0,
            at: ports::address(&server),
            from: stranger,
            ssrc: 5,
            is_spared: true,
        }));
        let mut bytes = [0; PACKET_BYTES_MAX];
        for _ in 0..1_000 {
            let length = server.recv(&mut bytes).unwrap();
            assert!(
                length != 172 || bytes[..2] != [0x80, 0],
                "a learning server believes that"
            );
        }
        assert!(assailant.end()[0] == 0);
    }
}
