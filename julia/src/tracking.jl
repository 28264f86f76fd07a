# Tracking: JuTrack's maps of slices of elements, and kicks between them.

"""
    Slice(element, fraction, kicked, enters)

A fraction of an element to pass; then the fraction of its length over which to kick, or 0.
"""
struct Slice
    element::Int
    fraction::Float64
    kicked::Float64
    # 1 or 0: Enzyme stumbles over the padding behind a Bool
    enters::Int
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
    overlaid(elements, study, values)

Elements and current with the knobs at some values, by JuTrack's overlay of parameters.
"""
function overlaid(elements::Elements, study::Study, values::Vector{Float64})
    # not `copy`, whose derivative Enzyme takes for that of numbers
    elements, current = Elements([e for e in elements]), study.current
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

"""Pass a slice of an element; returns the length to kick over."""
function pass!(e, rest...)
    # by name, because Enzyme mistakes what it reads from elements of a kind that it does not know
    e isa JuTrack.DRIFT{Float64} && return pass_known!(e, rest...)
    e isa JuTrack.QUAD{Float64} && return pass_known!(e, rest...)
    e isa JuTrack.KQUAD{Float64} && return pass_known!(e, rest...)
    e isa JuTrack.thinMULTIPOLE{Float64} && return pass_known!(e, rest...)
    e isa JuTrack.MARKER{Float64} && return 0.0
    throw(ArgumentError("no tracking through $(nameof(typeof(e))) $(e.name) is known"))
end

function pass_known!(e, slice, r, lost, particles, beta)
    move!(part(e, slice.fraction), r, particles)
    add_slip!(r, lost, e.len * slice.fraction, beta)
    e.len * slice.kicked
end

"""The field is that of the particles themselves, kept in `fields` if that is not empty."""
struct Own end

"""The field is given: the particles add nothing to it."""
struct Given end

function meet!(::Own, kick, r, lost, current, ds, fields, n)
    kick!(kick, r, lost, current, ds, isempty(fields) ? nothing : fields[n])
end

meet!(::Given, kick, r, lost, current, ds, fields, n) = apply!(kick, r, lost, fields[n], ds)

"""
    walk!(source, r, lost, elements, current, study, fields)

Track particles r (N, 6) in JuTrack's coordinates, in place, with the field of a `source`.
"""
function walk!(source, r, lost, elements, current, study, fields)
    n = 0
    particles = beam(r, lost, study.reference)
    for _ in 1:study.turns, slice in study.slices
        check_interrupt()
        slice.enters == 1 && passable!(r, lost)
        ds = pass!(elements[slice.element], slice, r, lost, particles, study.reference.beta)
        slice.kicked == 0 && continue
        for kick in study.kicks
            n += 1
            admit!(kick, r, lost)
            meet!(source, kick, r, lost, current, ds, fields, n)
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
    elements, current = overlaid(study.elements, study, values)
    walk!(Own(), r, lost, elements, current, study, Matrix{Float64}[])
    mirrored(r), lost
end
