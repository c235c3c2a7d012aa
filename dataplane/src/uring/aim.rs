//! What the kernel is told of a stream's RTP socket while it is in use: the only peer it has, and a
//! filter for what is not wanted. And what it dropped because of that.
//!
//! Absent on purpose: who the peer is and what is not wanted (`intake`).

use io_uring::opcode;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::Fixed;
use shared::DropReason;

use super::request::{Flow, Request, encode};
use super::ring::{Ring, file};
use super::socket::Tally;
use crate::address::Address;
use crate::intake::{Instruction, Screen};
use crate::port::{Owner, SEND_BYTES_MAX, Socket};

impl Ring {
    /// Whether sends on a socket need no address.
    pub(super) fn is_connected(&self, socket: Socket) -> bool {
        let Some(file) = file(socket) else {
            return false;
        };
        let word = self.connected.get(file as usize / 64).copied();
        word.unwrap_or(0) >> (file % 64) & 1 == 1
    }

    /// Connects the RTP socket of a stream to its only peer, or lets it have any again.
    pub(super) fn connect(&mut self, owner: Owner, peer: Option<&Address>) {
        let Some(file) = self.pair(owner).and_then(|pair| pair.rtp()) else {
            return;
        };
        if !self.features.connects() {
            return;
        }
        if self.is_connected(Socket(file)) {
            // Before another peer too: the kernel keeps the source address found for the first.
            self.connect_to(owner, file, None);
        }
        if peer.is_some() {
            self.connect_to(owner, file, peer);
        }
    }

    fn connect_to(&mut self, owner: Owner, file: u32, peer: Option<&Address>) {
        let lane = self.lane(Flow::Rtp);
        if lane.make_room(1).is_err() {
            return;
        }
        let Some(place) = lane.sends.take() else {
            return;
        };
        let address = match peer {
            Some(peer) => place.address(peer),
            None => place.nowhere(),
        };
        let entry = opcode::Connect::new(Fixed(file), address.as_ptr(), address.length())
            .build()
            .flags(Flags::SKIP_SUCCESS)
            .user_data(encode(Request::Connect, Flow::Rtp, owner));
        // SAFETY: the address stays in its place until the kernel has taken the entry, and it
        // copies it then.
        if unsafe { lane.io.submission().push(&entry) }.is_ok() {
            self.set_peer(file, peer);
        }
    }

    /// The kernel would not connect the RTP socket of a stream.
    pub(super) fn not_connected(&mut self, owner: Owner) {
        if let Some(file) = self.pair(owner).and_then(|pair| pair.rtp()) {
            self.set_peer(file, None);
        }
    }

    /// A place of the table is free again.
    pub(super) fn forget(&mut self, flow: Flow, file: u32) {
        if flow == Flow::Rtp {
            self.set_peer(file, None);
        }
    }

    fn set_peer(&mut self, file: u32, peer: Option<&Address>) {
        if let Some(word) = self.connected.get_mut(file as usize / 64) {
            *word &= !(1 << (file % 64));
            *word |= u64::from(peer.is_some()) << (file % 64);
        }
        if let Some(outlet) = &mut self.outlet {
            outlet.settle(&mut self.lanes[0], file, peer);
        }
    }

    /// Attaches a filter to the RTP socket of a stream, or detaches it; whether it has one now.
    pub(super) fn screen(&mut self, owner: Owner, screen: Option<Screen>) -> bool {
        if !self.features.socket_options {
            return false;
        }
        let Some(pair) = self.pair(owner) else {
            return false;
        };
        let (Some(file), screened) = (pair.rtp(), pair.screened) else {
            return false;
        };
        match (screened, screen.is_some()) {
            (false, true) => self.count_drops(owner, DropReason::NoBuffer),
            (true, false) => self.count_drops(owner, DropReason::Screened),
            _ => {}
        }
        let entry = match screen {
            Some(screen) => self.attach(file, &screen.program()),
            None if screened => Some(self.detach(file)),
            None => None,
        };
        let Some(entry) = entry else {
            return screened;
        };
        let entry =
            entry
                .flags(Flags::SKIP_SUCCESS)
                .user_data(encode(Request::Option, Flow::Rtp, owner));
        self.lane(Flow::Rtp).push(entry);
        if let Some(pair) = self.pair(owner) {
            pair.screened = screen.is_some();
        }
        screen.is_some()
    }

    fn attach(
        &mut self,
        file: u32,
        program: &[Instruction; Screen::INSTRUCTIONS],
    ) -> Option<Entry> {
        let lane = self.lane(Flow::Rtp);
        lane.make_room(1).ok()?;
        let start = lane.sends.take()?.bytes().as_mut_ptr();
        // SAFETY: head and program fit into the place (see the assertions below), which is aligned
        // to 8, and which nobody else touches before it was submitted.
        let head = unsafe {
            let instructions = start.add(PROGRAM_AT).cast::<Instruction>();
            instructions.copy_from_nonoverlapping(program.as_ptr(), program.len());
            let head = start.cast::<libc::sock_fprog>();
            head.write(libc::sock_fprog {
                len: u16::try_from(program.len()).unwrap_or(0),
                filter: instructions.cast(),
            });
            head
        };
        let name = libc::SO_ATTACH_FILTER;
        Some(option(
            file,
            name,
            head.cast(),
            size_of::<libc::sock_fprog>(),
        ))
    }

    fn detach(&self, file: u32) -> Entry {
        // The kernel wants some value.
        let value = (&raw const *self.traffic_class).cast();
        option(file, libc::SO_DETACH_FILTER, value, 4)
    }

    /// Asks what the kernel has dropped, unless it is being asked.
    pub(super) fn count_drops(&mut self, owner: Owner, reason: DropReason) {
        if !self.features.socket_options {
            return;
        }
        let asked = self
            .pair(owner)
            .and_then(|pair| Some((pair.rtp()?, pair.ask(reason)?)));
        let Some((file, tally)) = asked else {
            return;
        };
        let set = option(file, SO_MEMINFO, tally.cast(), size_of::<Tally>());
        let get = getting(set).user_data(encode(Request::Tally, Flow::Rtp, owner));
        self.lane(Flow::Rtp).push(get);
    }
}

/// Sets an option of the socket level; the value must be left alone until the entry was submitted.
fn option(file: u32, name: i32, value: *const u8, bytes: usize) -> Entry {
    let (level, name) = (libc::SOL_SOCKET.unsigned_abs(), name.unsigned_abs());
    let bytes = u32::try_from(bytes).unwrap_or(0);
    opcode::SetSockOpt::new(Fixed(file), level, name, value.cast(), bytes).build()
}

/// Makes of an entry that sets an option one that gets it, which `io-uring` has no builder for: the
/// two differ in the command only (`cmd_op`, the third word of an entry).
fn getting(mut set: Entry) -> Entry {
    const SOCKET_URING_OP_GETSOCKOPT: u32 = 2;
    const { assert!(size_of::<Entry>() == 64) };
    // SAFETY: an entry is the kernel's 64 bytes of plain numbers, of which this is one, aligned.
    unsafe {
        let command = (&raw mut set).cast::<u32>().add(2);
        command.write(SOCKET_URING_OP_GETSOCKOPT);
    }
    set
}

/// Where the program is in a place: after its head.
const PROGRAM_AT: usize = 16;

/// Not in `libc` yet.
const SO_MEMINFO: i32 = 55;

const _: () = assert!(size_of::<libc::sock_fprog>() <= PROGRAM_AT);
const _: () = assert!(size_of::<Instruction>() == size_of::<libc::sock_filter>());
const _: () = assert!(
    PROGRAM_AT + Screen::INSTRUCTIONS * size_of::<Instruction>() <= SEND_BYTES_MAX,
    "head and program fit into the place of a send"
);
