//! In which form packets are handed to the kernel.

/// A form of sending.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Form {
    /// Without an address, on the stream's own socket, connected once its peer is certain.
    #[default]
    Socket,
    /// With an address each, on sockets that are never connected: to be measured against.
    Addressed,
    /// As whole IP packets, on raw sockets that all streams of a worker share: routed and filtered
    /// by the kernel, but past UDP.
    Raw,
    /// As whole Ethernet frames, on packet sockets that all streams of a worker share: past routing
    /// and netfilter, too, wherever the way to the peer is known.
    Packet,
}

impl Form {
    /// All there are, in the order in which they are named to people.
    pub const ALL: [Self; 4] = [Self::Socket, Self::Raw, Self::Packet, Self::Addressed];

    /// What it is called in a configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Addressed => "addressed",
            Self::Raw => "raw",
            Self::Packet => "packet",
        }
    }
}

/// A name that no form has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownForm(String);

impl std::str::FromStr for Form {
    type Err = UnknownForm;

    fn from_str(name: &str) -> Result<Self, UnknownForm> {
        let form = Self::ALL.into_iter().find(|form| form.name() == name);
        form.ok_or_else(|| UnknownForm(name.to_owned()))
    }
}

impl std::fmt::Display for UnknownForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = Form::ALL.map(Form::name).join(", ");
        write!(f, "{}: unknown; write one of {known}", self.0)
    }
}

impl std::error::Error for UnknownForm {}
