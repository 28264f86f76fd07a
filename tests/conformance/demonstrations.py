"""JuTrack's demonstration lattices, made by its own files."""

from __future__ import annotations

from typing import Any

#: JuTrack's file, and what is called in it
LATTICES = {
    "SPEAR3": ("SPEAR3/spear3.jl", "spear3()"),
    "SSRF": ("TwissTuning/ssrf_ring.jl", "ssrf(-1.06377, 0)"),
    "ESR": ("ESR/esr-main.jl", "RING"),
}

# in a task of its own, because the compiler needs more stack for their long lists than Python has
_LOAD = """
module Demonstrations
    using PyJuTrack.JuTrack: JuTrack
    function load(file, call)
        home = Module()
        Core.eval(home, :(using PyJuTrack.JuTrack))
        path = joinpath(pkgdir(JuTrack), "src", "demo", file)
        text = replace(read(path, String), r"using (Serialization|JuTrack)" => "")
        make() = Base.invokelatest(include_string, home, text * "\\n" * call)
        fetch(schedule(Task(make, 1 << 30)))
    end
end
"""


def load(julia: Any, name: str) -> Any:
    """A Julia vector of JuTrack elements."""
    main = julia.session.main
    if not main.seval("isdefined(Main, :Demonstrations)"):
        main.seval(_LOAD)
    return main.Demonstrations.load(*LATTICES[name])
