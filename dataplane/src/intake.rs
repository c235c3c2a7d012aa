//! Which datagrams a stream's RTP socket shall let in, as far as the kernel can tell: from one
//! address once that is certain, and without speech that nobody listens to.
//!
//! Absent on purpose: how the kernel is told (`uring`). What it lets in is judged all the same.

use shared::Latch;

use crate::address::Address;
use crate::latch::Lock;
use crate::terms::Terms;

/// What a socket lets in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Intake {
    /// The only source; `None`: any.
    pub from: Option<Address>,
    /// What of it is left out; only with a source.
    pub without: Option<Screen>,
}

/// RTP of one payload type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Screen {
    payload_type: u8,
}

/// One instruction of a socket filter (classic BPF).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// How many instructions to skip if a comparison holds.
    pub holds: u8,
    /// And if it does not.
    pub fails: u8,
    /// The operand.
    pub operand: u32,
}

impl Intake {
    /// What a stream needs to hear.
    #[must_use]
    pub fn of(terms: &Terms, lock: &Lock) -> Self {
        // While nobody listens, a signalled address needs no confirmation by a packet. While
        // somebody does, strangers are let in as long as the peer is silent: to be counted.
        let from = lock.source().or_else(|| {
            let certain = terms.latch == Latch::Closed && !terms.receive;
            (certain && terms.remote.is_known()).then_some(terms.remote)
        });
        let screened = from.is_some() && !terms.receive && !terms.supervise;
        let speech = Screen {
            payload_type: terms.receive_payload_type.number(),
        };
        Self {
            from,
            without: (screened && !speech.hits_rtcp()).then_some(speech),
        }
    }
}

impl Screen {
    /// Instructions of [`Screen::program`].
    pub const INSTRUCTIONS: usize = 10;

    /// The filter: it sees the UDP header and what follows. Reading beyond the end would drop the
    /// datagram, hence its length first.
    #[must_use]
    pub const fn program(self) -> [Instruction; Self::INSTRUCTIONS] {
        [
            step(LOAD_LENGTH, 0),
            branch(AT_LEAST, UDP_HEADER_BYTES + 2, 0, 7),
            step(LOAD_OCTET, UDP_HEADER_BYTES),
            step(AND, 0xc0),
            branch(EQUALS, VERSION, 0, 4),
            step(LOAD_OCTET, UDP_HEADER_BYTES + 1),
            step(AND, 0x7f),
            branch(EQUALS, self.payload_type as u32, 0, 1),
            step(RETURN, 0),
            step(RETURN, u32::MAX),
        ]
    }

    /// Whether RTCP on the same port would look the same (RFC 5761 §4).
    const fn hits_rtcp(self) -> bool {
        self.payload_type >= 64 && self.payload_type < 96
    }
}

const fn step(code: u16, operand: u32) -> Instruction {
    branch(code, operand, 0, 0)
}

const fn branch(code: u16, operand: u32, holds: u8, fails: u8) -> Instruction {
    Instruction {
        code,
        holds,
        fails,
        operand,
    }
}

/// `BPF_LD | BPF_W | BPF_LEN`
const LOAD_LENGTH: u16 = 0x80;
/// `BPF_LD | BPF_B | BPF_ABS`
const LOAD_OCTET: u16 = 0x30;
/// `BPF_ALU | BPF_AND | BPF_K`
const AND: u16 = 0x54;
/// `BPF_JMP | BPF_JEQ | BPF_K`
const EQUALS: u16 = 0x15;
/// `BPF_JMP | BPF_JGE | BPF_K`
const AT_LEAST: u16 = 0x35;
/// `BPF_RET | BPF_K`: how many octets to keep.
const RETURN: u16 = 0x06;

const UDP_HEADER_BYTES: u32 = 8;

/// Version 2 in the first octet of RTP (RFC 3550 §5.1).
const VERSION: u32 = 0x80;
