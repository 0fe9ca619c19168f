//! The same address and step give the same bits: twice, after travelling, with a second run beside, and after saving.

use super::{page, picture, run, set, tell, work};
use crate::Page;
use crate::playground::Playground;
use crate::playground::messages::{Command, Point};
use crate::wire::encode;

/// Settings that use all that a state holds.
const ADDRESSES: [&str; 4] = [
    "batchSize=7",
    "optimizer=adam&regularization=L1&regularizationRate=0.01&schedule=cosine&classes=3&dataset=gauss",
    "problem=regression&optimizer=nesterov&activation=gelu&networkShape=8,8,8",
    "loss=crossEntropy&optimizer=adadelta&learningRate=1&noise=20&percTrainData=73",
];

#[test]
fn twice_the_same() {
    for address in ADDRESSES {
        let bits = || run(address, 60).network.state;
        assert_eq!(bits(), bits(), "{address}");
    }
}

/// Bits that every machine must give.
#[test]
fn bits_are_golden() {
    let mut sum = 0u64;
    for address in ADDRESSES {
        for number in run(address, 60).network.state.numbers {
            sum = sum.rotate_left(7) ^ number.to_bits();
        }
    }
    assert_eq!(sum, 15265150008351682864);
}

#[test]
fn travelling_gives_what_was_there() {
    for address in ADDRESSES {
        let mut page = page(address);
        let mut pictures = vec![encode(&picture(&mut page).runs)];
        for epoch in 1..=40 {
            match epoch {
                10 => drop(set(&mut page, "learningRate", "0.01").unwrap()),
                15 => drop(set(&mut page, "activation", "elu").unwrap()),
                20 => {
                    drop(tell(&mut page, Command::Bias { run: 0, layer: 0, unit: 1, value: 0.5 }))
                }
                30 => {
                    let point = Point { x: 1.0, y: 2.0, label: 1.0, is_test: false };
                    tell(&mut page, Command::AddPoint { run: 0, point }).unwrap();
                }
                _ => {}
            }
            let before = pictures.len() - 1;
            pictures[before] = without_curve(&mut page);
            work(&mut page, 1);
            pictures.push(without_curve(&mut page));
        }
        for epoch in [40, 0, 9, 10, 14, 20, 29, 30, 31, 3, 40] {
            tell(&mut page, Command::Travel { epoch }).unwrap();
            assert!(without_curve(&mut page) == pictures[epoch as usize], "{address} {epoch}");
        }
        // From the middle it goes on as it did then, up to the next change.
        tell(&mut page, Command::Travel { epoch: 21 }).unwrap();
        work(&mut page, 8);
        let mut now = picture(&mut page);
        now.runs.iter_mut().for_each(|run| run.curve = Default::default());
        assert_eq!(now.newest, 29);
        assert_eq!(encode(&now.runs[0].layers), {
            tell(&mut page, Command::Travel { epoch: 29 }).unwrap();
            encode(&picture(&mut page).runs[0].layers)
        });
    }
}

/// A picture's bytes: NaN is equal to NaN.
fn drawn(page: &mut Playground) -> Vec<u8> {
    encode(&picture(page))
}

fn without_curve(page: &mut Playground) -> Vec<u8> {
    let mut runs = picture(page).runs;
    runs.iter_mut().for_each(|run| run.curve = Default::default());
    encode(&runs)
}

#[test]
fn states_take_bounded_memory_and_still_lead_everywhere() {
    let mut page = page("networkShape=8,8,8,8,8,8&batchSize=30&percTrainData=10");
    work(&mut page, 700);
    let kept = page.runs[0].timeline.states();
    let bytes = kept * (400 + page.runs[0].network.state.numbers.len() * 41);
    assert!(kept < 400 && bytes <= 3 << 20, "{kept} states, {bytes} bytes");
    let numbers = |page: &Playground| page.runs[0].network.state.clone();
    tell(&mut page, Command::Travel { epoch: 333 }).unwrap();
    let travelled = numbers(&page);
    let mut again = self::page("networkShape=8,8,8,8,8,8&batchSize=30&percTrainData=10");
    work(&mut again, 333);
    assert_eq!(travelled, numbers(&again));
}

#[test]
fn two_runs_do_not_touch_each_other() {
    let mut both = page("batchSize=5&b.learningRate=0.1&b.optimizer=momentum");
    let mut alone = [page("batchSize=5"), page("batchSize=5&learningRate=0.1&optimizer=momentum")];
    work(&mut both, 30);
    for (run, alone) in alone.iter_mut().enumerate() {
        work(alone, 30);
        assert!(encode(&picture(&mut both).runs[run]) == encode(&picture(alone).runs[0]));
    }
    assert!(both.settings().ends_with("&b.learningRate=0.1&b.optimizer=momentum"));
    tell(&mut both, Command::Compare { on: false }).unwrap();
    tell(&mut both, Command::Compare { on: true }).unwrap();
    work(&mut both, 5);
    let picture = picture(&mut both);
    assert!(encode(&picture.runs[0]) == encode(&picture.runs[1]));
    assert!(both.settings().ends_with("&b."));
}

#[test]
fn what_is_saved_goes_on() {
    for address in ADDRESSES {
        let mut here = page(address);
        work(&mut here, 12);
        tell(&mut here, Command::Weight { run: 0, layer: 0, unit: 0, input: 0, value: 0.1 })
            .unwrap();
        work(&mut here, 3);
        tell(&mut here, Command::Travel { epoch: 13 }).unwrap();
        let mut there = Playground::load(&here.save()).expect("a page");
        assert!(drawn(&mut there) == drawn(&mut here), "{address}");
        for page in [&mut here, &mut there] {
            work(page, 5);
            tell(page, Command::Travel { epoch: 7 }).unwrap();
        }
        assert!(drawn(&mut there) == drawn(&mut here), "{address}");
        assert!(there.save() == here.save(), "{address}");
    }
    let bytes = page("").save();
    assert!((0..bytes.len()).all(|end| Playground::load(&bytes[..end]).is_err()));
}
