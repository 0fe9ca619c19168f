//! The lecture's questions on convolutions: asked with the lecture's numbers or others, judged, and a wrong answer explained by
//! the mistake that leads to it.

use super::draw::Draw;
use super::messages::Grid;
use gradus_base::words::grouped;

/// How many there are.
pub(super) const QUESTIONS: u32 = 9;

/// A question with all that is needed to judge an answer.
pub(super) struct Asked {
    pub(super) text: String,
    pub(super) options: Vec<String>,
    pub(super) grids: Vec<Grid>,
    answer: i64,
    /// Why the answer is right.
    right: String,
    /// Other answers, and what leads to them; the first one that fits counts.
    mistakes: Vec<(i64, String)>,
    /// What helps whoever is wrong in another way.
    hint: String,
}

impl Asked {
    /// Whether an answer is right, and why.
    pub(super) fn judge(&self, text: &str) -> Result<(bool, String), String> {
        let answer = match self.options.is_empty() {
            true => number(text)?,
            false => self
                .options
                .iter()
                .position(|option| option == text)
                .ok_or_else(|| format!("{text:?} is none of the answers that can be chosen"))?
                as i64,
        };
        if answer == self.answer {
            return Ok((true, self.right.clone()));
        }
        let why = self.mistakes.iter().find(|(mistake, _)| *mistake == answer);
        Ok((false, why.map_or(&self.hint, |(_, why)| why).clone()))
    }
}

/// A whole number as people type one: `20,256`, `5×5`, `−3`.
fn number(text: &str) -> Result<i64, String> {
    let first = text.split(['×', 'x', 'X', '*']).next().unwrap_or("");
    let plain: String =
        first.chars().filter(|c| !matches!(c, ',' | ' ' | '\u{202f}' | '\'' | '_')).collect();
    plain.replace('−', "-").parse().map_err(|_| format!("{text:?} is no whole number"))
}

/// The question, with numbers by a seed.
pub(super) fn ask(question: u32, seed: u32) -> Asked {
    let mut draw = Draw::new(seed.wrapping_mul(QUESTIONS).wrapping_add(question));
    let is_lecture = seed == 0;
    match question {
        0 => marked(&mut draw),
        1 => largest(&mut draw),
        2 => {
            shrunk(if is_lecture { (7, 3) } else { (draw.whole(6, 32), 2 * draw.whole(1, 3) + 1) })
        }
        3 => kept(if is_lecture { 3 } else { 2 * draw.whole(1, 4) + 1 }),
        4 => half(if is_lecture { 5 } else { 2 * draw.whole(1, 5) + 1 }),
        5 => parameters(if is_lecture { [3, 3, 64] } else { layer(&mut draw) }, "the first layer"),
        6 => {
            parameters(if is_lecture { [3, 64, 32] } else { layer(&mut draw) }, "the second layer")
        }
        7 => program(if is_lecture {
            [3, 64, 32]
        } else {
            [draw.whole(1, 4), 8 * draw.whole(1, 8), 8 * draw.whole(1, 8)]
        }),
        _ => dense(if is_lecture {
            [256, 32, 10]
        } else {
            [4 * draw.whole(2, 16), 8 * draw.whole(1, 8), draw.whole(2, 100)]
        }),
    }
}

/// K, C, C′.
fn layer(draw: &mut Draw) -> [i64; 3] {
    [2 * draw.whole(0, 3) + 1, draw.whole(2, 16), draw.whole(2, 32)]
}

fn grid(name: &str, size: usize, values: &[i64]) -> Grid {
    let values = values.iter().map(|&value| Some(value as f64)).collect();
    Grid { name: name.into(), size: size as u32, values, marked: None }
}

/// The sum of a window; `turned` numbers it from the kernel's other end.
fn window(input: &[i64], kernel: &[i64], at: usize, order: fn(usize) -> usize) -> i64 {
    (0..9).map(|i| input[(at / 3 + i / 3) * 5 + at % 3 + i % 3] * kernel[order(i)]).sum()
}

fn marked(draw: &mut Draw) -> Asked {
    // Numbers by which the usual mistakes can be told apart.
    let (input, kernel, at) = loop {
        let input: Vec<i64> = (0..25).map(|_| draw.whole(0, 3)).collect();
        let kernel: Vec<i64> = (0..9).map(|_| draw.whole(-1, 2)).collect();
        let at = draw.whole(0, 8) as usize;
        let right = window(&input, &kernel, at, |i| i);
        let wrong = [
            window(&input, &kernel, at, |i| 8 - i),
            window(&input, &kernel, at, |i| i % 3 * 3 + i / 3),
        ];
        if !wrong.contains(&right) && wrong[0] != wrong[1] {
            break (input, kernel, at);
        }
    };
    let answer = window(&input, &kernel, at, |i| i);
    let products: Vec<String> = (0..9)
        .map(|i| {
            format!("{}·{}", input[(at / 3 + i / 3) * 5 + at % 3 + i % 3], kernel[i])
                .replace('-', "−")
        })
        .collect();
    let mut mistakes = vec![
        (window(&input, &kernel, at, |i| 8 - i), "You turned the kernel round, as a convolution of mathematics does. Networks lay it as it is: their convolution is a cross-correlation.".into()),
        (window(&input, &kernel, at, |i| i % 3 * 3 + i / 3), "You took the kernel's rows for its columns.".into()),
    ];
    for other in (0..9).filter(|&other| other != at) {
        mistakes.push((window(&input, &kernel, other, |i| i), format!("That is the value in row {}, column {}: the window of the marked place begins in row {}, column {} of the input.", other / 3 + 1, other % 3 + 1, at / 3 + 1, at % 3 + 1)));
    }
    let middle = (at / 3 + 1) * 5 + at % 3 + 1;
    mistakes.push((
        input[middle] * kernel[4],
        "That is the product in the middle alone: all nine are added.".into(),
    ));
    let mut result = Grid { name: "output".into(), size: 3, values: vec![None; 9], marked: None };
    result.marked = Some(at as u32);
    Asked {
        text: "What is the value at the marked place? (Stride 1, no padding, no bias.)".into(),
        options: vec![],
        grids: vec![grid("input", 5, &input), grid("kernel", 3, &kernel), result],
        answer,
        right: format!("{} = {answer}.", products.join(" + ")).replace('-', "−"),
        mistakes,
        hint: format!(
            "Lay the kernel over the input with its corner in row {}, column {}; multiply what lies over each other; add the nine products.",
            at / 3 + 1,
            at % 3 + 1
        ),
    }
}

/// Patterns of three by three.
const PATTERNS: [(&str, [i64; 9]); 4] = [
    ("a stroke from top to bottom", [-1, 2, -1, -1, 2, -1, -1, 2, -1]),
    ("a stroke from left to right", [-1, -1, -1, 2, 2, 2, -1, -1, -1]),
    ("a falling stroke", [2, -1, -1, -1, 2, -1, -1, -1, 2]),
    ("a rising stroke", [-1, -1, 2, -1, 2, -1, 2, -1, -1]),
];

fn largest(draw: &mut Draw) -> Asked {
    let wanted = draw.whole(0, 3) as usize;
    let (name, kernel) = PATTERNS[wanted];
    let mut order = [0, 1, 2, 3];
    (1..4).rev().for_each(|i| order.swap(i, draw.whole(0, i as i64) as usize));
    let letters = ["A", "B", "C", "D"];
    // Each shows its own stroke; a bright area is there too, which no kernel of sum 0 answers to.
    let pictures: Vec<[i64; 9]> =
        order.iter().map(|&at| PATTERNS[at].1.map(|n| i64::from(n > 0))).collect();
    let sums: Vec<i64> =
        pictures.iter().map(|p| p.iter().zip(kernel).map(|(a, b)| a * b).sum()).collect();
    let answer = order.iter().position(|&at| at == wanted).unwrap_or(0) as i64;
    let told: Vec<String> = letters
        .iter()
        .zip(&sums)
        .map(|(letter, sum)| format!("{letter} gives {sum}").replace('-', "−"))
        .collect();
    let told = told.join(", ");
    let mut grids = vec![grid("kernel", 3, &kernel)];
    grids.extend(letters.iter().zip(&pictures).map(|(letter, picture)| grid(letter, 3, picture)));
    let wrong = |at: i64| {
        (
            at,
            format!(
                "{} shows {}; the kernel is large where there is {name}. {told}.",
                letters[at as usize], PATTERNS[order[at as usize]].0
            ),
        )
    };
    Asked {
        text: "For which of these inputs is the answer of the kernel largest?".into(),
        options: letters.map(String::from).to_vec(),
        grids,
        answer,
        right: format!(
            "It looks like the kernel: {name}. A kernel answers most to what looks like itself. {told}."
        ),
        mistakes: (0..4).filter(|&at| at != answer).map(wrong).collect(),
        hint: String::new(),
    }
}

fn shrunk((l, k): (i64, i64)) -> Asked {
    let answer = l - k + 1;
    let side = format!("{answer}×{answer}");
    Asked {
        text: format!("An input of {l}×{l} under a kernel of {k}×{k}, stride 1, no padding: how many rows and columns has the output?"),
        options: vec![],
        grids: vec![],
        answer,
        right: format!("L − K + 1 = {l} − {k} + 1: the output is {side}. The kernel's corner can stand in {answer} columns."),
        mistakes: vec![
            (l, format!("{l}×{l} it would stay with padding. Without, the kernel's middle cannot come to the border: {side}.")),
            (l - k, format!("One more: the kernel also stands at the very beginning. L − K + 1 = {answer}.")),
            (l + k - 1, format!("That is full padding. Without any, only whole windows count: {side}.")),
            (l / k, "That is as many windows as fit side by side: a stride of K. At stride 1 they overlap.".into()),
            (answer * answer, format!("That is how many pixels there are; it has {answer} rows and as many columns.")),
        ],
        hint: format!("Count in how many columns the kernel's left edge can stand: from 1 to L − K + 1 = {answer}."),
    }
}

fn kept(k: i64) -> Asked {
    let p = (k - 1) / 2;
    let options = vec![
        format!("Put {p} rows or columns of zeros on every side"),
        format!("Put {} rows or columns of zeros on every side", k - 1),
        "Take a stride of 2".into(),
        "Take more kernels".into(),
    ];
    Asked {
        text: format!("How is the size kept under a kernel of {k}×{k} at stride 1?"),
        options,
        grids: vec![],
        answer: 0,
        right: format!(
            "Each side loses (K − 1)/2 = {p}, and {p} zeros give them back: same padding."
        ),
        mistakes: vec![
            (
                1,
                format!(
                    "With {} on every side the output grows by {}: that is full padding. Half of it does.",
                    k - 1,
                    k - 1
                ),
            ),
            (2, "A larger stride leaves windows out: the output becomes half as wide.".into()),
            (3, "More kernels make more channels, of the same, smaller size.".into()),
        ],
        hint: String::new(),
    }
}

fn half(k: i64) -> Asked {
    let answer = (k - 1) / 2;
    Asked {
        text: format!(
            "How wide must the padding be on each side, so that a kernel of {k}×{k} keeps the size? (Stride 1.)"
        ),
        options: vec![],
        grids: vec![],
        answer,
        right: format!("(K − 1)/2 = {answer}, for odd K. An even K needs one more on one side."),
        mistakes: vec![
            (k - 1, format!("{} is what both sides need together: {answer} each.", k - 1)),
            (
                (k + 1) / 2,
                format!(
                    "That is half of K rounded up. The middle column needs none: (K − 1)/2 = {answer}."
                ),
            ),
            (
                k,
                format!(
                    "So wide is the kernel. Its middle stands on the pixel, and (K − 1)/2 = {answer} stand on each side."
                ),
            ),
            (1, "1 is enough for a kernel of 3×3 only.".into()),
        ],
        hint: format!(
            "The kernel's middle must come to the first column: then (K − 1)/2 = {answer} columns of it stand outside."
        ),
    }
}

fn parameters([k, c, maps]: [i64; 3], which: &str) -> Asked {
    let answer = k * k * c * maps + maps;
    let told = |n: i64| grouped(n as u64);
    Asked {
        text: format!(
            "How many parameters has {which}: {maps} kernels of {k}×{k} over {c} channels, with biases?"
        ),
        options: vec![],
        grids: vec![],
        answer,
        right: format!("K·K·C·C′ + C′ = {k}·{k}·{c}·{maps} + {maps} = {}.", told(answer)),
        mistakes: vec![
            (
                k * k * c * maps,
                format!("The biases are missing, one for each kernel: {maps} more."),
            ),
            (
                k * k * maps + maps,
                format!("A kernel reaches through all {c} channels: K·K·C numbers each."),
            ),
            (
                k * k * maps,
                format!(
                    "A kernel reaches through all {c} channels, and has a bias: K·K·C + 1 numbers each."
                ),
            ),
            (k * k * c + 1, format!("That is one kernel; there are {maps}.")),
            (k * k * c, format!("That is one kernel without its bias; there are {maps} kernels.")),
            (k * k * c * maps + 1, "One bias for each kernel, not one for all.".into()),
            (
                k * k * c * maps + c,
                "The biases belong to the kernels, one each; not to the channels that come in."
                    .into(),
            ),
            (
                k * c * maps + maps,
                format!("A kernel is a square: {k}·{k} numbers in each channel."),
            ),
        ],
        hint: format!(
            "Each kernel has K·K·C numbers and a bias, and there are {maps}: K·K·C·C′ + C′ = {}.",
            told(answer)
        ),
    }
}

fn program([c, first, second]: [i64; 3]) -> Asked {
    let (a, b) = (9 * c * first + first, 9 * first * second + second);
    let answer = a + b;
    let told = |n: i64| grouped(n as u64);
    Asked {
        text: format!(
            "The program has two layers of 3×3, padding `same`: from {c} channels to {first} maps, then to {second}. The picture is 256×256. How many parameters in all?"
        ),
        options: vec![],
        grids: vec![],
        answer,
        right: format!(
            "{} + {} = {}. The size of the picture is not in it.",
            told(a),
            told(b),
            told(answer)
        ),
        mistakes: vec![
            (answer - first - second, format!("The biases are missing, {first} and {second}.")),
            (a, "That is the first layer alone.".into()),
            (b, "That is the second layer alone.".into()),
            (
                a + 9 * c * second + second,
                format!(
                    "The second layer's kernels reach through the first one's {first} maps, not through the {c} channels of the picture."
                ),
            ),
            (
                9 * first + first + 9 * second + second,
                "Each kernel reaches through all channels that come in.".into(),
            ),
        ],
        hint: format!("Add up K·K·C·C′ + C′ of both: {} and {}.", told(a), told(b)),
    }
}

fn dense([l, c, s]: [i64; 3]) -> Asked {
    let answer = l * l * c * s;
    let told = |n: i64| grouped(n as u64);
    Asked {
        text: format!(
            "Maps of {l}×{l}×{c} go into a dense layer of {s} units. How many weights has it? (Biases not counted.)"
        ),
        options: vec![],
        grids: vec![],
        answer,
        right: format!(
            "L·L·C·S = {l}·{l}·{c}·{s} = {}; {s} biases come to it. It may be very many: pools and strides make L smaller first.",
            told(answer)
        ),
        mistakes: vec![
            (
                answer + s,
                format!("With the biases it is that; the weights alone are {}.", told(answer)),
            ),
            (l * l * s, format!("All {c} channels go in: L·L·C inputs.")),
            (l * c * s, "The maps are squares: L·L·C inputs.".into()),
            (
                l * l * c,
                format!(
                    "So many inputs there are, and each of the {s} units has a weight for each."
                ),
            ),
            (
                l * l * c + s,
                format!(
                    "Each of the {s} units has a weight for each of the inputs: a product, no sum."
                ),
            ),
        ],
        hint: format!(
            "Each of the {s} units has a weight for each of the L·L·C inputs: {}.",
            told(answer)
        ),
    }
}
