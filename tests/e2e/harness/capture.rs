//! dumpcap on loopback, and its datagrams; tshark as a second opinion on them.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::clock::{PATIENCE, until};
use super::{Ports, Process};

/// A running capture of one block of ports.
#[derive(Debug)]
pub(crate) struct Capture {
    process: Process,
    file: PathBuf,
    _folder: TempDir,
}

/// A capture that has ended.
#[derive(Debug)]
pub(crate) struct Captured {
    file: PathBuf,
    _folder: TempDir,
    pub(crate) datagrams: Vec<Datagram>,
}

/// One UDP datagram.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    /// Since the epoch.
    pub(crate) at: Duration,
    pub(crate) source: SocketAddrV4,
    pub(crate) destination: SocketAddrV4,
    pub(crate) payload: Vec<u8>,
}

impl Capture {
    /// # Panics
    /// When this user may not capture.
    pub(crate) fn start(ports: &Ports) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("capture.pcap");
        let (first, last) = ports.all();
        let filter = format!("udp and portrange {first}-{last}");
        let mut command = Command::new("dumpcap");
        command
            .args(["-q", "-P", "-B", "16", "-i", "lo", "-f", &filter, "-w"])
            .arg(&file);
        let mut process = Process::spawn("dumpcap", &mut command);
        // It opens the file once it captures.
        until(
            "capture (run as root, or give dumpcap cap_net_raw)",
            PATIENCE,
            || {
                assert!(process.is_running(), "dumpcap may not capture: run as root");
                process
                    .log()
                    .iter()
                    .any(|line| line.contains("File:"))
                    .then_some(())
            },
        );
        Self {
            process,
            file,
            _folder: folder,
        }
    }

    pub(crate) fn stop(mut self) -> Captured {
        self.process.terminate();
        self.process.wait(PATIENCE);
        let datagrams = datagrams(&fs::read(&self.file).expect("a capture"));
        let lost = self.process.log().iter().any(|line| {
            line.contains("received/dropped") && !line.contains("/0 (") && !line.contains("/0:")
        });
        assert!(!lost, "dumpcap dropped packets: {:?}", self.process.log());
        Captured {
            file: self.file,
            _folder: self._folder,
            datagrams,
        }
    }
}

impl Captured {
    /// How many frames tshark finds that match, with SIP on a port of ours.
    pub(crate) fn count(&self, sip_port: u16, filter: &str) -> usize {
        let mut command = Command::new("tshark");
        command.arg("-r").arg(&self.file);
        command.args(["-d", &format!("udp.port=={sip_port},sip")]);
        command.args(["-T", "fields", "-e", "frame.number", "-Y", filter]);
        let output = command.output().expect("tshark: run `make packages`");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tshark: {said}");
        String::from_utf8_lossy(&output.stdout).lines().count()
    }
}

/// The UDP datagrams of a file in the classic pcap format, captured from Ethernet or loopback.
fn datagrams(file: &[u8]) -> Vec<Datagram> {
    let word = |at: usize| {
        let bytes = [file[at], file[at + 1], file[at + 2], file[at + 3]];
        u32::from_le_bytes(bytes)
    };
    let fraction_nanos = match word(0) {
        0xa1b2_c3d4 => 1_000,
        0xa1b2_3c4d => 1,
        magic => panic!("{magic:x} is no pcap file of this machine"),
    };
    assert_eq!(word(20), 1, "loopback captures have Ethernet headers");
    let mut found = Vec::new();
    let mut at = 24;
    while at + 16 <= file.len() {
        let length = word(at + 8) as usize;
        let seconds = Duration::from_secs(word(at).into());
        let time = seconds + Duration::from_nanos(u64::from(word(at + 4)) * fraction_nanos);
        let Some(frame) = file.get(at + 16..at + 16 + length) else {
            break;
        };
        found.extend(datagram(frame, time));
        at += 16 + length;
    }
    found
}

fn datagram(frame: &[u8], at: Duration) -> Option<Datagram> {
    let packet = frame.get(14..)?;
    let is_udp_over_ipv4 = frame[12..14] == [8, 0] && packet[0] >> 4 == 4 && packet[9] == 17;
    if !is_udp_over_ipv4 {
        return None;
    }
    let address =
        |at: usize| Ipv4Addr::new(packet[at], packet[at + 1], packet[at + 2], packet[at + 3]);
    let udp = &packet[usize::from(packet[0] & 15) * 4..];
    let number = |at: usize| u16::from_be_bytes([udp[at], udp[at + 1]]);
    Some(Datagram {
        at,
        source: SocketAddrV4::new(address(12), number(0)),
        destination: SocketAddrV4::new(address(16), number(2)),
        payload: udp.get(8..usize::from(number(4)))?.to_vec(),
    })
}
