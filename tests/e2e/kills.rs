//! Killed again and again at any moment while calls are parked and retrieved: whoever was told an
//! orbit is there, whoever was retrieved is not, and nobody is in two.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tools::phone::{Event, What};

use crate::harness::clock::{Deadline, PATIENCE, seconds_since_epoch};
use crate::harness::{Crowd, Server, Settings};

const KILLS: u32 = 50;
/// As many as are parked at once.
const PARKED_MAX: usize = 150;
/// As many as ask for something at once.
const ASKING_MAX: usize = 16;
/// How long after its start a server may take for what the last one has left.
const SETTLED_WITHIN: Duration = Duration::from_secs(15);

#[test]
fn fifty_kills_under_load_lose_and_double_no_call() {
    let seed = std::env::var("ORBIT_SEED").ok();
    let seed = seed.map_or_else(seconds_since_epoch, |seed| seed.parse().expect("a number"));
    println!("the moments of ORBIT_SEED={seed}");
    let mut siege = Siege::new(seed);
    for _ in 0..KILLS {
        let moment = 100 + siege.dice.below(700);
        siege.load_for(Duration::from_millis(moment));
        siege.kill();
        siege.settle();
        siege.compare();
    }
    let Siege {
        parked,
        retrieved,
        behind,
        ..
    } = siege.end();
    println!("{parked} parked, {retrieved} retrieved; {behind} servers could not write in time");
}

/// What a phone was told, or has asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Entry {
    /// Asks to be parked.
    Asks,
    /// It is in the orbit that it was told.
    Parked,
    /// Somebody has dialled it, and has no answer.
    Sought,
    /// It talks to this phone.
    Talks(usize),
    /// Whom it has talked to has hung up: the server is to end it.
    Left,
    /// Its call is over, or was refused.
    Over,
    /// It wants, or has, this phone.
    Seeks(usize),
}

/// A server under load, and the phones' account of what it has told them.
struct Siege {
    server: Server,
    crowd: Crowd,
    dice: Dice,
    ledger: Vec<Entry>,
    /// Calls that were parked, and that were retrieved.
    parked: u32,
    retrieved: u32,
    /// Servers whose log says that the store could not keep up: nobody was promised anything then.
    behind: u32,
    /// Whether the last server was one of those.
    was_behind: bool,
}

impl Siege {
    fn new(seed: u64) -> Self {
        let server = Server::start(&Settings {
            orbits: (1_000, 1_999),
            media_first: 27_000,
            media_pairs: 1_000,
            store: true,
            api: true,
            ..Settings::default()
        });
        Self {
            crowd: Crowd::new(&server),
            server,
            dice: Dice(seed),
            ledger: Vec::new(),
            parked: 0,
            retrieved: 0,
            behind: 0,
            was_behind: false,
        }
    }

    /// Parks and retrieves.
    fn load_for(&mut self, time: Duration) {
        let deadline = Deadline::after(time);
        while !deadline.has_passed() {
            let asking = self.crowd.phones().counts().calling;
            if asking < ASKING_MAX {
                self.ask_for_something();
            }
            self.leave_some();
            self.turn();
        }
    }

    /// Those who have talked enough leave.
    fn leave_some(&mut self) {
        for phone in 0..self.ledger.len() {
            if let Entry::Talks(retriever) = self.ledger[phone]
                && self.dice.below(100) < 2
            {
                self.leave(retriever, phone);
            }
        }
    }

    fn ask_for_something(&mut self) {
        let parked = self.all(Entry::Parked);
        let fill = u64::try_from(parked.len() * 100 / PARKED_MAX).expect("a part");
        if self.dice.below(100) >= fill {
            let phone = self.crowd.parks(None);
            assert_eq!(phone, self.ledger.len());
            return self.ledger.push(Entry::Asks);
        }
        let chosen = self.dice.below(parked.len() as u64);
        self.seek(parked[usize::try_from(chosen).expect("below")]);
    }

    fn seek(&mut self, parkee: usize) {
        let orbit = self.orbit(parkee).expect("it is parked");
        self.crowd.dials(&orbit);
        self.ledger.push(Entry::Seeks(parkee));
        self.ledger[parkee] = Entry::Sought;
    }

    fn turn(&mut self) {
        for event in self.crowd.turn() {
            self.note(event);
        }
    }

    fn note(&mut self, Event { phone, what }: Event) {
        match (self.ledger[phone], what) {
            (Entry::Asks, What::Answered) => {
                self.ledger[phone] = Entry::Parked;
                self.parked += 1;
            }
            (Entry::Seeks(parkee), What::Answered) => {
                assert_eq!(self.ledger[parkee], Entry::Sought, "{parkee} was had twice");
                self.ledger[parkee] = Entry::Talks(phone);
                self.retrieved += 1;
            }
            (Entry::Seeks(parkee), What::Refused(status)) => {
                // It has asked the one server, and is answered by the next: nobody is there yet.
                let is_early = matches!(status.code(), 404 | 480);
                assert!(is_early, "{phone} does not get {parkee}: {status}");
                self.ledger[phone] = Entry::Over;
                self.ledger[parkee] = Entry::Parked;
            }
            (Entry::Asks, What::Refused(status)) if status.code() == 408 => {
                self.ledger[phone] = Entry::Over;
            }
            (Entry::Left, What::Dismissed | What::HungUp) => self.ledger[phone] = Entry::Over,
            (Entry::Seeks(_), What::HungUp | What::Dismissed) => self.ledger[phone] = Entry::Over,
            (_, What::Redescribed) => {}
            (_, What::Dismissed) if self.was_behind => self.ledger[phone] = Entry::Over,
            (entry, what) => panic!("{phone}, which is {entry:?}: {what:?}"),
        }
    }

    fn leave(&mut self, retriever: usize, parkee: usize) {
        self.crowd.hang_up(retriever);
        self.ledger[parkee] = Entry::Left;
    }

    fn kill(&mut self) {
        self.server.process.kill();
        self.was_behind = self.is_behind();
        self.behind += u32::from(self.was_behind);
        self.server.restart();
    }

    /// Whether this server has said that what changes would not outlive it.
    fn is_behind(&mut self) -> bool {
        let log = self.server.process.log();
        log.iter().any(|line| line.contains("the store is behind"))
    }

    /// Until every call of the server before has been taken up, and whoever can be answered was.
    fn settle(&mut self) {
        let deadline = Deadline::after(SETTLED_WITHIN);
        loop {
            self.turn();
            let orbits = self.orbits();
            let is_adopting = |orbit: &Value| orbit["state"] == "adopting";
            let is_told = self
                .server
                .process
                .log()
                .iter()
                .any(|line| line.contains("taken up"));
            if is_told && !orbits.iter().any(is_adopting) {
                break;
            }
            assert!(!deadline.has_passed(), "calls are not taken up");
        }
        // Who has had no answer at all asks again.
        let asked_again = Deadline::after(Duration::from_millis(700));
        while !asked_again.has_passed() {
            self.turn();
        }
        self.settle_left();
    }

    /// Who was left by whom it talked to, in the last moment of a server, is told so, or is parked
    /// again where that server was not aware that they had talked; in no case it is on its own.
    fn settle_left(&mut self) {
        let orbits = self.orbits();
        let waiting = orbits.iter().filter_map(|orbit| {
            let call_id = orbit["call"]["call_id"].as_str()?;
            Crowd::phone_of(call_id)
        });
        let waiting: BTreeSet<usize> = waiting.collect();
        for phone in self.all(Entry::Left) {
            if waiting.contains(&phone) {
                self.ledger[phone] = Entry::Parked;
            } else {
                assert!(self.was_behind, "{phone} is not told that it was left");
                self.crowd.hang_up(phone);
            }
        }
    }

    /// What the server says against what it has said.
    fn compare(&mut self) {
        let mut by_phone = BTreeMap::new();
        let mut numbers = BTreeSet::new();
        for orbit in self.orbits() {
            let number = orbit["orbit"].as_str().expect("a number").to_owned();
            let call_id = orbit["call"]["call_id"].as_str().expect("a call");
            let phone = Crowd::phone_of(call_id).expect("one of ours");
            assert!(numbers.insert(number.clone()), "{number} has two calls");
            let twice = by_phone.insert(phone, number);
            assert_eq!(twice, None, "{phone} is in two orbits");
        }
        for (phone, entry) in self.ledger.iter().enumerate() {
            let is_in = by_phone.remove(&phone);
            match entry {
                Entry::Parked | Entry::Talks(_) | Entry::Over if self.was_behind => {}
                Entry::Parked => {
                    assert_eq!(is_in, self.orbit(phone), "{phone} is not where it was told");
                }
                // Whoever waits for an answer does not know.
                Entry::Asks | Entry::Sought => {}
                entry => assert_eq!(is_in, None, "{phone}, which is {entry:?}"),
            }
        }
        assert!(by_phone.is_empty(), "nobody knows of {by_phone:?}");
    }

    /// Everybody is retrieved, and leaves.
    fn end(mut self) -> Self {
        for (retriever, entry) in self.ledger.clone().into_iter().enumerate() {
            if let Entry::Seeks(parkee) = entry
                && self.ledger[parkee] == Entry::Talks(retriever)
            {
                self.leave(retriever, parkee);
            }
        }
        for parkee in [self.all(Entry::Parked), self.all(Entry::Sought)].concat() {
            let deadline = Deadline::after(PATIENCE);
            self.seek(parkee);
            while self.ledger[parkee] == Entry::Sought {
                assert!(!deadline.has_passed(), "{parkee} cannot be retrieved");
                self.turn();
            }
            if let Entry::Talks(retriever) = self.ledger[parkee] {
                self.leave(retriever, parkee);
            }
        }
        let deadline = Deadline::after(PATIENCE);
        while !self.all(Entry::Left).is_empty() {
            assert!(
                !deadline.has_passed(),
                "{:?} are not told",
                self.all(Entry::Left)
            );
            self.turn();
        }
        assert!(self.orbits().is_empty(), "{:?}", self.orbits());
        assert!(self.behind < KILLS / 2, "the disk is too slow to judge by");
        assert!(self.retrieved > 10 * KILLS, "that was no load");
        self
    }

    fn all(&self, entry: Entry) -> Vec<usize> {
        let of_kind = |phone: &usize| self.ledger[*phone] == entry;
        (0..self.ledger.len()).filter(of_kind).collect()
    }

    /// The orbit that a phone was told, last.
    fn orbit(&self, phone: usize) -> Option<String> {
        self.crowd.phones().server_user(phone)
    }

    fn orbits(&self) -> Vec<Value> {
        let text = self.server.api().get("/v1/orbits?limit=10000");
        let list: Value = serde_json::from_str(&text).expect("JSON");
        list["orbits"].as_array().expect("a list").clone()
    }
}

/// Chances from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}
