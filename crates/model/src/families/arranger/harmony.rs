//! The input's harmony, half bar by half bar: what new notes of each pitch class have for and against them.

use phrase::{Roll, chroma};

use super::chord::Chord;
use super::content::{Content, Detail, HALF, HALVES};

/// What was heard of each half bar, and what is written of the one that comes now.
#[derive(Clone, Debug)]
pub(super) struct Harmony {
    /// For how many cells each pitch class sounds in the input.
    heard: [[f32; 12]; HALVES],
    /// The same of what is followed: its triad alone, where the genre recolours a half bar.
    wanted: [[f32; 12]; HALVES],
    /// [`super::Style::foreign`] of the target genres.
    foreign: f32,
    /// [`super::Style::follow`] of the target genres, by half bar.
    follow: [f32; HALVES],
    /// Pairs of pitch classes that each half bar's chord is to have, and what they have on their side.
    members: [[([usize; 2], f32); 2]; HALVES],
    /// For how many cells each pitch class is written in this half bar so far.
    written: [f32; 12],
}

impl Harmony {
    /// Of a phrase and what is told of it; `follow` are [`super::Style::follow`] and the share of it in half
    /// bars that the genre recolours.
    pub(super) fn new(input: &Roll, told: &Content, foreign: f32, [follow, triads]: [f32; 2]) -> Self {
        let heard = chroma(input);
        let (mut wanted, mut follows) = (heard, [follow; HALVES]);
        for half in (0..HALVES).filter(|&half| told.detail[half] != Detail::Classes) {
            follows[half] *= triads;
            if let Some(chord) = told.chords[half] {
                let inside = chord.classes();
                (0..12).filter(|class| !inside.contains(class)).for_each(|class| wanted[half][class] = 0.0);
            }
        }
        Self { heard, wanted, foreign, follow: follows, members: Default::default(), written: [0.0; 12] }
    }

    /// Asks for third and fifth of each chord, see [`super::Style::complete`], and for its guide tones, see
    /// [`super::Style::guide`], in a key of the pitch classes `scale`.
    pub(super) fn complete(&mut self, told: &Content, scale: u16, [complete, guide]: [f32; 2]) {
        let classes = |chord: Chord| {
            let [root, third, fifth] = chord.classes();
            // A minor seventh where both lie in the key, or none.
            let [minor, major] = [10, 11].map(|over| (root + over) % 12);
            let is_major = scale >> minor & 1 == 0 && scale >> major & 1 == 1;
            [([third, fifth], complete), ([third, if is_major { major } else { minor }], guide)]
        };
        self.members = told.chords.map(|chord| chord.map(classes).unwrap_or_default());
    }

    /// The pitch classes of the half bar that a step is in, one bit each. A single 16th passes by.
    pub(super) fn heard(&self, step: usize) -> u16 {
        let heard = &self.heard[step / HALF];
        (0..12).map(|class| u16::from(heard[class] > 1.0) << class).sum()
    }

    /// What new notes of each pitch class have on their side at a step, in logits.
    pub(super) fn leans(&self, step: usize) -> [f32; 12] {
        let (wanted, follow) = (&self.wanted[step / HALF], self.follow[step / HALF]);
        let heard = self.heard(step);
        if heard == 0 {
            // Where nothing is played, nothing is foreign.
            return [0.0; 12];
        }
        let all = wanted.iter().sum::<f32>().max(1.0);
        // As if a voice had been written that is in no class: the first notes are led by the input alone.
        let written = self.written.iter().sum::<f32>() + HALF as f32;
        let lacks: [f32; 12] =
            std::array::from_fn(|class| wanted[class] / all - self.written[class] / written);
        // What the input's notes would have on their side on average: nothing, or each half bar would begin
        // with a chord.
        let usual = wanted.iter().zip(&lacks).map(|(cells, lacks)| cells / all * lacks).sum::<f32>();
        std::array::from_fn(|class| {
            follow * (lacks[class] - usual) - if heard >> class & 1 == 1 { 0.0 } else { self.foreign }
        })
    }

    /// What new inner voices of each pitch class have on their side at a step besides, in logits, because the
    /// chord lacks what it is to have: the more, the later.
    pub(super) fn completes(&self, step: usize) -> [f32; 12] {
        let lacks = |class: usize| self.written[class] == 0.0;
        let late = (1.0 + (step % HALF) as f32 / (HALF - 1) as f32) / 2.0;
        let mut leans = [0.0; 12];
        for (members, weight) in self.members[step / HALF] {
            if !members.into_iter().any(lacks) {
                continue;
            }
            for (class, lean) in leans.iter_mut().enumerate() {
                *lean += match lacks(class) {
                    true if members.contains(&class) => weight * late,
                    true => 0.0,
                    false => -weight * late / 2.0,
                };
            }
        }
        leans
    }

    /// Counts what was written of a step.
    pub(super) fn write(&mut self, step: usize, sounding: u128) {
        let mut left = sounding;
        while left != 0 {
            self.written[left.trailing_zeros() as usize % 12] += 1.0;
            left &= left - 1;
        }
        if step % HALF == HALF - 1 {
            self.written = [0.0; 12];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A C and an E through the first half bar, nothing in the second, a C and a G in the third.
    fn harmony(detail: Detail, triads: f32) -> Harmony {
        let input = Roll::from_cells(|step, row| match step / HALF {
            0 => row == 24 || row == 28,
            2 => row == 24 || row == 31,
            _ => false,
        });
        let told = Content { detail: [detail; HALVES], ..Content::of(&input) };
        Harmony::new(&input, &told, 2.0, [8.0, triads])
    }

    #[test]
    fn what_a_half_bar_lacks_is_wanted_and_what_it_has_too_much_of_is_not() {
        let mut harmony = harmony(Detail::Classes, 0.0);
        let classes = |harmony: &Harmony, step| [0, 2, 4].map(|class| harmony.leans(step)[class]);
        assert_eq!(classes(&harmony, 0), [0.0, -6.0, 0.0]);
        // Four cells of a C, as if eight more were in no class.
        (0..4).for_each(|step| harmony.write(step, 1 << 24));
        let near =
            |found: [f32; 3], told: [f32; 3]| found.iter().zip(told).all(|(a, b)| (a - b).abs() < 1e-5);
        // C lacks 1/6, E 1/2, D nothing; the input's notes 1/3 on average.
        let leans = classes(&harmony, 4);
        assert!(near(leans, [-8.0 / 6.0, -2.0 - 8.0 / 3.0, 8.0 / 6.0]), "{leans:?}");
        (4..8).for_each(|step| harmony.write(step, 1 << 26 | 1 << 38));
        assert_eq!(harmony.leans(8), [0.0; 12], "where nothing is played, nothing is foreign");
        (8..16).for_each(|step| harmony.write(step, 1 << 24));
        assert_eq!(classes(&harmony, 16), [0.0, -6.0, -6.0], "each half bar begins anew");
    }

    #[test]
    fn what_a_chord_lacks_is_wanted_the_more_the_later() {
        let input = Roll::from_cells(|step, row| step < HALF && [24, 28, 31].contains(&row));
        let told = Content::of(&input);
        let mut harmony = Harmony::new(&input, &told, 0.0, [0.0; 2]);
        assert_eq!(harmony.completes(0), [0.0; 12], "nobody asked");
        harmony.complete(&told, 0b1010_1011_0101, [4.0, 0.0]);
        let classes = |harmony: &Harmony, step| [0, 2, 4, 7].map(|class| harmony.completes(step)[class]);
        assert_eq!(classes(&harmony, 0), [0.0, 0.0, 2.0, 2.0]);
        (0..7).for_each(|step| harmony.write(step, 1 << 24 | 1 << 31));
        assert_eq!(classes(&harmony, 7), [-2.0, 0.0, 4.0, -2.0], "a third in place of another fifth");
        harmony.write(7, 1 << 28);
        assert_eq!(harmony.completes(8), [0.0; 12], "where nothing is played, there is no chord");
        harmony.written = [1.0; 12];
        assert_eq!(harmony.completes(1), [0.0; 12], "it is complete");
    }

    #[test]
    fn guide_tones_lie_in_the_key() {
        // C major, then G major.
        let input = Roll::from_cells(|step, row| match step / HALF {
            0 => [24, 28, 31].contains(&row),
            1 => [19, 35, 38].contains(&row),
            _ => false,
        });
        let told = Content::of(&input);
        let mut harmony = Harmony::new(&input, &told, 0.0, [0.0; 2]);
        let asked = |harmony: &Harmony, step| {
            let leans = harmony.completes(step);
            (0..12).filter(|class| leans[*class] > 0.0).collect::<Vec<_>>()
        };
        harmony.complete(&told, 0b1010_1011_0101, [0.0, 4.0]);
        assert_eq!((asked(&harmony, 0), asked(&harmony, 8)), (vec![4, 11], vec![5, 11]));
        // In F major the seventh over C is B flat.
        harmony.complete(&told, 0b0110_1011_0101, [0.0, 4.0]);
        assert_eq!(asked(&harmony, 0), [4, 10]);
    }

    #[test]
    fn of_half_bars_that_the_genre_recolours_the_triad_is_followed_as_far_as_asked() {
        for detail in [Detail::Triad, Detail::Root] {
            assert_eq!(harmony(detail, 0.0).leans(0)[..5], [0.0, -2.0, -2.0, -2.0, 0.0], "{detail:?}");
        }
        // Four cells each of C major, and of a B, which is its colour alone.
        let input = Roll::from_cells(|step, row| step < 4 && [24, 28, 31, 35].contains(&row));
        let leans = |detail, triads| {
            let told = Content { detail: [detail; HALVES], ..Content::of(&input) };
            Harmony::new(&input, &told, 2.0, [8.0, triads]).leans(0)
        };
        let near = |a: f32, b: f32| assert!((a - b).abs() < 1e-5, "{a} and {b}");
        let (classes, triad) = (leans(Detail::Classes, 0.5), leans(Detail::Triad, 0.5));
        near(classes[11] - classes[0], 0.0);
        // A third of what is wanted, four of eight times.
        near(triad[0] - triad[11], 4.0 / 3.0);
        near(triad[11] - triad[2], 2.0);
    }
}
