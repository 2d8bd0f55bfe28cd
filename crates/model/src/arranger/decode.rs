//! New phrases, a step after the other. Runs on the worker thread; uses no candle and no other thread.

use multiversion::multiversion;
use phrase::{LOWEST, PITCHES, Roll, STEPS};

use super::content::{Content, FEATURES, scale, shifted, tonic_shift};
use super::linear::{Heard, Linear, add, add_here, dot_relu, norm};
use super::{ArrangerConfig, KINDS, NAME, ONSET_LAGS, SOUNDING_LAG, VIEWS};
use crate::{ModelError, SLOTS, Weights};

/// The most pitches at once: more no two hands play.
const MOST_AT_ONCE: usize = 12;

/// What starts outside the target genre's range have against them, in logits.
const OUT_OF_RANGE: f32 = 8.0;

/// A logit under which contrast does nothing.
const IMPLAUSIBLE: f32 = -4.0;

/// How fast the pull follows the content change: by this many powers of e for a change of 100 %.
const EAGERNESS: f32 = 4.0;

/// Notes that are added to both counts before they are compared, so that the first few do not matter.
const FEW: f32 = 8.0;

/// How a phrase is drawn from the model's probabilities.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// What the input's own cells have on their side, in logits: 0 writes freely, infinity returns the input.
    pub pull: f32,
    /// The content change that is aimed at: the pull grows where more was changed until here, and shrinks where less was, so
    /// that an amount changes as much in every direction.
    pub change: f32,
    /// How far to go beyond the target genre, away from the source: the logit of each note's start is moved by this many times its difference
    /// between both (after Ho and Salimans' guidance, 2022, with another class instead of none).
    pub contrast: f32,
    /// 0 takes the likelier of two choices, 1 draws each from its probability.
    pub temperature: f32,
    /// What the melody's cells have on their side, and starts above a melody that sounds have against them, in logits.
    pub melody: f32,
    /// What new notes have against them where more were written than the input had until here, in logits for each factor of
    /// e (and on their side, where fewer were).
    pub density: f32,
    /// What cells outside the phrase's key have against them, in logits, by target genre.
    pub chromatic: [f32; SLOTS],
    /// The lowest MIDI pitch of each target genre: under it no note starts, but where the input's own pull.
    pub lowest: [u8; SLOTS],
    /// The highest.
    pub highest: [u8; SLOTS],
}

#[derive(Debug)]
struct Block {
    norm1: Vec<f32>,
    ask: Linear,
    /// `[heads][127]`: by how far the asking step lies behind the asked one, plus 63.
    distance: Vec<f32>,
    answer: Linear,
    norm2: Vec<f32>,
    inner: Linear,
    outer: Linear,
}

#[derive(Debug)]
struct Part {
    step: Vec<f32>,
    genre: Vec<f32>,
    blocks: Vec<Block>,
}

/// The arranger, ready to write. Owned by the thread that runs it.
#[derive(Debug)]
pub struct Decoder {
    config: ArrangerConfig,
    content: Linear,
    reader: Part,
    /// Rows of what is added for a cell of the step before, `[KINDS * 84][width]`.
    written: Vec<f32>,
    writer: Part,
    norm: Vec<f32>,
    /// Direct logits, view weights and hidden units of a step, side by side.
    direct: Linear,
    views: Linear,
    units: Linear,
    seen: Vec<f32>,
    hidden: Vec<f32>,
}

impl Decoder {
    /// A decoder of `weights`.
    ///
    /// # Errors
    /// When a parameter is missing or has another shape than `config` needs.
    pub fn new(config: ArrangerConfig, weights: &Weights) -> Result<Self, ModelError> {
        for parameter in config.parameters() {
            weights.get(&parameter.name, &parameter.shape)?;
        }
        let tensor = |name: &str| weights.named(&format!("{NAME}{name}"));
        let flat = |name: &str| Ok::<_, ModelError>(tensor(name)?.flatten_all()?.to_vec1::<f32>()?);
        let linear = |name: &str, bias: Option<&str>| {
            let bias = bias.map(&tensor).transpose()?;
            Linear::new(&tensor(name)?, bias.as_ref())
        };
        let part = |part: &str, blocks: usize| {
            let block = |i: usize| {
                let name = |rest: &str| format!("{part}.{i}.{rest}");
                Ok::<_, ModelError>(Block {
                    norm1: flat(&name("norm1"))?,
                    ask: linear(&name("ask"), None)?,
                    distance: flat(&name("distance"))?,
                    answer: linear(&name("answer"), None)?,
                    norm2: flat(&name("norm2"))?,
                    inner: linear(&name("in"), Some(&name("in_bias")))?,
                    outer: linear(&name("out"), Some(&name("out_bias")))?,
                })
            };
            Ok::<_, ModelError>(Part {
                step: flat(&format!("{part}.step"))?,
                genre: flat(&format!("{part}.genre"))?,
                blocks: (0..blocks).map(block).collect::<Result<_, _>>()?,
            })
        };
        Ok(Self {
            config,
            content: linear("content", Some("content_bias"))?,
            reader: part("reader", config.reader)?,
            written: flat("written")?,
            writer: part("writer", config.writer)?,
            norm: flat("norm")?,
            direct: linear("direct", Some("direct_bias"))?,
            views: linear("views", Some("views_bias"))?,
            units: linear("units", Some("units_bias"))?,
            seen: flat("seen")?,
            hidden: flat("hidden")?,
        })
    }

    /// Writes `input`'s content in the genres `target` (weights that sum to 1), the input being of genre `source`. `noise`
    /// gives a logistic number for a step, a row and a decision. Cells of the input that the transposed roll has no room for
    /// are kept as they are.
    pub fn write(
        &self,
        input: &Roll,
        source: usize,
        target: &[f32],
        draw: &Draw,
        noise: impl Fn(usize, usize, usize) -> f32,
    ) -> Roll {
        let by = tonic_shift(input);
        let own = shifted(input, by);
        let mut content = vec![0.0; STEPS * FEATURES];
        Content::of(&own).write(&mut content);
        let mut genres = vec![target.to_vec()];
        if draw.contrast > 0.0 {
            genres.push((0..self.config.genres).map(|genre| f32::from(u8::from(genre == source))).collect());
        }
        let chromatic = target.iter().zip(&draw.chromatic).map(|(share, against)| share * against).sum();
        let read: Vec<Vec<f32>> = genres.iter().map(|genres| self.read(&content, genres)).collect();
        let mut run = Run::new(self, &genres, scale(input), chromatic, read);
        let asked = |slot: &usize| target.get(*slot).is_some_and(|&share| share > 0.0);
        let row = |pitch: u8| i32::from(pitch) - i32::from(LOWEST) - by;
        run.range = (
            (0..SLOTS).filter(asked).map(|slot| row(draw.lowest[slot])).min().unwrap_or(i32::MIN),
            (0..SLOTS).filter(asked).map(|slot| row(draw.highest[slot])).max().unwrap_or(i32::MAX),
        );
        let mut roll = Roll::EMPTY;
        for step in 0..STEPS {
            run.step(step, &content, &own, &mut roll, draw, &noise);
        }
        let mut answer = shifted(&roll, -by);
        // What the shift pushed out of the roll was never asked about.
        let back = shifted(&own, -by);
        for step in 0..STEPS {
            answer.sounding[step] |= input.sounding[step] & !back.sounding[step];
            answer.onset[step] |= input.onset[step] & !back.onset[step];
        }
        answer
    }

    /// What the reader makes of the content, `[64, width]`, for one mix of genres.
    fn read(&self, content: &[f32], genres: &[f32]) -> Vec<f32> {
        let d = self.config.width;
        let mut x = vec![0.0; STEPS * d];
        self.content.apply(content, &mut x);
        self.reader.place(&mut x, 0, genres);
        let mut work = Work::new(self.config, STEPS);
        let mut heard = vec![0.0; STEPS * d];
        for block in &self.reader.blocks {
            norm(&x, &block.norm1, &mut work.normed);
            block.ask.apply(&work.normed, &mut work.asked);
            let mut steps = Heard::new(d);
            work.asked.chunks_exact(3 * d).for_each(|asked| steps.push(&asked[d..2 * d], &asked[2 * d..]));
            let asked = work.asked.chunks_exact(3 * d).zip(heard.chunks_exact_mut(d));
            for (step, (asked, heard)) in asked.enumerate() {
                steps.attend(step, self.config.heads, &block.distance, &asked[..d], heard);
            }
            work.finish(block, &heard, &mut x);
        }
        x
    }
}

impl Part {
    /// Adds the embeddings of the steps from `first` on and of the genres.
    fn place(&self, x: &mut [f32], first: usize, genres: &[f32]) {
        let d = self.step.len() / STEPS;
        for (i, x) in x.chunks_exact_mut(d).enumerate() {
            add(1.0, &self.step[(first + i) * d..][..d], x);
            for (genre, &weight) in genres.iter().enumerate() {
                add(weight, &self.genre[genre * d..][..d], x);
            }
        }
    }
}

/// Room for a block's numbers.
struct Work {
    normed: Vec<f32>,
    asked: Vec<f32>,
    inner: Vec<f32>,
    answer: Vec<f32>,
}

impl Work {
    fn new(config: ArrangerConfig, rows: usize) -> Self {
        let room = |width: usize| vec![0.0; rows * width];
        Self {
            normed: room(config.width),
            asked: room(3 * config.width),
            inner: room(config.inner),
            answer: room(config.width),
        }
    }

    /// Adds what a block heard, and what its two layers make of that, to `x`.
    fn finish(&mut self, block: &Block, heard: &[f32], x: &mut [f32]) {
        block.answer.apply(heard, &mut self.answer);
        add(1.0, &self.answer, x);
        norm(x, &block.norm2, &mut self.normed);
        block.inner.apply(&self.normed, &mut self.inner);
        self.inner.iter_mut().for_each(|x| *x = x.max(0.0));
        block.outer.apply(&self.inner, &mut self.answer);
        add(1.0, &self.answer, x);
    }
}

/// A phrase that is being written, for one mix of genres or two side by side.
struct Run<'a> {
    decoder: &'a Decoder,
    genres: &'a [Vec<f32>],
    /// Pitch classes of the input's key.
    scale: u16,
    /// What cells outside it have against them.
    chromatic: f32,
    /// The lowest and the highest row of the target genres.
    range: (i32, i32),
    /// Notes of the input, and of what is written, until here.
    heard_notes: f32,
    written: f32,
    /// Cells of the input, and cells that were changed, until here.
    cells: f32,
    changed: f32,
    read: Vec<Vec<f32>>,
    /// What was written, by block and mix.
    heard: Vec<Vec<Heard>>,
    work: Work,
    x: Vec<f32>,
    heard_now: Vec<f32>,
    direct: Vec<f32>,
    weights: Vec<f32>,
    units: Vec<f32>,
}

impl<'a> Run<'a> {
    fn new(
        decoder: &'a Decoder,
        genres: &'a [Vec<f32>],
        scale: u16,
        chromatic: f32,
        read: Vec<Vec<f32>>,
    ) -> Self {
        let (config, mixes) = (decoder.config, genres.len());
        let room = |width: usize| vec![0.0; mixes * width];
        Self {
            decoder,
            genres,
            scale,
            chromatic,
            range: (i32::MIN, i32::MAX),
            heard_notes: 0.0,
            written: 0.0,
            cells: 0.0,
            changed: 0.0,
            read,
            heard: (0..config.writer)
                .map(|_| (0..mixes).map(|_| Heard::new(config.width)).collect())
                .collect(),
            work: Work::new(config, mixes),
            x: room(config.width),
            heard_now: room(config.width),
            direct: room(KINDS * PITCHES),
            weights: room(KINDS * VIEWS),
            units: room(config.units),
        }
    }

    /// The content change until here.
    fn change(&self) -> f32 {
        self.changed / (self.cells + 2.0 * FEW)
    }

    /// Writes one step into `roll`.
    fn step(
        &mut self,
        step: usize,
        content: &[f32],
        own: &Roll,
        roll: &mut Roll,
        draw: &Draw,
        noise: &impl Fn(usize, usize, usize) -> f32,
    ) {
        self.think(step, roll);
        let back = |plane: &[u128; STEPS], lag: usize| step.checked_sub(lag).map_or(0, |step| plane[step]);
        let content = &content[step * FEATURES..][..FEATURES];
        let held = |roll: &Roll| if step == 0 { 0 } else { roll.sounding[step - 1] };
        let starts =
            |roll: &Roll| (roll.sounding[step] & (roll.onset[step] | !held(roll))).count_ones() as f32;
        self.heard_notes += starts(own);
        let seen = Seen {
            content,
            before: back(&roll.sounding, 1),
            struck: back(&roll.onset, 1),
            onsets: ONSET_LAGS.map(|lag| back(&roll.onset, lag)),
            sounding: back(&roll.sounding, SOUNDING_LAG),
            own: [own.sounding[step], own.onset[step]],
            pull: draw.pull * (EAGERNESS * (self.change() - draw.change)).clamp(-3.0, 3.0).exp(),
            scale: self.scale,
            chromatic: self.chromatic,
            range: self.range,
            crowd: draw.density * ((self.written + FEW) / (self.heard_notes + FEW)).ln(),
            ceiling: content[..PITCHES].iter().rposition(|&sounds| sounds > 0.0).unwrap_or(PITCHES - 1),
        };
        let mut chance = [[0.0; PITCHES]; KINDS];
        if draw.temperature > 0.0 {
            for (kind, chance) in chance.iter_mut().enumerate() {
                for (row, chance) in chance.iter_mut().enumerate() {
                    *chance = draw.temperature * noise(step, row, kind);
                }
            }
        }
        let mixes = Mixes { direct: &self.direct, weights: &self.weights, units: &mut self.units };
        [roll.sounding[step], roll.onset[step]] = pitches(self.decoder, mixes, &seen, draw, &chance);
        self.written += roll.onset[step].count_ones() as f32;
        self.cells += own.sounding[step].count_ones() as f32;
        self.changed += (own.sounding[step] ^ roll.sounding[step]).count_ones() as f32;
    }

    /// Fills `direct`, `weights` and `units` for a step.
    fn think(&mut self, step: usize, roll: &Roll) {
        let decoder = self.decoder;
        let d = decoder.config.width;
        for (mix, x) in self.x.chunks_exact_mut(d).enumerate() {
            x.copy_from_slice(&self.read[mix][step * d..][..d]);
            if step > 0 {
                for (kind, plane) in [&roll.sounding, &roll.onset].into_iter().enumerate() {
                    let mut bits = plane[step - 1];
                    while bits != 0 {
                        let cell = kind * PITCHES + bits.trailing_zeros() as usize;
                        add(1.0, &decoder.written[cell * d..][..d], x);
                        bits &= bits - 1;
                    }
                }
            }
            decoder.writer.place(x, step, &self.genres[mix]);
        }
        for (block, heard) in decoder.writer.blocks.iter().zip(&mut self.heard) {
            norm(&self.x, &block.norm1, &mut self.work.normed);
            block.ask.apply(&self.work.normed, &mut self.work.asked);
            let asked = self.work.asked.chunks_exact(3 * d).zip(self.heard_now.chunks_exact_mut(d));
            for ((asked, out), steps) in asked.zip(heard) {
                steps.push(&asked[d..2 * d], &asked[2 * d..]);
                steps.attend(step, decoder.config.heads, &block.distance, &asked[..d], out);
            }
            self.work.finish(block, &self.heard_now, &mut self.x);
        }
        norm(&self.x, &decoder.norm, &mut self.work.normed);
        decoder.direct.apply(&self.work.normed, &mut self.direct);
        decoder.views.apply(&self.work.normed, &mut self.weights);
        decoder.units.apply(&self.work.normed, &mut self.units);
    }
}

/// What a step's pitches are shown of themselves.
struct Seen<'a> {
    content: &'a [f32],
    before: u128,
    struck: u128,
    onsets: [u128; ONSET_LAGS.len()],
    sounding: u128,
    /// Cells and onsets of the input.
    own: [u128; KINDS],
    /// What these have on their side.
    pull: f32,
    /// Pitch classes of its key.
    scale: u16,
    /// What others have against them.
    chromatic: f32,
    /// The lowest and the highest row of the target genres.
    range: (i32, i32),
    /// What new notes have against them because there are many.
    crowd: f32,
    /// The highest row of the melody that sounds; the last where none does.
    ceiling: usize,
}

/// What the writer says of a step, by mix of genres.
struct Mixes<'a> {
    direct: &'a [f32],
    weights: &'a [f32],
    units: &'a mut [f32],
}

/// Decides a step's pitches, the lowest first: which sound, and where a note starts.
#[cfg_attr(feature = "avx512", multiversion(targets("x86_64+avx512f+fma", "x86_64+avx2+fma")))]
#[cfg_attr(not(feature = "avx512"), multiversion(targets("x86_64+avx2+fma")))]
fn pitches(
    decoder: &Decoder,
    mixes: Mixes,
    seen: &Seen,
    draw: &Draw,
    chance: &[[f32; PITCHES]; KINDS],
) -> [u128; KINDS] {
    let Mixes { direct, weights, units: all } = mixes;
    let units = decoder.config.units;
    let bit = |bits: u128, row: usize| f32::from((bits >> row & 1) as u8);
    let (mut cells, mut starts) = (0u128, 0u128);
    for row in 0..PITCHES {
        let content = seen.content;
        let views: [f32; VIEWS] = [
            bit(seen.before, row),
            bit(seen.struck, row),
            content[row],
            content[PITCHES + row],
            content[2 * PITCHES + row % 12],
            content[2 * PITCHES + 12 + row % 12],
            bit(seen.onsets[0], row),
            bit(seen.onsets[1], row),
            bit(seen.onsets[2], row),
            bit(seen.onsets[3], row),
            bit(seen.sounding, row),
        ];
        let at = At { direct, weights, row, views: &views, contrast: draw.contrast };
        let yes = |logit: f32, kind: usize| {
            let own = if seen.own[kind] >> row & 1 == 1 { seen.pull } else { -seen.pull };
            logit + own + chance[kind][row] > 0.0
        };
        let mut lean = draw.melody * views[2];
        if views[0] == 0.0 {
            lean -= if views[2] == 0.0 { seen.crowd } else { 0.0 };
            lean -= if seen.scale >> (row % 12) & 1 == 0 { seen.chromatic } else { 0.0 };
            let inside = (seen.range.0..=seen.range.1).contains(&(row as i32));
            lean -= if inside { 0.0 } else { OUT_OF_RANGE };
            lean -= if row > seen.ceiling { draw.melody } else { 0.0 };
        }
        let full = cells.count_ones() as usize == MOST_AT_ONCE;
        if full || !yes(at.logit(decoder, all, 0) + lean, 0) {
            continue;
        }
        let starts_here = seen.before >> row & 1 == 0 || yes(at.logit(decoder, all, 1) - seen.crowd, 1);
        cells |= 1 << row;
        starts |= u128::from(starts_here) << row;
        for mix in all.chunks_exact_mut(units) {
            add_here(1.0, &decoder.seen[row * units..][..units], mix);
            if starts_here {
                add_here(1.0, &decoder.seen[(PITCHES + row) * units..][..units], mix);
            }
        }
    }
    [cells, starts]
}

/// A pitch of a step.
struct At<'a> {
    direct: &'a [f32],
    weights: &'a [f32],
    row: usize,
    views: &'a [f32; VIEWS],
    contrast: f32,
}

impl At<'_> {
    /// The logit of a decision, given the hidden units by mix of genres.
    #[inline(always)]
    fn logit(&self, decoder: &Decoder, all: &[f32], kind: usize) -> f32 {
        let units = decoder.config.units;
        let target = self.of(decoder, &all[..units], kind, 0);
        // How long notes last the target says alone: going beyond it cuts them in pieces.
        // And what it hardly knows it is not made to do because the source knows it even less (Li et al., Contrastive Decoding,
        // 2022).
        if all.len() == units || self.views[0] > 0.0 || target < IMPLAUSIBLE {
            return target;
        }
        target + self.contrast * (target - self.of(decoder, &all[units..], kind, 1))
    }

    #[inline(always)]
    fn of(&self, decoder: &Decoder, units: &[f32], kind: usize, mix: usize) -> f32 {
        let weights = &self.weights[(mix * KINDS + kind) * VIEWS..][..VIEWS];
        let mut sum = self.direct[(mix * KINDS + kind) * PITCHES + self.row];
        for (weight, view) in weights.iter().zip(self.views) {
            sum = weight.mul_add(*view, sum);
        }
        sum + dot_relu(units, &decoder.hidden[(kind * PITCHES + self.row) * units.len()..][..units.len()])
    }
}
