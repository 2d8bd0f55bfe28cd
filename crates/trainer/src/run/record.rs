//! What a run was: its configuration, and the digest of its dataset.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Result;
use phrase::STEPS;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::dataset::{Dataset, write_whole};

/// SHA-256 over genre names and all phrases in order, in hexadecimal: the same for the same music, whatever file it is in.
pub fn digest(data: &Dataset) -> String {
    let mut sha = Sha256::new();
    for (name, splits) in data.genres().iter().zip(&data.items) {
        sha.update(name);
        sha.update([0]);
        for items in splits {
            sha.update((items.len() as u64).to_le_bytes());
            for item in items {
                let mut bytes = [0; 2 * 16 * STEPS];
                let planes = item.roll.sounding.iter().chain(&item.roll.onset);
                bytes
                    .chunks_exact_mut(16)
                    .zip(planes)
                    .for_each(|(to, bits)| to.copy_from_slice(&bits.to_le_bytes()));
                sha.update(bytes);
                sha.update(item.song.to_le_bytes());
            }
        }
    }
    sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Replaces in `old` the values that `new` has for the keys in `given`, however deep. Returns what changed, for a reader.
pub fn replace(old: &mut Value, new: &Value, given: &[String]) -> Vec<String> {
    let (Some(old), Some(new)) = (old.as_object_mut(), new.as_object()) else { return Vec::new() };
    let mut changed = Vec::new();
    for (key, new) in new {
        let Some(old) = old.get_mut(key) else { continue };
        if new.is_object() {
            changed.extend(replace(old, new, given));
        } else if given.contains(key) && old != new {
            changed.push(format!("{} {} (was {})", key.replace('_', "-"), tidy(new), tidy(old)));
            *old = new.clone();
        }
    }
    changed
}

/// The same options with every f32 in its own few digits: serde_json holds it as an f64, 0.0004 as 0.00039999998989515007.
pub fn tidy(options: &Value) -> Value {
    match options {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), tidy(value))).collect(),
        Value::Number(number) if number.is_f64() => {
            let wide = number.as_f64().unwrap_or_default();
            let short = (wide as f32).to_string().parse().unwrap_or(wide);
            if short as f32 == wide as f32 && f64::from(wide as f32) == wide {
                short.into()
            } else {
                wide.into()
            }
        }
        other => other.clone(),
    }
}

/// What `run.json` says: the run's configuration and dataset, and each time that it was begun or gone on with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// [`super::Trainee::family`].
    pub kind: String,
    /// Every option that decides the numbers, as of the last session.
    pub options: Value,
    /// The dataset.
    pub data: Data,
    /// When, with what program and where.
    pub sessions: Vec<Session>,
}

/// A dataset, as far as a reader wants to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// [`digest`].
    pub digest: String,
    /// The cutting rules.
    pub rules: Value,
    /// Phrases of the training, validation and test splits by genre.
    pub phrases: BTreeMap<String, [usize; 3]>,
}

/// From a start to an end or an interruption.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// RFC 3339, UTC.
    pub started: String,
    /// Steps done before.
    pub step: u64,
    /// Options that were replaced.
    pub changed: Vec<String>,
    /// Version of the trainer.
    pub version: String,
    /// System and processor.
    pub system: String,
    /// Worker threads.
    pub threads: usize,
}

impl Record {
    /// The file's name in a run's folder.
    pub const FILE: &str = "run.json";

    /// The record in `folder`; none where there is none that can be read.
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(folder.join(Self::FILE)).ok()?).ok()
    }

    /// The genres that were trained, in alphabetical order: the options' pair, or all of the dataset.
    pub fn genres(&self) -> Vec<String> {
        let pair = serde_json::from_value(self.options["pair"].clone());
        let mut genres = pair.unwrap_or_else(|_| self.data.phrases.keys().cloned().collect::<Vec<_>>());
        genres.sort();
        genres
    }

    /// Writes the file.
    pub fn write(&self, folder: &Path) -> Result<()> {
        write_whole(&folder.join(Self::FILE), &serde_json::to_vec_pretty(self)?)
    }
}

impl Data {
    /// What is recorded of `data`.
    pub fn of(data: &Dataset) -> Self {
        let counts = data.items.iter().map(|splits| splits.each_ref().map(Vec::len));
        Self {
            digest: digest(data),
            rules: data.info.options.clone(),
            phrases: data.genres().into_iter().zip(counts).collect(),
        }
    }
}

impl Session {
    /// A session that starts now.
    pub fn now(step: u64, changed: &[String], threads: usize) -> Self {
        Self {
            started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            step,
            changed: changed.to_vec(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            threads,
        }
    }
}
