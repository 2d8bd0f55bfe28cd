//! The model card inside a pack: what the pack is, how it was made, and of what.

use std::collections::{BTreeMap, BTreeSet};

use phrase::Grid;
use serde::{Deserialize, Serialize};

use crate::{ClassifierConfig, GeneratorConfig, Parameter, SLOTS};

/// The newest card format this version reads and the one it writes.
pub const FORMAT: u32 = 1;

/// The most channels of the generator. From 65,536 values candle hands elementwise operations to a thread pool, which
/// must not exist inside a host: 16 x 21 x 192 stays below.
const WIDEST: usize = 192;
/// The most channels of the classifier's first layer, 64 x 7 of them, for the same reason.
const WIDEST_CLASSIFIER: usize = 128;

/// The network in a pack. Each kind is one shape of weights; later kinds are new variants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Architecture {
    /// [`crate::Generator`] with [`crate::Classifier`].
    PatchResnet {
        /// Sizes of the generator.
        generator: GeneratorConfig,
        /// Sizes of the classifier.
        classifier: ClassifierConfig,
    },
}

impl Architecture {
    /// Every parameter that a pack of this architecture holds.
    pub fn parameters(&self) -> Vec<Parameter> {
        let Self::PatchResnet { generator, classifier } = self;
        let mut all = generator.parameters();
        all.extend(classifier.parameters());
        all
    }
}

/// One body of music that a pack was trained on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Genre slot's name.
    pub genre: String,
    /// Where the files come from.
    pub source: String,
    /// Their licence.
    pub licence: String,
    /// Number of files used.
    pub files: usize,
}

/// A pack's card, stored as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Card format, see [`FORMAT`].
    pub format: u32,
    /// The pack's name.
    pub name: String,
    /// The pack's own version.
    pub version: String,
    /// Names of the genres, in slot order.
    pub genres: Vec<String>,
    /// Network and sizes.
    pub architecture: Architecture,
    /// How onsets and ends were quantised in training.
    pub grid: Grid,
    /// Planes of the roll that the network sees.
    pub planes: Vec<String>,
    /// A cell sounds when its probability is above this.
    pub threshold: f32,
    /// Training data and licences.
    pub data: Vec<Source>,
    /// How it was trained, in words and figures.
    pub recipe: String,
    /// What was measured, by name.
    pub metrics: BTreeMap<String, f64>,
    /// SHA-256 (hex) over the card and the tensors; filled in when a pack is read or written, not part of the JSON.
    #[serde(skip)]
    pub hash: String,
}

impl Card {
    /// What makes this card unusable, if anything.
    pub(crate) fn fault(&self) -> Option<String> {
        let Architecture::PatchResnet { generator, classifier } = &self.architecture;
        let genres = self.genres.len();
        let sizes = [generator.channels, generator.blocks, generator.planes, classifier.width];
        if genres == 0 || genres > SLOTS {
            Some(format!("it names {genres} genres where 1 to {SLOTS} are possible"))
        } else if self.genres.iter().any(|name| name.trim().is_empty() || name.len() > 32) {
            Some("a genre's name is empty or longer than 32 bytes".to_string())
        } else if self.genres.iter().collect::<BTreeSet<_>>().len() < genres {
            Some("two genres have the same name".to_string())
        } else if generator.genres != genres || classifier.genres != genres {
            Some("its network and its list of genres disagree".to_string())
        } else if sizes.contains(&0) || generator.blocks > 64 || generator.planes > 64 {
            Some("its network sizes are out of range".to_string())
        } else if generator.channels > WIDEST || classifier.width > WIDEST_CLASSIFIER {
            Some(format!("its network is wider than {WIDEST} channels, which this version cannot play"))
        } else if self.planes != ["sounding"] || self.grid != Grid::Nearest {
            Some("it needs planes or a grid rule that this version does not know".to_string())
        } else if !(self.threshold > 0.0 && self.threshold < 1.0) {
            Some("its threshold is not between 0 and 1".to_string())
        } else {
            None
        }
    }
}
