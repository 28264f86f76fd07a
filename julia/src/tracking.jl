# Tracking: JuTrack's maps of slices of elements, and kicks between them.

"""
    Slice(element, fraction, kicked, enters)

A fraction of an element to pass; then the fraction of its length over which to kick, or 0.
"""
struct Slice
    element::Int
    fraction::Float64
    kicked::Float64
    enters::Bool
end

"""
    slices(counts)

The slices of elements that are cut into so many each, with a kick in the middle of every one.

Between two kicks of one element, the halves of two slices are one map.
"""
function slices(counts)
    found = Slice[]
    for (element, count) in enumerate(counts)
        if count == 0
            push!(found, Slice(element, 1, 0, true))
            continue
        end
        for n in 1:count
            push!(found, Slice(element, (n == 1 ? 0.5 : 1.0) / count, 1 / count, n == 1))
        end
        push!(found, Slice(element, 0.5 / count, 0, false))
    end
    found
end

"""
    Knob(element, field, order)

A field of an element. `order` is the place in a polynomial, from 0, or -1 for a number. The current
has element 0.
"""
struct Knob
    element::Int
    field::Symbol
    order::Int
end

Knob(element, field::AbstractString, order) = Knob(element, Symbol(field), order)

no_knobs() = Knob[]

"""
    Study(elements, slices, kicks, reference, turns, current, knobs)

All that tracking needs besides particles; `kicks` is a tuple.
"""
struct Study{K<:Tuple}
    elements::Elements
    slices::Vector{Slice}
    kicks::K
    reference::Reference
    turns::Int
    current::Float64
    knobs::Vector{Knob}
end

"""How many fields a study makes, one after another."""
field_count(s::Study) = s.turns * count(x -> x.kicked != 0, s.slices) * length(s.kicks)

"""
    overlaid(study, values)

Elements and current with the knobs at some values, by JuTrack's overlay of parameters.
"""
function overlaid(study::Study, values::Vector{Float64})
    elements, current = copy(study.elements), study.current
    # a knob may stand for several elements of one name, each with an entry of its own
    for (knob, value) in zip(study.knobs, values)
        if knob.element == 0
            current = value
        else
            elements[knob.element] = with_knob(elements[knob.element], knob, value)
        end
    end
    elements, current
end

function with_knob(e, knob::Knob, value)
    if knob.order < 0
        return JuTrack.with_parameter(e, JuTrack.lattice_parameter(1, knob.field), value)
    end
    parameter = JuTrack.lattice_parameter(1, knob.field, knob.order + 1)
    JuTrack.with_parameter(e, parameter, polynomial(knob.order, value))
end

"""A fraction of an element: a JuTrack element of a part of its length."""
function part(e::JuTrack.AbstractElement, fraction)
    fraction == 1 && return e
    JuTrack.with_parameter(e, JuTrack.lattice_parameter(1, :len), e.len * fraction)
end

"""
    track!(r, lost, elements, current, study, fields)

Track particles r (N, 6) in JuTrack's coordinates, in place. The fields that they make are kept in
`fields`, if that is not empty.
"""
function track!(r, lost, elements, current, study::Study, fields)
    keep(n) = isempty(fields) ? nothing : fields[n]
    walk!(r, lost, elements, study) do kick, n, ds
        kick!(kick, r, lost, current, ds, keep(n))
    end
end

"""
    probe!(r, lost, elements, study, fields)

Track particles in the given fields, to which they add nothing.
"""
function probe!(r, lost, elements, study::Study, fields)
    walk!(r, lost, elements, study) do kick, n, ds
        apply!(kick, r, lost, fields[n], ds)
    end
end

function walk!(kicked!, r, lost, elements, study)
    n = 0
    particles = beam(r, lost, study.reference)
    for _ in 1:study.turns, slice in study.slices
        check_interrupt()
        e = elements[slice.element]
        slice.enters && passable!(r, lost)
        JuTrack.pass!(part(e, slice.fraction), r, size(r, 1), particles)
        add_slip!(r, lost, e.len * slice.fraction, study.reference.beta)
        slice.kicked == 0 && continue
        for kick in study.kicks
            n += 1
            admit!(kick, r, lost)
            kicked!(kick, n, e.len * slice.kicked)
        end
    end
    nothing
end

"""
    track(r, lost, study, values)

Coordinates (N, 6) and marks of the lost at the end, in pyjutrack's coordinates.
"""
function track(r, lost, study::Study, values=Float64[])
    r, lost = mirrored(r), Vector{Int}(lost)
    elements, current = overlaid(study, values)
    track!(r, lost, elements, current, study, Matrix{Float64}[])
    mirrored(r), lost
end
