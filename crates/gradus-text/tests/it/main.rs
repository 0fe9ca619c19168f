//! Tests of the public API, one binary.

mod arpa;
mod batches;
mod hugging_face;
mod ngram;
mod reading;
mod stream;
mod tokenizer;
mod vectors;

use expect_test::Expect;
use gradus_text::Result;

/// Compares an error's message.
fn check_message<T>(result: Result<T>, expect: Expect) {
    let Err(error) = result else { panic!("expected an error: {}", expect.data) };
    expect.assert_eq(&error.to_string());
}
