# More of JuTrack, on lattices of its elements.

"""
    resonance_driving_terms(elements, places, energy, mass)

JuTrack's driving terms at elements (from 1): names, and numbers (terms, places).
"""
function resonance_driving_terms(elements, places, energy, mass; options...)
    terms, s = JuTrack.computeRDT(elements, Vector{Int}(places); E0=energy, m0=mass, options...)
    names = collect(String.(fieldnames(eltype(terms))))
    numbers = [complex_term(getfield(term, Symbol(name))) for name in names, term in terms]
    names, numbers, Vector{Float64}(s)
end

# JuTrack has a modulus, a real and an imaginary part; tune shifts are real
complex_term(x::AbstractVector) = complex(x[2], x[3])
complex_term(x::Real) = complex(x)

"""
    dynamic_aperture(elements, turns, count, step, angles, energy, delta)

The last amplitudes (angles, 2) [m] that JuTrack finds stable, of `count` steps.
"""
function dynamic_aperture(elements, turns, count, step, angles, energy, delta)
    # JuTrack divides again and takes the quotient for an integer
    near = count * step
    largest = first(a for a in (near, nextfloat(near), prevfloat(near)) if a / step == count)
    redirect_stdout(devnull) do
        JuTrack.dynamic_aperture(elements, turns, largest, step, angles, energy, delta)[1]
    end
end

"""
    taylor_map(elements, order, energy, mass)

JuTrack's map as a series: exponents (terms, 6) and coefficients (terms, 6), in its own coordinates.
"""
function taylor_map(elements, order::Int, energy, mass)
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
