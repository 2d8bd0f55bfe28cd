//! Engines for tests: networks that transpose, wait, panic.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crossbeam_channel::Receiver;
use model::{Answer, Context, Report, Settings};
use phrase::{Note, Phrase};

use super::engine::{Device, Engine, PackSource, Roles};

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
    /// As [`Way::Octaves`], but takes so long on the CPU. On the GPU, which a test may have, it is fast.
    Slow(Duration),
    /// Answers on the CPU and fails on the GPU, which is there.
    GpuFails,
    /// The default pack as [`Way::Octaves`], every other once the test has sent a word for each answer.
    OthersGated(Receiver<()>),
    /// As [`Way::Octaves`], and a cell higher in its answer's first step than what was answered before.
    Remembers,
}

/// A fake engine that counts what it does.
#[derive(Clone, Debug)]
pub struct Fake {
    pub way: Way,
    pub loads: Arc<AtomicU32>,
    pub answers: Arc<AtomicU32>,
    /// Answers on the GPU.
    pub on_gpu: Arc<AtomicU32>,
    /// There is a GPU.
    pub gpu: bool,
    device: Device,
    source: PackSource,
}

impl Fake {
    pub fn new(way: Way) -> Self {
        let gpu = matches!(way, Way::GpuFails);
        let (loads, answers, on_gpu) = Default::default();
        Self { way, loads, answers, on_gpu, gpu, device: Device::Cpu, source: PackSource::Default }
    }
}

impl Engine for Fake {
    fn load(&self, source: &PackSource, device: Device) -> Result<Box<dyn Roles>, String> {
        if device == Device::Gpu && !self.gpu {
            return Err("there is none".into());
        }
        self.loads.fetch_add(1, Ordering::SeqCst);
        if let Way::Loading(gate) = &self.way {
            gate.recv().unwrap_or(());
        }
        match self.way {
            Way::Missing => Err("the pack is missing; find it".into()),
            _ => Ok(Box::new(Self { device, source: source.clone(), ..self.clone() })),
        }
    }
}

impl Roles for Fake {
    fn remembers(&self) -> bool {
        matches!(self.way, Way::Remembers)
    }

    fn answer(
        &mut self,
        input: &Phrase,
        context: &Context,
        settings: &Settings,
        said: &mut Answer,
        out: &mut Phrase,
    ) -> Result<Report, String> {
        match &self.way {
            Way::Gated(gate) => gate.recv().unwrap_or(()),
            Way::OthersGated(gate) if self.source != PackSource::Default => gate.recv().unwrap_or(()),
            Way::Panics => panic!("a fault in the network"),
            Way::GpuFails if self.device == Device::Gpu => return Err("its memory is full".into()),
            Way::Slow(time) if self.device == Device::Cpu => std::thread::sleep(*time),
            _ => {}
        }
        self.answers.fetch_add(1, Ordering::SeqCst);
        self.on_gpu.fetch_add(u32::from(self.device == Device::Gpu), Ordering::SeqCst);
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
        *said = Answer::of(out.roll());
        if let (Way::Remembers, Some(before)) = (&self.way, context.before) {
            let highest = 127 - before.sounding[0].leading_zeros() as usize;
            said.cells.set(0, highest + 1, true);
            said.realise(&out.clone(), 0, out);
        }
        // What began before the first played step is played from there, as the real network's answers are.
        if settings.first > 0 {
            let whole = out.clone();
            phrase::realise(&whole, &said.cells, settings.first.into(), out);
        }
        Ok(Report::default())
    }
}

/// What [`Way::Octaves`] makes of a pitch.
pub fn transposed(pitch: u8, settings: &Settings) -> u8 {
    let slot = settings.target.iter().position(|&weight| weight > 0.0).unwrap_or(0) as u8;
    (pitch + 12 * slot).min(127)
}
