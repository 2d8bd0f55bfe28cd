//! Text between Rust, C and VST3: fixed arrays, ended by a zero, cut where they do not fit.

use std::ffi::c_char;

/// Writes text as bytes.
pub fn write8(to: &mut [c_char], text: &str) {
    let mut end = text.len().min(to.len().saturating_sub(1));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    to.fill(0);
    for (to, from) in to.iter_mut().zip(&text.as_bytes()[..end]) {
        *to = *from as c_char;
    }
}

/// Writes text as UTF-16.
pub fn write16(to: &mut [u16], text: &str) {
    to.fill(0);
    let room = to.len().saturating_sub(1);
    let mut at = 0;
    for character in text.chars() {
        let mut units = [0; 2];
        let units = character.encode_utf16(&mut units);
        if at + units.len() > room {
            break;
        }
        to[at..at + units.len()].copy_from_slice(units);
        at += units.len();
    }
}

/// The text of a C string in a fixed array.
pub fn read8(from: &[c_char]) -> String {
    let bytes: Vec<u8> = from.iter().map(|&byte| byte as u8).take_while(|&byte| byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The text of a UTF-16 string that ends with a zero, of 128 units at most.
///
/// # Safety
///
/// `from` is null or points to such a string.
pub unsafe fn read16(from: *const u16) -> String {
    let mut units = Vec::new();
    while !from.is_null() && units.len() < 128 {
        // SAFETY: no zero has been met, so the string goes on.
        match unsafe { *from.add(units.len()) } {
            0 => break,
            unit => units.push(unit),
        }
    }
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_and_is_cut_between_characters() {
        let (mut narrow, mut wide) = ([1 as c_char; 8], [1; 8]);
        write8(&mut narrow, "Größe");
        write16(&mut wide, "Größe");
        assert_eq!(read8(&narrow), "Größe");
        // SAFETY: the array ends with a zero.
        assert_eq!(unsafe { read16(wide.as_ptr()) }, "Größe");
        write8(&mut narrow, "123456ö");
        assert_eq!(read8(&narrow), "123456");
        write16(&mut wide, "123456\u{1F3B5}");
        // SAFETY: the array ends with a zero.
        assert_eq!(unsafe { read16(wide.as_ptr()) }, "123456");
        // SAFETY: null is allowed.
        assert_eq!(unsafe { read16(std::ptr::null()) }, "");
    }
}
