//! The networks behind a small wall, so that the worker can be tested with ones that are slow, fail or panic.

use std::path::PathBuf;

use model::device::{self, Choice};
use model::{
    Answer, Context, LoadedPack, ModelError, Pack, Report, Role, SLOTS, Saliency, Settings, default_pack,
    saliency,
};
use phrase::{Phrase, Roll};

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
pub enum PackSource {
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

/// Loads packs, on any computing thread.
pub trait Engine: Send + Sync {
    /// Loads a pack for a device. An error is one sentence for the user, or for the GPU a clause: why it
    /// cannot be used.
    fn load(&self, source: &PackSource, device: Device) -> Result<Box<dyn Roles>, String>;
}

/// What a loaded pack can do. Lives on the computing thread that loaded it.
pub trait Roles {
    /// Whether answers depend on what was answered `before`.
    fn remembers(&self) -> bool {
        false
    }

    /// Answers a phrase, as the network says it and in notes; an error is one sentence for the user.
    /// `context` is what is known around it.
    fn answer(
        &mut self,
        input: &Phrase,
        context: &Context,
        settings: &Settings,
        said: &mut Answer,
        out: &mut Phrase,
    ) -> Result<Report, String>;

    /// The probability of each genre slot; `None` from a pack that cannot tell.
    fn hear(&mut self, _: &Roll) -> Option<[f32; SLOTS]> {
        None
    }

    /// How much each cell speaks for a genre slot; `None` from a pack that cannot tell.
    fn saliency(&mut self, _: &Roll, _genre: usize) -> Option<Saliency> {
        None
    }
}

/// The real engine: packs of the model crate. The GPU is opened when the first pack wants it.
#[derive(Debug, Default)]
pub struct Packs;

impl Engine for Packs {
    fn load(&self, source: &PackSource, device: Device) -> Result<Box<dyn Roles>, String> {
        let (opened, fault) = device::open(if device == Device::Gpu { Choice::Auto } else { Choice::Cpu });
        if device == Device::Gpu && opened.is_cpu() {
            return Err(fault.unwrap_or_else(|| "this build has no code for one".into()));
        }
        let pack = match source {
            PackSource::Default => Pack::from_bytes("the default pack", default_pack()),
            PackSource::File { path, .. } => Pack::read(path),
        };
        let pack = pack.map_err(|error| error.to_string())?;
        if let PackSource::File { path, hash } = source
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

impl Roles for LoadedPack {
    fn remembers(&self) -> bool {
        LoadedPack::remembers(self)
    }

    fn answer(
        &mut self,
        input: &Phrase,
        context: &Context,
        settings: &Settings,
        said: &mut Answer,
        out: &mut Phrase,
    ) -> Result<Report, String> {
        let report = self.recast(input, context, settings, said);
        let report = report.map_err(|error| match error {
            // The instance plays dry from here on.
            ModelError::NoClassifier => format!("{error}; this one plays once it is chosen anew"),
            error => error.to_string(),
        })?;
        said.realise(input, settings.first.into(), out);
        Ok(report)
    }

    fn hear(&mut self, roll: &Roll) -> Option<[f32; SLOTS]> {
        self.classify(roll).ok()
    }

    fn saliency(&mut self, roll: &Roll, genre: usize) -> Option<Saliency> {
        saliency(self.classifier().ok()?, roll, genre).ok()
    }
}

#[cfg(test)]
mod tests {
    use model::{Card, Parts};
    use phrase::Note;

    use super::*;

    /// The default pack with these parts of it only, loaded from a file.
    fn load(keep: impl Fn(Parts) -> Parts) -> Result<Box<dyn Roles>, String> {
        let whole = Pack::from_bytes("the default pack", default_pack()).unwrap();
        let parts = keep(whole.card.parts.clone());
        let planes = parts.planes().iter().map(|plane| plane.to_string()).collect();
        let pack = Pack { card: Card { parts, planes, ..whole.card }, weights: whole.weights };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part.safetensors");
        pack.write(&path).unwrap();
        Packs.load(&PackSource::File { path, hash: String::new() }, Device::Cpu)
    }

    #[test]
    fn a_pack_without_a_classifier_asks_for_the_source() {
        let mut network = load(|parts| Parts { classifier: None, ..parts }).unwrap();
        let mut input = Phrase::new(0, 120.0);
        input.push(Note::new(60, 0, 0.5, 0.0, 8.0));
        let (mut said, mut out) = (Answer::default(), Phrase::new(0, 120.0));
        let mut answer = |source| {
            network.answer(
                &input,
                &Context::default(),
                &Settings { source, ..Settings::to(1) },
                &mut said,
                &mut out,
            )
        };
        let error = answer(None).unwrap_err();
        assert!(error.contains("no classifier") && error.contains("say which genre is played"), "{error}");
        assert_eq!(answer(Some(0)).unwrap().source, 0);
        assert_eq!((network.hear(&said.cells), network.saliency(&said.cells, 0)), (None, None));
    }

    #[test]
    fn a_classifier_alone_is_refused_when_it_is_chosen() {
        let error = load(|parts| Parts { transfer: None, ..parts }).err().unwrap();
        assert!(error.contains("no transfer") && error.contains("choose another pack"), "{error}");
    }
}
