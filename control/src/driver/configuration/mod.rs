//! The configuration of the running server, and how it is changed: checked as the file is, tried
//! with the control thread, durable in the store, and only then in effect.
//!
//! Absent on purpose: who may change it, and how that is said (`http`); what is right
//! (`crate::config`); what it does to calls (`crate::park`).

mod step;
mod wish;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use shared::PromptId;
use tokio::sync::{Mutex, mpsc, oneshot, watch};

pub(super) use step::Step;
pub(super) use wish::{Condition, Unchanged, Wanted, Wish};

use super::clock;
use super::reactor::Arrival;
use super::studio::{Recorded, Studio};
use crate::config::{
    Config, ConfigError, Definition, Document, Music, ObjectKind, ObjectName, Overlay,
};
use crate::store::{AuditRecord, ObjectChange, ObjectRecord};

/// The one that holds, for all who ask.
#[derive(Clone, Debug)]
pub(super) struct Configuration(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The operator's file.
    base: Config,
    /// Whether there is a store to keep changes in.
    is_kept: bool,
    studio: Studio,
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
    /// The number that was given to music last.
    last_prompt: PromptId,
}

/// An object as it is now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Seen {
    pub(super) definition: Definition,
    /// Whether it is the store's; otherwise the file's, or built in.
    pub(super) is_changed: bool,
}

impl Configuration {
    pub(super) fn new(
        base: Config,
        (overlay, config): (Overlay, Config),
        studio: Studio,
        arrivals: mpsc::Sender<Arrival>,
    ) -> Self {
        let numbers = config.music.values().map(|music| music.prompt);
        let held = Held {
            overlay,
            last_prompt: numbers.max().unwrap_or(PromptId(0)),
            config: Arc::new(config),
        };
        Self(Arc::new(Shared {
            is_kept: base.store.path.is_some(),
            base,
            studio,
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

    /// Whether there is a store.
    pub(super) fn is_kept(&self) -> bool {
        self.0.is_kept
    }

    /// The music, by name.
    pub(super) fn music(&self) -> Vec<String> {
        self.held().config.music.keys().cloned().collect()
    }

    /// How long a piece of music is, and the objects that name it.
    pub(super) fn about_music(&self, name: &str) -> (Option<Duration>, Vec<ObjectName>) {
        let held = self.held();
        let music = held.config.music.get(name);
        let length = music.and_then(|music| self.0.studio.length(music));
        let document = self.0.base.document(&held.overlay);
        (length, document.users_of_music(name))
    }

    /// What a piece of music is, as a file.
    pub(super) fn recorded(&self, name: &str) -> Option<Recorded> {
        let held = self.held();
        let music: Option<&Music> = held.config.music.get(name);
        music.map(|music| self.0.studio.recorded(music))
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

    /// Makes changes, all or none, in the name of somebody. The audit log has the deed from the
    /// moment at which they are durable; of a change that is not made, whoever asked must note it,
    /// unless it was taken back.
    ///
    /// Whoever waits may go away: a change that has begun is made all the same, or not at all.
    pub(super) async fn change(
        &self,
        wishes: Vec<(ObjectName, Wish)>,
        condition: Option<Condition>,
        deed: AuditRecord,
    ) -> Result<(), Unchanged> {
        // Who goes away while it waits for its turn leaves nothing behind.
        let turn = Arc::clone(&self.0.turn).lock_owned().await;
        let configuration = self.clone();
        let made = tokio::spawn(async move {
            let is_of_music = { wishes.iter() }.any(|(name, _)| name.kind == ObjectKind::Music);
            let made = configuration.make(wishes, condition, &deed).await;
            // A store that cannot be written may still name what was to go.
            if is_of_music && !matches!(made, Err(Unchanged::NotKept(_) | Unchanged::Ending)) {
                configuration.sweep().await;
            }
            drop(turn);
            made
        });
        made.await.unwrap_or(Err(Unchanged::Ending))
    }

    fn held(&self) -> Arc<Held> {
        Arc::clone(&self.0.held.borrow())
    }

    /// Removes the recordings that nobody names any more, or that were uploaded in vain.
    async fn sweep(&self) {
        let Shared { base, studio, .. } = &*self.0;
        studio.sweep([base, &self.held().config]).await;
    }

    async fn make(
        &self,
        wishes: Vec<(ObjectName, Wish)>,
        condition: Option<Condition>,
        deed: &AuditRecord,
    ) -> Result<(), Unchanged> {
        let Shared { base, studio, .. } = &*self.0;
        let held = self.held();
        let touched = { wishes.iter() }.map(|(name, _)| name.clone()).collect();
        let by = &deed.token;
        let (overlay, changes) = self.plan(&held.overlay, wishes, condition, by).await?;
        let mut config = base.overlaid(&overlay).map_err(Unchanged::Wrong)?;
        let last_prompt = held.number(&mut config, &touched);
        if !self.0.is_kept {
            return Err(Unchanged::NoStore);
        }
        let config = Arc::new(config);
        let mut music = studio.prepare(&held.config, &config).await?;
        let try_it = |reply| Step::Try(Arc::clone(&config), reply);
        self.ask(try_it).await?.map_err(Unchanged::NotNow)?;
        self.keep(changes, deed, AuditRecord::DONE).await?;
        let added = music.add();
        let take_it = |reply| Step::Take(Arc::clone(&config), reply);
        let taken = self.ask(take_it).await?;
        if let Err(error) = taken {
            // A call came between. What was kept is taken back, so that the next start has what
            // holds now.
            studio.remove(&added);
            let changes = changes_back(&held.overlay, &overlay, by);
            self.keep(changes, deed, AuditRecord::TAKEN_BACK).await?;
            return Err(Unchanged::TakenBack(error));
        }
        music.hold(studio);
        let held = Held {
            overlay,
            config,
            last_prompt,
        };
        self.0.held.send_replace(Arc::new(held));
        Ok(())
    }

    /// Lays wishes over what holds; how that is kept.
    async fn plan(
        &self,
        held: &Overlay,
        wishes: Vec<(ObjectName, Wish)>,
        condition: Option<Condition>,
        by: &str,
    ) -> Result<(Overlay, Vec<ObjectChange>), Unchanged> {
        let base = &self.0.base;
        let (now, file) = (base.document(held), base.document(&Overlay::default()));
        if let Some((name, _)) = wishes.first()
            && condition.is_some_and(|condition| !condition.holds(&now, name))
        {
            return Err(Unchanged::Meanwhile);
        }
        let (mut overlay, mut changes) = (held.clone(), Vec::new());
        let mut gone = Vec::new();
        for (name, wish) in wishes {
            let is_there = match wish {
                Wish::Put(_) | Wish::Record(_) => true,
                Wish::Remove => now.object(&name).is_some(),
                Wish::Revert => file.object(&name).is_some() || held.has(&name),
            };
            if !is_there {
                return Err(Unchanged::NotThere);
            }
            let wish = match wish {
                Wish::Record(bytes) => {
                    let recording = self.0.studio.keep(bytes).await?;
                    let there = now.object(&name).unwrap_or_default();
                    Wish::Put(there.with_recording(&recording))
                }
                other => other,
            };
            if matches!(wish, Wish::Remove | Wish::Revert) && name.kind == ObjectKind::Music {
                gone.push((name.clone(), wish == Wish::Remove));
            }
            changes.push(plan(&mut overlay, &file, name, wish, by));
        }
        check_unused(&base.document(&overlay), &gone)?;
        Ok((overlay, changes))
    }

    /// Makes changes durable, and the deed with how it ended: in one transaction, so that no crash
    /// leaves the one without the other.
    async fn keep(
        &self,
        changes: Vec<ObjectChange>,
        deed: &AuditRecord,
        outcome: &str,
    ) -> Result<(), Unchanged> {
        let deed = AuditRecord {
            at_unix_ms: clock::unix_ms(clock::now()),
            outcome: outcome.to_owned(),
            ..deed.clone()
        };
        let keep = |reply| Step::Keep(changes, Box::new(deed), reply);
        self.ask(keep).await?.map_err(Unchanged::NotKept)
    }

    async fn ask<T>(&self, step: impl FnOnce(oneshot::Sender<T>) -> Step) -> Result<T, Unchanged> {
        let (reply, answer) = oneshot::channel();
        // Refused only by a reactor that has ended, which the answer's end tells.
        let _ = self.0.arrivals.send(Arrival::Configure(step(reply))).await;
        answer.await.map_err(|_| Unchanged::Ending)
    }
}

impl Held {
    /// Numbers the music of another configuration: what is there has its number, and what nobody
    /// has touched is as it is. The number given last.
    fn number(&self, config: &mut Config, touched: &BTreeSet<ObjectName>) -> PromptId {
        for (name, music) in &mut config.music {
            let object = ObjectName::new(ObjectKind::Music, name);
            if let Some(there) = self.config.music.get(name)
                && !touched.contains(&object)
            {
                *music = there.clone();
            }
        }
        config.number_as(&self.config, self.last_prompt)
    }
}

/// Music that something names stays; `gone`: what is removed (true) or left to the file.
fn check_unused(document: &Document, gone: &[(ObjectName, bool)]) -> Result<(), Unchanged> {
    for (name, is_removed) in gone {
        if *is_removed && name.is_always_there() {
            return Err(Unchanged::InUse(Vec::new()));
        }
        let users = document.users_of_music(&name.name);
        if document.object(name).is_none() && !users.is_empty() {
            return Err(Unchanged::InUse(users));
        }
    }
    Ok(())
}

/// What makes durable again what holds.
fn changes_back(held: &Overlay, other: &Overlay, by: &str) -> Vec<ObjectChange> {
    let put = |(name, definition): (&ObjectName, Option<&Definition>)| {
        ObjectChange::Put(record(name.clone(), definition.cloned(), by))
    };
    let gone = { other.objects() }.filter(|(name, _)| !held.has(name));
    let forget = gone.map(|(name, _)| ObjectChange::Forget(name.clone()));
    held.objects().map(put).chain(forget).collect()
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
        Wish::Record(_) => unreachable!("a recording is kept, and then put"),
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
        changed_unix_ms: clock::unix_ms(clock::now()),
        changed_by: by.to_owned(),
    }
}
