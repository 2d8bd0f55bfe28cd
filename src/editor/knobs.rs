//! The settings that made an answer, as values of controls: what undo puts back.

use gui::Control;
use model::{SLOTS, Settings};
use phrase::{KeyLock, Mode};

use crate::link::{Manner, Take};

/// The controls that an answer depends on.
pub const ALL: [Control; 17] = [
    Control::Source,
    Control::Target,
    Control::Blend,
    Control::Amount,
    Control::Variation,
    Control::Seed,
    Control::Lock,
    Control::Melody,
    Control::Key,
    Control::Lowest,
    Control::Highest,
    Control::Voices,
    Control::Density,
    Control::Swing,
    Control::Humanise,
    Control::Velocity,
    Control::Channel,
];

/// The values that made a take.
pub fn of(take: &Take) -> Vec<(Control, f32)> {
    let (Settings { source, target, amount, variation, seed, .. }, Manner { guards, feel, locked }) =
        (take.settings, take.manner);
    let one = |weight: &f32| *weight > 0.0;
    let blend = target.iter().filter(|weight| one(weight)).count() != 1;
    let slot = target.iter().position(one).unwrap_or(0);
    let key = match guards.key {
        KeyLock::Off => 0,
        KeyLock::Auto => 1,
        KeyLock::Key(tonic, Mode::Major) => 2 + 2 * tonic,
        KeyLock::Key(tonic, Mode::Minor) => 3 + 2 * tonic,
    };
    let mut values = vec![
        (Control::Source, source.map_or(0.0, |slot| f32::from(slot) + 1.0)),
        (Control::Target, slot as f32 + 1.0),
        (Control::Blend, f32::from(u8::from(blend))),
        (Control::Amount, amount),
        (Control::Variation, variation),
        (Control::Seed, seed as f32),
        (Control::Lock, f32::from(u8::from(locked))),
        (Control::Melody, f32::from(u8::from(guards.melody))),
        (Control::Key, key.into()),
        (Control::Lowest, guards.lowest.into()),
        (Control::Highest, guards.highest.into()),
        (Control::Voices, guards.voices.into()),
        (Control::Density, guards.density.into()),
        (Control::Swing, feel.swing),
        (Control::Humanise, feel.humanise),
        (Control::Velocity, feel.velocity.map_or(0.0, |velocity| (velocity * 127.0).round())),
        (Control::Channel, feel.channel.map_or(0.0, |channel| f32::from(channel) + 1.0)),
    ];
    if blend {
        values.retain(|(control, _)| *control != Control::Target);
        values.extend((0..SLOTS).map(|slot| (Control::Weight(slot as u8), target[slot])));
    }
    values
}

/// What is worth saying of them, short.
pub fn text(take: &Take) -> String {
    let (settings, manner) = (take.settings, take.manner);
    let mut parts = vec![format!("amount {:.0} %", settings.amount * 100.0)];
    if settings.variation > 0.0 {
        parts.push(format!("variation {:.0} % #{}", settings.variation * 100.0, settings.seed));
    }
    if manner.guards.melody {
        parts.push("melody kept".into());
    }
    match manner.guards.key {
        KeyLock::Off => {}
        KeyLock::Auto => parts.push("key auto".into()),
        KeyLock::Key(tonic, mode) => parts.push(format!("key {}", phrase::Key { tonic, mode, fit: 1.0 })),
    }
    if manner.feel.swing > 0.0 {
        parts.push(format!("swing {:.0} %", manner.feel.swing * 100.0));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use nice_plug::params::InternalParamMut;

    use super::*;
    use crate::editor::fields;
    use crate::link::{History, Job, Shared};
    use crate::packs::Selection;
    use crate::params::PluginParams;

    /// What parameters ask for, remembered and made into values again, are the parameters' own values.
    #[test]
    fn the_settings_of_a_take_are_those_of_the_parameters_that_made_it() {
        let shared = Arc::new(Shared::default());
        let selection = Arc::new(Selection::new(shared.clone(), Err("none".into())));
        let params = PluginParams::new(selection, &shared);
        // SAFETY: they are set as the wrapper sets them; nobody else knows these parameters.
        unsafe {
            params.target._internal_set_plain_value(3);
            params.source._internal_set_plain_value(2);
            params.seed._internal_set_plain_value(77);
            params.key._internal_set_plain_value(13);
            params.velocity._internal_set_plain_value(90);
            params.channel._internal_set_plain_value(4);
            params.melody._internal_set_plain_value(true);
            params.lock._internal_set_plain_value(true);
        }
        for blend in [false, true] {
            // SAFETY: as above.
            unsafe { params.blend._internal_set_plain_value(blend) };
            let mut job = Job::new();
            (job.settings, job.manner) = (params.settings(), params.options().manner);
            job.input.push(phrase::Note::new(60, 0, 0.5, 0.0, 1.0));
            let mut history = History::default();
            history.remember(&job, &[]);
            let take = history.unknown(0).unwrap();
            for (control, value) in of(&take) {
                assert_eq!(value, fields::value(&params, control), "{control:?}");
            }
        }
    }
}
