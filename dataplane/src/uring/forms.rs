//! What each form of sending costs, measured on this machine: the choice in `ring` rests on it.
//!
//! Absent on purpose: a judgement; figures of other machines differ.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use io_uring::squeue::{Entry, Flags};
use io_uring::types::Fixed;
use io_uring::{IoUring, opcode};

use shared::Dscp;

use super::clock::thread_cpu;
use super::frames::packet_socket;
use super::outlet::raw_socket;
use super::sockaddr::Sockaddr;
use crate::Kernel;
use crate::address::Address;
use crate::envelope::{Envelope, HEADERS_BYTES};
use crate::path::{self, ETHERNET_BYTES, Hop};

/// A way to send one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// SEND on an unconnected socket, with an address.
    Addressed,
    /// SEND on a connected socket.
    Connected,
    /// SENDMSG of header and audio apart, with an address.
    TwoAddressed,
    /// SENDMSG of header and audio apart, on a connected socket.
    TwoConnected,
    /// SEND_ZC on a connected socket, with the notifications that belong to it.
    ZeroCopy,
    /// SEND of a whole IP packet on a raw socket, with an address; checksums included.
    Raw,
    /// SEND of a whole Ethernet frame on a packet socket; checksums included.
    Packet,
}

const FORMS: [Form; 7] = [
    Form::Addressed,
    Form::Connected,
    Form::TwoAddressed,
    Form::TwoConnected,
    Form::ZeroCopy,
    Form::Raw,
    Form::Packet,
];

/// Destinations; each has a socket of its own.
const STREAMS: u16 = 2_000;

/// Packets in one submission.
const BATCH: usize = 64;

const HEADER: usize = 12;
const AUDIO: usize = 160;

struct Bench {
    io: IoUring,
    /// Of each stream.
    to: Vec<Sockaddr>,
    remotes: Vec<Address>,
    local: SocketAddr,
    envelope: Envelope,
    hop: Hop,
    audio: Vec<u8>,
    places: Vec<[u8; HEADER + AUDIO]>,
    /// Headers and a copy of the place.
    whole: Vec<[u8; ROOM + HEADER + AUDIO]>,
    parts: Vec<[libc::iovec; 2]>,
    messages: Vec<libc::msghdr>,
}

impl Bench {
    fn new(host: &str) -> Self {
        let (io, _) = super::probe::ring(Kernel::Newest, 1_024, 8_192).unwrap();
        let mut files = Vec::new();
        let (mut to, mut remotes) = (Vec::new(), Vec::new());
        // Unconnected sockets first, connected ones after them.
        for connected in [false, true] {
            for port in 20_000..20_000 + STREAMS {
                let remote: SocketAddr = format!("{host}:{port}").parse().unwrap();
                let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
                if connected {
                    socket.connect(remote).unwrap();
                }
                files.push(socket);
                to.push(Sockaddr::new(&remote.into()));
                remotes.push(Address::from(remote));
            }
        }
        let local = files[files.len() - 1].local_addr().unwrap();
        let raw = raw_socket(local.ip(), Dscp::EXPEDITED).unwrap();
        let fds = files.iter().map(AsRawFd::as_raw_fd);
        let hop = hop(local.ip(), &remotes[0]);
        let frames = packet_socket(hop.interface, Dscp::EXPEDITED).unwrap();
        let fds: Vec<_> = fds.chain([raw.as_raw_fd(), frames.as_raw_fd()]).collect();
        io.submitter().register_files(&fds).unwrap();
        // SAFETY: a msghdr and an iovec of zeros are empty ones.
        let (message, part) = unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        Self {
            io,
            to,
            remotes,
            local,
            envelope: Envelope::new(local.ip(), Dscp::EXPEDITED.traffic_class()).unwrap(),
            hop,
            whole: vec![[0; ROOM + HEADER + AUDIO]; BATCH],
            audio: vec![0x55; 60 * 8_000],
            places: vec![[0x80; HEADER + AUDIO]; BATCH],
            parts: vec![part; BATCH],
            messages: vec![message; BATCH],
        }
    }

    /// One packet to every stream; the CPU time of each.
    fn round(&mut self, form: Form, round: usize) -> Duration {
        let before = thread_cpu();
        let streams: Vec<usize> = (0..usize::from(STREAMS)).collect();
        for batch in streams.chunks(BATCH) {
            for (place, stream) in batch.iter().enumerate() {
                let entry = self.entry(form, place, *stream, round);
                // SAFETY: what the entry points to stays until all of the batch has completed.
                unsafe { self.io.submission().push(&entry).unwrap() };
            }
            if form == Form::ZeroCopy {
                // Each gives two completions, and the memory is free after the second.
                self.io.submit_and_wait(2 * batch.len()).unwrap();
            } else {
                self.io.submit().unwrap();
            }
            for completion in self.io.completion() {
                assert!(completion.result() >= 0, "{form:?}: {completion:?}");
            }
        }
        (thread_cpu() - before) / STREAMS.into()
    }

    fn entry(&mut self, form: Form, place: usize, stream: usize, round: usize) -> Entry {
        let connected = !matches!(form, Form::Addressed | Form::TwoAddressed);
        let file =
            Fixed(u32::try_from(stream).unwrap() + u32::from(connected) * u32::from(STREAMS));
        let at = (stream * 7 + round) * AUDIO % (self.audio.len() - AUDIO);
        let audio = &self.audio[at..at + AUDIO];
        let bytes = &mut self.places[place];
        let to = &self.to[stream];
        if matches!(form, Form::TwoAddressed | Form::TwoConnected) {
            self.parts[place] =
                [(bytes.as_ptr(), HEADER), (audio.as_ptr(), AUDIO)].map(|(start, length)| {
                    libc::iovec {
                        iov_base: start.cast_mut().cast(),
                        iov_len: length,
                    }
                });
            let message = &mut self.messages[place];
            message.msg_iov = self.parts[place].as_mut_ptr();
            message.msg_iovlen = 2;
            if connected {
                message.msg_name = std::ptr::null_mut();
                message.msg_namelen = 0;
            } else {
                message.msg_name = to.as_ptr().cast_mut().cast();
                message.msg_namelen = to.length();
            }
            return opcode::SendMsg::new(file, &raw const *message)
                .flags(libc::MSG_DONTWAIT.unsigned_abs())
                .build()
                .flags(Flags::SKIP_SUCCESS);
        }
        bytes[HEADER..].copy_from_slice(audio);
        if matches!(form, Form::Raw | Form::Packet) {
            return self.whole_entry(form, place, stream);
        }
        let (start, length) = (bytes.as_ptr(), u32::try_from(bytes.len()).unwrap());
        if form == Form::ZeroCopy {
            return opcode::SendZc::new(file, start, length)
                .flags(libc::MSG_DONTWAIT)
                .build();
        }
        let mut send = opcode::Send::new(file, start, length).flags(libc::MSG_DONTWAIT);
        if form == Form::Addressed {
            send = send.dest_addr(to.as_ptr()).dest_addr_len(to.length());
        }
        send.build().flags(Flags::SKIP_SUCCESS)
    }

    fn whole_entry(&mut self, form: Form, place: usize, stream: usize) -> Entry {
        let (room, payload) = self.whole[place].split_first_chunk_mut::<ROOM>().unwrap();
        payload.copy_from_slice(&self.places[place]);
        let to = &self.remotes[stream];
        let headers = room.last_chunk_mut().unwrap();
        let headers = self.envelope.seal(headers, self.local.port(), to, payload);
        room[ROOM - headers - ETHERNET_BYTES..ROOM - headers].copy_from_slice(&self.hop.ethernet);
        let raw = 2 * u32::from(STREAMS);
        let (file, headers, to) = match form {
            Form::Packet => (raw + 1, headers + ETHERNET_BYTES, None),
            _ => (raw, headers, Some(&self.to[stream])),
        };
        let bytes = &self.whole[place][ROOM - headers..];
        let length = u32::try_from(bytes.len()).unwrap();
        let mut send =
            opcode::Send::new(Fixed(file), bytes.as_ptr(), length).flags(libc::MSG_DONTWAIT);
        if let Some(to) = to {
            send = send.dest_addr(to.as_ptr()).dest_addr_len(to.length());
        }
        send.build().flags(Flags::SKIP_SUCCESS)
    }
}

/// Headers of every layer.
const ROOM: usize = ETHERNET_BYTES + HEADERS_BYTES;

/// The way to a peer that something has been sent to.
fn hop(from: IpAddr, peer: &Address) -> Hop {
    let mut book = path::start(from, Dscp::EXPEDITED, 1)
        .unwrap()
        .pop()
        .unwrap();
    let place = book.enter(peer).unwrap();
    let waker = UdpSocket::bind((from, 0)).unwrap();
    for _ in 0..500 {
        waker
            .send_to(b"who has it?", SocketAddr::from(*peer))
            .unwrap();
        book.follow();
        if let Some(hop) = book.hop(place, peer) {
            return *hop;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    panic!("no way to {peer:?} is Ethernet: run it by make bench-forms")
}

/// The forms take turns, so that whatever else the machine does falls on all of them. The host that
/// `ORBIT_FORMS_TO` names should drop what comes before it reaches a socket (`make bench-forms`).
#[test]
#[ignore = "a measurement of minutes, not a test: make bench-forms"]
fn what_each_form_of_sending_costs() {
    const ROUNDS: usize = 400;
    let host = std::env::var("ORBIT_FORMS_TO").unwrap_or_else(|_| "127.0.0.1".to_owned());
    let mut bench = Bench::new(&host);
    let mut figures = FORMS.map(|_| Vec::with_capacity(ROUNDS));
    for round in 0..ROUNDS {
        for (figures, form) in figures.iter_mut().zip(FORMS) {
            figures.push(bench.round(form, round));
        }
    }
    for (mut figures, form) in figures.into_iter().zip(FORMS) {
        figures.sort_unstable();
        let (low, middle) = (figures[ROUNDS / 10], figures[ROUNDS / 2]);
        println!(
            "{form:?}: {} ns a packet, {} ns in the best tenth",
            middle.as_nanos(),
            low.as_nanos()
        );
    }
}
