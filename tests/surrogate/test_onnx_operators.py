"""Operators of ONNX files of others, against onnxruntime."""

import numpy as np
import pytest
import torch
from onnx_cases import CELLS, MAP, difference, onnx, run, table, write

from pyjutrack.interop.networks import from_onnx
from pyjutrack.surrogate.architectures import Standardisation
from pyjutrack.surrogate.layers import Affine


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


def test_weights_listed_as_inputs(file):
    """As files of the third version of the format and before have them."""
    reads = f"float[1,1,3,3] w, {MAP}"
    write(file, "output = Conv<pads=[1,1,1,1]>(input, w)", reads=reads)
    x = torch.randn(2, *CELLS)
    assert difference(from_onnx(file).network(x), run(file, x)) < 1e-6


def test_names_that_layers_of_ours_have(file):
    body = "input = Relu(x) standardised = Mul(input, half) output = Conv<pads=[1,1,1,1]>(input, w)"
    write(file, body.replace("(input, w)", "(standardised, w)"), reads=MAP.replace("input", "x"))
    x = torch.randn(2, *CELLS)
    surrogate = from_onnx(file, standardisation=Standardisation(0.5, 2.0, 0.25, 4.0))
    assert difference(surrogate.network(x), 4 * run(file, (x - 0.5) / 2) + 0.25) < 1e-6


def test_double_precision(file):
    third = onnx.numpy_helper.from_array(np.float64(1 / 3), "c")
    write(
        file,
        "output = Mul(input, c)",
        reads=MAP.replace("float", "double"),
        makes="double[a,b,c,d] output",
        change=lambda model: model.graph.initializer.append(third),
    )
    surrogate = from_onnx(file)
    assert surrogate.network.layers == (Affine("output", ("input",), 1 / 3),)


def test_shifts_join_scales(file):
    """Standardisation written as two operators is one layer, unless the first is used again."""
    write(file, "a = Mul(input, half) output = Sub(a, third)")
    (layer,) = from_onnx(file).network.layers
    assert (layer.scale, layer.shift) == (0.5, -float(str(np.float32(1 / 3))))
