//! What goes on from real phrases, and what is said of it.

use std::time::{Duration, Instant};

use anyhow::Result;
use model::writers::Style;
use model::writers::lstm::LstmSizes;
use model::writers::seqgan::SeqganSizes;
use model::{Ask, Weights, Writer, WriterFamily};
use phrase::symbols::{Event, LONGEST, events, slices};
use phrase::{Key, Roll, STEPS, STEPS_PER_BEAT};
use rand::Rng;

use super::super::faults;
use super::tally::{Measure, Tally};
use super::{Counted, Seen, around, numbers};
use crate::families::writers::bleu::Bleu;
use crate::families::writers::lines::{Passage, Stretch, Symbols};
use crate::families::writers::markov::ORDER;
use crate::random;

/// The longest circle, in events, and how many of the last events must lie in it.
const CIRCLE: usize = 8;
const ROUND: usize = 24;

/// A writer, as it draws and as it takes the likeliest always.
pub struct Continued {
    drawn: Box<dyn Writer>,
    argmax: Box<dyn Writer>,
    time: Duration,
    count: u32,
}

impl Continued {
    /// The writer of a pack.
    pub fn new(family: &WriterFamily, weights: &Weights) -> Result<Self> {
        let (argmax, genres): (WriterFamily, usize) = match family {
            WriterFamily::Lstm(sizes) => (LstmSizes { style: Style::ARGMAX, ..*sizes }.into(), sizes.genres),
            WriterFamily::Seqgan(sizes) => {
                (SeqganSizes { style: Style::ARGMAX, ..*sizes }.into(), sizes.genres)
            }
        };
        Ok(Self {
            drawn: family.sizes().build(weights, genres)?,
            argmax: argmax.sizes().build(weights, genres)?,
            time: Duration::ZERO,
            count: 0,
        })
    }

    /// What four bars took, the mean.
    pub fn milliseconds(&self) -> f64 {
        1e3 * self.time.as_secs_f64() / f64::from(self.count.max(1))
    }

    /// Eight bars that go on from four.
    fn eight(&mut self, before: &Roll, ask: &Ask, argmax: bool) -> Result<[Roll; 2]> {
        let mut all = [Roll::EMPTY; 2];
        let mut last = *before;
        for (index, out) in all.iter_mut().enumerate() {
            let ask = Ask { position: ask.position + (index * STEPS) as i64, ..*ask };
            let begin = Instant::now();
            let writer = if argmax { &mut self.argmax } else { &mut self.drawn };
            writer.write(&last, STEPS, &ask, out)?;
            self.time += begin.elapsed();
            self.count += 1;
            last = *out;
        }
        Ok(all)
    }
}

/// Whether the last events go round in a circle: each the same as one some places before.
pub fn goes_round(events: &[Event]) -> bool {
    let last = &events[events.len().saturating_sub(ROUND)..];
    let same = |a: &Event, b: &Event| (a.struck, a.length) == (b.struck, b.length);
    let circle = |by: usize| last.iter().skip(by).zip(last).all(|(now, before)| same(now, before));
    last.len() == ROUND && (1..=CIRCLE).any(circle)
}

/// The test songs of a genre, phrase by phrase, as what is written is compared with.
pub struct References {
    all: Bleu,
    lines: Vec<(u32, Vec<u32>)>,
    /// Those of all songs but one.
    others: Option<(u32, Bleu)>,
}

impl References {
    /// Of these passages.
    pub fn new(passages: &[Passage], symbols: &Symbols, sliced: bool) -> Self {
        let mut lines = Vec::new();
        for passage in passages {
            for start in (0..passage.sounding.len()).step_by(STEPS) {
                let end = (start + STEPS).min(passage.sounding.len());
                let (sounding, onset) = (&passage.sounding[start..end], &passage.onset[start..end]);
                lines.push((passage.song, numbers(&Stretch { sounding, onset }, symbols, sliced)));
            }
        }
        let all = Bleu::new(lines.iter().map(|(_, line)| &line[..]), 4);
        Self { all, lines, others: None }
    }

    /// For music of a song itself: all others. Songs come one after another.
    fn others(&mut self, song: u32) -> &Bleu {
        let known = self.others.take().filter(|(known, _)| *known == song);
        let lines = || self.lines.iter().filter(|(own, _)| *own != song).map(|(_, line)| &line[..]);
        let others = known.unwrap_or_else(|| (song, Bleu::new(lines(), 4)));
        &self.others.insert(others).1
    }
}

/// What is said of four bars that follow others.
fn judge(before: &Roll, next: &Roll, real: &Roll, line: &[u32], bleu: &Bleu, tally: &mut Tally) {
    if let Some(key) = Key::of(before) {
        let out = next.notes().filter(|note| next.onset[note.start] >> note.row & 1 == 1);
        let (mut all, mut outside) = (0.0, 0.0);
        for note in out {
            all += 1.0;
            outside += f64::from(u8::from(!key.contains((note.row % 12) as u8)));
        }
        tally.add(Measure::OutOfKey, outside, all);
    }
    let ratio = f64::from(next.onsets()) / f64::from(before.onsets().max(1));
    tally.add(Measure::Density, next.onsets().into(), before.onsets().into());
    tally.add(Measure::Kept, f64::from(u8::from((0.7..=1.3).contains(&ratio))), 1.0);
    let struck = next.onset.iter().filter(|bits| **bits != 0).count();
    tally.add(Measure::Struck, next.onsets().into(), struck as f64);
    let mut heard = faults::Tally::default();
    heard.hear(next, Some(before));
    for (measure, of) in [
        (Measure::BorderLeaps, faults::Measure::LeapsAtBorders),
        (Measure::Leaps, faults::Measure::LeapsInside),
        (Measure::HeldOver, faults::Measure::HeldOver),
    ] {
        let [counted, of] = heard.shares[of as usize];
        tally.add(measure, counted, of);
    }
    for (measure, order) in [(Measure::Bleu2, 2), (Measure::Bleu3, 3), (Measure::Bleu4, 4)] {
        tally.add(measure, bleu.of(line, order), 1.0);
    }
    let tops = |roll: &Roll| -> Vec<f64> {
        let struck = roll.onset.iter().filter(|bits| **bits != 0);
        struck.map(|bits| f64::from(127 - bits.leading_zeros())).collect()
    };
    for (a, b) in tops(next).iter().zip(&tops(real)) {
        tally.add(Measure::Pitch, (a - b).powi(2), 1.0);
    }
}

/// Lets each column go on from a stretch's first phrase, and judges it.
#[allow(clippy::too_many_arguments, reason = "one call, of what the loop around it has made ready")]
pub fn continued(
    stretch: &Stretch,
    genre: usize,
    genres: usize,
    (symbols, sliced): (&Symbols, bool),
    counted: &Counted,
    players: &mut [Continued],
    references: &mut References,
    song: u32,
    seen: &mut Seen,
) -> Result<()> {
    let (before, real) = (stretch.phrase(0), stretch.phrase(STEPS));
    let shares: Vec<f32> = (0..genres).map(|at| f32::from(u8::from(at == genre))).collect();
    let density = before.onsets() as f32 / (STEPS / STEPS_PER_BEAT) as f32;
    let position = (seen.stretches * 1024) as i64;
    let ask = Ask { shares: &shares, key: None, density, position, seed: 1, near: &[] };
    let moved = stretch.moved();
    let split = |rolls: &[Roll]| -> Vec<Event> {
        let planes: Vec<(u128, u128)> =
            rolls.iter().flat_map(|roll| roll.sounding.into_iter().zip(roll.onset)).collect();
        let (sounding, onset): (Vec<u128>, Vec<u128>) =
            planes.into_iter().map(|(s, o)| (moved.there(s), moved.there(o))).unzip();
        if sliced { slices(&sounding, &onset) } else { events(&sounding, &onset) }
    };
    let line = |roll: &Roll| -> Vec<u32> {
        split(std::slice::from_ref(roll)).iter().map(|event| symbols.number(event) as u32).collect()
    };
    let columns = seen.tallies.len();
    let is_loop = |events: &[Event]| f64::from(u8::from(goes_round(events)));
    for (column, player) in players.iter_mut().enumerate() {
        let written = player.eight(&before, &ask, false)?;
        let tokens = line(&written[0]);
        judge(&before, &written[0], &real, &tokens, &references.all, &mut seen.tallies[column]);
        seen.tallies[column].add(Measure::Loops, is_loop(&split(&written)), 1.0);
        seen.lines[column].push(tokens);
        if column == 0 && seen.first.is_none() {
            seen.first = Some([before, written[0], real]);
        }
        let argmax = player.eight(&before, &ask, true)?;
        seen.tallies[column].add(Measure::ArgmaxLoops, is_loop(&split(&argmax)), 1.0);
    }
    let mut rng = random::stream(1, (genre as u64) << 32 | seen.stretches as u64);
    let heard = split(&[before]);
    for argmax in [false, true] {
        let made = counting(&heard, genre, symbols, counted, argmax.then_some(()), &mut rng);
        let tally = &mut seen.tallies[columns - 2];
        let measure = if argmax { Measure::ArgmaxLoops } else { Measure::Loops };
        tally.add(measure, is_loop(&made), 1.0);
        if !argmax {
            let mut roll = Roll::EMPTY;
            for event in made.iter().take_while(|event| event.start < STEPS) {
                let end = (event.start + event.length).min(STEPS);
                roll.onset[event.start] = moved.back(event.struck);
                roll.sounding[event.start..end].fill(moved.back(event.struck));
            }
            let tokens = line(&roll);
            judge(&before, &roll, &real, &tokens, &references.all, tally);
            seen.lines[columns - 2].push(tokens);
        }
    }
    let tokens = line(&real);
    let others = references.others(song);
    judge(&before, &real, &real, &tokens, others, &mut seen.tallies[columns - 1]);
    seen.tallies[columns - 1].add(Measure::Loops, is_loop(&split(&[before, real])), 1.0);
    seen.lines[columns - 1].push(tokens);
    Ok(())
}

/// Eight bars by the model that counts.
fn counting(
    heard: &[Event],
    genre: usize,
    symbols: &Symbols,
    counted: &Counted,
    argmax: Option<()>,
    rng: &mut rand_chacha::ChaCha8Rng,
) -> Vec<Event> {
    let mut numbers: Vec<usize> = heard.iter().map(|event| symbols.number(event)).collect();
    let mut lengths: Vec<usize> = heard.iter().map(|event| event.length).collect();
    let (mut made, mut at) = (Vec::new(), 0);
    while at < 2 * STEPS {
        let before: Vec<u32> =
            numbers[numbers.len().saturating_sub(ORDER)..].iter().map(|number| *number as u32).collect();
        let next = match argmax {
            Some(()) => counted.symbols.likeliest(genre, &before),
            None => counted.symbols.draw(genre, &before, rng.random()),
        };
        let next = next.unwrap_or(0) as usize;
        numbers.push(next);
        lengths.push(1);
        let around = around(&numbers, &lengths, numbers.len() - 1);
        let length = match (symbols.lengths.get(next), argmax) {
            (Some(length), _) => *length as u32,
            (None, Some(())) => counted.lengths.likeliest(genre, &around).unwrap_or(1),
            (None, None) => counted.lengths.draw(genre, &around, rng.random()).unwrap_or(1),
        };
        let length = (length as usize).clamp(1, LONGEST);
        if let Some(last) = lengths.last_mut() {
            *last = length;
        }
        let struck = symbols.book.rows(next);
        made.push(Event { start: at, length, struck, sounding: struck });
        at += length;
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_and_music_is_none() {
        let event = |struck: u128| Event { start: 0, length: 2, struck, sounding: struck };
        let round: Vec<Event> = (0..40).map(|at| event(at as u128 % 5)).collect();
        assert!(goes_round(&round));
        let mut broken = round.clone();
        broken[30].struck = 99;
        assert!(!goes_round(&broken));
        assert!(!goes_round(&round[..20]), "too little to say");
        let long: Vec<Event> = (0..40).map(|at| event(at as u128 % 9)).collect();
        assert!(!goes_round(&long));
    }
}
