//! All that is struck at once as one event, and what goes on sounding under it.

/// The longest event, in steps; what lasts longer goes on in another one, in which nothing is struck.
pub const LONGEST: usize = 16;

/// Silence that counts as a rest; a shorter one is the end of what sounded before.
const REST: usize = 2;

/// What happens at a step. Bits are rows of a roll.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Event {
    /// When, in steps.
    pub start: usize,
    /// Steps to the next one, or to the end of what was read: 1 to [`LONGEST`].
    pub length: usize,
    /// The rows that are struck; none where something goes on, or a rest begins.
    pub struck: u128,
    /// The rows that sound from here on: those struck, and those held from before.
    pub sounding: u128,
}

/// The events of some steps, whose planes are as long as each other: one wherever something is struck, where
/// a rest of two steps or more begins, and every [`LONGEST`] steps of nothing new. None for no steps.
pub fn events(sounding: &[u128], onset: &[u128]) -> Vec<Event> {
    let steps = sounding.len().min(onset.len());
    let mut starts = vec![0; usize::from(steps > 0)];
    let mut silent = 0;
    for step in 0..steps {
        silent = if sounding[step] == 0 { silent + 1 } else { 0 };
        if silent == REST && step + 1 > REST && step + 1 - REST > *starts.last().unwrap_or(&0) {
            starts.push(step + 1 - REST);
        }
        if onset[step] & sounding[step] != 0 && step > 0 {
            starts.push(step);
        }
    }
    collect(&starts, steps, |step| (onset[step] & sounding[step], sounding[step]))
}

/// The slices of some steps, cut wherever what sounds changes or something is struck; all of a slice counts
/// as struck, as in a score that was chordified.
pub fn slices(sounding: &[u128], onset: &[u128]) -> Vec<Event> {
    let steps = sounding.len().min(onset.len());
    let changes = |&step: &usize| {
        step == 0 || sounding[step] != sounding[step - 1] || onset[step] & sounding[step] != 0
    };
    let starts: Vec<usize> = (0..steps).filter(changes).collect();
    collect(&starts, steps, |step| (sounding[step], sounding[step]))
}

fn collect(starts: &[usize], steps: usize, at: impl Fn(usize) -> (u128, u128)) -> Vec<Event> {
    let ends = starts.iter().skip(1).copied().chain([steps]);
    let mut all = Vec::with_capacity(starts.len());
    for (&start, end) in starts.iter().zip(ends) {
        for from in (start..end).step_by(LONGEST) {
            let (struck, sounding) = at(from);
            let struck = if from == start { struck } else { 0 };
            all.push(Event { start: from, length: (end - from).min(LONGEST), struck, sounding });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Planes of notes: row, start, length.
    fn planes(steps: usize, notes: &[(usize, usize, usize)]) -> (Vec<u128>, Vec<u128>) {
        let (mut sounding, mut onset) = (vec![0; steps], vec![0; steps]);
        for &(row, start, length) in notes {
            onset[start] |= 1 << row;
            sounding[start..start + length].iter_mut().for_each(|bits| *bits |= 1 << row);
        }
        (sounding, onset)
    }

    fn told(all: &[Event]) -> Vec<(usize, usize, u128, u128)> {
        all.iter().map(|e| (e.start, e.length, e.struck, e.sounding)).collect()
    }

    #[test]
    fn notes_struck_together_are_one_event_and_held_ones_are_told_beside_it() {
        let (sounding, onset) = planes(32, &[(1, 2, 6), (2, 2, 2), (3, 4, 4), (1, 10, 1), (4, 12, 20)]);
        let expected = [
            (0, 2, 0, 0),
            (2, 2, 0b0110, 0b0110),
            (4, 4, 0b1000, 0b1010),
            (8, 2, 0, 0),
            (10, 2, 0b0010, 0b0010), // A silence of one step is none.
            (12, 16, 0b10000, 0b10000),
            (28, 4, 0, 0b10000),
        ];
        assert_eq!(told(&events(&sounding, &onset)), expected);
        assert!(events(&[], &[]).is_empty());
        let all = events(&[0; 40], &[0; 40]);
        assert_eq!(told(&all), [(0, 16, 0, 0), (16, 16, 0, 0), (32, 8, 0, 0)]);
    }

    #[test]
    fn slices_are_cut_at_every_change() {
        let (sounding, onset) = planes(8, &[(1, 0, 4), (2, 2, 4), (2, 6, 1)]);
        let expected = [
            (0, 2, 0b010, 0b010),
            (2, 2, 0b110, 0b110),
            (4, 2, 0b100, 0b100),
            (6, 1, 0b100, 0b100),
            (7, 1, 0, 0),
        ];
        assert_eq!(told(&slices(&sounding, &onset)), expected);
    }
}
