# The mesh of the particles, and the adjoint pair between the two: `deposit` and reading slopes.

"""
    Mesh(size, cells, shape)

A box of width and height `size` [m], centred on the axis, in `cells`, with values at their centres;
arrays have `GHOSTS` more on each side.
"""
struct Mesh
    size::NTuple{2,Float64}
    cells::NTuple{2,Int}
    shape::Shape
end

Mesh(size, cells, shape_name::AbstractString) = Mesh(size, cells, shape(shape_name))

spacing(mesh::Mesh) = mesh.size ./ mesh.cells
padded(mesh::Mesh) = mesh.cells .+ 2GHOSTS

"""Centres of the cells along an axis [m], counted from the wall, ghosts included."""
function nodes(mesh::Mesh, axis)
    h = spacing(mesh)[axis]
    [(i - GHOSTS - 0.5) * h for i in 1:padded(mesh)[axis]]
end

@inline function inside(mesh::Mesh, x, y)
    abs(x) <= mesh.size[1] / 2 && abs(y) <= mesh.size[2] / 2
end

"""First of the four nodes of a particle along an axis, and its place past the second."""
@inline function place(size, cells, u)
    # the centre of cell 1 has index 1 + GHOSTS, and the first node is one before the particle's
    cell = (u + size / 2) * cells / size - 0.5
    below = floor(cell)
    Int(below) + GHOSTS, cell - below
end

"""
    deposit!(grid, mesh, r, lost, share)

Add the share of the beam in each cell: `share` for each particle that is not lost, at r[:, (1, 3)].

All of them must be in the box; see `admit!`.
"""
function deposit!(grid::Matrix{Float64}, mesh::Mesh, r::Matrix{Float64}, lost::Vector{Int}, share)
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        i, ux = place(mesh.size[1], mesh.cells[1], r[p, 1])
        j, uy = place(mesh.size[2], mesh.cells[2], r[p, 3])
        wx, wy = weights(mesh.shape, ux), weights(mesh.shape, uy)
        for b in 1:4
            w = share * wy[b]
            for a in 1:4
                grid[i + a - 1, j + b - 1] += w * wx[a]
            end
        end
    end
    nothing
end

"""
    deflect!(mesh, r, lost, potential, factor)

(px, py) -= factor grad(potential), read with the shape of the deposit.
"""
function deflect!(mesh::Mesh, r::Matrix{Float64}, lost::Vector{Int}, potential::Matrix{Float64}, factor)
    hx, hy = spacing(mesh)
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        i, ux = place(mesh.size[1], mesh.cells[1], r[p, 1])
        j, uy = place(mesh.size[2], mesh.cells[2], r[p, 3])
        wx, wy = weights(mesh.shape, ux), weights(mesh.shape, uy)
        sx, sy = slopes(mesh.shape, ux), slopes(mesh.shape, uy)
        along_x = along_y = 0.0
        for b in 1:4, a in 1:4
            h = potential[i + a - 1, j + b - 1]
            along_x += h * sx[a] * wy[b]
            along_y += h * wx[a] * sy[b]
        end
        r[p, 2] -= factor * along_x / hx
        r[p, 4] -= factor * along_y / hy
    end
    nothing
end
