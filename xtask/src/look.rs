//! `look`: the editor as people see it, in eight states, and what it costs to have it open. Needs Xvfb.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use host::{ClapHost, Display, Event, Picture, Transport, drive};
use phrase::{STEPS_PER_BAR, Song};

use crate::build;
use crate::stage::{BPM, RATE, sample};

/// Options of `look`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder that the pictures go into.
    #[arg(short, long, default_value = "docs")]
    output: PathBuf,
    /// A plugin library that was built already, instead of building one.
    #[arg(long)]
    library: Option<PathBuf>,
    /// Print what the open editor costs, and take no pictures.
    #[arg(long)]
    cost: bool,
}

/// The editor's size in points, and the place of its switch for the overlay: what `gui` has.
const SIZE: (u16, u16) = (1040, 760);
const WHY: (i16, i16) = (671, 91);
/// The page of the band, likewise.
const BAND: (i16, i16) = (898, 414);
/// The page of what plays where nobody does.
const FILL: (i16, i16) = (950, 414);
/// The first cards of the strip, and the corners of the morph.
const CARDS: [(i16, i16); 4] = [(66, 712), (176, 712), (286, 712), (396, 712)];
const CORNERS: [(i16, i16); 4] = [(802, 160), (994, 160), (802, 240), (994, 240)];
const BLOCK: u32 = 512;
/// A frame takes a while without a graphics card.
const SETTLE: Duration = Duration::from_millis(1500);

/// The plugin in a window.
struct Scene<'a> {
    display: &'a Display,
    plugin: ClapHost,
    transport: Transport,
    music: Vec<Event>,
    output: Vec<Event>,
    pixels: (u16, u16),
}

impl<'a> Scene<'a> {
    fn new(display: &'a Display, library: &Path, zoom: u16, parameters: &[(&str, f64)]) -> Result<Self> {
        let mut plugin = ClapHost::open(library)?;
        for (name, value) in parameters {
            plugin.set(name, *value)?;
        }
        plugin.set_offline(true)?;
        plugin.start(RATE, BLOCK)?;
        let scale = |points: u16| points * (zoom / 100);
        Ok(Self {
            display,
            plugin,
            transport: Transport::new(RATE, BLOCK, BPM),
            music: music()?,
            output: Vec::new(),
            pixels: (scale(SIZE.0), scale(SIZE.1)),
        })
    }

    /// Opens the editor, does something with it, closes it.
    fn open<T>(&mut self, mut act: impl FnMut(&mut Opened) -> Result<T>) -> Result<T> {
        let window = self.display.window(self.pixels.0, self.pixels.1);
        // Out of the way of whatever would light up.
        self.display.point(1, self.pixels.1 as i16 - 1);
        let mut editor = self.plugin.open_editor(window)?;
        let mut opened = Opened {
            display: self.display,
            editor: &mut editor,
            window,
            transport: &mut self.transport,
            music: &self.music,
            output: &mut self.output,
            pixels: self.pixels,
        };
        opened.rest(SETTLE);
        let done = act(&mut opened);
        drop(editor);
        self.display.destroy(window);
        done
    }
}

/// The same, opened.
struct Opened<'a, 'b> {
    display: &'a Display,
    editor: &'a mut host::ClapEditor<'b>,
    window: u32,
    transport: &'a mut Transport,
    music: &'a [Event],
    output: &'a mut Vec<Event>,
    pixels: (u16, u16),
}

impl Opened<'_, '_> {
    /// Serves the main thread for a while.
    fn rest(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.editor.host().pump();
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Plays to a bar (counted from 1) as fast as it can, then a quarter of a second in time.
    fn play_to(&mut self, bar: f64) -> Result<()> {
        self.transport.play();
        let until = sample((bar - 1.0) * STEPS_PER_BAR as f64);
        drive(self.editor.host(), self.transport, until, self.music, self.output)?;
        self.play_for(Duration::from_millis(250))
    }

    /// Plays in time.
    fn play_for(&mut self, time: Duration) -> Result<()> {
        let (begun, from) = (Instant::now(), self.transport.steady());
        while begun.elapsed() < time {
            let until = from + (begun.elapsed().as_secs_f64() * RATE) as u64;
            drive(self.editor.host(), self.transport, until, self.music, self.output)?;
            self.editor.host().pump();
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn photograph(&mut self, folder: &Path, name: &str) -> Result<()> {
        self.rest(SETTLE);
        let picture = self.display.picture(self.window, self.pixels.0, self.pixels.1);
        let path = folder.join(format!("editor-{name}.png"));
        let bytes = write(&picture, &path)?;
        println!("{} ({} KB)", path.display(), bytes.div_ceil(1000));
        Ok(())
    }
}

/// Takes the pictures, or prints the cost.
pub fn run(arguments: &Arguments) -> Result<()> {
    let library = match &arguments.library {
        Some(library) => library.clone(),
        None => build::plugin()?,
    };
    let home = tempfile::tempdir().context("no temporary folder can be made")?;
    let settings = home.path().join("contrafact");
    fs::create_dir_all(&settings)?;
    let prefer = |light: bool, zoom: u16| {
        let folder = Path::new("/home/you/Music");
        let text = serde_json::json!({"light": light, "zoom": zoom, "midi": folder, "welcomed": true});
        fs::write(settings.join("editor.json"), text.to_string())
    };
    // SAFETY: no other thread runs yet, and the plugin, which reads them, is not loaded.
    unsafe {
        std::env::set_var("XDG_CONFIG_HOME", home.path());
        std::env::set_var("CONTRAFACT_PACKS", "/home/you/Contrafact/packs");
    }
    let display = Display::start(2 * u32::from(SIZE.0), 2 * u32::from(SIZE.1))
        .ok_or_else(|| anyhow!("without Xvfb there is nothing to look at; install it"))?;
    prefer(false, 100)?;
    if arguments.cost {
        return cost(&display, &library);
    }
    fs::create_dir_all(&arguments.output)?;
    let folder = &arguments.output;
    let jazz = [("Target", 0.0), ("Amount", 1.0)];
    Scene::new(&display, &library, 100, &jazz)?.open(|scene| {
        scene.photograph(folder, "empty")?;
        scene.play_to(3.6)?;
        scene.photograph(folder, "playing")?;
        scene.play_to(23.3)?;
        scene.photograph(folder, "answer")?;
        scene.display.click(WHY.0, WHY.1);
        scene.display.point(1, SIZE.1 as i16 - 1);
        scene.photograph(folder, "why")
    })?;
    let along = [("Hear", 0.5), ("Tune", 0.0), ("Split", 1.0), ("Lock draw", 1.0)];
    Scene::new(&display, &library, 100, &[&jazz[..], &along].concat())?.open(|scene| {
        scene.play_to(14.6)?;
        scene.display.click(BAND.0, BAND.1);
        scene.display.point(1, SIZE.1 as i16 - 1);
        scene.photograph(folder, "band")
    })?;
    let on = [("When silent", 1.0 / 3.0), ("Morph", 1.0), ("Morph X", 0.3), ("Morph Y", 0.6)];
    Scene::new(&display, &library, 100, &[&jazz[..], &on].concat())?.open(|scene| {
        scene.play_to(22.6)?;
        scene.display.click(FILL.0, FILL.1);
        for (card, corner) in CARDS.into_iter().zip(CORNERS) {
            for at in [card, corner, card] {
                scene.display.click(at.0, at.1);
                scene.rest(SETTLE / 4);
            }
        }
        scene.display.point(1, SIZE.1 as i16 - 1);
        scene.photograph(folder, "fill")
    })?;
    let mut scene = Scene::new(&display, &library, 100, &jazz)?;
    let missing = serde_json::json!({"name": "Bossa nights", "hash": "0badc0de"});
    let state = host::with_field(&scene.plugin.save()?, "pack", &missing)?;
    scene.plugin.load(&state)?;
    scene.open(|scene| {
        scene.play_to(6.7)?;
        scene.photograph(folder, "missing-pack")
    })?;
    prefer(true, 200)?;
    let blend = [("Blend", 1.0), ("Blend weight 1", 0.25), ("Blend weight 2", 0.6), ("Blend weight 3", 0.15)];
    let more = [("Variation", 0.35), ("Seed", 0.0421), ("Keep melody", 1.0), ("Key lock", 1.0 / 25.0)];
    Scene::new(&display, &library, 200, &[&blend[..], &more].concat())?.open(|scene| {
        scene.play_to(15.8)?;
        scene.photograph(folder, "light-200")
    })
}

/// What the open window costs the process, in shares of a core: it draws without a graphics card here, which
/// no user does.
fn cost(display: &Display, library: &Path) -> Result<()> {
    const TIME: Duration = Duration::from_secs(8);
    let mut scene = Scene::new(display, library, 100, &[("Target", 1.0 / 7.0)])?;
    let print = |name: &str, before: Duration| -> Result<()> {
        let share = (cpu()? - before).as_secs_f64() / TIME.as_secs_f64() * 100.0;
        println!("{name:<34} {share:>6.2} % of a core");
        Ok(())
    };
    scene.open(|scene| {
        scene.rest(Duration::from_secs(2));
        let before = cpu()?;
        scene.rest(TIME);
        print("open, transport stopped", before)?;
        scene.play_to(6.0)?;
        let before = cpu()?;
        scene.play_for(TIME)?;
        print("open, playing", before)
    })?;
    let begun = Instant::now();
    let before = cpu()?;
    let from = scene.transport.steady();
    while begun.elapsed() < TIME {
        let until = from + (begun.elapsed().as_secs_f64() * RATE) as u64;
        drive(&mut scene.plugin, &mut scene.transport, until, &scene.music, &mut scene.output)?;
        thread::sleep(Duration::from_millis(5));
    }
    print("closed, playing", before)
}

/// The processor time that this process has taken.
fn cpu() -> Result<Duration> {
    let text = fs::read_to_string("/proc/self/stat").context("only Linux tells the time in /proc")?;
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or("").split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    // User and system time in hundredths of a second.
    Ok(Duration::from_millis(10 * (ticks(11) + ticks(12))))
}

/// The example's first bars as a host plays them.
fn music() -> Result<Vec<Event>> {
    let song = Song::read(&build::root()?.join("examples/harvest-road.mid"))?;
    let mut events: Vec<_> = song
        .notes()
        .flat_map(|note| {
            let (on, off) = (sample(note.onset), sample(note.end()).max(sample(note.onset) + 1));
            [
                (on, 1, Event::on(on, note.channel, note.pitch, note.velocity)),
                (off, 0, Event::off(off, note.channel, note.pitch)),
            ]
        })
        .collect();
    events.sort_by_key(|&(time, rank, _)| (time, rank));
    Ok(events.into_iter().map(|(_, _, event)| event).collect())
}

/// Writes a PNG of the 256 most frequent colours, which is all that flat surfaces and small letters need;
/// gives its bytes.
fn write(picture: &Picture, path: &Path) -> Result<u64> {
    let (pixels, _) = picture.rgb.as_chunks::<3>();
    let mut counts: HashMap<[u8; 3], usize> = HashMap::new();
    pixels.iter().for_each(|&pixel| *counts.entry(pixel).or_default() += 1);
    let mut palette: Vec<[u8; 3]> = counts.keys().copied().collect();
    palette.sort_by_key(|pixel| (std::cmp::Reverse(counts[pixel]), *pixel));
    palette.truncate(256);
    let far = |a: [u8; 3], b: [u8; 3]| (0..3).map(|i| i32::from(a[i].abs_diff(b[i])).pow(2)).sum::<i32>();
    let nearest = |pixel: [u8; 3]| {
        (0..palette.len()).min_by_key(|&index| far(palette[index], pixel)).unwrap_or(0) as u8
    };
    let index: HashMap<[u8; 3], u8> = counts.keys().map(|&pixel| (pixel, nearest(pixel))).collect();
    let indices: Vec<u8> = pixels.iter().map(|pixel| index[pixel]).collect();
    let file = File::create(path).with_context(|| format!("{}: cannot be written", path.display()))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), picture.size.0, picture.size.1);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette.as_flattened());
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&indices)?;
    writer.finish()?;
    Ok(fs::metadata(path)?.len())
}
