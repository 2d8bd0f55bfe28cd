//! Packs: one `.safetensors` file with f16 weights and, in its metadata, the card as JSON.
//!
//! The metadata key `contrafact` holds `{"sha256": .., "card": ..}`. The hash covers the card's text as it
//! stands in the file and every tensor in name order, so that it does not depend on how a JSON library orders
//! keys.
//!
//! A pack is parts, by role. The names of a part's parameters begin with its role; before format 4 those of a
//! transfer did not.

mod card;
mod formats;
pub(crate) mod weights;

pub use card::{Card, Corpus, FORMAT, Parts};
pub use weights::{Init, Parameter, Weights};

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;

use candle_core::{Device, Tensor};
use half::f16;
use half::slice::HalfFloatSliceExt;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::PackError;
use crate::roles::Role;

const KEY: &str = "contrafact";
/// No pack is larger: two of the biggest published generators (12.71 M parameters each) take 51 MB.
const LARGEST: u64 = 256 << 20;

/// The pack inside the plugin, as bytes of a `.safetensors` file.
pub fn default_pack() -> &'static [u8] {
    include_bytes!("../../../../weights/default.safetensors")
}

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    sha256: String,
    #[serde(borrow)]
    card: &'a RawValue,
}

/// A pack that was read and checked: the card and its weights as f32. Immutable; share it between threads.
#[derive(Clone, Debug)]
pub struct Pack {
    /// What the pack says of itself.
    pub card: Card,
    /// All parameters of its parts, as [`Parts::parameters`] calls them.
    pub weights: Weights,
}

impl Pack {
    /// A pack of these weights. Those whose names begin with no part's are the transfer's: so trainers call
    /// them, and so did packs before format 4.
    pub fn new(card: Card, weights: &Weights) -> Self {
        let mut all = Weights::new();
        for (name, tensor) in weights.iter() {
            let called = Role::ALL.iter().any(|role| name.starts_with(role.prefix()));
            let prefix = if called { "" } else { Role::Transfer.prefix() };
            all.insert(format!("{prefix}{name}"), tensor.clone());
        }
        Self { card, weights: all }
    }

    /// Reads and checks the file at `path`.
    pub fn read(path: &Path) -> Result<Self, PackError> {
        let name = path.display().to_string();
        Self::from_bytes(&name, &read_bytes(path, &name)?)
    }

    /// Reads and checks a pack in memory; `name` is what errors call it.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, PackError> {
        let damaged = |fault: String| PackError::Damaged { name: name.to_string(), fault };
        let Header { mut card, sha256, text, format } = header(name, bytes)?;
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|error| damaged(format!("it is cut or damaged ({error})")))?;
        let mut views = tensors.tensors();
        views.sort_by(|a, b| a.0.cmp(&b.0));
        if hash(&text, views.iter().map(|(name, view)| (name.as_str(), view.shape(), view.data()))) != sha256
        {
            return Err(damaged("its contents do not match its SHA-256".to_string()));
        }
        let mut weights = Weights::new();
        for parameter in card.parts.parameters() {
            let view = tensors
                .tensor(name_in(format, &parameter.name))
                .map_err(|_| damaged(format!("the parameter {} is missing", parameter.name)))?;
            if view.dtype() != Dtype::F16 || view.shape() != parameter.shape {
                let (shape, dtype) = (view.shape(), view.dtype());
                let Parameter { name, shape: needed, .. } = &parameter;
                return Err(damaged(format!(
                    "the parameter {name} is {dtype:?} {shape:?} where F16 {needed:?} is needed"
                )));
            }
            let halves: Vec<f16> =
                view.data().as_chunks::<2>().0.iter().map(|&bytes| f16::from_le_bytes(bytes)).collect();
            // As a slice: the processor converts eight at a time. A full-size pack has 25 million values.
            let mut values = vec![0.0; halves.len()];
            halves.convert_to_f32_slice(&mut values);
            if !values.iter().fold(true, |finite, value| finite & value.is_finite()) {
                return Err(damaged(format!(
                    "the parameter {} holds values that are not finite",
                    parameter.name
                )));
            }
            let tensor = Tensor::from_vec(values, parameter.shape, &Device::Cpu).map_err(|error| {
                damaged(format!("the parameter {} cannot be used ({error})", parameter.name))
            })?;
            weights.insert(parameter.name, tensor);
        }
        card.hash = sha256;
        Ok(Self { card, weights })
    }

    /// The pack as the bytes of a file; the same pack always gives the same bytes.
    ///
    /// # Errors
    /// When the card is not usable or `weights` lacks a parameter of a part.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PackError> {
        let name = &self.card.name;
        let damaged = |fault: String| PackError::Damaged { name: name.clone(), fault };
        if let Some(fault) = self.card.fault() {
            return Err(damaged(fault));
        }
        let mut data = Vec::new();
        for parameter in self.card.parts.parameters() {
            let tensor =
                self.weights.get(&parameter.name, &parameter.shape).map_err(|e| damaged(e.to_string()))?;
            let values =
                tensor.flatten_all().and_then(|t| t.to_vec1::<f32>()).map_err(|e| damaged(e.to_string()))?;
            let bytes: Vec<u8> = values.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect();
            data.push((parameter.name, parameter.shape, bytes));
        }
        data.sort_by(|a, b| a.0.cmp(&b.0));
        let text = serde_json::to_string(&self.card).map_err(|e| damaged(e.to_string()))?;
        let sha256 = hash(
            &text,
            data.iter().map(|(name, shape, bytes)| (name.as_str(), shape.as_slice(), &bytes[..])),
        );
        let card = RawValue::from_string(text).map_err(|e| damaged(e.to_string()))?;
        let envelope =
            serde_json::to_string(&Envelope { sha256, card: &card }).map_err(|e| damaged(e.to_string()))?;
        let views = data
            .iter()
            .map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F16, shape.clone(), bytes)?)));
        let views: Vec<_> =
            views.collect::<Result<_, safetensors::SafeTensorError>>().map_err(|e| damaged(e.to_string()))?;
        let metadata = HashMap::from([(KEY.to_string(), envelope)]);
        safetensors::serialize(views, Some(metadata)).map_err(|e| damaged(e.to_string()))
    }

    /// Writes the pack to `path`: first beside it, then renamed, so that a failure never destroys an older
    /// pack.
    pub fn write(&self, path: &Path) -> Result<(), PackError> {
        let bytes = self.to_bytes()?;
        let part = path.with_extension("part");
        std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, path)).map_err(|error| {
            std::fs::remove_file(&part).ok();
            PackError::Io { name: path.display().to_string(), action: "written", error }
        })
    }
}

/// Only the card of a pack in memory: no tensor is touched, so this is fast enough for a plugin's
/// constructor.
pub fn read_card(name: &str, bytes: &[u8]) -> Result<Card, PackError> {
    header(name, bytes).map(|Header { card, sha256, .. }| Card { hash: sha256, ..card })
}

/// The whole file, unless it is no file or too large to be a pack.
fn read_bytes(path: &Path, name: &str) -> Result<Vec<u8>, PackError> {
    phrase::read_regular(path, LARGEST).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => PackError::Damaged {
            name: name.to_string(),
            fault: format!("it is larger than the {} MiB that a pack has at most", LARGEST >> 20),
        },
        _ => PackError::Io { name: name.to_string(), action: "read", error },
    })
}

/// What a file of this format calls a parameter.
fn name_in(format: u32, name: &str) -> &str {
    let old = (format < formats::PARTS).then(|| name.strip_prefix(Role::Transfer.prefix())).flatten();
    old.unwrap_or(name)
}

/// What stands before the tensors.
struct Header {
    /// The card, which was checked.
    card: Card,
    sha256: String,
    /// The card as it stands in the file.
    text: String,
    /// Its format there.
    format: u32,
}

fn header(name: &str, bytes: &[u8]) -> Result<Header, PackError> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let damaged = |fault: String| PackError::Damaged { name: name.to_string(), fault };
    let (_, metadata) = SafeTensors::read_metadata(bytes)
        .map_err(|error| damaged(format!("it is not a whole safetensors file ({error})")))?;
    let text = metadata
        .metadata()
        .as_ref()
        .and_then(|m| m.get(KEY))
        .ok_or_else(|| damaged("it has no Contrafact card".into()))?;
    let unreadable = |error: serde_json::Error| damaged(format!("its card cannot be read ({error})"));
    let envelope: Envelope = serde_json::from_str(text).map_err(unreadable)?;
    let Version { format } = serde_json::from_str(envelope.card.get()).map_err(unreadable)?;
    if format > FORMAT {
        return Err(PackError::Newer { name: name.to_string(), found: format, known: FORMAT });
    }
    if format >= formats::PARTS
        && let Some(part) = formats::unknown(&serde_json::from_str(envelope.card.get()).map_err(unreadable)?)
    {
        return Err(PackError::Unknown { name: name.to_string(), part });
    }
    let card: Card = serde_json::from_str(envelope.card.get()).map_err(unreadable)?;
    match card.fault() {
        Some(fault) => Err(damaged(fault)),
        None => Ok(Header { card, sha256: envelope.sha256, text: envelope.card.get().to_string(), format }),
    }
}

fn hash<'a>(card: &str, tensors: impl Iterator<Item = (&'a str, &'a [usize], &'a [u8])>) -> String {
    let mut sha = Sha256::new();
    sha.update(card);
    for (name, shape, data) in tensors {
        sha.update(name);
        sha.update(format!("{shape:?}"));
        sha.update(data);
    }
    sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
