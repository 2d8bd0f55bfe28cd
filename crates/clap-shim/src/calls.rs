//! The calls of the plugin's own process that one block becomes.

use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_plugin_params};
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process, clap_process_status};

use crate::asked::{Queue, during};
use crate::buses::{self, Later};
use crate::outbox::Outbox;
use crate::room::Room;
use crate::split::{Part, Split};
use crate::transport::Clock;

/// What stands between a block and the plugin's calls.
#[derive(Default)]
pub struct Calls {
    split: Split,
    room: Room,
    /// What the plugin has set itself; it comes in with its next call, or is flushed at the block's end.
    asked: Queue,
    pub outbox: Outbox,
}

impl Calls {
    /// Has the plugin process a block, at a sample rate, with `later` to point into the block's audio. What
    /// the plugin sends is in the outbox then.
    ///
    /// # Safety
    ///
    /// The block is whole: what it points to is null or there.
    pub unsafe fn process(
        &mut self,
        inner: &clap_plugin,
        block: &clap_process,
        rate: f64,
        later: &mut Later,
    ) -> clap_process_status {
        self.outbox.begin();
        // SAFETY: the caller's.
        unsafe {
            if !self.split.begin(block.in_events, block.frames_count, buses::fit(block)) {
                let status = self.call(inner, *block, 0);
                self.settle(inner, block.frames_count);
                return status;
            }
            let mut clock = Clock::new(block.transport, rate);
            let mut strongest = clap_process_status::MAX;
            while let Some(part) = self.split.next(&mut clock) {
                strongest = strongest.min(self.part(inner, block, part, &clock, later));
                if strongest == CLAP_PROCESS_ERROR {
                    break;
                }
            }
            buses::vary(block);
            self.settle(inner, block.frames_count);
            // The least number: it failed, goes on, goes on until it is quiet, has a tail, sleeps.
            strongest
        }
    }

    /// Brings the plugin what it has set and has no further call for.
    ///
    /// # Safety
    ///
    /// As [`Calls::process`].
    unsafe fn settle(&mut self, inner: &clap_plugin, frames: u32) {
        if self.asked.len() == 0 {
            return;
        }
        // SAFETY: the caller's; what a plugin gives for an extension lives as long as it does, and may be
        // asked for on any thread. The lists live until the call is over.
        unsafe {
            let params = inner.get_extension.map(|get| get(inner, CLAP_EXT_PARAMS.as_ptr()));
            let params = params.and_then(|params| params.cast::<clap_plugin_params>().as_ref());
            if let Some(flush) = params.and_then(|params| params.flush) {
                let asked = self.asked.take();
                let output = self.outbox.list(frames.saturating_sub(1));
                flush(inner, &asked.list(), &output);
            }
        }
    }

    /// # Safety
    ///
    /// As [`Calls::process`]; the part is the one that the events are at.
    unsafe fn part(
        &mut self,
        inner: &clap_plugin,
        whole: &clap_process,
        Part { start, frames }: Part,
        clock: &Clock,
        later: &mut Later,
    ) -> clap_process_status {
        let transport = clock.at(start);
        let mut block = clap_process { frames_count: frames, ..*whole };
        block.transport = transport.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        if whole.steady_time >= 0 {
            block.steady_time = whole.steady_time.saturating_add(start.into());
        }
        // SAFETY: the caller's; a block that is split fits.
        unsafe {
            if start > 0 {
                later.lend(start, &mut block);
            }
            self.call(inner, block, start)
        }
    }

    /// One call, with the part of the block that starts at a sample.
    ///
    /// # Safety
    ///
    /// As [`Calls::part`].
    unsafe fn call(
        &mut self,
        inner: &clap_plugin,
        mut block: clap_process,
        start: u32,
    ) -> clap_process_status {
        let Some(process) = inner.process else { return CLAP_PROCESS_ERROR };
        let events = self.split.list(self.asked.take());
        if let Some(input) = &events {
            block.in_events = input;
        }
        // SAFETY: the caller's; the lists live until the call is over.
        unsafe {
            let input = self.room.list(block.in_events);
            if let Some(input) = &input {
                block.in_events = input;
            }
            let output = self.outbox.list(start);
            block.out_events = &output;
            let last = block.frames_count.saturating_sub(1);
            during(&raw mut self.asked, &output, (start, last), || process(inner, &block))
        }
    }
}
