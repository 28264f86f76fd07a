"""Operators of ONNX files of others: against onnxruntime where supported, else refused by name."""

from string import Template

import numpy as np
import pytest
import torch
from onnx_cases import difference, run

from pyjutrack.errors import InvalidValueError
from pyjutrack.surrogate.layers import Affine
from pyjutrack.surrogate.onnx import from_onnx

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


@pytest.fixture
def file(tmp_path):
    return tmp_path / "foreign.onnx"


#: by name; after @ the version of the operators
SUPPORTED = table("""
Conv
    output = Conv<kernel_shape=[3,3], $edge, group=1>(input, w, bias)
Conv VALID
    a = Conv<auto_pad="VALID">(input, w) output = ConvTranspose<auto_pad="VALID">(a, w)
Conv SAME_UPPER
    output = Conv<auto_pad="SAME_UPPER">(input, w)
Conv SAME_LOWER beyond the last place
    a = Conv<auto_pad="SAME_LOWER", $by2>(input, w) output =
        ConvTranspose<auto_pad="SAME_LOWER", $by2>(a, up)
ConvTranspose
    $small output = ConvTranspose<$by2, $edge>(a, up, bias)
ConvTranspose SAME
    $small output = ConvTranspose<$by2, auto_pad="SAME_UPPER">(a, up)
InstanceNormalization
    $wide y = InstanceNormalization<epsilon=0.001>(a, scale4, bias4) $narrow
BatchNormalization
    $wide y = BatchNormalization<epsilon=0.01>(a, scale4, bias4, bias4, positive4) $narrow
BatchNormalization @9
    $wide y = BatchNormalization(a, scale4, bias4, bias4, positive4) $narrow
LeakyRelu
    $wide y = LeakyRelu(a) $narrow
Relu
    $wide y = Relu(a) $narrow
Add of maps
    a = Relu(input) output = Add(a, input)
Add of a number
    output = Add(input, half)
Add to a number
    a = Add(third, input) output = Add(a, a)
Sum
    a = Relu(input) output = Sum(a, input, a)
Sum of one
    a = Relu(input) output = Sum(a)
Sub of maps
    a = Relu(input) output = Sub(a, input)
Sub of a number
    output = Sub(input, half)
Sub from a number
    output = Sub(half, input)
Mul
    a = Mul(input, third) output = Mul(half, a)
Div
    a = Sub(input, half) output = Div(a, third)
Mul, Add
    a = Mul(input, third) b = Relu(a) c = Add(a, half) output = Sum(b, c)
Concat
    a = Relu(input) y = Concat<axis=-3>(input, a, a, input) $narrow
Slice
    $wide output = Slice(a, first, second, first)
Slice from the end
    $wide output = Slice(a, last, far, across, first)
Slice @9
    $wide output = Slice<axes=[1], starts=[2], ends=[3]>(a)
Identity
    v = Identity(w) a = Conv<$edge>(input, v) b = Identity(a) output = Conv<$edge>(b, w)
Dropout
    a, mask = Dropout(input, half, no) output = Relu(a)
Dropout @7
    a = Dropout<ratio=0.5>(input) output = Relu(a)
Constant
    c = Constant<value=float {3.0}>() a = Mul(input, c) d = Constant<value_float=0.2>()
        output = Sub(a, d)
Pad
    a = Pad(input, border, zero) output = Conv(a, w)
Pad twice
    a = Pad(input, border) b = Pad(a, border) output = Conv(b, five)
Pad and pads
    a = Pad(input, before) output = Conv<pads=[0,0,1,1]>(a, w)
Pad @18
    a = Pad(input, ones, zero, xy) output = Conv(a, w)
Pad @10
    a = Pad<pads=[0,0,1,1,0,0,1,1]>(input) output = Conv(a, w)
what nothing needs
    a = Relu(input) b = Conv(a, w) output = Identity(a) d = Relu(b)
""")


@pytest.mark.parametrize("name", SUPPORTED)
def test_operators(name, file):
    write(file, SUPPORTED[name], opset=int(name.partition("@")[2] or 17))
    network = from_onnx(file).network
    x = torch.randn(3, *CELLS)
    made = network(x)
    assert made.dtype == torch.float32
    assert difference(made, run(file, x)) < 1e-6


#: by what the error names
REFUSED = table(r"""
operators .*: Sigmoid .node 'output'.; supported are Add,
    output = Sigmoid(input)
Sigmoid .node 'a'., Tanh .node 'output'.;
    a = Sigmoid(input) b = Sigmoid(a) output = Tanh(b)
operators .*: Relu .node 'output'.
    output = other.Relu(input)
Conv node 'output': dilations \(2, 2\) .* \(1, 1\)
    output = Conv<dilations=[2,2], pads=[2,2,2,2]>(input, w)
Conv node 'b': group 4 .* 1
    $wide b = Conv<group=4, $edge>(a, wide) output = Conv<$edge>(b, mix)
Conv node 'a': strides \(2, 1\)
    a = Conv<strides=[2,1], $edge>(input, four) output = ConvTranspose<strides=[2,1],
        $edge>(a, up)
Conv node 'output': pads \(0, 0, 2, 2\)
    output = Conv<pads=[0,0,2,2]>(input, w)
Conv node 'b': pads \(2, 1, 2, 1\)
    b = Conv<pads=[2,1,2,1]>(input, w) output = Relu(input)
Conv node 'output': pads \(1, 1, 2, 2\)
    output = Conv<auto_pad="SAME_UPPER">(input, four)
ConvTranspose node 'output': pads \(0, 0, 1, 1\)
    a = Conv<$by2, $edge>(input, w) output = ConvTranspose<$by2, auto_pad="SAME_UPPER">(a,
        w)
ConvTranspose node 'output': output_padding \(1, 1\)
    a = Conv<$by2, $edge>(input, w) output = ConvTranspose<$by2, $edge,
        output_padding=[1,1]>(a, w)
ConvTranspose node 'output': output_shape \(12, 16\)
    $small output = ConvTranspose<$by2, output_shape=[12,16]>(a, up)
Conv node 'output': input 1 is computed
    $wide output = Conv(input, a)
no valid ONNX file
    output = Conv<$edge>(input, whole)
'nans' holds NaN
    output = Conv<$edge>(input, nans)
Mul node 'output': input 1 is computed
    output = Mul(input, input)
Div node 'output': input 1 is computed
    output = Div(half, input)
Div node 'output': it divides by zero
    output = Div(input, zero)
Mul node 'output': .* inf is not finite
    output = Mul(input, infinite)
Add node 'y': a constant of shape \(1, 4, 1, 1\)
    $wide y = Add(a, row4) $narrow
Add node 'a': all .* is constant
    a = Add(half, half) output = Add(input, a)
Add node 'y': maps of shapes \(4, 12, 16\), \(1, 12, 16\)
    $wide y = Add(a, input) $narrow
Relu node 'a': input 0 is constant
    a = Relu(half) output = Identity(input)
Concat node 'y': axis 2 .* 1 or -3
    y = Concat<axis=2>(input, input) output = Relu(input)
Slice node 'y': axes \(2,\) .* \(1,\) or \(-3,\)
    y = Slice(input, first, far, second) output = Relu(input)
Slice node 'y': steps \(2,\)
    $wide y = Slice(a, first, far, first, second) output = Relu(input)
Slice node 'y': it takes no channel
    $wide y = Slice(a, second, first, first) output = Relu(input)
Pad node 'a': mode reflect .* constant
    a = Pad<mode="reflect">(input, border) output = Conv(a, w)
Pad node 'a': value 0.5 .* 0.0
    a = Pad(input, border, half) output = Conv(a, w)
Pad node 'a': pads \(0, 1, 0, 0, 0, 0, 0, 0\)
    a = Pad(input, channel) output = Conv<$edge>(input, w)
Pad node 'a': pads \(0, 0, -1
    a = Pad(input, crop) output = Conv<pads=[2,2,2,2]>(a, w)
Relu node 'b': .* Pad directly before Conv
    a = Pad(input, border) b = Relu(a) output = Conv(b, w)
output node 'output': .* Pad directly before Conv
    a = Conv(input, w) output = Pad(a, border)
Dropout node 'output': training_mode True .* False
    output = Dropout(input, half, yes)
BatchNormalization node 'y': training_mode 1 .* 0
    $wide y, m, v = BatchNormalization<training_mode=1>(a, scale4, bias4, bias4, positive4)
        $narrow
'y': a variance is not positive
    $wide y = BatchNormalization(a, scale4, bias4, bias4, scale4) $narrow
Constant node 'c': kind of value value_string .* value or
    c = Constant<value_string="x">() output = Relu(input)
it makes .* \(1, 6, 8\) from \(1, 12, 16\)
    $small output = Relu(a)
it makes .* \(4, 12, 16\) from \(1, 12, 16\)
    $wide output = Relu(a)
output node 'output': input 0 is constant
    output = Identity(w)
no valid ONNX file|shapes do not fit
    output = Conv<$edge>(input, mix)
no valid ONNX file|kernel of shape
    output = Conv(input, line)
no valid ONNX file
    output = Relu(nothing)
""")


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_not_supported(message, file):
    with pytest.raises(InvalidValueError, match=message) as caught:
        from_onnx(write(file, REFUSED[message]))
    assert str(caught.value).startswith(f"{file} cannot be read: ")


@pytest.mark.parametrize(
    ("reads", "message"),
    [
        ("float[N,2,12,16] input", "shape .'N', 2, 12, 16.; supported is .batch, 1, nx, ny."),
        ("float[1,12,16] input", "shape .1, 12, 16.; supported"),
        ("float input", "shape ..; supported"),
        ("int64[N,1,12,16] input", "type INT64; supported is floating point"),
        ("float[N,1,12,n] input", "leaves the number of cells open"),
        ("float[N,1,4,4] input", "at least 8 cells a side"),
        ("float[N,1,12,16] input, float[N,1,12,16] other", "inputs .'input', 'other'.;"),
    ],
)
def test_inputs_that_are_not_supported(reads, message, file):
    write(file, "output = Relu(input)", reads=reads, makes=reads.partition(" in")[0] + " output")
    with pytest.raises(InvalidValueError, match=message):
        from_onnx(file)


def test_two_outputs(file):
    makes = f"{MAP.replace('input', 'output')}, {MAP.replace('input', 'more')}"
    write(file, "output = Relu(input) more = Relu(output)", makes=makes)
    with pytest.raises(InvalidValueError, match=r"outputs .'output', 'more'.; supported is one"):
        from_onnx(file)


def test_an_old_version_of_operators(file):
    with pytest.raises(InvalidValueError, match="version before 7"):
        from_onnx(write(file, "output = Relu(input)", opset=6))


def test_functions_of_the_file_are_no_operators(file):
    def add(model):
        body = [onnx.helper.make_node("Neg", ["x"], ["y"])]
        opsets = [onnx.helper.make_opsetid("", 17)]
        model.functions.append(onnx.helper.make_function("", "Relu", ["x"], ["y"], body, opsets))

    with pytest.raises(InvalidValueError, match=r"Relu .node 'output'"):
        from_onnx(write(file, "output = Relu(input)", change=add))


def test_sparse_weights(file):
    def add(model):
        values = onnx.numpy_helper.from_array(np.ones(1, np.float32), "s")
        places = onnx.numpy_helper.from_array(ints(0), "p")
        model.graph.sparse_initializer.append(onnx.helper.make_sparse_tensor(values, places, [3]))

    with pytest.raises(InvalidValueError, match="sparse weights are not supported"):
        from_onnx(write(file, "output = Relu(input)", change=add))


def test_weights_listed_as_inputs(file):
    """As files of the third version of the format and before have them."""
    reads = f"float[1,1,3,3] w, {MAP}"
    write(file, "output = Conv<pads=[1,1,1,1]>(input, w)", reads=reads)
    x = torch.randn(2, *CELLS)
    assert difference(from_onnx(file).network(x), run(file, x)) < 1e-6


def test_names_of_ours_in_other_places(file):
    write(
        file,
        "input = Relu(x) w.2 = Mul(input, half) output = Conv<pads=[1,1,1,1]>(w.2, w)".replace(
            "w.2", "standardised"
        ),
        reads=MAP.replace("input", "x"),
    )
    x = torch.randn(2, *CELLS)
    assert difference(from_onnx(file).network(x), run(file, x)) < 1e-6


def test_double_precision(file):
    body = "output = Mul(input, c)"
    c = onnx.numpy_helper.from_array(np.float64(1 / 3), "c")
    double = [MAP.replace("float", "double").replace("input", n) for n in ("input", "output")]
    write(
        file,
        body,
        reads=double[0],
        makes=double[1],
        change=lambda model: model.graph.initializer.append(c),
    )
    surrogate = from_onnx(file)
    assert surrogate.network.layers == (Affine("output", ("input",), 1 / 3),)


def test_shifts_join_scales(file):
    """Standardisation written as two operators is one layer, unless the first is used again."""
    write(file, "a = Mul(input, half) output = Sub(a, third)")
    (layer,) = from_onnx(file).network.layers
    assert (layer.scale, layer.shift) == (0.5, -float(str(np.float32(1 / 3))))
