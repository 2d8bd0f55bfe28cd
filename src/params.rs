//! The parameters and what is saved. Ids and ranges never change: projects and automation refer to them.

use std::sync::Arc;

use model::{SLOTS, Settings};
use nice_plug::prelude::*;

use crate::audio::options::{Fallback, Latency, Margin, Options};
use crate::packs::{PackField, Selection};
use crate::shared::Shared;

/// All parameters of an instance, and its pack.
#[derive(Params)]
pub struct PluginParams {
    /// The pack, by name and hash.
    #[persist = "pack"]
    pub pack: PackField,

    /// The genre slot that phrases are recast in, 1..=8. Packs hold any genres, so slots have the pack's names.
    #[id = "target"]
    pub target: IntParam,

    /// The genre slot of what is played, 1..=8; 0 lets the pack's classifier hear it.
    #[id = "source"]
    pub source: IntParam,

    /// How far to go: 0 returns the input, 1 the network's answer.
    #[id = "amount"]
    pub amount: FloatParam,

    /// How much chance: 0 gives the likeliest answer.
    #[id = "variation"]
    pub variation: FloatParam,

    /// Which of the answers that chance allows.
    #[id = "seed"]
    pub seed: IntParam,

    /// How many bars later an answer comes.
    #[id = "latency"]
    pub latency: EnumParam<Latency>,

    /// How much later still, for slow packs, big buffers and many instances.
    #[id = "margin"]
    pub margin: EnumParam<Margin>,

    /// What is played for an answer that is late.
    #[id = "fallback"]
    pub fallback: EnumParam<Fallback>,

    /// Quarter notes by which phrases begin later than the host's bars 1, 5, 9 and so on.
    #[id = "shift"]
    pub shift: IntParam,

    /// A button: a phrase begins at the next bar line. See [`Shared::realigned`].
    #[id = "realign"]
    pub realign: BoolParam,

    /// Notes pass at once, unchanged.
    #[id = "bypass"]
    pub bypass: BoolParam,
}

impl PluginParams {
    /// The parameters at their defaults; the slots have the names that `shared` holds at any time.
    pub fn new(selection: Arc<Selection>, shared: &Arc<Shared>) -> Self {
        let slots = SLOTS as i32;
        let percent = |name: &str, default: f32| {
            FloatParam::new(name, default, FloatRange::Linear { min: 0.0, max: 1.0 })
                .with_unit(" %")
                .with_value_to_string(formatters::v2s_f32_percentage(0))
                .with_string_to_value(formatters::s2v_f32_percentage())
        };
        Self {
            pack: PackField(selection),
            target: slot_param("Target", 1, IntRange::Linear { min: 1, max: slots }, shared),
            source: slot_param("Source", 0, IntRange::Linear { min: 0, max: slots }, shared),
            amount: percent("Amount", 0.9),
            variation: percent("Variation", 0.0),
            seed: IntParam::new("Seed", 0, IntRange::Linear { min: 0, max: 9999 }),
            latency: EnumParam::new("Latency", Latency::default()),
            margin: EnumParam::new("Margin", Margin::default()),
            fallback: EnumParam::new("When late", Fallback::default()),
            shift: IntParam::new("Shift", 0, IntRange::Linear { min: 0, max: 15 })
                .with_value_to_string(Arc::new(shift_to_text))
                .with_string_to_value(Arc::new(text_to_shift)),
            realign: button("Realign now", shared, Shared::realign),
            bypass: BoolParam::new("Bypass", false).make_bypass(),
        }
    }

    /// What else the user chose. Real-time safe.
    pub fn options(&self) -> Options {
        Options {
            latency: self.latency.value(),
            margin: self.margin.value(),
            fallback: self.fallback.value(),
            shift: self.shift.value().clamp(0, 15) as u8,
        }
    }

    /// What the network is asked for now. Real-time safe.
    pub fn settings(&self) -> Settings {
        let slot = self.target.value().clamp(1, SLOTS as i32) as usize - 1;
        Settings {
            source: u8::try_from(self.source.value() - 1).ok(),
            amount: self.amount.value(),
            variation: self.variation.value(),
            seed: self.seed.value().unsigned_abs(),
            ..Settings::to(slot)
        }
    }
}

/// A parameter that acts when it is pressed. `press` counts it, on whatever thread, since it may be let go again before the
/// next block.
fn button(name: &str, shared: &Arc<Shared>, press: fn(&Shared)) -> BoolParam {
    let shared = shared.clone();
    let callback = move |pressed: bool| {
        if pressed {
            press(&shared);
        }
    };
    BoolParam::new(name, false).with_callback(Arc::new(callback))
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
fn text_to_shift(text: &str) -> Option<i32> {
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

/// A parameter that chooses a genre slot and shows its name.
fn slot_param(name: &str, default: i32, range: IntRange, shared: &Arc<Shared>) -> IntParam {
    let (to_text, from_text) = (shared.clone(), shared.clone());
    IntParam::new(name, default, range)
        .with_value_to_string(Arc::new(move |value| slot_to_text(&to_text, value)))
        .with_string_to_value(Arc::new(move |text| text_to_slot(&from_text, text)))
}

/// "2: jazz"; "auto" for 0.
pub fn slot_to_text(shared: &Shared, value: i32) -> String {
    match usize::try_from(value - 1) {
        Ok(slot) => shared.slot_name(slot),
        Err(_) => "auto".to_string(),
    }
}

/// Understands "2: jazz", "2", "jazz" and "auto".
fn text_to_slot(shared: &Shared, text: &str) -> Option<i32> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("auto") {
        return Some(0);
    }
    let number = text.split(':').next().unwrap_or(text).trim();
    let named = || shared.pack().genres.iter().position(|genre| genre.eq_ignore_ascii_case(text));
    number.parse().ok().or_else(|| named().map(|slot| slot as i32 + 1))
}

#[cfg(test)]
mod tests {
    use nice_plug::params::InternalParamMut;

    use super::*;
    use crate::shared::PackView;

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
    fn a_button_is_counted_when_it_is_pressed_only() {
        let shared = Arc::new(Shared::default());
        let button = button("Realign now", &shared, Shared::realign);
        for pressed in [true, false, true] {
            // SAFETY: it is set as the wrapper sets it; nobody else knows this parameter.
            unsafe { button._internal_set_plain_value(pressed) };
        }
        assert_eq!(shared.realigned(), 2);
    }

    #[test]
    fn the_defaults_ask_for_the_first_slot_with_the_source_heard() {
        let shared = shared(&[]);
        let selection = Arc::new(Selection::new(shared.clone(), Err("none".into())));
        let settings = PluginParams::new(selection, &shared).settings();
        assert_eq!(settings, Settings { amount: 0.9, ..Settings::to(0) });
    }
}
