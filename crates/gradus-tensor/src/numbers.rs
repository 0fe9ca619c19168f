//! Tensors of numbers that lie in arrays and vectors.

use crate::Tensor;
use gradus_base::{Element, Error, bf16, f16};

/// A number, or an array, a vector or a slice of such, nested as deeply as a tensor has axes.
///
/// ```
/// use gradus_tensor::{DType, Tensor};
/// let rows: Vec<Vec<f32>> = vec![vec![1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0]];
/// assert_eq!(Tensor::from(&rows).shape().to_string(), "[2, 3]");
/// assert_eq!(Tensor::from(vec![[0u8, 255]; 4]).shape().to_string(), "[4, 2]");
/// assert_eq!(Tensor::from(&rows[0][1..]).to_vec::<f32>(), [2.0, 3.0]);
/// // Rust's literals are f64 and i32 unless it is told; f32 is what layers compute in, i64 what labels are.
/// assert_eq!(Tensor::from([1.0, 2.0]).dtype(), DType::F64);
/// assert_eq!(Tensor::from([1f32, 2.0]).dtype(), DType::F32);
/// ```
pub trait Numbers: sealed::Sealed + Sized {
    /// The type of the elements.
    type Number: Element;
    /// Adds the size of each axis, as the first of these has it.
    #[doc(hidden)]
    fn sizes(first: Option<&Self>, sizes: &mut Vec<usize>);
    /// Adds the numbers of all of these, which are at `path`, to `into`.
    ///
    /// # Errors
    /// When one of them is not of these sizes.
    #[doc(hidden)]
    fn append(
        all: &[Self],
        sizes: &[usize],
        path: &mut Vec<usize>,
        into: &mut Vec<Self::Number>,
    ) -> Result<(), Error>;
}

mod sealed {
    pub trait Sealed {}
}

impl<V: Numbers> From<V> for Tensor {
    /// The tensor of these numbers: row-major, an axis for each level of nesting.
    ///
    /// **Shape** `[]` of a number, `[N]` of N numbers, `[M, N]` of M rows of N numbers, and so on.
    ///
    /// # Panics
    /// If rows differ in their length.
    ///
    /// ```
    /// use gradus_tensor::{Tensor, try_build};
    /// assert_eq!(Tensor::from(vec![1f32, 2.0]).shape().to_string(), "[2]");
    /// let ragged = vec![vec![1f32, 2.0], vec![3.0]];
    /// let e = try_build(|| Tensor::from(&ragged)).unwrap_err().to_string();
    /// assert!(e.starts_with("from: row 1 is 1 long, the first row 2; expected the same"), "{e}");
    /// ```
    #[track_caller]
    fn from(values: V) -> Tensor {
        let mut sizes = vec![];
        V::sizes(Some(&values), &mut sizes);
        let mut all = Vec::with_capacity(sizes.iter().product());
        match V::append(std::slice::from_ref(&values), &sizes, &mut vec![], &mut all) {
            Ok(()) => Tensor::from_slice(&all, sizes.as_slice()),
            Err(error) => Tensor::refuse(error),
        }
    }
}

impl<T: Element> FromIterator<T> for Tensor {
    /// The tensor of the numbers that an iterator gives.
    ///
    /// **Shape** `[N]` of N numbers.
    ///
    /// # Panics
    /// Never.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let squares: Tensor = (0..4).map(|i| (i * i) as f32).collect();
    /// assert_eq!(squares.to_vec::<f32>(), [0.0, 1.0, 4.0, 9.0]);
    /// ```
    fn from_iter<I: IntoIterator<Item = T>>(numbers: I) -> Tensor {
        let all: Vec<T> = numbers.into_iter().collect();
        Tensor::from_slice(&all, [all.len()])
    }
}

/// A number is a tensor without axes.
macro_rules! number {
    ($($t:ty),*) => {$(
        impl sealed::Sealed for $t {}
        impl Numbers for $t {
            type Number = $t;
            fn sizes(_: Option<&$t>, _: &mut Vec<usize>) {}
            fn append(
                all: &[$t],
                _: &[usize],
                _: &mut Vec<usize>,
                into: &mut Vec<$t>,
            ) -> Result<(), Error> {
                into.extend_from_slice(all);
                Ok(())
            }
        }
    )*};
}
number!(f32, f64, f16, bf16, i32, i64, u8, bool);

/// What lists numbers or lists of them adds an axis.
macro_rules! list {
    ($([$($generic:tt)*] $list:ty),*) => {$(
        impl<$($generic)*> sealed::Sealed for $list {}
        impl<$($generic)*> Numbers for $list {
            type Number = T::Number;
            fn sizes(first: Option<&Self>, sizes: &mut Vec<usize>) {
                let list: &[T] = first.map_or(&[], |list| &list[..]);
                sizes.push(list.len());
                T::sizes(list.first(), sizes);
            }
            fn append(
                all: &[Self],
                sizes: &[usize],
                path: &mut Vec<usize>,
                into: &mut Vec<T::Number>,
            ) -> Result<(), Error> {
                for (at, list) in all.iter().enumerate() {
                    path.push(at);
                    if list.len() != sizes[0] {
                        return Err(other_length(path, list.len(), sizes[0]));
                    }
                    T::append(&list[..], &sizes[1..], path, into)?;
                    path.pop();
                }
                Ok(())
            }
        }
    )*};
}
list!(
    [T: Numbers] Vec<T>,
    [T: Numbers] &Vec<T>,
    [T: Numbers] &[T],
    [T: Numbers, const N: usize] [T; N],
    [T: Numbers, const N: usize] &[T; N]
);

/// The error of a row at `path`, whose first number is that of all rows together.
fn other_length(path: &[usize], found: usize, first: usize) -> Error {
    let row: Vec<String> = path[1..].iter().map(usize::to_string).collect();
    let what = format!(
        "row {} is {found} long, the first row {first}; expected the same length for all",
        row.join(", ")
    );
    Error::shape("from", what)
}

#[cfg(test)]
mod tests {
    use crate::{DType, Tensor, try_build};

    #[test]
    fn lists_of_lists_are_tensors() {
        let rows = vec![vec![1f32, 2.0], vec![3.0, 4.0], vec![5.0, 6.0]];
        let flat = [1f32, 2.0, 3.0, 4.0, 5.0, 6.0];
        let all = [
            Tensor::from(rows.clone()),
            Tensor::from(&rows),
            Tensor::from(&rows[..]),
            Tensor::from([[1f32, 2.0], [3.0, 4.0], [5.0, 6.0]]),
            Tensor::from(&[[1f32, 2.0], [3.0, 4.0], [5.0, 6.0]]),
            Tensor::from(vec![[1f32, 2.0], [3.0, 4.0], [5.0, 6.0]]),
            Tensor::from([&flat[..2], &flat[2..4], &flat[4..]]),
        ];
        for (case, x) in all.iter().enumerate() {
            assert_eq!((x.shape(), x.to_vec::<f32>()), ([3, 2].into(), flat.to_vec()), "{case}");
        }
        assert_eq!(Tensor::from(&[[[[7u8; 5]; 4]; 3]; 2]).shape(), [2, 3, 4, 5].into());
        assert_eq!(Tensor::from(true).shape(), ().into());
        assert_eq!(Tensor::from(vec![1i64]).dtype(), DType::I64);
        assert_eq!(Tensor::from(Vec::<f32>::new()).shape(), [0].into());
        assert_eq!(Tensor::from(Vec::<Vec<[f32; 3]>>::new()).shape(), [0, 0, 0].into());
        assert_eq!(Tensor::from(vec![Vec::<f32>::new(); 2]).shape(), [2, 0].into());
    }

    #[test]
    fn rows_of_different_lengths_are_told_by_their_place() {
        let said = |x: fn() -> Tensor| try_build(x).unwrap_err().to_string();
        let e = said(|| Tensor::from(vec![vec![1f32], vec![2.0], vec![]]));
        let want =
            "from: row 2 is 0 long, the first row 1; expected the same length for all\n  at ";
        assert!(e.starts_with(want) && e.contains("numbers.rs:"), "{e}");
        let e = said(|| Tensor::from([vec![vec![1i64, 2]], vec![vec![3]]]));
        assert!(e.starts_with("from: row 1, 0 is 1 long, the first row 2;"), "{e}");
    }
}
