//! `average`: the mean of two packs' transfers, of which one was trained on from the other. It is often heard
//! better than either, and costs no more to play (Wortsman et al., *Model soups*, 2022).

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use candle_core::DType;
use model::{Pack, Role};

use crate::hands::add::{MARK, transfer_changed};

/// Options of `average`.
#[derive(Debug, clap::Args)]
pub struct AverageOptions {
    /// One of the two: its style, its textures and its other parts stay.
    pub pack: PathBuf,
    /// The other: one of them was trained on from the other.
    #[arg(long, value_name = "PACK")]
    pub with: PathBuf,
    /// Share of the other's weights in the mean, from 0 to 1.
    #[arg(long, default_value_t = 0.5)]
    pub share: f64,
    /// The pack to write.
    #[arg(short, long)]
    pub output: PathBuf,
}

/// Does it.
///
/// # Errors
/// When a pack cannot be used, or the two do not fit each other.
pub fn average(options: &AverageOptions) -> Result<Pack> {
    ensure!(
        (0.0..=1.0).contains(&options.share),
        "--share {} is no share; give a number from 0 to 1",
        options.share
    );
    let (mut pack, other) = (Pack::read(&options.pack)?, Pack::read(&options.with)?);
    ensure!(
        pack.card.parts.transfer.is_some(),
        "{}: it has no transfer to average; give a pack that recasts phrases",
        options.pack.display()
    );
    mean(&mut pack, &other, options.share).with_context(|| format!("{}", options.with.display()))?;
    pack.write(&options.output)?;
    Ok(Pack::read(&options.output)?)
}

/// Moves the weights of `pack`'s transfer by `share` of the way to those of `other`'s.
///
/// # Errors
/// When `other` has other genres, or its transfer other sizes.
pub fn mean(pack: &mut Pack, other: &Pack, share: f64) -> Result<()> {
    ensure!(
        pack.card.genres == other.card.genres,
        "its genres are {} where {} are needed, in this order",
        other.card.genres.join(", "),
        pack.card.genres.join(", ")
    );
    let prefix = Role::Transfer.prefix();
    let of_transfer = |pack: &Pack| {
        let own = pack.weights.iter().filter(|(name, _)| name.starts_with(prefix));
        own.map(|(name, tensor)| (name.clone(), tensor.clone())).collect::<Vec<_>>()
    };
    let (own, others) = (of_transfer(pack), of_transfer(other));
    let shapes = |all: &[(String, candle_core::Tensor)]| {
        all.iter().map(|(name, tensor)| (name.clone(), tensor.dims().to_vec())).collect::<Vec<_>>()
    };
    ensure!(
        shapes(&own) == shapes(&others),
        "its transfer has other sizes; only packs of which one was trained on from the other can be averaged"
    );
    for ((name, own), (_, other)) in own.into_iter().zip(others) {
        // Textures are chosen, not learned: between two there is none.
        if name.ends_with(".textures") {
            continue;
        }
        let [from, to] = [&own, &other].map(|tensor| tensor.to_dtype(DType::F32));
        let mean = ((from? * (1.0 - share))? + (to? * share)?)?.to_dtype(own.dtype())?;
        pack.weights.insert(name, mean);
    }
    let (of_other, _) = other.card.recipe.split_once(MARK).unwrap_or((&other.card.recipe, ""));
    transfer_changed(&mut pack.card, &format!("Weights moved by {share} of the way to: {of_other}"));
    Ok(())
}
