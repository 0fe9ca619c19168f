//! Rules and options of loaders of records that cannot work are refused, and so said.

use expect_test::expect;
use gradus_data::{InMemory, Name, Padding, RecordLoader, RecordOptions, UnitsOf};

use crate::check_message;
use crate::records::{anything, options, padded};

#[test]
fn rules_that_do_not_suit_are_refused() {
    let with = |padding: Vec<(Name, Padding)>| {
        RecordLoader::new(anything(), RecordOptions { padding, ..options() }).map(|_| ())
    };
    let but = |name: &str, change: &dyn Fn(&mut Padding)| {
        let mut padding = padded();
        padding.iter_mut().filter(|(own, _)| own == name).for_each(|(_, own)| change(own));
        with(padding)
    };
    check_message(
        with(padded().into_iter().filter(|(name, _)| name != "sound").collect()),
        expect![
            "padding of sound: found sound f32 [T], ragged without lengths, expected a rule: a Padding in RecordOptions::padding"
        ],
    );
    let more = |name: &'static str| {
        padded().into_iter().chain([(name.into(), Padding::default())]).collect()
    };
    check_message(
        with(more("tokens")),
        expect!["padding of tokens: found two rules, expected one"],
    );
    check_message(
        with(more("price")),
        expect!["padding of price: found price f64 [], expected a ragged field [T, ..]"],
    );
    check_message(
        with(more("word")),
        expect![[
            r#"field: found the name "word", expected one of picture f32 [1, 2, 2], mask u8 [2, 2], sound f32 [T], caption u8 [T], tokens i64 [T], tags i32 [T], boxes f32 [T, 4], several bool [3], price f64 []"#
        ]],
    );
    check_message(
        but("tokens", &|own| own.value = 0.5),
        expect![
            "padding of tokens: found 0.5 is no i64, which holds whole numbers of 64 bits, expected a value of tokens i64 [T]"
        ],
    );
    check_message(
        but("tokens", &|own| own.multiple = 0),
        expect!["padding of tokens: found a multiple of 0, expected at least 1"],
    );
    check_message(
        but("tokens", &|own| own.lengths = false),
        expect![
            "padding of tokens: found tokens i64 [T], ragged without lengths: nobody could tell its padding, expected lengths, a mask, a field it goes along with, or Padding::unmarked"
        ],
    );
    assert!(but("tokens", &|own| (own.lengths, own.unmarked) = (false, true)).is_ok());
    assert!(but("tokens", &|own| (own.lengths, own.mask) = (false, true)).is_ok());
    check_message(
        but("tags", &|own| own.mask = true),
        expect![
            "padding of tags: found lengths or a mask of its own, expected those of tokens only"
        ],
    );
    check_message(
        but("tags", &|own| own.along = Some("price".into())),
        expect![[
            r#"padding of tags: found along "price", expected a ragged field that is padded itself"#
        ]],
    );
    check_message(
        but("tokens", &|own| own.along = Some("tags".into())),
        expect![[
            r#"padding of tokens: found along "tags", expected a ragged field that is padded itself"#
        ]],
    );
    let clash =
        InMemory::new().ragged("x", [vec![1i64]]).unwrap().field("lengths", &[], &[1i64]).unwrap();
    let padding = vec![("x".into(), Padding::default())];
    check_message(
        RecordLoader::new(clash, RecordOptions { padding, ..options() }),
        expect![
            "padding of x: found a field of the records that is called lengths, too, expected another name, or no lengths"
        ],
    );
    let unequal =
        InMemory::new().ragged("x", [vec![1i64]]).unwrap().ragged("t", [vec![1i64, 2]]).unwrap();
    let padding = vec![("x".into(), Padding::default()), ("t".into(), Padding::along("x"))];
    let loader = RecordLoader::new(unequal, RecordOptions { padding, ..options() }).unwrap();
    check_message(
        loader.epoch(0).next().unwrap(),
        expect!["field t, sample 0: found 2 rows, expected 1, as many as x has"],
    );
}

#[test]
fn options_that_cannot_work_are_refused() {
    let new = |options| RecordLoader::new(anything(), options).map(|_| ());
    check_message(
        new(RecordOptions { batch_size: 0, ..options() }),
        expect!["batch size: found 0, expected at least 1"],
    );
    check_message(
        new(RecordOptions { workers: 65, ..options() }),
        expect!["loader workers: found 65, expected at most 64"],
    );
    check_message(
        new(RecordOptions { batch_size: 4, drop_last: true, ..options() }),
        expect!["batch size: found 4, expected at most 3, the number of samples (drop_last)"],
    );
    check_message(
        RecordLoader::new(InMemory::new(), options()),
        expect!["records: found no samples, expected at least one"],
    );
    check_message(
        new(RecordOptions { units: UnitsOf::Lengths("price".into()), ..options() }),
        expect!["units: found price f64 [], expected a ragged field [T, ..]"],
    );
    let nothing = RecordOptions { units: UnitsOf::Sum("sound".into()), ..options() };
    let mut batches = RecordLoader::new(anything(), nothing).unwrap().epoch(0);
    assert_eq!(batches.next().unwrap().unwrap().units, 1.75);
    check_message(
        batches.next().unwrap(),
        expect!["units of sound, samples [2]: found 0, expected a finite number above 0"],
    );
}
