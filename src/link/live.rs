//! The phrase being played, on its way from the audio thread to the editor.
//!
//! Two boxes go back and forth. The audio thread fills one when it has one and the phrase has changed; where
//! no editor gives them back it has none, and does nothing. Neither side ever waits.

use phrase::Phrase;
use rtrb::{Consumer, Producer, RingBuffer};

/// Boxes on their way.
const BOXES: usize = 2;

/// The window of the phrase being played.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// Its notes; what is held has no end yet and is tied out.
    pub phrase: Phrase,
    /// The step of the window on which the phrase began.
    pub first: f64,
    /// The step of the window that is its line.
    pub line: f64,
}

impl Live {
    /// Nothing.
    pub fn new() -> Self {
        Self { phrase: Phrase::new(0, 120.0), first: 0.0, line: phrase::STEPS as f64 }
    }
}

/// The audio thread's end.
#[derive(Debug)]
pub struct Show {
    spare: Consumer<Box<Live>>,
    full: Producer<Box<Live>>,
    /// What was shown last: the phrase's revision, and how often somebody has begun to watch.
    shown: Option<(u32, u32)>,
}

/// The editor's end.
#[derive(Debug)]
pub struct Watch {
    full: Consumer<Box<Live>>,
    spare: Producer<Box<Live>>,
}

/// Both ends. Allocates all that there will be.
pub fn ends() -> (Show, Watch) {
    let (mut empty, spare) = RingBuffer::new(BOXES);
    let (full, filled) = RingBuffer::new(BOXES);
    for _ in 0..BOXES {
        // The ring has room for as many.
        let _ = empty.push(Box::new(Live::new()));
    }
    (Show { spare, full, shown: None }, Watch { full: filled, spare: empty })
}

impl Show {
    /// Shows what `fill` writes, if that state was not shown and there is a box. Real-time safe. True where
    /// it was shown now.
    pub fn show(&mut self, state: (u32, u32), fill: impl FnOnce(&mut Live)) -> bool {
        if self.shown == Some(state) {
            return false;
        }
        let Ok(mut live) = self.spare.pop() else { return false };
        self.shown = Some(state);
        fill(&mut live);
        // There are no more boxes than places.
        let _ = self.full.push(live);
        true
    }
}

impl Watch {
    /// Takes over the newest state into `latest`; what came before it is passed over. False where there was
    /// none.
    pub fn take(&mut self, latest: &mut Live) -> bool {
        let mut any = false;
        while let Ok(live) = self.full.pop() {
            latest.clone_from(&live);
            any = true;
            let _ = self.spare.push(live);
        }
        any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_state_arrives_and_nobody_watching_costs_nothing() {
        let (mut show, mut watch) = ends();
        let mut shown = 0;
        for revision in 0..5 {
            shown += u32::from(show.show((revision, 0), |live| live.first = f64::from(revision)));
        }
        assert_eq!(shown, 2, "nobody gives boxes back");
        let mut latest = Live::new();
        assert!(watch.take(&mut latest) && latest.first == 1.0);
        assert!(!watch.take(&mut latest));
        assert!(show.show((1, 1), |live| live.first = 7.0), "somebody new watches");
        assert!(!show.show((1, 1), |_| panic!("that was shown")));
        assert!(watch.take(&mut latest) && latest.first == 7.0);
    }
}
