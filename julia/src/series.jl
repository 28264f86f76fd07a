# Lattices of JuTrack's elements with numbers that carry series in knobs, and maps as power series.

"""
    series_line(kinds, fields, entries, seeds, S, seeded, all)

JuTrack's elements, whose numbers are of type S, those of all or of where knobs are; seeds (entries, K) are the slopes of fields, rows of
entries as for `Entry`, and `seeded` makes an S of those of one.
"""
function series_line(kinds, fields, entries, seeds, ::Type{S}, seeded, all) where {S}
    foretell(() -> title_of(S), (series_line, S))
    entries = entries_of(entries)
    # where no knob is, JuTrack's series of some types want plain numbers
    moved = Set(e.index for e in entries)
    line = JuTrack.AbstractElement[make(k, f) for (k, f) in zip(kinds, fields)]
    for n in eachindex(line)
        (all || n in moved) && (line[n] = JuTrack.to_TPSAD(line[n], S))
    end
    for (n, e) in enumerate(entries)
        add_to_field!(line[e.index], e.field, e.place, seeded(seeds[n, :]))
    end
    line
end

"""
    taylor_map(kinds, fields, entries, seeds, order, kinetic_energy, mass)

The map of a line as a series in the six coordinates of JuTrack and in changes of K knobs, or of none:
exponents (terms, 6 + K) and coefficients (terms, 6).
"""
function taylor_map(kinds, fields, entries, seeds, order::Int, kinetic_energy, mass)
    knobs = size(seeds, 2)
    S = JuTrack.hotpsa_type(6 + knobs, order)
    variable(i) = S(0.0, i)
    seeded(slopes) = sum(slope * variable(6 + k) for (k, slope) in enumerate(slopes))
    line = series_line(kinds, fields, entries, seeds, S, seeded, false)
    series = S[variable(i) for i in 1:6]
    for e in line
        try
            move_by_series!(e, series, kinetic_energy, mass)
        catch error
            error isa MethodError || rethrow()
            by = isempty(entries) ? "of its" : "by the fields of its"
            throw(ArgumentError("JuTrack has no series $by $(nameof(typeof(e)))"))
        end
    end
    table = JuTrack.monomial_table(Val(6 + knobs), Val(order))
    exponents = Int[JuTrack.monomial_exponents(table, n)[i] for n in 1:length(table), i in 1:(6 + knobs)]
    exponents, Float64[s.coeffs[n] for n in 1:length(table), s in series]
end

move_by_series!(e::JuTrack.MARKER, series, energy, mass) = nothing

function move_by_series!(e, series, energy, mass)
    hasmethod(JuTrack.pass_Taylor!, Tuple{typeof(e),typeof(series)}) ||
        throw(ArgumentError("JuTrack has no series of $(nameof(typeof(e)))"))
    JuTrack.pass_Taylor!(e, series; E0=energy, m0=mass)
end

function move_by_series!(e::JuTrack.LBEND, series, energy, mass)
    if !iszero(e.K)
        require_upright(e)
        mend_series!(e, series, e.K > 0)
    end
    JuTrack.pass_Taylor!(e, series; E0=energy, m0=mass)
end

# its path has the wrong sign where it focuses y
function move_by_series!(e::JuTrack.QUAD, series, energy, mass)
    # without strength it is an exact drift in JuTrack; one that varies stays
    e isa JuTrack.QUAD{Float64} && iszero(e.k1) && (e = adapted(e))
    e.k1 < 0 || return JuTrack.pass_Taylor!(e, series; E0=energy, m0=mass)
    permute!(series, [3, 4, 1, 2, 5, 6])
    JuTrack.pass_Taylor!(in_other_plane(e), series; E0=energy, m0=mass)
    permute!(series, [3, 4, 1, 2, 5, 6])
    nothing
end

"""
    driving_terms_with_knobs(kinds, fields, entries, seeds, places, kinetic_energy, mass)

JuTrack's driving terms: names, numbers (terms, places), slopes by knobs (terms, places, K), and s.
"""
function driving_terms_with_knobs(kinds, fields, entries, seeds, places, kinetic_energy, mass; options...)
    knobs, former = size(seeds, 2), JuTrack.NVAR()
    S = JuTrack.DTPSAD{knobs,Float64}
    seeded(slopes) = S(0.0, slopes)
    # JuTrack has one number of variables for the process
    JuTrack.set_tps_dim(knobs)
    terms, s = try
        line = series_line(kinds, fields, entries, seeds, S, seeded, true)
        line, at = between_markers(collect(JuTrack.AbstractElement{S}, line), places)
        JuTrack.computeRDT(line, at; E0=kinetic_energy, m0=mass, options...)
    finally
        JuTrack.set_tps_dim(former)
    end
    names = collect(String.(fieldnames(eltype(terms))))
    found = [getfield(term, Symbol(name)) for name in names, term in terms]
    slopes = [complex_term(slope_of(x, k)) for x in found, k in 1:knobs]
    names, [complex_term(value_of(x)) for x in found], slopes, Vector{Float64}(map(value_of, s))
end

value_of(x::JuTrack.DTPSAD) = x.val
value_of(x::Real) = x
value_of(x::AbstractVector) = map(value_of, x)
slope_of(x::JuTrack.DTPSAD, k) = x.deriv[k]
slope_of(x::AbstractVector, k) = map(y -> slope_of(y, k), x)
