# Deposit, potential and kick, and their derivatives by the package's own rules.

using PyJuTrack: Gridless, Mesh, Particles, SpaceCharge, Spectral, apply!, cotangent, deflect!
using PyJuTrack: deposit!, mirrored, padded, pull_apply!, pull_field!, push_apply!, push_field
using PyJuTrack: sum_up, value

const MESH = Mesh((0.02, 0.03), (32, 24), "bspline")
const SOLVER = Spectral(MESH, (16, 12))
const REFERENCE = Reference(1e9, 938.27208816e6)

function particles(count)
    r = randn(RNG, count, 6) .* [2e-3 1e-3 3e-3 1e-3 1e-2 1e-3]
    lost = zeros(Int, count)
    lost[1:3] .= 1
    r, lost
end

"""The share of a beam in each cell."""
function deposit(mesh, r, lost)
    grid = zeros(padded(mesh))
    deposit!(grid, mesh, r, lost, 1 / size(r, 1))
    grid
end

@testset "deposit and kick" begin
    r, lost = particles(200)
    shares = deposit(MESH, r, lost)
    @test sum(shares) ≈ 197 / 200
    # the kick is the gradient of <deposit, potential>
    h = randn(RNG, size(shares))
    pushed = copy(r)
    deflect!(MESH, pushed, lost, h, 1.0)
    step = 1e-8
    for column in (1, 3), p in (5, 77)
        ahead, behind = (copy(r) for _ in 1:2)
        ahead[p, column] += step
        behind[p, column] -= step
        slope = 200 * dot(h, deposit(MESH, ahead, lost) .- deposit(MESH, behind, lost)) / 2step
        @test r[p, column + 1] - pushed[p, column + 1] ≈ slope rtol = 1e-5
    end
    @test pushed[1:3, :] == r[1:3, :]
end

@testset "the sine series solves Poisson's equation" begin
    mesh = Mesh((0.02, 0.03), (64, 48), "catmull-rom")
    solver = Spectral(mesh, (32, 24))
    k = π / 0.02, 2π / 0.03
    # centres of the cells, counted from the wall, ghosts included
    x, y = ((-1.5:(n + 1.5)) .* h for (n, h) in zip(mesh.cells, PyJuTrack.spacing(mesh)))
    mode = sin.(k[1] .* x) .* sin.(k[2] .* y')
    inner = 3:(64 + 2), 3:(48 + 2)
    cell = prod(PyJuTrack.spacing(mesh))
    shares = zero(mode)
    shares[inner...] = mode[inner...] .* cell
    @test value(solver, shares) ≈ 2π .* mode ./ (k[1]^2 + k[2]^2) rtol = 1e-10
    a, b = randn(RNG, size(mode)), randn(RNG, size(mode))
    @test dot(a, value(solver, b)) ≈ dot(cotangent(solver, a, a), b) rtol = 1e-10
    # one mode, damped: of half the highest wave number in x, of a third of it in y
    wave = zero(mode)
    wave[inner...] = (sin.(32 * k[1] .* x) .* sin.(8 * k[2] .* y'))[inner...]
    full, damped = (value(Spectral(mesh, (64, 48), s), wave) for s in (0.0, 4.0))
    @test damped ≈ exp(-4 * (1 / 4 + 1 / 9)^3) .* full rtol = 1e-10
end

"""The sine series by plain sums over all modes and nodes, ghosts included."""
function plain_series(mesh, modes, shares)
    k = ntuple(axis -> (π / mesh.size[axis]) .* (1:modes[axis]), 2)
    x, y = ((-1.5:(n + 1.5)) .* h for (n, h) in zip(mesh.cells, PyJuTrack.spacing(mesh)))
    sx, sy = sin.(k[1] .* x'), sin.(k[2] .* y')
    green = 8π / prod(mesh.size) ./ (k[1] .^ 2 .+ (k[2] .^ 2)')
    sx' * (green .* (sx * shares * sy')) * sy
end

@testset "folded sines, $cells cells, $modes modes" for (cells, modes) in (
    ((32, 24), (32, 24)),
    ((33, 24), (33, 20)),
    ((30, 35), (30, 35)),
    ((8, 12), (3, 5)),
    ((9, 8), (2, 1)),
    ((16, 16), (20, 16)),
)
    mesh = Mesh((0.02, 0.03), cells, "catmull-rom")
    solver, shares = Spectral(mesh, modes), randn(RNG, 3, padded(mesh)...)
    found = PyJuTrack.tangents_of(solver, shares)
    for k in 1:3
        @test found[k, :, :] ≈ plain_series(mesh, modes, shares[k, :, :]) rtol = 1e-12
    end
    @test value(solver, shares[1, :, :]) ≈ found[1, :, :] rtol = 1e-14
end

const EFFECTS = [
    "solver" => SpaceCharge(SOLVER, true),
    "network" => SpaceCharge(PyJuTrack.Surrogate{Float64}(MESH, unet(; activated=true)), true),
    "gridless" => Gridless((0.04, 0.06), (6, 5)),
]

"""A central difference of a function of a number, at 0."""
difference(f, step) = (f(step) .- f(-step)) ./ 2step

@testset "derivatives of the field and its kick: $name" for (name, effect) in EFFECTS
    r, lost = particles(100)
    dr = randn(RNG, size(r)) .* [1e-3 1e-3 1e-3 1e-3 0 0]
    beam(t) = Particles(r .+ t .* dr, copy(lost), REFERENCE)
    made(t) = PyJuTrack.field(effect, beam(t))
    fields = copy(push_field(effect, beam(0.0), [(copy(dr),)]))
    h, dh = fields[1, :, :], fields[2, :, :]
    @test h ≈ made(0.0) rtol = 1e-12
    @test dh ≈ difference(made, 1e-4) rtol = 1e-5
    weights, slopes = randn(RNG, size(h)), zero(r)
    pull_field!(effect, beam(0.0), [slopes], copy(weights))
    @test dot(slopes, dr) ≈ dot(weights, dh) rtol = 1e-9

    # the kick, by particles, field and factor
    function kicked(t)
        moved = r .+ t .* dr
        apply!(effect, moved, copy(lost), h .+ t .* dh, 0.1 + 0.3t)
        moved
    end
    moved, tangents = copy(r), (copy(dr),)
    push_apply!(effect, moved, tangents, copy(lost), fields, 0.1, (0.3,))
    @test moved ≈ kicked(0.0) rtol = 1e-12
    @test tangents[1] ≈ difference(kicked, 1e-4) rtol = 1e-5
    weights, by_h = randn(RNG, size(r)), zero(h)
    weights[lost .== 1, :] .= 0
    adjoint = copy(weights)
    by_factor = pull_apply!(effect, copy(r), adjoint, copy(lost), h, by_h, 0.1)
    found = dot(adjoint, dr) + dot(by_h, dh) + 0.3by_factor
    @test found ≈ dot(weights, tangents[1]) rtol = 1e-9
end

@testset "without response the field stands still" begin
    r, lost = particles(50)
    frozen = SpaceCharge(SOLVER, false)
    p = Particles(r, lost, REFERENCE)
    @test size(push_field(frozen, p, [(ones(50, 6),)]), 1) == 1
    slopes = zero(r)
    pull_field!(frozen, p, [slopes], ones(padded(MESH)))
    @test iszero(slopes)
end
