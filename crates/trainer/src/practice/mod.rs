//! Practice: a pack plays its training songs in the other genres, every phrase several times, and what came
//! out best is kept, for the pack to learn from (`train --from PACK --practice FILE`).
//!
//! Likelihood teaches a genre's own phrases; nobody has the same song in two genres. So a transfer is never
//! shown what it is used for. Here it is: its own best answers are the songs' versions. The idea is that of
//! expert iteration (Anthony, Tian and Barber, *Thinking Fast and Slow with Deep Learning and Tree Search*,
//! 2017) and of best-of-n self-training (Gulcehre et al., *Reinforced Self-Training*, 2023); the judges of an
//! evaluation take no part in it.

mod mark;
mod play;
mod song;
pub mod textures;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use model::Pack;
use phrase::{Roll, STEPS};

use crate::dataset::{Dataset, GenreInfo, Info, Item, Split};
use crate::evaluate::judge::{Judge, places};
use crate::evaluate::limited;
use mark::Mark;
use play::{Players, Stretch};
use song::Answers;

/// What is played, and how often.
#[derive(Clone, Debug, clap::Args)]
pub struct PracticeOptions {
    /// The pack that plays.
    pub pack: PathBuf,
    /// The dataset that it was trained on; its training songs are played.
    pub dataset: PathBuf,
    /// The dataset of answers to write.
    #[arg(short, long)]
    pub output: PathBuf,
    /// How often each phrase is played; the best try is kept.
    #[arg(long, default_value_t = 6)]
    pub tries: u32,
    /// About so many phrases of each direction, of whole songs drawn at random (always the same); 0 for all.
    #[arg(long, default_value_t = 4000)]
    pub limit: usize,
    /// How it is played.
    #[command(flatten)]
    pub playing: PlayingOptions,
}

/// How songs are played, and who hears them besides the pack's classifier and a regression on features.
#[derive(Clone, Debug, clap::Args)]
pub struct PlayingOptions {
    /// Amount in per cent.
    #[arg(long, default_value_t = 75)]
    pub amount: u32,
    /// A classifier that `classify` trained, of another build: it hears too. Can be repeated.
    #[arg(long, value_name = "CLASSIFIER")]
    pub ear: Vec<PathBuf>,
    /// Worker threads; the numbers do not depend on them.
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
}

/// A pack before its songs.
struct Ready {
    pack: Pack,
    data: Dataset,
    genres: Vec<String>,
    /// The pack's genres in the dataset.
    slots: Vec<usize>,
    judges: Vec<Judge>,
}

impl PlayingOptions {
    /// Reads what is played, and by whom.
    fn ready(&self, pack_file: &Path, dataset: &Path) -> Result<Ready> {
        let (pack, data) = (Pack::read(pack_file)?, Dataset::read(dataset)?);
        let amount = self.amount;
        ensure!((1..=100).contains(&amount), "the amount is {amount} % where 1 to 100 are possible");
        ensure!(
            pack.card.parts.transfer.is_some() && pack.card.parts.classifier.is_some(),
            "{}: only a pack with a transfer and a classifier can practise",
            pack_file.display()
        );
        ensure!(
            data.has_notes(),
            "{}: practice needs the songs' notes; prepare the dataset anew",
            dataset.display()
        );
        let genres = pack.card.genres.clone();
        let slots = places(&data.genres(), &genres).context("the dataset does not fit the pack")?;
        let mut judges = vec![Judge::own(genres.len()), Judge::features(&data, &genres)?];
        for file in &self.ear {
            judges.push(Judge::read(file, &genres, "--ear")?);
        }
        Ok(Ready { pack, data, genres, slots, judges })
    }
}

/// What came of it: of each direction the mean mark of all tries and of those that were kept.
#[derive(Clone, Debug)]
pub struct Practised {
    /// From, to, phrases, all tries, kept ones.
    pub directions: Vec<(String, String, usize, Mark, Mark)>,
}

/// Plays, and writes the answers as a dataset: songs of the genres that they were played in, each named as a
/// version of its song.
///
/// # Errors
/// When a file cannot be used, or the dataset lacks a genre of the pack.
pub fn practise(options: &PracticeOptions) -> Result<Practised> {
    ensure!(options.tries > 0, "--tries 0 plays nothing; give 1 or more");
    let PlayingOptions { amount, threads, .. } = options.playing;
    let Ready { pack, data, genres, slots, judges } =
        options.playing.ready(&options.pack, &options.dataset)?;
    let whole: Vec<Vec<Item>> = slots.iter().map(|&slot| phrases(&data, slot, options.limit)).collect();
    let players = Players { pack: &pack, judges: &judges, amount, threads };
    let mut stretches = Stretch::all(&whole);
    players.lean(&mut stretches, &whole)?;
    let kept = players.play(&stretches.iter().collect::<Vec<_>>(), options.tries)?;

    let mut answers = Answers::new(&data);
    let mut directions = Vec::new();
    for source in 0..genres.len() {
        for target in (0..genres.len()).filter(|&target| target != source) {
            let mut marks = [Mark::default(); 2];
            let mut count = 0;
            for (stretch, kept) in stretches.iter().zip(&kept) {
                if (stretch.source, stretch.target) != (source, target) {
                    continue;
                }
                for best in kept {
                    marks[0].add(&best.mean);
                    marks[1].add(&best.mark);
                }
                count += kept.len();
                let rolls: Vec<Roll> = kept.iter().map(|best| best.roll).collect();
                answers.add((slots[source], slots[target]), stretch.phrases, &rolls);
            }
            let [all, kept] = marks.map(|mark| mark.over(count as f64));
            directions.push((genres[source].clone(), genres[target].clone(), count, all, kept));
        }
    }
    let genre = |name: &String| GenreInfo { name: name.clone(), ..GenreInfo::default() };
    let info = Info { genres: data.genres().iter().map(genre).collect(), options: data.info.options.clone() };
    answers.dataset(info).write(&options.output)?;
    Ok(Practised { directions })
}

/// The training phrases of a genre from four bars to four bars, in order, of whole songs.
fn phrases(data: &Dataset, slot: usize, limit: usize) -> Vec<Item> {
    let every = |item: &&Item| item.at.by == 0 && item.at.start.is_multiple_of(STEPS as u32);
    let mut all: Vec<Item> = data.split(slot, Split::Train).iter().filter(every).copied().collect();
    all.sort_by_key(|item| (item.song, item.at.section, item.at.start));
    limited::songs(all, limit, |item| item.song)
}

impl std::fmt::Display for Practised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:<28}{:>8} {}", "mean of all tries > kept", "phrases", Mark::NAMES.join("  "))?;
        for (from, to, phrases, all, kept) in &self.directions {
            writeln!(
                f,
                "  {:<26}{phrases:>8} {}",
                format!("{from} -> {to}"),
                Mark::compared(&[*all, *kept])
            )?;
        }
        Ok(())
    }
}
