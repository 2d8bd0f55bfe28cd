//! Practice: a pack plays its training songs in the other genres, every phrase several times, and what came
//! out best is kept, for the pack to learn from (`train --from PACK --practice FILE`).
//!
//! Likelihood teaches a genre's own phrases; nobody has the same song in two genres. So a transfer is never
//! shown what it is used for. Here it is: its own best answers are the songs' versions. The idea is that of
//! expert iteration (Anthony, Tian and Barber, *Thinking Fast and Slow with Deep Learning and Tree Search*,
//! 2017) and of best-of-n self-training (Gulcehre et al., *Reinforced Self-Training*, 2023); the judges of an
//! evaluation take no part in it.

mod mark;
mod song;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use model::{Answer, Context as Around, LoadedPack, Pack, Past, Settings};
use phrase::{Phrase, Roll, STEPS};

use crate::dataset::{Dataset, GenreInfo, Info, Item, Split};
use crate::evaluate::judge::{Judge, places};
use crate::evaluate::limited;
use crate::evaluate::play::{over_threads, played};
use mark::{Habit, Mark};
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
    /// Amount in per cent.
    #[arg(long, default_value_t = 75)]
    pub amount: u32,
    /// About so many phrases of each direction, of whole songs drawn at random (always the same); 0 for all.
    #[arg(long, default_value_t = 4000)]
    pub limit: usize,
    /// Worker threads; the numbers do not depend on them.
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
}

/// What came of it: of each direction the mean mark of all tries and of those that were kept.
#[derive(Clone, Debug)]
pub struct Practised {
    /// From, to, phrases, all tries, kept ones.
    pub directions: Vec<(String, String, usize, Mark, Mark)>,
}

/// A stretch of a song, phrase after phrase, that is played in another genre.
struct Stretch<'a> {
    source: usize,
    target: usize,
    phrases: &'a [Item],
}

/// Plays, and writes the answers as a dataset: songs of the genres that they were played in, each named as a
/// version of its song.
///
/// # Errors
/// When a file cannot be used, or the dataset lacks a genre of the pack.
pub fn practise(options: &PracticeOptions) -> Result<Practised> {
    let data = Dataset::read(&options.dataset)?;
    let pack = Pack::read(&options.pack)?;
    let shown = options.pack.display();
    ensure!(options.tries > 0, "--tries 0 plays nothing; give 1 or more");
    ensure!(
        (1..=100).contains(&options.amount),
        "the amount is {} % where 1 to 100 are possible",
        options.amount
    );
    ensure!(
        pack.card.parts.transfer.is_some() && pack.card.parts.classifier.is_some(),
        "{shown}: only a pack with a transfer and a classifier can practise"
    );
    ensure!(
        data.has_notes(),
        "{}: practice needs the songs' notes; prepare the dataset anew",
        options.dataset.display()
    );
    let genres = pack.card.genres.clone();
    let slots = places(&data.genres(), &genres).context("the dataset does not fit the pack")?;
    let judges = [Judge::own(genres.len()), Judge::features(&data, &genres)?];
    let habits: Vec<Habit> = slots.iter().map(|&slot| Habit::of(data.split(slot, Split::Train))).collect();

    let whole: Vec<Vec<Item>> = slots.iter().map(|&slot| phrases(&data, slot, options.limit)).collect();
    let mut stretches = Vec::new();
    for (source, items) in whole.iter().enumerate() {
        for phrases in items.chunk_by(|before, item| item.follows(before)) {
            let to = (0..genres.len()).filter(|&target| target != source);
            stretches.extend(to.map(|target| Stretch { source, target, phrases }));
        }
    }
    let bar = ProgressBar::new(stretches.iter().map(|stretch| stretch.phrases.len() as u64).sum());
    let kept = over_threads(
        stretches.len(),
        options.threads,
        || Ok(LoadedPack::new(&pack)?),
        |pack, index| {
            let stretch = &stretches[index];
            let kept = play(pack, stretch, &judges, &habits[stretch.target], options);
            bar.inc(stretch.phrases.len() as u64);
            kept
        },
    )?;
    bar.finish_and_clear();

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

/// A phrase's best answer.
struct Best {
    roll: Roll,
    mark: Mark,
    /// Of all tries.
    mean: Mark,
}

fn play(
    pack: &mut LoadedPack,
    stretch: &Stretch,
    judges: &[Judge],
    habit: &Habit,
    options: &PracticeOptions,
) -> Result<Vec<Best>> {
    let (mut past, mut before) = (Past::default(), None);
    let mut all = Vec::new();
    for item in stretch.phrases {
        let input = Phrase::of_roll(&item.roll, item.at.start.into(), 120.0, 0.8);
        let around = Around { before: past.before(), ..Around::default() };
        let (mut best, mut mean): (Option<(Mark, Roll, Roll)>, Mark) = Default::default();
        for seed in 0..options.tries {
            let settings = Settings {
                source: Some(stretch.source as u8),
                amount: options.amount as f32 / 100.0,
                variation: 1.0,
                seed,
                // The tune stays where it is: the plug-in phrases it before the network hears of it.
                phrased: false,
                ..Settings::to(stretch.target)
            };
            let mut said = Answer::default();
            pack.recast(&input, &around, &settings, &mut said)?;
            let roll = played(&input, &said, 0);
            let ears = judges.iter().map(|judge| Ok(judge.hear(pack, &roll)?[stretch.target]));
            let mark = Mark::of(&item.roll, &roll, before.as_ref(), &ears.collect::<Result<Vec<f64>>>()?);
            mean.add(&mark);
            if best.as_ref().is_none_or(|(best, ..)| mark.total(habit) > best.total(habit)) {
                best = Some((mark, roll, said.cells));
            }
        }
        let Some((mark, roll, cells)) = best else { continue };
        past.go_on(&cells, 0);
        before = Some(roll);
        all.push(Best { roll, mark, mean: mean.over(options.tries.into()) });
    }
    Ok(all)
}

impl std::fmt::Display for Practised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:<28}{:>8} {}", "mean of all tries > kept", "phrases", Mark::NAMES.join("  "))?;
        for (from, to, phrases, all, kept) in &self.directions {
            let pairs = all.values().into_iter().zip(kept.values()).zip(Mark::NAMES);
            let cells = pairs.map(|((all, kept), name)| {
                format!("{:>wide$}", format!("{all:.2} > {kept:.2}"), wide = name.len())
            });
            writeln!(
                f,
                "  {:<26}{phrases:>8} {}",
                format!("{from} -> {to}"),
                cells.collect::<Vec<_>>().join("  ")
            )?;
        }
        Ok(())
    }
}
