//! The phrases that a user takes as models: the corners of the morph, and the one whose accompaniment answers
//! are to have. Saved with the project; the worker looks at them with every answer that needs them, the audio
//! thread never does.

use model::CORNERS;
use phrase::{Phrase, Roll};
use serde::{Deserialize, Serialize};

use super::Frozen;

/// The phrases of an instance's user, as a project saves them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Models {
    /// The corners of the morph: top left, top right, bottom left, bottom right.
    pub corners: [Option<Frozen>; CORNERS],
    /// Whose accompaniment answers are to have.
    pub manner: Option<Frozen>,
}

/// The same as cells; an empty roll is no phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRolls {
    /// The corners.
    pub corners: [Roll; CORNERS],
    /// The model of accompaniments.
    pub manner: Roll,
}

impl Default for ModelRolls {
    fn default() -> Self {
        Self { corners: [Roll::EMPTY; CORNERS], manner: Roll::EMPTY }
    }
}

impl ModelRolls {
    /// Whether there is anything to morph between.
    pub fn has_corners(&self) -> bool {
        self.corners.iter().any(|corner| !corner.is_empty())
    }
}

impl Models {
    /// The phrases as cells. Not for the audio thread.
    pub fn rolls(&self) -> ModelRolls {
        let mut phrase = Box::new(Phrase::new(0, 120.0));
        let mut roll = |frozen: &Option<Frozen>| {
            frozen.as_ref().map_or(Roll::EMPTY, |frozen| {
                frozen.write(&mut phrase);
                phrase.roll()
            })
        };
        ModelRolls { corners: self.corners.each_ref().map(&mut roll), manner: roll(&self.manner) }
    }
}

#[cfg(test)]
mod tests {
    use phrase::Note;

    use super::*;

    #[test]
    fn models_come_back_as_they_were_and_are_cells_for_the_network() {
        let mut phrase = Phrase::new(0, 120.0);
        phrase.push(Note::new(60, 0, 0.5, 4.0, 4.0));
        let one = Some(Frozen::new(&phrase, 0, 64.0));
        let models = Models { corners: [None, one.clone(), None, None], manner: one };
        let text = serde_json::to_string(&models).unwrap();
        assert_eq!(serde_json::from_str::<Models>(&text).unwrap(), models);
        assert_eq!(serde_json::from_str::<Models>("{}").unwrap(), Models::default());
        let rolls = models.rolls();
        assert_eq!((&rolls.corners[1], &rolls.manner), (&phrase.roll(), &phrase.roll()));
        assert!(rolls.corners[0].is_empty());
    }
}
