//! A service that answers with what it gets, and compresses its replies as the letters' texts say; algorithms that
//! count.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use halloo::compression::{Compression, DecompressBuffer, DecompressError, Deflate, Gzip, Zstd};
use halloo::{MessageReceiver, MessageSender, Reply, Request, Status};
use halloo_tests::{Letter, Post};

/// How often an algorithm was at work.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) compressed: AtomicUsize,
    pub(crate) restored: AtomicUsize,
}

impl Counts {
    /// Messages compressed and restored since the last time.
    pub(crate) fn take(&self) -> (usize, usize) {
        (self.compressed.swap(0, Ordering::SeqCst), self.restored.swap(0, Ordering::SeqCst))
    }
}

/// An algorithm that counts.
pub(crate) struct Counted {
    algorithm: Arc<dyn Compression>,
    counts: Arc<Counts>,
}

impl Counted {
    pub(crate) fn new(name: &str) -> (Self, Arc<Counts>) {
        let algorithm: Arc<dyn Compression> = match name {
            "gzip" => Arc::new(Gzip),
            "deflate" => Arc::new(Deflate),
            "zstd" => Arc::new(Zstd),
            "x-own" => Arc::new(Own),
            other => panic!("{other}?"),
        };
        let counts = Arc::new(Counts::default());
        (Self { algorithm, counts: Arc::clone(&counts) }, counts)
    }
}

impl Compression for Counted {
    fn name(&self) -> &'static str {
        self.algorithm.name()
    }

    fn compress(&self, message: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
        self.counts.compressed.fetch_add(1, Ordering::SeqCst);
        self.algorithm.compress(message, out)
    }

    fn decompress(&self, body: &[u8], out: &mut DecompressBuffer) -> Result<(), DecompressError> {
        self.counts.restored.fetch_add(1, Ordering::SeqCst);
        self.algorithm.decompress(body, out)
    }
}

/// Claims to be gzip's, and writes a GiB of zeros into a MiB whatever the message is.
pub(crate) struct Bomb(pub(crate) Vec<u8>);

impl Bomb {
    pub(crate) fn new() -> Self {
        let mut part = Vec::new();
        Gzip.compress(&vec![0; 16 << 20], &mut part).unwrap();
        Self(part.repeat(64))
    }
}

impl Compression for Bomb {
    fn name(&self) -> &'static str {
        "gzip"
    }

    fn compress(&self, _: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
        out.extend_from_slice(&self.0);
        Ok(())
    }

    fn decompress(&self, _: &[u8], _: &mut DecompressBuffer) -> Result<(), DecompressError> {
        Err(DecompressError::malformed("nobody reads it"))
    }
}

/// An algorithm of the user's: it knows what the parcels of these tests are made of.
struct Own;

impl Compression for Own {
    fn name(&self) -> &'static str {
        "x-own"
    }

    fn compress(&self, message: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
        for run in message.chunk_by(|a, b| a == b).flat_map(|run| run.chunks(255)) {
            out.extend([run.len() as u8, run[0]]);
        }
        Ok(())
    }

    fn decompress(&self, body: &[u8], out: &mut DecompressBuffer) -> Result<(), DecompressError> {
        body.as_chunks().0.iter().try_for_each(|&[count, byte]| out.put_slice(&[byte; 255][..count.into()]))
    }
}

pub(crate) struct Echo;

impl Post for Echo {
    async fn answer(&self, request: Request<Letter>) -> halloo::Result<Letter> {
        let letter = request.into_message();
        let how = letter.text.clone();
        let reply = Reply::new(letter);
        Ok(match how.as_str() {
            "plain" => reply.uncompressed(),
            "gzip" => reply.compress(Gzip),
            "zstd" => reply.compress(Zstd),
            "bomb" => Reply::new(Letter::default().with_parcel(vec![1; 2 << 20])).compress(Bomb::new()),
            _ => reply,
        })
    }

    async fn follow(&self, request: Request<Letter>, replies: &mut MessageSender<Letter>) -> Result<(), Status> {
        if request.text == "zstd" {
            replies.compress(Zstd)?;
        }
        replies.send_uncompressed(request.clone()).await?;
        let late = replies.compress(Gzip).unwrap_err();
        assert_eq!(late.message(), "the headers have left with the first reply");
        replies.send(request.into_message()).await
    }

    async fn collect(&self, mut requests: MessageReceiver<Letter>) -> halloo::Result<Letter> {
        let mut sum = Letter::default();
        while let Some(letter) = requests.next().await? {
            sum.number += letter.parcel.len() as u32;
        }
        Ok(sum.into())
    }

    async fn chat(
        &self,
        mut requests: MessageReceiver<Letter>,
        replies: &mut MessageSender<Letter>,
    ) -> Result<(), Status> {
        while let Some(letter) = requests.next().await? {
            if letter.text == "plain" {
                replies.send_uncompressed(letter).await?;
            } else {
                replies.send(letter).await?;
            }
        }
        Ok(())
    }
}
