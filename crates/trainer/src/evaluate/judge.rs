//! Who says which genre a phrase is.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use model::{Classifier, LoadedPack, Ops, Pack};
use phrase::Roll;
use serde::Serialize;

use super::features::{features, names};
use super::regression::Regression;
use crate::classifier::accuracy::logits;
use crate::classifier::{BuiltClassifier, ClassifierFile};
use crate::dataset::{Dataset, Item, Split};

/// How strongly the feature judge's weights are held back. Accuracies on the validation split of the three
/// genres differ by under half a point from 1e-4 to 1e-1.
const PENALTY: f64 = 1e-3;

/// A judge over the genres of an evaluation. Shared by the threads.
pub struct Judge {
    name: String,
    kind: Kind,
    /// For each genre of the evaluation its place among the judge's own; none for one that it does not know.
    places: Vec<Option<usize>>,
}

enum Kind {
    /// The classifier in the pack under evaluation.
    Own,
    /// A classifier from a file.
    Network(Box<BuiltClassifier>),
    /// Logistic regression on musical features.
    Features(Box<Regression>),
}

/// What is published of a feature judge: enough to judge again with it, and to see what it listens to.
#[derive(Clone, Debug, Serialize)]
pub struct FeatureModel {
    /// The genres, one row of weights each.
    pub genres: Vec<String>,
    /// Names of the features.
    pub features: Vec<String>,
    /// Means, deviations and weights.
    pub regression: Regression,
}

impl Judge {
    /// The pack's own classifier, whose genres are those of the evaluation.
    pub fn own(genres: usize) -> Self {
        Self { name: "own classifier".into(), kind: Kind::Own, places: (0..genres).map(Some).collect() }
    }

    /// The judge in a file: a classifier that `classify` trained, or a pack, whose classifier then judges.
    /// Errors name the `option` that it was given for.
    ///
    /// # Errors
    /// When the file is neither, or does not know one of `genres`.
    pub fn read(path: &Path, genres: &[String], option: &str) -> Result<Self> {
        let all: Vec<usize> = (0..genres.len()).collect();
        Self::of_file(path, genres, &all, option)
    }

    /// The classifier in a file, as [`Judge::read`], that must know only the genres at the places `needed`:
    /// the papers train one a pair.
    ///
    /// # Errors
    /// When the file is neither, or does not know one of those.
    pub fn scoring(path: &Path, genres: &[String], needed: &[usize]) -> Result<Self> {
        Self::of_file(path, genres, needed, "--classifier")
    }

    fn of_file(path: &Path, genres: &[String], needed: &[usize], option: &str) -> Result<Self> {
        let shown = path.display();
        let name =
            path.file_stem().map_or_else(|| shown.to_string(), |stem| stem.to_string_lossy().into_owned());
        let read = ear(path);
        let (classifier, known) =
            read.with_context(|| format!("{option} takes a classifier's file or a pack"))?;
        let needed: Vec<String> = needed.iter().map(|&place| genres[place].clone()).collect();
        places(&known, &needed).with_context(|| format!("{shown}: this judge cannot judge the pack"))?;
        let places = genres.iter().map(|genre| known.iter().position(|name| name == genre)).collect();
        Ok(Self { name, kind: Kind::Network(Box::new(classifier)), places })
    }

    /// Logistic regression on [`features`], trained on the train split of `data`: multinomial, standardised,
    /// every genre counted alike, L2. The same data give the same judge.
    ///
    /// # Errors
    /// When `data` lacks one of `genres`, or has no training phrase of it.
    pub fn features(data: &Dataset, genres: &[String]) -> Result<Self> {
        let known = data.genres();
        let places = places(&known, genres).context("the feature judge cannot judge the pack")?;
        let (mut rows, mut labels) = (Vec::new(), Vec::new());
        for (label, &place) in places.iter().enumerate() {
            let items = data.split(place, Split::Train);
            ensure!(
                !items.is_empty(),
                "the dataset has no training phrases of {}, from which the feature judge learns",
                genres[label]
            );
            rows.extend(items.iter().map(|item| features(&item.roll)));
            labels.resize(rows.len(), label);
        }
        let kind = Kind::Features(Box::new(Regression::fit(&rows, &labels, genres.len(), PENALTY)));
        Ok(Self { name: "features".into(), kind, places: (0..genres.len()).map(Some).collect() })
    }

    /// What tables call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The feature judge's model, for the report.
    pub fn model(&self, genres: &[String]) -> Option<FeatureModel> {
        let Kind::Features(regression) = &self.kind else { return None };
        Some(FeatureModel { genres: genres.to_vec(), features: names(), regression: (**regression).clone() })
    }

    /// The probability of each genre of the evaluation, out of those alone; 0 of one that it does not know.
    /// `own` is the pack under evaluation.
    pub fn hear(&self, own: &LoadedPack, roll: &Roll) -> Result<Vec<f64>> {
        let all: Vec<f64> = match &self.kind {
            Kind::Own => own.classify(roll)?.map(f64::from).to_vec(),
            Kind::Network(classifier) => hear(classifier, roll)?,
            Kind::Features(regression) => regression.probabilities(&features(roll)),
        };
        let mut p: Vec<f64> = self.places.iter().map(|place| place.map_or(0.0, |place| all[place])).collect();
        let sum: f64 = p.iter().sum();
        p.iter_mut().for_each(|p| *p /= sum.max(f64::MIN_POSITIVE));
        Ok(p)
    }
}

/// The classifier in a file that `classify` wrote, or that in a pack, with the names of its genres.
///
/// # Errors
/// When the file is neither.
pub fn ear(path: &Path) -> Result<(BuiltClassifier, Vec<String>)> {
    match (ClassifierFile::read(path), Pack::read(path)) {
        (Ok(file), _) => Ok((file.classifier()?, file.genres)),
        (_, Ok(pack)) => {
            let config = pack.card.parts.classifier;
            let config = config.context("this pack holds no classifier; name a pack that has one")?;
            let ear = Classifier::new(config, &pack.weights, Ops::KERNELS)?;
            Ok((BuiltClassifier::Papers(ear), pack.card.genres))
        }
        (Err(fault), _) => Err(fault),
    }
}

/// What `classifier` hears: the probability of each of its genres.
pub fn hear(classifier: &BuiltClassifier, roll: &Roll) -> Result<Vec<f64>> {
    let logits = logits(classifier, &[Item::of(*roll, 0)], None)?.concat();
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let all: Vec<f64> = logits.into_iter().map(|logit| f64::from(logit - highest).exp()).collect();
    let sum: f64 = all.iter().sum();
    Ok(all.into_iter().map(|p| p / sum).collect())
}

/// Where each of `wanted` stands in `known`, by name.
pub fn places(known: &[String], wanted: &[String]) -> Result<Vec<usize>> {
    let place = |name: &String| {
        known.iter().position(|k| k == name).with_context(|| {
            format!("the genre {name} is wanted, there are {}; give one that has them all", known.join(", "))
        })
    };
    wanted.iter().map(place).collect()
}
