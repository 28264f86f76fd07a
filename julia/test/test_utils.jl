# The rules of track! by the differences of EnzymeTestUtils, where the project has it; by the numbers of
# a study, which is no argument of numbers alone, by differences along directions, with or without it.

using Enzyme: BatchDuplicated, Const, Duplicated, Reverse, autodiff, make_zero
using PyJuTrack: add_to_field!, track!

let Utils = optional("EnzymeTestUtils")
    # of a shape with slopes that have no kink, by which differences are good
    solver = Spectral(Mesh((0.02, 0.03), (32, 24), "catmull-rom"), (16, 12))
    elements = ["DRIFT" => (len=0.3,), "QUAD" => (len=0.2, k1=3.0)]
    line = study(elements, REFERENCE; effect=SpaceCharge(solver, true), strength=2e-6, step=0.5)
    r = randn(RNG, 10, 6) .* [2e-3 1e-3 3e-3 1e-3 1e-2 1e-3]
    check(name, kind) = Base.invokelatest(
        getproperty(Utils, name), track!, Const, (copy(r), kind), (zeros(Int, 10), Const), (line, Const)
    )
    if Utils !== nothing
        foreach(kind -> check(:test_forward, kind), (Const, Duplicated, BatchDuplicated))
        foreach(kind -> check(:test_reverse, kind), (Const, Duplicated, BatchDuplicated))
    end
end

"""A study with its numbers moved along a direction, (change, slope) each."""
function study_along(line::Study, direction, t)
    other = deepcopy(line)
    for (change!, slope) in direction
        change!(other, t * slope)
    end
    other
end

@testset "the reverse rule of track! by the numbers of a study" begin
    solver = Spectral(Mesh((0.02, 0.03), (32, 24), "catmull-rom"), (16, 12))
    elements = ["DRIFT" => (len=0.3,), "QUAD" => (len=0.2, k1=3.0), "DRIFT" => (len=0.1,)]
    line = study(elements, REFERENCE; effect=SpaceCharge(solver, true), strength=2e-6, step=0.5)
    field(n, name) = (s, x) -> add_to_field!(s.pieces[n].element, name, 0, x)
    changes = [
        field(1, :len), field(3, :len), field(3, :k1), field(4, :k1), field(6, :len),
        (s, x) -> s.pieces[2].slip += x, (s, x) -> s.strengths[1] += 1e-6x, (s, x) -> s.lengths[2] += x,
    ]
    read_back = [
        d -> d.pieces[1].element.len, d -> d.pieces[3].element.len, d -> d.pieces[3].element.k1,
        d -> d.pieces[4].element.k1, d -> d.pieces[6].element.len, d -> d.pieces[2].slip,
        d -> 1e-6d.strengths[1], d -> d.lengths[2],
    ]
    r = randn(RNG, 10, 6) .* [2e-3 1e-3 3e-3 1e-3 1e-2 1e-3]
    weights, dr = randn(RNG, size(r)), 1e-3randn(RNG, size(r))
    adjoint, found, marks = copy(weights), make_zero(line), zeros(Int, 10)
    autodiff(Reverse, track!, Const, Duplicated(copy(r), adjoint), Const(marks), Duplicated(line, found))
    for _ in 1:3
        slopes = randn(RNG, length(changes))
        final(t) = weighted(r .+ t .* dr, zeros(Int, 10), study_along(line, zip(changes, slopes), t), weights)
        by_difference = (8 * difference(final, 1e-3) - 2 * difference(final, 2e-3)) / 6
        by_rule = sum(slope * get(found) for (slope, get) in zip(slopes, read_back))
        @test by_rule + dot(adjoint, dr) ≈ by_difference rtol = 1e-7
    end
end
