//! `play`: a MIDI file through the built plugin, as a DAW's bounce.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use host::{ANSWER_BEATS, ClapHost, RenderOptions, render_song};
use model::{LoadedPack, Pack, Settings, SwingBy};
use phrase::{BandPart, ContentChange, CutOptions, Phrase, STEPS_PER_BAR, STEPS_PER_BEAT, Song, cut};
use trainer::picture::{self, Cells};

use crate::bench::{median, percentile};
use crate::{build, genres, hear, packs};

/// Options of `play`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The MIDI file.
    song: PathBuf,
    /// The genre to recast it into: a name, or a slot's number.
    #[arg(long)]
    to: String,
    /// The genre that it is in; "auto" lets the plugin hear for itself.
    #[arg(long, default_value = "auto")]
    from: String,
    /// How far to go, in percent.
    #[arg(long, default_value_t = 75.0)]
    amount: f32,
    /// How freely to choose, in percent.
    #[arg(long, default_value_t = 0.0)]
    variation: f32,
    /// Which of the choices, when there is variation.
    #[arg(long, default_value_t = 0)]
    seed: u32,
    /// How far the target genre may recolour the song's chords, in percent.
    #[arg(long, default_value_t = 10.0)]
    harmony: f32,
    /// Leave phrases alone that are heard as the target.
    #[arg(long)]
    leave_own: bool,
    /// Let new notes break arrangers' limits: muddy basses, clusters, chords for three hands.
    #[arg(long)]
    no_limits: bool,
    /// Where the second eighths of new notes fall: "auto" (as the genre has them at this tempo), "heard",
    /// "straight", or of all notes, in percent (100: on the last triplet).
    #[arg(long, default_value = "auto", value_parser = swing)]
    swing: Swing,
    /// How far new notes leave the beat as the genre's players do, in percent.
    #[arg(long, default_value_t = 100.0)]
    feel: f32,
    /// How far the song's notes are struck as the genre's players would, in percent.
    #[arg(long, default_value_t = 0.0)]
    dynamics: f32,
    /// Who plays: any of tune, chords and bass.
    #[arg(long, value_delimiter = ',', default_value = "tune,chords,bass", value_parser = part)]
    parts: Vec<BandPart>,
    /// Send tune, chords and bass to channels 1, 2 and 3, a track each.
    #[arg(long)]
    split: bool,
    /// The MIDI file to write, with a picture (.png) beside it; SONG.to-GENRE.mid in the current folder if
    /// not given.
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// How many bars later an answer comes: 4, 2 or 1.
    #[arg(long, default_value_t = 4)]
    latency: u8,
    /// Let the music go on for so many bars after the song's last note: 1, 2, 4, 8, 16, 32 or 64.
    #[arg(long, value_name = "BARS", value_parser = then)]
    then: Option<u8>,
    /// Leave the answer where it sounded, as many bars late.
    #[arg(long)]
    as_heard: bool,
    /// A pack in place of the one inside the plugin.
    #[arg(long)]
    pack: Option<PathBuf>,
    /// The plugin's library, in place of building it.
    #[arg(long)]
    library: Option<PathBuf>,
    #[command(flatten)]
    hear: hear::Options,
}

/// What `--swing` says.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Swing {
    /// The parameter's value, and what the pack is asked for.
    New(f64, SwingBy),
    /// Of all notes.
    All(f32),
}

fn swing(text: &str) -> Result<Swing, String> {
    match text {
        "auto" => Ok(Swing::New(0.0, SwingBy::Auto)),
        "heard" => Ok(Swing::New(0.5, SwingBy::Heard)),
        "straight" => Ok(Swing::New(1.0, SwingBy::Straight)),
        number => match number.parse::<f32>() {
            Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(Swing::All(percent / 100.0)),
            _ => Err("it must be auto, heard, straight, or over 0 and up to 100 percent".into()),
        },
    }
}

/// The bars that the plugin's parameter offers.
const THEN: [u8; 7] = [1, 2, 4, 8, 16, 32, 64];

fn then(text: &str) -> Result<u8, String> {
    let known = text.parse().ok().filter(|bars| THEN.contains(bars));
    known.ok_or_else(|| "it must be 1, 2, 4, 8, 16, 32 or 64 bars".into())
}

fn part(text: &str) -> Result<BandPart, String> {
    let known = BandPart::ALL.into_iter().find(|part| part.name() == text);
    known.ok_or_else(|| "it must be tune, chords or bass".into())
}

/// Samples a second and a block, as a DAW's usual bounce has them.
const BOUNCE: RenderOptions =
    RenderOptions { sample_rate: 48_000.0, block: 512, as_heard: false, delay: ANSWER_BEATS, then: 0 };

/// Plays the song and writes the answer.
pub fn run(arguments: &Arguments) -> Result<()> {
    check_percent("amount", arguments.amount)?;
    check_percent("variation", arguments.variation)?;
    check_percent("harmony", arguments.harmony)?;
    check_percent("feel", arguments.feel)?;
    check_percent("dynamics", arguments.dynamics)?;
    if arguments.seed > 9999 {
        bail!("--seed must be 0 to 9999");
    }
    // The parameter's value and the window's first played step.
    let (latency, first) = match arguments.latency {
        4 => (0.0, 0),
        2 => (0.5, 32),
        1 => (1.0, 48),
        _ => bail!("--latency must be 4, 2 or 1 bars"),
    };
    arguments.hear.check(&arguments.song)?;
    let song = Song::read(&arguments.song)?;
    let pack = match &arguments.pack {
        Some(path) => Pack::read(path)?,
        None => Pack::from_bytes("the default pack", model::default_pack())?,
    };
    let target = genres::slot(&pack.card.genres, &arguments.to)?;
    let source = genres::source(&pack.card.genres, &arguments.from)?;
    let (midi, image) = outputs(arguments, &pack.card.genres[usize::from(target)])?;
    let library = match &arguments.library {
        Some(path) => path.canonicalize().with_context(|| format!("{} cannot be loaded", path.display()))?,
        None => build::plugin()?,
    };

    let most = arguments.then.and_then(|bars| THEN.iter().position(|known| *known == bars));
    if arguments.then.is_some() && pack.card.parts.writer.is_none() {
        bail!("{}: this pack has no writer, so nothing can go on; leave out --then", pack.card.name);
    }
    let plays = |part| f64::from(u8::from(arguments.parts.contains(&part)));
    let rendered = {
        // SAFETY: no thread of ours is running, and the plugin that reads the variable is not loaded yet.
        let _packs = unsafe { packs::folder(arguments.pack.as_deref()) }?;
        let mut plugin = ClapHost::open(&library)?;
        if arguments.pack.is_some() {
            packs::choose(&mut plugin, &pack.card)?;
        }
        for (name, value) in [
            ("Target", f64::from(target) / 7.0),
            ("Source", f64::from(source.map_or(0, |slot| slot + 1)) / 8.0),
            ("Amount", f64::from(arguments.amount / 100.0)),
            ("Variation", f64::from(arguments.variation / 100.0)),
            ("Seed", f64::from(arguments.seed) / 9999.0),
            ("Latency", latency),
            ("Harmony", f64::from(arguments.harmony / 100.0)),
            ("Leave own genre alone", f64::from(u8::from(arguments.leave_own))),
            ("Voicing limits", f64::from(u8::from(!arguments.no_limits))),
            ("Swing", f64::from(if let Swing::All(swing) = arguments.swing { swing } else { 0.0 })),
            ("Groove", if let Swing::New(value, _) = arguments.swing { value } else { 0.0 }),
            ("Feel", f64::from(arguments.feel / 100.0)),
            ("Dynamics", f64::from(arguments.dynamics / 100.0)),
            ("Tune", plays(BandPart::Tune)),
            ("Chords", plays(BandPart::Chords)),
            ("Bass", plays(BandPart::Bass)),
            ("Split", f64::from(u8::from(arguments.split))),
            ("When silent", if most.is_some() { 1.0 / 3.0 } else { 0.0 }),
            ("For at most", most.unwrap_or(0) as f64 / (THEN.len() - 1) as f64),
        ] {
            plugin.set(name, value)?;
        }
        plugin.set_offline(true)?;
        plugin.start(BOUNCE.sample_rate, BOUNCE.block)?;
        let delay = f64::from(arguments.latency) * (STEPS_PER_BAR / STEPS_PER_BEAT) as f64;
        let then = arguments.then.unwrap_or(0).into();
        let options = RenderOptions { as_heard: arguments.as_heard, delay, then, ..BOUNCE };
        render_song(&mut plugin, &song, &options)?
    };

    let settings = Settings {
        source,
        target: Settings::to(usize::from(target)).target,
        amount: arguments.amount / 100.0,
        variation: arguments.variation / 100.0,
        seed: arguments.seed,
        first,
        leave_own: arguments.leave_own,
        limits: !arguments.no_limits,
        harmony: arguments.harmony / 100.0,
        swing: if let Swing::New(_, swing) = arguments.swing { swing } else { SwingBy::Level },
        ..Settings::to(usize::from(target))
    };
    let title = format!("{} to {}", stem(&arguments.song), pack.card.genres[usize::from(target)]);
    let (input, mut output) = (Cells::of(&song), Cells::of(&rendered.song));
    if arguments.as_heard {
        output = output.earlier(usize::from(arguments.latency) * STEPS_PER_BAR);
    }
    let picture = picture::draw(&title, &input, &output);
    rendered.song.write(&midi)?;
    picture::write(&picture, &image)?;

    println!("answer   {}", midi.display());
    println!("picture  {}", image.display());
    println!(
        "phrases  {} of 4 bars, {} notes in, {} notes out",
        input.phrases(),
        notes(&song),
        notes(&rendered.song)
    );
    print_change(&input, &output);
    if rendered.hanging + rendered.stray > 0 {
        println!("warning  {} notes never ended, {} ends without a note", rendered.hanging, rendered.stray);
    }
    print_times(&pack, &song, &settings)?;
    arguments.hear.hear(&song, &rendered.song)
}

pub fn check_percent(name: &str, value: f32) -> Result<()> {
    if (0.0..=100.0).contains(&value) { Ok(()) } else { bail!("--{name} must be 0 to 100 percent") }
}

/// Where the answer and its picture go; never over the song itself.
fn outputs(arguments: &Arguments, genre: &str) -> Result<(PathBuf, PathBuf)> {
    let name =
        format!("{}.to-{}.mid", stem(&arguments.song), genre.to_lowercase().replace(['/', '\\', ' '], "-"));
    let midi = arguments.output.clone().unwrap_or_else(|| name.into());
    let image = midi.with_extension("png");
    let same = |path: &Path| {
        path.canonicalize().is_ok_and(|path| arguments.song.canonicalize().is_ok_and(|song| song == path))
    };
    if same(&midi) || same(&image) {
        bail!("{} is the song itself; give another name with --output", midi.display());
    }
    if midi == image {
        bail!("{} would be the picture too; give a name that ends in .mid", midi.display());
    }
    for path in [&midi, &image] {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            bail!("{} is not a folder; make it first or give another --output", folder.display());
        }
    }
    Ok((midi, image))
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn notes(song: &Song) -> usize {
    song.notes().filter(|note| note.channel != phrase::DRUM_CHANNEL).count()
}

/// The mean change over the phrases that hold notes.
fn print_change(input: &Cells, output: &Cells) {
    let changes: Vec<_> = (0..input.phrases())
        .map(|phrase| (input.phrase(phrase), output.phrase(phrase)))
        .filter(|(source, _)| source.iter().any(|step| *step != 0))
        .map(|(source, answer)| ContentChange::between(&source, &answer))
        .collect();
    let mean = |of: fn(&ContentChange) -> f32| {
        100.0 * changes.iter().map(of).sum::<f32>() / changes.len().max(1) as f32
    };
    let (added, removed) = (mean(|change| change.added), mean(|change| change.removed));
    let total = mean(|change| change.total);
    println!(
        "change   {added:.1} % of the cells added, {removed:.1} % removed, {total:.1} % in all (mean a \
         phrase)"
    );
}

/// The time that the plugin's network takes on this song's phrases: measured here, with the same code and one
/// thread, since a bounce waits for its answers and so tells nothing.
fn print_times(pack: &Pack, song: &Song, settings: &Settings) -> Result<()> {
    let options = CutOptions { drop_drums: true, ..CutOptions::whole() };
    let phrases = cut(song, &options).phrases;
    let sounding: Vec<&Phrase> = phrases.iter().filter(|phrase| !phrase.roll().is_empty()).collect();
    let Some(fastest) = sounding.iter().map(|phrase| phrase.tempo).reduce(f64::max) else {
        println!("time     no phrase had a note for the network");
        return Ok(());
    };
    let mut transfer = LoadedPack::new(pack)?;
    let mut answer = Phrase::new(0, 120.0);
    // Unmeasured: the first call of all warms caches and makes buffers.
    transfer.transfer(sounding[0], settings, &mut answer)?;
    let mut times: Vec<Duration> = Vec::new();
    while times.len() < 100 {
        for phrase in &sounding {
            let start = Instant::now();
            transfer.transfer(phrase, settings, &mut answer)?;
            times.push(start.elapsed());
        }
    }
    times.sort_unstable();
    let ms = |time: Duration| 1e3 * time.as_secs_f64();
    println!(
        "time     {:.2} ms a phrase (median; p99 {:.2}) of {:.0} ms until its bar line at {fastest:.0} BPM \
         (the model alone, one thread)",
        ms(median(&times)),
        ms(percentile(&times, 99)),
        60_000.0 / fastest / 8.0,
    );
    Ok(())
}
