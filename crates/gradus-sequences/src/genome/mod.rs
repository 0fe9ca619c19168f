//! Classifiers of sequences of nucleotides, such as whether a place in a gene is a border of an exon.   ids `[B, T]`   scores `[B, C]`
//!
//! [`Genomes`] are labelled sequences of a FASTA file; [`GenomeModel`] describes the network, whose first layer's filters slide along the letters;
//! [`Genome`] is the system that trains it, and draws what each of its most telling filters looks for as a logo; [`GenomeReader`] says what a sequence
//! is.   Alipanahi et al. 2015, Nature Biotechnology 33, 831

mod fasta;
mod logo;
mod network;
mod set;
mod system;

pub use fasta::{Entry, LETTERS, code, codes, parse_fasta};
pub use logo::{Motif, draw};
pub use network::{GenomeModel, GenomeNetwork, GenomeReader};
pub use set::Genomes;
pub use system::Genome;
