//! Hand-computed and double-precision truths of the page of digits, and commands that must be refused.

use super::layers::{Layer, Plan};
use super::network::Network;
use super::settings::Settings;
use super::*;
use crate::wire::encode;
use crate::{PageName, Session};

mod drawings;
mod updates;

fn page() -> Digits {
    Digits::new(Settings::read("").0)
}

/// Works until so many updates are made.
fn work(page: &mut Digits, until: u32) {
    while page.step() < until && page.work() {}
}

fn answer(page: &mut Digits, command: Command) -> Event {
    match page.answer(command).expect("taken").pop() {
        Some(Any_::Digits(event)) => event,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_beginning_is_convnetjs_s_network_of_5994_numbers() {
    let mut page = page();
    let picture = page.drawn();
    assert_eq!(picture.parameters, 5994);
    let said: Vec<_> = picture.layers.iter().map(|layer| &*layer.parameters).collect();
    let expected =
        ["", "8x5x5x1+8 = 208", "", "", "16x5x5x8+16 = 3216", "", "", "10x256+10 = 2570", ""];
    assert_eq!(said, expected);
    let sizes: Vec<_> = picture.layers.iter().map(|layer| &*layer.size).collect();
    let expected = [
        "24x24x1", "24x24x8", "24x24x8", "12x12x8", "12x12x16", "12x12x16", "4x4x16", "1x1x10",
        "1x1x10",
    ];
    assert_eq!(sizes, expected);
    assert_eq!(picture.layers[1].windows, "5x5x1, stride 1");
    let sum: f32 = picture.shown_probabilities.iter().sum();
    assert!((sum - 1.0).abs() < 1e-5);
}

#[test]
fn a_thousand_updates_read_nineteen_digits_of_twenty() {
    let mut page = page();
    work(&mut page, 1000);
    for _ in 0..10 {
        page.test(100);
    }
    let confusion = page.drawn().confusion;
    let right: u32 = (0..10).map(|digit| confusion[11 * digit]).sum();
    assert_eq!(confusion.iter().sum::<u32>(), 1000);
    assert!(right >= 950, "{right} of 1000");
    let Event::Cell { tests, pixels, .. } = answer(&mut page, Command::Cell { digit: 3, guess: 3 })
    else {
        panic!("a cell")
    };
    assert_eq!((tests.len() as u32, pixels.len()), (confusion[33], tests.len() * 784));
}

#[test]
fn gradients_are_those_of_differences() {
    // A small network with every kind of layer, so that differences in f32 mean something.
    let text = "layer_defs.push({type:'input'});\nlayer_defs.push({type:'conv', sx:5, filters:2, stride:2, activation:'tanh'});\n\
                layer_defs.push({type:'pool', sx:2, stride:2});\nlayer_defs.push({type:'fc', num_neurons:6, activation:'sigmoid'});\n\
                layer_defs.push({type:'softmax', num_classes:10});";
    let plan = text::read(text).expect("a network").plan;
    let mut network = Network::new(plan, 1, Method::Sgd);
    let mut picture = vec![];
    crop(digits().picture(700), [2, 2], &mut picture);
    let (_, weights) = network.look(&picture, 3);
    let values = network.values();
    let loss = |network: &mut Network, values: &[Vec<f32>]| {
        assert!(network.set_values(values));
        let (seen, _) = network.look(&picture, 3);
        -f64::from(seen.last().expect("a softmax").values[3]).ln()
    };
    let mut seen = 0;
    for (layer, of) in weights.iter().enumerate() {
        for i in (0..of.weights.len()).step_by(of.weights.len() / 7 + 1) {
            let moved = |by: f32| {
                let mut values = values.clone();
                values[2 * layer][i] += by;
                values
            };
            let h = 4e-3;
            let ends = [moved(-h), moved(h)].map(|values| loss(&mut network, &values));
            let difference = (ends[1] - ends[0]) / f64::from(2.0 * h);
            let gradient = f64::from(of.gradients[i]);
            assert!(
                (gradient - difference).abs() < 2e-3 + 0.02 * difference.abs(),
                "{layer} {i}: {gradient} {difference}"
            );
            seen += usize::from(gradient.abs() > 0.01);
        }
    }
    assert!(seen > 5, "most gradients are nothing: {seen}");
}

#[test]
fn its_own_json_is_read_again_to_the_bit() {
    let mut page = page();
    work(&mut page, 3);
    let Event::Saved { json } = answer(&mut page, Command::Save) else { panic!("a file") };
    let (plan, values) = json::read(&json).expect("a network");
    let mut expected = page.network.plan().layers.clone();
    for layer in &mut expected {
        if let Layer::Conv { bias, .. } | Layer::Dense { bias, .. } = layer {
            *bias = 0.0; // biases are in the file as they are now
        }
    }
    assert_eq!((plan.layers, values), (expected, page.network.values()));
    let probabilities = page.drawn().shown_probabilities;
    page.answer(Command::Load { json }).expect("taken");
    assert_eq!(page.drawn().shown_probabilities, probabilities);
}

#[test]
fn files_that_are_no_networks_say_where() {
    let refused = |json: &str| json::read(json).expect_err("refused");
    assert!(refused("{").starts_with("this is no JSON"), "{}", refused("{"));
    assert_eq!(refused("{}"), "there is no list \"layers\", as ConvNetJS's networks have");
    let maxout = r#"{"layers":[{"layer_type":"maxout"}]}"#;
    assert!(refused(maxout).starts_with("layer 0: layers of type \"maxout\" are not known here"));
    let page = page();
    let json = json::write(page.network.plan(), &page.network.values());
    let short = json.replacen("\"w\":[", "\"w\":[1,", 1);
    assert!(refused(&short).contains("numbers where"), "{}", refused(&short));
    let wrong = json.replacen("\"out_sx\":12", "\"out_sx\":13", 1);
    assert!(refused(&wrong).contains("must be 8, 12 and 12"), "{}", refused(&wrong));
}

#[test]
fn mistakes_in_a_text_have_a_line_and_a_column() {
    let mistake = |text: &str| text::read(text).expect_err("a mistake").to_string();
    let with = |line: &str| {
        text::BEGINNING.replace("layer_defs.push({type:'pool', sx:2, stride:2});", line)
    };
    let cases = [
        ("layer_defs.push({type:'pol', sx:2});", "line 4, column 18: type 'pol' is not known here"),
        ("layer_defs.push({type:'pool'});", "line 4, column 18: pool needs sx"),
        (
            "layer_defs.push({type:'pool', sx:2, strid:2});",
            "line 4, column 37: pool has no strid here; it has sx, stride, pad",
        ),
        (
            "layer_defs.push({type:'pool', sx:99});",
            "line 4, column 31: sx is a number from 1 to 24, not 99",
        ),
        (
            "layer_defs.push({type:'pool', sx:2.5});",
            "line 4, column 31: sx is a whole number, not 2.5",
        ),
        ("layer_defs.push({type:'pool' sx:2});", "line 4, column 30: , or } is expected, not sx"),
        (
            "layer_defs.push({type:'pool, sx:2});",
            "line 4, column 23: the quote ' that opens here is not closed",
        ),
        ("alert('hello');", "line 4, column 1: alert is not known here"),
        (
            "layer_defs.push({type:'conv', sx:24, filters:3});",
            "line 6, column 1: windows of 3 × 3 are larger than",
        ),
        (
            "layer_defs.push({type:'softmax', num_classes:4});",
            "line 4, column 1: num_classes is 10 here",
        ),
    ];
    for (line, expected) in cases {
        assert!(mistake(&with(line)).starts_with(expected), "{}", mistake(&with(line)));
    }
    assert!(mistake("").ends_with("the last layer must be a softmax of 10 classes"));
    let line = "layer_defs.push({type:'fc', num_neurons:512});\n";
    let huge = format!(
        "layer_defs.push({{type:'input'}});\n{line}{line}layer_defs.push({{type:'softmax', num_classes:10}});"
    );
    assert!(
        mistake(&huge).contains("at most 200000 and 10000000 are possible here"),
        "{}",
        mistake(&huge)
    );
}

#[test]
fn a_text_of_layers_reads_as_those_layers() {
    let definition = text::read(text::BEGINNING).expect("a network");
    assert_eq!(text::write(&definition.plan.layers), text::BEGINNING);
    let text = "// mine\nvar layer_defs = [];\nlayer_defs.push({type:'input'})\nlayer_defs.push({type:\"fc\", num_neurons:7, bias_pref:-1e-1});\n\
                layer_defs.push({type:'tanh'}); layer_defs.push({type:'softmax', num_classes:10});\nnet = new convnetjs.Net();\n\
                net.makeLayers(layer_defs);\ntrainer = new convnetjs.SGDTrainer(net, {method:'adam', batch_size:4, learning_rate:0.002});";
    let definition = text::read(text).expect("a network");
    let trainer = definition.trainer.expect("a trainer");
    assert_eq!((trainer.method, trainer.batch, trainer.rate), (Method::Adam, 4, 0.002));
    let layers = definition.plan.layers;
    assert_eq!(layers[1..3], [Layer::Dense { units: 7, bias: -0.1 }, Layer::Tanh]);
    assert_eq!(
        text::read(&text::write(&layers)).expect("a network").plan,
        Plan::new(layers).expect("a plan")
    );
}

#[test]
fn an_address_is_read_as_it_was_written() {
    let address = "method=sgd&rate=0.05&momentum=0.5&batch=7&decay=0&seed=9&network=layer_defs.push%28%7Btype:'input'%7D%29%3B\
                   layer_defs.push%28%7Btype:'softmax',num_classes:10%7D%29%3B";
    let (settings, remarks) = Settings::read(address);
    assert_eq!(remarks, [""; 0]);
    assert_eq!(Settings::read(&settings.write()), (settings.clone(), vec![]));
    assert_eq!(settings.plan().layers.len(), 3);
    let (settings, remarks) =
        Settings::read("rate=NaN&batch=0&method=lion&zoom=3&network=x%&seed=-1");
    assert_eq!(settings, Settings::read("").0);
    let expected = [
        "rate is NaN: it must be from 0 to 10",
        "batch is 0: it must be from 1 to 1000",
        "method \"lion\" is none of sgd, nesterov, adam, adagrad, adadelta, windowgrad",
        "\"zoom\" is no setting of this page",
        "network is no text in percent signs",
        "seed \"-1\" is no whole number",
    ];
    assert_eq!(remarks, expected);
}

#[test]
fn hostile_commands_are_refused_and_change_nothing() {
    let (mut session, _) = Session::open(PageName::Digits, "");
    let before = session.save();
    let options = |rate, batch| Command::Options(Options { rate, batch, ..Options::default() });
    let commands = [
        options(f32::NAN, 20),
        options(0.1, 0),
        options(0.1, u32::MAX),
        Command::Test { count: u32::MAX },
        Command::Show { test: 1000 },
        Command::ShowDrawing { pixels: vec![0; 3], label: 1 },
        Command::ShowDrawing { pixels: vec![0; 784], label: 10 },
        Command::Predict { pixels: vec![], width: u32::MAX, height: u32::MAX },
        Command::Predict { pixels: vec![], width: 0, height: 0 },
        Command::Cell { digit: 3, guess: 200 },
        Command::Attack { pixels: vec![0; 784], target: 3, epsilon: f32::NAN },
        Command::Attack { pixels: vec![0; 7], target: 3, epsilon: 0.1 },
        Command::Network { text: "layer_defs".into() },
        Command::Load { json: "[]".into() },
    ];
    for command in commands {
        let events = session.handle(Any::Digits(command.clone()));
        assert!(matches!(&events[..], [Any_::Refused { .. }]), "{command:?}: {events:?}");
    }
    // The journal knows what was refused; the page does not.
    let page = |bytes: &[u8]| bytes[bytes.len() - 90_000..].to_vec();
    assert_eq!(page(&session.save()), page(&before));
}

#[test]
fn questions_are_not_in_the_journal() {
    let (mut session, _) = Session::open(PageName::Digits, "");
    let before = session.save();
    let pixels = digits().picture(0).to_vec();
    session.handle(Any::Digits(Command::Predict { pixels, width: 28, height: 28 }));
    session.handle(Any::Digits(Command::Save));
    assert_eq!(session.save(), before);
    session.handle(Any::Digits(Command::Show { test: 5 }));
    assert_ne!(session.save(), before);
}

#[test]
fn a_frame_is_bounded() {
    let mut page = page();
    work(&mut page, 20);
    let bytes = encode(&page.picture()).len();
    assert!(bytes < 400_000, "{bytes} bytes");
    let picture = page.drawn();
    assert_eq!(picture.tests.len(), 12);
    assert_eq!((picture.step, picture.curves.examples.len() as u32), (20, picture.examples / 200));
}

#[test]
fn the_exported_program_is_the_committed_example() {
    let exported = export::rust(page().network.plan(), &Settings::read("").0);
    let committed = include_str!("../../examples/digits.rs");
    assert_eq!(exported, committed, "write it into examples/digits.rs");
}
