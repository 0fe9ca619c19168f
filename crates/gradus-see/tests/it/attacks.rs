//! Attacks beside foolbox's, on the same network and pictures; and what holds of all of them.

use super::without_gradient;
use gradus_base::DType;
use gradus_io::safetensors;
use gradus_nn::{Init, Sequential, layers::*, parameters};
use gradus_see::Subject;
use gradus_see::attack::{
    Adversarial, Apgd, Attack, AutoAttack, Boundary, CarliniWagner, DeepFool, Fgsm, Fooled, Goal,
    Loss, Norm, Pgd, Square, Start, Victim,
};
use gradus_tensor::Tensor;
use gradus_train::{Arrays, Source};
use std::path::Path;

/// What `make_attacks.py` and `make_apgd.py` wrote.
struct Golden(Vec<gradus_io::NamedArray>);

impl Golden {
    fn read() -> Golden {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let read = |name| safetensors::read(&fixtures.join(name)).unwrap().arrays;
        let files = ["attacks.safetensors", "apgd.safetensors"];
        Golden(files.into_iter().flat_map(read).collect())
    }
    fn array(&self, name: &str) -> &gradus_io::NamedArray {
        self.0.iter().find(|array| array.name == name).unwrap()
    }
    fn floats(&self, name: &str) -> Tensor {
        let array = self.array(name);
        let (all, rest) = array.data.as_chunks();
        assert!(array.dtype == DType::F32 && rest.is_empty(), "{name}");
        let all: Vec<f32> = all.iter().map(|b| f32::from_le_bytes(*b)).collect();
        Tensor::from_slice(&all, array.shape.as_slice())
    }
    fn classes(&self, name: &str) -> Vec<i64> {
        let array = self.array(name);
        assert_eq!(array.dtype, DType::I64, "{name}");
        array.data.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect()
    }

    fn victim(&self, dtype: DType) -> Victim {
        let model = Sequential::new([1, 10, 10], &Init::new(0).of(dtype))
            .add(conv2d(4, 3))
            .add(relu())
            .add(max_pool2d(2))
            .add(flatten())
            .add(dense(5));
        for ((path, parameter), name) in parameters(&model).iter().zip([
            "conv.weight",
            "conv.bias",
            "dense.weight",
            "dense.bias",
        ]) {
            let value = self.floats(name);
            let value = value.reshape(parameter.variable().shape()).cast(dtype);
            parameter.variable().set(&value).unwrap_or_else(|e| panic!("{path}: {e}"));
        }
        Victim::new(Subject::new(model.into()).normalized(&[0.3], &[0.4]))
    }

    /// Runs an attack in both types and compares pictures and who is fooled.
    fn compare(&self, name: &str, attack: &dyn Attack, goal: &Goal, within: f64) {
        let expected = self.floats(name).to_vec::<f64>();
        let fooled: Vec<bool> =
            self.classes(&format!("{name}.fooled")).iter().map(|&fooled| fooled == 1).collect();
        // Foolbox computed in f64; of f32 sums round, and where a gradient is nearly 0 its direction shows it.
        for (dtype, within) in [(DType::F64, 1e-6), (DType::F32, within)] {
            let mut victim = self.victim(dtype);
            let found = attack.run(&mut victim, &self.floats("x").cast(dtype), goal).unwrap();
            assert_eq!(found.pictures.dtype(), dtype);
            let differ = found.fooled.iter().zip(&fooled).filter(|(a, b)| a != b).count();
            assert!(differ <= usize::from(dtype == DType::F32), "{name} {dtype}: {differ} differ");
            let pixels = found.pictures.to_vec::<f64>();
            let far = pixels.iter().zip(&expected).map(|(a, b)| (a - b).abs());
            let far = far.fold(0.0, f64::max);
            assert!(far < within, "{name} {dtype}: pixels differ by {far}");
        }
    }
}

#[test]
fn attacks_make_what_foolbox_makes() {
    let golden = Golden::read();
    let scores = golden.victim(DType::F32).scores(&golden.floats("x")).unwrap();
    let differ = (scores - golden.floats("scores")).abs().max(..).item();
    assert!(differ < 1e-4, "the network is the same: {differ}");
    let away = Goal::Away(golden.classes("labels"));
    golden.compare("fgsm", &Fgsm { epsilon: 0.1 }, &away, 1e-6);
    let start = Start::At(golden.floats("start"));
    let pgd = Pgd { steps: 10, step_size: Some(0.02), start, ..Pgd::within(0.1) };
    golden.compare("pgd", &pgd, &away, 1e-5);
    golden.compare("targeted", &pgd, &Goal::Towards(golden.classes("targets")), 1e-5);
    let l2 = Pgd { norm: Norm::L2, epsilon: 0.6, step_size: Some(0.1), ..pgd };
    golden.compare("pgd_l2", &l2, &away, 1e-3);
    golden.compare("deepfool", &DeepFool::default(), &away, 1e-4);
    let cw = CarliniWagner { searches: 5, steps: 200, initial: 0.1, ..CarliniWagner::default() };
    golden.compare("cw", &cw, &away, 1e-4);
}

/// The published algorithm of Auto-PGD, written down once more in Python.
#[test]
fn auto_pgd_goes_as_the_paper_says() {
    let golden = Golden::read();
    let away = Goal::Away(golden.classes("labels"));
    let apgd = |epsilon, loss| {
        let start = Start::At(golden.floats("start"));
        Apgd { steps: 12, loss, start, ..Apgd::within(epsilon) }
    };
    golden.compare("apgd_ce", &apgd(0.1, Loss::CrossEntropy), &away, 1e-3);
    golden.compare("apgd_ce_small", &apgd(0.03, Loss::CrossEntropy), &away, 1e-3);
    golden.compare("apgd_t", &apgd(0.1, Loss::LogitRatio { targets: 4 }), &away, 1e-3);
    let towards = Goal::Towards(golden.classes("targets"));
    golden.compare("apgd_ce_to", &apgd(0.1, Loss::CrossEntropy), &towards, 1e-3);
}

#[test]
fn each_attack_of_the_sequence_meets_what_stands() {
    let golden = Golden::read();
    let (x, labels) = (golden.floats("x"), golden.classes("labels"));
    let auto = AutoAttack { steps: 20, squares: 200, ..AutoAttack::within(0.06) };
    let made = auto.run(&mut golden.victim(DType::F32), &x, &Goal::Away(labels.clone())).unwrap();
    let names: Vec<&str> = made.felled.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["apgd-ce", "apgd-t", "square"]);
    let mut victim = golden.victim(DType::F32);
    let wrong = victim.scores(&x).unwrap().argmax(1).to_vec::<i64>();
    let wrong = wrong.iter().zip(&labels).filter(|(a, b)| a != b).count();
    let felled: usize = made.felled.iter().map(|(_, felled)| felled).sum();
    assert_eq!(wrong + felled, count(&made));
    // Alone each of them fells fewer, or as many.
    let first = Apgd { steps: 20, ..Apgd::within(0.06) };
    let alone = first.run(&mut golden.victim(DType::F32), &x, &Goal::Away(labels.clone())).unwrap();
    assert!(count(&alone) <= count(&made) && made.felled[0].1 > 0, "{:?}", made.felled);
    // To a class that is given no others are tried.
    let towards = Goal::Towards(golden.classes("targets"));
    let made = auto.run(&mut golden.victim(DType::F32), &x, &towards).unwrap();
    assert_eq!(made.felled.len(), 2);
    let told = Apgd::targeted(0.06).run(&mut golden.victim(DType::F32), &x, &towards).unwrap_err();
    assert!(told.to_string().starts_with("apgd-t: found a class to go to"), "{told}");
}

/// An attack, and the bound that it keeps, if there is one: in L∞ or in L2.
type Bounded = (Box<dyn Attack>, Option<(Norm, f64)>);

fn all() -> Vec<Bounded> {
    let short =
        CarliniWagner { searches: 3, steps: 60, step_size: 0.05, initial: 1.0, confidence: 0.0 };
    let l2 = Pgd { norm: Norm::L2, restarts: 2, ..Pgd::within(0.7) };
    vec![
        (Box::new(Fgsm { epsilon: 0.11 }), Some((Norm::Linf, 0.11))),
        (Box::new(Pgd { restarts: 2, ..Pgd::within(0.11) }), Some((Norm::Linf, 0.11))),
        (Box::new(l2), Some((Norm::L2, 0.7))),
        (Box::new(Apgd { steps: 20, ..Apgd::within(0.11) }), Some((Norm::Linf, 0.11))),
        (Box::new(Apgd { steps: 20, ..Apgd::targeted(0.11) }), Some((Norm::Linf, 0.11))),
        (
            Box::new(AutoAttack { steps: 10, squares: 50, ..AutoAttack::within(0.11) }),
            Some((Norm::Linf, 0.11)),
        ),
        (Box::new(Square { steps: 100, ..Square::within(0.2) }), Some((Norm::Linf, 0.2))),
        (Box::new(DeepFool::default()), None),
        (Box::new(short), None),
        (Box::new(Boundary { steps: 300, ..Boundary::default() }), None),
    ]
}

#[test]
fn pictures_stay_within_bounds_and_those_that_are_there_as_they_are() {
    let golden = Golden::read();
    let mut labels = golden.classes("labels");
    // These are taken for something else as they are.
    labels[3] = (labels[3] + 1) % 5;
    labels[7] = (labels[7] + 1) % 5;
    for dtype in [DType::F32, DType::F64] {
        let x = golden.floats("x").cast(dtype);
        for (attack, bound) in all() {
            let name = attack.name();
            let found =
                attack.run(&mut golden.victim(dtype), &x, &Goal::Away(labels.clone())).unwrap();
            let (pixels, before) = (found.pictures.to_vec::<f64>(), x.to_vec::<f64>());
            assert!(pixels.iter().all(|x| (0.0..=1.0).contains(x)), "{name}");
            for i in [3, 7] {
                assert_eq!(pixels[i * 100..][..100], before[i * 100..][..100], "{name}");
                assert_eq!(
                    (found.fooled[i], found.linf[i], found.l2[i]),
                    (true, 0.0, 0.0),
                    "{name}"
                );
            }
            let distances = |norm| if norm == Norm::Linf { &found.linf } else { &found.l2 };
            if let Some((norm, epsilon)) = bound {
                assert!(
                    distances(norm).iter().all(|&d| d <= epsilon),
                    "{name} {:?}",
                    distances(norm)
                );
            }
            let share = count(&found) as f64 / labels.len() as f64;
            assert!(share >= 0.7, "{name} {dtype} fools {share}");
            let asked = if ["square", "boundary"].contains(&name) { 0 } else { 1 };
            assert_eq!(found.gradients.min(1), asked, "{name}");
            assert!(found.queries > 0, "{name}");
            // What is said of the pictures is so when they are looked at again.
            let seen =
                golden.victim(dtype).scores(&found.pictures).unwrap().argmax(1).to_vec::<i64>();
            for (i, class) in seen.iter().enumerate() {
                assert_eq!(
                    (*class != labels[i], *class),
                    (found.fooled[i], found.class(i) as i64),
                    "{name}"
                );
                assert!((0.2..=1.0).contains(&found.confidence(i)), "{name}");
            }
        }
    }
}

fn count(found: &Fooled) -> usize {
    found.fooled.iter().filter(|fooled| **fooled).count()
}

#[test]
fn draws_follow_from_the_seed_and_restarts_only_help() {
    let golden = Golden::read();
    let (x, goal) = (golden.floats("x"), Goal::Away(golden.classes("labels")));
    let pixels = |victim: &mut Victim, attack: &dyn Attack| {
        attack.run(victim, &x, &goal).unwrap().pictures.to_vec::<f32>()
    };
    for attack in [&Pgd::within(0.05) as &dyn Attack, &Square { steps: 20, ..Square::within(0.05) }]
    {
        let mut victim = golden.victim(DType::F32);
        let (first, second) = (pixels(&mut victim, attack), pixels(&mut victim, attack));
        assert_ne!(first, second, "each attack draws anew");
        victim.seek(0);
        assert_eq!(pixels(&mut victim, attack), first);
        let mut other = golden.victim(DType::F32).seeded(1);
        assert_ne!(pixels(&mut other, attack), first);
    }
    let once = Pgd { steps: 4, ..Pgd::within(0.07) };
    let often = Pgd { restarts: 8, ..once.clone() };
    let counts = [once, often]
        .map(|pgd| count(&pgd.run(&mut golden.victim(DType::F32), &x, &goal).unwrap()));
    assert!(counts[0] <= counts[1], "{counts:?}");
}

#[test]
fn batches_of_any_size_have_the_same_pictures() {
    let golden = Golden::read();
    let (x, labels) = (golden.floats("x"), golden.classes("labels"));
    let whole =
        DeepFool::default().run(&mut golden.victim(DType::F32), &x, &Goal::Away(labels.clone()));
    let whole = whole.unwrap().pictures.to_vec::<f32>();
    let mut victim = golden.victim(DType::F32);
    for (from, to) in [(0, 1), (1, 6), (6, 24)] {
        let goal = Goal::Away(labels[from..to].to_vec());
        let part = DeepFool::default().run(&mut victim, &x.slice(0, from..to), &goal).unwrap();
        let far = part
            .pictures
            .to_vec::<f32>()
            .iter()
            .zip(&whole[from * 100..])
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(far < 1e-5, "{from}..{to}: {far}");
    }
}

#[test]
fn what_cannot_be_done_is_refused() {
    let golden = Golden::read();
    let (x, labels) = (golden.floats("x"), golden.classes("labels"));
    let told = |attack: &dyn Attack, x: &Tensor, goal: &Goal| {
        let error = attack.run(&mut golden.victim(DType::F32), x, goal).unwrap_err().to_string();
        error.lines().next().unwrap_or_default().to_owned()
    };
    let away = Goal::Away(labels.clone());
    assert_eq!(
        told(&Fgsm { epsilon: 0.0 }, &x, &away),
        "epsilon: found 0, expected a number above 0"
    );
    let none = Pgd { steps: 0, ..Pgd::within(0.1) };
    assert_eq!(told(&none, &x, &away), "steps: found 0, expected at least 1");
    let few = Goal::Away(vec![1]);
    assert_eq!(
        told(&Pgd::within(0.1), &x, &few),
        "goal: found 1 classes for 24 pictures, expected one for each"
    );
    let beyond = Goal::Towards(vec![5; 24]);
    assert_eq!(
        told(&Pgd::within(0.1), &x, &beyond),
        "goal: found class 5, expected 0 to 4: the network gives 5 scores"
    );
    let towards = Goal::Towards(labels);
    assert!(
        told(&DeepFool::default(), &x, &towards)
            .starts_with("deepfool: found a class to go to, expected one to leave")
    );
    assert!(
        told(&Boundary::default(), &x, &towards).starts_with("boundary: found a class to go to")
    );
    assert!(
        told(&Fgsm { epsilon: 0.1 }, &(&x + 0.5), &away)
            .starts_with("pictures: found a pixel of 1.")
    );
    let half = Square { share: 0.0, ..Square::within(0.1) };
    assert_eq!(told(&half, &x, &away), "share: found 0, expected one above 0 and up to 1");
}

#[test]
fn an_op_without_a_gradient_is_named() {
    let x = Tensor::full([1, 1, 2, 2], 0.5);
    let mut victim = Victim::new(without_gradient());
    let seen = victim.scores(&x).unwrap().argmax(1).to_vec::<i64>();
    let goal = Goal::Away(seen);
    let error = Pgd::within(0.5).run(&mut victim, &x, &goal).unwrap_err().to_string();
    assert!(error.starts_with("floor: has no gradient"), "{error}");
    assert!(Square { steps: 2, ..Square::within(0.5) }.run(&mut victim, &x, &goal).is_ok());
}

#[test]
fn batches_to_train_on_are_attacked_by_the_network_as_it_is() {
    let golden = Golden::read();
    let (x, labels) = (golden.floats("x"), golden.classes("labels"));
    let victim = || golden.victim(DType::F32);
    let prepared = victim().subject().prepared(&x);
    let data = Arrays::new(&prepared, &Tensor::from_slice(&labels, [24]), 10).unwrap();
    let pgd = Pgd { steps: 5, ..Pgd::within(0.08) };
    let attacked = Adversarial::new(&data, pgd.clone(), victim());
    assert_eq!((attacked.batches(), attacked.samples()), (3, 24));
    let batches = |epoch, from| -> Vec<Vec<f32>> {
        let batches = attacked
            .from(epoch, from)
            .map(|batch| batch.unwrap().get("x").unwrap().to_vec::<f32>());
        batches.collect()
    };
    let (whole, rest) = (batches(1, 0), batches(1, 1));
    assert_eq!(whole[1..], rest, "entered anywhere the same");
    assert_ne!(batches(0, 1), rest, "another epoch, other draws");
    // What comes out lies within the distance, and is harder than what went in.
    let pixels =
        victim().subject().pixels(&Tensor::from_slice(&whole[0], [10, 1, 10, 10])).to_vec::<f64>();
    let far = pixels.iter().zip(x.to_vec::<f64>()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(far <= 0.08 + 1e-6 && far > 0.079, "{far}");
    let right = |pixels: &[f64]| {
        let x = Tensor::from_slice(pixels, [10, 1, 10, 10]).cast(DType::F32);
        let seen = victim().scores(&x).unwrap().argmax(1).to_vec::<i64>();
        seen.iter().zip(&labels).filter(|(a, b)| a == b).count()
    };
    assert!(right(&pixels) < right(&x.to_vec::<f64>()[..1000]));
    let numbers = Arrays::new(&prepared, &Tensor::ones([24]), 10).unwrap();
    let attacked = Adversarial::new(&numbers, pgd, victim());
    let error = attacked.from(0, 0).next().unwrap().err().unwrap().to_string();
    assert!(
        error.contains("the targets are f32 [24]")
            || error.contains("the targets are f32 [10], expected classes"),
        "{error}"
    );
}
