//! What the audio thread calls does not allocate: counted, not believed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use phrase::{
    Answered, Band, ContentChange, Feel, Guards, Hands, Key, KeyLock, Mode, Note, Phrase, Roll, Said, Swing,
    Timing, density, nearest, polyphony, range, realise, struck_alone, tie,
};

thread_local! {
    /// Allocations of this thread; tests run beside one another.
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator as it came; the counter is a thread-local without a
// destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: `pointer` came from `alloc` above with this layout, by the caller's contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn calls(work: impl FnOnce()) -> usize {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(calls(|| drop(std::hint::black_box(Box::new(1)))), 2);
}

#[test]
fn the_real_time_part_never_allocates() {
    let mut input = Phrase::new(0, 120.0);
    let mut out = Phrase::new(0, 120.0);
    let (mut seen, mut changed) = (0, 0);
    let count = calls(|| {
        input.clear(64, 90.0);
        // More than fit, on two channels and with drums, against the order.
        for i in (0..1100u32).rev() {
            let onset = f64::from(i % 64) + f64::from(i % 5) / 10.0 - 0.2;
            let mut note = Note::new((20 + i % 95) as u8, (i % 11) as u8, 0.5, onset, f64::from(i % 7) + 0.3);
            note.tied_out = note.end() >= 64.0;
            input.push(note);
        }
        input.sort();
        let roll = input.roll();
        let mut answer = roll;
        for (step, bits) in answer.sounding.iter_mut().enumerate() {
            *bits ^= 0x0f0f_0f0f << (step % 40);
        }
        for first in [0, 32, 48] {
            realise(&input, &answer, first, &mut out);
            seen += out.notes.len();
            seen += out.notes.iter().filter(|note| tie(note, &input, first).is_some()).count();
            seen += out.notes.iter().filter(|note| struck_alone(note, first)).count();
        }
        // Every guard and every turn of the feel, by itself and all at once.
        let auto = Guards { key: KeyLock::Auto, ..Guards::OFF };
        let strict = Guards {
            melody: true,
            key: KeyLock::Key(9, Mode::Minor),
            lowest: 40,
            highest: 90,
            voices: 3,
            density: 2,
        };
        let single = [Guards { melody: true, ..Guards::OFF }, Guards { voices: 2, ..Guards::OFF }];
        for guards in [Guards::OFF, auto, strict].iter().chain(&single) {
            let mut guarded = answer;
            guards.apply(&input, &mut guarded);
            changed += usize::from(guarded.sounding != answer.sounding);
            realise(&input, &guarded, 0, &mut out);
            let feel = Feel { swing: 1.0, humanise: 1.0, seed: 3, velocity: Some(0.5), channel: Some(2) };
            for feel in
                [feel, Feel { swing: 0.5, ..Feel::default() }, Feel { humanise: 1.0, ..Feel::default() }]
            {
                let before = out.notes.iter().map(|note| note.onset).sum::<f64>();
                feel.apply(0, &mut out);
                changed += usize::from(out.notes.iter().map(|note| note.onset).sum::<f64>() != before);
            }
        }
        // Timed, struck and split, as an answer that is finished on the audio thread.
        let velocities = [[77; phrase::PITCHES]; phrase::STEPS];
        let timing = Timing {
            heard: 0.64,
            kept: 0.5,
            new: 0.6,
            even: 3,
            offsets: [[[0.1, 0.1]; 16]; 3],
            has_offsets: true,
        };
        let said = Said { velocities: Some(&velocities), ..Said::default() };
        let answered = Answered { cells: &answer, said, timing: &timing };
        let band = Band { plays: [true, false, true], split: true };
        for guards in [Guards::OFF, strict] {
            Hands { guards, dynamics: 0.5, feel: 1.0, seed: 1, band }.perform(&input, &answered, 0, &mut out);
            changed += usize::from(out.notes.iter().all(|note| [0, 2, 9].contains(&note.channel)));
        }
        out.clone_from(&input);
        band.apply(&mut out);
        changed += usize::from(out.notes.len() < input.notes.len());
        seen += usize::from(Swing::of_phrase(&input).confidence > 0.0);
        let change = ContentChange::between(&roll.sounding, &Roll::from_sounding(answer.sounding).sounding);
        seen += nearest(f64::from(change.total)) as usize;
        seen += usize::from(Key::of(&roll).is_some()) + usize::from(range(&roll).is_some());
        seen += (density(&roll) + polyphony(&roll)) as usize;
    });
    assert!(seen > 1000, "the work was done");
    assert!(changed >= 18, "guards and feel had their effect {changed} times");
    assert_eq!(count, 0);
}
