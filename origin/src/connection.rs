//! TCP connections that can be closed without an answer, in the middle of anything.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use crate::app::lock;

/// Accepts connections.
pub(crate) struct Door(pub(crate) TcpListener);

/// A connection's bytes.
pub(crate) struct Wire {
    stream: TcpStream,
    peer: IpAddr,
    end: Arc<End>,
}

/// A connection as requests see it.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// Who is at the other end.
    pub(crate) peer: IpAddr,
    fresh: Arc<AtomicBool>,
    end: Arc<End>,
}

/// Whether a connection is to end.
#[derive(Debug, Default)]
struct End {
    wanted: AtomicBool,
    reader: Mutex<Option<Waker>>,
}

impl Connection {
    /// Whether this is its first request.
    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh.swap(false, Ordering::Relaxed)
    }

    /// Closes it.
    pub(crate) fn close(&self) {
        self.end.wanted.store(true, Ordering::Release);
        if let Some(reader) = lock(&self.end.reader).take() {
            reader.wake();
        }
    }
}

impl Connected<IncomingStream<'_, Door>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        let Wire { peer, end, .. } = stream.io();
        Self { peer: *peer, fresh: Arc::new(AtomicBool::new(true)), end: Arc::clone(end) }
    }
}

impl Listener for Door {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, addr) = Listener::accept(&mut self.0).await;
        // Small quanta must leave at once. Where that cannot be set the shape is only less exact.
        let _ = stream.set_nodelay(true);
        (Wire { stream, peer: addr.ip(), end: Arc::default() }, addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl AsyncRead for Wire {
    /// Fails when the connection is to end. The server reads on while it answers, to see viewers leave, and gives a
    /// connection up that cannot be read.
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        *lock(&this.end.reader) = Some(cx.waker().clone());
        if this.end.wanted.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut this.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
