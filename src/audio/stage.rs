//! Choices made on stage: the target and the key lock, by incoming programs or by keys that play nothing
//! then.
//!
//! Programs, counted from 1: 1-8 are the target's slots, 11 takes the key lock off, 12 lets it hear the key,
//! 13-24 lock to C to B major, 25-36 to C to B minor. Keys, from the C of the octave that is chosen: C to G
//! are the slots, G sharp takes the lock off, A lets it hear, A sharp and B make it major and minor, and the
//! twelve keys of the octave above are its tonic.
//!
//! A choice counts from its own sample on, and is the parameter's new value: [`Chosen`] holds it until the
//! next call, when the parameter has it.

use model::{SLOTS, Settings};
use nice_plug::midi::{Key, NoteEvent};
use phrase::{KeyLock, Mode};

use super::event::{Event, Io};
use super::options::Switches;
use crate::link::Manner;

/// Tonics.
const KEYS: u8 = 12;

/// What is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The target's slot.
    Target(u8),
    /// The key lock.
    Key(KeyLock),
}

/// The choices of one call, and the keys that made some.
#[derive(Debug, Default)]
pub struct Chosen {
    target: Option<u8>,
    key: Option<KeyLock>,
    /// Keys that are down and play nothing, by pitch: their note-offs are ours, whatever is chosen meanwhile.
    down: u128,
}

impl Chosen {
    /// A call begins: parameters have what was chosen in the one before.
    pub fn begin(&mut self) {
        (self.target, self.key) = (None, None);
    }

    /// Takes an event that is a choice, or belongs to one, and tells the host; `lock` is the parameter's own.
    pub fn takes(
        &mut self,
        event: &Event,
        switches: Switches,
        lock: KeyLock,
        sample: u32,
        io: &mut impl Io,
    ) -> bool {
        let choice = match (*event, switches) {
            (NoteEvent::MidiProgramChange { program, .. }, Switches::Programs) => program_means(program),
            (NoteEvent::NoteOn { key: Key::Number(key @ 0..=127), .. }, _) => {
                let above = switches.lowest().and_then(|lowest| key.checked_sub(lowest));
                let Some(above) = above.filter(|above| *above < 2 * KEYS) else {
                    // Its note-off is its own again, should the one of a choice never have come.
                    self.down &= !(1 << key);
                    return false;
                };
                self.down |= 1 << key;
                Some(key_means(above, self.key.unwrap_or(lock)))
            }
            (
                NoteEvent::NoteOff { key: Key::Number(key @ 0..=127), .. }
                | NoteEvent::Choke { key: Key::Number(key @ 0..=127), .. },
                _,
            ) if self.down & (1 << key) != 0 => {
                self.down &= !(1 << key);
                return true;
            }
            _ => return false,
        };
        match choice {
            Some(Choice::Target(slot)) => self.target = Some(slot),
            Some(Choice::Key(lock)) => self.key = Some(lock),
            // A program that means nothing plays nothing either: the synth behind keeps its sound.
            None => return true,
        }
        choice.into_iter().for_each(|choice| io.choose(choice, sample));
        true
    }

    /// What is asked of the network, with what was chosen in this call.
    pub fn settings(&self, mut settings: Settings) -> Settings {
        if let Some(slot) = self.target {
            settings.target = Settings::to(slot.into()).target;
        }
        settings
    }

    /// What is done with its answer, likewise.
    pub fn manner(&self, mut manner: Manner) -> Manner {
        manner.guards.key = self.key.unwrap_or(manner.guards.key);
        manner
    }
}

/// What a program, from 0, chooses.
fn program_means(program: u8) -> Option<Choice> {
    match program {
        0..8 => Some(Choice::Target(program)),
        10 => Some(Choice::Key(KeyLock::Off)),
        11 => Some(Choice::Key(KeyLock::Auto)),
        12..24 => Some(Choice::Key(KeyLock::Key(program - 12, Mode::Major))),
        24..36 => Some(Choice::Key(KeyLock::Key(program - 24, Mode::Minor))),
        _ => None,
    }
}

/// What a key, from the lowest of the two octaves, chooses where the lock is `now`.
fn key_means(key: u8, now: KeyLock) -> Choice {
    let (tonic, mode) = match now {
        KeyLock::Key(tonic, mode) => (tonic, mode),
        KeyLock::Off | KeyLock::Auto => (0, Mode::Major),
    };
    match key {
        0..8 => Choice::Target(key),
        8 => Choice::Key(KeyLock::Off),
        9 => Choice::Key(KeyLock::Auto),
        10 => Choice::Key(KeyLock::Key(tonic, Mode::Major)),
        11 => Choice::Key(KeyLock::Key(tonic, Mode::Minor)),
        _ => Choice::Key(KeyLock::Key(key - KEYS, mode)),
    }
}

// Programs 1 to 8 and the keys from C to G are all the slots.
const _: () = assert!(SLOTS == 8);
