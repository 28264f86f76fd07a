# The Jacobian of a test particle, and its derivatives: Enzyme through Enzyme.

# our z is minus JuTrack's, before and after
const MIRROR = (1, 1, 1, 1, -1, 1)

"""
    jacobian(r, lost, study, start)

(6, 6) of a test particle in the fields of the beam, and whether it was lost.
"""
function jacobian(r, lost, study::Study, start)
    fields = fields_of(r, lost, study)
    probe = mirrored(reshape(Vector{Float64}(start), 1, 6))
    columns, marks = start_columns(), [0]
    particles = beam(probe, marks, study.reference)
    walk_columns!(study, fields) do study, op, n, h
        op.enters == 1 && passable!(probe, marks)
        if op.piece != 0
            push_pass!(study.pieces[op.piece], nothing, probe, columns, marks, particles, study.reference.beta)
        else
            factor = study.strengths[op.effect] * study.lengths[n]
            none = ntuple(_ -> 0.0, 6)
            admit_probe!(study.effects[op.effect], probe, marks, h)
            push_apply!(study.effects[op.effect], probe, columns, marks, alone(h), factor, none)
        end
    end
    lose_strays!(probe, marks)
    matrix_of(columns), marks[1] != 0
end

"""A test particle that an effect's field does not reach is lost."""
admit_probe!(effect, probe, marks, h) = apply!(effect, copy(probe), marks, h, 0.0)

"""A field and its derivative along the only direction."""
both_of(fields) =
    fields[1, :, :], size(fields, 1) == 1 ? zeros(size(fields)[2:3]) : fields[2, :, :]

"""Call `f(study, operation, its place, field)` for all operations, with the field of each effect."""
function walk_columns!(f, study, fields)
    done = 0
    each_op(study) do n, op, _
        op.effect == 0 || (done += 1)
        f(study, op, n, op.effect == 0 ? nothing : fields[done])
    end
end

"""The six directions of a Jacobian, in our coordinates."""
start_columns() = ntuple(c -> Float64[i == c ? MIRROR[c] : 0 for _ in 1:1, i in 1:6], 6)

matrix_of(columns) = Float64[MIRROR[i] * columns[c][1, i] for i in 1:6, c in 1:6]

"""
    jacobian_derivatives(r, lost, study, entries, start, seeds, starts)

(6, 6), its derivatives along directions (6, 6, K), and whether the test particle was lost; seeds
and starts as for `pushforward`.
"""
function jacobian_derivatives(r, lost, study::Study, entries, start, seeds, starts)
    require_single(study)
    count, entries = size(seeds, 2), entries_of(entries)
    matrix, gone = count == 0 ? jacobian(r, lost, study, start) : (zeros(6, 6), false)
    slopes_found = zeros(6, 6, count)
    for k in 1:count
        dstudy = slopes(study, entries, seeds[:, k:k], Val(1))
        p = Particles(mirrored(r), Vector{Int}(lost), study.reference)
        fields = Tuple{Matrix{Float64},Matrix{Float64}}[]
        if field_count(study) != 0
            tangents = start_tangents(p, starts, k:k, Val(1))
            push_walk!(p, tangents, study, dstudy, found -> push!(fields, both_of(found)))
        end
        matrix, slopes_found[:, :, k], gone = one_derivative(study, dstudy, fields, start)
    end
    matrix, slopes_found, gone
end

"""The Jacobian, its derivative along one direction, and whether the test particle was lost."""
function one_derivative(study, dstudy, fields, start)
    probe = mirrored(reshape(Vector{Float64}(start), 1, 6))
    columns, marks = start_columns(), [0]
    dprobe, dcolumns = zero(probe), map(zero, columns)
    particles = beam(probe, marks, study.reference)
    walk_columns!(study, fields) do study, op, n, h
        op.enters == 1 && passable!(probe, marks)
        if op.piece != 0
            piece, dpiece = study.pieces[op.piece], dstudy.pieces[op.piece]
            stop!(piece.element, probe, marks)
            still, dstill = (Enzyme.make_zero(piece) for _ in 1:2)
            own = dpiece === nothing ? Enzyme.make_zero(piece) : dpiece[1]
            by_enzyme(
                Forward,
                pass_columns!,
                Const,
                Duplicated(piece, own),
                Duplicated(still, dstill),
                Duplicated(probe, dprobe),
                Duplicated(columns, dcolumns),
                Const(marks),
                Const(particles),
                Const(study.reference.beta),
            )
            mark_lost!(piece.element, probe, marks)
        else
            effect, strength, ds = study.effects[op.effect], study.strengths[op.effect], study.lengths[n]
            slope = dstudy.strengths[op.effect, 1] * ds + strength * dstudy.lengths[n, 1]
            still, dstill = zero(h[1]), zero(h[1])
            by_enzyme(
                Forward,
                apply_columns!,
                Const,
                Const(effect),
                Duplicated(probe, dprobe),
                Duplicated(columns, dcolumns),
                Const(marks),
                Duplicated(h[1], h[2]),
                Duplicated(still, dstill),
                Duplicated(strength * ds, slope),
            )
        end
    end
    lose_strays!(probe, marks)
    matrix_of(columns), matrix_of(dcolumns), marks[1] != 0
end

"""A piece with a test particle and its six columns; `still` is a piece of zeros."""
function pass_columns!(piece, still, probe, columns, marks, particles, beta)
    each_column!(probe, columns, marks) do r, dr
        autodiff(
            Forward,
            pass_smoothly!,
            Const,
            Duplicated(piece, still),
            Duplicated(r, dr),
            Const(marks),
            Const(particles),
            Const(beta),
        )
    end
end

"""The same of a kick by a field h; `still` is one of zeros."""
function apply_columns!(effect, probe, columns, marks, h, still, factor)
    each_column!(probe, columns, marks) do r, dr
        autodiff(
            Forward,
            apply!,
            Const,
            Const(effect),
            Duplicated(r, dr),
            Const(marks),
            Duplicated(h, still),
            Duplicated(factor, 0.0),
        )
    end
end

"""Call `f(probe, column)` for each, from the same start; one by one compiles in a quarter of the time."""
@inline function each_column!(f::F, probe, columns, marks) where {F}
    start, mark = copy(probe), marks[1]
    for c in 1:6
        copyto!(probe, start)
        marks[1] = mark
        f(probe, columns[c])
    end
    nothing
end
