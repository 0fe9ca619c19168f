//! The names that a worker calls.
#![allow(unsafe_code)] // of an exported name only the linker knows that it is the only one

use crate::Held;
use std::cell::RefCell;

thread_local! {
    static HELD: RefCell<Held> = RefCell::default();
}

/// Makes room for a message of so many bytes; gives where it lies.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn input(len: usize) -> *mut u8 {
    HELD.with_borrow_mut(|held| {
        held.input.clear();
        held.input.resize(len, 0);
        held.input.as_mut_ptr()
    })
}

/// Where the last answer lies.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn output() -> *const u8 {
    HELD.with_borrow(|held| held.output.as_ptr())
}

/// Does something; gives the length of the answer.
fn answer(does: impl FnOnce(&mut Held)) -> usize {
    HELD.with_borrow_mut(|held| {
        does(held);
        held.output.len()
    })
}

/// Opens the page that the message, a `Hello`, asks for.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn greet() -> usize {
    answer(Held::greet)
}

/// Takes up what `save` gave.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn restore() -> usize {
    answer(Held::restore)
}

/// Does what the message, a `Command`, says.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn handle() -> usize {
    answer(Held::handle)
}

/// Takes the next small piece of work; gives 1 while there is more.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn work() -> u32 {
    HELD.with_borrow_mut(|held| u32::from(held.work()))
}

/// All that the session holds.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn save() -> usize {
    answer(Held::save)
}
