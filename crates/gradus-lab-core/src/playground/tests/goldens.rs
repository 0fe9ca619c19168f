//! What settings come to: what can be learned is, what cannot is not.

use super::run;

/// Test losses of five seeds after so many epochs, the smallest first.
fn losses(address: &str, epochs: u32) -> Vec<f64> {
    let seeds = ["0.1", "0.2", "0.3", "0.4", "0.5"];
    let mut losses: Vec<f64> =
        seeds.map(|seed| run(&format!("{address}&seed={seed}"), epochs).test.loss).into();
    losses.sort_by(f64::total_cmp);
    losses
}

#[test]
fn medians_of_five_seeds() {
    for (address, epochs) in [
        ("dataset=gauss&networkShape=", 100),
        ("dataset=circle", 300),
        ("dataset=xor", 300),
        ("dataset=xor&networkShape=&x=false&y=false&xTimesY=true", 100),
        ("dataset=circle&activation=relu&optimizer=adam", 100),
        ("dataset=circle&loss=crossEntropy&optimizer=adamw", 300),
    ] {
        let losses = losses(address, epochs);
        assert!(losses[2] <= 0.05, "{address}: {losses:?}");
    }
}

#[test]
fn the_spiral_is_learned_by_one_of_five() {
    for address in [
        "dataset=spiral&networkShape=8,8",
        "dataset=spiral&networkShape=8,8&activation=relu&sinX=true&sinY=true",
    ] {
        let losses = losses(address, 1000);
        assert!(losses[0] <= 0.05, "{address}: {losses:?}");
    }
}

#[test]
fn a_circle_is_no_half_plane() {
    let losses = losses("dataset=circle&networkShape=", 300);
    assert!(losses.iter().all(|loss| (0.4..0.6).contains(loss)), "{losses:?}");
}

/// With the squares of x and y a circle needs no hidden layer; but where tanh has saturated on the wrong side, the squared loss has
/// no slope: the run is solved or stuck. Cross-entropy has one.
#[test]
fn squares_solve_the_circle_or_are_stuck() {
    let address = "dataset=circle&networkShape=&x=false&y=false&xSquared=true&ySquared=true";
    let found: Vec<_> =
        (1..=20).map(|seed| run(&format!("{address}&seed=0.{seed}"), 100).test.loss).collect();
    let is_solved = |loss: &&f64| **loss < 0.05;
    let is_stuck = |loss: &&f64| (0.4..1.1).contains(*loss);
    let (solved, stuck) =
        (found.iter().filter(is_solved).count(), found.iter().filter(is_stuck).count());
    assert_eq!(solved + stuck, 20, "{found:?}");
    assert!(solved > 0 && stuck > 0, "{found:?}");
    let cured = losses(&format!("{address}&loss=crossEntropy&learningRate=0.01"), 300);
    assert!(cured[4] < 0.1, "{cured:?}");
}

#[test]
fn several_classes_are_learned() {
    for (address, epochs) in [
        ("dataset=gauss&classes=5&networkShape=&loss=crossEntropy", 100),
        ("dataset=circle&classes=3&networkShape=8,8&loss=crossEntropy&optimizer=adam", 300),
        ("dataset=spiral&classes=3&networkShape=8,8&loss=crossEntropy&sinX=true&sinY=true", 800),
        ("dataset=xor&classes=3&networkShape=8,8&optimizer=adam", 300),
    ] {
        let mut accuracies: Vec<f64> = ["0.1", "0.2", "0.3"]
            .map(|seed| run(&format!("{address}&seed={seed}"), epochs).test.accuracy)
            .into();
        accuracies.sort_by(f64::total_cmp);
        assert!(accuracies[1] >= 0.9, "{address}: {accuracies:?}");
    }
}

#[test]
fn numbers_are_learned() {
    for (address, epochs, most) in [
        ("problem=regression&networkShape=", 50, 0.001),
        ("problem=regression&regDataset=reg-gauss&networkShape=8,6&optimizer=adam", 100, 0.02),
    ] {
        let losses = losses(address, epochs);
        assert!(losses[2] <= most, "{address}: {losses:?}");
    }
}

/// A ReLU network at much too high a rate dies, and says so; a leaky one does not.
#[test]
fn units_die() {
    let dead = |address: &str| {
        let run = run(address, 30);
        run.train.silent.iter().flatten().filter(|silent| **silent).count()
    };
    let found = dead("activation=relu&learningRate=3&networkShape=8,8");
    assert!(found >= 3, "{found}");
    assert_eq!(dead("activation=leakyRelu&learningRate=3&networkShape=8,8"), 0);
}
