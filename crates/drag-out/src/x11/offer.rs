//! What is offered: the file's address, as a selection that the target asks for.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ConnectionExt as _, CreateWindowAux, EventMask, PropMode, SELECTION_NOTIFY_EVENT,
    SelectionNotifyEvent, SelectionRequestEvent, Timestamp, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use super::{Atoms, Result};

/// A window of ours that nobody sees, which owns the selection.
pub struct Offer {
    pub window: Window,
    /// The server's time at which the selection became ours.
    pub since: Timestamp,
    list: Vec<u8>,
}

impl Offer {
    pub fn new(connection: &RustConnection, atoms: &Atoms, root: Window, file: &Path) -> Result<Self> {
        let window = connection.generate_id()?;
        let aux = CreateWindowAux::new().override_redirect(1).event_mask(EventMask::PROPERTY_CHANGE);
        connection.create_window(0, window, root, -1, -1, 1, 1, 0, WindowClass::INPUT_ONLY, 0, &aux)?;
        // A property that changes tells what time it is.
        connection.change_property8(PropMode::APPEND, window, atoms.UriList, AtomEnum::STRING, b"")?;
        connection.flush()?;
        let since = loop {
            if let Event::PropertyNotify(change) = connection.wait_for_event()? {
                break change.time;
            }
        };
        connection.set_selection_owner(window, atoms.XdndSelection, since)?;
        connection.flush()?;
        Ok(Self { window, since, list: uri_list(file) })
    }

    /// Gives what was asked for, or says that we have no such thing.
    pub fn give(
        &self,
        connection: &RustConnection,
        atoms: &Atoms,
        asked: &SelectionRequestEvent,
    ) -> Result<()> {
        let mut property = if asked.property == 0 { asked.target } else { asked.property };
        let to = asked.requestor;
        if asked.target == atoms.TARGETS {
            let kinds = [atoms.TARGETS, atoms.UriList];
            connection.change_property32(PropMode::REPLACE, to, property, AtomEnum::ATOM, &kinds)?;
        } else if asked.target == atoms.UriList {
            connection.change_property8(PropMode::REPLACE, to, property, atoms.UriList, &self.list)?;
        } else {
            property = 0;
        }
        let answer = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: asked.time,
            requestor: to,
            selection: asked.selection,
            target: asked.target,
            property,
        };
        connection.send_event(false, to, EventMask::NO_EVENT, answer)?;
        connection.flush()?;
        Ok(())
    }
}

/// A list of one address (RFC 2483): what is no plain letter in the path becomes its number.
fn uri_list(file: &Path) -> Vec<u8> {
    let mut list = b"file://".to_vec();
    for &byte in file.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            list.push(byte);
        } else {
            list.extend(format!("%{byte:02X}").into_bytes());
        }
    }
    list.extend(b"\r\n");
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_addresses() {
        let list = uri_list(Path::new("/home/jürgen/Bar 9 classic > jazz.mid"));
        let expected = "file:///home/j%C3%BCrgen/Bar%209%20classic%20%3E%20jazz.mid\r\n";
        assert_eq!(String::from_utf8(list).unwrap(), expected);
    }
}
