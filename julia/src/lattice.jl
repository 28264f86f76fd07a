# A study from JuTrack's elements by name, for those who work in Julia alone.

"""
    Reference(kinetic_energy, mass; charge=1.0)

The reference particle of a kinetic energy [eV], a mass [eV] and a charge [elementary charges].
"""
function Reference(kinetic_energy, mass; charge=1.0)
    gamma = 1 + kinetic_energy / mass
    Reference(kinetic_energy, mass, charge, sqrt(1 - 1 / gamma^2))
end

# what may be cut into slices, each of which has the element's fields but for the length
const CUT = ("DRIFT", "QUAD", "KQUAD", "KSEXT", "KOCT")
const CUT_FIELDS = (:name, :len, :k0, :k1, :k2, :k3, :MaxOrder, :NumIntSteps)

"""
    study(elements, reference; effect=nothing, strength=0.0, step=0.05, turns=1)

A `Study` of elements, each `kind => fields` by JuTrack's names: `"QUAD" => (len=0.1, k1=29.6)`.

With an effect, such as `SpaceCharge`, an element is cut into equal slices of at most `step` [m], in
the middle of which the effect acts with `strength`; pieces are numbered along the line, and those of
one slice are one after another.

Throws an `ArgumentError` for an element that JuTrack has not, or, with an effect, one of a length
that cannot be cut: only those of $(join(CUT, ", ")) without edges and misalignments can.
"""
function study(elements, reference::Reference; effect=nothing, strength=0.0, step=0.05, turns=1)
    step > 0 || throw(ArgumentError("a step must be positive, got $step m"))
    kinds, fields, slips = String[], Any[], Float64[]
    ops, lengths = Vector{Int}[], Float64[]
    add_op!(row, ds) = (push!(ops, row); push!(lengths, ds))
    function add_piece!(kind, own, len, enters)
        push!(kinds, kind)
        push!(fields, own)
        push!(slips, len)
        add_op!([length(kinds), 0, Int(enters)], 0.0)
    end
    for (kind, own) in elements
        len = Float64(get(own, :len, 0.0))
        if effect === nothing || len == 0
            add_piece!(kind, own, len, true)
            continue
        end
        require_cuttable(kind, own)
        slices = max(1, ceil(Int, len / step - 1e-9))
        half = merge(own, (; len=len / 2slices))
        for n in 1:slices
            add_piece!(kind, half, half.len, n == 1)
            add_op!([0, 1, 0], len / slices)
            add_piece!(kind, half, half.len, false)
        end
    end
    effects, strengths = effect === nothing ? ((), Float64[]) : ((effect,), [Float64(strength)])
    rows = isempty(ops) ? zeros(Int, 0, 3) : permutedims(reduce(hcat, ops))
    study(kinds, fields, slips, rows, lengths, effects, strengths, reference, turns)
end

function require_cuttable(kind, fields)
    kind in CUT || throw(ArgumentError("$kind cannot be cut into slices, where the effect acts"))
    for name in keys(fields)
        name in CUT_FIELDS ||
            throw(ArgumentError("a $kind with $name cannot be cut into slices, where the effect acts"))
    end
end
