//! Derivatives against central differences, for every activation and every loss.

use super::run;
use crate::playground::run::Run;
use crate::playground::settings::Activation;

/// The loss of one sample.
fn loss(run: &mut Run, sample: usize) -> f64 {
    let values = run.features[sample];
    let input: Vec<f64> = run.used.iter().map(|feature| values[*feature]).collect();
    run.network.forward(&input);
    run.network.loss(run.samples.all[sample].label)
}

#[test]
fn derivatives_are_those_of_small_steps() {
    let losses = [
        "",
        "&loss=crossEntropy",
        "&classes=3&dataset=gauss",
        "&classes=3&dataset=spiral&loss=crossEntropy",
        "&problem=regression",
    ];
    for &activation in Activation::ALL {
        for loss_address in losses {
            let address = format!(
                "activation={}&networkShape=3,4,2&xTimesY=true&seed=0.7{loss_address}",
                activation.name()
            );
            let mut run = run(&address, 1);
            run.network.state.sums.fill(0.0);
            let samples = [0, 1, 2, 3, 4, 5, 6];
            for sample in samples {
                loss(&mut run, sample);
                run.network.backward(run.samples.all[sample].label);
            }
            let sums = run.network.state.sums.clone();
            let mut largest = 0.0f64;
            for index in 0..sums.len() {
                let here = run.network.state.numbers[index];
                let step = 1e-6;
                let around = [here + step, here - step].map(|number| {
                    run.network.state.numbers[index] = number;
                    samples.map(|sample| loss(&mut run, sample)).iter().sum::<f64>()
                });
                run.network.state.numbers[index] = here;
                let numeric = (around[0] - around[1]) / (2.0 * step);
                let error = (sums[index] - numeric).abs() / numeric.abs().max(1.0);
                assert!(error < 1e-7, "{address} {index}: {} {numeric}", sums[index]);
                largest = largest.max(numeric.abs());
            }
            assert!(largest > 1e-3, "{address}: there is nothing to compare");
        }
    }
}
