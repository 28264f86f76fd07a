# Tracking: one loop over the operations of a study.

"""
    walk!(particles, study)

Track particles, in place.
"""
function walk!(p::Particles, study::Study)
    each_op(study) do n, op, _
        do_op!(p, study, n, op, nothing)
    end
end

"""Call `f(place in a turn, operation, number from 1)` for all operations of all turns."""
function each_op(f, study::Study)
    for turn in 1:study.turns, (n, op) in enumerate(study.ops)
        check_interrupt()
        f(n, op, op_number(study, turn - 1, n))
    end
    nothing
end

"""Do an operation; the field of an effect is kept in `keep`, if that is not nothing."""
function do_op!(p::Particles, study::Study, n, op::Op, keep)
    op.enters == 1 && foreach(passable!, p.r, p.lost)
    if op.piece == 0
        effect = study.effects[op.effect]
        act!(effect, p, study.strengths[op.effect], study.lengths[n], keep)
    else
        pass_all!(study.pieces[op.piece], p, study.reference)
    end
    end_turn!(p, study, n)
end

"""After the last operation of a turn, which no element follows: what is no number is lost."""
function end_turn!(p::Particles, study::Study, n)
    n == length(study.ops) && foreach(lose_strays!, p.r, p.lost)
    nothing
end

"""Pass a piece with all chunks; one that acts on the beam as a whole, in one piece."""
function pass_all!(piece::Piece, p::Particles, reference::Reference)
    if is_single(piece.element)
        for_chunks(length(p.r)) do i
            pass!(piece, p.r[i], p.lost[i], p.beams[i], reference.beta)
        end
    else
        with_whole(p, reference) do r, lost, particles
            pass!(piece, r, lost, particles, reference.beta)
        end
    end
    nothing
end

function pass!(piece::Piece, r, lost, particles, beta)
    stop!(piece.element, r, lost)
    # those that the element loses have passed it, too
    before = copy(lost)
    move!(piece.element, r, particles)
    add_slip!(r, before, piece.slip, beta)
end

"""
    with_whole(f, particles, reference, more...)

Call `f(r, lost, beam, more...)` with all live particles in one, and take over what becomes of them and
of more of as many rows, in chunks too, such as tangents.
"""
function with_whole(f, p::Particles, reference::Reference, more...)
    # one of them would make all of a field no number
    foreach((r, lost) -> lose_strays!(r, lost, 1:6), p.r, p.lost)
    marks = joined(p.lost)
    live = findall(iszero, marks)
    isempty(live) && return nothing
    # JuTrack's own count the lost among those that make a field
    rest = map(chunks -> joined(chunks)[live, :], more)
    r, lost = joined(p.r)[live, :], marks[live]
    f(r, lost, beam(r, lost, reference, length(live) / p.total), rest...)
    first = 1
    for i in eachindex(p.r), row in axes(p.r[i], 1)
        p.lost[i][row] == 0 || continue
        for (chunks, found) in zip((p.r, more...), (r, rest...))
            chunks[i][row, :] .= @view found[first, :]
        end
        p.lost[i][row] = lost[first]
        first += 1
    end
    nothing
end

"""
    track(r, lost, study)

Coordinates (N, 6) and marks of the lost at the end, in pyjutrack's coordinates.
"""
function track(r, lost, study::Study)
    p = Particles(mirrored(r), Vector{Int}(lost), study.reference)
    walk!(p, study)
    mirrored(joined(p.r)), joined(p.lost)
end

"""
    turn_by_turn(r, lost, study)

Coordinates (N, 6, turns) after each turn, in pyjutrack's coordinates; NaN of the lost.
"""
function turn_by_turn(r, lost, study::Study)
    p = Particles(mirrored(r), Vector{Int}(lost), study.reference)
    found = zeros(size(r)..., study.turns)
    each_op(study) do n, op, number
        do_op!(p, study, n, op, nothing)
        n == length(study.ops) || return nothing
        now = mirrored(joined(p.r))
        now[joined(p.lost) .!= 0, :] .= NaN
        found[:, :, number ÷ n] = now
    end
    found
end

"""
    fields_of(r, lost, study)

The fields that the beam makes, for a strength of one, in the order in which effects act.
"""
function fields_of(r, lost, study::Study)
    fields = Matrix{Float64}[]
    require_fields_for_probes(study)
    field_count(study) == 0 && return fields
    p = Particles(mirrored(r), Vector{Int}(lost), study.reference)
    each_op(study) do n, op, _
        keep = op.effect == 0 ? nothing : zeros(field_size(study.effects[op.effect]))
        do_op!(p, study, n, op, keep)
        keep === nothing || push!(fields, keep)
    end
    fields
end

"""
    probes(r, lost, study, starts)

Test particles (M, 6) at the end, in the fields of the beam, and marks of the lost.
"""
function probes(r, lost, study::Study, starts)
    fields = fields_of(r, lost, study)
    p = Particles(mirrored(starts), zeros(Int, size(starts, 1)), study.reference)
    done = 0
    each_op(study) do n, op, _
        op.piece == 0 || return do_op!(p, study, n, op, nothing)
        done += 1
        factor = study.strengths[op.effect] * study.lengths[n]
        foreach(p.r, p.lost) do r, marks
            apply!(study.effects[op.effect], r, marks, fields[done], factor)
        end
        end_turn!(p, study, n)
    end
    mirrored(joined(p.r)), joined(p.lost)
end
