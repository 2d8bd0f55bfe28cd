//! Playing: stretches of songs, every phrase several times, the best kept and gone on from.

use anyhow::Result;
use indicatif::ProgressBar;
use model::{Answer, Context, LoadedPack, Pack, Past, Settings};
use phrase::{Phrase, Roll};

use super::mark::{Habit, Leaning, Mark};
use crate::dataset::Item;
use crate::evaluate::judge::Judge;
use crate::evaluate::play::{over_threads, played};

/// Phrases of a genre, and answers of each direction, of which habits are counted.
const COUNTED: usize = 1000;
const PROBED: usize = 200;

/// A stretch of a song, phrase after phrase, that is played in another genre.
pub(super) struct Stretch<'a> {
    pub(super) source: usize,
    pub(super) target: usize,
    pub(super) phrases: &'a [Item],
    leaning: Leaning,
}

impl<'a> Stretch<'a> {
    /// Those of the genres' phrases, each in every other genre.
    pub(super) fn all(whole: &'a [Vec<Item>]) -> Vec<Self> {
        let mut all = Vec::new();
        for (source, items) in whole.iter().enumerate() {
            for phrases in items.chunk_by(|before, item| item.follows(before)) {
                let to = (0..whole.len()).filter(|&target| target != source);
                let leaning = Leaning::default();
                all.extend(to.map(|target| Stretch { source, target, phrases, leaning }));
            }
        }
        all
    }

    fn direction(&self) -> (usize, usize) {
        (self.source, self.target)
    }
}

/// A phrase's best answer.
pub(super) struct Best {
    pub(super) roll: Roll,
    pub(super) mark: Mark,
    /// Of all tries.
    pub(super) mean: Mark,
}

/// Who plays, and who hears it.
pub(super) struct Players<'a> {
    pub(super) pack: &'a Pack,
    pub(super) judges: &'a [Judge],
    /// In per cent.
    pub(super) amount: u32,
    pub(super) threads: usize,
}

impl Players<'_> {
    /// Lets each stretch lean to what the pack does too seldom in its direction, and from what it does too
    /// often: that shows in a few phrases of it, beside the genre's own, `whole`.
    pub(super) fn lean(&self, stretches: &mut [Stretch], whole: &[Vec<Item>]) -> Result<()> {
        let mut few: Vec<&Stretch> = Vec::new();
        for stretch in &*stretches {
            let same = few.iter().filter(|other| other.direction() == stretch.direction());
            if same.map(|other| other.phrases.len()).sum::<usize>() < PROBED {
                few.push(stretch);
            }
        }
        let said = self.play(&few, 1)?;
        let of_pack = |direction: (usize, usize)| {
            let all = few.iter().zip(&said).filter(|(stretch, _)| stretch.direction() == direction);
            Habit::of(all.flat_map(|(_, all)| {
                let before = std::iter::once(None).chain(all.iter().map(|best| Some(&best.roll)));
                all.iter().map(|best| &best.roll).zip(before)
            }))
        };
        let of_genre = |genre: usize| {
            let all = || whole[genre].iter().take(COUNTED);
            let before = std::iter::once(None).chain(all().map(Some));
            Habit::of(all().zip(before).map(|(item, before)| {
                (&item.roll, before.filter(|before| item.follows(before)).map(|before| &before.roll))
            }))
        };
        let genres = 0..whole.len();
        let leanings: Vec<Vec<Leaning>> = genres
            .clone()
            .map(|source| {
                let to = genres.clone();
                to.map(|target| Leaning::of(&of_genre(target), &of_pack((source, target)))).collect()
            })
            .collect();
        for stretch in stretches {
            stretch.leaning = leanings[stretch.source][stretch.target];
        }
        Ok(())
    }

    /// The best answers of so many tries to each stretch.
    pub(super) fn play(&self, stretches: &[&Stretch], tries: u32) -> Result<Vec<Vec<Best>>> {
        let bar = ProgressBar::new(stretches.iter().map(|stretch| stretch.phrases.len() as u64).sum());
        let kept = over_threads(
            stretches.len(),
            self.threads,
            || Ok(LoadedPack::new(self.pack)?),
            |pack, index| {
                let kept = self.stretch(pack, stretches[index], tries);
                bar.inc(stretches[index].phrases.len() as u64);
                kept
            },
        );
        bar.finish_and_clear();
        kept
    }

    fn stretch(&self, pack: &mut LoadedPack, stretch: &Stretch, tries: u32) -> Result<Vec<Best>> {
        let (mut past, mut before) = (Past::default(), None);
        let mut all = Vec::new();
        for item in stretch.phrases {
            let around = Context { before: past.before(), ..Context::default() };
            let (mut best, mut mean): (Option<(Mark, Roll, Roll)>, Mark) = Default::default();
            for seed in 0..tries {
                let settings = Settings {
                    variation: 1.0,
                    seed,
                    ..settings((stretch.source, stretch.target), self.amount)
                };
                let heard = (item, before.as_ref(), stretch.target);
                let (mark, roll, cells) = played_and_heard(pack, self.judges, heard, &around, &settings)?;
                mean.add(&mark);
                let is_better =
                    |(best, ..): &(Mark, _, _)| mark.total(&stretch.leaning) > best.total(&stretch.leaning);
                if best.as_ref().is_none_or(is_better) {
                    best = Some((mark, roll, cells));
                }
            }
            let Some((mark, roll, cells)) = best else { continue };
            past.go_on(&cells, 0);
            before = Some(roll);
            all.push(Best { roll, mark, mean: mean.over(tries.into()) });
        }
        Ok(all)
    }
}

/// How a phrase is played from one genre in another, at an amount in per cent. The tune stays where it is:
/// the plug-in phrases it before the network hears of it.
pub(super) fn settings((source, target): (usize, usize), amount: u32) -> Settings {
    Settings {
        source: Some(source as u8),
        amount: amount as f32 / 100.0,
        phrased: false,
        ..Settings::to(target)
    }
}

/// Plays a phrase in the genre `target` after the answer `before`: how good it is, what sounds, and its
/// cells.
pub(super) fn played_and_heard(
    pack: &mut LoadedPack,
    judges: &[Judge],
    (item, before, target): (&Item, Option<&Roll>, usize),
    around: &Context,
    settings: &Settings,
) -> Result<(Mark, Roll, Roll)> {
    let input = Phrase::of_roll(&item.roll, item.at.start.into(), 120.0, 0.8);
    let mut said = Answer::default();
    pack.recast(&input, around, settings, &mut said)?;
    let roll = played(&input, &said, 0);
    let ears = judges.iter().map(|judge| Ok(judge.hear(pack, &roll)?[target]));
    let mark = Mark::of(&item.roll, &roll, before, &ears.collect::<Result<Vec<f64>>>()?);
    Ok((mark, roll, said.cells))
}
