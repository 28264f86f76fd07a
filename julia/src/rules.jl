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

"""The slopes of a study that its shadows hold, those of the pieces in place."""
function slopes_of(shadows::NTuple{W,Study}, study::Study, ::Val{W}) where {W}
    pieces = [ntuple(w -> shadows[w].pieces[i], Val(W)) for i in eachindex(study.pieces)]
    columns(field) = Float64[
        getfield(shadows[w], field)[n] for n in eachindex(getfield(study, field)), w in 1:W
    ]
    Slopes{W}(pieces, columns(:lengths), columns(:strengths))
end

slopes_of(study::Const{Study}, width) = no_slopes(study.val, (), width)
slopes_of(study::EnzymeRules.Annotation{Study}, width) =
    slopes_of(shadows_of(study), study.val, width)

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

shadows_of(x::Duplicated) = (x.dval,)
shadows_of(x) = x.dval

function tangents_of_start(r, p::Particles, ::Val{W}) where {W}
    each = r isa Const ? ntuple(_ -> map(zero, p.r), Val(W)) : map(d -> chunked(d, p), shadows_of(r))
    [ntuple(w -> each[w][i], Val(W)) for i in eachindex(p.r)]
end

function EnzymeRules.augmented_primal(
    config::EnzymeRules.RevConfig,
    ::Const{typeof(track!)},
    ::Type,
    r::EnzymeRules.Annotation{Matrix{Float64}},
    lost::EnzymeRules.Annotation{Vector{Int}},
    study::EnzymeRules.Annotation{Study},
)
    p = Particles(r.val, lost.val, study.val.reference)
    way = walk_and_keep!(p, study.val)
    take_over!(r.val, lost.val, p)
    # what the program changes in it before the backward pass was not tracked with
    used = EnzymeRules.overwritten(config)[4] ? kept(study.val) : study.val
    EnzymeRules.AugmentedReturn(nothing, nothing, (p, way, used))
end

"""A study whose numbers are its own; its effects are never changed."""
kept(s::Study) = Study(
    map(deepcopy, s.pieces), s.ops, copy(s.lengths), s.effects, copy(s.strengths), s.reference, s.turns
)

function EnzymeRules.reverse(
    config::EnzymeRules.RevConfig,
    ::Const{typeof(track!)},
    ::Type,
    tape,
    r::EnzymeRules.Annotation{Matrix{Float64}},
    lost::EnzymeRules.Annotation{Vector{Int}},
    study::EnzymeRules.Annotation{Study},
)
    p, way, used = tape
    for w in 1:EnzymeRules.width(config)
        dr = r isa Const ? nothing : shadows_of(r)[w]
        dstudy = study isa Const ? nothing : shadows_of(study)[w]
        pull_track!(copied(p, used.reference), way, used, dr, dstudy)
    end
    (nothing, nothing, nothing)
end

"""One backward pass from particles at the end: shadows of them and of the study, or nothing."""
function pull_track!(p::Particles, way::Way, study::Study, dr, dstudy)
    adjoints = dr === nothing ? map(zero, p.r) : chunked(dr, p)
    found = dstudy === nothing ? no_slopes(study, (), Val(1)) : slopes_of((dstudy,), study, Val(1))
    pull_walk!(p, adjoints, study, found, way)
    dr === nothing || copyto!(dr, joined(adjoints))
    if dstudy !== nothing
        # those of the pieces were added where they stand
        dstudy.lengths .= vec(found.lengths)
        dstudy.strengths .= vec(found.strengths)
    end
    nothing
end
