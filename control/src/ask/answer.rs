//! Which answer a question has.

use crate::call::Exchange;
use crate::control::ControlStatus;

use super::{Answer, Ask, AskError, StatusView};

impl Exchange {
    /// Answers a question; `figures` are those of the moment.
    pub(crate) fn answer(&self, ask: &Ask, figures: ControlStatus) -> Result<Answer, AskError> {
        match ask {
            Ask::Orbits(ask) => self.orbit_page(ask).map(Answer::Orbits),
            Ask::Orbit(number) => self
                .orbit_named(number)
                .map(|view| Answer::Orbit(Box::new(view))),
            Ask::Ranges => Ok(Answer::Ranges(self.range_views())),
            Ask::Status => Ok(Answer::Status(StatusView::new(self.phase, figures))),
        }
    }
}
