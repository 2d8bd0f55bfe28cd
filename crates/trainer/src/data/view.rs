//! What networks see of a phrase. The dataset keeps notes once; everything else is a view of them.

use phrase::{CutOptions, DRUM_CHANNEL, Roll, STEPS, SongGrid, nearest};
use serde_json::Value;

use super::song::{At, Excerpt, StoredSong};

/// A way of looking at a phrase.
pub trait View {
    /// What is seen.
    type Seen;

    /// Looks at a phrase. A function of the excerpt alone.
    fn see(&self, excerpt: &Excerpt) -> Self::Seen;
}

/// Cells, 64 steps of 84 pitches: what the transfer networks and the classifiers see.
#[derive(Clone, Debug)]
pub struct Rolls {
    rules: CutOptions,
}

impl Rolls {
    /// On the grid that a dataset's rules name, other rules as [`CutOptions::whole`] has them.
    pub fn new(rules: &Value) -> Self {
        let mut all = serde_json::json!(CutOptions::whole());
        for name in ["grid", "inclusive_ends", "rearticulate"] {
            if !rules[name].is_null() {
                all[name] = rules[name].clone();
            }
        }
        Self { rules: serde_json::from_value(all).unwrap_or_else(|_| CutOptions::whole()) }
    }

    /// [`View::see`] of several phrases of one song: a section is laid on the grid once for all that follow
    /// one another.
    pub fn all(&self, song: &StoredSong, places: impl IntoIterator<Item = At>) -> Vec<Roll> {
        let mut laid: Option<(At, SongGrid)> = None;
        let roll = |at: At| {
            let key = At { start: 0, ..at };
            if laid.as_ref().is_none_or(|(known, _)| *known != key) {
                laid = Some((key, self.lay(&Excerpt { song, at })));
            }
            laid.as_ref().map_or(Roll::EMPTY, |(_, grid)| grid.roll(at.start as usize))
        };
        places.into_iter().map(roll).collect()
    }

    fn lay(&self, excerpt: &Excerpt) -> SongGrid {
        // Cells are as they came.
        let rules = if excerpt.song.array { &CutOptions::whole() } else { &self.rules };
        SongGrid::new(&excerpt.tracks(), excerpt.section().steps(), rules)
    }
}

impl View for Rolls {
    type Seen = Roll;

    fn see(&self, excerpt: &Excerpt) -> Roll {
        self.lay(excerpt).roll(excerpt.at.start as usize)
    }
}

/// Keys of a piano.
pub const KEYS: usize = 88;
/// MIDI pitch of the lowest.
pub const LOWEST_KEY: u8 = 21;

/// How hard which key is struck: for networks of dynamics.
#[derive(Clone, Copy, Debug)]
pub struct Velocities {
    /// Steps that are seen, from the phrase's first one on.
    pub steps: usize,
}

impl Velocities {
    /// Those of a phrase.
    pub const PHRASE: Self = Self { steps: STEPS };
}

/// Three matrices `[steps][88]`, row-major, the lowest key first. Of two notes on one cell the harder counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Keys {
    /// Velocity, 0..=1, where a key is struck; else 0.
    pub velocity: Vec<f32>,
    /// Whether a key is struck.
    pub struck: Vec<bool>,
    /// Whether a key is held, also where it is struck.
    pub held: Vec<bool>,
}

impl View for Velocities {
    type Seen = Keys;

    /// On the nearest step, as the plugin hears notes; drums have no keys.
    fn see(&self, excerpt: &Excerpt) -> Keys {
        let cells = self.steps * KEYS;
        let mut keys =
            Keys { velocity: vec![0.0; cells], struck: vec![false; cells], held: vec![false; cells] };
        let first = i64::from(excerpt.at.start);
        for note in excerpt.tracks().iter().flatten().filter(|note| note.channel != DRUM_CHANNEL) {
            let Some(key) = note.pitch.checked_sub(LOWEST_KEY).map(usize::from).filter(|&key| key < KEYS)
            else {
                continue;
            };
            let onset = nearest(note.onset);
            let end = nearest(note.end()).max(onset + 1);
            let inside = |step: i64| (step - first).clamp(0, self.steps as i64) as usize;
            for step in inside(onset)..inside(end) {
                keys.held[step * KEYS + key] = true;
            }
            if onset >= 0 && (first..first + self.steps as i64).contains(&onset) {
                let cell = inside(onset) * KEYS + key;
                keys.struck[cell] = true;
                keys.velocity[cell] = keys.velocity[cell].max(note.velocity);
            }
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use phrase::{Song, SongNote, Track, lay};

    use super::*;

    fn stored() -> StoredSong {
        let note = |pitch, velocity, onset, length| SongNote { pitch, channel: 0, velocity, onset, length };
        let mut song = Song::new(120.0);
        let notes = vec![
            note(21, 100.0 / 127.0, 0.2, 1.0),
            note(60, 10.0 / 127.0, 60.0, 8.0),
            note(60, 90.0 / 127.0, 66.6, 0.1),
            note(109, 1.0, 70.0, 1.0),
        ];
        song.tracks.push(Track { notes, name: "piano".into(), ..Track::default() });
        song.tracks.push(Track { notes: vec![note(60, 50.0 / 127.0, 67.0, 4.0)], ..Track::default() });
        song.tracks.push(Track {
            notes: vec![SongNote { channel: DRUM_CHANNEL, ..note(40, 1.0, 64.0, 1.0) }],
            ..Track::default()
        });
        let laid = lay(&song, &CutOptions::whole());
        StoredSong::new("a.mid".into(), "a".into(), &song, &laid, Vec::new())
    }

    #[test]
    fn keys_are_struck_as_hard_as_their_notes_and_held_as_long() {
        let song = stored();
        let see =
            |start, by| Velocities::PHRASE.see(&Excerpt { song: &song, at: At { start, section: 0, by } });
        let keys = see(0, 0);
        let struck = |keys: &Keys| -> Vec<(usize, usize, u32)> {
            let cells = keys.struck.iter().enumerate().filter(|(_, struck)| **struck);
            cells
                .map(|(cell, _)| (cell / KEYS, cell % KEYS, (127.0 * keys.velocity[cell]).round() as u32))
                .collect()
        };
        assert_eq!(struck(&keys), [(0, 0, 100), (60, 39, 10)]);
        assert_eq!(keys.held.iter().filter(|held| **held).count(), 1 + 4);
        // Of the next phrase: the note goes on without being struck, the harder of two on one cell counts,
        // and what lies over the last key is not there.
        let keys = see(64, 0);
        assert_eq!(struck(&keys), [(3, 39, 90)]);
        assert!((0..7).all(|step| keys.held[step * KEYS + 39]) && !keys.held[7 * KEYS + 39]);
        assert_eq!(struck(&see(64, -2)), [(3, 37, 90), (6, 86, 127)]);
        assert_eq!(struck(&see(0, -1)), [(60, 38, 10)], "what leaves the keyboard goes");
    }

    #[test]
    fn rolls_are_those_of_cutting_in_every_key() {
        let song = stored();
        let rolls = Rolls::new(&Value::Null);
        let places = [0, 64].map(|start| At { start, section: 0, by: 3 });
        let seen = rolls.all(&song, places);
        assert_eq!(seen[1], rolls.see(&Excerpt { song: &song, at: places[1] }));
        assert!(seen[0].get(60, 39) && seen[1].get(0, 39) && seen[1].onset[0] == 0);
        assert_eq!(seen[1].onset[3], 1 << 39);
    }
}
