# Deposit and kick, which are each other's transposes, and their derivatives: along W tangents, whose
# grids are one array (W, nx, ny), and backwards. Enzyme has the same from the code, at three times the
# time. Without tangents the compiler leaves out what is for them alone.

"""
    deposit!(grid, mesh, r, lost, share)

Add the share of the beam in each cell: `share` for each particle that is not lost, at r[:, (1, 3)].

All of them must be in the box; see `admit!`.
"""
deposit!(grid::Matrix{Float64}, mesh::Mesh, r::Matrix{Float64}, lost::Vector{Int}, share) =
    push_deposit!(grid, nothing, mesh, r, (), lost, share)

"""
    deflect!(mesh, r, lost, potential, factor)

(px, py) -= factor grad(potential), read with the shape of the deposit.
"""
deflect!(mesh::Mesh, r::Matrix{Float64}, lost::Vector{Int}, potential::Matrix{Float64}, factor) =
    push_deflect!(mesh, r, (), lost, potential, nothing, factor, ())

"""Weights, slopes and curvatures of a particle at (x, y), and the first of its nodes."""
@inline function around(mesh::Mesh, x, y)
    i, ux = place(mesh.size[1], mesh.cells[1], x)
    j, uy = place(mesh.size[2], mesh.cells[2], y)
    hx, hy = spacing(mesh)
    s = mesh.shape
    (i, j),
    (weights(s, ux), slopes(s, ux) ./ hx, curvatures(s, ux) ./ (hx * hx)),
    (weights(s, uy), slopes(s, uy) ./ hy, curvatures(s, uy) ./ (hy * hy))
end

"""`deposit!`, and its derivatives along tangents of the particles."""
function push_deposit!(
    grid, dgrids, mesh::Mesh, r, drs::NTuple{W,Matrix{Float64}}, lost, share
) where {W}
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        (i, j), (wx, sx, _), (wy, sy, _) = around(mesh, r[p, 1], r[p, 3])
        dx, dy = map(d -> @inbounds(d[p, 1]), drs), map(d -> @inbounds(d[p, 3]), drs)
        for b in 1:4
            along_x, along_y = (share * wy[b]) .* dx, (share * sy[b]) .* dy
            for a in 1:4
                grid[i + a - 1, j + b - 1] += share * wx[a] * wy[b]
                for w in 1:W
                    found = dgrids[w, i + a - 1, j + b - 1]
                    found = muladd(wx[a], along_y[w], muladd(sx[a], along_x[w], found))
                    dgrids[w, i + a - 1, j + b - 1] = found
                end
            end
        end
    end
    nothing
end

"""Add to the slopes of the particles those of <dgrid, what `deposit!` adds>."""
function pull_deposit!(dgrid, mesh::Mesh, r, dr, lost, share)
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        (i, j), (wx, sx, _), (wy, sy, _) = around(mesh, r[p, 1], r[p, 3])
        by_x = by_y = 0.0
        for b in 1:4, a in 1:4
            g = dgrid[i + a - 1, j + b - 1]
            by_x += g * sx[a] * wy[b]
            by_y += g * wx[a] * sy[b]
        end
        dr[p, 1] += share * by_x
        dr[p, 3] += share * by_y
    end
    nothing
end

"""The slopes of a potential at a particle, and its curvatures (xx, xy, yy)."""
@inline function slopes_at(h, (i, j), (wx, sx, cx), (wy, sy, cy))
    gx = gy = hxx = hxy = hyy = 0.0
    @inbounds for b in 1:4
        k = ntuple(a -> @inbounds(h[i + a - 1, j + b - 1]), Val(4))
        value, slope, curvature = sum(k .* wx), sum(k .* sx), sum(k .* cx)
        gx += slope * wy[b]
        gy += value * sy[b]
        hxx += curvature * wy[b]
        hxy += slope * sy[b]
        hyy += value * cy[b]
    end
    gx, gy, hxx, hxy, hyy
end

"""
`deflect!`, and its derivatives along tangents of particles, potential (or nothing) and factor.
"""
function push_deflect!(
    mesh::Mesh, r, drs::NTuple{W,Matrix{Float64}}, lost, h, dh, factor, dfactors
) where {W}
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        at, ofx, ofy = around(mesh, r[p, 1], r[p, 3])
        gx, gy, hxx, hxy, hyy = slopes_at(h, at, ofx, ofy)
        by_x, by_y = own_slopes(dh, at, ofx, ofy, Val(W))
        for w in 1:W
            dr = drs[w]
            dx, dy = dr[p, 1], dr[p, 3]
            dr[p, 2] -= dfactors[w] * gx + factor * (by_x[w] + hxx * dx + hxy * dy)
            dr[p, 4] -= dfactors[w] * gy + factor * (by_y[w] + hxy * dx + hyy * dy)
        end
        r[p, 2] -= factor * gx
        r[p, 4] -= factor * gy
    end
    nothing
end

own_slopes(::Nothing, at, ofx, ofy, ::Val{W}) where {W} =
    ntuple(_ -> 0.0, Val(W)), ntuple(_ -> 0.0, Val(W))

@inline function own_slopes(dh, (i, j), (wx, sx, _), (wy, sy, _), ::Val{W}) where {W}
    by_x = by_y = ntuple(_ -> 0.0, Val(W))
    @inbounds for b in 1:4
        value = slope = ntuple(_ -> 0.0, Val(W))
        for a in 1:4
            k = ntuple(w -> @inbounds(dh[w, i + a - 1, j + b - 1]), Val(W))
            value, slope = muladd.(wx[a], k, value), muladd.(sx[a], k, slope)
        end
        by_x, by_y = muladd.(wy[b], slope, by_x), muladd.(sy[b], value, by_y)
    end
    by_x, by_y
end

"""
Add what `deflect!` hands back from the slopes `dr` of the particles after it: to theirs before it,
and to those of the potential, `dh`. Returns that of the factor. Particles stay where they are.
"""
function pull_deflect!(mesh::Mesh, r, dr, lost, h, dh, factor)
    by_factor = 0.0
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        at, ofx, ofy = around(mesh, r[p, 1], r[p, 3])
        gx, gy, hxx, hxy, hyy = slopes_at(h, at, ofx, ofy)
        ax, ay = dr[p, 2], dr[p, 4]
        (i, j), (wx, sx, _), (wy, sy, _) = at, ofx, ofy
        for b in 1:4, a in 1:4
            dh[i + a - 1, j + b - 1] -= factor * (ax * sx[a] * wy[b] + ay * wx[a] * sy[b])
        end
        dr[p, 1] -= factor * (ax * hxx + ay * hxy)
        dr[p, 3] -= factor * (ax * hxy + ay * hyy)
        by_factor -= ax * gx + ay * gy
    end
    by_factor
end
