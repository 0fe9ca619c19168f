//! Tests of the public API, one binary.

mod augment;
mod bucket;
mod csv;
mod csv_columns;
mod csv_dialects;
#[cfg(feature = "fetch")]
mod fetch;
mod folder;
mod folder_contents;
mod idx;
mod loader;
mod named;
mod photo;
mod record_rules;
mod records;
mod sets;
mod split;
mod targets;
mod transform;

use expect_test::Expect;
use gradus_data::Result;

/// Compares an error's message, with `folder` (a temporary one) written as `DIR`.
fn check_error<T>(result: Result<T>, folder: &std::path::Path, expect: Expect) {
    let Err(error) = result else { panic!("expected an error: {}", expect.data) };
    expect.assert_eq(&error.to_string().replace(&folder.display().to_string(), "DIR"));
}

/// The same for messages that name no folder.
fn check_message<T>(result: Result<T>, expect: Expect) {
    check_error(result, std::path::Path::new("\0"), expect);
}
