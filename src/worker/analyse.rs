//! What the editor shows of a take beside its notes. On a computing thread, while it has nothing else to do.

use phrase::STEPS;

use super::engine::Roles;
use crate::link::{Analysis, Take};

/// Asks a pack's classifier about a take: the genres before and after, and the notes that speak for the genre
/// it hears.
pub fn analyse(pack: &mut dyn Roles, take: &Take) -> Analysis {
    let (before, after) = (take.phrase(&take.input).roll(), take.phrase(&take.played).roll());
    let Some(heard) = pack.hear(&before) else { return Analysis::default() };
    let likeliest = (0..heard.len()).max_by(|&a, &b| heard[a].total_cmp(&heard[b])).unwrap_or(0);
    let saliency = pack.saliency(&before, likeliest);
    let share = |note: &phrase::Note| {
        let (Some(cells), Some(row), Some(saliency)) = (note.cells(), note.row(), &saliency) else {
            return 0.0;
        };
        cells.filter(|&step| step < STEPS).map(|step| saliency.cells[step][row]).fold(0.0, f32::max)
    };
    Analysis {
        before: heard,
        after: pack.hear(&after).unwrap_or_default(),
        saliency: take.input.iter().map(share).collect(),
    }
}

#[cfg(test)]
mod tests {
    use model::{Answer, Context, Settings};
    use phrase::{Note, Phrase};

    use super::*;
    use crate::link::{History, Job};
    use crate::worker::engine::Device;
    use crate::worker::{Engine, PackSource, Packs};

    #[test]
    fn the_default_pack_tells_genres_and_the_notes_that_make_them() {
        let mut network = Packs.load(&PackSource::Default, Device::Cpu).unwrap();
        let mut job = Job::new();
        for step in 0..16u8 {
            job.input.push(Note::new(48 + step % 5 * 4, 0, 0.6, f64::from(step) * 4.0, 3.0));
        }
        let (mut said, mut answer) = (Answer::default(), Phrase::new(0, 120.0));
        network.answer(&job.input, &Context::default(), &Settings::to(1), &mut said, &mut answer).unwrap();
        job.answer.clone_from(&answer);
        let mut history = History::default();
        history.remember(&job, &[]);
        let known = analyse(&mut *network, &history.unknown(0).unwrap());
        for probabilities in [known.before, known.after] {
            assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
        assert_eq!(known.saliency.len(), 16);
        assert_eq!(known.saliency.iter().copied().fold(0.0, f32::max), 1.0, "one note speaks most");
    }
}
