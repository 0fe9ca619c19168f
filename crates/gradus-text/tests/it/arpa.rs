//! ARPA files: written and read to the last bit, files of others, and what is refused.

use expect_test::expect;
use gradus_text::{Counts, NGram, Smoothing, Special, Vocabulary};
use proptest::prelude::*;

use crate::check_message;

/// A model of another program, pruned: `b c a` is there, `c a` is not.
const OTHERS: &str = "made by another program

\\data\\
ngram 1=4
ngram 2=3
ngram 3=1

\\1-grams:
-99\t<s>\t-0.5
-0.5\ta\t-0.25
-0.75 b -0.125
-1\tc

\\2-grams:
-0.25\t<s> a
-0.5\ta b\t-0.0625
-0.125\tb c\t-0.03125

\\3-grams:
-0.375\tb c a

\\end\\
";

/// By hand: what is there counts, what is not costs the weights of the contexts that are.
#[test]
fn a_file_of_others_by_hand() {
    let (model, tokens) = NGram::from_arpa(OTHERS, "t.arpa").unwrap();
    assert_eq!((model.order(), tokens.tokens().join(" ")), (3, "<s> a b c".into()));
    assert_eq!(tokens.special(Special::Bos), Some(0));
    let (a, b, c) = (1, 2, 3);
    let log10 = |before: &[i64], id| model.log_probability(before, id).unwrap() / 10f64.ln();
    let expected = [
        (vec![], a, -0.5),
        (vec![0], a, -0.25),
        (vec![0, a], b, -0.5),
        (vec![a, b], c, -0.0625 - 0.125),
        (vec![b, c], a, -0.375),
        (vec![c], a, -0.5),
        (vec![b, c], b, -0.03125 + 0.0 - 0.75),
        (vec![a, b], a, -0.0625 - 0.125 - 0.5),
        (vec![c, a], a, -0.25 - 0.5),
        // After `b c a` the longest context that is known is `a`.
        (vec![b, c, a], b, -0.5),
    ];
    for (before, id, expected) in expected {
        let own = log10(&before, id);
        assert!((own - expected).abs() < 1e-12, "{id} after {before:?}: {own} {expected}");
    }
    let walked = model.score(&[b, c, a, b]).unwrap().nats / 10f64.ln();
    assert!((walked - (0.75 + 0.125 + 0.375 + 0.5)).abs() < 1e-12, "{walked}");
}

proptest! {
    #[test]
    fn written_and_read_to_the_last_bit(
        row in prop::collection::vec(0i64..4, 1..60),
        order in 0usize..4,
        kind in 0usize..3,
        context in prop::collection::vec(0i64..4, 0..6),
    ) {
        let tokens = Vocabulary::new(["a", " ", "\n\u{3000}", "<unk>"], &[Special::Unk]).unwrap();
        let mut counts = Counts::new(4, 3).unwrap();
        counts.add(&row).unwrap();
        let smoothing = [Smoothing::AddK(0.3), Smoothing::WittenBell, Smoothing::KneserNey][kind];
        let model = NGram::new(&counts, order, smoothing).unwrap();
        let text = model.to_arpa(&tokens).unwrap();
        let (read, others) = NGram::from_arpa(&text, "t").unwrap();
        prop_assert_eq!(&others, &tokens);
        prop_assert_eq!(read.order(), order.max(1));
        prop_assert_eq!(read.score(&context).unwrap(), model.score(&context).unwrap());
        prop_assert_eq!(read.to_arpa(&others).unwrap(), text);
    }
}

#[test]
fn what_is_refused() {
    let with = |from: &str, to: &str| {
        assert!(OTHERS.contains(from), "{from}");
        NGram::from_arpa(&OTHERS.replacen(from, to, 1), "t.arpa")
    };
    check_message(
        NGram::from_arpa("a b c", "t.arpa"),
        expect![[r"t.arpa: found the end of the file, expected \data\, which an ARPA file has"]],
    );
    check_message(
        with("ngram 2=3", "ngram 3=3"),
        expect![[
            r#"t.arpa, line 5: found "ngram 3=3", expected `ngram 2=` and a number or \1-grams:"#
        ]],
    );
    check_message(
        with("ngram 2=3", "ngram 2=4"),
        expect![[r#"t.arpa, line 19: found "\\3-grams:", expected n-gram 4 of 4 of order 2"#]],
    );
    check_message(
        with("ngram 2=3", "ngram 2=2"),
        expect![[r#"t.arpa, line 17: found "-0.125\tb c\t-0.03125", expected \3-grams:"#]],
    );
    check_message(
        with("-0.5\ta\t", "0.5\ta\t"),
        expect![[
            r#"t.arpa, line 10: found "0.5", expected the logarithm of a probability: a number up to 0"#
        ]],
    );
    check_message(
        with("-0.5\ta\t-0.25", "-0.5\ta\tnan"),
        expect![[r#"t.arpa, line 10: found "nan", expected the logarithm of a weight"#]],
    );
    check_message(
        with("b c a", "b d a"),
        expect![[r#"t.arpa, line 20: found "d", expected a token that is among the single ones"#]],
    );
    check_message(
        with("b c a", "c b a"),
        expect![[
            r#"t.arpa, line 20: found "c b a", whose beginning is not there, expected the shorter n-gram before it"#
        ]],
    );
    check_message(
        with("a b\t", "<s> a\t"),
        expect![[r#"t.arpa, line 16: found "<s> a", expected each n-gram once"#]],
    );
    check_message(
        with("\tc\n", "\ta\n"),
        expect![[
            r#"t.arpa: found the token "a" with the ids 1 and 3, expected one id for each token"#
        ]],
    );
    check_message(
        with("-0.25\t<s> a", "-0.25\ta"),
        expect![
            "t.arpa, line 15: found 2 fields, expected a probability, 2 tokens and perhaps a weight"
        ],
    );
    check_message(
        with("\\end\\", ""),
        expect![[r"t.arpa: found the end of the file, expected \end\"]],
    );
    let model = NGram::from_arpa(OTHERS, "t.arpa").unwrap().0;
    check_message(
        model.to_arpa(&Vocabulary::new(["a", "b"], &[]).unwrap()),
        expect!["vocabulary: found 2 tokens, expected 4, the size of the model's"],
    );
    check_message(
        model.to_arpa(&Vocabulary::new(["a", "b", "c", "x<U+0020>"], &[]).unwrap()),
        expect![[
            r#"vocabulary: found the token "x<U+0020>", expected tokens of an ARPA file: not empty, and none that holds a blank's code"#
        ]],
    );
}
