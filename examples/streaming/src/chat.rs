//! The chat's room: who is in it, who hears what, and what happens to one who reads slowly.
//!
//! Every line goes into one ring of [`KEPT_LINES`], and every guest reads it at a pace of its own. A guest that falls
//! further behind misses the oldest lines and is told how many. So nobody waits for the slowest, and memory is bounded:
//! the ring, and up to 64 KiB a guest on their way.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use halloo::{MessageReceiver, MessageSender, Status};
use tokio::sync::broadcast::{self, error::RecvError};

halloo::include_proto!("chat");

/// Lines that a guest may lag behind.
pub const KEPT_LINES: usize = 64;

const MAX_GUESTS: usize = 100;
const MAX_NAME_CHARS: usize = 20;
const MAX_TEXT_CHARS: usize = 1000;

/// A room for up to 100 guests.
#[derive(Debug)]
pub struct Room {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    names: BTreeSet<String>,
    /// `None` once the room is closed.
    lines: Option<broadcast::Sender<Line>>,
}

impl Default for Room {
    fn default() -> Self {
        Self { state: Mutex::new(State { names: BTreeSet::new(), lines: Some(broadcast::Sender::new(KEPT_LINES)) }) }
    }
}

impl Chat for Room {
    async fn join(&self, mut says: MessageReceiver<Say>, lines: &mut MessageSender<Line>) -> Result<(), Status> {
        let Some(first) = says.next().await? else {
            return Err(Status::invalid_argument("the first message says who joins"));
        };
        let (guest, mut heard) = self.enter(first.name)?;
        // Two halves that do not wait for each other. Both borrow, and nothing is spawned: when the client goes away, this
        // future is dropped, and the guest with it.
        let speak = async {
            while let Some(say) = says.next().await? {
                guest.say(&say.text)?;
            }
            Ok(())
        };
        let hear = async {
            loop {
                match heard.recv().await {
                    Ok(line) => lines.send(line).await?,
                    Err(RecvError::Lagged(missed)) => {
                        lines.send(notice(format!("you read too slowly and missed {missed} lines"))).await?;
                    }
                    Err(RecvError::Closed) => return lines.send(notice("the server stops, good bye")).await,
                }
            }
        };
        tokio::select! {
            left = speak => left,
            closed = hear => closed,
        }
    }
}

impl Room {
    /// Ends every guest's call, after the lines that were said. Nobody can join any more.
    pub fn close(&self) {
        self.state().lines = None;
    }

    fn enter(&self, name: String) -> Result<(Guest<'_>, broadcast::Receiver<Line>), Status> {
        if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || !name.chars().all(char::is_alphanumeric) {
            return Err(Status::invalid_argument(format!("a name is 1 to {MAX_NAME_CHARS} letters and digits")));
        }
        let mut state = self.state();
        let State { names, lines: Some(lines) } = &mut *state else {
            return Err(Status::unavailable("the server stops"));
        };
        if names.len() >= MAX_GUESTS {
            return Err(Status::resource_exhausted(format!("the room is full, it holds {MAX_GUESTS}")));
        }
        if !names.insert(name.clone()) {
            return Err(Status::already_exists(format!("somebody called {name} is here already")));
        }
        let heard = lines.subscribe();
        let here: Vec<_> = names.iter().map(String::as_str).collect();
        let here = here.join(", ");
        // The guest itself is there to hear it.
        let _ = lines.send(notice(format!("{name} joined; here: {here}")));
        Ok((Guest { room: self, name }, heard))
    }

    fn tell(&self, line: Line) {
        if let Some(lines) = &self.state().lines {
            // It fails if nobody is left to hear it.
            let _ = lines.send(line);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody in the room, until it is dropped: by its own wish, or because its connection broke.
struct Guest<'r> {
    room: &'r Room,
    name: String,
}

impl Guest<'_> {
    fn say(&self, text: &str) -> Result<(), Status> {
        if text.chars().count() > MAX_TEXT_CHARS {
            return Err(Status::invalid_argument(format!("a line has at most {MAX_TEXT_CHARS} characters")));
        }
        // Control characters would be commands to the other guests' terminals.
        let text: String = text.chars().filter(|character| !character.is_control()).collect();
        self.room.tell(Line::default().with_name(&*self.name).with_text(text));
        Ok(())
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.room.state().names.remove(&self.name);
        self.room.tell(notice(format!("{} left", self.name)));
    }
}

fn notice(text: impl Into<String>) -> Line {
    Line::default().with_text(text)
}
