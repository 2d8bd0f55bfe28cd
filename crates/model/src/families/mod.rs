//! The families of networks, a folder each. These are the lists of those that recast ([`Family`]), that go on
//! from music ([`WriterFamily`]) and in which phrases are points ([`SpaceFamily`]); [`touch`] says how hard
//! notes are struck.
//!
//! To add one: its folder, with sizes that implement [`TransferSizes`] or [`PartSizes`] and a network that
//! implements the role's trait; its `pub mod` and its line in one of `families!` below. Kernels that it alone
//! needs belong into its folder, each with its twin in candle's operations ([`crate::Ops`] picks).

pub mod arranger;
pub mod papers;
pub mod resnet;
pub mod spaces;
pub mod touch;
pub mod writers;

pub(crate) mod logits;

use serde::{Deserialize, Serialize};

pub use logits::INPUT_LOGIT;

use crate::roles::{PartSizes, Space, TransferSizes, Writer};

macro_rules! families {
    (
        $(#[$about:meta])* $all:ident of $sizes_of:ty;
        $($(#[$doc:meta])* $key:literal => $name:ident($sizes:ty),)*
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "family")]
        // There is one of each pack: its size is of no account.
        #[allow(clippy::large_enum_variant)]
        pub enum $all {
            $($(#[$doc])* #[serde(rename = $key)] $name($sizes),)*
        }

        impl $all {
            /// What cards and commands call the families.
            pub const NAMES: &[&str] = &[$($key),*];

            /// What cards and commands call this one.
            pub fn name(&self) -> &'static str {
                match *self { $(Self::$name(_) => $key),* }
            }

            /// What is known of its sizes.
            pub fn sizes(&self) -> &$sizes_of {
                match *self { $(Self::$name(ref sizes) => sizes),* }
            }
        }

        $(impl From<$sizes> for $all {
            fn from(sizes: $sizes) -> Self {
                Self::$name(sizes)
            }
        })*
    };
}

families! {
    /// The family of a pack's transfer, with its sizes.
    Family of dyn TransferSizes;
    /// [`arranger`]: keeps the tune, its harmony and its bass and writes the rest anew.
    "arranger" => Arranger(arranger::Sizes),
    /// [`resnet`]: the multi-genre GAN.
    "resnet" => Resnet(resnet::GeneratorConfig),
    /// [`papers`]: the papers' CycleGANs, two genres and a generator for each direction.
    "papers" => Papers(papers::PairConfig),
}

families! {
    /// The family of a pack's writer, with its sizes.
    WriterFamily of dyn PartSizes<dyn Writer>;
    /// [`writers::lstm`]: what is struck, when the next thing is, and what is held, from a recurrent layer.
    "lstm" => Lstm(writers::lstm::LstmSizes),
    /// [`writers::seqgan`]: tokens of a generator that was trained against a discriminator.
    "seqgan" => Seqgan(writers::seqgan::SeqganSizes),
}

families! {
    /// The family of a pack's space, with its sizes.
    SpaceFamily of dyn PartSizes<dyn Space>;
    /// [`spaces::beats`]: a code a beat, and a decoder that knows what it wrote.
    "beats" => Beats(spaces::beats::BeatsConfig),
    /// [`spaces::pictures`]: velocities as pictures, judged by a discriminator.
    "pictures" => Pictures(spaces::pictures::PicturesConfig),
    /// [`spaces::tutorial`]: 32 symbols to two numbers.
    "tutorial" => Tutorial(spaces::tutorial::TutorialConfig),
}
