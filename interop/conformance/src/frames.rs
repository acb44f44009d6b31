//! Messages with their size before them, in four bytes: how the tool and a program under test talk.

use std::io;

use halloo::protobuf::Message;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Reads a message; `None` at the end.
///
/// # Errors
/// When the input breaks off in a message, or is none.
pub async fn read_frame<M: Message>(input: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<M>> {
    let size = match input.read_u32().await {
        Ok(size) => size,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut body = vec![0; size as usize];
    input.read_exact(&mut body).await?;
    M::decode_from_slice(&body).map(Some).map_err(io::Error::other)
}

/// Writes a message at once.
///
/// # Errors
/// When nobody reads.
pub async fn write_frame(output: &mut (impl AsyncWrite + Unpin), message: &impl Message) -> io::Result<()> {
    let body = message.encode_to_vec();
    let size = u32::try_from(body.len()).map_err(io::Error::other)?;
    output.write_all(&[&size.to_be_bytes()[..], &body].concat()).await?;
    output.flush().await
}
