//! Adding a genre to a pack whose transfer is an arranger, from a few dozen songs (`add-genre`).
//!
//! The network stays as it is. What a genre is to it are two rows: an embedding in the reader and one in the
//! writer. Only those of the new genre are trained, and one column of the classifier; its textures and habits
//! are taken from its songs. So the old directions answer bit by bit as before, where the source is told.

use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use clap::FromArgMatches;
use model::arranger::{Arranger, Sizes, TEXTURE, TEXTURES};
use model::{
    Card, ClassifierConfig, Family as ModelFamily, Init, Ops, Pack, Parameter, Parts, SLOTS, Weights,
};
use phrase::STEPS;

use super::examples::Examples;
use super::textures::textures;
use super::trainee::{LOSSES, losses};
use super::{ArrangerOptions, ArrangerRun, Corruption, Habits};
use crate::classifier::ClassifierFile;
use crate::core::{self, Losses, Optimised, Schedule, Share, Sum, clip};
use crate::dataset::Dataset;
use crate::families::adding::{self, AdditionOptions, Header, bare, new_genre};
use crate::families::{Family, Plan, find, flags};
use crate::random;
use crate::run::{Checkpoint, Needs, Trainee, read_off};

/// What the family is called in checkpoints, cards and docs.
pub const NAME: &str = "arranger-addition";

/// The family. `add-genre` comes here where the pack's transfer is an arranger.
pub const FAMILY: Family = Family {
    name: NAME,
    former: &[],
    command: "",
    aliases: &[],
    about: "Adds a genre to a pack whose transfer is an arranger",
    flags: flags::<adding::Arguments>,
    plan: adding::command,
    resume: |checkpoint, device| Ok(Box::new(AdditionRun::resume(checkpoint, device)?)),
    small: |folder| {
        adding::small((folder, "arranged.safetensors"), &super::FAMILY, |matches, genres| {
            let options = ArrangerOptions::from_arg_matches(matches)?;
            Ok(Box::new(ArrangerRun::new(options, genres, &Device::Cpu)?))
        })
    },
    bench: &[],
};

/// Where a genre's two rows stand.
const EMBEDDINGS: [&str; 2] = ["arranger.reader.genre", "arranger.writer.genre"];
const BANK: &str = "arranger.textures";
const COLUMNS: &str = "classifier.genres";
/// What is trained: the rows, and the column.
const ROWS: [&str; 2] = ["new.reader", "new.writer"];
const COLUMN: &str = "new.column";
/// What the losses are called.
const ALL_LOSSES: [&str; 3] = [LOSSES[0], LOSSES[1], "classifier"];
/// The longest a step's gradient may be.
const CLIP: f32 = 1.0;

/// A genre being added to a pack.
#[derive(Debug)]
pub struct AdditionRun {
    options: AdditionOptions,
    step: u64,
    /// The pack it was started from.
    pack: Pack,
    /// The new genre's name; its slot is the last.
    genre: String,
    device: Device,
    /// With the new genre.
    sizes: Sizes,
    classifier: ClassifierConfig,
    /// As the command line has it for the pack's own training.
    corruption: Corruption,
    /// The rows, and the column.
    optimised: [Optimised; 2],
    /// The pack's genres and the new one, in their order, and what is drawn of them.
    music: OnceLock<(Arc<Dataset>, Examples)>,
}

/// A fresh run that adds a genre of `data` to `pack`.
///
/// # Errors
/// In one sentence, where none can be added.
pub fn plan(pack: Pack, options: AdditionOptions, data: &Dataset) -> Result<Plan> {
    let genre = new_genre(&pack.card, data, options.genre.as_deref())?;
    let found = data.genres();
    let lacking: Vec<&str> =
        pack.card.genres.iter().filter(|name| !found.contains(name)).map(String::as_str).collect();
    ensure!(
        lacking.is_empty(),
        "the dataset lacks {}, which the pack's classifier must tell {genre} from; prepare the music of all \
         its genres with that of the new one",
        lacking.join(", ")
    );
    Ok(Plan::of(NAME, options, move |options, device| AdditionRun::new(options, pack, genre, device)))
}

impl AdditionRun {
    /// A fresh run that adds `genre` to `pack`. The new rows and the column start as the mean of the old
    /// ones: between all genres.
    ///
    /// # Errors
    /// Where the pack is of another kind or full, or an option is out of its range.
    pub fn new(options: AdditionOptions, pack: Pack, genre: String, device: &Device) -> Result<Self> {
        let (Some(ModelFamily::Arranger(sizes)), Some(classifier)) =
            (&pack.card.parts.transfer, pack.card.parts.classifier)
        else {
            bail!("{}: a genre is added to packs with an arranger and a classifier only", pack.card.name)
        };
        let slot = pack.card.genres.len();
        ensure!(slot < SLOTS, "{} has {SLOTS} genres already; a pack cannot have more", pack.card.name);
        ensure!(
            !options.unfreeze,
            "--unfreeze is for packs of train-resnet; to train all of an arranger anew use `train` on the \
             music of all its genres"
        );
        core::check_batch(options.batch)?;
        let mut sizes = *sizes;
        sizes.network.genres = slot + 1;
        let start = started(&bare(&pack))?;
        let mut rng = random::stream(options.seed, u64::MAX);
        let mut network = |names: &[&str]| -> Result<Optimised> {
            let parameter = |name: &&str| -> Result<Parameter> {
                let shape = find(&start, name)?.dims().to_vec();
                Ok(Parameter { name: (*name).to_string(), shape, init: Init::Zeros })
            };
            let parameters = names.iter().map(parameter).collect::<Result<Vec<_>>>()?;
            Optimised::new(&parameters, [0.9, 0.98], &mut rng, device)?.averaging()?.starting_at(&start)
        };
        let optimised = [network(&ROWS)?, network(&[COLUMN])?];
        let classifier = ClassifierConfig { genres: slot + 1, ..classifier };
        let (device, music, corruption) = (device.clone(), OnceLock::new(), Corruption::default());
        Ok(Self { options, step: 0, pack, genre, device, sizes, classifier, corruption, optimised, music })
    }

    /// Goes on from a checkpoint, with the options in its header.
    ///
    /// # Errors
    /// Where a tensor is missing or does not fit those options.
    pub fn resume(checkpoint: &Checkpoint, device: &Device) -> Result<Self> {
        let Header { options, step, genre, card, hash } = checkpoint.header()?;
        let pack = Pack::new(Card { hash, ..card }, &checkpoint.part("pack"));
        let mut run = Self::new(options, pack, genre, device)?;
        run.optimised.iter_mut().try_for_each(|network| network.restore(checkpoint, step))?;
        run.step = step;
        Ok(run)
    }

    fn slot(&self) -> usize {
        self.pack.card.genres.len()
    }

    fn music(&self, data: &Dataset) -> Result<&(Arc<Dataset>, Examples)> {
        if let Some(music) = self.music.get() {
            return Ok(music);
        }
        let names = self.pack.card.genres.iter().chain([&self.genre]).map(String::as_str);
        let music = Arc::new(data.select(&names.collect::<Vec<_>>())?);
        let examples = Examples::of(&music);
        Ok(self.music.get_or_init(|| (music, examples)))
    }

    /// Gradients and losses of one part of a step's batch.
    fn shard(&self, music: &(Arc<Dataset>, Examples), shard: usize) -> Result<Sum<2>> {
        let ((music, examples), options, device) = (music, &self.options, &self.device);
        let Share { size, mut rng, .. } = Share::of(options.seed, options.batch, self.step, shard);
        let [rows, column] = self.optimised.each_ref().map(Optimised::weights);
        let weights = extended(&bare(&self.pack).to_device(device)?, &[&rows, &column])?;

        let how = (&self.sizes.network, &self.corruption, options.transpose.min(MOST_TRANSPOSED));
        let batch = examples.batch(music, how, (size, 0, &[self.slot()]), &mut rng, device)?;
        let network = Arranger::new(self.sizes.network, &weights, Ops::on(device));
        let logits = network.forward(&batch.content, &batch.genres, &batch.cells, None)?;
        let told = losses(&logits, &batch)?;
        let total = (told.sum_all()? / STEPS as f64)?;
        let rows = self.optimised[0].gradients(&total.backward()?)?;
        let [sounding, onset] = told.to_vec1::<f32>()?[..] else { bail!("the arranger has two losses") };

        let asked = (size, options.transpose);
        let heard = adding::unheard((self.classifier, &weights), music, asked, &mut rng, device)?;
        let column = self.optimised[1].gradients(&heard.backward()?)?;
        let [first, second, third] = ALL_LOSSES;
        let losses = [(first, sounding), (second, onset), (third, heard.to_scalar::<f32>()?)];
        Ok(Sum { gradients: [rows, column], losses: Losses::new(losses) })
    }

    /// What is played and heard with after this step: averages, on the CPU.
    fn averaged(&self) -> Result<Weights> {
        let [rows, column] = [self.optimised[0].averaged()?, self.optimised[1].averaged()?];
        extended(&bare(&self.pack), &[&rows, &column])
    }
}

/// Out of C major or A minor the arranger was taught no further than this, in semitones.
const MOST_TRANSPOSED: i32 = 3;

/// Where the new genre's rows and column start: as the mean of the old ones.
fn started(weights: &Weights) -> Result<Weights> {
    let mut fresh = Weights::new();
    for (name, matrix) in ROWS.into_iter().zip(EMBEDDINGS) {
        fresh.insert(name, find(weights, matrix)?.mean_keepdim(0)?);
    }
    fresh.insert(COLUMN, find(weights, COLUMNS)?.mean_keepdim(1)?);
    Ok(fresh)
}

/// `weights` of a pack with room for one more genre, whose rows and column are those in `new`.
fn extended(weights: &Weights, new: &[&Weights]) -> Result<Weights> {
    let mut all = weights.clone();
    let of = |name: &str| {
        new.iter().find_map(|new| find(new, name).ok()).with_context(|| format!("there is no {name}"))
    };
    for (name, matrix) in ROWS.into_iter().zip(EMBEDDINGS) {
        all.insert(matrix, Tensor::cat(&[find(weights, matrix)?, of(name)?], 0)?);
    }
    all.insert(COLUMNS, Tensor::cat(&[find(weights, COLUMNS)?, of(COLUMN)?], 1)?);
    Ok(all)
}

/// Parts of the checkpoint: `pack`, which it started from; `weights`, `mean`, `square` and `average` of what
/// is trained.
impl Trainee for AdditionRun {
    fn family(&self) -> &'static str {
        NAME
    }

    read_off!(Needs::TRANSFER, ALL_LOSSES, steps);

    fn train(&mut self, data: &Dataset, threads: usize) -> Result<Losses> {
        let music = self.music(data)?;
        let Sum { gradients: [mut rows, column], losses } =
            core::summed(self.step, threads, |shard| self.shard(music, shard))?;
        clip(&mut rows, CLIP);
        let o = &self.options;
        let scale = Schedule::new(o.steps, o.decay).scale(self.step);
        let both = self.optimised.iter_mut().zip([rows, column]).zip([o.rate, o.classifier_rate]);
        for ((network, gradients), rate) in both {
            let values = network.descend(&gradients, rate * scale)?;
            network.follow(&values, o.average, self.step);
        }
        self.step += 1;
        Ok(losses)
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        let header = Header::of(&self.options, self.step, &self.genre, &self.pack.card);
        let mut checkpoint = Checkpoint::of(NAME, header, &self.optimised)?;
        checkpoint.add("pack", &self.pack.weights);
        Ok(checkpoint)
    }

    fn pack(&self, data: &Dataset) -> Result<(Parts, Weights)> {
        let (music, _) = self.music(data)?;
        let (all, mut sizes, slot) = (self.averaged()?, self.sizes, self.slot());
        let mut weights = adding::transfer(&all);
        if sizes.network.edition > 1 {
            let new = textures(music, slot, self.options.seed);
            let new = Tensor::from_vec(new, (TEXTURES, TEXTURE + 1), &Device::Cpu)?;
            weights.insert(BANK, Tensor::cat(&[find(&all, BANK)?, new], 0)?);
        }
        let habits: Vec<Habits> = (0..=slot).map(|genre| Habits::of(music, genre)).collect();
        // As strict about key and harmony as the pack is with its strictest genre, in proportion.
        let most = habits.iter().map(|habits| habits.out_of_key).fold(1e-6, f32::max);
        let style = &mut sizes.style;
        let key = [&mut style.chromatic, &mut style.diatonic, &mut style.astray];
        for all in key.into_iter().chain([&mut style.foreign, &mut style.follow]) {
            let strictest = all[..slot].iter().copied().fold(0.0, f32::max);
            all[slot] = strictest * (1.0 - habits[slot].out_of_key / most).max(0.0);
        }
        if let Some(shares) = &mut sizes.style.anticipated {
            shares[slot] = habits[slot].anticipated;
        }
        if let Some(shares) = &mut sizes.style.pushed {
            shares[slot] = habits[slot].pushed;
        }
        if let Some(moves) = &mut sizes.style.moves {
            moves.shares[slot] = habits[slot].intervals;
        }
        if let Some(busy) = &mut sizes.style.busy {
            busy.octaves[slot] = habits[slot].density;
        }
        (sizes.style.lowest[slot], sizes.style.highest[slot]) = habits[slot].range;
        Ok((ModelFamily::from(sizes).into(), weights))
    }

    /// The pack's own classifier with a column for the new genre.
    fn classifier(&self, data: &Dataset) -> Result<Option<ClassifierFile>> {
        Ok(Some(adding::classifier(&self.music(data)?.0, self.classifier, &self.averaged()?)?))
    }

    fn genres(&self, data: &Dataset) -> Result<Dataset> {
        Ok((*self.music(data)?.0).clone())
    }

    fn sources(&self, data: &Dataset) -> Vec<model::Corpus> {
        adding::sources(&self.pack, data, &self.genre)
    }

    fn recipe(&self) -> String {
        let o = &self.options;
        format!(
            "{} To that, {} was added as slot {} to {} ({:.12}): trained its rows of the genre \
             embeddings and its column of the classifier, all else unchanged; {} steps of batch {}, Adam \
             {:e} / {:e}, seed {}.",
            self.pack.card.recipe,
            self.genre,
            self.slot() + 1,
            self.pack.card.name,
            self.pack.card.hash,
            self.step,
            o.batch,
            o.rate,
            o.classifier_rate,
            o.seed
        )
        .trim_start()
        .to_string()
    }
}
