//! The configuration of the running server, and how it is changed: checked as the file is, tried
//! with the control thread, durable in the store, and only then in effect.
//!
//! Absent on purpose: who may change it, and how that is said (`http`); what is right
//! (`crate::config`); what it does to calls (`crate::park`).

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot, watch};

use super::clock;
use super::reactor::{Arrival, Reactor};
use super::store::Work;
use crate::config::{Config, ConfigError, Definition, Document, ObjectName, Overlay};
use crate::control::Input;
use crate::store::{ObjectChange, ObjectRecord, StoreError};

/// The one that holds, for all who ask.
#[derive(Clone, Debug)]
pub(super) struct Configuration(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The operator's file.
    base: Config,
    /// Whether there is a store to keep changes in.
    is_kept: bool,
    arrivals: mpsc::Sender<Arrival>,
    /// What holds now.
    held: watch::Sender<Arc<Held>>,
    /// Held while a change is under way: there is one at a time.
    turn: Arc<Mutex<()>>,
}

/// What holds.
#[derive(Debug)]
struct Held {
    /// What is laid over the file.
    overlay: Overlay,
    /// The whole.
    config: Arc<Config>,
}

/// What shall become of an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// It says this.
    Put(Definition),
    /// It is not there.
    Remove,
    /// It is as the file has it, or not there where the file does not have it.
    Revert,
}

/// Why a change was not made. Nothing has changed then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Unchanged {
    /// It would be wrong.
    Wrong(ConfigError),
    /// It is not possible while calls are as they are.
    NotNow(ConfigError),
    /// The store cannot be written.
    NotKept(StoreError),
    /// There is no store.
    NoStore,
    /// The object is another one by now than who changes it has seen.
    Meanwhile,
    /// The object is not there.
    NotThere,
    /// The server ends.
    Ending,
}

/// What the control thread does of a change.
#[derive(Debug)]
pub(super) enum Step {
    /// It says whether calls allow it now.
    Try(Arc<Config>, oneshot::Sender<Result<(), ConfigError>>),
    /// It has the store make it durable.
    Keep(Vec<ObjectChange>, oneshot::Sender<Result<(), StoreError>>),
    /// It holds from now on.
    Take(Arc<Config>, oneshot::Sender<Result<(), ConfigError>>),
}

/// An object as it is now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Seen {
    pub(super) definition: Definition,
    /// Whether it is the store's; otherwise the file's, or built in.
    pub(super) is_changed: bool,
}

/// What makes the objects those of another configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wanted {
    pub(super) wishes: Vec<(ObjectName, Wish)>,
    /// Those of the wishes that add.
    new: BTreeSet<ObjectName>,
    /// Tables that differ and are of the file.
    pub(super) left: Vec<String>,
}

/// What must hold for a change to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Condition {
    /// The object is there as it was seen, by its tag.
    Is(String),
    /// The object is there.
    IsThere,
    /// The object is not there.
    IsNew,
}

impl Configuration {
    pub(super) fn new(
        base: Config,
        overlay: Overlay,
        config: Config,
        is_kept: bool,
        arrivals: mpsc::Sender<Arrival>,
    ) -> Self {
        let config = Arc::new(config);
        let held = Held { overlay, config };
        Self(Arc::new(Shared {
            base,
            is_kept,
            arrivals,
            held: watch::Sender::new(Arc::new(held)),
            turn: Arc::default(),
        }))
    }

    /// An object as it is now.
    pub(super) fn object(&self, name: &ObjectName) -> Option<Seen> {
        let Held { overlay, .. } = &*self.held();
        let definition = self.0.base.document(overlay).object(name)?;
        let is_changed = overlay.has(name);
        Some(Seen {
            definition,
            is_changed,
        })
    }

    /// The sites, by name.
    pub(super) fn sites(&self) -> Vec<String> {
        self.held().config.park.sites.keys().cloned().collect()
    }

    /// The policies, in the order in which they are looked at.
    pub(super) fn policies(&self) -> Vec<String> {
        let held = self.held();
        let names = { held.config.policies.iter() }.map(|policy| policy.name.clone());
        names.collect()
    }

    /// What holds in a site, or for all.
    pub(super) fn settings(&self, site: Option<&str>) -> Definition {
        self.held().config.settings_of(site).definition()
    }

    /// The whole, as a file.
    pub(super) fn export(&self, salt: &str) -> String {
        let mut document = self.0.base.document(&self.held().overlay);
        document.hash_pins(salt, None);
        document.text()
    }

    /// What is to be done so that the objects are those of another configuration.
    ///
    /// # Errors
    /// What is wrong with that one.
    pub(super) fn compare(&self, text: &str, salt: &str) -> Result<Wanted, ConfigError> {
        let base = &self.0.base;
        let held = base.document(&self.held().overlay);
        let mut wanted = base
            .with_text(text, "the import")?
            .document(&Overlay::default());
        wanted.hash_pins(salt, Some(&held));
        let left = wanted.differing_rest(&held);
        let (before, after) = (held.objects(), wanted.objects());
        let put =
            { after.iter() }.filter(|(name, definition)| before.get(name) != Some(definition));
        let put = put.map(|(name, one)| (name.clone(), Wish::Put(one.clone())));
        let gone = before.keys().filter(|name| !after.contains_key(name));
        let remove = gone.map(|name| (name.clone(), Wish::Remove));
        let wishes: Vec<_> = put.chain(remove).collect();
        let names = wishes.iter().map(|(name, _)| name);
        let new = names
            .filter(|name| !before.contains_key(name))
            .cloned()
            .collect();
        Ok(Wanted { wishes, new, left })
    }

    /// Makes changes, all or none, in the name of somebody.
    ///
    /// Whoever waits may go away: a change that has begun is made all the same, or not at all.
    pub(super) async fn change(
        &self,
        wishes: Vec<(ObjectName, Wish)>,
        condition: Option<Condition>,
        by: &str,
    ) -> Result<(), Unchanged> {
        // Who goes away while it waits for its turn leaves nothing behind.
        let turn = Arc::clone(&self.0.turn).lock_owned().await;
        let (configuration, by) = (self.clone(), by.to_owned());
        let made = tokio::spawn(async move {
            let made = configuration.make(wishes, condition, &by).await;
            drop(turn);
            made
        });
        made.await.unwrap_or(Err(Unchanged::Ending))
    }

    fn held(&self) -> Arc<Held> {
        Arc::clone(&self.0.held.borrow())
    }

    async fn make(
        &self,
        wishes: Vec<(ObjectName, Wish)>,
        condition: Option<Condition>,
        by: &str,
    ) -> Result<(), Unchanged> {
        let Shared { base, is_kept, .. } = &*self.0;
        let held = &self.held().overlay;
        let now = base.document(held);
        if let Some((name, _)) = wishes.first()
            && condition.is_some_and(|condition| !condition.holds(&now, name))
        {
            return Err(Unchanged::Meanwhile);
        }
        let file = base.document(&Overlay::default());
        let (mut overlay, mut changes) = (held.clone(), Vec::new());
        for (name, wish) in wishes {
            let is_there = match wish {
                Wish::Put(_) => true,
                Wish::Remove => now.object(&name).is_some(),
                Wish::Revert => file.object(&name).is_some() || held.has(&name),
            };
            if !is_there {
                return Err(Unchanged::NotThere);
            }
            let change = plan(&mut overlay, &file, name, wish, by);
            changes.push(change);
        }
        let config = base.overlaid(&overlay).map_err(Unchanged::Wrong)?;
        if !is_kept {
            return Err(Unchanged::NoStore);
        }
        let config = Arc::new(config);
        let try_it = |reply| Step::Try(Arc::clone(&config), reply);
        self.ask(try_it).await?.map_err(Unchanged::NotNow)?;
        let keep = |reply| Step::Keep(changes, reply);
        self.ask(keep).await?.map_err(Unchanged::NotKept)?;
        let take_it = |reply| Step::Take(Arc::clone(&config), reply);
        let taken = self.ask(take_it).await?;
        if let Err(error) = taken {
            // A call came between. What was kept is taken back, so that the next start has what
            // holds now.
            self.keep_again(held, &overlay, by).await?;
            return Err(Unchanged::NotNow(error));
        }
        self.0.held.send_replace(Arc::new(Held { overlay, config }));
        Ok(())
    }

    /// Makes durable again what holds.
    async fn keep_again(&self, held: &Overlay, other: &Overlay, by: &str) -> Result<(), Unchanged> {
        let put = |(name, definition): (&ObjectName, Option<&Definition>)| {
            ObjectChange::Put(record(name.clone(), definition.cloned(), by))
        };
        let gone = { other.objects() }.filter(|(name, _)| !held.has(name));
        let forget = gone.map(|(name, _)| ObjectChange::Forget(name.clone()));
        let changes = held.objects().map(put).chain(forget).collect();
        let kept = self.ask(|reply| Step::Keep(changes, reply)).await?;
        kept.map_err(Unchanged::NotKept)
    }

    async fn ask<T>(&self, step: impl FnOnce(oneshot::Sender<T>) -> Step) -> Result<T, Unchanged> {
        let (reply, answer) = oneshot::channel();
        // Refused only by a reactor that has ended, which the answer's end tells.
        let _ = self.0.arrivals.send(Arrival::Configure(step(reply))).await;
        answer.await.map_err(|_| Unchanged::Ending)
    }
}

impl Reactor {
    /// Does one step of a change.
    pub(super) fn configure(&mut self, step: Step) {
        match step {
            // Whoever asked may have gone away.
            Step::Try(config, reply) => {
                let _ = reply.send(self.control.may_configure(&config));
            }
            Step::Keep(changes, reply) => {
                if let Some(keeper) = &mut self.keeper {
                    keeper.give(Work::Objects(changes, reply));
                }
            }
            Step::Take(config, reply) => {
                self.configuring = Some(reply);
                self.handle(Input::Configure(&config));
            }
        }
    }
}

impl Wanted {
    /// What becomes of each object: `added`, `changed` or `removed`.
    pub(super) fn changes(&self) -> impl Iterator<Item = (&ObjectName, &'static str)> {
        self.wishes.iter().map(|(name, wish)| match wish {
            Wish::Put(_) if self.new.contains(name) => (name, "added"),
            Wish::Put(_) => (name, "changed"),
            Wish::Remove | Wish::Revert => (name, "removed"),
        })
    }
}

impl Condition {
    fn holds(&self, document: &Document, name: &ObjectName) -> bool {
        let there = document.object(name);
        match self {
            Self::Is(tag) => there.is_some_and(|there| there.tag() == *tag),
            Self::IsThere => there.is_some(),
            Self::IsNew => there.is_none(),
        }
    }
}

/// Lays a wish over the others; how it is kept.
fn plan(
    overlay: &mut Overlay,
    file: &Document,
    name: ObjectName,
    wish: Wish,
    by: &str,
) -> ObjectChange {
    let definition = match wish {
        Wish::Put(definition) => Some(definition),
        // What the file does not have need not be taken away from it.
        Wish::Remove if file.object(&name).is_some() => None,
        Wish::Remove | Wish::Revert => {
            overlay.forget(&name);
            return ObjectChange::Forget(name);
        }
    };
    overlay.put(name.clone(), definition.clone());
    ObjectChange::Put(record(name, definition, by))
}

fn record(name: ObjectName, definition: Option<Definition>, by: &str) -> ObjectRecord {
    ObjectRecord {
        name,
        definition,
        changed_unix_ms: clock::origin_unix_ms() + clock::now().as_millis(),
        changed_by: by.to_owned(),
    }
}
