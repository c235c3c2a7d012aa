//! The operator's configuration: TOML into types that cannot be wrong, or one message that names
//! file, line, key, what is wrong and what would be right.
//!
//! One file for each table of the configuration; `table` is how they read, `source` is where in
//! the file things stand and how a message is worded.
//!
//! Absent on purpose: opening what it names (music files are opened by whoever plays them;
//! [`Config::problem`] words the message).

mod api;
mod cdr;
mod codes;
mod document;
mod duration;
mod forsaken;
mod later;
pub mod limits;
mod media;
mod media_path;
mod music;
mod nearest;
mod node;
mod notify;
mod numbers;
mod orbit_range;
mod overlay;
mod park;
mod party;
mod pin;
mod policy;
mod recording;
mod refer_to;
mod reserved;
mod settings;
mod sip;
mod site;
mod source;
mod speech;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod who;

use std::collections::BTreeMap;
use std::path::Path;

pub use api::{Api, Certificate, Role, Token};
pub use cdr::CdrConfig;
pub use codes::Codes;
pub use document::Document;
pub use forsaken::WhenAllFail;
pub use media::Media;
pub use media_path::MediaPath;
pub use music::Music;
pub use node::Node;
pub use notify::NotifyParker;
pub use numbers::Numbers;
pub use orbit_range::{Allocation, Empty, OrbitRange};
pub use overlay::{Definition, ObjectKind, ObjectName, Overlay};
pub use park::Park;
pub use party::{Kind, PartyRules};
pub use pin::Pin;
pub use policy::{Policy, Scope};
pub use recording::RecordingName;
pub use refer_to::ReferTo;
pub use reserved::{RangeKind, Reserved};
pub use settings::{Overrides, Settings};
pub use sip::Sip;
pub use site::Site;
pub use source::{ConfigError, Source};
pub use speech::{LANGUAGES, Speech, Word};
pub use store::{OnTerminate, Store};
pub use who::Who;

use source::text_of;
use table::Table;
use toml::de::DeTable;

/// A checked configuration. Every key has a default: `Config::default()` is an empty file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// `[node]`
    pub node: Node,
    /// `[sip]`
    pub sip: Sip,
    /// `[media]`
    pub media: Media,
    /// `[music.NAME]`, by name; always has `default`.
    pub music: BTreeMap<String, Music>,
    /// `[park]`
    pub park: Park,
    /// `park_code` and `retrieve_code` of `[park]`
    pub codes: Codes,
    /// `[[policy]]`, in the order of the file; none: everybody may do everything.
    pub policies: Vec<Policy>,
    /// `[party]`
    pub party: PartyRules,
    /// `refer_to` of `[park]`
    pub refer_to: ReferTo,
    /// The ranges of `[[orbit_range]]` to park in here, by prefix and start; never overlapping.
    pub orbit_ranges: Vec<OrbitRange>,
    /// The others of `[[orbit_range]]`: what is not for parking, or of another node.
    pub reserved: Vec<Reserved>,
    /// `[store]`
    pub store: Store,
    /// `[api]`; none without the table.
    pub api: Option<Api>,
    /// `[cdr]`
    pub cdr: CdrConfig,
    /// What is right, but will not do what its author may hope for: one line each, for the log.
    pub warnings: Vec<String>,
    /// Where in the file each key stands, for [`Config::problem`].
    pub source: Source,
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ConfigError`] with the first thing that is wrong.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = text_of(path)?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        Self::parse(&text, &path.display().to_string(), folder)
    }

    /// Checks a text; `name` stands for the file in messages; relative paths are relative to
    /// `folder`.
    ///
    /// # Errors
    /// [`ConfigError`] with the first thing that is wrong.
    pub fn parse(text: &str, name: &str, folder: &Path) -> Result<Self, ConfigError> {
        let document = source::parse(text, name)?;
        let source = Source::new(text, name, folder, document.get_ref());
        Self::read(document.get_ref(), source, folder)
    }

    /// The same with what was changed while the server ran: each object there takes the place of
    /// the file's of its name, or takes it away. What cannot be changed while the server runs is
    /// as it is here.
    ///
    /// # Errors
    /// [`ConfigError`] with the first thing that is wrong: the rules are those of the file.
    pub fn overlaid(&self, overlay: &Overlay) -> Result<Self, ConfigError> {
        let document = self.document(overlay);
        if document.has_no_range() {
            let what = "no range is left to park in; add another one first";
            return Err(self.problem(&["orbit_range"], what));
        }
        let text = document.text();
        let document = source::parse(&text, "the configuration as changed")?;
        let source = self.source.laid_over(&text, document.get_ref());
        let changed = Self::read(document.get_ref(), source, self.source.folder())?;
        Ok(Self {
            node: self.node.clone(),
            sip: self.sip.clone(),
            media: self.media.clone(),
            store: self.store.clone(),
            api: self.api.clone(),
            cdr: self.cdr.clone(),
            ..changed
        })
    }

    /// Another text in the place of the file, in its folder.
    ///
    /// # Errors
    /// [`ConfigError`] with the first thing that is wrong.
    pub fn with_text(&self, text: &str, name: &str) -> Result<Self, ConfigError> {
        Self::parse(text, name, self.source.folder())
    }

    /// What the file says, with what was changed while the server ran.
    #[must_use]
    pub fn document(&self, overlay: &Overlay) -> Document {
        Document::new(self.source.text(), overlay)
    }

    fn read(root: &DeTable<'_>, source: Source, folder: &Path) -> Result<Self, ConfigError> {
        let mut warnings = Vec::new();
        let root = Table::root(root, &source);
        root.knows(&[
            "node",
            "sip",
            "media",
            "music",
            "park",
            "orbit_range",
            "policy",
            "party",
            "announcement",
            "unassigned",
            "api",
            "store",
            "cdr",
        ])?;
        let node = Node::read(&root)?;
        let sip = Sip::read(&root)?;
        let media = Media::read(&root, &mut warnings)?;
        let store = Store::read(&root, folder, &mut warnings)?;
        let music = music::read(&root, folder, &store)?;
        let ranges = orbit_range::read(&root, &node, &music, &mut warnings)?;
        let park = Park::read(&root, &music, &ranges.all, folder)?;
        park.warn_of_emergency(&root, &ranges.all, &mut warnings);
        let policies = policy::read(&root, &park.sites)?;
        let party = PartyRules::read(&root)?;
        orbit_range::check_names(&root, &park, &policies)?;
        let codes = Codes::read(&root, &ranges.all, &mut warnings)?;
        let (orbit_ranges, reserved) = (ranges.parking, ranges.reserved);
        let refer_to = ReferTo::read(&root, &sip)?;
        later::check(&root, &mut warnings)?;
        let api = Api::read(&root, folder, &mut warnings)?;
        let cdr = CdrConfig::read(&root, folder)?;
        media.warn_of_loopback(&sip, &root, &mut warnings);
        forsaken::warn_of_fallbacks(&sip, &root, &mut warnings)?;
        Ok(Self {
            node,
            sip,
            media,
            music,
            park,
            policies,
            party,
            codes,
            refer_to,
            orbit_ranges,
            reserved,
            store,
            api,
            cdr,
            warnings,
            source,
        })
    }

    /// Words a problem that was found later with the value of a key, such as
    /// `["music", "default", "file"]`.
    #[must_use]
    pub fn problem(&self, key: &[&str], what: &str) -> ConfigError {
        self.source.problem(key, what)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            node: Node::default(),
            sip: Sip::default(),
            media: Media::default(),
            music: BTreeMap::from([(music::DEFAULT.to_owned(), Music::default())]),
            park: Park::default(),
            codes: Codes::default(),
            policies: Vec::new(),
            party: PartyRules::default(),
            refer_to: ReferTo::of(&Sip::default()),
            orbit_ranges: vec![OrbitRange::default()],
            reserved: Vec::new(),
            store: Store::default(),
            api: None,
            cdr: CdrConfig::default(),
            warnings: Vec::new(),
            source: Source::default(),
        }
    }
}
