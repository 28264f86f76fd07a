# Drifts and linear quadrupoles as functions of numbers, which Enzyme differentiates when the package
# is compiled. What it makes of `autodiff` else is code at an address of this process, which no image
# keeps; of a function of numbers it makes code without addresses, and `InlineABI` puts it into the
# function that asks. So such elements compile nothing at run time. Particles are tracked by JuTrack's
# own maps; tests hold them together.
#
# Enzyme is asked for the derivatives by each of the nine numbers of a particle and a piece, forward
# and backwards alike: the compiler knows these directions, and drops what they have no part in.

const PUSH = Enzyme.set_abi(Enzyme.ForwardWithPrimal, Enzyme.InlineABI)

const Flowing = Union{JuTrack.DRIFT{Float64},JuTrack.QUAD{Float64},Exchanged}

"""The exact drift, in JuTrack's coordinates, with the slip of the velocity."""
@inline function drift_flow(x, px, y, py, z, delta, len, k, slipping, beta)
    u = drifted(x, px, y, py, z, delta, len)
    (u[1], px, u[2], py, u[3] - slipping * slip(delta, beta), delta)
end

"""The paraxial quadrupole that focuses x where k > 0, in the same way."""
@inline quadrupole_flow(x, px, y, py, z, delta, len, k, slipping, beta) =
    quadrupole_by_series(COSINE, SINE, x, px, y, py, z, delta, len, k, slipping, beta)

"""The same of short pieces, where less terms are exact."""
@inline short_quadrupole_flow(x, px, y, py, z, delta, len, k, slipping, beta) =
    quadrupole_by_series(COSINE[1:6], SINE[1:6], x, px, y, py, z, delta, len, k, slipping, beta)

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
# up to where they are exact to rounding, with all terms and with six
const LARGEST = 9.0
const SHORT = 0.05

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

"""What a flow makes of nine numbers, six of a particle, and its derivatives by each of them."""
@inline function flow_and_slopes(f::F, u::NTuple{9,Float64}, beta) where {F}
    numbers = map(BatchDuplicated, u, UNITS)
    columns, final = autodiff(PUSH, Const(f), BatchDuplicated, numbers..., Const(beta))
    final, values(columns)
end

const UNITS = ntuple(j -> ntuple(w -> Float64(w == j), Val(9)), Val(9))

@inline row_of(r, p) = @inbounds (r[p, 1], r[p, 2], r[p, 3], r[p, 4], r[p, 5], r[p, 6])

@inline function set_row!(r, p, u)
    @inbounds r[p, 1], r[p, 2], r[p, 3], r[p, 4], r[p, 5], r[p, 6] = u
    nothing
end

# any order of the sums will do, and what is known to be zero may be left out
@inline dot(a, b) = foldl(Base.FastMath.add_fast, map(Base.FastMath.mul_fast, a, b))
@inline along(columns, d) = ntuple(i -> dot(map(c -> c[i], columns), d), Val(6))
@inline across(columns, w) = map(c -> dot(c, w), columns)

"""A piece with derivatives along W directions, by its flow."""
function push_flow!(piece::Piece, dpieces, r, drs::NTuple{W,Matrix{Float64}}, lost, beta) where {W}
    f, numbers = flow_of(piece.element, r, lost), numbers_of(piece)
    if dpieces === nothing
        push_rows!(f, numbers, ntuple(_ -> (0.0, 0.0, 0.0), Val(W)), r, drs, lost, beta)
    else
        add_shifts!(drs, dpieces, lost, :T1)
        push_rows!(f, numbers, map(numbers_of, dpieces), r, drs, lost, beta)
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

function push_rows!(f::F, numbers, dnumbers, r, drs::NTuple{W,Matrix{Float64}}, lost, beta) where {F,W}
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        final, columns = flow_and_slopes(f, (row_of(r, p)..., numbers...), beta)
        set_row!(r, p, final)
        map(drs, dnumbers) do dr, more
            @inline
            set_row!(dr, p, along(columns, (row_of(dr, p)..., more...)))
        end
    end
    nothing
end

"""The adjoint of a piece, by its flow; derivatives by the piece are added to `dpiece`."""
function pull_flow!(piece::Piece, dpiece, r, dr, lost, beta)
    after = live_sums(dr, lost)
    found = pull_rows!(flow_of(piece.element, r, lost), numbers_of(piece), r, dr, lost, beta)
    dpiece === nothing && return nothing
    plain = own(dpiece.element)
    plain.len += found[1]
    plain isa JuTrack.QUAD && (plain.k1 += piece.element isa Exchanged ? -found[2] : found[2])
    dpiece.slip += found[3]
    before = live_sums(dr, lost)
    for i in 1:6
        add_to_field!(dpiece.element, :T1, i, before[i])
        add_to_field!(dpiece.element, :T2, i, after[i])
    end
    nothing
end

live_sums(dr, lost) = [sum(dr[p, i] for p in eachindex(lost) if lost[p] == 0; init=0.0) for i in 1:6]

function pull_rows!(f::F, numbers, r, dr, lost, beta) where {F}
    total = (0.0, 0.0, 0.0)
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        _, columns = flow_and_slopes(f, (row_of(r, p)..., numbers...), beta)
        found = across(columns, row_of(dr, p))
        set_row!(dr, p, found)
        total = total .+ found[7:9]
    end
    total
end

"""Particles through a piece by its flow, as `push_flow!` has them."""
function pass_flow!(piece::Piece, r, lost, beta)
    pass_rows!(flow_of(piece.element, r, lost), numbers_of(piece), r, lost, beta)
end

function pass_rows!(f::F, numbers, r, lost, beta) where {F}
    @inbounds for p in axes(r, 1)
        lost[p] == 0 && set_row!(r, p, f(row_of(r, p)..., numbers..., beta))
    end
    nothing
end
