# Collective kicks: what a beam makes of itself, and how particles respond to it.

"""
    SpaceCharge(potential, perveance, response)

(px, py) -= perveance current ds grad(H); `perveance` is per ampere.

Without `response` the field stands still under a derivative: the first term of the paper's Eq. 2.
"""
struct SpaceCharge
    potential::Potential
    mesh::Mesh
    perveance::Float64
    response::Bool
end

SpaceCharge(potential, perveance, response) =
    SpaceCharge(potential, potential.mesh, perveance, response)

"""What lies outside the box is lost."""
function admit!(kick::SpaceCharge, r::Matrix{Float64}, lost::Vector{Int})
    @inbounds for p in axes(r, 1)
        # also where a coordinate is not a number
        lost[p] == 0 && !inside(kick.mesh, r[p, 1], r[p, 3]) && (lost[p] = 1)
    end
    nothing
end

"""The potential of the particles times the perveance; its slopes are kicks per metre."""
function field(kick::SpaceCharge, r, lost, current)
    (kick.perveance * current) .* solve(kick, deposit(kick.mesh, r, lost))
end

"""Kick particles by a given field; those outside of the box are lost."""
function apply!(kick::SpaceCharge, r, lost, field, ds)
    admit!(kick, r, lost)
    deflect!(kick.mesh, r, lost, field, ds)
end

"""The size of what `field` gives."""
field_size(kick::SpaceCharge) = padded(kick.mesh)

"""The kick of a beam on itself over ds [m]; its field is kept in `keep`, if that is not nothing."""
function kick!(kick::SpaceCharge, r, lost, current, ds, keep)
    h = field(kick, r, lost, current)
    keep === nothing || copyto!(keep, h)
    apply!(kick, r, lost, h, ds)
end

"""
    Gridless(size, modes, perveance)

JuTrack's own space charge: a sine sum over all particles, in a box of width and height `size` [m].

Its box begins at the least x and y of the beam, wherever these are.
"""
struct Gridless
    size::NTuple{2,Float64}
    modes::NTuple{2,Int}
    perveance::Float64
end

"""What is farther from the corner than the box is wide, or no number, is lost."""
function admit!(g::Gridless, r, lost)
    x0, y0 = corner(r, lost)
    for p in axes(r, 1)
        lost[p] == 0 || continue
        within = 0 <= r[p, 1] - x0 <= g.size[1] && 0 <= r[p, 3] - y0 <= g.size[2]
        within || (lost[p] = 1)
    end
    nothing
end

"""The least x and y of the particles that are not lost."""
function corner(r, lost)
    x0 = y0 = Inf
    for p in axes(r, 1)
        lost[p] == 0 || continue
        x0, y0 = min(x0, r[p, 1]), min(y0, r[p, 3])
    end
    x0, y0
end

wavenumbers(g::Gridless) = ntuple(axis -> (π / g.size[axis]) .* (1:g.modes[axis]), 2)

function kick!(g::Gridless, r, lost, current, ds, keep)
    keep === nothing || copyto!(keep, field(g, r, lost, current))
    # JuTrack anchors its box at the lost as well, and counts all as the whole beam
    living = findall(iszero, lost)
    isempty(living) && return nothing
    share = length(living) / size(r, 1)
    rows = r[living, :]
    JuTrack.compute_delta_pxy!(
        rows, g.perveance * current * share, g.modes..., g.size..., length(living), ds, lost[living]
    )
    for (i, p) in enumerate(living)
        r[p, 2], r[p, 4] = rows[i, 2], rows[i, 4]
    end
    nothing
end

# what JuTrack sums for the beam itself, for test particles in its field: amplitudes, and in a last
# row the corner of the box
field_size(g::Gridless) = (g.modes[1] + 1, max(g.modes[2], 2))

function field(g::Gridless, r, lost, current)
    kx, ky = wavenumbers(g)
    found = zeros(field_size(g))
    x0, y0 = corner(r, lost)
    for p in axes(r, 1)
        lost[p] == 0 || continue
        for m in eachindex(ky), l in eachindex(kx)
            found[l, m] += sin(kx[l] * (r[p, 1] - x0)) * sin(ky[m] * (r[p, 3] - y0))
        end
    end
    norm = 8π * g.perveance * current / (prod(g.size) * size(r, 1))
    for m in eachindex(ky), l in eachindex(kx)
        found[l, m] *= norm / (kx[l]^2 + ky[m]^2)
    end
    found[end, 1], found[end, 2] = x0, y0
    found
end

function apply!(g::Gridless, r, lost, field, ds)
    kx, ky = wavenumbers(g)
    for p in axes(r, 1)
        lost[p] == 0 || continue
        x, y = r[p, 1] - field[end, 1], r[p, 3] - field[end, 2]
        if !(0 <= x <= g.size[1] && 0 <= y <= g.size[2])
            lost[p] = 1
            continue
        end
        along_x = along_y = 0.0
        for m in eachindex(ky), l in eachindex(kx)
            along_x += field[l, m] * kx[l] * cos(kx[l] * x) * sin(ky[m] * y)
            along_y += field[l, m] * ky[m] * sin(kx[l] * x) * cos(ky[m] * y)
        end
        r[p, 2] -= ds * along_x
        r[p, 4] -= ds * along_y
    end
    nothing
end
