# Deposit and kick, which are each other's transposes, and their derivatives: along W tangents, whose
# grids are one array with that of the particles, the first, (1 + W, nx, ny), and backwards. Enzyme has the same from the code, at three times the
# time. Without tangents the compiler leaves out what is for them alone.

"""
    deposit!(grid, mesh, r, lost, share)

Add the share of the beam in each cell: `share` for each particle that is not lost, at r[:, (1, 3)].

All of them must be in the box; see `admit!`.
"""
deposit!(grid::Matrix{Float64}, mesh::Mesh, r::Matrix{Float64}, lost::Vector{Int}, share) =
    push_deposit!(alone(grid), mesh, r, (), lost, share)

"""
    deflect!(mesh, r, lost, potential, factor)

(px, py) -= factor grad(potential), read with the shape of the deposit.
"""
deflect!(mesh::Mesh, r::Matrix{Float64}, lost::Vector{Int}, potential::Matrix{Float64}, factor) =
    push_deflect!(mesh, r, (), lost, alone(potential), factor, ())

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
function push_deposit!(grids, mesh::Mesh, r, drs::NTuple{W,Matrix{Float64}}, lost, share) where {W}
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        (i, j), (wx, sx, _), (wy, sy, _) = around(mesh, r[p, 1], r[p, 3])
        dx, dy = map(d -> @inbounds(d[p, 1]), drs), map(d -> @inbounds(d[p, 3]), drs)
        for b in 1:4
            # a particle's own share first
            along_x = (0.0, ((share * wy[b]) .* dx)...)
            along_y = (share * wy[b], ((share * sy[b]) .* dy)...)
            for a in 1:4
                at = first_of(grids, i + a - 1, j + b - 1, Val(1 + W))
                found = ntuple(k -> @inbounds(grids[at + k]), Val(1 + W))
                found = muladd.(wx[a], along_y, muladd.(sx[a], along_x, found))
                for k in 1:(1 + W)
                    grids[at + k] = found[k]
                end
            end
        end
    end
    nothing
end

"""The place before the first value of a node, in an array (K, nx, ny)."""
@inline first_of(a, i, j, ::Val{K}) where {K} = K * (i - 1 + size(a, 2) * (j - 1))

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

"""
The slopes of K fields (K, nx, ny) at a particle, in x and in y, and the curvatures (xx, xy, yy) of
the first.
"""
@inline function slopes_at(fields, (i, j), (wx, sx, cx), (wy, sy, cy), ::Val{K}) where {K}
    by_x = by_y = ntuple(_ -> 0.0, Val(K))
    hxx = hxy = hyy = 0.0
    @inbounds for b in 1:4
        value = slope = ntuple(_ -> 0.0, Val(K))
        curvature = 0.0
        for a in 1:4
            at = first_of(fields, i + a - 1, j + b - 1, Val(K))
            each = ntuple(k -> @inbounds(fields[at + k]), Val(K))
            value, slope = muladd.(wx[a], each, value), muladd.(sx[a], each, slope)
            curvature = muladd(cx[a], each[1], curvature)
        end
        by_x, by_y = muladd.(wy[b], slope, by_x), muladd.(sy[b], value, by_y)
        hxx = muladd(curvature, wy[b], hxx)
        hxy = muladd(slope[1], sy[b], hxy)
        hyy = muladd(value[1], cy[b], hyy)
    end
    by_x, by_y, (hxx, hxy, hyy)
end

"""
`deflect!`, and its derivatives along tangents of particles, potential and factor; `fields` are the
potential and its derivatives, (1 + W, nx, ny), or itself, (1, nx, ny), where it stands still.
"""
function push_deflect!(
    mesh::Mesh, r, drs::NTuple{W,Matrix{Float64}}, lost, fields, factor, dfactors
) where {W}
    if size(fields, 1) == 1
        push_deflect!(mesh, r, drs, lost, fields, factor, dfactors, Val(1))
    else
        push_deflect!(mesh, r, drs, lost, fields, factor, dfactors, Val(1 + W))
    end
end

function push_deflect!(
    mesh, r, drs::NTuple{W,Matrix{Float64}}, lost, fields, factor, dfactors, ::Val{K}
) where {W,K}
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        by_x, by_y, (hxx, hxy, hyy) = slopes_at(fields, around(mesh, r[p, 1], r[p, 3])..., Val(K))
        for w in 1:W
            dr = drs[w]
            dx, dy = dr[p, 1], dr[p, 3]
            own_x, own_y = K == 1 ? (0.0, 0.0) : (by_x[1 + w], by_y[1 + w])
            dr[p, 2] -= dfactors[w] * by_x[1] + factor * (own_x + hxx * dx + hxy * dy)
            dr[p, 4] -= dfactors[w] * by_y[1] + factor * (own_y + hxy * dx + hyy * dy)
        end
        r[p, 2] -= factor * by_x[1]
        r[p, 4] -= factor * by_y[1]
    end
    nothing
end

"""
Add what `deflect!` hands back from the slopes `dr` of the particles after it: to theirs before it,
and to those of the potential, `dh`. Returns that of the factor. Particles stay where they are.
"""
function pull_deflect!(mesh::Mesh, r, dr, lost, h, dh, factor)
    by_factor, fields = 0.0, alone(h)
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        at, ofx, ofy = around(mesh, r[p, 1], r[p, 3])
        (gx,), (gy,), (hxx, hxy, hyy) = slopes_at(fields, at, ofx, ofy, Val(1))
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
