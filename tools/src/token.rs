//! `orbitd token`: a new token for the API, with the lines that make it known.
//!
//! Absent on purpose: what a token is (`control::driver::http`), and writing into anybody's files.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use clap::Args;
use control::config::{Config, Role};
use control::driver::http::NewToken;

/// Whose.
#[derive(Args, Debug)]
pub struct Options {
    /// Who it is: the name in the audit log.
    name: String,
    /// What it may do: look (viewer), act on calls (operator), change the configuration (admin).
    #[arg(value_parser = role)]
    role: Role,
}

/// Makes a token and says it once.
///
/// # Errors
/// When the name is none, or the operating system has no entropy to give.
pub fn run(options: &Options, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let token = NewToken::make(&options.name, options.role)?;
    let lines = token.lines();
    Config::parse(&lines, "the new token", Path::new(""))?;
    write!(
        out,
        "The token, which is not told again:\n\n    {}\n\nFor the configuration, which has only \
         its hash:\n\n{lines}",
        token.token()
    )?;
    Ok(())
}

fn role(text: &str) -> Result<Role, String> {
    let names = Role::ALL.map(Role::name).join(", ");
    Role::of(text).ok_or_else(|| format!("write one of {names}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str) -> Result<String, String> {
        let options = Options {
            name: name.to_owned(),
            role: Role::Operator,
        };
        let mut out = Vec::new();
        run(&options, &mut out).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_is_printed_belongs_into_the_configuration() {
        let text = made("ann").unwrap();
        let at = text.find("[[api.token]]").unwrap();
        let config = Config::parse(&text[at..], "printed", Path::new("")).unwrap();
        let tokens = config.api.unwrap().tokens;
        assert_eq!((&*tokens[0].name, tokens[0].role), ("ann", Role::Operator));
        assert_ne!(made("ann").unwrap(), text, "each is another");
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        for name in ["ann\"", "ann\\", "ann\nrole", "", "ann lee"] {
            let refusal = made(name).unwrap_err();
            assert!(
                refusal.contains("write letters, digits"),
                "{name:?}: {refusal}"
            );
        }
        assert!(
            role("root")
                .unwrap_err()
                .contains("viewer, operator, admin")
        );
    }
}
