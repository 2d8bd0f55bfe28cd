//! Nothing is allocated, freed or locked away while a block is processed.

mod fake;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use fake::{GAIN, Tell, lock, open};
use host::{Event, Instance, Transport};

struct Counting;

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all is left to the system.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    if WATCHED.get() {
        COUNT.set(COUNT.get() + 1);
    }
}

#[test]
fn processing_allocates_nothing() {
    let (mut host, fake) = open();
    host.start(48_000.0, 256).unwrap();
    host.watch_processing(|begins| WATCHED.set(begins));
    let mut transport = Transport::new(48_000.0, 256, 120.0);
    transport.play();
    let mut output = Vec::new();
    for round in 0..64 {
        let block = transport.advance(u64::MAX).unwrap();
        let at = |offset: u64| block.steady + offset;
        let mut input = Vec::new();
        for note in 0..60 {
            input.push(Event::on(at(u64::from(note)), note % 16, note, 0.5));
            input.push(Event::midi(at(u64::from(note)), [0xB0 | (note % 16), 1, note]));
            input.push(Event::off(at(u64::from(note) + 100), note % 16, note));
            input.push(Event::param(at(u64::from(note)), GAIN, f64::from(note) / 60.0));
        }
        input.sort_by_key(|event| event.time);
        if round % 8 == 0 {
            lock(&fake.tell).extend([Tell::Begin(GAIN), Tell::Set(GAIN, 1.0), Tell::End(GAIN)]);
        }
        output.clear();
        fake.take_seen();
        host.process(&block, &input, &mut output).unwrap();
        assert_eq!(output.len(), 180);
    }
    assert_eq!(COUNT.get(), 0);
    // The count counts.
    WATCHED.set(true);
    drop(vec![1_u8]);
    WATCHED.set(false);
    assert_eq!(COUNT.get(), 2);
}
