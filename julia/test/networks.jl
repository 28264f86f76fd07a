# Layers, networks and their files.

using PyJuTrack: Add, Affine, Channels, Concatenate, Convolution, InstanceNorm, LeakyReLU, Network
using PyJuTrack: TransposedConvolution, cotangent, fold, islinear, jvp, potential
using PyJuTrack: potential_cotangent, read_network, tangent, unfold, value, vjp
using JSON: JSON
using SHA: sha256

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

@testset "cotangent of the potential, activated $activated" for activated in (false, true)
    network = unet(; activated)
    shares, dshares, dh = rand(RNG, 12, 16), randn(RNG, 12, 16), randn(RNG, 12, 16)
    forward = dot(dh, potential(network, shares, dshares)[2])
    @test forward ≈ dot(potential_cotangent(network, shares, dh), dshares) rtol = 1e-10
end
