//! Engines for tests: networks that transpose, wait, panic.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crossbeam_channel::Receiver;
use model::{Report, Settings};
use phrase::{Note, Phrase, Roll};

use super::engine::{Engine, Network, Source};

/// What a fake does with each phrase.
#[derive(Clone, Debug)]
pub enum Way {
    /// Transposes every note that is not tied by the target slot's number of octaves.
    Octaves,
    /// The same, once the test has sent a word for it.
    Gated(Receiver<()>),
    /// Loads once the test has sent a word for it.
    Loading(Receiver<()>),
    /// Panics.
    Panics,
    /// Cannot load its pack.
    Missing,
}

/// A fake engine that counts what it does.
#[derive(Clone, Debug)]
pub struct Fake {
    pub way: Way,
    pub loads: Arc<AtomicU32>,
    pub answers: Arc<AtomicU32>,
}

impl Fake {
    pub fn new(way: Way) -> Self {
        Self { way, loads: Arc::default(), answers: Arc::default() }
    }
}

impl Engine for Fake {
    fn load(&mut self, _: &Source) -> Result<Box<dyn Network>, String> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        if let Way::Loading(gate) = &self.way {
            gate.recv().unwrap_or(());
        }
        match self.way {
            Way::Missing => Err("the pack is missing; find it".into()),
            _ => Ok(Box::new(self.clone())),
        }
    }
}

impl Network for Fake {
    fn answer(
        &mut self,
        input: &Phrase,
        settings: &Settings,
        cells: &mut Roll,
        out: &mut Phrase,
    ) -> Result<Report, String> {
        match &self.way {
            Way::Gated(gate) => gate.recv().unwrap_or(()),
            Way::Panics => panic!("a fault in the network"),
            Way::Octaves | Way::Loading(_) | Way::Missing => {}
        }
        self.answers.fetch_add(1, Ordering::SeqCst);
        out.clear(input.position, input.tempo);
        for note in &input.notes {
            out.push(Note {
                pitch: transposed(note.pitch, settings),
                onset: note.onset.max(0.0),
                length: note.end() - note.onset.max(0.0),
                ..*note
            });
        }
        out.sort();
        *cells = out.roll();
        // What began before the first played step is played from there, as the real network's answers are.
        if settings.first > 0 {
            let whole = out.clone();
            phrase::realise(&whole, cells, settings.first.into(), out);
        }
        Ok(Report::default())
    }
}

/// What [`Way::Octaves`] makes of a pitch.
pub fn transposed(pitch: u8, settings: &Settings) -> u8 {
    let slot = settings.target.iter().position(|&weight| weight > 0.0).unwrap_or(0) as u8;
    (pitch + 12 * slot).min(127)
}
