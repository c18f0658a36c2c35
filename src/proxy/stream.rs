//! A connection of either side, plain or TLS, as one type without a box around the plain one.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsStream;

/// A connection to a client or a server.
#[derive(Debug)]
pub enum Stream {
    /// Plain text.
    Plain(Plain),
    /// TLS.
    Tls(Box<TlsStream<Plain>>),
}

/// A connection without TLS.
#[derive(Debug)]
pub enum Plain {
    /// Over the network.
    Tcp(TcpStream),
    /// On this machine.
    Unix(UnixStream),
}

impl From<TcpStream> for Plain {
    fn from(tcp: TcpStream) -> Self {
        Self::Tcp(tcp)
    }
}

impl Plain {
    /// Has what is written sent at once, and not kept until more is there.
    pub fn send_at_once(&self) {
        if let Self::Tcp(tcp) = self {
            let _ = tcp.set_nodelay(true);
        }
    }

    /// Reads what is there, without waiting.
    fn try_read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.try_read(bytes),
            Self::Unix(unix) => unix.try_read(bytes),
        }
    }

    /// The first byte that has come and was not read, which stays there; `None` where that cannot be known.
    pub fn poll_peek(&self, cx: &mut Context<'_>) -> Poll<io::Result<Option<u8>>> {
        let Self::Tcp(tcp) = self else { return Poll::Ready(Ok(None)) };
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        tcp.poll_peek(cx, &mut buffer).map_ok(|_| buffer.filled().first().copied())
    }

    /// Ready once there may be something to read.
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(tcp) => tcp.poll_read_ready(cx),
            Self::Unix(unix) => unix.poll_read_ready(cx),
        }
    }
}

impl AsFd for Plain {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(tcp) => tcp.as_fd(),
            Self::Unix(unix) => unix.as_fd(),
        }
    }
}

impl Stream {
    /// What carries it.
    pub fn carrier(&self) -> &Plain {
        match self {
            Self::Plain(plain) => plain,
            Self::Tls(tls) => tls.get_ref().0,
        }
    }

    /// The protocol that both sides have agreed on in the TLS handshake, if they have.
    pub fn alpn(&self) -> Option<&[u8]> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(tls) => tls.get_ref().1.alpn_protocol(),
        }
    }

    /// Ready once there may be something to read.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.carrier().poll_read_ready(cx)
    }

    /// Says that nothing more comes, as far as that can be said without waiting: TLS knows it from a connection that was cut.
    pub fn say_end(&mut self) {
        if let Self::Tls(tls) = self {
            let _ = Pin::new(tls).poll_shutdown(&mut Context::from_waker(Waker::noop()));
        }
    }

    /// Whether an idle connection is still open with nothing to read, as far as the runtime knows: no system call
    /// unless something came.
    pub fn is_quiet(&mut self) -> bool {
        match self {
            Self::Plain(plain) => would_block(plain.try_read(&mut [0])),
            // session tickets may come at any time, and are no answer: only TLS knows them apart
            Self::Tls(tls) => {
                let mut byte = [0];
                let mut cx = Context::from_waker(Waker::noop());
                Pin::new(tls).poll_read(&mut cx, &mut ReadBuf::new(&mut byte)).is_pending()
            }
        }
    }

    /// The same, as the kernel knows it: one system call.
    pub fn is_quiet_now(&mut self) -> bool {
        would_block(SockRef::from(self.carrier()).peek(&mut [MaybeUninit::uninit()])) && self.is_quiet()
    }
}

fn would_block(read: io::Result<usize>) -> bool {
    read.is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock)
}

/// Hands reading and writing on to whichever connection it is.
macro_rules! either {
    ($ty:ident: $a:ident, $b:ident) => {
        impl AsyncRead for $ty {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    Self::$a(stream) => Pin::new(stream).poll_read(cx, buf),
                    Self::$b(stream) => Pin::new(stream).poll_read(cx, buf),
                }
            }
        }

        impl AsyncWrite for $ty {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                match self.get_mut() {
                    Self::$a(stream) => Pin::new(stream).poll_write(cx, buf),
                    Self::$b(stream) => Pin::new(stream).poll_write(cx, buf),
                }
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[io::IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                match self.get_mut() {
                    Self::$a(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
                    Self::$b(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
                }
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    Self::$a(stream) => Pin::new(stream).poll_flush(cx),
                    Self::$b(stream) => Pin::new(stream).poll_flush(cx),
                }
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    Self::$a(stream) => Pin::new(stream).poll_shutdown(cx),
                    Self::$b(stream) => Pin::new(stream).poll_shutdown(cx),
                }
            }
        }
    };
}

either!(Plain: Tcp, Unix);
either!(Stream: Plain, Tls);
