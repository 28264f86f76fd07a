# What elements were made of, for those that come back as they went: a kind of another package may be
# several of JuTrack's in a row, and have what no field of theirs holds.

const ORIGINS = WeakKeyDict{Any,Tuple{Vector{Any},Any}}()

"""
    remember!(line, first, origin)

Keep what the elements of a line from a place on were made of, as long as the line is kept.
"""
function remember!(line, first::Int, origin)
    ORIGINS[line[first]] = Any[deepcopy(e) for e in line[first:end]], origin
    nothing
end

"""
    recall(line, first)

How many elements of a line from a place on were made of one thing, and that; nothing where there is
no such thing, or any of them was changed or taken away since.
"""
function recall(line, first::Int)
    row, origin = get(ORIGINS, line[first], (Any[], nothing))
    last = first + length(row) - 1
    isempty(row) || last > length(line) || !all(map(is_same, row, line[first:last])) ? nothing :
    (length(row), origin)
end

"""Whether two things are of one type and equal, records by their fields, however deep."""
function is_same(a, b)
    typeof(a) == typeof(b) || return false
    a isa AbstractArray && return axes(a) == axes(b) && all(((x, y),) -> is_same(x, y), zip(a, b))
    fields = fieldnames(typeof(a))
    isempty(fields) ? isequal(a, b) : all(f -> is_same(getfield(a, f), getfield(b, f)), fields)
end
