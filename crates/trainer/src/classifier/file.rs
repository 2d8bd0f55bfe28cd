//! A trained classifier in a file.
//!
//! One `.safetensors` file: its parameters in f32, by the names of [`BuiltConfig::parameters`]. The metadata
//! key `contrafact-classifier` holds the rest of [`ClassifierFile`] as JSON.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use model::Weights;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use super::{BuiltClassifier, BuiltConfig};
use crate::dataset::{Dataset, Split, write_whole};

const KEY: &str = "contrafact-classifier";
/// The format that is written, and the newest that is read.
const VERSION: u32 = 1;
/// The widest first layer that is read; the papers have 64 channels.
const WIDEST: usize = 512;

/// A trained classifier: for packs, and to judge transfers.
#[derive(Clone, Debug)]
pub struct ClassifierFile {
    /// The genres it tells apart, in the order of its logits.
    pub genres: Vec<String>,
    /// Its build and sizes.
    pub config: BuiltConfig,
    /// Its parameters, f32 on the CPU.
    pub weights: Weights,
    /// Share of phrases heard right, 0..=1, by genre, on songs that it was not trained on (see [`held_out`]).
    pub accuracy: Vec<f64>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    genres: Vec<String>,
    config: BuiltConfig,
    accuracy: Vec<f64>,
}

impl ClassifierFile {
    /// The network, computing with our CPU kernels.
    pub fn classifier(&self) -> Result<BuiltClassifier> {
        BuiltClassifier::new(self.config, &self.weights)
    }

    /// The part of `data` that this classifier can judge, its genres in this classifier's order.
    ///
    /// # Errors
    /// When the dataset lacks one of its genres.
    pub fn judged(&self, data: &Dataset) -> Result<Dataset> {
        let names: Vec<&str> = self.genres.iter().map(String::as_str).collect();
        data.select(&names).context("the classifier cannot judge this dataset")
    }

    /// Writes the file: first beside `path`, then renamed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let Self { genres, config, weights, accuracy } = self.clone();
        let header = serde_json::to_string(&Header { version: VERSION, genres, config, accuracy })?;
        let tensors: Vec<_> = weights.iter().map(|(name, tensor)| (name.clone(), tensor.clone())).collect();
        write_whole(path, &safetensors::serialize(tensors, Some(HashMap::from([(KEY.to_string(), header)])))?)
    }

    /// Reads and checks a file that [`ClassifierFile::write`] made.
    ///
    /// # Errors
    /// When it cannot be read, is no classifier, is cut or damaged, or of a newer format.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let bytes = std::fs::read(path)
            .with_context(|| format!("{name}: the classifier could not be read; make it with `classify`"))?;
        Self::from_bytes(&bytes).with_context(|| {
            format!("{name}: this is no classifier that can be used; make it with `classify`")
        })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (_, metadata) =
            SafeTensors::read_metadata(bytes).context("it is cut, damaged or something else")?;
        let Some(text) = metadata.metadata().as_ref().and_then(|map| map.get(KEY)) else {
            bail!("it is another kind of file")
        };
        let Header { version, genres, config, accuracy } =
            serde_json::from_str(text).context("its header cannot be understood")?;
        ensure!(
            version <= VERSION,
            "it has format {version}, this version reads format {VERSION}: it was made by a newer trainer"
        );
        ensure!(
            genres.len() == config.genres() && accuracy.len() == config.genres() && config.genres() > 1,
            "its header contradicts itself"
        );
        ensure!((1..=WIDEST).contains(&config.width()), "its first layer has {} channels", config.width());
        let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)
            .context("it is cut, damaged or something else")?;
        let mut weights = Weights::new();
        for parameter in config.parameters() {
            let name = parameter.name;
            let tensor = tensors.get(&name).with_context(|| format!("its parameter {name} is missing"))?;
            let fits = tensor.dims() == parameter.shape && tensor.dtype() == candle_core::DType::F32;
            ensure!(fits, "its parameter {name} is {:?} {:?}", tensor.dtype(), tensor.dims());
            ensure!(finite(tensor)?, "its parameter {name} holds values that are not finite");
            weights.insert(name, tensor.clone());
        }
        Ok(Self { genres, config, weights, accuracy })
    }
}

fn finite(tensor: &Tensor) -> Result<bool> {
    Ok(tensor.flatten_all()?.to_vec1::<f32>()?.iter().all(|value| value.is_finite()))
}

/// The split that [`ClassifierFile::accuracy`] is measured on: the validation split, or the test split where a genre has
/// no validation phrases, or the training split where one has neither.
pub fn held_out(data: &Dataset) -> Split {
    let filled = |split: Split| (0..data.items.len()).all(|genre| !data.split(genre, split).is_empty());
    [Split::Valid, Split::Test].into_iter().find(|&split| filled(split)).unwrap_or(Split::Train)
}
