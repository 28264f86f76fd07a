# Any JuTrack element, made by its name with checked fields; and what its type says of how it is passed.

"""
    make(kind, fields)

A JuTrack element of a type, by its name, with fields by name.
"""
function make(kind::AbstractString, fields)
    # of this package, for what JuTrack has not
    kind == "Wedge" && return Wedge(; (Symbol(k) => plain(v) for (k, v) in pairs(fields))...)
    is_element(Symbol(kind)) || throw(UnknownName("element of JuTrack", kind, all_elements()))
    construct(getfield(JuTrack, Symbol(kind)), (Symbol(k) => plain(v) for (k, v) in pairs(fields)))
end

function is_element(name::Symbol)
    isdefined(JuTrack, name) || return false
    known = getfield(JuTrack, name)
    known isa Function && haskey(FUNCTIONS, name) ||
        known isa Type && known <: JuTrack.AbstractElement && !isabstracttype(known)
end

all_elements() = String[String(name) for name in names(JuTrack; all=true) if is_element(name)]

plain(x::AbstractString) = String(x)
plain(x::AbstractArray{<:Real}) = Array{Float64}(x)
plain(x::Integer) = Int(x)
plain(x) = x

# the kinds that JuTrack makes by functions, and the types of what they make
const FUNCTIONS =
    (RBEND=JuTrack.SBEND, ERBEND=JuTrack.ESBEND, HKICKER=JuTrack.CORRECTOR, VKICKER=JuTrack.CORRECTOR)

"""The type of the elements of a kind."""
type_of(kind::Type) = kind
type_of(kind) = FUNCTIONS[nameof(kind)]

"""
    construct(kind, fields)

An element of one of JuTrack's types or functions, with fields as (name => value). Those that are no
keywords of its constructor are set afterwards.
"""
function construct(kind, fields)
    require_motion(kind)
    given = Dict{Symbol,Any}(fields)
    title = titled(kind, get(given, :name, ""))
    require_fields(kind, title, given)
    typed = Dict{Symbol,Any}(k => convert_field(kind, title, k, v) for (k, v) in given)
    require_used(kind, title, typed)
    made = build(kind, typed)
    for (k, v) in typed
        # constructors go by what is zero, and a thin multipole by its first four orders
        k in keywords_of(kind) && k !== :MaxOrder || set_field!(made, k, v)
    end
    require_sense(made, title)
    made
end

build(kind, fields) = kind(; (k => v for (k, v) in fields if k in keywords_of(kind))...)

const Boost = Union{JuTrack.LorentzBoost,JuTrack.InvLorentzBoost}
build(kind::Type{<:Boost}, fields) = kind(fields[:angle])

function build(kind::Type{<:JuTrack.LongitudinalRFMap}, fields)
    # of a cavity by itself JuTrack does not look at the harmonic
    cavity = filter(((k, _),) -> !(k in (:alphac, :h)), fields)
    kind(fields[:alphac], construct(JuTrack.AccelCavity, cavity))
end

"""Throw where JuTrack's complex error function, by which it has the field of a bunch, is wrong."""
function require_error_function()
    z, right = 0.5 - 0.3im, 0.5843329734596311 + 0.14796481889063864im
    found = JuTrack.erfcx(z)
    isapprox(found, right; rtol=1e-6) || throw(
        ArgumentError(
            "JuTrack's error function erfcx($z) is $found, where $right is right, and its field of a Gaussian " *
            "bunch is as wrong, so that StrongGaussianBeam is refused; take BeamBeam and the native engine",
        ),
    )
    nothing
end

function build(kind::Type{<:JuTrack.StrongGaussianBeam}, fields)
    require_error_function()
    get(name, other) = Base.get(fields, name, other)
    count = length(get(:zslice_center, Float64[]))
    optics = JuTrack.optics4DUC(get(:beta_x, 1.0), get(:alpha_x, 0.0), get(:beta_y, 1.0), get(:alpha_y, 0.0))
    mass = get(:mass, JuTrack.m_e)
    kind(get(:charge, 1.0), mass, 1.0, 1, get(:total_energy, 2mass), optics, get(:beamsize, ones(3)), count)
end

"""Names of the keywords that a constructor takes, looked up once."""
keywords_of(kind) = get!(() -> looked_up(kind), KEYWORDS, kind)
looked_up(kind) = unique(k for m in methods(kind) for k in Base.kwarg_decl(m))
const KEYWORDS = Dict{Any,Vector{Symbol}}()
keywords_of(::Type{<:Boost}) = [:angle]

required_fields(kind) = ()
required_fields(::Type{<:Boost}) = (:angle,)
required_fields(::Type{<:JuTrack.LongitudinalRFMap}) = (:alphac, :freq, :h)
required_fields(::Type{<:JuTrack.StrongGaussianBeam}) = (:beamsize, :zslice_center, :zslice_npar)

"""
    Early(element)

An element that takes the fifth coordinate for positive where particles are early, as those do that
JuTrack has of colliders and their wakes.
"""
struct Early{E<:JuTrack.AbstractElement{Float64}} <: JuTrack.AbstractElement{Float64}
    element::E
end

# of fields as they are
const Wrapped = Union{Early,Gradient}

# of a strong bunch
const OPTICS = (:beta_x, :alpha_x, :gamma_x, :beta_y, :alpha_y, :gamma_y)

set_field!(e, name, value) = setproperty!(owner(e, name)..., value)

"""The record in which a field of an element stands, and its name there."""
owner(e, name) = e, name
owner(e::Wrapped, name) = owner(e.element, name)
owner(e::JuTrack.LongitudinalRFMap, name) = name === :alphac ? (e, name) : (e.RF, name)
function owner(e::JuTrack.StrongGaussianBeam, name)
    name in OPTICS || return e, name
    quantity, plane = split(String(name), '_')
    plane == "x" ? e.optics.optics_x : e.optics.optics_y, Symbol(quantity)
end

"""Throw for a type that JuTrack defines and cannot move particles by."""
function require_motion(kind::Type)
    hasmethod(JuTrack.pass!, Tuple{concrete(kind),Matrix{Float64},Int,JuTrack.Beam{Float64}}) ||
        throw(ArgumentError("JuTrack defines $(nameof(kind)), and no `pass!` that moves particles through it"))
    nothing
end

require_motion(kind) = nothing

const TakesEarly = Union{
    JuTrack.LongitudinalRLCWake{Float64},
    JuTrack.StrongGaussianBeam{Float64},
    JuTrack.LorentzBoost{Float64},
    JuTrack.InvLorentzBoost{Float64},
    JuTrack.LongitudinalRFMap{Float64},
    JuTrack.AccelCavity{Float64},
    JuTrack.easyCRABCAVITY{Float64},
}

adapted(e::TakesEarly) = Early(e)

function move!(e::Early, r::Matrix{Float64}, particles)
    turn_fifth!(r)
    JuTrack.pass!(e.element, r, size(r, 1), particles)
    turn_fifth!(r)
end

function turn_fifth!(r::Matrix{Float64})
    @inbounds for p in axes(r, 1)
        r[p, 5] = -r[p, 5]
    end
    nothing
end

# through the transforms of FFTW there is no rule of Enzyme's
const ByTransforms = Union{
    JuTrack.SPACECHARGE2P5D{Float64},
    JuTrack.DRIFT_SC2P5D{Float64},
    JuTrack.QUAD_SC2P5D{Float64},
    JuTrack.KQUAD_SC2P5D{Float64},
    JuTrack.KSEXT_SC2P5D{Float64},
    JuTrack.KOCT_SC2P5D{Float64},
    JuTrack.SBEND_SC2P5D{Float64},
}

# those that make fields of the beam, and what they need of it
const NeedsParticles = Union{JuTrack.LongitudinalRLCWake{Float64},ByTransforms}
const NeedsCurrent = Union{
    JuTrack.SPACECHARGE{Float64},
    JuTrack.DRIFT_SC{Float64},
    JuTrack.QUAD_SC{Float64},
    JuTrack.KQUAD_SC{Float64},
    JuTrack.KSEXT_SC{Float64},
    JuTrack.KOCT_SC{Float64},
    JuTrack.SBEND_SC{Float64},
}

"""JuTrack's element in one that goes around it."""
bare(e) = e
bare(e::Union{Wrapped,Exchanged}) = e.element

"""Throw for a beam without the charge or the current that elements act by."""
function require_intensity(pieces, reference)
    for piece in pieces
        e = bare(piece.element)
        e isa NeedsParticles && reference.particles == 0 && throw(
            ArgumentError("$(nameof(typeof(e))) acts by the charge of a bunch; give the beam one, charge= [C]"),
        )
        e isa NeedsCurrent && reference.current == 0 && throw(
            ArgumentError("$(nameof(typeof(e))) acts by the current of a beam; give it one, current= [A]"),
        )
    end
    nothing
end

"""Throw for a wiggler that would bend a beam of another momentum, as JuTrack makes that of its `energy`."""
function require_momentum(pieces, reference)
    momentum = sqrt(reference.kinetic_energy * (reference.kinetic_energy + 2reference.mass)) / abs(reference.charge)
    needed = hypot(momentum, JuTrack.m_e)
    for piece in pieces
        e = bare(piece.element)
        e isa JuTrack.WIGGLER && !isapprox(e.energy, needed; rtol=1e-3) &&
            refuse(titled(typeof(e), e.name), :energy, e.energy, "the beam has another", "give energy = $needed")
    end
    nothing
end

"""Throw for test particles in what acts on the beam by its own field."""
function require_fields_for_probes(study)
    for piece in study.pieces
        e = bare(piece.element)
        e isa Union{NeedsParticles,NeedsCurrent} && throw(
            ArgumentError(
                "JuTrack's $(nameof(typeof(e))) moves the beam that makes its field, and no test particle; " *
                "take an effect of ours in its place for Jacobians",
            ),
        )
    end
    nothing
end

"""Throw for what Enzyme does not differentiate."""
function require_derivatives(study)
    for piece in study.pieces
        e = bare(piece.element)
        e isa ByTransforms && throw(
            ArgumentError(
                "Enzyme does not go through the Fourier transforms of JuTrack's $(nameof(typeof(e))), which has " *
                "no derivatives here; take SpaceCharge2p5D of ours and the native engine for those",
            ),
        )
    end
    nothing
end

"""The shadow of a beam whose coordinates have these."""
function shadow_of(particles, dr)
    found = Enzyme.make_zero(particles)
    found.r = dr
    found
end

"""Throw for slopes of Jacobians through what needs the whole beam to work in."""
function require_single(study)
    for piece in study.pieces
        is_single(piece.element) || throw(
            ArgumentError(
                "JuTrack's $(nameof(typeof(bare(piece.element)))) has no slopes of Jacobians; take differences of them",
            ),
        )
    end
    nothing
end

# JuTrack has this rule for one direction
function EnzymeRules.forward(
    config, ::Const{typeof(JuTrack.erfcx_AD)}, ::Type{<:BatchDuplicated}, z::BatchDuplicated
)
    value = JuTrack.erfcx_AD(z.val)
    slope = 2 .* z.val .* value .- 2 / sqrt(pi)
    slopes = map(dz -> slope .* dz, z.dval)
    EnzymeRules.needs_primal(config) ? BatchDuplicated(value, slopes) : slopes
end
