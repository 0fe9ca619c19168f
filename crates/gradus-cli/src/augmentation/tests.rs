//! What recipes and options may say of images, and how what they may not is told.

use super::*;

fn changes(text: &str) -> Vec<Augmentation> {
    list(text).unwrap()
}

/// What a file with these entries holds.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct File {
    #[serde(deserialize_with = "entries")]
    augment: Vec<Augmentation>,
}

fn refusal(augment: &str) -> String {
    let error = toml::from_str::<File>(&format!("augment = [{augment}]")).unwrap_err();
    error.message().to_owned()
}

#[test]
fn commas_in_brackets_divide_nothing() {
    let found = changes("scale-jitter(256, 480), crop(224),flip,");
    let jitter = Augmentation::ScaleJitter { shortest: 256, longest: 480 };
    assert_eq!(found, [jitter, Augmentation::Crop { size: 224 }, Augmentation::Flip {}]);
}

#[test]
fn sides_follow_from_the_changes() {
    let of = |text: &str| sides(&changes(text));
    assert_eq!(of("resize(256),crop(227),flip"), (Some(256), Some(227)));
    assert_eq!(of("scale-jitter(256, 480),crop(224)"), (Some(480), Some(224)));
    assert_eq!(of("random-resized-crop(224),flip"), (Some(256), Some(224)));
    assert_eq!(of("resize(64),flip"), (Some(64), Some(64)));
    assert_eq!(of("flip,shift(2)"), (None, None));
    assert!(list::<Augmentation>("crop(1.5)").is_err());
}

/// Texts and tables say the same, with the same usual numbers; what is written is tables.
#[test]
fn texts_and_tables() {
    let read = |text: &str| toml::from_str::<File>(&format!("augment = [{text}]")).unwrap();
    for (text, table) in [
        ("shift", "{ kind = \"shift\" }"),
        ("shift(0)", "{ kind = \"shift\", padding = 0 }"),
        ("shift(4)", "{ kind = \"shift\", padding = 4 }"),
        ("flip", "{ kind = \"flip\" }"),
        ("affine", "{ kind = \"affine\" }"),
        ("affine", "{ kind = \"affine\", degrees = 10, scale = 0.1 }"),
        ("affine(5, 1.4, 0.1)", "{ kind = \"affine\", degrees = 5, shift = 1.4, scale = 0.1 }"),
        ("resize(256)", "{ kind = \"resize\", size = 256 }"),
        ("crop(224)", "{ kind = \"crop\", size = 224 }"),
        ("random-resized-crop(224)", "{ kind = \"random-resized-crop\", size = 224 }"),
        ("scale-jitter(256, 480)", "{ kind = \"scale-jitter\", shortest = 256, longest = 480 }"),
        ("pca-colour(0.1)", "{ kind = \"pca-colour\", deviation = 0.1 }"),
        ("colour-jitter", "{ kind = \"colour-jitter\", contrast = 0.4 }"),
        (
            "colour-jitter(0.1, 0, 1)",
            "{ kind = \"colour-jitter\", brightness = 0.1, contrast = 0, saturation = 1 }",
        ),
    ] {
        let (of_text, of_table) = (read(&format!("{text:?}")), read(table));
        assert_eq!(of_text, of_table, "{text}");
        let written = toml::to_string(&of_text).unwrap();
        assert!(written.starts_with("[[augment]]\nkind = "), "{written}");
        assert_eq!(toml::from_str::<File>(&written).unwrap(), of_text);
        let json = serde_json::to_string(&of_text).unwrap();
        assert_eq!(serde_json::from_str::<File>(&json).unwrap(), of_text);
    }
    let usual = read("{ kind = \"random-resized-crop\", size = 224 }");
    let (scale, ratio) = ((0.08, 1.0), (0.75, 4.0 / 3.0));
    assert_eq!(usual.augment, [Augmentation::RandomResizedCrop { size: 224, scale, ratio }]);
}

#[test]
fn numbers_that_make_no_sense_are_refused_by_their_keys() {
    let refused = |table: &str| {
        let file: File = toml::from_str(&format!("augment = [{{ {table} }}]")).unwrap();
        let Misstated { at, what } = check(&file.augment).unwrap_err();
        assert_eq!(at, Some(0));
        what.split_once(" }: ").unwrap().1.to_owned()
    };
    let crop = "kind = \"random-resized-crop\", size = 8";
    for (table, told) in [
        ("kind = \"affine\", degrees = -5", "degrees: found -5, expected 0 or more"),
        ("kind = \"affine\", shift = -1", "shift: found -1, expected 0 or more"),
        ("kind = \"affine\", scale = 1.5", "scale: found 1.5, expected from 0 to below 1"),
        (
            &format!("{crop}, scale = [1.0, 0.25]"),
            "scale: found [1.0, 0.25], expected two shares above 0, the smaller first, at most 1",
        ),
        (
            &format!("{crop}, ratio = [0, 1.0]"),
            "ratio: found [0.0, 1.0], expected two numbers above 0, the smaller first",
        ),
        (
            "kind = \"scale-jitter\", shortest = 9, longest = 8",
            "longest: found 8, expected at least 9",
        ),
        ("kind = \"pca-colour\", deviation = -1", "deviation: found -1, expected 0 or more"),
        ("kind = \"colour-jitter\", contrast = 2", "contrast: found 2, expected from 0 to 1"),
    ] {
        assert_eq!(refused(table), told);
    }
    assert!(check(&changes("affine,shift,flip,random-resized-crop(8)")).is_ok());
}

#[test]
fn nothing_is_left_of_a_picture_that_is_shifted_by_its_side() {
    let room = |text: &str| require_room(&changes(text), &[1, 28, 28]).map_err(|e| e.to_string());
    let told =
        "augment, shift(28): found a shift by 28, expected fewer pixels than the 28 of the images";
    assert_eq!(room("shift(28)"), Err(told.into()));
    assert!(room("shift(27),affine(5, 27, 0.1),resize(64),shift(63)").is_ok());
    assert!(room("crop(8),affine(5, 8, 0.1)").unwrap_err().contains("affine(5, 8, 0.1)"));
}

#[test]
fn one_table_or_one_text_is_a_list_of_one() {
    let read = |value: &str| toml::from_str::<File>(&format!("augment = {value}"));
    let flip = vec![Augmentation::Flip {}];
    assert_eq!(read("{ kind = \"flip\" }").unwrap().augment, flip);
    assert_eq!(read("\"flip\"").unwrap().augment, flip);
    assert_eq!(read("\"flip, crop(2)\"").unwrap().augment, changes("flip,crop(2)"));
    assert_eq!(read("\"none\"").unwrap().augment, []);
    let mixed = list::<Augmentation>("none,flip").unwrap_err().to_string();
    assert_eq!(mixed, "augmentation \"none,flip\": expected none alone, or others without none");
}

#[test]
fn what_is_none_is_refused_by_name() {
    let kinds = "There are: shift, flip, affine, resize, crop, random-resized-crop, scale-jitter, pca-colour, colour-jitter";
    let flop = format!("unknown augmentation \"flop\"; did you mean \"flip\"? {kinds}");
    assert_eq!(refusal("\"flop\""), flop);
    assert_eq!(refusal("{ kind = \"flop\" }"), flop);
    for (table, told) in [
        (
            "{ kind = \"affine\", degree = 3 }",
            "unknown key of affine \"degree\"; did you mean \"degrees\"? There are: degrees, shift, scale",
        ),
        (
            "{ kind = \"flip\", p = 0.3 }",
            "augmentation { kind = \"flip\", p = 0.3 }: expected no p: flip has no entries",
        ),
        ("{ kind = \"crop\" }", "augmentation { kind = \"crop\" }: expected size, too"),
        (
            "{ kind = \"crop\", size = 1.5 }",
            "augmentation { kind = \"crop\", size = 1.5 }: size: found 1.5, expected a number in whole pixels from 1 to 16384",
        ),
        (
            "{ kind = \"affine\", shift = nan }",
            "augmentation { kind = \"affine\", shift = nan }: shift: found nan, expected a finite number",
        ),
        (
            "{ kind = \"affine\", shift = \"2\" }",
            "augmentation { kind = \"affine\", shift = \"2\" }: shift: found \"2\", expected a number",
        ),
        ("{ size = 3 }", "augmentation { size = 3 }: expected a kind, one of shift, flip, affine"),
        ("3", "augmentation: found 3, expected tables such as { kind = \"shift\" }"),
        (
            "\"affine(5, 1)\"",
            "augmentation \"affine(5, 1)\": expected affine or affine(DEGREES, SHIFT, SCALE)",
        ),
        (
            "\"colour-jitter(0.1)\"",
            "augmentation \"colour-jitter(0.1)\": expected colour-jitter or colour-jitter(BRIGHTNESS, CONTRAST, SATURATION)",
        ),
        (
            "{ kind = \"random-resized-crop\", size = 8, scale = [nan, 1.0] }",
            "augmentation { kind = \"random-resized-crop\", scale = [nan, 1.0], size = 8 }: scale: found [nan, 1.0], expected a finite number",
        ),
        ("\"crop\"", "augmentation \"crop\": expected crop(PIXELS)"),
        (
            "\"crop(0.5)\"",
            "augmentation \"crop(0.5)\": expected crop(PIXELS): size: found 0.5, expected a number in whole pixels from 1 to 16384",
        ),
        ("\"crop(2, 3)\"", "augmentation \"crop(2, 3)\": expected crop(PIXELS)"),
        ("\"flip(1)\"", "augmentation \"flip(1)\": expected flip"),
        ("\"crop(,2)\"", "augmentation \"crop(,2)\": expected a name and perhaps numbers"),
        (
            "\"shift(4\"",
            "augmentation \"shift(4\": expected a name and perhaps numbers, such as shift(4)",
        ),
        ("\"shift(1, 2)\"", "augmentation \"shift(1, 2)\": expected shift or shift(PIXELS)"),
        (
            "\"pca-colour\"",
            "augmentation \"pca-colour\": expected pca-colour(DEVIATION), 0.1 in the paper",
        ),
        (
            "\"scale-jitter(8)\"",
            "augmentation \"scale-jitter(8)\": expected scale-jitter(SHORTEST, LONGEST) and crop(PIXELS) after it",
        ),
        (
            "\"colour-jitter(1, 1, 1, 1)\"",
            "augmentation \"colour-jitter(1, 1, 1, 1)\": expected colour-jitter or colour-jitter(BRIGHTNESS, CONTRAST, SATURATION)",
        ),
    ] {
        assert!(refusal(table).starts_with(told), "{}", refusal(table));
    }
}

#[test]
fn each_kind_is_listed_for_the_help() {
    let lines = usages::<Augmentation>();
    assert_eq!(lines.lines().count(), kinds::<Augmentation>().len());
    for line in [
        "flip",
        "affine or affine(DEGREES, SHIFT, SCALE)",
        "pca-colour(DEVIATION)",
        "random-resized-crop(PIXELS); in a table also scale, ratio",
    ] {
        assert!(lines.lines().any(|found| found == line), "{line} is not in:\n{lines}");
    }
}
