//! The page of convolution: the engine of tensors gives the same numbers and gradients, every sum is what it is made of, the
//! lecture's questions are judged, and what is refused.

use super::Convolution;
use super::layer::Numbers;
use super::messages::{Command, Event, Layer, Op, Padding, Picture, Sum};
use super::quiz::{self, QUESTIONS};
use super::settings::Kept;
use crate::wire::{decode, encode};
use crate::{Command as Any, Event as Any_, Page};
use gradus::ops::conv2d::{self, Conv};
use gradus::ops::pool2d::Pool;
use gradus::{Tensor, grad};

fn open(settings: &str) -> (Convolution, Vec<String>) {
    let opened = Convolution::open(settings);
    (Convolution::load(&opened.page.save()).expect("a page"), opened.remarks)
}

fn tell(page: &mut Convolution, command: Command) {
    assert_eq!(page.handle(Any::Convolution(command.clone())), [], "{command:?}");
}

fn picture(page: &mut Convolution) -> Picture {
    match page.picture() {
        Any_::Convolution(Event::Picture(picture)) => picture,
        other => panic!("{other:?}"),
    }
}

fn sum(page: &mut Convolution, command: Command) -> Sum {
    match page.handle(Any::Convolution(command)).as_slice() {
        [Any_::Convolution(Event::Sum(sum))] => sum.clone(),
        other => panic!("{other:?}"),
    }
}

/// Output and gradients by the engine of tensors.
fn by_tensors(picture: &Picture) -> [Vec<f64>; 3] {
    let layer = picture.layer;
    let [l, c, k, n] =
        [layer.size, layer.channels, layer.window, layer.kernels].map(|n| n as usize);
    let [before, after] = [picture.around[0], picture.around[1]].map(|n| n as usize);
    let [stride, dilation] = [layer.stride, layer.dilation].map(|n| n as usize);
    let x = Tensor::from_slice(&picture.input, [1, c, l, l]);
    let (y, w) = if layer.op == Op::Convolution {
        let w = Tensor::from_slice(&picture.weights, [n, c, k, k]);
        let b = Tensor::from_slice(&picture.biases, [1, n, 1, 1]);
        let padding = match layer.padding {
            Padding::Same => conv2d::Padding::Same,
            _ => conv2d::Padding::Explicit([[before, after]; 2]),
        };
        let conv = Conv::new().stride(stride).dilation(dilation).padding(padding);
        (x.conv2d(&w, conv) + b, Some(w))
    } else {
        let pool =
            Pool { padding: [[before, after]; 2], ceil: layer.ceil, ..Pool::new(k).stride(stride) };
        (if layer.op == Op::Max { x.max_pool2d(pool) } else { x.mean_pool2d(pool) }, None)
    };
    let out = picture.out as usize;
    let maps = picture.upstream.len() / (out * out);
    let loss = (&y * Tensor::from_slice(&picture.upstream, [1, maps, out, out])).sum(..);
    let gradients = match &w {
        Some(w) => grad(&loss, [&x, w]).map(|g| g.to_vec()).to_vec(),
        None => vec![grad(&loss, [&x])[0].to_vec(), vec![]],
    };
    [y.to_vec(), gradients[0].clone(), gradients[1].clone()]
}

fn near(a: &[f64], b: &[f64], what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() < 1e-9, "{what}: {a} {b}"));
}

#[test]
fn numbers_and_gradients_are_those_of_tensors() {
    let mut settings = vec![];
    for padding in ["valid", "same", "full", "causal", "0", "1", "3"] {
        for (size, kernel, stride, dilation) in
            [(7, 3, 1, 1), (8, 2, 2, 1), (9, 4, 3, 2), (6, 1, 4, 3), (11, 5, 2, 2)]
        {
            settings.push(format!("size={size}&channels=2&kernels=3&kernel={kernel}&stride={stride}&dilation={dilation}&padding={padding}&seed=5"));
        }
    }
    for (op, ceil) in [("max", "no"), ("max", "yes"), ("mean", "no"), ("mean", "yes")] {
        for (size, kernel, stride, padding) in [
            (8, 2, 2, "valid"),
            (7, 3, 2, "1"),
            (10, 4, 3, "2"),
            (9, 3, 2, "same"),
            (5, 2, 3, "valid"),
            (6, 3, 4, "valid"),
        ] {
            settings.push(format!("op={op}&size={size}&channels=2&kernel={kernel}&stride={stride}&padding={padding}&ceil={ceil}&seed=3"));
        }
    }
    for settings in settings {
        let (mut page, remarks) = open(&settings);
        assert_eq!(remarks, [""; 0], "{settings}");
        let picture = {
            let count = picture(&mut page).upstream.len();
            // Every output its own share.
            page.kept.upstream = (0..count).map(|i| f64::from((i * 7 % 5) as u8) - 2.0).collect();
            picture(&mut page)
        };
        let [output, dx, dw] = by_tensors(&picture);
        near(&picture.output, &output, &settings);
        near(&picture.input_slopes, &dx, &settings);
        near(&picture.weight_slopes, &dw, &settings);
    }
}

#[test]
fn every_number_is_the_sum_of_what_it_is_made_of() {
    for settings in [
        "size=6&channels=2&kernels=2&padding=same&stride=2&seed=1",
        "op=mean&size=5&kernel=3&stride=2&padding=1&ceil=yes",
        "op=max&size=4&kernel=2&stride=2&seed=2",
    ] {
        let (mut page, _) = open(settings);
        tell(&mut page, Command::One { at: 1 });
        let drawn = picture(&mut page);
        let of =
            |terms: &Sum| terms.terms.iter().map(|t| t.first * t.second).sum::<f64>() + terms.bias;
        let lists = [
            (drawn.output, (|at| Command::Output { at }) as fn(u32) -> Command),
            (drawn.input_slopes, |at| Command::Input { at }),
            (drawn.weight_slopes, |at| Command::Slope { at }),
        ];
        for (list, ask) in lists {
            for (at, value) in list.into_iter().enumerate() {
                let sum = sum(&mut page, ask(at as u32));
                assert!(
                    (sum.value - value).abs() < 1e-12 && (of(&sum) - value).abs() < 1e-12,
                    "{settings} {sum:?}"
                );
            }
        }
    }
}

#[test]
fn the_lecture_s_sizes() {
    let (mut page, _) = open("");
    let drawn = picture(&mut page);
    assert_eq!((drawn.out, drawn.output.len()), (5, 25));
    assert_eq!(drawn.formula, "⌊(7 + 0 − 1·(3 − 1) − 1) / 1⌋ + 1 = 5");
    assert!(drawn.parameters.starts_with("K·K·C·C′ + C′ = 3·3·1·1 + 1 = 10 parameters"));
    let out = |settings: &str| {
        let drawn = picture(&mut open(settings).0);
        (drawn.out, drawn.around)
    };
    assert_eq!(out("padding=same"), (7, vec![1, 1]));
    assert_eq!(out("size=8&stride=2&padding=same"), (4, vec![0, 1])); // below and right
    assert_eq!(out("padding=full"), (9, vec![2, 2]));
    assert_eq!(out("padding=causal&dilation=2"), (7, vec![4, 0]));
    assert_eq!(out("op=max&size=8&kernel=3&stride=2"), (3, vec![0, 0]));
    assert_eq!(out("op=max&size=8&kernel=3&stride=2&ceil=yes"), (4, vec![0, 0]));
}

#[test]
fn a_cross_by_hand() {
    let (mut page, _) = open("size=3");
    // The falling stroke of a cross under a kernel of it: 3·1 on the stroke, −1·2 beside it.
    assert_eq!(picture(&mut page).output, [1.0]);
    tell(&mut page, Command::Pixel { at: 2, value: 0.0 });
    tell(&mut page, Command::Bias { at: 0, value: 0.5 });
    let answer = sum(&mut page, Command::Output { at: 0 });
    assert_eq!((answer.value, answer.bias, answer.terms.len()), (2.5, 0.5, 9));
    let slope = sum(&mut page, Command::Input { at: 2 });
    assert_eq!((slope.value, slope.terms.len()), (-1.0, 1));
}

#[test]
fn the_lecture_s_questions_answered_rightly() {
    let (mut page, _) = open("");
    for (question, answer) in [
        (2, "5×5"),
        (3, "Put 1 rows or columns of zeros on every side"),
        (4, "2"),
        (5, "1,792"),
        (6, "18464"),
        (7, "20,256"),
        (8, "20,971,520"),
    ] {
        tell(&mut page, Command::Ask { question, seed: 0 });
        tell(&mut page, Command::Answer { text: answer.into() });
        let asked = picture(&mut page).question;
        assert_eq!(asked.right, Some(true), "{question}: {asked:?}");
    }
    let asked = picture(&mut page).question;
    assert_eq!((asked.won, asked.tried, asked.of), (7, 7, QUESTIONS));
}

#[test]
fn the_lecture_s_questions_answered_wrongly() {
    let (mut page, _) = open("");
    for (question, answer, why) in [
        (2, "7", "without, the kernel's middle"),
        (2, "4", "one more"),
        (2, "9", "full padding"),
        (2, "25", "how many pixels"),
        (2, "11", "count in how many"),
        (3, "Take a stride of 2", "leaves windows out"),
        (3, "Put 2 rows or columns of zeros on every side", "full padding"),
        (4, "4", "both sides need together"),
        (4, "3", "rounded up"),
        (4, "5", "so wide is the kernel"),
        (5, "1728", "biases are missing"),
        (5, "640", "all 3 channels"),
        (6, "18,432", "biases are missing"),
        (7, "20160", "biases are missing"),
        (7, "18464", "second layer alone"),
        (8, "20971530", "with the biases"),
        (8, "655360", "all 32 channels"),
    ] {
        tell(&mut page, Command::Ask { question, seed: 0 });
        tell(&mut page, Command::Answer { text: answer.into() });
        let asked = picture(&mut page).question;
        assert_eq!(asked.right, Some(false), "{question}");
        assert!(asked.why.to_lowercase().contains(why), "{question} {answer}: {}", asked.why);
    }
    // The second answer to a question counts no more.
    tell(&mut page, Command::Answer { text: "20971520".into() });
    let asked = picture(&mut page).question;
    assert_eq!((asked.right, asked.won, asked.tried), (Some(true), 0, 17));
}

#[test]
fn a_marked_place_and_the_largest_answer() {
    for seed in 0..40 {
        let asked = quiz::ask(0, seed);
        let value = |grid: usize, at: usize| asked.grids[grid].values[at].unwrap();
        let at = asked.grids[2].marked.unwrap() as usize;
        let place = |i: usize| (at / 3 + i / 3) * 5 + at % 3 + i % 3;
        let right: f64 = (0..9).map(|i| value(0, place(i)) * value(1, i)).sum();
        let turned: f64 = (0..9).map(|i| value(0, place(i)) * value(1, 8 - i)).sum();
        assert!(asked.judge(&right.to_string()).unwrap().0);
        let (is_right, why) = asked.judge(&turned.to_string()).unwrap();
        assert!(!is_right && why.contains("cross-correlation"), "{why}");
        let asked = quiz::ask(1, seed);
        let score = |grid: usize| -> f64 {
            let numbers = asked.grids[0].values.iter().zip(&asked.grids[grid].values);
            numbers.map(|(a, b)| a.unwrap() * b.unwrap()).sum()
        };
        let best = (1..5).max_by(|&a, &b| score(a).total_cmp(&score(b))).unwrap();
        for (at, option) in asked.options.iter().enumerate() {
            let (is_right, why) = asked.judge(option).unwrap();
            assert_eq!(is_right, at + 1 == best, "{why}");
            assert!(why.contains("gives"));
        }
    }
}

#[test]
fn other_numbers_have_answers_too() {
    for (question, seed) in
        (2..QUESTIONS).flat_map(|question| (0..30).map(move |seed| (question, seed)))
    {
        let asked = quiz::ask(question, seed);
        assert!(!asked.text.is_empty());
        // Some number is right, and the message for a wrong one names it or its way.
        let (is_right, why) = match asked.options.first() {
            Some(first) => asked.judge(first).unwrap(),
            None => asked.judge("-1").unwrap(),
        };
        assert!(is_right != asked.options.is_empty() && !why.is_empty());
    }
    assert!(quiz::ask(2, 0).judge("five").is_err());
}

#[test]
fn what_cannot_be_is_refused_and_nothing_changes() {
    let (mut page, _) = open("seed=4");
    let before = page.save();
    let layer = page.kept.layer;
    let put = |layer: Layer| Command::Layer { layer };
    let most = u32::MAX;
    let commands = [
        put(Layer { size: most, ..layer }),
        put(Layer { size: 0, ..layer }),
        put(Layer { window: 0, ..layer }),
        put(Layer { window: most, ..layer }),
        put(Layer { stride: 0, ..layer }),
        put(Layer { dilation: most, ..layer }),
        put(Layer { channels: 5, ..layer }),
        put(Layer { kernels: 0, ..layer }),
        put(Layer { explicit: most, padding: Padding::Explicit, ..layer }),
        put(Layer { size: 4, window: 5, ..layer }),
        put(Layer { op: Op::Max, dilation: 2, ..layer }),
        put(Layer { op: Op::Max, padding: Padding::Full, ..layer }),
        put(Layer { op: Op::Mean, padding: Padding::Explicit, explicit: 2, ..layer }),
        Command::Pixel { at: 49, value: 0.0 },
        Command::Pixel { at: 0, value: f64::NAN },
        Command::Weight { at: most, value: 0.0 },
        Command::Bias { at: 0, value: f64::INFINITY },
        Command::One { at: 25 },
        Command::Ask { question: QUESTIONS, seed: 0 },
        Command::Answer { text: "five".into() },
        Command::Answer { text: "1".repeat(1000) },
        Command::Output { at: 25 },
        Command::Input { at: most },
        Command::Slope { at: 9 },
    ];
    for command in commands {
        let answer = page.handle(Any::Convolution(command.clone()));
        assert!(matches!(&answer[..], [Any_::Refused { .. }]), "{command:?}: {answer:?}");
        assert_eq!(page.save(), before, "{command:?}");
    }
    let kept: Kept = decode(&before).unwrap();
    for change in [
        |k: &mut Kept| k.input.clear(),
        |k: &mut Kept| k.upstream[0] = f64::NAN,
        |k: &mut Kept| k.layer.window = 0,
    ] {
        let mut kept = kept.clone();
        change(&mut kept);
        assert!(Convolution::load(&encode(&kept)).is_err());
    }
}

#[test]
fn addresses_come_back() {
    for settings in [
        "op=convolution&size=7&channels=1&kernels=1&kernel=3&stride=1&dilation=1&padding=valid&seed=0",
        "op=convolution&size=4&channels=1&kernels=1&kernel=2&stride=1&dilation=1&padding=3&seed=9&weights=1,0.5,-2,3&biases=7&ask=4,12",
        "op=mean&size=6&channels=2&kernels=1&kernel=3&stride=2&dilation=1&padding=same&ceil=yes&seed=1",
    ] {
        let (page, remarks) = open(settings);
        assert_eq!((remarks, page.settings()), (vec![], settings.to_owned()));
    }
    let (_, remarks) =
        open("op=sum&size=x&kernel=9&padding=some&ceil=1&input=1,2&weights=a&colour=red&ask=1");
    assert_eq!(remarks.len(), 9, "{remarks:#?}");
}

#[test]
fn numbers_stay_where_a_layer_s_change_leaves_them() {
    let (mut page, _) = open("seed=2");
    tell(&mut page, Command::Pixel { at: 3, value: 42.0 });
    let layer = page.kept.layer;
    tell(&mut page, Command::Layer { layer: Layer { stride: 2, padding: Padding::Same, ..layer } });
    assert_eq!(page.kept.input[3], 42.0);
    tell(&mut page, Command::Layer { layer: Layer { size: 6, ..layer } });
    assert_ne!(page.kept.input[3], 42.0);
    let Numbers { layer, .. } = page.kept.numbers();
    assert_eq!(layer.counts(), [36, 9, 16]);
}

/// One small message, byte for byte.
#[test]
fn a_golden_message() {
    let (mut page, _) = open("size=1&kernel=1&seed=0");
    let answer = sum(&mut page, Command::Output { at: 0 });
    let told = "1 products and the bias 0 add up to 1.";
    let mut golden = vec![0, 0, 0, 0, 0, 1, 0, 0, 0]; // of output 0: one term
    golden.extend([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]); // input 0, weight 0, output 0
    golden.extend([0; 8]); // in row 0, column 0
    for number in [1f64, 1.0, 0.0, 1.0] {
        golden.extend(number.to_le_bytes());
    }
    golden.extend([told.len() as u8, 0, 0, 0]);
    golden.extend(told.bytes());
    assert_eq!(encode(&answer), golden);
}
