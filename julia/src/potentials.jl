# From the density on a mesh to the potential H: a solver, or a network in its place.
#
#   value(potential, shares)               H on the padded grid, from the shares there
#   tangent(potential, shares, dshares)    its derivative along a tangent
#   tangents_of(potential, shares, along)  H, and its derivatives along W tangents, (W, nx, ny)
#   cotangent(potential, shares, dh)       the derivative of <dh, H> by the shares
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
    sine_x::Matrix{Float64}
    sine_y::Matrix{Float64}
    green::Matrix{Float64}
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
    Spectral(mesh, sines..., green)
end

function value(s::Spectral, shares)
    s.sine_x' * (s.green .* (s.sine_x * shares * s.sine_y')) * s.sine_y
end
tangent(s::Spectral, shares, dshares) = value(s, dshares)

function tangents_of(s::Spectral, shares, along::Array{Float64,3}, room=Room())
    width, nx, ny = size(along)
    modes_x, modes_y = size(s.green)
    by_y, back = (taken(room, name, width, nx, modes_y) for name in (:by_y, :back))
    modes, found = taken(room, :modes, width, modes_x), taken(room, :tangents, width, nx, ny)
    # products with the sines of y for all at once, and with those of x for each of the modes of y
    flat(a) = reshape(a, width * nx, :)
    mul!(flat(by_y), flat(along), s.sine_y')
    for m in 1:modes_y
        mul!(modes, (@view by_y[:, :, m]), s.sine_x')
        modes .*= (@view s.green[:, m])'
        mul!((@view back[:, :, m]), modes, s.sine_x)
    end
    mul!(flat(found), flat(back), s.sine_y)
    value(s, shares), found
end
# it is symmetric
cotangent(s::Spectral, shares, dh) = value(s, dh)

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

value(s::Surrogate{T}, shares) where {T} = Float64.(potential(s.network, T.(shares)))

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

function cotangent(s::Surrogate{T}, shares, dh) where {T}
    Float64.(potential_cotangent(s.network, T.(shares), T.(dh)))
end
