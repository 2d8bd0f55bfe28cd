//! Plays phrases through a pack: transfers, cycles, and what the judges say of them. A phrase that follows
//! another goes on from its answer, as in the plugin. The numbers do not depend on the number of threads.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, anyhow};
use candle_core::{Device, Tensor};
use indicatif::ProgressBar;
use model::{Answer, Context as Around, LoadedPack, Pack, Past, Settings};
use phrase::{PITCHES, Phrase, Roll, STEPS};

use super::judge::Judge;
use super::{EvaluateOptions, rule};
use crate::dataset::Item;

/// One genre's probabilities by judge.
pub type Heard = Vec<Vec<f64>>;

/// A phrase to be played.
pub struct Asked {
    /// Its genre, as a slot of the pack.
    pub genre: usize,
    /// Its number within its genre and split, from 1: the papers' Id.
    pub id: usize,
    /// The phrase.
    pub item: Item,
    /// The work that its song is a version of.
    pub work: u64,
    /// The windows whose newest parts it is made of, the last of which is the phrase itself: one at a latency
    /// of four bars, two at two, four at one.
    pub windows: Vec<Roll>,
}

/// A phrase of the dataset and what became of it.
#[derive(Clone)]
pub struct Played {
    /// The phrase.
    pub item: Item,
    /// The work that its song is a version of.
    pub work: u64,
    /// What each judge hears in it.
    pub heard: Heard,
    /// The answers by target genre; its own genre's is what should be left alone.
    pub answers: Vec<Answered>,
}

/// An answer, and the answer to it in the phrase's own genre.
#[derive(Clone)]
pub struct Answered {
    /// The transfer, as played: repeated notes stay repeated.
    pub transfer: Roll,
    /// The cycle. Where none is made the phrase itself, so that S is the drop from origin to transfer.
    pub cycle: Roll,
    /// What each judge hears in transfer and cycle; empty for the phrase's own genre.
    pub heard: [Heard; 2],
    /// The transfers at [`EvaluateOptions::amounts`]; none for the phrase's own genre.
    pub sweep: Vec<Swept>,
    /// What [`rule::answer`] makes of it; none for the phrase's own genre, nor where there is no rule.
    pub rule: Option<Swept>,
}

impl Answered {
    /// Nothing: in a direction that is not asked for.
    fn unasked(origin: Roll) -> Self {
        Self { transfer: origin, cycle: origin, heard: Default::default(), sweep: Vec::new(), rule: None }
    }
}

impl Played {
    /// As if the rule had answered in the genre `target`, there alone; `None` where there is no rule.
    pub fn ruled(&self, target: usize) -> Option<Self> {
        let Swept { transfer, heard } = self.answers[target].rule.clone()?;
        let mut ruled = Self { answers: self.answers.clone(), heard: self.heard.clone(), ..*self };
        ruled.answers[target] = Answered {
            transfer,
            cycle: self.item.roll,
            heard: [heard, self.heard.clone()],
            sweep: Vec::new(),
            rule: None,
        };
        Some(ruled)
    }
}

/// A transfer at another amount.
#[derive(Clone)]
pub struct Swept {
    /// The transfer, as played.
    pub transfer: Roll,
    /// What each judge hears in it.
    pub heard: Heard,
}

/// Plays all of `asked`, in order, in the directions `pairs`.
pub fn play(
    pack: &Pack,
    judges: &[Judge],
    asked: &[Asked],
    pairs: &[(usize, usize)],
    options: &EvaluateOptions,
) -> Result<Vec<Played>> {
    let bar = ProgressBar::new(asked.len() as u64);
    let songs: Vec<&[Asked]> =
        asked.chunk_by(|a, b| (a.genre, a.item.song) == (b.genre, b.item.song)).collect();
    let played = over_threads(
        songs.len(),
        options.threads,
        || Ok(LoadedPack::new(pack)?),
        |transfer, index| {
            let threshold = pack.card.threshold;
            let mut player =
                Player { transfer, judges, pairs, options, threshold, genres: &pack.card.genres };
            let mut ended = Vec::new();
            let phrase = |asked: &Asked| {
                // A song's phrases may begin at every bar: then four rows of them go on beside each other.
                let before = ended.iter().rposition(|(item, _)| asked.item.follows(item));
                let mut pasts = before.map_or_else(Pasts::default, |place| ended.swap_remove(place).1);
                let played = player.play(asked, &mut pasts);
                ended.push((asked.item, pasts));
                bar.inc(1);
                played
            };
            songs[index].iter().map(phrase).collect::<Result<Vec<_>>>()
        },
    );
    bar.finish_and_clear();
    Ok(played?.into_iter().flatten().collect())
}

/// What was answered so far: by target, and by which of its answers.
type Pasts = HashMap<(usize, Row), Past>;

/// A row of answers that go on from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Row {
    Transfer,
    Cycle,
    /// At this amount.
    Swept(u32),
}

/// Does `work` for each index below `count`, results in order of index. Each thread has one worker of its
/// own.
pub(crate) fn over_threads<W, T: Send>(
    count: usize,
    threads: usize,
    worker: impl Fn() -> Result<W> + Sync,
    work: impl Fn(&mut W, usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let run = || -> Result<Vec<(usize, T)>> {
        let mut worker = worker()?;
        let indices = std::iter::from_fn(|| {
            let index = next.fetch_add(1, Ordering::Relaxed);
            (index < count).then_some(index)
        });
        indices.map(|index| Ok((index, work(&mut worker, index)?))).collect()
    };
    let parts: Vec<Result<Vec<(usize, T)>>> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads.clamp(1, count.max(1))).map(|_| scope.spawn(run)).collect();
        let ended = |handle: std::thread::ScopedJoinHandle<'_, _>| {
            handle.join().unwrap_or_else(|_| Err(anyhow!("a thread of the evaluation ended early")))
        };
        handles.into_iter().map(ended).collect()
    });
    let mut all = Vec::with_capacity(count);
    for part in parts {
        all.extend(part.context("the evaluation stopped")?);
    }
    all.sort_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, result)| result).collect())
}

struct Player<'a> {
    transfer: &'a mut LoadedPack,
    judges: &'a [Judge],
    pairs: &'a [(usize, usize)],
    options: &'a EvaluateOptions,
    threshold: f32,
    genres: &'a [String],
}

impl Player<'_> {
    fn play(&mut self, asked: &Asked, pasts: &mut Pasts) -> Result<Played> {
        let Asked { genre: source, item, work, windows, .. } = asked;
        let (source, amount, genres) = (*source, self.options.amount, self.genres);
        let own = self.hear(&item.roll)?;
        let answer = |target: usize| {
            if target != source && !self.pairs.contains(&(source, target)) {
                return Ok(Answered::unasked(item.roll));
            }
            let mut past = |row: Row| pasts.remove(&(target, row)).unwrap_or_default();
            let (mut there, mut back) = (past(Row::Transfer), past(Row::Cycle));
            let transfer = self.answer(windows, (source, target), amount, &mut there)?;
            pasts.insert((target, Row::Transfer), there);
            if target == source {
                return Ok(Answered { transfer, ..Answered::unasked(item.roll) });
            }
            let (cycle, heard_back) = if self.options.cycles() {
                let cycle = if self.options.soft_cycle {
                    self.soft_cycle(&item.roll, &transfer, source, target)?
                } else {
                    self.answer(&[transfer], (target, source), amount, &mut back)?
                };
                pasts.insert((target, Row::Cycle), back);
                (cycle, self.hear(&cycle)?)
            } else {
                (item.roll, own.clone())
            };
            let options = self.options;
            let swept = |&amount: &u32| {
                let row = (target, Row::Swept(amount));
                let mut past = pasts.remove(&row).unwrap_or_default();
                let transfer = self.answer(windows, (source, target), amount, &mut past)?;
                pasts.insert(row, past);
                Ok(Swept { transfer, heard: self.hear(&transfer)? })
            };
            let sweep = options.amounts.iter().map(swept).collect::<Result<_>>()?;
            let ruled =
                |transfer: Roll| Ok::<_, anyhow::Error>(Swept { transfer, heard: self.hear(&transfer)? });
            let rule = rule::answer(&item.roll, &genres[target]).map(ruled).transpose()?;
            Ok(Answered { transfer, cycle, heard: [self.hear(&transfer)?, heard_back], sweep, rule })
        };
        Ok(Played {
            item: *item,
            work: *work,
            heard: own.clone(),
            answers: (0..genres.len()).map(answer).collect::<Result<_>>()?,
        })
    }

    /// The answer as it is played: the newest parts of the answers to `windows`, one after another, each
    /// going on from what is `past`.
    fn answer(
        &mut self,
        windows: &[Roll],
        (source, target): (usize, usize),
        amount: u32,
        past: &mut Past,
    ) -> Result<Roll> {
        let hop = STEPS / windows.len();
        let settings = Settings {
            source: (!self.options.auto).then_some(source as u8),
            amount: amount as f32 / 100.0,
            first: (STEPS - hop) as u8,
            // As its own genre a phrase is asked to stay what it is.
            leave_own: source == target,
            harmony: self.options.harmony as f32 / 100.0,
            ..Settings::to(target)
        };
        let (mut answer, mut said) = (Roll::EMPTY, Answer::default());
        for (window, place) in windows.iter().zip((0..STEPS).step_by(hop)) {
            let input = Phrase::of_roll(window, 0, 120.0, 0.8);
            let before = Around { before: past.before(), ..Around::default() };
            self.transfer.recast(&input, &before, &settings, &mut said)?;
            past.go_on(&said.cells, STEPS - hop);
            let part = played(&input, &said, STEPS - hop);
            answer.sounding[place..place + hop].copy_from_slice(&part.sounding[STEPS - hop..]);
            answer.onset[place..place + hop].copy_from_slice(&part.onset[STEPS - hop..]);
        }
        Ok(answer)
    }

    /// The papers' cycle: what comes back from the probabilities of the transfer instead of its notes.
    fn soft_cycle(&self, origin: &Roll, transfer: &Roll, source: usize, target: usize) -> Result<Roll> {
        let slot = |slot: usize| Settings::to(slot).target;
        let mut cells = vec![0.0; STEPS * PITCHES];
        origin.to_f32(&mut cells);
        let cells = Tensor::from_vec(cells, (1, STEPS, PITCHES), &Device::Cpu)?;
        let there = self.transfer.logits(&cells, self.source(origin, source)?, &slot(target))?;
        let there = candle_nn::ops::sigmoid(&there)?;
        let back = self.transfer.logits(&there, self.source(transfer, target)?, &slot(source))?;
        let back = candle_nn::ops::sigmoid(&back)?.flatten_all()?.to_vec1::<f32>()?;
        Ok(Roll::from_f32(&back, self.threshold))
    }

    /// The genre that `roll` is told to be, or that the pack's classifier hears.
    fn source(&self, roll: &Roll, told: usize) -> Result<usize> {
        if !self.options.auto {
            return Ok(told);
        }
        let p = self.transfer.classify(roll)?;
        Ok((0..p.len()).fold(0, |best, genre| if p[genre] > p[best] { genre } else { best }))
    }

    fn hear(&self, roll: &Roll) -> Result<Heard> {
        self.judges.iter().map(|judge| judge.hear(self.transfer, roll)).collect()
    }
}

/// The answer `said` to `input`, of which the steps from `first` on are played, with the onsets that
/// realisation gives it: notes that were repeated stay so. Of what is before `first` nothing is said.
pub fn played(input: &Phrase, said: &Answer, first: usize) -> Roll {
    let (mut output, cells) = (Phrase::new(0, 120.0), &said.cells);
    said.realise(input, first, &mut output);
    let answer = output.roll();
    // They differ only where an answer has more notes than a phrase can hold.
    if answer.sounding[first..] == cells.sounding[first..] {
        answer
    } else {
        Roll::from_sounding(cells.sounding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_notes_stay_repeated_and_what_is_new_starts_once() {
        let mut roll = Roll::from_cells(|step, row| row == 30 && step < 8);
        roll.onset[4] |= 1 << 30;
        let played = |roll: &Roll, cells: &Roll, first: usize| {
            played(&Phrase::of_roll(roll, 0, 120.0, 0.8), &Answer::of(*cells), first)
        };
        assert_eq!(played(&roll, &roll, 0), roll);
        let cells = Roll::from_cells(|step, row| row == 30 && step < 12 || row == 5 && step > 60);
        let cells = Roll { onset: roll.onset, ..cells };
        let answer = played(&roll, &cells, 0);
        let starts: Vec<_> = answer.notes().map(|note| (note.row, note.start, note.length)).collect();
        assert_eq!(starts, [(30, 0, 4), (30, 4, 8), (5, 61, 3)]);
        // More notes than a phrase can hold: no cell is lost.
        let crowd = Roll::from_cells(|step, row| (step + row) % 2 == 0);
        assert_eq!(played(&roll, &crowd, 0), crowd);
        // Of a window only the newest part is played; what is held over its line is no new note there.
        let part = played(&roll, &cells, 6);
        assert_eq!(part.sounding[6..], cells.sounding[6..]);
        assert_eq!((part.onset[6], part.onset[61]), (0, 1 << 5));
    }

    #[test]
    fn results_come_in_order_from_any_number_of_threads() {
        for threads in [1, 2, 7] {
            let all = over_threads(50, threads, || Ok(3), |factor, i| Ok(*factor * i)).unwrap();
            assert_eq!(all, (0..50).map(|i| 3 * i).collect::<Vec<_>>());
            let failed = over_threads(
                50,
                threads,
                || Ok(()),
                |(), i| if i == 9 { Err(anyhow!("nine")) } else { Ok(i) },
            );
            assert!(format!("{:#}", failed.unwrap_err()).contains("nine"));
            let panicked =
                over_threads(5, threads, || Ok(()), |(), i| if i == 4 { panic!("four") } else { Ok(i) });
            assert!(panicked.is_err());
        }
    }
}
