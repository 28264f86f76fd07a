# More of JuTrack, on lattices of its elements.

"""
    driving_terms(kinds, fields, entries, seeds, places, kinetic_energy, mass)

JuTrack's driving terms at elements (from 1): names, numbers (terms, places), no slopes, and s.
"""
function driving_terms(kinds, fields, entries, seeds, places, kinetic_energy, mass; options...)
    line = JuTrack.AbstractElement{Float64}[make(k, f) for (k, f) in zip(kinds, fields)]
    line, at = between_markers(line, places)
    terms, s = JuTrack.computeRDT(line, at; E0=kinetic_energy, m0=mass, options...)
    names = collect(String.(fieldnames(eltype(terms))))
    numbers = [complex_term(getfield(term, Symbol(name))) for name in names, term in terms]
    names, numbers, zeros(ComplexF64, size(numbers)..., size(seeds, 2)), Vector{Float64}(s)
end

"""
A line between markers, and places in it: JuTrack looks before a magnet, and takes the phases before
the last element for those of the ring.
"""
function between_markers(line::Vector{JuTrack.AbstractElement{S}}, places) where {S}
    around = JuTrack.MARKER("", zero(S), "MARKER")
    JuTrack.AbstractElement{S}[around, line..., around], Vector{Int}(places) .+ 1
end

# JuTrack has a modulus, a real and an imaginary part; tune shifts are real
complex_term(x::AbstractVector) = complex(x[2], x[3])
complex_term(x::Real) = complex(x)

"""
    taylor_map(elements, order, energy, mass)

JuTrack's map as a series: exponents (terms, 6) and coefficients (terms, 6), in its own coordinates.
"""
function taylor_map(elements, order::Int, energy, mass)
    try
        map_by_truncation(elements, order, energy, mass)
    catch error
        # through some elements JuTrack's series of this type do not go, and those of the other do
        error isa Union{MethodError,UndefVarError} || rethrow()
        map_by_series(elements, 6, order, energy, mass)
    end
end

function map_by_truncation(elements, order, energy, mass)
    series = [JuTrack.CTPS(0.0, i, 6, order) for i in 1:6]
    for e in elements
        move_series!(adapted(e), series; E0=energy, m0=mass)
    end
    exponents = series[1].polymap[].map
    coefficients = zeros(size(exponents, 1), 6)
    for (i, s) in enumerate(series)
        coefficients[eachindex(s.map), i] = s.map
    end
    exponents[:, 2:end], coefficients
end
