# What is compiled when the package is, so that no process need: tracking, and the derivatives that
# are code without addresses (see flows.jl). What Enzyme compiles by itself cannot be kept, and must
# not be called here.
#
# Not for a system image: there nothing can be run that Enzyme puts into what asks, as its code is
# linked when the image is; `image.jl` has it compiled by its signatures.

Base.JLOptions().incremental == 1 && @setup_workload begin
    r = [1e-4 * sin(i + 7j) for i in 1:8, j in 1:6]
    lost = zeros(Int, 8)
    reference = Reference(1e9, 938.27208816e6)
    cell = (
        "DRIFT" => (len=0.1,),
        "QUAD" => (len=0.1, k1=1.0),
        "DRIFT" => (len=0.1,),
        "QUAD" => (len=0.1, k1=-1.0),
    )
    # the quadrupole is the second piece, or the third where a drift was cut in two
    entries(k1) = [("field", 1, "len", 0), ("field", k1, "k1", 0), ("slip", 4, "", 0)]

    @compile_workload begin
        space_charge = SpaceCharge(Spectral(Mesh((0.02, 0.02), (16, 16), "bspline"), (8, 8)), true)
        for (effect, k1) in ((nothing, 2), (space_charge, 3))
            whole = study(cell, reference; effect, strength=1e-6, step=0.1)
            track(r, lost, whole)
            probes(r, lost, whole, r)
            for width in WIDTHS
                pushforward(r, lost, whole, entries(k1), ones(3, width), zeros(0, 0, 0))
            end
            pullback(r, lost, whole, entries(k1), r)
            jacobian(r, lost, whole, zeros(6))
        end
    end
end
