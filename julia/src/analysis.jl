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
