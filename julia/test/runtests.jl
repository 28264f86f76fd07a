using PyJuTrack
using PyJuTrack: Add, Affine, Channels, Concatenate, Convolution, InstanceNorm, LeakyReLU, Network
using PyJuTrack: TransposedConvolution, cotangent, fold, islinear, jvp, potential, read_network
using PyJuTrack: tangent, unfold, value, vjp
using JSON: JSON
using LinearAlgebra: dot
using Random: MersenneTwister
using SHA: sha256
using Test

const RNG = MersenneTwister(1)
maps(channels, cells=(8, 6)) = randn(RNG, cells..., channels, 2)

"""Correlation with the flipped kernel, by the definition."""
function by_loops(x, w, stride, padding)
    kx, ky, _, outs = size(w)
    cells = (size(x)[1:2] .+ 2padding .- (kx, ky)) .÷ stride .+ 1
    y = zeros(cells..., outs, size(x, 4))
    for s in axes(y, 4), o in 1:outs, j in 1:cells[2], i in 1:cells[1]
        for c in axes(x, 3), b in 1:ky, a in 1:kx
            p, q = (i - 1) * stride + a - padding, (j - 1) * stride + b - padding
            if p in axes(x, 1) && q in axes(x, 2)
                y[i, j, o, s] += x[p, q, c, s] * w[kx - a + 1, ky - b + 1, c, o]
            end
        end
    end
    y
end

const CASES = [
    "convolution" => (Convolution(randn(RNG, 4, 4, 3, 5), randn(RNG, 5), 2, 1), (maps(3),)),
    "transposed" => (TransposedConvolution(randn(RNG, 4, 4, 5, 3), randn(RNG, 5), 2, 1), (maps(3),)),
    "instance norm" => (InstanceNorm(1e-5), (maps(3),)),
    "leaky relu" => (LeakyReLU(0.2), (maps(3),)),
    "affine" => (Affine(3.0, -1.0), (maps(3),)),
    "add" => (Add(), (maps(3), maps(3))),
    "concatenate" => (Concatenate(), (maps(3), maps(2))),
    "channels" => (Channels(2:3), (maps(3),)),
]

@testset "derivatives of layers: $name" for (name, (layer, xs)) in CASES
    dxs = map(x -> randn(RNG, size(x)), xs)
    dy = tangent(layer, xs, dxs)
    step = 1e-6
    ahead, behind = (value(layer, (xs .+ sign .* step .* dxs)...) for sign in (1, -1))
    @test dy ≈ (ahead .- behind) ./ 2step rtol = 1e-7
    weights = randn(RNG, size(dy))
    @test dot(weights, dy) ≈ sum(dot.(cotangent(layer, xs, weights), dxs)) rtol = 1e-12
end

@testset "convolution by loops" begin
    layer, (x,) = last(CASES[1])
    bias = reshape(layer.bias, 1, 1, :, 1)
    @test value(layer, x) ≈ by_loops(x, layer.kernel, 2, 1) .+ bias rtol = 1e-13
end

function unet(; activated)
    bias(n) = activated ? randn(RNG, n) : nothing
    down = [Convolution(randn(RNG, 4, 4, a, b) / 4, bias(b), 2, 1) for (a, b) in ((1, 3), (3, 4))]
    up = [
        TransposedConvolution(randn(RNG, 4, 4, b, a) / 4, bias(b), 2, 1) for
        (a, b) in ((4, 3), (6, 1))
    ]
    if !activated
        return Network([down..., up[1], Concatenate(), up[2]], [[0], [1], [2], [3, 1], [4]])
    end
    Network(
        [down[1], LeakyReLU(0.2), down[2], up[1], InstanceNorm(1e-5), Concatenate(), up[2]],
        [[0], [1], [2], [3], [4], [5, 2], [6]],
    )
end

@testset "network, activated $activated" for activated in (false, true)
    network = unet(; activated)
    @test islinear(network) != activated
    x, dx = maps(1, (8, 12)), maps(1, (8, 12))
    y, dy = jvp(network, x, dx)
    @test y == network(x)
    step = 1e-6
    @test dy ≈ (network(x .+ step .* dx) .- network(x .- step .* dx)) ./ 2step rtol = 1e-6
    weights = randn(RNG, size(y))
    @test dot(weights, dy) ≈ dot(vjp(network, x, weights)[2], dx) rtol = 1e-10

    shares, dshares = rand(RNG, 12, 16), randn(RNG, 12, 16)
    h, dh = potential(network, shares, dshares)
    @test h == potential(network, shares)
    @test potential(network, 0.7shares) ≈ 0.7h rtol = 1e-10
    ahead, behind = (potential(network, shares .+ sign .* step .* dshares) for sign in (1, -1))
    @test dh ≈ (ahead .- behind) ./ 2step rtol = 1e-6
end

@testset "fold and unfold are transposes" begin
    padded, cells = randn(RNG, 12, 14), randn(RNG, 8, 10)
    @test dot(fold(padded), cells) ≈ dot(padded, unfold(cells))
    @test unfold(cells)[2, 3:12] == -cells[1, :]
end

@testset "files" begin
    mktempdir() do folder
        w = randn(RNG, Float32, 3, 3, 1, 1)
        write(joinpath(folder, "weights.bin"), w)
        manifest = Dict(
            "format" => "pyjutrack-nnlib",
            "version" => 1,
            "dtype" => "float32",
            "sha256" => bytes2hex(sha256(collect(reinterpret(UInt8, vec(w))))),
            "arrays" => Dict("k" => Dict("dims" => [3, 3, 1, 1], "offset" => 0)),
            "layers" => [
                Dict(
                    "kind" => "Convolution",
                    "name" => "c",
                    "inputs" => ["input"],
                    "weight" => "k",
                    "bias" => nothing,
                    "stride" => 1,
                    "padding" => 1,
                ),
            ],
        )
        file = joinpath(folder, "manifest.json")
        save(m) = write(file, JSON.json(m))
        save(manifest)
        x = maps(1)
        @test read_network(folder)(x) ≈ by_loops(x, Float64.(w), 1, 1)
        save(merge(manifest, Dict("version" => 2)))
        @test_throws "of the format" read_network(folder)
        save(merge(manifest, Dict("layers" => [Dict("kind" => "Pool")])))
        @test_throws "kind Pool" read_network(folder)
        save(manifest)
        write(joinpath(folder, "weights.bin"), w .+ 1)
        @test_throws "was changed" read_network(folder)
        rm(joinpath(folder, "weights.bin"))
        @test_throws "no weights" read_network(folder)
        @test_throws "no converted network" read_network(joinpath(folder, "none"))
    end
end

using PyJuTrack: Const, Duplicated, Forward, Mesh, Reference, Reverse, SpaceCharge, Spectral, Study
using PyJuTrack: autodiff, cotangent, deflect!, deposit, drift, field, jacobian
using PyJuTrack: jacobian_derivatives, multipole, no_elements, potential_cotangent, pullback
using PyJuTrack: pushforward, quadrupole, solve, track

@testset "cotangent of the potential, activated $activated" for activated in (false, true)
    network = unet(; activated)
    shares, dshares, dh = rand(RNG, 12, 16), randn(RNG, 12, 16), randn(RNG, 12, 16)
    forward = dot(dh, potential(network, shares, dshares)[2])
    @test forward ≈ dot(potential_cotangent(network, shares, dh), dshares) rtol = 1e-10
end

const MESH = Mesh((0.02, 0.03), (32, 24), "bspline")
const SOLVER = Spectral(MESH, (16, 12))

function particles(count)
    r = randn(RNG, count, 6) .* [2e-3 1e-3 3e-3 1e-3 1e-2 1e-3]
    lost = zeros(Int, count)
    lost[1:3] .= 1
    r, lost
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
    x, y = (PyJuTrack.nodes(mesh, axis) for axis in 1:2)
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

const KNOBS = [(2, "k1", -1), (0, "current", -1)]

function study(potential, k1=3.0, current=1.0; response=true)
    elements = push!(
        no_elements(),
        drift("d", 0.3),
        quadrupole("q", 0.2, k1),
        multipole("m", [0.0, 0.1, -2.0, 5.0], [1e-4, 0.2]),
        drift("e", 0.4),
    )
    kick = SpaceCharge(potential, 2e-6, response)
    Study(
        elements,
        [2, 1, 0, 2],
        (kick,),
        Reference(1e9, 938.27208816e6, 1.0, 0.875),
        1,
        current,
        KNOBS,
    )
end

const POTENTIALS = [
    "solver" => SOLVER,
    "network" => PyJuTrack.Surrogate{Float64}(MESH, unet(; activated=true)),
]

@testset "rules under Enzyme: $name" for (name, potential) in POTENTIALS
    shares, dshares = deposit(MESH, particles(100)...), randn(RNG, 36, 28)
    kick = SpaceCharge(potential, 1.0, true)
    dh, = autodiff(Forward, solve, Duplicated, Const(kick), Duplicated(shares, dshares))
    step = 1e-6
    ahead, behind = (value(potential, shares .+ s .* step .* dshares) for s in (1, -1))
    @test dh ≈ (ahead .- behind) ./ 2step rtol = 1e-5
    weights = randn(RNG, size(shares))
    weighted(kick, shares, weights) = dot(weights, solve(kick, shares))
    gradient = zero(shares)
    autodiff(
        Reverse,
        weighted,
        PyJuTrack.Enzyme.Active,
        Const(kick),
        Duplicated(shares, gradient),
        Const(weights),
    )
    @test dot(gradient, dshares) ≈ dot(weights, dh) rtol = 1e-9
end

@testset "derivatives of tracking: $name" for (name, potential) in POTENTIALS
    r, lost = particles(50)
    all, values = study(potential), [3.0, 1.0]
    final, marks, tangents = pushforward(r, lost, all, values, [1.0 0.0; 0.0 1.0])
    @test final ≈ track(r, lost, all, values)[1]
    step = 1e-5
    for knob in 1:2
        shift = step .* (1:2 .== knob)
        ahead, behind = (track(r, lost, all, values .+ s .* shift)[1] for s in (1, -1))
        @test tangents[:, :, knob] ≈ (ahead .- behind) ./ 2step rtol = 1e-6
    end
    weights = randn(RNG, size(r))
    gradient = pullback(r, lost, all, values, weights)
    @test gradient ≈ [dot(weights, tangents[:, :, k]) for k in 1:2] rtol = 1e-9
    frozen = study(potential; response=false)
    held = pullback(r, lost, frozen, values, weights)
    @test held ≈ [
        dot(weights, t) for t in eachslice(pushforward(r, lost, frozen, values, [1.0 0.0; 0.0 1.0])[3]; dims=3)
    ]
    @test !isapprox(held, gradient; rtol=1e-5)
end

@testset "Jacobian of a test particle and its slopes" begin
    r, lost = particles(50)
    all, values, start = study(SOLVER), [3.0, 1.0], [1e-3, 1e-4, -1e-3, 0, 0, 1e-3]
    matrix, gone = jacobian(r, lost, all, start)
    @test !gone
    s = [0 1; -1 0]
    symplectic = [s zeros(2, 4); zeros(2, 2) s zeros(2, 2); zeros(2, 4) s]
    @test matrix' * symplectic * matrix ≈ symplectic atol = 1e-12
    again, slopes, _ = jacobian_derivatives(r, lost, all, start, values, [1.0 0.0; 0.0 1.0])
    @test again ≈ matrix rtol = 1e-13
    step = 1e-5
    for knob in 1:2
        ahead, behind = (
            jacobian(r, lost, study(SOLVER, values .+ s .* step .* (1:2 .== knob)...), start)[1] for
            s in (1, -1)
        )
        @test slopes[:, :, knob] ≈ (ahead .- behind) ./ 2step rtol = 1e-5 atol = 1e-9
    end
end
