//! What a user does: numbers edited, points drawn, questions asked, and what is refused.

use super::{page, picture, set, tell, work};
use crate::Page;
use crate::playground::messages::{Command, Event, Place, Point, View};

fn point(x: f64, y: f64, label: f64) -> Point {
    Point { x, y, label, is_test: false }
}

#[test]
fn a_weight_is_edited_and_the_map_changes() {
    let mut page = page("");
    let before = picture(&mut page);
    assert!(before.runs[0].is_reproducible);
    tell(&mut page, Command::Weight { run: 0, layer: 0, unit: 3, input: 1, value: -2.5 }).unwrap();
    tell(&mut page, Command::Bias { run: 0, layer: 2, unit: 0, value: 0.75 }).unwrap();
    let after = picture(&mut page);
    assert_eq!(after.runs[0].layers[0].weights[7], -2.5);
    assert_eq!(after.runs[0].layers[2].biases, [0.75]);
    assert!(!after.runs[0].is_reproducible);
    let map = |unit: usize| unit * 900..(unit + 1) * 900;
    let [before, after] = [before, after].map(|picture| picture.runs[0].maps.clone());
    assert_eq!(before.len(), (7 + 4 + 2 + 1) * 900);
    assert_eq!(before[map(0).start..map(10).start], after[map(0).start..map(10).start]);
    assert_ne!(before[map(10)], after[map(10)]);
    assert_ne!(before[map(13)], after[map(13)]);
}

#[test]
fn a_dead_link_lives_again() {
    let mut page = page("regularization=L1&regularizationRate=0.3");
    work(&mut page, 50);
    let dead = picture(&mut page).runs[0].layers[0].dead_links.clone();
    let input = dead.iter().position(|dead| *dead == 1).expect("a dead link");
    let (unit, input) = (input as u8 / 2, input as u8 % 2);
    tell(&mut page, Command::Weight { run: 0, layer: 0, unit, input, value: 0.5 }).unwrap();
    let now = picture(&mut page).runs[0].layers[0].clone();
    assert_eq!((now.dead_links[usize::from(unit * 2 + input)], dead.len()), (0, 8));
}

#[test]
fn points_are_drawn_moved_relabelled_and_erased() {
    let mut page = page("");
    tell(&mut page, Command::ErasePoints { run: 0 }).unwrap();
    assert!(page.settings().contains("dataset=own"));
    assert!(picture(&mut page).runs[0].points.x.is_empty());
    work(&mut page, 2);
    for i in 0..40 {
        let x = f64::from(i) / 10.0 - 2.0;
        let point =
            Point { is_test: i % 4 == 3, ..point(x, 1.0, if x > 0.0 { 1.0 } else { -1.0 }) };
        tell(&mut page, Command::AddPoint { run: 0, point }).unwrap();
    }
    work(&mut page, 100);
    let drawn = picture(&mut page).runs[0].clone();
    assert_eq!((drawn.points.train, drawn.points.x.len()), (30, 40));
    assert!(drawn.test_accuracy == 1.0 && drawn.test_loss < 0.1, "{}", drawn.test_loss);
    tell(&mut page, Command::MovePoint { run: 0, index: 3, x: 9.0, y: -1.0 }).unwrap();
    tell(&mut page, Command::LabelPoint { run: 0, index: 4, label: 1.0 }).unwrap();
    tell(&mut page, Command::ErasePoint { run: 0, index: 39 }).unwrap();
    let points = picture(&mut page).runs[0].points.clone();
    assert_eq!((points.x[3], points.y[3], points.label[4], points.x.len()), (6.0, -1.0, 1.0, 39));
}

#[test]
fn a_generated_point_is_moved_and_all_become_own() {
    let mut page = page("dataset=spiral");
    let before = picture(&mut page).runs[0].points.clone();
    tell(&mut page, Command::MovePoint { run: 0, index: 300, x: 0.5, y: 0.25 }).unwrap();
    let after = picture(&mut page).runs[0].points.clone();
    assert_eq!((after.x[300], after.y[300], after.train), (0.5, 0.25, before.train));
    assert_eq!((&after.x[..300], &after.x[301..]), (&before.x[..300], &before.x[301..]));
    // Another data set, and back.
    set(&mut page, "dataset", "xor").unwrap();
    set(&mut page, "dataset", "own").unwrap();
    assert_eq!(picture(&mut page).runs[0].points, after);
}

#[test]
fn a_table_becomes_points_and_classes() {
    let mut page = page("");
    let text = "x,y,label\n-2,0,red\n2,0,green\n0,3,blue\n0,4,blue\n".to_owned();
    tell(&mut page, Command::ReadCsv { run: 0, text }).unwrap();
    assert!(page.settings().contains("dataset=own") && page.settings().contains("classes=3"));
    let drawn = picture(&mut page).runs[0].clone();
    assert_eq!((drawn.points.x.len(), drawn.layers[2].units), (4, 3));
    set(&mut page, "classes", "2").unwrap();
    assert!(picture(&mut page).runs[0].points.label.iter().all(|label| label.abs() == 1.0));
}

#[test]
fn settings_act_at_once_or_begin_again() {
    let mut page = page("");
    work(&mut page, 10);
    for (name, value) in [("learningRate", "0.3"), ("batchSize", "3"), ("discretize", "true")] {
        set(&mut page, name, value).unwrap();
        assert_eq!(picture(&mut page).epoch, 10, "{name}");
    }
    assert!(!picture(&mut page).runs[0].is_reproducible);
    // What is about display alone stays as it is when travelling.
    tell(&mut page, Command::Travel { epoch: 5 }).unwrap();
    assert!(page.settings().contains("discretize=true&"));
    assert!(page.settings().contains("learningRate=0.03&"));
    set(&mut page, "networkShape", "3,3").unwrap();
    let begun = picture(&mut page);
    assert_eq!((begun.epoch, begun.newest, begun.runs[0].is_reproducible), (0, 0, true));
    assert_eq!(begun.runs[0].layers.len(), 3);
    // The engine's steps are counted on.
    assert_eq!(page.step(), 10);
}

/// A large network takes several pieces of work for an epoch. A command in between finds the epoch before it.
#[test]
fn commands_come_between_epochs() {
    let address = "networkShape=8,8,8,8&problem=regression";
    let [mut early, mut late] = [page(address), page(address)];
    assert!(early.work() && early.step() == 0);
    for page in [&mut early, &mut late] {
        set(page, "learningRate", "0.01").unwrap();
        work(page, 2);
    }
    assert!(early.save() == late.save());
}

#[test]
fn reset_draws_other_weights_and_regenerate_other_points() {
    let mut page = page("b.learningRate=0.1");
    let first = picture(&mut page);
    work(&mut page, 3);
    tell(&mut page, Command::Reset).unwrap();
    let second = picture(&mut page);
    assert_eq!((second.epoch, &second.runs[0].points), (0, &first.runs[0].points));
    assert_ne!(second.runs[0].layers, first.runs[0].layers);
    assert_eq!(second.runs[0].layers, second.runs[1].layers);
    assert!(page.settings().contains("draw=1"));
    tell(&mut page, Command::Regenerate).unwrap();
    assert_ne!(picture(&mut page).runs[0].points, first.runs[0].points);
    // The address alone leads there, too.
    let again = self::page(&page.settings());
    assert_eq!(again.save(), page_at_zero(&page));
}

/// What is saved, with no step taken.
fn page_at_zero(page: &crate::playground::Playground) -> Vec<u8> {
    let mut bytes = page.save();
    bytes[..4].fill(0);
    bytes
}

#[test]
fn questions_are_answered() {
    let mut page = page("sinX=true&networkShape=3");
    let Ok(answers) = tell(&mut page, Command::Probe { run: 0, x: 1.0, y: -2.0 }) else { panic!() };
    let [Event::Probed(probed)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!((probed.features.len(), probed.sums.len(), probed.outputs[1].len()), (3, 2, 1));
    let layer = &picture(&mut page).runs[0].layers[0];
    let products = layer.weights[..3].iter().zip(&probed.features);
    let sum = products.fold(layer.biases[0], |sum, (w, x)| sum + w * x);
    assert_eq!((probed.sums[0][0], probed.outputs[0][0]), (sum, crate::exact::tanh(sum)));
    let Ok(answers) = tell(&mut page, Command::Thumbnails { run: 0 }) else { panic!() };
    let [Event::Thumbnails(sets)] = &answers[..] else { panic!("{answers:?}") };
    let names: Vec<_> = sets.iter().map(|set| (set.name.as_str(), set.points.x.len())).collect();
    assert_eq!(names, [("circle", 200), ("xor", 200), ("gauss", 200), ("spiral", 200)]);
}

#[test]
fn views_are_drawn() {
    let mut page = page("activation=relu&networkShape=5,3");
    let view = View {
        unit_side: 20,
        output_side: 60,
        shown: Some(Place { column: 1, unit: 4 }),
        regions: true,
        lines: true,
        warp: Some(1),
    };
    tell(&mut page, Command::Look(view)).unwrap();
    let run = picture(&mut page).runs[0].clone();
    assert_eq!((run.maps.len(), run.output.len()), ((7 + 5 + 3 + 1) * 400, 3600));
    let regions = run.regions.expect("regions");
    assert!(regions.is_exact && regions.count > 1 && !regions.lines.is_empty());
    let warp = run.warp.expect("a warp");
    assert_eq!((warp.nodes.len(), warp.points.len()), (2 * 625, 2 * 500));
    assert!(warp.shown > 0.5 && warp.shown <= 1.0);
    let view = View { unit_side: 0, ..view };
    let refusal = tell(&mut page, Command::Look(view)).unwrap_err();
    assert_eq!(refusal, "maps of 0 and 60 pixels: 10 to 100 and 20 to 200 can be drawn");
}

#[test]
fn what_cannot_be_done_is_told() {
    let mut page = page("classes=3&dataset=gauss");
    work(&mut page, 2);
    let before = page.save();
    let weight = |layer, unit, input, value| Command::Weight { run: 0, layer, unit, input, value };
    let expected = [
        (Command::Travel { epoch: 3 }, "epoch 3 cannot be travelled to: 0 to 2 can"),
        (weight(9, 0, 0, 1.0), "there is no layer 9: there are 3"),
        (weight(0, 4, 0, 1.0), "layer 0 has no unit 4: it has 4"),
        (weight(0, 0, 2, 1.0), "layer 0 has no input 2: it has 2"),
        (weight(0, 0, 0, f64::NAN), "NaN is no number that a weight or a bias can have"),
        (Command::Bias { run: 1, layer: 0, unit: 0, value: 1.0 }, "there is no run 1: there are 1"),
        (Command::ErasePoint { run: 0, index: 500 }, "there is no point 500: there are 498"),
        (
            Command::AddPoint { run: 0, point: point(0.0, 0.0, -1.0) },
            "the label -1 is no class from 0 to 2",
        ),
        (
            Command::MovePoint { run: 0, index: 0, x: f64::NAN, y: 0.0 },
            "a point's coordinate is no number",
        ),
        (Command::Probe { run: 0, x: 7.0, y: 0.0 }, "(7, 0) is outside the square from −6 to 6"),
        (
            Command::ReadCsv { run: 0, text: "1,2\n".into() },
            "line 1 has 2 cells: x, y and label are expected",
        ),
    ];
    for (command, what) in expected {
        assert_eq!(tell(&mut page, command).unwrap_err(), what);
        assert_eq!(page.save(), before, "{what}: something has changed");
    }
}
