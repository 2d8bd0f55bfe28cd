//! What can go wrong between a host and a plugin.

use std::path::PathBuf;

/// A fault of the plugin, or of the way it was asked; each in one sentence that says where.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The library could not be opened or has no entry point of the asked format.
    #[error("{path} could not be loaded as a plugin: {reason}")]
    Load {
        /// The library.
        path: PathBuf,
        /// What the system or the plugin said.
        reason: String,
    },
    /// A call into the plugin was answered with a failure.
    #[error("the plugin failed to {what}")]
    Refused {
        /// The call, as the end of "the plugin failed to ...".
        what: String,
    },
    /// The plugin lacks something that every plugin needs here.
    #[error("the plugin does not offer {0}")]
    Missing(&'static str),
    /// There is no parameter of that name.
    #[error("the plugin has no parameter named {0:?}")]
    NoParameter(String),
    /// The instance is not in the state that the call needs.
    #[error("the plugin instance must be {0} for this call")]
    State(&'static str),
    /// An output event lies outside the block it was sent in: a fault of the plugin.
    #[error("the plugin sent an event at sample {time} of a block of {frames}")]
    OutOfBlock {
        /// The event's sample offset.
        time: i64,
        /// The block's length in samples.
        frames: u32,
    },
    /// An output event is earlier than the one sent before it: a fault of the plugin.
    #[error("the plugin sent an event at sample {time} after one at sample {before}")]
    OutOfOrder {
        /// The event's sample offset.
        time: i64,
        /// The offset of the event before it.
        before: i64,
    },
    /// An audio output was left unwritten or holds what is not a number: a fault of the plugin.
    #[error("the plugin left its audio output unwritten in the block at sample {steady}")]
    Audio {
        /// The block's first sample.
        steady: u64,
    },
}

impl HostError {
    pub(crate) fn refused(what: impl Into<String>) -> Self {
        HostError::Refused { what: what.into() }
    }
}
