//! Values in words, as hosts show and read them.

use model::SLOTS;
use phrase::{Key, KeyLock, Mode};

use crate::link::Shared;

/// What the key parameter's value means.
pub fn key_lock(value: i32) -> KeyLock {
    match value.clamp(0, 25) as u8 {
        0 => KeyLock::Off,
        1 => KeyLock::Auto,
        key => KeyLock::Key(key / 2 - 1, if key % 2 == 0 { Mode::Major } else { Mode::Minor }),
    }
}

/// The parameter's value of a lock.
pub fn key_value(lock: KeyLock) -> i32 {
    match lock {
        KeyLock::Off => 0,
        KeyLock::Auto => 1,
        KeyLock::Key(tonic, mode) => 2 + 2 * i32::from(tonic) + i32::from(mode == Mode::Minor),
    }
}

/// "off", "auto", "C major", "C minor", "C# major" and so on.
pub fn key_to_text(value: i32) -> String {
    match key_lock(value) {
        KeyLock::Off => "off".to_string(),
        KeyLock::Auto => "auto".to_string(),
        KeyLock::Key(tonic, mode) => Key { tonic, mode, fit: 1.0 }.to_string(),
    }
}

/// Understands what [`key_to_text`] says.
pub fn text_to_key(text: &str) -> Option<i32> {
    (0..=25).find(|&value| key_to_text(value).eq_ignore_ascii_case(text.trim()))
}

/// "1 bar 2 beats", counted in quarter notes and bars of four.
pub fn shift_to_text(beats: i32) -> String {
    let part = |count: i32, unit: &str| match count {
        0 => String::new(),
        1 => format!("1 {unit}"),
        _ => format!("{count} {unit}s"),
    };
    match (part(beats / 4, "bar"), part(beats % 4, "beat")) {
        (bars, beats) if bars.is_empty() && beats.is_empty() => "none".to_string(),
        (bars, beats) => format!("{bars} {beats}").trim().to_string(),
    }
}

/// Understands "none", "1 bar 2 beats", "3 beats", "6" (beats).
pub fn text_to_shift(text: &str) -> Option<i32> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("none") {
        return Some(0);
    }
    if let Ok(beats) = text.parse() {
        return Some(beats);
    }
    let words: Vec<_> = text.split_whitespace().collect();
    let counted = |pair: &[&str]| {
        let count: i32 = pair[0].parse().ok()?;
        match *pair.get(1)? {
            "bar" | "bars" => count.checked_mul(4),
            "beat" | "beats" => Some(count),
            _ => None,
        }
    };
    words.chunks(2).try_fold(0i32, |sum, pair| sum.checked_add(counted(pair)?)).filter(|_| !words.is_empty())
}

/// "2: jazz"; "auto" for 0.
pub fn slot_to_text(shared: &Shared, value: i32) -> String {
    match usize::try_from(value.saturating_sub(1)) {
        Ok(slot) => shared.slot_name(slot),
        Err(_) => "auto".to_string(),
    }
}

/// Understands "2: jazz", "2", "jazz" and "auto".
pub fn text_to_slot(shared: &Shared, text: &str) -> Option<i32> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("auto") {
        return Some(0);
    }
    let number = text.split(':').next().unwrap_or(text).trim();
    let named = || shared.pack().genres.iter().position(|genre| genre.eq_ignore_ascii_case(text));
    // Clamped: the framework subtracts the lowest value from it.
    let typed = number.parse::<i32>().ok().map(|slot| slot.clamp(0, SLOTS as i32));
    typed.or_else(|| named().map(|slot| slot as i32 + 1))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::link::PackView;

    fn shared(genres: &[&str]) -> Arc<Shared> {
        let shared = Arc::new(Shared::default());
        let genres = genres.iter().map(|genre| genre.to_string()).collect();
        shared.announce(1, PackView { genres, ..PackView::default() });
        shared
    }

    #[test]
    fn slots_are_named_by_the_pack_and_read_back() {
        let shared = shared(&["classical", "jazz"]);
        assert_eq!(slot_to_text(&shared, 2), "2: jazz");
        assert_eq!(slot_to_text(&shared, 5), "5: empty");
        assert_eq!(slot_to_text(&shared, 0), "auto");
        for value in 0..=8 {
            assert_eq!(text_to_slot(&shared, &slot_to_text(&shared, value)), Some(value));
        }
        assert_eq!(text_to_slot(&shared, " Jazz "), Some(2));
        assert_eq!(text_to_slot(&shared, "tango"), None);
        assert_eq!(text_to_slot(&shared, "-2147483648"), Some(0), "nothing that overflows");
    }

    #[test]
    fn a_shift_is_named_in_bars_and_beats_and_read_back() {
        assert_eq!(
            [0, 1, 4, 6, 15].map(shift_to_text),
            ["none", "1 beat", "1 bar", "1 bar 2 beats", "3 bars 3 beats"]
        );
        assert!((0..16).all(|shift| text_to_shift(&shift_to_text(shift)) == Some(shift)));
        assert_eq!(
            (text_to_shift("6"), text_to_shift("two bars"), text_to_shift("2")),
            (Some(6), None, Some(2))
        );
    }

    #[test]
    fn keys_have_names_and_are_read_back() {
        assert_eq!([0, 1, 2, 3, 25].map(key_to_text), ["off", "auto", "C major", "C minor", "B minor"]);
        assert!((0..=25).all(|key| text_to_key(&key_to_text(key)) == Some(key)));
        assert!((0..=25).all(|key| key_value(key_lock(key)) == key));
    }
}
