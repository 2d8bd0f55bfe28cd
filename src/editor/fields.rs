//! The editor's controls and the parameters that they move.

use gui::{Control, Field, Kind};
use model::SLOTS;
use nice_plug::prelude::{Enum, Param, ParamSetter};

use crate::audio::options::{Fallback, Latency, Margin, Thru};
use crate::link::Processor;
use crate::params::{PluginParams, key_to_text, shift_to_text};

/// Does something with the parameter that a control moves.
macro_rules! with_param {
    ($params:expr, $control:expr, |$param:ident| $do:expr) => {
        match $control {
            Control::Target => with_param!(@ $params.target, $param, $do),
            Control::Source => with_param!(@ $params.source, $param, $do),
            Control::Blend => with_param!(@ $params.blend, $param, $do),
            Control::Weight(slot) => {
                with_param!(@ $params.weights[usize::from(slot) % SLOTS].value, $param, $do)
            }
            Control::Amount => with_param!(@ $params.amount, $param, $do),
            Control::Variation => with_param!(@ $params.variation, $param, $do),
            Control::Seed => with_param!(@ $params.seed, $param, $do),
            Control::Lock => with_param!(@ $params.lock, $param, $do),
            Control::Bypass => with_param!(@ $params.bypass, $param, $do),
            Control::Latency => with_param!(@ $params.latency, $param, $do),
            Control::Margin => with_param!(@ $params.margin, $param, $do),
            Control::Fallback => with_param!(@ $params.fallback, $param, $do),
            Control::Processor => with_param!(@ $params.processor, $param, $do),
            Control::Shift => with_param!(@ $params.shift, $param, $do),
            Control::Realign => with_param!(@ $params.realign, $param, $do),
            Control::Thru => with_param!(@ $params.thru, $param, $do),
            Control::Melody => with_param!(@ $params.melody, $param, $do),
            Control::Key => with_param!(@ $params.key, $param, $do),
            Control::Lowest => with_param!(@ $params.lowest, $param, $do),
            Control::Highest => with_param!(@ $params.highest, $param, $do),
            Control::Voices => with_param!(@ $params.voices, $param, $do),
            Control::Density => with_param!(@ $params.density, $param, $do),
            Control::Velocity => with_param!(@ $params.velocity, $param, $do),
            Control::Channel => with_param!(@ $params.channel, $param, $do),
            Control::Swing => with_param!(@ $params.swing, $param, $do),
            Control::Humanise => with_param!(@ $params.humanise, $param, $do),
            Control::Longest => with_param!(@ $params.longest, $param, $do),
            Control::Pedal => with_param!(@ $params.pedal, $param, $do),
            Control::Freeze => with_param!(@ $params.freeze, $param, $do),
            Control::Panic => with_param!(@ $params.panic, $param, $do),
        }
    };
    (@ $field:expr, $param:ident, $do:expr) => {{
        let $param = &$field;
        $do
    }};
}

/// All whole numbers and choices begin at 0 but for the target's slots.
fn base(control: Control) -> f32 {
    if control == Control::Target { 1.0 } else { 0.0 }
}

/// A control's value, in its own units.
pub fn value(params: &PluginParams, control: Control) -> f32 {
    with_param!(params, control, |param| {
        let normalised = param.unmodulated_normalized_value();
        match param.step_count() {
            Some(steps) => (normalised * steps as f32).round() + base(control),
            None => normalised,
        }
    })
}

/// Takes hold of a control's parameter.
pub fn begin(setter: &ParamSetter, params: &PluginParams, control: Control) {
    with_param!(params, control, |param| setter.begin_set_parameter(param));
}

/// Sets it to a value in the control's units.
pub fn set(setter: &ParamSetter, params: &PluginParams, control: Control, value: f32) {
    with_param!(params, control, |param| {
        let steps = param.step_count().unwrap_or(1) as f32;
        setter.set_parameter_normalized(param, ((value - base(control)) / steps).clamp(0.0, 1.0));
    });
}

/// Lets it go.
pub fn end(setter: &ParamSetter, params: &PluginParams, control: Control) {
    with_param!(params, control, |param| setter.end_set_parameter(param));
}

/// Sets it to its default, as one gesture.
pub fn reset(setter: &ParamSetter, params: &PluginParams, control: Control) {
    with_param!(params, control, |param| {
        setter.begin_set_parameter(param);
        setter.set_parameter_normalized(param, param.default_normalized_value());
        setter.end_set_parameter(param);
    });
}

/// Every control with its value.
pub fn values(params: &PluginParams, fields: &[Field]) -> Vec<(Control, f32)> {
    let weights = (0..SLOTS as u8).map(Control::Weight);
    let all = fields.iter().map(|field| field.control).chain(weights);
    all.map(|control| (control, value(params, control))).collect()
}

/// What is said of each control. The weights of a blend have no words of their own.
pub fn fields() -> Vec<Field> {
    let field = |control, name, kind, hint| Field { control, name, hint, kind };
    let any = |most| Kind::Number(most, Some("any"));
    let played = |most| Kind::Number(most, Some("as played"));
    let named = |most, text: fn(i32) -> String| Kind::Choice((0..=most).map(text).collect());
    vec![
        field(Control::Target, "To", Kind::Number(8, None), "The genre that phrases are recast in."),
        field(
            Control::Source,
            "From",
            Kind::Number(8, None),
            "The genre of what you play: heard by the pack, or the one that you name.",
        ),
        field(Control::Blend, "Blend", Kind::Switch, "The target is a blend of genres."),
        field(
            Control::Amount,
            "Amount",
            Kind::Percent,
            "How far to go: 0 % returns what you play, 100 % the network's answer.",
        ),
        field(
            Control::Variation,
            "Variation",
            Kind::Percent,
            "How much chance plays along: 0 % gives the likeliest answer.",
        ),
        field(Control::Seed, "Seed", Kind::Number(9999, None), "Which of the answers that chance allows."),
        field(
            Control::Lock,
            "Lock draw",
            Kind::Switch,
            "Every phrase gets the same draw, so that a loop comes back equal in each pass.",
        ),
        field(
            Control::Latency,
            "Later by",
            choice::<Latency>(),
            "How many bars after what you play its answer comes.",
        ),
        field(
            Control::Margin,
            "And by",
            choice::<Margin>(),
            "How much later still, for slow packs and big buffers.",
        ),
        field(
            Control::Fallback,
            "If late",
            choice::<Fallback>(),
            "What plays until a late answer comes in at the next beat.",
        ),
        field(
            Control::Processor,
            "Computed by",
            choice::<Processor>(),
            "Auto takes the GPU for a pack that is too slow on the CPU.",
        ),
        field(
            Control::Shift,
            "Shift by",
            named(15, shift_to_text),
            "How much later phrases begin than bar 1.",
        ),
        field(Control::Realign, "Realign now", Kind::Button, "A phrase begins at the next bar line."),
        field(
            Control::Thru,
            "Hear",
            choice::<Thru>(),
            "Compares: the answers alone, both, or your input alone.",
        ),
        field(
            Control::Freeze,
            "Freeze",
            Kind::Switch,
            "The answer that plays repeats, and is saved with the project.",
        ),
        field(Control::Melody, "Keep melody", Kind::Switch, "Your highest notes are never taken away."),
        field(
            Control::Key,
            "Key lock",
            named(25, key_to_text),
            "New notes outside this key are moved into it; auto takes the key that is heard.",
        ),
        field(Control::Lowest, "Lowest new note", Kind::Pitch, "New notes below are moved up by octaves."),
        field(
            Control::Highest,
            "Highest new note",
            Kind::Pitch,
            "New notes above are moved down by octaves.",
        ),
        field(Control::Voices, "Voices", any(16), "New notes come in only where fewer than this many sound."),
        field(
            Control::Density,
            "Notes a beat",
            any(16),
            "New notes come in only in beats with fewer than this many.",
        ),
        field(
            Control::Swing,
            "Swing",
            Kind::Percent,
            "100 %: the second eighth of a beat falls on its last triplet.",
        ),
        field(
            Control::Humanise,
            "Humanise",
            Kind::Percent,
            "How much notes leave their time and their velocity, after the seed.",
        ),
        field(Control::Velocity, "Velocity", played(127), "The velocity of all answers."),
        field(Control::Channel, "Channel", played(16), "The channel of all answers."),
        field(Control::Longest, "Longest note (16ths)", any(64), "No note of an answer lasts longer."),
        field(
            Control::Pedal,
            "Pedal as length",
            Kind::Switch,
            "The sustain pedal lengthens notes instead of being passed on.",
        ),
        field(Control::Panic, "Panic", Kind::Button, "Ends all that sounds, on every channel."),
        field(Control::Bypass, "Bypass", Kind::Switch, "Your notes pass at once, unchanged."),
    ]
}

fn choice<T: Enum>() -> Kind {
    Kind::Choice(T::variants().iter().map(|name| (*name).to_string()).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use nice_plug::prelude::Params;

    use super::*;
    use crate::link::Shared;
    use crate::packs::Selection;

    #[test]
    fn every_parameter_has_one_control_whose_value_it_can_show() {
        let shared = Arc::new(Shared::default());
        let selection = Arc::new(Selection::new(shared.clone(), Err("none".into())));
        let params = PluginParams::new(selection, &shared);
        let (fields, values) = (fields(), values(&params, &fields()));
        assert_eq!(values.len(), params.param_map().len());
        for (index, field) in fields.iter().enumerate() {
            assert!(
                !fields[..index].iter().any(|other| other.control == field.control),
                "{:?}",
                field.control
            );
            if let Kind::Choice(names) = &field.kind {
                assert!(names.len() > values[index].1 as usize);
            }
        }
        assert_eq!((value(&params, Control::Target), value(&params, Control::Amount)), (1.0, 0.75));
        assert_eq!((value(&params, Control::Weight(7)), value(&params, Control::Highest)), (1.0, 127.0));
    }
}
