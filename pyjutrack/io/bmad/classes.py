"""Classes of elements in Bmad, and attributes that do not concern the motion.

Source: The Bmad Reference Manual, 2025, chapters Elements and Element Attributes.
"""

from __future__ import annotations

from collections.abc import Collection

CLASSES = (
    *("ab_multipole", "ac_kicker", "beambeam", "beginning_ele", "bend_sol_quad", "capillary"),
    *("converter", "crab_cavity", "crystal", "custom", "detector", "diffraction_plate", "drift"),
    *("e_gun", "ecollimator", "elseparator", "em_field", "feedback", "fiducial", "fixer"),
    *("floor_shift", "foil", "fork", "girder", "gkicker", "group", "hkicker", "hybrid"),
    *("instrument", "kicker", "lcavity", "lens", "marker", "mask", "match", "mirror", "monitor"),
    *("multilayer_mirror", "multipole", "null_ele", "octupole", "overlay", "patch", "photon_fork"),
    *("photon_init", "pickup", "pipe", "quadrupole", "ramper", "rbend", "rcollimator", "rf_bend"),
    *("rfcavity", "sad_mult", "sample", "sbend", "sextupole", "sol_quad", "solenoid", "taylor"),
    *("thick_multipole", "undulator", "vkicker", "wiggler"),
)
#: classes that control others
CONTROLLERS = ("overlay", "group", "ramper", "girder")
#: order of the field, by which a tilt without a value makes it skew
ORDERS = {"sol_quad": 1, "quadrupole": 1, "sextupole": 2, "octupole": 3}
#: how it is tracked, what it is called, where it was put
NEUTRAL = {
    *("l", "type", "alias", "descrip", "tracking_method", "mat6_calc_method", "field_calc"),
    *("spin_tracking_method", "ds_step", "num_steps", "integrator_order", "symplectify"),
    *("ptc_integration_type", "ptc_field_geometry", "ptc_fringe_geometry", "ptc_canonical_coords"),
    *("csr_method", "space_charge_method", "csr_ds_step", "taylor_map_includes_offsets"),
    *("superimpose", "ref", "offset", "ele_origin", "ref_origin", "wrap_superimpose"),
    *("create_jumbo_slave", "lord_pad1", "lord_pad2", "ele_beginning", "ele_center", "ele_end"),
    *("ref_beginning", "ref_center", "ref_end", "cavity_type", "n_cell", "n_rf_steps"),
    *("autoscale_phase", "autoscale_amplitude", "field_autoscale", "phi0_autoscale"),
    *("field_master", "harmon_master", "multipass_ref_energy", "n_ref_pass", "static_linear_map"),
    *("scale_field_to_one", "h1", "h2", "reference", "aperture_at", "aperture_type"),
    *("offset_moves_aperture", "longitudinal_mode", "l_active", "n_sample"),
    *("osc_amplitude", "noise", "tilt_calib", "x_gain_calib", "y_gain_calib", "crunch_calib"),
    *("x_gain_err", "y_gain_err", "crunch", "de_eta_meas", "x_dispersion_err", "y_dispersion_err"),
    *("is_on", "multipoles_on", "default_tracking_species", "polarity_calib", "sort_float"),
    *("e_tot", "p0c", "field_overlaps", "lrad", "coupler_at", "coupler_angle"),
}

#: attributes of controllers that are none of their variables
OF_CONTROLLERS = {
    *("type", "alias", "descrip", "gang", "interpolation", "x_knot", "is_on", "slaves", "var"),
}
#: attributes that are words, as much as they may look like expressions
WORDS = {
    *("type", "alias", "descrip", "particle", "lattice", "machine", "ref", "ele_origin", "to_line"),
    *("ref_origin", "geometry", "tracking_method", "mat6_calc_method", "field_calc", "to_element"),
    *("spin_tracking_method", "fringe_type", "fringe_at", "aperture_at", "aperture_type"),
    *("cavity_type", "interpolation", "photon_type", "default_tracking_species", "csr_method"),
    *("space_charge_method", "fiducial_pt", "ptc_field_geometry", "exact_multipoles", "title"),
    *(
        "element",
        "origin_ele",
        "origin_ele_ref_pt",
        "ref_coords",
        "coupler_at",
        "matrix",
        "kick0",
        "wall",
        "lr_wake_file",
        "sr_wake_file",
    ),
}


def find_class(word: str, known: Collection[str]) -> str | None:
    """The class or the element that a word stands for; None if there is none.

    An element of the name, whose attributes are taken over, goes before a class that the word
    abbreviates.

    Raises:
        ValueError: several classes may be meant.
    """
    if word in CLASSES or word in known:
        return word
    found = [name for name in CLASSES if name.startswith(word)]
    if len(found) > 1:
        raise ValueError(f"{word[:40]!r} may be {', '.join(found)}; write more of it")
    return found[0] if found else None
