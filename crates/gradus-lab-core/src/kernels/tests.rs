//! The page of kernels: bytes by hand, chains as one kernel, pixels computed as they are drawn, kernels learned again, and what is
//! refused.

use super::messages::{Border, Colour, Command, Event, Photo, Picture, Shown, Stage, Sum};
use super::settings::Kept;
use super::{Kernels, pictures, stage};
use crate::wire::{decode, encode};
use crate::{Command as Any, Event as Any_, Page};
use gradus::data::kernels::{KERNELS, byte};

fn open(settings: &str) -> (Kernels, Vec<String>) {
    let opened = Kernels::open(settings);
    (Kernels::load(&opened.page.save()).expect("a page"), opened.remarks)
}

fn tell(page: &mut Kernels, command: Command) {
    assert_eq!(page.handle(Any::Kernels(command.clone())), [], "{command:?}");
}

fn picture(page: &mut Kernels) -> Picture {
    match page.picture() {
        Any_::Kernels(Event::Picture(picture)) => picture,
        other => panic!("{other:?}"),
    }
}

fn sum(page: &mut Kernels, after: bool, x: u32, y: u32) -> Sum {
    match page.handle(Any::Kernels(Command::Look { after, x, y })).as_slice() {
        [Any_::Kernels(Event::Sum(sum))] => sum.clone(),
        other => panic!("{other:?}"),
    }
}

fn photo(width: u32, height: u32) -> Photo {
    let rgb = (0..3 * width * height).map(|i| (i * 73 % 251) as u8).collect();
    Photo { width, height, rgb }
}

#[test]
fn a_picture_by_hand() {
    let (mut page, _) = open("kernel=sharpen");
    let pixels = [10u8, 20, 30, 40, 55, 60, 70, 80, 99];
    let rgb = pixels.iter().flat_map(|&pixel| [pixel; 3]).collect();
    tell(&mut page, Command::Upload { photo: Photo { width: 3, height: 3, rgb } });
    let drawn = picture(&mut page);
    assert_eq!(drawn.images[0].bytes, pixels);
    assert_eq!(drawn.images[1].bytes, [0, 0, 0, 0, 75, 0, 0, 0, 0]); // 5·55 − 200
    let middle = sum(&mut page, true, 1, 1);
    assert_eq!((middle.sums, middle.bytes), (vec![75.0], vec![75]));
    let corner = sum(&mut page, true, 0, 0);
    assert_eq!((corner.sums, corner.bytes, corner.terms[0].pixel), (vec![], vec![0], None));
    tell(&mut page, Command::Show { shown: Shown::Middle });
    tell(&mut page, Command::Named { stage: 0, name: "left-sobel".into() });
    // 10 + 80 + 70 − 30 − 120 − 99 = −89; 128 − 44.5, cut off
    assert_eq!(picture(&mut page).images[1].bytes[4], 83);
    tell(&mut page, Command::Show { shown: Shown::Absolute });
    assert_eq!(picture(&mut page).images[1].bytes[4], 89);
}

#[test]
fn every_pixel_is_computed_as_it_is_drawn() {
    for colour in [Colour::Grey, Colour::Apart, Colour::Mixed] {
        for border in ["black", "valid", "zero", "reflect", "replicate", "circular"] {
            let settings =
                format!("kernel=emboss;4;s2;d2;{border}&kernel=outline;3;s1;d1;{border}");
            let (mut page, remarks) = open(&settings);
            assert_eq!(remarks, [""; 0]);
            tell(&mut page, Command::Upload { photo: photo(23, 17) });
            tell(&mut page, Command::Colour { colour });
            for watched in [0, 1] {
                tell(&mut page, Command::Watch { stage: watched });
                let image = picture(&mut page).images.swap_remove(watched as usize + 1);
                for (y, x) in (0..image.height).flat_map(|y| (0..image.width).map(move |x| (y, x)))
                {
                    let sum = sum(&mut page, true, x, y);
                    let area = (image.width * image.height) as usize;
                    let at = (y * image.width + x) as usize;
                    let drawn: Vec<u8> = image.bytes[at..].iter().step_by(area).copied().collect();
                    assert_eq!(sum.bytes, drawn, "{settings} {colour:?} {x} {y}");
                    let parts = sum.terms.len() / sum.sums.len().max(1);
                    for (channel, told) in sum.sums.iter().enumerate() {
                        let terms = &sum.terms[channel * parts..][..parts];
                        let value: f64 = terms.iter().map(|t| t.weight * t.pixel.unwrap()).sum();
                        assert!((value - told).abs() < 1e-9, "{value} {told}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_pixel_before_stands_for_the_window_around_it() {
    let (mut page, _) = open("kernel=blur;s2");
    let answer = sum(&mut page, false, 40, 30);
    assert_eq!((answer.x, answer.y, answer.terms[4].x, answer.terms[4].y), (20, 15, 40, 30));
    let (mut page, _) = open("kernel=blur;valid");
    let answer = sum(&mut page, false, 159, 0); // no window has it in its middle: the nearest one
    assert_eq!((answer.x, answer.y), (157, 0));
}

#[test]
fn a_chain_is_one_kernel_away_from_the_border() {
    let (mut page, remarks) = open("kernel=blur;5;s2&kernel=left-sobel;s1;d2&kernel=1,2,3,4;s2");
    assert_eq!(remarks, [""; 0]);
    tell(&mut page, Command::Upload { photo: photo(90, 80) });
    let chain = picture(&mut page);
    let one = chain.equal.clone().expect("one kernel");
    assert_eq!((one.size, one.stride), (5 + 2 * 4 + 2, 4));
    let last = page.maps.pop().unwrap();
    let whole = one.laid().sums(&page.maps[0], &one.weights());
    // The windows of an even kernel begin elsewhere: look for the chain's middle in the one kernel's result.
    let begins = |x: usize, y: usize| (one.laid().place(x, 0, 15), one.laid().place(y, 0, 15));
    let mut found = 0;
    for (y, x) in (4..last.height - 4).flat_map(|y| (4..last.width - 4).map(move |x| (y, x))) {
        // Chain: 4·x − 0 (2×2), − 2·(2 − 0) through stride 2 and dilation 2, − 2 of the first.
        let at = (4 * x as isize - 4 - 2, 4 * y as isize - 4 - 2);
        let same = (0..whole.height * whole.width)
            .map(|i| (i % whole.width, i / whole.width))
            .find(|&(a, b)| begins(a, b) == at);
        if let Some((a, b)) = same {
            assert!((last.at(0, y, x) - whole.at(0, b, a)).abs() < 1e-6);
            found += 1;
        }
    }
    // Windows lie four pixels apart, and the two grids may differ: then the sums are taken by hand.
    if found == 0 {
        let (x, y) = (8usize, 8usize);
        let (left, top) = (4 * x - 6, 4 * y - 6);
        let value: f64 =
            (0..225).map(|i| one.values[i] * page.maps[0].at(0, top + i / 15, left + i % 15)).sum();
        assert!((last.at(0, y, x) - value).abs() < 1e-6, "{} {value}", last.at(0, y, x));
    }
    tell(&mut page, Command::Between { exact: false });
    assert_eq!(picture(&mut page).equal, None);
}

#[test]
fn kernels_are_learned_again() {
    for (name, kernel) in KERNELS {
        let (mut page, _) = open(&format!("kernel={name}"));
        tell(&mut page, Command::Upload { photo: part(64, 48) });
        tell(&mut page, Command::Learn { size: 3 });
        while page.work() && page.step() < 3000 {
            let learned = picture(&mut page).learned.expect("learned");
            if learned.off.is_some_and(|off| off < 5e-3) {
                break;
            }
        }
        let learned = picture(&mut page).learned.expect("learned");
        let worst = learned.kernel.values.iter().zip(kernel).map(|(a, b)| (a - b).abs());
        let worst = worst.fold(0.0, f64::max);
        assert!(worst < 1e-2, "{name}: {worst} after {} passes", learned.passes);
        let (first, last) = (learned.errors[0], learned.errors[learned.errors.len() - 1]);
        assert!(
            first > 2.0 && last < 0.2 * first,
            "{name}: {first} to {last} in {} passes",
            learned.passes
        );
    }
}

/// A corner of the landscape: fast, and as grainy.
fn part(width: u32, height: u32) -> Photo {
    let whole = pictures::draw("landscape").unwrap();
    let row =
        |y: u32| &whole.rgb[(3 * (whole.width * (y + 40) + 20)) as usize..][..3 * width as usize];
    Photo { width, height, rgb: (0..height).flat_map(|y| row(y).to_vec()).collect() }
}

#[test]
fn a_kernel_is_learned_from_a_picture_of_bytes() {
    let (mut page, _) = open("kernel=0.1,0.2,0,0.1,0.3,0.1,0,0,0.1");
    let before = part(64, 48);
    tell(&mut page, Command::Upload { photo: before });
    let wanted = page.kept.stages[0].values.clone();
    let bytes: Vec<u8> = page.maps[1].values.iter().flat_map(|&value| [byte(value); 3]).collect();
    let after = Photo { width: 64, height: 48, rgb: bytes };
    tell(&mut page, Command::LearnFrom { size: 3, after });
    while page.work() && page.step() < 2000 {}
    let learned = picture(&mut page).learned.unwrap();
    let off = learned.kernel.values.iter().zip(wanted).map(|(a, b)| (a - b).abs());
    let off = off.fold(0.0, f64::max);
    assert!(off < 1e-2 && learned.off.is_none(), "{off}: {:?}", learned.kernel.values);
}

#[test]
fn a_kernel_of_another_size_or_of_colours_is_learned() {
    let (mut page, _) = open("colour=mixed&kernel=2,0,-1,0;d2;zero");
    tell(&mut page, Command::Upload { photo: part(48, 40) });
    tell(&mut page, Command::Number { stage: 0, at: 5, value: 3.0 });
    tell(&mut page, Command::Learn { size: 2 });
    while page.work() && page.step() < 400 {}
    let first = picture(&mut page).learned.unwrap();
    assert!(first.errors.last().unwrap() < &(0.1 * first.errors[0]), "{:?}", first.errors);
    let (mut page, _) = open("kernel=sharpen;3;valid");
    tell(&mut page, Command::Upload { photo: part(48, 40) });
    tell(&mut page, Command::Learn { size: 5 });
    while page.work() && page.step() < 3000 {}
    let learned = picture(&mut page).learned.unwrap();
    assert!(learned.off.unwrap() < 0.05, "{:?} {}", learned.off, learned.passes);
}

#[test]
fn names_grow_and_numbers_stay_in_the_middle() {
    let blur = Stage::named("blur").unwrap();
    assert_eq!(blur.values, KERNELS[1].1);
    assert_eq!(blur.resized(5).unwrap().values[12], 36.0 / 256.0);
    let sobel = Stage::named("left-sobel").unwrap().resized(5).unwrap();
    assert_eq!(
        (sobel.name.as_str(), sobel.values[6], sobel.values[12], sobel.values[11]),
        ("custom", 1.0, 0.0, 2.0)
    );
    let back = sobel.resized(3).unwrap();
    assert_eq!(back.values, KERNELS[5].1);
    let even = Stage::named("identity").unwrap().resized(2).unwrap();
    assert_eq!(even.values, [1.0, 0.0, 0.0, 0.0]); // one more pixel lies right and below
    let mixed = Stage::named("emboss").unwrap().sliced(3);
    assert_eq!((mixed.values.len(), mixed.clone().sliced(1).values), (27, KERNELS[4].1.to_vec()));
}

#[test]
fn addresses_come_back() {
    let settings = [
        "picture=letters&colour=mixed&kernel=blur;5;s2;d1;reflect&kernel=0.5,-1,2,0;s1;d3;valid&shown=middle&between=bytes&watched=1&rate=0.5&momentum=0.95&learn=4",
        "picture=landscape&kernel=sharpen;3;s1;d1;black",
    ];
    for settings in settings {
        let (page, remarks) = open(settings);
        assert_eq!(remarks, [""; 0]);
        assert_eq!(page.settings(), settings);
    }
    let (_, remarks) = open(
        "picture=moon&colour=red&kernel=soft&kernel=1,2&kernel=blur;s0&kernel=blur;x&shown=no&between=1&watched=7&rate=9&step=-1&size=4&picture=own",
    );
    assert_eq!(remarks.len(), 13, "{remarks:#?}");
    assert!(remarks[0].contains("none of landscape"), "{remarks:?}");
}

#[test]
fn an_address_leads_to_a_pass() {
    let opened = Kernels::open("picture=shapes&kernel=mean&learn=3&step=20");
    let (mut page, _) = open("picture=shapes&kernel=mean&learn=3");
    while page.step() < 20 && page.work() {}
    assert_eq!(opened.page.save(), page.save());
    assert_eq!(opened.page.step(), 20);
}

#[test]
fn what_cannot_be_is_refused_and_nothing_changes() {
    let (mut page, _) = open("kernel=blur&learn=3");
    let before = page.save();
    let huge = Photo { width: u32::MAX, height: u32::MAX, rgb: vec![] };
    let stage = page.kept.stages[0].clone();
    let put = |kernel: Stage| Command::Put { stage: 0, kernel };
    let array = |shape: Vec<u32>| super::Array {
        name: "x".into(),
        shape,
        kind: "F32".into(),
        begin: 0.0,
        bytes: 4,
    };
    let commands = [
        Command::Take { name: "moon".into() },
        Command::Upload { photo: huge.clone() },
        Command::Upload { photo: Photo { width: 2, height: 2, rgb: vec![0; 11] } },
        Command::Upload { photo: Photo { width: 0, height: 0, rgb: vec![] } },
        Command::Upload { photo: photo(1000, 300) },
        Command::Named { stage: 9, name: "blur".into() },
        Command::Named { stage: 0, name: "soft".into() },
        Command::Number { stage: 0, at: u32::MAX, value: 0.0 },
        Command::Number { stage: 0, at: 0, value: f64::NAN },
        Command::Number { stage: 0, at: 0, value: 1e9 },
        Command::Size { stage: 0, size: 0 },
        Command::Size { stage: 0, size: u32::MAX },
        put(Stage { size: u32::MAX, ..stage.clone() }),
        put(Stage { values: vec![f64::INFINITY; 9], ..stage.clone() }),
        put(Stage { stride: 0, ..stage.clone() }),
        put(Stage { dilation: u32::MAX, ..stage.clone() }),
        put(Stage { values: vec![], ..stage }),
        Command::Remove { stage: 0 },
        Command::Remove { stage: 4_000_000_000 },
        Command::Watch { stage: 1 },
        Command::Learn { size: 0 },
        Command::LearnFrom { size: 3, after: photo(3, 3) },
        Command::LearnFrom { size: 3, after: huge.clone() },
        Command::Rate { rate: f64::NAN, momentum: 0.0 },
        Command::Rate { rate: 0.5, momentum: 1.0 },
        Command::Look { after: true, x: 160, y: 0 },
        Command::Look { after: false, x: u32::MAX, y: u32::MAX },
        Command::Filter { photo: huge },
        Command::Header { json: b"{".to_vec(), follow: 1e300 },
        Command::Header { json: b"[]".to_vec(), follow: 0.0 },
        Command::Array { array: array(vec![u32::MAX; 4]), bytes: vec![] },
        Command::Array { array: array(vec![1, 1, 1, 1]), bytes: vec![0; 3] },
        Command::Array { array: array(vec![]), bytes: vec![] },
    ];
    for command in commands {
        let answer = page.handle(Any::Kernels(command.clone()));
        assert!(matches!(&answer[..], [Any_::Refused { .. }]), "{command:?}: {answer:?}");
        assert_eq!(page.save(), before, "{command:?}");
    }
    let (mut small, _) = open("kernel=blur");
    tell(&mut small, Command::Upload { photo: photo(4, 4) });
    let valid =
        Stage { border: Border::Valid, ..Stage::named("identity").unwrap().resized(5).unwrap() };
    let answer = small.handle(Any::Kernels(put(valid)));
    assert!(
        matches!(&answer[..], [Any_::Refused { what }] if what.contains("no window fits")),
        "{answer:?}"
    );
}

#[test]
fn what_is_loaded_is_checked() {
    let (page, _) = open("kernel=blur&learn=3");
    let kept: Kept = decode(&page.save()).unwrap();
    let bad = |change: fn(&mut Kept)| {
        let mut kept = kept.clone();
        change(&mut kept);
        assert!(Kernels::load(&encode(&kept)).is_err(), "{kept:?}");
    };
    bad(|kept| kept.stages.clear());
    bad(|kept| kept.watched = 1);
    bad(|kept| kept.taken = "own".into());
    bad(|kept| kept.stages[0].values[0] = f64::NAN);
    bad(|kept| kept.stages[0].size = 0);
    bad(|kept| kept.colour = Colour::Mixed);
    bad(|kept| kept.rate = -1.0);
    bad(|kept| kept.learning.as_mut().unwrap().kernel.values.clear());
}

#[test]
fn kernels_of_trained_networks() {
    let (mut page, _) = open("");
    let answer = page.handle(Any::Kernels(Command::Trained));
    let [Any_::Kernels(Event::Banks { banks })] = &answer[..] else { panic!("{answer:?}") };
    let sizes: Vec<_> = banks.iter().map(|b| (b.size, b.slices, b.values.len())).collect();
    assert_eq!(sizes, [(5, 1, 150), (5, 1, 200)]);
    assert!(banks.iter().all(|bank| bank.made.starts_with("gradus train")));
    let json = br#"{"a":{"dtype":"F32","shape":[2,1,1,1],"data_offsets":[0,8]},"b":{"dtype":"F16","shape":[1,3,1,1],"data_offsets":[8,14]},"c":{"dtype":"F32","shape":[1],"data_offsets":[14,18]}}"#;
    let answer = page.handle(Any::Kernels(Command::Header { json: json.to_vec(), follow: 18.0 }));
    let [Any_::Kernels(Event::Arrays { arrays })] = &answer[..] else { panic!("{answer:?}") };
    assert_eq!(arrays.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let bytes = [0x00, 0x3C, 0x00, 0xC0, 0x00, 0x38]; // 1, −2, 0.5
    let command = Command::Array { array: arrays[1].clone(), bytes: bytes.to_vec() };
    let answer = page.handle(Any::Kernels(command));
    let [Any_::Kernels(Event::Banks { banks })] = &answer[..] else { panic!("{answer:?}") };
    assert_eq!(banks[0].values, [1.0, -2.0, 0.5]);
}

#[test]
fn a_camera_s_picture_changes_nothing() {
    let (mut page, _) = open("kernel=outline");
    let before = page.save();
    let answer = page.handle(Any::Kernels(Command::Filter { photo: photo(512, 512) }));
    let [Any_::Kernels(Event::Filtered { image })] = &answer[..] else { panic!("{answer:?}") };
    assert_eq!((image.width, image.height, image.channels), (512, 512, 1));
    assert_eq!(page.save(), before);
}

#[test]
fn the_words_change_with_the_kernel() {
    let told = |name: &str| Stage::named(name).unwrap().told();
    assert!(told("blur").contains("weighted mean") && told("blur").contains("6 products"));
    assert!(told("outline").contains("add up to 0") && !told("outline").contains("column times"));
    assert!(told("left-sobel").contains("column times a row"));
    assert!(told("identity").contains("the picture stays"));
    assert!(told("sharpen").contains("differences larger"));
    assert_eq!(stage::names().len(), 10);
}

/// One small message, byte for byte: what the browser reads.
#[test]
fn a_golden_message() {
    let (mut page, _) = open("kernel=2;valid");
    let rgb = vec![9, 9, 9, 200, 200, 200];
    tell(&mut page, Command::Upload { photo: Photo { width: 2, height: 1, rgb } });
    let bytes = encode(&sum(&mut page, true, 1, 0));
    let told = "1 products add up to 400 here, in an even area. It is above 255, the brightest.";
    let mut golden = vec![0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]; // kernel 0, column 1, row 0
    golden.extend([1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]); // one term, of pixel (1, 0), which is there
    golden.extend(200f64.to_le_bytes());
    golden.extend(2f64.to_le_bytes());
    golden.extend([1, 0, 0, 0]);
    golden.extend(400f64.to_le_bytes());
    golden.extend([1, 0, 0, 0, 255, told.len() as u8, 0, 0, 0]);
    golden.extend(told.bytes());
    assert_eq!(bytes, golden);
}
