//! The doorbell of the event queues: workers ring it, the reactor sleeps on it.

use std::sync::Arc;

use shared::Wake;
use tokio::sync::Notify;

/// What a worker rings to wake the driver. Cheap to clone; all clones are one bell.
#[derive(Debug, Clone, Default)]
pub struct Bell {
    notify: Arc<Ring>,
}

#[derive(Debug, Default)]
struct Ring(Notify);

impl Bell {
    /// A silent bell.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// For the event queues of the workers.
    #[must_use]
    pub fn wake(&self) -> Arc<dyn Wake> {
        Arc::clone(&self.notify) as Arc<dyn Wake>
    }

    /// Returns once it was rung since the last return; rings while nobody waits are not lost.
    pub(super) async fn rung(&self) {
        self.notify.0.notified().await;
    }
}

impl Wake for Ring {
    fn wake(&self) {
        self.0.notify_one();
    }
}
