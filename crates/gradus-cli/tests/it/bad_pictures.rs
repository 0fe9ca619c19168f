//! Pictures of every kind, and bad ones, shown to `see` and `attack`: what predict sees is what they see, what is refused leaves nothing behind, and Ctrl-C
//! leaves whole files or none.

use super::{Ran, ok, ran, train_a_little};
use image::{DynamicImage, GrayImage, ImageBuffer, Luma, LumaA, Rgba};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::{TempDir, tempdir};

/// A folder with a run of LeNet on digits.
fn with_a_run() -> TempDir {
    let folder = tempdir().unwrap();
    train_a_little(folder.path(), "lenet", "run");
    folder
}

/// Something like a 7, by the place of a pixel.
fn stroke(x: u32, y: u32) -> u8 {
    if (6..9).contains(&y) || (x + y / 2).abs_diff(22) < 2 && y > 6 { 230 } else { 3 }
}

/// The same digit in five forms, one pixel, and 50 million.
fn pictures(folder: &Path) -> Vec<&'static str> {
    let wide = |v: u8| u16::from(v) * 257;
    let all: [(&str, DynamicImage); 7] = [
        ("grey.png", GrayImage::from_fn(28, 28, |x, y| Luma([stroke(x, y)])).into()),
        ("alpha.png", ImageBuffer::from_fn(28, 28, |x, y| LumaA([stroke(x, y), 255])).into()),
        (
            "colour.png",
            ImageBuffer::from_fn(28, 28, |x, y| {
                Rgba([stroke(x, y), stroke(x, y), stroke(x, y), 255])
            })
            .into(),
        ),
        ("deep.png", ImageBuffer::from_fn(28, 28, |x, y| Luma([wide(stroke(x, y))])).into()),
        (
            "deep-colour.png",
            ImageBuffer::from_fn(28, 28, |x, y| {
                let v = wide(stroke(x, y));
                Rgba([v, v, v, u16::MAX])
            })
            .into(),
        ),
        ("dot.png", GrayImage::from_pixel(1, 1, Luma([90])).into()),
        ("large.png", GrayImage::from_pixel(8000, 6250, Luma([90])).into()),
    ];
    all.map(|(name, picture)| {
        picture.save(folder.join(name)).unwrap();
        name
    })
    .to_vec()
}

fn words(folder: &Path, words: &str) -> Ran {
    ran(folder, &words.split_whitespace().collect::<Vec<_>>())
}

#[test]
fn pictures_of_every_kind_are_seen_and_fooled_as_predict_sees_them() {
    let folder = with_a_run();
    let f = folder.path();
    let names = pictures(f);
    let size = fs::metadata(f.join("large.png")).unwrap().len();
    assert!(size < 1 << 20, "50 megapixels in {size} bytes");
    let all = names.join(" ");
    let json = |command: &str| ok(f, &command.split_whitespace().collect::<Vec<_>>()).json();
    let predicted = json(&format!("predict run {all} --json"))["predictions"].clone();
    let seen = json(&format!("see run {all} --what activations,saliency --out seen --json"));
    let fooled = json(&format!("attack run {all} --with fgsm --epsilon 0.3 --json"));
    for (at, name) in names.iter().enumerate() {
        let class = &predicted[at]["class"];
        let number = seen["pictures"][at]["class"].as_u64().unwrap() as usize;
        assert_eq!(&seen["classes"][number], class, "{name} is seen as it is predicted");
        assert_eq!(&fooled["pictures"][at]["before"]["class"], class, "{name}");
        assert_eq!(seen["saliency"]["maps"][at]["class"], *class, "{name}");
        let out = name.replace(".png", "-fgsm.png");
        assert_eq!(
            fooled["pictures"][at]["fooled"].as_bool(),
            Some(f.join(out).exists()),
            "{name}"
        );
    }
    // The same digit, whatever it is kept as.
    for other in 1..5 {
        assert_eq!(seen["pictures"][other]["outputs"], seen["pictures"][0]["outputs"]);
        assert_eq!(
            seen["saliency"]["maps"][other],
            renamed(&seen["saliency"]["maps"][0], names[other])
        );
    }
}

/// A map, said to be of another picture.
fn renamed(map: &Value, name: &str) -> Value {
    let mut map = map.clone();
    map["picture"] = name.into();
    map
}

/// Each in a line, with the code that it has, the same in JSON, and nothing written.
#[test]
fn what_is_refused_is_refused_in_json_too_and_leaves_nothing() {
    let folder = with_a_run();
    let f = folder.path();
    fs::create_dir(f.join("empty")).unwrap();
    fs::write(f.join("notes.png"), "no picture").unwrap();
    GrayImage::from_fn(28, 28, |x, y| Luma([stroke(x, y)])).save(f.join("seven.png")).unwrap();
    let listing = || {
        let mut names: Vec<_> = fs::read_dir(f).unwrap().map(|e| e.unwrap().file_name()).collect();
        let of_run = fs::read_dir(f.join("run")).unwrap().map(|e| e.unwrap().file_name());
        names.extend(of_run);
        names.sort();
        names
    };
    let before = listing();
    for (command, code, part) in [
        ("see run empty --what saliency", 1, "empty: found no file in it"),
        ("see run notes.png --what saliency", 1, "notes.png, byte 0: found bytes"),
        ("see run seven.png notes.png --what saliency", 1, "notes.png, byte 0"),
        ("see run missing.png --what saliency", 1, "missing.png: "),
        (
            "see run seven.png --what saliency --class 10",
            2,
            "--class: found 10, expected a name or 0 to 9",
        ),
        (
            "see run seven.png --what grad-cam --layer conv3",
            2,
            "unknown layer \"conv3\"; did you mean \"conv",
        ),
        (
            "see run --what preferred --layer cnov2",
            2,
            "unknown layer \"cnov2\"; did you mean \"conv2\"",
        ),
        ("see run --what preferred --class 10", 2, "--class: found 10"),
        ("see run seven.png --what integrated-gradients --steps 0", 2, "0 is not in 1..="),
        ("attack run notes.png --epsilon 0.1", 1, "notes.png, byte 0: found bytes"),
        ("attack run empty", 1, "empty: found no data"),
        (
            "attack run seven.png --epsilon 0",
            2,
            "--epsilon: found \"0\", expected a number above 0",
        ),
        ("attack run seven.png --epsilon nan", 2, "--epsilon: found \"nan\""),
        ("attack run seven.png --epsilon 2", 2, "--epsilon: found \"2\", expected at most 1"),
        ("attack run --epsilon 1/0", 2, "--epsilon: found \"1/0\""),
        ("attack run seven.png --target 10", 2, "--target: found 10, expected a class: 0 to 9"),
        ("attack run --target 10", 2, "--target: found 10, expected a class: 0 to 9"),
    ] {
        words(f, command).fails(code, &[part]);
        let again = words(f, &format!("{command} --json"));
        let last = again.out.lines().last().unwrap_or_default();
        // Options that are no options are told before there is anything to tell it to.
        if !part.contains("is not in") {
            let record: Value =
                serde_json::from_str(last).unwrap_or_else(|_| panic!("{command}: {last}"));
            assert_eq!(record["exit_code"], code, "{command}: {record}");
            assert!(record["error"].as_str().unwrap().contains(part), "{command}: {record}");
        }
        assert_eq!(listing(), before, "{command} left something");
    }
}

/// What lies in the folder already stays as it is until all is there.
#[test]
fn a_folder_that_is_there_is_unchanged_by_what_is_refused() {
    let folder = with_a_run();
    let f = folder.path();
    ok(f, &["see", "run", "--what", "kernels", "--out", "seen"]);
    let page = fs::read(f.join("seen/see.html")).unwrap();
    let count = fs::read_dir(f.join("seen")).unwrap().count();
    words(f, "see run --what kernels,preferred --class 12 --out seen")
        .fails(2, &["--class: found 12"]);
    words(f, "see run missing.png --what activations --out seen").fails(1, &["missing.png"]);
    assert_eq!(fs::read(f.join("seen/see.html")).unwrap(), page);
    assert_eq!(fs::read_dir(f.join("seen")).unwrap().count(), count);
}

#[cfg(target_os = "linux")]
mod interrupted {
    use super::super::gradus;
    use super::super::resume::signal;
    use super::super::signals::wait_for;
    use super::*;
    use std::io::Read;
    use std::process::{Child, Stdio};

    /// Whether this process has a signal in a set of `/proc/self/status`, or another process of it.
    fn has(process: &str, set: &str, signal: u32) -> bool {
        let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(set));
        let mask = line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
    }

    /// Ctrl-C; SIGTERM, which does the same, where that is ignored, as it is in the background jobs of scripts.
    fn interrupt() -> (&'static str, u32) {
        if has("self", "SigIgn:", 2) { ("-TERM", 15) } else { ("-INT", 2) }
    }

    /// Starts a command that would take long, and waits until it listens.
    fn start(folder: &Path, words: &str) -> Child {
        let mut command = gradus(folder, &words.split_whitespace().collect::<Vec<_>>());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let id = child.id().to_string();
        wait_for("it listens", || has(&id, "SigCgt:", interrupt().1));
        assert!(child.try_wait().unwrap().is_none(), "it takes long");
        child
    }

    /// Interrupted: what it says then, on stderr and on stdout.
    fn ended(mut child: Child) -> (String, String) {
        signal(&child, interrupt().0);
        assert_eq!(child.wait().unwrap().code(), Some(130));
        let (mut err, mut out) = (String::new(), String::new());
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        (err, out)
    }

    /// Names in a folder.
    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| {
            entry.unwrap().file_name().to_string_lossy().into_owned()
        };
        let mut all: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
        all.sort();
        all
    }

    #[test]
    fn nothing_is_half_written() {
        let folder = with_a_run();
        let f = folder.path();
        let before = (names(f), names(&f.join("run")));
        for words in [
            "attack run --with boundary --steps 1000000 --out sheet.png --json",
            "see run --what preferred --steps 100000 --copies 20 --json",
        ] {
            let (err, out) = ended(start(f, words));
            assert!(err.ends_with("interrupted: nothing was written\n"), "{words}: {err}");
            let record: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
            assert_eq!(record["exit_code"], 130, "{words}");
            assert_eq!((names(f), names(&f.join("run"))), before, "{words}");
        }
    }

    #[test]
    fn what_is_whole_is_kept_and_said() {
        let folder = with_a_run();
        let f = folder.path();
        for name in ["a.png", "b.png"] {
            GrayImage::from_fn(28, 28, |x, y| Luma([stroke(x, y)])).save(f.join(name)).unwrap();
        }
        let child = start(f, "attack run a.png b.png --with boundary --steps 40000");
        wait_for("the first is made", || f.join("a-boundary.png").exists());
        let (err, _) = ended(child);
        assert!(err.ends_with("interrupted: a-boundary.png is kept\n"), "{err}");
        assert_eq!(image::open(f.join("a-boundary.png")).unwrap().width(), 28);
        let made = ["a-boundary.png", "a.png", "b.png", "cache", "run"];
        let found = names(f);
        assert!(found.iter().all(|name| made.contains(&&**name)), "{found:?}");
    }
}
