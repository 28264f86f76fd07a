"""Kernels of a map over arrays of particles, with first derivatives by all that it takes.

`value`; `push`, which moves particles and K tangents in place (the Jacobian of a particle computed
once and shared by all K); `cotangent`; and `back`, which inverts the map and pulls gradients back
in place.
"""

from __future__ import annotations

from ..base import COORDINATES
from .trace import statements
from .traced import Traced


def text(of: Traced) -> str:
    """Kernels of a map over arrays of particles: value, push, cotangent, back."""
    constants, moved = of.map.constants, of.moved
    parameters = [p for p in of.numbers if p not in constants]
    inputs = [*COORDINATES, *parameters]
    jacobian = of.jacobian(inputs)
    stored = {key: e for key, e in jacobian.items() if not e.is_number(1)}
    slots = {key: slot for slot, key in enumerate(stored)}

    def term(key: tuple[int, int], factor: str) -> str:
        return factor if key not in slots else f"jac_{slots[key]}[n] * {factor}"

    call = ", ".join((*COORDINATES, *of.numbers))
    columns = ", ".join(COORDINATES)
    scalars = ", ".join([*parameters, *constants])
    at_n = ", ".join([f"{c}[n]" for c in COORDINATES] + [*parameters, *constants])
    jac_lines, jac_names = statements(stored.values())
    news = [f"{COORDINATES[i]}_out" for i in moved]

    out: list[str] = []
    put = out.append
    reach, versions = of.reach, of.versions
    for version in versions:
        put("@scalar")
        put(f"def jacobian_{version}({call}):")
        out += [f"    {line.replace('stumpff', version)}" for line in jac_lines]
        put(f"    return {', '.join(jac_names)}\n\n")

    # slices of the arrays, and a choice instead of a branch: what the vectoriser needs
    into = ", ".join(news)
    put("@kernel")
    put(f"def value(part, start, stop, {columns}, alive, {scalars}, {into}):")
    for array in (*COORDINATES, "alive", *news):
        put(f"    {array} = {array}[start:stop]")
    results = [f"v_{COORDINATES[i]}" for i in moved]

    def by_version(low: str, high: str, indent: str, body: list[str]) -> None:
        """The loop over particles, without branches where a series serves the whole block."""
        inner = indent
        if reach:
            put(f"{indent}small = True")
            put(f"{indent}for n in range({low}, {high}):")
            put(f"{indent}    small &= fits(reach({at_n})) or not alive[n]")
            inner = indent + "    "
        for version in versions:
            if reach:
                put(f"{indent}{'if small' if version == 'series' else 'else'}:")
            put(f"{inner}for n in range({low}, {high}):")
            out.extend(f"{inner}    {line.replace('VERSION', version)}" for line in body)

    body = [f"{', '.join(results)} = one_VERSION({at_n})"]
    for i, new, result in zip(moved, news, results, strict=True):
        body.append(f"{new}[n] = {result} if alive[n] else {COORDINATES[i]}[n]")
    by_version("0", "stop - start", "    ", body)
    put("\n")

    whole = [*COORDINATES, "alive"]

    # in place, values and tangents; of what the map does not move, a missing tangent may be one row
    # of zeros, and so may those by the parameters
    put("@kernel")
    tangents = ", ".join(f"d_{c}" for c in COORDINATES)
    d_params = ", ".join(f"d_{p}" for p in parameters)
    put(f"def push(part, start, stop, {columns}, alive, {scalars},")
    put(f"        rows, {tangents}, {d_params}):")
    put(f"    jac = np.empty(({len(slots)}, BLOCK), x.dtype)")
    kept = [f"jac_{slot}" for slot in range(len(slots))]
    for slot, row in enumerate(kept):
        put(f"    {row} = jac[{slot}]")
    put(f"    {', '.join(f'all_{c}' for c in whole)} = {', '.join(whole)}")
    put("    for low in range(start, stop, BLOCK):")
    put("        high = min(low + BLOCK, stop)")
    for c in whole:
        put(f"        {c} = all_{c}[low:high]")
    body = [f"{', '.join(f'{r}[n]' for r in kept)} = jacobian_VERSION({at_n})"]
    body.append(f"{', '.join(results)} = one_VERSION({at_n})")
    for i, result in zip(moved, results, strict=True):
        c = COORDINATES[i]
        body.append(f"{c}[n] = {result} if alive[n] else {c}[n]")
    by_version("0", "high - low", "        ", body)
    put("        for k in range(rows.size):")
    for c in COORDINATES:
        put(f"            row_{c} = d_{c}[min(rows[k], d_{c}.shape[0] - 1), low:high]")
    for p in parameters:
        put(f"            dp_{p} = d_{p}[min(k, d_{p}.shape[0] - 1)]")
    put("            for n in range(high - low):")
    for i in moved:
        terms = [
            term((i, j), f"row_{v}[n]" if v in COORDINATES else f"dp_{v}")
            for j, v in enumerate(inputs)
            if (i, j) in jacobian
        ]
        put(f"                h_{COORDINATES[i]} = {' + '.join(terms)}")
    for i in moved:
        c = COORDINATES[i]
        put(f"                row_{c}[n] = h_{c} if alive[n] else row_{c}[n]")
    put("\n")
    put("@kernel")
    put(f"def cotangent(part, start, stop, {columns}, alive, {scalars},")
    put(f"        {', '.join(f'g_{n}' for n in news)},")
    put(f"        {', '.join(f'b_{c}' for c in COORDINATES)}, sums):")
    # the Jacobian of a particle stays in registers; choices instead of branches, and each
    # parameter's terms apart from their sum, so that all but the sums are vectors; sums over a
    # block first, or the rounding of every term would pile up
    gradients = [f"g_{new}" for new in news]
    backs = [f"b_{c}" for c in COORDINATES]
    shares = [f"share_{p}" for p in parameters]
    put("    zero = x.dtype.type(0.0)")
    for share in shares:
        put(f"    {share} = np.empty(BLOCK, x.dtype)")
    taken = [*whole, *gradients, *backs]
    put(f"    {', '.join(f'all_{c}' for c in taken)} = {', '.join(taken)}")
    put("    for low in range(start, stop, BLOCK):")
    put("        high = min(low + BLOCK, stop)")
    for c in taken:
        put(f"        {c} = all_{c}[low:high]")
    held = [f"j{slot}" for slot in range(len(slots))]
    body = [f"{', '.join(held)} = jacobian_VERSION({at_n})"]

    def pull_back(j: int, gradient: str) -> str:
        """Gradients by an input, from those by the coordinates after the map."""
        terms = []
        for i in moved:
            if (i, j) in jacobian:
                factor = gradient.replace("COORDINATE", COORDINATES[i])
                terms.append(factor if (i, j) not in slots else f"j{slots[i, j]} * {factor}")
        return " + ".join(terms)

    for j, c in enumerate(COORDINATES):
        lost = f"g_{c}_out[n]" if j in moved else "zero"
        body.append(f"v_{c} = {pull_back(j, 'g_COORDINATE_out[n]') or 'zero'}")
        body.append(f"b_{c}[n] = v_{c} if alive[n] else {lost}")
    for p, share in zip(parameters, shares, strict=True):
        body.append(f"v_{p} = {pull_back(inputs.index(p), 'g_COORDINATE_out[n]')}")
        body.append(f"{share}[n] = v_{p} if alive[n] else zero")
    by_version("0", "high - low", "        ", body)
    for q, share in enumerate(shares):
        put("        total = 0.0")
        put("        for n in range(high - low):")
        put(f"            total += {share}[n]")
        put(f"        sums[part, {q}] += total")
    # inverted and pulled back at once, in place: `inverse_` numbers are those of the inverse map
    put("\n")
    put("@kernel")
    inverse = [f"inverse_{p}" for p in parameters]
    slopes = [f"l_{c}" for c in COORDINATES]
    put(f"def back(part, start, stop, {columns}, alive, {', '.join([*inverse, *parameters])},")
    put(f"        {', '.join([*constants, *slopes])}, sums):")
    for share in shares:
        put(f"    {share} = np.empty(BLOCK, x.dtype)")
    taken = [*whole, *slopes]
    put(f"    {', '.join(f'all_{c}' for c in taken)} = {', '.join(taken)}")
    put("    for low in range(start, stop, BLOCK):")
    put("        high = min(low + BLOCK, stop)")
    for c in taken:
        put(f"        {c} = all_{c}[low:high]")
    back_at_n = ", ".join([f"{c}[n]" for c in COORDINATES] + [*inverse, *constants])
    body = [f"{', '.join(results)} = one_VERSION({back_at_n})"]
    for i, result in zip(moved, results, strict=True):
        c = COORDINATES[i]
        body.append(f"{c}[n] = {result} if alive[n] else {c}[n]")
    body.append(f"{', '.join(held)} = jacobian_VERSION({at_n})")

    onto = {j: pull_back(j, "l_COORDINATE[n]") for j in range(len(inputs))}
    changed = [j for j, c in enumerate(COORDINATES) if onto[j] not in ("", f"l_{c}[n]")]
    for j in changed:
        body.append(f"h_{COORDINATES[j]} = {onto[j]}")
    for p, share in zip(parameters, shares, strict=True):
        body.append(f"h_{p} = {onto[inputs.index(p)]}")
        body.append(f"{share}[n] = h_{p} if alive[n] else 0.0")
    for j in changed:
        c = COORDINATES[j]
        value = f"h_{c}" if j in moved else f"l_{c}[n] + h_{c}"
        body.append(f"l_{c}[n] = {value} if alive[n] else l_{c}[n]")
    by_version("0", "high - low", "        ", body)
    for q, share in enumerate(shares):
        put("        total = 0.0")
        put("        for n in range(high - low):")
        put(f"            total += {share}[n]")
        put(f"        sums[part, {q}] += total")
    put("")
    return "\n".join(out)
