//! Attacks on the command by its files: whatever they hold, it neither panics nor aborts, neither hangs nor fills the memory, and what it
//! refuses it refuses in one line. `cargo xtask hostile` makes many of them, on the optimised program.

mod mutations;
mod targets;

use super::program;
use mutations::{MUTATIONS, Mutation, Random};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use targets::{MADE, MADE_PNG, TARGETS, Target, lay_out, prepare};

/// KiB of address space.
const MEMORY: &str = "1500000";
/// Longer than this is a hang, on a busy machine too.
const LONGEST: Duration = Duration::from_secs(60);
/// Processes at a time.
const AT_ONCE: usize = 2;

/// What panics say. They are caught where they can be, and end as an error; none is meant for users.
const PANICS: &[&str] = &[
    "index out of bounds",
    "argument out of range",
    "out of range for slice",
    "called `Option::unwrap()`",
    "called `Result::unwrap()`",
    "attempt to ",
    "assertion ",
    "capacity overflow",
    "char boundary",
    "not implemented",
    "unreachable code",
    "panicked at",
    "RUST_BACKTRACE",
];

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Accepted,
    Refused,
    Panic,
    Abort,
    Hang,
    Killed,
    ManyLines,
    /// It refused, and left something behind.
    HalfDone,
}

const ENDS: [(End, &str); 8] = [
    (End::Accepted, "accepted"),
    (End::Refused, "refused"),
    (End::Panic, "panics"),
    (End::Abort, "aborts"),
    (End::Hang, "hangs"),
    (End::Killed, "killed"),
    (End::ManyLines, "many lines"),
    (End::HalfDone, "half done"),
];

/// A file that did harm, or did not.
struct Case {
    target: &'static Target,
    mutation: Mutation,
    number: usize,
}

/// `each` attacks on each format. The seldom ones take turns.
fn cases(each: usize) -> Vec<Case> {
    let of = |(t, target): (usize, &'static Target)| {
        (0..each).map(move |number| {
            let at = if each < MUTATIONS.len() { number * 5 + t } else { number };
            Case { target, mutation: MUTATIONS[at % MUTATIONS.len()], number }
        })
    };
    TARGETS.iter().enumerate().flat_map(of).collect()
}

#[test]
fn no_file_does_harm() {
    let asked: Option<usize> = std::env::var("GRADUS_HOSTILE").ok().map(|n| n.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let cases = cases(asked.unwrap_or(5));
    let (next, found) = (AtomicUsize::new(0), Mutex::new(vec![]));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let ended = attack(case, folder.path());
                    found.lock().unwrap().push((case, ended));
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    if asked.is_some() {
        println!("{}", table(&found));
    }
    let bad = |end: End| !matches!(end, End::Accepted | End::Refused);
    let harm: Vec<String> = found
        .iter()
        .filter(|(_, (end, _))| bad(*end))
        .map(|(case, (end, said))| {
            format!("{}, {} {}: {end:?}\n{said}", case.target.name, case.mutation.0, case.number)
        })
        .collect();
    assert!(harm.is_empty(), "{}\n{} of {} did harm", harm.join("\n"), harm.len(), found.len());
}

/// Runs the command on a changed file; gives how it ended and what it said.
fn attack(case: &Case, prepared: &Path) -> (End, String) {
    let Case { target, mutation: (name, mutate), number } = case;
    let folder = prepared.join(format!("case-{}-{name}-{number}", target.name.replace(' ', "")));
    let place = lay_out(target, prepared, &folder);
    let seeds = target.files(prepared);
    let mut random = Random::new((number * 1_000_003 + target.name.len() * 31 + name.len()) as u64);
    let seed = &seeds[random.below(seeds.len())];
    mutate(&place, seed, &mut random);
    let mut ended = run(target.args, &folder);
    if ended.0 == End::Refused && [MADE, MADE_PNG].iter().any(|made| folder.join(made).exists()) {
        ended.0 = End::HalfDone;
    }
    let harmless = matches!(ended.0, End::Accepted | End::Refused);
    if harmless || std::env::var_os("GRADUS_HOSTILE_KEEP").is_none() {
        let _ = fs::remove_dir_all(&folder);
    } else {
        let kept = std::env::temp_dir().join("gradus-hostile");
        let _ = fs::create_dir_all(&kept);
        let _ = fs::rename(&folder, kept.join(folder.file_name().unwrap()));
    }
    ended
}

fn run(args: &[&str], folder: &Path) -> (End, String) {
    let script = format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\"");
    let said = |name: &str| fs::File::create(folder.join(name)).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", &script]).arg(program()).args(args).current_dir(folder);
    command.env_remove("GRADUS_DATA").stdin(Stdio::null());
    let mut child = command.stdout(said(".out")).stderr(said(".err")).spawn().unwrap();
    let clock = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if clock.elapsed() > LONGEST => {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let said = String::from_utf8_lossy(&fs::read(folder.join(".err")).unwrap()).into_owned();
    let code = status.map(|status| status.code());
    let end = match code {
        None => End::Hang,
        Some(None | Some(134)) if said.contains("memory allocation") => End::Abort,
        Some(Some(137)) => End::Killed,
        Some(None | Some(134)) => End::Abort,
        Some(Some(101)) => End::Panic,
        Some(Some(_)) if PANICS.iter().any(|panic| error(&said).contains(panic)) => End::Panic,
        Some(Some(1)) if lines(error(&said)) != 1 => End::ManyLines,
        Some(Some(0)) => End::Accepted,
        Some(Some(_)) => End::Refused,
    };
    (end, said)
}

/// What is said from the error on.
fn error(said: &str) -> &str {
    match said.starts_with("error: ") {
        true => said,
        false => said.find("\nerror: ").map_or("", |at| &said[at + 1..]),
    }
}

/// Lines of an error. Commands that help follow on lines of their own.
fn lines(error: &str) -> usize {
    error.lines().take_while(|line| !line.starts_with("  gradus ")).count()
}

/// How attacks ended, format by format.
fn table(found: &[(&Case, (End, String))]) -> String {
    let mut counts: BTreeMap<(&str, End), usize> = BTreeMap::new();
    for (case, (end, _)) in found {
        *counts.entry((case.target.name, *end)).or_default() += 1;
    }
    let mut text = format!("{:<18}", "format");
    ENDS.iter().for_each(|(_, name)| text += &format!("{name:>11}"));
    let count = |name: &str, end: End| counts.get(&(name, end)).copied().unwrap_or(0);
    for target in TARGETS {
        text += &format!("\n{:<18}", target.name);
        ENDS.iter().for_each(|(end, _)| text += &format!("{:>11}", count(target.name, *end)));
    }
    text += &format!("\n{:<18}", "all");
    for (end, _) in ENDS {
        let all: usize = TARGETS.iter().map(|target| count(target.name, end)).sum();
        text += &format!("{all:>11}");
    }
    text
}
