//! What a run's losses were after so many epochs.

use super::work::Work;
use crate::run::{METRICS, Record, log_lines};

/// Means over the last epoch before a step: of single steps of a GAN they say little.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    /// The step; none where nothing is known.
    pub step: Option<u64>,
    cycle: Option<f64>,
    generator: Option<f64>,
    discriminator: Option<f64>,
    extra: Option<f64>,
}

impl Losses {
    /// Names of [`Losses::values`].
    pub const NAMES: [&str; 5] =
        ["losses at step", "cycle loss", "generator loss", "discriminator loss", "extra loss"];

    /// Those of a run at the end of the epoch that the sweep names, or at the run's end where that comes
    /// before.
    pub fn of(work: &Work) -> Self {
        Self::read(work).unwrap_or_default()
    }

    fn read(work: &Work) -> Option<Self> {
        let folder = work.folder();
        let record = Record::read(&folder)?;
        let (names, lines) = log_lines(&folder.join(METRICS));
        let epoch = epoch(&record)?;
        let last = lines.last()?.0.min(epoch * work.sweep.epochs.max(1));
        let among = |step: u64| step <= last && step + epoch > last;
        let lines: Vec<_> = lines.into_iter().filter(|(step, _)| among(*step)).collect();
        let mean = |name: &str| {
            let column = names.iter().position(|known| known == name)?;
            Some(lines.iter().map(|(_, values)| f64::from(values[column])).sum::<f64>() / lines.len() as f64)
        };
        Some(Self {
            step: Some(last),
            cycle: mean("cycle"),
            generator: mean("generator"),
            discriminator: mean("discriminator"),
            extra: mean("extra"),
        })
    }

    /// All of them.
    pub fn values(&self) -> [Option<f64>; 5] {
        [self.step.map(|step| step as f64), self.cycle, self.generator, self.discriminator, self.extra]
    }

    /// L_c, L_G and L_D as in the papers' table: L_D is of all discriminators.
    pub fn papers(&self) -> [Option<f64>; 3] {
        let all = self.discriminator.map(|own| own + self.extra.unwrap_or(0.0));
        [self.cycle, self.generator, all]
    }
}

/// Steps of an epoch: the training phrases of the smallest genre that was trained, once.
fn epoch(record: &Record) -> Option<u64> {
    let batch = record.options["batch"].as_u64()?.max(1);
    let count = |genre: &String| record.data.phrases.get(genre).map(|splits| splits[0] as u64);
    let smallest = record.genres().iter().filter_map(count).min()?;
    Some((smallest / batch).max(1))
}
