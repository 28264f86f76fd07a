# Forward mode: operations one by one, each differentiated by Enzyme along all directions at once.

# directions that go together; others wait, or are zeros
const WIDTHS = (1, 2, 4, 7, 8)

"""
    pushforward(r, lost, study, entries, seeds, starts)

Particles at the end, and their derivatives along directions.

`seeds` (entries, K) are those of entries of the study, rows as for `Entry`, and `starts` (N, 6, K), or of size 0, those
of the coordinates at the start. Returns (N, 6), marks of the lost, and (N, 6, K).
"""
function pushforward(r, lost, study::Study, entries, seeds, starts)
    count, entries = size(seeds, 2), entries_of(entries)
    found = zeros(size(r)..., count)
    final, marks = r, lost
    for columns in batches(count)
        width = WIDTHS[something(findfirst(>=(length(columns)), WIDTHS))]
        along = zeros(size(seeds, 1), width)
        along[:, 1:length(columns)] .= seeds[:, columns]
        p = Particles(mirrored(r), Vector{Int}(lost), study.reference)
        tangents = start_tangents(p, starts, columns, Val(width))
        push_walk!(p, tangents, study, slopes(study, entries, along, Val(width)), nothing)
        final, marks = mirrored(joined(p.r)), joined(p.lost)
        for (w, column) in enumerate(columns)
            found[:, :, column] = mirrored(joined([t[w] for t in tangents]))
        end
    end
    final, marks, found
end

batches(count) = [first:min(first + last(WIDTHS) - 1, count) for first in 1:last(WIDTHS):max(count, 1)]

"""Tangents of the start, those of each chunk a tuple."""
function start_tangents(p::Particles, starts, columns, ::Val{W}) where {W}
    one_of(w) = if isempty(starts) || w > length(columns)
        map(zero, p.r)
    else
        chunked(mirrored(starts[:, :, columns[w]]), p)
    end
    each = ntuple(one_of, Val(W))
    [ntuple(w -> each[w][i], Val(W)) for i in eachindex(p.r)]
end

"""
    push_walk!(particles, tangents, study, slopes, keep)

`walk!` with derivatives, in place. Fields and theirs go to `keep(fields)`, in one array as of
`push_field`, if that is not nothing, which must copy them.
"""
function push_walk!(p::Particles, tangents, study::Study, dstudy::Slopes, keep)
    require_derivatives(study)
    each_op(study) do n, op, _
        op.enters == 1 && foreach(passable!, p.r, p.lost)
        if op.piece != 0
            push_piece!(study.pieces[op.piece], dstudy.pieces[op.piece], p, tangents, study.reference)
        else
            fields = push_act!(study, dstudy, n, op, p, tangents)
            keep === nothing || keep(fields)
        end
        end_turn!(p, study, n)
    end
end

function push_piece!(piece, dpiece, p::Particles, tangents, reference)
    if is_single(piece.element)
        for_chunks(length(p.r)) do i
            push_pass!(piece, dpiece, p.r[i], tangents[i], p.lost[i], p.beams[i], reference.beta)
        end
        return nothing
    end
    each = ntuple(w -> [t[w] for t in tangents], length(tangents[1]))
    with_whole(p, reference, each...) do r, lost, particles, along...
        push_pass!(piece, dpiece, r, along, lost, particles, reference.beta)
    end
end

function push_pass!(piece, dpiece, r, drs, lost, particles, beta)
    is_single(piece.element) || return push_whole!(piece, dpiece, r, drs, lost, particles, beta)
    stop!(piece.element, r, lost)
    if has_flow(piece.element, r, lost)
        push_flow!(piece, dpiece, r, drs, lost, beta)
    else
        push_by_enzyme!(piece, dpiece, r, drs, lost, particles, beta)
    end
    mark_lost!(piece.element, r, lost)
end

function push_by_enzyme!(piece, dpiece, r, drs, lost, particles, beta)
    own = dpiece === nothing ? Const(piece) : dup(piece, dpiece)
    fixed = map(Const, (lost, particles, beta))
    by_enzyme(Forward, pass_smoothly!, Const, own, dup(r, drs), fixed...)
    nothing
end

"""The same of what works in the beam and in itself, which both have slopes then."""
function push_whole!(piece, dpiece, r, drs, lost, particles, beta)
    own = dpiece === nothing ? map(_ -> Enzyme.make_zero(piece), drs) : map(deepcopy, dpiece)
    beams = map(dr -> shadow_of(particles, dr), drs)
    by_enzyme(
        Forward, pass_smoothly!, Const, dup(piece, own), dup(r, drs), Const(lost), dup(particles, beams), Const(beta)
    )
    nothing
end

"""An effect with its derivatives; returns the field and its derivatives, in one array."""
function push_act!(study, dstudy::Slopes{W}, n, op, p::Particles, tangents) where {W}
    effect, strength, ds = study.effects[op.effect], study.strengths[op.effect], study.lengths[n]
    admit!(effect, p)
    fields = push_field(effect, p, tangents)
    slope(w) = dstudy.strengths[op.effect, w] * ds + strength * dstudy.lengths[n, w]
    dfactors = ntuple(slope, Val(W))
    for_chunks(length(p.r)) do i
        push_apply!(effect, p.r[i], tangents[i], p.lost[i], fields, strength * ds, dfactors)
    end
    fields
end
