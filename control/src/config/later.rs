//! Tables of what is not built yet: their shape is checked, so that a file that is right today is
//! right tomorrow, and a warning says that they have no effect.

use super::ConfigError;
use super::nearest::nearest;
use super::table::{NAME_RULE, Table, is_name};

pub(super) fn check(root: &Table<'_>, warnings: &mut Vec<String>) -> Result<(), ConfigError> {
    let announcements = root.tables("announcement")?;
    let mut names = Vec::with_capacity(announcements.len());
    for table in &announcements {
        let name = announcement(table)?;
        if names.contains(&name) {
            let what = "another announcement has it; write a name of its own";
            return Err(table.wrong("name", what));
        }
        names.push(name);
        warnings.push(without_effect(table, "announcements are"));
    }
    for table in root.tables("unassigned")? {
        unassigned(&table, &names)?;
        warnings.push(without_effect(&table, "unassigned numbers are"));
    }
    Ok(())
}

fn without_effect(table: &Table<'_>, what: &str) -> String {
    table
        .wrong_itself(&format!("{what} not built in this version; without effect"))
        .message
}

fn announcement<'a>(table: &Table<'a>) -> Result<&'a str, ConfigError> {
    table.knows(&["name", "audio", "text", "language", "target"])?;
    let name = table.required("name", NAME_RULE)?;
    if !is_name(name) {
        return Err(table.wrong("name", &format!("not a name; {NAME_RULE}")));
    }
    let audio = table.text("audio", "write the path of a sound file")?;
    let text = table.text("text", "write what shall be said")?;
    let language = table.text("language", "write a language such as \"en-GB\"")?;
    table.sip_uri("target")?;
    match (audio, text, language) {
        (Some(_), Some(_), _) => Err(table.wrong("text", "audio is there too; strike one of them")),
        (None, None, _) => Err(table.wrong_itself("nothing to play; write audio or text")),
        (Some(_), None, Some(_)) => {
            Err(table.wrong("language", "only a text has one; strike it, or write text"))
        }
        (_, Some(_), None) => {
            Err(table.wrong("language", "missing; write the text's, such as \"en-GB\""))
        }
        _ => Ok(name),
    }
}

fn unassigned(table: &Table<'_>, announcements: &[&str]) -> Result<(), ConfigError> {
    table.knows(&["name", "start", "end", "announcement", "priority"])?;
    table.required("name", NAME_RULE)?;
    let start = number(table, "start")?;
    let end = number(table, "end")?;
    if start.0 != end.0 || start.1.len() != end.1.len() {
        return Err(table.wrong("end", "not of the form of start; write as many digits"));
    }
    if end.1 < start.1 {
        return Err(table.wrong("end", "before start; write a higher number"));
    }
    let name = table.required("announcement", "write the name of an [[announcement]]")?;
    if !announcements.contains(&name) {
        let meant = nearest(name, announcements).map(|meant| format!("did you mean {meant}?"));
        let what = meant.unwrap_or_else(|| "write an [[announcement]] of this name".to_owned());
        return Err(table.wrong("announcement", &format!("no such announcement; {what}")));
    }
    table.number::<u16>("priority", &(0..=1_000))?;
    Ok(())
}

/// Whether there is a `+`, and the digits.
fn number<'a>(table: &Table<'a>, key: &str) -> Result<(bool, &'a str), ConfigError> {
    let rule = "write a number such as \"+33140000000\"";
    let text = table.required(key, rule)?;
    let digits = text.strip_prefix('+').unwrap_or(text);
    if !(1..=15).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(table.wrong(key, &format!("not a number; {rule}")));
    }
    Ok((digits.len() < text.len(), digits))
}
