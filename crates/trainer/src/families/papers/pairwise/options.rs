//! What decides the numbers of a pairwise run: four recipes, and every choice on which paper, text and public
//! code of the CycleGAN papers (Brunner et al., 2018 and 2019) differ.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// Which recipe the options that are not given come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// What the papers' public code does: full-size network, least squares, soft outputs, fake pool, 100
    /// epochs.
    Papers,
    /// The second paper on the same code: full, sigma 1. Its SN and SA are --spectral-norm and --attention.
    #[value(name = "papers-2019")]
    Papers2019,
    /// The public PyTorch port that a later report reproduced the papers with: full, cycles counted twice,
    /// AdamW at ten times the rate, batch 2, 30 epochs, no decay of the rate, zeros around convolutions,
    /// norms without scale and shift. Its faults are --crossed and --raw-output, and off.
    Pytorch,
    /// What trained best on two cores (docs/results.md).
    #[default]
    Ours,
}

impl Preset {
    /// Epochs that it trains; none where it counts steps.
    fn epochs(self) -> Option<u64> {
        match self {
            Self::Papers | Self::Papers2019 => Some(100),
            Self::Pytorch => Some(30),
            Self::Ours => None,
        }
    }
}

/// The three models of the first paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// One discriminator a genre.
    Base,
    /// Two more, whose real phrases are of both genres of the pair.
    Partial,
    /// Two more, whose real phrases are of all genres of the dataset.
    Full,
}

/// Which networks are trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkKind {
    /// This project's small generator and discriminator.
    Compact,
    /// Those of the papers.
    Papers,
}

/// Which networks have spectrally normalised weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum SpectralNorm {
    /// None.
    Off,
    /// The discriminators only.
    Discriminators,
    /// Generators and discriminators.
    All,
}

/// What lies around the images that the papers' networks convolve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Padding {
    /// Mirrored edges, and zeros as TensorFlow's "SAME" puts them where the size is halved or doubled.
    #[default]
    Papers,
    /// Zeros, as many on each side.
    Zero,
}

/// The distribution of the noise on the discriminators' inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseKind {
    /// Absolute values of normal draws.
    Absolute,
    /// Normal draws.
    Signed,
}

/// How a phrase that came back is compared with the phrase that left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum CycleKind {
    /// Mean absolute error of the probabilities.
    Mae,
    /// Binary cross-entropy of the logits.
    CrossEntropy,
}

/// The adversarial loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Adversarial {
    /// Squared distance to 1 (real) or 0 (fake).
    LeastSquares,
    /// Hinge at +1 (real) and -1 (fake).
    Hinge,
}

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

/// Everything that decides the numbers of a pairwise run, nothing left open. The fields are explained at
/// [`PairArguments`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct PairOptions {
    pub pair: [String; 2],
    pub model: Model,
    pub network: NetworkKind,
    pub width: usize,
    pub blocks: usize,
    pub spectral_norm: SpectralNorm,
    pub attention: bool,
    #[serde(default)]
    pub spectral_transposed: bool,
    #[serde(default)]
    pub padding: Padding,
    #[serde(default = "yes")]
    pub affine: bool,
    #[serde(default)]
    pub weight_decay: f32,
    #[serde(default)]
    pub crossed: bool,
    #[serde(default)]
    pub raw_output: bool,
    #[serde(default)]
    pub sample_first: usize,
    pub sigma: f64,
    pub noise: NoiseKind,
    pub shared_noise: bool,
    pub pool: usize,
    pub pool_for_base: bool,
    pub lambda: f64,
    pub gamma: f64,
    pub extra_gradient: bool,
    pub cycle: CycleKind,
    pub positive: f64,
    pub binarise: bool,
    pub adversarial: Adversarial,
    pub identity: f64,
    pub transpose: i32,
    pub rate: f32,
    pub critic_rate: f32,
    pub beta1: f32,
    pub beta2: f32,
    pub decay_from: f64,
    pub batch: usize,
    pub steps: u64,
    pub seed: u64,
    pub average: f32,
    pub balance: bool,
}

/// What checkpoints of before mean.
fn yes() -> bool {
    true
}

impl PairOptions {
    /// A preset's recipe for a pair whose smaller genre has `phrases` training phrases.
    pub fn preset(preset: Preset, pair: [String; 2], phrases: usize) -> Self {
        let papers = Self {
            pair,
            model: Model::Base,
            network: NetworkKind::Papers,
            width: 64,
            blocks: 10,
            spectral_norm: SpectralNorm::Off,
            attention: false,
            spectral_transposed: false,
            padding: Padding::Papers,
            affine: true,
            weight_decay: 0.0,
            crossed: false,
            raw_output: false,
            sample_first: 16,
            sigma: 1.0,
            noise: NoiseKind::Absolute,
            shared_noise: true,
            pool: 50,
            pool_for_base: false,
            lambda: 10.0,
            gamma: 1.0,
            extra_gradient: false,
            cycle: CycleKind::Mae,
            positive: 1.5,
            binarise: false,
            adversarial: Adversarial::LeastSquares,
            identity: 0.0,
            transpose: 0,
            rate: 2e-4,
            critic_rate: 2e-4,
            beta1: 0.5,
            beta2: 0.999,
            decay_from: 0.1,
            batch: 16,
            steps: epochs(100, phrases, 16),
            seed: 1,
            average: 0.0,
            balance: true,
        };
        match preset {
            Preset::Papers => papers,
            Preset::Papers2019 => Self { model: Model::Full, ..papers },
            Preset::Pytorch => Self {
                model: Model::Full,
                sigma: 0.01,
                pool_for_base: true,
                lambda: 20.0,
                padding: Padding::Zero,
                affine: false,
                rate: 2e-3,
                critic_rate: 2e-3,
                weight_decay: 1e-2,
                decay_from: 1.0,
                batch: 2,
                steps: epochs(30, phrases, 2),
                ..papers
            },
            Preset::Ours => Self {
                sample_first: 0,
                network: NetworkKind::Compact,
                blocks: 6,
                sigma: 0.1,
                noise: NoiseKind::Signed,
                shared_noise: false,
                extra_gradient: true,
                cycle: CycleKind::CrossEntropy,
                binarise: true,
                adversarial: Adversarial::Hinge,
                identity: 5.0,
                transpose: 5,
                rate: 4e-4,
                critic_rate: 4e-4,
                decay_from: 0.75,
                steps: 6000,
                average: 0.005,
                balance: false,
                ..papers
            },
        }
    }

    /// Whether the discriminators learn from pooled fakes.
    pub fn pooled(&self) -> bool {
        self.pool > 0 && (self.model != Model::Base || self.pool_for_base)
    }
}

/// Steps of `epochs` epochs of `phrases` phrases in batches of `batch`, whole batches only.
fn epochs(epochs: u64, phrases: usize, batch: usize) -> u64 {
    epochs * (phrases / batch.max(1)).max(1) as u64
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
        let options = PairOptions {
            pair: preset.pair,
            model: self.model.unwrap_or(preset.model),
            network,
            width: self.width.unwrap_or(preset.width),
            blocks: self.blocks.unwrap_or(blocks),
            spectral_norm: self.spectral_norm.unwrap_or(preset.spectral_norm),
            attention: self.attention.unwrap_or(preset.attention),
            spectral_transposed: self.spectral_transposed.unwrap_or(preset.spectral_transposed),
            padding: self.padding.unwrap_or(preset.padding),
            affine: self.affine.unwrap_or(preset.affine),
            weight_decay: self.weight_decay.unwrap_or(preset.weight_decay),
            crossed: self.crossed.unwrap_or(preset.crossed),
            raw_output: self.raw_output.unwrap_or(preset.raw_output),
            sample_first: self.sample_first.unwrap_or(preset.sample_first),
            sigma: self.sigma.unwrap_or(preset.sigma),
            noise: self.noise.unwrap_or(preset.noise),
            shared_noise: self.shared_noise.unwrap_or(preset.shared_noise),
            pool: self.pool.unwrap_or(preset.pool),
            pool_for_base: self.pool_for_base.unwrap_or(preset.pool_for_base),
            lambda: self.lambda.unwrap_or(preset.lambda),
            gamma: self.gamma.unwrap_or(preset.gamma),
            extra_gradient: self.extra_gradient.unwrap_or(preset.extra_gradient),
            cycle: self.cycle.unwrap_or(preset.cycle),
            positive: self.positive.unwrap_or(preset.positive),
            binarise: self.binarise.unwrap_or(preset.binarise),
            adversarial: self.adversarial.unwrap_or(preset.adversarial),
            identity: self.identity.unwrap_or(preset.identity),
            transpose: self.transpose.unwrap_or(preset.transpose),
            rate: self.rate.unwrap_or(preset.rate),
            critic_rate: self.critic_rate.unwrap_or(preset.critic_rate),
            beta1: self.beta1.unwrap_or(preset.beta1),
            beta2: self.beta2.unwrap_or(preset.beta2),
            decay_from: self.decay_from.unwrap_or(preset.decay_from),
            batch,
            steps,
            seed: self.seed.unwrap_or(preset.seed),
            average: self.average.unwrap_or(preset.average),
            balance: self.balance.unwrap_or(preset.balance),
        };
        options.check()?;
        Ok(options)
    }
}

impl PairOptions {
    /// One sentence for the first option that is out of its range.
    pub fn check(&self) -> Result<()> {
        ensure!(
            self.pair[0] != self.pair[1],
            "--pair names {} twice; give two different genres",
            self.pair[0]
        );
        ensure!(
            self.batch >= 2 && self.batch.is_multiple_of(2),
            "--batch is {} where an even number, 2 or more, is needed",
            self.batch
        );
        ensure!(self.steps > 0, "--steps is 0; give at least 1");
        ensure!(self.width > 0 && self.blocks > 0, "--width and --blocks must be 1 or more");
        ensure!((0..=11).contains(&self.transpose), "--transpose is {}; give 0 to 11", self.transpose);
        let weights = [self.sigma, self.lambda, self.gamma, self.positive, self.identity];
        ensure!(
            weights.iter().all(|x| x.is_finite() && *x >= 0.0),
            "--sigma, --lambda, --gamma, --positive and --identity must be 0 or more"
        );
        let shares = [self.decay_from, self.average.into(), self.beta1.into(), self.beta2.into()];
        ensure!(
            shares.iter().all(|x| (0.0..=1.0).contains(x)) && self.beta1 < 1.0 && self.beta2 < 1.0,
            "--decay-from and --average must lie between 0 and 1, --beta1 and --beta2 below 1"
        );
        ensure!(
            self.weight_decay.is_finite() && self.weight_decay >= 0.0,
            "--weight-decay is {}; give 0 or more",
            self.weight_decay
        );
        ensure!(
            !self.spectral_transposed || self.spectral_norm == SpectralNorm::All,
            "--spectral-transposed needs --spectral-norm"
        );
        let rates = [self.rate, self.critic_rate];
        ensure!(
            rates.iter().all(|x| x.is_finite() && *x > 0.0),
            "--rate and --critic-rate must be greater than 0"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: PairArguments,
    }

    fn parse(line: &str) -> Result<PairOptions> {
        let words = std::iter::once("train-pair").chain(line.split_whitespace());
        let Line { arguments } = Line::try_parse_from(words)?;
        let pair = arguments.pair.clone().try_into().unwrap_or(["a".to_string(), "b".to_string()]);
        arguments.resolve(pair, 1000)
    }

    #[test]
    fn the_papers_preset_is_their_code() {
        let o = parse("--pair jazz,classic --preset papers").unwrap();
        assert_eq!(o.pair, ["jazz", "classic"]);
        assert_eq!((o.network, o.width, o.blocks, o.batch), (NetworkKind::Papers, 64, 10, 16));
        assert_eq!((o.lambda, o.gamma, o.sigma, o.identity), (10.0, 1.0, 1.0, 0.0));
        assert_eq!((o.rate, o.critic_rate, o.beta1, o.beta2), (2e-4, 2e-4, 0.5, 0.999));
        assert_eq!((o.noise, o.shared_noise), (NoiseKind::Absolute, true));
        assert_eq!((o.cycle, o.adversarial), (CycleKind::Mae, Adversarial::LeastSquares));
        assert_eq!((o.binarise, o.extra_gradient, o.average, o.transpose), (false, false, 0.0, 0));
        // 1000 phrases are 62 whole batches of 16.
        assert_eq!((o.steps, o.decay_from), (6200, 0.1));
        assert!(!o.pooled() && PairOptions { model: Model::Partial, ..o.clone() }.pooled());
        assert!(PairOptions { pool_for_base: true, ..o }.pooled());
    }

    #[test]
    fn the_second_papers_preset_is_the_code_with_the_full_model() {
        let (second, first) = (parse("--preset papers-2019").unwrap(), parse("--preset papers --model full"));
        assert_eq!(second, first.unwrap());
        assert_eq!((second.sigma, second.spectral_norm, second.attention), (1.0, SpectralNorm::Off, false));
        let both = parse("--preset papers-2019 --spectral-norm --attention --spectral-transposed").unwrap();
        assert!(both.attention && both.spectral_transposed && both.spectral_norm == SpectralNorm::All);
        assert!(parse("--spectral-transposed").unwrap_err().to_string().contains("--spectral-norm"));
    }

    #[test]
    fn the_pytorch_preset_is_the_port_without_its_faults() {
        let o = parse("--preset pytorch").unwrap();
        assert_eq!((o.model, o.network, o.lambda, o.sigma), (Model::Full, NetworkKind::Papers, 20.0, 0.01));
        assert_eq!((o.rate, o.critic_rate, o.weight_decay, o.batch), (2e-3, 2e-3, 1e-2, 2));
        assert_eq!((o.padding, o.affine, o.decay_from), (Padding::Zero, false, 1.0));
        // 30 epochs of 500 batches.
        assert_eq!((o.steps, o.sample_first), (15_000, 16));
        assert!(o.pooled() && PairOptions { model: Model::Base, ..o.clone() }.pooled());
        assert!(!o.crossed && !o.raw_output && !o.binarise);
        let faults = parse("--preset pytorch --crossed --raw-output --batch 4").unwrap();
        assert!(faults.crossed && faults.raw_output && faults.steps == 7_500);
    }

    /// As a run of before these options wrote them.
    #[test]
    fn checkpoints_of_before_mean_what_they_meant() {
        let options = parse("--preset ours").unwrap();
        let mut header = serde_json::to_value(&options).unwrap();
        let fields = header.as_object_mut().unwrap();
        for name in [
            "spectral_transposed",
            "padding",
            "affine",
            "weight_decay",
            "crossed",
            "raw_output",
            "sample_first",
        ] {
            assert!(fields.remove(name).is_some(), "{name}");
        }
        assert_eq!(serde_json::from_value::<PairOptions>(header).unwrap(), options);
    }

    #[test]
    fn what_is_given_wins_over_the_preset() {
        let o = parse(
            "--preset papers --network compact --sigma 0 --extra-gradient --binarise=true --epochs 2 \
             --spectral-norm",
        )
        .unwrap();
        assert_eq!((o.network, o.blocks, o.sigma), (NetworkKind::Compact, 6, 0.0));
        assert_eq!((o.extra_gradient, o.binarise, o.steps), (true, true, 124));
        assert_eq!(o.spectral_norm, SpectralNorm::All);
        assert_eq!(
            parse("--spectral-norm=discriminators").unwrap().spectral_norm,
            SpectralNorm::Discriminators
        );
        assert!(!parse("--binarise=false").unwrap().binarise);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (line, name) in [
            ("--pair a,a", "--pair"),
            ("--batch 3", "--batch"),
            ("--steps 0", "--steps"),
            ("--rate 0", "--rate"),
            ("--sigma -1", "--sigma"),
            ("--beta2 1", "--beta2"),
            ("--transpose 12", "--transpose"),
        ] {
            let line = line.replace("-1", "=-1").replace(" =", "=");
            let error = parse(&line).unwrap_err().to_string();
            assert!(error.contains(name), "{line}: {error}");
        }
    }
}
