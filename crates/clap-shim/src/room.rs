//! As many events as the plugin's queue has room for, which is empty when its process is called.
//!
//! Parameters do not wait there, those that the plugin sets itself among them.

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_MIDI, CLAP_EVENT_MIDI_SYSEX, CLAP_EVENT_MIDI2,
    CLAP_EVENT_NOTE_CHOKE, CLAP_EVENT_NOTE_EXPRESSION, CLAP_EVENT_NOTE_OFF, CLAP_EVENT_NOTE_ON,
    clap_event_header, clap_event_midi, clap_event_note, clap_input_events,
};

/// Notes and controllers that reach the plugin in one call. Its queue must have room for as many.
pub const ROOM: usize = 8_192;
/// From here on only what ends something is let through: a note-off for every key there is, and more.
const CROWDED: usize = ROOM - 16 * 128 - 256;

/// What an event is to a queue.
enum Kind {
    /// It does not wait there.
    Apart,
    /// A note, an expression or a controller.
    Queued,
    /// The end of a key of a channel.
    Off(u8, u8),
    /// The end of more than one, or of something else.
    End,
}

/// The host's events of a block or a part of it, as many as there is room for.
pub struct Room {
    host: *const clap_input_events,
    queued: usize,
    /// The keys that have ended since it was crowded, one bit each.
    ended: [u128; 16],
}

impl Default for Room {
    fn default() -> Self {
        Self { host: std::ptr::null(), queued: 0, ended: [0; 16] }
    }
}

impl Room {
    /// The list that the plugin reads where the host's is too long; `None` where that may be read as it is.
    ///
    /// # Safety
    ///
    /// `host` is null or the host's list; this stays where it is while the list is read, once and in order.
    pub unsafe fn list(&mut self, host: *const clap_input_events) -> Option<clap_input_events> {
        // SAFETY: the caller's.
        let count = unsafe { host.as_ref()?.size.map_or(0, |size| size(host)) };
        if count as usize <= CROWDED {
            return None;
        }
        *self = Self { host, queued: 0, ended: [0; 16] };
        let ctx = std::ptr::from_mut(self).cast();
        Some(clap_input_events { ctx, size: Some(size), get: Some(get) })
    }

    /// Whether there is room for an event.
    fn takes(&mut self, kind: &Kind) -> bool {
        let crowded = self.queued >= CROWDED;
        let takes = match *kind {
            Kind::Apart => return true,
            Kind::Queued => !crowded,
            Kind::Off(channel, key) if crowded => {
                let ended = &mut self.ended[usize::from(channel)];
                // No note starts any more, so one end of each key is enough.
                let first = *ended >> key & 1 == 0;
                *ended |= 1 << key;
                first
            }
            Kind::Off(..) => true,
            // Room is left for each key's end.
            Kind::End => self.queued < CROWDED + 256,
        };
        self.queued += usize::from(takes);
        takes
    }
}

/// # Safety
///
/// `event` begins an event of the kind that it says.
unsafe fn kind(event: &clap_event_header) -> Kind {
    if event.space_id != CLAP_CORE_EVENT_SPACE_ID {
        return Kind::Apart;
    }
    let at = std::ptr::from_ref(event);
    match event.type_ {
        CLAP_EVENT_NOTE_OFF | CLAP_EVENT_NOTE_CHOKE => {
            // SAFETY: the caller's.
            let note = unsafe { &*at.cast::<clap_event_note>() };
            match (u8::try_from(note.channel), u8::try_from(note.key)) {
                (Ok(channel @ 0..16), Ok(key @ 0..128)) => Kind::Off(channel, key),
                _ => Kind::End,
            }
        }
        CLAP_EVENT_MIDI => {
            // SAFETY: the caller's.
            let [status, first, second] = unsafe { (*at.cast::<clap_event_midi>()).data };
            let (channel, first) = (status & 15, first & 127);
            match (status & 0xF0, first, second) {
                (0x80, key, _) | (0x90, key, 0) => Kind::Off(channel, key),
                // Pedals come up; all notes end.
                (0xB0, 64..=69, 0..64) | (0xB0, 120..=127, _) => Kind::End,
                _ => Kind::Queued,
            }
        }
        CLAP_EVENT_NOTE_ON | CLAP_EVENT_NOTE_EXPRESSION | CLAP_EVENT_MIDI2 | CLAP_EVENT_MIDI_SYSEX => {
            Kind::Queued
        }
        _ => Kind::Apart,
    }
}

unsafe extern "C" fn size(list: *const clap_input_events) -> u32 {
    // SAFETY: the context is the room that made the list, and the host's list is whole.
    unsafe {
        let host = (*(*list).ctx.cast::<Room>()).host;
        (*host).size.map_or(0, |size| size(host))
    }
}

unsafe extern "C" fn get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
    // SAFETY: as above. A plugin passes over an event that is null.
    unsafe {
        let room = &mut *(*list).ctx.cast::<Room>();
        let event = (*room.host).get.map_or(std::ptr::null(), |get| get(room.host, index));
        match event.as_ref() {
            Some(header) if room.takes(&kind(header)) => event,
            _ => std::ptr::null(),
        }
    }
}
