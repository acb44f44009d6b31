//! What calls connectconformance's servers: reads calls from stdin until its end, and writes how each has ended to stdout.

use std::io;
use std::sync::Arc;

use halloo_interop_conformance::{Caller, read_frame, write_frame};
use tokio::io::{stdin, stdout};
use tokio::sync::{Semaphore, mpsc};

/// So many are in flight.
const CALLS_AT_ONCE: usize = 64;

#[tokio::main]
async fn main() -> io::Result<()> {
    let (answers, mut answered) = mpsc::channel(CALLS_AT_ONCE);
    let writing = tokio::spawn(async move {
        let mut output = stdout();
        while let Some(answer) = answered.recv().await {
            write_frame(&mut output, &answer).await?;
        }
        io::Result::Ok(())
    });
    let caller = Caller::default();
    let room = Arc::new(Semaphore::new(CALLS_AT_ONCE));
    let mut input = stdin();
    while let Some(request) = read_frame(&mut input).await? {
        let (caller, answers) = (caller.clone(), answers.clone());
        let permit = Arc::clone(&room).acquire_owned().await.map_err(io::Error::other)?;
        tokio::spawn(async move {
            let answer = caller.answer(request).await;
            // Without a reader there is nobody to tell.
            let _ = answers.send(answer).await;
            drop(permit);
        });
    }
    drop(answers);
    writing.await.map_err(io::Error::other)?
}
