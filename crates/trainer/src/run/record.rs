//! What a run was: its configuration, and the digest of its dataset.

use phrase::STEPS;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::dataset::Dataset;

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
            changed.push(format!("{} {new} (was {old})", key.replace('_', "-")));
            *old = new.clone();
        }
    }
    changed
}
