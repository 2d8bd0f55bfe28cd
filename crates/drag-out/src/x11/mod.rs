//! XDND, the X Window System's drag and drop, as a source of one file.
//!
//! A thread with a connection of its own asks where the pointer is and tells the window below of the drag.
//! It grabs nothing: the button that was pressed in the plugin's window keeps the pointer with that window
//! until it is let go, and the window library knows nothing of all this.
//!
//! The protocol: <https://www.freedesktop.org/wiki/Specifications/XDND/>.

mod offer;
mod target;

use std::path::Path;
use std::time::{Duration, Instant};

use raw_window_handle::WindowHandle;
use x11rb::connection::Connection;
use x11rb::errors::ReplyOrIdError;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{ConnectionExt, KeyButMask, Timestamp, Window};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::{Drag, Outcome};
use offer::Offer;
use target::Target;

x11rb::atom_manager! {
    /// The names that the protocol uses.
    pub Atoms: AtomsCookie {
        XdndActionCopy,
        XdndAware,
        XdndDrop,
        XdndEnter,
        XdndFinished,
        XdndLeave,
        XdndPosition,
        XdndProxy,
        XdndSelection,
        XdndStatus,
        TARGETS,
        UriList: b"text/uri-list",
    }
}

/// How often the pointer is asked for.
const PACE: Duration = Duration::from_millis(8);
/// How long a target may take to say whether it wants a file, and to copy it.
const ANSWER: Duration = Duration::from_secs(2);
const COPY: Duration = Duration::from_secs(20);
/// Nobody drags longer.
const LONGEST: Duration = Duration::from_secs(300);
const ESCAPE: u32 = 0xff1b;

/// See [`crate::start`].
pub fn start(file: &Path, _: Option<WindowHandle>, drag: Drag) -> std::result::Result<(), String> {
    let source = Source::new(file).map_err(|error| error.to_string())?;
    let run = move || {
        let taken = source.run().unwrap_or(false);
        // The server may forget what was said last by somebody who has gone.
        let _ = source.connection.sync();
        drag.end(if taken { Outcome::Taken } else { Outcome::Refused });
    };
    let thread = std::thread::Builder::new().name("contrafact-drag".into()).spawn(run);
    thread.map(|_| ()).map_err(|error| error.to_string())
}

/// An error of the connection: the drag is over.
type Result<T> = std::result::Result<T, ReplyOrIdError>;

/// Our end of the drag.
struct Source {
    connection: RustConnection,
    atoms: Atoms,
    root: Window,
    offer: Offer,
    escape: Option<u8>,
}

impl Source {
    fn new(file: &Path) -> std::result::Result<Self, Box<dyn std::error::Error>> {
        let (connection, screen) = x11rb::connect(None)?;
        let atoms = Atoms::new(&connection)?.reply()?;
        let root = connection.setup().roots[screen].root;
        let offer = Offer::new(&connection, &atoms, root, file)?;
        let escape = key(&connection, ESCAPE)?;
        Ok(Self { connection, atoms, root, offer, escape })
    }

    /// Follows the pointer until the button is let go; whether somebody took the file.
    fn run(&self) -> Result<bool> {
        let begun = Instant::now();
        let mut target: Option<Target> = None;
        while begun.elapsed() < LONGEST {
            if self.serve(&mut target)? {
                break;
            }
            let pointer = self.connection.query_pointer(self.root)?.reply()?;
            if !pointer.mask.contains(KeyButMask::BUTTON1) {
                return self.release(target);
            }
            if self.is_given_up()? {
                break;
            }
            let below = target::below(&self.connection, &self.atoms, self.root)?;
            if below.map(|below| below.window) != target.as_ref().map(|target| target.place.window) {
                if let Some(left) = target.take() {
                    left.leave(self)?;
                }
                target = below.map(|below| Target::enter(self, below)).transpose()?;
            }
            if let Some(target) = &mut target {
                target.point(self, (pointer.root_x, pointer.root_y))?;
            }
            self.connection.flush()?;
            std::thread::sleep(PACE);
        }
        if let Some(target) = target {
            target.leave(self)?;
            self.connection.flush()?;
        }
        Ok(false)
    }

    /// The button is up: a target that wants the file gets it.
    fn release(&self, mut target: Option<Target>) -> Result<bool> {
        let since = Instant::now();
        while target.as_ref().is_some_and(Target::is_asked) && since.elapsed() < ANSWER {
            if self.serve(&mut target)? {
                return Ok(false);
            }
            std::thread::sleep(PACE);
        }
        let Some(mut wanted) = target else { return Ok(false) };
        if !wanted.is_willing() {
            wanted.leave(self)?;
            self.connection.flush()?;
            return Ok(false);
        }
        wanted.drop(self)?;
        self.connection.flush()?;
        let (since, mut target) = (Instant::now(), Some(wanted));
        while since.elapsed() < COPY {
            if self.serve(&mut target)? {
                return Ok(false);
            }
            if let Some(taken) = target.as_ref().and_then(Target::finished) {
                return Ok(taken);
            }
            std::thread::sleep(PACE);
        }
        Ok(false)
    }

    /// Answers what came in; whether another drag took our place.
    fn serve(&self, target: &mut Option<Target>) -> Result<bool> {
        while let Some(event) = self.connection.poll_for_event()? {
            match event {
                Event::SelectionRequest(request) => {
                    self.offer.give(&self.connection, &self.atoms, &request)?
                }
                Event::SelectionClear(_) => return Ok(true),
                Event::ClientMessage(message) => {
                    if let Some(target) = target {
                        target.hear(&self.atoms, &message);
                    }
                }
                _ => {}
            }
        }
        self.connection.flush()?;
        Ok(false)
    }

    fn is_given_up(&self) -> Result<bool> {
        let Some(escape) = self.escape else { return Ok(false) };
        let keys = self.connection.query_keymap()?.reply()?.keys;
        Ok(keys[usize::from(escape / 8)] & 1 << (escape % 8) != 0)
    }

    fn time(&self) -> Timestamp {
        self.offer.since
    }
}

/// The key that has a meaning.
fn key(connection: &RustConnection, meaning: u32) -> Result<Option<u8>> {
    let (first, last) = (connection.setup().min_keycode, connection.setup().max_keycode);
    let map = connection.get_keyboard_mapping(first, last - first + 1)?.reply()?;
    let each = usize::from(map.keysyms_per_keycode).max(1);
    let at = map.keysyms.chunks(each).position(|meanings| meanings.contains(&meaning));
    Ok(at.map(|at| first + at as u8))
}
