//! The numbers of this machine, a case a line: its name, how far others may lie from them, the least that the last may be, the
//! numbers.

use gradus_wasm::CASES;

fn main() {
    for case in &CASES {
        let numbers: Vec<String> = (case.run)().iter().map(f64::to_string).collect();
        println!("{} {:e} {:e} {}", case.name, case.tolerance, case.least, numbers.join(" "));
    }
}
