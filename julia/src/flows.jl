# Drifts and linear quadrupoles as functions of numbers, which Enzyme differentiates when the package
# is compiled. What it makes of `autodiff` else is code at an address of this process, which no image
# keeps; of a function of numbers it makes code without addresses, and `InlineABI` puts it into the
# function that asks. So such elements compile nothing at run time. Particles are tracked by JuTrack's
# own maps; tests hold them together.

const PUSH = Enzyme.set_abi(Enzyme.ForwardWithPrimal, Enzyme.InlineABI)
const PULL = Enzyme.set_abi(Reverse, Enzyme.InlineABI)

const Flowing = Union{JuTrack.DRIFT{Float64},JuTrack.QUAD{Float64},Exchanged}

"""The exact drift, in JuTrack's coordinates, with the slip of the velocity."""
@inline function drift_flow(x, px, y, py, z, delta, len, k, slipping, beta)
    u = drifted(x, px, y, py, z, delta, len)
    (u[1], px, u[2], py, u[3] - slipping * slip(delta, beta), delta)
end

"""The paraxial quadrupole that focuses x where k > 0, in the same way."""
@inline quadrupole_flow(x, px, y, py, z, delta, len, k, slipping, beta) =
    quadrupole_by_series(COSINE, SINE, x, px, y, py, z, delta, len, k, slipping, beta)

"""The same of short pieces, where half of the terms are exact."""
@inline short_quadrupole_flow(x, px, y, py, z, delta, len, k, slipping, beta) =
    quadrupole_by_series(FEW_COSINE, FEW_SINE, x, px, y, py, z, delta, len, k, slipping, beta)

@inline function quadrupole_by_series(
    cosine, sine, x, px, y, py, z, delta, len, k, slipping, beta
)
    along = 1 + delta
    xp, yp, g = px / along, py / along, k / along
    phase = g * len * len
    c, s = evalpoly(-phase, cosine), len * evalpoly(-phase, sine)
    ch, sh = evalpoly(phase, cosine), len * evalpoly(phase, sine)
    late = g * (x * x * (len - c * s) - y * y * (len - ch * sh)) / 4
    late += (xp * xp * (len + c * s) + yp * yp * (len + ch * sh)) / 4
    late += g * (sh * sh * y * yp - s * s * x * xp) / 2
    (
        c * x + s * xp,
        (c * xp - g * s * x) * along,
        ch * y + sh * yp,
        (ch * yp + g * sh * y) * along,
        z + late - slipping * slip(delta, beta),
        delta,
    )
end

# cos(sqrt(q)) and sin(sqrt(q)) / sqrt(q) as series in -q, which know no sign of the strength
const COSINE = ntuple(n -> 1 / prod(1.0:(2n - 2)), 20)
const SINE = ntuple(n -> 1 / prod(1.0:(2n - 1)), 20)
const FEW_COSINE, FEW_SINE = COSINE[1:10], SINE[1:10]
# up to where they are exact to rounding
const LARGEST = 9.0
const SHORT = 0.5

"""The flow of an element, for particles as they are."""
flow_of(::JuTrack.DRIFT, r, lost) = drift_flow
flow_of(e::Union{JuTrack.QUAD,Exchanged}, r, lost) =
    largest_phase(e, r, lost) <= SHORT ? short_quadrupole_flow : quadrupole_flow

"""The largest k L^2 of a quadrupole, of particles that are not lost; infinite for one without end."""
function largest_phase(e, r, lost)
    phase, least = abs(strength_of(e)) * own(e).len^2, Inf
    @inbounds for p in axes(r, 1)
        lost[p] == 0 && (least = min(least, 1 + r[p, 6]))
    end
    least > 0 ? phase / least : Inf
end

own(e) = e
own(e::Exchanged) = e.element
strength_of(e::JuTrack.DRIFT) = 0.0
strength_of(e::JuTrack.QUAD) = e.k1
strength_of(e::Exchanged) = -e.element.k1

"""Whether the map of an element is that of its flow, for particles as they are."""
has_flow(e, r, lost) = false

function has_flow(e::Flowing, r, lost)
    plain = own(e)
    upright = iszero(plain.T1) && iszero(plain.T2) && iszero(plain.R1) && iszero(plain.R2)
    upright && (plain isa JuTrack.DRIFT || plain.rad == 0) || return false
    largest_phase(e, r, lost) <= LARGEST
end

"""Length, strength and slip of a piece, those by which its flow has derivatives."""
numbers_of(p::Piece) = (own(p.element).len, strength_of(p.element), p.slip)

"""A piece with derivatives along W directions, by its flow."""
function push_flow!(piece::Piece, dpieces, r, drs::NTuple{W,Matrix{Float64}}, lost, beta) where {W}
    if dpieces === nothing
        none = ntuple(_ -> 0.0, Val(W))
        push_rows!(flow_of(piece.element, r, lost), numbers_of(piece), (none, none, none), r, drs, lost, beta)
    else
        dnumbers = map(numbers_of, dpieces)
        along = ntuple(i -> ntuple(w -> dnumbers[w][i], Val(W)), Val(3))
        add_shifts!(drs, dpieces, lost, :T1)
        push_rows!(flow_of(piece.element, r, lost), numbers_of(piece), along, r, drs, lost, beta)
        add_shifts!(drs, dpieces, lost, :T2)
    end
    nothing
end

"""Add to tangents those of the shift at an end of an element."""
function add_shifts!(drs, dpieces, lost, name)
    for (dr, dpiece) in zip(drs, dpieces)
        e = dpiece.element
        iszero(getproperty(own(e), name)) && continue
        for i in 1:6
            shift = get_field(e, name, i)
            for p in eachindex(lost)
                lost[p] == 0 && (dr[p, i] += shift)
            end
        end
    end
end

function push_rows!(f::F, numbers, along, r, drs::NTuple{W,Matrix{Float64}}, lost, beta) where {F,W}
    fixed = map(number_dup, numbers, along)
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        u = ntuple(i -> number_dup(r[p, i], ntuple(w -> drs[w][p, i], Val(W))), Val(6))
        dend, final = autodiff(PUSH, Const(f), annotation(Val(W)), u..., fixed..., Const(beta))
        columns = W == 1 ? (dend,) : values(dend)
        for i in 1:6
            r[p, i] = final[i]
            for w in 1:W
                drs[w][p, i] = columns[w][i]
            end
        end
    end
    nothing
end

@inline number_dup(x, dx::NTuple{1}) = Duplicated(x, dx[1])
@inline number_dup(x, dx::NTuple) = BatchDuplicated(x, dx)
annotation(::Val{1}) = Duplicated
annotation(::Val) = BatchDuplicated

"""The adjoint of a piece, by its flow; derivatives by the piece are added to `dpiece`."""
function pull_flow!(piece::Piece, dpiece, r, dr, lost, beta)
    shifts = zeros(6), zeros(6)
    found = pull_rows!(flow_of(piece.element, r, lost), numbers_of(piece), r, dr, lost, beta, shifts)
    dpiece === nothing && return nothing
    plain = own(dpiece.element)
    plain.len += found[1]
    plain isa JuTrack.QUAD && (plain.k1 += piece.element isa Exchanged ? -found[2] : found[2])
    dpiece.slip += found[3]
    for i in 1:6
        add_to_field!(dpiece.element, :T1, i, shifts[1][i])
        add_to_field!(dpiece.element, :T2, i, shifts[2][i])
    end
    nothing
end

function pull_rows!(f::F, numbers, r, dr, lost, beta, shifts) where {F}
    len, k, slipping = numbers
    total = (0.0, 0.0, 0.0)
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        u = ntuple(i -> Active(r[p, i]), Val(6))
        w = ntuple(i -> dr[p, i], Val(6))
        found, = autodiff(
            PULL,
            Const(weighted_flow),
            Active,
            Const(f),
            u...,
            Active(len),
            Active(k),
            Active(slipping),
            Const(beta),
            Const(w),
        )
        for i in 1:6
            shifts[2][i] += w[i]
            shifts[1][i] += found[i + 1]
            dr[p, i] = found[i + 1]
        end
        total = (total[1] + found[8], total[2] + found[9], total[3] + found[10])
    end
    total
end

"""<weights, flow>: a number, so that reverse mode keeps nothing."""
@inline function weighted_flow(f::F, x, px, y, py, z, delta, len, k, slipping, beta, w) where {F}
    u = f(x, px, y, py, z, delta, len, k, slipping, beta)
    w[1] * u[1] + w[2] * u[2] + w[3] * u[3] + w[4] * u[4] + w[5] * u[5] + w[6] * u[6]
end
