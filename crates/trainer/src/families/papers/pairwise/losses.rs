//! The losses of a pair of generators and of their discriminators.

use candle_core::{Result, Tensor};
use candle_nn::ops::sigmoid;
use model::papers::PairGenerator;

use super::networks::Critics;
use super::noise::Noise;
use super::options::{Adversarial, CycleKind, PairOptions};
use crate::core::Losses;
use crate::families::resnet::losses::{cross_entropy, played};

/// What the generators minimise, and what they made.
#[derive(Debug)]
pub struct GeneratorLoss {
    /// Adversarial terms of both directions, lambda times both cycles, and what the options add: one scalar.
    pub total: Tensor,
    /// For the log: `cycle`, lambda times both; `generator`, both adversarial terms; `identity`, weighted.
    pub parts: Losses,
    /// The fakes of genre A and of genre B, outside the graph, `[B, 64, 84]`.
    pub fakes: [Tensor; 2],
}

/// What the discriminators minimise.
#[derive(Debug)]
pub struct CriticLoss {
    /// One scalar for all of them.
    pub total: Tensor,
    /// For the log, before gamma: `discriminator`, D_A + D_B, and `extra`, D_A,m + D_B,m (0 where there are
    /// none).
    pub parts: Losses,
}

/// The losses of both generators on phrases of both genres, `real`, `[B, 64, 84]` each. `critics` are outside
/// the graph. As in the papers' code the cycle counts once though both generators are part of it.
pub fn generators(
    makers: &[PairGenerator; 2],
    critics: &Critics,
    real: &[Tensor; 2],
    noise: &mut Noise,
    options: &PairOptions,
) -> Result<GeneratorLoss> {
    let size = real[0].dim(0)?;
    let zero = real[0].zeros_like()?.mean_all()?;
    let (mut adversarial, mut extra, mut cycle, mut identity) =
        (zero.clone(), zero.clone(), zero.clone(), zero);
    let mut fakes = Vec::new();
    for source in 0..2 {
        let target = 1 - source;
        // The phrase that is transferred and the one that shall stay share a pass.
        let logits = if options.identity > 0.0 {
            let both = makers[source].forward(&Tensor::cat(&[&real[source], &real[target]], 0)?)?;
            identity = (identity + distance(&both.narrow(0, size, size)?, &real[target], options)?)?;
            both.narrow(0, 0, size)?
        } else {
            makers[source].forward(&real[source])?
        };
        let fake = if options.binarise { played(&logits)? } else { sigmoid(&logits)? };
        let shown = noise.add(&fake)?;
        adversarial = (adversarial + convincing(&critics.own[target].forward(&shown)?, options)?)?;
        if let Some(mixed) = critics.mixed.as_ref().filter(|_| options.extra_gradient) {
            extra = (extra + convincing(&mixed[target].forward(&shown)?, options)?)?;
        }
        cycle = (cycle + distance(&makers[target].forward(&fake)?, &real[source], options)?)?;
        fakes.push(fake.detach());
    }
    let (cycle, identity) = ((cycle * options.lambda)?, (identity * options.identity)?);
    let judged = (&adversarial + (extra * options.gamma)?)?;
    let parts = Losses::new([
        ("cycle", cycle.to_scalar()?),
        ("generator", adversarial.to_scalar()?),
        ("identity", identity.to_scalar()?),
    ]);
    let total = ((judged + cycle)? + identity)?;
    // The first fake came from genre A and is of genre B.
    let of_b = fakes.swap_remove(0);
    let of_a = fakes.swap_remove(0);
    Ok(GeneratorLoss { total, parts, fakes: [of_a, of_b] })
}

/// The losses of all discriminators on real phrases and (pooled) fakes of both genres and, for partial and
/// full, on `mixed` real phrases, `[B, 64, 84]` each. Each is the mean of its real and its fake half.
pub fn critics(
    critics: &Critics,
    real: &[Tensor; 2],
    fakes: &[Tensor; 2],
    mixed: Option<&Tensor>,
    noise: &mut Noise,
    options: &PairOptions,
) -> Result<CriticLoss> {
    let zero = real[0].zeros_like()?.mean_all()?;
    let (mut own, mut extra) = (zero.clone(), zero);
    let mixed = match mixed {
        Some(mixed) => Some(noise.add(mixed)?),
        None => None,
    };
    for genre in 0..2 {
        let (real, fake) = (noise.add(&real[genre])?, noise.add(&fakes[genre])?);
        // The other's phrases are what a port gives each by mistake.
        let own_critic = if options.crossed { 1 - genre } else { genre };
        let judged = critics.own[own_critic].forward(&Tensor::cat(&[&real, &fake], 0)?)?;
        own = (own + telling(&judged, options)?)?;
        if let (Some(critics), Some(mixed)) = (&critics.mixed, &mixed) {
            let judged = critics[genre].forward(&Tensor::cat(&[mixed, &fake], 0)?)?;
            extra = (extra + telling(&judged, options)?)?;
        }
    }
    let parts = Losses::new([("discriminator", own.to_scalar()?), ("extra", extra.to_scalar()?)]);
    Ok(CriticLoss { total: (own + (extra * options.gamma)?)?, parts })
}

/// How far the answer with these `logits` is from `cells` (0 or 1), `[B, 64, 84]` both.
fn distance(logits: &Tensor, cells: &Tensor, options: &PairOptions) -> Result<Tensor> {
    match options.cycle {
        CycleKind::Mae => (sigmoid(logits)? - cells)?.abs()?.mean_all(),
        CycleKind::CrossEntropy => cross_entropy(logits, cells, options.positive, &cells.affine(-1.0, 1.0)?),
    }
}

/// The generator's adversarial term: its fakes' judgements `map` shall be those of real phrases.
fn convincing(map: &Tensor, options: &PairOptions) -> Result<Tensor> {
    match options.adversarial {
        Adversarial::LeastSquares => map.affine(1.0, -1.0)?.sqr()?.mean_all(),
        Adversarial::Hinge => map.mean_all()?.neg(),
    }
}

/// A discriminator's loss from its judgements `map` of a batch whose first half is real and whose second is
/// fake.
fn telling(map: &Tensor, options: &PairOptions) -> Result<Tensor> {
    let half = map.dim(0)? / 2;
    let (real, fake) = (map.narrow(0, 0, half)?, map.narrow(0, half, half)?);
    let (real, fake) = match options.adversarial {
        Adversarial::LeastSquares => (real.affine(1.0, -1.0)?.sqr()?, fake.sqr()?),
        Adversarial::Hinge => (real.affine(-1.0, 1.0)?.relu()?, fake.affine(1.0, 1.0)?.relu()?),
    };
    (real.mean_all()? + fake.mean_all()?)? * 0.5
}
