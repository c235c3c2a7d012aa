//! The way from the API to the control thread and back: bounded questions, each with a time limit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use shared::CaptureId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::Problem;
use super::limits::{ASK_TIMEOUT, ASKS_MAX};
use crate::ask::{
    Answer, Ask, AskError, AskId, Draw, Drawn, OrbitPage, OrbitView, OrbitsAsk, RangeView,
    StatusView,
};
use crate::capture::Wanted;
use crate::driver::capture::CaptureWish;
use crate::driver::metrics::Figures;
use crate::driver::reactor::Arrival;
use crate::driver::store::{Deeds, Work};
use crate::store::limits::HOLD_MAX;
use crate::store::{AuditAsk, AuditRecord};

/// The API's end.
#[derive(Clone, Debug)]
pub(in crate::driver) struct Asker {
    arrivals: mpsc::Sender<Arrival>,
    permits: Arc<Semaphore>,
}

/// Where an answer goes. It holds its place among the questions under way until it is dropped.
#[derive(Debug)]
pub(in crate::driver) struct Reply {
    sender: oneshot::Sender<Result<Answer, AskError>>,
    _permit: OwnedSemaphorePermit,
}

/// The reactor's end: what it was asked and has not answered.
#[derive(Debug, Default)]
pub(in crate::driver) struct Asked {
    replies: BTreeMap<AskId, Reply>,
    last: u64,
}

impl Asker {
    pub(in crate::driver) fn new(arrivals: mpsc::Sender<Arrival>) -> Self {
        Self {
            arrivals,
            permits: Arc::new(Semaphore::new(ASKS_MAX)),
        }
    }

    /// Waits for the end of the control thread.
    pub(super) async fn closed(&self) {
        self.arrivals.closed().await;
    }

    /// A page of the taken orbits.
    pub(super) async fn orbits(&self, ask: OrbitsAsk) -> Result<OrbitPage, Problem> {
        match self.ask(Ask::Orbits(ask)).await? {
            Answer::Orbits(page) => Ok(page),
            other => unreachable!("{other:?} answers another question"),
        }
    }

    /// One orbit.
    pub(super) async fn orbit(&self, number: String) -> Result<OrbitView, Problem> {
        self.orbit_after(Ok(Ask::Orbit(number))).await
    }

    /// All ranges.
    pub(super) async fn ranges(&self) -> Result<Vec<RangeView>, Problem> {
        match self.ask(Ask::Ranges).await? {
            Answer::Ranges(ranges) => Ok(ranges),
            other => unreachable!("{other:?} answers another question"),
        }
    }

    /// Orbits drawn without parking.
    pub(super) async fn draw(&self, ask: Draw) -> Result<Drawn, Problem> {
        match self.ask(Ask::Draw(ask)).await? {
            Answer::Drawn(drawn) => Ok(drawn),
            other => unreachable!("{other:?} answers another question"),
        }
    }

    /// Figures.
    pub(super) async fn status(&self) -> Result<StatusView, Problem> {
        match self.ask(Ask::Status).await? {
            Answer::Status(status) => Ok(status),
            other => unreachable!("{other:?} answers another question"),
        }
    }

    /// Something that shall be done, where it was understood.
    pub(super) async fn done(&self, ask: Result<Ask, Problem>) -> Result<(), Problem> {
        match self.ask(ask?).await? {
            Answer::Done => Ok(()),
            other => unreachable!("{other:?} answers another question"),
        }
    }

    /// Something about a call that is answered by its orbit, where it was understood.
    pub(super) async fn orbit_after(
        &self,
        ask: Result<Ask, Problem>,
    ) -> Result<OrbitView, Problem> {
        match self.ask(ask?).await? {
            Answer::Orbit(orbit) => Ok(*orbit),
            other => unreachable!("{other:?} answers another question"),
        }
    }

    /// The figures, for who counts.
    pub(super) async fn figures(&self) -> Result<Figures, Problem> {
        let _permit = self.permit()?;
        let (reply, answer) = oneshot::channel();
        self.send(Arrival::Figures(reply), answer).await
    }

    /// Begins a capture.
    pub(super) async fn capture(
        &self,
        wanted: Wanted,
        time: Duration,
    ) -> Result<CaptureId, Problem> {
        let _permit = self.permit()?;
        let (reply, answer) = oneshot::channel();
        let wish = CaptureWish {
            wanted,
            time,
            reply,
        };
        let begun = self.send(Arrival::Capture(wish), answer).await?;
        begun.map_err(Problem::from)
    }

    /// Keeps a deed in the store. It is done already, so that nothing depends on whether that
    /// succeeds; a store that is slow is not waited for.
    pub(super) async fn note(&self, deed: AuditRecord) {
        let (reply, noted) = oneshot::channel();
        let noting = async {
            let work = Work::Note(Box::new(deed), reply);
            // Refused only by a reactor that has ended, which the end of the reply tells.
            let _ = self.arrivals.send(Arrival::ForStore(work)).await;
            let _ = noted.await;
        };
        let _ = timeout(HOLD_MAX, noting).await;
    }

    /// Deeds that are kept.
    pub(super) async fn audit(&self, ask: AuditAsk) -> Result<Deeds, Problem> {
        let _permit = self.permit()?;
        let (reply, answer) = oneshot::channel();
        let work = Work::Audit(Box::new(ask), reply);
        self.send(Arrival::ForStore(work), answer).await
    }

    /// Has the server take no more calls, and end with the last.
    pub(super) async fn drain(&self) -> Result<(), Problem> {
        let _permit = self.permit()?;
        let sent = timeout(ASK_TIMEOUT, self.arrivals.send(Arrival::Drain)).await;
        sent.map_err(|_| Problem::late())?
            .map_err(|_| Problem::ending())
    }

    async fn ask(&self, ask: Ask) -> Result<Answer, Problem> {
        let (sender, answer) = oneshot::channel();
        let reply = Reply {
            sender,
            _permit: self.permit()?,
        };
        let answer = self.send(Arrival::Ask(ask, reply), answer).await?;
        answer.map_err(Problem::from)
    }

    fn permit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        permit.map_err(|_| Problem::busy())
    }

    async fn send<T>(&self, arrival: Arrival, answer: oneshot::Receiver<T>) -> Result<T, Problem> {
        let exchange = async {
            // Refused only by a reactor that has ended, which the answer's end tells.
            let _ = self.arrivals.send(arrival).await;
            answer.await.map_err(|_| Problem::ending())
        };
        let answer = timeout(ASK_TIMEOUT, exchange).await;
        answer.unwrap_or_else(|_| Err(Problem::late()))
    }
}

impl Asked {
    /// Names a question.
    pub(in crate::driver) fn enter(&mut self, reply: Reply) -> AskId {
        self.last += 1;
        let id = AskId(self.last);
        self.replies.insert(id, reply);
        id
    }

    /// Hands an answer to whoever has asked.
    ///
    /// # Panics
    /// When the question was answered already.
    pub(in crate::driver) fn answer(&mut self, id: AskId, answer: Result<Answer, AskError>) {
        let reply = self.replies.remove(&id);
        let reply = reply.expect("each question is answered once");
        // Whoever asked may have gone away.
        let _ = reply.sender.send(answer);
    }
}
