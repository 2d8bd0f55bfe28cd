//! What can go wrong with packs and networks, in sentences that name the file, the fault and the remedy.

/// A pack that cannot be used. The text is one sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The file could not be read or written.
    #[error(
        "{name}: the pack could not be {action} ({error}); check that the file exists and that you may use \
         it"
    )]
    Io {
        /// The file, as the user named it.
        name: String,
        /// "read" or "written".
        action: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file is no pack, or is damaged.
    #[error("{name}: {fault}; get the pack again or export it anew")]
    Damaged {
        /// The file, as the user named it.
        name: String,
        /// What is wrong with it.
        fault: String,
    },
    /// The pack was made for a newer version of the format.
    #[error("{name}: the pack has format {found}, this version reads format {known}; update Contrafact")]
    Newer {
        /// The file, as the user named it.
        name: String,
        /// The format number in the file.
        found: u32,
        /// The newest format number this version reads.
        known: u32,
    },
    /// The pack holds something that this version has never heard of.
    #[error("{name}: the pack holds {part}, which a newer version of Contrafact made; update Contrafact")]
    Unknown {
        /// The file, as the user named it.
        name: String,
        /// What it holds, with its article.
        part: String,
    },
}

/// A network that could not be built or run.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A tensor operation failed: a fault of shapes or of the device.
    #[error("the network could not compute ({0}); choose another pack")]
    Tensor(#[from] candle_core::Error),
    /// A genre was asked for that the classifier does not tell.
    #[error("there is no genre {} among the classifier's {known}; choose one of those", genre + 1)]
    Genre {
        /// The genre, 0-based.
        genre: usize,
        /// How many there are.
        known: usize,
    },
    /// The pack has no transfer.
    #[error(
        "this pack holds no transfer, only what tells genres, and cannot recast phrases; choose another pack"
    )]
    NoTransfer,
    /// The pack has no dynamics.
    #[error("this pack does not know how hard the players of its genres strike; choose another pack")]
    NoDynamics,
    /// The pack does not know its genres' feel.
    #[error("this pack does not know when the players of its genres play; choose another pack")]
    NoFeel,
    /// The pack has no writer.
    #[error("this pack cannot go on from music by itself; choose another pack")]
    NoWriter,
    /// The pack has no space.
    #[error("this pack knows no music between phrases; choose another pack")]
    NoSpace,
    /// The pack has no classifier.
    #[error(
        "this pack holds no classifier and cannot tell which genre a phrase is; say which genre is played, \
         or choose another pack"
    )]
    NoClassifier,
    /// Logits of a whole phrase were asked of a network that writes step by step.
    #[error(
        "this pack writes its answers step by step and has no logits of a whole phrase; leave out what \
         needs them"
    )]
    Stepwise,
    /// A parameter is missing or has another shape than the architecture needs.
    #[error("the parameter {name} {fault}; get the pack again or export it anew")]
    Parameter {
        /// The parameter's name in the file.
        name: String,
        /// "is missing" or how its shape differs.
        fault: String,
    },
}
