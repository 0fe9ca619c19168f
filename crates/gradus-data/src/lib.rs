//! Data sets, loaders and transforms of Gradus.
//!
//! The walk of a sample of one shape, such as a picture with a label: a reader (`read/`) turns outside bytes into a [`Dataset`]; a
//! [`Loader`] draws its samples in a seeded order, applies [`Augment`]s and a [`Normalization`], and hands out flat f32 [`Batch`]es.
//!
//! The walk of any sample: [`Records`] have typed fields by name ([`FieldSpec`]), some *ragged*, with a first axis that differs from sample
//! to sample; they write them into a [`Sample`]. A [`RecordLoader`] draws samples of like length ([`Bucketing`]) in a seeded
//! order, applies [`Transform`]s (a picture and its mask turn together, [`OnFields`]), stacks fixed fields and pads ragged ones
//! ([`Padding`]), and hands out [`RecordBatch`]es with lengths, masks and what they weigh ([`UnitsOf`]). A data set is records too
//! ([`DatasetRecords`]). Both loaders have one machinery of threads and buffers, `prefetch.rs`.
//!
//! Invariants: no tensors here; a batch's bits depend on (data, options, seed, position) only, never on thread timing;
//! no reader allocates by an unchecked header; every error names the file, what was found and what was expected.
//!
//! ```
//! use gradus_data::{Affine, Loader, LoaderOptions, Normalization, OpenOptions, open};
//! use std::sync::Arc;
//!
//! let digits = open("mnist-5k", &OpenOptions::from_environment())?;
//! let options = LoaderOptions {
//!     batch_size: 64,
//!     shuffle: true,
//!     seed: 1,
//!     augment: vec![Arc::new(Affine { degrees: 10.0, shift: 2.0, scale: 0.1 })],
//!     normalization: Some(Normalization::of(&digits.train)?),
//!     ..LoaderOptions::default()
//! };
//! let loader = Loader::new(digits.train, options)?;
//! let mut seen = 0;
//! for batch in loader.epoch(0) {
//!     let batch = batch?; // f32 inputs [n, 1, 28, 28] and i64 labels
//!     seen += batch.len();
//! }
//! assert_eq!(seen, 4_000);
//! # Ok::<(), gradus_data::DataError>(())
//! ```
//!
//! Lists of tokens, each as long as it is, with a label:
//!
//! ```
//! use gradus_data::{InMemory, Padding, RecordLoader, RecordOptions};
//!
//! let texts = InMemory::new().ragged("x", [vec![5i64, 2, 7], vec![7]])?.field("t", &[], &[0i64, 1])?;
//! let padding = vec![("x".into(), Padding::default())];
//! let loader = RecordLoader::new(texts, RecordOptions { padding, ..RecordOptions::default() })?;
//! let batch = loader.epoch(0).next().unwrap()?; // i64 x [2, 3], t [2] and lengths [2]
//! assert_eq!(batch.get("x")?.values.as_slice(), Some(&[5i64, 2, 7, 7, 0, 0][..]));
//! assert_eq!(batch.get("lengths")?.values.as_slice(), Some(&[3i64, 1][..]));
//! # Ok::<(), gradus_data::DataError>(())
//! ```

mod augment;
mod bucket;
mod collate;
mod dataset;
mod digest;
mod embedded;
mod error;
#[cfg(feature = "fetch")]
mod fetch;
mod field;
mod filled;
mod image_set;
mod in_memory;
pub mod kernels;
mod key;
mod label;
mod loader;
mod locate;
mod motion;
mod named;
mod normalization;
mod on_fields;
mod open;
mod parts;
mod photo;
mod prefetch;
mod random;
mod read;
mod record_loader;
mod records;
mod sample;
mod spelling;
mod split;
mod tabular;
mod target;
pub mod toy;
mod transform;
mod values;

pub use augment::{Affine, Augment, CenterCrop, ColorJitter, HorizontalFlip, RandomCrop};
pub use bucket::{Bucketing, Buckets};
pub use collate::{BatchField, Padding, RecordBatch, UnitsOf};
pub use dataset::{ColumnNames, Dataset, Relabelled, Subset, labels_of};
pub use digest::{Content, Fingerprint, fingerprint};
pub use embedded::{mnist_5k, mnist_5k_split};
pub use error::{DataError, Place, Result, count, quote};
#[cfg(feature = "fetch")]
pub use fetch::{Progress, download, fetch};
pub use field::{FieldSpec, Name};
pub use filled::{Filled, means_of};
pub use gradus_base::DType;
pub use image_set::ImageDataset;
pub use in_memory::InMemory;
pub use key::Key;
pub use label::label_spelling;
pub use loader::{Batch, Loader, LoaderOptions};
pub use locate::{Places, cache_folder};
pub use motion::{Motion, Warp};
pub use named::{NamedSet, RemoteFile, SETS, named};
pub use normalization::Normalization;
pub use on_fields::OnFields;
pub use open::{OpenOptions, Splits, has_test_part, open, open_path};
pub use photo::{PcaColor, RandomResizedCrop, Resize, ScaleJitter, TenCrop};
pub use prefetch::{BatchGuard, Batches, Position};
pub use random::{Rng, rng_for_augment};
pub use read::cifar::{CIFAR10_CLASSES, Cifar100Labels, parse_cifar10, parse_cifar100, read_cifar};
pub use read::csv::{
    ColumnForm, ColumnSummary, CsvOptions, Decimal, Header, LabelColumn, Missing, Table,
    TableSummary, Texts, csv_texts, parse_csv, parse_csv_header, read_csv, summarize_csv,
};
pub use read::folder::ImageFolder;
pub use read::idx::{Idx, encode_idx, parse_idx, read_idx, read_idx_images};
pub use read::listing::{is_hidden, is_picture};
pub use read::picture::{Fit, ImageInfo, ImageOptions, RawImage, image_info, parse_image};
pub use read::text::{Encoding, TextForm, decode_text, survey_text};
pub use read::unreadable::{Skip, Unreadable};
pub use read::{open_file, read_file};
pub use record_loader::{RecordLoader, RecordOptions};
pub use records::{DatasetRecords, RecordSubset, Records};
pub use sample::Sample;
pub use spelling::closest;
pub use split::{HoldOut, Split, stratified_split};
pub use tabular::TabularDataset;
pub use target::{Targets, target_of};
pub use transform::{Normalize, Transform};
pub use values::Values;
