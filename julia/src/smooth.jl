# JuTrack's commonest maps in a form that Enzyme differentiates fast, and twice: without globals of
# unknown type, which cost it ten times, and without hyperbolic functions, of whose second derivatives
# Enzyme 0.13 takes one for the other. Particles are tracked by JuTrack's own maps; tests hold them
# together.

"""Pass a piece for its derivatives; marks of the lost are set by `mark_lost!`."""
function pass_smoothly!(piece::Piece, r, lost, particles, beta)
    before = copy(lost)
    move_smoothly!(piece.element, r, lost, particles)
    add_slip!(r, before, piece.slip, beta)
end

move_smoothly!(e, r, lost, particles) = move!(e, r, particles)

function move_smoothly!(e::Exchanged, r, lost, particles)
    exchange!(r)
    move_smoothly!(e.element, r, lost, particles)
    exchange!(r)
end

function move_smoothly!(e::Straight, r, lost, particles)
    is_smooth(e) || return move!(e, r, particles)
    upright = is_upright(e)
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        upright || change_frame!(r, p, e.T1, e.R1)
        move_row!(e, r, p)
        upright || turn_back!(r, p, e.R2, e.T2)
    end
    nothing
end

function change_frame!(r, p, shift, matrix)
    iszero(shift) || JuTrack.addvv_row!(r, p, shift)
    iszero(matrix) || JuTrack.multmv_row!(r, p, matrix)
    nothing
end

function turn_back!(r, p, matrix, shift)
    iszero(matrix) || JuTrack.multmv_row!(r, p, matrix)
    iszero(shift) || JuTrack.addvv_row!(r, p, shift)
    nothing
end

"""Whether an element is one of those that stand here."""
is_smooth(e::JuTrack.DRIFT) = true
is_smooth(e) =
    e.rad == 0 &&
    e.FringeQuadEntrance == 0 &&
    e.FringeQuadExit == 0 &&
    iszero(e.KickAngle)
# without strength there are no such terms
is_smooth(e::JuTrack.QUAD) = e.k1 > NO_STRENGTH && e.rad == 0

"""Mark what JuTrack's own map would have marked."""
mark_lost!(e, r, lost) = nothing

function mark_lost!(e::Exchanged, r, lost)
    exchange!(r)
    mark_lost!(e.element, r, lost)
    exchange!(r)
end

function mark_lost!(e::Union{JuTrack.TRANSLATION{Float64},JuTrack.YROTATION{Float64}}, r, lost)
    for p in axes(r, 1)
        lost[p] == 0 && JuTrack._check_lost_row(r, p) && (lost[p] = 1)
    end
    nothing
end

function mark_lost!(e::Union{Straight,JuTrack.SBEND{Float64},JuTrack.ESBEND{Float64}}, r, lost)
    bounded = !(iszero(e.RApertures) && iszero(e.EApertures))
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        gone = JuTrack._check_lost_row(r, p) ||
            bounded && JuTrack._check_lost_aperture_row(r, p, e.RApertures, e.EApertures)
        gone && (lost[p] = 1)
    end
    nothing
end

"""The exact drift."""
@inline function move_row!(e::JuTrack.DRIFT, r, p)
    u = drifted(r[p, 1], r[p, 2], r[p, 3], r[p, 4], r[p, 5], r[p, 6], e.len)
    @inbounds r[p, 1], r[p, 3], r[p, 5] = u[1], u[2], u[3]
    nothing
end

@inline function drifted(x, px, y, py, z, delta, len)
    along = 1 + delta
    squared = along * along - px * px - py * py
    # JuTrack's mark of what cannot go on
    forward = squared > 0 ? root(squared) : NaN
    share = len / forward
    x + share * px, y + share * py, z + share * along - len
end

# the fourth-order integrator of Forest and Ruth, and of Yoshida
const OUTER = 1 / (2 * (2 - cbrt(2)))
const INNER = 0.5 - OUTER

"""Drifts and kicks of multipoles up to the octupole."""
@inline function move_row!(e, r, p)
    a, order = e.PolynomA, e.MaxOrder
    b = (e.k0, e.k1, e.k2 / 2, e.k3 / 6)
    step = e.len / e.NumIntSteps
    @inbounds begin
        x, px, y, py, z, delta = r[p, 1], r[p, 2], r[p, 3], r[p, 4], r[p, 5], r[p, 6]
        for _ in 1:(e.NumIntSteps)
            x, y, z = drifted(x, px, y, py, z, delta, OUTER * step)
            px, py = kicked(x, px, y, py, a, b, order, 2OUTER * step)
            x, y, z = drifted(x, px, y, py, z, delta, INNER * step)
            px, py = kicked(x, px, y, py, a, b, order, (1 - 4OUTER) * step)
            x, y, z = drifted(x, px, y, py, z, delta, INNER * step)
            px, py = kicked(x, px, y, py, a, b, order, 2OUTER * step)
            x, y, z = drifted(x, px, y, py, z, delta, OUTER * step)
        end
        r[p, 1], r[p, 2], r[p, 3], r[p, 4], r[p, 5] = x, px, y, py, z
    end
    nothing
end

@inline function kicked(x, px, y, py, a, b, order, len)
    re, im = b[order + 1], a[order + 1]
    for n in order:-1:1
        re, im = re * x - im * y + b[n], im * x + re * y + a[n]
    end
    px - len * re, py + len * im
end

"""The exact solution of the paraxial quadrupole that focuses x."""
@inline function move_row!(e::JuTrack.QUAD, r, p)
    len = e.len
    @inbounds begin
        along = 1 + r[p, 6]
        x, xp, y, yp = r[p, 1], r[p, 2] / along, r[p, 3], r[p, 4] / along
        g = e.k1 / along
        w = sqrt(g)
        phase = w * len
        c, s = cos(phase), sin(phase) / w
        ch, sh = (exp(phase) + exp(-phase)) / 2, (expm1(phase) - expm1(-phase)) / (2w)
        r[p, 1], r[p, 2] = c * x + s * xp, (c * xp - g * s * x) * along
        r[p, 3], r[p, 4] = ch * y + sh * yp, (ch * yp + g * sh * y) * along
        late = g * (x * x * (len - c * s) - y * y * (len - ch * sh)) / 4
        late += (xp * xp * (len + c * s) + yp * yp * (len + ch * sh)) / 4
        r[p, 5] += late + g * (sh * sh * y * yp - s * s * x * xp) / 2
    end
    nothing
end
