# JuTrack's wake of a resonator, with half of its step at the source, and of sources at any distance.

"""
Two faults of JuTrack's pass are mended here, by the cells that it is given.

It adds up sources within half of its cells, and leaves out those farther away without a word: it is given as many
more, of the same length, without particles.

Of what a cell does to itself it takes all or nothing, as its middle, which is 0, comes out by rounding: W(t) is 0 for
t > 0, and W(0) else. Half is right, the mean of both: the middle a billionth of a cell to each side, with half the charge.
"""
function move!(e::Early{JuTrack.LongitudinalRLCWake{Float64}}, r::Matrix{Float64}, particles)
    b = particles
    turn_fifth!(r)
    cells = 2 * b.znbin + 1
    edges, places, shares = share_cells(r, b.znbin, cells)
    kick = b.np * 1.6021766208e-19 * b.charge^2 / b.energy / b.beta / b.beta / b.atomnum
    aside = 1e-9 * (edges[2] - edges[1])
    for middle in (-aside, aside)
        centre!(edges, middle)
        JuTrack.LongiWakefieldPass!(r, size(r, 1), e.element, places, kick / 2, cells, shares, edges)
    end
    turn_fifth!(r)
end

"""
    share_cells(r, across, cells)

Edges of cells of which `across` and two more are as long as the bunch, about z = 0; in which each particle is; and
how many are in each, of which a particle leaves to the next cell up to half of itself, as in JuTrack's histogram.
"""
function share_cells(r, across, cells)
    reach = max(maximum(abs, @view r[:, 5]), 1e-12)  # of particles at one place, too
    step = 2 * (1 + 2 / across) * reach / across
    edges = [step * (n - cells / 2) for n in 0:cells]
    places, shares = zeros(Int, size(r, 1)), zeros(cells)
    for p in axes(r, 1)
        at = (r[p, 5] - edges[1]) / step
        aside = round(at) - at
        place = floor(Int, at) + 1
        next = (1 - 2 * abs(aside))^2 / 2
        places[p] = place
        shares[place] += 1 - next
        shares[place + Int(sign(aside))] += next
    end
    edges, places, shares
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
