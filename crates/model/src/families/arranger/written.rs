//! A phrase while it is written: what was decided so far, and what the writer makes of it.

use phrase::{PITCHES, Roll, STEPS, STEPS_PER_BAR, STEPS_PER_BEAT};

use super::decode::{Chance, Decoder, Work};
use super::draw::{Mixes, Seen, is_low, pitches};
use super::harmony::Harmony;
use super::linear::{Memory, add, norm};
use super::lines::Lines;
use super::texture::Texture;
use super::{BEATS, INTERVALS, KINDS, MEMORY, ONSET_LAGS, SOUNDING_LAG, Style, VIEWS};

/// How fast the pull follows the content change: by this many powers of e for a change of 100 %.
const EAGERNESS: f32 = 4.0;

/// Notes that are added to both counts before they are compared, so that the first few do not matter.
const FEW: f32 = 8.0;

/// Strokes are asked for from this many rows under the mean of their texture on.
const BELOW: i32 = 5;

/// A phrase that is being written, for one mix of genres or two side by side.
pub(super) struct Run<'a> {
    decoder: &'a Decoder,
    genres: &'a [Vec<f32>],
    /// Pitch classes of the input's key.
    scale: u16,
    /// What cells outside it have against them, and what those of no tune have besides.
    chromatic: f32,
    pub(super) diatonic: f32,
    /// The lowest and the highest row of the target genres.
    pub(super) range: (i32, i32),
    /// The MIDI pitch of row 0.
    pub(super) bottom: i32,
    /// See [`Style::figure`], [`Style::approach`] (of the target genres) and [`Style::border`].
    pub(super) figure: f32,
    pub(super) approach: f32,
    pub(super) border: f32,
    /// [`Style::astray`] of the target genres.
    pub(super) astray: f32,
    /// [`super::Moves`] of the target genres: by beat of the bar and interval, and against a way back.
    pub(super) moves: Option<([[f32; INTERVALS]; BEATS], f32)>,
    /// What the answer's texture is, and [`Style::texture`] of the target genres, inner voices and bass.
    pub(super) texture: Option<(Texture, [f32; 2])>,
    /// [`Style::tied`] of the target genres.
    pub(super) tied: f32,
    /// What bass and inner voices have for and against them on every step.
    pub(super) always: Lines,
    /// What new notes have for and against them by pitch class.
    harmony: Harmony,
    /// By how much it is to have more notes than the input.
    pub(super) more: f32,
    /// Notes of the input, times that, and of what is written, until here.
    heard_notes: f32,
    written: f32,
    /// Cells of the input, and cells that were changed, until here.
    cells: f32,
    changed: f32,
    read: Vec<Vec<f32>>,
    /// Cells and onsets that were written, after those that are remembered.
    cells_written: Vec<[u128; KINDS]>,
    /// What was written, by block and mix, as far as the writer has heard it.
    heard: Vec<Vec<Memory>>,
    steps_heard: usize,
    work: Work,
    /// What the writer makes of it for the step that comes now, by mix.
    x: Vec<f32>,
    heard_now: Vec<f32>,
    direct: Vec<f32>,
    weights: Vec<f32>,
    units: Vec<f32>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        decoder: &'a Decoder,
        genres: &'a [Vec<f32>],
        scale: u16,
        chromatic: f32,
        harmony: Harmony,
        read: Vec<Vec<f32>>,
    ) -> Self {
        let (config, mixes) = (decoder.config, genres.len());
        let room = |width: usize| vec![0.0; mixes * width];
        Self {
            decoder,
            genres,
            scale,
            chromatic,
            diatonic: 0.0,
            range: (i32::MIN, i32::MAX),
            bottom: 0,
            figure: 0.0,
            approach: 0.0,
            border: 1.0,
            astray: 0.0,
            moves: None,
            texture: None,
            tied: 0.0,
            always: Lines::default(),
            harmony,
            more: 1.0,
            heard_notes: 0.0,
            written: 0.0,
            cells: 0.0,
            changed: 0.0,
            read,
            cells_written: Vec::with_capacity(MEMORY + STEPS),
            heard: (0..config.writer)
                .map(|_| (0..mixes).map(|_| Memory::new(config.width)).collect())
                .collect(),
            steps_heard: 0,
            work: Work::new(config),
            x: Vec::new(),
            heard_now: Vec::new(),
            direct: room(KINDS * PITCHES),
            weights: room(KINDS * VIEWS),
            units: room(config.units),
        }
    }

    /// The content change until here.
    fn change(&self) -> f32 {
        self.changed / (self.cells + 2.0 * FEW)
    }

    /// Begins with the bar before the phrase. `before` are the 64 steps in front of `first`; silence, where
    /// nothing is known.
    pub(super) fn remember(&mut self, before: Option<&Roll>, first: usize) {
        let memory = self.decoder.config.memory();
        for step in 0..memory {
            let step = STEPS - first - memory + step;
            self.cells_written
                .push(before.map_or([0; KINDS], |roll| [roll.sounding[step], roll.onset[step]]));
        }
    }

    /// A step that was played already: what of `before`, the 64 steps in front of `first`, lies there.
    pub(super) fn repeat(&mut self, step: usize, own: &Roll, before: &Roll, first: usize) {
        let from = STEPS - first + step;
        self.heard_notes += self.more * starts(own, step);
        self.write(step, own, [before.sounding[from], before.onset[from]]);
    }

    /// What was written of the phrase.
    pub(super) fn roll(&self) -> Roll {
        let mut roll = Roll::EMPTY;
        for (step, cells) in self.cells_written[self.decoder.config.memory()..].iter().enumerate() {
            [roll.sounding[step], roll.onset[step]] = *cells;
        }
        roll
    }

    /// Writes one step.
    pub(super) fn step(
        &mut self,
        step: usize,
        content: &[f32],
        own: &Roll,
        draw: &Style,
        chance: &impl Chance,
    ) {
        self.listen();
        self.speak();
        let back = |kind: usize, lag: usize| {
            let step = self.cells_written.len().checked_sub(lag);
            step.map_or(0, |step| self.cells_written[step][kind])
        };
        let features = self.decoder.config.features();
        let lines = self.lines(step, content);
        let content = &content[step * features..][..features];
        // Counted after the step is written, as what is written is: a source that strikes four notes at once
        // would else lift every silent cell of the first step, and each answer begin with a cluster. Packs of
        // before were chosen with that.
        let struck = self.more * starts(own, step);
        self.heard_notes += if draw.counts_after { 0.0 } else { struck };
        // Where there are to be fewer, the first step has fewer too; where there are to be more, each answer
        // would begin with a chord.
        let few = FEW * self.more.min(1.0);
        let seen = Seen {
            content,
            before: back(0, 1),
            struck: back(1, 1),
            onsets: ONSET_LAGS.map(|lag| back(1, lag)),
            sounding: back(0, SOUNDING_LAG),
            own: [own.sounding[step], own.onset[step]],
            pull: draw.pull * (EAGERNESS * (self.change() - draw.change)).clamp(-3.0, 3.0).exp(),
            scale: self.scale,
            chromatic: self.chromatic,
            diatonic: self.diatonic,
            classes: self.harmony.leans(step),
            completes: self.harmony.completes(step),
            range: self.range,
            crowd: draw.density * ((self.written + FEW) / (self.heard_notes + few)).ln(),
            bottom: self.bottom,
            lines,
            ceiling: content[..PITCHES].iter().rposition(|&sounds| sounds > 0.0).unwrap_or(PITCHES - 1),
        };
        let mut noise = [[0.0; PITCHES]; KINDS];
        if draw.temperature > 0.0 {
            for (kind, noise) in noise.iter_mut().enumerate() {
                for (row, noise) in noise.iter_mut().enumerate() {
                    *noise = draw.temperature * chance.noise(step, row, kind);
                }
            }
        }
        let mixes = Mixes { direct: &self.direct, weights: &self.weights, units: &mut self.units };
        let cells = pitches(self.decoder, mixes, &seen, draw, &noise);
        self.heard_notes += if draw.counts_after { struck } else { 0.0 };
        self.write(step, own, cells);
    }

    /// What bass and inner voices have for and against them at a step.
    fn lines(&self, step: usize, content: &[f32]) -> Lines {
        let mut lines = self.always.on(step);
        let now = self.cells_written.len();
        if self.figure > 0.0 && now >= STEPS_PER_BAR {
            let bar = &self.cells_written[now - STEPS_PER_BAR..];
            if bar.iter().any(|cells| cells[1] != 0) {
                let [sounding, struck] = bar[0];
                let ends = |bits: u128| 1u128.unbounded_shl(bits.trailing_zeros()) | top(bits);
                let bass = struck & sounding & sounding.wrapping_neg();
                let was = |struck: bool| if struck { self.figure } else { -self.figure };
                lines.bass = was(bass != 0 && is_low(bass.trailing_zeros() as usize, self.bottom));
                lines.inner = was(struck & !ends(sounding) != 0);
            }
        }
        if let Some((texture, weights)) = &self.texture {
            let shares = texture.strikes(step % STEPS_PER_BAR);
            for (voice, stroke) in lines.strokes.iter_mut().enumerate() {
                *stroke += weights[voice] * (2.0 * shares[voice] - 1.0);
            }
            lines.lies = texture.rows().map(|row| row - BELOW);
        }
        if step == 0 && self.tied > 0.0 {
            lines.tied = self.tied;
            lines.heard = self.harmony.heard(step);
        }
        lines.astray = self.astray;
        lines.inside = self.scale | self.harmony.heard(step);
        if self.approach > 0.0 || self.astray > 0.0 || self.moves.is_some() {
            lines.approach = self.approach;
            let bass = |&[sounding, struck]: &[u128; KINDS]| {
                let lowest = sounding & sounding.wrapping_neg() & struck;
                let row = lowest.trailing_zeros() as usize;
                (lowest != 0 && is_low(row, self.bottom)).then_some(row)
            };
            let mut basses = self
                .cells_written
                .iter()
                .enumerate()
                .rev()
                .filter_map(|(at, cells)| Some((at, bass(cells)?)));
            let last = basses.next();
            lines.from = last.map(|(_, row)| row);
            if let Some((motion, returns)) = &self.moves {
                lines.motion = motion[step % STEPS_PER_BAR / STEPS_PER_BEAT];
                lines.returns = if step.is_multiple_of(STEPS_PER_BAR) { 0.0 } else { *returns };
                lines.left = basses.next().map(|(_, row)| row).filter(|&left| lines.from != Some(left));
            }
            let is_first = last.is_some_and(|(at, _)| at < self.decoder.config.memory());
            lines.leap = self.approach * if is_first { self.border } else { 1.0 };
            let bar = step / STEPS_PER_BAR * STEPS_PER_BAR;
            let last_beat = step - bar >= STEPS_PER_BAR - STEPS_PER_BEAT;
            let to = if last_beat { bar + STEPS_PER_BAR } else { step };
            if (last_beat || step == bar) && to < STEPS {
                let told = &content[to * self.decoder.config.features() + 2 * PITCHES + 12..][..12];
                lines.into = told.iter().position(|class| *class > 0.0);
            }
            lines.arrives = step == bar;
            lines.lowest = self.range.0;
        }
        lines
    }

    fn write(&mut self, step: usize, own: &Roll, cells: [u128; KINDS]) {
        self.cells_written.push(cells);
        self.harmony.write(step, cells[0]);
        self.written += cells[1].count_ones() as f32;
        self.cells += own.sounding[step].count_ones() as f32;
        self.changed += (own.sounding[step] ^ cells[0]).count_ones() as f32;
    }

    /// Lets the writer hear all that is written and that it has not heard yet, for the step that comes now:
    /// all of it at once, for its weights stream from afar for one step as for seventeen.
    fn listen(&mut self) {
        let decoder = self.decoder;
        let (d, mixes) = (decoder.config.width, self.genres.len());
        let (first, now) = (self.steps_heard, self.cells_written.len());
        let rows = (now + 1 - first) * mixes;
        self.x.resize(rows * d, 0.0);
        self.work.fit(rows);
        for (row, x) in self.x.chunks_exact_mut(d).enumerate() {
            let (at, mix) = (first + row / mixes, row % mixes);
            match at.checked_sub(decoder.config.memory()) {
                Some(step) => x.copy_from_slice(&self.read[mix][step * d..][..d]),
                None => x.fill(0.0),
            }
            let last = at.checked_sub(1).map_or([0; KINDS], |last| self.cells_written[last]);
            for (kind, mut bits) in last.into_iter().enumerate() {
                while bits != 0 {
                    let cell = kind * PITCHES + bits.trailing_zeros() as usize;
                    add(1.0, &decoder.written[cell * d..][..d], x);
                    bits &= bits - 1;
                }
            }
            decoder.writer.place(x, at, &self.genres[mix]);
        }
        for (number, (block, heard)) in decoder.writer.blocks.iter().zip(&mut self.heard).enumerate() {
            norm(&self.x, &block.norm1, &mut self.work.normed);
            block.ask.apply(&self.work.normed, &mut self.work.asked);
            // The last block is asked about the step that comes now alone.
            let is_last = number + 1 == decoder.writer.blocks.len();
            let passed = if is_last { rows - mixes } else { 0 };
            self.heard_now.resize((rows - passed) * d, 0.0);
            for (row, asked) in self.work.asked.chunks_exact(3 * d).enumerate() {
                let steps = &mut heard[row % mixes];
                steps.push(&asked[d..2 * d], &asked[2 * d..]);
                if let Some(row_out) = row.checked_sub(passed) {
                    let (step, out) = (first + row / mixes, &mut self.heard_now[row_out * d..][..d]);
                    steps.attend(step, decoder.config.heads, &block.distance, &asked[..d], out);
                }
            }
            self.x.drain(..passed * d);
            self.work.fit(rows - passed);
            self.work.finish(block, &self.heard_now, &mut self.x);
        }
        self.steps_heard = now + 1;
    }

    /// Fills `direct`, `weights` and `units` for the step that was listened for.
    fn speak(&mut self) {
        let decoder = self.decoder;
        norm(&self.x, &decoder.norm, &mut self.work.normed);
        decoder.direct.apply(&self.work.normed, &mut self.direct);
        decoder.views.apply(&self.work.normed, &mut self.weights);
        decoder.units.apply(&self.work.normed, &mut self.units);
    }
}

/// The highest of some cells.
fn top(bits: u128) -> u128 {
    if bits == 0 { 0 } else { 1 << (127 - bits.leading_zeros()) }
}

/// Notes of `own` that start at a step.
fn starts(own: &Roll, step: usize) -> f32 {
    let held = if step == 0 { 0 } else { own.sounding[step - 1] };
    (own.sounding[step] & (own.onset[step] | !held)).count_ones() as f32
}
