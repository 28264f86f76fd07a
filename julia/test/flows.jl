# Drifts and quadrupoles as functions of numbers: JuTrack's maps, Enzyme's derivatives, no addresses.

using PyJuTrack: Piece, UNITS, adapted, bare, has_flow, make, numbers_of, pass!, pull_by_enzyme!
using PyJuTrack: pull_flow!, push_by_enzyme!, push_flow!
using Enzyme: BatchDuplicated, Const, Duplicated, Enzyme, InlineABI

const PLAIN = [
    "DRIFT" => (len=0.2,),
    "QUAD" => (len=0.2, k1=10.0),
    "QUAD" => (len=0.2, k1=-29.6),
    "QUAD" => (len=1.0, k1=5.0),
    "QUAD" => (len=0.2, k1=0.0),
]

piece_of(kind, fields) = Piece(adapted(make(kind, fields)), 0.2)

@testset "flow of a $kind of $fields" for (kind, fields) in PLAIN
    piece = piece_of(kind, fields)
    r, lost = particles(50)
    r[:, 6] .*= 50
    beam(u) = PyJuTrack.beam(u, copy(lost), REFERENCE)
    @test has_flow(piece.element, r, lost)
    by_jutrack = copy(r)
    pass!(piece, by_jutrack, copy(lost), beam(by_jutrack), REFERENCE.beta)
    changes = map(1:2) do w
        d = Enzyme.make_zero(piece)
        d.slip = 0.3w
        bare(d.element).len = 1.0 + w
        d
    end
    # a quadrupole without strength is not differentiated by it in the other way
    kind == "QUAD" && fields.k1 != 0 && (bare(changes[2].element).k1 = 2.0)
    along = randn(RNG, 50, 6), randn(RNG, 50, 6)
    for width in 1:2
        dpieces = Tuple(changes[1:width])
        u, du = copy(r), map(copy, along[1:width])
        v, dv = copy(r), map(copy, along[1:width])
        push_flow!(piece, dpieces, u, du, lost, REFERENCE.beta)
        push_by_enzyme!(piece, dpieces, v, dv, lost, beam(v), REFERENCE.beta)
        @test u ≈ by_jutrack atol = 1e-15 rtol = 1e-13
        @test all(isapprox(a, b; rtol=1e-12) for (a, b) in zip(du, dv))
    end
    u, du, own_slopes = copy(r), copy(along[1]), Enzyme.make_zero(piece)
    v, dv, other_slopes = copy(r), copy(along[1]), Enzyme.make_zero(piece)
    pull_flow!(piece, own_slopes, u, du, lost, REFERENCE.beta)
    pull_by_enzyme!(piece, other_slopes, v, dv, lost, beam(v), REFERENCE.beta)
    @test du ≈ dv rtol = 1e-12
    some = kind == "QUAD" && fields.k1 != 0 ? [1, 2, 3] : [1, 3]
    @test collect(numbers_of(own_slopes))[some] ≈ collect(numbers_of(other_slopes))[some] rtol = 1e-10
end

const ANGLE, SHIFT = 0.3, [1e-3, 0.0, -2e-3, 1e-4, 1e-4, 1e-4]
const STEP = [1e-3, 0.0, -2e-3, 1e-4, 1e-4, 0.0]
const TURN = [
    i == j ? (i < 5 ? cos(ANGLE) : 1.0) : abs(i - j) == 2 && max(i, j) < 5 ? sign(j - i) * sin(ANGLE) : 0.0
    for i in 1:6, j in 1:6
]
const SOME = TURN .+ 0.01 .* reshape(sin.(1:36), 6, 6)

const STANDING = [
    "TRANSLATION" => (dx=1e-3, dy=-2e-3),
    "TRANSLATION" => (dx=0.0,),
    "YROTATION" => (angle=0.2,),
    "MARKER" => (;),
    "DRIFT" => (len=0.0, R1=SOME, T2=SHIFT),
    "DRIFT" => (len=0.2, T1=SHIFT, RApertures=[-1.0, 1, -1, 1, 0, 0]),
    "QUAD" => (len=0.2, k1=10.0, T1=STEP, R1=TURN, R2=permutedims(TURN), T2=-SHIFT),
    "QUAD" => (len=0.2, k1=-10.0, T1=STEP, R1=TURN, R2=permutedims(TURN), T2=-SHIFT),
]

# where JuTrack asks whether it is zero, Enzyme has no slope
names_of(fields) = [k for k in keys(fields) if k in (:T1, :T2, :R1, :R2)]

@testset "flow of a $kind that stands at $(keys(fields))" for (kind, fields) in STANDING
    piece = piece_of(kind, fields)
    r, lost = particles(50)
    lost[7] = 1
    beam(u) = PyJuTrack.beam(u, copy(lost), REFERENCE)
    @test has_flow(piece.element, r, lost)
    by_jutrack = copy(r)
    pass!(piece, by_jutrack, copy(lost), beam(by_jutrack), REFERENCE.beta)
    entries = Tuple{Symbol,Int}[(name, i) for name in names_of(fields) for i in eachindex(fields[name])]
    kind == "TRANSLATION" && append!(entries, [(name, 0) for name in (:dx, :dy, :ds)])
    kind == "YROTATION" && append!(entries, [(:angle, 0)])
    kind in ("TRANSLATION", "YROTATION", "MARKER") || push!(entries, (:len, 0))
    changes = map(1:2) do w
        d = Enzyme.make_zero(piece)
        d.slip = 0.3w
        foreach(((name, i),) -> PyJuTrack.add_to_field!(d.element, name, i, randn(RNG)), entries)
        d
    end
    dpieces, along = Tuple(changes), (randn(RNG, 50, 6), randn(RNG, 50, 6))
    u, du = copy(r), map(copy, along)
    v, dv = copy(r), map(copy, along)
    push_flow!(piece, dpieces, u, du, lost, REFERENCE.beta)
    push_by_enzyme!(piece, dpieces, v, dv, lost, beam(v), REFERENCE.beta)
    @test u ≈ by_jutrack atol = 1e-15 rtol = 1e-13
    @test all(isapprox(a, b; rtol=1e-12) for (a, b) in zip(du, dv))
    u, du, found = copy(r), copy(along[1]), Enzyme.make_zero(piece)
    v, dv, other = copy(r), copy(along[1]), Enzyme.make_zero(piece)
    pull_flow!(piece, found, u, du, lost, REFERENCE.beta)
    pull_by_enzyme!(piece, other, v, dv, lost, beam(v), REFERENCE.beta)
    @test du ≈ dv rtol = 1e-12
    @test found.slip ≈ other.slip rtol = 1e-10
    slopes(d) = Float64[PyJuTrack.get_field(d.element, name, i) for (name, i) in entries]
    @test slopes(found) ≈ slopes(other) rtol = 1e-10
    # and back
    back = PyJuTrack.inverse(piece)
    kind == "DRIFT" && continue
    PyJuTrack.pass_flow!(back, by_jutrack, lost, REFERENCE.beta)
    @test by_jutrack ≈ r atol = 1e-15 rtol = 1e-12
end

@testset "a quadrupole without strength has a slope by it" begin
    r, lost = particles(20)
    final(k1) = track(r, lost, PyJuTrack.study(["QUAD" => (; len=0.3, k1)], REFERENCE))[1]
    whole = PyJuTrack.study(["QUAD" => (len=0.3, k1=0.0)], REFERENCE)
    tangents = pushforward(r, lost, whole, [("field", 1, "k1", 0)], ones(1, 1), zeros(0, 0, 0))[3]
    @test tangents[:, :, 1] ≈ difference(final, 1e-3) rtol = 1e-6
end

@testset "what has no flow" begin
    r, lost = particles(5)
    @test !has_flow(make("KQUAD", (len=0.2, k1=1.0)), r, lost)
    @test !has_flow(make("QUAD", (len=0.2, k1=1.0, T1=ones(6))), r, lost)
    @test !has_flow(make("TRANSLATION", (ds=1e-3,)), r, lost)
    @test !has_flow(make("QUAD", (len=2.0, k1=5.0)), r, lost)
    r[4, 6] = NaN
    @test !has_flow(make("QUAD", (len=0.2, k1=1.0)), r, lost)
end

"""Enzyme's code of a forward derivative along one direction or many, as text."""
function code(f, result, width, arguments...)
    types = Tuple{map(typeof, arguments)...}
    none = Val(ntuple(_ -> false, length(arguments) + 1))
    thunk = Enzyme.Compiler.thunk(
        Val(0), Const{typeof(f)}, result, types, Val(Enzyme.API.DEM_ForwardMode), Val(width), none,
        Val(true), Val(false), InlineABI, Val(false), Val(false),
    )
    String(typeof(thunk.adjoint).parameters[1][1])
end

has_addresses(text) = occursin(r"inttoptr \(?i64 \d{6,}", text)

@testset "flows are code without addresses, which an image can keep" begin
    flows = (:drift_flow, :slip_flow, :turn_flow, :quadrupole_flow, :short_quadrupole_flow)
    for flow in map(name -> getproperty(PyJuTrack, name), flows)
        numbers = ntuple(j -> BatchDuplicated(0.1, UNITS[j]), 9)
        found = code(flow, BatchDuplicated{NTuple{6,Float64},9}, 9, numbers..., Const(0.9))
        @test occursin("fmul", found) && !has_addresses(found)
    end
    # the same question of a function that may throw has another answer
    @test has_addresses(code(x -> sqrt(x), Duplicated{Float64}, 1, Duplicated(0.1, 1.0)))
end
