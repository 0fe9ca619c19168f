//! Pictures that cannot be read: all are told together, or left out and remembered.

use super::{Ran, ok, ran};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

fn run(folder: &Path, words: &str) -> Ran {
    ran(folder, &words.split_whitespace().collect::<Vec<_>>())
}

fn done(folder: &Path, words: &str) -> Ran {
    ok(folder, &words.split_whitespace().collect::<Vec<_>>())
}

fn save(path: &Path, class: usize, i: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let pixel = |x: u32, y: u32| {
        let mut pixel = [(x * 7) as u8, (y * 6) as u8, 10 * i];
        pixel[class] = 200 + i;
        image::Rgb(pixel)
    };
    image::RgbImage::from_fn(40, 30, pixel).save(path).unwrap();
}

/// Two classes of twelve pictures, of which one is cut, one damaged within, and one nothing but a beginning.
fn photographs(folder: &Path) {
    for (class, name) in ["red", "green"].iter().enumerate() {
        for i in 0..12 {
            let ending = if i % 2 == 0 { "png" } else { "jpg" };
            save(&folder.join(format!("{name}/{i:02}.{ending}")), class, i);
        }
    }
    let spoil = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let path = folder.join(name);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    };
    spoil("red/03.jpg", &|bytes| bytes.truncate(bytes.len() / 2));
    spoil("red/04.png", &|bytes| {
        let middle = bytes.len() / 2;
        bytes[middle..middle + 8].iter_mut().for_each(|byte| *byte ^= 0x5A);
    });
    fs::write(folder.join("green/05.jpg"), b"\xFF\xD8\xFF").unwrap();
}

const SPOILT: [&str; 3] = ["green/05.jpg", "red/03.jpg", "red/04.png"];

fn files(record: &Value) -> Vec<&str> {
    record["unreadable"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["file"].as_str().unwrap())
        .collect()
}

#[test]
fn all_are_told_or_left_out() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    photographs(&f.join("d"));
    let train = "train linear --data d --no-tensorboard --json";
    let refused = run(f, train);
    refused.fails(
        1,
        &[
            "error: d: 3 of 24 pictures cannot be read: ",
            "red/03.jpg, byte ",
            "found the end of the file, expected the rest of the JPEG",
            "red/04.png: found damaged data, expected a whole PNG",
            "; remove or replace them, or go on without them (--skip-unreadable)",
        ],
    );
    assert!(!refused.err.contains("Error {"), "{}", refused.err);
    assert!(!f.join("runs").exists(), "nothing was trained");

    // Without them the run is that of a folder which never had them.
    let whole = done(f, &format!("{train} --skip-unreadable --epochs 2 --out whole"));
    assert!(whole.err.contains("3 pictures that cannot be read are left out: green/05.jpg ("));
    assert_eq!(files(&whole.json()), SPOILT);
    fs::create_dir(f.join("clean")).unwrap();
    for class in ["red", "green"] {
        fs::create_dir(f.join("clean").join(class)).unwrap();
        for entry in fs::read_dir(f.join("d").join(class)).unwrap().flatten() {
            let name = format!("{class}/{}", entry.file_name().to_string_lossy());
            if !SPOILT.contains(&&*name) {
                fs::copy(entry.path(), f.join("clean").join(name)).unwrap();
            }
        }
    }
    let clean =
        done(f, "train linear --data clean --no-tensorboard --json --epochs 2 --out clean-run");
    assert_eq!(clean.json()["test_loss"], whole.json()["test_loss"]);
    assert_eq!(files(&clean.json()), [""; 0]);

    // It knows them when it goes on and when it is tested, though one can be read by now.
    done(f, &format!("{train} --skip-unreadable --epochs 1 --out begun"));
    save(&f.join("d/red/03.jpg"), 0, 3);
    let config = f.join("begun/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains("skip_unreadable = true"), "{text}");
    fs::write(&config, text.replace("epochs = 1\n", "epochs = 2\n")).unwrap();
    let resumed = done(f, "train --resume begun --json");
    assert_eq!(files(&resumed.json()), SPOILT);
    let model = |run: &str| fs::read(f.join(run).join("best.safetensors")).unwrap();
    assert_eq!(model("begun"), model("whole"));
    let tested = done(f, "eval whole --json").json();
    assert_eq!(files(&tested), SPOILT);
    assert_eq!(
        (&tested["test_loss"], &tested["changed"]),
        (&whole.json()["test_loss"], &Value::Null)
    );

    // Other pictures.
    photographs(&f.join("other"));
    fs::remove_file(f.join("other/red/00.png")).unwrap();
    run(f, "eval whole --data other").fails(1, &["other: 3 of 23 pictures cannot be read"]);
    let tested = done(f, "eval whole --data other --skip-unreadable --json").json();
    assert_eq!((&tested["samples"], files(&tested)), (&json!(20), SPOILT.to_vec()));
    run(f, "train mlp --skip-unreadable")
        .fails(2, &["skip-unreadable: found mnist-5k, expected a folder"]);
}

/// Rows with too few or too many fields, as a comma within a text or a cut line makes them.
#[test]
fn rows_are_told_or_left_out() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    let row = |i: usize| match i {
        7 => "1,2\n".to_owned(),
        30 => "odd,7,8,9,a\n".to_owned(),
        _ => format!("{},{},{},{}\n", i % 20, i * 3 % 7, i * i % 11, ["a", "b"][i % 20 / 10]),
    };
    let rows = |broken: bool| {
        (0..100).filter(|i| broken || ![7, 30].contains(i)).map(row).collect::<String>()
    };
    fs::write(f.join("d.csv"), format!("x,y,z,class\n{}", rows(true))).unwrap();
    fs::write(f.join("clean.csv"), format!("x,y,z,class\n{}", rows(false))).unwrap();
    let refusal = "d.csv, line 9: found 2 columns, expected 4, as in the first line; mend or remove the row, or go on without such rows (--skip-unreadable)";
    run(f, "train mlp --data d.csv").fails(1, &[refusal]);
    let shown = done(f, "data show d.csv --json");
    assert!(shown.out.contains("2 rows have another number of fields: line 9: found 2 columns"));
    assert_eq!(shown.json()["remedy"], "gradus train mlp --data d.csv --skip-unreadable");

    // Without them the run is that of a table which never had them, and it knows them when it goes on and is tested.
    let whole = done(f, "train mlp --data d.csv --skip-unreadable --epochs 3 --out whole --json");
    let told = "d.csv: 2 rows that cannot be read are left out: line 9 (found 2 columns, expected 4, as in the first line), line 32 (found 5 columns,";
    assert!(whole.err.contains(told), "{}", whole.err);
    let lines = |record: &Value| -> Vec<u64> {
        let all = record["unreadable"].as_array().unwrap();
        all.iter().map(|one| one["line"].as_u64().unwrap()).collect()
    };
    assert_eq!(lines(&whole.json()), [9, 32]);
    let clean = done(f, "train mlp --data clean.csv --epochs 3 --out clean --json").json();
    assert_eq!(clean["test_loss"], whole.json()["test_loss"]);
    done(f, "train mlp --data d.csv --skip-unreadable --epochs 1 --out begun");
    assert_eq!(lines(&done(f, "train --resume begun --epochs 2 --json").json()), [9, 32]);
    let tested = done(f, "eval whole --json").json();
    assert_eq!((lines(&tested), &tested["changed"]), (vec![9, 32], &Value::Null));
    assert_eq!(tested["test_loss"], whole.json()["test_loss"]);

    // Other rows: testing refuses them, predicting names them.
    fs::write(f.join("new.csv"), "x,y,z,class\n3,3,9,a\n4,5\n13,4,4,b\n").unwrap();
    run(f, "eval whole --data new.csv").fails(1, &["new.csv, line 3: found 2 columns"]);
    let tested = done(f, "eval whole --data new.csv --skip-unreadable --json").json();
    assert_eq!((&tested["samples"], lines(&tested)), (&json!(2), vec![3]));
    let found = run(f, "predict whole new.csv --json");
    found.fails(1, &["error: 1 row gave no prediction: new.csv, line 3"]);
    assert!(
        found.out.contains("     3  not predicted: found 2 columns, expected 4"),
        "{}",
        found.out
    );
    let found = found.json();
    assert_eq!(found["predictions"].as_array().unwrap().len(), 2);
    run(f, "predict whole new.csv --out out.csv --keep all").fails(1, &["1 row not predicted"]);
    let text = fs::read_to_string(f.join("out.csv")).unwrap();
    assert!(text.contains("\nnew.csv,3,,,,,"), "{text}");

    // Where most rows are so, it is no table of that many columns.
    let odd: String = (0..60).map(|i| if i % 3 == 0 { row(i) } else { "1,2,3\n".into() }).collect();
    fs::write(f.join("odd.csv"), format!("x,y,z,class\n{odd}")).unwrap();
    run(f, "train mlp --data odd.csv --skip-unreadable")
        .fails(1, &["rows with another number of fields"]);
    let refused = run(f, "train mlp --data odd.csv");
    assert!(refused.code == 1 && !refused.err.contains("--skip-unreadable"), "{}", refused.err);
}

#[test]
fn what_is_there_is_shown() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    photographs(&f.join("d"));
    let shown = done(f, "data show d --save sheet.png --json");
    assert_eq!(files(&shown.json()), SPOILT);
    assert!(shown.out.contains(
        "remark: 3 pictures cannot be read, which training refuses and --skip-unreadable leaves out"
    ));
    assert!(!shown.out.contains("remove or replace"), "{}", shown.out);
    assert!(image::open(f.join("sheet.png")).is_ok());
    let shown = done(f, "data show d --skip-unreadable --json");
    assert_eq!(files(&shown.json()), SPOILT);
    let counts = |name: &str| -> u64 {
        shown.json()[name].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum()
    };
    assert_eq!(counts("train_counts") + counts("test_counts"), 21);
    // None at all that can be read.
    for entry in fs::read_dir(f.join("d/red")).unwrap().flatten() {
        fs::write(entry.path(), b"\xFF\xD8\xFF").unwrap();
    }
    run(f, "train linear --data d --skip-unreadable")
        .fails(1, &["d/red: found no picture that can be read, expected at least one"]);
}

/// What systems put into folders is no class; a folder within a folder, years and cameras are noticed.
#[test]
fn folders_that_are_no_classes() {
    let folder = tempdir().unwrap();
    let f = folder.path();
    for i in 0..8 {
        save(&f.join(format!("zip/photos/cat/{i}.png")), 0, i);
        save(&f.join(format!("zip/photos/dog/{i}.png")), 1, i);
        save(&f.join(format!("years/2021/{i}.png")), 0, i);
        save(&f.join(format!("years/2022/{i}.png")), 1, i);
    }
    fs::create_dir_all(f.join("zip/__MACOSX/photos")).unwrap();
    fs::write(f.join("zip/__MACOSX/photos/._0.png"), "x").unwrap();
    fs::create_dir_all(f.join("zip/photos/__MACOSX")).unwrap();
    fs::write(f.join("zip/photos/cat/Thumbs.db"), "x").unwrap();
    run(f, "train linear --data zip").fails(
        1,
        &["found 1 class (photos), expected at least 2 to tell apart; --data zip/photos takes the folders in it for classes: cat, dog"],
    );
    // Beside others, it is the folder of classes that was perhaps meant; and that of one class is none of classes.
    save(&f.join("zip/more/0.png"), 0, 1);
    let shown = done(f, "data show zip");
    let told = "16 pictures in folders inside the classes' are of these classes; did you mean zip/photos, whose folders are cat, dog?";
    assert!(shown.out.contains(told), "{}", shown.out);
    fs::remove_dir_all(f.join("zip/more")).unwrap();
    save(&f.join("zip/loose.png"), 0, 1);
    fs::create_dir_all(f.join("zip/notes")).unwrap();
    fs::write(f.join("zip/notes/a.txt"), "x").unwrap();
    run(f, "train linear --data zip").fails(
        1,
        &[
            "zip/notes: found 1 file, none of them an image, expected at least one picture",
            "; did you mean zip/photos, whose folders are cat, dog?",
        ],
    );
    run(f, "data show zip/photos/cat").fails(
        1,
        &["zip/photos/cat: found 8 pictures directly in it and no folders of classes, expected a folder for each class, with its pictures in it; did you mean zip/photos, whose folders are cat, dog?"],
    );
    fs::remove_dir_all(f.join("zip/notes")).unwrap();
    fs::remove_file(f.join("zip/loose.png")).unwrap();
    let shown = done(f, "data show zip/photos --json").json();
    assert_eq!(shown["classes"], json!(["cat", "dog"]));
    assert!(shown["remarks"].to_string().contains("2 hidden entries are passed over"), "{shown}");
    let trained = done(f, "train linear --data years --epochs 1 --out run");
    assert!(trained.err.contains("the classes are called 2021, 2022, which look like times"));
    // Pictures are known by what is in them; other files are counted.
    fs::rename(f.join("zip/photos/cat/0.png"), f.join("zip/photos/cat/0.dat")).unwrap();
    fs::write(f.join("zip/photos/cat/notes.png"), "text").unwrap();
    let found = done(f, "predict run zip --json");
    assert_eq!(found.json()["predictions"].as_array().unwrap().len(), 16);
    assert!(
        found.err.contains("zip: 1 file is passed over, which holds no picture: .png (1)"),
        "{}",
        found.err
    );
}
