//! In which form packets are handed to the kernel. The best is the default; the other is there to
//! be measured against it (`benches/README.md`).

use crate::StartError;

/// A form of sending.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Form {
    /// Without an address, on sockets that are connected once their peer is certain.
    #[default]
    Connected,
    /// With an address each, on sockets that are never connected.
    Addressed,
}

/// The variable of the environment that names a form.
const VARIABLE: &str = "ORBIT_SEND";

impl Form {
    /// What `ORBIT_SEND` says; [`Form::Connected`] if it says nothing.
    ///
    /// # Errors
    /// [`StartError::Form`] for one that there is not.
    pub fn from_environment() -> Result<Self, StartError> {
        std::env::var_os(VARIABLE).map_or(Ok(Self::Connected), |form| {
            Self::named(&form.to_string_lossy())
        })
    }

    fn named(form: &str) -> Result<Self, StartError> {
        match form {
            "connected" => Ok(Self::Connected),
            "addressed" => Ok(Self::Addressed),
            _ => Err(StartError::Form(format!(
                "{VARIABLE}={form}: unknown; write connected or addressed, or unset it"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_there_is_not_is_refused_with_those_there_are() {
        assert_eq!(Form::named("addressed").unwrap(), Form::Addressed);
        let refused = Form::named("raw").unwrap_err().to_string();
        assert!(
            refused.contains("ORBIT_SEND=raw: unknown; write connected or addressed"),
            "{refused}"
        );
    }
}
