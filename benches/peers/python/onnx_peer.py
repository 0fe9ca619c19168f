"""ONNX Runtime as a peer: python onnx_peer.py. Inference and GEMM with bound inputs and outputs; it has no training here."""

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

import harness
import nets
import sequences
from harness import Work


def session(nodes, inputs, output, constants):
    """A session over a graph that is given as nodes, {input: array}, (output name, shape) and {constant: array}."""
    info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "peer", [info(n, a.shape) for n, a in inputs.items()], [info(*output)],
                              [numpy_helper.from_array(a, n) for n, a in constants.items()])
    return opened(graph)


def opened(graph):
    """A session over a graph."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = harness.THREADS, 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def bound(session, inputs, output):
    """A call without copies, and the array that it fills."""
    binding, result = session.io_binding(), ort.OrtValue.ortvalue_from_shape_and_type(output[1], np.float32)
    for name, array in inputs.items():
        binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array)))
    binding.bind_ortvalue_output(output[0], result)
    step = lambda: session.run_with_iobinding(binding)
    step()
    return step, result.numpy()


class Convnet:
    """The builder for a network of nets.py: it appends nodes."""

    def __init__(self, net):
        self.nodes, self.constants = [], {}
        self.layers, self.weights = iter(nets.layers(net)), harness.weights(net)
        nets.NETS[net](self, "x")
        self.nodes[-1].output[0] = "y"

    def node(self, op, *inputs, **attributes):
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants[name] = array
        return name

    def conv(self, x, *_, **__):
        _, shape, o = next(self.layers)
        inputs = [x, self.constant(next(self.weights))] + ([self.constant(np.zeros(shape[0], np.float32))] if o["bias"] else [])
        return self.node("Conv", *inputs, strides=[o["stride"]] * 2, pads=[o["pad"]] * 4, group=o["groups"])

    def norm(self, x, *_):
        _, shape, o = next(self.layers)
        one, zero = self.constant(np.ones(shape, np.float32)), self.constant(np.zeros(shape, np.float32))
        return self.node("BatchNormalization", x, one, zero, zero, one, epsilon=o["eps"])

    def dense(self, x, units):
        next(self.layers)
        return self.node("Gemm", x, self.constant(next(self.weights)), self.constant(np.zeros(units, np.float32)), transB=1)

    def relu(self, x):
        return self.node("Relu", x)

    def relu6(self, x):
        return self.node("Clip", x, self.constant(np.array(0, np.float32)), self.constant(np.array(6, np.float32)))

    def max_pool(self, x, kernel, stride, pad=0, ceil=False):
        return self.node("MaxPool", x, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, ceil_mode=int(ceil))

    def add(self, x, y):
        return self.node("Add", x, y)

    def concat(self, xs):
        return self.node("Concat", *xs, axis=1)

    def flatten(self, x):
        return self.node("Flatten", x)

    def mean(self, x):
        return self.flatten(self.node("GlobalAveragePool", x))


def network(net):
    """The nodes and constants of a network from `x` to `y`."""
    if net in nets.NETS:
        built = Convnet(net)
        return built.nodes, built.constants
    nodes, constants, x = [], {}, "x"

    def node(op, inputs, **attributes):
        name = f"t{len(nodes)}"
        nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    ws = list(harness.weights(net))
    for l, w in enumerate(ws):
        constants |= {f"w{l}": w, f"b{l}": np.zeros(w.shape[0], np.float32)}
        if w.ndim == 4:
            x = node("Relu", [node("Conv", [x, f"w{l}", f"b{l}"], pads=[2 if l == 0 else 0] * 4)])
            x = node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
            x = node("Flatten", [x]) if l == 1 else x
        else:
            x = node("Gemm", [x, f"w{l}", f"b{l}"], transB=1)
            if l + 1 < len(ws):
                x = node("Tanh" if net == "tiny" else "Relu", [x])
    nodes[-1].output[0] = "y"
    return nodes, constants


def infer(net, batch):
    x, _ = harness.batch_of(net, batch)
    nodes, constants = network(net)
    output = ("y", [batch, harness.NETS[net][-1][0]])
    step, y = bound(session(nodes, {"x": x}, output, constants), {"x": x}, output)
    return Work(step, batch, harness.unit(net), harness.mean_abs(y))


def gemm(m, k, n, packed=False):
    a, b = harness.gemm_of(m, k, n)
    inputs, constants = ({"a": a}, {"b": b}) if packed else ({"a": a, "b": b}, {})
    step, c = bound(session([helper.make_node("MatMul", ["a", "b"], ["c"])], inputs, ("c", [m, n]), constants), inputs, ("c", [m, n]))
    return Work(step, harness.gemm_amount(m, k, n), "GFLOP/s", harness.mean_abs(c))


def conv(layer):
    *_, kernel, stride, groups = harness.CONVS[layer]
    x, w = harness.conv_of(layer)
    size = -(-x.shape[2] // stride)
    output = ("y", [x.shape[0], w.shape[0], size, size])
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[kernel // 2] * 4, strides=[stride] * 2, group=groups)
    step, y = bound(session([node], {"x": x}, output, {"w": w}), {"x": x}, output)
    return Work(step, harness.conv_amount(layer, False), "GFLOP/s", harness.mean_abs(y))


def writer(case):
    """Nodes and constants from the character `last` [1] and the states to `scores`, the most likely `next` [1] and the states after."""
    of, weights = sequences.CASES[case], harness.sequence_weights(case)
    order = lambda w: w.reshape(4, of.units, -1)[[0, 3, 1, 2]].reshape(1, *w.shape)  # i, f, g, o -> i, o, f, g
    constants = {"eye": np.eye(sequences.SYMBOLS, dtype=np.float32).reshape(-1, 1, sequences.SYMBOLS), "wide": np.array([1, 1, -1]),
                 "flat": np.array([1, -1]), "w": weights[-1], "b": np.zeros(sequences.SYMBOLS, np.float32)}
    nodes, x = [helper.make_node("Gather", ["eye", "last"], ["x"])], "x"
    for layer in range(of.layers):
        constants |= {f"wx{layer}": order(weights[2 * layer]), f"wh{layer}": order(weights[2 * layer + 1])}
        inputs = [x, f"wx{layer}", f"wh{layer}", "", "", f"h{layer}", f"c{layer}"]
        nodes.append(helper.make_node("LSTM", inputs, [f"y{layer}", f"h{layer}'", f"c{layer}'"], hidden_size=of.units))
        x = f"x{layer}"
        nodes.append(helper.make_node("Reshape", [f"y{layer}", "wide"], [x]))
    nodes += [helper.make_node("Reshape", [x, "flat"], ["row"]), helper.make_node("Gemm", ["row", "w", "b"], ["scores"], transB=1),
              helper.make_node("ArgMax", ["scores"], ["next"], axis=1, keepdims=0)]
    return nodes, constants


def writing(case):
    """Two bindings in turn: what one fills the other reads."""
    of, (nodes, constants) = sequences.CASES[case], writer(case)
    names = [f"{name}{layer}" for layer in range(of.layers) for name in "hc"]
    states = {name: np.zeros((1, 1, of.units), np.float32) for name in names}
    shapes = [("scores", (1, sequences.SYMBOLS)), *((f"{name}'", (1, 1, of.units)) for name in names)]
    info = lambda name, shape, kind=TensorProto.FLOAT: helper.make_tensor_value_info(name, kind, shape)
    inputs = [info("last", [1], TensorProto.INT64), *(info(name, [1, 1, of.units]) for name in names)]
    outputs = [info("next", [1], TensorProto.INT64), *(info(*shape) for shape in shapes)]
    run = opened(helper.make_graph(nodes, "peer", inputs, outputs, [numpy_helper.from_array(a, n) for n, a in constants.items()]))
    value = ort.OrtValue.ortvalue_from_numpy
    scores = value(np.zeros((1, sequences.SYMBOLS), np.float32))
    sides = [{"last": value(np.zeros(1, np.int64))} | {name: value(state) for name, state in states.items()} for _ in range(2)]
    bindings = []
    for before, after in (sides, sides[::-1]):
        bindings.append(run.io_binding())
        for name in ("last", *names):
            bindings[-1].bind_ortvalue_input(name, before[name])
            bindings[-1].bind_ortvalue_output("next" if name == "last" else f"{name}'", after[name])
        bindings[-1].bind_ortvalue_output("scores", scores)
    turns = [0]

    def step():
        run.run_with_iobinding(bindings[turns[0] % 2])
        turns[0] += 1
        return scores

    def reset():
        turns[0] = 0
        for name, side in sides[0].items():
            side.update_inplace(np.zeros(1, np.int64) if name == "last" else states[name])

    return harness.writing_work(step, reset, lambda scores: scores.numpy())


packed = lambda m, k, n: gemm(m, k, n, packed=True)
harness.serve({"name": "onnxruntime", "version": ort.__version__}, harness.case_table(None, infer, gemm, packed, conv, writing=writing))
