//! Prints the browser's half of the messages.

fn main() {
    print!("{}", gradus_lab_core::typescript());
}
