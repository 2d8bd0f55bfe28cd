//! What a block's events wait in until they are in order, and the note-offs that the host would not take.

use std::mem::{MaybeUninit, size_of};

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_NOTE_CHOKE, CLAP_EVENT_NOTE_OFF, CLAP_EVENT_NOTE_ON,
    clap_event_header, clap_event_note, clap_output_events,
};

/// Events of a block that find room. Of those beyond, note-offs come in the next block and others are lost.
pub const OUTPUT: usize = 16_384;
/// Bytes of the longest event of CLAP but the transport, rounded up.
const LONGEST: usize = 64;

/// An event, whatever its kind. What it points to is the sender's.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub struct Slot([MaybeUninit<u8>; LONGEST]);

impl Slot {
    pub const EMPTY: Self = Self([MaybeUninit::zeroed(); LONGEST]);

    /// A copy of an event, at another time; `None` where it is longer than a slot.
    ///
    /// # Safety
    ///
    /// `event` begins an event of the size that it says.
    pub unsafe fn of(event: *const clap_event_header, time: u32) -> Option<Self> {
        let mut slot = Self::EMPTY;
        // SAFETY: the caller's; and the slot is long enough, and aligned for any event.
        unsafe {
            let size = (*event).size as usize;
            if !(size_of::<clap_event_header>()..=LONGEST).contains(&size) {
                return None;
            }
            let to: *mut u8 = slot.0.as_mut_ptr().cast();
            std::ptr::copy_nonoverlapping(event.cast::<u8>(), to, size);
            (*to.cast::<clap_event_header>()).time = time;
        }
        Some(slot)
    }

    fn header(&self) -> &clap_event_header {
        // SAFETY: a slot begins with a whole header, and is aligned for any event.
        unsafe { &*self.0.as_ptr().cast() }
    }
}

/// A key of a channel for each bit.
#[derive(Clone, Copy, Default)]
struct Keys([u128; 16]);

impl Keys {
    fn has(&self, (channel, key): (u8, u8)) -> bool {
        self.0[usize::from(channel)] >> key & 1 == 1
    }

    fn set(&mut self, (channel, key): (u8, u8), on: bool) {
        let word = &mut self.0[usize::from(channel)];
        *word = if on { *word | 1 << key } else { *word & !(1 << key) };
    }

    fn next(&self) -> Option<(u8, u8)> {
        let channel = self.0.iter().position(|&word| word != 0)?;
        Some((channel as u8, self.0[channel].trailing_zeros() as u8))
    }
}

/// What an event does to a key.
enum Does {
    Starts((u8, u8)),
    Ends((u8, u8)),
    Nothing,
}

/// The events of a block. Allocated once.
pub struct Outbox {
    slots: Vec<Slot>,
    order: Vec<u16>,
    /// The sample of the block at which the part starts that the plugin is at.
    start: u32,
    /// Keys whose note-on the host has taken, and whose note-off not yet.
    sounding: Keys,
    /// Those of them whose note-off it is owed.
    owed: Keys,
    /// The keys whose note-off found no room in this block.
    late: Keys,
}

impl Default for Outbox {
    fn default() -> Self {
        let [sounding, owed, late] = [Keys::default(); 3];
        let (slots, order) = (Vec::with_capacity(OUTPUT), Vec::with_capacity(OUTPUT));
        Self { slots, order, start: 0, sounding, owed, late }
    }
}

impl Outbox {
    /// Begins a block.
    pub fn begin(&mut self) {
        self.slots.clear();
    }

    /// The list that the plugin writes to in the part of the block that starts at a sample, while this stays
    /// where it is.
    pub fn list(&mut self, start: u32) -> clap_output_events {
        self.start = start;
        clap_output_events { ctx: std::ptr::from_mut(self).cast(), try_push: Some(try_push) }
    }

    /// # Safety
    ///
    /// `event` begins an event of the size that it says.
    unsafe fn push(&mut self, event: &clap_event_header) -> bool {
        let time = event.time.saturating_add(self.start);
        // SAFETY: the caller's.
        let slot = unsafe { Slot::of(event, time) }.filter(|_| self.slots.len() < OUTPUT);
        if let Some(slot) = slot {
            self.slots.push(slot);
            return true;
        }
        // SAFETY: the caller's.
        match unsafe { does(event) } {
            Does::Ends(key) => {
                self.late.set(key, true);
                true
            }
            _ => false,
        }
    }

    /// Sends the block's events to the host, in the order of time, and those of one time in the order in
    /// which they were written. First what was owed.
    ///
    /// # Safety
    ///
    /// `host` is null or the host's list.
    pub unsafe fn send(&mut self, host: *const clap_output_events) {
        // SAFETY: the caller's.
        let take = (unsafe { host.as_ref() }).and_then(|host| host.try_push);
        // SAFETY: the host's function, its list, and a whole event.
        let mut to_host = |event: &clap_event_header| take.is_some_and(|take| unsafe { take(host, event) });
        let mut before = self.owed;
        while let Some(key) = before.next() {
            before.set(key, false);
            self.pay(key, 0, &mut to_host);
        }
        self.order.clear();
        self.order.extend((0..self.slots.len()).map(|index| index as u16));
        // In place; the index makes it stable.
        let slots = &self.slots;
        self.order.sort_unstable_by_key(|&index| (slots[usize::from(index)].header().time, index));
        for place in 0..self.order.len() {
            let slot = self.slots[usize::from(self.order[place])];
            let event = slot.header();
            // SAFETY: the slot holds a whole event.
            match unsafe { does(event) } {
                Does::Starts(key) => {
                    // The note before it on this key ends first.
                    if (!self.owed.has(key) || self.pay(key, event.time, &mut to_host)) && to_host(event) {
                        self.sounding.set(key, true);
                    }
                }
                // The host knows nothing of a note whose note-on it would not take.
                Does::Ends(key) if !self.sounding.has(key) => {}
                Does::Ends(key) => {
                    let taken = to_host(event);
                    self.sounding.set(key, !taken);
                    self.owed.set(key, !taken);
                }
                Does::Nothing => {
                    to_host(event);
                }
            }
        }
        let mut late = std::mem::take(&mut self.late);
        while let Some(key) = late.next() {
            late.set(key, false);
            self.owed.set(key, self.sounding.has(key));
        }
    }

    /// Sends a note-off that is owed; false where the host will not take it now either.
    fn pay(
        &mut self,
        key: (u8, u8),
        time: u32,
        to_host: &mut impl FnMut(&clap_event_header) -> bool,
    ) -> bool {
        let event = clap_event_note {
            header: clap_event_header {
                size: size_of::<clap_event_note>() as u32,
                time,
                space_id: CLAP_CORE_EVENT_SPACE_ID,
                type_: CLAP_EVENT_NOTE_OFF,
                flags: 0,
            },
            note_id: -1,
            port_index: 0,
            channel: key.0.into(),
            key: key.1.into(),
            velocity: 0.0,
        };
        if self.sounding.has(key) && !to_host(&event.header) {
            return false;
        }
        self.sounding.set(key, false);
        self.owed.set(key, false);
        true
    }
}

/// What an event does to a key, where it names one.
///
/// # Safety
///
/// `event` begins an event of the kind that it says.
unsafe fn does(event: &clap_event_header) -> Does {
    let ends = matches!(event.type_, CLAP_EVENT_NOTE_OFF | CLAP_EVENT_NOTE_CHOKE);
    if event.space_id != CLAP_CORE_EVENT_SPACE_ID || !ends && event.type_ != CLAP_EVENT_NOTE_ON {
        return Does::Nothing;
    }
    // SAFETY: the caller's.
    let note = unsafe { &*std::ptr::from_ref(event).cast::<clap_event_note>() };
    match (u8::try_from(note.channel), u8::try_from(note.key)) {
        (Ok(channel @ 0..16), Ok(key @ 0..128)) if ends => Does::Ends((channel, key)),
        (Ok(channel @ 0..16), Ok(key @ 0..128)) => Does::Starts((channel, key)),
        _ => Does::Nothing,
    }
}

unsafe extern "C" fn try_push(list: *const clap_output_events, event: *const clap_event_header) -> bool {
    // SAFETY: the context is the outbox that made the list, and the plugin hands in a whole event.
    unsafe { event.as_ref().is_some_and(|event| (*(*list).ctx.cast::<Outbox>()).push(event)) }
}
