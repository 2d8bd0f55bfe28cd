//! Notes and controllers as they come from and go to the host.
//!
//! Velocities that leave are 1/127 to 1. Raw MIDI's note-on of velocity 0 is a note-off; CLAP's and VST3's
//! own is a note, played as softly as MIDI can. A velocity that is no number is no note.

use nice_plug::midi::{Channel, Key, NoteEvent, VoiceID};

use super::stage::Choice;

/// A host event; its timing counts samples from the block's start.
pub type Event = NoteEvent<()>;

/// The host's event queues of one block, so that everything on the audio thread can be tested without a host.
pub trait Io {
    /// The next event from the host, in the order of time.
    fn next(&mut self) -> Option<Event>;
    /// Hands an event to the host. Must be called in the order of time.
    fn send(&mut self, event: Event);
    /// A parameter has a new value, from a sample of the block on: for the host, and for the next block.
    fn choose(&mut self, choice: Choice, sample: u32);
}

/// A key on a channel: what a note-off must match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voice {
    /// MIDI pitch, 0..=127.
    pub pitch: u8,
    /// Channel, 0..=15.
    pub channel: u8,
}

/// Which notes an event means: each part may be a wildcard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Address {
    /// The host's own number of the note.
    pub id: VoiceID,
    /// The channel.
    pub channel: Channel,
    /// The key.
    pub key: Key,
}

impl Address {
    /// Whether the note `voice`, which began with the host's number `id`, is meant.
    ///
    /// A number counts only where both sides have one: Bitwig sends none with note-offs, and raw MIDI never
    /// has any.
    pub fn means(&self, voice: Voice, id: VoiceID) -> bool {
        let same_id = self.id.is_wildcard() || id.is_wildcard() || self.id == id;
        let same_key = self.key.number().is_none_or(|key| key == voice.pitch);
        same_id && same_key && self.channel.number().is_none_or(|channel| channel == voice.channel)
    }
}

/// The softest note-on: MIDI's 1. A velocity of 0 means a note-off in raw MIDI, and the framework reads it as
/// one. CLAP's and VST3's own note-ons may have it, or less than MIDI can say: such a note is played, as
/// softly as MIDI can.
pub const SOFTEST: f32 = 1.0 / 127.0;

/// A note-on for the host. Whatever the velocity is, one that every synth understands is sent.
pub fn note_on(timing: u32, voice: Voice, velocity: f32) -> Event {
    let (channel, key) = (Channel::Number(voice.channel), Key::Number(voice.pitch));
    let velocity = if velocity.is_nan() { SOFTEST } else { velocity.clamp(SOFTEST, 1.0) };
    NoteEvent::NoteOn { timing, voice_id: VoiceID::Wildcard, channel, key, velocity }
}

/// A note-off for the host.
pub fn note_off(timing: u32, voice: Voice) -> Event {
    let (channel, key) = (Channel::Number(voice.channel), Key::Number(voice.pitch));
    NoteEvent::NoteOff { timing, voice_id: VoiceID::Wildcard, channel, key, velocity: 0.0 }
}

/// The same event at another time of its block, and without the host's note numbers.
///
/// Our notes are new notes: a host that numbered the input would apply an expression to a note it no longer
/// plays.
pub fn moved(event: Event, timing: u32) -> Event {
    macro_rules! with {
        ($($variant:ident { $($field:ident),* }),* $(,)?) => {
            match event {
                $(NoteEvent::$variant { channel, key, $($field,)* .. } =>
                    NoteEvent::$variant { timing, voice_id: VoiceID::Wildcard, channel, key, $($field),* },)*
                NoteEvent::MidiChannelPressure { channel, pressure, .. } =>
                    NoteEvent::MidiChannelPressure { timing, channel, pressure },
                NoteEvent::MidiPitchBend { channel, value, .. } => NoteEvent::MidiPitchBend { timing, channel,
                    value },
                NoteEvent::MidiCC { channel, cc, value, .. } => NoteEvent::MidiCC { timing, channel, cc,
                    value },
                NoteEvent::MidiProgramChange { channel, program, .. } =>
                    NoteEvent::MidiProgramChange { timing, channel, program },
                other => other,
            }
        };
    }
    with!(
        NoteOn { velocity },
        NoteOff { velocity },
        Choke {},
        PolyPressure { pressure },
        PolyVolume { gain },
        PolyPan { pan },
        PolyTuning { tuning },
        PolyVibrato { vibrato },
        PolyExpression { expression },
        PolyBrightness { brightness },
    )
}

/// The same event on another channel, but for the drums'.
pub fn on_channel(mut event: Event, to: u8) -> Event {
    let drums = u32::from(phrase::DRUM_CHANNEL);
    match &mut event {
        NoteEvent::MidiChannelPressure { channel, .. }
        | NoteEvent::MidiPitchBend { channel, .. }
        | NoteEvent::MidiCC { channel, .. }
            if u32::from(*channel) != drums =>
        {
            *channel = to;
        }
        NoteEvent::PolyPressure { channel, .. }
        | NoteEvent::PolyVolume { channel, .. }
        | NoteEvent::PolyPan { channel, .. }
        | NoteEvent::PolyTuning { channel, .. }
        | NoteEvent::PolyVibrato { channel, .. }
        | NoteEvent::PolyExpression { channel, .. }
        | NoteEvent::PolyBrightness { channel, .. }
            if channel.number().is_none_or(|channel| u32::from(channel) != drums) =>
        {
            *channel = Channel::Number(to);
        }
        _ => {}
    }
    event
}

/// What is done with an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A key goes down; the velocity is [`SOFTEST`] to 1.
    On(Address, f32),
    /// A key comes up, or is cut off.
    Off(Address),
    /// A note expression or key pressure: it belongs to a note.
    Expression(Address),
    /// A controller, pitch bend or channel pressure: it travels with its phrase.
    Controller,
    /// All notes of a channel end: CC120, CC123 and the mode messages that imply it. Passed at once.
    Silence(u8),
    /// Program and bank: passed at once, since a synth needs them before the notes.
    AtOnce,
    /// Nothing for us.
    Ignored,
}

/// Sorts an event by what is done with it.
pub fn kind(event: &Event) -> Kind {
    match *event {
        NoteEvent::NoteOn { voice_id: id, channel, key, velocity, .. } => {
            let address = Address { id, channel, key };
            // A key or channel that is missing, and a velocity that is no number, cannot be played.
            let playable = key.number().is_some_and(|k| k < 128) && channel.number().is_some_and(|c| c < 16);
            match velocity {
                v if !playable || !v.is_finite() => Kind::Ignored,
                v => Kind::On(address, v.clamp(SOFTEST, 1.0)),
            }
        }
        NoteEvent::NoteOff { voice_id: id, channel, key, .. }
        | NoteEvent::Choke { voice_id: id, channel, key, .. } => Kind::Off(Address { id, channel, key }),
        NoteEvent::PolyPressure { voice_id: id, channel, key, .. }
        | NoteEvent::PolyVolume { voice_id: id, channel, key, .. }
        | NoteEvent::PolyPan { voice_id: id, channel, key, .. }
        | NoteEvent::PolyTuning { voice_id: id, channel, key, .. }
        | NoteEvent::PolyVibrato { voice_id: id, channel, key, .. }
        | NoteEvent::PolyExpression { voice_id: id, channel, key, .. }
        | NoteEvent::PolyBrightness { voice_id: id, channel, key, .. } => {
            Kind::Expression(Address { id, channel, key })
        }
        NoteEvent::MidiCC { channel, cc, .. } => match cc {
            120 | 123..=127 => Kind::Silence(channel & 15),
            0 | 32 => Kind::AtOnce,
            _ => Kind::Controller,
        },
        NoteEvent::MidiChannelPressure { .. } | NoteEvent::MidiPitchBend { .. } => Kind::Controller,
        NoteEvent::MidiProgramChange { .. } => Kind::AtOnce,
        _ => Kind::Ignored,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOICE: Voice = Voice { pitch: 60, channel: 3 };

    #[test]
    fn wildcards_mean_every_note_and_numbers_only_their_own() {
        let all = Address { id: VoiceID::Wildcard, channel: Channel::Wildcard, key: Key::Wildcard };
        assert!(all.means(VOICE, VoiceID::ID(7)));
        assert!(Address { id: VoiceID::ID(7), ..all }.means(VOICE, VoiceID::Wildcard));
        assert!(!Address { id: VoiceID::ID(8), ..all }.means(VOICE, VoiceID::ID(7)));
        assert!(!Address { key: Key::Number(61), ..all }.means(VOICE, VoiceID::Wildcard));
        assert!(!Address { channel: Channel::Number(2), ..all }.means(VOICE, VoiceID::Wildcard));
    }

    #[test]
    fn events_that_cannot_be_played_are_ignored() {
        let on = |channel, key, velocity| NoteEvent::NoteOn {
            timing: 0,
            voice_id: VoiceID::Wildcard,
            channel,
            key,
            velocity,
        };
        let (channel, key) = (Channel::Number(0), Key::Number(60));
        for (velocity, is) in [(2.0, 1.0), (0.0, SOFTEST), (-1.0, SOFTEST), (0.001, SOFTEST), (0.5, 0.5)] {
            let Kind::On(_, heard) = kind(&on(channel, key, velocity)) else { panic!("{velocity}") };
            assert_eq!(heard, is);
            let sent = note_on(0, VOICE, velocity);
            assert!(matches!(sent, NoteEvent::NoteOn { velocity, .. } if velocity == is));
        }
        let sent = note_on(0, VOICE, f32::NAN);
        assert!(matches!(sent, NoteEvent::NoteOn { velocity: SOFTEST, .. }));
        assert_eq!(kind(&on(Channel::Wildcard, key, 0.5)), Kind::Ignored);
        assert_eq!(kind(&on(channel, Key::Wildcard, 0.5)), Kind::Ignored);
        assert_eq!(kind(&on(channel, key, f32::NAN)), Kind::Ignored);
    }

    #[test]
    fn panic_program_and_bank_go_at_once() {
        let cc = |cc| kind(&NoteEvent::MidiCC { timing: 0, channel: 2, cc, value: 1.0 });
        assert_eq!((cc(120), cc(123), cc(126)), (Kind::Silence(2), Kind::Silence(2), Kind::Silence(2)));
        assert_eq!(
            (cc(0), cc(32), cc(64), cc(121)),
            (Kind::AtOnce, Kind::AtOnce, Kind::Controller, Kind::Controller)
        );
    }
}
