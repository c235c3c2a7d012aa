//! Two network namespaces joined by a veth pair: the server's, and the phones', where most of what
//! arrives is counted and dropped as early as the kernel can, so that receiving costs next to
//! nothing.

use std::error::Error;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Stdio, id};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The namespaces. Dropping it removes them, and all that is in them.
#[derive(Debug)]
pub(super) struct Bed {
    name: String,
}

/// The server's end of the pair; the network is the one that RFC 2544 keeps for benchmarks.
pub(super) const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 0, 1));

/// The phones' end.
pub(super) const PHONES: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 0, 2));

/// Ports of the phones that are listened to.
pub(super) const HEARD_PORTS: (u16, u16) = (20_000, 20_999);

/// Ports of the phones whose packets are counted and dropped.
pub(super) const DROPPED_PORTS: (u16, u16) = (21_000, 60_999);

/// What arrived at the phones' end by the counters of the firewall.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Arrived {
    /// For phones that are listened to.
    pub(super) heard: u64,
    /// For the others.
    pub(super) dropped: u64,
}

impl Arrived {
    pub(super) const fn all(self) -> u64 {
        self.heard + self.dropped
    }
}

/// Each namespace of ours is called this, the process that made it, and which end it is.
const PREFIX: &str = "orbit-bed-";

/// What a command that fails most often lacks.
const REMEDY: &str = "the bed needs root (or CAP_NET_ADMIN and CAP_SYS_ADMIN), and the Debian \
                      packages iproute2 and nftables";

impl Bed {
    /// Makes the namespaces, the pair between them, and the counters.
    pub(super) fn build() -> Result<Self, Box<dyn Error>> {
        remove_leftovers();
        let bed = Self {
            name: format!("{PREFIX}{}", id()),
        };
        let (server, phones) = (bed.server(), bed.phones());
        ip(&format!("netns add {server}"))?;
        ip(&format!("netns add {phones}"))?;
        ip(&format!(
            "-n {server} link add server type veth peer name phones netns {phones}"
        ))?;
        for (space, link, address) in [(&server, "server", SERVER), (&phones, "phones", PHONES)] {
            ip(&format!("-n {space} address add {address}/30 dev {link}"))?;
            ip(&format!("-n {space} link set {link} up"))?;
            ip(&format!("-n {space} link set lo up"))?;
        }
        // A neighbour that is looked up again and again would cost packets.
        let (here, there) = (ether(&server, "server")?, ether(&phones, "phones")?);
        neighbour(&server, "server", PHONES, &there)?;
        neighbour(&phones, "phones", SERVER, &here)?;
        within(&phones, "nft", "-f -", &rules())?;
        Ok(bed)
    }

    /// What both names begin with.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The name of the server's namespace.
    pub(super) fn server(&self) -> String {
        format!("{}-s", self.name)
    }

    /// The name of the phones' namespace.
    pub(super) fn phones(&self) -> String {
        format!("{}-p", self.name)
    }

    /// The firewall's counters, since the beginning.
    pub(super) fn arrived(&self) -> Result<Arrived, Box<dyn Error>> {
        let text = within(&self.phones(), "nft", "-j list counters", "")?;
        Ok(Arrived {
            heard: counter(&text, "heard")?,
            dropped: counter(&text, "dropped")?,
        })
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Removes both namespaces of a bed, if they are there.
pub(super) fn remove(name: &str) {
    for end in ["s", "p"] {
        let space = format!("{name}-{end}");
        if Path::new(SPACES).join(&space).exists() {
            // What cannot be removed now is a leftover of the next bed's.
            let _ = ip(&format!("netns delete {space}"));
        }
    }
}

/// Moves the calling thread, and all that it starts from now on, into a namespace.
pub(super) fn enter(space: &str) -> Result<(), Box<dyn Error>> {
    let file = File::open(Path::new(SPACES).join(space))
        .map_err(|error| format!("the namespace {space} is gone: {error}"))?;
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
        .map_err(|error| format!("cannot enter the namespace {space}: {error}; {REMEDY}"))?;
    Ok(())
}

/// Where iproute2 keeps the names.
const SPACES: &str = "/run/netns";

/// Beds whose process was killed.
fn remove_leftovers() {
    let spaces = fs::read_dir(SPACES).into_iter().flatten().flatten();
    for name in spaces.filter_map(|entry| entry.file_name().into_string().ok()) {
        let Some((bed, _)) = name.rsplit_once('-') else {
            continue;
        };
        let owner = bed.strip_prefix(PREFIX);
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
            remove(bed);
        }
    }
}

/// Dropping here, at the ingress hook, is as early as it goes without a driver's help.
fn rules() -> String {
    let ((heard, heard_end), (dropped, dropped_end)) = (HEARD_PORTS, DROPPED_PORTS);
    format!(
        "table netdev bed {{\n\
           counter heard {{ }}\n\
           counter dropped {{ }}\n\
           chain ingress {{\n\
             type filter hook ingress device \"phones\" priority 0; policy accept;\n\
             udp dport {dropped}-{dropped_end} counter name dropped drop\n\
             udp dport {heard}-{heard_end} counter name heard accept\n\
           }}\n\
         }}\n"
    )
}

fn counter(text: &str, name: &str) -> Result<u64, Box<dyn Error>> {
    let listed: serde_json::Value = serde_json::from_str(text)?;
    let counters = listed["nftables"].as_array().into_iter().flatten();
    let packets = counters
        .map(|entry| &entry["counter"])
        .find(|counter| counter["name"] == name)
        .and_then(|counter| counter["packets"].as_u64());
    packets.ok_or_else(|| format!("nft lists no counter `{name}`: {text}").into())
}

fn ether(space: &str, link: &str) -> Result<String, Box<dyn Error>> {
    let path = format!("/sys/class/net/{link}/address");
    Ok(within(space, "cat", &path, "")?.trim().to_owned())
}

fn neighbour(space: &str, link: &str, who: IpAddr, ether: &str) -> Result<(), Box<dyn Error>> {
    ip(&format!(
        "-n {space} neighbour replace {who} lladdr {ether} dev {link} nud permanent"
    ))
    .map(drop)
}

fn ip(arguments: &str) -> Result<String, Box<dyn Error>> {
    run(Command::new("ip").args(arguments.split(' ')), "")
}

fn within(
    space: &str,
    program: &str,
    arguments: &str,
    input: &str,
) -> Result<String, Box<dyn Error>> {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", space, program]);
    run(command.args(arguments.split(' ')), input)
}

fn run(command: &mut Command, input: &str) -> Result<String, Box<dyn Error>> {
    let shown = format!("{command:?}").replace('"', "");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run `{shown}`: {error}; {REMEDY}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that reads nothing has closed it.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{shown}` failed: {}; {REMEDY}", said.trim()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_of_both_kinds_are_apart() {
        assert!(HEARD_PORTS.0 < HEARD_PORTS.1 && HEARD_PORTS.1 < DROPPED_PORTS.0);
        assert!(DROPPED_PORTS.0 < DROPPED_PORTS.1);
    }

    #[test]
    fn a_counter_is_found_by_its_name() {
        let text = r#"{"nftables": [{"metainfo": {"version": "1"}},
            {"counter": {"name": "heard", "packets": 3, "bytes": 9}},
            {"counter": {"name": "dropped", "packets": 5, "bytes": 9}}]}"#;
        assert_eq!(counter(text, "dropped").unwrap(), 5);
        assert!(counter(text, "lost").is_err());
    }

    #[test]
    fn a_command_that_fails_is_told_with_the_remedy() {
        let failure = ip("-n orbit-bed-none link show").unwrap_err().to_string();
        assert!(
            failure.contains("CAP_NET_ADMIN") && failure.contains("iproute2"),
            "{failure}"
        );
    }
}
