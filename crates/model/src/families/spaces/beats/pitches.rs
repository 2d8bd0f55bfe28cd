//! How the pitches of a step are decided.

use multiversion::multiversion;
use phrase::PITCHES;

use super::{KINDS, VIEWS};
use crate::families::arranger::{add_here, dot_relu};

/// The most pitches at once: more no two hands play.
const MOST_AT_ONCE: usize = 12;

/// What is known of a step.
pub(super) struct Step<'a> {
    /// Logits by kind and row.
    pub(super) direct: &'a [f32],
    /// What each view counts, by kind.
    pub(super) weights: &'a [f32],
    /// `[VIEWS][84]`.
    pub(super) views: &'a [f32],
    /// What sounded a step ago.
    pub(super) before: u128,
    /// What is added to the logit of a note that starts, by row.
    pub(super) lean: &'a [f32; PITCHES],
    /// What is added to each logit, by kind and row.
    pub(super) pull: &'a [[f32; PITCHES]; KINDS],
}

/// Decides a step's pitches, the lowest first: which sound, and where a note starts. The likelier answer of
/// each cell is taken. `seen` and `hidden` `[KINDS][84][units]`; `units` are the step's own and are changed.
#[cfg_attr(feature = "avx512", multiversion(targets("x86_64+avx512f+fma", "x86_64+avx2+fma")))]
#[cfg_attr(not(feature = "avx512"), multiversion(targets("x86_64+avx2+fma")))]
pub(super) fn pitches(step: &Step, seen: &[f32], hidden: &[f32], units: &mut [f32]) -> [u128; KINDS] {
    let count = units.len();
    let (mut cells, mut starts) = (0u128, 0u128);
    for row in 0..PITCHES {
        let logit = |units: &[f32], kind: usize| {
            let mut sum = step.direct[kind * PITCHES + row] + step.pull[kind][row];
            for view in 0..VIEWS {
                sum = step.weights[kind * VIEWS + view].mul_add(step.views[view * PITCHES + row], sum);
            }
            sum + dot_relu(units, &hidden[(kind * PITCHES + row) * count..][..count])
        };
        let held = step.before >> row & 1 == 1;
        let lean = if held { 0.0 } else { step.lean[row] };
        if cells.count_ones() as usize == MOST_AT_ONCE || logit(units, 0) + lean <= 0.0 {
            continue;
        }
        let starts_here = !held || logit(units, 1) + step.lean[row] > 0.0;
        cells |= 1 << row;
        add_here(1.0, &seen[row * count..][..count], units);
        if starts_here {
            starts |= 1 << row;
            add_here(1.0, &seen[(PITCHES + row) * count..][..count], units);
        }
    }
    [cells, starts]
}
