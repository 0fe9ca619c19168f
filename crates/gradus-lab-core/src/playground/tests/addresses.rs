//! Addresses: the original's, ours, and what they must not hold.

use crate::playground::Playground;
use crate::playground::address::Address;
use crate::playground::settings::Settings;

/// As the original writes it.
const OLD: &str = "#activation=relu&regularization=L2&batchSize=21&dataset=spiral&regDataset=reg-gauss&learningRate=0.1\
    &regularizationRate=0.003&noise=15&networkShape=8,7,6&seed=0.39414&showTestData=true&discretize=true\
    &percTrainData=70&x=false&y=true&xTimesY=true&xSquared=true&ySquared=false&cosX=true&sinX=true&cosY=false\
    &sinY=true&collectStats=false&tutorial=dp&problem=regression&initZero=true&hideText=true&playButton_hide=true";

#[test]
fn old_addresses_open_and_are_written_as_they_were() {
    let read = Address::read(OLD);
    assert_eq!(read.remarks, Vec::<String>::new());
    let written = read.first.address();
    let pairs = |text: &str| -> Vec<String> {
        text.trim_start_matches('#').split('&').map(str::to_owned).collect()
    };
    let old = pairs(OLD);
    let (ours, theirs): (Vec<_>, Vec<_>) =
        pairs(&written).into_iter().partition(|p| !old.contains(p));
    assert_eq!(theirs, old);
    let ours: Vec<_> = ours.iter().filter_map(|pair| pair.split('=').next()).collect();
    let expected = [
        "classes",
        "loss",
        "optimizer",
        "schedule",
        "scheduleEpochs",
        "momentum",
        "weightDecay",
        "draw",
    ];
    assert_eq!(ours, expected);
    assert_eq!(Address::read(&written).first, read.first);
    assert_eq!(Address::read("").first, Settings::default());
    assert_eq!(Address::read("networkShape=").first.network_shape, Vec::<u8>::new());
    assert_eq!(Address::read("learningRate=&tutorial=").first, Settings::default());
}

#[test]
fn two_runs_and_a_step_are_read() {
    let read = Address::read("batchSize=5&b.batchSize=7&step=300&b.activation=relu");
    assert_eq!((read.first.batch_size, read.step), (5, 300));
    let second = read.second.expect("a second run");
    assert_eq!(second.difference(&read.first, "b."), ["b.activation=relu", "b.batchSize=7"]);
    assert_eq!(Address::read("batchSize=5&b.").second, Some(read.first));
}

#[test]
fn mistakes_are_told_and_the_default_stands() {
    let expected = [
        (
            "activation=cube",
            "activation=cube: it can be relu, tanh, sigmoid, linear, leakyRelu, elu, gelu, softplus",
        ),
        ("batchSize=0", "batchSize=0: a whole number from 1 to 10000 is expected"),
        ("learningRate=fast", "learningRate=fast: a number from 0 to 100 is expected"),
        ("noise=90", "noise=90: a number from 0 to 80 is expected"),
        ("noise=NaN", "noise=NaN: a number from 0 to 80 is expected"),
        (
            "networkShape=9",
            "networkShape=9: up to 6 layers of 1 to 8 units are expected, as in 4,2",
        ),
        (
            "networkShape=1,1,1,1,1,1,1",
            "networkShape=1,1,1,1,1,1,1: up to 6 layers of 1 to 8 units are expected, as in 4,2",
        ),
        ("discretize=yes", "discretize=yes: it can be true or false"),
        ("x=false&y=false", "y=false would leave the network without a feature"),
        ("rate=1", "\"rate\" is no setting of the Playground"),
        ("step=-1", "step=-1: a whole number from 0 to 1000000 is expected"),
        ("b.classes=9", "second run: classes=9: a whole number from 2 to 5 is expected"),
    ];
    for (address, what) in expected {
        let opened = Playground::open(address);
        assert_eq!(opened.remarks, [what], "{address}");
    }
    assert_eq!(Address::read("activation=cube&batchSize=3").first.batch_size, 3);
}
