//! `[park.site.NAME]`: settings of a site, and who belongs to it.

use std::collections::BTreeMap;

use super::limits::{PATTERNS_MAX, PICKUP_TIMEOUT, SITES_MAX};
use super::settings::Overrides;
use super::table::{NAME_RULE, Table, is_name};
use super::who::WHO_RULE;
use super::{ConfigError, Music, Who};

/// `[park.site.NAME]`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Site {
    /// Who parks in the ranges of the site, and has its policy.
    pub members: Vec<Who>,
    /// What its ranges have, unless they have their own.
    pub own: Overrides,
}

/// All sites of `[park]`, by name.
pub(super) fn read(
    park: &Table<'_>,
    music: &BTreeMap<String, Music>,
) -> Result<BTreeMap<String, Site>, ConfigError> {
    let mut all = BTreeMap::new();
    let Some(sites) = park.table("site")? else {
        return Ok(all);
    };
    for name in sites.keys() {
        if !is_name(name) {
            return Err(sites.wrong(name, &format!("not a name; {NAME_RULE}")));
        }
        let Some(site) = sites.table(name)? else {
            continue;
        };
        let mut known = vec!["members"];
        known.extend(Overrides::KEYS);
        site.knows(&known)?;
        let own = Overrides::read(&site, music, &PICKUP_TIMEOUT)?;
        let members = site.list("members", WHO_RULE, PATTERNS_MAX)?;
        all.insert(name.to_owned(), Site { members, own });
    }
    if all.len() > SITES_MAX {
        return Err(park.wrong("site", &format!("more than {SITES_MAX}; strike some")));
    }
    Ok(all)
}
