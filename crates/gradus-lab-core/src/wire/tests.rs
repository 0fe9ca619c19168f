//! Bytes there and back, refused bytes, and the browser's half.

use super::*;
use expect_test::expect;

/// A point.
#[derive(Wire, Clone, Debug, PartialEq)]
struct Point {
    /// To the right.
    x: f64,
    /// Its class, where it has one.
    class_name: Option<String>,
}

/// What happens.
#[derive(Wire, Clone, Debug, PartialEq)]
#[wire(name = "ThingThatHappens")]
enum Happening {
    /// Nothing does.
    Nothing,
    /// Points come.
    Points(Vec<Point>),
    /// A picture.
    Picture {
        /// Across.
        width: u32,
        /// Brightness.
        pixels: Vec<u8>,
        /// Levels.
        levels: Vec<f32>,
    },
}

fn happenings() -> Vec<Happening> {
    let points = vec![
        Point { x: 1.5, class_name: None },
        Point { x: f64::NEG_INFINITY, class_name: Some("größer".into()) },
    ];
    vec![
        Happening::Nothing,
        Happening::Points(points),
        Happening::Picture { width: 2, pixels: vec![7, 9], levels: vec![0.25] },
    ]
}

#[test]
fn what_is_written_is_read() {
    for happening in happenings() {
        assert_eq!(decode::<Happening>(&encode(&happening)), Ok(happening));
    }
}

#[test]
fn bytes_are_these() {
    let bytes = encode(&happenings().pop());
    assert_eq!(bytes, [1, 2, 2, 0, 0, 0, 2, 0, 0, 0, 7, 9, 1, 0, 0, 0, 0, 0, 128, 62]);
}

#[test]
fn other_bytes_are_refused_and_take_no_memory() {
    let refusal = |bytes: &[u8]| decode::<Happening>(bytes).unwrap_err().to_string();
    expect!["not a message of version 1: Happening has no variant 9"].assert_eq(&refusal(&[9]));
    expect!["not a message of version 1: 4294967295 bytes are needed where 0 are left"]
        .assert_eq(&refusal(&[1, 255, 255, 255, 255]));
    expect!["not a message of version 1: 1 bytes follow the message"].assert_eq(&refusal(&[0, 0]));
    let levels = [2, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 1];
    expect!["not a message of version 1: 17179869180 bytes are needed where 1 are left"]
        .assert_eq(&refusal(&levels));
    let all = encode(&happenings());
    for end in 0..all.len() {
        assert!(decode::<Vec<Happening>>(&all[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn the_browsers_half_is_written() {
    let mut types = Types::default();
    Happening::shape(&mut types);
    let text = typescript(&types, 1);
    let own = text.split_once("export const VERSION").expect("the foundation ends").1;
    expect![[r#"
         = 1;

        /** What happens. */
        export type ThingThatHappens =
          /** Nothing does. */
          | { kind: "Nothing" }
          /** Points come. */
          | { kind: "Points"; value: Array<Point> }
          /** A picture. */
          | { kind: "Picture"; width: number; pixels: Uint8Array; levels: Float32Array };

        export function writeThingThatHappens(to: Writer, value: ThingThatHappens): void {
          switch (value.kind) {
            case "Nothing":
              to.u8(0);
              break;
            case "Points":
              to.u8(1);
              to.list(value.value, (item) => writePoint(to, item));
              break;
            case "Picture":
              to.u8(2);
              to.u32(value.width);
              to.bytes(value.pixels);
              to.f32s(value.levels);
              break;
          }
        }

        export function readThingThatHappens(from: Reader): ThingThatHappens {
          const tag = from.u8();
          switch (tag) {
            case 0:
              return { kind: "Nothing" };
            case 1:
              return { kind: "Points", value: from.list(() => readPoint(from)) };
            case 2:
              return { kind: "Picture", width: from.u32(), pixels: from.bytes(), levels: from.f32s() };
            default:
              throw new Error(`ThingThatHappens has no variant ${tag}`);
          }
        }

        /** A point. */
        export interface Point {
          /** To the right. */
          x: number;
          /** Its class, where it has one. */
          className: (string | null);
        }

        export function writePoint(to: Writer, value: Point): void {
          to.f64(value.x);
          to.maybe(value.className, (item) => to.text(item));
        }

        export function readPoint(from: Reader): Point {
          return {
            x: from.f64(),
            className: from.maybe(() => from.text()),
          };
        }
    "#]]
    .assert_eq(own);
}
