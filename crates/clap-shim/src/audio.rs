//! A stereo buffer where the host gives none that can be used.

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::process::clap_process;

/// Room for a block of stereo, and what points to it.
pub struct Scratch {
    channels: [Vec<f32>; 2],
    pointers: [*mut f32; 2],
    bus: clap_audio_buffer,
}

impl Default for Scratch {
    fn default() -> Self {
        let bus = clap_audio_buffer {
            data32: std::ptr::null_mut(),
            data64: std::ptr::null_mut(),
            channel_count: 2,
            latency: 0,
            constant_mask: 0,
        };
        Self { channels: Default::default(), pointers: [std::ptr::null_mut(); 2], bus }
    }
}

/// The host's first bus of a direction.
///
/// # Safety
///
/// `buses` is null or points to `count` buses.
unsafe fn first<'a>(buses: *const clap_audio_buffer, count: u32) -> Option<&'a clap_audio_buffer> {
    // SAFETY: the caller's.
    if count == 0 { None } else { unsafe { buses.as_ref() } }
}

/// The channel of a bus, in 32 or 64 bits; null where it has none.
///
/// # Safety
///
/// The bus' tables are null or have as many pointers as it says.
unsafe fn channel(bus: &clap_audio_buffer, index: u32) -> (*mut f32, *mut f64) {
    if index >= bus.channel_count {
        return (std::ptr::null_mut(), std::ptr::null_mut());
    }
    let index = index as usize;
    // SAFETY: the caller's.
    unsafe {
        let narrow = if bus.data32.is_null() { std::ptr::null_mut() } else { *bus.data32.add(index) };
        let wide = if bus.data64.is_null() { std::ptr::null_mut() } else { *bus.data64.add(index) };
        (narrow, wide)
    }
}

/// Whether a bus is what a framework expects that was told of stereo: two channels of 32 bits.
///
/// # Safety
///
/// As [`channel`].
unsafe fn is_stereo(bus: Option<&clap_audio_buffer>) -> bool {
    // SAFETY: the caller's.
    bus.is_some_and(|bus| unsafe {
        bus.channel_count == 2 && (0..2).all(|index| !channel(bus, index).0.is_null())
    })
}

impl Scratch {
    /// Makes room for blocks of `frames`. Allocates.
    pub fn resize(&mut self, frames: u32) {
        self.channels = std::array::from_fn(|_| vec![0.0; frames.max(1) as usize]);
    }

    /// Has `block` use these buffers where the host's cannot be used: true. A block of no frames gets one,
    /// for it may bring notes. `None` where the block is longer than the host said any would be.
    ///
    /// # Safety
    ///
    /// `given` is whole, and this stays where it is while `block` is used.
    pub unsafe fn lend(&mut self, given: &clap_process, block: &mut clap_process) -> Option<bool> {
        // SAFETY: the caller's.
        let (input, output) = unsafe {
            (
                first(given.audio_inputs, given.audio_inputs_count),
                first(given.audio_outputs.cast_const(), given.audio_outputs_count),
            )
        };
        // SAFETY: the caller's.
        if given.frames_count > 0 && unsafe { is_stereo(input) && is_stereo(output) } {
            return Some(false);
        }
        let frames = given.frames_count as usize;
        if frames.max(1) > self.channels[0].len() {
            return None;
        }
        for (index, own) in self.channels.iter_mut().enumerate() {
            let own = &mut own[..frames.max(1)];
            own.fill(0.0);
            let Some(bus) = input else { continue };
            // A mono input is heard on both sides.
            let from = (index as u32).min(bus.channel_count.saturating_sub(1));
            // SAFETY: a channel that is there has the block's samples.
            unsafe {
                match channel(bus, from) {
                    (narrow, _) if !narrow.is_null() => {
                        own[..frames].copy_from_slice(std::slice::from_raw_parts(narrow, frames));
                    }
                    (_, wide) if !wide.is_null() => {
                        let wide = std::slice::from_raw_parts(wide, frames);
                        own.iter_mut().zip(wide).for_each(|(to, &from)| *to = from as f32);
                    }
                    _ => {}
                }
            }
        }
        self.pointers = self.channels.each_mut().map(|channel| channel.as_mut_ptr());
        self.bus.data32 = self.pointers.as_mut_ptr();
        // In place, as frameworks process anyway.
        (block.audio_inputs, block.audio_inputs_count) = (&self.bus, 1);
        (block.audio_outputs, block.audio_outputs_count) = (&mut self.bus, 1);
        block.frames_count = given.frames_count.max(1);
        Some(true)
    }

    /// Gives the host what the plugin made, as far as it has room for it: more channels than two are silent.
    ///
    /// # Safety
    ///
    /// `given` is whole, and was lent these buffers.
    pub unsafe fn copy_back(&mut self, given: &clap_process) {
        let frames = given.frames_count as usize;
        // SAFETY: the caller's.
        let Some(bus) = (unsafe { first(given.audio_outputs.cast_const(), given.audio_outputs_count) })
        else {
            return;
        };
        for index in 0..bus.channel_count {
            let own = self.channels.get(index as usize).map(|own| &own[..frames]);
            // SAFETY: a channel that is there has room for the block's samples.
            unsafe {
                let (narrow, wide) = channel(bus, index);
                if !narrow.is_null() {
                    let to = std::slice::from_raw_parts_mut(narrow, frames);
                    match own {
                        Some(own) => to.copy_from_slice(own),
                        None => to.fill(0.0),
                    }
                } else if !wide.is_null() {
                    let to = std::slice::from_raw_parts_mut(wide, frames);
                    to.fill(0.0);
                    let own = own.unwrap_or_default();
                    to.iter_mut().zip(own).for_each(|(to, &from)| *to = from.into());
                }
            }
        }
    }
}
