//! Logs: a kill in mid-line costs that line and nothing else.

use gradus_io::log::{JsonLog, parse_json_lines, read_json_lines, retain_json_lines};
use proptest::prelude::*;
use serde_json::json;
use std::fs;

proptest! {
    /// Wherever the file is cut, the whole lines before are read, and the log can go on.
    #[test]
    fn a_cut_json_log_goes_on(
        losses in prop::collection::vec(any::<f32>(), 1..5),
        cut in 0usize..200,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let mut log = JsonLog::append(&path).unwrap();
        for (step, loss) in losses.iter().enumerate() {
            log.write(&json!({"step": step, "loss": loss})).unwrap();
        }
        drop(log);
        let bytes = fs::read(&path).unwrap();
        let cut = cut.min(bytes.len());
        fs::write(&path, &bytes[..cut]).unwrap();
        let whole = bytes[..cut].iter().filter(|&&byte| byte == b'\n').count();
        // A cut just before the newline loses nothing.
        let whole = whole + usize::from(cut > 0 && bytes.get(cut) == Some(&b'\n'));
        let torn = read_json_lines(&path).unwrap();
        prop_assert_eq!(torn.records.len(), whole);
        JsonLog::append(&path).unwrap().write(&json!({"step": 99})).unwrap();
        let log = read_json_lines(&path).unwrap();
        prop_assert!(!log.torn);
        prop_assert_eq!(&log.records[..whole], &torn.records[..]);
        prop_assert_eq!(log.records.len(), whole + 1);
    }

    #[test]
    fn any_bytes_are_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = parse_json_lines(&bytes);
    }
}

#[test]
fn a_bad_line_in_the_middle_is_an_error_of_its_line() {
    let error = parse_json_lines(b"{\"a\":1}\n{\"a\":\n{\"a\":2}\n").unwrap_err().to_string();
    assert!(error.starts_with("line 2: not JSON: "), "{error}");
    let error = parse_json_lines(b"{}\n5\n").unwrap_err().to_string();
    assert_eq!(error, "line 2: expected an object");
    let torn = parse_json_lines(b"{\"a\":1}\n\0\0\0\0").unwrap();
    assert!(torn.torn && torn.records == [json!({"a": 1})]);
}

#[test]
fn a_resumed_run_drops_what_it_will_log_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    let mut log = JsonLog::append(&path).unwrap();
    for step in 0..10 {
        log.write(&json!({"step": step})).unwrap();
    }
    log.sync().unwrap();
    retain_json_lines(&path, |record| record["step"].as_u64() < Some(6)).unwrap();
    let steps: Vec<_> =
        read_json_lines(&path).unwrap().records.iter().map(|r| r["step"].as_u64()).collect();
    assert_eq!(steps, (0..6).map(Some).collect::<Vec<_>>());
    let error = JsonLog::append(&path).unwrap().write(&5).unwrap_err().to_string();
    assert_eq!(error, "a log record must be an object, not 5");
}
