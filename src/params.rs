//! The parameters and what is saved. Ids and ranges never change: projects and automation refer to them.

use std::sync::Arc;

use model::{SLOTS, Settings};
use nice_plug::prelude::*;

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
            bypass: BoolParam::new("Bypass", false).make_bypass(),
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
    fn the_defaults_ask_for_the_first_slot_with_the_source_heard() {
        let shared = shared(&[]);
        let selection = Arc::new(Selection::new(shared.clone(), Err("none".into())));
        let settings = PluginParams::new(selection, &shared).settings();
        assert_eq!(settings, Settings { amount: 0.9, ..Settings::to(0) });
    }
}
