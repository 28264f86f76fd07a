"""Errors of ONNX files of others that no layer represents: they name it, and the node."""

import numpy as np
import pytest
from onnx_cases import MAP, ints, onnx, table, write

from pyjutrack.core.errors import InvalidValueError
from pyjutrack.interop.networks import from_onnx


@pytest.fixture
def file(tmp_path):
    return tmp_path / "foreign.onnx"


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
no valid ONNX file: .*int64
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
no valid ONNX file: .*nothing
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
        ("float[N,1,9000000000,9000000000] input", "cannot be read"),
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
