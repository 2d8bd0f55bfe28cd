//! A file dragged across a screen without a screen, onto windows that want it, and onto those that do not.
//!
//! One test in a program of its own: the X server is the environment's.
#![cfg(target_os = "linux")]

use std::thread;
use std::time::{Duration, Instant};

use drag_out::{Drag, Outcome};
use host::{Display, Dragged, DropTarget};

const PATIENCE: Duration = Duration::from_secs(10);
/// The key that evdev calls Escape.
const ESCAPE: u8 = 9;

fn outcome(drag: &Drag) -> Outcome {
    let since = Instant::now();
    loop {
        if let Some(outcome) = drag.outcome() {
            return outcome;
        }
        assert!(since.elapsed() < PATIENCE, "the drag does not end");
        thread::sleep(Duration::from_millis(5));
    }
}

/// From the screen's corner by these places; the button is still down then.
fn drag(display: &Display, file: &std::path::Path, way: &[(i16, i16)]) -> Drag {
    display.point(5, 5);
    display.button(true);
    let drag = drag_out::start(file, None).unwrap();
    for at in way {
        display.point(at.0, at.1);
    }
    drag
}

#[test]
fn a_file_is_taken_where_it_is_wanted_and_nowhere_else() {
    let Some(display) = Display::start(800, 600) else {
        assert!(std::env::var_os("CI").is_none(), "no drag was tried, for there is no Xvfb; install it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("Bar 9 classic > jazz ü.mid");
    std::fs::write(&file, "music").unwrap();
    let address =
        format!("file://{}/Bar%209%20classic%20%3E%20jazz%20%C3%BC.mid\r\n", folder.path().display());
    let willing = DropTarget::new((400, 300), (100, 100), true);
    let unwilling = DropTarget::new((600, 300), (100, 100), false);
    let (over, away, beyond) = ((450, 350), (200, 500), (650, 350));

    let taken = drag(&display, &file, &[(100, 100), over, (460, 360)]);
    assert_eq!(willing.next(PATIENCE), Some(Dragged::Entered));
    assert_eq!(taken.outcome(), None, "the button is still down");
    display.button(false);
    assert_eq!(willing.next(PATIENCE), Some(Dragged::Dropped(address)));
    assert_eq!(outcome(&taken), Outcome::Taken);
    assert_eq!(std::fs::read(&file).unwrap(), b"music", "the file stays where it is");

    let nowhere = drag(&display, &file, &[over, away]);
    display.button(false);
    assert_eq!(outcome(&nowhere), Outcome::Refused);
    assert_eq!(willing.next(PATIENCE), Some(Dragged::Entered));
    assert_eq!(willing.next(PATIENCE), Some(Dragged::Left));

    let refused = drag(&display, &file, &[beyond]);
    display.button(false);
    assert_eq!(outcome(&refused), Outcome::Refused);
    assert_eq!(unwilling.next(PATIENCE), Some(Dragged::Entered));
    assert_eq!(unwilling.next(PATIENCE), Some(Dragged::Left));

    let given_up = drag(&display, &file, &[over]);
    display.key(ESCAPE, true);
    assert_eq!(outcome(&given_up), Outcome::Refused);
    display.key(ESCAPE, false);
    display.button(false);
    assert_eq!(willing.next(PATIENCE), Some(Dragged::Entered));
    assert_eq!(willing.next(PATIENCE), Some(Dragged::Left));
    assert_eq!(willing.next(Duration::from_millis(200)), None);

    let never = drag_out::start(&file, None).unwrap();
    assert_eq!(outcome(&never), Outcome::Refused, "no button is down");
    assert!(drag_out::start(&folder.path().join("missing.mid"), None).is_err());
    assert!(drag_out::start(std::path::Path::new("relative.mid"), None).is_err());
}
