//! A connection: over TCP, plain or with TLS, or over a socket of this machine.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::client::TlsStream;

pub enum Stream {
    Plain(TcpStream),
    /// Boxed: it holds keys and buffers that plain connections do not need.
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

impl Stream {
    /// Writes as much as fits into the kernel's buffer. Ready with 0 only for no bytes.
    #[inline]
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_write(cx, bytes),
            Self::Unix(socket) => Pin::new(socket).poll_write(cx, bytes),
        }
    }

    /// Hands what TLS has encrypted to the kernel.
    #[inline]
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) | Self::Unix(_) => Poll::Ready(Ok(())),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_flush(cx),
        }
    }

    /// Reads what has arrived; nothing of `buffer` filled means the other side closed.
    #[inline]
    pub fn poll_read<'a>(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &'a mut [u8],
    ) -> Poll<io::Result<&'a [u8]>> {
        let mut space = ReadBuf::new(buffer);
        ready!(match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, &mut space),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_read(cx, &mut space),
            Self::Unix(socket) => Pin::new(socket).poll_read(cx, &mut space),
        })?;
        let filled = space.filled().len();
        Poll::Ready(Ok(&buffer[..filled]))
    }

    /// Reads what is known to have arrived, without waiting: usually nothing, and then without a system call.
    pub fn read_now<'a>(&mut self, buffer: &'a mut [u8]) -> Poll<io::Result<&'a [u8]>> {
        let read = match self {
            Self::Plain(tcp) => tcp.try_read(buffer),
            Self::Unix(socket) => socket.try_read(buffer),
            Self::Tls(_) => return self.poll_read(&mut Context::from_waker(Waker::noop()), buffer),
        };
        match read {
            Ok(len) => Poll::Ready(Ok(&buffer[..len])),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}
