//! Hash tables that give back what a rush has made them take.

use std::collections::HashMap;
use std::hash::Hash;

/// Below this many places there is nothing to give back.
const PLACES_MIN: usize = 64;

/// Call after a removal. A table that is nearly empty is cut to twice its contents: each place is
/// moved at most as often as it was filled.
pub(crate) fn give_back<K: Eq + Hash, V>(table: &mut HashMap<K, V>) {
    if table.capacity() > PLACES_MIN && table.len() < table.capacity() / 8 {
        table.shrink_to(2 * table.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_small_again_after_a_rush() {
        let mut table: HashMap<u32, u32> = (0..10_000).map(|key| (key, key)).collect();
        for key in 0..9_990 {
            table.remove(&key);
            give_back(&mut table);
        }
        assert_eq!(table.len(), 10);
        assert!(table.capacity() < 2 * PLACES_MIN, "{}", table.capacity());
    }
}
