# The way back: what undoes an element, and what a backward pass by it holds and finds.

using PyJuTrack: Particles, Piece, Way, adapted, beam, copied, do_op!, each_op, inverse, pass!
using PyJuTrack: pull_back, track_and_keep, unpass!, walk_and_keep!

const FRAME = (T1=fill(1e-4, 6), T2=fill(-2e-4, 6))
const FACES = (e1=0.05, e2=0.02)
const POLYNOM = (PolynomB=[0.0, 0.3, 1.0, 0.0], MaxOrder=2, NumIntSteps=4)
const GAP = (freq=1e8, energy=1e9)
# two numbers for one wave
const WAVE = (freq=1e8, k=2π * 1e8 / 2.99792458e8)
const FRINGES = (FringeQuadEntrance=1, FringeQuadExit=1)
const REVERSIBLE = [
    "DRIFT" => (; len=0.3, FRAME...),
    "QUAD" => (; len=0.3, k1=-2.0, FRAME...),
    "KOCT" => (len=0.2, k3=50.0),
    "thinMULTIPOLE" => (PolynomB=[0.0, 0.1, 1.0, 2.0], MaxOrder=3),
    "LBEND" => (; len=0.5, angle=0.1, K=0.3, FACES...),
    "LBEND" => (; len=0.5, angle=-0.1, K=-0.3, fint1=0.5, fint2=0.3, FullGap=0.02, FACES...),
    "LBEND" => (; len=0.5, angle=0.1, ByError=1e-3, FRAME...),
    "SBEND" => (; len=0.5, angle=0.1, fint1=0.5, fint2=0.4, gap=0.02, FACES..., POLYNOM...),
    "SBEND" => (; len=0.5, angle=0.1, FringeBendEntrance=2, fint1=0.4, gap=0.01, FRAME...),
    "ESBEND" => (; len=0.5, angle=0.1, gK=0.01, FACES..., POLYNOM..., FRINGES...),
    "ESBEND" => (; len=-0.1, angle=-0.2, NumIntSteps=0, e1=0.05, FRAME...),
    "Wedge" => (loss=1.0, tangent=0.3, PolynomA=[0.1, 0.0, 1.0, 0.0], PolynomB=[2.0, 0.3, 1.0, 0.5]),
    "CORRECTOR" => (; len=0.3, xkick=1e-3, ykick=-2e-3, FRAME...),
    "SOLENOID" => (; len=0.3, ks=0.5, FRAME...),
    "RFCA" => (; len=0.0, volt=1e8, philag=0.4, GAP...),
    "RFCA" => (; len=0.2, volt=1e6, philag=0.4, GAP...),
    "CRABCAVITY" => (len=0.0, volt=1e8, k=2.0, phi=0.3),
    "CRABCAVITY_K2" => (; len=0.0, volt=1e6, k2=0.1, WAVE...),
    "AccelCavity" => (; volt=1e6, phis=0.1, WAVE...),
    "easyCRABCAVITY" => (; halfthetac=0.01, WAVE...),
    "LorentzBoost" => (angle=0.02,),
    "InvLorentzBoost" => (angle=0.02,),
    "KQUAD" => (; len=0.2, k1=3.0, FRINGES..., FRAME...),
    "KQUAD" => (len=0.0, k1=3.0, PolynomA=[0.0, 0.3, 0.0, 0.0], FringeQuadExit=1),
    "KSEXT" => (; len=0.2, k2=30.0, FRINGES...),
]

@testset "what undoes a $kind" for (kind, fields) in REVERSIBLE
    r, lost = particles(50)
    piece = Piece(adapted(make(kind, fields)), 0.5)
    moved = copy(r)
    around = beam(moved, lost, REFERENCE)
    pass!(piece, moved, lost, around, REFERENCE.beta)
    @test maximum(abs, moved .- r) > 1e-4
    @test sum(lost) == 3
    unpass!(inverse(piece), moved, lost, around, REFERENCE.beta)
    @test moved ≈ r atol = 1e-12 rtol = 0
end

@testset "what nothing undoes" begin
    for (kind, fields) in [
        "SBEND" => (len=0.5, angle=0.1, rad=1),
        "ESBEND" => (len=0.5, angle=0.1, rad=1),
        "SBEND" => (; len=0.5, angle=0.1, FringeBendExit=3, FACES...),
        "KQUAD" => (len=0.5, k1=1.0, KickAngle=[1e-3, 0.0]),
        "CRABCAVITY" => (len=0.2, volt=1e6, k=2.0),
        "LBEND" => (len=0.5, angle=0.1, K=-(0.1 / 0.5)^2),
        "WIGGLER" => (len=1.0, lw=0.1, Bmax=1.2, energy=3e9),
    ]
        @test inverse(Piece(adapted(make(kind, fields)), 0.0)) === nothing
    end
    # too strong a fringe to be gone back through is no reason for another number
    strong = Piece(adapted(make("KQUAD", (len=0.0, k1=1e7, FringeQuadExit=1))), 0.0)
    r, lost = particles(50)
    @test_throws "no place before a fringe" unpass!(
        inverse(strong), r, lost, beam(r, lost, REFERENCE), REFERENCE.beta
    )
end

@testset "a fringe of particles long after the reference" begin
    fringe = Piece(adapted(make("KQUAD", (len=0.0, k1=3.0, FringeQuadExit=1))), 0.0)
    r, lost = particles(200)
    moved, around = copy(r), beam(r, lost, REFERENCE)
    pass!(fringe, moved, lost, around, REFERENCE.beta)
    # to where numbers are twice as dense, so that some, off by a last digit, have none before them
    r[:, 5] = 128 .- (moved[:, 5] .- r[:, 5]) ./ 2
    moved = copy(r)
    pass!(fringe, moved, lost, around, REFERENCE.beta)
    @test any(moved[:, 5] .< 128 .< r[:, 5])
    moved[:, 5] = nextfloat.(moved[:, 5])
    unpass!(inverse(fringe), moved, lost, around, REFERENCE.beta)
    @test moved ≈ r atol = 1e-12 rtol = 0
end

const WEAK = (PolynomB=[0.0, -0.02, 0.1, 0.0], MaxOrder=2, NumIntSteps=2)
const RING = [
    "LBEND" => (; len=0.5, angle=0.1, K=-0.02, FACES...),
    "SBEND" => (; len=0.5, angle=0.1, fint1=0.5, fint2=0.4, gap=0.02, FACES..., WEAK...),
    "ESBEND" => (; len=0.5, angle=0.1, gK=0.01, FACES..., WEAK...),
    "RFCA" => (; len=0.0, volt=1e3, philag=0.4, GAP...),
]

"""Bends of each kind and a cavity, with space charge after each."""
function ring(turns)
    rows = [n % 2 == 1 ? ((n + 1) ÷ 2, 0, 1)[i] : (0, 1, 0)[i] for n in 1:8, i in 1:3]
    slips = [f.len for f in last.(RING)]
    study(
        first.(RING), last.(RING), slips, rows, repeat([0.0, 0.1], 4), (SpaceCharge(SOLVER, true),),
        [1e-7], REFERENCE, turns,
    )
end

"""What `track_and_keep` returns, with the beam before each operation kept."""
function kept_whole(r, lost, study)
    p = Particles(r_ours(r), copy(lost), REFERENCE)
    way = walk_and_keep!(copied(p, REFERENCE), study)
    each_op(study) do n, op, number
        op.piece == 0 || (way.whole[number] = copy.(p.r))
        do_op!(p, study, n, op, nothing)
    end
    p, study, way
end

@testset "a backward pass by inverses finds what one finds that keeps the beam" begin
    r, lost = particles(50)
    r .*= 0.1
    all, weights = ring(2), randn(RNG, size(r))
    entries = [
        [("field", n, name, 0) for n in 1:3 for name in ("len", "angle")]
        [("field", 4, "volt", 0), ("strength", 1, "", 0)]
    ]
    final, marks, way = track_and_keep(r, lost, all)
    @test marks == lost && isempty(way[3].whole)
    found, at_start = pull_back(way, entries, weights)
    expected, start_expected = pull_back(kept_whole(r, lost, all), entries, weights)
    @test found ≈ expected rtol = 1e-10
    @test at_start ≈ start_expected rtol = 1e-10
end
