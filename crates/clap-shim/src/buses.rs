//! The audio of a block from a later sample on.

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::process::clap_process;

/// Buses and channels of a direction that a block may have to be split.
const BUSES: usize = 16;
const CHANNELS: usize = 128;

/// What points into the host's audio.
#[derive(Default)]
pub struct Later {
    inputs: Side,
    outputs: Side,
}

struct Side {
    buses: [clap_audio_buffer; BUSES],
    narrow: [*mut f32; CHANNELS],
    wide: [*mut f64; CHANNELS],
}

impl Default for Side {
    fn default() -> Self {
        let bus = clap_audio_buffer {
            data32: std::ptr::null_mut(),
            data64: std::ptr::null_mut(),
            channel_count: 0,
            latency: 0,
            constant_mask: 0,
        };
        let (narrow, wide) = ([std::ptr::null_mut(); CHANNELS], [std::ptr::null_mut(); CHANNELS]);
        Self { buses: [bus; BUSES], narrow, wide }
    }
}

/// # Safety
///
/// `buses` is null or points to `count` buses.
unsafe fn given<'a>(buses: *const clap_audio_buffer, count: u32) -> &'a [clap_audio_buffer] {
    if buses.is_null() {
        return &[];
    }
    // SAFETY: the caller's.
    unsafe { std::slice::from_raw_parts(buses, count as usize) }
}

/// Whether a block has no more buses and channels than there is room for.
///
/// # Safety
///
/// The block is whole.
pub unsafe fn fit(block: &clap_process) -> bool {
    let fits = |buses: &[clap_audio_buffer]| {
        let channels = buses.iter().fold(0u32, |sum, bus| sum.saturating_add(bus.channel_count));
        buses.len() <= BUSES && channels as usize <= CHANNELS
    };
    // SAFETY: the caller's.
    unsafe {
        fits(given(block.audio_inputs, block.audio_inputs_count))
            && fits(given(block.audio_outputs, block.audio_outputs_count))
    }
}

/// Says of no output of a block that it is constant: that it was so in every part does not make it so.
///
/// # Safety
///
/// The block is whole.
pub unsafe fn vary(block: &clap_process) {
    if block.audio_outputs.is_null() {
        return;
    }
    for index in 0..block.audio_outputs_count as usize {
        // SAFETY: the caller's.
        unsafe { (*block.audio_outputs.add(index)).constant_mask = 0 };
    }
}

impl Later {
    /// Has the audio of `block` begin at `start`.
    ///
    /// # Safety
    ///
    /// The block is whole, [`fit`]s, and has so many samples; this stays where it is while it is used.
    pub unsafe fn lend(&mut self, start: u32, block: &mut clap_process) {
        // SAFETY: the caller's.
        unsafe {
            let buses = given(block.audio_inputs, block.audio_inputs_count);
            if !buses.is_empty() {
                block.audio_inputs = self.inputs.from(buses, start as usize);
            }
            let buses = given(block.audio_outputs, block.audio_outputs_count);
            if !buses.is_empty() {
                block.audio_outputs = self.outputs.from(buses, start as usize);
            }
        }
    }
}

impl Side {
    /// # Safety
    ///
    /// As [`Later::lend`].
    unsafe fn from(&mut self, buses: &[clap_audio_buffer], start: usize) -> *mut clap_audio_buffer {
        let (mut narrow, mut wide) = (&mut self.narrow[..], &mut self.wide[..]);
        for (own, bus) in self.buses.iter_mut().zip(buses) {
            let (own_narrow, own_wide);
            (own_narrow, narrow) = narrow.split_at_mut(bus.channel_count as usize);
            (own_wide, wide) = wide.split_at_mut(bus.channel_count as usize);
            // SAFETY: the caller's.
            let (data32, data64) =
                unsafe { (moved(bus.data32, start, own_narrow), moved(bus.data64, start, own_wide)) };
            *own = clap_audio_buffer { data32, data64, ..*bus };
        }
        self.buses.as_mut_ptr()
    }
}

/// Pointers to the channels' samples from `start` on; what is null stays so.
///
/// # Safety
///
/// `channels` is null or has as many as `to`, each of which is null or has so many samples.
unsafe fn moved<T>(channels: *mut *mut T, start: usize, to: &mut [*mut T]) -> *mut *mut T {
    if channels.is_null() {
        return channels;
    }
    for (index, to) in to.iter_mut().enumerate() {
        // SAFETY: the caller's.
        unsafe {
            let channel = *channels.add(index);
            *to = if channel.is_null() { channel } else { channel.add(start) };
        }
    }
    to.as_mut_ptr()
}
