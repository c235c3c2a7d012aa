//! The one place of control with sockets, a clock and randomness: it feeds [`crate::Control`] and does what it says.

use std::sync::Arc;

use shared::Wake;

/// What a worker rings to wake the driver.
#[derive(Debug, Clone)]
pub struct Bell {
    _private: (),
}

#[allow(unused_variables, reason = "signatures first")]
impl Bell {
    /// A silent bell.
    #[must_use]
    pub fn new() -> Self {
        unimplemented!()
    }

    /// For the event queues of the workers.
    #[must_use]
    pub fn wake(&self) -> Arc<dyn Wake> {
        unimplemented!()
    }
}

impl Default for Bell {
    fn default() -> Self {
        Self::new()
    }
}
