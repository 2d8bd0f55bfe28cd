//! The state of an arranger's run and one training step of it.

use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use model::arranger::{Arranger, ArrangerConfig, Sizes, TEXTURE, TEXTURES};
use model::{Family as ModelFamily, Ops, Pack, Parts, Role, Weights};
use phrase::STEPS;

use super::examples::{Batch, Examples};
use super::guide::Guide;
use super::textures::textures;
use super::{ArrangerOptions, Habits, NAME};
use crate::core::{self, Losses, Optimised, Schedule, Share, Sum, clip};
use crate::dataset::Dataset;
use crate::random;
use crate::run::checkpoint::{Checkpoint, Header};
use crate::run::{Needs, Trainee, read_off};

/// Losses in nats a phrase: which cells sound, and which of those that sound on are struck anew.
pub(super) const LOSSES: [&str; 2] = ["sounding", "onset"];

/// A run: network, optimiser, average.
#[derive(Debug)]
pub struct ArrangerRun {
    options: ArrangerOptions,
    step: u64,
    device: Device,
    config: ArrangerConfig,
    network: Optimised,
    /// By genre; found when a pack is first made, of the run's own music.
    habits: OnceLock<Vec<Habits>>,
    /// What is drawn from, by tune and place: the run's own music or, where there is practice, both together.
    /// Found when it is first drawn from.
    music: OnceLock<(Option<Dataset>, Examples)>,
    /// Of a run that goes on it is read when the first step needs it.
    guide: OnceLock<Guide>,
}

impl ArrangerRun {
    /// A fresh run for `genres` genres on `device`.
    ///
    /// # Errors
    /// When the options do not go together.
    pub fn new(options: ArrangerOptions, genres: usize, device: &Device) -> Result<Self> {
        Needs::TRANSFER.check_genres(genres)?;
        core::check_batch(options.batch)?;
        ensure!(
            options.heads > 0 && options.width.is_multiple_of(options.heads),
            "{} channels cannot be shared by {} heads; choose a multiple",
            options.width,
            options.heads
        );
        ensure!((0.0..1.0).contains(&options.drop), "the share that is dropped must be under 1");
        let config = options.config(genres);
        let mut rng = random::stream(options.seed, u64::MAX);
        let network = Optimised::new(&config.parameters(), [0.9, 0.98], &mut rng, device)?.averaging()?;
        Ok(Self {
            options,
            step: 0,
            device: device.clone(),
            config,
            network,
            habits: OnceLock::new(),
            music: OnceLock::new(),
            guide: OnceLock::new(),
        })
    }

    /// The same at the weights of another pack's arranger.
    ///
    /// # Errors
    /// When the pack has none of these sizes, or other genres.
    pub fn starting_at(mut self, pack: &Pack, genres: &[String]) -> Result<Self> {
        let name = &pack.card.name;
        let Some(ModelFamily::Arranger(sizes)) = &pack.card.parts.transfer else {
            bail!("{name}: --from takes a pack with an arranger, and this one has none")
        };
        ensure!(
            pack.card.genres == genres,
            "{name}: --from takes a pack of the dataset's genres in their order, {}, and this one has {}",
            genres.join(", "),
            pack.card.genres.join(", ")
        );
        ensure!(
            sizes.network == self.config,
            "{name}: its arranger has other sizes; give --width, --heads and the others as it has them: {:?}",
            sizes.network
        );
        self.network = self.network.starting_at(&pack.weights.part(Role::Transfer))?;
        if let Some(contrast) = &self.options.guided {
            self.guide = Guide::new(pack, self.config, contrast, &self.device)?.into();
        }
        Ok(self)
    }

    /// Goes on from a checkpoint, with the options in its header.
    ///
    /// # Errors
    /// Where a tensor is missing or does not fit those options.
    pub fn resume(checkpoint: &Checkpoint, device: &Device) -> Result<Self> {
        let Header { options, step, genres } = checkpoint.header()?;
        let mut run = Self::new(options, genres, device)?;
        run.network.restore(checkpoint, step)?;
        run.step = step;
        Ok(run)
    }

    /// What is drawn from.
    fn music<'a>(&'a self, data: &'a Dataset) -> Result<(&'a Dataset, &'a Examples)> {
        if self.music.get().is_none() {
            let practice = self.options.practice.as_deref().map(Dataset::read).transpose()?;
            let both = practice.map(|practice| data.clone().with(&practice)).transpose()?;
            let examples = Examples::of(both.as_ref().unwrap_or(data));
            self.music.get_or_init(|| (both, examples));
        }
        let (both, examples) = self.music.get().context("the music was just laid out")?;
        Ok((both.as_ref().unwrap_or(data), examples))
    }

    /// What says how likely answers' cells are with contrast, where that is asked for.
    fn guide(&self) -> Result<Option<&Guide>> {
        let Some(contrast) = &self.options.guided else { return Ok(None) };
        if self.guide.get().is_none() {
            let path = self.options.from.as_deref().context("--guided needs the pack of --from")?;
            let guide = Guide::new(&Pack::read(path)?, self.config, contrast, &self.device)?;
            self.guide.get_or_init(|| guide);
        }
        Ok(self.guide.get())
    }

    /// Gradients and losses of one part of a step's batch.
    fn shard(&self, (data, examples): (&Dataset, &Examples), shard: usize) -> Result<Sum<1>> {
        let o = &self.options;
        let Share { size, turn, mut rng } = Share::of(o.seed, o.batch, self.step, shard);
        let how = (&self.config, &o.corruption, o.transpose);
        let genres: Vec<usize> = (0..self.config.genres).collect();
        let mut batch = examples.batch(data, how, (size, turn, &genres), &mut rng, &self.device)?;
        if let Some(guide) = self.guide()? {
            guide.say(&mut batch)?;
        }
        let weights = self.network.weights();
        let network = Arranger::new(self.config, &weights, Ops::on(&self.device));
        let mut mask = |shape: &[usize]| core::mask(shape, o.drop, &mut rng, &self.device);
        let masks = if o.drop > 0.0 { Some(&mut mask as &mut dyn FnMut(&[usize]) -> _) } else { None };
        let logits = network.forward(&batch.content, &batch.genres, &batch.cells, masks)?;
        let losses = losses(&logits, &batch)?;
        let total = (losses.sum_all()? / STEPS as f64)?;
        let gradients = [self.network.gradients(&total.backward()?)?];
        let [sounding, onset] = losses.to_vec1::<f32>()?[..] else {
            anyhow::bail!("the losses are {:?} where 2 are needed", losses.shape())
        };
        Ok(Sum { gradients, losses: Losses::new([("sounding", sounding), ("onset", onset)]) })
    }
}

/// Cross-entropies in nats a phrase, `[2]`, in the order of [`LOSSES`].
pub(super) fn losses(logits: &Tensor, batch: &Batch) -> candle_core::Result<Tensor> {
    let each = (core::cross_entropy(logits, &batch.wanted)? * &batch.decided)?;
    each.sum((0, 1, 3))? / batch.decided.dim(0)? as f64
}

/// Parts of the checkpoint: `weights`, `mean`, `square` and `average`.
impl Trainee for ArrangerRun {
    fn family(&self) -> &'static str {
        NAME
    }

    read_off!(Needs::TRANSFER, LOSSES, steps);

    fn train(&mut self, data: &Dataset, threads: usize) -> Result<Losses> {
        let music = self.music(data)?;
        let Sum { gradients: [mut gradients], losses } =
            core::summed(self.step, threads, |shard| self.shard(music, shard))?;
        let o = &self.options;
        clip(&mut gradients, o.clip);
        let scale = Schedule::new(o.steps, o.decay).rising(o.warmup).scale(self.step);
        let values = self.network.descend(&gradients, o.rate * scale)?;
        self.network.follow(&values, o.average, self.step);
        self.step += 1;
        Ok(losses)
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        let header = Header { options: &self.options, step: self.step, genres: self.config.genres };
        Checkpoint::of(NAME, header, [&self.network])
    }

    fn pack(&self, data: &Dataset) -> Result<(Parts, Weights)> {
        let habits =
            self.habits.get_or_init(|| (0..data.items.len()).map(|genre| Habits::of(data, genre)).collect());
        let style = self.options.style(habits);
        let mut weights = self.network.averaged()?;
        if self.config.edition > 1 {
            let genres = self.config.genres;
            let of = |genre| textures(data, genre, self.options.seed);
            let all: Vec<f32> = (0..genres).flat_map(of).collect();
            let all = Tensor::from_vec(all, (genres * TEXTURES, TEXTURE + 1), &Device::Cpu)?;
            weights.insert("arranger.textures", all);
        }
        Ok((ModelFamily::from(Sizes { network: self.config, style }).into(), weights))
    }

    fn recipe(&self) -> String {
        let (o, c) = (&self.options, &self.options.corruption);
        format!(
            "Arranger (reads melody, harmony, bass and density, writes the phrase a step at a time), {} \
             steps of batch {}, Adam {:e}, betas 0.9 / 0.98, {} warm-up steps, gradient at most {}, \
             dropout {}, seed {}; maximum likelihood of each genre's own phrases, content damaged \
             (edition {}; told exactly {}, as triads {}, as another chord {}; anticipations told on the \
             beat {}; texture not told {}, off by {}; the bar before not told {}; told \
             as another version has it {}, as played {}, rendered pieces {}; melody notes re-timed in \
             their beat {}, left out {}, inserted {}, detuned {}; pitch classes left out {}, \
             inserted {}; bass not told {}; density off by {} octaves), every second phrase up to {} \
             semitones out of C major or A minor, weights averaged at {} a step. Answers drawn with \
             pull {}, change {}, contrast {}, temperature {}, melody {}, density {}, chromatic {}, \
             diatonic {:?}, foreign {}, follow {:?}, its triads {:?}, complete {:?}, guide tones {:?}, \
             thick {:?}, seconds {:?}, tight {:?}, deep {:?}, approach {:?}, figure {:?}, texture {:?}, \
             of the bass {:?}, comps {:?}, chords {:?}, short {:?}, between eighths {:?}, let go {:?}, \
             asked of the nearest {}, walks {:?}, strokes {:?}, tied {:?}, bass astray {:?}, moves {:?}, \
             returns {:?}, passing notes give way {:?}, busy {}.",
            self.step,
            o.batch,
            o.rate,
            o.warmup,
            o.clip,
            o.drop,
            o.seed,
            o.edition,
            c.exact,
            c.triads,
            c.relative,
            c.anticipate,
            c.omit_texture,
            c.texture_noise,
            c.forget,
            c.version,
            c.play,
            c.rendered,
            c.retime,
            c.omit,
            c.insert,
            c.detune,
            c.omit_class,
            c.insert_class,
            c.omit_bass,
            c.density_noise,
            o.transpose,
            o.average,
            o.pull,
            o.change,
            o.contrast,
            o.temperature,
            o.melody,
            o.density,
            o.chromatic,
            o.diatonic,
            o.foreign,
            o.follow,
            o.follow_triads,
            o.complete,
            o.guide,
            o.thick,
            o.seconds,
            o.tight,
            o.deep,
            o.approach,
            o.figure,
            o.texture,
            o.bass_texture,
            o.comps,
            o.chords,
            o.short,
            o.between,
            o.let_go,
            o.nearest,
            o.walks,
            o.strokes,
            o.tied,
            o.astray,
            o.moves,
            o.returns,
            o.gives_way,
            o.busy
        )
    }
}
