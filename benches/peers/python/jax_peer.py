"""JAX as a peer: python jax_peer.py. One jitted step with donated state; NHWC convolutions, the faster order on XLA's CPU."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import harness
import nets
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


harness.serve({"name": "jax", "version": jax.__version__}, harness.case_table(train, infer, gemm, None, conv_layer, conv_train))
