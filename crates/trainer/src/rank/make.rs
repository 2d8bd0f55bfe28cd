//! Numbered answers in random order, and a form.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use model::Pack;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{Competitor, FORM, KEY, Key, Place};
use crate::dataset::{Dataset, Split, write_whole};
use crate::evaluate::files::song;
use crate::evaluate::{EvaluateOptions, Evaluation, evaluate};
use crate::random;

/// What is to be ranked.
#[derive(Clone, Debug, clap::Args)]
pub struct MakeOptions {
    /// The dataset that the phrases are of.
    pub dataset: PathBuf,
    /// The packs, two or more, that all have the pair's genres.
    #[arg(required = true, num_args = 2.., value_name = "PACK")]
    pub packs: Vec<PathBuf>,
    /// The folder to write, which must be empty.
    #[arg(short, long)]
    pub output: PathBuf,
    /// The two genres. [default: the first pack's first two]
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub pair: Option<Vec<String>>,
    /// Snippets, half of them in each direction. The paper's listeners had 8.
    #[arg(long, default_value_t = 8)]
    pub snippets: usize,
    /// Which songs.
    #[arg(long, value_enum, default_value = "test")]
    pub split: Split,
    /// Amount in per cent.
    #[arg(long, default_value_t = 100)]
    pub amount: u32,
    /// S_tot by this classifier (of `classify`, or a pack's) for all packs. [default: each pack's own]
    #[arg(long, value_name = "FILE")]
    pub classifier: Option<PathBuf>,
    /// Phrases of each genre of which S_tot is measured and snippets are drawn; 0 for all.
    #[arg(long, default_value_t = 200)]
    pub limit: usize,
    /// Seed of what is drawn.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Worker threads.
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
}

/// Writes the answers, the form and the key.
///
/// # Errors
/// When a pack or the dataset cannot be read or lacks a genre, or a file cannot be written.
pub fn make(options: &MakeOptions) -> Result<Key> {
    let folder = &options.output;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: the folder could not be made", folder.display()))?;
    let empty = std::fs::read_dir(folder).is_ok_and(|mut inside| inside.next().is_none());
    ensure!(empty, "{}: the folder is not empty; choose another", folder.display());
    let data = Dataset::read(&options.dataset)?;
    let packs = options.packs.iter().map(|path| Ok(Pack::read(path)?)).collect::<Result<Vec<_>>>()?;
    let first = || packs[0].card.genres.iter().take(2).cloned().collect();
    let pair: [String; 2] =
        options.pair.clone().unwrap_or_else(first).try_into().map_err(|names: Vec<_>| {
            anyhow::anyhow!("--pair names {}; give two genres as A,B", names.join(", "))
        })?;
    let directions = [pair.clone(), [pair[1].clone(), pair[0].clone()]];
    let measured: Vec<Evaluation> = packs
        .iter()
        .zip(&options.packs)
        .map(|(pack, path)| {
            let asked = EvaluateOptions {
                split: options.split,
                limit: options.limit,
                amount: options.amount,
                directions: directions.to_vec(),
                classifier: options.classifier.clone(),
                no_features: true,
                threads: options.threads,
                ..EvaluateOptions::default()
            };
            evaluate(pack, &data, &asked).with_context(|| format!("{}: it cannot be ranked", path.display()))
        })
        .collect::<Result<_>>()?;
    let key = Key {
        packs: options.packs.iter().zip(&measured).map(|(path, e)| competitor(path, e)).collect(),
        answers: answers(&measured, &directions, options)?,
    };
    let mut form = csv::Writer::from_writer(Vec::new());
    form.write_record(["snippet", "file", "retention", "quality"])?;
    for Place { snippet, file, .. } in &key.answers {
        form.write_record([&snippet.to_string(), file.as_str(), "", ""])?;
    }
    write_whole(&folder.join(FORM), &form.into_inner()?)?;
    write_whole(&folder.join(KEY), &serde_json::to_vec_pretty(&key)?)?;
    Ok(key)
}

fn competitor(path: &Path, e: &Evaluation) -> Competitor {
    let changes: Vec<f64> = e.directions.iter().map(|d| d.effect.total.mean).collect();
    Competitor {
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        strength: e.pairs().first().map_or(f64::NAN, |&(a, b)| e.total(a, b, 0)),
        change: changes.iter().sum::<f64>() / changes.len().max(1) as f64,
    }
}

/// Draws snippets, direction by direction, and writes each pack's answer to them in an order of their own.
fn answers(
    measured: &[Evaluation],
    directions: &[[String; 2]; 2],
    options: &MakeOptions,
) -> Result<Vec<Place>> {
    let mut rng = random::stream(options.seed, 0);
    let mut drawn: Vec<Vec<usize>> = Vec::new();
    for names in directions {
        let phrases = &direction(&measured[0], names)?.phrases;
        let mut places: Vec<usize> =
            (0..phrases.len()).filter(|&i| !phrases[i].rolls[0].is_empty()).collect();
        places.shuffle(&mut rng);
        drawn.push(places);
    }
    let mut all = Vec::new();
    for snippet in 1..=options.snippets {
        let way = (snippet - 1) % 2;
        let phrase = drawn[way].get((snippet - 1) / 2).with_context(|| {
            format!("there are not {} phrases to rank; give fewer --snippets", options.snippets)
        })?;
        all.extend(one(snippet, *phrase, &directions[way], measured, &mut rng, &options.output)?);
    }
    Ok(all)
}

fn one(
    snippet: usize,
    phrase: usize,
    names: &[String; 2],
    measured: &[Evaluation],
    rng: &mut ChaCha8Rng,
    folder: &Path,
) -> Result<Vec<Place>> {
    let mut order: Vec<usize> = (0..measured.len()).collect();
    order.shuffle(rng);
    let mut places = Vec::new();
    for (number, pack) in (1..).zip(order) {
        let answer = &direction(&measured[pack], names)?.phrases[phrase];
        if number == 1 {
            song(&answer.rolls[..1]).write(&folder.join(format!("{snippet:02}-origin.mid")))?;
        }
        let file = format!("{snippet:02}-{number}.mid");
        song(&answer.rolls[1..2]).write(&folder.join(&file))?;
        places.push(Place { snippet, file, pack, change: answer.effect.total });
    }
    Ok(places)
}

/// The direction of these names.
fn direction<'a>(e: &'a Evaluation, [from, to]: &[String; 2]) -> Result<&'a crate::evaluate::Direction> {
    let named = |d: &&crate::evaluate::Direction| e.genres[d.pair.0] == *from && e.genres[d.pair.1] == *to;
    e.directions.iter().find(named).with_context(|| format!("there is no direction {from} to {to}"))
}
