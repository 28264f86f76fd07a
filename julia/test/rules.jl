# The rules of `track!`, by which Enzyme differentiates a program that tracks.

using Enzyme: Active, BatchDuplicated, Const, Duplicated, Forward, Reverse, autodiff, make_zero
using PyJuTrack: get_field, track!

"""A number made of a beam that was tracked."""
function weighted(r, lost, line, weights)
    u = copy(r)
    track!(u, lost, line)
    dot(u, weights)
end

@testset "rules of track!" begin
    r, lost = particles(40)
    all, weights, dr = line(SOLVER), randn(RNG, size(r)), randn(RNG, size(r)) .* 1e-3
    marks = copy(lost)

    pushed, along = copy(r), copy(dr)
    autodiff(Forward, track!, Const, Duplicated(pushed, along), Const(copy(marks)), Const(all))
    final(t) = (u = r .+ t .* dr; track!(u, copy(marks), all); u)
    @test pushed ≈ final(0.0) rtol = 1e-12
    @test along ≈ difference(final, 1e-4) rtol = 1e-5

    # two directions at once
    twice = copy(dr), 2dr
    autodiff(Forward, track!, Const, BatchDuplicated(copy(r), twice), Const(copy(marks)), Const(all))
    @test twice[1] ≈ along rtol = 1e-13
    @test twice[2] ≈ 2along rtol = 1e-13

    gradient, by_study = zero(r), make_zero(all)
    autodiff(
        Reverse, weighted, Active, Duplicated(copy(r), gradient), Const(copy(marks)),
        Duplicated(all, by_study), Const(weights),
    )
    found, at_start = pullback(r_ours(r), lost, all, ENTRIES, r_ours(weights))
    @test r_ours(gradient) ≈ at_start rtol = 1e-10
    @test by_study.strengths[1] ≈ found[10] rtol = 1e-10
    @test get_field(by_study.pieces[3].element, :k1, 0) ≈ found[1] rtol = 1e-10
    @test dot(gradient, dr) ≈ dot(weights, along) rtol = 1e-9

    # two backward passes at once, with other weights
    both = make_zero(all), make_zero(all)
    adjoints = copy(weights), 2 .* weights
    autodiff(
        Reverse, track!, Const, BatchDuplicated(copy(r), adjoints), Const(copy(marks)), BatchDuplicated(all, both)
    )
    for w in 1:2
        @test adjoints[w] ≈ w .* gradient rtol = 1e-13
        @test both[w].strengths[1] ≈ w * found[10] rtol = 1e-10
        @test get_field(both[w].pieces[3].element, :k1, 0) ≈ w * found[1] rtol = 1e-10
    end
end

"""A number made of a beam that was tracked through a line whose current changes between turns."""
function ramped(r, lost, line, weights, current)
    u = copy(r)
    for turn in 1:2
        line.strengths[1] = turn * current
        track!(u, lost, line)
    end
    dot(u, weights)
end

@testset "a study that the program changes" begin
    r, lost = particles(40)
    r .*= 0.3  # none is lost, whatever the current
    # of their own, so that the slope is no small remainder of large ones
    all, weights = line(SOLVER), randn(MersenneTwister(3), size(r))
    value(current) = ramped(r, copy(lost), deepcopy(all), weights, current)
    _, _, _, _, slope = autodiff(
        Reverse, ramped, Active, Duplicated(copy(r), zero(r)), Const(copy(lost)),
        Duplicated(deepcopy(all), make_zero(all)), Const(weights), Active(2e-6),
    )[1]
    @test slope ≈ (value(2.001e-6) - value(1.999e-6)) / 0.002e-6 rtol = 1e-5
end

@testset "what Enzyme does not differentiate is refused of a program too" begin
    r, lost = particles(40)
    reference = PyJuTrack.Reference(1e9, 938.27208816e6, 1.0, 0.8, 1e10, 0.0)
    elements = ["SPACECHARGE2P5D" => (effective_len=1.0, pipe_radius=0.02)]
    whole = study(["SPACECHARGE2P5D"], last.(elements), [0.0], [1 0 1], [0.0], (), Float64[], reference, 1)
    message = "Enzyme does not go through the Fourier transforms"
    @test_throws message autodiff(
        Forward, track!, Const, Duplicated(copy(r), one.(r)), Const(copy(lost)), Const(whole)
    )
    @test_throws message autodiff(
        Reverse, weighted, Active, Duplicated(copy(r), zero(r)), Const(copy(lost)), Const(whole), Const(r)
    )
end

@testset "marks at the end are those at the end, after the way back too" begin
    r, lost = particles(40)
    r[4, 2] = 2.0  # the first three are lost before
    _, marks, kept = PyJuTrack.track_and_keep(r_ours(r), lost, line(SOLVER))
    @test marks[4] == 1 && lost[4] == 0
    PyJuTrack.pull_back(kept, ENTRIES, r)
    @test marks[4] == 1
end
