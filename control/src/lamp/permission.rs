//! What a watcher may know. Everybody who is heard may see who waits; what lets somebody take a
//! call that it could not dial, the tags of its dialog and its token, is for those the operator
//! names.

use std::net::IpAddr;

use crate::call::Exchange;

impl Exchange {
    /// Whether a watcher at this address is told call-id, tags and token.
    pub(super) fn may_see_dialogs(&self, source: IpAddr) -> bool {
        let source = source.to_canonical();
        let mut networks = self.rules.park.reveal_dialogs_to.iter();
        networks.any(|network| network.contains(&source))
    }
}
