"""
    Network(layers, inputs)

Layers in the order in which they run; the value of the last is that of the network.

`inputs[i]` holds the places of what layer i reads: 0 is the network's own input, j the value of
layer j.
"""
struct Network
    layers::Vector{Layer}
    inputs::Vector{Vector{Int}}
end

"""Whether the output is linear in the input, without an offset."""
islinear(network::Network) = all(islinear, network.layers)
islinear(l::Weighted) = l.bias === nothing
islinear(l::Affine) = iszero(l.shift)
islinear(::Union{InstanceNorm,LeakyReLU}) = false
islinear(::Layer) = true

"""All values on the way, that of the input first; maps `x[ix, iy, 1, sample]`."""
function values_of(network::Network, x)
    foretell(() -> "networks", (values_of, typeof(x)))
    values = [x]
    for (layer, from) in zip(network.layers, network.inputs)
        push!(values, value(layer, (values[i + 1] for i in from)...))
    end
    values
end

(network::Network)(x) = last(values_of(network, x))

"""
    jvp(network, x, dx)

The value and its derivative along dx, layer by layer: Eq. 3 of the paper.
"""
function jvp(network::Network, x, dx)
    foretell(() -> "networks", (jvp, typeof(x)))
    values, tangents = [x], [dx]
    for (layer, from) in zip(network.layers, network.inputs)
        xs, dxs = Tuple(values[i + 1] for i in from), Tuple(tangents[i + 1] for i in from)
        push!(values, value(layer, xs...))
        push!(tangents, tangent(layer, xs, dxs))
    end
    last(values), last(tangents)
end

"""
    vjp(network, x, dy)

The value and the derivative of <dy, value> by x, layer by layer.
"""
function vjp(network::Network, x, dy)
    values = values_of(network, x)
    gradients = Vector{Union{Nothing,typeof(x)}}(nothing, length(values))
    gradients[end] = dy
    for i in length(network.layers):-1:1
        gradient = gradients[i + 1]
        gradient === nothing && continue
        from = network.inputs[i]
        xs = Tuple(values[j + 1] for j in from)
        for (j, dx) in zip(from, cotangent(network.layers[i], xs, gradient))
            gradients[j + 1] = gradients[j + 1] === nothing ? dx : gradients[j + 1] .+ dx
        end
    end
    last(values), something(gradients[1], zero(x))
end
