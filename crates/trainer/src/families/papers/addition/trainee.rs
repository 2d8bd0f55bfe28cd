//! The addition of a genre as a run sees it.

use anyhow::Result;
use model::{Corpus, Family, Parts, Weights};

use super::{AdditionRun, LOSSES, NAME};
use crate::classifier::ClassifierFile;
use crate::core::Losses;
use crate::dataset::Dataset;
use crate::families::adding::{self, Header};
use crate::run::{Checkpoint, Needs, Trainee, read_off};

/// Parts of the checkpoint: `pack`, which it started from; `weights`, `mean` and `square` of what is trained;
/// `average` of generator and classifier; and `spectral/<weight>/left|right`.
impl Trainee for AdditionRun {
    fn family(&self) -> &'static str {
        NAME
    }

    // Of the dataset with the replays: a genre that is added may come alone.
    read_off!(Needs::TRANSFER, LOSSES, steps);

    fn train(&mut self, data: &Dataset, threads: usize) -> Result<Losses> {
        self.advance(data, threads)
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        let header = Header::of(&self.options, self.step, &self.genre, &self.pack.card);
        let mut checkpoint = Checkpoint::of(NAME, header, &self.optimised)?;
        checkpoint.add("pack", &self.pack.weights);
        checkpoint.add_spectra(&self.spectra);
        Ok(checkpoint)
    }

    fn pack(&self, _: &Dataset) -> Result<(Parts, Weights)> {
        Ok((Family::from(self.generator).into(), adding::transfer(&self.averaged()?)))
    }

    /// The pack's own classifier with a column for the new genre. Its accuracy is that on held-out songs of
    /// the dataset; of a genre that is replayed it is how often its replays are heard right.
    fn classifier(&self, data: &Dataset) -> Result<Option<ClassifierFile>> {
        Ok(Some(adding::classifier(&*self.music(data)?, self.classifier, &self.averaged()?)?))
    }

    fn genres(&self, data: &Dataset) -> Result<Dataset> {
        Ok((*self.music(data)?).clone())
    }

    fn sources(&self, data: &Dataset) -> Vec<Corpus> {
        adding::sources(&self.pack, data, &self.genre)
    }

    fn recipe(&self) -> String {
        let o = &self.options;
        let trained = if o.unfreeze {
            "the whole network"
        } else {
            "its two rows of the norms' conditions and its column of the classifier, all else unchanged"
        };
        format!(
            "{} To that, {} was added as slot {} to {} ({:.12}): trained {trained}; {} steps of batch {}, \
             Adam {:e} / {:e} / {:e}, seed {}, loss as there with {} cycle, {} identity, {} keep; genres \
             without music of their own replayed by the pack.",
            self.pack.card.recipe,
            self.genre,
            self.pack.card.genres.len() + 1,
            self.pack.card.name,
            self.pack.card.hash,
            self.step,
            o.batch,
            o.rate,
            o.critic_rate,
            o.classifier_rate,
            o.seed,
            o.terms.cycle,
            o.terms.identity,
            o.terms.keep
        )
        .trim_start()
        .to_string()
    }
}
