//! Whether a file's names were sorted, so that their order says nothing.

use gradus_io::NamedArray;

/// Whether a file's arrays lie in the plain order of their names, letter by letter: what safetensors and HDF5 do, after the
/// element types or folder by folder. Their order then says nothing of the network's.
pub(super) fn is_sorted(arrays: &[NamedArray]) -> bool {
    let mut types = vec![];
    arrays.chunk_by(|a, b| a.dtype == b.dtype).all(|run| {
        let is_new = !types.contains(&run[0].dtype);
        types.push(run[0].dtype);
        is_new && (run.is_sorted_by_key(|array| &array.name) || run.is_sorted_by(by_folders))
    })
}

fn by_folders(a: &NamedArray, b: &NamedArray) -> bool {
    let folders = |array: &NamedArray| -> Vec<String> {
        array.name.split(['.', '/']).map(str::to_owned).collect()
    };
    folders(a) <= folders(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_io::DType;

    #[test]
    fn sorted_files_are_known() {
        let file = |names: &[(&str, DType)]| {
            let array = |&(name, dtype): &(&str, DType)| NamedArray {
                name: name.into(),
                dtype,
                shape: vec![0],
                data: vec![],
            };
            is_sorted(&names.iter().map(array).collect::<Vec<_>>())
        };
        use DType::{F16, F32};
        assert!(file(&[("a.0.w", F32), ("a.1.w", F32), ("a.10.w", F32), ("a.2.w", F32)]));
        assert!(!file(&[("a.0.w", F32), ("a.1.w", F32), ("a.2.w", F32), ("a.10.w", F32)]));
        assert!(file(&[("b", F32), ("c", F32), ("a", F16)]), "type by type");
        assert!(!file(&[("b", F32), ("c", F16), ("d", F32)]));
        // '-' is before '.', but a folder is before a longer name.
        assert!(file(&[("a.w", F32), ("a-1.w", F32)]) && file(&[("a-1.w", F32), ("a.w", F32)]));
    }
}
