//! Elements picked out of a buffer by strides: column-major arrays, and tensors that are views.

/// The bytes of the elements of `size` bytes at `offset + Σ index·stride`, in row-major order of the
/// indices below `shape`; offset and strides count elements. `None` where one lies beyond `data`.
///
/// The caller has made sure that the result is of a size worth allocating.
pub(crate) fn gather(
    data: &[u8],
    size: usize,
    offset: usize,
    shape: &[usize],
    strides: &[usize],
) -> Option<Vec<u8>> {
    if shape.contains(&0) {
        return Some(vec![]);
    }
    let last = shape
        .iter()
        .zip(strides)
        .try_fold(offset, |at, (&axis, &stride)| at.checked_add((axis - 1).checked_mul(stride)?))?;
    let end = last.checked_add(1)?.checked_mul(size)?;
    if end > data.len() {
        return None;
    }
    let len: usize = shape.iter().try_fold(1usize, |len, &axis| len.checked_mul(axis))?;
    if is_row_major(shape, strides) {
        return Some(data[offset * size..][..len * size].to_vec());
    }
    let mut out = Vec::with_capacity(len.checked_mul(size)?);
    let mut index = vec![0; shape.len()];
    let mut at = offset;
    for _ in 0..len {
        out.extend_from_slice(&data[at * size..][..size]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= shape[axis] * strides[axis];
            index[axis] = 0;
        }
    }
    Some(out)
}

/// The strides of a column-major array.
pub(crate) fn column_major(shape: &[usize]) -> Option<Vec<usize>> {
    let mut stride = 1usize;
    let strides = shape.iter().map(|&axis| {
        let this = stride;
        stride = stride.checked_mul(axis)?;
        Some(this)
    });
    strides.collect()
}

fn is_row_major(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1;
    shape.iter().zip(strides).rev().all(|(&axis, &stride)| {
        let fits = axis == 1 || stride == expected;
        expected *= axis;
        fits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposed_broadcast_and_out_of_bounds() {
        let data = [0, 1, 2, 3, 4, 5];
        assert_eq!(gather(&data, 1, 0, &[3, 2], &[1, 3]).unwrap(), [0, 3, 1, 4, 2, 5]);
        assert_eq!(gather(&data, 1, 1, &[2, 2], &[3, 1]).unwrap(), [1, 2, 4, 5]);
        assert_eq!(gather(&data, 1, 5, &[2, 2], &[0, 0]).unwrap(), [5; 4]);
        assert_eq!(gather(&data, 2, 1, &[2], &[1]).unwrap(), [2, 3, 4, 5]);
        assert_eq!(gather(&data, 1, 4, &[3], &[1]), None);
        assert!(gather(&data, 1, 9, &[0], &[1]).unwrap().is_empty());
        assert_eq!(gather(&data, 1, 0, &[2, usize::MAX], &[1, usize::MAX]), None);
        assert_eq!(column_major(&[2, 3, 4]).unwrap(), [1, 2, 6]);
    }
}
