//! Sequences and streams as records, through the loaders.

use expect_test::expect;
use gradus_data::{Padding, Position, RecordLoader, RecordOptions, Records};
use gradus_text::{Sequences, Special, Streams, Tokenizer, TokenizerOptions};
use proptest::prelude::*;

use crate::check_message;

proptest! {
    /// Each row of a batch goes on where it ended in the batch before, `t` is `x` one further, and any place is entered directly.
    #[test]
    fn rows_go_on(n in 2usize..400, streams in 1usize..6, steps in 1usize..9, from in 0usize..50) {
        let ids: Vec<i64> = (0..n as i64).collect();
        let Ok(made) = Streams::new(ids, streams, steps) else {
            prop_assert!(n < 1 + streams * steps);
            return Ok(());
        };
        let loader = made.loader().unwrap();
        prop_assert_eq!(loader.batches_per_epoch(), (n - 1) / (streams * steps));
        let field = |batch: &gradus_data::RecordBatch, name: &str| {
            let field = batch.get(name).unwrap();
            assert_eq!(field.shape, [streams, steps]);
            field.values.as_slice::<i64>().unwrap().to_vec()
        };
        let mut before: Option<Vec<i64>> = None;
        for batch in loader.epoch(0) {
            let batch = batch.unwrap();
            let (x, t) = (field(&batch, "x"), field(&batch, "t"));
            prop_assert!(x.iter().zip(&t).all(|(x, t)| x + 1 == *t));
            for (row, ids) in x.chunks(steps).enumerate() {
                prop_assert!(ids.windows(2).all(|pair| pair[0] + 1 == pair[1]));
                if let Some(before) = &before {
                    prop_assert_eq!(before[(row + 1) * steps - 1] + 1, ids[0]);
                }
            }
            before = Some(x);
        }
        let from = from % loader.batches_per_epoch();
        let entered = loader.from(Position { epoch: 3, batch: from }).next().unwrap().unwrap();
        let walked = loader.epoch(0).nth(from).unwrap().unwrap();
        prop_assert_eq!(field(&entered, "x"), field(&walked, "x"));
    }
}

#[test]
fn lines_are_padded_sequences() {
    let text = "ab\nabc\n\n   \na";
    let special = vec![Special::Pad, Special::Bos];
    let options = TokenizerOptions { special, ..TokenizerOptions::default() };
    let characters = Tokenizer::characters([text], &options).unwrap();
    let lines = Sequences::of_lines(text, &characters).unwrap();
    assert_eq!(lines.len(), 4, "blanks are characters, an empty line is none");
    let next = lines.next_tokens().unwrap();
    let pad = characters.vocabulary().special(Special::Pad).unwrap() as f64;
    let padding = vec![
        ("x".into(), Padding { value: pad, ..Padding::default() }),
        ("t".into(), Padding { value: -1.0, ..Padding::along("x") }),
    ];
    let options = RecordOptions { batch_size: 2, padding, ..RecordOptions::default() };
    let loader = RecordLoader::new(next, options).unwrap();
    let batch = loader.epoch(0).next().unwrap().unwrap();
    let id = |c: &str| characters.vocabulary().id(c).unwrap();
    let (a, b, c) = (id("a"), id("b"), id("c"));
    assert_eq!(batch.get("x").unwrap().values.as_slice(), Some(&[1, a, 0, 1, a, b][..]));
    assert_eq!(batch.get("t").unwrap().values.as_slice(), Some(&[a, b, -1, a, b, c][..]));
    assert_eq!(batch.get("lengths").unwrap().values.as_slice(), Some(&[2i64, 3][..]));
}

#[test]
fn messages() {
    check_message(
        Streams::new(vec![1, 2, 3], 2, 2),
        expect!["ids: found 3 ids, expected more than 4 for 2 streams of 2 steps"],
    );
    check_message(
        Streams::new(vec![1, 2, 3], 0, 2),
        expect!["streams: found 0 of 2 steps, expected at least 1 of 1"],
    );
    check_message(
        Sequences::new([vec![1i64], vec![]]),
        expect!["sequences: found an empty one, number 1, expected at least one id in each"],
    );
    check_message(
        Sequences::new([vec![1i64, 2], vec![3]]).and_then(Sequences::next_tokens),
        expect!["sequences: found one id in number 1, expected at least two in each"],
    );
    let characters = Tokenizer::characters(["ab"], &TokenizerOptions::default()).unwrap();
    check_message(
        Sequences::of_lines("ab\na?b", &characters),
        expect!["text, line 2: found '?' (U+003F), expected one of the 2 tokens of the vocabulary"],
    );
}
