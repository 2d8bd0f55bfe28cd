//! The model card inside a pack: what the pack is, how it was made, and of what.

use std::collections::{BTreeMap, BTreeSet};

use phrase::Grid;
use serde::{Deserialize, Serialize};

use super::Parameter;
use super::formats::Written;
use crate::families::touch::TouchConfig;
use crate::families::{Family, SpaceFamily, WriterFamily};
use crate::roles::Role;
use crate::{ClassifierConfig, FeelSizes, SLOTS};

/// The newest card format this version reads and the one it writes. 2 knows pairwise packs and attention, 3
/// arrangers, 4 parts by role.
pub const FORMAT: u32 = 4;

/// What a pack holds: any of these, one at least.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// What recasts phrases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Family>,
    /// What says how hard its genres' players strike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamics: Option<TouchConfig>,
    /// When they play.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feel: Option<FeelSizes>,
    /// What goes on from music.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<WriterFamily>,
    /// In what phrases are points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<SpaceFamily>,
    /// What tells genres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier: Option<ClassifierConfig>,
}

impl From<Family> for Parts {
    fn from(transfer: Family) -> Self {
        Self { transfer: Some(transfer), ..Self::default() }
    }
}

impl From<WriterFamily> for Parts {
    fn from(writer: WriterFamily) -> Self {
        Self { writer: Some(writer), ..Self::default() }
    }
}

impl From<SpaceFamily> for Parts {
    fn from(space: SpaceFamily) -> Self {
        Self { space: Some(space), ..Self::default() }
    }
}

impl Parts {
    /// A transfer, and a classifier of its genres.
    pub fn new(transfer: impl Into<Family>, classifier: ClassifierConfig) -> Self {
        Self { classifier: Some(classifier), ..Self::from(transfer.into()) }
    }

    /// Every parameter of these parts, as it is called in a pack: with [`Role::prefix`] before the part's own
    /// name.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut all = Vec::new();
        let mut add = |role: Role, parameters: Vec<Parameter>| {
            let named = |parameter: Parameter| Parameter {
                name: format!("{}{}", role.prefix(), parameter.name),
                ..parameter
            };
            all.extend(parameters.into_iter().map(named));
        };
        if let Some(transfer) = &self.transfer {
            add(Role::Transfer, transfer.sizes().parameters());
        }
        if let Some(dynamics) = &self.dynamics {
            add(Role::Dynamics, dynamics.parameters());
        }
        if let Some(feel) = &self.feel {
            add(Role::Feel, feel.parameters());
        }
        if let Some(writer) = &self.writer {
            add(Role::Writer, writer.sizes().parameters());
        }
        if let Some(space) = &self.space {
            add(Role::Space, space.sizes().parameters());
        }
        // A classifier's own names begin with the prefix.
        all.extend(self.classifier.iter().flat_map(ClassifierConfig::parameters));
        all
    }

    /// Planes of the roll that the parts know, as cards name them.
    pub fn planes(&self) -> &'static [&'static str] {
        self.transfer.as_ref().map_or(&["sounding"], |transfer| transfer.sizes().planes())
    }

    /// What makes them unusable for this many genres, if anything.
    fn fault(&self, genres: usize) -> Option<String> {
        if *self == Self::default() {
            return Some("it holds no part: no transfer and no classifier".to_string());
        }
        let Self { transfer, dynamics, feel, writer, space, classifier } = self;
        let faults = [
            transfer.as_ref().and_then(|part| part.sizes().fault(genres)),
            dynamics.and_then(|part| part.fault(genres)),
            feel.as_ref().and_then(|part| part.fault(genres)),
            writer.as_ref().and_then(|part| part.sizes().fault(genres)),
            space.as_ref().and_then(|part| part.sizes().fault(genres)),
            classifier.and_then(|part| part.fault(genres)),
        ];
        faults.into_iter().flatten().next()
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

/// A pack's card, stored as JSON. Cards of older formats are read as if they were of this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Card {
    /// Card format, see [`FORMAT`].
    pub format: u32,
    /// The pack's name.
    pub name: String,
    /// The pack's own version.
    pub version: String,
    /// Names of the genres, in slot order.
    pub genres: Vec<String>,
    /// What it holds.
    pub parts: Parts,
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
    /// SHA-256 (hex) over the card and the tensors; filled in when a pack is read or written, not part of the
    /// JSON.
    #[serde(skip)]
    pub hash: String,
}

impl Card {
    /// A card that says the least: what a pack of these parts needs to be played.
    pub fn new(name: impl Into<String>, genres: Vec<String>, parts: Parts) -> Self {
        Self {
            format: FORMAT,
            name: name.into(),
            version: "1".to_string(),
            genres,
            planes: parts.planes().iter().map(|plane| plane.to_string()).collect(),
            parts,
            grid: Grid::Nearest,
            threshold: 0.5,
            data: Vec::new(),
            recipe: String::new(),
            metrics: BTreeMap::new(),
            hash: String::new(),
        }
    }

    /// What makes this card unusable, if anything.
    pub(crate) fn fault(&self) -> Option<String> {
        let genres = self.genres.len();
        if genres == 0 || genres > SLOTS {
            Some(format!("it names {genres} genres where 1 to {SLOTS} are possible"))
        } else if self.genres.iter().any(|name| name.trim().is_empty() || name.len() > 32) {
            Some("a genre's name is empty or longer than 32 bytes".to_string())
        } else if self.genres.iter().collect::<BTreeSet<_>>().len() < genres {
            Some("two genres have the same name".to_string())
        } else if let Some(fault) = self.parts.fault(genres) {
            Some(fault)
        } else if self.planes != self.parts.planes() || self.grid != Grid::Nearest {
            Some("it needs planes or a grid rule that this version does not know".to_string())
        } else if !(self.threshold > 0.0 && self.threshold < 1.0) {
            Some("its threshold is not between 0 and 1".to_string())
        } else {
            None
        }
    }
}
