# JuTrack's own space charge, as an effect.

"""
    Gridless(size, modes)

JuTrack's sine sum over all particles, in a box of width and height `size` [m].

Its box begins at the least x and y of the beam, wherever these are.
"""
struct Gridless <: Effect
    size::NTuple{2,Float64}
    modes::NTuple{2,Int}
end

"""What is no number, or farther from the corner than the box is wide, is lost."""
function admit!(g::Gridless, p::Particles)
    # first, as it would make the corner
    foreach((r, lost) -> lose_strays!(r, lost, (1, 3)), p.r, p.lost)
    x0, y0 = corner(p)
    for (r, lost) in zip(p.r, p.lost), n in axes(r, 1)
        lost[n] == 0 || continue
        within = 0 <= r[n, 1] - x0 <= g.size[1] && 0 <= r[n, 3] - y0 <= g.size[2]
        within || (lost[n] = 1)
    end
    nothing
end

"""The least x and y of the particles that are not lost."""
function corner(p::Particles)
    x0 = y0 = Inf
    for (r, lost) in zip(p.r, p.lost), n in axes(r, 1)
        lost[n] == 0 || continue
        x0, y0 = min(x0, r[n, 1]), min(y0, r[n, 3])
    end
    x0, y0
end

"""Chunk and row of the particle that makes the corner along an axis; (0, 0) if none lives."""
function corner_particle(p::Particles, axis)
    found, least = (0, 0), Inf
    for (i, (r, lost)) in enumerate(zip(p.r, p.lost)), n in axes(r, 1)
        if lost[n] == 0 && r[n, axis] < least
            found, least = (i, n), r[n, axis]
        end
    end
    found
end

wavenumbers(g::Gridless) = ntuple(axis -> (π / g.size[axis]) .* (1:g.modes[axis]), 2)

# the amplitudes of the sum and, in a last row, the corner of the box
field_size(g::Gridless) = (g.modes[1] + 1, max(g.modes[2], 2))

function field(g::Gridless, p::Particles)
    x0, y0 = corner(p)
    parts = [zeros(field_size(g)) for _ in p.r]
    for_chunks(length(p.r)) do i
        add_amplitudes!(parts[i], p.r[i], p.lost[i], x0, y0, wavenumbers(g)...)
    end
    finish!(sum_up(parts), g, p.total, x0, y0)
end

function finish!(found, g::Gridless, total, x0, y0)
    scale!(found, g, total)
    found[end, 1], found[end, 2] = x0, y0
    found
end

"""Amplitudes of the potential from sums of sines over `total` particles, in place."""
function scale!(found, g::Gridless, total)
    kx, ky = wavenumbers(g)
    norm = 8π / (prod(g.size) * total)
    for m in eachindex(ky), l in eachindex(kx)
        found[l, m] *= norm / (kx[l]^2 + ky[m]^2)
    end
    found
end

function add_amplitudes!(found, r, lost, x0, y0, kx, ky)
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        x, y = r[p, 1] - x0, r[p, 3] - y0
        for m in eachindex(ky)
            sy = sin(ky[m] * y)
            for l in eachindex(kx)
                found[l, m] += sin(kx[l] * x) * sy
            end
        end
    end
    nothing
end

"""Kick particles by a field; those beyond the box are lost."""
function apply!(g::Gridless, r, lost, field, factor)
    kx, ky = wavenumbers(g)
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        x, y = r[p, 1] - field[end, 1], r[p, 3] - field[end, 2]
        if !(0 <= x <= g.size[1] && 0 <= y <= g.size[2])
            lost[p] = 1
            continue
        end
        along_x = along_y = 0.0
        for m in eachindex(ky)
            sy, cy = sincos(ky[m] * y)
            for l in eachindex(kx)
                sx, cx = sincos(kx[l] * x)
                along_x += field[l, m] * kx[l] * cx * sy
                along_y += field[l, m] * ky[m] * sx * cy
            end
        end
        r[p, 2] -= factor * along_x
        r[p, 4] -= factor * along_y
    end
    nothing
end

# JuTrack's own sum, where nothing is asked besides the particles
function act!(g::Gridless, p::Particles, strength, ds, ::Nothing)
    admit!(g, p)
    for_living(p) do rows, living
        share = living / p.total
        JuTrack.compute_delta_pxy!(
            rows, strength * share, g.modes..., g.size..., living, ds, zeros(Int, living)
        )
    end
end

"""Call `f(rows, count)` with the particles that are not lost as one matrix, and take its momenta."""
function for_living(f, p::Particles)
    # JuTrack anchors its box at the lost as well, and counts all as the whole beam
    places = [(i, n) for i in eachindex(p.r) for n in axes(p.r[i], 1) if p.lost[i][n] == 0]
    isempty(places) && return nothing
    rows = [p.r[i][n, c] for (i, n) in places, c in 1:6]
    f(rows, length(places))
    for (row, (i, n)) in enumerate(places)
        p.r[i][n, 2], p.r[i][n, 4] = rows[row, 2], rows[row, 4]
    end
    nothing
end

function push_field(
    g::Gridless, p::Particles, tangents::Vector{NTuple{W,Matrix{Float64}}}
) where {W}
    corners = corner(p)
    along = ntuple(2) do axis
        i, n = corner_particle(p, 2axis - 1)
        ntuple(w -> i == 0 ? 0.0 : tangents[i][w][n, 2axis - 1], Val(W))
    end
    parts = [zeros(field_size(g)) for _ in p.r]
    dparts = [ntuple(_ -> zeros(field_size(g)), Val(W)) for _ in p.r]
    for_chunks(length(p.r)) do i
        by_enzyme(
            Forward,
            add_amplitudes!,
            Const,
            dup(parts[i], dparts[i]),
            dup(p.r[i], tangents[i]),
            Const(p.lost[i]),
            dup(corners[1], along[1]),
            dup(corners[2], along[2]),
            map(Const, wavenumbers(g))...,
        )
    end
    fields = zeros(1 + W, field_size(g)...)
    fields[1, :, :] = finish!(sum_up(parts), g, p.total, corners...)
    for w in 1:W
        sums = sum_up([d[w] for d in dparts])
        fields[1 + w, :, :] = finish!(sums, g, p.total, along[1][w], along[2][w])
    end
    fields
end

function pull_field!(g::Gridless, p::Particles, slopes, dh)
    corners = corner(p)
    dsums = scale!(copy(dh), g, p.total)
    dsums[end, :] .= 0
    by_corner = [zeros(2) for _ in p.r]
    for_chunks(length(p.r)) do i
        found = by_enzyme(
            Reverse,
            add_amplitudes!,
            Const,
            Duplicated(zeros(field_size(g)), copy(dsums)),
            Duplicated(p.r[i], slopes[i]),
            Const(p.lost[i]),
            Active(corners[1]),
            Active(corners[2]),
            map(Const, wavenumbers(g))...,
        )
        by_corner[i] .= found[1][4:5]
    end
    for axis in 1:2
        i, n = corner_particle(p, 2axis - 1)
        i == 0 && continue
        slopes[i][n, 2axis - 1] += dh[end, axis] + sum(b[axis] for b in by_corner)
    end
    nothing
end

function push_apply!(g::Gridless, r, drs::NTuple{W}, lost, fields, factor, dfactors) where {W}
    h = fields[1, :, :]
    dhs = ntuple(w -> size(fields, 1) == 1 ? zero(h) : fields[1 + w, :, :], Val(W))
    by_enzyme(
        Forward,
        apply!,
        Const,
        Const(g),
        dup(r, drs),
        Const(lost),
        dup(h, dhs),
        dup(factor, dfactors),
    )
    nothing
end

function pull_apply!(g::Gridless, r, dr, lost, h, dh, factor)
    found = by_enzyme(
        Reverse,
        apply!,
        Const,
        Const(g),
        Duplicated(r, dr),
        Const(lost),
        Duplicated(h, dh),
        Active(factor),
    )
    found[1][5]
end
