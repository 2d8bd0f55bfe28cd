//! The networks behind a small wall, so that the worker can be tested with ones that are slow, fail or panic.

use std::path::PathBuf;

use model::device::{self, Choice};
use model::{
    Answer, Context, LoadedPack, Pack, Report, Role, SLOTS, Saliency, Settings, default_pack, saliency,
};
use nice_plug::prelude::Enum;
use phrase::{Phrase, Roll};

/// What is to compute, as the user chooses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum Processor {
    /// The CPU; but the GPU for a pack that is too slow on the CPU for its deadline.
    #[default]
    #[id = "auto"]
    #[name = "auto"]
    Auto,
    /// The CPU.
    #[id = "cpu"]
    #[name = "CPU"]
    Cpu,
    /// The GPU where there is one, else the CPU.
    #[id = "gpu"]
    #[name = "GPU"]
    Gpu,
}

/// What computes a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The CPU, with our kernels.
    Cpu,
    /// The GPU of this build, with candle's operations.
    Gpu,
}

/// Where a pack comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The pack inside the plugin.
    Default,
    /// A file of the user's, and the hash it must have (empty: any).
    File {
        /// Where it lies.
        path: PathBuf,
        /// SHA-256 in hex, as the pack's card says.
        hash: String,
    },
}

/// Loads packs. Lives on the worker thread.
pub trait Engine: Send {
    /// Loads a pack for a device. An error is one sentence for the user, or for the GPU a clause: why it cannot be used.
    fn load(&mut self, source: &Source, device: Device) -> Result<Box<dyn Network>, String>;
}

/// A loaded pack. Lives on the worker thread.
pub trait Network {
    /// Answers a phrase, in cells and in notes; an error is one sentence for the user.
    fn answer(
        &mut self,
        input: &Phrase,
        settings: &Settings,
        cells: &mut Roll,
        out: &mut Phrase,
    ) -> Result<Report, String>;

    /// The probability of each genre slot; `None` from a network that cannot tell.
    fn hear(&mut self, _: &Roll) -> Option<[f32; SLOTS]> {
        None
    }

    /// How much each cell speaks for a genre slot; `None` from a network that cannot tell.
    fn saliency(&mut self, _: &Roll, _genre: usize) -> Option<Saliency> {
        None
    }
}

/// The real engine: packs of the model crate. The GPU is opened when the first pack wants it.
#[derive(Debug, Default)]
pub struct Packs;

impl Engine for Packs {
    fn load(&mut self, source: &Source, device: Device) -> Result<Box<dyn Network>, String> {
        let (opened, fault) = device::open(if device == Device::Gpu { Choice::Auto } else { Choice::Cpu });
        if device == Device::Gpu && opened.is_cpu() {
            return Err(fault.unwrap_or_else(|| "this build has no code for one".into()));
        }
        let pack = match source {
            Source::Default => Pack::from_bytes("the default pack", default_pack()),
            Source::File { path, .. } => Pack::read(path),
        };
        let pack = pack.map_err(|error| error.to_string())?;
        if let Source::File { path, hash } = source
            && !hash.is_empty()
            && *hash != pack.card.hash
        {
            let (file, name) = (path.display(), &pack.card.name);
            return Err(format!(
                "{file}: this is not the pack {name} that the project was saved with; choose it anew"
            ));
        }
        let loaded = LoadedPack::on(&pack, &opened).map_err(|error| error.to_string())?;
        loaded.check(Role::Transfer).map_err(|error| error.to_string())?;
        Ok(Box::new(loaded))
    }
}

impl Network for LoadedPack {
    fn answer(
        &mut self,
        input: &Phrase,
        settings: &Settings,
        cells: &mut Roll,
        out: &mut Phrase,
    ) -> Result<Report, String> {
        let mut answer = Answer::default();
        let report = self.recast(input, &Context::default(), settings, &mut answer);
        let report = report.map_err(|error| error.to_string())?;
        *cells = answer.cells;
        answer.realise(input, settings.first.into(), out);
        Ok(report)
    }

    fn hear(&mut self, roll: &Roll) -> Option<[f32; SLOTS]> {
        self.classify(roll).ok()
    }

    fn saliency(&mut self, roll: &Roll, genre: usize) -> Option<Saliency> {
        saliency(self.classifier().ok()?, roll, genre).ok()
    }
}
