"""Kernels of a map over arrays of particles, with first derivatives by all that it takes.

`value`; `push`, which moves particles and K tangents in place (the Jacobian of a particle computed
once and shared by all K); `cotangent`; and `back`, which undoes the map and pulls gradients back in
place. All go through the particles in blocks, with choices instead of branches, so that their loops
are vectorised.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..base import COORDINATES
from . import stumpffs
from .trace import Expression
from .traced import Traced

#: what is cut to the block in every kernel
_PARTICLES = (*COORDINATES, "alive")


def text(of: Traced) -> str:
    """Kernels of a map over arrays of particles: value, push, cotangent, back."""
    kernels = _Kernels(of)
    out = stumpffs.function("jacobian", of, list(kernels.stored.values()))
    for part in (kernels.value(), kernels.push(), kernels.cotangent(), kernels.back()):
        out += ["", "", "@kernel", *part]
    return "\n".join(out)


@dataclass(frozen=True)
class _Kernels:
    """The parts of the text, as lines."""

    of: Traced

    @cached_property
    def parameters(self) -> list[str]:
        """Those by which derivatives are taken."""
        return [p for p in self.of.numbers if p not in self.of.map.constants]

    @cached_property
    def inputs(self) -> list[str]:
        return [*COORDINATES, *self.parameters]

    @cached_property
    def jacobian(self) -> dict[tuple[int, int], Expression]:
        return self.of.jacobian(self.inputs)

    @cached_property
    def stored(self) -> dict[tuple[int, int], Expression]:
        """What of the Jacobian is not one."""
        return {key: e for key, e in self.jacobian.items() if not e.is_number(1)}

    @cached_property
    def slots(self) -> dict[tuple[int, int], int]:
        return {key: slot for slot, key in enumerate(self.stored)}

    @cached_property
    def moved(self) -> list[str]:
        return [COORDINATES[i] for i in self.of.moved]

    def value(self) -> list[str]:
        columns, numbers = ", ".join(_PARTICLES), ", ".join(self.of.numbers)
        news = [f"{c}_out" for c in self.moved]
        return [
            f"def value(part, start, stop, {columns}, {numbers}, {', '.join(news)}):",
            *self._blocks([*_PARTICLES, *news], self.of.numbers),
            *self._filled(self.of.numbers),
            "        for n in range(high - low):",
            self._one(self.of.numbers),
            *(f"            {c}_out[n] = choose(alive[n], v_{c}, {c}[n])" for c in self.moved),
        ]

    def push(self) -> list[str]:
        """In place; of what the map does not move, a missing tangent may be one row of zeros.

        So may those by the parameters.
        """
        columns, numbers = ", ".join(_PARTICLES), ", ".join(self.of.numbers)
        tangents = ", ".join(f"d_{v}" for v in self.inputs)
        out = [
            f"def push(part, start, stop, {columns}, {numbers}, rows, {tangents}):",
            f"    jac = np.empty(({len(self.slots)}, BLOCK), x.dtype)",
            *(f"    jac_{slot} = jac[{slot}]" for slot in self.slots.values()),
            *self._blocks(_PARTICLES, self.of.numbers),
            *self._filled(self.of.numbers),
            "        for n in range(high - low):",
            self._jacobian(f"jac_{slot}[n]" for slot in self.slots.values()),
            self._one(self.of.numbers),
            *(f"            {c}[n] = choose(alive[n], v_{c}, {c}[n])" for c in self.moved),
            "        for k in range(rows.size):",
        ]
        out += [
            *(
                f"            row_{c} = d_{c}[min(rows[k], d_{c}.shape[0] - 1), low:high]"
                for c in COORDINATES
            ),
            *(f"            dp_{p} = d_{p}[min(k, d_{p}.shape[0] - 1)]" for p in self.parameters),
            "            for n in range(high - low):",
        ]
        factors = [f"row_{v}[n]" if v in COORDINATES else f"dp_{v}" for v in self.inputs]
        for i, c in zip(self.of.moved, self.moved, strict=True):
            terms = [
                factor if (i, j) not in self.slots else f"jac_{self.slots[i, j]}[n] * {factor}"
                for j, factor in enumerate(factors)
                if (i, j) in self.jacobian
            ]
            out.append(f"                h_{c} = {' + '.join(terms)}")
        stay = "                row_{c}[n] = choose(alive[n], h_{c}, row_{c}[n])"
        return [*out, *(stay.format(c=c) for c in self.moved)]

    def cotangent(self) -> list[str]:
        columns, numbers = ", ".join(_PARTICLES), ", ".join(self.of.numbers)
        gradients, backs = [f"g_{c}" for c in self.moved], [f"b_{c}" for c in COORDINATES]
        given = ", ".join([*gradients, *backs])
        out = [
            f"def cotangent(part, start, stop, {columns}, {numbers}, {given}, sums):",
            "    zero = x.dtype.type(0.0)",
            *self._shares(),
            *self._blocks([*_PARTICLES, *gradients, *backs], self.of.numbers),
            *self._filled(self.of.numbers),
            "        for n in range(high - low):",
            self._jacobian(f"j{slot}" for slot in self.slots.values()),
        ]
        for j, c in enumerate(COORDINATES):
            lost = f"g_{c}[n]" if c in self.moved else "zero"
            out.append(f"            v_{c} = {self._pulled(j, 'g') or 'zero'}")
            out.append(f"            b_{c}[n] = choose(alive[n], v_{c}, {lost})")
        return [*out, *self._pulled_parameters("g"), *self._sums()]

    def back(self) -> list[str]:
        """Undone and pulled back at once, in place: `way_` numbers are those that undo the map."""
        way = [f"way_{p}" for p in self.parameters]
        back = [*way, *self.of.map.constants]
        slopes = [f"l_{c}" for c in COORDINATES]
        given = ", ".join([*_PARTICLES, *way, *self.of.numbers, *slopes])
        out = [
            f"def back(part, start, stop, {given}, sums):",
            *self._shares(),
            *self._blocks([*_PARTICLES, *slopes], ()),
            *stumpffs.shared(self.of, back, "        "),
            *self._filled(back),
            "        for n in range(high - low):",
            self._one(back),
            *(f"            {c}[n] = choose(alive[n], v_{c}, {c}[n])" for c in self.moved),
            *self._filled_anew(),
            self._jacobian(f"j{slot}" for slot in self.slots.values()),
        ]
        onto = {c: self._pulled(j, "l") for j, c in enumerate(COORDINATES)}
        changed = [c for c in COORDINATES if onto[c] not in ("", f"l_{c}[n]")]
        out += [f"            h_{c} = {onto[c]}" for c in changed]
        out += self._pulled_parameters("l")
        for c in changed:
            value = f"h_{c}" if c in self.moved else f"l_{c}[n] + h_{c}"
            out.append(f"            l_{c}[n] = choose(alive[n], {value}, l_{c}[n])")
        return [*out, *self._sums()]

    def _blocks(self, arrays: Sequence[str], numbers: Sequence[str]) -> list[str]:
        """The head of the loop over blocks, in which arrays are cut to the block."""
        return [
            *stumpffs.room(self.of, "BLOCK"),
            *(stumpffs.shared(self.of, numbers, "    ") if numbers else ()),
            f"    {', '.join(f'all_{a}' for a in arrays)} = {', '.join(arrays)}",
            "    for low in range(start, stop, BLOCK):",
            "        high = min(low + BLOCK, stop)",
            *(f"        {a} = all_{a}[low:high]" for a in arrays),
        ]

    def _filled_anew(self) -> list[str]:
        """Stumpff functions where the map was undone, if it has some: else its loop goes on."""
        if not self.of.reach:
            return []
        return [
            *stumpffs.shared(self.of, self.of.numbers, "        "),
            *self._filled(self.of.numbers),
            "        for n in range(high - low):",
        ]

    def _filled(self, numbers: Sequence[str]) -> list[str]:
        return stumpffs.filled(self.of, numbers, "high - low", "        ")

    def _call(self, numbers: Sequence[str]) -> str:
        given = [*(f"{c}[n]" for c in COORDINATES), *numbers, *stumpffs.arguments(self.of)]
        return ", ".join(given)

    def _one(self, numbers: Sequence[str]) -> str:
        return f"            {''.join(f'v_{c}, ' for c in self.moved)}= one({self._call(numbers)})"

    def _jacobian(self, into: Iterable[str]) -> str:
        left = "".join(f"{i}, " for i in into)
        return f"            {left}= jacobian({self._call(self.of.numbers)})"

    def _pulled(self, j: int, gradient: str) -> str:
        """What gradients by the coordinates after the map are by an input."""
        terms = []
        for i, c in zip(self.of.moved, self.moved, strict=True):
            if (i, j) in self.jacobian:
                factor = f"{gradient}_{c}[n]"
                terms.append(
                    factor if (i, j) not in self.slots else f"j{self.slots[i, j]} * {factor}"
                )
        return " + ".join(terms)

    def _pulled_parameters(self, gradient: str) -> list[str]:
        """Each parameter's terms apart from their sum, so that all but the sums are vectors."""
        out = []
        for p in self.parameters:
            out.append(f"            v_{p} = {self._pulled(self.inputs.index(p), gradient)}")
            out.append(f"            share_{p}[n] = choose(alive[n], v_{p}, 0.0)")
        return out

    def _shares(self) -> list[str]:
        return [f"    share_{p} = np.empty(BLOCK, x.dtype)" for p in self.parameters]

    def _sums(self) -> list[str]:
        """Sums over a block first, or the rounding of every term would pile up."""
        out: list[str] = []
        for q, p in enumerate(self.parameters):
            out += [
                "        total = 0.0",
                "        for n in range(high - low):",
                f"            total += share_{p}[n]",
                f"        sums[part, {q}] += total",
            ]
        return out
