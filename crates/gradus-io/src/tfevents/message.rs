//! The messages of an event file and their field numbers, from TensorFlow's `event.proto`,
//! `summary.proto` and `tensor.proto`.

use super::graph::encode_shape;
use super::{Graph, Histogram};
use crate::wire::{Message, fields};
use crate::{Error, Result};

/// Something that happened at a time and a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Seconds since 1970.
    pub wall_time: f64,
    /// The training step.
    pub step: i64,
    /// What happened.
    pub what: What,
}

/// What an [`Event`] says.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The first event of a file: `brain.Event:2`.
    FileVersion(String),
    /// The graph of the computation.
    Graph(Graph),
    /// Values to plot.
    Summary(Vec<Value>),
    /// The run starts, or starts again, at this step: what earlier files say of it and later is
    /// void.
    Start,
    /// Something this crate does not write.
    Other,
}

/// A tagged value.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The name of the plot: `loss/train`.
    pub tag: String,
    /// What to plot.
    pub data: Data,
}

/// What a [`Value`] holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// A number.
    Scalar(f32),
    /// A distribution.
    Histogram(Histogram),
    /// A picture.
    Image(Image),
    /// Markdown.
    Text(String),
    /// Something this crate does not write.
    Other,
}

/// A PNG with what TensorBoard wants to know of it beforehand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
    /// Channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA.
    pub channels: u32,
    /// The file's bytes.
    pub png: Vec<u8>,
}

impl Image {
    /// Reads size and channels from a PNG's first chunk.
    pub fn from_png(png: &[u8]) -> Result<Image> {
        let not_png = || Error::value("an image for TensorBoard must be a PNG");
        let ihdr = png.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR").ok_or_else(not_png)?;
        let (&[w0, w1, w2, w3, h0, h1, h2, h3, _depth, color], _) =
            ihdr.split_first_chunk::<10>().ok_or_else(not_png)?;
        let channels = match color {
            0 => 1,
            2 | 3 => 3, // a palette shows as RGB
            4 => 2,
            6 => 4,
            other => return Err(Error::value(format!("a PNG of unknown colour type {other}"))),
        };
        let width = u32::from_be_bytes([w0, w1, w2, w3]);
        let height = u32::from_be_bytes([h0, h1, h2, h3]);
        Ok(Image { height, width, channels, png: png.to_vec() })
    }
}

/// `DataType.DT_STRING`.
const STRING: u64 = 7;
/// `SessionLog.SessionStatus.START`.
const START: i64 = 1;
/// The plugin that shows [`Data::Text`].
const TEXT_PLUGIN: &str = "text";

impl Event {
    /// `Event`: 1 wall_time, 2 step, 3 file_version, 4 graph_def, 5 summary {1 value},
    /// 7 session_log {1 status}.
    pub(super) fn encode(&self) -> Vec<u8> {
        Message::build(|event| {
            event.double(1, self.wall_time);
            event.int(2, self.step);
            match &self.what {
                What::FileVersion(version) => event.text(3, version),
                What::Graph(graph) => event.bytes(4, &graph.encode()),
                What::Summary(values) => event.message(5, |summary| {
                    for value in values {
                        summary.message(1, |message| value.encode(message));
                    }
                }),
                What::Start => event.message(7, |log| log.int(1, START)),
                What::Other => {}
            }
        })
    }

    /// Parses the data of one record.
    pub fn parse(bytes: &[u8]) -> Result<Event> {
        let mut event = Event { wall_time: 0.0, step: 0, what: What::Other };
        fields(bytes, |number, field| {
            match number {
                1 => event.wall_time = field.double()?,
                2 => event.step = field.int()?,
                3 => event.what = What::FileVersion(field.text()?),
                4 => event.what = What::Graph(Graph::parse(field.bytes()?)?),
                5 => event.what = What::Summary(parse_summary(field.bytes()?)?),
                7 if is_start(field.bytes()?)? => event.what = What::Start,
                _ => {}
            }
            Ok(())
        })?;
        Ok(event)
    }
}

impl Value {
    /// `Summary.Value`: 1 tag, 2 simple_value, 4 image, 5 histo, 8 tensor,
    /// 9 metadata {1 plugin_data {1 plugin_name}}.
    /// `Summary.Image`: 1 height, 2 width, 3 colorspace, 4 encoded_image_string.
    /// `TensorProto`: 1 dtype, 2 tensor_shape, 8 string_val.
    fn encode(&self, message: &mut Message) {
        message.text(1, &self.tag);
        match &self.data {
            Data::Scalar(x) => message.float(2, *x),
            Data::Image(image) => message.message(4, |m| {
                m.uint(1, image.height.into());
                m.uint(2, image.width.into());
                m.uint(3, image.channels.into());
                m.bytes(4, &image.png);
            }),
            Data::Histogram(histogram) => message.message(5, |m| histogram.encode(m)),
            Data::Text(text) => {
                message.message(9, |m| m.message(1, |plugin| plugin.text(1, TEXT_PLUGIN)));
                message.message(8, |tensor| {
                    tensor.uint(1, STRING);
                    tensor.message(2, |shape| encode_shape(&[1], shape));
                    tensor.text(8, text);
                });
            }
            Data::Other => {}
        }
    }

    fn parse(bytes: &[u8]) -> Result<Value> {
        let mut value = Value { tag: String::new(), data: Data::Other };
        fields(bytes, |number, field| {
            match number {
                1 => value.tag = field.text()?,
                2 => value.data = Data::Scalar(field.float()?),
                4 => value.data = Data::Image(parse_image(field.bytes()?)?),
                5 => value.data = Data::Histogram(Histogram::parse(field.bytes()?)?),
                8 => value.data = parse_tensor(field.bytes()?)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(value)
    }
}

fn parse_summary(bytes: &[u8]) -> Result<Vec<Value>> {
    let mut values = Vec::new();
    fields(bytes, |number, field| {
        if number == 1 {
            values.push(Value::parse(field.bytes()?)?);
        }
        Ok(())
    })?;
    Ok(values)
}

fn parse_image(bytes: &[u8]) -> Result<Image> {
    let mut image = Image::default();
    let size = |value: i64| {
        u32::try_from(value).map_err(|_| Error::format(format!("an image of size {value}")))
    };
    fields(bytes, |number, field| {
        match number {
            1 => image.height = size(field.int()?)?,
            2 => image.width = size(field.int()?)?,
            3 => image.channels = size(field.int()?)?,
            4 => image.png = field.bytes()?.to_vec(),
            _ => {}
        }
        Ok(())
    })?;
    Ok(image)
}

/// The text of a string tensor.
fn parse_tensor(bytes: &[u8]) -> Result<Data> {
    let (mut is_string, mut text) = (false, None);
    fields(bytes, |number, field| {
        match number {
            1 => is_string = field.int()? == STRING as i64,
            8 => text = Some(field.text()?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(text.filter(|_| is_string).map_or(Data::Other, Data::Text))
}

fn is_start(bytes: &[u8]) -> Result<bool> {
    let mut status = 0;
    fields(bytes, |number, field| {
        if number == 1 {
            status = field.int()?;
        }
        Ok(())
    })?;
    Ok(status == START)
}
