"""What the Python peers share: the cases, their data by formula, and the line protocol of README.md."""

import json
import math
import os
import sys
import time
import traceback
from dataclasses import dataclass
from typing import Callable

import numpy as np

import nets
import sequences

THREADS = int(os.environ.get("PEER_THREADS", "2"))
CHECK_STEPS = 3
CHECK_CHARACTERS = 10


@dataclass
class Work:
    """One case made ready: `step` does it once, `amount` units of `unit`; `check` is a number all peers agree on.

    `reset` restores the starting weights before each measurement: long training on one batch ends in gradients
    too small for f32, which some processors multiply a hundred times slower.
    """

    step: Callable[[], object]
    amount: float
    unit: str
    check: float
    sync: Callable[[], object] = lambda: None
    reset: Callable[[], object] = lambda: None


def value(shape, salt, scale=1.0):
    """Element i is (k - 2^23) / 2^23 with k = ((i * 2654435761 + salt * 40503) mod 2^32) >> 8, times scale in f64."""
    out = np.empty(math.prod(shape), np.float32)
    for first in range(0, len(out), 1 << 20):  # in pieces: VGG's largest layer would need gigabytes of temporaries
        i = np.arange(first, min(first + (1 << 20), len(out)), dtype=np.uint64)
        k = ((i * np.uint64(2654435761) + np.uint64(salt * 40503)) & np.uint64(0xFFFFFFFF)) >> np.uint64(8)
        out[first : first + len(i)] = (k.astype(np.float64) - 2**23) / 2**23 * scale
    return out.reshape(shape)


# A network is a list of weight shapes, [out, in] or [out, in, kh, kw]; biases start at zero.
NETS = {
    "tiny": [(8, 2), (8, 8), (1, 8)],
    "mlp": [(512, 784), (512, 512), (10, 512)],
    "lenet": [(6, 1, 5, 5), (16, 6, 5, 5), (120, 400), (84, 120), (10, 84)],
}
# The convolutional networks of nets.py; normalisations have no weights by formula.
NETS |= {net: [shape for kind, shape, _ in nets.layers(net) if kind != "norm"] for net in nets.NETS}
INPUT = {"tiny": (2,), "mlp": (784,), "lenet": (1, 28, 28)} | nets.INPUT
UNIT = {"tiny": "samples/s", "mlp": "samples/s"}
GEMMS = [(64, 64, 64), (256, 256, 256), (512, 512, 512), (1024, 1024, 1024), (2048, 2048, 2048),
         (64, 784, 512), (128, 1024, 1024), (32, 2048, 1000), (64, 512, 10)]
TRAIN = [("tiny", "sgd", 10), ("mlp", "sgd", 64), ("mlp", "adam", 64), ("lenet", "sgd", 64), ("lenet", "adam", 64)]
TRAIN += [("alexnet", "sgd", 16), ("vgg16", "sgd", 4), ("googlenet", "sgd", 8), ("resnet18", "sgd", 8), ("resnet50", "sgd", 4), ("resnet20", "sgd", 128)]
INFER = [(net, batch) for net in ("tiny", "mlp", "lenet") for batch in (1, 64)]
INFER += [(net, batch) for net in ("vgg16", "googlenet", "resnet18", "resnet50", "squeezenet", "mobilenetv2") for batch in (1, 16)]


# Single layers: batch, channels in and out, size, kernel, stride, groups; padded by half the kernel.
CONVS = {
    "3x3_64_56": (8, 64, 64, 56, 3, 1, 1), "3x3_128_28": (8, 128, 128, 28, 3, 1, 1),
    "3x3_256_14": (8, 256, 256, 14, 3, 1, 1), "3x3_512_7": (8, 512, 512, 7, 3, 1, 1),
    "7x7s2_3_224": (8, 3, 64, 224, 7, 2, 1), "1x1_256_56": (8, 256, 64, 56, 1, 1, 1), "5x5_64_27": (16, 64, 192, 27, 5, 1, 1),
    "depthwise_96s2_112": (8, 96, 96, 112, 3, 2, 96), "depthwise_144_56": (8, 144, 144, 56, 3, 1, 144),
    "depthwise_384_14": (8, 384, 384, 14, 3, 1, 384),
}


def conv_of(layer):
    """x [N, C, H, H] and w [O, C/groups, K, K]."""
    n, c, o, size, kernel, _, groups = CONVS[layer]
    return value((n, c, size, size), 1001), value((o, c // groups, kernel, kernel), 2001)


def conv_amount(layer, training):
    """GFLOP; of three channels, which are a picture's, no gradient is wanted."""
    n, c, o, size, kernel, stride, groups = CONVS[layer]
    forward = 2e-9 * n * o * (-(-size // stride)) ** 2 * (c // groups) * kernel**2
    return forward * ((2 if c == 3 else 3) if training else 1)


def weights(net):
    """The starting weights, uniform by He: within sqrt(6 / fan-in)."""
    return (value(s, 2001 + 1000 * l, math.sqrt(6 / math.prod(s[1:]))) for l, s in enumerate(NETS[net]))


def unit(net):
    return UNIT.get(net, "images/s")


def learning_rate(net, optimizer):
    return 0.001 if optimizer == "adam" or net in nets.NETS else 0.01


def batch_of(net, batch):
    """Inputs, and targets: labels 7 i mod the classes, or for the tiny net the product of its two inputs."""
    x = value((batch, *INPUT[net]), 1001)
    y = (x[:, :1] * x[:, 1:]) if net == "tiny" else (np.arange(batch) * 7 % NETS[net][-1][0]).astype(np.int64)
    return x, y


def gemm_of(m, k, n):
    return value((m, k), 1001), value((k, n), 2001)


def gemm_amount(m, k, n):
    return 2e-9 * m * k * n


def sequence_weights(case):
    """The starting weights of a case over sequences."""
    of = sequences.CASES[case]
    return [value(shape, 2001 + 1000 * l, of.units**-0.5) for l, shape in enumerate(of.weights())]


def sequence_batch(case):
    """Inputs [batch, steps, inputs], or characters [batch, steps] and those that follow."""
    of = sequences.CASES[case]
    if not of.chars:
        return (value((of.batch, of.steps, of.inputs), 1001),)
    ids = 7 * np.arange(of.batch * of.steps + 1, dtype=np.int64) % sequences.SYMBOLS
    return ids[:-1].reshape(of.batch, of.steps), ids[1:].reshape(of.batch, of.steps)


def mean_abs(array):
    return float(np.abs(np.asarray(array, dtype=np.float64)).mean())


def train_work(net, batch, step, loss, reset, sync=lambda: None):
    """`step` makes one update; `loss` gives the loss now. The check is the loss after three updates."""
    for _ in range(CHECK_STEPS):
        step()
    steps = net == "tiny"
    return Work(step, 1 if steps else batch, "steps/s" if steps else unit(net), float(loss()), sync, reset)


def sequence_work(step, loss, reset, sync=lambda: None):
    """A training step over a batch of sequences, as `train_work`."""
    for _ in range(CHECK_STEPS):
        step()
    return Work(step, 1, "steps/s", float(loss()), sync, reset)


def writing_work(step, reset, scores, sync=lambda: None):
    """`step` writes a character and gives its scores, which `scores` makes an array of. The check is of the tenth."""
    for _ in range(CHECK_CHARACTERS):
        last = step()
    return Work(step, 1, "steps/s", mean_abs(scores(last)), sync, reset)


def measure(work, seconds):
    """Units a second: whole chunks of calls until `seconds` are over."""
    work.reset()
    chunk, calls, start = 1, 0, time.perf_counter()
    while True:
        before = time.perf_counter()
        for _ in range(chunk):
            work.step()
        work.sync()
        calls, now = calls + chunk, time.perf_counter()
        if now - start >= seconds:
            return calls * work.amount / (now - start)
        if now - before < 0.01:
            chunk *= 2


def serve(about, make):
    """Answers requests until stdin ends. `make` maps a case's name to a function that makes its Work."""
    out, works = os.fdopen(os.dup(1), "w", buffering=1), {}
    os.dup2(2, 1)  # whatever a library prints is not an answer
    for line in sys.stdin:
        request = json.loads(line)
        case = request["case"]
        print(json.dumps({"case": case, **answer(about, make, works, case, request.get("seconds", 2))}), file=out)


def answer(about, make, works, case, seconds):
    if case == "about":
        return about | {"threads": THREADS, "cases": list(make)}
    if case not in make:
        return {"unsupported": "no such case here"}
    try:
        if case not in works:
            works[case] = make[case]()
            measure(works[case], min(0.2, seconds))
        work = works[case]
        return {"value": measure(work, seconds), "unit": work.unit, "check": work.check}
    except Exception as error:  # one case that fails must not end the run
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"[:300]}


def case_table(train=None, infer=None, gemm=None, packed=None, conv=None, conv_train=None, sequence=None, writing=None, question=None):
    """Case names to makers, from a maker for each kind of case."""
    table = {}
    if train:
        table |= {f"train_{n}_{o}" if n != "tiny" else "train_tiny": lambda n=n, o=o, b=b: train(n, o, b) for n, o, b in TRAIN}
    if infer:
        table |= {f"infer_{n}_{b}": lambda n=n, b=b: infer(n, b) for n, b in INFER}
    for prefix, maker in (("conv", conv), ("conv_train", conv_train)):
        if maker:
            table |= {f"{prefix}_{layer}": lambda layer=layer, maker=maker: maker(layer) for layer in CONVS}
    for case, of in sequences.CASES.items():
        if maker := writing if of.writes else sequence:
            table[case] = lambda case=case, maker=maker: maker(case)
    if question:
        table |= {case: lambda case=case: question(case) for case in nets.QUESTIONS}
    for prefix, maker in (("gemm", gemm), ("gemm_packed", packed)):
        if maker:
            table |= {f"{prefix}_{m}x{k}x{n}": lambda s=(m, k, n), maker=maker: maker(*s) for m, k, n in GEMMS}
    return table
