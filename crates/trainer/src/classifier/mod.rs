//! The classifier: which genre a phrase is of. A pack holds one, and evaluation judges transfers by some;
//! only there a classifier is called a judge.
//!
//! [`training`] makes one out of a dataset ([`trainee`] as a run that can be stopped), [`ClassifierFile`]
//! keeps it, [`noise`] measures how far noise confuses it, and [`classify()`] is the command around all
//! three.
//! [`beats`] is a classifier of another build, to judge what was trained with this one's help;
//! [`BuiltClassifier`] is either.

pub mod accuracy;
pub mod beats;
mod built;
mod classify;
mod file;
pub mod noise;
pub mod options;
pub mod trainee;
pub mod training;

pub use built::{Build, BuiltClassifier, BuiltConfig};
pub use classify::{ClassifyOptions, classify};
pub use file::ClassifierFile;
pub use options::{ClassifierArguments, ClassifierOptions, Keep, Order, PackClassifierOptions, Preset};
pub use trainee::ClassifierRun;
pub use training::train;
