//! A run's checkpoint: all it needs to go on with the same numbers.
//!
//! One `.safetensors` file, f32: `weights/..`, `mean/..` and `square/..` of both networks, `average/..` of the
//! generator, `spectral/<weight>/left|right`. The metadata key `contrafact-checkpoint` holds options, step and genres.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use model::Weights;
use model::spectral::Spectral;
use serde::{Deserialize, Serialize};

use crate::dataset::write_whole;
use crate::gan::{Gan, GanOptions};

const KEY: &str = "contrafact-checkpoint";

#[derive(Serialize, Deserialize)]
struct Header {
    options: GanOptions,
    step: u64,
    genres: usize,
}

impl Gan {
    /// Writes the checkpoint: first beside `path`, then renamed.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut all: Vec<(String, Tensor)> = Vec::new();
        let mut add = |part: &str, weights: Weights| {
            all.extend(weights.iter().map(|(name, tensor)| (format!("{part}/{name}"), tensor.clone())));
        };
        for (variables, adam) in self.variables.iter().zip(&self.optimisers) {
            add("weights", variables.weights());
            add("mean", variables.dressed(&adam.mean)?);
            add("square", variables.dressed(&adam.square)?);
        }
        add("average", self.averaged()?);
        for (name, spectral) in &self.spectra {
            all.push((format!("spectral/{name}/left"), spectral.left.clone()));
            all.push((format!("spectral/{name}/right"), spectral.right.clone()));
        }
        let header = Header { options: self.options.clone(), step: self.step, genres: self.generator.genres };
        let metadata = HashMap::from([(KEY.to_string(), serde_json::to_string(&header)?)]);
        write_whole(path, &safetensors::serialize(all, Some(metadata))?)
    }

    /// Goes on from a checkpoint, with the options it was started with but for `steps`, the new end.
    pub fn resume(path: &Path, steps: u64) -> Result<Self> {
        let name = path.display();
        let bytes = std::fs::read(path).with_context(|| {
            format!("{name}: the checkpoint could not be read; train without --resume to start anew")
        })?;
        Self::from_bytes(&bytes, steps).with_context(|| {
            format!("{name}: this is no checkpoint of this version; train without --resume to start anew")
        })
    }

    fn from_bytes(bytes: &[u8], steps: u64) -> Result<Self> {
        let (_, metadata) = safetensors::SafeTensors::read_metadata(bytes)?;
        let text = metadata.metadata().as_ref().and_then(|map| map.get(KEY)).context("it has no header")?;
        let header: Header = serde_json::from_str(text)?;
        let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)?;
        let mut gan = Gan::new(GanOptions { steps, ..header.options }, header.genres)?;
        let part = |part: &str| -> Weights {
            let prefix = format!("{part}/");
            let mut weights = Weights::new();
            for (name, tensor) in &tensors {
                if let Some(name) = name.strip_prefix(&prefix) {
                    weights.insert(name, tensor.clone());
                }
            }
            weights
        };
        let (weights, mean, square) = (part("weights"), part("mean"), part("square"));
        for (variables, adam) in gan.variables.iter().zip(&mut gan.optimisers) {
            variables.set(&variables.undressed(&weights)?)?;
            adam.mean = variables.undressed(&mean)?;
            adam.square = variables.undressed(&square)?;
            adam.step = i32::try_from(header.step)?;
        }
        gan.average = gan.variables[0].undressed(&part("average"))?;
        for (name, spectral) in &mut gan.spectra {
            let get = |side: &str| {
                tensors.get(&format!("spectral/{name}/{side}")).cloned().context("a direction is missing")
            };
            let fresh = Spectral { left: get("left")?, right: get("right")? };
            ensure!(
                fresh.left.dims() == spectral.left.dims() && fresh.right.dims() == spectral.right.dims(),
                "a direction does not fit"
            );
            *spectral = fresh;
        }
        gan.step = header.step;
        Ok(gan)
    }
}
