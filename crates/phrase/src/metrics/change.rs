//! How much a transfer changed. Real-time safe.

use serde::{Deserialize, Serialize};

use crate::STEPS;

/// How many cells a transfer changed, each relative to the number of cells that sounded in the source.
///
/// The content metric of Brunner et al. 2019 (symbolic transfer with spectral normalisation and
/// self-attention): 0 is the source itself, `removed` is at most 1, `added` has no upper bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContentChange {
    /// Cells that only the answer has.
    pub added: f32,
    /// Cells that only the source has.
    pub removed: f32,
    /// Both together.
    pub total: f32,
}

impl ContentChange {
    /// The change between two sounding planes.
    ///
    /// Undefined in the paper for a source without a cell; here it then counts as having one, which keeps the
    /// numbers finite.
    pub fn between(source: &[u128; STEPS], answer: &[u128; STEPS]) -> Self {
        let count = |f: fn(u128, u128) -> u128| -> u32 {
            source.iter().zip(answer).map(|(&s, &a)| f(s, a).count_ones()).sum()
        };
        let cells = count(|s, _| s).max(1) as f32;
        let (added, removed) = (count(|s, a| a & !s), count(|s, a| s & !a));
        Self {
            added: added as f32 / cells,
            removed: removed as f32 / cells,
            total: (added + removed) as f32 / cells,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Roll;

    fn rolls() -> impl Strategy<Value = Roll> {
        prop::collection::vec(any::<u128>(), STEPS)
            .prop_map(|bits| Roll::from_sounding(bits.try_into().unwrap()))
    }

    #[test]
    fn change_is_relative_to_the_source() {
        let source = Roll::from_cells(|step, row| row == 0 && step < 4);
        let answer = Roll::from_cells(|step, row| row == 0 && (3..9).contains(&step));
        let change = ContentChange::between(&source.sounding, &answer.sounding);
        assert_eq!(change, ContentChange { added: 1.25, removed: 0.75, total: 2.0 });
    }

    #[test]
    fn an_empty_source_stays_finite() {
        let answer = Roll::from_cells(|step, _| step == 0);
        let change = ContentChange::between(&Roll::EMPTY.sounding, &answer.sounding);
        assert_eq!(change, ContentChange { added: 84.0, removed: 0.0, total: 84.0 });
    }

    proptest! {
        #[test]
        fn nothing_changes_between_equals(roll in rolls()) {
            prop_assert_eq!(ContentChange::between(&roll.sounding, &roll.sounding), ContentChange::default());
        }

        #[test]
        fn added_one_way_is_removed_the_other(a in rolls(), b in rolls()) {
            prop_assume!(!a.is_empty() && !b.is_empty());
            let (there, back) = (
                ContentChange::between(&a.sounding, &b.sounding),
                ContentChange::between(&b.sounding, &a.sounding),
            );
            prop_assert_eq!((there.added * a.cells() as f32).round(),
                (back.removed * b.cells() as f32).round());
            prop_assert!(there.removed <= 1.0);
        }
    }
}
