//! The table of the parameters: one row each. The host's parameters, the window's controls and README's table
//! follow from it.
//!
//! To add one: a row here, at the end, and its use in `asked` (what is asked of the network and done with its
//! answer) or wherever else it acts. Tests then say what README's table lacks.

use std::sync::Arc;

use gui::{Control, Page};
use model::SLOTS;
use nice_plug::params::internals::ParamPtr;
use nice_plug::prelude::*;

use super::kinds::{Kind, Made};
use super::texts::{key_to_text, shift_to_text, text_to_key, text_to_shift};
use crate::audio::options::{AtMost, Fallback, Groove, Latency, Margin, Silent, Switches, Thru};
use crate::link::Processor;
use crate::link::Shared;

/// What there is to say of a parameter.
pub struct Row {
    /// In states and automation: never changes.
    pub id: &'static str,
    /// What host and window call it.
    pub name: &'static str,
    /// What it is for, in a sentence or two: in the window under the pointer, and in README.
    pub hint: &'static str,
    /// Its range, its default, and how a value reads.
    pub kind: Kind,
    /// Where in the window it is.
    pub page: Page,
    /// Its place there: the least comes first.
    pub rank: u8,
    /// Whether hosts offer it for automation: not what is set once for a project or a machine.
    pub automatable: bool,
}

impl Row {
    /// The host's parameters of this row: id, name and, in the window, the control.
    pub fn each(&self) -> Vec<(String, String, Control)> {
        match self.kind {
            Kind::Weight => (0..SLOTS)
                .map(|slot| {
                    let number = slot + 1;
                    (
                        format!("{}_{number}", self.id),
                        format!("{} {number}", self.name),
                        Control::weight(slot),
                    )
                })
                .collect(),
            _ => vec![(self.id.to_string(), self.name.to_string(), Control(self.id))],
        }
    }
}

/// Makes of the rows both [`ROWS`] and [`Table`], in one order, which is the order in the host.
macro_rules! table {
    ($($field:ident: $type:ty = $row:expr;)*) => {
        /// Every row, in the host's order. New ones come last: some hosts count parameters.
        pub static ROWS: &[Row] = &[$($row,)*];

        /// The parameters of an instance: a field for each row.
        #[expect(missing_docs, reason = "the rows say it")]
        pub struct Table {
            $(pub $field: $type,)*
        }

        impl Table {
            /// All at their defaults. Slots have the names that `shared` holds at any time, and buttons act
            /// on it.
            pub fn new(shared: &Arc<Shared>) -> Self {
                let mut rows = ROWS.iter();
                $(let $field = <$type as Made>::make(rows.next().expect("a row for each field"), shared);)*
                Self { $($field,)* }
            }

            /// The parameters of each row.
            pub fn pointers(&self) -> Vec<(&'static Row, Vec<ParamPtr>)> {
                ROWS.iter().zip([$(Made::pointers(&self.$field),)*]).collect()
            }
        }
    };
}

table! {
    target: IntParam = Row {
        id: "target", name: "Target", page: Page::Pad, rank: 10, automatable: true,
        kind: Kind::Slot { from: 1 },
        hint: "The genre to play it in: a slot of the pack, by the pack's name for it.",
    };
    source: IntParam = Row {
        id: "source", name: "Source", page: Page::Panel, rank: 10, automatable: true,
        kind: Kind::Slot { from: 0 },
        hint: "The genre of what you play. Auto: the pack's classifier hears it.",
    };
    amount: FloatParam = Row {
        id: "amount", name: "Amount", page: Page::Panel, rank: 20, automatable: true,
        kind: Kind::Percent(0.75),
        hint: "0 %: your notes as they were. 100 %: the network's answer. Between, your notes hold the \
               answer back.",
    };
    variation: FloatParam = Row {
        id: "variation", name: "Variation", page: Page::Panel, rank: 30, automatable: true,
        kind: Kind::Percent(0.0),
        hint: "0 %: the same phrase has the same answer. 100 %: another one for every seed and place in \
               the song.",
    };
    seed: IntParam = Row {
        id: "seed", name: "Seed", page: Page::Panel, rank: 40, automatable: true,
        kind: Kind::Number { most: 9999, zero: None },
        hint: "Which draw. The same seed at the same place of the song gives the same notes.",
    };
    latency: EnumParam<Latency> = Row {
        id: "latency", name: "Latency", page: Page::Play, rank: 20, automatable: true,
        kind: Kind::Choice(Latency::variants),
        hint: "How many bars later the answer comes. The network always hears four bars; the newest are \
               played.",
    };
    margin: EnumParam<Margin> = Row {
        id: "margin", name: "Margin", page: Page::Time, rank: 10, automatable: false,
        kind: Kind::Choice(Margin::variants),
        hint: "How much later still: for slow packs, big buffers and many instances.",
    };
    fallback: EnumParam<Fallback> = Row {
        id: "fallback", name: "When late", page: Page::Time, rank: 20, automatable: false,
        kind: Kind::Choice(Fallback::variants),
        hint: "What plays until a late answer comes in at the next beat: your notes, silence, or the \
               last answer.",
    };
    shift: IntParam = Row {
        id: "shift", name: "Shift", page: Page::Time, rank: 40, automatable: true,
        kind: Kind::Named { most: 15, text: shift_to_text, read: text_to_shift },
        hint: "How much later phrases begin than the host's bars 1, 5, 9 and so on.",
    };
    realign: BoolParam = Row {
        id: "realign", name: "Realign now", page: Page::Time, rank: 50, automatable: true,
        kind: Kind::Button(Shared::realign),
        hint: "A button: a phrase begins at the next bar line.",
    };
    thru: EnumParam<Thru> = Row {
        id: "thru", name: "Hear", page: Page::Play, rank: 10, automatable: true,
        kind: Kind::Choice(Thru::variants),
        hint: "What is heard: the answers, what you play (at once), or both.",
    };
    melody: BoolParam = Row {
        id: "melody", name: "Keep melody", page: Page::Play, rank: 30, automatable: true,
        kind: Kind::Switch(false),
        hint: "Your highest notes are never taken away, and come when you played them.",
    };
    key: IntParam = Row {
        id: "key", name: "Key lock", page: Page::Play, rank: 40, automatable: true,
        kind: Kind::Named { most: 25, text: key_to_text, read: text_to_key },
        hint: "New notes outside this key are moved to a neighbour, or dropped where that is taken. \
               Auto: the key that is heard.",
    };
    lowest: IntParam = Row {
        id: "lowest", name: "Lowest new note", page: Page::Notes, rank: 20, automatable: true,
        kind: Kind::Pitch(0),
        hint: "New notes below are moved up by octaves, or dropped.",
    };
    highest: IntParam = Row {
        id: "highest", name: "Highest new note", page: Page::Notes, rank: 30, automatable: true,
        kind: Kind::Pitch(127),
        hint: "New notes above are moved down by octaves, or dropped.",
    };
    voices: IntParam = Row {
        id: "voices", name: "Voices", page: Page::Notes, rank: 40, automatable: true,
        kind: Kind::Number { most: 16, zero: Some("any") },
        hint: "New notes come in only where fewer than this many sound.",
    };
    density: IntParam = Row {
        id: "density", name: "Notes a beat", page: Page::Notes, rank: 50, automatable: true,
        kind: Kind::Number { most: 16, zero: Some("any") },
        hint: "New notes come in only in beats where fewer than this many start.",
    };
    velocity: IntParam = Row {
        id: "velocity", name: "Velocity", page: Page::Notes, rank: 60, automatable: true,
        kind: Kind::Number { most: 127, zero: Some("as played") },
        hint: "The velocity of all answers.",
    };
    channel: IntParam = Row {
        id: "channel", name: "Channel", page: Page::Notes, rank: 90, automatable: true,
        kind: Kind::Number { most: 16, zero: Some("as played") },
        hint: "The channel of all answers.",
    };
    swing: FloatParam = Row {
        id: "swing", name: "Swing", page: Page::Play, rank: 60, automatable: true,
        kind: Kind::Percent(0.0),
        hint: "100 %: the second eighth of a beat falls on its last triplet.",
    };
    humanise: FloatParam = Row {
        id: "humanise", name: "Humanise", page: Page::Notes, rank: 70, automatable: true,
        kind: Kind::Percent(0.0),
        hint: "100 %: notes leave their time by up to a quarter of a 16th and their velocity by a \
               fifth, by the seed.",
    };
    longest: IntParam = Row {
        id: "longest", name: "Longest note in 16ths", page: Page::Notes, rank: 80, automatable: true,
        kind: Kind::Number { most: 64, zero: Some("any") },
        hint: "No note of an answer lasts longer.",
    };
    pedal: BoolParam = Row {
        id: "pedal", name: "Pedal as length", page: Page::Notes, rank: 100, automatable: true,
        kind: Kind::Switch(false),
        hint: "The sustain pedal lengthens the notes that are heard, and is not passed on.",
    };
    freeze: BoolParam = Row {
        id: "freeze", name: "Freeze", page: Page::Header, rank: 10, automatable: true,
        kind: Kind::Switch(false),
        hint: "The answer that plays repeats, and is saved with the project.",
    };
    panic: BoolParam = Row {
        id: "panic", name: "Panic", page: Page::Header, rank: 20, automatable: true,
        kind: Kind::Button(Shared::panic),
        hint: "A button: ends all that sounds, on every channel.",
    };
    bypass: BoolParam = Row {
        id: "bypass", name: "Bypass", page: Page::Header, rank: 30, automatable: true,
        kind: Kind::Bypass,
        hint: "Your notes pass at once, unchanged.",
    };
    // Loading a pack for the GPU takes long: nothing for a lane.
    processor: EnumParam<Processor> = Row {
        id: "processor", name: "Processor", page: Page::Time, rank: 30, automatable: false,
        kind: Kind::Choice(Processor::variants),
        hint: "What computes the answers. Auto: the GPU for a pack that is too slow on the CPU, where \
               the build has one.",
    };
    blend: BoolParam = Row {
        id: "blend", name: "Blend", page: Page::Pad, rank: 20, automatable: true,
        kind: Kind::Switch(false),
        hint: "A blend of genres takes the place of the target, by the weight of each slot.",
    };
    weights: [FloatParam; SLOTS] = Row {
        id: "weight", name: "Blend weight", page: Page::Pad, rank: 30, automatable: true,
        kind: Kind::Weight,
        hint: "How much of the slot's genre is in the blend, relative to the other weights.",
    };
    lock: BoolParam = Row {
        id: "lock", name: "Lock draw", page: Page::Panel, rank: 50, automatable: true,
        kind: Kind::Switch(false),
        hint: "Every phrase gets the same draw, so that a loop comes back equal in each pass.",
    };
    leave_own: BoolParam = Row {
        id: "own", name: "Leave own genre alone", page: Page::Play, rank: 70, automatable: true,
        kind: Kind::Switch(false),
        hint: "A phrase that is heard as the target stays as it is. Off: only where you name the target \
               as the source.",
    };
    limits: BoolParam = Row {
        id: "limits", name: "Voicing limits", page: Page::Notes, rank: 10, automatable: true,
        kind: Kind::Switch(true),
        hint: "New notes keep arrangers' limits: no mud in the bass, no clusters, nothing that two \
               hands cannot play. Off: anything goes.",
    };
    harmony: FloatParam = Row {
        id: "harmony", name: "Harmony", page: Page::Play, rank: 50, automatable: true,
        kind: Kind::Percent(0.1),
        hint: "How far the genre may recolour your chords. 0 %: not at all. Roots always stay.",
    };
    groove: EnumParam<Groove> = Row {
        id: "groove", name: "Groove", page: Page::Band, rank: 50, automatable: true,
        kind: Kind::Choice(Groove::variants),
        hint: "How new notes swing while Swing is at 0 %. Auto: as the genre does at this tempo, and \
               yours with them. As heard: as you do.",
    };
    offsets: FloatParam = Row {
        id: "feel", name: "Feel", page: Page::Band, rank: 60, automatable: true,
        kind: Kind::Percent(1.0),
        hint: "How far new notes leave the beat as the genre's players do, ahead or laid back, by the seed.",
    };
    dynamics: FloatParam = Row {
        id: "dynamics", name: "Dynamics", page: Page::Band, rank: 70, automatable: true,
        kind: Kind::Percent(0.0),
        hint: "How far your notes are struck as the target genre's players would. New notes always are.",
    };
    tune: BoolParam = Row {
        id: "part_tune", name: "Tune", page: Page::Band, rank: 10, automatable: true,
        kind: Kind::Switch(true),
        hint: "The answer's top line plays. Off: for you who play it yourself.",
    };
    chords: BoolParam = Row {
        id: "part_chords", name: "Chords", page: Page::Band, rank: 20, automatable: true,
        kind: Kind::Switch(true),
        hint: "What lies between the answer's tune and bass plays.",
    };
    bass: BoolParam = Row {
        id: "part_bass", name: "Bass", page: Page::Band, rank: 30, automatable: true,
        kind: Kind::Switch(true),
        hint: "The answer's bottom line plays.",
    };
    split: BoolParam = Row {
        id: "split", name: "Split", page: Page::Band, rank: 40, automatable: true,
        kind: Kind::Switch(false),
        hint: "Each part has its channel: tune 1, chords 2, bass 3. Takes the place of Channel.",
    };
    silent: EnumParam<Silent> = Row {
        id: "silent", name: "When silent", page: Page::Fill, rank: 10, automatable: true,
        kind: Kind::Choice(Silent::variants),
        hint: "When you stop: rest, go on with the music, fill the empty bars of your phrases only, or \
               vary your last phrase.",
    };
    silent_bars: EnumParam<AtMost> = Row {
        id: "silent_bars", name: "For at most", page: Page::Fill, rank: 20, automatable: true,
        kind: Kind::Choice(AtMost::variants),
        hint: "After so many bars without a note of yours the music rests.",
    };
    distance: FloatParam = Row {
        id: "distance", name: "Distance", page: Page::Fill, rank: 30, automatable: true,
        kind: Kind::Percent(0.25),
        hint: "How far variations go from your phrase. 0 %: it comes again as it was.",
    };
    textured: BoolParam = Row {
        id: "texture", name: "Texture of the model", page: Page::Fill, rank: 40, automatable: true,
        kind: Kind::Switch(false),
        hint: "Answers are accompanied as the phrase that you took as the model in the strip below.",
    };
    morph: BoolParam = Row {
        id: "morph", name: "Morph", page: Page::Fill, rank: 50, automatable: true,
        kind: Kind::Switch(false),
        hint: "Plays the point between the phrases in the corners, whatever you play. Variation leaves the \
               point a little.",
    };
    morph_x: FloatParam = Row {
        id: "morph_x", name: "Morph X", page: Page::Morph, rank: 60, automatable: true,
        kind: Kind::Percent(0.5),
        hint: "0 %: the phrases in the left corners. 100 %: those in the right ones.",
    };
    morph_y: FloatParam = Row {
        id: "morph_y", name: "Morph Y", page: Page::Morph, rank: 70, automatable: true,
        kind: Kind::Percent(0.5),
        hint: "0 %: the phrases in the upper corners. 100 %: those in the lower ones.",
    };
    // For a project or a stage, not for a lane.
    switches: EnumParam<Switches> = Row {
        id: "switches", name: "Switch by", page: Page::Time, rank: 60, automatable: false,
        kind: Kind::Choice(Switches::variants),
        hint: "Incoming programs, or the keys of two octaves, choose Target and Key lock. Such keys play \
               nothing.",
    };
}
