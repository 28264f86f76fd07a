"""Maps, compiled. Written by `python -m pyjutrack.compiled.generate`; do not edit."""

import math

import numpy as np

from .jit import kernel, scalar
from .stumpff import BLOCK, stumpff

# fmt: off

DRIFT_MOVES = (0, 2, 4)


@scalar
def drift_one(x, px, y, py, z, delta, length, beta0):
    t0 = delta + 1.0
    t1 = t0 * t0
    t2 = px * px
    t3 = py * py
    t4 = t2 + t3
    t5 = -t4
    t6 = t1 + t5
    t7 = math.sqrt(t6)
    t8 = length / t7
    t9 = t8 * px
    t10 = x + t9
    t11 = t8 * py
    t12 = y + t11
    t13 = delta + 2.0
    t14 = delta * t13
    t15 = beta0 * beta0
    t16 = -t15
    t17 = 1.0 + t16
    t18 = t14 * t17
    t19 = t15 * t14
    t20 = t19 + 1.0
    t21 = math.sqrt(t20)
    t22 = t0 + t21
    t23 = t21 * t22
    t24 = t18 / t23
    t25 = t0 + t7
    t26 = t7 * t25
    t27 = t4 / t26
    t28 = -t27
    t29 = t24 + t28
    t30 = length * t29
    t31 = z + t30
    return t10, t12, t31


@scalar
def drift_jacobian(x, px, y, py, z, delta, length, beta0):
    t0 = delta + 1.0
    t1 = t0 * t0
    t2 = px * px
    t3 = py * py
    t4 = t2 + t3
    t5 = -t4
    t6 = t1 + t5
    t7 = math.sqrt(t6)
    t8 = length / t7
    t9 = px + px
    t10 = -t9
    t11 = t10 * 0.5
    t12 = t11 / t7
    t13 = t8 * t12
    t14 = -t13
    t15 = t14 / t7
    t16 = t15 * px
    t17 = t16 + t8
    t18 = py + py
    t19 = -t18
    t20 = t19 * 0.5
    t21 = t20 / t7
    t22 = t8 * t21
    t23 = -t22
    t24 = t23 / t7
    t25 = t24 * px
    t26 = t0 + t0
    t27 = t26 * 0.5
    t28 = t27 / t7
    t29 = t8 * t28
    t30 = -t29
    t31 = t30 / t7
    t32 = t31 * px
    t33 = 1.0 / t7
    t34 = t33 * px
    t35 = t15 * py
    t36 = t24 * py
    t37 = t36 + t8
    t38 = t31 * py
    t39 = t33 * py
    t40 = t0 + t7
    t41 = t7 * t40
    t42 = t4 / t41
    t43 = t12 * t40
    t44 = t7 * t12
    t45 = t43 + t44
    t46 = t42 * t45
    t47 = -t46
    t48 = t9 + t47
    t49 = t48 / t41
    t50 = -t49
    t51 = length * t50
    t52 = t21 * t40
    t53 = t7 * t21
    t54 = t52 + t53
    t55 = t42 * t54
    t56 = -t55
    t57 = t18 + t56
    t58 = t57 / t41
    t59 = -t58
    t60 = length * t59
    t61 = delta + 2.0
    t62 = t61 + delta
    t63 = beta0 * beta0
    t64 = -t63
    t65 = 1.0 + t64
    t66 = t62 * t65
    t67 = delta * t61
    t68 = t67 * t65
    t69 = t63 * t67
    t70 = t69 + 1.0
    t71 = math.sqrt(t70)
    t72 = t0 + t71
    t73 = t71 * t72
    t74 = t68 / t73
    t75 = t63 * t62
    t76 = t75 * 0.5
    t77 = t76 / t71
    t78 = t77 * t72
    t79 = 1.0 + t77
    t80 = t71 * t79
    t81 = t78 + t80
    t82 = t74 * t81
    t83 = -t82
    t84 = t66 + t83
    t85 = t84 / t73
    t86 = t28 * t40
    t87 = 1.0 + t28
    t88 = t7 * t87
    t89 = t86 + t88
    t90 = t42 * t89
    t91 = -t90
    t92 = t91 / t41
    t93 = -t92
    t94 = t85 + t93
    t95 = length * t94
    t96 = -t42
    t97 = t74 + t96
    return t17, t25, t32, t34, t35, t37, t38, t39, t51, t60, t95, t97


@kernel
def drift_value(part, start, stop, x, px, y, py, z, delta, alive, length, beta0, x_out, y_out, z_out):
    x = x[start:stop]
    px = px[start:stop]
    y = y[start:stop]
    py = py[start:stop]
    z = z[start:stop]
    delta = delta[start:stop]
    alive = alive[start:stop]
    x_out = x_out[start:stop]
    y_out = y_out[start:stop]
    z_out = z_out[start:stop]
    for n in range(stop - start):
        v_x, v_y, v_z = drift_one(x[n], px[n], y[n], py[n], z[n], delta[n], length, beta0)
        x_out[n] = v_x if alive[n] else x[n]
        y_out[n] = v_y if alive[n] else y[n]
        z_out[n] = v_z if alive[n] else z[n]


@kernel
def drift_tangent(part, start, stop, x, px, y, py, z, delta, alive, length, beta0,
        count, d_x, d_px, d_y, d_py, d_z, d_delta, d_length, d_x_out, d_y_out, d_z_out):
    jac = np.empty((12, BLOCK), x.dtype)
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        for m in range(low, high):
            entries = drift_jacobian(x[m], px[m], y[m], py[m], z[m], delta[m], length, beta0)
            jac[0, m - low] = entries[0]
            jac[1, m - low] = entries[1]
            jac[2, m - low] = entries[2]
            jac[3, m - low] = entries[3]
            jac[4, m - low] = entries[4]
            jac[5, m - low] = entries[5]
            jac[6, m - low] = entries[6]
            jac[7, m - low] = entries[7]
            jac[8, m - low] = entries[8]
            jac[9, m - low] = entries[9]
            jac[10, m - low] = entries[10]
            jac[11, m - low] = entries[11]
        for k in range(count):
            row_x = d_x[min(k, d_x.shape[0] - 1), low:high]
            row_px = d_px[min(k, d_px.shape[0] - 1), low:high]
            row_y = d_y[min(k, d_y.shape[0] - 1), low:high]
            row_py = d_py[min(k, d_py.shape[0] - 1), low:high]
            row_z = d_z[min(k, d_z.shape[0] - 1), low:high]
            row_delta = d_delta[min(k, d_delta.shape[0] - 1), low:high]
            to_x_out = d_x_out[k, low:high]
            to_y_out = d_y_out[k, low:high]
            to_z_out = d_z_out[k, low:high]
            dp_length = d_length[min(k, d_length.shape[0] - 1)]
            for n in range(high - low):
                to_x_out[n] = row_x[n] + jac[0, n] * row_px[n] + jac[1, n] * row_py[n] + jac[2, n] * row_delta[n] + jac[3, n] * dp_length
                to_y_out[n] = jac[4, n] * row_px[n] + row_y[n] + jac[5, n] * row_py[n] + jac[6, n] * row_delta[n] + jac[7, n] * dp_length
                to_z_out[n] = jac[8, n] * row_px[n] + jac[9, n] * row_py[n] + row_z[n] + jac[10, n] * row_delta[n] + jac[11, n] * dp_length
            for n in range(high - low):
                if not alive[low + n]:
                    to_x_out[n] = row_x[n]
                    to_y_out[n] = row_y[n]
                    to_z_out[n] = row_z[n]


@kernel
def drift_cotangent(part, start, stop, x, px, y, py, z, delta, alive, length, beta0,
        g_x_out, g_y_out, g_z_out,
        b_x, b_px, b_y, b_py, b_z, b_delta, sums):
    jac = np.empty((12, BLOCK), x.dtype)
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        for m in range(low, high):
            entries = drift_jacobian(x[m], px[m], y[m], py[m], z[m], delta[m], length, beta0)
            jac[0, m - low] = entries[0]
            jac[1, m - low] = entries[1]
            jac[2, m - low] = entries[2]
            jac[3, m - low] = entries[3]
            jac[4, m - low] = entries[4]
            jac[5, m - low] = entries[5]
            jac[6, m - low] = entries[6]
            jac[7, m - low] = entries[7]
            jac[8, m - low] = entries[8]
            jac[9, m - low] = entries[9]
            jac[10, m - low] = entries[10]
            jac[11, m - low] = entries[11]
        for m in range(low, high):
            n = m - low
            if alive[m]:
                b_x[m] = g_x_out[m]
                b_px[m] = jac[0, n] * g_x_out[m] + jac[4, n] * g_y_out[m] + jac[8, n] * g_z_out[m]
                b_y[m] = g_y_out[m]
                b_py[m] = jac[1, n] * g_x_out[m] + jac[5, n] * g_y_out[m] + jac[9, n] * g_z_out[m]
                b_z[m] = g_z_out[m]
                b_delta[m] = jac[2, n] * g_x_out[m] + jac[6, n] * g_y_out[m] + jac[10, n] * g_z_out[m]
                sums[part, 0] += jac[3, n] * g_x_out[m] + jac[7, n] * g_y_out[m] + jac[11, n] * g_z_out[m]
            else:
                b_x[m] = g_x_out[m]
                b_px[m] = 0.0
                b_y[m] = g_y_out[m]
                b_py[m] = 0.0
                b_z[m] = g_z_out[m]
                b_delta[m] = 0.0


DRIFT_PARAXIAL_MOVES = (0, 2, 4)


@scalar
def drift_paraxial_one(x, px, y, py, z, delta, length, beta0):
    t0 = delta + 1.0
    t1 = px / t0
    t2 = length * t1
    t3 = x + t2
    t4 = py / t0
    t5 = length * t4
    t6 = y + t5
    t7 = delta + 2.0
    t8 = delta * t7
    t9 = beta0 * beta0
    t10 = -t9
    t11 = 1.0 + t10
    t12 = t8 * t11
    t13 = t9 * t8
    t14 = t13 + 1.0
    t15 = math.sqrt(t14)
    t16 = t0 + t15
    t17 = t15 * t16
    t18 = t12 / t17
    t19 = t1 * t1
    t20 = t4 * t4
    t21 = t19 + t20
    t22 = t21 * 0.5
    t23 = -t22
    t24 = t18 + t23
    t25 = length * t24
    t26 = z + t25
    return t3, t6, t26


@scalar
def drift_paraxial_jacobian(x, px, y, py, z, delta, length, beta0):
    t0 = delta + 1.0
    t1 = 1.0 / t0
    t2 = length * t1
    t3 = px / t0
    t4 = -t3
    t5 = t4 / t0
    t6 = length * t5
    t7 = py / t0
    t8 = -t7
    t9 = t8 / t0
    t10 = length * t9
    t11 = t1 * t3
    t12 = t3 * t1
    t13 = t11 + t12
    t14 = t13 * 0.5
    t15 = -t14
    t16 = length * t15
    t17 = t1 * t7
    t18 = t7 * t1
    t19 = t17 + t18
    t20 = t19 * 0.5
    t21 = -t20
    t22 = length * t21
    t23 = delta + 2.0
    t24 = t23 + delta
    t25 = beta0 * beta0
    t26 = -t25
    t27 = 1.0 + t26
    t28 = t24 * t27
    t29 = delta * t23
    t30 = t29 * t27
    t31 = t25 * t29
    t32 = t31 + 1.0
    t33 = math.sqrt(t32)
    t34 = t0 + t33
    t35 = t33 * t34
    t36 = t30 / t35
    t37 = t25 * t24
    t38 = t37 * 0.5
    t39 = t38 / t33
    t40 = t39 * t34
    t41 = 1.0 + t39
    t42 = t33 * t41
    t43 = t40 + t42
    t44 = t36 * t43
    t45 = -t44
    t46 = t28 + t45
    t47 = t46 / t35
    t48 = t5 * t3
    t49 = t3 * t5
    t50 = t48 + t49
    t51 = t9 * t7
    t52 = t7 * t9
    t53 = t51 + t52
    t54 = t50 + t53
    t55 = t54 * 0.5
    t56 = -t55
    t57 = t47 + t56
    t58 = length * t57
    t59 = t3 * t3
    t60 = t7 * t7
    t61 = t59 + t60
    t62 = t61 * 0.5
    t63 = -t62
    t64 = t36 + t63
    return t2, t6, t3, t2, t10, t7, t16, t22, t58, t64


@kernel
def drift_paraxial_value(part, start, stop, x, px, y, py, z, delta, alive, length, beta0, x_out, y_out, z_out):
    x = x[start:stop]
    px = px[start:stop]
    y = y[start:stop]
    py = py[start:stop]
    z = z[start:stop]
    delta = delta[start:stop]
    alive = alive[start:stop]
    x_out = x_out[start:stop]
    y_out = y_out[start:stop]
    z_out = z_out[start:stop]
    for n in range(stop - start):
        v_x, v_y, v_z = drift_paraxial_one(x[n], px[n], y[n], py[n], z[n], delta[n], length, beta0)
        x_out[n] = v_x if alive[n] else x[n]
        y_out[n] = v_y if alive[n] else y[n]
        z_out[n] = v_z if alive[n] else z[n]


@kernel
def drift_paraxial_tangent(part, start, stop, x, px, y, py, z, delta, alive, length, beta0,
        count, d_x, d_px, d_y, d_py, d_z, d_delta, d_length, d_x_out, d_y_out, d_z_out):
    jac = np.empty((10, BLOCK), x.dtype)
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        for m in range(low, high):
            entries = drift_paraxial_jacobian(x[m], px[m], y[m], py[m], z[m], delta[m], length, beta0)
            jac[0, m - low] = entries[0]
            jac[1, m - low] = entries[1]
            jac[2, m - low] = entries[2]
            jac[3, m - low] = entries[3]
            jac[4, m - low] = entries[4]
            jac[5, m - low] = entries[5]
            jac[6, m - low] = entries[6]
            jac[7, m - low] = entries[7]
            jac[8, m - low] = entries[8]
            jac[9, m - low] = entries[9]
        for k in range(count):
            row_x = d_x[min(k, d_x.shape[0] - 1), low:high]
            row_px = d_px[min(k, d_px.shape[0] - 1), low:high]
            row_y = d_y[min(k, d_y.shape[0] - 1), low:high]
            row_py = d_py[min(k, d_py.shape[0] - 1), low:high]
            row_z = d_z[min(k, d_z.shape[0] - 1), low:high]
            row_delta = d_delta[min(k, d_delta.shape[0] - 1), low:high]
            to_x_out = d_x_out[k, low:high]
            to_y_out = d_y_out[k, low:high]
            to_z_out = d_z_out[k, low:high]
            dp_length = d_length[min(k, d_length.shape[0] - 1)]
            for n in range(high - low):
                to_x_out[n] = row_x[n] + jac[0, n] * row_px[n] + jac[1, n] * row_delta[n] + jac[2, n] * dp_length
                to_y_out[n] = row_y[n] + jac[3, n] * row_py[n] + jac[4, n] * row_delta[n] + jac[5, n] * dp_length
                to_z_out[n] = jac[6, n] * row_px[n] + jac[7, n] * row_py[n] + row_z[n] + jac[8, n] * row_delta[n] + jac[9, n] * dp_length
            for n in range(high - low):
                if not alive[low + n]:
                    to_x_out[n] = row_x[n]
                    to_y_out[n] = row_y[n]
                    to_z_out[n] = row_z[n]


@kernel
def drift_paraxial_cotangent(part, start, stop, x, px, y, py, z, delta, alive, length, beta0,
        g_x_out, g_y_out, g_z_out,
        b_x, b_px, b_y, b_py, b_z, b_delta, sums):
    jac = np.empty((10, BLOCK), x.dtype)
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        for m in range(low, high):
            entries = drift_paraxial_jacobian(x[m], px[m], y[m], py[m], z[m], delta[m], length, beta0)
            jac[0, m - low] = entries[0]
            jac[1, m - low] = entries[1]
            jac[2, m - low] = entries[2]
            jac[3, m - low] = entries[3]
            jac[4, m - low] = entries[4]
            jac[5, m - low] = entries[5]
            jac[6, m - low] = entries[6]
            jac[7, m - low] = entries[7]
            jac[8, m - low] = entries[8]
            jac[9, m - low] = entries[9]
        for m in range(low, high):
            n = m - low
            if alive[m]:
                b_x[m] = g_x_out[m]
                b_px[m] = jac[0, n] * g_x_out[m] + jac[6, n] * g_z_out[m]
                b_y[m] = g_y_out[m]
                b_py[m] = jac[3, n] * g_y_out[m] + jac[7, n] * g_z_out[m]
                b_z[m] = g_z_out[m]
                b_delta[m] = jac[1, n] * g_x_out[m] + jac[4, n] * g_y_out[m] + jac[8, n] * g_z_out[m]
                sums[part, 0] += jac[2, n] * g_x_out[m] + jac[5, n] * g_y_out[m] + jac[9, n] * g_z_out[m]
            else:
                b_x[m] = g_x_out[m]
                b_px[m] = 0.0
                b_y[m] = g_y_out[m]
                b_py[m] = 0.0
                b_z[m] = g_z_out[m]
                b_delta[m] = 0.0


QUADRUPOLE_MOVES = (0, 1, 2, 3, 4)


@scalar
def quadrupole_one(x, px, y, py, z, delta, length, k1, beta0):
    t0 = delta + 1.0
    t1 = k1 / t0
    t2 = t1 * length
    t3 = t2 * length
    c0_t3, c1_t3, c2_t3, c3_t3 = stumpff(t3)
    t5 = c0_t3 * x
    t6 = length * c1_t3
    t7 = px / t0
    t8 = t6 * t7
    t9 = t5 + t8
    t10 = c0_t3 * t7
    t11 = t1 * t6
    t12 = t11 * x
    t13 = -t12
    t14 = t10 + t13
    t15 = t14 * t0
    t16 = -t1
    t17 = t16 * length
    t18 = t17 * length
    c0_t18, c1_t18, c2_t18, c3_t18 = stumpff(t18)
    t20 = c0_t18 * y
    t21 = length * c1_t18
    t22 = py / t0
    t23 = t21 * t22
    t24 = t20 + t23
    t25 = c0_t18 * t22
    t26 = t16 * t21
    t27 = t26 * y
    t28 = -t27
    t29 = t25 + t28
    t30 = t29 * t0
    t31 = delta + 2.0
    t32 = delta * t31
    t33 = beta0 * beta0
    t34 = -t33
    t35 = 1.0 + t34
    t36 = t32 * t35
    t37 = t33 * t32
    t38 = t37 + 1.0
    t39 = math.sqrt(t38)
    t40 = t0 + t39
    t41 = t39 * t40
    t42 = t36 / t41
    t43 = length * t42
    t44 = z + t43
    t45 = t7 * t7
    t46 = length * 0.5
    t47 = t6 * c0_t3
    t48 = t47 * 0.5
    t49 = t46 + t48
    t50 = t45 * t49
    t51 = t1 * x
    t52 = t51 * t7
    t53 = t52 * t6
    t54 = t53 * t6
    t55 = -t54
    t56 = t50 + t55
    t57 = t51 * x
    t58 = -t48
    t59 = t46 + t58
    t60 = t57 * t59
    t61 = t56 + t60
    t62 = t22 * t22
    t63 = t21 * c0_t18
    t64 = t63 * 0.5
    t65 = t46 + t64
    t66 = t62 * t65
    t67 = t16 * y
    t68 = t67 * t22
    t69 = t68 * t21
    t70 = t69 * t21
    t71 = -t70
    t72 = t66 + t71
    t73 = t67 * y
    t74 = -t64
    t75 = t46 + t74
    t76 = t73 * t75
    t77 = t72 + t76
    t78 = t61 + t77
    t79 = t78 * 0.5
    t80 = -t79
    t81 = t44 + t80
    return t9, t15, t24, t30, t81


@scalar
def quadrupole_jacobian(x, px, y, py, z, delta, length, k1, beta0):
    t0 = delta + 1.0
    t1 = k1 / t0
    t2 = t1 * length
    t3 = t2 * length
    c0_t3, c1_t3, c2_t3, c3_t3 = stumpff(t3)
    t5 = length * c1_t3
    t6 = 1.0 / t0
    t7 = t5 * t6
    t8 = -t1
    t9 = t8 / t0
    t10 = t9 * length
    t11 = t10 * length
    t12 = t11 * c1_t3
    t13 = t12 * -0.5
    t14 = t13 * x
    t15 = -c2_t3
    t16 = c3_t3 + t15
    t17 = t11 * t16
    t18 = t17 * 0.5
    t19 = length * t18
    t20 = px / t0
    t21 = t19 * t20
    t22 = -t20
    t23 = t22 / t0
    t24 = t5 * t23
    t25 = t21 + t24
    t26 = t14 + t25
    t27 = t2 + t2
    t28 = t27 * c1_t3
    t29 = t28 * -0.5
    t30 = t29 * x
    t31 = t27 * t16
    t32 = t31 * 0.5
    t33 = length * t32
    t34 = c1_t3 + t33
    t35 = t34 * t20
    t36 = t30 + t35
    t37 = t6 * length
    t38 = t37 * length
    t39 = t38 * c1_t3
    t40 = t39 * -0.5
    t41 = t40 * x
    t42 = t38 * t16
    t43 = t42 * 0.5
    t44 = length * t43
    t45 = t44 * t20
    t46 = t41 + t45
    t47 = t1 * t5
    t48 = -t47
    t49 = t48 * t0
    t50 = c0_t3 * t6
    t51 = t50 * t0
    t52 = t13 * t20
    t53 = c0_t3 * t23
    t54 = t52 + t53
    t55 = t9 * t5
    t56 = t1 * t19
    t57 = t55 + t56
    t58 = t57 * x
    t59 = -t58
    t60 = t54 + t59
    t61 = t60 * t0
    t62 = c0_t3 * t20
    t63 = t47 * x
    t64 = -t63
    t65 = t62 + t64
    t66 = t61 + t65
    t67 = t29 * t20
    t68 = t1 * t34
    t69 = t68 * x
    t70 = -t69
    t71 = t67 + t70
    t72 = t71 * t0
    t73 = t40 * t20
    t74 = t6 * t5
    t75 = t1 * t44
    t76 = t74 + t75
    t77 = t76 * x
    t78 = -t77
    t79 = t73 + t78
    t80 = t79 * t0
    t81 = t8 * length
    t82 = t81 * length
    c0_t82, c1_t82, c2_t82, c3_t82 = stumpff(t82)
    t84 = length * c1_t82
    t85 = t84 * t6
    t86 = -t9
    t87 = t86 * length
    t88 = t87 * length
    t89 = t88 * c1_t82
    t90 = t89 * -0.5
    t91 = t90 * y
    t92 = -c2_t82
    t93 = c3_t82 + t92
    t94 = t88 * t93
    t95 = t94 * 0.5
    t96 = length * t95
    t97 = py / t0
    t98 = t96 * t97
    t99 = -t97
    t100 = t99 / t0
    t101 = t84 * t100
    t102 = t98 + t101
    t103 = t91 + t102
    t104 = t81 + t81
    t105 = t104 * c1_t82
    t106 = t105 * -0.5
    t107 = t106 * y
    t108 = t104 * t93
    t109 = t108 * 0.5
    t110 = length * t109
    t111 = c1_t82 + t110
    t112 = t111 * t97
    t113 = t107 + t112
    t114 = -t6
    t115 = t114 * length
    t116 = t115 * length
    t117 = t116 * c1_t82
    t118 = t117 * -0.5
    t119 = t118 * y
    t120 = t116 * t93
    t121 = t120 * 0.5
    t122 = length * t121
    t123 = t122 * t97
    t124 = t119 + t123
    t125 = t8 * t84
    t126 = -t125
    t127 = t126 * t0
    t128 = c0_t82 * t6
    t129 = t128 * t0
    t130 = t90 * t97
    t131 = c0_t82 * t100
    t132 = t130 + t131
    t133 = t86 * t84
    t134 = t8 * t96
    t135 = t133 + t134
    t136 = t135 * y
    t137 = -t136
    t138 = t132 + t137
    t139 = t138 * t0
    t140 = c0_t82 * t97
    t141 = t125 * y
    t142 = -t141
    t143 = t140 + t142
    t144 = t139 + t143
    t145 = t106 * t97
    t146 = t8 * t111
    t147 = t146 * y
    t148 = -t147
    t149 = t145 + t148
    t150 = t149 * t0
    t151 = t118 * t97
    t152 = t114 * t84
    t153 = t8 * t122
    t154 = t152 + t153
    t155 = t154 * y
    t156 = -t155
    t157 = t151 + t156
    t158 = t157 * t0
    t159 = t1 * t20
    t160 = t159 * t5
    t161 = t160 * t5
    t162 = -t161
    t163 = t1 * x
    t164 = t163 + t163
    t165 = length * 0.5
    t166 = t5 * c0_t3
    t167 = t166 * 0.5
    t168 = -t167
    t169 = t165 + t168
    t170 = t164 * t169
    t171 = t162 + t170
    t172 = t171 * 0.5
    t173 = -t172
    t174 = t6 * t20
    t175 = t20 * t6
    t176 = t174 + t175
    t177 = t165 + t167
    t178 = t176 * t177
    t179 = t163 * t6
    t180 = t179 * t5
    t181 = t180 * t5
    t182 = -t181
    t183 = t178 + t182
    t184 = t183 * 0.5
    t185 = -t184
    t186 = t8 * t97
    t187 = t186 * t84
    t188 = t187 * t84
    t189 = -t188
    t190 = t8 * y
    t191 = t190 + t190
    t192 = t84 * c0_t82
    t193 = t192 * 0.5
    t194 = -t193
    t195 = t165 + t194
    t196 = t191 * t195
    t197 = t189 + t196
    t198 = t197 * 0.5
    t199 = -t198
    t200 = t6 * t97
    t201 = t97 * t6
    t202 = t200 + t201
    t203 = t165 + t193
    t204 = t202 * t203
    t205 = t190 * t6
    t206 = t205 * t84
    t207 = t206 * t84
    t208 = -t207
    t209 = t204 + t208
    t210 = t209 * 0.5
    t211 = -t210
    t212 = delta + 2.0
    t213 = t212 + delta
    t214 = beta0 * beta0
    t215 = -t214
    t216 = 1.0 + t215
    t217 = t213 * t216
    t218 = delta * t212
    t219 = t218 * t216
    t220 = t214 * t218
    t221 = t220 + 1.0
    t222 = math.sqrt(t221)
    t223 = t0 + t222
    t224 = t222 * t223
    t225 = t219 / t224
    t226 = t214 * t213
    t227 = t226 * 0.5
    t228 = t227 / t222
    t229 = t228 * t223
    t230 = 1.0 + t228
    t231 = t222 * t230
    t232 = t229 + t231
    t233 = t225 * t232
    t234 = -t233
    t235 = t217 + t234
    t236 = t235 / t224
    t237 = length * t236
    t238 = t23 * t20
    t239 = t20 * t23
    t240 = t238 + t239
    t241 = t240 * t177
    t242 = t20 * t20
    t243 = t19 * c0_t3
    t244 = t5 * t13
    t245 = t243 + t244
    t246 = t245 * 0.5
    t247 = t242 * t246
    t248 = t241 + t247
    t249 = t9 * x
    t250 = t249 * t20
    t251 = t163 * t23
    t252 = t250 + t251
    t253 = t252 * t5
    t254 = t163 * t20
    t255 = t254 * t19
    t256 = t253 + t255
    t257 = t256 * t5
    t258 = t254 * t5
    t259 = t258 * t19
    t260 = t257 + t259
    t261 = -t260
    t262 = t248 + t261
    t263 = t249 * x
    t264 = t263 * t169
    t265 = t163 * x
    t266 = -t246
    t267 = t265 * t266
    t268 = t264 + t267
    t269 = t262 + t268
    t270 = t100 * t97
    t271 = t97 * t100
    t272 = t270 + t271
    t273 = t272 * t203
    t274 = t97 * t97
    t275 = t96 * c0_t82
    t276 = t84 * t90
    t277 = t275 + t276
    t278 = t277 * 0.5
    t279 = t274 * t278
    t280 = t273 + t279
    t281 = t86 * y
    t282 = t281 * t97
    t283 = t190 * t100
    t284 = t282 + t283
    t285 = t284 * t84
    t286 = t190 * t97
    t287 = t286 * t96
    t288 = t285 + t287
    t289 = t288 * t84
    t290 = t286 * t84
    t291 = t290 * t96
    t292 = t289 + t291
    t293 = -t292
    t294 = t280 + t293
    t295 = t281 * y
    t296 = t295 * t195
    t297 = t190 * y
    t298 = -t278
    t299 = t297 * t298
    t300 = t296 + t299
    t301 = t294 + t300
    t302 = t269 + t301
    t303 = t302 * 0.5
    t304 = -t303
    t305 = t237 + t304
    t306 = t34 * c0_t3
    t307 = t5 * t29
    t308 = t306 + t307
    t309 = t308 * 0.5
    t310 = 0.5 + t309
    t311 = t242 * t310
    t312 = t254 * t34
    t313 = t312 * t5
    t314 = t258 * t34
    t315 = t313 + t314
    t316 = -t315
    t317 = t311 + t316
    t318 = -t309
    t319 = 0.5 + t318
    t320 = t265 * t319
    t321 = t317 + t320
    t322 = t111 * c0_t82
    t323 = t84 * t106
    t324 = t322 + t323
    t325 = t324 * 0.5
    t326 = 0.5 + t325
    t327 = t274 * t326
    t328 = t286 * t111
    t329 = t328 * t84
    t330 = t290 * t111
    t331 = t329 + t330
    t332 = -t331
    t333 = t327 + t332
    t334 = -t325
    t335 = 0.5 + t334
    t336 = t297 * t335
    t337 = t333 + t336
    t338 = t321 + t337
    t339 = t338 * 0.5
    t340 = -t339
    t341 = t225 + t340
    t342 = t44 * c0_t3
    t343 = t5 * t40
    t344 = t342 + t343
    t345 = t344 * 0.5
    t346 = t242 * t345
    t347 = t6 * x
    t348 = t347 * t20
    t349 = t348 * t5
    t350 = t254 * t44
    t351 = t349 + t350
    t352 = t351 * t5
    t353 = t258 * t44
    t354 = t352 + t353
    t355 = -t354
    t356 = t346 + t355
    t357 = t347 * x
    t358 = t357 * t169
    t359 = -t345
    t360 = t265 * t359
    t361 = t358 + t360
    t362 = t356 + t361
    t363 = t122 * c0_t82
    t364 = t84 * t118
    t365 = t363 + t364
    t366 = t365 * 0.5
    t367 = t274 * t366
    t368 = t114 * y
    t369 = t368 * t97
    t370 = t369 * t84
    t371 = t286 * t122
    t372 = t370 + t371
    t373 = t372 * t84
    t374 = t290 * t122
    t375 = t373 + t374
    t376 = -t375
    t377 = t367 + t376
    t378 = t368 * y
    t379 = t378 * t195
    t380 = -t366
    t381 = t297 * t380
    t382 = t379 + t381
    t383 = t377 + t382
    t384 = t362 + t383
    t385 = t384 * 0.5
    t386 = -t385
    return c0_t3, t7, t26, t36, t46, t49, t51, t66, t72, t80, c0_t82, t85, t103, t113, t124, t127, t129, t144, t150, t158, t173, t185, t199, t211, t305, t341, t386


@kernel
def quadrupole_value(part, start, stop, x, px, y, py, z, delta, alive, length, k1, beta0, x_out, px_out, y_out, py_out, z_out):
    x = x[start:stop]
    px = px[start:stop]
    y = y[start:stop]
    py = py[start:stop]
    z = z[start:stop]
    delta = delta[start:stop]
    alive = alive[start:stop]
    x_out = x_out[start:stop]
    px_out = px_out[start:stop]
    y_out = y_out[start:stop]
    py_out = py_out[start:stop]
    z_out = z_out[start:stop]
    for n in range(stop - start):
        v_x, v_px, v_y, v_py, v_z = quadrupole_one(x[n], px[n], y[n], py[n], z[n], delta[n], length, k1, beta0)
        x_out[n] = v_x if alive[n] else x[n]
        px_out[n] = v_px if alive[n] else px[n]
        y_out[n] = v_y if alive[n] else y[n]
        py_out[n] = v_py if alive[n] else py[n]
        z_out[n] = v_z if alive[n] else z[n]


@kernel
def quadrupole_tangent(part, start, stop, x, px, y, py, z, delta, alive, length, k1, beta0,
        count, d_x, d_px, d_y, d_py, d_z, d_delta, d_length, d_k1, d_x_out, d_px_out, d_y_out, d_py_out, d_z_out):
    jac = np.empty((27, BLOCK), x.dtype)
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        for m in range(low, high):
            entries = quadrupole_jacobian(x[m], px[m], y[m], py[m], z[m], delta[m], length, k1, beta0)
            jac[0, m - low] = entries[0]
            jac[1, m - low] = entries[1]
            jac[2, m - low] = entries[2]
            jac[3, m - low] = entries[3]
            jac[4, m - low] = entries[4]
            jac[5, m - low] = entries[5]
            jac[6, m - low] = entries[6]
            jac[7, m - low] = entries[7]
            jac[8, m - low] = entries[8]
            jac[9, m - low] = entries[9]
            jac[10, m - low] = entries[10]
            jac[11, m - low] = entries[11]
            jac[12, m - low] = entries[12]
            jac[13, m - low] = entries[13]
            jac[14, m - low] = entries[14]
            jac[15, m - low] = entries[15]
            jac[16, m - low] = entries[16]
            jac[17, m - low] = entries[17]
            jac[18, m - low] = entries[18]
            jac[19, m - low] = entries[19]
            jac[20, m - low] = entries[20]
            jac[21, m - low] = entries[21]
            jac[22, m - low] = entries[22]
            jac[23, m - low] = entries[23]
            jac[24, m - low] = entries[24]
            jac[25, m - low] = entries[25]
            jac[26, m - low] = entries[26]
        for k in range(count):
            row_x = d_x[min(k, d_x.shape[0] - 1), low:high]
            row_px = d_px[min(k, d_px.shape[0] - 1), low:high]
            row_y = d_y[min(k, d_y.shape[0] - 1), low:high]
            row_py = d_py[min(k, d_py.shape[0] - 1), low:high]
            row_z = d_z[min(k, d_z.shape[0] - 1), low:high]
            row_delta = d_delta[min(k, d_delta.shape[0] - 1), low:high]
            to_x_out = d_x_out[k, low:high]
            to_px_out = d_px_out[k, low:high]
            to_y_out = d_y_out[k, low:high]
            to_py_out = d_py_out[k, low:high]
            to_z_out = d_z_out[k, low:high]
            dp_length = d_length[min(k, d_length.shape[0] - 1)]
            dp_k1 = d_k1[min(k, d_k1.shape[0] - 1)]
            for n in range(high - low):
                to_x_out[n] = jac[0, n] * row_x[n] + jac[1, n] * row_px[n] + jac[2, n] * row_delta[n] + jac[3, n] * dp_length + jac[4, n] * dp_k1
                to_px_out[n] = jac[5, n] * row_x[n] + jac[6, n] * row_px[n] + jac[7, n] * row_delta[n] + jac[8, n] * dp_length + jac[9, n] * dp_k1
                to_y_out[n] = jac[10, n] * row_y[n] + jac[11, n] * row_py[n] + jac[12, n] * row_delta[n] + jac[13, n] * dp_length + jac[14, n] * dp_k1
                to_py_out[n] = jac[15, n] * row_y[n] + jac[16, n] * row_py[n] + jac[17, n] * row_delta[n] + jac[18, n] * dp_length + jac[19, n] * dp_k1
                to_z_out[n] = jac[20, n] * row_x[n] + jac[21, n] * row_px[n] + jac[22, n] * row_y[n] + jac[23, n] * row_py[n] + row_z[n] + jac[24, n] * row_delta[n] + jac[25, n] * dp_length + jac[26, n] * dp_k1
            for n in range(high - low):
                if not alive[low + n]:
                    to_x_out[n] = row_x[n]
                    to_px_out[n] = row_px[n]
                    to_y_out[n] = row_y[n]
                    to_py_out[n] = row_py[n]
                    to_z_out[n] = row_z[n]


@kernel
def quadrupole_cotangent(part, start, stop, x, px, y, py, z, delta, alive, length, k1, beta0,
        g_x_out, g_px_out, g_y_out, g_py_out, g_z_out,
        b_x, b_px, b_y, b_py, b_z, b_delta, sums):
    jac = np.empty((27, BLOCK), x.dtype)
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        for m in range(low, high):
            entries = quadrupole_jacobian(x[m], px[m], y[m], py[m], z[m], delta[m], length, k1, beta0)
            jac[0, m - low] = entries[0]
            jac[1, m - low] = entries[1]
            jac[2, m - low] = entries[2]
            jac[3, m - low] = entries[3]
            jac[4, m - low] = entries[4]
            jac[5, m - low] = entries[5]
            jac[6, m - low] = entries[6]
            jac[7, m - low] = entries[7]
            jac[8, m - low] = entries[8]
            jac[9, m - low] = entries[9]
            jac[10, m - low] = entries[10]
            jac[11, m - low] = entries[11]
            jac[12, m - low] = entries[12]
            jac[13, m - low] = entries[13]
            jac[14, m - low] = entries[14]
            jac[15, m - low] = entries[15]
            jac[16, m - low] = entries[16]
            jac[17, m - low] = entries[17]
            jac[18, m - low] = entries[18]
            jac[19, m - low] = entries[19]
            jac[20, m - low] = entries[20]
            jac[21, m - low] = entries[21]
            jac[22, m - low] = entries[22]
            jac[23, m - low] = entries[23]
            jac[24, m - low] = entries[24]
            jac[25, m - low] = entries[25]
            jac[26, m - low] = entries[26]
        for m in range(low, high):
            n = m - low
            if alive[m]:
                b_x[m] = jac[0, n] * g_x_out[m] + jac[5, n] * g_px_out[m] + jac[20, n] * g_z_out[m]
                b_px[m] = jac[1, n] * g_x_out[m] + jac[6, n] * g_px_out[m] + jac[21, n] * g_z_out[m]
                b_y[m] = jac[10, n] * g_y_out[m] + jac[15, n] * g_py_out[m] + jac[22, n] * g_z_out[m]
                b_py[m] = jac[11, n] * g_y_out[m] + jac[16, n] * g_py_out[m] + jac[23, n] * g_z_out[m]
                b_z[m] = g_z_out[m]
                b_delta[m] = jac[2, n] * g_x_out[m] + jac[7, n] * g_px_out[m] + jac[12, n] * g_y_out[m] + jac[17, n] * g_py_out[m] + jac[24, n] * g_z_out[m]
                sums[part, 0] += jac[3, n] * g_x_out[m] + jac[8, n] * g_px_out[m] + jac[13, n] * g_y_out[m] + jac[18, n] * g_py_out[m] + jac[25, n] * g_z_out[m]
                sums[part, 1] += jac[4, n] * g_x_out[m] + jac[9, n] * g_px_out[m] + jac[14, n] * g_y_out[m] + jac[19, n] * g_py_out[m] + jac[26, n] * g_z_out[m]
            else:
                b_x[m] = g_x_out[m]
                b_px[m] = g_px_out[m]
                b_y[m] = g_y_out[m]
                b_py[m] = g_py_out[m]
                b_z[m] = g_z_out[m]
                b_delta[m] = 0.0
