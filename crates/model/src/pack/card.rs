//! The model card inside a pack: what the pack is, how it was made, and of what.

use std::collections::{BTreeMap, BTreeSet};

use phrase::Grid;
use serde::{Deserialize, Serialize};

use super::Parameter;
use crate::arranger::{ArrangerConfig, Style};
use crate::papers::{DIRECTIONS, PairConfig};
use crate::resnet::GeneratorConfig;
use crate::{ClassifierConfig, SLOTS};

/// The newest card format this version reads and the one it writes. 2 knows pairwise packs and attention, 3 arrangers.
pub const FORMAT: u32 = 3;

/// The most channels of the generator. From 65,536 values candle hands elementwise operations to a thread pool, which
/// must not exist inside a host: 16 x 21 x 192 stays below.
const WIDEST: usize = 192;
/// The widest of the papers' generators, twice the published one: no layer of theirs goes through candle's elementwise
/// operations. Two of them with 10 blocks fill the largest pack.
const WIDEST_PAPERS: usize = 128;
/// The most channels anywhere in an arranger: 64 steps of it must answer in time.
const WIDEST_ARRANGER: usize = 1024;
/// The most residual blocks, and planes, of any generator.
const DEEPEST: usize = 64;
/// The most channels of the classifier's first layer, 64 x 7 of them, for the same reason.
const WIDEST_CLASSIFIER: usize = 128;

/// The network in a pack. Each kind is one shape of weights; later kinds are new variants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Architecture {
    /// [`crate::resnet`] with [`crate::Classifier`].
    PatchResnet {
        /// Sizes of the generator.
        generator: GeneratorConfig,
        /// Sizes of the classifier.
        classifier: ClassifierConfig,
    },
    /// Two genres and a generator for each direction, with [`crate::Classifier`]: the papers' CycleGAN. Parameters begin with
    /// [`DIRECTIONS`].
    Pairwise {
        /// The network of both directions.
        network: PairConfig,
        /// Sizes of the classifier.
        classifier: ClassifierConfig,
    },
    /// [`crate::arranger`] with [`crate::Classifier`].
    Arranger {
        /// Sizes of the arranger.
        arranger: ArrangerConfig,
        /// How it writes.
        style: Style,
        /// Sizes of the classifier.
        classifier: ClassifierConfig,
    },
}

impl Architecture {
    /// Every parameter that a pack of this architecture holds.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut all = match self {
            Self::PatchResnet { generator, .. } => generator.parameters(""),
            Self::Pairwise { network, .. } => {
                DIRECTIONS.into_iter().flat_map(|prefix| network.parameters(prefix)).collect()
            }
            Self::Arranger { arranger, .. } => arranger.parameters(),
        };
        all.extend(self.classifier().parameters());
        all
    }

    /// Planes of the roll that the network knows, as cards name them.
    pub fn planes(&self) -> &'static [&'static str] {
        match self {
            Self::Arranger { .. } => &["sounding", "onset"],
            _ => &["sounding"],
        }
    }

    /// Sizes of the classifier.
    pub fn classifier(&self) -> ClassifierConfig {
        match self {
            Self::PatchResnet { classifier, .. }
            | Self::Pairwise { classifier, .. }
            | Self::Arranger { classifier, .. } => *classifier,
        }
    }

    /// What makes it unusable for this many genres, if anything.
    fn fault(&self, genres: usize) -> Option<String> {
        let classifier = self.classifier();
        // Genres that the generator is for, its sizes, and its width with the widest possible.
        let (fit, sizes, width, widest) = match self {
            Self::PatchResnet { generator: g, .. } => {
                (g.genres == genres, [g.channels, g.blocks, g.planes], g.channels, WIDEST)
            }
            Self::Pairwise { network: PairConfig::Compact(g), .. } => {
                (g.genres == 1 && genres == 2, [g.channels, g.blocks, g.planes], g.channels, WIDEST)
            }
            Self::Pairwise { network: PairConfig::Papers(g), .. } => {
                (genres == 2, [g.width, g.blocks, 1], g.width, WIDEST_PAPERS)
            }
            Self::Arranger { arranger: a, style, .. } => {
                let even = a.heads > 0 && a.width.is_multiple_of(a.heads) && style.is_usable();
                let sizes = [a.width, a.reader.max(1), a.writer];
                let width = a.width.max(a.inner).max(a.units);
                let least = a.inner.min(a.units).min(1);
                (a.genres == genres && even && least == 1, sizes, width, WIDEST_ARRANGER)
            }
        };
        if !fit || classifier.genres != genres {
            Some("its network and its list of genres disagree".to_string())
        } else if sizes.contains(&0) || classifier.width == 0 || sizes[1..].iter().any(|&n| n > DEEPEST) {
            Some("its network sizes are out of range".to_string())
        } else if width > widest || classifier.width > WIDEST_CLASSIFIER {
            Some(format!("its network is wider than {widest} channels, which this version cannot play"))
        } else {
            None
        }
    }
}

/// One body of music that a pack was trained on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corpus {
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
    pub data: Vec<Corpus>,
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
        let genres = self.genres.len();
        if genres == 0 || genres > SLOTS {
            Some(format!("it names {genres} genres where 1 to {SLOTS} are possible"))
        } else if self.genres.iter().any(|name| name.trim().is_empty() || name.len() > 32) {
            Some("a genre's name is empty or longer than 32 bytes".to_string())
        } else if self.genres.iter().collect::<BTreeSet<_>>().len() < genres {
            Some("two genres have the same name".to_string())
        } else if let Some(fault) = self.architecture.fault(genres) {
            Some(fault)
        } else if self.planes != self.architecture.planes() || self.grid != Grid::Nearest {
            Some("it needs planes or a grid rule that this version does not know".to_string())
        } else if !(self.threshold > 0.0 && self.threshold < 1.0) {
            Some("its threshold is not between 0 and 1".to_string())
        } else {
            None
        }
    }
}
