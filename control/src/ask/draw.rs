//! Drawing orbits without parking: to see that they are given out as they should be.

use crate::call::Exchange;

use super::limits::DRAWS_MAX;
use super::{AskError, Draw, Drawn};

impl Exchange {
    /// Gives out and takes back orbits of a copy of the table, so many times.
    pub(super) fn draw(&mut self, ask: &Draw) -> Result<Drawn, AskError> {
        let range = ask.range.as_deref();
        if let Some(name) = range.filter(|name| !self.orbits.has_range(name)) {
            return Err(AskError::NoSuchRange(name.to_owned()));
        }
        let count = ask.count.min(DRAWS_MAX);
        let (free, drawn) = self.orbits.draw(&mut self.random, count, range);
        let drawn = drawn.into_iter();
        Ok(Drawn {
            free,
            orbits: drawn
                .map(|(orbit, times)| (orbit.to_string(), times))
                .collect(),
        })
    }
}
