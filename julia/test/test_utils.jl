# The rules of track! by the differences of EnzymeTestUtils, where the project has it; those by the numbers
# of a study, which it cannot move, are held in rules.jl.

using Enzyme: BatchDuplicated, Const, Duplicated
using PyJuTrack: track!

let Utils = optional("EnzymeTestUtils")
    # of a shape with slopes that have no kink, by which differences are good
    solver = Spectral(Mesh((0.02, 0.03), (32, 24), "catmull-rom"), (16, 12))
    elements = ["DRIFT" => (len=0.3,), "QUAD" => (len=0.2, k1=3.0)]
    line = study(elements, REFERENCE; effect=SpaceCharge(solver, true), strength=2e-6, step=0.5)
    r = randn(RNG, 10, 6) .* [2e-3 1e-3 3e-3 1e-3 1e-2 1e-3]
    # differences in reverse mode are good to 1e-8
    check(name, kind) = Base.invokelatest(
        getproperty(Utils, name), track!, Const, (copy(r), kind), (zeros(Int, 10), Const), (line, Const);
        rtol=1e-7, atol=1e-7,
    )
    if Utils !== nothing
        foreach(kind -> check(:test_forward, kind), (Const, Duplicated, BatchDuplicated))
        foreach(kind -> check(:test_reverse, kind), (Const, Duplicated, BatchDuplicated))
    end
end
