//! What a network of dynamics is measured against: a linear regression, and the plugin's rule without a
//! network, by which a new note takes its velocity from its neighbours.

use model::touch::KEYS;
use phrase::STEPS_PER_BAR;

use super::takes::Take;

/// Numbers that the regression has of a note: one, pitch, top, bottom, and the place in the bar.
const NUMBERS: usize = 4 + STEPS_PER_BAR;

/// Velocity, relative to the phrase's mean, by pitch, place in the bar and outer voice.
#[derive(Clone, Debug)]
pub struct Regression([f64; NUMBERS]);

impl Regression {
    /// By least squares over all notes of these takes.
    pub fn fit(takes: &[Take]) -> Self {
        let mut sums = vec![[0.0; NUMBERS + 1]; NUMBERS];
        for take in takes {
            let level = take.level();
            for (index, velocity) in take.velocities.iter().enumerate() {
                let numbers = numbers(take, index);
                for (row, a) in sums.iter_mut().zip(&numbers) {
                    row.iter_mut().zip(&numbers).for_each(|(sum, b)| *sum += a * b);
                    row[NUMBERS] += a * f64::from(velocity - level);
                }
            }
        }
        // The places add up to the one: a hair of a ridge picks among equal solutions.
        for (index, row) in sums.iter_mut().enumerate() {
            row[index] += 1e-3;
        }
        Self(solved(sums))
    }

    /// Of each note of a take.
    pub fn predict(&self, take: &Take) -> Vec<f32> {
        let one = |index| numbers(take, index).iter().zip(&self.0).map(|(a, b)| a * b).sum::<f64>() as f32;
        (0..take.notes.len()).map(one).collect()
    }
}

fn numbers(take: &Take, index: usize) -> [f64; NUMBERS] {
    let (step, key) = take.notes[index];
    let held = take.score.held[step];
    let on = |is: bool| f64::from(u8::from(is));
    let mut numbers = [0.0; NUMBERS];
    numbers[..4].copy_from_slice(&[
        1.0,
        key as f64 / KEYS as f64,
        on(held >> key == 1),
        on(held.trailing_zeros() as usize == key),
    ]);
    numbers[4 + (take.score.place + step) % STEPS_PER_BAR] = 1.0;
    numbers
}

/// Solves equations, one a row, by Gauss's elimination with pivots.
fn solved(mut rows: Vec<[f64; NUMBERS + 1]>) -> [f64; NUMBERS] {
    for column in 0..NUMBERS {
        let largest = |a: &usize, b: &usize| rows[*a][column].abs().total_cmp(&rows[*b][column].abs());
        let pivot = (column..NUMBERS).max_by(largest).unwrap_or(column);
        rows.swap(column, pivot);
        let row = rows[column];
        if row[column].abs() < 1e-12 {
            continue;
        }
        for (_, other) in rows.iter_mut().enumerate().filter(|(index, _)| *index != column) {
            let share = other[column] / row[column];
            other.iter_mut().zip(&row).for_each(|(value, pivot)| *value -= share * pivot);
        }
    }
    std::array::from_fn(|index| {
        let row = &rows[index];
        if row[index].abs() < 1e-12 { 0.0 } else { row[NUMBERS] / row[index] }
    })
}

/// The velocity of each note that is not `told` by the plugin's rule: the mean of what is, the near ones
/// counting most. `None` for those that are.
pub fn neighbours(take: &Take, told: &[bool]) -> Vec<Option<f32>> {
    let steps = take.score.held.len();
    let end = |&(step, key): &(usize, usize)| {
        let on = |&at: &usize| take.score.held[at] >> key & 1 == 1 && take.score.struck[at] >> key & 1 == 0;
        step + 1 + (step + 1..steps).take_while(on).count()
    };
    let known: Vec<(usize, usize, usize, f32)> = take
        .notes
        .iter()
        .zip(&take.velocities)
        .zip(told)
        .filter(|(_, told)| **told)
        .map(|((note, velocity), _)| (note.0, end(note), note.1, *velocity))
        .collect();
    let one = |(&(step, key), told): (&(usize, usize), &bool)| {
        if *told || known.is_empty() {
            return None;
        }
        let (mut weights, mut sum) = (0.0f32, 0.0f32);
        for &(start, end, other, velocity) in &known {
            let away = start.saturating_sub(step).max((step + 1).saturating_sub(end));
            let weight = (1.0 + away as f32).powi(-2) * 12.0 / (12.0 + key.abs_diff(other) as f32);
            weights += weight;
            sum += weight * velocity;
        }
        Some(sum / weights)
    };
    take.notes.iter().zip(told).map(one).collect()
}

#[cfg(test)]
mod tests {
    use model::touch::Score;

    use super::*;

    fn take(notes: &[(usize, usize, f32)]) -> Take {
        let mut score = Score { place: 0, struck: vec![0; 64], held: vec![0; 64] };
        for &(step, key, _) in notes {
            score.struck[step] |= 1 << key;
            score.held[step] |= 1 << key;
        }
        let notes_of = score.notes();
        let velocity = |note: &(usize, usize)| notes.iter().find(|n| (n.0, n.1) == *note).unwrap().2;
        let velocities = notes_of.iter().map(velocity).collect();
        Take { score, notes: notes_of, velocities, song: 0 }
    }

    #[test]
    fn the_regression_finds_what_is_linear() {
        // Louder with pitch and on the bar's first beat.
        let notes: Vec<(usize, usize, f32)> = (0..64)
            .map(|step| {
                (
                    step,
                    20 + step * 7 % 40,
                    0.3 + (step * 7 % 40) as f32 / 100.0 + if step % 16 == 0 { 0.1 } else { 0.0 },
                )
            })
            .collect();
        let take = take(&notes);
        let said = Regression::fit(std::slice::from_ref(&take)).predict(&take);
        for (said, velocity) in said.iter().zip(&take.velocities) {
            assert!((said - (velocity - take.level())).abs() < 2e-3, "{said} for {velocity}");
        }
    }

    #[test]
    fn neighbours_count_by_their_distance() {
        let take = take(&[(0, 40, 0.2), (1, 40, 0.9), (8, 40, 0.4)]);
        assert_eq!(neighbours(&take, &[true, false, true])[0], None);
        // A step away, and seven.
        let said = neighbours(&take, &[true, false, true])[1].unwrap();
        let (near, far) = (1.0 / 4.0, 1.0 / 64.0);
        assert!((said - (near * 0.2 + far * 0.4) / (near + far)).abs() < 1e-6);
    }
}
