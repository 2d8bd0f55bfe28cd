//! The parameters that a plugin sets itself while it processes.
//!
//! The host is told with the events that the plugin sends. The framework learns of it as of any change: by an
//! event that comes in, with the next part of the block, or by a flush at the block's end: the host may not
//! call again for long, and must not find the old value until then.

use std::cell::Cell;
use std::mem::size_of;
use std::ptr::null_mut;

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, clap_event_header, clap_event_param_value,
    clap_input_events, clap_output_events,
};
use clap_sys::id::clap_id;

/// Parameters that a plugin can set in one call of its process.
pub const ASKED: usize = 16;

/// What was set and is yet to come in, in this order.
#[derive(Clone, Copy)]
pub struct Queue {
    events: [clap_event_param_value; ASKED],
    count: usize,
}

impl Default for Queue {
    fn default() -> Self {
        Self { events: [event(0, 0.0, 0); ASKED], count: 0 }
    }
}

impl Queue {
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn get(&self, index: usize) -> Option<&clap_event_param_value> {
        self.events[..self.count].get(index)
    }

    /// As the events that come in. They stay where they are while they are read.
    pub fn list(&self) -> clap_input_events {
        let ctx: *const Self = self;
        clap_input_events { ctx: ctx.cast_mut().cast(), size: Some(size), get: Some(get) }
    }

    /// Takes all that is there.
    pub fn take(&mut self) -> Self {
        let taken = *self;
        self.count = 0;
        taken
    }
}

unsafe extern "C" fn size(list: *const clap_input_events) -> u32 {
    // SAFETY: lists with this function are made by `Queue::list` and used while it lives.
    unsafe { (*(*list).ctx.cast::<Queue>()).len() as u32 }
}

unsafe extern "C" fn get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
    // SAFETY: as above.
    let event = unsafe { (*(*list).ctx.cast::<Queue>()).get(index as usize) };
    event.map_or(std::ptr::null(), |event| &raw const event.header)
}

/// A call of the plugin's process that is under way.
struct Call {
    queue: *mut Queue,
    output: *const clap_output_events,
    /// The part's first sample in the block, and its last in the part.
    start: u32,
    last: u32,
}

thread_local! {
    /// The one of this thread; null where there is none. Needs no making and no end, so that to look at it
    /// allocates nothing.
    static CALL: Cell<*mut Call> = const { Cell::new(null_mut()) };
}

/// Sets a parameter of the plugin whose process call this thread is in, at a sample of what that call is
/// given. The host is told with the events of the block; the plugin itself gets the value as an event, of its
/// next call in this block or of a flush at the block's end, so that what it keeps of the parameter follows
/// as it does for the host's own changes.
///
/// False, and nothing is done: outside of such a call; for a value that is no finite number; where the call
/// has set [`ASKED`] already, or has sent more than there is room for.
///
/// Real-time safe.
pub fn set_parameter(id: clap_id, value: f64, time: u32) -> bool {
    // SAFETY: a call that is not null is under way on this thread: `during` sets and clears it.
    let Some(call) = (unsafe { CALL.get().as_ref() }) else { return false };
    // SAFETY: the queue and the list are there while the call is, and nobody else uses the queue.
    unsafe {
        let queue = &mut *call.queue;
        if !value.is_finite() || queue.count == ASKED {
            return false;
        }
        let sent = event(id, value, time.min(call.last));
        let taken = (*call.output).try_push.is_some_and(|push| push(call.output, &sent.header));
        if taken {
            queue.events[queue.count] = event(id, value, 0);
            queue.count += 1;
        }
        taken
    }
}

/// Whether the process call that this thread is in is given a later part of the host's block.
///
/// Real-time safe.
pub fn goes_on() -> bool {
    // SAFETY: a call that is not null is under way on this thread: `during` sets and clears it.
    unsafe { CALL.get().as_ref() }.is_some_and(|call| call.start > 0)
}

/// Runs `process`, in which parameters can be set, on the part from sample `start` on.
///
/// # Safety
///
/// The queue and the list are whole while it runs, and nobody else uses the queue.
pub unsafe fn during<T>(
    queue: *mut Queue,
    output: *const clap_output_events,
    (start, last): (u32, u32),
    process: impl FnOnce() -> T,
) -> T {
    /// Puts back what there was: a plugin may be a host.
    struct Before(*mut Call);

    impl Drop for Before {
        fn drop(&mut self) {
            CALL.set(self.0);
        }
    }

    let mut call = Call { queue, output, start, last };
    let _before = Before(CALL.replace(&raw mut call));
    process()
}

fn event(param_id: clap_id, value: f64, time: u32) -> clap_event_param_value {
    clap_event_param_value {
        header: clap_event_header {
            size: size_of::<clap_event_param_value>() as u32,
            time,
            space_id: CLAP_CORE_EVENT_SPACE_ID,
            type_: CLAP_EVENT_PARAM_VALUE,
            flags: 0,
        },
        param_id,
        cookie: null_mut(),
        note_id: -1,
        port_index: -1,
        channel: -1,
        key: -1,
        value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" fn takes(_: *const clap_output_events, _: *const clap_event_header) -> bool {
        true
    }

    #[test]
    fn the_call_that_is_set_in_is_the_innermost_and_none_is_left() {
        let output = clap_output_events { ctx: null_mut(), try_push: Some(takes) };
        let (mut outer, mut inner) = (Queue::default(), Queue::default());
        // SAFETY: all of it lives.
        unsafe {
            during(&raw mut outer, &output, (0, 0), || {
                assert!(set_parameter(1, 0.0, 0));
                during(&raw mut inner, &output, (0, 0), || assert!(set_parameter(2, 0.0, 0)));
                assert!(set_parameter(3, 0.0, 0));
            });
        }
        assert!(CALL.get().is_null() && !set_parameter(4, 0.0, 0));
        let ids = |queue: &Queue| queue.events[..queue.len()].iter().map(|event| event.param_id).collect();
        let ids: [Vec<clap_id>; 2] = [ids(&outer), ids(&inner)];
        assert_eq!(ids, [vec![1, 3], vec![2]]);
    }
}
