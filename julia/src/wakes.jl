# JuTrack's wake of a resonator, with half of its step at the source.

"""
Of what a cell does to itself JuTrack takes all or nothing, as its middle, which is 0, comes out by rounding: W(t) is 0 for
t > 0, and W(0) else. Half is right, the mean of both: the middle a billionth of a cell to each side, with half the charge.
"""
function move!(e::Early{JuTrack.LongitudinalRLCWake{Float64}}, r::Matrix{Float64}, particles)
    b = particles
    turn_fifth!(r)
    JuTrack.histogram1DinZ!(b, b.znbin, b.inzindex, b.zhist, b.zhist_edges)
    kick = b.np * 1.6021766208e-19 * b.charge^2 / b.energy / b.beta / b.beta / b.atomnum
    aside = 1e-9 * (b.zhist_edges[2] - b.zhist_edges[1])
    for middle in (-aside, aside)
        centre!(b.zhist_edges, middle)
        JuTrack.LongiWakefieldPass!(r, size(r, 1), e.element, b.inzindex, kick / 2, b.znbin, b.zhist, b.zhist_edges)
    end
    turn_fifth!(r)
end

"""Move cells so that their middle is at a place."""
function centre!(edges, middle)
    last = length(edges) + 1
    for n in 1:(length(edges) ÷ 2)
        half = (edges[last - n] - edges[n]) / 2
        edges[n], edges[last - n] = middle - half, middle + half
    end
    nothing
end
