# Reading what `pyjutrack convert` writes; docs/nnlib.md of the Python package has the schema.

const FORMAT = ("pyjutrack-nnlib", 1)

"""
    read_network(folder, T=Float64)

The network of a converted folder, with weights in precision T.

Throws an `ArgumentError` if a file is missing, truncated or changed, or a layer is not known.
"""
function read_network(folder::AbstractString, ::Type{T}=Float64) where {T}
    manifest = read_manifest(joinpath(folder, "manifest.json"))
    arrays = read_arrays(joinpath(folder, "weights.bin"), manifest, T)
    places = Dict{String,Int}("input" => 0)
    layers, inputs = Layer[], Vector{Int}[]
    for (i, record) in enumerate(manifest["layers"])
        push!(layers, layer(record, arrays, T))
        push!(inputs, [places[name] for name in record["inputs"]])
        places[record["name"]] = i
    end
    Network(layers, inputs)
end

function read_manifest(file)
    isfile(file) || throw(ArgumentError("no converted network: $file is not there"))
    manifest = try
        JSON.parsefile(file)
    catch error
        throw(ArgumentError("$file is no whole JSON: $(sprint(showerror, error))"))
    end
    found = (get(manifest, "format", nothing), get(manifest, "version", nothing))
    isequal(found, FORMAT) || throw(ArgumentError("$file is of the format $found, not $FORMAT"))
    manifest
end

function read_arrays(file, manifest, ::Type{T}) where {T}
    isfile(file) || throw(ArgumentError("no weights: $file is not there"))
    bytes = read(file)
    if bytes2hex(sha256(bytes)) != manifest["sha256"]
        throw(ArgumentError("$file was changed, or cut, after it was written"))
    end
    stored = manifest["dtype"] == "float32" ? Float32 : Float64
    Dict(name => read_array(bytes, place, stored, T) for (name, place) in manifest["arrays"])
end

function read_array(bytes, place, ::Type{S}, ::Type{T}) where {S,T}
    dims, from = Tuple(Int.(place["dims"])), place["offset"]
    T.(reshape(ltoh.(reinterpret(S, bytes[(from + 1):(from + sizeof(S) * prod(dims))])), dims))
end

"""The layer of a record of the manifest."""
function layer(record, arrays, ::Type{T}) where {T}
    kind = record["kind"]
    if kind in ("Convolution", "TransposedConvolution")
        make = kind == "Convolution" ? Convolution : TransposedConvolution
        bias = record["bias"] === nothing ? nothing : arrays[record["bias"]]
        return make(arrays[record["weight"]], bias, record["stride"], record["padding"])
    elseif kind == "Smoothing"
        return Convolution(arrays[record["name"]], nothing, 1, record["width"] ÷ 2)
    elseif kind == "InstanceNorm"
        return InstanceNorm(T(record["eps"]))
    elseif kind == "LeakyReLU"
        return LeakyReLU(T(record["slope"]))
    elseif kind == "Affine"
        return Affine(T(record["scale"]), T(record["shift"]))
    elseif kind == "Add"
        return Add()
    elseif kind == "Concatenate"
        return Concatenate()
    elseif kind == "Channels"
        return Channels((record["start"] + 1):record["stop"])
    end
    throw(ArgumentError("no layer of the kind $kind is known"))
end
