//! What this kernel and this process allow, found out at start. Every refusal names its remedy.

use std::io;

use io_uring::{IoUring, Probe, opcode};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How a ring is used here; less on older kernels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Features {
    /// How completions are delivered.
    pub(crate) setup: Setup,
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

/// A ring of the best kind this kernel has.
pub(super) fn ring(submissions: u32, completions: u32) -> io::Result<(IoUring, Setup)> {
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
            let cooperative = IoUring::builder()
                .setup_coop_taskrun()
                .setup_submit_all()
                .setup_clamp()
                .setup_cqsize(completions)
                .build(submissions);
            cooperative.map(|ring| (ring, Setup::Cooperative))
        }
        Err(error) => Err(error),
    }
}

/// Whether sockets can be made through the ring.
pub(super) fn has_ring_sockets(ring: &IoUring) -> bool {
    let mut probe = Probe::new();
    ring.submitter().register_probe(&mut probe).is_ok()
        && probe.is_supported(opcode::Socket::CODE)
        && probe.is_supported(opcode::Bind::CODE)
        && ring.params().is_feature_linked_file()
}

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
        f.write_str(if self.ring_sockets {
            ", direct sockets"
        } else {
            ", registered sockets (direct ones need Linux 6.11)"
        })?;
        f.write_str(if self.absolute_deadlines {
            ", absolute deadlines"
        } else {
            ", relative deadlines (absolute ones need Linux 6.12)"
        })
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
    }
}
