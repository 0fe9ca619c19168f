"""NumPy's side of the test `numpy_and_gradus_exchange_files`.

`python numpy_exchange.py IN.npz OUT.npz` loads IN, checks the bytes-per-array that Gradus promised
(every array equals `arange` of its size in its type and shape), and saves the same arrays, plus
their Fortran-ordered and big-endian forms, to OUT. Without arguments it rewrites the committed
files in `tests/data`.
"""

import pathlib
import sys

import numpy as np


def expected(dtype, shape):
    values = np.arange(np.prod(shape, dtype=int))
    return (values % 2 if dtype == np.bool_ else values).astype(dtype).reshape(shape)


def variants(arrays):
    for name, a in arrays.items():
        yield name, a
        yield name + "_fortran", np.array(a, order="F")
        yield name + "_big", a.astype(a.dtype.newbyteorder(">"))


def main():
    if len(sys.argv) == 3:
        arrays = dict(np.load(sys.argv[1]))
        for name, a in arrays.items():
            np.testing.assert_array_equal(a, expected(a.dtype, a.shape), name, strict=True)
        np.savez_compressed(sys.argv[2], **dict(variants(arrays)))
        return
    data = pathlib.Path(__file__).parent / "data"
    arrays = {"weight": expected(np.float32, (2, 3)), "half": expected(np.float16, (4,))}
    np.savez(data / "stored.npz", **dict(variants(arrays)))
    np.savez_compressed(data / "deflated.npz", **dict(variants(arrays)))


if __name__ == "__main__":
    main()
