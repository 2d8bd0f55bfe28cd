//! A run's checkpoint: all it needs to go on with the same numbers.
//!
//! One `.safetensors` file, f32, tensors named `part/name`. The metadata key `contrafact-checkpoint` holds
//! version, kind, the dataset's digest and the trainee's own header.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use model::Weights;
use model::spectral::Spectral;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::core::Optimised;
use crate::dataset::write_whole;
use crate::families;

/// The header's field with the options that the run goes on with.
pub const OPTIONS: &str = "options";

const KEY: &str = "contrafact-checkpoint";
const VERSION: u32 = 2;

#[derive(Serialize, Deserialize)]
struct Envelope {
    version: u32,
    kind: String,
    data: String,
    header: Value,
}

/// The header of a run that is known by its options, its step and the number of its genres.
#[derive(Serialize, Deserialize)]
pub struct Header<O> {
    /// Every option that decides the numbers, under [`OPTIONS`].
    pub options: O,
    /// Steps done.
    pub step: u64,
    /// How many genres it learns from.
    pub genres: usize,
}

/// A state between two steps.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// [`super::Trainee::family`], as it is called today.
    pub kind: String,
    /// Digest of the dataset; [`super::drive`] fills it in.
    pub data: String,
    /// What the trainee needs beside tensors: options, step, sizes.
    pub header: Value,
    /// Weights, moments, averages, directions, pools: f32.
    pub tensors: BTreeMap<String, Tensor>,
}

impl Checkpoint {
    /// A checkpoint without tensors.
    pub fn new(kind: &str, header: Value) -> Self {
        Self { kind: kind.to_string(), data: String::new(), header, tensors: BTreeMap::new() }
    }

    /// A checkpoint of these networks, each as [`Optimised::save`] has it.
    ///
    /// # Errors
    /// Where a network cannot be read.
    pub fn of<'a>(
        kind: &str,
        header: impl Serialize,
        networks: impl IntoIterator<Item = &'a Optimised>,
    ) -> Result<Self> {
        let mut checkpoint = Self::new(kind, serde_json::to_value(header)?);
        networks.into_iter().try_for_each(|network| network.save(&mut checkpoint))?;
        Ok(checkpoint)
    }

    /// Adds tensors as `part/name`.
    pub fn add(&mut self, part: &str, weights: &Weights) {
        let named = |(name, tensor): (&String, &Tensor)| (format!("{part}/{name}"), tensor.clone());
        self.tensors.extend(weights.iter().map(named));
    }

    /// The tensors that [`Checkpoint::add`] named `part/..`, without that prefix.
    pub fn part(&self, part: &str) -> Weights {
        let prefix = format!("{part}/");
        let mut weights = Weights::new();
        for (name, tensor) in &self.tensors {
            if let Some(name) = name.strip_prefix(&prefix) {
                weights.insert(name, tensor.clone());
            }
        }
        weights
    }

    /// Adds the directions of spectral norm as `spectral/<weight>/left|right`.
    pub fn add_spectra(&mut self, spectra: &BTreeMap<String, Spectral>) {
        for (name, Spectral { left, right }) in spectra {
            self.tensors.insert(format!("spectral/{name}/left"), left.clone());
            self.tensors.insert(format!("spectral/{name}/right"), right.clone());
        }
    }

    /// Replaces fresh directions by those of [`Checkpoint::add_spectra`], on the same device.
    ///
    /// # Errors
    /// Where one is missing or of another length.
    pub fn restore_spectra(&self, spectra: &mut BTreeMap<String, Spectral>) -> Result<()> {
        for (name, Spectral { left, right }) in spectra {
            for (side, direction) in [("left", left), ("right", right)] {
                let kept = self.tensor(&format!("spectral/{name}/{side}"))?;
                ensure!(kept.dims() == direction.dims(), "the directions of {name} do not fit");
                *direction = kept.to_device(direction.device())?;
            }
        }
        Ok(())
    }

    /// One tensor by its full name.
    pub fn tensor(&self, name: &str) -> Result<&Tensor> {
        self.tensors.get(name).with_context(|| format!("the checkpoint has no {name}"))
    }

    /// The header as the trainee's own type.
    pub fn header<H: for<'a> Deserialize<'a>>(&self) -> Result<H> {
        serde_json::from_value(self.header.clone()).context("the checkpoint's header is of another version")
    }

    /// The name of a tensor with a value that is not finite, if there is one.
    pub fn fault(&self) -> Result<Option<&str>> {
        for (name, tensor) in &self.tensors {
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            if values.iter().any(|value| !value.is_finite()) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Writes the file: first beside `path`, then renamed, so that a failure leaves an older one whole.
    pub fn write(&self, path: &Path) -> Result<()> {
        let Self { kind, data, header, tensors } = self;
        let envelope =
            Envelope { version: VERSION, kind: kind.clone(), data: data.clone(), header: header.clone() };
        let metadata = HashMap::from([(KEY.to_string(), serde_json::to_string(&envelope)?)]);
        let on_cpu = |(name, tensor): (&String, &Tensor)| Ok((name.clone(), tensor.to_device(&Device::Cpu)?));
        let tensors = tensors.iter().map(on_cpu).collect::<Result<Vec<_>>>()?;
        write_whole(path, &safetensors::serialize(tensors, Some(metadata))?)
    }

    /// Reads a file that [`Checkpoint::write`] made of a trainee of this family, to the CPU.
    ///
    /// # Errors
    /// Where it cannot be read, is no checkpoint, is of another version, or of another kind.
    pub fn read(path: &Path, kind: &str) -> Result<Self> {
        let name = path.display();
        let bytes = bytes(path)?;
        let read = Self::from_bytes(&bytes).with_context(|| {
            format!("{name}: this is no checkpoint of this version; start over with --anew")
        })?;
        ensure!(
            read.kind == kind,
            "{name}: the checkpoint is of a {} run, not of a {kind} one; use that command, or another --run \
             folder",
            read.kind
        );
        Ok(read)
    }

    /// The checkpoint at `path` without its tensors: quick, however large it is.
    ///
    /// # Errors
    /// Where it cannot be read or is no checkpoint of this version.
    pub fn peek(path: &Path) -> Result<Self> {
        let head = || -> std::io::Result<Vec<u8>> {
            let mut file = File::open(path)?;
            let mut bytes = vec![0; 8];
            file.read_exact(&mut bytes)?;
            let length = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
            file.take(length).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let Envelope { kind, data, header, .. } = head()
            .map_err(anyhow::Error::from)
            .and_then(|head| envelope(&head))
            .with_context(|| format!("{}: this is no checkpoint of this version", path.display()))?;
        Ok(Self { kind: families::today(&kind).to_string(), data, header, tensors: BTreeMap::new() })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let Envelope { kind, data, header, .. } = envelope(bytes)?;
        let kind = families::today(&kind).to_string();
        let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)?;
        Ok(Self { kind, data, header, tensors: tensors.into_iter().collect() })
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| {
        format!("{}: the checkpoint could not be read; start over with --anew", path.display())
    })
}

/// What a file's metadata say; its tensors need not be in `bytes`.
fn envelope(bytes: &[u8]) -> Result<Envelope> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(rename = "__metadata__")]
        metadata: HashMap<String, String>,
    }
    let (length, rest) = bytes.split_first_chunk().context("it is cut")?;
    let length = usize::try_from(u64::from_le_bytes(*length))?;
    let head: Head = serde_json::from_slice(rest.get(..length).context("it is cut")?)?;
    let text = head.metadata.get(KEY).context("it has no header")?;
    let envelope: Envelope = serde_json::from_str(text)?;
    if envelope.version != VERSION {
        bail!("it is of version {}, this program's is {VERSION}", envelope.version);
    }
    Ok(envelope)
}
