//! What this kernel and this process allow, found out at start. Every refusal names its remedy.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use io_uring::types::{Fd, SubmitArgs, Timespec};
use io_uring::{EnterFlags, IoUring, Probe, opcode};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use shared::Form;

use super::outlet::Refusal;
use crate::Kernel;

/// How a ring is used here; less on older kernels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Features {
    /// How completions are delivered.
    pub(crate) setup: Setup,
    /// How packets are sent.
    pub(crate) form: Form,
    /// Why not as was asked for.
    pub(crate) refused: Option<(Form, Refusal)>,
    /// Socket options are set through the ring (Linux 6.7); else once, when a socket is made.
    pub(crate) socket_options: bool,
    /// Sockets are created and bound through the ring (Linux 6.11); else by system calls.
    pub(crate) ring_sockets: bool,
    /// Deadlines are absolute (Linux 6.12); else the time until them.
    pub(crate) absolute_deadlines: bool,
}

/// How a ring was set up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Setup {
    /// `SINGLE_ISSUER` and `DEFER_TASKRUN` (Linux 6.1).
    Deferred,
    /// `COOP_TASKRUN` (Linux 5.19).
    Cooperative,
}

impl Features {
    /// What the kernel of a ring has, as far as `kernel` goes.
    ///
    /// # Errors
    /// EINVAL if that is too little; others of the kernel.
    pub(super) fn of(
        io: &mut IoUring,
        setup: Setup,
        kernel: Kernel,
        form: Form,
    ) -> io::Result<Self> {
        let mut probe = Probe::new();
        io.submitter().register_probe(&mut probe)?;
        // It came with the same kernel as multishot receives with addresses.
        if !probe.is_supported(opcode::SendZc::CODE) {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        let socket_options = kernel >= Kernel::V6_7 && has_socket_options(io)?;
        let has_ring_sockets =
            probe.is_supported(opcode::Bind::CODE) && io.params().is_feature_linked_file();
        Ok(Self {
            setup,
            form,
            refused: None,
            socket_options,
            ring_sockets: kernel >= Kernel::V6_11 && socket_options && has_ring_sockets,
            absolute_deadlines: kernel >= Kernel::Newest && has_absolute_deadlines(io),
        })
    }

    /// Sockets are connected once their peer is certain.
    pub(super) fn connects(&self) -> bool {
        self.form != Form::Addressed
    }

    /// The form asked for is not to be had.
    pub(super) fn sends_otherwise(&mut self, refusal: Refusal) {
        self.refused = Some((self.form, refusal));
        self.form = Form::Socket;
    }
}

/// A ring of the best kind this kernel has, as far as `kernel` goes.
pub(super) fn ring(
    kernel: Kernel,
    submissions: u32,
    completions: u32,
) -> io::Result<(IoUring, Setup)> {
    if kernel < Kernel::V6_1 {
        return cooperative(submissions, completions);
    }
    let deferred = IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_submit_all()
        .setup_clamp()
        .setup_cqsize(completions)
        .build(submissions);
    match deferred {
        Ok(ring) => Ok((ring, Setup::Deferred)),
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            cooperative(submissions, completions)
        }
        Err(error) => Err(error),
    }
}

fn cooperative(submissions: u32, completions: u32) -> io::Result<(IoUring, Setup)> {
    let ring = IoUring::builder()
        .setup_coop_taskrun()
        .setup_submit_all()
        .setup_clamp()
        .setup_cqsize(completions)
        .build(submissions)?;
    Ok((ring, Setup::Cooperative))
}

/// Whether a socket option can be set through the ring: tried on a socket of no further use.
fn has_socket_options(io: &mut IoUring) -> io::Result<bool> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
    let (family, kind) = (AddressFamily::INET, SocketType::DGRAM);
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    let value: i32 = 0;
    let (level, name) = (libc::IPPROTO_IP.unsigned_abs(), libc::IP_TOS.unsigned_abs());
    let (fd, value) = (Fd(socket.as_raw_fd()), (&raw const value).cast());
    let set = opcode::SetSockOpt::new(fd, level, name, value, 4).build();
    // SAFETY: the value lives until the completion has come.
    let pushed = unsafe { io.submission().push(&set) };
    if pushed.is_err() {
        return Ok(false);
    }
    io.submit_and_wait(1)?;
    Ok(io
        .completion()
        .next()
        .is_some_and(|entry| entry.result() >= 0))
}

/// Asks for nothing with a deadline long past: a kernel that does not know the flag refuses it.
fn has_absolute_deadlines(io: &IoUring) -> bool {
    let flags = EnterFlags::GETEVENTS | EnterFlags::EXT_ARG | EnterFlags::ABS_TIMER;
    let past = Timespec::new();
    let arguments = SubmitArgs::new().timespec(&past);
    // SAFETY: the argument is what EXT_ARG announces, and it lives until the call returns.
    let entered = unsafe { io.submitter().enter(0, 1, flags.bits(), Some(&arguments)) };
    entered.is_err_and(|error| error.raw_os_error() == Some(libc::ETIME))
}

/// Warns of socket buffers that a worker delayed by a second or two would overflow.
pub(crate) fn warn_of_small_buffers(socket: &UdpSocket) {
    use rustix::net::sockopt::{socket_recv_buffer_size, socket_send_buffer_size};
    for (key, size) in [
        ("net.core.rmem_default", socket_recv_buffer_size(socket)),
        ("net.core.wmem_default", socket_send_buffer_size(socket)),
    ] {
        if let Ok(size) = size
            && size < BUFFER_BYTES_MIN
        {
            tracing::warn!("{}", small_buffer(key, size));
        }
    }
}

fn small_buffer(key: &str, size: usize) -> String {
    format!(
        "{key} is {size}, so that a socket holds few packets while the machine is busy: set it to \
         212992, the kernel's own default"
    )
}

/// Room for a stream's packets of two seconds, which take up 768 bytes each in the kernel.
const BUFFER_BYTES_MIN: usize = 100 * 768;

/// Raises the soft limit of open files to the hard one and gives it: it caps a ring's descriptor
/// table.
#[must_use]
pub(crate) fn raise_descriptor_limit() -> u32 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    current.map_or(u32::MAX, |current| {
        u32::try_from(current).unwrap_or(u32::MAX)
    })
}

/// What to do about a ring that cannot be made.
#[must_use]
pub(crate) fn remedy(error: &io::Error) -> String {
    let remedy = match error.raw_os_error() {
        Some(libc::ENOSYS) => "this kernel has no io_uring: run Linux 6.1 or newer",
        Some(libc::EINVAL) => "this kernel's io_uring is too old: run Linux 6.1 or newer",
        Some(libc::EPERM | libc::EACCES) => {
            "set kernel.io_uring_disabled=0, or allow io_uring_setup, io_uring_enter and \
             io_uring_register in the container's seccomp profile"
        }
        Some(libc::ENOMEM) => "raise RLIMIT_MEMLOCK (ulimit -l)",
        Some(libc::EMFILE | libc::ENFILE) => "raise RLIMIT_NOFILE (ulimit -n)",
        _ => "the kernel log may say why",
    };
    format!("io_uring is refused ({error}): {remedy}")
}

impl std::fmt::Display for Features {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.setup {
            Setup::Deferred => "deferred completions",
            Setup::Cooperative => "cooperative completions (deferred ones need Linux 6.1)",
        })?;
        if !self.socket_options {
            f.write_str(", fixed socket options (those set later need Linux 6.7)")?;
        }
        f.write_str(if self.ring_sockets {
            ", direct sockets"
        } else {
            ", registered sockets (direct ones need Linux 6.11)"
        })?;
        f.write_str(if self.absolute_deadlines {
            ", absolute deadlines"
        } else {
            ", relative deadlines (absolute ones need Linux 6.12)"
        })?;
        match (self.form, self.refused) {
            (Form::Socket, None) => Ok(()),
            (Form::Socket, Some((wanted, refusal))) => {
                write!(f, ", no {} sends: {refusal}", wanted.name())
            }
            (Form::Addressed, _) => f.write_str(", addressed sends (ORBIT_SEND)"),
            (form, _) => write!(f, ", {} sends", form.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_names_its_remedy() {
        let message = |number| remedy(&io::Error::from_raw_os_error(number));
        assert!(message(libc::EPERM).contains("kernel.io_uring_disabled=0"));
        assert!(message(libc::ENOSYS).contains("Linux 6.1"));
        assert!(message(libc::ENOMEM).contains("RLIMIT_MEMLOCK"));
        assert!(message(libc::EMFILE).contains("RLIMIT_NOFILE"));
        let small = small_buffer("net.core.rmem_default", 4_096);
        assert!(small.contains("rmem_default is 4096") && small.contains("set it to"));
    }
}
