# From the density on a mesh to the potential H: a solver, or a network in its place.
#
#   value(potential, shares, room)               H on the padded grid, from the shares there
#   tangent(potential, shares, dshares)          its derivative along a tangent
#   tangents_of(potential, shares, along, room)  H, and its derivatives along W tangents, (W, nx, ny)
#   cotangent(potential, shares, dh, room)       the derivative of <dh, H> by the shares
#
# What they return may stand in arrays of the room, until they are called again with it.
#
# Enzyme does not look inside: these are the rules, and networks have theirs layer by layer (Eq. 3 of
# the paper).
#
# -laplacian(H) = 2 pi rho, with rho normalised to one and H = 0 on the walls.

abstract type Potential end

"""
    Spectral(mesh, modes, damping=0.0)

The sine series; the smoothing of the shape is divided out for the deposit and for the reading, and
each mode is multiplied by exp(-damping (|k| h / pi)^6), h the cell.

Source: J. Qiang, PRAB 20 (2017) 014203; U. Essmann et al., J. Chem. Phys. 103 (1995) 8577.
"""
struct Spectral <: Potential
    mesh::Mesh
    # [axis][parity], (modes, nodes up to the middle), and [parity in x][parity in y]
    sines::NTuple{2,NTuple{2,Matrix{Float64}}}
    green::NTuple{2,NTuple{2,Matrix{Float64}}}
end

function Spectral(mesh::Mesh, modes::NTuple{2,Int}, damping::Real=0.0)
    k = ntuple(axis -> (π / mesh.size[axis]) .* (1:modes[axis]), 2)
    sines = ntuple(axis -> sin.(k[axis] .* nodes(mesh, axis)'), 2)
    waves = ntuple(axis -> k[axis] .* spacing(mesh)[axis], 2)
    smooth = ntuple(axis -> transfer.(Ref(mesh.shape), waves[axis]), 2)
    short = (waves[1] .^ 2 .+ (waves[2] .^ 2)') ./ π^2
    norm = 8π / prod(mesh.size)
    green = norm ./ (k[1] .^ 2 .+ (k[2] .^ 2)') ./ (smooth[1] .* smooth[2]') .^ 2
    green = green .* exp.(-damping .* short .^ 3)
    halves = cld.(padded(mesh), 2)
    Spectral(
        mesh,
        ntuple(axis -> ntuple(p -> sines[axis][p:2:end, 1:halves[axis]], 2), 2),
        ntuple(p -> ntuple(q -> green[p:2:end, q:2:end], 2), 2),
    )
end

value(s::Spectral, shares, room=Room()) = solve(s, (shares,), room, :potential)[1]
tangent(s::Spectral, shares, dshares) = value(s, dshares)

function tangents_of(s::Spectral, shares, along::Array{Float64,3}, room=Room())
    found = taken(room, :tangents, size(along)...)
    each(a) = (@view(a[w, :, :]) for w in axes(a, 1))
    h = taken(room, :potential, size(shares)...)
    solve!((h, each(found)...), s, (shares, each(along)...), room)
    h, found
end

# it is symmetric
cotangent(s::Spectral, shares, dh, room=Room()) = solve(s, (dh,), room, :cotangent)[1]

function solve(s::Spectral, densities, room, name)
    found = map(d -> taken(room, name, size(d)...), densities)
    solve!(found, s, densities, room)
    found
end

"""
The potentials of densities, on the padded grid, into `found`.

Sines of odd modes are even about the middle, and those of even modes odd: a density in its four
parts by parity, each on a quarter of the nodes, takes half of the products.
"""
function solve!(found, s::Spectral, densities, room)
    parts = taken(room, :parts, cld.(padded(s.mesh), 2)..., 4, length(found))
    for_shares(length(found)) do _, k
        fold!(parts, k, densities[k])
    end
    count = 4length(found)
    work = [work_of(s, p, q, room, i) for p in 1:2, q in 1:2, i in 1:min(Threads.nthreads(), count)]
    for_shares(count) do i, n
        k, q, p = (n - 1) ÷ 4 + 1, (n - 1) ÷ 2 % 2 + 1, (n - 1) % 2 + 1
        part = @view parts[:, :, p + 2(q - 1), k]
        solve_part!(part, s.sines[1][p], s.sines[2][q], s.green[p][q], work[p, q, i]...)
    end
    for_shares(length(found)) do _, k
        unfold!(found[k], parts, k)
    end
    nothing
end

function work_of(s::Spectral, p, q, room, i)
    rows, columns = size(s.green[p][q])
    taken(room, (:half, i), rows, size(s.sines[2][q], 2)), taken(room, (:modes, i), rows, columns)
end

function solve_part!(part, sine_x, sine_y, green, half, modes)
    mul!(half, sine_x, part)
    mul!(modes, half, sine_y')
    modes .*= green
    mul!(half, modes, sine_y)
    mul!(part, sine_x', half)
end

"""Sums and differences of a value and its mirror images: even in both, odd in x, in y, in both."""
@inline function by_parity(a, in_x, in_y, in_both)
    even, even_y, odd, odd_y = a + in_x, in_y + in_both, a - in_x, in_y - in_both
    even + even_y, odd + odd_y, even - even_y, odd - odd_y
end

function fold!(parts, k, density::AbstractMatrix)
    nx, ny = size(density)
    @inbounds for j in 1:cld(ny, 2), i in 1:cld(nx, 2)
        u, v = nx + 1 - i, ny + 1 - j
        # in the middle they are one
        share = (i == u ? 0.5 : 1.0) * (j == v ? 0.5 : 1.0)
        found = by_parity(density[i, j], density[u, j], density[i, v], density[u, v])
        for n in 1:4
            parts[i, j, n, k] = share * found[n]
        end
    end
    nothing
end

function unfold!(potential::AbstractMatrix, parts, k)
    nx, ny = size(potential)
    @inbounds for j in 1:cld(ny, 2), i in 1:cld(nx, 2)
        u, v = nx + 1 - i, ny + 1 - j
        found = by_parity(ntuple(n -> @inbounds(parts[i, j, n, k]), Val(4))...)
        potential[i, j], potential[u, j], potential[i, v], potential[u, v] = found
    end
    nothing
end

"""
    Surrogate(mesh, network)

A network that sees the cells of the mesh, in the precision of its weights.
"""
struct Surrogate{T} <: Potential
    mesh::Mesh
    network::Network
end

"""The surrogate in a folder of `pyjutrack convert NAME FOLDER.nnlib`, run in precision T."""
function surrogate(folder::AbstractString, mesh::Mesh, ::Type{T}=Float64) where {T}
    Surrogate{T}(mesh, read_network(folder, T))
end

value(s::Surrogate{T}, shares, _=nothing) where {T} = Float64.(potential(s.network, T.(shares)))

function tangent(s::Surrogate{T}, shares, dshares) where {T}
    islinear(s.network) && return value(s, dshares)
    Float64.(potential(s.network, T.(shares), T.(dshares))[2])
end

function tangents_of(s::Surrogate{T}, shares, along::Array{Float64,3}, _=nothing) where {T}
    each = ntuple(w -> T.(@view along[w, :, :]), size(along, 1))
    h, dh = potential(s.network, T.(shares), each)
    found = similar(along)
    for (w, d) in enumerate(dh)
        found[w, :, :] = d
    end
    Float64.(h), found
end

function cotangent(s::Surrogate{T}, shares, dh, _=nothing) where {T}
    Float64.(potential_cotangent(s.network, T.(shares), T.(dh)))
end
