//! The token: from the environment or a file, never from the command line.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Failure;

/// The token to send.
///
/// # Errors
/// [`Failure::NoToken`], with where it was looked for.
pub(super) fn find(file: Option<&Path>) -> Result<String, Failure> {
    if let Some(file) = file {
        return read(file);
    }
    if let Ok(token) = env::var("ORBIT_TOKEN") {
        return checked(&token, "ORBIT_TOKEN");
    }
    let Some(file) = usual() else {
        return Err(missing(
            "HOME is not set, so there is no ~/.config/orbit/token",
        ));
    };
    read(&file)
}

fn usual() -> Option<PathBuf> {
    let folder = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".config")))?;
    Some(folder.join("orbit/token"))
}

fn read(file: &Path) -> Result<String, Failure> {
    let name = file.display().to_string();
    let text = fs::read_to_string(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => missing(&format!("{name} is not there")),
        _ => missing(&format!("{name}: {error}")),
    })?;
    checked(&text, &name)
}

/// It goes into a header field as it stands, so it must be one visible word (RFC 6750 §2.1).
fn checked(text: &str, place: &str) -> Result<String, Failure> {
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(missing(&format!(
            "{place} has no token: one word on one line"
        )));
    }
    Ok(token.to_owned())
}

fn missing(what: &str) -> Failure {
    Failure::NoToken(format!(
        "no token: {what}; `orbitd token NAME ROLE` makes one: put it into ORBIT_TOKEN or into \
         ~/.config/orbit/token, and the lines for the configuration into that of the server"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_a_file_may_end_with_its_line_and_be_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, "orbit_abc\n").unwrap();
        assert_eq!(find(Some(&file)).unwrap(), "orbit_abc");
        for wrong in ["", "\n", "two words", "a\r\nX-Evil: 1"] {
            fs::write(&file, wrong).unwrap();
            let failure = find(Some(&file)).unwrap_err();
            assert_eq!(failure.exit_code(), 4, "{wrong:?}");
        }
    }

    #[test]
    fn a_file_that_is_missing_is_named_with_what_to_do() {
        let failure = find(Some(Path::new("/nowhere/token"))).unwrap_err();
        let said = failure.to_string();
        assert!(said.contains("/nowhere/token is not there"), "{said}");
        assert!(said.contains("orbitd token"), "{said}");
    }
}
