"""Writes the ONNX package's backend node tests to a folder, for examples/node_tests.rs.

    python make_node_tests.py FOLDER        # needs `pip install onnx`
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

folder = pathlib.Path(sys.argv[1])
written = 0
for case in load_model_tests(kind="node"):
    model = case.model
    data = [(case.name, i, pair) for i, pair in enumerate(case.data_sets)]
    # Sequences and optionals have no file form here.
    plain = all(isinstance(x, (np.ndarray, np.generic, onnx.TensorProto)) for _, _, pair in data for side in pair for x in side)
    out = folder / case.name
    out.mkdir(parents=True, exist_ok=True)
    (out / "model.onnx").write_bytes(model.SerializeToString())
    written += 1
    if not plain:
        continue
    for _, i, (inputs, outputs) in data:
        place = out / f"test_data_set_{i}"
        place.mkdir(exist_ok=True)
        for side, values in (("input", inputs), ("output", outputs)):
            for j, value in enumerate(values):
                tensor = value if isinstance(value, onnx.TensorProto) else numpy_helper.from_array(np.asarray(value))
                (place / f"{side}_{j}.pb").write_bytes(tensor.SerializeToString())
print(written, "tests")

# The package's light models: real graphs with constant weights, and the outputs to expect for its own made-up inputs.
light = pathlib.Path(onnx.__file__).parent / "backend/test/data/light"
for path in sorted(light.glob("*.onnx")):
    model = onnx.load(path)
    place = folder / path.stem / "test_data_set_0"
    place.mkdir(parents=True, exist_ok=True)
    (place.parent / "model.onnx").write_bytes(path.read_bytes())
    known = {i.name for i in model.graph.initializer}
    given = [i for i in model.graph.input if i.name not in known]
    for j, info in enumerate(given):
        shape = tuple(d.dim_value for d in info.type.tensor_type.shape.dim)
        count = int(np.prod(shape))
        values = (np.arange(count).reshape(shape) / count).astype(np.float32)
        (place / f"input_{j}.pb").write_bytes(numpy_helper.from_array(values).SerializeToString())
    for j in range(len(model.graph.output)):
        (place / f"output_{j}.pb").write_bytes((light / f"{path.stem}_output_{j}.pb").read_bytes())
    print(path.stem)
