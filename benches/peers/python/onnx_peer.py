"""ONNX Runtime as a peer: python onnx_peer.py. Inference and GEMM with bound inputs and outputs; it has no training here."""

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

import harness
from harness import Work


def session(nodes, inputs, output, constants):
    """A session over a graph that is given as nodes, {input: array}, (output name, shape) and {constant: array}."""
    info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "peer", [info(n, a.shape) for n, a in inputs.items()], [info(*output)],
                              [numpy_helper.from_array(a, n) for n, a in constants.items()])
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


def network(net):
    """The nodes and constants of a network from `x` to `y`."""
    nodes, constants, x = [], {}, "x"

    def node(op, inputs, **attributes):
        name = f"t{len(nodes)}"
        nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    ws = harness.weights(net)
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
    output = ("y", [batch, 1 if net == "tiny" else 10])
    step, y = bound(session(nodes, {"x": x}, output, constants), {"x": x}, output)
    return Work(step, batch, harness.UNIT[net], harness.mean_abs(y))


def gemm(m, k, n, packed=False):
    a, b = harness.gemm_of(m, k, n)
    inputs, constants = ({"a": a}, {"b": b}) if packed else ({"a": a, "b": b}, {})
    step, c = bound(session([helper.make_node("MatMul", ["a", "b"], ["c"])], inputs, ("c", [m, n]), constants), inputs, ("c", [m, n]))
    return Work(step, harness.gemm_amount(m, k, n), "GFLOP/s", harness.mean_abs(c))


packed = lambda m, k, n: gemm(m, k, n, packed=True)
harness.serve({"name": "onnxruntime", "version": ort.__version__}, harness.case_table(None, infer, gemm, packed))
