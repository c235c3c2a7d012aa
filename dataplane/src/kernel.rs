//! Which kernel's features may be used: all there are, or, to try what happens on older kernels, no
//! more than those had.
//!
//! Absent on purpose: what this kernel has (`uring::probe`).

use crate::StartError;

/// A kernel that brought something we use.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Kernel {
    /// Multishot receives with addresses.
    V6_0,
    /// Deferred completions: the oldest kernel that is supported.
    V6_1,
    /// Socket options through the ring.
    V6_7,
    /// Sockets bound through the ring.
    V6_11,
    /// Whatever is there.
    #[default]
    Newest,
}

/// The variable of the environment that names an older kernel.
const VARIABLE: &str = "ORBIT_KERNEL";

impl Kernel {
    /// What `ORBIT_KERNEL` says; [`Kernel::Newest`] if it says nothing.
    ///
    /// # Errors
    /// [`StartError::Kernel`] for one that makes no difference.
    pub fn from_environment() -> Result<Self, StartError> {
        std::env::var_os(VARIABLE).map_or(Ok(Self::Newest), |version| {
            Self::named(&version.to_string_lossy())
        })
    }

    fn named(version: &str) -> Result<Self, StartError> {
        match version {
            "6.0" => Ok(Self::V6_0),
            "6.1" => Ok(Self::V6_1),
            "6.7" => Ok(Self::V6_7),
            "6.11" => Ok(Self::V6_11),
            _ => Err(StartError::Kernel(format!(
                "{VARIABLE}={version}: unknown; write 6.0, 6.1, 6.7 or 6.11 to use no more than \
                 that kernel has, or unset it"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_makes_no_difference_is_refused_by_name() {
        assert_eq!(Kernel::named("6.7").unwrap(), Kernel::V6_7);
        let refused = Kernel::named("5.4").unwrap_err().to_string();
        assert!(
            refused.contains("ORBIT_KERNEL=5.4: unknown; write 6.0"),
            "{refused}"
        );
    }
}
