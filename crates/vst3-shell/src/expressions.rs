//! Note expressions, and the note ids that VST3 hangs them on.

use clap_sys::events::{
    CLAP_NOTE_EXPRESSION_BRIGHTNESS, CLAP_NOTE_EXPRESSION_EXPRESSION, CLAP_NOTE_EXPRESSION_PAN,
    CLAP_NOTE_EXPRESSION_TUNING, CLAP_NOTE_EXPRESSION_VIBRATO, CLAP_NOTE_EXPRESSION_VOLUME,
};
use vst3::Steinberg::Vst::NoteExpressionTypeIDs_::{
    kBrightnessTypeID, kExpressionTypeID, kPanTypeID, kTuningTypeID, kVibratoTypeID, kVolumeTypeID,
};

use crate::unit;

/// An expression in both formats.
pub struct Expression {
    /// VST3's number.
    pub vst3: u32,
    /// CLAP's number.
    pub clap: i32,
    /// Name for people.
    pub name: &'static str,
    /// The VST3 value (0..=1) that means nothing is done.
    pub rest: f64,
    /// Both signs matter.
    pub bipolar: bool,
    /// CLAP's value is this many times VST3's distance from `zero`.
    scale: f64,
    zero: f64,
}

/// What passes. VST3's volume has 0 dB at a quarter and 12 dB at 1, where CLAP has gains of 1 and 4; its
/// tuning reaches 120 semitones down and up.
pub const EXPRESSIONS: [Expression; 6] = [
    Expression {
        vst3: kVolumeTypeID as u32,
        clap: CLAP_NOTE_EXPRESSION_VOLUME,
        name: "Volume",
        rest: 0.25,
        bipolar: false,
        scale: 4.0,
        zero: 0.0,
    },
    Expression {
        vst3: kPanTypeID as u32,
        clap: CLAP_NOTE_EXPRESSION_PAN,
        name: "Pan",
        rest: 0.5,
        bipolar: true,
        scale: 1.0,
        zero: 0.0,
    },
    Expression {
        vst3: kTuningTypeID as u32,
        clap: CLAP_NOTE_EXPRESSION_TUNING,
        name: "Tuning",
        rest: 0.5,
        bipolar: true,
        scale: 240.0,
        zero: 0.5,
    },
    Expression {
        vst3: kVibratoTypeID as u32,
        clap: CLAP_NOTE_EXPRESSION_VIBRATO,
        name: "Vibrato",
        rest: 0.0,
        bipolar: false,
        scale: 1.0,
        zero: 0.0,
    },
    Expression {
        vst3: kExpressionTypeID as u32,
        clap: CLAP_NOTE_EXPRESSION_EXPRESSION,
        name: "Expression",
        rest: 0.0,
        bipolar: false,
        scale: 1.0,
        zero: 0.0,
    },
    Expression {
        vst3: kBrightnessTypeID as u32,
        clap: CLAP_NOTE_EXPRESSION_BRIGHTNESS,
        name: "Brightness",
        rest: 0.5,
        bipolar: false,
        scale: 1.0,
        zero: 0.0,
    },
];

impl Expression {
    /// The expression of a VST3 number.
    pub fn from_vst3(id: u32) -> Option<&'static Expression> {
        EXPRESSIONS.iter().find(|expression| expression.vst3 == id)
    }

    /// The expression of a CLAP number.
    pub fn from_clap(id: i32) -> Option<&'static Expression> {
        EXPRESSIONS.iter().find(|expression| expression.clap == id)
    }

    /// CLAP's value of VST3's.
    pub fn to_clap(&self, value: f64) -> f64 {
        (unit(value) - self.zero) * self.scale
    }

    /// VST3's value of CLAP's.
    pub fn to_vst3(&self, value: f64) -> f64 {
        unit(value / self.scale + self.zero)
    }
}

/// The notes that came in lately, by id: VST3 names a note's expressions by the id alone.
pub struct Recent {
    notes: [(i32, i16, i16); 128],
    next: usize,
}

impl Recent {
    pub fn new() -> Self {
        Recent { notes: [(-1, -1, -1); 128], next: 0 }
    }

    /// A note with that id starts.
    pub fn start(&mut self, id: i32, channel: i16, key: i16) {
        if id >= 0 {
            self.notes[self.next] = (id, channel, key);
            self.next = (self.next + 1) % self.notes.len();
        }
    }

    /// Channel and key of a note, the latest of that id; -1 (any) where it is not known.
    pub fn find(&self, id: i32) -> (i16, i16) {
        let (newest, oldest) = self.notes.split_at(self.next);
        let mut latest_first = newest.iter().rev().chain(oldest.iter().rev());
        latest_first
            .find(|(note, ..)| *note == id && id >= 0)
            .map_or((-1, -1), |&(_, channel, key)| (channel, key))
    }
}

/// The ids of the notes that sound at the output: each start gets a new one.
pub struct Sounding {
    ids: Box<[i32; 16 * 128]>,
    last: i32,
}

impl Sounding {
    pub fn new() -> Self {
        Sounding { ids: Box::new([-1; 16 * 128]), last: -1 }
    }

    fn slot(&mut self, channel: i16, key: i16) -> Option<&mut i32> {
        let in_range = (0..16).contains(&channel) && (0..128).contains(&key);
        in_range.then(|| &mut self.ids[channel as usize * 128 + key as usize])
    }

    /// The id for a note that starts.
    pub fn start(&mut self, channel: i16, key: i16) -> i32 {
        self.last = self.last.checked_add(1).unwrap_or(0);
        let id = self.last;
        self.slot(channel, key).map_or(-1, |slot| {
            *slot = id;
            id
        })
    }

    /// The id of a note that ends; -1 where none sounds.
    pub fn end(&mut self, channel: i16, key: i16) -> i32 {
        self.slot(channel, key).map_or(-1, |slot| std::mem::replace(slot, -1))
    }

    /// The id of a note that sounds; -1 where none does.
    pub fn id(&mut self, channel: i16, key: i16) -> i32 {
        self.slot(channel, key).map_or(-1, |slot| *slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_there_and_back() {
        for expression in &EXPRESSIONS {
            for value in [0.0, 0.1, 0.25, 0.5, 1.0] {
                assert!((expression.to_vst3(expression.to_clap(value)) - value).abs() < 1e-12);
            }
        }
        let of = |id| Expression::from_clap(id).unwrap();
        assert_eq!(of(CLAP_NOTE_EXPRESSION_VOLUME).to_clap(0.25), 1.0);
        assert_eq!(of(CLAP_NOTE_EXPRESSION_TUNING).to_clap(0.75), 60.0);
        assert_eq!(of(CLAP_NOTE_EXPRESSION_TUNING).to_vst3(-500.0), 0.0);
        assert!(Expression::from_vst3(6).is_none(), "text is not passed");
    }

    #[test]
    fn notes_are_found_by_their_latest_start() {
        let mut recent = Recent::new();
        assert_eq!(recent.find(0), (-1, -1));
        recent.start(7, 0, 60);
        recent.start(7, 1, 61);
        assert_eq!(recent.find(7), (1, 61));
        for id in 0..200 {
            recent.start(id, 2, (id % 128) as i16);
        }
        assert_eq!((recent.find(7), recent.find(199), recent.find(-1)), ((-1, -1), (2, 71), (-1, -1)));
    }

    #[test]
    fn sounding_notes_have_ids_of_their_own() {
        let mut sounding = Sounding::new();
        let (first, second) = (sounding.start(0, 60), sounding.start(0, 61));
        assert_ne!(first, second);
        assert_eq!((sounding.id(0, 60), sounding.end(0, 60), sounding.end(0, 60)), (first, first, -1));
        assert_eq!((sounding.start(16, 0), sounding.end(0, -1)), (-1, -1));
    }
}
