# Particles in chunks, one for each thread; and marks of the lost.

"""
    Room()

Arrays that are used again and again on one way, by name and size: large ones are pages of memory
that the system hands out anew each time.
"""
struct Room
    arrays::Dict{Any,Array{Float64}}
end

Room() = Room(Dict())

"""An array of the room, with what was last in it."""
function taken(room::Room, name, size::Vararg{Int,N}) where {N}
    get!(() -> zeros(size...), room.arrays, (name, size))::Array{Float64,N}
end

"""The same, of zeros."""
cleared(room::Room, name, size::Int...) = fill!(taken(room, name, size...), 0.0)

"""
    Particles(r, lost, reference)

Coordinates of JuTrack's (N, 6) and marks, in as many chunks as there are threads for; and room for
the fields that they make.
"""
struct Particles
    r::Vector{Matrix{Float64}}
    lost::Vector{Vector{Int}}
    beams::Vector{JuTrack.Beam{Float64}}
    total::Int
    room::Room
end

# fewer in a chunk are not worth a thread
const LEAST = 256

function Particles(r::Matrix{Float64}, lost::Vector{Int}, reference::Reference)
    count = clamp(size(r, 1) ÷ LEAST, 1, Threads.nthreads())
    rows = chunk_rows(size(r, 1), count)
    rs = [r[range, :] for range in rows]
    marks = [lost[range] for range in rows]
    Particles(rs, marks, [beam(a, b, reference) for (a, b) in zip(rs, marks)], size(r, 1), Room())
end

chunk_rows(total, count) =
    [(total * (i - 1) ÷ count + 1):(total * i ÷ count) for i in 1:count]

"""The same rows of another array of as many, such as tangents."""
chunked(r::Matrix{Float64}, like::Particles) =
    [r[range, :] for range in chunk_rows(like.total, length(like.r))]

joined(chunks) = length(chunks) == 1 ? chunks[1] : reduce(vcat, chunks)

"""Particles with coordinates and marks of their own."""
function copied(p::Particles, reference::Reference)
    rs, marks = copy.(p.r), copy.(p.lost)
    Particles(rs, marks, [beam(a, b, reference) for (a, b) in zip(rs, marks)], p.total, Room())
end

"""
Call `f` with the number of each chunk, each in a thread of its own. All have ended when this returns
or throws; it throws what the first of them threw, which is what one thread would.
"""
function for_chunks(f, count)
    count == 1 && return (f(1); nothing)
    tasks = [Threads.@spawn(f($i)) for i in 2:count]
    try
        f(1)
    finally
        # they work in arrays of who asks
        wait_for_all(tasks)
    end
    failed = findfirst(istaskfailed, tasks)
    failed === nothing || throw(tasks[failed].result)
    nothing
end

"""Wait for tasks to end, failed or not; an interrupt meanwhile is thrown afterwards."""
function wait_for_all(tasks)
    interrupt = nothing
    for task in tasks
        while !istaskdone(task)
            try
                wait(task)
            catch error
                error isa InterruptException && (interrupt = error)
            end
        end
    end
    interrupt === nothing || throw(interrupt)
    nothing
end

"""Call `f` with the number of a thread and with each number to `total`, shared among threads."""
function for_shares(f, total)
    count = min(Threads.nthreads(), total)
    rows = chunk_rows(total, count)
    for_chunks(i -> foreach(n -> f(i, n), rows[i]), count)
end
