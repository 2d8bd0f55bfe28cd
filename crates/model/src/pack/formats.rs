//! The formats of cards: what is read of each, and what a file of a newer version is told by.

use std::collections::BTreeMap;

use phrase::Grid;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::card::{Card, Corpus, FORMAT, Parts};
use crate::ClassifierConfig;
use crate::arranger::{self, ArrangerConfig, Style};
use crate::families::{Family, SpaceFamily, WriterFamily};
use crate::papers::PairConfig;
use crate::resnet::GeneratorConfig;
use crate::roles::Role;

/// The first format whose parameters are called by their part.
pub(super) const PARTS: u32 = 4;

/// A card as it is written in any format.
#[derive(Deserialize)]
pub(super) struct Written {
    format: u32,
    name: String,
    version: String,
    genres: Vec<String>,
    #[serde(default)]
    parts: Parts,
    /// In place of parts, before format 4.
    architecture: Option<Architecture>,
    grid: Grid,
    planes: Vec<String>,
    threshold: f32,
    data: Vec<Corpus>,
    recipe: String,
    metrics: BTreeMap<String, f64>,
}

/// The kinds of packs before format 4: a transfer and a classifier. No more will come.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant)]
enum Architecture {
    PatchResnet { generator: GeneratorConfig, classifier: ClassifierConfig },
    Pairwise { network: PairConfig, classifier: ClassifierConfig },
    Arranger { arranger: ArrangerConfig, style: Style, classifier: ClassifierConfig },
}

impl From<Architecture> for Parts {
    fn from(old: Architecture) -> Self {
        match old {
            Architecture::PatchResnet { generator, classifier } => Self::new(generator, classifier),
            Architecture::Pairwise { network, classifier } => Self::new(network, classifier),
            Architecture::Arranger { arranger: network, style, classifier } => {
                Self::new(arranger::Sizes { network, style }, classifier)
            }
        }
    }
}

impl From<Written> for Card {
    fn from(card: Written) -> Self {
        let Written { format, name, version, genres, grid, planes, threshold, data, recipe, metrics, .. } =
            card;
        let parts = card.architecture.map_or(card.parts, Parts::from);
        let (format, hash) = (format.max(FORMAT), String::new());
        Self { format, name, version, genres, parts, grid, planes, threshold, data, recipe, metrics, hash }
    }
}

/// What of a card of format 4 this version has never heard of, as a clause; none where it knows all.
pub(super) fn unknown(card: &Map<String, Value>) -> Option<String> {
    let parts = card.get("parts")?.as_object()?;
    if let Some(part) = parts.keys().find(|name| !Role::ALL.iter().any(|role| role.name() == *name)) {
        return Some(format!("a part called {part:?}"));
    }
    let known = [
        (Role::Transfer, Family::NAMES),
        (Role::Writer, WriterFamily::NAMES),
        (Role::Space, SpaceFamily::NAMES),
    ];
    known.into_iter().find_map(|(role, names)| {
        let family = parts.get(role.name())?.get("family")?.as_str()?;
        (!names.contains(&family)).then(|| format!("a {} of the family {family:?}", role.name()))
    })
}
