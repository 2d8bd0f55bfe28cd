//! TensorBoard event files: TFRecords (length, CRC, bytes, CRC) of protocol buffers.
//!
//! Only the messages and fields that scalars and pictures need, numbered as in TensorFlow's `event.proto` and
//! `summary.proto`.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use prost::{Message, Oneof};

use crate::picture::Picture;

/// What the name of an event file begins with; TensorBoard looks for it.
pub const PREFIX: &str = "events.out.tfevents.";

/// One record.
#[derive(Clone, PartialEq, Message)]
pub struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    /// The training step.
    #[prost(int64, tag = "2")]
    pub step: i64,
    /// What the record says.
    #[prost(oneof = "What", tags = "3, 5, 7")]
    pub what: Option<What>,
}

/// What a record says.
#[derive(Clone, PartialEq, Oneof)]
pub enum What {
    /// The first record: `brain.Event:2`.
    #[prost(string, tag = "3")]
    FileVersion(String),
    /// Values.
    #[prost(message, tag = "5")]
    Summary(Summary),
    /// A session begins: what earlier files say of this step and later ones does not hold any more.
    #[prost(message, tag = "7")]
    Session(Session),
}

/// Values of one step.
#[derive(Clone, PartialEq, Message)]
pub struct Summary {
    /// Each with its name.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Value>,
}

/// A named value.
#[derive(Clone, PartialEq, Message)]
pub struct Value {
    /// Its name, `group/name`.
    #[prost(string, tag = "1")]
    pub tag: String,
    /// The value.
    #[prost(oneof = "Kind", tags = "2, 4")]
    pub kind: Option<Kind>,
}

/// A value.
#[derive(Clone, PartialEq, Oneof)]
pub enum Kind {
    /// A number.
    #[prost(float, tag = "2")]
    Scalar(f32),
    /// A picture.
    #[prost(message, tag = "4")]
    Image(Image),
}

/// A PNG.
#[derive(Clone, PartialEq, Message)]
pub struct Image {
    /// Pixels.
    #[prost(int32, tag = "1")]
    pub height: i32,
    /// Pixels.
    #[prost(int32, tag = "2")]
    pub width: i32,
    /// 3: RGB.
    #[prost(int32, tag = "3")]
    pub colours: i32,
    /// The file's bytes.
    #[prost(bytes = "vec", tag = "4")]
    pub encoded: Vec<u8>,
}

/// A session's state.
#[derive(Clone, PartialEq, Message)]
pub struct Session {
    /// 1: it begins.
    #[prost(int32, tag = "1")]
    pub status: i32,
}

/// An event file that is being written.
#[derive(Debug)]
pub struct Events(File);

impl Events {
    /// Begins a file of its own in `folder`, for what comes after `step`.
    pub fn create(folder: &Path, step: u64) -> Result<Self> {
        let (seconds, process) = (now() as u64, std::process::id());
        // Runs that are begun twice in a second have files of their own too.
        let file = (0..1000).find_map(|again| {
            let path = folder.join(format!("{PREFIX}{seconds:010}.{process}.{again}.contrafact"));
            OpenOptions::new().write(true).create_new(true).open(path).ok()
        });
        let file = file.with_context(|| {
            format!("{}: the TensorBoard file could not be made; check the folder", folder.display())
        })?;
        let mut events = Self(file);
        events.write(0, What::FileVersion("brain.Event:2".to_string()))?;
        if step > 0 {
            events.write(step + 1, What::Session(Session { status: 1 }))?;
        }
        Ok(events)
    }

    /// Adds the losses of a step.
    pub fn scalars(&mut self, step: u64, names: &[&str], values: &[f32]) -> Result<()> {
        let value = |(name, value): (&&str, &f32)| Value {
            tag: format!("loss/{name}"),
            kind: Some(Kind::Scalar(*value)),
        };
        let values = names.iter().zip(values).map(value).collect();
        self.write(step, What::Summary(Summary { values }))
    }

    /// Adds a picture.
    pub fn picture(&mut self, step: u64, name: &str, picture: &Picture) -> Result<()> {
        let (width, height) = picture.size();
        let encoded = picture.png()?;
        let image = Image { height: height as i32, width: width as i32, colours: 3, encoded };
        let value = Value { tag: format!("samples/{name}"), kind: Some(Kind::Image(image)) };
        self.write(step, What::Summary(Summary { values: vec![value] }))
    }

    fn write(&mut self, step: u64, what: What) -> Result<()> {
        let event = Event { wall_time: now(), step: step as i64, what: Some(what) };
        // One write a record, so that a reader sees it whole.
        self.0
            .write_all(&record(&event.encode_to_vec()))
            .context("the TensorBoard file could not be written; check the free space")
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

fn record(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    [&length[..], &masked(&length).to_le_bytes(), bytes, &masked(bytes).to_le_bytes()].concat()
}

/// TFRecord's CRC: rotated and offset, so that the CRC of data with CRCs inside stays sound.
fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The records of an event file, in order.
///
/// # Errors
/// Where it is cut or a CRC does not fit.
pub fn read(path: &Path) -> Result<Vec<Event>> {
    let name = path.display();
    let bytes = std::fs::read(path).with_context(|| format!("{name}: the file could not be read"))?;
    let mut rest = &bytes[..];
    let mut take = |count: usize| -> Result<&[u8]> {
        let (head, tail) =
            rest.split_at_checked(count).with_context(|| format!("{name}: the file is cut"))?;
        rest = tail;
        Ok(head)
    };
    let mut events = Vec::new();
    let mut left = bytes.len();
    while left > 0 {
        let head = take(8)?;
        let length = u64::from_le_bytes(head.try_into()?) as usize;
        let sound = |bytes: &[u8], crc: &[u8]| masked(bytes).to_le_bytes() == crc;
        ensure!(sound(head, take(4)?), "{name}: a record's length is damaged");
        let data = take(length)?;
        ensure!(sound(data, take(4)?), "{name}: a record is damaged");
        events.push(Event::decode(data)?);
        left -= 16 + length;
    }
    Ok(events)
}
