//! Whatever comes.

use proptest::prelude::*;

use crate::rig::{Does, LONGEST, NOTE, Rig, Short, TRANSPORT, VALUE, allocations, event};

/// Events of a block, known by their number, and the block's length.
fn block() -> impl Strategy<Value = (u32, Vec<Short>)> {
    let kind = prop_oneof![4 => Just(NOTE), 2 => Just(VALUE), 1 => Just(TRANSPORT)];
    (prop_oneof![1..70u32, 1..=LONGEST], any::<bool>()).prop_flat_map(move |(frames, sorted)| {
        let event = (0..frames + frames / 8 + 1, kind.clone());
        prop::collection::vec(event, 0..200).prop_map(move |mut events| {
            if sorted {
                events.sort_by_key(|event| event.0);
            }
            let number = |(index, (time, kind)): (usize, (u32, u16))| (time, kind, index as u32);
            (frames, events.into_iter().enumerate().map(number).collect())
        })
    })
}

proptest! {
    #[test]
    fn no_event_is_lost_or_doubled_and_all_are_in_their_part((frames, input) in block()) {
        let mut rig = Rig::new(frames);
        let sends = vec![(0, NOTE, 0), (0, VALUE, 1)];
        rig.does(&vec![Does { sends, ..Does::default() }; 64]);
        let calls = rig.run(&input);
        prop_assert!(calls.len() <= 64);
        prop_assert_eq!(calls.iter().map(|call| call.frames).sum::<u32>(), frames);
        let starts: Vec<u32> = calls
            .iter()
            .scan(0, |start, call| Some(std::mem::replace(start, *start + call.frames)))
            .collect();
        if calls[0].list_at == rig.list_at {
            prop_assert_eq!((calls.len(), &calls[0].events), (1, &input));
        } else {
            let mut seen = Vec::new();
            for (call, &start) in calls.iter().zip(&starts) {
                let last = start + call.frames == frames;
                let least = frames.div_ceil(64);
                prop_assert!(call.frames >= least || last);
                prop_assert!(call.events.is_sorted_by_key(|event| event.0));
                for &(time, kind, number) in &call.events {
                    let given = input[number as usize];
                    prop_assert!(time < call.frames && kind != TRANSPORT && kind == given.1);
                    // Only what is beyond the block is not at its own time.
                    prop_assert!(start + time == given.0 || last && given.0 >= frames);
                    prop_assert!(kind != VALUE || time < least || given.0 >= frames, "it counts too early");
                    seen.push(number);
                }
            }
            seen.sort_unstable();
            let others = input.iter().filter(|event| event.1 != TRANSPORT).map(|event| event.2);
            prop_assert_eq!(seen, others.collect::<Vec<_>>());
        }
        let heard: Vec<u32> = rig.heard.iter().filter(|event| event.1 == NOTE).map(|event| event.0).collect();
        prop_assert_eq!(heard, starts);
        prop_assert_eq!(rig.heard.len(), 2 * calls.len());
    }
}

#[test]
fn more_events_in_a_part_than_are_there_at_once_come_all_the_same() {
    let mut rig = Rig::new(LONGEST);
    let mut input = vec![(1_000, VALUE, 0)];
    input.extend((1..5_000).map(|number| (1_000 + number, NOTE, number)));
    let calls = rig.run(&input);
    let rebased: Vec<Short> =
        input.iter().map(|&(time, kind, number)| (time - 1_000, kind, number)).collect();
    assert_eq!((calls.len(), &calls[1].events), (2, &rebased));
}

#[test]
fn each_call_has_the_frameworks_room_to_itself() {
    let mut rig = Rig::new(64);
    let mut input: Vec<Short> = (0..6_500).map(|number| (5, NOTE, number)).collect();
    input.push((20, VALUE, 0));
    input.extend((0..5_000).map(|number| (30, NOTE, number)));
    let counts: Vec<_> = rig.run(&input).iter().map(|call| (call.events.len(), call.nulls)).collect();
    assert!(counts[0].0 > 5_000 && counts[0].1 > 0 && counts[0].0 + counts[0].1 == 6_500, "{counts:?}");
    assert_eq!(counts[1..], [(5_001, 0)]);
}

#[test]
fn nothing_is_allocated_in_a_block() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 2, "the counter counts");
    let mut rig = Rig::new(LONGEST);
    let kinds = [VALUE, NOTE, TRANSPORT, NOTE, NOTE];
    let mut input: Vec<_> = (0..16_000u32)
        .map(|index| event((index * 7_919 % LONGEST, kinds[index as usize % 5], index)))
        .collect();
    assert_eq!(rig.allocations(&input), 0);
    assert_eq!(rig.heard.len(), 64, "a parameter for each part");
    input.resize(20_000, event((5_000, VALUE, 0)));
    assert_eq!(rig.allocations(&input), 0, "nor where it is not split");
    assert_eq!(rig.heard.len(), 1);
    assert_eq!(rig.allocations(&[]), 0);
}
