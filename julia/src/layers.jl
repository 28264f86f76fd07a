# The layers of networks. Maps are x[ix, iy, channel, sample]. Each layer has three rules:
#
#   value(layer, x...)            what it makes of its inputs
#   tangent(layer, xs, dxs)       the derivative of that along the tangents dxs of the inputs xs
#   cotangent(layer, xs, dy)      the derivatives by each input of <dy, value>, as a tuple
#
# The last two are what a derivative of the whole network is put together from: Enzyme does not look
# inside.

abstract type Layer end

"""A convolution with the kernel `w[kx, ky, in, out]`, flipped as NNlib's `conv` has it."""
struct Convolution{T,B<:Union{Nothing,Vector{T}}} <: Layer
    kernel::Array{T,4}
    bias::B
    stride::Int
    padding::Int
end

"""The transpose of a `Convolution` of the same kernel; `w[kx, ky, out, in]`."""
struct TransposedConvolution{T,B<:Union{Nothing,Vector{T}}} <: Layer
    kernel::Array{T,4}
    bias::B
    stride::Int
    padding::Int
end

"""Each channel of each sample less its mean, over sqrt(variance + eps)."""
struct InstanceNorm{T} <: Layer
    eps::T
end

"""x where positive, slope x elsewhere."""
struct LeakyReLU{T} <: Layer
    slope::T
end

"""scale x + shift."""
struct Affine{T} <: Layer
    scale::T
    shift::T
end

"""The sum of the inputs."""
struct Add <: Layer end

"""The channels of all inputs, one after another."""
struct Concatenate <: Layer end

"""The channels of a range."""
struct Channels <: Layer
    range::UnitRange{Int}
end

const Weighted = Union{Convolution,TransposedConvolution}

"""Sizes of the convolution that reads maps of `cells` and `samples` with the kernel of a layer."""
function dims(layer::Weighted, cells, samples)
    w = layer.kernel
    DenseConvDims(
        (cells..., size(w, 3), samples), size(w); stride=layer.stride, padding=layer.padding
    )
end

convolve(layer::Weighted, x) = conv(x, layer.kernel, dims(layer, size(x)[1:2], size(x, 4)))

function spread(layer::Weighted, x, cells)
    ∇conv_data(x, layer.kernel, dims(layer, cells, size(x, 4)))
end

"""Cells of the maps that a transposed convolution makes of maps of `cells`."""
function spread_cells(layer::Weighted, cells)
    (cells .- 1) .* layer.stride .- 2 * layer.padding .+ size(layer.kernel)[1:2]
end

offset(y, ::Nothing) = y
offset(y, bias::Vector) = y .+ reshape(bias, 1, 1, :, 1)

value(l::Convolution, x) = offset(convolve(l, x), l.bias)
tangent(l::Convolution, (x,), (dx,)) = convolve(l, dx)
cotangent(l::Convolution, (x,), dy) = (spread(l, dy, size(x)[1:2]),)

function value(l::TransposedConvolution, x)
    offset(spread(l, x, spread_cells(l, size(x)[1:2])), l.bias)
end
tangent(l::TransposedConvolution, (x,), (dx,)) = spread(l, dx, spread_cells(l, size(x)[1:2]))
cotangent(l::TransposedConvolution, (x,), dy) = (convolve(l, dy),)

centred(x) = x .- mean(x; dims=(1, 2))
deviation(l::InstanceNorm, c) = sqrt.(mean(abs2, c; dims=(1, 2)) .+ l.eps)

function value(l::InstanceNorm, x)
    c = centred(x)
    c ./ deviation(l, c)
end

function tangent(l::InstanceNorm, (x,), (dx,))
    c, dc = centred(x), centred(dx)
    s = deviation(l, c)
    dc ./ s .- c .* mean(c .* dc; dims=(1, 2)) ./ s .^ 3
end

# its Jacobian is symmetric
cotangent(l::InstanceNorm, xs, dy) = (tangent(l, xs, (dy,)),)

value(l::LeakyReLU, x) = leakyrelu.(x, l.slope)
tangent(l::LeakyReLU, (x,), (dx,)) = ifelse.(x .> 0, dx, l.slope .* dx)
cotangent(l::LeakyReLU, xs, dy) = (tangent(l, xs, (dy,)),)

value(l::Affine, x) = l.scale .* x .+ l.shift
tangent(l::Affine, xs, (dx,)) = l.scale .* dx
cotangent(l::Affine, xs, dy) = (l.scale .* dy,)

value(::Add, xs...) = reduce(.+, xs)
tangent(l::Add, xs, dxs) = value(l, dxs...)
cotangent(::Add, xs, dy) = map(_ -> dy, xs)

value(::Concatenate, xs...) = cat(xs...; dims=3)
tangent(l::Concatenate, xs, dxs) = value(l, dxs...)

function cotangent(::Concatenate, xs, dy)
    stops = cumsum(size.(xs, 3))
    map((x, stop) -> dy[:, :, (stop - size(x, 3) + 1):stop, :], xs, stops)
end

value(l::Channels, x) = x[:, :, l.range, :]
tangent(l::Channels, xs, (dx,)) = value(l, dx)

function cotangent(l::Channels, (x,), dy)
    dx = zero(x)
    dx[:, :, l.range, :] = dy
    (dx,)
end
