# What JuTrack would take without a word, and then do nothing by, or something else: names that it does
# not know, fields that it does not look at, counts that are none, strengths that it leaves out.

"""
    UnknownName(kind, name, known)

No such thing of a kind; those that there are.
"""
struct UnknownName <: Exception
    kind::String
    name::String
    known::Vector{String}
end

Base.showerror(io::IO, e::UnknownName) = print(io, "no $(e.kind) named $(e.name); there are $(join(e.known, ", "))")

"""An element in a message: its type, and its own name where it has one."""
titled(kind, name) = "JuTrack's $(nameof(kind))" * (isempty(name) ? "" : " '$name'")

refuse(title, field, value, why, remedy) =
    throw(ArgumentError("$title has $field = $(repr(value)), and $why; $remedy"))

const CAVITY_OF_MAP = (:volt, :freq, :h, :phis, :k)
# what JuTrack works in, and makes of other fields
const ROOM_OF_FIELDS = (:rho_grid, :phi_grid, :z_grid, :z_deriv_grid, :green_fft, :green_dx, :green_dy)

"""Names of what may be given to an element."""
known_fields(kind) =
    filter(k -> !(k in (:eletype, ROOM_OF_FIELDS...)), union(keywords_of(kind), stored_fields(kind)))
known_fields(::Type{<:JuTrack.LongitudinalRFMap}) = [:alphac, CAVITY_OF_MAP...]
known_fields(::Type{<:JuTrack.StrongGaussianBeam}) =
    [:charge, :mass, :total_energy, :beamsize, OPTICS..., :zslice_center, :zslice_npar]

stored_fields(kind::Type) = collect(fieldnames(concrete(kind)))
stored_fields(kind) = Symbol[]

concrete(kind::Type) = kind isa UnionAll ? kind{Float64} : kind

function require_fields(@nospecialize(kind), title, @nospecialize(given))
    known = known_fields(kind)::Vector{Symbol}
    for name in keys(given)
        # ours have names, whether theirs do or not
        name in known || name === :name || throw(UnknownName("field of $title", String(name), String.(known)))
    end
    :name in known || delete!(given, :name)
    for name in required_fields(kind)
        haskey(given, name) || throw(ArgumentError("$title needs $name"))
    end
    nothing
end

"""A value as the type of the field; ArgumentError where it is none."""
function convert_field(@nospecialize(kind), title, name, @nospecialize(value))
    made = concrete(type_of(kind))
    wanted = hasfield(made, name) ? fieldtype(made, name) : Any
    try
        require_size(title, name, convert(wanted, value))
    catch error
        error isa Union{MethodError,InexactError} || rethrow()
        throw(ArgumentError("$name of $title is of type $wanted, and $(repr(value)) is none"))
    end
end

# JuTrack reads so many entries, and does not look whether they are there
const SIZES = Dict{Symbol,Dims}(
    (name => (6,) for name in (:T1, :T2, :RApertures, :EApertures))...,
    (name => (6, 6) for name in (:R1, :R2))...,
    :KickAngle => (2,),
)

function require_size(title, name, @nospecialize(value))
    wanted = get(SIZES, name, nothing)
    wanted === nothing || size(value) == wanted || throw(
        ArgumentError("$name of $title has $(join(wanted, " x ")) entries, got $(join(size(value), " x "))"),
    )
    name in (:PolynomA, :PolynomB) && length(value) < 4 &&
        throw(ArgumentError("$name of $title has 4 entries or more, got $(length(value))"))
    value
end

const Linear = Union{JuTrack.QUAD,JuTrack.QUAD_SC,JuTrack.QUAD_SC2P5D}
const Arc = Union{JuTrack.SBEND,JuTrack.SBEND_SC,JuTrack.SBEND_SC2P5D}
const Crab = Union{JuTrack.CRABCAVITY,JuTrack.CRABCAVITY_K2}
const Lengthless = Union{
    JuTrack.MARKER,
    JuTrack.TRANSLATION,
    JuTrack.YROTATION,
    JuTrack.SPACECHARGE,
    JuTrack.SPACECHARGE2P5D,
}

"""Fields that JuTrack has and does not look at, and what to do instead."""
unused_fields(kind) = ()
unused_fields(::Type{<:JuTrack.RFCA}) = (HARMONIC,)
unused_fields(::Type{<:JuTrack.AccelCavity}) = (BESIDE, HARMONIC)
unused_fields(::Type{<:Linear}) = ((:rad, "take a KQUAD"),)
unused_fields(::Type{<:Lengthless}) = (BESIDE,)
unused_fields(::Type{<:Crab}) =
    ((:energy, "leave it out: it is that of the beam"), (:errors, "change volt and phi"))
unused_fields(::Type{<:JuTrack.easyCRABCAVITY}) = (BESIDE, (:errors, "change halfthetac and phi"))
unused_fields(::Type{<:Arc}) = ((:FringeIntM0, "take fint1 and gap"), (:FringeIntP0, "take fint2 and gap"))
unused_fields(::Type{<:JuTrack.LongitudinalRFMap}) =
    ((:volt, "put an AccelCavity beside it"), (:phis, "put an AccelCavity beside it"))
unused_fields(::Type{<:JuTrack.thinMULTIPOLE}) = (
    BESIDE,
    (:NumIntSteps, "leave it out"),
    (:rad, "take a KQUAD"),
    (:FringeQuadEntrance, "take a KQUAD"),
    (:FringeQuadExit, "take a KQUAD"),
)
const BESIDE = (:len, "leave its length out, and put a drift beside it")
const HARMONIC = (:h, "leave it out, and give freq")
# what such a field is where nothing is asked of it; others are zero
const IDLE = (NumIntSteps=1, h=1)

# counts, from where on they are some; JuTrack takes less for none, and some of its maps do nothing then
const LEAST_COUNTS = (NumIntSteps=1, Nsteps=1, Nl=1, Nm=1, zsize=1, long_avg_n=1, xsize=3, ysize=3)

"""Throw for what an element is given and JuTrack would not do."""
function require_used(@nospecialize(kind), title, @nospecialize(given))
    for (name, least) in pairs(LEAST_COUNTS)
        # a uniform arc is one without steps
        least = name === :NumIntSteps && type_of(kind) === JuTrack.ESBEND ? 0 : least
        get(given, name, least) < least &&
            refuse(title, name, given[name], "that is no number of them", "take $least or more")
    end
    for (name, remedy) in unused_fields(type_of(kind))
        idle = get(IDLE, name, 0)
        value = get(given, name, idle)
        all(==(idle), value) || refuse(title, name, value, "JuTrack does not look at it", remedy)
    end
    # and moves particles by the other
    freq, k = get(given, :freq, nothing), get(given, :k, nothing)
    freq === nothing || k === nothing || isapprox(k, 2π * freq / SPEED_OF_LIGHT; rtol=1e-6) ||
        refuse(title, :k, k, "freq = $freq is another one", "leave one of both out")
    nothing
end

const SWITCHES = (rad=0:1, FringeQuadEntrance=0:1, FringeQuadExit=0:1, mode=0:0)
const POSITIVE = (:a, :b, :pipe_radius, :xy_ratio, :lw, :Q0)

"""Throw for numbers of an element by which JuTrack would do something else without a word."""
function require_sense(@nospecialize(made), title)
    record = bare(made)
    for (name, values) in pairs(SWITCHES)
        require_one_of(record, title, name, values)
    end
    for name in (:FringeBendEntrance, :FringeBendExit)
        require_one_of(record, title, name, record isa JuTrack.ESBEND ? (0:1) : (0:3))
    end
    for name in POSITIVE
        hasproperty(record, name) && !(getproperty(record, name) > 0) &&
            refuse(title, name, getproperty(record, name), "JuTrack divides by it", "give it a positive one")
    end
    require_apertures(record, title)
    require_orders(record, title)
    require_own(record, title)
end

function require_one_of(@nospecialize(e), title, name, @nospecialize(values))
    hasproperty(e, name) && !(getproperty(e, name) in values) &&
        refuse(title, name, getproperty(e, name), "JuTrack has no such switch", "take $(join(values, " or "))")
end

function require_apertures(@nospecialize(e), title)
    hasproperty(e, :RApertures) || return nothing
    box, axes = e.RApertures, e.EApertures
    iszero(box) || (box[1] < box[2] && box[3] < box[4] && iszero(box[5:6])) ||
        refuse(title, :RApertures, box, "that is no opening", "give x from, to, y from, to, 0, 0")
    iszero(axes) || (axes[1] > 0 && axes[2] > 0 && iszero(axes[3:6])) ||
        refuse(title, :EApertures, axes, "JuTrack looks at two half axes above 0 alone", "give both, and 0 four times")
    e isa JuTrack.RFCA && iszero(e.len) && !(iszero(box) && iszero(axes)) &&
        refuse(title, :len, e.len, "JuTrack does not look at its apertures then", "put a DRIFT with them beside it")
    nothing
end

"""Throw for an order beyond the polynomials, and for strengths beyond the order, which JuTrack leaves out."""
function require_orders(@nospecialize(e), title)
    hasproperty(e, :MaxOrder) || return nothing
    series = [getproperty(e, name) for name in (:PolynomA, :PolynomB) if hasproperty(e, name)]
    hasproperty(e, :k0) && push!(series, [e.k0, e.k1, e.k2, e.k3])
    entries = minimum(length, series)
    0 <= e.MaxOrder < entries ||
        refuse(title, :MaxOrder, e.MaxOrder, "its strengths are of $entries orders", "take from 0 to $(entries - 1)")
    highest = maximum(something(findlast(!iszero, s), 1) for s in series) - 1
    highest > e.MaxOrder &&
        refuse(title, :MaxOrder, e.MaxOrder, "leaves out a strength of order $highest", "give MaxOrder = $highest")
    nothing
end

"""What is to be asked of single types."""
require_own(e, title) = nothing

function require_own(e::JuTrack.ESBEND, title)
    e.NumIntSteps == 0 || return nothing
    all(iszero, (e.PolynomA, e.PolynomB, e.KickAngle, e.rad)) ||
        refuse(title, :NumIntSteps, 0, "without steps there are no multipoles, kicks, radiation", "take 1 or more")
    nothing
end

function require_own(e::JuTrack.easyCRABCAVITY, title)
    iszero(e.k) && refuse(title, :k, e.k, "JuTrack divides by it", "give freq or k")
    nothing
end

function require_own(e::JuTrack.RFCA, title)
    e.energy > 0 || refuse(title, :energy, e.energy, "JuTrack divides by it", "give that of the beam [eV]")
    nothing
end

# of a harmonic JuTrack divides by its second wave number across, and that along
function require_own(e::JuTrack.WIGGLER, title)
    for (name, count, across) in ((:By, :NHharm, 4), (:Bx, :NVharm, 3))
        rows = getproperty(e, name)
        length(rows) % 6 == 0 ||
            refuse(title, name, rows, "a harmonic has six entries", "give six of each")
        getproperty(e, count) == length(rows) ÷ 6 ||
            refuse(title, count, getproperty(e, count), "$name has $(length(rows) ÷ 6)", "leave it out")
        any(iszero, [rows[across:6:end]; rows[5:6:end]]) &&
            refuse(title, name, rows, "JuTrack divides by entries $across and 5", "let them differ from 0")
    end
    periods = e.len / e.lw
    abs(periods - max(1, round(periods))) <= 0.05 ||
        refuse(title, :len, e.len, "that is $periods periods of lw, of which JuTrack passes whole ones", "take so many lw")
    nothing
end
