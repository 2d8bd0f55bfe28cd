//! A whole answer: what the writer is told, then 64 steps of it. Runs on the worker thread.

use phrase::{LOWEST, Roll, STEPS};

use super::Style;
use super::content::{Content, Detail, scale, shifted, tonic_shift};
use super::decode::{Asked, Chance, Decoder};
use super::harmony::Harmony;
use super::lines::{CLEAR, Lines};
use super::phrasing::phrased;
use super::texture::{Drawn, Texture};
use super::written::Run;
use crate::SLOTS;

/// Textures among which one is drawn: those whose phrases are as dense as the one to be written.
const NEAREST: usize = 16;

/// The *Harmony* from which on thirds, fifths and guide tones are asked for in full. At 0 chords are kept as
/// they are: an open fifth has no third that anybody could know.
const COLOURED: f32 = 0.1;

impl Decoder {
    /// Writes `input`'s content as `asked`. Cells of the input that the transposed roll has no room for are
    /// kept as they are.
    pub fn write(&self, input: &Roll, asked: &Asked, draw: &Style, chance: &impl Chance) -> Roll {
        let by = tonic_shift(input);
        let of_target =
            |by_genre: &[f32; SLOTS]| asked.target.iter().zip(by_genre).map(|(share, of)| share * of).sum();
        let played = shifted(input, by);
        let own = match draw.anticipated {
            Some(habit) if asked.phrased => {
                let ahead = (of_target(&habit), draw.pushed.as_ref().map(of_target));
                phrased(&played, ahead, of_target(&draw.gives_way), asked.amount, asked.first, |step| {
                    chance.phrasing(step)
                })
            }
            _ => played,
        };
        let mut told = Content::of(&own);
        // As many notes as the input has, or nearer to as many as the genre has.
        let more = draw.busy.map_or(0.0, |busy| {
            let usual: f32 = of_target(&busy.octaves);
            busy.extent * asked.amount * (usual - told.density)
        });
        told.density += more;
        if self.config.edition > 1 {
            told.detail = std::array::from_fn(|half| Detail::of(asked.harmony, chance.detail(half)));
            let texture = asked.manner.map(Texture::of);
            let texture = texture.or_else(|| self.texture(asked.target, told.density, &draw.drawn, chance));
            told.texture = texture.map(|texture| texture.shifted(by));
        }
        let mut content = vec![0.0; STEPS * self.config.features()];
        told.write(&mut content);
        let mut genres = vec![asked.target.to_vec()];
        if draw.contrast > 0.0 {
            let source = |genre: usize| f32::from(u8::from(genre == asked.source));
            genres.push((0..self.config.genres).map(source).collect());
        }
        let chromatic = of_target(&draw.chromatic);
        let read: Vec<Vec<f32>> = genres.iter().map(|genres| self.read(&content, genres)).collect();
        let follow = [&draw.follow, &draw.triads].map(of_target);
        let mut harmony = Harmony::new(&own, &told, of_target(&draw.foreign), follow);
        let coloured = (asked.harmony / COLOURED).min(1.0);
        let members = [&draw.complete, &draw.guide].map(|by_genre| coloured * of_target(by_genre));
        let key = scale(input);
        harmony.complete(&told, key, members);
        let mut run = Run::new(self, &genres, key, chromatic, harmony, read);
        let wanted = |slot: &usize| asked.target.get(*slot).is_some_and(|&share| share > 0.0);
        let row = |pitch: u8| i32::from(pitch) - i32::from(LOWEST) - by;
        run.range = (
            (0..SLOTS).filter(wanted).map(|slot| row(draw.lowest[slot])).min().unwrap_or(i32::MIN),
            (0..SLOTS).filter(wanted).map(|slot| row(draw.highest[slot])).max().unwrap_or(i32::MAX),
        );
        run.bottom = i32::from(LOWEST) + by;
        (run.figure, run.approach) = (of_target(&draw.figure), of_target(&draw.approach));
        (run.border, run.astray) = (draw.border, of_target(&draw.astray));
        let weights = [&draw.texture, draw.bass_texture.as_ref().unwrap_or(&draw.texture)].map(of_target);
        run.texture = told.texture.map(|texture| (texture, weights));
        run.moves = draw.moves.map(|moves| {
            let motion = |beat| std::array::from_fn(|interval| of_target(&moves.of(beat, interval)));
            (std::array::from_fn(motion), of_target(&moves.returns))
        });
        run.diatonic = of_target(&draw.diatonic);
        run.tied = of_target(&draw.tied);
        run.always = Lines {
            // Where no texture is told, nobody knows where to strike.
            strokes: [told.texture.map_or(0.0, |_| of_target(&draw.comps)), 0.0],
            chords: of_target(&draw.chords),
            thick: of_target(&draw.thick),
            short: of_target(&draw.short),
            between: of_target(&draw.between),
            let_go: of_target(&draw.let_go),
            seconds: of_target(&draw.seconds),
            tight: of_target(&draw.tight),
            deep: of_target(&draw.deep),
            clear: CLEAR - run.bottom,
            ..Lines::default()
        };
        run.more = more.exp2();
        let before = asked.before.filter(|_| self.config.memory() > 0).map(|before| shifted(before, by));
        run.remember(before.as_ref(), asked.first);
        let said = before.filter(|_| asked.first > 0);
        for step in 0..STEPS {
            match &said {
                Some(before) if step < asked.first => run.repeat(step, &own, before, asked.first),
                _ => run.step(step, &content, &own, draw, chance),
            }
        }
        let mut answer = shifted(&run.roll(), -by);
        // What the shift pushed out of the roll was never asked about.
        let back = shifted(&played, -by);
        for step in 0..STEPS {
            answer.sounding[step] |= input.sounding[step] & !back.sounding[step];
            answer.onset[step] |= input.onset[step] & !back.onset[step];
        }
        answer
    }

    /// A texture of the genre that most is asked of, from a phrase about as dense. Of those near it the one
    /// that `chance` likes best: phrases of a song that are alike share it, and so a figure holds.
    fn texture(&self, target: &[f32], density: f32, drawn: &Drawn, chance: &impl Chance) -> Option<Texture> {
        let genre = (0..target.len()).max_by(|&a, &b| target[a].total_cmp(&target[b]).then(b.cmp(&a)))?;
        let far = |known: &(Texture, f32)| (known.1 - density).abs();
        let all = self.textures.get(genre)?;
        let mut near: Vec<usize> =
            (0..all.len()).filter(|&known| drawn.takes(&all[known].0, genre)).collect();
        if near.is_empty() {
            // A pack that knows no such texture plays what it knows.
            near.extend(0..all.len());
        }
        near.sort_by(|&a, &b| far(&all[a]).total_cmp(&far(&all[b])));
        near.truncate(NEAREST);
        let best = near.into_iter().max_by(|&a, &b| chance.texture(a).total_cmp(&chance.texture(b)))?;
        Some(all[best].0)
    }
}
