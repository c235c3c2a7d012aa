//! What the server was asked from outside, and what it has said.

use std::collections::{BTreeMap, BTreeSet};

use std::time::Duration;

use control::Input;
use control::ask::{Answer, Ask, AskError, AskId};

use super::world::World;

/// Questions and answers.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    last: u64,
    open: BTreeSet<AskId>,
    answers: BTreeMap<AskId, Result<Answer, AskError>>,
}

impl Questions {
    /// Takes an answer.
    ///
    /// # Panics
    /// When nobody has asked that, or not any more.
    pub(super) fn answered(&mut self, id: AskId, answer: Result<Answer, AskError>) {
        assert!(
            self.open.remove(&id),
            "{id:?} is not asked, or answered twice: {answer:?}"
        );
        self.answers.insert(id, answer);
    }

    /// The server has died: who has asked is told so by its connection.
    pub(super) fn lost(&mut self) {
        self.open.clear();
    }

    /// How many wait for their answer.
    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }
}

/// How long an answer may wait for the store, and a little more.
const ANSWER_MAX: Duration = Duration::from_millis(500);

impl World {
    /// Asks something that is answered at once, or as soon as what it does is durable.
    pub(crate) fn ask(&mut self, ask: Ask) -> Result<Answer, AskError> {
        let id = self.begin_to_ask(ask);
        if self.questions.open.contains(&id) {
            self.run_until(ANSWER_MAX, "answered", |world| {
                !world.questions.open.contains(&id)
            });
        }
        self.answer(id).expect("it is answered once")
    }

    /// Asks something.
    pub(crate) fn begin_to_ask(&mut self, ask: Ask) -> AskId {
        self.questions.last += 1;
        let id = AskId(self.questions.last);
        self.questions.open.insert(id);
        self.give(Input::Ask(id, ask));
        id
    }

    /// What a question was answered with, once.
    pub(crate) fn answer(&mut self, id: AskId) -> Option<Result<Answer, AskError>> {
        self.questions.answers.remove(&id)
    }
}
