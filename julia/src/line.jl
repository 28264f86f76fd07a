# A lattice as Enzyme likes it: elements of each kind apart, so that what is read from one is known.

"""
    Line(elements)

The JuTrack elements of a lattice that can be tracked through, each kind in a vector of its own.
"""
struct Line
    drifts::Vector{JuTrack.DRIFT{Float64}}
    quadrupoles::Vector{JuTrack.QUAD{Float64}}
    integrated::Vector{JuTrack.KQUAD{Float64}}
    multipoles::Vector{JuTrack.thinMULTIPOLE{Float64}}
end

"""Kinds without length: markers and thin multipoles."""
const THIN = (0, 4)

"""Where an element stands in a `Line`: the number of its kind, 0 for a marker, and its place."""
struct Place
    kind::Int
    index::Int
end

"""A `Line`, and the `Place` of every element."""
function lined(elements)
    line, places = Line([], [], [], []), Place[]
    for e in elements
        kind = kind_of(e)
        if kind == 0
            push!(places, Place(0, 0))
            continue
        end
        same = getfield(line, kind)
        push!(same, e)
        push!(places, Place(kind, length(same)))
    end
    line, places
end

kind_of(::JuTrack.MARKER) = 0
kind_of(::JuTrack.DRIFT{Float64}) = 1
kind_of(::JuTrack.QUAD{Float64}) = 2
kind_of(::JuTrack.KQUAD{Float64}) = 3
kind_of(::JuTrack.thinMULTIPOLE{Float64}) = 4
kind_of(e) = throw(ArgumentError("no tracking through $(nameof(typeof(e))) $(e.name) is known"))

"""
    slices(places, counts)

The slices of elements that are cut into so many each, with a kick in the middle of every one.
What is thin is passed whole, whatever its count: there is no length to kick over.

Between two kicks of one element, the halves of two slices are one map.
"""
function slices(places, counts)
    found = Slice[]
    for (place, count) in zip(places, counts)
        if count == 0 || place.kind in THIN
            push!(found, Slice(place, 1, 0, 1))
            continue
        end
        for n in 1:count
            push!(found, Slice(place, (n == 1 ? 0.5 : 1.0) / count, 1 / count, n == 1))
        end
        push!(found, Slice(place, 0.5 / count, 0, 0))
    end
    found
end

"""
    Slice(place, fraction, kicked, enters)

A fraction of an element to pass; then the fraction of its length over which to kick, or 0.
"""
struct Slice
    place::Place
    fraction::Float64
    kicked::Float64
    # 1 where the element begins; no Bool, because Enzyme stumbles over the padding after it
    enters::Int
end

"""
    Knob(place, field, order)

A field of an element. `order` is the place in a polynomial, from 0, or -1 for a number. The current
has kind -1.
"""
struct Knob
    place::Place
    field::Symbol
    order::Int
end

const CURRENT = Place(-1, 0)

"""
    Study(elements, counts, kicks, reference, turns, current, knobs)

All that tracking needs besides particles.

`counts` are the slices of each element, `kicks` is a tuple, and knobs are (element from 1 or 0 for
the current, field, order).
"""
struct Study{K<:Tuple}
    line::Line
    slices::Vector{Slice}
    kicks::K
    reference::Reference
    turns::Int
    current::Float64
    knobs::Vector{Knob}
end

function Study(elements, counts, kicks, reference, turns::Integer, current, knobs)
    line, places = lined(elements)
    found = Knob[
        Knob(element == 0 ? CURRENT : places[element], Symbol(field), order) for
        (element, field, order) in knobs
    ]
    Study(line, slices(places, counts), kicks, reference, Int(turns), Float64(current), found)
end

"""How many fields a study makes, one after another."""
field_count(s::Study) = s.turns * count(x -> x.kicked != 0, s.slices) * length(s.kicks)

"""
    overlaid(line, study, values)

Line and current with the knobs at some values, by JuTrack's overlay of parameters.
"""
function overlaid(line::Line, study::Study, values::Vector{Float64})
    current = study.current
    for (knob, value) in zip(study.knobs, values)
        knob.place == CURRENT && (current = value)
    end
    changed(kind) = replaced(getfield(line, kind), kind, study.knobs, values)
    Line(changed(1), changed(2), changed(3), changed(4)), current
end

function replaced(elements::Vector{E}, kind, knobs, values) where {E}
    # not `copy`, whose derivative Enzyme takes for that of numbers
    elements = E[e for e in elements]
    for (knob, value) in zip(knobs, values)
        knob.place.kind == kind || continue
        index = knob.place.index
        elements[index] = with_knob(elements[index], knob, value)::E
    end
    elements
end

function with_knob(e, knob::Knob, value)
    if knob.order < 0
        return JuTrack.with_parameter(e, JuTrack.lattice_parameter(1, knob.field), value)
    end
    parameter = JuTrack.lattice_parameter(1, knob.field, knob.order + 1)
    JuTrack.with_parameter(e, parameter, polynomial(knob.order, value))
end

"""A fraction of an element: a JuTrack element of a part of its length."""
function part(e, fraction)
    fraction == 1 && return e
    JuTrack.with_parameter(e, JuTrack.lattice_parameter(1, :len), e.len * fraction)
end
