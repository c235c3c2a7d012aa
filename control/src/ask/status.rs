//! Whether calls are taken, and figures.

use crate::call::Phase;
use crate::control::ControlStatus;

/// How the whole stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StatusView {
    /// Whether new calls are taken.
    pub is_serving: bool,
    /// Figures of the moment.
    pub figures: ControlStatus,
}

impl StatusView {
    pub(super) fn new(phase: Phase, figures: ControlStatus) -> Self {
        Self {
            is_serving: phase == Phase::Serving,
            figures,
        }
    }
}
