//! The two buffers of a connection and its socket: nothing is allocated a request.

use std::io;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::http::Refusal;

/// Bytes read and not yet used, and bytes to be written.
pub struct Wire {
    stream: TcpStream,
    input: Vec<u8>,
    /// The unused part of `input`.
    start: usize,
    end: usize,
    output: Vec<u8>,
}

/// Why a connection ends before its time.
pub enum Stop {
    /// The client has gone.
    Gone,
    Refused(Refusal),
    /// As the settings said.
    Dropped,
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Enough for heads; grown only by long heads and bodies.
const SMALL: usize = 8 << 10;
/// The most that is read without being used: the longest head.
const LARGE: usize = 64 << 10;

impl Wire {
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, input: vec![0; SMALL], start: 0, end: 0, output: Vec::with_capacity(SMALL) }
    }

    pub fn unused(&self) -> &[u8] {
        &self.input[self.start..self.end]
    }

    pub fn used(&mut self, bytes: usize) {
        self.start += bytes;
    }

    /// Reads once, whatever is there; false at the end of the stream.
    pub async fn more(&mut self) -> Result<bool, Stop> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.input.len() {
            self.make_room()?;
        }
        let read = self.stream.read(&mut self.input[self.end..]).await?;
        self.end += read;
        Ok(read > 0)
    }

    fn make_room(&mut self) -> Result<(), Refusal> {
        if self.start > 0 {
            self.input.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        } else if self.input.len() < LARGE {
            self.grow();
        } else {
            return Err(Refusal::new(431, "a head of more than 64 KiB"));
        }
        Ok(())
    }

    /// Makes reads of long bodies take fewer calls.
    pub fn grow(&mut self) {
        self.input.resize(LARGE, 0);
    }

    /// Keeps the bytes for the next flush; long ones go out at once.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        if self.output.len() + bytes.len() <= LARGE {
            self.output.extend_from_slice(bytes);
            return Ok(());
        }
        self.flush().await?;
        Ok(self.stream.write_all(bytes).await?)
    }

    pub async fn flush(&mut self) -> Result<(), Stop> {
        if !self.output.is_empty() {
            self.stream.write_all(&self.output).await?;
            self.output.clear();
        }
        Ok(())
    }

    /// Says that nothing more will come and reads on for a while: closing with unread input would make the
    /// kernel send a reset, which can destroy what the client has not yet read.
    pub async fn close(mut self) {
        let waste = async {
            self.stream.shutdown().await?;
            let mut left: usize = 16 << 20;
            while left > 0 {
                let read = self.stream.read(&mut self.input).await?;
                if read == 0 {
                    break;
                }
                left = left.saturating_sub(read);
            }
            io::Result::Ok(())
        };
        // However it ends, the connection is over.
        let _ = timeout(std::time::Duration::from_secs(1), waste).await;
    }
}
