"""Exports networks of the zoo and compares ONNX Runtime with Gradus, in batches of 1 and 3.

    python check_zoo.py [NAME ...]        # needs `pip install onnx onnxruntime numpy`; all networks unless named

Each file is first checked by onnx.checker with shape inference. Prints, per network, operators, parameters and the largest
difference over the largest output; fails if one is above 1e-4.
"""

import collections
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

WORST = 1e-4
ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = ["cargo", "build", "--release", "-q", "-p", "gradus-onnx", "--example", "export_zoo"]
EXPORT = ROOT / "target/release/examples/export_zoo"


def check(name, folder):
    subprocess.run([EXPORT, name, folder], check=True)
    path = folder / "model.onnx"
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    batch = model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    assert batch == "batch", f"the batch's size is {batch!r}"
    parameters = sum(int(np.prod(a.dims)) for a in model.graph.initializer)
    ops = collections.Counter(node.op_type for node in model.graph.node)
    del model
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    errors = []
    for batch in (1, 3):
        x, want = (np.load(folder / f"{side}_{batch}.npy") for side in ("input", "output"))
        (got,) = session.run(["output"], {"input": x})
        assert got.shape == want.shape, f"{got.shape}, expected {want.shape}"
        errors.append(float(np.abs(got - want).max() / np.abs(want).max()))
    most = ", ".join(f"{count} {op}" for op, count in ops.most_common())
    print(f"{name:20} {parameters:>12,} {errors[0]:9.1e} {errors[1]:9.1e}   {most}", flush=True)
    return max(errors)


def main():
    subprocess.run(BUILD, cwd=ROOT, check=True)
    names = sys.argv[1:] or subprocess.run([EXPORT], check=True, capture_output=True, text=True).stdout.split()
    print(f"{'network':20} {'parameters':>12} {'batch 1':>9} {'batch 3':>9}   operators")
    bad = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            try:
                error = check(name, pathlib.Path(folder))
            except Exception as problem:
                print(f"{name:20} {problem}", flush=True)
                error = np.inf
            if not error <= WORST:
                bad.append(name)
    print(f"{len(names) - len(bad)} of {len(names)} networks agree to {WORST}")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
