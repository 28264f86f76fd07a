# How Enzyme differentiates a potential: by the rules of the potential, not through its code.
# Networks have theirs layer by layer (Eq. 3 of the paper).

"""
    solve(kick, shares)

H on the padded grid, from the share of the beam in each cell.
"""
function solve(kick, shares::Matrix{Float64})
    # hidden from Enzyme, which would look for derivatives of what lies within
    value(Base.inferencebarrier(kick.potential), shares)::Matrix{Float64}
end

"""The derivative of `solve` along a tangent; none where the field is to stand still."""
function pushed(kick, shares, dshares)
    kick.response || return zero(shares)
    tangent(Base.inferencebarrier(kick.potential), shares, dshares)::Matrix{Float64}
end

"""The derivative of <dh, solve> by the shares."""
function pulled(kick, shares, dh)
    kick.response || return zero(shares)
    cotangent(Base.inferencebarrier(kick.potential), shares, dh)::Matrix{Float64}
end

function EnzymeRules.forward(
    config::EnzymeRules.FwdConfig,
    ::Const{typeof(solve)},
    ::Type{RT},
    kick::EnzymeRules.Annotation{SpaceCharge},
    shares::EnzymeRules.Annotation{Matrix{Float64}},
) where {RT}
    width = EnzymeRules.width(config)
    h = EnzymeRules.needs_primal(config) ? solve(kick.val, shares.val) : nothing
    EnzymeRules.needs_shadow(config) || return h
    along(dshares) = pushed(kick.val, shares.val, dshares)
    if width == 1
        dh = shares isa Const ? zero(shares.val) : along(shares.dval)
        return h === nothing ? dh : Duplicated(h, dh)
    end
    dhs = ntuple(i -> shares isa Const ? zero(shares.val) : along(shares.dval[i]), Val(width))
    h === nothing ? dhs : Enzyme.BatchDuplicated(h, dhs)
end

function EnzymeRules.augmented_primal(
    config::EnzymeRules.RevConfigWidth{1},
    ::Const{typeof(solve)},
    ::Type{RT},
    kick::EnzymeRules.Annotation{SpaceCharge},
    shares::EnzymeRules.Annotation{Matrix{Float64}},
) where {RT}
    h = solve(kick.val, shares.val)
    dh = EnzymeRules.needs_shadow(config) ? zero(h) : nothing
    primal = EnzymeRules.needs_primal(config) ? h : nothing
    # with the kick: of several, `reverse` would be given the last one for all
    EnzymeRules.AugmentedReturn(primal, dh, (dh, copy(shares.val), kick.val))
end

function EnzymeRules.reverse(
    ::EnzymeRules.RevConfigWidth{1},
    ::Const{typeof(solve)},
    ::Type{RT},
    tape,
    kick::EnzymeRules.Annotation{SpaceCharge},
    shares::EnzymeRules.Annotation{Matrix{Float64}},
) where {RT}
    dh, kept, used = tape
    if !(shares isa Const) && dh !== nothing
        shares.dval .+= pulled(used, kept, dh)
    end
    dh === nothing || fill!(dh, 0)
    (nothing, nothing)
end
