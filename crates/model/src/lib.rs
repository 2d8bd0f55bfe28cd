//! Networks and packs: the generator that recasts a phrase, the discriminator that trains it, the classifier that
//! hears which genre a phrase is, and the files they travel in. No host, no audio.
//!
//! Everything here that a plugin calls runs on one thread: [`Transfer`] belongs to the worker, a [`Pack`] may be
//! shared between threads.

pub mod arranger;
mod attention;
mod card;
mod classifier;
pub mod device;
mod discriminator;
mod error;
mod generator;
pub mod kernels;
mod noise;
mod ops;
mod pack;
mod pairwise;
pub mod papers;
mod saliency;
pub mod spectral;
mod transfer;
mod weights;

pub use card::{Architecture, Card, FORMAT, Source};
pub use classifier::{Classifier, ClassifierConfig};
pub use discriminator::{Discriminator, DiscriminatorConfig};
pub use error::{ModelError, PackError};
pub use generator::{Generator, GeneratorConfig};
pub use ops::Ops;
pub use pack::{Pack, default_pack, read_card};
pub use pairwise::{DIRECTIONS, PairGenerator, PairNetwork};
pub use saliency::{Saliency, saliency};
pub use transfer::{INPUT_LOGIT, Report, SLOTS, Settings, Transfer};
pub use weights::{Init, Parameter, Weights};
