//! The lab from one binary: pages embedded, a browser's tab each with a session of its own in a thread of its own. It binds to
//! loopback unless told, answers only to who holds the key of its address, and keeps sessions in a folder, so that neither a lost
//! socket nor a killed process loses more than a second.

mod address;
mod bundle;
mod door;
mod head;
mod keeper;
mod seat;
mod token;

pub use address::Bound;

use keeper::Keeper;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The most connections at a time: a tab holds one.
const CONNECTIONS: usize = 100;

/// What is served where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to bind to: loopback, unless others shall come.
    pub host: IpAddr,
    /// The port: the next free one, if it is taken; 0 for any.
    pub port: u16,
    /// Where sessions are kept; without it they end with the process.
    pub folder: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Options {
        Options { host: Ipv4Addr::LOCALHOST.into(), port: 8710, folder: None }
    }
}

/// A lab that is bound to its port.
///
/// ```
/// let lab = gradus_lab::Lab::bind(&gradus_lab::Options { port: 0, ..Default::default() }).unwrap();
/// assert!(lab.bound().url().starts_with("http://127.0.0.1:"));
/// ```
pub struct Lab {
    listener: TcpListener,
    shared: Arc<Shared>,
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) bound: Bound,
    pub(crate) keeper: Keeper,
    pub(crate) stopped: AtomicBool,
    connections: AtomicUsize,
}

/// Ends a lab from another thread.
#[derive(Clone)]
pub struct Stopper(Arc<Shared>);

impl Stopper {
    /// Asks the lab to end: sessions are kept, [`Lab::serve`] returns.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.0.bound.reached()); // wakes whoever waits for a connection
    }
}

impl Lab {
    /// Binds to the port, or to the next free one of the twenty after it.
    ///
    /// # Errors
    /// No port can be bound to, the folder cannot be made, or the system gives no random numbers.
    pub fn bind(options: &Options) -> io::Result<Lab> {
        let listener = listen(options)?;
        let keeper = Keeper::new(options.folder.clone())?;
        let key = options.folder.as_deref().map_or_else(token::random, token::of)?;
        let bound = Bound::new(listener.local_addr()?, options.port, key);
        let (stopped, connections) = (AtomicBool::new(false), AtomicUsize::new(0));
        let shared = Arc::new(Shared { bound, keeper, stopped, connections });
        Ok(Lab { listener, shared })
    }

    /// Where it is.
    pub fn bound(&self) -> &Bound {
        &self.shared.bound
    }

    /// What ends it.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.shared.clone())
    }

    /// Serves until it is stopped; then waits for sessions to be kept.
    ///
    /// # Errors
    /// The system takes the port away.
    pub fn serve(&self) -> io::Result<()> {
        let mut seats = vec![];
        for connection in self.listener.incoming() {
            if self.shared.stopped.load(Ordering::Relaxed) {
                break;
            }
            seats.retain(|seat: &std::thread::JoinHandle<()>| !seat.is_finished());
            match connection {
                Ok(stream) => seats.extend(self.seat(stream)),
                // Somebody hung up at the door, or the process has no file left for them: others go on.
                Err(_) => std::thread::sleep(std::time::Duration::from_millis(20)),
            }
        }
        seats.into_iter().for_each(|seat| drop(seat.join()));
        Ok(())
    }

    /// A thread for a connection; none, if there are too many.
    fn seat(&self, stream: TcpStream) -> Option<std::thread::JoinHandle<()>> {
        let shared = self.shared.clone();
        if shared.connections.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS {
            shared.connections.fetch_sub(1, Ordering::Relaxed);
            door::too_many(stream);
            return None;
        }
        let act = move || {
            let _ = catch_unwind(AssertUnwindSafe(|| door::answer(stream, &shared)));
            shared.connections.fetch_sub(1, Ordering::Relaxed);
        };
        std::thread::Builder::new().name("lab".into()).spawn(act).ok()
    }
}

/// Binds to the wanted port or one of the next twenty.
fn listen(options: &Options) -> io::Result<TcpListener> {
    let last = if options.port == 0 { 0 } else { options.port.saturating_add(20) };
    let mut refusal = None;
    for port in options.port..=last {
        match TcpListener::bind(SocketAddr::new(options.host, port)) {
            Ok(listener) => return Ok(listener),
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => refusal = Some(e),
            Err(e) => return Err(e),
        }
    }
    Err(refusal.unwrap_or_else(|| io::Error::other("no port was tried")))
}
