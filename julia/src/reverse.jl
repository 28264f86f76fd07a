# Reverse mode: operations one by one, last to first. What an operation did is undone, so that nothing
# is kept of the way but the particles that were lost, and what passes an element that has no inverse.

"""
    pullback(r, lost, study, entries, weights)

The derivatives of <weights, particles at the end> by entries of the study, and by the coordinates
at the start (N, 6); weights (N, 6).
"""
pullback(r, lost, study::Study, entries, weights) =
    pull_back(track_and_keep(r, lost, study)[3], entries, weights)

"""
    track_and_keep(r, lost, study)

`track`, and what `pull_back` needs, once.
"""
function track_and_keep(r, lost, study::Study)
    p = Particles(mirrored(r), Vector{Int}(lost), study.reference)
    way = walk_and_keep!(p, study)
    # a way back takes marks away in its own
    mirrored(joined(p.r)), copy(joined(p.lost)), (p, study, way)
end

"""
    pull_back(kept, entries, weights)

What `pullback` returns, of what `track_and_keep` kept.
"""
function pull_back((p, study, way), entries, weights)
    entries = entries_of(entries)
    adjoints = chunked(mirrored(weights), p)
    found = no_slopes(study, entries, Val(1))
    pull_walk!(p, adjoints, study, found, way)
    Float64[slope(found, e) for e in entries], mirrored(joined(adjoints))
end

"""
    Way(whole, lost, inverses)

What is kept of a tracking: particles before operations without an inverse, by number; those before
an operation that lost them, as (chunk, row, coordinates); inverses of pieces, or nothing.
"""
struct Way
    whole::Dict{Int,Vector{Matrix{Float64}}}
    lost::Dict{Int,Vector{Tuple{Int,Int,Vector{Float64}}}}
    inverses::Vector{Union{Nothing,Piece}}
end

"""`walk!`, and what is needed to go back."""
function walk_and_keep!(p::Particles, study::Study)
    require_derivatives(study)
    require_backward(study)
    way = Way(Dict(), Dict(), map(inverse, study.pieces))
    before, marks = copy.(p.r), copy.(p.lost)
    each_op(study) do n, op, number
        foreach(copyto!, before, p.r)
        foreach(copyto!, marks, p.lost)
        do_op!(p, study, n, op, nothing)
        # here, where it is known what they were
        foreach(lose_strays!, p.r, p.lost)
        if op.piece != 0 && way.inverses[op.piece] === nothing
            way.whole[number] = copy.(before)
        end
        p.lost == marks && return nothing
        way.lost[number] = [
            (i, row, before[i][row, :]) for i in eachindex(p.r) for row in axes(p.r[i], 1) if
            p.lost[i][row] != marks[i][row]
        ]
    end
    way
end

"""
    pull_walk!(particles, adjoints, study, slopes, way)

From the end back to the start: adjoints (N, 6, in chunks) become those of the start, and slopes
those of the study; particles come back to where they began.
"""
function pull_walk!(p::Particles, adjoints, study::Study, found::Slopes{1}, way::Way)
    scratch = copied(p, study.reference)
    for turn in study.turns:-1:1, n in length(study.ops):-1:1
        check_interrupt()
        op, number = study.ops[n], op_number(study, turn - 1, n)
        strays = strays_of(p, study, op, get(way.lost, number, ()))
        h = go_back!(p, study, n, op, number, way, scratch)
        foreach(copyto!, scratch.r, p.r)
        foreach(copyto!, scratch.lost, p.lost)
        foreach(((i, row),) -> scratch.lost[i][row] = 1, strays)
        if op.piece == 0
            pull_act!(study, found, n, op, scratch, adjoints, h)
        else
            op.enters == 1 && foreach(passable!, scratch.r, scratch.lost)
            dpiece = found.pieces[op.piece]
            pull_piece!(study.pieces[op.piece], dpiece, scratch, adjoints, study.reference)
        end
    end
    nothing
end

"""
The (chunk, row) of those of the lost of which an operation made no numbers. They have no slopes there,
and are not passed again, so that those of others stay numbers. What acts on the beam as a whole has them
in what it does to others.
"""
function strays_of(p::Particles, study, op, lost)
    found = Tuple{Int,Int}[]
    op.piece != 0 && is_single(study.pieces[op.piece].element) || return found
    for (i, row, _) in lost
        all(isfinite, @view p.r[i][row, :]) || push!(found, (i, row))
    end
    found
end

"""Particles and marks as they were before an operation; returns the field of an effect."""
function go_back!(p::Particles, study, n, op, number, way, scratch)
    h = nothing
    if haskey(way.whole, number)
        foreach(copyto!, p.r, way.whole[number])
    elseif op.piece != 0
        # an inverse may find fault with where particles are, and has no say in that
        foreach(copyto!, scratch.lost, p.lost)
        back = way.inverses[op.piece]
        for_chunks(length(p.r)) do i
            unpass!(back, p.r[i], scratch.lost[i], scratch.beams[i], study.reference.beta)
        end
    else
        effect, factor = study.effects[op.effect], study.strengths[op.effect] * study.lengths[n]
        # what it lost was lost before it made its field
        h = field(effect, p)
        for_chunks(length(p.r)) do i
            apply!(effect, p.r[i], copy(p.lost[i]), h, -factor)
        end
    end
    for (i, row, coordinates) in get(way.lost, number, ())
        p.r[i][row, :] = coordinates
        p.lost[i][row] = 0
    end
    h
end

"""The slip first, as it was added last."""
function unpass!(back::Piece, r, lost, particles, beta)
    has_flow(back.element, r, lost) && return pass_flow!(back, r, lost, beta)
    add_slip!(r, lost, back.slip, beta)
    move!(back.element, r, particles)
end

function pull_piece!(piece, dpiece, p::Particles, adjoints, reference)
    own = dpiece === nothing ? nothing : dpiece[1]
    if !is_single(piece.element)
        with_whole(p, reference, adjoints) do r, lost, particles, adjoint
            pull_whole!(piece, own, r, adjoint, lost, particles, reference.beta)
        end
        return nothing
    end
    # each thread adds to slopes of its own
    parts = [i == 1 || own === nothing ? own : Enzyme.make_zero(piece) for i in eachindex(p.r)]
    for_chunks(length(p.r)) do i
        r, adjoint = p.r[i], adjoints[i]
        pull_pass!(piece, parts[i], r, adjoint, p.lost[i], p.beams[i], reference.beta)
    end
    own === nothing || foreach(part -> accumulate!(own, part), parts[2:end])
    nothing
end

function pull_pass!(piece, dpiece, r, dr, lost, particles, beta)
    stop!(piece.element, r, lost)
    if has_flow(piece.element, r, lost)
        pull_flow!(piece, dpiece, r, dr, lost, beta)
    else
        pull_by_enzyme!(piece, dpiece, r, dr, lost, particles, beta)
    end
    nothing
end

function pull_by_enzyme!(piece, dpiece, r, dr, lost, particles, beta)
    own = dpiece === nothing ? Const(piece) : Duplicated(piece, dpiece)
    by_enzyme(
        Reverse,
        pass_smoothly!,
        Const,
        own,
        Duplicated(r, dr),
        Const(lost),
        Const(particles),
        Const(beta),
    )
    nothing
end

"""The same of what works in the beam and in itself, which both have slopes then."""
function pull_whole!(piece, dpiece, r, dr, lost, particles, beta)
    own = dpiece === nothing ? Enzyme.make_zero(piece) : dpiece
    around = Duplicated(particles, shadow_of(particles, dr))
    by_enzyme(
        Reverse, pass_smoothly!, Const, Duplicated(piece, own), Duplicated(r, dr), Const(lost), around, Const(beta)
    )
    nothing
end

"""Add the numbers of one piece to those of another of its type."""
function accumulate!(into::Piece, other::Piece)
    into.slip += other.slip
    accumulate!(into.element, other.element)
end

function accumulate!(into, other)
    for field in fieldnames(typeof(into))
        own = getfield(into, field)
        if own isa Float64
            setfield!(into, field, own + getfield(other, field))
        elseif own isa Array{Float64}
            own .+= getfield(other, field)
        elseif own isa JuTrack.AbstractElement
            accumulate!(own, getfield(other, field))
        end
    end
    nothing
end

"""The adjoint of an effect; `p` are the particles before it, and h is the field that it made."""
function pull_act!(study, found::Slopes, n, op, p::Particles, adjoints, h)
    effect, strength, ds = study.effects[op.effect], study.strengths[op.effect], study.lengths[n]
    admit!(effect, p)
    dh = [cleared(p.room, (:slopes, i), size(h)...) for i in eachindex(p.r)]
    by_factor = zeros(length(p.r))
    # the field depends on no coordinate that is moved, so its adjoint may come after
    for_chunks(length(p.r)) do i
        by_factor[i] = pull_apply!(effect, p.r[i], adjoints[i], p.lost[i], h, dh[i], strength * ds)
    end
    total = sum(by_factor)
    found.strengths[op.effect, 1] += total * ds
    found.lengths[n, 1] += total * strength
    pull_field!(effect, p, adjoints, sum_up(dh))
end
