//! A window that takes what is dragged onto it, as a host's tracks do: XDND's other end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use x11rb::connection::Connection;
use x11rb::errors::ReplyOrIdError;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, PropMode, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

x11rb::atom_manager! {
    Atoms: AtomsCookie {
        XdndActionCopy,
        XdndAware,
        XdndDrop,
        XdndEnter,
        XdndFinished,
        XdndLeave,
        XdndPosition,
        XdndSelection,
        XdndStatus,
        UriList: b"text/uri-list",
    }
}

/// What a target was told, in the order in which it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dragged {
    /// Something came over the window.
    Entered,
    /// It went away again.
    Left,
    /// It was let go; the list of addresses that was given.
    Dropped(String),
}

/// A window that takes drags, on a thread of its own, until it is dropped itself.
pub struct DropTarget {
    told: Receiver<Dragged>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl DropTarget {
    /// A window on this program's display, at a place (x, y) of a size. One that is not `willing` says of all
    /// that it does not want it.
    pub fn new(place: (i16, i16), size: (u16, u16), willing: bool) -> Self {
        let (tell, told) = channel();
        let (ready, made) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let until = stop.clone();
        let serve = move || {
            let target = Target::new(place, size, willing, tell).expect("a window that takes drags is made");
            let _ = ready.send(());
            target.run(&until).expect("the display stays");
        };
        let thread = Some(thread::spawn(serve));
        made.recv().expect("a window that takes drags is made");
        Self { told, stop, thread }
    }

    /// The next thing that it was told, if it comes in this time.
    pub fn next(&self, patience: Duration) -> Option<Dragged> {
        self.told.recv_timeout(patience).ok()
    }
}

impl Drop for DropTarget {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Result<T> = std::result::Result<T, ReplyOrIdError>;

struct Target {
    connection: RustConnection,
    atoms: Atoms,
    window: u32,
    willing: bool,
    tell: Sender<Dragged>,
}

impl Target {
    fn new(place: (i16, i16), size: (u16, u16), willing: bool, tell: Sender<Dragged>) -> Result<Self> {
        let (connection, screen) = x11rb::connect(None).expect("there is a display");
        let atoms = Atoms::new(&connection)?.reply()?;
        let (window, root) = (connection.generate_id()?, connection.setup().roots[screen].root);
        let (depth, class) = (x11rb::COPY_DEPTH_FROM_PARENT, WindowClass::INPUT_OUTPUT);
        let aux = CreateWindowAux::new();
        connection.create_window(depth, window, root, place.0, place.1, size.0, size.1, 0, class, 0, &aux)?;
        connection.change_property32(PropMode::REPLACE, window, atoms.XdndAware, AtomEnum::ATOM, &[5])?;
        connection.map_window(window)?.check()?;
        Ok(Self { connection, atoms, window, willing, tell })
    }

    fn run(&self, stop: &AtomicBool) -> Result<()> {
        let mut source = 0;
        while !stop.load(Ordering::Relaxed) {
            while let Some(event) = self.connection.poll_for_event()? {
                match event {
                    Event::ClientMessage(message) => source = self.hear(&message)?,
                    Event::SelectionNotify(_) => self.take(source)?,
                    _ => {}
                }
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Answers a message; gives the window that it is from.
    fn hear(&self, message: &ClientMessageEvent) -> Result<u32> {
        let (atoms, data) = (&self.atoms, message.data.as_data32());
        let source = data[0];
        if message.type_ == atoms.XdndEnter {
            assert_eq!((data[1] >> 24, data[2]), (5, atoms.UriList), "the version and what is offered");
            let _ = self.tell.send(Dragged::Entered);
        } else if message.type_ == atoms.XdndPosition {
            assert_eq!(data[4], atoms.XdndActionCopy);
            let action = if self.willing { atoms.XdndActionCopy } else { 0 };
            self.send(source, atoms.XdndStatus, [u32::from(self.willing), 0, 0, action])?;
        } else if message.type_ == atoms.XdndLeave {
            let _ = self.tell.send(Dragged::Left);
        } else if message.type_ == atoms.XdndDrop {
            let (selection, list) = (atoms.XdndSelection, atoms.UriList);
            self.connection.convert_selection(self.window, selection, list, selection, data[2])?;
            self.connection.flush()?;
        }
        Ok(source)
    }

    /// The addresses are there.
    fn take(&self, source: u32) -> Result<()> {
        let (atoms, name) = (&self.atoms, self.atoms.XdndSelection);
        let list = self.connection.get_property(true, self.window, name, atoms.UriList, 0, 4096)?.reply()?;
        let _ = self.tell.send(Dragged::Dropped(String::from_utf8_lossy(&list.value).into_owned()));
        self.send(source, atoms.XdndFinished, [1, atoms.XdndActionCopy, 0, 0])
    }

    fn send(&self, to: u32, what: u32, data: [u32; 4]) -> Result<()> {
        let data = [self.window, data[0], data[1], data[2], data[3]];
        let message = ClientMessageEvent::new(32, to, what, data);
        self.connection.send_event(false, to, EventMask::NO_EVENT, message)?;
        self.connection.flush()?;
        Ok(())
    }
}
