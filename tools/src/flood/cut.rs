//! Why a run ended ahead of time.

use std::error::Error;

use super::exchange::Interrupted;
use super::scope::ScopeError;

/// Why a run ended ahead of time.
#[derive(Debug)]
pub(super) enum Cut {
    Interrupted,
    /// The server wants audio where the user did not name.
    Scope(ScopeError),
    Failed(Box<dyn Error>),
}

impl From<Interrupted> for Cut {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

impl From<ScopeError> for Cut {
    fn from(error: ScopeError) -> Self {
        Self::Scope(error)
    }
}

impl From<Box<dyn Error>> for Cut {
    fn from(error: Box<dyn Error>) -> Self {
        Self::Failed(error)
    }
}

/// Whether the user ended the run; what else ended it is an error.
pub(super) fn cut_short(played: Result<(), Cut>) -> Result<bool, Box<dyn Error>> {
    match played {
        Ok(()) => Ok(false),
        Err(Cut::Interrupted) => Ok(true),
        Err(Cut::Scope(error)) => Err(error.into()),
        Err(Cut::Failed(error)) => Err(error),
    }
}
