//! What the user holds: every gesture that begins also ends, once.

use crate::{Control, Intent};

/// The controls that are held.
#[derive(Debug, Default)]
pub struct Hand {
    held: Vec<Control>,
    /// The value that a drag has come to, before it is rounded to what the control can have.
    pub exact: f32,
}

/// Where intents go.
pub type Send<'a> = &'a mut dyn FnMut(Intent);

impl Hand {
    /// Takes hold of controls, and lets go of all others.
    pub fn take(&mut self, controls: &[Control], send: Send) {
        self.open(send);
        self.held.extend_from_slice(controls);
        controls.iter().for_each(|&control| send(Intent::Begin(control)));
    }

    /// Whether a control is held.
    pub fn holds(&self, control: Control) -> bool {
        self.held.contains(&control)
    }

    /// Sets a control: in its gesture where it is held, else in one of its own.
    pub fn set(&mut self, control: Control, value: f32, send: Send) {
        if self.holds(control) {
            send(Intent::Set(control, value));
        } else {
            send(Intent::Begin(control));
            send(Intent::Set(control, value));
            send(Intent::End(control));
        }
    }

    /// Lets go of everything.
    pub fn open(&mut self, send: Send) {
        self.held.drain(..).for_each(|control| send(Intent::End(control)));
    }
}
