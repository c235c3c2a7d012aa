//! What happened in the worlds: they prove nothing about what never happened in them.

/// From so many worlds on, each feature is reached in some of them.
const RARE_WORLDS: u64 = 500;

/// What happened, summed over worlds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) parked: u64,
    pub(crate) retrieved: u64,
    pub(crate) recalled: u64,
    /// Calls that an operator has brought to a phone which answered.
    pub(crate) delivered: u64,
    /// REFERs that ended with a parked call.
    pub(crate) referred: u64,
    pub(crate) lamps: u64,
    /// Processes that died.
    pub(crate) deaths: u64,
    /// Calls that another process took up.
    pub(crate) adopted: u64,
    /// Deaths before all outputs of an input were carried out.
    pub(crate) torn_inputs: u64,
    /// Worlds whose store was behind at some moment.
    pub(crate) behind: u64,
    /// Calls that ended up past the server.
    pub(crate) released: u64,
    pub(crate) lost_notifies: u64,
    /// Calls that no policy allowed.
    pub(crate) forbidden: u64,
    /// Retrievals with a PIN.
    pub(crate) let_in: u64,
    /// Worlds in which something was said.
    pub(crate) spoken: u64,
    /// Calls that were parked by dialling an empty orbit.
    pub(crate) one_key: u64,
    /// Calls to park and to retrieve by feature code that were answered.
    pub(crate) coded: [u64; 2],
    /// Calls that were parked in the range of a site.
    pub(crate) of_site: u64,
    /// UPDATEs that phones took.
    pub(crate) updates: u64,
    /// Changes of the configuration that were made, and that were refused.
    pub(crate) configured: [u64; 2],
    /// Parkers that were told in Lync's words what became of their calls.
    pub(crate) lync: u64,
    /// Phones that were called, and said BYE before the ACK of their 2xx.
    pub(crate) hasty: u64,
    pub(crate) calls: u64,
    pub(crate) messages: u64,
    pub(crate) lost_network: u64,
    pub(crate) virtual_secs: u64,
    pub(crate) digest: u64,
}

impl Tally {
    /// # Panics
    /// When something happened too seldom. What is rare is not looked for in a few worlds.
    pub(crate) fn check(&self, worlds: u64) {
        let often = [
            (self.parked, worlds),
            (self.retrieved, worlds / 2),
            (self.recalled, worlds / 10),
            (self.referred, worlds / 10),
            (self.lamps, worlds / 2),
            (self.released, worlds / 20),
            (self.lost_network, worlds / 2),
            (self.lost_notifies, worlds),
            (self.deaths, worlds / 4),
            (self.adopted, worlds / 4),
        ];
        assert!(often.iter().all(|(times, least)| times > least), "{self:?}");
        if worlds < RARE_WORLDS {
            return;
        }
        let seldom = [
            self.delivered,
            self.torn_inputs,
            self.behind,
            self.forbidden,
            self.let_in,
            self.spoken,
            self.one_key,
            self.coded[0],
            self.coded[1],
            self.of_site,
            self.updates,
            self.configured[0],
            self.configured[1],
            self.lync,
            self.hasty,
        ];
        let least = worlds / 100;
        assert!(seldom.iter().all(|times| *times > least), "{self:?}");
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.parked += other.parked;
        self.retrieved += other.retrieved;
        self.recalled += other.recalled;
        self.delivered += other.delivered;
        self.referred += other.referred;
        self.lamps += other.lamps;
        self.deaths += other.deaths;
        self.adopted += other.adopted;
        self.torn_inputs += other.torn_inputs;
        self.behind += other.behind;
        self.released += other.released;
        self.lost_notifies += other.lost_notifies;
        self.forbidden += other.forbidden;
        self.let_in += other.let_in;
        self.spoken += other.spoken;
        self.one_key += other.one_key;
        self.of_site += other.of_site;
        self.updates += other.updates;
        self.lync += other.lync;
        self.hasty += other.hasty;
        for at in 0..2 {
            self.coded[at] += other.coded[at];
            self.configured[at] += other.configured[at];
        }
        self.calls += other.calls;
        self.messages += other.messages;
        self.lost_network += other.lost_network;
        self.virtual_secs += other.virtual_secs;
        self.digest ^= other.digest;
    }
}
