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

"""No length, and the slip alone."""
@inline slip_flow(x, px, y, py, z, delta, len, k, slipping, beta) =
    (x, px, y, py, z - slipping * slip(delta, beta), delta)

"""A turn about y of cosine and sine, to the plane that it turns to."""
@inline function turn_flow(x, px, y, py, z, delta, cosine, sine, slipping, beta)
    along = root((1 + delta) * (1 + delta) - px * px - py * py)
    share = x / (cosine * along - sine * px)
    final = (share * along, cosine * px + sine * along, y + sine * share * py)
    (final[1], final[2], final[3], py, z + sine * share * (1 + delta) - slipping * slip(delta, beta), delta)
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
flow_of(::Union{JuTrack.TRANSLATION,JuTrack.MARKER}, r, lost) = slip_flow
flow_of(::JuTrack.YROTATION, r, lost) = turn_flow
flow_of(e::Union{JuTrack.QUAD,Exchanged}, r, lost) =
    largest_phase(e, r, lost) <= SHORT ? short_quadrupole_flow : quadrupole_flow

"""The largest k L^2 of a quadrupole, of particles that are not lost; infinite for one without end."""
function largest_phase(e, r, lost)
    phase, least = abs(strength_of(e)) * bare(e).len^2, Inf
    @inbounds for p in axes(r, 1)
        lost[p] == 0 && (least = min(least, 1 + r[p, 6]))
    end
    least > 0 ? phase / least : Inf
end

strength_of(e::JuTrack.DRIFT) = 0.0
strength_of(e::JuTrack.QUAD) = e.k1
strength_of(e::Exchanged) = -e.element.k1

"""Whether the map of an element is that of its flow, for particles as they are."""
has_flow(e, r, lost) = false

has_flow(e::JuTrack.TRANSLATION{Float64}, r, lost) = iszero(e.ds)
has_flow(e::Union{JuTrack.DRIFT{Float64},JuTrack.MARKER{Float64},JuTrack.YROTATION{Float64}}, r, lost) = true

function has_flow(e::Union{JuTrack.QUAD{Float64},Exchanged}, r, lost)
    plain = bare(e)
    # where the momentum at the flow is that at the entrance
    keeps = iszero(plain.T1[6]) && (iszero(plain.R1) || plain.R1[6, :] == UNIT_OF_MOMENTUM)
    keeps && plain.rad == 0 && largest_phase(e, r, lost) <= LARGEST
end

const UNIT_OF_MOMENTUM = [0.0, 0, 0, 0, 0, 1]

"""Length, strength and slip of a piece, those by which its flow has derivatives."""
numbers_of(p::Piece) = (bare(p.element).len, strength_of(p.element), p.slip)
numbers_of(p::Piece{<:Union{JuTrack.TRANSLATION{Float64},JuTrack.MARKER{Float64}}}) = (0.0, 0.0, p.slip)
numbers_of(p::Piece{JuTrack.YROTATION{Float64}}) = (cos(p.element.angle), -sin(p.element.angle), p.slip)

"""The derivatives of these along one of a piece."""
changes_of(p::Piece, dp::Piece) = numbers_of(dp)

function changes_of(p::Piece{T}, dp::Piece{T}) where {T<:JuTrack.YROTATION{Float64}}
    sine, cosine = sincos(p.element.angle)
    (-sine * dp.element.angle, -cosine * dp.element.angle, dp.slip)
end

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
    along = dpieces === nothing ? ntuple(_ -> (0.0, 0.0, 0.0), Val(W)) : map(d -> changes_of(piece, d), dpieces)
    if is_upright(piece.element) && (dpieces === nothing || all(d -> is_upright(d.element), dpieces))
        push_rows!(f, numbers, along, r, drs, lost, beta)
    else
        push_placed!(piece.element, dpieces, f, numbers, along, r, drs, lost, beta)
    end
end

"""The same of one that is displaced or rolled, or by how it is; the slip comes after that."""
function push_placed!(e, dpieces, f, numbers, along, r, drs, lost, beta)
    before, turn, back, after = frames(e)
    changes = dpieces === nothing ? nothing : map(d -> frames(d.element), dpieces)
    part(n) = changes === nothing ? nothing : map(c -> c[n], changes)
    if changes !== nothing
        push_ds!(e, r, drs, lost, dpieces)
        foreach((dr, shift) -> move_by!(dr, lost, shift), drs, part(1))
    end
    move_by!(r, lost, before)
    push_turn!(r, drs, lost, turn, part(2))
    push_rows!(f, (numbers[1], numbers[2], 0.0), map(n -> (n[1], n[2], 0.0), along), r, drs, lost, beta)
    push_turn!(r, drs, lost, back, part(3))
    move_by!(r, lost, after)
    changes === nothing || foreach((dr, shift) -> move_by!(dr, lost, shift), drs, part(4))
    push_slip!(r, drs, lost, numbers[3], map(last, along), beta)
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
    f, numbers = flow_of(piece.element, r, lost), numbers_of(piece)
    if is_upright(piece.element) && dpiece === nothing
        pull_rows!(f, numbers, r, dr, lost, beta)
        return nothing
    end
    is_upright(piece.element) || return pull_placed!(piece, dpiece, f, numbers, r, dr, lost, beta)
    after = live_sums(dr, lost)
    # a shift at the end is before the slip, and none moves the momentum within
    after[6] += sum_of_slip(r, dr, lost, numbers[3], beta)
    found = pull_rows!(f, numbers, r, dr, lost, beta)
    add_to_numbers!(dpiece, piece.element, found)
    add_to_frames!(dpiece.element, :T1, live_sums(dr, lost))
    add_to_frames!(dpiece.element, :T2, after)
    nothing
end

"""The same of one that is displaced or rolled."""
function pull_placed!(piece, dpiece, f, numbers, r, dr, lost, beta)
    before, turn, back, after = frames(piece.element)
    plain = (numbers[1], numbers[2], 0.0)
    shifted = copy(r)
    move_by!(shifted, lost, before)
    turned = copy(shifted)
    turn_by!(turned, lost, turn)
    passed = copy(turned)
    pass_rows!(f, plain, passed, lost, beta)
    final = copy(passed)
    turn_by!(final, lost, back)
    move_by!(final, lost, after)
    by_slip = pull_slip!(final, dr, lost, numbers[3], beta)
    by_after = live_sums(dr, lost)
    by_back = pull_turn!(passed, dr, lost, back)
    found = pull_rows!(f, plain, turned, dr, lost, beta)
    by_turn = pull_turn!(shifted, dr, lost, turn)
    dpiece === nothing && return nothing
    add_to_numbers!(dpiece, piece.element, (found[1], found[2], by_slip))
    slopes = (T1=live_sums(dr, lost), R1=by_turn, R2=by_back, T2=by_after)
    for (name, values) in pairs(slopes)
        add_to_frames!(dpiece.element, name, values)
    end
    pull_ds!(dpiece.element, r, dr, lost)
    nothing
end

"""Add to the slopes of a piece those by its length, strength and slip."""
function add_to_numbers!(dpiece, e, found)
    dpiece.slip += found[3]
    e isa Union{JuTrack.TRANSLATION,JuTrack.MARKER} && return nothing
    if e isa JuTrack.YROTATION
        sine, cosine = sincos(e.angle)
        dpiece.element.angle -= found[1] * sine + found[2] * cosine
        return nothing
    end
    plain = bare(dpiece.element)
    plain.len += found[1]
    plain isa JuTrack.QUAD && (plain.k1 += e isa Exchanged ? -found[2] : found[2])
    nothing
end

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

"""Particles back through the inverse of a piece, by its flow: the slip first, as it was added last."""
function pass_flow!(piece::Piece, r, lost, beta)
    f, e, numbers = flow_of(piece.element, r, lost), piece.element, numbers_of(piece)
    is_upright(e) && return pass_rows!(f, numbers, r, lost, beta)
    before, turn, back, after = frames(e)
    add_slip!(r, lost, numbers[3], beta)
    move_by!(r, lost, before)
    turn_by!(r, lost, turn)
    pass_rows!(f, (numbers[1], numbers[2], 0.0), r, lost, beta)
    turn_by!(r, lost, back)
    move_by!(r, lost, after)
end

function pass_rows!(f::F, numbers, r, lost, beta) where {F}
    @inbounds for p in axes(r, 1)
        lost[p] == 0 && set_row!(r, p, f(row_of(r, p)..., numbers..., beta))
    end
    nothing
end
