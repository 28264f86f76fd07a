# From the density on a mesh to the potential H: a solver, or a network in its place.
#
#   value(potential, shares, room)               H on the padded grid, from the shares there
#   tangent(potential, shares, dshares)          its derivative along a tangent
#   tangents_of(potential, shares, room)         H and its derivatives along W tangents from the shares
#                                                and theirs, (1 + W, nx, ny), the shares first
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
struct Spectral{X<:Axis,Y<:Axis} <: Potential
    mesh::Mesh
    axes::Tuple{X,Y}
    # (modes, modes, blocks, blocks)
    green::Array{Float64,4}
end

function Spectral(mesh::Mesh, modes::NTuple{2,Int}, damping::Real=0.0)
    k = ntuple(axis -> (π / mesh.size[axis]) .* (1:modes[axis]), 2)
    waves = ntuple(axis -> k[axis] .* spacing(mesh)[axis], 2)
    smooth = ntuple(axis -> transfer.(Ref(mesh.shape), waves[axis]), 2)
    short = (waves[1] .^ 2 .+ (waves[2] .^ 2)') ./ π^2
    norm = 8π / prod(mesh.size)
    green = norm ./ (k[1] .^ 2 .+ (k[2] .^ 2)') ./ (smooth[1] .* smooth[2]') .^ 2
    green = green .* exp.(-damping .* short .^ 3)
    x, y = Axis.(mesh.cells, modes)
    # rows that belong to no mode have no factor
    factor(l, m) = l == 0 || m == 0 ? 0.0 : green[l, m]
    rows, columns = axes(x.order), axes(y.order)
    places = Iterators.product(rows[1], columns[1], rows[2], columns[2])
    Spectral(mesh, (x, y), [factor(x.order[l, p], y.order[m, q]) for (l, m, p, q) in places])
end

value(s::Spectral, shares, room=Room()) = solve(s, shares, room, :potential)
tangent(s::Spectral, shares, dshares) = value(s, dshares)

# it is linear
tangents_of(s::Spectral, shares::Array{Float64,3}, room=Room()) =
    solve!(taken(room, :potentials, size(shares)...), s, shares, room)

# it is symmetric
cotangent(s::Spectral, shares, dh, room=Room()) = solve(s, dh, room, :cotangent)

function solve(s::Spectral, density::Matrix{Float64}, room, name)
    found = taken(room, name, size(density)...)
    solve!(reshape(found, 1, size(found)...), s, reshape(density, 1, size(density)...), room)
    found
end

"""The potentials of densities (K, nx, ny), on the padded grid, into `found`."""
function solve!(found, s::Spectral, densities, room)
    (x, y), count, threads = s.axes, size(densities, 1), Threads.nthreads()
    # one line more, so that blocks do not meet in the same places of the processor's cache
    parts = taken(room, :parts, depth(x), depth(y) + 1, count, blocks(x), blocks(y))
    line(n, i) = taken(room, (:lines, n, i), count, size(densities, 2), blocks(y))
    lines = [(line(1, i), line(2, i)) for i in 1:threads]
    for_shares((i, j) -> fold!(parts, x, y, densities, j, lines[i]), depth(y))
    rows, columns = size(s.green)
    work(i) = taken(room, (:half, i), rows, depth(y)),
    taken(room, (:modes, i), rows, columns, blocks(x) ÷ 2, blocks(y) ÷ 2)
    works = map(work, 1:threads)
    for_shares(4count) do i, n
        k, q, p = (n - 1) ÷ 4 + 1, (n - 1) ÷ 2 % 2 + 1, (n - 1) % 2 + 1
        solve_part!(@view(parts[:, 1:depth(y), k, :, :]), s, p, q, works[i]...)
    end
    for_shares((i, j) -> unfold!(found, x, y, parts, j, lines[i]), depth(y))
    found
end

"""The part of a density that has parity p in x and q in y, in place."""
function solve_part!(parts, s::Spectral, p, q, half, modes)
    x, y = s.axes
    blocks_x, blocks_y = enumerate(of_parity(x, p)), enumerate(of_parity(y, q))
    for (b, by) in blocks_y, (a, bx) in blocks_x
        mul!(half, x.sines[bx], @view(parts[:, :, bx, by]))
        mul!(@view(modes[:, :, a, b]), half, y.turned[by])
    end
    mix_modes!(modes, x, y, p, q)
    @views modes .*= s.green[:, :, of_parity(x, p), of_parity(y, q)]
    mix_modes!(modes, x, y, p, q)
    for (b, by) in blocks_y, (a, bx) in blocks_x
        mul!(half, @view(modes[:, :, a, b]), y.sines[by])
        mul!(@view(parts[:, :, bx, by]), x.turned[bx], half)
    end
end

"""Modes from sums and differences of modes, or back."""
function mix_modes!(modes, x::Axis, y::Axis, p, q)
    rows, columns, along_x, along_y = axes(modes)
    if is_mixed(x, p)
        for b in along_y
            mix!(@view(modes[:, :, 1, b]), @view(modes[:, :, 2, b]), 2:last(rows), columns)
        end
    end
    if is_mixed(y, q)
        for a in along_x
            mix!(@view(modes[:, :, a, 1]), @view(modes[:, :, a, 2]), rows, 2:last(columns))
        end
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

function tangents_of(s::Surrogate{T}, shares::Array{Float64,3}, _=nothing) where {T}
    first, each... = (T.(slice) for slice in eachslice(shares; dims=1))
    h, dh = potential(s.network, first, Tuple(each))
    found = similar(shares)
    for (w, d) in enumerate((h, dh...))
        found[w, :, :] = d
    end
    found
end

function cotangent(s::Surrogate{T}, shares, dh, _=nothing) where {T}
    Float64.(potential_cotangent(s.network, T.(shares), T.(dh)))
end
