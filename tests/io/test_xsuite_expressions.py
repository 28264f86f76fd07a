"""The language of Xsuite's expressions: read, written, and references in it."""

from __future__ import annotations

import pytest
from xsuite_lines import xt

from pyjutrack.io.xsuite.language import parse, parse_reference, write_expression
from pyjutrack.lattice.expressions import Expression
from pyjutrack.lattice.formulas import parse_formula

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vars['a']", "a"),
        ('vars["a.b"]', "a.b"),
        ("((vars['a'] * 2.0) + (-vars['b']))", "a*2 + -b"),
        ("(vars['a'] ** 2)", "a^2"),
        ("2**3**2 + vars['a']*0", "512 + a*0"),
        ("(-vars['a'])**2", "(-a)^2"),
        ("-vars['a']**2", "-a^2"),
        ("f.sin(vars['a'])", "sin(a)"),
        ("f['sqrt'](vars['a'])", "sqrt(a)"),
        ("f.atan2(vars['a'], 1e-05)", "atan2(a, 0.00001)"),
        ("f.frac(vars['a'])", "mod(a, 1)"),
        ("np.float64(3.5) * vars['a']", "3.5*a"),
    ],
)
def test_expressions_are_python(text: str, expected: str) -> None:
    found = parse(text, lambda reference: Expression.named(reference.name))
    values = {"a": 0.7, "b": -0.4, "a.b": 2.0}
    assert isinstance(found, Expression)
    # of our own text, powers bind from the left
    reference = parse_formula(expected)
    assert isinstance(reference, Expression)
    assert found.evaluate(values) == pytest.approx(reference.evaluate(values), rel=1e-15)


def test_what_is_written_is_what_xtrack_reads() -> None:
    text = "sin(a)^2/(1 - -b) - (a^b)^2 + 1.5e-7*sqrt(abs(b)) - (-2)*a"
    expression = parse_formula(text)
    assert isinstance(expression, Expression)
    values = {"a": 0.7, "b": -0.4}
    env = xt.Environment()
    env["a"], env["b"] = 0.7, -0.4
    containers = env.ref_manager.containers
    there = eval(write_expression(expression), {}, containers)._get_value()
    assert there == pytest.approx(expression.evaluate(values), rel=1e-15)
    again = parse(write_expression(expression), lambda r: Expression.named(r.name))
    assert again == expression


def test_references() -> None:
    assert parse_reference("vars['a']") == ("a",)
    found = parse_reference("element_refs['q.1'].knl[2]")
    assert (found.name, found.field, found.place) == ("q.1", "knl", 2)
    for text in ("vars['a'].x", "element_refs['q']", "particles['p'].p0c", "f['a']", ""):
        assert parse_reference(text) is None
