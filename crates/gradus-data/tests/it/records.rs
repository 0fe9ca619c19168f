//! Records of typed fields: what they hold, how they become batches, what is refused.

use std::collections::HashSet;
use std::sync::Arc;

use expect_test::expect;
use gradus_data::{
    Affine, DType, Dataset, DatasetRecords, FieldSpec, HorizontalFlip, ImageDataset, InMemory,
    Loader, LoaderOptions, Name, Normalization, Normalize, OnFields, Padding, RandomCrop,
    RecordBatch, RecordLoader, RecordOptions, RecordSubset, Records, Result, Sample, Transform,
    UnitsOf, Values,
};

use crate::check_message;

/// Everything that a sample can have: pictures and their masks, sounds, texts, tokens with tags, boxes with classes, numbers.
pub(crate) fn anything() -> InMemory {
    let floats = |n: usize| (0..n).map(|i| i as f32).collect::<Vec<_>>();
    let sounds = [vec![0.5f32, 0.25], vec![1.0], vec![-1.0, 0.0, 1.0]];
    let boxes = [floats(8), vec![], floats(4)];
    InMemory::new()
        .field("picture", &[1, 2, 2], &floats(12))
        .and_then(|data| data.field("mask", &[2, 2], &[0u8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]))
        .and_then(|data| data.ragged("sound", sounds))
        .and_then(|data| data.text("caption", ["grün", "b", ""]))
        .and_then(|data| data.ragged("tokens", [vec![5i64, 6], vec![7, 8, 9], vec![1]]))
        .and_then(|data| data.ragged("tags", [vec![1i32, 2], vec![3, 4, 5], vec![6]]))
        .and_then(|data| data.ragged_rows("boxes", &[4], boxes))
        .and_then(|data| {
            data.field("several", &[3], &[true, false, true, false, false, true, true, true, true])
        })
        .and_then(|data| data.field("price", &[], &[1.5f64, 2.5, 3.5]))
        .unwrap()
}

pub(crate) fn padded() -> Vec<(Name, Padding)> {
    let empty = Padding { empty: true, ..Padding::default() };
    vec![
        ("sound".into(), Padding { multiple: 4, ..Padding::unmarked(0.0) }),
        ("caption".into(), Padding { mask: true, ..empty.clone() }),
        ("tokens".into(), Padding { value: -1.0, ..Padding::default() }),
        ("tags".into(), Padding { value: 9.0, ..Padding::along("tokens") }),
        ("boxes".into(), empty),
    ]
}

pub(crate) fn options() -> RecordOptions {
    RecordOptions { batch_size: 2, padding: padded(), ..RecordOptions::default() }
}

pub(crate) fn all(loader: &RecordLoader, epoch: u64) -> Vec<RecordBatch> {
    loader.epoch(epoch).map(|batch| (*batch.unwrap()).clone()).collect()
}

#[test]
fn every_kind_of_field_gets_into_the_batch() {
    let loader = RecordLoader::new(anything(), options()).unwrap();
    let batches = all(&loader, 0);
    let said = |batch: &RecordBatch| {
        let one =
            |f: &gradus_data::BatchField| format!("{} {} {:?}", f.name, f.values.dtype(), f.shape);
        batch.fields.iter().map(one).collect::<Vec<_>>().join("\n")
    };
    expect![[r#"
        picture f32 [2, 1, 2, 2]
        mask u8 [2, 2, 2]
        sound f32 [2, 4]
        caption u8 [2, 5]
        tokens i64 [2, 3]
        tags i32 [2, 3]
        boxes f32 [2, 2, 4]
        several bool [2, 3]
        price f64 [2]
        caption.lengths i64 [2]
        caption.mask bool [2, 5]
        tokens.lengths i64 [2]
        boxes.lengths i64 [2]"#]]
    .assert_eq(&said(&batches[0]));
    let holds = |batch: usize, name: &str, values: Values| {
        assert_eq!(batches[batch].get(name).unwrap().values, values, "{name}");
    };
    holds(0, "mask", vec![0u8, 1, 2, 3, 4, 5, 6, 7].into());
    holds(0, "sound", vec![0.5f32, 0.25, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0].into());
    holds(0, "caption", b"gr\xC3\xBCnb\0\0\0\0".to_vec().into());
    holds(0, "tokens", vec![5i64, 6, -1, 7, 8, 9].into());
    holds(0, "tags", vec![1i32, 2, 9, 3, 4, 5].into());
    let mut boxes: Vec<f32> = (0..8).map(|i| i as f32).collect();
    boxes.resize(16, 0.0);
    holds(0, "boxes", boxes.into());
    holds(0, "caption.lengths", vec![5i64, 1].into());
    let (t, f) = (true, false);
    holds(0, "caption.mask", vec![t, t, t, t, t, t, f, f, f, f].into());
    holds(0, "price", vec![1.5f64, 2.5].into());
    // The last one is alone and its text is empty: a batch is 1 long at least.
    holds(1, "caption", vec![0u8].into());
    holds(1, "caption.mask", vec![false].into());
    holds(1, "several", vec![true; 3].into());
    assert_eq!((batches[1].len(), batches[1].units), (1, 1.0));
}

#[test]
fn one_sequence_has_plain_names() {
    let data = InMemory::new()
        .ragged("x", [vec![1i64, 2], vec![3]])
        .and_then(|data| data.ragged("t", [vec![0u8, 1], vec![1]]))
        .unwrap();
    let padding = vec![
        ("t".into(), Padding::along("x")),
        ("x".into(), Padding { mask: true, ..Padding::default() }),
    ];
    let names = |data: InMemory, padding: &[(Name, Padding)]| -> Vec<String> {
        let options = RecordOptions { padding: padding.to_vec(), ..options() };
        let batch = &all(&RecordLoader::new(data, options).unwrap(), 0)[0];
        batch.fields.iter().map(|field| field.name.to_string()).collect()
    };
    assert_eq!(names(data.clone(), &padding), ["x", "t", "lengths", "mask"]);
    // Another one changes no name of x's, whether or not anything is told of it.
    let data = data.text("note", ["a", "bcd"]).unwrap();
    let with = |own: Padding| [&padding[..], &[("note".into(), own)]].concat();
    let quiet = with(Padding::unmarked(0.0));
    assert_eq!(names(data.clone(), &quiet), ["x", "t", "note", "lengths", "mask"]);
    let told = ["x", "t", "note", "lengths", "mask", "note.lengths"];
    assert_eq!(names(data.clone(), &with(Padding::default())), told);
    // x may go along itself: then they are those of what it goes along with.
    let turned = vec![
        ("x".into(), Padding::along("t")),
        ("t".into(), Padding::default()),
        ("note".into(), Padding { mask: true, ..Padding::default() }),
    ];
    assert_eq!(names(data, &turned), ["x", "t", "note", "lengths", "note.lengths", "note.mask"]);
    // Of two of which neither is x each has its own.
    let two = InMemory::new()
        .ragged("a", [vec![1i64], vec![2]])
        .and_then(|data| data.ragged("b", [vec![1i64], vec![2]]))
        .unwrap();
    let padding = ["a", "b"].map(|name| (name.into(), Padding::default()));
    assert_eq!(names(two, &padding), ["a", "b", "a.lengths", "b.lengths"]);
}

#[test]
fn a_batch_weighs_what_is_asked() {
    let units = |units| {
        let loader = RecordLoader::new(anything(), RecordOptions { units, ..options() }).unwrap();
        all(&loader, 0).iter().map(|batch| batch.units).collect::<Vec<_>>()
    };
    assert_eq!(units(UnitsOf::Samples), [2.0, 1.0]);
    assert_eq!(units(UnitsOf::Lengths("tokens".into())), [5.0, 1.0]);
    assert_eq!(units(UnitsOf::Sum("price".into())), [4.0, 3.5]);
    assert_eq!(units(UnitsOf::Sum("several".into())), [3.0, 3.0]);
    // Before padding: the padding of a mask weighs nothing.
    assert_eq!(units(UnitsOf::Sum("tags".into())), [15.0, 6.0]);
}

#[test]
fn buffers_are_reused() {
    let padding = padded();
    let options = RecordOptions { workers: 0, batch_size: 1, padding, ..options() };
    let loader = RecordLoader::new(anything(), options).unwrap();
    let mut seen = HashSet::new();
    for epoch in 0..4 {
        for batch in loader.epoch(epoch) {
            let batch = batch.unwrap();
            // The longest was met in the first epoch.
            if epoch > 0 {
                for name in ["picture", "sound"] {
                    let values = batch.get(name).unwrap().values.as_slice::<f32>().unwrap();
                    seen.insert((name, values.as_ptr()));
                }
            }
        }
    }
    assert_eq!(seen.len(), 2);
}

/// Pictures with labels give the same batches as records as they do by the loader of data sets, to the bit: order, draws, numbers.
#[test]
fn a_data_set_is_the_same_as_records() {
    let pixels = (0..23 * 32).map(|i| (i * 37 % 251) as u8).collect();
    let labels = (0..23).map(|i| (i % 3) as i64).collect();
    let classes = ["a", "b", "c"].map(String::from).to_vec();
    let set = Arc::new(ImageDataset::new("images", [2, 4, 4], pixels, labels, classes).unwrap());
    let normalization = Normalization::new(&[0.4, 0.5], &[0.2, 0.3]).unwrap();
    let crop = RandomCrop { height: 3, width: 4, padding: 1 };
    let turn = Affine { degrees: 10.0, shift: 1.0, scale: 0.1 };
    let loader = LoaderOptions {
        batch_size: 4,
        shuffle: true,
        seed: 9,
        augment: vec![Arc::new(crop.clone()), Arc::new(HorizontalFlip), Arc::new(turn.clone())],
        normalization: Some(normalization.clone()),
        ..LoaderOptions::default()
    };
    let transforms: Vec<Arc<dyn Transform>> = vec![
        Arc::new(OnFields::new(crop, ["x"])),
        Arc::new(OnFields::new(HorizontalFlip, ["x"])),
        Arc::new(OnFields::new(turn, ["x"])),
        Arc::new(Normalize::new("x", normalization)),
    ];
    let options = RecordOptions {
        batch_size: 4,
        shuffle: true,
        seed: 9,
        transforms,
        ..RecordOptions::default()
    };
    let as_records = RecordLoader::new(DatasetRecords::new(set.clone()), options).unwrap();
    let as_set = Loader::new(set, loader).unwrap();
    for epoch in [0, 5] {
        for (own, record) in as_set.epoch(epoch).zip(all(&as_records, epoch)) {
            let own = own.unwrap();
            assert_eq!((&own.indices, own.position), (&record.indices, record.position));
            assert_eq!(record.get("x").unwrap().shape, own.shape);
            let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            let x = record.get("x").unwrap().values.as_slice().unwrap();
            assert_eq!(bits(&own.inputs), bits(x));
            assert_eq!(record.get("t").unwrap().values.as_slice(), Some(&own.labels[..]));
        }
    }
}

/// Rows of tables are normalised before they are rounded, as records too.
#[test]
fn a_table_is_the_same_as_records() {
    let options = gradus_data::CsvOptions { targets: vec!["y".into()], ..Default::default() };
    let text = b"a,b,y\n16777217,1,3\n16777219,2,5\n16777221,4,4\n";
    let table = gradus_data::parse_csv(text, "t.csv", &options).unwrap();
    let set: Arc<dyn Dataset> =
        Arc::new(gradus_data::TabularDataset::new(table, "t.csv", None).unwrap());
    let inputs = Normalization::of(&set).unwrap();
    let targets = Normalization::new(&[4.0], &[2.0]).unwrap();
    let loader = LoaderOptions {
        normalization: Some(inputs.clone()),
        targets: Some(targets.clone()),
        ..LoaderOptions::default()
    };
    let own = Loader::new(set.clone(), loader).unwrap().epoch(0).next().unwrap().unwrap();
    let records = DatasetRecords::new(set).normalized(Some(inputs), Some(targets)).unwrap();
    let batch = &all(&RecordLoader::new(records, RecordOptions::default()).unwrap(), 0)[0];
    assert_eq!(batch.get("x").unwrap().values.as_slice(), Some(&own.inputs[..]));
    assert_eq!(batch.get("t").unwrap().values.as_slice(), Some(&own.targets[..]));
    assert_eq!(batch.get("t").unwrap().shape, [3, 1]);
    let x = batch.get("x").unwrap().values.as_slice::<f32>().unwrap();
    assert!(x[0] < x[2] && x[2] < x[4], "as f32 16777217 would be 16777216: {x:?}");
}

#[test]
fn keys_are_of_content_without_targets() {
    let data = |t: &[i64]| {
        let rows = [vec![1i64, 2], vec![1], vec![1, 2]];
        InMemory::new().ragged("x", rows).and_then(|data| data.field("t", &[], t)).unwrap()
    };
    let keys = |data: &InMemory| [0, 1, 2].map(|i| data.key(i).unwrap());
    let own = keys(&data(&[0, 1, 2]));
    assert_eq!(own, keys(&data(&[5, 5, 5])));
    assert!(own[0] == own[2] && own[0] != own[1]);
    let some = RecordSubset::new(Arc::new(data(&[0, 1, 2])), vec![1, 0]).unwrap();
    assert_eq!((some.len(), some.key(0).unwrap(), some.length(1, 0).unwrap()), (2, own[1], 2));
    assert_eq!(some.sample(1).unwrap().get::<i64>("x").unwrap(), [1, 2]);
}

/// Declares two fields of one name.
struct Twins([FieldSpec; 2]);

impl Records for Twins {
    fn len(&self) -> usize {
        1
    }
    fn fields(&self) -> &[FieldSpec] {
        &self.0
    }
    fn read(&self, _: usize, sample: &mut Sample) -> Result<()> {
        (0..2).try_for_each(|field| sample.put(field, &[0.0f32]))
    }
}

/// Declares `x` f32 `[2]` and `tokens` i64 `[T]`, and keeps to it but in sample 3.
struct Liar(&'static str, [FieldSpec; 2]);

impl Liar {
    fn new(fault: &'static str) -> Liar {
        let x = FieldSpec::new("x", DType::F32, &[2]);
        let x = if fault == "allowed" { x.allow_nan() } else { x };
        Liar(fault, [x, FieldSpec::ragged("tokens", DType::I64, &[])])
    }
}

impl Records for Liar {
    fn len(&self) -> usize {
        6
    }
    fn fields(&self) -> &[FieldSpec] {
        &self.1
    }
    fn read(&self, index: usize, sample: &mut Sample) -> Result<()> {
        let fault = if index == 3 { self.0 } else { "" };
        match fault {
            "dtype" => sample.put(0, &[0.0f64; 2])?,
            "shape" => sample.put(0, &[0.0f32; 3])?,
            "missing" => {}
            "nan" | "allowed" => sample.put(0, &[0.0, f32::NAN])?,
            _ => sample.put(0, &[index as f32; 2])?,
        }
        match fault {
            "twice" => sample.put(0, &[0.0f32; 2])?,
            "number" => sample.put(2, &[0i64])?,
            "panic" => panic!("no sample {index}"),
            _ => {}
        }
        sample.put(1, &vec![1i64; if fault == "empty" { 0 } else { index + 1 }])
    }
}

#[test]
fn a_sample_that_is_not_as_declared_is_refused() {
    let message = |fault, workers| -> String {
        let padding = vec![("tokens".into(), Padding::default())];
        let options = RecordOptions { batch_size: 2, workers, padding, ..RecordOptions::default() };
        let loader = RecordLoader::new(Liar::new(fault), options).unwrap();
        let mut batches = loader.epoch(0);
        assert!(batches.next().unwrap().is_ok());
        match batches.next().unwrap() {
            Ok(_) => "fine".into(),
            Err(error) => {
                assert!(batches.next().is_none(), "nothing comes after an error");
                // The loader goes on after it.
                assert!(loader.epoch(1).next().unwrap().is_ok());
                error.to_string()
            }
        }
    };
    let faults =
        ["dtype", "shape", "missing", "nan", "twice", "number", "panic", "empty", "allowed"];
    expect![[r#"
        field x, sample 3: found f64, expected x f32 [2]
        field x, sample 3: found 3 elements, expected 2 for x f32 [2]
        field x, sample 3: found nothing, expected x f32 [2]
        field x, sample 3: found NaN at element 1, expected finite numbers
        field x, sample 3: found a second row, expected one
        field: found number 2, expected below 2, the number of fields
        loading epoch 0, batch 1 panicked: no sample 3
        field tokens, sample 3: found an empty row, expected at least one (Padding::empty allows none)
        fine"#]]
    .assert_eq(&faults.map(|fault| message(fault, 0)).join("\n"));
    for fault in faults {
        assert_eq!(message(fault, 3), message(fault, 0));
    }
}

#[test]
fn fields_that_cannot_be_are_refused() {
    let new = || InMemory::new().field("x", &[2], &[1.0f32, 2.0, 3.0, 4.0]).unwrap();
    check_message(
        new().field("x", &[], &[1i64, 2]),
        expect!["fields: found two fields named x, expected a name for each"],
    );
    check_message(
        new().ragged("tokens", [vec![1i64]]),
        expect!["field tokens: found 1 sample, expected 2, as many as x has"],
    );
    check_message(
        new().field("t", &[3], &[1u8, 2, 3, 4]),
        expect!["field t: found 4 elements, expected whole samples of t u8 [3]"],
    );
    check_message(
        new().ragged_rows("boxes", &[4], [vec![0.0f32; 4], vec![0.0; 6]]),
        expect!["field boxes, sample 1: found 6 elements, expected whole rows of boxes f32 [T, 4]"],
    );
    check_message(
        new().field("none", &[0], &[0u8; 0]),
        expect!["field none: found 0 elements, expected whole samples of none u8 [0]"],
    );
    let twins = ["x", "x"].map(|name| FieldSpec::new(name, DType::F32, &[]));
    check_message(
        RecordLoader::new(Twins(twins), RecordOptions::default()),
        expect!["fields: found two fields named x, expected a name for each"],
    );
    check_message(
        Sample::new(&[FieldSpec::ragged("deep", DType::U8, &[1; 7])]),
        expect!["field deep: found deep u8 [T, 1, 1, 1, 1, 1, 1, 1], expected at most 6 sizes"],
    );
    check_message(Sample::new(&[]), expect!["fields: found none, expected at least one"]);
    check_message(
        Sample::new(&[FieldSpec::ragged("x", DType::F32, &[2, 0])]),
        expect!["field x: found x f32 [T, 2, 0], expected sizes of at least 1"],
    );
    let sample = anything().sample(0).unwrap();
    check_message(
        sample.get::<f32>("tokens"),
        expect!["field tokens, sample 0: found tokens i64 [T], expected f32"],
    );
    let subset = RecordSubset::new(Arc::new(new()), vec![0, 2]);
    check_message(
        subset,
        expect!["subset: found index 2, expected indices below 2, the number of samples"],
    );
    let text = InMemory::new().ragged("x", [vec![b'a', 0xFF]]).unwrap().sample(0).unwrap();
    check_message(
        text.text("x"),
        expect![
            "field x, sample 0: found invalid utf-8 sequence of 1 bytes from index 1, expected UTF-8"
        ],
    );
}
