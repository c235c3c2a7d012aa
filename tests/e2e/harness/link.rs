//! Two network namespaces joined by a veth pair, for what the server does on a real interface and
//! not on loopback.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Command, id};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The namespaces. Dropped, they are removed, and all that is in them.
#[derive(Debug)]
pub(crate) struct Link {
    name: String,
}

/// One end of the link.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Server,
    Phones,
}

/// The server's end; the network is the one that RFC 2544 keeps for benchmarks.
pub(crate) const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 7, 1));

impl Link {
    /// # Panics
    /// Where this process is not root.
    pub(crate) fn build() -> Self {
        let link = Self {
            name: format!("orbit-link-{}", id()),
        };
        let [server, phones] = [End::Server, End::Phones].map(|end| link.space(end));
        ip(&format!("netns add {server}"));
        ip(&format!("netns add {phones}"));
        ip(&format!(
            "-n {server} link add link0 type veth peer name link0 netns {phones}"
        ));
        for (space, host) in [(&server, 1), (&phones, 2)] {
            ip(&format!(
                "-n {space} address add 198.18.7.{host}/24 dev link0"
            ));
            ip(&format!("-n {space} link set link0 up"));
            ip(&format!("-n {space} link set lo up"));
        }
        link
    }

    /// Moves this thread, and all that it starts from now on, to one end.
    pub(crate) fn go_to(&self, end: End) {
        let path = Path::new("/run/netns").join(self.space(end));
        let space = File::open(path).expect("a namespace of our own");
        move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))
            .expect("this test needs root");
    }

    fn space(&self, end: End) -> String {
        let end = match end {
            End::Server => "s",
            End::Phones => "p",
        };
        format!("{}-{end}", self.name)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for end in [End::Server, End::Phones] {
            // What was never made cannot be removed.
            let _ = command(&format!("netns delete {}", self.space(end))).status();
        }
    }
}

fn ip(arguments: &str) {
    let status = command(arguments)
        .status()
        .expect("ip: run `make packages`");
    assert!(status.success(), "ip {arguments}: this test needs root");
}

fn command(arguments: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(arguments.split(' '));
    command
}
