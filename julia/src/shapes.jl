# Shape functions: how a particle is spread over four nodes a side, and how these are read back.

"""
    Shape(coefficients, sinc_power)

With u in [0, 1) the distance past node i, the weights of nodes i - 1 to i + 2 are polynomials in u.

`sinc_power` gives its Fourier transform, sinc(k h / 2) to that power, by which a solver divides to
undo the smoothing; 0 where it is not to be undone.
"""
struct Shape
    coefficients::NTuple{4,NTuple{4,Float64}}
    sinc_power::Int
end

# sources as in the Python package: Unser 1999, Keys 1981, Birdsall and Langdon
const SHAPES = Dict(
    "bspline" => Shape(
        (
            (1 / 6, -1 / 2, 1 / 2, -1 / 6),
            (2 / 3, 0.0, -1.0, 1 / 2),
            (1 / 6, 1 / 2, 1 / 2, -1 / 2),
            (0.0, 0.0, 0.0, 1 / 6),
        ),
        4,
    ),
    "catmull-rom" => Shape(
        (
            (0.0, -1 / 2, 1.0, -1 / 2),
            (1.0, 0.0, -5 / 2, 3 / 2),
            (0.0, 1 / 2, 2.0, -3 / 2),
            (0.0, 0.0, -1 / 2, 1 / 2),
        ),
        0,
    ),
    "cic" => Shape(
        (
            (0.0, 0.0, 0.0, 0.0),
            (1.0, -1.0, 0.0, 0.0),
            (0.0, 1.0, 0.0, 0.0),
            (0.0, 0.0, 0.0, 0.0),
        ),
        2,
    ),
)

function shape(name::AbstractString)
    haskey(SHAPES, name) || throw(
        ArgumentError("no shape function $name; there are $(join(sort!(collect(keys(SHAPES))), ", "))"),
    )
    SHAPES[name]
end

"""The weights of the four nodes at u."""
@inline weights(s::Shape, u) = map(c -> evalpoly(u, c), s.coefficients)

"""Their derivatives by u."""
@inline slopes(s::Shape, u) = map(c -> evalpoly(u, (c[2], 2c[3], 3c[4])), s.coefficients)

"""Their second derivatives by u."""
@inline curvatures(s::Shape, u) = map(c -> 2c[3] + 6c[4] * u, s.coefficients)

"""The Fourier transform at k h."""
function transfer(s::Shape, kh)
    iszero(s.sinc_power) && return one(kh)
    half = kh / 2
    (sin(half) / half)^s.sinc_power
end
