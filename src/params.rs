//! The parameters and what is saved. Ids and ranges never change: projects and automation refer to them.

use std::sync::Arc;

use model::{SLOTS, Settings};
use nice_plug::params::internals::ParamPtr;
use nice_plug::plugin::ParamValue;
use nice_plug::prelude::*;
use phrase::{Feel, Guards, Key, KeyLock, Mode};

use crate::audio::options::{Fallback, Latency, Margin, Options, Thru};
use crate::link::{FrozenField, Manner, Processor, Shared};
use crate::packs::{PackField, Selection};

/// All parameters of an instance, and its pack.
#[derive(Params)]
pub struct PluginParams {
    /// The pack, by name and hash.
    #[persist = "pack"]
    pub pack: PackField,

    /// The phrase that is frozen, if one is.
    #[persist = "frozen"]
    pub frozen: FrozenField,

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

    /// What is heard: the answers, what is played (at once), or both.
    #[id = "thru"]
    pub thru: EnumParam<Thru>,

    /// The input's highest notes are kept.
    #[id = "melody"]
    pub melody: BoolParam,

    /// The key of new notes: 0 any, 1 the one that is heard, from 2 on those of [`key_to_text`].
    #[id = "key"]
    pub key: IntParam,

    /// The lowest MIDI pitch of new notes.
    #[id = "lowest"]
    pub lowest: IntParam,

    /// The highest MIDI pitch of new notes.
    #[id = "highest"]
    pub highest: IntParam,

    /// How many notes may sound at once where new ones start; 0: any number.
    #[id = "voices"]
    pub voices: IntParam,

    /// How many notes may start in a beat where new ones do; 0: any number.
    #[id = "density"]
    pub density: IntParam,

    /// The velocity of all notes, 1..=127; 0: their own.
    #[id = "velocity"]
    pub velocity: IntParam,

    /// The channel of all notes, 1..=16; 0: their own.
    #[id = "channel"]
    pub channel: IntParam,

    /// How late the second eighth of a beat is: 1 for the last triplet.
    #[id = "swing"]
    pub swing: FloatParam,

    /// How much notes leave their time and velocity.
    #[id = "humanise"]
    pub humanise: FloatParam,

    /// The longest note in 16ths; 0: any length.
    #[id = "longest"]
    pub longest: IntParam,

    /// The sustain pedal is heard as the length of notes.
    #[id = "pedal"]
    pub pedal: BoolParam,

    /// The answer that is played repeats.
    #[id = "freeze"]
    pub freeze: BoolParam,

    /// A button: ends all that sounds and forgets what is pending. See [`Shared::panics`].
    #[id = "panic"]
    pub panic: BoolParam,

    /// Notes pass at once, unchanged.
    #[id = "bypass"]
    pub bypass: BoolParam,

    /// What computes the answers.
    #[id = "processor"]
    pub processor: EnumParam<Processor>,

    /// The target is a blend of slots, by their weights.
    #[id = "blend"]
    pub blend: BoolParam,

    /// The weight of each slot in a blend; `weight_1` is the first's.
    #[nested(array)]
    pub weights: [Weight; SLOTS],

    /// Chance draws the same for every phrase, so that a loop comes back equal in each pass.
    #[id = "lock"]
    pub lock: BoolParam,
}

/// A slot's weight in a blend.
#[derive(Params)]
pub struct Weight {
    /// Relative to the others'.
    #[id = "weight"]
    pub value: FloatParam,
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
            frozen: FrozenField(shared.clone()),
            target: slot_param("Target", 1, IntRange::Linear { min: 1, max: slots }, shared),
            source: slot_param("Source", 0, IntRange::Linear { min: 0, max: slots }, shared),
            amount: percent("Amount", 0.75),
            variation: percent("Variation", 0.0),
            seed: IntParam::new("Seed", 0, IntRange::Linear { min: 0, max: 9999 }),
            latency: EnumParam::new("Latency", Latency::default()),
            margin: EnumParam::new("Margin", Margin::default()),
            fallback: EnumParam::new("When late", Fallback::default()),
            shift: IntParam::new("Shift", 0, IntRange::Linear { min: 0, max: 15 })
                .with_value_to_string(Arc::new(shift_to_text))
                .with_string_to_value(Arc::new(text_to_shift)),
            realign: button("Realign now", shared, Shared::realign),
            thru: EnumParam::new("Hear", Thru::default()),
            melody: BoolParam::new("Keep melody", false),
            key: IntParam::new("Key lock", 0, IntRange::Linear { min: 0, max: 25 })
                .with_value_to_string(Arc::new(key_to_text))
                .with_string_to_value(Arc::new(text_to_key)),
            lowest: IntParam::new("Lowest new note", 0, IntRange::Linear { min: 0, max: 127 }),
            highest: IntParam::new("Highest new note", 127, IntRange::Linear { min: 0, max: 127 }),
            voices: or_any("Voices", 16, "any"),
            density: or_any("Notes a beat", 16, "any"),
            velocity: or_any("Velocity", 127, "as played"),
            channel: or_any("Channel", 16, "as played"),
            swing: percent("Swing", 0.0),
            humanise: percent("Humanise", 0.0),
            longest: or_any("Longest note in 16ths", 64, "any"),
            pedal: BoolParam::new("Pedal as length", false),
            freeze: BoolParam::new("Freeze", false),
            panic: button("Panic", shared, Shared::panic),
            bypass: BoolParam::new("Bypass", false).make_bypass(),
            // Loading a pack for the GPU takes long: nothing for a lane.
            processor: EnumParam::new("Processor", Processor::default()).non_automatable(),
            blend: BoolParam::new("Blend", false),
            weights: std::array::from_fn(|slot| Weight {
                value: percent(&format!("Blend weight {}", slot + 1), 1.0),
            }),
            lock: BoolParam::new("Lock draw", false),
        }
    }

    /// What else the user chose. Real-time safe.
    pub fn options(&self) -> Options {
        Options {
            latency: self.latency.value(),
            margin: self.margin.value(),
            fallback: self.fallback.value(),
            shift: small(&self.shift),
            thru: self.thru.value(),
            freeze: self.freeze.value(),
            longest: small(&self.longest),
            pedal: self.pedal.value(),
            manner: Manner { guards: self.guards(), feel: self.feel(), locked: self.lock.value() },
            processor: self.processor.value(),
        }
    }

    fn seed(&self) -> u32 {
        self.seed.value().clamp(0, 9999) as u32
    }

    fn guards(&self) -> Guards {
        Guards {
            melody: self.melody.value(),
            key: key_lock(self.key.value()),
            lowest: small(&self.lowest),
            highest: small(&self.highest),
            voices: small(&self.voices),
            density: small(&self.density),
        }
    }

    fn feel(&self) -> Feel {
        Feel {
            swing: self.swing.value(),
            humanise: self.humanise.value(),
            seed: self.seed(),
            velocity: small(&self.velocity).checked_sub(1).map(|below| f32::from(below + 1) / 127.0),
            channel: small(&self.channel).checked_sub(1),
        }
    }

    /// Gives a state what it does not know because it is older, or holds no number for: the defaults. Without that it would
    /// leave there what was before.
    pub fn complete(state: &mut PluginState) {
        let shared = Arc::new(Shared::default());
        let selection = Arc::new(Selection::new(shared.clone(), Err(String::new())));
        let defaults = Self::new(selection, &shared);
        for (id, param, _) in defaults.param_map() {
            match state.params.get(&id) {
                Some(ParamValue::F32(value)) if !value.is_finite() => {}
                Some(_) => continue,
                None => {}
            }
            // SAFETY: the pointers are of `defaults`, which lives on.
            let value = unsafe {
                match param {
                    ParamPtr::FloatParam(param) => ParamValue::F32((*param).default_plain_value()),
                    ParamPtr::IntParam(param) => ParamValue::I32((*param).default_plain_value()),
                    ParamPtr::BoolParam(param) => ParamValue::Bool((*param).default_plain_value()),
                    ParamPtr::EnumParam(param) => ParamValue::I32((*param).default_plain_value()),
                }
            };
            state.params.insert(id, value);
        }
        state.fields.entry("pack".to_string()).or_insert_with(|| "{}".to_string());
        state.fields.entry("frozen".to_string()).or_insert_with(|| "null".to_string());
    }

    /// What the network is asked for now. Real-time safe.
    pub fn settings(&self) -> Settings {
        let slot = self.target.value().clamp(1, SLOTS as i32) as usize - 1;
        let target = match self.blend.value() {
            true => std::array::from_fn(|slot| self.weights[slot].value.value().clamp(0.0, 1.0)),
            false => Settings::to(slot).target,
        };
        Settings {
            target,
            source: small(&self.source).checked_sub(1),
            amount: self.amount.value(),
            variation: self.variation.value().clamp(0.0, 1.0),
            seed: self.seed(),
            ..Settings::to(slot)
        }
    }
}

/// A value that is small by the parameter's range. A state may hold any, and it is not clamped on its way in.
fn small(param: &IntParam) -> u8 {
    param.value().clamp(0, 127) as u8
}

/// A number up to `max`, where 0 has a name.
fn or_any(name: &str, max: i32, zero: &'static str) -> IntParam {
    let text = move |value: i32| if value == 0 { zero.to_string() } else { value.to_string() };
    let value = move |text: &str| {
        let text = text.trim();
        if text.eq_ignore_ascii_case(zero) { Some(0) } else { text.split_whitespace().next()?.parse().ok() }
    };
    IntParam::new(name, 0, IntRange::Linear { min: 0, max })
        .with_value_to_string(Arc::new(text))
        .with_string_to_value(Arc::new(value))
}

/// What the key parameter's value means.
fn key_lock(value: i32) -> KeyLock {
    match value.clamp(0, 25) as u8 {
        0 => KeyLock::Off,
        1 => KeyLock::Auto,
        key => KeyLock::Key(key / 2 - 1, if key % 2 == 0 { Mode::Major } else { Mode::Minor }),
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

fn text_to_key(text: &str) -> Option<i32> {
    (0..=25).find(|&value| key_to_text(value).eq_ignore_ascii_case(text.trim()))
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
    match usize::try_from(value.saturating_sub(1)) {
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
    fn keys_and_numbers_have_names_and_are_read_back() {
        assert_eq!([0, 1, 2, 3, 25].map(key_to_text), ["off", "auto", "C major", "C minor", "B minor"]);
        assert!((0..=25).all(|key| text_to_key(&key_to_text(key)) == Some(key)));
        let voices = or_any("Voices", 16, "any");
        assert_eq!(
            (voices.string_to_normalized_value("any"), voices.string_to_normalized_value("8")),
            (Some(0.0), Some(0.5))
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
        assert_eq!(settings, Settings { amount: 0.75, ..Settings::to(0) });
    }
}
