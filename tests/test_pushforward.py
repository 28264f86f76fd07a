"""Pushed tensors do what vmap(jvp(...)) does, for every rule and for what has none."""

import numpy as np
import pytest
import torch

from pyjutrack.autodiff import Pushed, collect_tangents, seeds, value_of
from pyjutrack.autodiff.dual import RULES
from pyjutrack.core.errors import InvalidValueError
from pyjutrack.core.special import stumpff

CASES = {
    "add": lambda a, b, s: a + b,
    "add number": lambda a, b, s: 1.5 + a,
    "sub": lambda a, b, s: a - b,
    "sub number": lambda a, b, s: (a - 2.0) * (1.0 + b),
    "sub of another shape": lambda a, b, s: (s - a) * (b - s),
    "rsub": lambda a, b, s: 2.0 - b,
    "mul": lambda a, b, s: a * b,
    "mul by a scalar tensor": lambda a, b, s: s * a,
    "rmul": lambda a, b, s: 3.0 * b,
    "div": lambda a, b, s: a / (2 + b),
    "rdiv": lambda a, b, s: 1.0 / (3 + a),
    "div by a number": lambda a, b, s: a / 3.0,
    "neg": lambda a, b, s: -(a * s),
    "matmul": lambda a, b, s: a @ b.mT,
    "stack": lambda a, b, s: torch.stack([a, torch.ones_like(value_of(a)), b], 1),
    "reshape": lambda a, b, s: (a * s).reshape(2, -1) @ torch.reshape(b, (6, 2)),
    "movedim": lambda a, b, s: a.movedim(0, -1) * s,
    "movedim of two": lambda a, b, s: a.movedim((0, 1), (-1, 0)) * s,
    "sqrt, without a rule": lambda a, b, s: (a * a + 1).sqrt(),
    "to another precision": lambda a, b, s: a.to(torch.float32).to(b) * b,
    "new_full": lambda a, b, s: a.new_full((3, 4), 2.0) * b,
    "where, without a rule": lambda a, b, s: torch.where(value_of(a) > 0, a, b),
    "sum": lambda a, b, s: (a * b).sum(-1),
    "sum over the first": lambda a, b, s: torch.sum(a * b, 0),
    "sum over all": lambda a, b, s: (a * b).sum() + s.sum(),
    "sum over two": lambda a, b, s: (a * b).sum((0, 1)),
    "contiguous": lambda a, b, s: a.mT.contiguous() * s,
    "unbind": lambda a, b, s: a.unbind(0)[1] * torch.unbind(b, -1)[2][0],
    "Stumpff": lambda a, b, s: torch.stack(stumpff(a * b)),
    "Stumpff, near zero": lambda a, b, s: torch.stack(stumpff(0.1 * a)),
    "erfc": lambda a, b, s: torch.erfc(a * s),
    "logsumexp, without a rule": lambda a, b, s: (a * b).logsumexp(-1),
}


@pytest.fixture
def inputs():
    g = torch.Generator().manual_seed(3)

    def rand(*shape):
        return torch.randn(shape, generator=g, dtype=torch.float64)

    values = (rand(3, 4), rand(3, 4), rand())
    directions = ((0, 2), (2,), (1,))
    tangents = [rand(len(d), *v.shape) for v, d in zip(values, directions, strict=True)]
    return values, directions, tangents


@pytest.mark.parametrize("name", CASES)
def test_rules(name, inputs):
    values, directions, tangents = inputs
    full = []
    for v, d, t in zip(values, directions, tangents, strict=True):
        rows = torch.zeros(3, *v.shape, dtype=v.dtype)
        rows[list(d)] = t
        full.append(rows)
    function = CASES[name]
    expected = torch.func.vmap(lambda *t: torch.func.jvp(function, values, t)[1])(*full)
    pushed = [Pushed.make(*one) for one in zip(values, tangents, directions, strict=True)]
    result = function(*pushed)
    torch.testing.assert_close(result.value, function(*values))
    found = torch.zeros_like(expected)
    found[list(result.directions)] = result.tangent
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-13)


def test_seeds_know_their_zeros():
    a, b = seeds(torch.tensor([2.0, 5.0], dtype=torch.float64))
    assert (a.directions, b.directions) == ((0,), (1,))
    product = a * b
    assert product.directions == (0, 1)
    assert product.tangent.tolist() == [5.0, 2.0]
    assert collect_tangents((a, 3.0))[0] == (0,)
    assert collect_tangents((1.0,)) == ((), [None])


def test_comparisons_and_numbers_forget_the_tangents():
    (a,) = seeds(torch.tensor([2.0], dtype=torch.float64))
    assert not isinstance(a > 1, Pushed)
    assert float(a) == 2.0
    assert not isinstance(a.detach(), Pushed)
    assert not isinstance(a.to(torch.int64), Pushed)
    assert a.shape == ()
    assert a.dtype == torch.float64


def test_a_double_number_leaves_single_precision_single():
    (s,) = seeds(torch.tensor([2.0], dtype=torch.float64))
    grid = torch.ones(3, 4)
    product = s * Pushed.make(grid, torch.ones(1, 3, 4), (1,))
    for result in (product, s * grid, grid / s, grid + s):
        assert result.value.dtype == result.tangent.dtype == torch.float32
    assert product.tangent[:, 0, 0].tolist() == [1.0, 2.0]


def test_stumpff_functions_have_one_rule(monkeypatch):
    """And do not go through tangents of every term of their series."""
    used = []
    rule = RULES[stumpff]
    monkeypatch.setitem(RULES, stumpff, lambda w: used.append(w) or rule(w))
    (a,) = seeds(torch.tensor([2.0], dtype=torch.float64))
    assert all(isinstance(c, Pushed) for c in stumpff(a))
    assert len(used) == 1


@pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")  # PyTorch's own
def test_arrays_of_numpy_are_no_numbers():
    (k,) = seeds([torch.tensor(2.0, dtype=torch.float64)])
    c = np.array([1.0, 2.0, 3.0])
    for found in (k * c, k + c, k - c, k / c):
        assert found.value.shape == (3,)
        assert found.tangent.shape == (1, 3)
    assert (k * c).sum().tangent.item() == 6.0


def test_operations_in_place():
    """What holds the tensor sees it, what it was made from does not, and others are refused."""
    (a,) = seeds(torch.tensor([2.0], dtype=torch.float64))
    b = a + 1.0
    same = b
    b *= 3.0
    b += a
    b -= 1.0
    b /= 2.0
    assert same is b
    assert (float(b.value), float(b.tangent)) == (5.0, 2.0)
    assert (float(a.value), float(a.tangent)) == (2.0, 1.0)
    plain = torch.zeros(3, dtype=torch.float64)
    for spoil in (
        lambda: b.mul_(2.0),
        lambda: torch.relu_(b),
        lambda: plain.__iadd__(b),
        lambda: plain.__setitem__(0, b),
        lambda: torch.add(plain[0], b, out=plain[0]),
    ):
        with pytest.raises(InvalidValueError, match="writes to a tensor"):
            spoil()
    with pytest.raises(InvalidValueError, match="shape"):
        b += torch.ones(2, 3, dtype=torch.float64)
