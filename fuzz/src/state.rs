//! The fuzz target `state`.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::time::Duration;

use host::{ClapHost, ClapLibrary, Event, Transport, drive};

struct Place {
    plugin: ClapHost,
    transport: Transport,
    output: Vec<Event>,
    fresh: Vec<u8>,
}

impl Place {
    fn new() -> Self {
        let library = ClapLibrary::built_in(&contrafact::clap_entry).expect("the entry is ours");
        let mut plugin = library.instance().expect("the plugin starts");
        let fresh = plugin.save().expect("a state");
        plugin.set_offline(true).expect("a bounce");
        plugin.start(8_000.0, 4_096).expect("it starts");
        let mut transport = Transport::new(8_000.0, 4_096, 300.0);
        transport.play();
        Self { plugin, transport, output: Vec::with_capacity(1 << 12), fresh }
    }

    /// Two phrases, with notes in them.
    fn play(&mut self) {
        let start = self.transport.steady();
        let mut input = Vec::new();
        for index in 0..8 {
            let key = 50 + index as u8;
            input.push(Event::on(start + 400 * (2 * index), 0, key, 0.5));
            input.push(Event::off(start + 400 * (2 * index + 1), 0, key));
        }
        self.output.clear();
        drive(&mut self.plugin, &mut self.transport, start + 2 * 25_600, &input, &mut self.output)
            .expect("events in order and inside their blocks");
    }
}

thread_local! {
    /// Never dropped: a thread's end holds a lock on Windows that the plug-in's own threads need to end.
    static PLACE: RefCell<Option<ManuallyDrop<Place>>> = const { RefCell::new(None) };
}

/// Saved states, through the plugin's own CLAP entry: whatever the bytes, they are refused or the plugin
/// plays on with them, and saves what it will load again.
pub fn state(bytes: &[u8]) {
    PLACE.with_borrow_mut(|place| {
        let place = place.get_or_insert_with(|| ManuallyDrop::new(Place::new()));
        // As a CLAP host gives it: a length, then the text.
        let mut state = (bytes.len() as u64).to_le_bytes().to_vec();
        state.extend(bytes);
        if place.plugin.load(&state).is_err() {
            return;
        }
        place.play();
        // A phrase that has just been frozen is in the state once the worker has kept it.
        let is_stable = |_| {
            let saved = place.plugin.save().expect("a state");
            place.plugin.load(&saved).expect("what is saved can be loaded");
            let again = place.plugin.save().expect("a state") == saved;
            if !again {
                std::thread::sleep(Duration::from_millis(5));
            }
            again
        };
        assert!((0..400).any(is_stable), "what is saved, loaded and saved again is the same");
        let fresh = place.fresh.clone();
        place.plugin.load(&fresh).expect("a fresh state");
        place.play();
    });
}
