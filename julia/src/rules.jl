# How Enzyme differentiates a tracking that is part of a program of somebody else's: by our forward
# and reverse modes, so that reverse mode keeps nothing of the way.

"""
    track!(r, lost, study)

Track particles r (N, 6) in JuTrack's coordinates, and their marks, in place.

Enzyme differentiates it by rules: forward along any number of directions, by r and by all numbers
of the study; backwards in flat memory.
"""
function track!(r::Matrix{Float64}, lost::Vector{Int}, study::Study)
    p = Particles(r, lost, study.reference)
    walk!(p, study)
    take_over!(r, lost, p)
end

function take_over!(r, lost, p::Particles)
    copyto!(r, joined(p.r))
    copyto!(lost, joined(p.lost))
    nothing
end

slopes_of(study::Const{Study}, ::Val{W}) where {W} = no_slopes(study.val, (), Val(W))

function slopes_of(study::EnzymeRules.Annotation{Study}, ::Val{W}) where {W}
    shadows = W == 1 && study isa Duplicated ? (study.dval,) : study.dval
    pieces = [ntuple(w -> shadows[w].pieces[i], Val(W)) for i in eachindex(study.val.pieces)]
    columns(field) = Float64[
        getfield(shadows[w], field)[n] for n in eachindex(getfield(study.val, field)), w in 1:W
    ]
    Slopes{W}(pieces, columns(:lengths), columns(:strengths))
end

function EnzymeRules.forward(
    config::EnzymeRules.FwdConfig,
    ::Const{typeof(track!)},
    ::Type,
    r::EnzymeRules.Annotation{Matrix{Float64}},
    lost::EnzymeRules.Annotation{Vector{Int}},
    study::EnzymeRules.Annotation{Study},
)
    width = Val(EnzymeRules.width(config))
    p = Particles(r.val, lost.val, study.val.reference)
    tangents = tangents_of_start(r, p, width)
    push_walk!(p, tangents, study.val, slopes_of(study, width), nothing)
    take_over!(r.val, lost.val, p)
    r isa Const && return nothing
    for (w, dr) in enumerate(shadows_of(r))
        copyto!(dr, joined([t[w] for t in tangents]))
    end
    nothing
end

shadows_of(r::Duplicated) = (r.dval,)
shadows_of(r) = r.dval

function tangents_of_start(r, p::Particles, ::Val{W}) where {W}
    each = r isa Const ? ntuple(_ -> map(zero, p.r), Val(W)) : map(d -> chunked(d, p), shadows_of(r))
    [ntuple(w -> each[w][i], Val(W)) for i in eachindex(p.r)]
end

function EnzymeRules.augmented_primal(
    ::EnzymeRules.RevConfigWidth{1},
    ::Const{typeof(track!)},
    ::Type,
    r::EnzymeRules.Annotation{Matrix{Float64}},
    lost::EnzymeRules.Annotation{Vector{Int}},
    study::EnzymeRules.Annotation{Study},
)
    p = Particles(r.val, lost.val, study.val.reference)
    way = walk_and_keep!(p, study.val)
    take_over!(r.val, lost.val, p)
    EnzymeRules.AugmentedReturn(nothing, nothing, (p, way, study.val))
end

function EnzymeRules.reverse(
    ::EnzymeRules.RevConfigWidth{1},
    ::Const{typeof(track!)},
    ::Type,
    tape,
    r::EnzymeRules.Annotation{Matrix{Float64}},
    lost::EnzymeRules.Annotation{Vector{Int}},
    study::EnzymeRules.Annotation{Study},
)
    p, way, used = tape
    adjoints = r isa Const ? map(zero, p.r) : chunked(r.dval, p)
    found = slopes_of(study, Val(1))
    pull_walk!(p, adjoints, used, found, way)
    r isa Const || copyto!(r.dval, joined(adjoints))
    if !(study isa Const)
        # those of the pieces were added where they stand
        study.dval.lengths .= vec(found.lengths)
        study.dval.strengths .= vec(found.strengths)
    end
    (nothing, nothing, nothing)
end
