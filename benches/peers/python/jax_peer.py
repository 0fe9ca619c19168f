"""JAX as a peer: python jax_peer.py. One jitted step with donated state; NHWC convolutions, the faster order on XLA's CPU."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import harness
import nets
import sequences
from harness import Work


def parameters(net):
    """[(w, b), ..]: linear weights as [in, out], convolutions as HWIO, the first linear after them in (H, W, C) order."""
    if net in nets.NETS:
        return convnet_parameters(net)
    out = []
    for l, w in enumerate(harness.weights(net)):
        if w.ndim == 4:
            w = w.transpose(2, 3, 1, 0)
        elif net == "lenet" and l == 2:
            w = w.reshape(120, 16, 5, 5).transpose(2, 3, 1, 0).reshape(400, 120)
        else:
            w = w.T
        out.append((jnp.array(w), jnp.zeros(w.shape[-1], jnp.float32)))
    return out


def conv(x, wb, padding):
    y = lax.conv_general_dilated(x, wb[0], (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))
    y = jax.nn.relu(y + wb[1])
    return lax.reduce_window(y, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def convnet_parameters(net):
    """[[w, b or nothing], [scale, shift], ..] of a network of nets.py."""
    out, weights = [], harness.weights(net)
    for kind, shape, options in nets.layers(net):
        zero = jnp.zeros(shape[0], jnp.float32)
        if kind == "norm":
            out.append([jnp.ones(shape[0], jnp.float32), zero])
        else:
            w = next(weights)
            w = jnp.array(w.transpose(2, 3, 1, 0) if kind == "conv" else w.T)
            out.append([w, zero] if options.get("bias", True) else [w])
    return out


class Convnet:
    """The builder of a forward pass over a network of nets.py. Batch statistics while training; else running ones, which are
    0 and 1 here. The running ones are not kept up: that is left out in favour of JAX."""

    def __init__(self, net, params, training):
        self.layers, self.params, self.training = iter(nets.layers(net)), iter(params), training

    def conv(self, x, *_, **__):
        (_, _, o), (w, *b) = next(self.layers), next(self.params)
        y = lax.conv_general_dilated(x, w, (o["stride"],) * 2, [(o["pad"],) * 2] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"),
                                     feature_group_count=o["groups"])
        return y + b[0] if b else y

    def norm(self, x, *_):
        (_, _, o), (scale, shift) = next(self.layers), next(self.params)
        mean, var = (x.mean((0, 1, 2)), x.var((0, 1, 2))) if self.training else (0.0, 1.0)
        return (x - mean) * (scale * lax.rsqrt(var + jnp.float32(o["eps"]))) + shift

    def dense(self, x, units):
        next(self.layers)
        w, b = next(self.params)
        return x @ w + b

    relu, relu6 = staticmethod(jax.nn.relu), staticmethod(jax.nn.relu6)
    add, concat = staticmethod(jnp.add), staticmethod(lambda xs: jnp.concatenate(xs, 3))
    mean = staticmethod(lambda x: x.mean((1, 2)))

    @staticmethod
    def flatten(x):
        return x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)

    @staticmethod
    def max_pool(x, kernel, stride, pad=0, ceil=False):
        def sides(size):
            out = nets.pooled(size, kernel, stride, pad, ceil)
            return pad, max(0, (out - 1) * stride + kernel - size - pad)

        pads = [(0, 0), sides(x.shape[1]), sides(x.shape[2]), (0, 0)]
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, kernel, kernel, 1), (1, stride, stride, 1), pads)

    @staticmethod
    def pad_channels(x, channels, stride):
        return jnp.pad(x[:, ::stride, ::stride], [(0, 0), (0, 0), (0, 0), (0, channels - x.shape[3])])


def forward(net, params, x, training=True):
    if net in nets.NETS:
        return nets.NETS[net](Convnet(net, params, training), x)
    act = jnp.tanh if net == "tiny" else jax.nn.relu
    if net == "lenet":
        x = conv(x, params[0], [(2, 2), (2, 2)])
        x = conv(x, params[1], "VALID").reshape(x.shape[0], -1)
        params = params[2:]
    for w, b in params[:-1]:
        x = act(x @ w + b)
    return x @ params[-1][0] + params[-1][1]


def loss_of(net, params, x, y):
    out = forward(net, params, x)
    if net == "tiny":
        return jnp.mean((out - y) ** 2)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(out), y[:, None], 1))


def batch_of(net, batch):
    x, y = harness.batch_of(net, batch)
    x = x.transpose(0, 2, 3, 1) if x.ndim == 4 else x
    return jnp.array(np.ascontiguousarray(x)), jnp.array(y if net == "tiny" else y.astype(np.int32))


def sgd(params, state, grads, rate):
    return jax.tree.map(lambda p, g: p - rate * g, params, grads), state


def adam(params, state, grads, rate, b1=0.9, b2=0.999, eps=1e-8):
    t, m, v = state
    t = t + 1
    m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, grads)
    v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, grads)
    move = lambda p, m, v: p - rate * (m / (1 - b1**t)) / (jnp.sqrt(v / (1 - b2**t)) + eps)
    return jax.tree.map(move, params, m, v), (t, m, v)


def train(net, optimizer, batch):
    start, (x, y) = parameters(net), batch_of(net, batch)
    update = functools.partial({"sgd": sgd, "adam": adam}[optimizer], rate=harness.learning_rate(net, optimizer))

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def one(params, state, x, y):
        return update(params, state, jax.grad(functools.partial(loss_of, net))(params, x, y))

    held = []

    def reset():
        zeros = lambda: jax.tree.map(jnp.zeros_like, start)
        held[:] = jax.tree.map(jnp.copy, start), ((jnp.float32(0), zeros(), zeros()) if optimizer == "adam" else ())

    def step():
        held[:] = one(held[0], held[1], x, y)

    reset()
    return harness.train_work(net, batch, step, lambda: loss_of(net, held[0], x, y), reset, lambda: jax.block_until_ready(held))


def infer(net, batch):
    params, (x, _) = parameters(net), batch_of(net, batch)
    run = jax.jit(lambda x: forward(net, params, x, training=False))  # weights are constants, which XLA may fold
    return Work(lambda: run(x).block_until_ready(), batch, harness.unit(net), harness.mean_abs(run(x)))


def single(layer):
    """x, w and the function of both, NHWC."""
    *_, kernel, stride, groups = harness.CONVS[layer]
    x, w = harness.conv_of(layer)
    x, w = jnp.array(x.transpose(0, 2, 3, 1)), jnp.array(w.transpose(2, 3, 1, 0))
    return x, w, lambda x, w: lax.conv_general_dilated(x, w, (stride,) * 2, [(kernel // 2,) * 2] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"),
                                                       feature_group_count=groups)


def conv_layer(layer):
    x, w, forward = single(layer)
    run = jax.jit(forward)
    return Work(lambda: run(x, w).block_until_ready(), harness.conv_amount(layer, False), "GFLOP/s", harness.mean_abs(run(x, w)))


def conv_train(layer):
    x, w, forward = single(layer)

    def gradients(x, w):
        y, back = jax.vjp(forward, x, w)
        dx, dw = back(y)
        return (dw,) if x.shape[3] == 3 else (dw, dx)

    run = jax.jit(gradients)
    return Work(lambda: jax.block_until_ready(run(x, w)), harness.conv_amount(layer, True), "GFLOP/s", harness.mean_abs(run(x, w)[0]))


def gemm(m, k, n):
    a, b = (jnp.array(array) for array in harness.gemm_of(m, k, n))
    run = jax.jit(jnp.matmul)
    return Work(lambda: run(a, b).block_until_ready(), harness.gemm_amount(m, k, n), "GFLOP/s", harness.mean_abs(run(a, b)))


def sequence_parameters(case):
    """[[w, b], ..] with w [in, out], in the order of the weights; a GRU's state has a bias of its own."""
    return [[jnp.array(w.T), jnp.zeros(w.shape[0], jnp.float32)] for w in harness.sequence_weights(case)]


def lstm_step(wh, state, zx):
    h, c = state
    i, f, g, o = jnp.split(zx + h @ wh[0], 4, axis=1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def gru_step(wh, state, zx):
    (h,) = state
    r, z, n = jnp.split(zx, 3, axis=1)
    hr, hz, hn = jnp.split(h @ wh[0] + wh[1], 3, axis=1)
    z = jax.nn.sigmoid(z + hz)
    h = z * h + (1 - z) * jnp.tanh(n + jax.nn.sigmoid(r + hr) * hn)
    return (h,), h


def recurrent(of, params, x, states=None):
    """x [steps, batch, inputs]; what the last layer gives at all steps, and all states. The input's share of all steps is one product."""
    step, count = {"lstm": (lstm_step, 2), "gru": (gru_step, 1)}[of.body]
    params, after = iter(params), []
    for layer in range(of.layers):
        ys = []
        for way in range(of.ways):
            (wx, bias), wh = next(params), next(params)
            start = states[layer] if states else (jnp.zeros((x.shape[1], of.units), jnp.float32),) * count
            end, y = lax.scan(functools.partial(step, wh), start, x @ wx + bias, reverse=way == 1)
            ys.append(y)
            after.append(end)
        x = jnp.concatenate(ys, 2) if of.ways == 2 else ys[0]
    return x, after


def attention(of, params, x):
    """x [batch, places, features]"""
    query, key, value, out = params
    heads = lambda wb: (x @ wb[0] + wb[1]).reshape(*x.shape[:2], of.layers, -1)
    y = jax.nn.dot_product_attention(heads(query), heads(key), heads(value))
    return y.reshape(x.shape) @ out[0] + out[1]


def sequence(case):
    of, start = sequences.CASES[case], sequence_parameters(case)
    batch = [jnp.array(a) for a in harness.sequence_batch(case)]
    wanted = (0, 1) if of.input_gradient and not of.chars else 0
    if of.chars:
        batch = [jax.nn.one_hot(batch[0].T, sequences.SYMBOLS), batch[1].T]
        update = functools.partial(adam, rate=0.001)
    else:
        batch = batch if of.body == "attention" else [batch[0].transpose(1, 0, 2)]
        update = functools.partial(sgd, rate=0.01)

    def loss_of(params, x, *target):
        if of.body == "attention":
            return jnp.mean(attention(of, params, x) ** 2)
        y, _ = recurrent(of, params, x)
        if not of.chars:
            return jnp.mean(y**2)
        scores = jax.nn.log_softmax(y @ params[-1][0] + params[-1][1])
        return -jnp.mean(jnp.take_along_axis(scores, target[0][..., None], 2))

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def one(params, state, *batch):
        grads = jax.grad(loss_of, wanted)(params, *batch)
        grads, *inputs = grads if isinstance(wanted, tuple) else (grads,)
        return *update(params, state, grads), *inputs

    held = []

    def reset():
        zeros = lambda: jax.tree.map(jnp.zeros_like, start)
        held[:] = jax.tree.map(jnp.copy, start), ((jnp.float32(0), zeros(), zeros()) if of.chars else ())

    def step():
        held[:] = one(held[0], held[1], *batch)

    reset()
    return harness.sequence_work(step, lambda: loss_of(held[0], *batch), reset, lambda: jax.block_until_ready(held))


def writing(case):
    of, params = sequences.CASES[case], sequence_parameters(case)

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def one(last, states):
        x = jax.nn.one_hot(last, sequences.SYMBOLS)[None]  # [1, 1, symbols]
        y, states = recurrent(of, params, x, states)
        scores = y[0] @ params[-1][0] + params[-1][1]
        return jnp.argmax(scores, 1), states, scores

    held = []

    def reset():
        zeros = lambda: jnp.zeros((1, of.units), jnp.float32)
        held[:] = jnp.zeros(1, jnp.int32), [(zeros(), zeros()) for _ in range(of.layers)]

    def step():
        *held[:], scores = one(*held)
        return scores.block_until_ready()

    reset()
    return harness.writing_work(step, reset, np.asarray)


harness.serve({"name": "jax", "version": jax.__version__}, harness.case_table(train, infer, gemm, None, conv_layer, conv_train, sequence, writing))
