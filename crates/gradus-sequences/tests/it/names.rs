//! Lists of names: what is held out, what padding does not change, what is made up.

use gradus_nn::Init;
use gradus_sequences::language::{Architecture, LanguageModel, NameList, Names, Reader};
use gradus_sequences::{Model, System};
use gradus_text::{LineEnds, parse_text};
use gradus_train::{Fit, Progress};

/// Names of three or four syllables, of which each follows from the one before: 300 of them, some twice.
fn list() -> NameList {
    let syllables = ["ba", "ne", "ki", "lo", "mu", "ra", "te", "si"];
    let mut names = String::new();
    for number in 0..300usize {
        let mut at = number.wrapping_mul(2_654_435_761) >> 7;
        for _ in 0..2 + number % 3 {
            names += syllables[at % 8];
            at = at / 8 + 3 * (at % 8);
        }
        names += "\n";
    }
    NameList::new(
        "names.txt",
        &parse_text(names.as_bytes(), "names.txt", LineEnds::Newline).unwrap(),
    )
    .unwrap()
}

fn small(list: &NameList, architecture: Architecture) -> LanguageModel {
    LanguageModel { hidden: 16, layers: 1, heads: 2, ..list.model(architecture) }
}

#[test]
fn names_are_on_one_side_and_found_again() {
    let list = list();
    assert!(list.test.iter().all(|name| !list.train.contains(name)));
    assert_eq!(list.train.len() + list.test.len(), 300);
    assert!((10..60).contains(&list.test.len()), "{}", list.test.len());
    assert!(list.remarks[0].contains("of 300 lines occur again"), "{:?}", list.remarks);
}

/// What a name costs does not depend on those beside it, whose rows are longer; and a reader says the same, one by one.
#[test]
fn padding_counts_nothing() {
    use Architecture::{Lstm, Textgenrnn, Transformer, Window};
    for architecture in [Lstm, Transformer, Window, Textgenrnn] {
        let list = list();
        let model = small(&list, architecture);
        let nats = |batch| {
            let training = gradus_sequences::Steps { batch, ..NameList::training(0) };
            let mut system = Names::new(list.clone(), model.clone(), training).unwrap();
            system.test(None).unwrap().numbers["val_nats"].as_f64().unwrap()
        };
        let (one, many) = (nats(1), nats(64));
        assert!((one - many).abs() < 1e-5, "{architecture:?}: {one} alone, {many} side by side");
        let mut reader = Reader::new(model.network(&Init::new(0)).unwrap());
        let (mut sum, mut symbols) = (0.0, 0);
        for name in &list.test {
            let mut ids = vec![1]; // <bos>
            ids.extend(list.tokenizer.encode(name).unwrap());
            ids.push(2); // <eos>
            let said = reader.costs(&ids, false).unwrap().likelihood();
            (sum, symbols) = (sum + said.nats, symbols + said.symbols);
        }
        let read = sum / symbols as f64;
        assert!((one - read).abs() < 1e-4, "{architecture:?}: {one} in batches, {read} read");
    }
}

#[test]
fn names_are_made_up() {
    let list = list();
    let mut model = small(&list, Architecture::Gru);
    model.hidden = 32;
    let known = list.train.clone();
    let mut system = Names::new(list, model, NameList::training(0)).unwrap();
    let guessing = system.guessing();
    let parts = system.parts();
    let mut fit = Fit { epochs: 40, ..Fit::default() };
    fit.run(parts.task, parts.train, None, &mut Progress::default()).unwrap();
    let report = system.test(None).unwrap();
    let nats = report.numbers["val_nats"].as_f64().unwrap();
    assert!(nats < 0.75 * guessing, "{nats}, of who knows frequencies {guessing}");
    let made_up: Vec<&str> =
        report.numbers["samples"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
    assert_eq!(made_up.len(), 20);
    let new = made_up.iter().filter(|name| !known.iter().any(|own| own == *name)).count();
    assert_eq!(report.numbers["new"].as_u64(), Some(new as u64));
    assert!(report.headline.ends_with(&format!("{new} of 20 made-up names are new")));
    // The weights go by the names that the description builds.
    let Model::Language(described) = system.model() else { panic!("a language model") };
    let built = described.build(&Init::new(0)).unwrap();
    let paths = |of: &dyn gradus_nn::Module| -> Vec<String> {
        gradus_nn::parameters(of).into_iter().map(|(path, _)| path).collect()
    };
    let own: Vec<String> = system.task().parameters().into_iter().map(|(path, _)| path).collect();
    assert_eq!(own, paths(&*built));
    assert!(described.lines);
}

#[test]
fn what_is_no_list_is_refused() {
    let wrong = |text: &str| {
        let text = parse_text(text.as_bytes(), "names.txt", LineEnds::Newline).unwrap();
        NameList::new("names.txt", &text).unwrap_err().to_string()
    };
    assert_eq!(
        wrong("anna\n\nanna\n"),
        "names.txt: found 1 name that differs, expected at least 20: nine tenths to learn, a tenth to score"
    );
    let long = wrong(&"a".repeat(1_001));
    assert_eq!(
        long,
        "names.txt, line 1: found a line of 1001 characters, expected a name of at most 1000: each line is one"
    );
    let list = list();
    let short = LanguageModel { context: 5, ..small(&list, Architecture::Transformer) };
    let error = Names::new(list, short, NameList::training(0)).err().unwrap().to_string();
    assert!(
        error.contains("found a transformer that sees 5 symbols, expected 16 at least"),
        "{error}"
    );
}
