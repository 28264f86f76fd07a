# Between the padded grid of the particles and the cells that a network sees: odd at the walls.

const GHOSTS = 2

"""Cells from the padded grid: what lies in a ghost counts negatively in its mirror cell."""
fold(padded::AbstractMatrix) = permutedims(fold_first(permutedims(fold_first(padded))))

"""The padded grid from cells: a ghost has minus the value of its mirror cell."""
unfold(cells::AbstractMatrix) = permutedims(unfold_first(permutedims(unfold_first(cells))))

function fold_first(a)
    g, n = GHOSTS, size(a, 1)
    cells = a[(g + 1):(n - g), :]
    cells[1:g, :] .-= a[g:-1:1, :]
    cells[(end - g + 1):end, :] .-= a[n:-1:(n - g + 1), :]
    cells
end

function unfold_first(a)
    g, n = GHOSTS, size(a, 1)
    [-a[g:-1:1, :]; a; -a[n:-1:(n - g + 1), :]]
end

"""
    potential(network, fractions)

H on the padded grid from the share of the beam in each cell of it.

H is linear in the density, so a network that is not sees the density of a whole beam.
"""
function potential(network::Network, fractions::AbstractMatrix)
    cells = fold(fractions)
    share = islinear(network) ? one(eltype(cells)) : sum(cells)
    iszero(share) && return zero(fractions)
    unfold(share .* network(stacked(cells ./ share))[:, :, 1, 1])
end

"""
    potential(network, fractions, along)

H and its derivatives along a tuple of tangents of the shares.
"""
function potential(network::Network, fractions::AbstractMatrix, along::NTuple{W}) where {W}
    linear = islinear(network)
    cells, dcells = fold(fractions), map(fold, along)
    share = linear ? one(eltype(cells)) : sum(cells)
    dshare = map(d -> linear ? zero(eltype(d)) : sum(d), dcells)
    iszero(share) && return zero(fractions), map(zero, along)
    whole = cells ./ share
    dwhole = map((d, ds) -> (d .- whole .* ds) ./ share, dcells, dshare)
    h, dh = jvp(network, stacked(whole), cat(dwhole...; dims=4))
    tangent(w) = unfold(dshare[w] .* h[:, :, 1, 1] .+ share .* dh[:, :, 1, w])
    unfold(share .* h[:, :, 1, 1]), ntuple(tangent, Val(W))
end

function potential(network::Network, fractions::AbstractMatrix, along::AbstractMatrix)
    h, (dh,) = potential(network, fractions, (along,))
    h, dh
end

stacked(cells) = reshape(cells, size(cells)..., 1, 1)

"""
    potential_cotangent(network, fractions, dh)

The derivative of <dh, H> by the shares.
"""
function potential_cotangent(network::Network, fractions::AbstractMatrix, dh::AbstractMatrix)
    cells, dcells = fold(fractions), fold(dh)
    linear = islinear(network)
    share = linear ? one(eltype(cells)) : sum(cells)
    iszero(share) && return zero(fractions)
    whole = cells ./ share
    h, dwhole = vjp(network, stacked(whole), stacked(share .* dcells))
    dwhole = dwhole[:, :, 1, 1]
    linear && return unfold(dwhole)
    # the share scales H, and divides the density that the network sees
    dshare = sum(dcells .* h[:, :, 1, 1]) - sum(dwhole .* whole) / share
    unfold(dwhole ./ share .+ dshare)
end
