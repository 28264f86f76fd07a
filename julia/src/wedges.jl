# The wedges of turned faces, in which bends radiate as in their bodies: the path in the field is longer
# or shorter by them. JuTrack leaves that out.

"""
    Wedge(; loss, tangent, PolynomA, PolynomB)

What particles radiate in the wedge of a turned face: 1/T, of a momentum T over that of the reference,
grows by `loss` b^2 dl [m], with b the field of polynomials across the motion [1/m] and
dl = -x `tangent` the length of the path in the wedge. Places and directions stay.

Source: M. Sands, SLAC-121 (1970), eqs. 4.3 and 5.9.
"""
@kwdef mutable struct Wedge <: JuTrack.AbstractElement{Float64}
    loss::Float64 = 0.0
    tangent::Float64 = 0.0
    PolynomA::Vector{Float64} = zeros(4)
    PolynomB::Vector{Float64} = zeros(4)
end

function move!(e::Wedge, r::Matrix{Float64}, particles)
    lost = particles.lost_flag
    @inbounds for p in axes(r, 1)
        lost[p] == 0 || continue
        x, px, y, py, total = r[p, 1], r[p, 2], r[p, 3], r[p, 4], 1 + r[p, 6]
        b_y, b_x = e.PolynomB[4], e.PolynomA[4]
        for n in 3:-1:1
            b_y, b_x = x * b_y - y * b_x + e.PolynomB[n], x * b_x + y * b_y + e.PolynomA[n]
        end
        along = b_x * px + b_y * py
        across = b_x * b_x + b_y * b_y - along * along / (total * total)
        forward = total * total - px * px - py * py
        path = forward > 0 ? -x * e.tangent * total / sqrt(forward) : 0.0
        growth = e.loss * across * path * total
        share = growth / (1 + growth)
        r[p, 2] -= px * share
        r[p, 4] -= py * share
        r[p, 6] -= total * share
    end
    nothing
end

# what it depends on does not change in it
inverse(e::Wedge) = negated(deepcopy(e), :loss)
