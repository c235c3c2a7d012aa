//! Calls: the legs we join.
