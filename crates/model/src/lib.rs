//! Networks and packs: the families that recast a phrase, the classifier that tells which genre a phrase is, and the
//! files they travel in. No host, no audio.
//!
//! Everything here that a plugin calls runs on one thread: [`Transfer`] belongs to the worker, a [`Pack`] may be
//! shared between threads.

mod attention;
mod classifier;
pub mod device;
mod error;
pub mod families;
pub mod kernels;
mod noise;
mod ops;
mod pack;
pub mod spectral;
mod transfer;

pub use classifier::{Classifier, ClassifierConfig, Saliency, saliency};
pub use error::{ModelError, PackError};
pub use families::{arranger, papers, resnet};
pub use ops::Ops;
pub use pack::{Architecture, Card, Corpus, FORMAT, Init, Pack, Parameter, Weights, default_pack, read_card};
pub use transfer::{INPUT_LOGIT, Report, SLOTS, Settings, Transfer};
