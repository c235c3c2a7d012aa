//! The bounds of the flood tool, together: it shall end by itself, and not take a machine with it.

use std::time::Duration;

use crate::judge::stamp;

/// Calls that one run may place.
pub(super) const CALLS_MAX: u32 = 32_768;

/// Calls that one run may begin in a second.
pub(super) const CALLS_PER_SECOND_MAX: u32 = 5_000;

/// Packets that an attack may send in a second.
pub(super) const ATTACK_PACKETS_PER_SECOND_MAX: u32 = 200_000;

/// Phones that an attack has from its beginning, of each kind.
pub(super) const VICTIMS_MAX: u32 = 256;

/// Times that an attack lets new phones call, and another move: a longer one takes more time
/// between them.
pub(super) const WAVES_MAX: u32 = 600;

/// The longest time that a run may hold its calls, attack or count.
pub(super) const SECONDS_MAX: u32 = 86_400;

/// Sockets for RTP. A call can have one of its own, as phones have, or share it with others.
pub(super) const RTP_SOCKETS_MAX: u32 = 16_384;

/// Threads that receive, and as many that send.
pub(super) const THREADS_MAX: usize = 32;

/// Calls that wait for their answer at a time; more would only wait in the server's socket.
pub(super) const CALLS_UNDER_WAY_MAX: usize = 512;

/// Sources that one thread tells apart; packets of any more are only counted.
pub(super) const SOURCES_MAX: usize = 65_536;

/// The longest datagram that is looked at whole.
pub(super) const DATAGRAM_BYTES: usize = 2_048;

/// Datagrams taken or given with one system call.
pub(super) const BATCH: usize = 64;

/// What a socket may queue, as far as the kernel allows it.
pub(super) const RECEIVE_BUFFER_BYTES: usize = 8 << 20;

/// How long anything that should end may take to.
pub(super) const END_WITHIN: Duration = Duration::from_secs(10);

/// What comes behind the answers of the last calls is not part of what is watched.
pub(super) const SETTLE: Duration = Duration::from_millis(600);

/// Seconds that a report keeps; a longer run keeps every second, third … one.
pub(super) const TIMELINE_MAX: usize = 3_600;

const _: () = assert!(DATAGRAM_BYTES > stamp::BYTES + 12);
const _: () = assert!(SOURCES_MAX >= 2 * CALLS_MAX as usize);
