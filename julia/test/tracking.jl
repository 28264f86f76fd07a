# Tracking and its derivatives, held against differences of studies that are built anew.

using PyJuTrack: get_field, study

const NONE = zeros(0, 0, 0)

"""A line with space charge of a quadrupole strength, a length, a sextupole strength and a current."""
function line(potential, values=[3.0, 0.3, 20.0, 1.0]; response=true)
    k1, len, k2, current = values
    elements = [
        "DRIFT" => (; len),
        "QUAD" => (; len=0.2, k1),
        "KSEXT" => (; len=0.1, k2, NumIntSteps=4),
        "QUAD" => (len=0.2, k1=-2.0),
    ]
    effect = SpaceCharge(potential, response)
    study(elements, REFERENCE; effect, strength=2e-6 * current, step=0.5, turns=2)
end

# each element is cut in two by the kick in its middle
const VALUES = [3.0, 0.3, 20.0, 1.0]
const ENTRIES = [
    ("field", 3, "k1", 0),
    ("field", 4, "k1", 0),
    ("field", 1, "len", 0),
    ("field", 2, "len", 0),
    ("slip", 1, "", 0),
    ("slip", 2, "", 0),
    ("length", 2, "", 0),
    ("field", 5, "k2", 0),
    ("field", 6, "k2", 0),
    ("strength", 1, "", 0),
]
const SEEDS = zeros(10, 4)
SEEDS[1:2, 1] .= 1
SEEDS[3:6, 2] .= 0.5
SEEDS[7, 2] = 1
SEEDS[8:9, 3] .= 1
SEEDS[10, 4] = 2e-6

function by_difference(f, n)
    step = 1e-5 * max(1, abs(VALUES[n]))
    shift = step .* (1:4 .== n)
    (f(VALUES .+ shift) .- f(VALUES .- shift)) ./ 2step
end

@testset "derivatives of tracking: $name" for (name, effect) in EFFECTS[1:2]
    potential = effect.potential
    r, lost = particles(50)
    all = line(potential)
    final, marks, tangents = pushforward(r, lost, all, ENTRIES, SEEDS, NONE)
    @test final ≈ track(r, lost, all)[1]
    @test marks == lost
    for n in 1:4
        slope = by_difference(values -> track(r, lost, line(potential, values))[1], n)
        @test tangents[:, :, n] ≈ slope rtol = 1e-6
    end
    weights = randn(RNG, size(r))
    gradient, at_start = pullback(r, lost, all, ENTRIES, weights)
    pushed = [dot(weights, t) for t in eachslice(tangents; dims=3)]
    @test SEEDS' * gradient ≈ pushed rtol = 1e-9
    # by the coordinates at the start
    dr = randn(RNG, size(r)) .* 1e-3
    dr[lost .== 1, :] .= 0
    moved = pushforward(r, lost, all, [], zeros(0, 1), reshape(dr, size(r)..., 1))[3]
    @test dot(at_start, dr) ≈ dot(weights, moved[:, :, 1]) rtol = 1e-9
    slope = difference(t -> track(r .+ t .* dr, lost, all)[1], 1e-4)
    @test moved[:, :, 1] ≈ slope rtol = 1e-5

    frozen = line(potential; response=false)
    held, _ = pullback(r, lost, frozen, ENTRIES, weights)
    along = pushforward(r, lost, frozen, ENTRIES, SEEDS, NONE)[3]
    @test SEEDS' * held ≈ [dot(weights, t) for t in eachslice(along; dims=3)] rtol = 1e-9
    @test !isapprox(held, gradient; rtol=1e-5)
end

@testset "Jacobian of a test particle and its slopes" begin
    r, lost = particles(50)
    start = [1e-3, 1e-4, -1e-3, 0, 0, 1e-3]
    all = line(SOLVER)
    matrix, gone = jacobian(r, lost, all, start)
    @test !gone
    s = [0 1; -1 0]
    symplectic = [s zeros(2, 4); zeros(2, 2) s zeros(2, 2); zeros(2, 4) s]
    @test matrix' * symplectic * matrix ≈ symplectic atol = 1e-12
    again, slopes, _ = jacobian_derivatives(r, lost, all, ENTRIES, start, SEEDS, NONE)
    @test again ≈ matrix rtol = 1e-12
    # along no direction there is the Jacobian still, and so are particles
    @test jacobian_derivatives(r, lost, all, ENTRIES, start, zeros(10, 0), NONE)[1] == matrix
    @test pushforward(r, lost, all, ENTRIES, zeros(10, 0), NONE)[1] ≈ track(r, lost, all)[1]
    for n in 1:4
        slope = by_difference(values -> jacobian(r, lost, line(SOLVER, values), start)[1], n)
        @test slopes[:, :, n] ≈ slope rtol = 1e-5 atol = 1e-8
    end
end

@testset "switches of JuTrack are checked at each study" begin
    elements = ["DRIFT" => (len=0.1,)]
    for (switch, usual) in ((:use_exact_Hamiltonian, 1), (:use_exact_beti, 0))
        @test getfield(JuTrack, switch) == usual
        other = 1 - usual
        Core.eval(JuTrack, :(global $switch = $other))
        @test_throws "$switch is $other" study(elements, REFERENCE)
        Core.eval(JuTrack, :(global $switch = $usual))
    end
    @test length(study(elements, REFERENCE).pieces) == 1
end

@testset "studies by name" begin
    @test_throws "no element of JuTrack named QUAAD" study(["QUAAD" => (len=0.1,)], REFERENCE)
    effect = SpaceCharge(SOLVER, true)
    @test_throws "SBEND cannot be cut" study(["SBEND" => (len=0.1,)], REFERENCE; effect)
    shifted = ["QUAD" => (len=0.1, T1=ones(6))]
    @test_throws "QUAD with T1 cannot be cut" study(shifted, REFERENCE; effect)
    @test_throws "step must be positive" study(shifted, REFERENCE; effect, step=0)
    cut = study(["DRIFT" => (len=0.2,)], REFERENCE; effect, step=0.05)
    @test length(cut.pieces) == 8
    @test sum(cut.lengths) ≈ sum(p.element.len for p in cut.pieces) ≈ 0.2
    @test REFERENCE.beta ≈ 0.8750256 rtol = 1e-6
end
