//! `[store]`: where calls are kept beyond the process.

use std::path::{Path, PathBuf};

use super::ConfigError;
use super::table::Table;

/// `[store]`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Store {
    /// The file; `None` when calls are kept in memory only.
    pub path: Option<PathBuf>,
    /// What SIGTERM does with the calls.
    pub on_terminate: OnTerminate,
}

/// What SIGTERM does with the calls of a server that has a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnTerminate {
    /// They stay as they are, for the next start to take up.
    #[default]
    Keep,
    /// Each is ended with BYE.
    End,
    /// No more are taken, and those that are there run to their end, for `[node] drain_limit` at
    /// most; what is left then stays for the next start, or is ended where nothing is kept.
    Drain,
}

impl Store {
    /// Where recordings are that were uploaded: a folder beside the file, named after it.
    #[must_use]
    pub fn recordings(&self) -> Option<PathBuf> {
        let mut name = self.path.as_ref()?.as_os_str().to_owned();
        name.push(".music");
        Some(name.into())
    }

    pub(super) fn read(
        root: &Table<'_>,
        folder: &Path,
        warnings: &mut Vec<String>,
    ) -> Result<Self, ConfigError> {
        let Some(table) = root.table("store")? else {
            return Ok(Self::default());
        };
        table.knows(&["path", "url", "on_terminate"])?;
        let path = table.text("path", "write the path of a file")?;
        if path == Some("") {
            return Err(table.wrong("path", "empty; write the path of a file"));
        }
        url(&table, path.is_some(), warnings)?;
        Ok(Self {
            path: path.map(|path| folder.join(path)),
            on_terminate: on_terminate(&table)?,
        })
    }
}

fn on_terminate(table: &Table<'_>) -> Result<OnTerminate, ConfigError> {
    let rule = "write \"keep\", \"end\" or \"drain\"";
    match table.text("on_terminate", rule)? {
        None => Ok(OnTerminate::default()),
        Some("keep") => Ok(OnTerminate::Keep),
        Some("end") => Ok(OnTerminate::End),
        Some("drain") => Ok(OnTerminate::Drain),
        Some(_) => Err(table.wrong("on_terminate", rule)),
    }
}

/// The shared store of a cluster.
fn url(table: &Table<'_>, has_path: bool, warnings: &mut Vec<String>) -> Result<(), ConfigError> {
    let rule = "write a URL such as \"redis://127.0.0.1:6379\"";
    let Some(url) = table.text("url", rule)? else {
        return Ok(());
    };
    if has_path {
        return Err(table.wrong("url", "path is there too; strike one of them"));
    }
    if !url.starts_with("redis://") && !url.starts_with("rediss://") {
        return Err(table.wrong("url", &format!("not a store; {rule}")));
    }
    let what = "a shared store is not built in this version; without effect";
    warnings.push(table.wrong("url", what).message);
    Ok(())
}
