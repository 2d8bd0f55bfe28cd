//! What a pack plays of its own: it goes on where nobody plays, varies what was played last, and plays points
//! between phrases. All of it is a function of the question, so that a bounce and a performance agree.

use phrase::{Key, PITCHES, Phrase, Roll, STEPS, STEPS_PER_BAR, STEPS_PER_BEAT};

use super::LoadedPack;
use crate::ModelError;
use crate::roles::{Answer, Ask, CORNERS, Context, Heard, Own, Settings, WhenSilent};

/// Steps of a bar that may still sound, of notes before it, where nobody plays in it.
const RINGS: u32 = STEPS_PER_BEAT as u32;
/// The velocity of music that is written, from a pack without dynamics: SeqGAN's.
const VELOCITY: u8 = 80;
/// A share of its model's notes under which music has lost something.
const THIN: f32 = 0.7;
/// Mixed into the seeds of variations and morphs: other draws than a transfer's.
const VARIES: u32 = 0x7661_7279;

impl LoadedPack {
    /// Writes what of the answer `out` to `input` is the pack's own, if anything; `shares` are the genres'.
    /// What lies in bars that are played in is left as it is.
    pub(super) fn play_on(
        &mut self,
        input: &Phrase,
        context: &Context,
        settings: &Settings,
        shares: &[f32],
        out: &mut Answer,
    ) -> Result<Own, ModelError> {
        let first = usize::from(settings.first).min(STEPS - 1);
        let cells = input.roll();
        rest(&cells, first, &mut out.cells);
        let due = match settings.silent {
            WhenSilent::Rest => return Ok(Own::None),
            silent => due(&cells, first, silent, settings.silent_bars, context),
        };
        if !due.contains(&true) {
            return Ok(Own::None);
        }
        if due[first / STEPS_PER_BAR] {
            // Notes are held over the line that is in front of it.
            if let Some(before) = context.before {
                out.cells.sounding[..first].copy_from_slice(&before.sounding[STEPS - first..]);
                out.cells.onset[..first].copy_from_slice(&before.onset[STEPS - first..]);
            }
            out.ties = true;
        }
        match settings.silent {
            WhenSilent::Vary => {
                let Some(heard) = context.heard else { return Ok(Own::None) };
                self.vary(input.position, (heard, &due), settings, shares, out)?;
                Ok(Own::Varied)
            }
            _ => {
                let written = self.fill(input, &cells, context, settings, (shares, &due), out)?;
                Ok(if written { Own::Written } else { Own::None })
            }
        }
    }

    /// Writes the bars that are `due`, a run of them at a time.
    fn fill(
        &mut self,
        input: &Phrase,
        cells: &Roll,
        context: &Context,
        settings: &Settings,
        (shares, due): (&[f32], &[bool; BARS]),
        out: &mut Answer,
    ) -> Result<bool, ModelError> {
        // The window says what a pack lacks; the music rests.
        let Some(writer) = self.writer.as_mut() else { return Ok(false) };
        let first = usize::from(settings.first).min(STEPS - 1);
        // Its key and its density hold, however long the music goes on.
        let model = context.heard.map_or(out.cells, |heard| heard.answer);
        let (mut bar, mut written) = (0, false);
        while bar < BARS {
            let bars = due[bar..].iter().take_while(|due| **due).count();
            if bars == 0 {
                bar += 1;
                continue;
            }
            let (from, to) = (first.max(bar * STEPS_PER_BAR), (bar + bars) * STEPS_PER_BAR);
            let mut before = until(context.before, &out.cells, first, from);
            // What reads itself for long loses its band, voice by voice: then it reads what was heard again.
            if context.heard.is_some() && is_thinner(&before, &model) {
                before = model;
            }
            let ask = Ask {
                shares,
                key: context.key.or_else(|| Key::of(&model)),
                density: density(&model),
                position: input.position + from as i64,
                seed: settings.seed,
                near: &[],
            };
            let mut roll = Roll::EMPTY;
            if !before.is_empty() {
                writer.write(&before, to - from, &ask, &mut roll)?;
                written = true;
            }
            for step in from..to {
                // What the player still holds sounds on.
                out.cells.sounding[step] = roll.sounding[step - from] | cells.sounding[step];
                out.cells.onset[step] = roll.onset[step - from] & !cells.sounding[step];
            }
            bar += bars;
        }
        Ok(written)
    }

    /// Plays a variation of what was heard, from the place on at which it is.
    fn vary(
        &mut self,
        position: i64,
        (heard, due): (&Heard, &[bool; BARS]),
        settings: &Settings,
        shares: &[f32],
        out: &mut Answer,
    ) -> Result<(), ModelError> {
        let place = Place { position, seed: settings.seed, distance: settings.distance };
        let ask = Ask {
            shares,
            key: Key::of(&heard.answer),
            density: density(&heard.answer),
            position,
            seed: settings.seed,
            near: &[],
        };
        let mut varied = Answer::default();
        self.point(&[(1.0, &heard.answer)], place, &ask, &mut varied)?;
        // Phrases of fewer bars than four go through it bar by bar.
        let first = usize::from(settings.first).min(STEPS - 1);
        for step in (first..STEPS).filter(|step| due[step / STEPS_PER_BAR]) {
            let from = (heard.since as usize + step - first) % STEPS;
            out.cells.sounding[step] = varied.cells.sounding[from];
            out.cells.onset[step] = varied.cells.onset[from];
        }
        Ok(())
    }

    /// Plays the point between corners that their weights say.
    pub(super) fn morph(
        &mut self,
        position: i64,
        (weights, corners): (&[f32; CORNERS], &[Roll; CORNERS]),
        settings: &Settings,
        shares: &[f32],
        out: &mut Answer,
    ) -> Result<(), ModelError> {
        let there: Vec<(f32, &Roll)> =
            weights.iter().copied().zip(corners).filter(|(_, corner)| !corner.is_empty()).collect();
        let sum: f32 = there.iter().map(|(weight, _)| weight.max(0.0)).sum();
        let share = |weight: f32| if sum > 0.0 { weight.max(0.0) / sum } else { 1.0 / there.len() as f32 };
        let there: Vec<(f32, &Roll)> = there.iter().map(|(weight, roll)| (share(*weight), *roll)).collect();
        let nearest = there.iter().max_by(|a, b| a.0.total_cmp(&b.0)).map_or(Roll::EMPTY, |near| *near.1);
        let place = Place { position, seed: settings.seed, distance: settings.variation };
        let density = there.iter().map(|(share, roll)| share * density(roll)).sum();
        // Who leaves the point leaves the corners.
        let held = 1.0 - settings.variation.clamp(0.0, 1.0);
        let near: Vec<(f32, &Roll)> = there.iter().map(|(share, roll)| (held * share, *roll)).collect();
        let ask = Ask { shares, key: Key::of(&nearest), density, position, seed: settings.seed, near: &near };
        self.point(&there, place, &ask, out)
    }

    /// The phrase at the mean of phrases by their shares, or near it.
    fn point(
        &mut self,
        phrases: &[(f32, &Roll)],
        place: Place,
        ask: &Ask,
        out: &mut Answer,
    ) -> Result<(), ModelError> {
        // A phrase is itself, whatever a network would make of it.
        if place.distance <= 0.0
            && let Some((_, roll)) = phrases.iter().find(|(share, _)| *share >= 1.0)
        {
            out.cells = **roll;
            return Ok(());
        }
        let Some(space) = self.space.as_mut() else {
            // The window says what a pack lacks; the nearest phrase plays.
            out.cells = phrases.iter().max_by(|a, b| a.0.total_cmp(&b.0)).map_or(Roll::EMPTY, |near| *near.1);
            return Ok(());
        };
        let (mut mean, mut one) = (vec![0.0; space.dims()], vec![0.0; space.dims()]);
        for (share, roll) in phrases.iter().filter(|(share, _)| *share > 0.0) {
            space.encode(roll, &mut one)?;
            mean.iter_mut().zip(&one).for_each(|(mean, one)| *mean += share * one);
        }
        let reach = space.spread() * place.distance.clamp(0.0, 1.0);
        if reach > 0.0 {
            let noise =
                |index: usize| crate::noise::normal((place.seed ^ VARIES).into(), place.position, index);
            mean.iter_mut().enumerate().for_each(|(index, number)| *number += reach * noise(index));
        }
        space.decode(&mean, ask, out)
    }

    /// Whether music of its own needs velocities, and gets them here.
    pub(super) fn strike(
        &self,
        input: &Phrase,
        shares: &[f32],
        own: Own,
        out: &mut Answer,
    ) -> Result<(), ModelError> {
        if out.velocities.is_some() {
            return Ok(());
        }
        if let Some(dynamics) = &self.dynamics {
            out.velocities = Some(dynamics.strike(input, &out.cells, shares)?);
        } else if own != Own::None {
            // Those in bars that are played in go by their neighbours.
            let played = input.roll();
            let mut all = Box::new([[0; PITCHES]; STEPS]);
            for (bar, steps) in all.chunks_exact_mut(STEPS_PER_BAR).enumerate() {
                if own == Own::Morphed || is_silent(&played, bar) {
                    steps.as_flattened_mut().fill(VELOCITY);
                }
            }
            out.velocities = Some(all);
        }
        Ok(())
    }
}

/// The corners between which a point is asked for, with their weights, if any is and one is there.
pub(super) fn corners<'a>(
    context: &Context<'a>,
    settings: &'a Settings,
) -> Option<(&'a [f32; CORNERS], &'a [Roll; CORNERS])> {
    let (weights, corners) = settings.morph.as_ref().zip(context.corners)?;
    corners.iter().any(|corner| !corner.is_empty()).then_some((weights, corners))
}

/// Bars of a phrase.
const BARS: usize = STEPS / STEPS_PER_BAR;

/// Where a variation is drawn, and how far away.
#[derive(Clone, Copy, Debug)]
struct Place {
    position: i64,
    seed: u32,
    distance: f32,
}

/// Whether nobody plays in a bar: nothing starts in it, and what sounds is the end of notes before.
fn is_silent(played: &Roll, bar: usize) -> bool {
    let steps = bar * STEPS_PER_BAR..(bar + 1) * STEPS_PER_BAR;
    let sounds = played.sounding[steps.clone()].iter().filter(|bits| **bits != 0).count() as u32;
    played.onset[steps].iter().all(|bits| *bits == 0) && sounds <= RINGS
}

/// Lets an answer rest, from step `first` on, in the bars in which nobody plays: nothing starts there. A
/// phrase without a note is left to whoever asked for one.
fn rest(played: &Roll, first: usize, answer: &mut Roll) {
    let silent: [bool; BARS] = std::array::from_fn(|bar| is_silent(played, bar));
    if played.is_empty() || !silent.contains(&true) {
        return;
    }
    let written = *answer;
    for note in written.notes() {
        // Networks that know nothing of starts say none; at the first step that is a note from before.
        let is_held = note.start == first && written.onset[first] >> note.row & 1 == 0;
        if note.start < first || is_held || !silent[note.start / STEPS_PER_BAR] {
            continue;
        }
        for step in note.start..note.end() {
            if played.sounding[step] >> note.row & 1 == 1 {
                // From here on it is the player's own.
                answer.onset[step] |= played.onset[step] & 1 << note.row;
                break;
            }
            answer.sounding[step] &= !(1 << note.row);
            answer.onset[step] &= !(1 << note.row);
        }
    }
}

/// Which bars of a window, of which the steps from `first` on are played, are to be filled.
fn due(played: &Roll, first: usize, silent: WhenSilent, most: u8, context: &Context) -> [bool; BARS] {
    let from = first / STEPS_PER_BAR;
    let silent_bars: [bool; BARS] = std::array::from_fn(|bar| bar >= from && is_silent(played, bar));
    let last = (from..BARS).rev().find(|&bar| !silent_bars[bar]);
    let most = u32::from(most);
    let end = played.sounding.iter().rposition(|bits| *bits != 0).map_or(0, |step| step + 1);
    std::array::from_fn(|bar| {
        let begin = bar * STEPS_PER_BAR;
        // Bars from the last note to this one's end; the one in which it ends does not count.
        let rested = match last {
            Some(_) => ((begin + STEPS_PER_BAR).saturating_sub(end)) as u32,
            None => {
                let Some(heard) = context.heard else { return false };
                heard.rested + (begin + STEPS_PER_BAR).saturating_sub(first) as u32
            }
        };
        let rested = rested / STEPS_PER_BAR as u32;
        silent_bars[bar]
            && match silent {
                WhenSilent::Rest => false,
                WhenSilent::Fill => last.is_some(),
                WhenSilent::Continue => last.is_none_or(|last| bar > last) && rested <= most,
                WhenSilent::Vary => last.is_none() && rested <= most,
            }
    })
}

/// The 64 steps before step `to` of a window of which the steps from `first` on are `now`'s and those before
/// are the end of `before`; without one, `now`'s too.
fn until(before: Option<&Roll>, now: &Roll, first: usize, to: usize) -> Roll {
    let mut roll = Roll::EMPTY;
    for (step, at) in (to as i64 - STEPS as i64..to as i64).enumerate() {
        let (of, at) = match before {
            // `before` ends where `first` begins.
            Some(before) if at < first as i64 => (before, at - first as i64 + STEPS as i64),
            _ => (now, at),
        };
        if let Ok(at @ 0..STEPS) = usize::try_from(at) {
            roll.sounding[step] = of.sounding[at];
            roll.onset[step] = of.onset[at];
        }
    }
    roll
}

/// Whether music has become much thinner than its model: fewer notes, or fewer at once.
fn is_thinner(music: &Roll, model: &Roll) -> bool {
    density(music) < THIN * density(model) || at_once(music) < THIN * at_once(model)
}

/// Notes that start together.
fn at_once(roll: &Roll) -> f32 {
    let strikes = roll.onset.iter().filter(|bits| **bits != 0).count();
    roll.onsets() as f32 / strikes.max(1) as f32
}

/// Notes that start in a beat, of the bars in which any do.
fn density(roll: &Roll) -> f32 {
    let bars = roll.onset.chunks_exact(STEPS_PER_BAR).filter(|bar| bar.iter().any(|bits| *bits != 0)).count();
    let beats = (bars * STEPS_PER_BAR / STEPS_PER_BEAT).max(1);
    roll.onsets() as f32 / beats as f32
}

#[cfg(test)]
mod tests;
