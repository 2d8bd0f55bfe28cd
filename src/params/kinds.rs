//! The kinds of parameters: how each is made for the host, and how the window draws it.

use std::sync::Arc;

use model::SLOTS;
use nice_plug::params::internals::ParamPtr;
use nice_plug::prelude::*;

use super::table::Row;
use super::texts::{slot_to_text, text_to_slot};
use crate::link::Shared;

/// A parameter's range, its default, and how its values read.
pub enum Kind {
    /// A genre slot, by the pack's name for it. From 1, the default, or from 0: *auto*.
    Slot {
        /// The lowest value.
        from: i32,
    },
    /// 0..=1, with this default.
    Percent(f32),
    /// The same, once for each genre slot, 1 by default.
    Weight,
    /// 0, the default, which may have a name, and up.
    Number {
        /// The highest value.
        most: i32,
        /// What 0 is called.
        zero: Option<&'static str>,
    },
    /// A MIDI pitch, with this default.
    Pitch(i32),
    /// 0, the default, and up, each value with a name.
    Named {
        /// The highest value.
        most: i32,
        /// A value's name.
        text: fn(i32) -> String,
        /// The value of a name.
        read: fn(&str) -> Option<i32>,
    },
    /// One of a few names; the type has the default.
    Choice(fn() -> &'static [&'static str]),
    /// On or off, with this default.
    Switch(bool),
    /// The host's own switch for letting everything through.
    Bypass,
    /// Acts when it is pressed. `press` counts it, on whatever thread, since it may be let go again before
    /// the next block.
    Button(fn(&Shared)),
}

impl Kind {
    /// What stands behind a value.
    fn unit(&self) -> &'static str {
        if matches!(self, Self::Percent(_) | Self::Weight) { " %" } else { "" }
    }

    /// The lowest value, in the window's units.
    pub fn least(&self) -> f32 {
        if let Self::Slot { from } = self { *from as f32 } else { 0.0 }
    }

    /// How the window draws it; `None` for what has no control of its own.
    pub fn drawn(&self) -> Option<gui::Kind> {
        Some(match self {
            Self::Slot { .. } => gui::Kind::Number(SLOTS as u16, None),
            Self::Percent(_) => gui::Kind::Percent,
            Self::Weight => return None,
            Self::Number { most, zero } => gui::Kind::Number(*most as u16, *zero),
            Self::Pitch(_) => gui::Kind::Pitch,
            Self::Named { most, text, .. } => gui::Kind::Choice((0..=*most).map(text).collect()),
            Self::Choice(names) => {
                gui::Kind::Choice(names().iter().map(|name| (*name).to_string()).collect())
            }
            Self::Switch(_) | Self::Bypass => gui::Kind::Switch,
            Self::Button(_) => gui::Kind::Button,
        })
    }
}

/// What a row's parameter, or parameters, can be held in.
pub trait Made: Sized {
    /// Made after its row.
    ///
    /// # Panics
    ///
    /// Where the row's kind does not go with this type: a slip in the table, which every test meets.
    fn make(row: &Row, shared: &Arc<Shared>) -> Self;

    /// The host's parameters in it.
    fn pointers(&self) -> Vec<ParamPtr>;
}

/// Fails a slip in the table.
fn unfit(row: &Row) -> ! {
    panic!("the kind of {} does not go with its type", row.id)
}

/// Marks what hosts do not offer for automation.
macro_rules! offered {
    ($param:expr, $row:expr) => {
        if $row.automatable { $param } else { $param.non_automatable() }
    };
}

fn percent(row: &Row, name: String, default: f32) -> FloatParam {
    let param = FloatParam::new(name, default, FloatRange::Linear { min: 0.0, max: 1.0 })
        .with_unit(row.kind.unit())
        .with_value_to_string(formatters::v2s_f32_percentage(0))
        .with_string_to_value(formatters::s2v_f32_percentage());
    offered!(param, row)
}

impl Made for FloatParam {
    fn make(row: &Row, _: &Arc<Shared>) -> Self {
        let Kind::Percent(default) = row.kind else { unfit(row) };
        percent(row, row.name.to_string(), default)
    }

    fn pointers(&self) -> Vec<ParamPtr> {
        vec![self.as_ptr()]
    }
}

impl Made for [FloatParam; SLOTS] {
    fn make(row: &Row, _: &Arc<Shared>) -> Self {
        let Kind::Weight = row.kind else { unfit(row) };
        std::array::from_fn(|slot| percent(row, format!("{} {}", row.name, slot + 1), 1.0))
    }

    fn pointers(&self) -> Vec<ParamPtr> {
        self.iter().map(Param::as_ptr).collect()
    }
}

impl Made for IntParam {
    fn make(row: &Row, shared: &Arc<Shared>) -> Self {
        let param = |default: i32, min: i32, max: i32| {
            IntParam::new(row.name, default, IntRange::Linear { min, max }).with_unit(row.kind.unit())
        };
        let param = match row.kind {
            Kind::Slot { from } => {
                let (to_text, from_text) = (shared.clone(), shared.clone());
                param(from, from, SLOTS as i32)
                    .with_value_to_string(Arc::new(move |value| slot_to_text(&to_text, value)))
                    .with_string_to_value(Arc::new(move |text| text_to_slot(&from_text, text)))
            }
            Kind::Number { most, zero: None } => param(0, 0, most),
            Kind::Number { most, zero: Some(zero) } => {
                let text = move |value: i32| if value == 0 { zero.to_string() } else { value.to_string() };
                let read = move |text: &str| {
                    let text = text.trim();
                    if text.eq_ignore_ascii_case(zero) {
                        Some(0)
                    } else {
                        text.split_whitespace().next()?.parse().ok()
                    }
                };
                param(0, 0, most).with_value_to_string(Arc::new(text)).with_string_to_value(Arc::new(read))
            }
            Kind::Pitch(default) => param(default, 0, 127),
            Kind::Named { most, text, read } => {
                param(0, 0, most).with_value_to_string(Arc::new(text)).with_string_to_value(Arc::new(read))
            }
            _ => unfit(row),
        };
        offered!(param, row)
    }

    fn pointers(&self) -> Vec<ParamPtr> {
        vec![self.as_ptr()]
    }
}

impl Made for BoolParam {
    fn make(row: &Row, shared: &Arc<Shared>) -> Self {
        let param = match row.kind {
            Kind::Switch(default) => BoolParam::new(row.name, default),
            Kind::Bypass => BoolParam::new(row.name, false).make_bypass(),
            Kind::Button(press) => {
                let shared = shared.clone();
                let callback = move |pressed: bool| {
                    if pressed {
                        press(&shared);
                    }
                };
                BoolParam::new(row.name, false).with_callback(Arc::new(callback))
            }
            _ => unfit(row),
        };
        offered!(param, row)
    }

    fn pointers(&self) -> Vec<ParamPtr> {
        vec![self.as_ptr()]
    }
}

impl<T: Enum + PartialEq + Default + 'static> Made for EnumParam<T> {
    fn make(row: &Row, _: &Arc<Shared>) -> Self {
        let Kind::Choice(_) = row.kind else { unfit(row) };
        offered!(EnumParam::new(row.name, T::default()), row)
    }

    fn pointers(&self) -> Vec<ParamPtr> {
        vec![self.as_ptr()]
    }
}
