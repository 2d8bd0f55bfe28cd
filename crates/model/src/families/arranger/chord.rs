//! What a half bar's harmony does, whatever colours it: its root, and whether that is major or minor.

/// A triad: all that an arranger who recolours the harmony keeps of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chord {
    /// Pitch class of the root.
    pub root: usize,
    /// A minor third over it, not a major one.
    pub minor: bool,
}

/// What root, third and fifth count when a chord is looked for. A chord without its fifth is still that
/// chord.
const MEMBERS: [f32; 3] = [1.0, 0.9, 0.7];
/// What a class outside the triad counts against it.
const OUTSIDE: f32 = -0.35;
/// What the bass's class counts for a chord of that root, beside a class that sounds all the time.
const BASS: f32 = 0.6;

impl Chord {
    /// The triad that explains best how much each pitch class sounds, over this class in the bass; `None`
    /// where nothing does.
    pub fn of(classes: &[f32; 12], bass: Option<usize>) -> Option<Self> {
        let total: f32 = classes.iter().sum();
        if total <= 0.0 {
            return None;
        }
        let longest = classes.iter().copied().fold(0.0, f32::max);
        let mut best = (f32::NEG_INFINITY, Self { root: 0, minor: false });
        for root in 0..12 {
            for minor in [false, true] {
                let chord = Self { root, minor };
                let inside: f32 = chord
                    .classes()
                    .iter()
                    .zip(MEMBERS)
                    .map(|(&class, share)| classes[class] * (share - OUTSIDE))
                    .sum();
                let over = if bass == Some(root) { BASS * longest } else { 0.0 };
                let score = inside + OUTSIDE * total + over;
                if score > best.0 {
                    best = (score, chord);
                }
            }
        }
        Some(best.1)
    }

    /// Root, third and fifth.
    pub fn classes(self) -> [usize; 3] {
        let third = if self.minor { 3 } else { 4 };
        [self.root, (self.root + third) % 12, (self.root + 7) % 12]
    }

    /// The chords of the same function: each shares two notes with it.
    pub fn relatives(self) -> [Self; 2] {
        let chord = |up: usize| Self { root: (self.root + up) % 12, minor: !self.minor };
        if self.minor { [chord(3), chord(8)] } else { [chord(9), chord(4)] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chord(notes: &[usize]) -> Option<Chord> {
        let mut classes = [0.0; 12];
        notes.iter().for_each(|note| classes[note % 12] += 1.0);
        Chord::of(&classes, notes.first().map(|note| note % 12))
    }

    #[test]
    fn colours_do_not_hide_the_function() {
        let (major, minor) =
            (|root| Some(Chord { root, minor: false }), |root| Some(Chord { root, minor: true }));
        assert_eq!(chord(&[0, 4, 7]), major(0));
        assert_eq!(chord(&[0, 4, 7, 11, 14]), major(0), "C major seventh with its ninth");
        assert_eq!(chord(&[9, 12, 16, 19]), minor(9), "A minor seventh is not C");
        assert_eq!(chord(&[7, 11, 17]), major(7), "a dominant without its fifth");
        assert_eq!(chord(&[2, 5, 12, 16]), minor(2), "D minor ninth without its fifth");
        assert_eq!(chord(&[4, 12, 19]), major(0), "an inversion");
        assert_eq!(chord(&[]), None);
    }

    #[test]
    fn relatives_share_two_notes() {
        for root in 0..12 {
            for minor in [false, true] {
                let chord = Chord { root, minor };
                for other in chord.relatives() {
                    let shared =
                        other.classes().iter().filter(|class| chord.classes().contains(class)).count();
                    assert_eq!(shared, 2, "{chord:?} {other:?}");
                }
            }
        }
    }
}
