//! Why `orbitctl` has not done what it was asked, and what would help.

use control::driver::http::Problem;

/// Each kind has an exit code of its own, for scripts.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The server says no.
    #[error("{}", said(.0))]
    Refused(Problem),
    /// The server does not know the token, or it is not enough.
    #[error("{}", said(.0))]
    Token(Problem),
    /// There is no token to send, or it is not one.
    #[error("{0}")]
    NoToken(String),
    /// The address of the server is none.
    #[error("{0}")]
    Address(String),
    /// The command line asks for what cannot be.
    #[error("{0}")]
    Argument(String),
    /// Nobody answers, or not as orbitd does.
    #[error("{what}; {remedy}")]
    Unreachable {
        /// What was found.
        what: String,
        /// What would help.
        remedy: &'static str,
    },
    /// The phone that was called does not have the call.
    #[error("not connected: {}", super::cell::printable(.0))]
    NotConnected(String),
    /// A capture ended since the server could not write it.
    #[error("the capture has ended early: {}", super::cell::printable(.0))]
    CutShort(String),
    /// The answer could not be written.
    #[error("the answer cannot be written: {0}")]
    Output(#[from] std::io::Error),
}

impl Failure {
    /// For scripts.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::NotConnected(_) | Self::CutShort(_) | Self::Output(_) => 1,
            Self::Address(_) | Self::Argument(_) => 2,
            Self::Unreachable { .. } => 3,
            Self::Token(_) | Self::NoToken(_) => 4,
        }
    }
}

fn said(problem: &Problem) -> String {
    let (title, detail) = (&problem.title, &problem.detail);
    super::cell::printable(&format!("{title}: {detail}"))
}
