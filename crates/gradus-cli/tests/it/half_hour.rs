//! docs/first-half-hour.md is what happens: its commands are run in its order, and what it shows of their output is there, but for numbers.

use super::program;
use gradus::io::NamedArray;
use gradus::io::numpy::{Limits, read_npz, save_npy};
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::tempdir;

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// What the page says that one has: pictures, and what PyTorch wrote.
fn given(folder: &Path) {
    for i in 0..60 {
        for (class, is_round) in [("coin", true), ("stamp", false)] {
            let name = folder.join("photos").join(class).join(format!("IMG_{:04}.png", 4 * i + 1));
            fs::create_dir_all(name.parent().unwrap()).unwrap();
            drawing(i, is_round).save(name).unwrap();
        }
    }
    let fixtures = Path::new(HERE).join("../gradus-models/tests/fixtures");
    fs::copy(fixtures.join("convnetjs.pth"), folder.join("net.pth")).unwrap();
    let golden = read_npz(&fixtures.join("convnetjs.npz"), Limits::default()).unwrap();
    for name in ["x", "y"] {
        let array: &NamedArray = golden.iter().find(|array| array.name == name).unwrap();
        save_npy(&folder.join(format!("{name}.npy")), array).unwrap();
    }
}

/// A coin or a stamp on a ground of another colour, each somewhere else.
fn drawing(i: u32, is_round: bool) -> image::RgbImage {
    let (left, top, side) = (8 + i * 7 % 17, 6 + i * 5 % 11, 18 + i * 3 % 13);
    let ground = [40 + (i * 37 % 90) as u8, 60 + (i * 23 % 80) as u8, 50 + (i * 11 % 70) as u8];
    let [little, some, much] = [(i * 17 % 50) as u8, (i * 29 % 60) as u8, (i * 13 % 60) as u8];
    let thing = match is_round {
        true => [170 + much, 130 + some, 40 + little],
        false => [100 + little, 130 + some, 150 + much],
    };
    image::RgbImage::from_fn(64, 48, |x, y| {
        let of = |at: u32, from: u32| f64::from(at) - f64::from(from) - f64::from(side) / 2.0;
        let (across, down, half) = (of(x, left), of(y, top), f64::from(side) / 2.0);
        let inside = match is_round {
            true => across * across + down * down < half * half,
            false => across.abs() < half && down.abs() < half,
        };
        image::Rgb(if inside { thing } else { ground })
    })
}

/// A line without its numbers, the blanks around them and its bars: `epoch #/# loss # accuracy #`.
fn words(line: &str) -> String {
    let mut text = String::new();
    for c in line.chars().filter(|c| !"█▏▎▍▌▋▊▉".contains(*c)) {
        let c = if c.is_ascii_digit() { '#' } else { c };
        let goes_on = "#.,".contains(c) && text.ends_with('#') || c == ' ' && text.ends_with(' ');
        if !goes_on {
            text.push(c);
        }
    }
    text.trim().to_owned()
}

/// The page's blocks, in order: what kind each is, and its lines.
fn blocks(page: &str) -> Vec<(&str, Vec<&str>)> {
    let (mut all, mut inside) = (vec![], false);
    for line in page.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(kind), false) => all.push((kind, vec![])),
            (None, true) => all.last_mut().expect("a block began").1.push(line),
            _ => {}
        }
        inside ^= line.starts_with("```");
    }
    all
}

#[test]
fn the_first_half_hour_is_as_it_is_told() {
    let page = fs::read_to_string(Path::new(HERE).join("../../docs/first-half-hour.md")).unwrap();
    let folder = tempdir().unwrap();
    let bin = tempdir().unwrap();
    std::os::unix::fs::symlink(program(), bin.path().join("gradus")).unwrap();
    let path = format!("{}:{}", bin.path().display(), std::env::var("PATH").unwrap());
    given(folder.path());
    let (mut said, mut commands, mut shown) = (String::new(), 0, 0);
    for (kind, lines) in blocks(&page) {
        match kind {
            "sh" => {
                let text = lines.join("\n");
                let mut command = Command::new("sh");
                command.args(["-ec", &format!("exec 2>&1\n{text}")]).current_dir(folder.path());
                command.env("PATH", &path).env("GRADUS_DATA", folder.path().join("data"));
                let done = command.output().unwrap();
                said = String::from_utf8_lossy(&done.stdout).into_owned();
                assert!(done.status.success(), "{text}\n{said}");
                commands += lines.len();
            }
            "text" => {
                let found: HashSet<String> = said.lines().map(words).collect();
                for line in lines.iter().map(|line| line.trim()).filter(|line| *line != "…") {
                    assert!(found.contains(&words(line)), "{line}\nis not in\n{said}");
                    shown += 1;
                }
            }
            "python" => {}
            other => panic!("a block of {other:?}: expected sh, text or python"),
        }
    }
    assert!(commands >= 12 && shown >= 20, "{commands} commands, {shown} lines");
}
