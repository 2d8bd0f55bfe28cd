//! Colours and type. The hues of notes are of Okabe and Ito's set (2008), which people of any colour vision
//! tell apart; and what was removed is hollow, so that shape says it too.

use egui::{Color32, Context, CornerRadius, FontFamily, FontId, Stroke, Style, TextStyle, Visuals, vec2};

/// Dark for stages, light for bright rooms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// Dark.
    #[default]
    Dark,
    /// Light.
    Light,
}

/// The colours of a look.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    pub look: Look,
    /// Behind everything.
    pub back: Color32,
    /// Bars at the edges.
    pub bar: Color32,
    /// What can be moved or pressed.
    pub raised: Color32,
    /// The same under the pointer.
    pub hovered: Color32,
    /// Behind notes: rows of white keys, and of black ones.
    pub rows: [Color32; 2],
    /// Lines of beats, and of bars.
    pub lines: [Color32; 2],
    pub text: Color32,
    /// What is said beside.
    pub quiet: Color32,
    /// What is chosen, and what runs.
    pub accent: Color32,
    /// Text on it.
    pub on_accent: Color32,
    /// What is wrong.
    pub wrong: Color32,
    /// Notes that came in.
    pub input: Color32,
    pub kept: Color32,
    pub added: Color32,
    pub removed: Color32,
    /// Notes that speak for their genre.
    pub salient: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

const DARK: Theme = Theme {
    look: Look::Dark,
    back: rgb(0x15_17_1b),
    bar: rgb(0x1d_20_26),
    raised: rgb(0x2a_2e_37),
    hovered: rgb(0x38_3d_49),
    rows: [rgb(0x1c_1f_25), rgb(0x18_1b_20)],
    lines: [rgb(0x27_2b_33), rgb(0x40_47_54)],
    text: rgb(0xe6_e9_ee),
    quiet: rgb(0x9b_a4_b1),
    accent: rgb(0x56_b4_e9),
    on_accent: rgb(0x0b_14_1b),
    wrong: rgb(0xf0_7f_45),
    input: rgb(0xc4_cc_d8),
    kept: rgb(0x56_b4_e9),
    added: rgb(0xe6_9f_00),
    removed: rgb(0xcc_79_a7),
    salient: rgb(0xf0_e4_42),
};

const LIGHT: Theme = Theme {
    look: Look::Light,
    back: rgb(0xf3_f4_f6),
    bar: rgb(0xff_ff_ff),
    raised: rgb(0xe2_e6_eb),
    hovered: rgb(0xd2_d8_e0),
    rows: [rgb(0xff_ff_ff), rgb(0xf5_f6_f8)],
    lines: [rgb(0xe4_e8_ed), rgb(0xb4_bd_c9)],
    text: rgb(0x1b_1f_26),
    quiet: rgb(0x59_62_70),
    accent: rgb(0x00_72_b2),
    on_accent: rgb(0xff_ff_ff),
    wrong: rgb(0xb8_46_00),
    input: rgb(0x55_5f_6e),
    kept: rgb(0x00_72_b2),
    added: rgb(0xdd_86_00),
    removed: rgb(0xb2_4f_84),
    salient: rgb(0xc2_3b_00),
};

/// Corners of what can be pressed.
pub const ROUND: CornerRadius = CornerRadius::same(4);

impl Theme {
    /// The colours of a look.
    pub fn of(look: Look) -> &'static Self {
        match look {
            Look::Dark => &DARK,
            Look::Light => &LIGHT,
        }
    }

    /// A note's colour at a velocity, 0..=1: soft notes go under in the background.
    pub fn at_velocity(&self, colour: Color32, velocity: f32) -> Color32 {
        mix(self.rows[0], colour, 0.35 + 0.65 * velocity.clamp(0.0, 1.0))
    }

    /// Sets egui's own widgets to these colours and sizes; only when the look has changed.
    pub fn dress(&self, context: &Context) {
        context.options_mut(|options| options.zoom_with_keyboard = false);
        context.all_styles_mut(|style| self.style(style));
    }

    fn style(&self, style: &mut Style) {
        let size = |size| FontId::new(size, FontFamily::Proportional);
        style.text_styles = [
            (TextStyle::Heading, size(18.0)),
            (TextStyle::Body, size(13.0)),
            (TextStyle::Button, size(13.0)),
            (TextStyle::Small, size(11.0)),
            (TextStyle::Monospace, FontId::new(12.0, FontFamily::Monospace)),
        ]
        .into();
        style.spacing.item_spacing = vec2(6.0, 6.0);
        style.spacing.button_padding = vec2(9.0, 3.0);
        style.spacing.interact_size.y = 24.0;
        style.interaction.tooltip_delay = 0.4;
        style.interaction.selectable_labels = false;
        let dark = self.look == Look::Dark;
        let mut visuals = if dark { Visuals::dark() } else { Visuals::light() };
        visuals.override_text_color = None;
        (visuals.panel_fill, visuals.window_fill, visuals.extreme_bg_color) =
            (self.back, self.bar, self.back);
        visuals.window_stroke = Stroke::new(1.0, self.lines[1]);
        visuals.selection.bg_fill = mix(self.bar, self.accent, 0.45);
        visuals.selection.stroke = Stroke::new(1.0, self.text);
        let widgets = &mut visuals.widgets;
        widgets.noninteractive.bg_stroke = Stroke::new(1.0, self.lines[1]);
        widgets.noninteractive.fg_stroke = Stroke::new(1.0, self.text);
        let states = [
            (&mut widgets.inactive, self.raised),
            (&mut widgets.hovered, self.hovered),
            (&mut widgets.active, self.hovered),
            (&mut widgets.open, self.hovered),
        ];
        for (state, fill) in states {
            (state.bg_fill, state.weak_bg_fill) = (fill, fill);
            state.bg_stroke = Stroke::NONE;
            state.fg_stroke = Stroke::new(1.0, self.text);
            state.corner_radius = ROUND;
            state.expansion = 0.0;
        }
        style.visuals = visuals;
    }
}

/// From `a` (0) to `b` (1).
pub fn mix(a: Color32, b: Color32, share: f32) -> Color32 {
    let part = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * share).round() as u8;
    Color32::from_rgb(part(a.r(), b.r()), part(a.g(), b.g()), part(a.b(), b.b()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.2's contrast of two colours, 1..=21.
    fn contrast(a: Color32, b: Color32) -> f32 {
        let light = |c: Color32| {
            let part = |x: u8| {
                let x = f32::from(x) / 255.0;
                if x <= 0.04045 { x / 12.92 } else { ((x + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * part(c.r()) + 0.7152 * part(c.g()) + 0.0722 * part(c.b())
        };
        let (a, b) = (light(a).max(light(b)), light(a).min(light(b)));
        (a + 0.05) / (b + 0.05)
    }

    #[test]
    fn text_and_notes_can_be_told_from_what_is_behind_them() {
        for theme in [DARK, LIGHT] {
            for back in [theme.back, theme.bar, theme.raised] {
                assert!(contrast(theme.text, back) > 7.0);
            }
            for back in [theme.back, theme.bar] {
                assert!(contrast(theme.quiet, back) > 4.5 && contrast(theme.wrong, back) > 4.5);
            }
            assert!(contrast(theme.on_accent, theme.accent) > 4.5);
            for note in [theme.kept, theme.added, theme.removed, theme.input, theme.salient] {
                assert!(contrast(note, theme.rows[0]) > 2.5, "{note:?} of {:?}", theme.look);
            }
        }
    }
}
