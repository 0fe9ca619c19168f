"""What the scripts that make golden files share: inputs by formula, and one file layout.

Inputs are never stored. Element i of an array with a given salt is

    k     = ((i * 2654435761 + salt * 40503) mod 2^32) >> 8            # 24 bits
    value = (k - 2^23) / 2^23                                          # [-1, 1), exact in f32
    input = f32(f64(value) * scale + shift)                            # scale 1, shift 0 unless said

which any language reproduces bit by bit. Salts are large, so that arrays of one case do not
resemble one another; neighbouring values differ by a golden-ratio step, so ties are rare.

A golden file is a safetensors file with one f32 tensor `values` and, in its metadata, `cases`: a
JSON list. A case says

    "op"   what was computed, beside its parameters
    "in"   {name: {"shape", "salt"[, "scale", "shift"]} or {"shape", "ints"}}
    "out"  {name: {"shape", "at"}}     `at` = first element in `values`

Outputs are computed in f64 and rounded once. An output `dNAME` is the gradient of
`sum(y * c)` by input NAME, where `c` is listed among the inputs; without a `c` the output `y` is a
scalar and is itself what is differentiated.
"""

import json
import struct

import numpy as np
import torch

torch.set_num_threads(1)


def array(shape, salt, scale=1.0, shift=0.0):
    """The formula's array, as f64 that f32 holds exactly."""
    i = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.uint64)
    k = ((i * np.uint64(2654435761) + np.uint64(salt * 40503)) & np.uint64(0xFFFFFFFF)) >> np.uint64(8)
    value = (k.astype(np.float64) - 2**23) / 2**23
    return (value * scale + shift).astype(np.float32).astype(np.float64).reshape(shape)


class Golden:
    """Collects cases and writes them as one file."""

    def __init__(self, about):
        self.about, self.cases, self.values, self.len = about, [], [], 0

    def salt(self):
        """A fresh large salt; the numbering follows the order of the calls."""
        self.salts = getattr(self, "salts", 0) + 1
        return 9973 * self.salts + 31

    def add(self, op, params, inputs, compute, wrt, scalar=False):
        """Adds one case.

        `inputs` maps a name to a shape, to (shape, scale, shift), or to an integer array.
        `compute(*tensors)` takes them in that order and gives `y`, or a dict of outputs that holds `y`.
        `wrt` names the inputs whose gradients are stored; `scalar` marks a scalar `y`.
        """
        case = {"op": op, **params, "in": {}, "out": {}}
        tensors = {name: self._input(case, name, spec, name in wrt) for name, spec in inputs.items()}
        out = compute(*tensors.values())
        out = out if isinstance(out, dict) else {"y": out}
        loss = out["y"] if scalar else (out["y"] * self._input(case, "c", tuple(out["y"].shape), False)).sum()
        grads = torch.autograd.grad(loss, [tensors[n] for n in wrt]) if wrt else []
        for name, tensor in [*out.items(), *((f"d{n}", g) for n, g in zip(wrt, grads))]:
            case["out"][name] = self._output(tensor)
        self.cases.append(case)
        return out

    def _input(self, case, name, spec, grad):
        if isinstance(spec, np.ndarray):
            case["in"][name] = {"shape": list(spec.shape), "ints": [int(v) for v in spec.flat]}
            return torch.from_numpy(spec.astype(np.int64))
        shape, scale, shift = spec if spec and isinstance(spec[0], (tuple, list)) else (spec, 1.0, 0.0)
        entry = {"shape": list(shape), "salt": self.salt()}
        if (scale, shift) != (1.0, 0.0):
            entry |= {"scale": scale, "shift": shift}
        case["in"][name] = entry
        return torch.from_numpy(array(shape, entry["salt"], scale, shift)).requires_grad_(grad)

    def _output(self, tensor):
        data = tensor.detach().contiguous().numpy().astype(np.float32)
        assert np.isfinite(data).all(), "a golden value is not finite"
        at, self.len = self.len, self.len + data.size
        self.values.append(data.ravel())
        return {"shape": list(data.shape), "at": at}

    def write(self, path):
        """Writes the safetensors file and says what it holds."""
        data = np.concatenate(self.values).astype("<f4").tobytes()
        cases = json.dumps(self.cases, separators=(",", ":"))
        meta = {"about": self.about, "made_with": f"torch {torch.__version__}", "cases": cases}
        tensor = {"dtype": "F32", "shape": [self.len], "data_offsets": [0, len(data)]}
        header = json.dumps({"__metadata__": meta, "values": tensor}, separators=(",", ":")).encode()
        header += b" " * (-len(header) % 8)
        with open(path, "wb") as file:
            file.write(struct.pack("<Q", len(header)) + header + data)
        print(f"{path}: {len(self.cases)} cases, {self.len} values, {(8 + len(header) + len(data)) / 1e6:.2f} MB")
