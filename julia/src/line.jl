# A line that can be tracked through: pieces of JuTrack's elements, effects, and what is done in order.

"""
    Piece(element, slip)

A JuTrack element, or a part of one, and the length [m] over which the slip of the velocity is to be
added, which JuTrack leaves out.
"""
mutable struct Piece{E<:JuTrack.AbstractElement{Float64}}
    element::E
    slip::Float64
end

title_of(p::Piece) = title_of(bare(p.element))

"""
    Op(piece, effect, enters)

One operation: pass a piece, or let an effect act; the other is 0. `enters` is 1 where particles
enter an element of the lattice.
"""
struct Op
    piece::Int
    effect::Int
    # no Bool, because Enzyme stumbles over the padding after it
    enters::Int
end

"""
    Study(pieces, ops, lengths, effects, strengths, reference, turns)

All that tracking needs besides particles.

`lengths` [m] are those over which effects act, one for each operation; `strengths` are those of the
effects, the perveance of the beam for space charge.
"""
mutable struct Study  # mutable, so that Enzyme hands on its derivatives as another study
    pieces::Vector{Piece}
    ops::Vector{Op}
    lengths::Vector{Float64}
    effects::Vector{Effect}
    strengths::Vector{Float64}
    reference::Reference
    turns::Int
end

"""
    study(kinds, fields, slips, ops, lengths, effects, strengths, reference, turns)

A `Study` from JuTrack's types by name with their fields, and rows of (piece, effect, enters).
"""
study(kinds, fields, slips, ops, more...) = study(pieces(kinds, fields, slips), ops, more...)

"""
    study(pieces, ops, lengths, effects, strengths, reference, turns)

The same of pieces that may be of other studies, too.
"""
function study(pieces, ops, lengths, effects, strengths, reference, turns)
    check_switches()
    own = Piece[own_piece(p) for p in pieces]
    require_intensity(own, reference)
    require_electrons(own, reference)
    require_momentum(own, reference)
    rows = Matrix{Int}(ops)
    each = Op[Op(rows[n, 1], rows[n, 2], rows[n, 3]) for n in axes(rows, 1)]
    Study(own, each, lengths, collect(Effect, effects), strengths, reference, turns)
end

"""
    pieces(kinds, fields, slips)

Pieces of JuTrack's types by name with their fields.
"""
pieces(kinds, fields, slips) =
    Piece[Piece(adapted(make(k, f)), s) for (k, f, s) in zip(kinds, fields, slips)]

# what acts on the beam as a whole may work in itself
own_piece(p::Piece) = is_single(p.element) ? p : deepcopy(p)

"""How many fields a study makes, one after another."""
field_count(s::Study) = s.turns * count(op -> op.effect != 0, s.ops)

"""The number of an operation, of a turn from 0 and a place in it."""
op_number(s::Study, turn, n) = turn * length(s.ops) + n

"""
    Entry(what, index, field, place)

A number of a study by which there are derivatives: of a piece ("field", with JuTrack's name and the
place in an array, or 0), its "slip", the "length" of an operation, the "strength" of an effect.
"""
struct Entry
    what::Symbol
    index::Int
    field::Symbol
    place::Int
end

"""Entries from rows of names and numbers."""
entries_of(rows) = Entry[
    Entry(Symbol(what), index, Symbol(field), place) for (what, index, field, place) in rows
]

"""
    Slopes(pieces, lengths, strengths)

The derivatives of all numbers of a study, W of each: none, or a tuple of pieces; (operations, W);
(effects, W).
"""
struct Slopes{W}
    pieces::Vector{Union{Nothing,NTuple{W,Piece}}}
    lengths::Matrix{Float64}
    strengths::Matrix{Float64}
    # by its width alone, which none of these tells
    Slopes{W}(pieces, lengths, strengths) where {W} = new{W}(pieces, lengths, strengths)
end

"""Slopes of zero, with a place for those of the pieces that entries name."""
function no_slopes(study::Study, entries, ::Val{W}) where {W}
    pieces = Vector{Union{Nothing,NTuple{W,Piece}}}(nothing, length(study.pieces))
    for e in entries
        e.what in (:field, :slip) || continue
        pieces[e.index] = ntuple(_ -> Enzyme.make_zero(study.pieces[e.index]), Val(W))
    end
    Slopes{W}(pieces, zeros(length(study.ops), W), zeros(length(study.effects), W))
end

"""Slopes along directions: seeds (entries, W)."""
function slopes(study::Study, entries, seeds, width::Val{W}) where {W}
    found = no_slopes(study, entries, width)
    for (n, e) in enumerate(entries), w in 1:W
        add!(found, e, w, seeds[n, w])
    end
    found
end

function add!(s::Slopes, e::Entry, w, change)
    if e.what === :length
        s.lengths[e.index, w] += change
    elseif e.what === :strength
        s.strengths[e.index, w] += change
    elseif e.what === :slip
        piece_slopes(s, e.index)[w].slip += change
    else
        add_to_field!(piece_slopes(s, e.index)[w].element, e.field, e.place, change)
    end
    nothing
end

"""Those of a piece that has some."""
piece_slopes(s::Slopes{W}, index) where {W} = s.pieces[index]::NTuple{W,Piece}

"""The slope that an entry has, of a single direction."""
function slope(s::Slopes{1}, e::Entry)
    e.what === :length && return s.lengths[e.index, 1]
    e.what === :strength && return s.strengths[e.index, 1]
    piece, = piece_slopes(s, e.index)
    e.what === :slip ? piece.slip : get_field(piece.element, e.field, e.place)
end
