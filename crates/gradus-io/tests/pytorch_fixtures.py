"""Writes tests/data/pytorch: small files of PyTorch's and NumPy's pickles, and what they hold.

    python pytorch_fixtures.py      # with torch and numpy

`NAME.pth` is read by Gradus; `NAME.safetensors` holds the arrays that must come out, written here from
PyTorch's own contiguous copies, so that neither side's reader is trusted.
"""

import collections
import json
import os
import pickle
import struct

import numpy as np
import torch
from torch import nn

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "pytorch")
DTYPES = {
    torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int32: "I32", torch.int64: "I64", torch.uint8: "U8", torch.bool: "BOOL",
}


def path(name):
    return os.path.join(FOLDER, name)


def expect(name, tensors):
    header, data = {}, b""
    for key, tensor in tensors.items():
        tensor = tensor.detach()
        if tensor.dtype in (torch.int8, torch.int16):
            tensor = tensor.to(torch.int32)
        raw = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
        header[key] = {
            "dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header).encode()
    with open(path(name + ".safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def save(name, value, tensors, **options):
    torch.save(value, path(name + ".pth"), **options)
    expect(name, tensors)


class Net(nn.Module):
    """A module with what a state dict must leave out: a buffer that is not persistent is kept, a hook is not."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.ReLU())
        self.head = nn.Linear(2, 3)
        self.tied = self.head


class State(collections.OrderedDict):
    """Pickled as a call of its class without arguments, its entries after it."""


class Config(dict):
    """Pickled as an object of its class, its entries after it."""


class Nested(dict):
    """Pickled as a call of its class with a plain dict, as mmengine's ConfigDict is."""

    def __reduce_ex__(self, protocol):
        return (self.__class__, (dict(self),), None, None, None)


class Defaults(collections.defaultdict):
    """Pickled as a call of its class with the factory, its entries after it."""


class Layers(list):
    """Pickled as an object of its class, its items after it."""


def derived():
    state = State(net_state())
    state.note = "an attribute of a class of one's own"
    defaults = Defaults(list)
    defaults["seen"].append(3)
    return Config(
        model=Nested(name="net", options=Nested(depth=2)),
        meta=collections.Counter(["a", "b", "a"]), defaults=defaults, network=state,
    )


def net_state():
    return {"fc.weight": torch.arange(6, dtype=torch.float32).view(2, 3), "fc.bias": torch.tensor([0.5, -0.5])}


def views():
    base = torch.arange(24, dtype=torch.float32)
    return collections.OrderedDict(
        transposed=base.view(4, 6).t(),
        rows=base.view(4, 6)[1:3, 2:5],
        stepped=base[1::5],
        expanded=base[:2].view(2, 1).expand(2, 3),
        channels_last=base.view(1, 2, 3, 4).to(memory_format=torch.channels_last),
        whole=base,
        scalar=torch.tensor(7.5),
        empty=torch.zeros(0, 3),
    )


def types():
    tensors = {str(t).split(".")[1]: torch.tensor([0, 1, 1, 0]).to(t) for t in DTYPES}
    tensors["int8"] = torch.tensor([-128, 127], dtype=torch.int8)
    tensors["int16"] = torch.tensor([-32768, 32767], dtype=torch.int16)
    return tensors


def main():
    os.makedirs(FOLDER, exist_ok=True)
    torch.manual_seed(0)
    # The old format would otherwise carry the source of PyTorch's classes.
    torch.serialization.get_source_lines_and_file = None
    net = Net()
    for name, legacy in [("zip", False), ("legacy", True)]:
        options = {"_use_new_zipfile_serialization": not legacy}
        save(f"views_{name}", views(), views(), **options)
        save(f"types_{name}", types(), types(), **options)
        save(f"module_{name}", net, net.state_dict(), **options)
        optimizer = torch.optim.Adam(net.parameters())
        checkpoint = {
            "epoch": 3, "loss": 0.5, "big": 1 << 80, "state_dict": net.state_dict(),
            "optimizer": optimizer.state_dict(), "options": {"a", "b"},
        }
        save(f"checkpoint_{name}", checkpoint, net.state_dict(), **options)
    for name, options in [("zip", {}), ("legacy", {"_use_new_zipfile_serialization": False})]:
        for protocol in (2, 5):
            save(f"derived_{name}_{protocol}", derived(), net_state(), pickle_protocol=protocol, **options)
            arrays = [net_state()["fc.weight"], (net_state()["fc.bias"],), None]
            tensors = {"0": arrays[0], "1.0": arrays[1][0]}
            save(f"list_{name}_{protocol}", Layers(arrays), tensors, pickle_protocol=protocol, **options)
    script = torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)))
    script.save(path("script.pth"))
    expect("script", script.state_dict())
    parameter = nn.Parameter(torch.tensor([1.0, 2.0]))
    save("parameter", {"p": parameter, "q": [parameter.data, (parameter.data[1:],)]},
         {"p": parameter, "q.0": parameter.data, "q.1.0": parameter.data[1:]})

    arrays = {
        "conv1": [np.arange(6, dtype="<f4").reshape(2, 3), np.array([1.5, 2.5], dtype=">f8")],
        "fortran": np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)),
        "scalar": np.float32(3.5), "mask": np.array([True, False]),
    }
    expected = {
        "conv1.0": arrays["conv1"][0], "conv1.1": arrays["conv1"][1].astype("<f8"),
        "fortran": arrays["fortran"], "scalar": np.array(arrays["scalar"]), "mask": arrays["mask"],
    }
    expected = {key: torch.from_numpy(np.ascontiguousarray(x).reshape(x.shape)) for key, x in expected.items()}
    for protocol in range(2, 6):
        with open(path(f"numpy_{protocol}.pkl"), "wb") as f:
            pickle.dump(arrays, f, protocol=protocol)
        expect(f"numpy_{protocol}", expected)


if __name__ == "__main__":
    main()
