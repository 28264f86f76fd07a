"""ONNX files of small graphs, and what another runtime makes of a file."""

from string import Template

import numpy as np
import pytest
import torch

onnx = pytest.importorskip("onnx")

CELLS = (12, 16)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


#: what any graph may read: kernels, numbers by channel, numbers, integers
CONSTANTS = {
    "w": normal(1, 1, 3, 3),
    "wide": normal(4, 1, 3, 3),
    "mix": normal(1, 4, 3, 3),
    "four": normal(1, 1, 4, 4),
    "up": normal(1, 1, 4, 4, seed=1),
    "five": normal(1, 1, 5, 5),
    "whole": np.ones((1, 1, 3, 3), np.int64),
    "line": normal(1, 1, 3),
    "nans": np.full((1, 1, 3, 3), np.nan, np.float32),
    "bias": normal(1, seed=2),
    "bias4": normal(4, seed=2),
    "scale4": normal(4, seed=3),
    "positive4": 1 + normal(4, seed=4) ** 2,
    "row4": normal(1, 4, 1, 1),
    "half": np.float32(0.5),
    "third": np.full((1, 1, 1, 1), 1 / 3, np.float32),
    "zero": np.float32(0),
    "infinite": np.float32(np.inf),
    "yes": np.array(True),
    "no": np.array(False),
    "first": ints(1),
    "second": ints(2),
    "last": ints(-1),
    "far": ints(np.iinfo(np.int64).max),
    "across": ints(-3),
    "xy": ints(2, 3),
    "ones": ints(1, 1, 1, 1),
    "border": ints(0, 0, 1, 1, 0, 0, 1, 1),
    "before": ints(0, 0, 1, 1, 0, 0, 0, 0),
    "channel": ints(0, 1, 0, 0, 0, 0, 0, 0),
    "crop": ints(0, 0, -1, -1, 0, 0, -1, -1),
}

MAP = "float[N,1,12,16] input"

#: what tables of graphs abbreviate
SHORT = {
    "edge": "pads=[1,1,1,1]",
    "by2": "strides=[2,2]",
    "wide": "a = Conv<pads=[1,1,1,1]>(input, wide)",
    "narrow": "output = Conv<pads=[1,1,1,1]>(y, mix)",
    "small": "a = Conv<strides=[2,2], pads=[1,1,1,1]>(input, four)",
}


def table(text):
    """Graphs in ONNX's text form, indented, by the lines above them."""
    found = {}
    for line in text.strip("\n").splitlines():
        if not line.startswith(" "):
            assert line not in found
            title, found[line] = line, ""
        else:
            found[title] += Template(line).substitute(SHORT)
    return found


def write(path, body, *, opset=17, reads=MAP, makes="float[a,b,c,d] output", change=None):
    """A file of a graph, with those of the constants that it reads."""
    graph = onnx.parser.parse_graph(f"graph ({reads}) => ({makes}) {{ {body} }}")
    for name in dict.fromkeys(i for n in graph.node for i in n.input if i in CONSTANTS):
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(CONSTANTS[name]), name))
    opsets = [onnx.helper.make_opsetid("", opset), onnx.helper.make_opsetid("other", 1)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    if change is not None:
        change(model)
    path.write_bytes(model.SerializeToString())
    return path


def edited(path, edit):
    """The file, after its model was changed on purpose: its digest goes."""
    model = onnx.load(path)
    edit(model)
    kept = [p for p in model.metadata_props if p.key != "pyjutrack.digest"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    path.write_bytes(model.SerializeToString())
    return path


def run(path, x):
    """What onnxruntime makes of maps (batch, nx, ny)."""
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (made,) = session.run(["output"], {session.get_inputs()[0].name: x[:, None].numpy()})
    return torch.from_numpy(made[:, 0])


def difference(a, b):
    """Largest difference over the largest value."""
    return float((a - b).abs().max() / b.abs().max())
