//! Parameters that the plugin sets.

use clap_shim::{ASKED, OUTPUT, set_parameter};

use crate::rig::{Does, NOTE, Rig, Short, VALUE};

fn sets(sets: &[(u32, f64)]) -> Does {
    Does { sets: sets.to_vec(), ..Does::default() }
}

#[test]
fn the_host_is_told_and_the_plugins_next_call_begins_with_it() {
    let mut rig = Rig::new(64);
    let mut first = sets(&[(5, 101.0), (900, 102.0)]);
    first.sends = vec![(5, NOTE, 1), (6, NOTE, 2)];
    rig.does(&[first, sets(&[(3, 103.0)])]);
    let calls = rig.run(&[(0, VALUE, 7), (20, VALUE, 8)]);
    assert_eq!([&calls[0].set[..], &calls[1].set], [&[true; 2][..], &[true]]);
    assert_eq!(calls[0].events, [(0, VALUE, 7)]);
    assert_eq!(calls[1].events, [(0, VALUE, 101), (0, VALUE, 102), (0, VALUE, 8)]);
    let expected: [Short; 5] =
        [(5, NOTE, 1), (5, VALUE, 101), (6, NOTE, 2), (19, VALUE, 102), (23, VALUE, 103)];
    assert_eq!(rig.heard, expected);
    // In the next block, split or not, once.
    rig.does(&[sets(&[(0, 104.0)])]);
    let calls = rig.run(&[(0, NOTE, 3), (9, NOTE, 4)]);
    assert_eq!(calls[0].events, [(0, VALUE, 103), (0, NOTE, 3), (9, NOTE, 4)]);
    assert_eq!(rig.heard, [(0, VALUE, 104)]);
    let calls = rig.run(&[(30, VALUE, 9)]);
    assert_eq!([&calls[0].events[..], &calls[1].events], [&[(0, VALUE, 104)], &[(0, VALUE, 9)]]);
    let calls = rig.run(&[]);
    assert_eq!((calls[0].list_at, &calls[0].events[..], &rig.heard[..]), (rig.list_at, &[][..], &[][..]));
}

#[test]
fn what_no_call_of_the_block_is_left_for_is_flushed() {
    let mut rig = Rig::new(64);
    rig.has_params();
    rig.does(&[sets(&[(5, 101.0)]), sets(&[(3, 102.0), (4, 103.0)])]);
    let calls = rig.run(&[(20, VALUE, 8)]);
    assert_eq!(calls[1].events, [(0, VALUE, 101), (0, VALUE, 8)]);
    assert_eq!([calls[0].goes_on, calls[1].goes_on], [false, true]);
    assert_eq!(rig.flushed(), [(0, VALUE, 102), (0, VALUE, 103)]);
    assert_eq!(rig.heard, [(5, VALUE, 101), (23, VALUE, 102), (24, VALUE, 103)]);
    // A block that is not split too; and the next one begins with nothing.
    rig.does(&[sets(&[(7, 104.0)])]);
    assert!(rig.run(&[(0, NOTE, 1)])[0].events == [(0, NOTE, 1)] && rig.heard == [(7, VALUE, 104)]);
    assert_eq!(rig.flushed(), [(0, VALUE, 104)]);
    assert!(rig.run(&[])[0].events.is_empty() && rig.flushed().is_empty());
}

#[test]
fn what_cannot_be_set_is_refused() {
    assert!(!set_parameter(1, 1.0, 0), "nobody is in a call");
    let mut rig = Rig::new(64);
    let many: Vec<_> = (0..ASKED + 1).map(|index| (0, index as f64)).collect();
    rig.does(&[sets(&many), sets(&[(0, f64::NAN), (0, f64::INFINITY), (0, 50.0)])]);
    let calls = rig.run(&[(20, VALUE, 8)]);
    assert_eq!(calls[0].set.iter().filter(|taken| **taken).count(), ASKED);
    assert!(!calls[0].set[ASKED]);
    assert_eq!(calls[1].set, [false, false, true]);
    assert_eq!((calls[1].events.len(), rig.heard.len()), (ASKED + 1, ASKED + 1));
    assert!(!set_parameter(1, 1.0, 0), "nor any more");
    // Where the host would not learn of it the plugin does not either.
    let full = Does { sends: vec![(0, VALUE, 0); OUTPUT], sets: vec![(0, 1.0)], ..Does::default() };
    rig.does(&[full]);
    assert_eq!(rig.run(&[])[0].set, [false]);
    assert!(rig.run(&[])[0].events.is_empty());
}
