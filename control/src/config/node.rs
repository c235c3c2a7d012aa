//! `[node]`: which server this is.

use super::ConfigError;
use super::table::{NAME_RULE, Table, is_name};

/// `[node]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Unique in a cluster.
    pub id: String,
}

impl Node {
    pub(super) fn read(root: &Table<'_>) -> Result<Self, ConfigError> {
        let mut node = Self::default();
        let Some(table) = root.table("node")? else {
            return Ok(node);
        };
        table.knows(&["id"])?;
        if let Some(id) = table.text("id", NAME_RULE)? {
            if !is_name(id) {
                return Err(table.wrong("id", &format!("not a name; {NAME_RULE}")));
            }
            node.id = id.to_owned();
        }
        Ok(node)
    }
}

impl Default for Node {
    fn default() -> Self {
        Self {
            id: "orbit-1".to_owned(),
        }
    }
}
