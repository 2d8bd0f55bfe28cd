//! MIDI controllers on their way in. VST3 carries them as parameters of the plugin, one a controller and
//! channel.
//!
//! All of MIDI would be 130 x 16 = 2,080 parameters, which hosts list, scan and store. So only the
//! controllers that keyboards, pedals, wind controllers and MPE send have some: 17 x 16 = 272, hidden and not
//! for automation. The others do not reach a VST3 plugin here. The ids are those that nice-plug gives the
//! same controllers.

use std::sync::atomic::{AtomicU32, Ordering::*};

use vst3::Steinberg::Vst::ControllerNumbers_::{kAfterTouch, kPitchBend};
use vst3::Steinberg::Vst::ParameterInfo;
use vst3::Steinberg::Vst::ParameterInfo_::ParameterFlags_;

use crate::{text, unit};

/// The controllers that come in: modulation, breath, foot, portamento time, volume, pan, expression, sustain,
/// portamento, sostenuto, soft pedal, timbre, brightness (MPE's third dimension), all sound off, all notes
/// off; then channel pressure and pitch bend under VST3's numbers.
const NUMBERS: [u16; 17] =
    [1, 2, 4, 5, 7, 10, 11, 64, 65, 66, 67, 71, 74, 120, 123, kAfterTouch as u16, kPitchBend as u16];
const CHANNELS: usize = 16;
/// The first id of a channel's controllers is this many after that of the channel before.
const STRIDE: u32 = 130;
/// Ids from here on are the host's own.
const END: u32 = 1 << 31;
const START: u32 = END - STRIDE * CHANNELS as u32;

/// How many hidden parameters there are.
pub const COUNT: usize = NUMBERS.len() * CHANNELS;

/// One controller of one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Controller {
    /// 0..=15.
    channel: u8,
    /// MIDI's number, or VST3's for pressure and bend.
    number: u16,
}

impl Controller {
    /// The controller of a channel (0..=15) and VST3 number, where it comes in.
    pub fn new(channel: i16, number: i16) -> Option<Controller> {
        let channel = u8::try_from(channel).ok().filter(|&channel| usize::from(channel) < CHANNELS)?;
        let number = u16::try_from(number).ok().filter(|number| NUMBERS.contains(number))?;
        Some(Controller { channel, number })
    }

    /// The controller of a hidden parameter, by its place among them.
    pub fn at(index: usize) -> Option<Controller> {
        let number = NUMBERS[index % NUMBERS.len()];
        Controller::new((index / NUMBERS.len()).try_into().ok()?, number as i16)
    }

    /// The controller of a parameter id. Real-time safe.
    pub fn of(id: u32) -> Option<Controller> {
        let at = id.checked_sub(START).filter(|_| id < END)?;
        Controller::new((at / STRIDE) as i16, (at % STRIDE) as i16)
    }

    /// The parameter id.
    pub fn id(self) -> u32 {
        START + u32::from(self.channel) * STRIDE + u32::from(self.number)
    }

    fn place(self) -> usize {
        let at = NUMBERS.iter().position(|&number| number == self.number).unwrap_or(0);
        usize::from(self.channel) * NUMBERS.len() + at
    }

    /// What the host is told.
    pub fn describe(self, info: &mut ParameterInfo) {
        let what = match u32::from(self.number) {
            number if number == kAfterTouch as u32 => "Channel Pressure".to_owned(),
            number if number == kPitchBend as u32 => "Pitch Bend".to_owned(),
            number => format!("CC {number}"),
        };
        info.id = self.id();
        text::write16(&mut info.title, &format!("MIDI Ch. {} {what}", self.channel + 1));
        text::write16(&mut info.shortTitle, &what);
        info.units = [0; 128];
        info.stepCount = 0;
        info.defaultNormalizedValue = self.rest();
        info.unitId = 0;
        // Hosts send what they map to it all the same.
        info.flags = (ParameterFlags_::kIsHidden | ParameterFlags_::kIsReadOnly) as i32;
    }

    /// The value that means nothing is done: the middle for a bend.
    fn rest(self) -> f64 {
        if u32::from(self.number) == kPitchBend as u32 { 0.5 } else { 0.0 }
    }

    /// The MIDI message of a value (0..=1). Real-time safe.
    pub fn message(self, value: f64) -> [u8; 3] {
        let value = unit(value);
        let seven = (value * 127.0).round() as u8;
        match u32::from(self.number) {
            number if number == kAfterTouch as u32 => [0xD0 | self.channel, seven, 0],
            number if number == kPitchBend as u32 => {
                let bend = (value * 16_383.0).round() as u16;
                [0xE0 | self.channel, (bend & 0x7F) as u8, (bend >> 7) as u8]
            }
            _ => [0xB0 | self.channel, self.number as u8, seven],
        }
    }
}

/// The values that the host's side of the hidden parameters shows.
pub struct Shown([AtomicU32; COUNT]);

impl Shown {
    pub fn new() -> Self {
        let rest = |at| Controller::at(at).map_or(0.0, Controller::rest) as f32;
        Shown(std::array::from_fn(|at| AtomicU32::new(rest(at).to_bits())))
    }

    pub fn get(&self, controller: Controller) -> f64 {
        f32::from_bits(self.0[controller.place()].load(Relaxed)).into()
    }

    pub fn set(&self, controller: Controller, value: f64) {
        self.0[controller.place()].store((unit(value) as f32).to_bits(), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_controller_has_an_id_of_its_own_and_is_found_by_it() {
        let all: Vec<_> = (0..COUNT).map(|at| Controller::at(at).unwrap()).collect();
        let mut ids: Vec<_> = all.iter().map(|controller| controller.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), COUNT);
        assert!(ids.iter().all(|&id| (START..END).contains(&id)));
        for (at, &controller) in all.iter().enumerate() {
            assert_eq!(Controller::of(controller.id()), Some(controller));
            assert_eq!(controller.place(), at);
        }
        assert_eq!(Controller::at(COUNT), None);
        for id in [0, START - 1, START + 3, END, u32::MAX] {
            assert_eq!(Controller::of(id), None, "{id}");
        }
    }

    #[test]
    fn values_become_messages() {
        let message = |channel, number, value| Controller::new(channel, number).map(|it| it.message(value));
        assert_eq!(message(0, 64, 1.0), Some([0xB0, 64, 127]));
        assert_eq!(message(15, 1, 0.5), Some([0xBF, 1, 64]));
        assert_eq!(message(2, kAfterTouch as i16, 0.25), Some([0xD2, 32, 0]));
        assert_eq!(message(3, kPitchBend as i16, 0.5), Some([0xE3, 0, 64]), "the middle is the middle");
        assert_eq!(message(3, kPitchBend as i16, f64::NAN), Some([0xE3, 0, 0]));
        assert_eq!(message(16, 1, 0.5), None);
        assert_eq!(message(0, 3, 0.5), None, "not one of those that come in");
        for value in 0..=127_u8 {
            let back = message(0, 11, f64::from(value) / 127.0).unwrap();
            assert_eq!(back[2], value);
        }
    }
}
