//! Orbits and who is parked under them.
