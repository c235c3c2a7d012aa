//! The fixed table of streams: control chooses the place, the generation tells its occupants apart.

use crate::port::Owner;
use crate::stream::Stream;

/// Streams by place.
#[derive(Debug)]
pub struct Table {
    places: Vec<Option<Stream>>,
    occupied: u32,
    /// No place from here on was ever used.
    high_water: u32,
}

/// Why there is no place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoPlace {
    /// Beyond the end of the table.
    Outside,
    /// The very stream is there already.
    Same,
    /// An older occupant was not closed yet.
    Occupied,
    /// A newer occupant is there: the command is stale.
    Stale,
}

impl Table {
    /// A table with this many places.
    #[must_use]
    pub fn new(places: u32) -> Self {
        let mut table = Vec::new();
        table.resize_with(places as usize, || None);
        Self {
            places: table,
            occupied: 0,
            high_water: 0,
        }
    }

    /// How many places are taken.
    #[must_use]
    pub const fn occupied(&self) -> u32 {
        self.occupied
    }

    /// No place from here on was ever used.
    #[must_use]
    pub const fn high_water(&self) -> u32 {
        self.high_water
    }

    /// Whether a stream may be put there.
    ///
    /// # Errors
    /// [`NoPlace`].
    pub fn vacancy(&self, owner: Owner) -> Result<(), NoPlace> {
        match self.places.get(owner.index as usize) {
            None => Err(NoPlace::Outside),
            Some(None) => Ok(()),
            Some(Some(stream)) => {
                let newer = owner.generation.wrapping_sub(stream.owner.generation);
                Err(match newer {
                    0 => NoPlace::Same,
                    1..=HALF => NoPlace::Occupied,
                    _ => NoPlace::Stale,
                })
            }
        }
    }

    /// Puts a stream into its place, which is vacant.
    pub fn insert(&mut self, stream: Stream) {
        assert_eq!(self.vacancy(stream.owner), Ok(()), "the place is taken");
        self.occupied += 1;
        self.high_water = self.high_water.max(stream.owner.index + 1);
        let place = stream.owner.index as usize;
        self.places[place] = Some(stream);
    }

    /// Empties a place.
    pub fn remove(&mut self, owner: Owner) -> Option<Stream> {
        self.get(owner)?;
        self.occupied -= 1;
        self.places[owner.index as usize].take()
    }

    /// The stream, if this occupant is still there.
    pub fn get(&mut self, owner: Owner) -> Option<&mut Stream> {
        let stream = self.places.get_mut(owner.index as usize)?.as_mut()?;
        (stream.owner.generation == owner.generation).then_some(stream)
    }

    /// Whoever is at a place.
    pub fn at(&mut self, index: u32) -> Option<&mut Stream> {
        self.places.get_mut(index as usize)?.as_mut()
    }
}

/// Generations wrap: one that is less than half the circle ahead is newer.
const HALF: u32 = u32::MAX / 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::output::Output;

    fn stream(index: u32, generation: u32) -> Stream {
        let owner = Owner { index, generation };
        Stream::new(owner, Output::new(0, 0, 0), [0; 12], shared::Time::ZERO)
    }

    #[test]
    fn a_place_tells_newer_occupants_from_older_ones() {
        let mut table = Table::new(2);
        table.insert(stream(1, u32::MAX));
        let ask = |generation| {
            table.vacancy(Owner {
                index: 1,
                generation,
            })
        };
        assert_eq!(ask(u32::MAX), Err(NoPlace::Same));
        assert_eq!(ask(0), Err(NoPlace::Occupied), "the generation wrapped");
        assert_eq!(ask(u32::MAX - 1), Err(NoPlace::Stale));
        let outside = Owner {
            index: 2,
            generation: 0,
        };
        assert_eq!(table.vacancy(outside), Err(NoPlace::Outside));
    }

    proptest! {
        /// Against a map: whoever was removed or replaced is never found again.
        #[test]
        fn behaves_as_a_map(
            steps in proptest::collection::vec((any::<bool>(), 0u32..4, 0u32..3), 0..100),
        ) {
            let mut table = Table::new(4);
            let mut model = std::collections::BTreeMap::new();
            for (insert, index, generation) in steps {
                let owner = Owner { index, generation };
                if insert && !model.contains_key(&index) {
                    table.insert(stream(index, generation));
                    model.insert(index, generation);
                } else if !insert {
                    let there = model.get(&index) == Some(&generation);
                    prop_assert_eq!(table.remove(owner).is_some(), there);
                    if there {
                        model.remove(&index);
                    }
                }
                prop_assert_eq!(table.occupied() as usize, model.len());
                prop_assert_eq!(table.get(owner).is_some(), model.get(&index) == Some(&generation));
            }
        }
    }
}
