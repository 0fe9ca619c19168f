//! Small files that ask for much memory, and things in the place of files.

use gradus_io::log::JsonLog;
use gradus_io::numpy::{parse_npz, write_npz};
use gradus_io::{Budget, DType, NamedArray, RunLock, pickle, read_file, weights};
use std::fs;

/// 72 MiB of zeros in some hundred thousand bytes.
fn bomb() -> Vec<u8> {
    let len = 72 << 20;
    write_npz(&[NamedArray::new("dense1.weight", DType::U8, [len], vec![0; len]).unwrap()]).unwrap()
}

#[test]
fn a_small_archive_does_not_fill_the_memory() {
    let bytes = bomb();
    assert!(bytes.len() < 1 << 20);
    let limit = Budget::default().bytes(bytes.len());
    let told = format!(
        "the member `dense1.weight.npy` unpacks to {} bytes, {limit} are left of the limit",
        (72 << 20) + 128
    );
    assert_eq!(weights::parse(&bytes).unwrap_err().to_string(), told);
    assert_eq!(parse_npz(&bytes, Budget::default()).unwrap_err().to_string(), told);
    // A network of that size takes it.
    let budget = Budget::of_network(18 << 20);
    assert_eq!(weights::parse_within(&bytes, &budget).unwrap().1.len(), 1);
}

/// Each byte of it makes an empty list, which takes fifty bytes.
#[test]
fn a_pickle_of_nothing_but_lists_is_stopped() {
    let mut bytes = vec![0x80, 2];
    bytes.resize(8 << 20, b']');
    let error = pickle::parse(&bytes).unwrap_err().to_string();
    assert!(error.contains("it has more values than a file of this length may"), "{error}");
}

#[cfg(unix)]
#[test]
fn only_files_are_read_and_no_link_is_written_through() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let pipe = f.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (path, found) in
        [(pipe.as_path(), "a named pipe"), (f, "a folder"), ("/dev/zero".as_ref(), "a device")]
    {
        let error = read_file(path).unwrap_err().to_string();
        assert!(error.ends_with(&format!(": found {found}, expected a file")), "{error}");
        assert!(gradus_io::Checkpoint::load(path).unwrap_err().to_string().contains(found));
    }
    fs::write(f.join("precious"), "my only copy").unwrap();
    symlink("precious", f.join("run.lock")).unwrap();
    symlink("precious", f.join("log.jsonl")).unwrap();
    let refused = [
        RunLock::acquire(f).unwrap_err(),
        JsonLog::append(&f.join("log.jsonl")).unwrap_err(),
        gradus_io::log::retain_json_lines(&f.join("log.jsonl"), |_| true).unwrap_err(),
    ];
    for error in refused.map(|error| error.to_string()) {
        assert!(
            error.ends_with("found a symbolic link, expected a file of the run's own"),
            "{error}"
        );
    }
    assert_eq!(fs::read_to_string(f.join("precious")).unwrap(), "my only copy");
}
