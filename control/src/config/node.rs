//! `[node]`: which server this is.

use std::time::Duration;

use super::ConfigError;
use super::limits::DRAIN_LIMIT;
use super::table::{NAME_RULE, Table, is_name};

/// `[node]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Unique in a cluster.
    pub id: String,
    /// How long a drain may take before the server ends all the same.
    pub drain_limit: Duration,
}

impl Node {
    pub(super) fn read(root: &Table<'_>) -> Result<Self, ConfigError> {
        let mut node = Self::default();
        let Some(table) = root.table("node")? else {
            return Ok(node);
        };
        table.knows(&["id", "drain_limit"])?;
        if let Some(id) = table.text("id", NAME_RULE)? {
            if !is_name(id) {
                return Err(table.wrong("id", &format!("not a name; {NAME_RULE}")));
            }
            node.id = id.to_owned();
        }
        if let Some(limit) = table.duration("drain_limit", &DRAIN_LIMIT)? {
            node.drain_limit = limit;
        }
        Ok(node)
    }
}

impl Default for Node {
    fn default() -> Self {
        Self {
            id: "orbit-1".to_owned(),
            drain_limit: Duration::from_mins(15),
        }
    }
}
