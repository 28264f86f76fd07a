# Derivatives of tracking, by Enzyme. Values of knobs and start coordinates are what is active.

# elements are built on the way, and hold arrays that no derivative reaches
const FORWARD = set_runtime_activity(Forward)
const REVERSE = set_runtime_activity(Reverse)

"""Empty fields for a study, one for each kick; none where no test particle follows."""
function empty_fields(study::Study)
    [zeros(field_size(study.kicks[mod1(n, length(study.kicks))])) for n in 1:field_count(study)]
end

"""Particles at the end, in place, for knobs at `values`; fields are kept in `fields`."""
function end!(r, values, line, fields, lost, study)
    line, current = overlaid(line, study, values)
    walk!(Own(), r, lost, line, current, study, fields)
end

"""Test particles at the end, in place, in given fields."""
function probe_end!(r, line, fields, lost, study)
    walk!(Given(), r, lost, line, study.current, study, fields)
end

"""
A line with a place for its derivatives. A constant would do in theory, but Enzyme adds to that.
"""
function shadowed(line)
    own = deepcopy(line)
    Duplicated(own, Enzyme.make_zero(own))
end

"""
    pushforward(r, lost, study, values, seeds)

Particles at the end and the derivatives along directions of the knobs.

`seeds` (K, directions) are entries of the knobs. Returns (N, 6), marks of the lost, and
(N, 6, directions).
"""
function pushforward(r, lost, study::Study, values, seeds)
    final, marks = mirrored(r), Vector{Int}(lost)
    tangents = zeros(size(r)..., size(seeds, 2))
    fields = Matrix{Float64}[]
    for (n, seed) in enumerate(eachcol(seeds))
        final, marks = mirrored(r), Vector{Int}(lost)
        tangent = zero(final)
        differentiate!(end!, final, tangent, values, seed, fields, fields, marks, study)
        tangents[:, :, n] = mirrored(tangent)
    end
    mirrored(final), marks, tangents
end

function differentiate!(f!, r, dr, values, dvalues, fields, dfields, lost, study)
    autodiff(
        FORWARD,
        f!,
        Const,
        Duplicated(r, dr),
        Duplicated(Vector{Float64}(values), Vector{Float64}(dvalues)),
        shadowed(study.line),
        Duplicated(fields, dfields),
        Const(lost),
        Const(study),
    )
end

"""
    pullback(r, lost, study, values, weights)

The derivative by each knob of <weights, particles at the end>; weights (N, 6).
"""
function pullback(r, lost, study::Study, values, weights)
    final, marks = mirrored(r), Vector{Int}(lost)
    values = Vector{Float64}(values)
    gradient = zero(values)
    autodiff(
        REVERSE,
        end!,
        Const,
        Duplicated(final, mirrored(weights)),
        Duplicated(values, gradient),
        shadowed(study.line),
        Const(Matrix{Float64}[]),
        Const(marks),
        Const(study),
    )
    gradient
end

"""
    fields_of(r, lost, study)

The fields that the beam makes, in the order of its kicks.
"""
function fields_of(r, lost, study::Study)
    fields = empty_fields(study)
    isempty(fields) && return fields
    walk!(Own(), mirrored(r), Vector{Int}(lost), study.line, study.current, study, fields)
    fields
end

"""
    probes(r, lost, study, starts)

Test particles (M, 6) at the end, in the fields of the beam, and marks of the lost.
"""
function probes(r, lost, study::Study, starts)
    final, marks = mirrored(starts), zeros(Int, size(starts, 1))
    probe_end!(final, study.line, fields_of(r, lost, study), marks, study)
    mirrored(final), marks
end

"""
    jacobian(r, lost, study, start)

(6, 6) of a test particle in the fields of the beam, and whether it was lost.
"""
function jacobian(r, lost, study::Study, start)
    fields = fields_of(r, lost, study)
    matrix, marks = zeros(6, 6), [0]
    line = shadowed(study.line)
    columns!(matrix, Vector{Float64}(start), line.val, line.dval, fields, marks, study)
    matrix, marks[1] != 0
end

# our z is minus JuTrack's, before and after
const MIRROR = (1, 1, 1, 1, -1, 1)

"""The columns of the Jacobian, in place; `none` is a line of zeros."""
function columns!(matrix, start, line, none, fields, marks, study)
    for column in 1:6
        r, dr, lost = zeros(1, 6), zeros(1, 6), [0]
        for i in 1:6
            r[1, i] = MIRROR[i] * start[i]
        end
        dr[1, column] = MIRROR[column]
        autodiff(
            FORWARD,
            probe_end!,
            Const,
            Duplicated(r, dr),
            Duplicated(line, none),
            Const(fields),
            Const(lost),
            Const(study),
        )
        marks[1] |= lost[1]
        for row in 1:6
            matrix[row, column] = MIRROR[row] * dr[1, row]
        end
    end
    nothing
end

"""
    jacobian_derivatives(r, lost, study, start, values, seeds)

(6, 6), its derivatives along directions of the knobs (6, 6, directions), and whether the test
particle was lost.
"""
function jacobian_derivatives(r, lost, study::Study, start, values, seeds)
    matrix, marks = zeros(6, 6), [0]
    slopes = zeros(6, 6, size(seeds, 2))
    start, values = Vector{Float64}(start), Vector{Float64}(values)
    for (n, seed) in enumerate(eachcol(seeds))
        fields, dfields = empty_fields(study), empty_fields(study)
        # the answer of the field to the knobs, then that of the Jacobian to both
        final, marked = mirrored(r), Vector{Int}(lost)
        differentiate!(end!, final, zero(final), values, seed, fields, dfields, marked, study)
        line = shadowed(study.line)
        seed!(line.dval, study.knobs, seed)
        slope = zeros(6, 6)
        autodiff(
            FORWARD,
            columns!,
            Const,
            Duplicated(matrix, slope),
            Const(start),
            line,
            shadowed(Enzyme.make_zero(study.line)),
            Duplicated(fields, dfields),
            Const(marks),
            Const(study),
        )
        slope[:, 6] = momentum_slope(start, line, fields, dfields, marks, study)
        slopes[:, :, n] = slope
    end
    matrix, slopes, marks[1] != 0
end

# Enzyme 0.13 takes sinh for the second derivative of cosh, and cosh for that of sinh, which
# quadrupoles have along the momentum and nowhere else
const MOMENTUM_STEP = 1e-6

"""
The derivative of the sixth column of the Jacobian along a direction of the knobs: differences of
fourth order, in the momentum, of the exact derivatives of end coordinates along that direction.
"""
function momentum_slope(start, line, fields, dfields, marks, study)
    weights = (1 / 12, -2 / 3, 2 / 3, -1 / 12) ./ MOMENTUM_STEP
    r = mirrored(repeat(reshape(start, 1, 6), 4))
    r[:, 6] .+= (-2, -1, 1, 2) .* MOMENTUM_STEP
    dr, lost = zero(r), zeros(Int, 4)
    autodiff(
        FORWARD,
        probe_end!,
        Const,
        Duplicated(r, dr),
        Duplicated(line.val, line.dval),
        Duplicated(fields, dfields),
        Const(lost),
        Const(study),
    )
    marks[1] |= maximum(lost)
    vec(sum(weights .* mirrored(dr); dims=1))
end

"""Set the derivatives of a line along a direction of the knobs."""
function seed!(derivatives, knobs, direction)
    for (knob, change) in zip(knobs, direction)
        knob.place == CURRENT && continue
        e = getfield(derivatives, knob.place.kind)[knob.place.index]
        if knob.order < 0
            setproperty!(e, knob.field, getproperty(e, knob.field) + change)
        else
            getproperty(e, knob.field)[knob.order + 1] += polynomial(knob.order, change)
        end
    end
    nothing
end
