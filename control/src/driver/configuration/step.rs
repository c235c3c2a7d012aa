//! What the control thread does of a change of the configuration.
//!
//! Absent on purpose: the order of the steps (`configuration`).

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::config::{Config, ConfigError};
use crate::control::Input;
use crate::driver::reactor::Reactor;
use crate::driver::store::Work;
use crate::store::{AuditRecord, ObjectChange, StoreError};

/// What the control thread does of a change.
#[derive(Debug)]
pub(in crate::driver) enum Step {
    /// It says whether calls allow it now.
    Try(Arc<Config>, oneshot::Sender<Result<(), ConfigError>>),
    /// It has the store make it durable, with the deed that it is.
    Keep(
        Vec<ObjectChange>,
        Box<AuditRecord>,
        oneshot::Sender<Result<(), StoreError>>,
    ),
    /// It holds from now on.
    Take(Arc<Config>, oneshot::Sender<Result<(), ConfigError>>),
}

impl Reactor {
    /// Does one step of a change.
    pub(in crate::driver) fn configure(&mut self, step: Step) {
        match step {
            // Whoever asked may have gone away.
            Step::Try(config, reply) => {
                let _ = reply.send(self.control.may_configure(&config));
            }
            Step::Keep(changes, deed, reply) => {
                if let Some(keeper) = &mut self.keeper {
                    keeper.give(Work::Objects(changes, deed, reply));
                }
            }
            Step::Take(config, reply) => {
                self.configuring = Some(reply);
                self.handle(Input::Configure(&config));
            }
        }
    }
}
