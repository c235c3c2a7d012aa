//! The limits of questions, together.

/// Most orbits of one answer: what the state machine spends on one question at most, so that calls
/// never wait for a page. Who wants more asks for the next page.
pub const ORBITS_PER_PAGE_MAX: usize = 500;

/// Most orbits drawn for one question: some milliseconds.
pub const DRAWS_MAX: usize = 50_000;
