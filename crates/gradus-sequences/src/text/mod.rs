//! Classes of texts: whether a review praises or not.   ids `[B, T, 1 + N]`   scores `[B, C]`
//!
//! [`Texts`] are labelled texts, of a table or of folders, a part of which is only tested on; [`SentimentModel`] describes the network; [`Sentiment`] is the
//! system that trains it. A trained network is a [`Classifier`]: it says what a text is taken for, and which of its words speak for it.
//!
//! Two readers go together in a network: one sees words in their order (a recurrent net, a convolution, or the mean of their vectors), the other only which
//! words and groups of words occur, whose weights begin as those of naive Bayes (Wang and Manning 2012, "Baselines and bigrams").

mod classifier;
mod grams;
mod network;
mod records;
mod system;
pub(crate) mod table;
mod texts;

pub use classifier::{Classified, Classifier, as_html, on_terminal};
pub use network::{Architecture, Pooling, SentimentModel, SentimentNetwork};
pub use system::Sentiment;
pub use table::TextColumns;
pub use texts::Texts;
