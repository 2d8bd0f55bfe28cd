//! A host's events without those that modulate.

use std::cell::Cell;
use std::ffi::c_void;

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_MOD, clap_event_header, clap_input_events,
};

/// A list of which some are left out. Allocates nothing: it looks for each event from the last one on.
pub struct Unmodulated {
    list: *const clap_input_events,
    /// How many there are, and how many of them stay.
    count: u32,
    stay: u32,
    /// The event that was asked for last: its number among those that stay, and in the host's list.
    last: Cell<(u32, u32)>,
}

impl Unmodulated {
    /// Those of `list`.
    ///
    /// # Safety
    ///
    /// The list is whole, or null, as long as this is used.
    pub unsafe fn of(list: *const clap_input_events) -> Self {
        // SAFETY: the caller's word.
        let size = unsafe { list.as_ref() }.and_then(|events| events.size);
        // SAFETY: as above.
        let count = size.map_or(0, |size| unsafe { size(list) });
        let mut events = Self { list, count, stay: 0, last: Cell::new((0, 0)) };
        events.stay = (0..count).filter(|&index| events.stays(index)).count() as u32;
        events.last.set((0, events.next(0)));
        events
    }

    /// The list without them; `None` where the host's own will do.
    pub fn list(&self) -> Option<clap_input_events> {
        let ctx: *const Self = self;
        (self.stay < self.count).then_some(clap_input_events {
            ctx: ctx.cast_mut().cast::<c_void>(),
            size: Some(size),
            get: Some(get),
        })
    }

    fn event(&self, index: u32) -> *const clap_event_header {
        // SAFETY: the maker's word, and the host has said that there are so many.
        unsafe { (*self.list).get.map_or(std::ptr::null(), |get| get(self.list, index)) }
    }

    fn stays(&self, index: u32) -> bool {
        // SAFETY: hosts give events, or null.
        let event = unsafe { self.event(index).as_ref() };
        event.is_some_and(|event| {
            (event.space_id, event.type_) != (CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_MOD)
        })
    }

    /// The first event from `index` on that stays.
    fn next(&self, index: u32) -> u32 {
        (index..self.count).find(|&index| self.stays(index)).unwrap_or(self.count)
    }

    fn get(&self, number: u32) -> *const clap_event_header {
        if number >= self.stay {
            return std::ptr::null();
        }
        let (mut at, mut index) = self.last.get();
        if number < at {
            (at, index) = (0, self.next(0));
        }
        while at < number {
            (at, index) = (at + 1, self.next(index + 1));
        }
        self.last.set((at, index));
        self.event(index)
    }
}

unsafe extern "C" fn size(list: *const clap_input_events) -> u32 {
    // SAFETY: lists with this function are made by `list` and used while it lives.
    unsafe { (*(*list).ctx.cast::<Unmodulated>()).stay }
}

unsafe extern "C" fn get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
    // SAFETY: as above.
    unsafe { (*(*list).ctx.cast::<Unmodulated>()).get(index) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: u16 = clap_sys::events::CLAP_EVENT_NOTE_ON;

    unsafe extern "C" fn count(list: *const clap_input_events) -> u32 {
        // SAFETY: the test's own list.
        unsafe { (*(*list).ctx.cast::<Vec<clap_event_header>>()).len() as u32 }
    }

    unsafe extern "C" fn at(list: *const clap_input_events, index: u32) -> *const clap_event_header {
        // SAFETY: as above.
        unsafe { &raw const (&(*(*list).ctx.cast::<Vec<clap_event_header>>()))[index as usize] }
    }

    /// The times of the events that stay, asked for in this order.
    fn times(kinds: &[u16], order: &[u32]) -> Option<Vec<Option<u32>>> {
        let header = |(time, &type_): (usize, &u16)| clap_event_header {
            size: size_of::<clap_event_header>() as u32,
            time: time as u32,
            space_id: CLAP_CORE_EVENT_SPACE_ID,
            type_,
            flags: 0,
        };
        let mut events: Vec<_> = kinds.iter().enumerate().map(header).collect();
        let list = clap_input_events { ctx: (&raw mut events).cast(), size: Some(count), get: Some(at) };
        // SAFETY: the list is whole.
        let unmodulated = unsafe { Unmodulated::of(&list) };
        let list = unmodulated.list()?;
        // SAFETY: `unmodulated` lives.
        unsafe {
            assert_eq!(size(&list) as usize, kinds.iter().filter(|kind| **kind == NOTE).count());
            Some(order.iter().map(|&index| get(&list, index).as_ref().map(|event| event.time)).collect())
        }
    }

    #[test]
    fn what_modulates_is_left_out_in_whatever_order_the_rest_is_asked_for() {
        const MOD: u16 = CLAP_EVENT_PARAM_MOD;
        let kinds = [MOD, NOTE, MOD, MOD, NOTE, NOTE, MOD];
        let times = |order: &[u32]| times(&kinds, order).unwrap();
        assert_eq!(times(&[0, 1, 2, 3]), [Some(1), Some(4), Some(5), None]);
        assert_eq!(times(&[2, 0, 0, 1, 2]), [Some(5), Some(1), Some(1), Some(4), Some(5)]);
        assert_eq!(self::times(&[NOTE, NOTE], &[]), None, "the host's own list will do");
        assert_eq!(self::times(&[MOD], &[0]), Some(vec![None]));
    }

    #[test]
    fn no_list_is_no_events() {
        // SAFETY: null is allowed.
        assert!(unsafe { Unmodulated::of(std::ptr::null()) }.list().is_none());
    }
}
