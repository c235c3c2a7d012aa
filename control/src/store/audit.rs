//! What was done over the API, and by whom.

/// One deed, done or refused. No secret is in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditRecord {
    /// Milliseconds since 1970.
    pub at_unix_ms: u64,
    /// By whom: the name of a token.
    pub token: String,
    /// The role of the token.
    pub role: String,
    /// From where: address and port.
    pub peer: Option<String>,
    /// Such as `configure` or `hang-up`.
    pub action: String,
    /// What it was about, such as `range front-desk` or `orbit 701`.
    pub object: String,
    /// What it said before, where it is an object of the configuration.
    pub before: Option<String>,
    /// What it was to say afterwards.
    pub after: Option<String>,
    /// `done`, `taken-back` for what was done for a moment, or the name of the problem.
    pub outcome: String,
}

impl AuditRecord {
    /// The outcome of what was done.
    pub const DONE: &str = "done";
    /// That of what was done for a moment, until a call came between.
    pub const TAKEN_BACK: &str = "taken-back";
}

/// Which deeds. All that is given must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditAsk {
    /// At most so many.
    pub limit: usize,
    /// Those before the one of this number.
    pub before: Option<u64>,
    /// From then on: milliseconds since 1970.
    pub since_unix_ms: Option<u64>,
    /// Until then, and not then.
    pub until_unix_ms: Option<u64>,
    /// Of this token.
    pub token: Option<String>,
    /// About objects like this; `*` stands for any signs, `?` for one.
    pub object: Option<String>,
}

/// Deeds that are kept; the oldest go.
pub const AUDIT_MAX: u64 = 100_000;
