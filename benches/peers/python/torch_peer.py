"""PyTorch as a peer: python torch_peer.py [eager | fused | channels_last | compile].

eager          PyTorch's defaults.
fused          fused optimisers.
channels_last  fused optimisers, activations and weights of convolutions in NHWC memory order.
compile        torch.compile of forward + loss, fused optimisers; inference with frozen (prepacked) weights.
"""

import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import harness
import nets
import sequences
from harness import Work

MODE = sys.argv[1] if len(sys.argv) > 1 else "eager"
FUSED = MODE != "eager"
torch.set_num_threads(harness.THREADS)
if MODE == "compile":
    import torch._inductor.config as inductor

    inductor.cpp_wrapper = True
    inductor.freezing = True


class Convnet(nn.Module):
    """A network of nets.py, of PyTorch's own layers; it is the builder of its forward pass."""

    def __init__(self, net):
        super().__init__()
        self.net, make = net, {"conv": self.make_conv, "dense": lambda s, o: nn.Linear(s[1], s[0]),
                               "norm": lambda s, o: nn.BatchNorm2d(s[0], eps=o["eps"])}
        self.layers = nn.ModuleList(make[kind](shape, options) for kind, shape, options in nets.layers(net))

    @staticmethod
    def make_conv(s, o):
        return nn.Conv2d(s[1] * o["groups"], s[0], s[2], o["stride"], o["pad"], groups=o["groups"], bias=o["bias"])

    def forward(self, x):
        self.next = iter(self.layers)
        return nets.NETS[self.net](self, x)

    def conv(self, x, *_, **__):
        return next(self.next)(x)

    dense = norm = conv
    relu, relu6 = staticmethod(lambda x: F.relu(x, inplace=True)), staticmethod(lambda x: F.relu6(x, inplace=True))
    add, concat = staticmethod(torch.add), staticmethod(lambda xs: torch.cat(xs, 1))
    flatten, mean = staticmethod(lambda x: x.flatten(1)), staticmethod(lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1))

    @staticmethod
    def max_pool(x, kernel, stride, pad=0, ceil=False):
        return F.max_pool2d(x, kernel, stride, pad, ceil_mode=ceil)

    @staticmethod
    def pad_channels(x, channels, stride):
        return F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, 0, channels - x.shape[1]))


@torch.no_grad()
def convnet_of(net):
    """Its weights stay as training leaves them: a convnet takes too few steps to come to the end."""
    model = Convnet(net)
    owners = [layer for layer in model.layers if not isinstance(layer, nn.BatchNorm2d)]
    for layer, weight in zip(owners, harness.weights(net), strict=True):
        layer.weight.copy_(torch.from_numpy(weight))
        if layer.bias is not None:
            layer.bias.zero_()
    return (model.to(memory_format=torch.channels_last) if channels_last(net) else model), lambda: None


def model_of(net):
    if net in nets.NETS:
        return convnet_of(net)
    conv, pool, act = nn.Conv2d, nn.MaxPool2d, nn.ReLU
    layers = {
        "tiny": [nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1)],
        "mlp": [nn.Linear(784, 512), act(), nn.Linear(512, 512), act(), nn.Linear(512, 10)],
        "lenet": [conv(1, 6, 5, padding=2), act(), pool(2), conv(6, 16, 5), act(), pool(2), nn.Flatten(),
                  nn.Linear(400, 120), act(), nn.Linear(120, 84), act(), nn.Linear(84, 10)],
    }[net]
    model = nn.Sequential(*layers)
    owners = [layer for layer in model if hasattr(layer, "weight")]
    start = [torch.from_numpy(w) for w in harness.weights(net)]

    @torch.no_grad()
    def reset():
        for layer, weight in zip(owners, start, strict=True):
            layer.weight.copy_(weight)
            layer.bias.zero_()

    reset()
    return (model.to(memory_format=torch.channels_last) if channels_last(net) else model), reset


def channels_last(net):
    return MODE == "channels_last" and net not in ("tiny", "mlp")


def batch_of(net, batch):
    x, y = (torch.from_numpy(a) for a in harness.batch_of(net, batch))
    return (x.contiguous(memory_format=torch.channels_last) if channels_last(net) else x), y


def train(net, optimizer, batch):
    (model, weights), (x, y) = model_of(net), batch_of(net, batch)
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer]
    update = kind(model.parameters(), lr=harness.learning_rate(net, optimizer), **({"fused": True} if FUSED else {}))
    criterion = F.mse_loss if net == "tiny" else F.cross_entropy
    loss_of = lambda x, y: criterion(model(x), y)
    run = torch.compile(loss_of) if MODE == "compile" else loss_of

    def step():
        update.zero_grad(set_to_none=True)
        run(x, y).backward()
        update.step()

    def reset():
        weights()
        for tensor in (t for state in update.state.values() for t in state.values() if torch.is_tensor(t)):
            tensor.zero_()

    return harness.train_work(net, batch, step, lambda: loss_of(x, y).item(), reset)


def infer(net, batch):
    (model, _), (x, _) = model_of(net), batch_of(net, batch)
    model.eval()
    with torch.inference_mode():
        run = torch.compile(model) if MODE == "compile" else model
        check = harness.mean_abs(run(x).numpy())

    def step():
        with torch.inference_mode():
            return run(x)

    return Work(step, batch, harness.unit(net), check)


def conv(layer, training=False):
    *_, kernel, stride, groups = harness.CONVS[layer]
    x, w = (torch.from_numpy(a) for a in harness.conv_of(layer))
    if MODE == "channels_last":
        x, w = (t.contiguous(memory_format=torch.channels_last) for t in (x, w))
    forward = lambda x, w: F.conv2d(x, w, stride=stride, padding=kernel // 2, groups=groups)
    run = torch.compile(forward) if MODE == "compile" else forward
    amount = harness.conv_amount(layer, training)
    if not training:
        with torch.inference_mode():
            check = harness.mean_abs(run(x, w).numpy())

        def step():
            with torch.inference_mode():
                return run(x, w)

        return Work(step, amount, "GFLOP/s", check)
    wanted = [w.requires_grad_()] if x.shape[1] == 3 else [w.requires_grad_(), x.requires_grad_()]
    step = lambda: (y := run(x, w), torch.autograd.grad(y, wanted, y.detach()))[1]
    return Work(step, amount, "GFLOP/s", harness.mean_abs(step()[0].numpy()))


def gemm(m, k, n):
    a, b = (torch.from_numpy(array) for array in harness.gemm_of(m, k, n))
    c = torch.empty(m, n)
    step = lambda: torch.mm(a, b, out=c)
    return Work(step, harness.gemm_amount(m, k, n), "GFLOP/s", harness.mean_abs(step().numpy()))


class Sequence(nn.Module):
    """What goes over a sequence of places [steps, batch, inputs], PyTorch's own order; of characters with scores."""

    def __init__(self, of):
        super().__init__()
        self.heads = of.layers
        if of.body == "attention":
            self.projections = nn.ModuleList(nn.Linear(of.units, of.units) for _ in range(4))
        else:
            kind = {"lstm": nn.LSTM, "gru": nn.GRU}[of.body]
            self.body = kind(of.inputs or sequences.SYMBOLS, of.units, of.layers, bidirectional=of.ways == 2)
        if of.chars:
            self.scores = nn.Linear(of.ways * of.units, sequences.SYMBOLS)

    def forward(self, x, state=None):
        if not hasattr(self, "body"):
            return self.attend(x)
        y, state = self.body(x, state)
        return (self.scores(y), state) if hasattr(self, "scores") else y

    def attend(self, x):
        """x [batch, places, features]"""
        query, key, value, out = self.projections
        heads = lambda y: y.unflatten(2, (self.heads, -1)).transpose(1, 2)
        y = F.scaled_dot_product_attention(heads(query(x)), heads(key(x)), heads(value(x)))
        return out(y.transpose(1, 2).flatten(2))


@torch.no_grad()
def sequence_of(case):
    """The model, and what gives it its starting weights."""
    model, start = Sequence(sequences.CASES[case]), [torch.from_numpy(w) for w in harness.sequence_weights(case)]

    @torch.no_grad()
    def reset():
        weights = iter(start)
        for parameter in model.parameters():
            parameter.copy_(next(weights)) if parameter.ndim == 2 else parameter.zero_()

    reset()
    return model, reset


def sequence(case):
    of, (model, weights) = sequences.CASES[case], sequence_of(case)
    batch = [torch.from_numpy(a) for a in harness.sequence_batch(case)]
    if of.chars:
        x, target = F.one_hot(batch[0].t().contiguous(), sequences.SYMBOLS).float(), batch[1].t().contiguous()
        loss_of = lambda: F.cross_entropy(model(x)[0].flatten(0, 1), target.flatten())
        update = torch.optim.Adam(model.parameters(), lr=0.001, **({"fused": True} if FUSED else {}))
    else:
        x = batch[0] if of.body == "attention" else batch[0].transpose(0, 1).contiguous()
        x.requires_grad_(of.input_gradient)
        loss_of = lambda: model(x).square().mean()
        update = torch.optim.SGD(model.parameters(), lr=0.01, **({"fused": True} if FUSED else {}))

    def step():
        update.zero_grad(set_to_none=True)
        x.grad = None
        loss_of().backward()
        update.step()

    def reset():
        weights()
        for tensor in (t for state in update.state.values() for t in state.values() if torch.is_tensor(t)):
            tensor.zero_()

    return harness.sequence_work(step, lambda: loss_of().item(), reset)


def writing(case):
    model, _ = sequence_of(case)
    eye, held = torch.eye(sequences.SYMBOLS).reshape(-1, 1, 1, sequences.SYMBOLS), []

    def reset():
        held[:] = 0, None

    @torch.inference_mode()
    def step():
        scores, state = model(eye[held[0]], held[1])
        held[:] = int(scores.argmax()), state
        return scores

    reset()
    return harness.writing_work(step, reset, lambda scores: scores.numpy())


def integrated(model, x, target, steps):
    """Integrated gradients from black, at the nodes of a Gauss–Legendre rule, ten pictures at once: the fastest batch of 1, 5, 10, 25 and 50."""
    nodes, amounts = (torch.from_numpy(a).float() for a in np.polynomial.legendre.leggauss(steps))
    nodes, amounts, total = (1 + nodes) / 2, amounts / 2, 0
    for some, parts in zip(nodes.split(10), amounts.split(10)):
        z = (some.view(-1, 1, 1, 1) * x).contiguous(memory_format=torch.channels_last if channels_last("squeezenet") else torch.contiguous_format)
        (slope,) = torch.autograd.grad(model(z.requires_grad_())[:, target[0]].sum(), z)
        total = total + (parts.view(-1, 1, 1, 1) * slope).sum(0)
    return total * x


def pgd(model, x, target, steps, epsilon=0.1, step=0.025):
    """Projected gradient descent within epsilon, from the pictures themselves."""
    z = x
    for _ in range(steps):
        z = z.detach().requires_grad_()
        (slope,) = torch.autograd.grad(F.cross_entropy(model(z), target, reduction="sum"), z)
        z = torch.min(torch.max(z.detach() + step * slope.sign(), x - epsilon), x + epsilon).clamp(0, 1)
    return z


def question(case):
    net, count, steps = nets.QUESTIONS[case]
    (model, _), (x, target) = model_of(net), batch_of(net, count)
    model.eval().requires_grad_(False)
    x = (x + 1) / 2
    step = lambda: (pgd if case.startswith("see_pgd") else integrated)(model, x, target, steps)
    return Work(step, 1, "answers/s", harness.mean_abs(step().detach().numpy()))


harness.serve({"name": f"torch {MODE}", "version": torch.__version__}, harness.case_table(
    train, infer, gemm if MODE == "eager" else None, None, *((None, None) if MODE == "fused" else (conv, lambda layer: conv(layer, True))),
    *((sequence, writing) if MODE in ("eager", "fused") else (None, None)), question if MODE in ("eager", "channels_last") else None))
