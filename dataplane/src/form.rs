//! Which form of sending is used: what is configured, or what the environment says to measure
//! another (`benches/README.md`).

use shared::Form;

use crate::StartError;

/// The variable of the environment that names a form.
const VARIABLE: &str = "ORBIT_SEND";

/// What `ORBIT_SEND` says, or else what is configured.
///
/// # Errors
/// [`StartError::Form`] for one that there is not.
pub fn form_from_environment(configured: Form) -> Result<Form, StartError> {
    std::env::var_os(VARIABLE).map_or(Ok(configured), |form| named(&form.to_string_lossy()))
}

fn named(form: &str) -> Result<Form, StartError> {
    form.parse()
        .map_err(|unknown| StartError::Form(format!("{VARIABLE}={unknown}, or unset it")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_there_is_not_is_refused_with_those_there_are() {
        assert_eq!(named("addressed").unwrap(), Form::Addressed);
        let refused = named("cooked").unwrap_err().to_string();
        assert!(
            refused.contains("ORBIT_SEND=cooked: unknown; write one of socket, raw, packet, "),
            "{refused}"
        );
    }
}
