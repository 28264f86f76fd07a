# The mesh of the particles.

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
