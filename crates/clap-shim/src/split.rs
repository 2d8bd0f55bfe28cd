//! A block in parts, so that what changes within it counts from its own sample on.
//!
//! A framework that reads all of a call's events before it processes any of the call's samples has every
//! parameter change count from the first of them. So the block becomes as many calls as it has times at which
//! a parameter or the transport changes, each with its own events, audio and transport.
//!
//! A part is at least 1/64 of the block long, up to the next whole sample, but for the last. What changes
//! before that counts from the part's start: early by less than 1/64 of the block. A host that writes a value
//! every few samples costs 64 calls, not hundreds.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::null;

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, CLAP_EVENT_TRANSPORT, clap_event_header,
    clap_event_transport, clap_input_events,
};

use crate::asked::Queue;
use crate::outbox::Slot;
use crate::transport::Clock;

/// Parts of a block, at most.
const PARTS: u32 = 64;
/// Events of a block that is split; one with more is not.
pub const EVENTS: usize = 16_384;
/// Events of a call that are there at once with a time of their own; the one after them takes the first's
/// place. A plugin looks at an event before it asks for so many others.
const SLOTS: usize = 1_024;

/// A part of a block.
#[derive(Clone, Copy)]
pub struct Part {
    /// Its first sample in the block.
    pub start: u32,
    pub frames: u32,
}

/// An event of a block that is split.
#[derive(Clone, Copy)]
struct Entry {
    time: u32,
    /// Where it is in the host's list.
    index: u32,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Value,
    Transport,
    Other,
}

/// The events of a block, part by part.
pub struct Split {
    /// What the host gave: its list, how many events it has, and the block's length.
    given: *const clap_input_events,
    count: u32,
    frames: u32,
    /// The list is not handed on as it is, since the transport changes within the block.
    guarded: bool,
    /// In order of time, where the block is split: how much of it comes before the part, and with it.
    entries: Vec<Entry>,
    split: bool,
    before: usize,
    end: usize,
    part: Part,
    /// What comes in with the part before all else.
    due: Queue,
    slots: Box<[Cell<Slot>]>,
}

impl Default for Split {
    fn default() -> Self {
        Self {
            given: null(),
            count: 0,
            frames: 0,
            guarded: false,
            entries: Vec::with_capacity(EVENTS),
            split: false,
            before: 0,
            end: 0,
            part: Part { start: 0, frames: 0 },
            due: Queue::default(),
            slots: vec![Cell::new(Slot::EMPTY); SLOTS].into(),
        }
    }
}

/// Its time and what it is.
fn read(event: &clap_event_header) -> (u32, Kind) {
    let kind = match (event.space_id, event.type_) {
        (CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE) => Kind::Value,
        (CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_TRANSPORT) => Kind::Transport,
        _ => Kind::Other,
    };
    (event.time, kind)
}

impl Split {
    /// Begins a block: whether it is split, though it may be in one part, whose transport is its own.
    ///
    /// Where it must not be split, or has more than [`EVENTS`] events, what changes within it counts from its
    /// start, and what the transport does within it from the next block on.
    ///
    /// # Safety
    ///
    /// `given` is null or the host's list, whole until the block's end.
    pub unsafe fn begin(&mut self, given: *const clap_input_events, frames: u32, may: bool) -> bool {
        // SAFETY: the caller's.
        self.count = unsafe { given.as_ref().and_then(|list| Some(list.size?(given))).unwrap_or(0) };
        (self.given, self.frames, self.guarded, self.split) = (given, frames, false, false);
        (self.before, self.end, self.part) = (0, 0, Part { start: 0, frames: 0 });
        self.entries.clear();
        for index in 0..self.count {
            let Some((_, time, kind)) = self.known(index) else { continue };
            self.guarded |= kind == Kind::Transport && time > 0;
            self.split |= kind == Kind::Value && (self.least()..frames).contains(&time);
        }
        self.split = (self.split || self.guarded) && may && frames > 0 && self.count as usize <= EVENTS;
        if self.split {
            for index in 0..self.count {
                if let Some((_, time, kind)) = self.known(index) {
                    self.entries.push(Entry { time, index, kind });
                }
            }
            // In place; the index makes it stable. Hosts break the rule of order.
            self.entries.sort_unstable_by_key(|entry| (entry.time, entry.index));
        }
        self.split
    }

    /// The least length of a part that others come after.
    fn least(&self) -> u32 {
        self.frames.div_ceil(PARTS).max(1)
    }

    /// An event of the host's list.
    fn event(&self, index: u32) -> *const clap_event_header {
        // SAFETY: the list is whole, by the word given to `begin`, and has said that there are so many.
        unsafe { (*self.given).get.map_or(null(), |get| get(self.given, index)) }
    }

    /// The event, where the host gives one, with its time and what it is.
    fn known(&self, index: u32) -> Option<(*const clap_event_header, u32, Kind)> {
        let event = self.event(index);
        // SAFETY: hosts give events, or null.
        let (time, kind) = unsafe { event.as_ref().map(read)? };
        Some((event, time, kind))
    }

    /// The next part of a block that is split. `clock` is told what the host says of the transport.
    pub fn next(&mut self, clock: &mut Clock) -> Option<Part> {
        let start = self.part.start + self.part.frames;
        if start >= self.frames {
            return None;
        }
        self.before = self.end;
        let rest = &self.entries[self.before..];
        let soonest = start.saturating_add(self.least());
        let changes =
            |entry: &&Entry| entry.kind != Kind::Other && (soonest..self.frames).contains(&entry.time);
        let end = rest.iter().find(changes).map_or(self.frames, |entry| entry.time);
        let within = rest.partition_point(|entry| entry.time < end);
        for entry in rest[..within].iter().filter(|entry| entry.kind == Kind::Transport) {
            if let Some((event, time, Kind::Transport)) = self.known(entry.index) {
                // SAFETY: it is a whole event of the kind that it says.
                clock.tell(unsafe { *event.cast::<clap_event_transport>() }, time);
            }
        }
        // The last part takes what is beyond the block too.
        self.end = if end == self.frames { self.entries.len() } else { self.before + within };
        self.part = Part { start, frames: end - start };
        Some(self.part)
    }

    /// The list that the plugin reads in this call, `due` first; `None` where the host's own will do. This
    /// stays where it is while it is read.
    pub fn list(&mut self, due: Queue) -> Option<clap_input_events> {
        self.due = due;
        if !self.split && !self.guarded && self.due.len() == 0 {
            return None;
        }
        let ctx: *const Self = self;
        Some(clap_input_events { ctx: ctx.cast_mut().cast::<c_void>(), size: Some(size), get: Some(get) })
    }

    fn size(&self) -> u32 {
        let count = if self.split { (self.end - self.before) as u32 } else { self.count };
        count.saturating_add(self.due.len() as u32)
    }

    /// Null for a transport that the part's own stands for, and for what there is not.
    fn get(&self, index: u32) -> *const clap_event_header {
        if let Some(event) = self.due.get(index as usize) {
            return &raw const event.header;
        }
        let index = index - self.due.len() as u32;
        if !self.split {
            let known = if index < self.count { self.known(index) } else { None };
            let shown = known.filter(|&(_, time, kind)| kind != Kind::Transport || time == 0);
            return shown.map_or(null(), |(event, ..)| event);
        }
        match self.entries[self.before..self.end].get(index as usize) {
            Some(entry) if entry.kind != Kind::Transport => self.moved(entry, index as usize % SLOTS),
            _ => null(),
        }
    }

    /// An event with the part's time, for which it may need a slot.
    fn moved(&self, entry: &Entry, slot: usize) -> *const clap_event_header {
        let time = (entry.time - self.part.start).min(self.part.frames - 1);
        let event = self.event(entry.index);
        if event.is_null() || time == entry.time {
            return event;
        }
        // SAFETY: it is a whole event. None of CLAP's own is longer than a slot but the transport; frameworks
        // pass over those of others.
        let Some(copy) = (unsafe { Slot::of(event, time) }) else { return null() };
        self.slots[slot].set(copy);
        self.slots[slot].as_ptr().cast_const().cast()
    }
}

unsafe extern "C" fn size(list: *const clap_input_events) -> u32 {
    // SAFETY: lists with this function are made by `list` and used while it lives.
    unsafe { (*(*list).ctx.cast::<Split>()).size() }
}

unsafe extern "C" fn get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
    // SAFETY: as above.
    unsafe { (*(*list).ctx.cast::<Split>()).get(index) }
}
