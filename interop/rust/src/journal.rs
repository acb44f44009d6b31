//! What became of the calls that are held, by their keys; whoever asks waits until it has happened.

use std::collections::HashMap;

use halloo::Status;
use tokio::sync::watch;

use crate::{Seen, Stage};

/// The records of all calls of `Hold` and `HoldStream`. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    records: watch::Sender<HashMap<String, (Stage, Seen)>>,
}

impl Journal {
    /// The handler of `key` has begun.
    pub(crate) fn started(&self, key: &str, seen: Seen) {
        self.records.send_modify(|records| {
            records.insert(key.to_owned(), (Stage::Started, seen));
        });
    }

    /// The handler of `key` knows that nobody waits for it.
    pub(crate) fn cancelled(&self, key: &str) {
        self.records.send_modify(|records| {
            if let Some((stage, _)) = records.get_mut(key) {
                *stage = Stage::Cancelled;
            }
        });
    }

    /// The record of `key` once it has reached `stage`.
    pub(crate) async fn wait(&self, key: &str, stage: Stage) -> Result<Seen, Status> {
        let has_come_so_far = |records: &HashMap<String, (Stage, Seen)>| {
            records.get(key).is_some_and(|(reached, _)| *reached as i32 >= stage as i32)
        };
        let mut records = self.records.subscribe();
        let records = records.wait_for(has_come_so_far).await.map_err(|_| Status::internal("the journal is gone"))?;
        Ok(records[key].1.clone())
    }
}
