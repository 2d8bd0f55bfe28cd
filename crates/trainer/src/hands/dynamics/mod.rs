//! `train-dynamics`: learns how hard a genre's players strike, and makes a pack of that alone, to be added to
//! others. Three presets: see [`model::touch`].

pub mod measure;
pub mod rivals;
pub mod takes;
pub mod told;
pub mod trainee;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use model::{Card, Pack, Role};
use serde::{Deserialize, Serialize};

use super::{check, corpora};
use crate::dataset::Dataset;
use crate::families::Plan;
use crate::run::{SingleOptions, trained};
pub use told::Told;
pub use trainee::identity;
use trainee::{DynamicsRun, NAME, Recipe};

/// Which network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Small, relative to the phrase, told some of the velocities.
    Ours,
    /// Malik and Ek's: 176 units, a stack of three for each genre.
    Stylenet,
    /// The same with attention.
    Tonenet,
}

/// Options of `train-dynamics`.
#[derive(Debug, clap::Args)]
pub struct DynamicsOptions {
    /// The dataset, of performances; songs of one velocity are left out.
    pub dataset: PathBuf,
    /// The pack to write, of dynamics alone.
    #[arg(short, long)]
    pub output: PathBuf,
    /// Which network.
    #[arg(long, value_enum, default_value = "ours")]
    pub preset: Preset,
    /// Training steps; by default 12,000 of ours, 600 of the others.
    #[arg(long)]
    pub steps: Option<u64>,
    /// Phrases a step, of genres in turn (windows of 200 steps of one genre with the papers' networks); by
    /// default 32, and 8.
    #[arg(long)]
    pub batch: Option<usize>,
    /// Learning rate (Adam), which falls to nothing over the last half; the papers' stays.
    #[arg(long)]
    pub rate: Option<f32>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Tells the papers' networks the velocities too, so that their loop-back means something.
    #[arg(long)]
    pub hear_velocity: bool,
    /// How the run is kept.
    #[command(flatten)]
    pub run: SingleOptions,
}

impl DynamicsOptions {
    /// With the preset's own numbers where none were given.
    fn recipe(&self) -> Recipe {
        let (steps, batch, rate) = match self.preset {
            Preset::Ours => (12_000, 32, 2e-3),
            Preset::Stylenet | Preset::Tonenet => (600, 8, 1e-3),
        };
        Recipe {
            preset: self.preset,
            steps: self.steps.unwrap_or(steps),
            batch: self.batch.unwrap_or(batch).max(1),
            rate: self.rate.unwrap_or(rate),
            seed: self.seed,
            hear_velocity: self.hear_velocity,
        }
    }
}

/// Does it; gives the pack and what was measured of it.
///
/// # Errors
/// When the dataset has nothing to learn from, in a sentence; [`crate::run::Interrupted`] where Ctrl-C came.
pub fn train(options: &DynamicsOptions) -> Result<(Pack, measure::Measured)> {
    let data = Dataset::read(&options.dataset)?;
    check(&data, true)?;
    ensure!(
        options.preset != Preset::Ours || !options.hear_velocity,
        "--hear-velocity is for stylenet and tonenet; ours hears some anyway"
    );
    let (recipe, music) = (options.recipe(), trainee::music(&data, options.preset)?);
    for (name, (takes, flat)) in data.genres().iter().zip(&music) {
        println!("{name}: {} phrases; {flat} songs of one velocity left out", takes.len());
    }
    let kept = serde_json::json!(recipe);
    let plan =
        Plan::new(NAME, kept, move |_| Ok(Box::new(DynamicsRun::new(recipe, music.len())?.with(music))));
    let trainee = trained(&data, plan, &options.run, &options.output)?;
    let (parts, weights) = trainee.pack(&data)?;
    let card = Card {
        data: corpora(&data),
        recipe: trainee.recipe(),
        ..Card::new("Dynamics", data.genres().into_iter().collect(), parts)
    };
    let mut pack = Pack::new(card, &weights);
    let config = pack.card.parts.dynamics.context("the run has no dynamics")?;
    let measured = measure::measure(&config, &pack.weights.part(Role::Dynamics), &data)?;
    pack.card.metrics = measured.metrics();
    pack.write(&options.output)?;
    Ok((Pack::read(&options.output)?, measured))
}
