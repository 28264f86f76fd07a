# Derivatives of tracking, by Enzyme. Values of knobs and start coordinates are what is active.

# elements are built on the way, and hold arrays that no derivative reaches
const FORWARD = set_runtime_activity(Forward)
const REVERSE = set_runtime_activity(Reverse)

"""Empty fields for a study, one for each kick; none where no test particle follows."""
function empty_fields(study::Study)
    [zeros(field_size(study.kicks[mod1(n, length(study.kicks))])) for n in 1:field_count(study)]
end

"""Particles at the end, in place, for knobs at `values`; fields are kept in `fields`."""
function end!(r, values, elements, fields, lost, study)
    elements, current = overlaid(elements, study, values)
    walk!(Own(), r, lost, elements, current, study, fields)
end

"""Test particles at the end, in place, in given fields."""
function probe_end!(r, values, elements, fields, lost, study)
    elements, current = overlaid(elements, study, values)
    walk!(Given(), r, lost, elements, current, study, fields)
end

"""
Elements with a place for their derivatives. Constants would do in theory, but Enzyme adds to them.
"""
function shadowed(elements)
    own = deepcopy(elements)
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
        shadowed(study.elements),
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
        shadowed(study.elements),
        Const(Matrix{Float64}[]),
        Const(marks),
        Const(study),
    )
    gradient
end

"""
    fields_of(r, lost, study, values)

The fields that the beam makes, in the order of its kicks.
"""
function fields_of(r, lost, study::Study, values)
    fields = empty_fields(study)
    isempty(fields) || end!(mirrored(r), values, study.elements, fields, Vector{Int}(lost), study)
    fields
end

"""
    probes(starts, r, lost, study, values)

Test particles (M, 6) at the end, in the fields of the beam, and marks of the lost.
"""
function probes(starts, r, lost, study::Study, values)
    final, marks = mirrored(starts), zeros(Int, size(starts, 1))
    probe_end!(final, values, study.elements, fields_of(r, lost, study, values), marks, study)
    mirrored(final), marks
end

"""
    jacobian(start, r, lost, study, values)

(6, 6) of a test particle in the fields of the beam, and whether it was lost.
"""
function jacobian(start, r, lost, study::Study, values)
    fields = fields_of(r, lost, study, values)
    matrix, marks = zeros(6, 6), [0]
    columns!(matrix, start, Vector{Float64}(values), study.elements, fields, marks, study)
    matrix, marks[1] != 0
end

# our z is minus JuTrack's, before and after
const MIRROR = (1, 1, 1, 1, -1, 1)

"""The columns of the Jacobian, in place."""
function columns!(matrix, start, values, elements, fields, marks, study)
    for column in 1:6
        r, dr = mirrored(reshape(start, 1, 6)), zeros(1, 6)
        dr[1, column] = MIRROR[column]
        lost = [0]
        autodiff(
            FORWARD,
            probe_end!,
            Const,
            Duplicated(r, dr),
            Const(values),
            Const(elements),
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
    jacobian_derivatives(start, r, lost, study, values, seeds)

(6, 6), its derivatives along directions of the knobs (6, 6, directions), and whether the test
particle was lost.
"""
function jacobian_derivatives(start, r, lost, study::Study, values, seeds)
    matrix, marks = zeros(6, 6), [0]
    slopes = zeros(6, 6, size(seeds, 2))
    values = Vector{Float64}(values)
    for (n, seed) in enumerate(eachcol(seeds))
        seed = Vector{Float64}(seed)
        fields, dfields = empty_fields(study), empty_fields(study)
        final = mirrored(r)
        marked = Vector{Int}(lost)
        # the answer of the field to the knob, then that of the Jacobian to both
        differentiate!(end!, final, zero(final), values, seed, fields, dfields, marked, study)
        slope = zeros(6, 6)
        autodiff(
            FORWARD,
            columns!,
            Const,
            Duplicated(matrix, slope),
            Const(Vector{Float64}(start)),
            Duplicated(values, seed),
            shadowed(study.elements),
            Duplicated(fields, dfields),
            Const(marks),
            Const(study),
        )
        slopes[:, :, n] = slope
    end
    matrix, slopes, marks[1] != 0
end
