//! The project's copy of the plugin: VST3 streams from and to CLAP's.
//!
//! nice-plug writes the same JSON in both formats, with its length before it in CLAP. VST3 projects keep it
//! without, as nice-plug's own VST3 wrote it, so that projects from before this crate load, and those from
//! now load there.

use std::ffi::c_void;

use clap_sys::stream::{clap_istream, clap_ostream};
use vst3::ComRef;
use vst3::Steinberg::{IBStream, IBStreamTrait};

use crate::clap::Plugin;

/// Longer states are not read: no plugin has one, and a broken file may ask for anything.
const LIMIT: usize = 256 << 20;

/// The state as the project keeps it; `None` where the plugin fails. On the main thread.
pub fn save(plugin: &Plugin) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let stream = clap_ostream { ctx: std::ptr::from_mut(&mut bytes).cast(), write: Some(write) };
    // SAFETY: the stream's bytes outlive the call.
    if !unsafe { plugin.save(&stream) } {
        return None;
    }
    let counted = bytes
        .split_first_chunk::<8>()
        .is_some_and(|(length, rest)| u64::from_le_bytes(*length) == rest.len() as u64);
    if counted {
        bytes.drain(..8);
    }
    Some(bytes)
}

/// Gives the plugin a state from a project: with a length before it or without. Whether it took it. On the
/// main thread.
pub fn load(plugin: &Plugin, bytes: &[u8]) -> bool {
    let mut whole = Vec::new();
    if bytes.first() == Some(&b'{') {
        whole.extend((bytes.len() as u64).to_le_bytes());
    }
    whole.extend(bytes);
    let mut rest = whole.as_slice();
    let stream = clap_istream { ctx: std::ptr::from_mut(&mut rest).cast(), read: Some(read) };
    // SAFETY: the stream's bytes outlive the call.
    unsafe { plugin.load(&stream) }
}

unsafe extern "C" fn write(stream: *const clap_ostream, from: *const c_void, size: u64) -> i64 {
    // SAFETY: the context is the vector of `save`, and the plugin hands in that many bytes.
    unsafe {
        let bytes = &mut *(*stream).ctx.cast::<Vec<u8>>();
        bytes.extend(std::slice::from_raw_parts(from.cast::<u8>(), size as usize));
    }
    size as i64
}

unsafe extern "C" fn read(stream: *const clap_istream, to: *mut c_void, size: u64) -> i64 {
    // SAFETY: the context is the slice of `load`, and the plugin has room for that many bytes.
    unsafe {
        let rest = &mut *(*stream).ctx.cast::<&[u8]>();
        let count = rest.len().min(size as usize);
        std::ptr::copy_nonoverlapping(rest.as_ptr(), to.cast(), count);
        *rest = &rest[count..];
        count as i64
    }
}

/// Everything from a host's stream, from where it stands.
pub fn read_all(stream: ComRef<'_, IBStream>) -> Option<Vec<u8>> {
    let (mut bytes, mut part) = (Vec::new(), vec![0_u8; 1 << 16]);
    loop {
        let mut count = 0;
        // Hosts disagree on what a read at the end returns, so the count alone counts.
        // SAFETY: the stream is alive, and the buffer has that many bytes.
        unsafe { stream.read(part.as_mut_ptr().cast(), part.len() as i32, &mut count) };
        match usize::try_from(count) {
            Ok(count @ 1..) => bytes.extend(part.get(..count)?),
            _ => return Some(bytes),
        }
        if bytes.len() > LIMIT {
            return None;
        }
    }
}

/// Writes everything to a host's stream.
pub fn write_all(stream: ComRef<'_, IBStream>, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        let part = &bytes[..bytes.len().min(1 << 20)];
        let mut count = 0;
        // SAFETY: the stream is alive and only reads the bytes, though its type does not say so.
        unsafe { stream.write(part.as_ptr().cast_mut().cast(), part.len() as i32, &mut count) };
        match usize::try_from(count) {
            Ok(count @ 1..) if count <= part.len() => bytes = &bytes[count..],
            _ => return false,
        }
    }
    true
}
