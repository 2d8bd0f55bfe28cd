//! The options of `train-pair`, and what they give with a preset's recipe.

use anyhow::Result;

use super::preset::epochs;
use super::{
    Adversarial, CycleKind, Model, NetworkKind, NoiseKind, Padding, PairOptions, Preset, SpectralNorm,
};

/// The command line's options: what is not given comes from the preset.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct PairArguments {
    /// The two genres A,B. By default the dataset's, where it has exactly two.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub pair: Vec<String>,
    /// Where the defaults of all other options come from. Where an option's text names papers only,
    /// papers-2019 and pytorch have the same. [default: ours]
    #[arg(long, value_enum, default_value = "ours", hide_default_value = true)]
    pub preset: Preset,
    /// base: one discriminator a genre. partial and full: one more for each that also knows music of both
    /// genres of the pair, or of all genres of the dataset. The first paper prefers full by ear; its S_tot
    /// prefers partial in two of three pairs. [papers and ours: base, as the code; papers-2019 and pytorch:
    /// full]
    #[arg(long, value_enum)]
    pub model: Option<Model>,
    /// compact: this project's small networks. papers: theirs, 12.55 M parameters a generator.
    /// [ours: compact; others: papers]
    #[arg(long, value_enum)]
    pub network: Option<NetworkKind>,
    /// Channels: of the compact generator's blocks, or of the papers' first layer (a quarter of their
    /// blocks'). [all presets: 64]
    #[arg(long)]
    pub width: Option<usize>,
    /// Residual blocks of a generator. [papers' network: 10; compact: 6]
    #[arg(long)]
    pub blocks: Option<usize>,
    /// Spectral norm on all plain convolutions, "SN" of the second paper. It says "all convolution layers";
    /// its code leaves out the transposed ones, and so do we without
    /// --spectral-transposed. Its code lets the gradient pass through the
    /// power iteration and iterates at every use; here it is once a step, without gradient, as Miyato et al.
    /// propose. Given without a value: all, as the paper. [all presets: off, as the first paper]
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    pub spectral_norm: Option<SpectralNorm>,
    /// Whether spectral norm of all networks takes the transposed convolutions in, as the second paper says
    /// and its code does not. [all presets: false]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub spectral_transposed: Option<bool>,
    /// What lies around the images of the papers' networks. [pytorch: zero; others: papers]
    #[arg(long, value_enum)]
    pub padding: Option<Padding>,
    /// Whether instance norms of the papers' networks have a scale and a shift. [pytorch: false; others:
    /// true]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub affine: Option<bool>,
    /// Self-attention, "SA" of the second paper, in generators and discriminators. It then rewrites about all
    /// of a phrase, the paper says. [all presets: false]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub attention: Option<bool>,
    /// Standard deviation of the noise on the discriminators' inputs (sigma_D). The first paper's best is 0
    /// to 1 by model and pair, the second fixes 1, the ports have 0.01. [papers: 1, the code's default;
    /// pytorch: 0.01; ours: 0.1]
    #[arg(long)]
    pub sigma: Option<f64>,
    /// The papers say noise from N(0, sigma); their code takes its absolute values. [papers: absolute; ours:
    /// signed, which does not make every phrase denser]
    #[arg(long, value_enum)]
    pub noise: Option<NoiseKind>,
    /// The code draws one noise tensor a step for all of a step's discriminator inputs, so that it cannot
    /// tell them apart; the papers do not say. [papers: true; ours: false]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub shared_noise: Option<bool>,
    /// Steps whose fakes the pool keeps; 0 for none. The papers do not mention the code's pool of 50.
    /// [all presets: 50]
    #[arg(long)]
    pub pool: Option<usize>,
    /// Whether base has the pool too. The code uses it for partial and full only, the ports always. Without
    /// extra gradients it is all that sets the three models' generators apart. [papers and ours: false;
    /// pytorch: true]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub pool_for_base: Option<bool>,
    /// Weight of the cycle loss. One of the ports counts it twice by mistake: 20. [papers: 10, as all of them
    /// say; pytorch: 20; ours: 10]
    #[arg(long)]
    pub lambda: Option<f64>,
    /// Weight of the extra discriminators of partial and full. [all presets: 1]
    #[arg(long)]
    pub gamma: Option<f64>,
    /// Whether the extra discriminators' judgement reaches the generators. The papers say that they
    /// regularise them; in the code they do not reach them at all. [papers: false, as the code; ours: true,
    /// as the papers' text]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub extra_gradient: Option<bool>,
    /// The cycle loss. The papers and their code have the mean absolute error. [papers: mae; ours:
    /// cross-entropy]
    #[arg(long, value_enum)]
    pub cycle: Option<CycleKind>,
    /// Weight of a sounding cell against a silent one in the cross-entropy: rolls are mostly silence. [all
    /// presets: 1.5]
    #[arg(long)]
    pub positive: Option<f64>,
    /// Whether discriminators and the second generator get the notes that will be played (0 or 1,
    /// straight-through gradient) or soft values, as in the papers and their code, which thresholds at test
    /// time only; two ports forgot even that. [papers: false; ours: true]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub binarise: Option<bool>,
    /// The adversarial loss. The papers write a plain 2-norm, their code has least squares. [papers:
    /// least-squares; ours: hinge]
    #[arg(long, value_enum)]
    pub adversarial: Option<Adversarial>,
    /// Weight of the identity loss: a phrase that already is of the target genre stays. The papers have none.
    /// [papers: 0; ours: 5]
    #[arg(long)]
    pub identity: Option<f64>,
    /// Phrases are transposed at random by up to this many semitones. The papers have no augmentation.
    /// [papers: 0; ours: 5]
    #[arg(long)]
    pub transpose: Option<i32>,
    /// Learning rate of the generators (Adam). 2e-4 in the papers, 2e-3 in two ports. [papers: 2e-4;
    /// pytorch: 2e-3; ours: 4e-4]
    #[arg(long)]
    pub rate: Option<f32>,
    /// Learning rate of the discriminators (Adam). The papers have one rate for all. [papers: 2e-4;
    /// pytorch: 2e-3; ours: 4e-4]
    #[arg(long)]
    pub critic_rate: Option<f32>,
    /// Weight decay: with it Adam is AdamW. [pytorch: 1e-2; others: 0]
    #[arg(long)]
    pub weight_decay: Option<f32>,
    /// Trains each discriminator on the other genre's phrases, a known fault of the PyTorch port: the
    /// generators are then pushed towards where they come from. [all presets: false]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub crossed: Option<bool>,
    /// Lets the pack play every cell over 0 in place of those over a half, a known fault of two ports. [all
    /// presets: false]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub raw_output: Option<bool>,
    /// Samples are of the first so many training phrases of each genre, as in the papers' code; 0: four that
    /// are spread over the validation split. [ours: 0; others: 16]
    #[arg(long, value_name = "N")]
    pub sample_first: Option<usize>,
    /// Adam's decay of the first moment. [all presets: 0.5]
    #[arg(long)]
    pub beta1: Option<f32>,
    /// Adam's decay of the second moment. [all presets: 0.999]
    #[arg(long)]
    pub beta2: Option<f32>,
    /// Share of the training after which the rates fall linearly to 0. The code has epoch 10 of 100; the
    /// first paper's table is "after 20 epochs", the ports train 10 to 30. [papers: 0.1; pytorch:
    /// 1; ours: 0.75]
    #[arg(long)]
    pub decay_from: Option<f64>,
    /// Phrases of each genre a step. 16 in the papers, 2 to 4 in the ports. [papers and ours: 16; pytorch: 2]
    #[arg(long)]
    pub batch: Option<usize>,
    /// Training steps. [papers: 100 epochs, an epoch being the smaller genre's phrases once; pytorch: 30
    /// epochs; ours: 6000 steps]
    #[arg(long, conflicts_with = "epochs")]
    pub steps: Option<u64>,
    /// Training epochs, instead of steps.
    #[arg(long)]
    pub epochs: Option<u64>,
    /// Seed of everything random. [all presets: 1]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Share of the newest weights in the moving average that is exported; 0 exports the last weights, as the
    /// papers do. [papers: 0; ours: 0.005]
    #[arg(long)]
    pub average: Option<f32>,
    /// Cut the larger genre to the size of the smaller, once for the whole run. Without it every epoch draws
    /// as many from the larger as the smaller has. [papers: true; ours: false]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub balance: Option<bool>,
}

impl PairArguments {
    /// The recipe of the preset, with what was given in its place. `phrases`: training phrases of the smaller
    /// genre.
    ///
    /// # Errors
    /// In one sentence, when an option is out of its range.
    pub fn resolve(&self, pair: [String; 2], phrases: usize) -> Result<PairOptions> {
        let preset = PairOptions::preset(self.preset, pair, phrases);
        let network = self.network.unwrap_or(preset.network);
        let blocks = match network {
            NetworkKind::Papers => 10,
            NetworkKind::Compact => 6,
        };
        let batch = self.batch.unwrap_or(preset.batch);
        // So many epochs are more steps where batches are smaller.
        let usual = self.preset.epochs().map_or(preset.steps, |count| epochs(count, phrases, batch));
        let steps = self.steps.or(self.epochs.map(|count| epochs(count, phrases, batch))).unwrap_or(usual);
        // A field that is named nowhere here does not compile.
        macro_rules! options {
            ($($given:ident)*) => {
                PairOptions {
                    pair: preset.pair,
                    network,
                    blocks: self.blocks.unwrap_or(blocks),
                    batch,
                    steps,
                    $($given: self.$given.unwrap_or(preset.$given),)*
                }
            };
        }
        let options = options! {
            model width spectral_norm attention spectral_transposed padding affine weight_decay crossed
            raw_output sample_first sigma noise shared_noise pool pool_for_base lambda gamma extra_gradient
            cycle positive binarise adversarial identity transpose rate critic_rate beta1 beta2 decay_from
            seed average balance
        };
        options.check()?;
        Ok(options)
    }
}
