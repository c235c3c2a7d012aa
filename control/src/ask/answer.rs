//! Which answer a question has.

use shared::Time;

use crate::call::Exchange;
use crate::control::ControlStatus;
use crate::park::Orbit;

use super::{Answer, Ask, AskError, StatusView, Which};

impl Exchange {
    /// Does what is asked and answers; `figures` are those of the moment before.
    pub(crate) fn answer(
        &mut self,
        now: Time,
        ask: &Ask,
        figures: ControlStatus,
    ) -> Result<Answer, AskError> {
        match ask {
            Ask::Orbits(ask) => self.orbit_page(ask).map(Answer::Orbits),
            Ask::Orbit(number) => {
                { self.orbit_named(number) }.map(|view| Answer::Orbit(Box::new(view)))
            }
            Ask::HangUp(Which { orbit, call }) => {
                self.hang_up_in(now, orbit, *call)?;
                Ok(Answer::Done)
            }
            Ask::Move { which, to } => {
                let orbit = self.move_call(now, &which.orbit, which.call, to)?;
                Ok(self.shown(orbit))
            }
            Ask::Deliver { which, to } => {
                let orbit = self.deliver_call(now, &which.orbit, which.call, to)?;
                Ok(self.shown(orbit))
            }
            Ask::Park { call, orbit } => {
                let orbit = self.park_call(now, *call, orbit.as_deref())?;
                Ok(self.shown(orbit))
            }
            Ask::Draw(ask) => self.draw(ask).map(Answer::Drawn),
            Ask::Ranges => Ok(Answer::Ranges(self.range_views())),
            Ask::Status => Ok(Answer::Status(StatusView::new(self.phase, figures))),
        }
    }

    fn shown(&self, orbit: Orbit) -> Answer {
        let view = self.orbit_view(orbit, self.orbits.occupant(orbit));
        Answer::Orbit(Box::new(view))
    }
}
