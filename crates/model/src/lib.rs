//! Networks and packs: the families that recast a phrase, the classifier that tells which genre a phrase is,
//! and the files they travel in. No host, no audio.
//!
//! A pack is parts by role ([`roles`]), and each family of networks is a folder ([`families`]). Everything
//! here that a plugin calls runs on one thread: a [`LoadedPack`] belongs to the worker, a [`Pack`] may be
//! shared between threads.

mod attention;
mod classifier;
pub mod device;
mod error;
pub mod families;
mod feel;
pub mod kernels;
mod loaded;
mod noise;
mod ops;
mod pack;
pub mod roles;
pub mod spectral;

pub use classifier::{Classifier, ClassifierConfig, Saliency, saliency};
pub use error::{ModelError, PackError};
pub use families::*;
pub use feel::{FeelSizes, SwingBy};
pub use loaded::LoadedPack;
pub use ops::Ops;
pub use pack::{Card, Corpus, FORMAT, Init, Pack, Parameter, Parts, Weights, default_pack, read_card};
pub use roles::{
    Answer, Ask, CORNERS, Context, Heard, Own, Past, Question, Report, Role, SLOTS, Settings, Space,
    Transfer, WhenSilent, Writer,
};
