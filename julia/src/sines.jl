# Sines of an axis of cells, folded about its middle once or twice.
#
# With n cells and x at the centre of cell j, mode m is sin(pi m (j - 1/2) / n). Folded once, modes
# with m odd are even about the middle and those with m even odd, each with half of the cells. Where
# n is a multiple of 4, each half is folded again, about its own middle. An odd function is even or
# odd there too, and falls apart. An even one, with p = 2 pi (j - 1/2) / n, is
#
#     sin((2 l +- 1/2) p) = sin(2 l p) cos(p / 2) +- cos(2 l p) sin(p / 2),
#
# where sin(2 l p) is odd and cos(2 l p) even about the middle of the half: a density turned by the
# angle p / 2 is folded too, and a sum and a difference give two modes.
#
# Source: Z. Wang, IEEE Trans. ASSP 32 (1984) 803.

"""
    Axis(cells, modes)

What becomes of cells along an axis, in B blocks: two, or four if they are folded twice.

`turns` (cells, blocks, nodes) is what a block takes at a node of each of the cells that mirror it;
`sines` are matrices (modes, nodes), and `turned` their transposes; `order` (modes, blocks) says
which mode a row belongs to, 0 for none.
"""
struct Axis{B}
    cells::Int
    turns::Array{Float64,3}
    sines::NTuple{B,Matrix{Float64}}
    turned::NTuple{B,Matrix{Float64}}
    order::Matrix{Int}
end

function Axis(cells::Int, modes::Int)
    twice = cells % 4 == 0 && cells >= 4GHOSTS && modes <= cells
    turns, sines, order = (twice ? folded_twice : folded_once)(cells, modes)
    Axis(cells, turns, sines, permutedims.(sines), ifelse.(order .<= modes, order, 0))
end

waves(f, cells, modes, depth) = [f(π * m / cells * (j - 0.5)) for m in modes, j in 1:depth]

function folded_once(cells, modes)
    depth, rows = cld(cells, 2), 1:2:modes
    turns = cat(fill([1.0 1.0; 1.0 -1.0], depth)...; dims=3)
    # the cell in the middle mirrors itself, and is one
    isodd(cells) && (turns[2, :, depth] .= 0)
    turns, ntuple(p -> waves(sin, cells, rows .+ (p - 1), depth), 2), [rows rows .+ 1]
end

function folded_twice(cells, modes)
    depth = cells ÷ 4
    fours = 4 .* (0:min(depth - 1, (modes + 1) ÷ 4))
    turn(c, s) = [c s 1 1; -s c 1 -1; -s c -1 1; c s -1 -1]
    angles = (π / cells * (j - 0.5) for j in 1:depth)
    turns = cat((turn(cos(a), sin(a)) for a in angles)...; dims=3)
    # the first rows of sums and of differences are modes by themselves
    sums = ifelse.(fours .> 0, fours, cells)
    sines = (
        waves(sin, cells, sums, depth),
        waves(cos, cells, fours, depth),
        waves(sin, cells, fours .+ 2, depth),
        waves(sin, cells, fours .+ 4, depth),
    )
    highest = ifelse.(fours .> 0, fours .+ 1, cells - 1)
    turns, sines, [highest max.(fours .- 1, 1) fours .+ 2 fours .+ 4]
end

blocks(::Axis{B}) where {B} = B
depth(a::Axis) = size(a.turns, 3)

"""The blocks of a parity, 1 for even functions and 2 for odd ones."""
of_parity(::Axis{B}, p) where {B} = (p - 1) * (B ÷ 2) .+ (1:(B ÷ 2))

"""Whether two blocks are sums and differences of the modes of a parity."""
is_mixed(::Axis{B}, p) where {B} = p == 1 && B == 4

"""The cells that mirror node j."""
@inline mirrors(a::Axis{2}, j) = (j, a.cells + 1 - j)
@inline mirrors(a::Axis{4}, j) = (j, a.cells ÷ 2 + 1 - j, a.cells ÷ 2 + j, a.cells + 1 - j)

"""The lines beyond the walls that mirror a cell, which count negatively; 0 for none."""
function ghosts(a::Axis, cell)
    low = cell <= GHOSTS ? GHOSTS + 1 - cell : 0
    low, cell > a.cells - GHOSTS ? GHOSTS + 2a.cells + 1 - cell : 0
end

"""
    fold!(parts, x, y, densities, j, lines)

Densities (K, nx, ny) on the padded grid, at node j in y, in blocks: `parts` (nodes, nodes, K, blocks
in x, in y). The two `lines` (K, nx, blocks in y) are room.
"""
function fold!(parts, x::Axis, y::Axis, densities, j, (from, onto))
    for (b, cell) in enumerate(mirrors(y, j))
        line = @view from[:, :, b]
        copyto!(line, @view(densities[:, :, GHOSTS + cell]))
        for ghost in ghosts(y, cell)
            ghost == 0 || (line .-= @view densities[:, :, ghost])
        end
    end
    for q in 1:blocks(y)
        line = @view onto[:, :, q]
        add_up!(line, ntuple(b -> y.turns[b, q, j], Val(blocks(y))), from)
        for n in 1:GHOSTS, cell in (n, x.cells + 1 - n), ghost in ghosts(x, cell)
            ghost == 0 || @views line[:, GHOSTS + cell] .-= line[:, ghost]
        end
        fold_line!(@view(parts[:, j, :, :, q]), x, line)
    end
    nothing
end

function fold_line!(parts, x::Axis{B}, line) where {B}
    @inbounds for i in 1:depth(x)
        cells = map(cell -> GHOSTS + cell, mirrors(x, i))
        turns = ntuple(p -> ntuple(b -> @inbounds(x.turns[b, p, i]), Val(B)), Val(B))
        @simd ivdep for k in axes(line, 1)
            each = map(c -> @inbounds(line[k, c]), cells)
            found = map(t -> sum(t .* each), turns)
            for p in 1:B
                parts[i, k, p] = found[p]
            end
        end
    end
end

"""
    unfold!(found, x, y, parts, j, lines)

The transpose of `fold!`, continued oddly beyond the walls.
"""
function unfold!(found, x::Axis, y::Axis, parts, j, (from, onto))
    for q in 1:blocks(y)
        line = @view from[:, :, q]
        unfold_line!(line, x, @view(parts[:, j, :, :, q]))
        for n in 1:GHOSTS, cell in (n, x.cells + 1 - n), ghost in ghosts(x, cell)
            ghost == 0 || @views line[:, ghost] .= .-line[:, GHOSTS + cell]
        end
    end
    for b in blocks(y):-1:1
        cell = mirrors(y, j)[b]
        line = @view found[:, :, GHOSTS + cell]
        add_up!(line, ntuple(q -> y.turns[b, q, j], Val(blocks(y))), from)
        for ghost in ghosts(y, cell)
            ghost == 0 || (@view(found[:, :, ghost]) .= .-line)
        end
    end
    nothing
end

function unfold_line!(line, x::Axis{B}, parts) where {B}
    @inbounds for i in 1:depth(x)
        cells = map(cell -> GHOSTS + cell, mirrors(x, i))
        turns = ntuple(b -> ntuple(p -> @inbounds(x.turns[b, p, i]), Val(B)), Val(B))
        @simd ivdep for k in axes(line, 1)
            each = ntuple(p -> @inbounds(parts[i, k, p]), Val(B))
            found = map(t -> sum(t .* each), turns)
            # the first last, as one in the middle is its own mirror image
            for b in B:-1:1
                line[k, cells[b]] = found[b]
            end
        end
    end
end

"""The sum of lines (K, nx, B), each times a factor."""
function add_up!(into, factors::NTuple{B,Float64}, lines) where {B}
    apart = length(into)
    @inbounds @simd for n in eachindex(into)
        into[n] = sum(ntuple(b -> factors[b] * @inbounds(lines[n + (b - 1) * apart]), Val(B)))
    end
end

"""Sums and differences in the place of two matrices, but for what stands by itself."""
function mix!(one, other, rows, columns)
    @inbounds for m in columns
        @simd for l in rows
            s, c = one[l, m], other[l, m]
            one[l, m], other[l, m] = s + c, s - c
        end
    end
end
