//! The families of networks, a folder each. This is the one list of those that recast; [`touch`] says how
//! hard notes are struck.
//!
//! To add one: its folder, with sizes that implement [`TransferSizes`] and a network that implements
//! [`Transfer`](crate::Transfer); its `pub mod` and its line in `families!` below. Kernels that it alone
//! needs belong into its folder, each with its twin in candle's operations ([`crate::Ops`] picks).

pub mod arranger;
pub mod papers;
pub mod resnet;
pub mod touch;

pub(crate) mod logits;

use serde::{Deserialize, Serialize};

pub use logits::INPUT_LOGIT;

use crate::roles::TransferSizes;

macro_rules! families {
    ($($(#[$doc:meta])* $key:literal => $name:ident($sizes:ty),)*) => {
        /// The family of a pack's transfer, with its sizes.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "family")]
        pub enum Family {
            $($(#[$doc])* #[serde(rename = $key)] $name($sizes),)*
        }

        impl Family {
            /// What cards and commands call the families.
            pub const NAMES: &[&str] = &[$($key),*];

            /// What cards and commands call this one.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => $key),* }
            }

            /// What is known of its sizes.
            pub fn sizes(&self) -> &dyn TransferSizes {
                match self { $(Self::$name(sizes) => sizes),* }
            }
        }

        $(impl From<$sizes> for Family {
            fn from(sizes: $sizes) -> Self {
                Self::$name(sizes)
            }
        })*
    };
}

families! {
    /// [`arranger`]: keeps the tune, its harmony and its bass and writes the rest anew.
    "arranger" => Arranger(arranger::Sizes),
    /// [`resnet`]: the multi-genre GAN.
    "resnet" => Resnet(resnet::GeneratorConfig),
    /// [`papers`]: the papers' CycleGANs, two genres and a generator for each direction.
    "papers" => Papers(papers::PairConfig),
}
