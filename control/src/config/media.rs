//! `[media]`: where sound comes and goes, and in which codecs.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use shared::limits::{
    ADMISSION as ADMISSION_DEFAULT, MEDIA_TIMEOUT as MEDIA_TIMEOUT_DEFAULT, WORKERS_MAX,
};
use shared::{Codec, Dscp, Form, Share};

use super::limits::{ADMISSION, CPU_MAX, DSCP, MEDIA_TIMEOUT};
use super::nearest::nearest;
use super::table::Table;
use super::{ConfigError, Sip};

/// `[media]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Media {
    /// Where RTP sockets bind.
    pub address: IpAddr,
    /// Address in SDP; of the same family, never unspecified.
    pub advertise: IpAddr,
    /// First and last port, inclusive, at least one even-odd pair.
    pub ports: (u16, u16),
    /// Number of workers; `None`: one for each pinned CPU, or else one for each core less one, at
    /// least 1.
    pub workers: Option<u8>,
    /// CPUs to pin workers to; none twice.
    pub cpus: Vec<u16>,
    /// In preference; at least one.
    pub codecs: Vec<Codec>,
    /// Whether a stream may learn its peer's address from the first valid packet (RFC 7362);
    /// `latch = "closed"` (default) or `"learn"`.
    pub latch_learn: bool,
    /// Silence after which a bridged peer counts as gone; 5 s to 1 h.
    pub timeout: Duration,
    /// The class of service of RTP and RTCP.
    pub dscp: Dscp,
    /// How packets are sent, as far as the rights of this process allow.
    pub send: Form,
    /// The part of its time that a worker may need before it refuses to begin calls; 10 % to 100 %,
    /// which refuses nobody.
    pub admission: Share,
}

impl Media {
    pub(super) fn read(root: &Table<'_>, warnings: &mut Vec<String>) -> Result<Self, ConfigError> {
        let mut media = Self::default();
        let Some(table) = root.table("media")? else {
            return Ok(media);
        };
        table.knows(&[
            "address",
            "advertise",
            "ports",
            "workers",
            "cpus",
            "codecs",
            "latch",
            "timeout",
            "dscp",
            "send",
            "admission",
        ])?;
        media.read_addresses(&table)?;
        if let Some(ports) = ports(&table)? {
            media.ports = ports;
        }
        media.read_workers(&table)?;
        if let Some(codecs) = codecs(&table, warnings)? {
            media.codecs = codecs;
        }
        let rule = "write \"closed\" or \"learn\"";
        match table.text("latch", rule)? {
            None | Some("closed") => {}
            Some("learn") => media.latch_learn = true,
            Some(_) => return Err(table.wrong("latch", &format!("unknown; {rule}"))),
        }
        if let Some(timeout) = table.duration("timeout", &MEDIA_TIMEOUT)? {
            media.timeout = timeout;
        }
        if let Some(dscp) = table.number("dscp", &DSCP)?.and_then(Dscp::new) {
            media.dscp = dscp;
        }
        let rule = "write \"socket\", \"raw\" or \"packet\"";
        if let Some(text) = table.text("send", rule)? {
            let form = text.parse().ok().filter(|form| *form != Form::Addressed);
            media.send = form.ok_or_else(|| table.wrong("send", &format!("unknown; {rule}")))?;
        }
        if let Some(admission) = table.percentage("admission", &ADMISSION)? {
            media.admission = admission;
        }
        Ok(media)
    }

    /// Callers from elsewhere would be told to send their sound to themselves.
    pub(super) fn warn_of_loopback(&self, sip: &Sip, root: &Table<'_>, warnings: &mut Vec<String>) {
        let public = sip
            .listen
            .iter()
            .find(|(_, address)| !address.ip().is_loopback());
        if let Some((_, address)) = public
            && self.advertise.is_loopback()
        {
            let what = format!(
                "{} is told to callers of {address}: those on other hosts will hear nothing; write \
                 address = \"…\" with an address of this host that they can reach",
                self.advertise
            );
            warnings.push(root.wrong("media", &what).message);
        }
    }

    fn read_addresses(&mut self, table: &Table<'_>) -> Result<(), ConfigError> {
        let rule = "write an IP address of this host";
        if let Some(address) = table.parsed::<IpAddr>("address", rule)? {
            if address.is_multicast() {
                return Err(table.wrong("address", &format!("not one host's; {rule}")));
            }
            self.address = address;
            self.advertise = address;
        }
        let rule = "write the IP address that peers send their sound to";
        let Some(advertise) = table.parsed::<IpAddr>("advertise", rule)? else {
            if self.address.is_unspecified() {
                let what = "peers cannot be told this address; write advertise = \"…\" with the \
                            one they send their sound to";
                return Err(table.wrong("address", what));
            }
            return Ok(());
        };
        if advertise.is_unspecified() || advertise.is_multicast() {
            return Err(table.wrong("advertise", &format!("leads to no host; {rule}")));
        }
        if advertise.is_ipv4() != self.address.is_ipv4() {
            let what = format!(
                "not of the family of address = \"{}\"; {rule}",
                self.address
            );
            return Err(table.wrong("advertise", &what));
        }
        self.advertise = advertise;
        Ok(())
    }

    fn read_workers(&mut self, table: &Table<'_>) -> Result<(), ConfigError> {
        if table.text("workers", "").ok().flatten() != Some("auto") {
            let rule = format!("write \"auto\" or a number from 1 to {WORKERS_MAX}");
            let wrong = |_| table.wrong("workers", &format!("not a number of workers; {rule}"));
            self.workers = table.number("workers", &(1..=WORKERS_MAX)).map_err(wrong)?;
        }
        let Some(cpus) = table.numbers("cpus", 0..=CPU_MAX)? else {
            return Ok(());
        };
        for (number, cpu) in cpus.iter().enumerate() {
            if cpus[..number].contains(cpu) {
                let what = "written twice; each CPU carries one worker";
                return Err(table.wrong_element("cpus", number, what));
            }
        }
        let pinned = cpus.len();
        if pinned > usize::from(WORKERS_MAX) {
            let what = format!("{pinned} CPUs; write at most {WORKERS_MAX}");
            return Err(table.wrong("cpus", &what));
        }
        if let Some(workers) = self.workers
            && pinned > 0
            && usize::from(workers) > pinned
        {
            let what = format!("more than the {pinned} of cpus; write workers = \"auto\"");
            return Err(table.wrong("workers", &what));
        }
        self.cpus = cpus;
        Ok(())
    }
}

impl Default for Media {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            advertise: IpAddr::V4(Ipv4Addr::LOCALHOST),
            ports: (20_000, 59_999),
            workers: None,
            cpus: Vec::new(),
            codecs: Codec::ALL.to_vec(),
            latch_learn: false,
            timeout: MEDIA_TIMEOUT_DEFAULT,
            dscp: Dscp::EXPEDITED,
            send: Form::Socket,
            admission: ADMISSION_DEFAULT,
        }
    }
}

fn ports(table: &Table<'_>) -> Result<Option<(u16, u16)>, ConfigError> {
    let rule = "write FIRST-LAST such as \"20000-59999\"";
    let Some(text) = table.text("ports", rule)? else {
        return Ok(None);
    };
    let read = |port: &str| port.trim().parse::<u16>().ok().filter(|port| *port != 0);
    let ends = text
        .split_once('-')
        .and_then(|(first, last)| Some((read(first)?, read(last)?)));
    let Some((first, last)) = ends else {
        return Err(table.wrong("ports", &format!("not a range of ports; {rule}")));
    };
    if first > last {
        return Err(table.wrong("ports", &format!("ends before it begins; {rule}")));
    }
    // RTP takes an even port, RTCP the odd one above (RFC 3550 §11).
    if first
        .checked_next_multiple_of(2)
        .is_none_or(|even| even >= last)
    {
        let what = format!("no even port with the odd one above it; {rule}");
        return Err(table.wrong("ports", &what));
    }
    Ok(Some((first, last)))
}

/// Codecs that have a name in the configuration, but no code yet.
const UNBUILT: [&str; 2] = ["opus", "g722"];

fn codecs(
    table: &Table<'_>,
    warnings: &mut Vec<String>,
) -> Result<Option<Vec<Codec>>, ConfigError> {
    let built = Codec::ALL.map(|codec| codec.name().to_ascii_lowercase());
    let rule = format!("write any of {}", built.join(", "));
    let Some(texts) = table.texts("codecs", &rule)? else {
        return Ok(None);
    };
    let mut codecs = Vec::with_capacity(texts.len());
    for (number, text) in texts.iter().enumerate() {
        let wrong = |what: &str| table.wrong_element("codecs", number, what);
        if texts[..number]
            .iter()
            .any(|other| other.eq_ignore_ascii_case(text))
        {
            return Err(wrong("written twice; strike one of the two"));
        }
        let named = |codec: &Codec| codec.name().eq_ignore_ascii_case(text);
        if let Some(codec) = Codec::ALL.into_iter().find(named) {
            codecs.push(codec);
        } else if UNBUILT
            .iter()
            .any(|unbuilt| unbuilt.eq_ignore_ascii_case(text))
        {
            warnings.push(wrong("not built in this version; left out").message);
        } else {
            let known: Vec<&str> = built.iter().map(String::as_str).chain(UNBUILT).collect();
            let meant = nearest(text, &known).map(|meant| format!("did you mean {meant}?"));
            return Err(wrong(&format!("unknown codec; {}", meant.unwrap_or(rule))));
        }
    }
    if codecs.is_empty() {
        return Err(table.wrong("codecs", &format!("none that is built; {rule}")));
    }
    Ok(Some(codecs))
}
