//! Answers that were given lately: a loop's passes, and the phrase as it stood a beat before its line.

use model::{Answer, Report, Settings};
use phrase::{Note, Phrase};

use super::around::{Around, draws};

/// Answers kept. A full one takes 80 KiB with its phrase, a usual one 8.
const ENTRIES: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Key {
    pack: u64,
    settings: Settings,
    /// The phrase's place in the song, where the answer depends on it: only chance does.
    position: Option<i64>,
    /// Genres swing by the tempo.
    tempo: f64,
}

/// What an answer depends on, besides its pack: the phrase, what is needed of what is known around it, and
/// what the user asks for.
type Asked<'a> = (&'a Phrase, &'a Around, &'a Settings);

#[derive(Debug)]
struct Entry {
    key: Key,
    /// The phrase itself, not a hash of it: two phrases that share one would share an answer.
    input: Vec<Note>,
    around: Around,
    said: Answer,
    answer: Vec<Note>,
    report: Report,
    used: u64,
}

/// The latest answers of all instances. Lives on the worker thread.
#[derive(Debug, Default)]
pub struct Cache {
    entries: Vec<Entry>,
    clock: u64,
}

impl Cache {
    /// Writes the known answer of `pack` to what is asked into `said` and `out`, if there is one.
    pub fn get(&mut self, pack: u64, asked: Asked, said: &mut Answer, out: &mut Phrase) -> Option<Report> {
        self.clock += 1;
        let (key, input) = (key(pack, asked), asked.0);
        let entry = self.entries.iter_mut().find(|entry| {
            entry.key == key && entry.input[..] == input.notes[..] && entry.around == *asked.1
        })?;
        entry.used = self.clock;
        said.clone_from(&entry.said);
        out.clear(input.position, input.tempo);
        out.notes.extend(entry.answer.iter().copied());
        Some(entry.report)
    }

    /// Remembers an answer, in the place of the one that was not used for the longest time.
    pub fn put(&mut self, pack: u64, asked: Asked, (said, answer): (&Answer, &Phrase), report: Report) {
        self.clock += 1;
        let key = key(pack, asked);
        let (input, answer) = (asked.0.notes.to_vec(), answer.notes.to_vec());
        let around = asked.1.clone();
        let entry = Entry { key, input, around, said: said.clone(), answer, report, used: self.clock };
        if self.entries.len() < ENTRIES {
            self.entries.push(entry);
        } else if let Some(oldest) = self.entries.iter_mut().min_by_key(|entry| entry.used) {
            *oldest = entry;
        }
    }

    /// Forgets the answers of a pack that is gone.
    pub fn forget(&mut self, pack: u64) {
        self.entries.retain(|entry| entry.key.pack != pack);
    }
}

fn key(pack: u64, (input, _, settings): Asked) -> Key {
    let position = draws(settings).then_some(input.position);
    Key { pack, settings: *settings, position, tempo: input.tempo }
}

#[cfg(test)]
mod tests {
    use phrase::{PITCHES, Roll, STEPS};

    use super::*;

    fn said() -> Answer {
        let mut velocities = Box::new([[0; PITCHES]; STEPS]);
        velocities[3][0] = 90;
        let cells = Roll { sounding: [1; STEPS], onset: [0; STEPS] };
        Answer { velocities: Some(velocities), ..Answer::of(cells) }
    }

    fn phrase(position: i64, pitch: u8) -> Phrase {
        let mut phrase = Phrase::new(position, 120.0);
        phrase.push(Note::new(pitch, 0, 0.5, 0.0, 1.0));
        phrase
    }

    #[test]
    fn equal_phrases_share_an_answer_unless_chance_plays() {
        let mut cache = Cache::default();
        let (settings, mut heard, mut out) = (Settings::to(1), Answer::default(), phrase(7, 1));
        cache.put(
            1,
            (&phrase(0, 60), &Around::default(), &settings),
            (&said(), &phrase(0, 72)),
            Report::default(),
        );
        assert!(
            cache.get(1, (&phrase(64, 60), &Around::default(), &settings), &mut heard, &mut out).is_some()
        );
        assert_eq!((&out, &heard), (&phrase(64, 72), &said()));
        assert!(
            cache.get(2, (&phrase(0, 60), &Around::default(), &settings), &mut heard, &mut out).is_none()
        );
        assert!(
            cache.get(1, (&phrase(0, 61), &Around::default(), &settings), &mut heard, &mut out).is_none()
        );
        assert!(
            cache
                .get(1, (&phrase(0, 60), &Around::default(), &Settings::to(2)), &mut heard, &mut out)
                .is_none()
        );
        let chance = Settings { variation: 0.5, ..settings };
        cache.put(
            1,
            (&phrase(0, 60), &Around::default(), &chance),
            (&said(), &phrase(0, 73)),
            Report::default(),
        );
        assert!(cache.get(1, (&phrase(64, 60), &Around::default(), &chance), &mut heard, &mut out).is_none());
        assert!(cache.get(1, (&phrase(0, 60), &Around::default(), &chance), &mut heard, &mut out).is_some());
        let around = Around { before: Some(Roll::EMPTY), ..Around::default() };
        let after = (&phrase(0, 60), &around, &settings);
        assert!(cache.get(1, after, &mut heard, &mut out).is_none(), "another answer came before");
        cache.forget(1);
        assert!(
            cache.get(1, (&phrase(0, 60), &Around::default(), &settings), &mut heard, &mut out).is_none()
        );
    }

    #[test]
    fn the_answer_unused_for_longest_goes_first() {
        let (mut cache, settings) = (Cache::default(), Settings::to(0));
        let (mut heard, mut out) = (Answer::default(), phrase(0, 0));
        for i in 0..ENTRIES as u64 {
            cache.put(
                i,
                (&phrase(0, 60), &Around::default(), &settings),
                (&said(), &phrase(0, 60)),
                Report::default(),
            );
        }
        assert!(
            cache.get(0, (&phrase(0, 60), &Around::default(), &settings), &mut heard, &mut out).is_some()
        );
        cache.put(
            99,
            (&phrase(0, 60), &Around::default(), &settings),
            (&said(), &phrase(0, 60)),
            Report::default(),
        );
        assert!(
            cache.get(0, (&phrase(0, 60), &Around::default(), &settings), &mut heard, &mut out).is_some()
        );
        assert!(
            cache.get(1, (&phrase(0, 60), &Around::default(), &settings), &mut heard, &mut out).is_none()
        );
        assert_eq!(cache.entries.len(), ENTRIES);
    }
}
