"""Attributes of elegant's elements: which are numbers, which do not concern the motion."""

from __future__ import annotations

#: of which an element is made, and which must be numbers
NUMBERS = {
    *("l", "angle", *(f"k{n}" for n in range(1, 9)), *(f"b{n}" for n in range(1, 9)), "b", "bore"),
    *("e1", "e2", "h1", "h2", "hgap", "fint", "fint1", "fint2", "tilt", "etilt", "pitch", "yaw"),
    *("dx", "dy", "dz", "fse", "fse1", "fse2", "fse_dipole", "fse_quadrupole", "ks", "knl", "kick"),
    *("hkick", "vkick", "hcalibration", "vcalibration", "calibration", "factor", "btipl", "order"),
    *("volt", "phase", "freq", "change_p0", "x_max", "y_max", "xkick", "ykick", "j1"),
    *(
        "edge1_effects",
        "edge2_effects",
        "n_kicks",
        "n_slices",
        "use_bn",
        "nonlinear",
        "voltage",
        "frequency",
        "end1_focus",
        "end2_focus",
    ),
}
#: how it is integrated, what is printed, who steers by it
NEUTRAL = {
    *("l", "group", "order", "matrix_order", "edge_order", "n_kicks", "n_slices", "n_bins"),
    *("integration_order", "sqrt_order", "expand_hamiltonian", "isr1part"),
    *("steering", "hsteering", "vsteering", "xsteering", "ysteering", "weight", "co_fitpoint"),
    *("store_turn_by_turn", "readout", "xreadout", "yreadout", "fitpoint", "tracking_matrix"),
    *("sr_in_ordinary_matrix", "malign_method", "etilt_sign", "dx_dy_sign", "expansion_order"),
    *("systematic_multipole_factor", "random_multipole_factor", "steering_multipole_factor"),
    *("min_normal_order", "min_skew_order", "max_normal_order", "max_skew_order", "fringe_type"),
    *("edge1_linear", "edge2_linear", "edge1_nonlinear_factor", "edge2_nonlinear_factor"),
    *("edge1_kick_limit", "edge2_kick_limit", "kick_limit_scaling", "transport", "xreference"),
    *("add_opening_angle", "photon_output_file", "photon_low_energy_cutoff", "lerad", "verbose"),
    *("optimize_fse", "optimize_dx", "optimize_fse_once", "optimize_dx_once", "fiducial"),
    *("change_t", "lock_phase", "fse_correction", "reference_correction", "output_file"),
    *("particle_output_file", "bins", "matrix_tracking", "xsetpoint", "ysetpoint", "setpoint"),
}
#: synchrotron radiation, of which one note tells for the whole file
RADIATION = {"synch_rad", "isr", "use_rad_dist"}
_WRITTEN = {name.replace("_", ""): name for name in (*NUMBERS, *NEUTRAL, *RADIATION)}


def canonical(name: str) -> str:
    """The name of an attribute; elegant takes N_SLICES and NSLICES for the same."""
    name = name.lower()
    return _WRITTEN.get(name.replace("_", ""), name)
