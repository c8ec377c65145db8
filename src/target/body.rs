//! Reads the body of a request: thrown away as it comes, kept only for `/echo`.

use httparse::Status;

use super::{
    http::{Body, Head, Refusal},
    wire::{Stop, Wire},
};

/// What `/echo` remembers of a body.
const LARGEST_ECHO: usize = 16 << 20;
/// From here on larger reads pay.
const LONG: u64 = 8 << 10;

/// Keeps the bytes of a body, if they are wanted.
pub type Sink = Option<Vec<u8>>;

fn take(sink: &mut Sink, bytes: &[u8]) -> Result<(), Refusal> {
    let Some(kept) = sink else { return Ok(()) };
    if kept.len() + bytes.len() > LARGEST_ECHO {
        return Err(Refusal::new(413, "`/echo` takes at most 16 MiB"));
    }
    kept.extend_from_slice(bytes);
    Ok(())
}

/// Whether the whole body has been read already.
pub fn is_here(wire: &Wire, head: &Head) -> bool {
    matches!(head.body, Body::Length(length) if length <= wire.unused().len() as u64)
}

pub async fn read(wire: &mut Wire, body: Body, sink: &mut Sink) -> Result<(), Stop> {
    match body {
        Body::Length(length) => exactly(wire, length, sink).await,
        Body::Chunked => chunks(wire, sink).await,
    }
}

async fn exactly(wire: &mut Wire, length: u64, sink: &mut Sink) -> Result<(), Stop> {
    let mut left = length;
    loop {
        let here = wire.unused().len().min(usize::try_from(left).unwrap_or(usize::MAX));
        take(sink, &wire.unused()[..here])?;
        wire.used(here);
        left -= here as u64;
        if left == 0 {
            return Ok(());
        }
        if left > LONG {
            wire.grow();
        }
        more(wire).await?;
    }
}

async fn chunks(wire: &mut Wire, sink: &mut Sink) -> Result<(), Stop> {
    loop {
        let size = loop {
            match httparse::parse_chunk_size(wire.unused()) {
                Ok(Status::Complete((bytes, size))) => {
                    wire.used(bytes);
                    break size;
                }
                Ok(Status::Partial) => more(wire).await?,
                Err(_) => return Err(Refusal::new(400, "a chunk has no size").into()),
            }
        };
        if size == 0 {
            break;
        }
        exactly(wire, size, sink).await?;
        if line(wire).await? != 0 {
            return Err(Refusal::new(400, "a chunk is longer than its size").into());
        }
    }
    while line(wire).await? != 0 {}
    Ok(())
}

/// Reads one line and returns its length without its end.
async fn line(wire: &mut Wire) -> Result<usize, Stop> {
    loop {
        match wire.unused().iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                let line = &wire.unused()[..end];
                let length = line.strip_suffix(b"\r").unwrap_or(line).len();
                wire.used(end + 1);
                return Ok(length);
            }
            None => more(wire).await?,
        }
    }
}

async fn more(wire: &mut Wire) -> Result<(), Stop> {
    if wire.more().await? { Ok(()) } else { Err(Stop::Gone) }
}
