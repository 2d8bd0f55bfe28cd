//! The window below the pointer, if it takes drags, and what it says of ours.

use std::time::{Duration, Instant};

use x11rb::protocol::xproto::{Atom, AtomEnum, ClientMessageEvent, ConnectionExt, EventMask, Window};
use x11rb::rust_connection::RustConnection;

use super::{Atoms, Result, Source};

/// The protocol's version that we speak; targets of less than 3 are too old.
const VERSION: u32 = 5;
const OLDEST: u32 = 3;
/// A target that does not answer is asked again.
const PATIENCE: Duration = Duration::from_millis(500);

/// A window that takes drags.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub window: Window,
    /// Who is told of it: mostly itself.
    told: Window,
    version: u32,
}

/// The uppermost window below the pointer that takes drags.
pub fn below(connection: &RustConnection, atoms: &Atoms, root: Window) -> Result<Option<Place>> {
    let mut window = root;
    // No tree of windows is deeper.
    for _ in 0..64 {
        if let Some(place) = place(connection, atoms, window)? {
            return Ok(Some(place));
        }
        // It may close meanwhile.
        let Ok(pointer) = connection.query_pointer(window)?.reply() else { break };
        if pointer.child == 0 {
            break;
        }
        window = pointer.child;
    }
    Ok(None)
}

fn place(connection: &RustConnection, atoms: &Atoms, window: Window) -> Result<Option<Place>> {
    let told = value(connection, window, atoms.XdndProxy, AtomEnum::WINDOW)?;
    // A proxy that is still there says that it is one.
    let told = match told {
        Some(proxy) if value(connection, proxy, atoms.XdndProxy, AtomEnum::WINDOW)? == Some(proxy) => proxy,
        _ => window,
    };
    let version = value(connection, told, atoms.XdndAware, AtomEnum::ATOM)?.unwrap_or(0);
    Ok((version >= OLDEST).then_some(Place { window, told, version: version.min(VERSION) }))
}

/// The first number of a property.
fn value(connection: &RustConnection, window: Window, name: Atom, kind: AtomEnum) -> Result<Option<u32>> {
    let Ok(property) = connection.get_property(false, window, name, kind, 0, 1)?.reply() else {
        return Ok(None);
    };
    Ok(property.value32().and_then(|mut values| values.next()))
}

/// A place that was told of the drag.
pub struct Target {
    pub place: Place,
    /// Where the pointer was when it was last asked, and since when no answer has come.
    at: Option<(i16, i16)>,
    asked: Option<Instant>,
    willing: bool,
    finished: Option<bool>,
}

impl Target {
    /// The drag comes to a place.
    pub fn enter(source: &Source, place: Place) -> Result<Self> {
        let atoms = &source.atoms;
        tell(source, place, atoms.XdndEnter, [place.version << 24, atoms.UriList, 0, 0])?;
        Ok(Self { place, at: None, asked: None, willing: false, finished: None })
    }

    /// Asks whether the file is wanted at a point, unless an answer is still to come.
    pub fn point(&mut self, source: &Source, at: (i16, i16)) -> Result<()> {
        let waits = self.asked.is_some_and(|since| since.elapsed() < PATIENCE);
        if waits || self.at == Some(at) {
            return Ok(());
        }
        (self.at, self.asked) = (Some(at), Some(Instant::now()));
        let point = u32::from(at.0 as u16) << 16 | u32::from(at.1 as u16);
        let atoms = &source.atoms;
        tell(source, self.place, atoms.XdndPosition, [0, point, source.time(), atoms.XdndActionCopy])
    }

    /// The drag goes away.
    pub fn leave(self, source: &Source) -> Result<()> {
        tell(source, self.place, source.atoms.XdndLeave, [0; 4])
    }

    /// The file is let go here.
    pub fn drop(&mut self, source: &Source) -> Result<()> {
        tell(source, self.place, source.atoms.XdndDrop, [0, source.time(), 0, 0])
    }

    /// What the target says.
    pub fn hear(&mut self, atoms: &Atoms, message: &ClientMessageEvent) {
        let data = message.data.as_data32();
        if data[0] != self.place.window && data[0] != self.place.told {
            return;
        }
        if message.type_ == atoms.XdndStatus {
            (self.asked, self.willing) = (None, data[1] & 1 == 1);
        } else if message.type_ == atoms.XdndFinished {
            // Before version 5 nothing was said of success.
            self.finished = Some(self.place.version < 5 || data[1] & 1 == 1);
        }
    }

    /// An answer is still to come.
    pub fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// The file is wanted.
    pub fn is_willing(&self) -> bool {
        self.willing
    }

    /// Whether it was taken, once that is known.
    pub fn finished(&self) -> Option<bool> {
        self.finished
    }
}

fn tell(source: &Source, place: Place, what: Atom, data: [u32; 4]) -> Result<()> {
    let data = [source.offer.window, data[0], data[1], data[2], data[3]];
    let message = ClientMessageEvent::new(32, place.window, what, data);
    source.connection.send_event(false, place.told, EventMask::NO_EVENT, message)?;
    Ok(())
}
