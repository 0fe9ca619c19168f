"""Writes tests/data/hdf5: small files of h5py in every encoding that is read, and what they hold.

    python hdf5_fixtures.py      # with h5py and numpy

`NAME.h5` is read by Gradus; `expected.npz` holds the arrays that must come out of each of them, under
`NAME/PATH`.
"""

import os

import h5py
import numpy as np

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "hdf5")
EXPECTED = {}


def path(name):
    return os.path.join(FOLDER, name + ".h5")


def add(group, file, name, value, as_type=None, **options):
    group.create_dataset(name, data=value, **options)
    EXPECTED[f"{file}{group.name.rstrip('/')}/{name}"] = np.asarray(value).astype(as_type or np.asarray(value).dtype)


def fill(file, f):
    x = np.random.default_rng(0)
    kernel = np.round(x.normal(size=(3, 3, 2, 5)), 2).astype("<f4")
    layer = f.create_group("model_weights").create_group("conv2d").create_group("conv2d_1")
    add(layer, file, "kernel:0", kernel)
    add(layer, file, "bias:0", np.arange(5, dtype="<f4"))
    add(f, file, "scalar", np.float64(2.5))
    add(f, file, "half", np.arange(4, dtype="<f2"))
    add(f, file, "big", np.arange(4, dtype=">f4"), "<f4")
    add(f, file, "empty", np.zeros((0, 3), "<f4"))
    add(f, file, "mask", np.array([True, False]))
    add(f, file, "i8", np.array([-1, 5], "i1"), "<i4")
    add(f, file, "u16", np.array([65535], "<u2"), "<i4")
    add(f, file, "u64", np.array([7], "<u8"), "<i8")
    add(f, file, "i64", np.array([-7], "<i8"))
    packed = f.create_group("packed")
    wide = np.arange(7 * 11, dtype="<f4").reshape(7, 11)
    add(packed, file, "gzip", wide, chunks=(3, 4), compression="gzip", shuffle=True)
    add(packed, file, "checked", wide, chunks=(7, 4), fletcher32=True)
    add(packed, file, "plain", wide, chunks=(2, 11))
    add(packed, file, "one", wide, chunks=(7, 11), compression="gzip")
    add(packed, file, "odd", wide.astype("<f2"), chunks=(5, 5), compression="gzip", shuffle=True, fletcher32=True)
    f.create_dataset("text", data="not a number")
    f["alias"] = h5py.SoftLink("/scalar")
    f["model_weights"]["parent"] = f["model_weights"]
    f.attrs["keras_version"] = "3"


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for name, options in {
        "earliest": {"libver": "earliest"}, "latest": {"libver": "latest"},
        "ordered": {"libver": "earliest", "track_order": True},
    }.items():
        with h5py.File(path(name), "w", **options) as f:
            fill(name, f)
    with h5py.File(path("many"), "w", track_order=True) as f:
        for i in range(300):
            add(f, "many", f"layer_{i}", np.array([i], "<i4"))
    with h5py.File(path("many_old"), "w") as f:
        for i in range(100):
            add(f, "many_old", f"layer_{i}", np.array([i], "<i4"))
    # Compact data are made by a property list only.
    with h5py.File(path("compact"), "w") as f:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_layout(h5py.h5d.COMPACT)
        space, value = h5py.h5s.create_simple((3,)), np.arange(3, dtype="<f4")
        h5py.h5d.create(f.id, b"x", h5py.h5t.IEEE_F32LE, space, plan).write(h5py.h5s.ALL, h5py.h5s.ALL, value)
        EXPECTED["compact/x"] = value
    np.savez_compressed(os.path.join(FOLDER, "expected.npz"), **EXPECTED)


if __name__ == "__main__":
    main()
