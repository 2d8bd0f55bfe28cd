//! An answer as sound, for ears without a DAW: what `play` does with `--audio` and `--listen`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use phrase::{DRUM_CHANNEL, STEPS_PER_BAR, Song};
use sound::{Font, Player, Sound, SoundError};

/// Seconds of silence between a song and its answer.
const PAUSE: f64 = 0.3;

/// Options about sound.
#[derive(clap::Args)]
pub struct Options {
    /// Write the answer as sound too, into a .wav or .ogg file.
    #[arg(long, value_name = "FILE")]
    audio: Option<PathBuf>,
    /// Play the answer through this computer's loudspeakers.
    #[arg(long)]
    listen: bool,
    /// In the sound the song comes first, its answer after it.
    #[arg(long)]
    before: bool,
    /// In the sound only so many bars, from the first on.
    #[arg(long, value_name = "BARS")]
    bars: Option<u16>,
    /// The SoundFont (.sf2) to play it with, in place of the one that CONTRAFACT_SOUNDFONT or the system
    /// names.
    #[arg(long, value_name = "FILE", conflicts_with = "plain")]
    font: Option<PathBuf>,
    /// Play it on our own electric piano and bass, as where no SoundFont is found.
    #[arg(long)]
    plain: bool,
}

impl Options {
    /// Fails where nothing could come of the options, before anything else is done.
    pub fn check(&self, song: &std::path::Path) -> Result<()> {
        if !self.is_wanted() {
            if self.before || self.bars.is_some() || self.font.is_some() || self.plain {
                bail!("--before, --bars, --font and --plain are about sound; give --audio or --listen too");
            }
            return Ok(());
        }
        if self.bars == Some(0) {
            bail!("--bars must be 1 or more");
        }
        let Some(audio) = &self.audio else { return Ok(()) };
        if !audio.extension().is_some_and(|end| ["wav", "ogg"].iter().any(|of| end.eq_ignore_ascii_case(of)))
        {
            return Err(SoundError::Format(audio.clone()).into());
        }
        if audio.canonicalize().is_ok_and(|audio| song.canonicalize().is_ok_and(|song| song == audio)) {
            bail!("{} is the song itself; give another name with --audio", audio.display());
        }
        Ok(())
    }

    fn is_wanted(&self) -> bool {
        self.audio.is_some() || self.listen
    }

    /// Makes the sound of a song's answer and writes or plays it.
    pub fn hear(&self, song: &Song, answer: &Song) -> Result<()> {
        if !self.is_wanted() {
            return Ok(());
        }
        let player = self.player()?;
        let part = |song: &Song| match self.bars {
            Some(bars) => first(song, usize::from(bars)),
            None => song.clone(),
        };
        let (song, answer) = (part(song), part(answer));
        let mut sound = player.play(&answer)?;
        if self.before {
            sound = player.play(&song)?.then(&sound, PAUSE);
        }
        if matches!(player, Player::Plain) && answer.notes().any(|note| note.channel == DRUM_CHANNEL) {
            println!("note     drums are left out; a SoundFont has them: --font FILE.sf2");
        }
        let sound = sound.levelled();
        if let Some(audio) = &self.audio {
            sound.write(audio)?;
            println!("sound    {} ({})", audio.display(), describe(&sound, &player));
        }
        if self.listen {
            println!("playing  {}", describe(&sound, &player));
            sound.listen()?;
        }
        Ok(())
    }

    fn player(&self) -> Result<Player> {
        if self.plain {
            return Ok(Player::Plain);
        }
        Ok(match self.font.clone().or_else(Font::usual) {
            Some(path) => Player::Font(Font::read(&path)?),
            None => Player::Plain,
        })
    }
}

fn describe(sound: &Sound, player: &Player) -> String {
    format!("{:.1} s, {}", sound.seconds(), player.name())
}

/// The first bars of a song, what sounds on cut at their end.
fn first(song: &Song, bars: usize) -> Song {
    let end = (bars * STEPS_PER_BAR) as f64;
    let mut song = song.clone();
    for track in &mut song.tracks {
        track.notes.retain(|note| note.onset < end);
        track.notes.iter_mut().for_each(|note| note.length = note.length.min(end - note.onset));
        track.others.retain(|other| other.at < end);
    }
    song.end = song.end.min(end);
    song
}
