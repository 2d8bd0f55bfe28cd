//! What the parameters ask for, and the way back: the values of the parameters that asked for it.

use gui::Control;
use model::{CORNERS, SLOTS, Settings, SwingBy};
use nice_plug::prelude::*;
use phrase::{Band, Feel, Guards};

use super::PluginParams;
use super::texts::{key_lock, key_value};
use crate::audio::options::{AtMost, Groove, Options, Silent};
use crate::link::Manner;

impl PluginParams {
    /// What the network is asked for now. Real-time safe.
    pub fn settings(&self) -> Settings {
        let slot = self.target.value().clamp(1, SLOTS as i32) as usize - 1;
        let target = match self.blend.value() {
            true => std::array::from_fn(|slot| share(&self.weights[slot])),
            false => Settings::to(slot).target,
        };
        Settings {
            target,
            source: small(&self.source).checked_sub(1),
            amount: share(&self.amount),
            variation: share(&self.variation),
            seed: self.seed_value(),
            leave_own: self.leave_own.value(),
            limits: self.limits.value(),
            harmony: share(&self.harmony),
            // Who keeps the tune keeps it where it was played.
            phrased: !self.melody.value(),
            swing: match self.groove.value() {
                // All of it is swung by that.
                _ if share(&self.swing) > 0.0 => SwingBy::Level,
                Groove::Auto => SwingBy::Auto,
                Groove::Heard => SwingBy::Heard,
                Groove::Straight => SwingBy::Straight,
            },
            silent: self.silent.value().when(),
            silent_bars: self.silent_bars.value().bars(),
            distance: share(&self.distance),
            morph: self.morph.value().then(|| corners(share(&self.morph_x), share(&self.morph_y))),
            textured: self.textured.value(),
            ..Settings::to(slot)
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
            manner: self.manner(),
            switches: self.switches.value(),
            processor: self.processor.value(),
        }
    }

    fn manner(&self) -> Manner {
        let plays = [self.tune.value(), self.chords.value(), self.bass.value()];
        Manner {
            guards: self.guards(),
            feel: self.feel(),
            locked: self.lock.value(),
            dynamics: share(&self.dynamics),
            offsets: share(&self.offsets),
            band: Band { plays, split: self.split.value() },
        }
    }

    fn seed_value(&self) -> u32 {
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
            swing: share(&self.swing),
            humanise: share(&self.humanise),
            seed: self.seed_value(),
            velocity: small(&self.velocity).checked_sub(1).map(|below| f32::from(below + 1) / 127.0),
            channel: small(&self.channel).checked_sub(1),
        }
    }
}

/// The weights of the morph's corners at a point of the square between them.
pub fn corners(x: f32, y: f32) -> [f32; CORNERS] {
    [(1.0 - x) * (1.0 - y), x * (1.0 - y), (1.0 - x) * y, x * y]
}

/// A value that is small by the parameter's range.
fn small(param: &IntParam) -> u8 {
    param.value().clamp(0, 127) as u8
}

/// A value from 0 to 1. Never NaN, which is not equal to itself: an answer to it would be late for ever.
fn share(param: &FloatParam) -> f32 {
    let value = param.value();
    if value > 0.0 { value.min(1.0) } else { 0.0 }
}

/// The values of the parameters that ask for this: what undo puts back.
pub fn values(settings: &Settings, manner: &Manner) -> Vec<(Control, f32)> {
    let Settings { source, target, amount, variation, seed, leave_own, limits, harmony, swing, .. } =
        *settings;
    let Settings { silent, silent_bars, distance, morph, textured, .. } = *settings;
    let Manner { guards, feel, locked, dynamics, offsets, band } = *manner;
    let one = |weight: &f32| *weight > 0.0;
    let blend = target.iter().filter(|weight| one(weight)).count() != 1;
    let slot = target.iter().position(one).unwrap_or(0);
    let on = |switch: bool| f32::from(u8::from(switch));
    let groove = match swing {
        SwingBy::Auto | SwingBy::Level => 0.0,
        SwingBy::Heard => 1.0,
        SwingBy::Straight => 2.0,
    };
    let mut values = vec![
        (Control::SOURCE, source.map_or(0.0, |slot| f32::from(slot) + 1.0)),
        (Control::BLEND, on(blend)),
        (Control::AMOUNT, amount),
        (Control::VARIATION, variation),
        (Control::SEED, seed as f32),
        (Control::LOCK, on(locked)),
        (Control("own"), on(leave_own)),
        (Control("limits"), on(limits)),
        (Control("harmony"), harmony),
        (Control("melody"), on(guards.melody)),
        (Control("key"), key_value(guards.key) as f32),
        (Control("lowest"), guards.lowest.into()),
        (Control("highest"), guards.highest.into()),
        (Control("voices"), guards.voices.into()),
        (Control("density"), guards.density.into()),
        (Control("swing"), feel.swing),
        (Control("humanise"), feel.humanise),
        (Control("groove"), groove),
        (Control("feel"), offsets),
        (Control("dynamics"), dynamics),
        (Control("part_tune"), on(band.plays[0])),
        (Control("part_chords"), on(band.plays[1])),
        (Control("part_bass"), on(band.plays[2])),
        (Control("split"), on(band.split)),
        (Control("velocity"), feel.velocity.map_or(0.0, |velocity| (velocity * 127.0).round())),
        (Control("channel"), feel.channel.map_or(0.0, |channel| f32::from(channel) + 1.0)),
    ];
    values.extend([
        (Control("silent"), Silent::of(silent) as u8 as f32),
        (Control("silent_bars"), AtMost::index(silent_bars) as f32),
        (Control("distance"), distance),
        (Control("texture"), on(textured)),
        (Control::MORPH, on(morph.is_some())),
    ]);
    if let Some([_, above, below, both]) = morph {
        values.extend([(Control::MORPH_X, above + both), (Control::MORPH_Y, below + both)]);
    }
    if blend {
        values.extend((0..SLOTS).map(|slot| (Control::weight(slot), target[slot])));
    } else {
        values.push((Control::TARGET, slot as f32 + 1.0));
    }
    values
}

/// The controls that [`values`] may give.
pub fn asked() -> Vec<Control> {
    let one = values(&Settings::to(0), &Manner::default());
    let more = (0..SLOTS).map(Control::weight).chain([Control::MORPH_X, Control::MORPH_Y]);
    one.into_iter().map(|(control, _)| control).chain(more).collect()
}
