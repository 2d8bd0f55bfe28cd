//! Where an answer's chance comes from: hashes of the phrase itself, and of seed and place where variation
//! asks for that.

use phrase::{PITCHES, Roll, mix};

use super::content::tonic_shift;
use super::decode::Chance;
use crate::noise::{logistic, unit};

/// Keep the draws apart from each other: which decisions vary, how the harmony is told, how the tune is
/// phrased, which texture is held.
const VARIES: u64 = 0x5bd1_e995_9e37_79b9;
const DETAIL: u64 = 0x2545_f491_4f6c_dd1d;
const PHRASING: u64 = 0x3c6e_f372_fe94_f82b;
const TEXTURE: u64 = 0x9e6c_63d0_876a_3f6b;

/// At variation 0 a function of the phrase alone, wherever it stands; else that share of the decisions is
/// drawn anew for seed and position. A phrase's texture at variation 0 hangs on its key alone: so it holds
/// from phrase to phrase.
#[derive(Clone, Copy, Debug)]
pub struct PhraseChance {
    own: u64,
    key: i64,
    position: i64,
    seed: u64,
    variation: f32,
}

impl PhraseChance {
    /// For the phrase `roll` at step `position` of the song.
    pub fn new(roll: &Roll, position: i64, seed: u32, variation: f32) -> Self {
        let all = roll.sounding.iter().chain(&roll.onset);
        let own = all.fold(0, |hash, &bits| mix(mix(hash ^ bits as u64) ^ (bits >> 64) as u64));
        Self { own, key: tonic_shift(roll).into(), position, seed: seed.into(), variation }
    }

    fn varies(&self, kind: u64) -> bool {
        unit(self.own ^ kind ^ VARIES, self.position, 0, 0) < self.variation
    }
}

impl Chance for PhraseChance {
    fn noise(&self, step: usize, row: usize, kind: usize) -> f32 {
        let row = kind * PITCHES + row;
        if unit(self.own ^ VARIES, self.position, step, row) < self.variation {
            logistic(self.seed, self.position, step, row)
        } else {
            logistic(self.own, 0, step, row)
        }
    }

    fn detail(&self, half: usize) -> f32 {
        unit(self.own ^ DETAIL, 0, half, 0)
    }

    fn phrasing(&self, step: usize) -> f32 {
        if self.varies(PHRASING) {
            unit(self.seed ^ PHRASING, self.position, step, 0)
        } else {
            unit(self.own ^ PHRASING, 0, step, 0)
        }
    }

    fn texture(&self, index: usize) -> f32 {
        if self.varies(TEXTURE) {
            unit(self.seed ^ TEXTURE, self.position, index, 0)
        } else {
            unit(TEXTURE, self.key, index, 0)
        }
    }
}
