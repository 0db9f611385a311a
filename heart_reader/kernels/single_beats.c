/* Kernels of single_beats.py. */
#include <math.h>
#include <string.h>

#include "arrays.h"
#include "heights.h"
#include "select.h"

KERNEL(usual_rr) {
    Array rr, answer;
    if (!expect(count, 4)) return NULL;
    const Py_ssize_t size = PyLong_AsSsize_t(arguments[1]);
    if (PyErr_Occurred()) return NULL;
    const double drop_before = PyFloat_AsDouble(arguments[2]), pause = PyFloat_AsDouble(arguments[3]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT64, 1, &rr)) return NULL;
    PyObject *made = NULL;
    double *room = NULL;
    const Py_ssize_t n = rr.columns, half = size / 2;
    if (n < 1 || size < 1 || size % 2 == 0) {
        PyErr_SetString(PyExc_ValueError, "usual_rr: an interval or more, and an odd number of neighbours, are needed");
        goto done;
    }
    const Py_ssize_t at_end = n < size ? n : size, last = n - half > half ? n - half : half;
    room = PyMem_Malloc(sizeof(double) * (size_t)at_end);
    if (room) made = make(FLOAT64, 1, 1, n, &answer);
    else PyErr_NoMemory();
    if (!made) goto done;
    const double *of = F64(rr);
    double *usual = F64(answer);
    for (Py_ssize_t k = half; k < n - half; k++) {
        memcpy(room, of + k - half, sizeof(double) * (size_t)size);
        usual[k] = median_of(room, size);
    }
    memcpy(room, of, sizeof(double) * (size_t)at_end);
    const double of_first = median_of(room, at_end);
    memcpy(room, of + n - at_end, sizeof(double) * (size_t)at_end);
    const double of_last = median_of(room, at_end);
    for (Py_ssize_t k = 0; k < n && k < half; k++) usual[k] = of_first;
    for (Py_ssize_t k = last; k < n; k++) usual[k] = of_last;
    for (Py_ssize_t k = 1; k < n - 1; k++) {
        const double pair = 0.5 * (of[k] + of[k + 1]);
        if (of[k + 1] < pause * usual[k + 1] && of[k] < of[k + 1] && of[k] < drop_before * of[k - 1] && pair > usual[k]) usual[k] = pair;
    }
    release(&answer);
done:
    PyMem_Free(room);
    release(&rr);
    return made;
}

/* Beyond this many points from a signal all is as at its end, and more points are no part of a beat. */
static const Py_ssize_t FARTHEST = 1 << 20;

/* Adds the squares of the steps over so many points of one lead, whose ends go on as they are. */
WIDE static void add_step_energy(const float *ALONE row, Py_ssize_t n, Py_ssize_t first, Py_ssize_t over, Py_ssize_t length,
                                 float *ALONE energy) {
    if (first >= 0 && first + length + over <= n) {
        const float *ALONE begin = row + first;
        for (Py_ssize_t t = 0; t < length; t++) energy[t] += (begin[t + over] - begin[t]) * (begin[t + over] - begin[t]);
        return;
    }
    for (Py_ssize_t t = 0; t < length; t++) {
        const float step = row[within(first + t + over, 0, n - 1)] - row[within(first + t, 0, n - 1)];
        energy[t] += step * step;
    }
}

/* Replaces energies by n roots of their sums over `box` points each, differences of running sums. */
static void put_slopes(float *energy, Py_ssize_t n, Py_ssize_t box) {
    for (Py_ssize_t t = 1; t < n + box; t++) energy[t] += energy[t - 1];
    for (Py_ssize_t t = 0; t < n; t++) {
        const float sum = energy[t + box] - energy[t];
        energy[t] = sum > 0.0f ? sqrtf(sum) : 0.0f;
    }
}

KERNEL(steep_spans) {
    Array signal, at, limits, answer;
    if (!expect(count, 7)) return NULL;
    Py_ssize_t of[4];
    for (int k = 0; k < 4; k++) {
        of[k] = PyLong_AsSsize_t(arguments[2 + k]);
        if (PyErr_Occurred()) return NULL;
    }
    if (!look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    PyObject *made = NULL;
    float *slope = NULL;
    double *room = NULL;
    at.buffer.obj = limits.buffer.obj = NULL;
    if (!look(arguments[1], INT64, 1, &at) || !look(arguments[6], FLOAT64, 1, &limits)) goto done;
    int sound = signal.columns && limits.columns == 3 && of[0] < of[1] && of[2] >= 0 && of[3] > 0;
    for (int k = 0; k < 4; k++) sound = sound && of[k] >= -FARTHEST && of[k] <= FARTHEST;
    const Py_ssize_t n = signal.columns, start = of[0], n_points = sound ? of[1] - of[0] : 0, over = of[2], box = of[3];
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "steep_spans: a part of one point or more and three limits are needed");
        goto done;
    }
    slope = PyMem_Malloc(sizeof(float) * (size_t)(n_points + box));
    room = PyMem_Malloc(sizeof(double) * (size_t)n_points);
    if (slope && room) made = make(INT64, 2, 2, at.columns, &answer);
    else PyErr_NoMemory();
    if (!made) goto done;
    const float share = (float)F64(limits)[0], over_still = (float)F64(limits)[1], most = (float)F64(limits)[2];
    for (Py_ssize_t beat = 0; beat < at.columns; beat++) {
        const Py_ssize_t first_point = within((Py_ssize_t)I64(at)[beat], -2 * FARTHEST, n + 2 * FARTHEST) + start;
        memset(slope, 0, sizeof(float) * (size_t)(n_points + box));
        for (Py_ssize_t lead = 0; lead < signal.rows; lead++)
            add_step_energy(F32(signal) + lead * n, n, first_point, over, n_points + box, slope);
        put_slopes(slope, n_points, box);
        float top = 1e-9f;
        for (Py_ssize_t t = 0; t < n_points; t++) {
            room[t] = slope[t];
            top = slope[t] > top ? slope[t] : top;
        }
        const float still = over_still * (float)ranked(room, n_points, n_points / 10);
        const float noise = still < most * top ? still : most * top, least = share * top > noise ? share * top : noise;
        int64_t first = 0, n_high = 0;
        for (Py_ssize_t t = 0; t < n_points; t++)
            if (slope[t] > least && !n_high++) first = t;
        I64(answer)[beat] = first;
        I64(answer)[at.columns + beat] = n_high;
    }
    release(&answer);
done:
    PyMem_Free(slope);
    PyMem_Free(room);
    release(&signal);
    release(&at);
    release(&limits);
    return made;
}

/* Mean heights over leads of n points beside both points at a distance; `first` is the first lead's first point. */
WIDE static void put_heights(const float *ALONE first, const Array *signal, Py_ssize_t n, Py_ssize_t reach, float *ALONE height) {
    memset(height, 0, sizeof(float) * (size_t)n);
    for (Py_ssize_t lead = 0; lead < signal->rows; lead++)
        for (Py_ssize_t t = 0; t < n; t++) height[t] += height_beside(first + lead * signal->columns + t, reach);
    for (Py_ssize_t t = 0; t < n; t++) height[t] /= (float)signal->rows;
}

KERNEL(narrowest) {
    Array signal, at, ends, times, answer;
    if (!expect(count, 7)) return NULL;
    const Py_ssize_t near = PyLong_AsSsize_t(arguments[4]), far = PyErr_Occurred() ? 0 : PyLong_AsSsize_t(arguments[5]);
    if (PyErr_Occurred()) return NULL;
    const double wide = PyFloat_AsDouble(arguments[6]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    PyObject *made = NULL;
    float *near_by = NULL;
    at.buffer.obj = ends.buffer.obj = times.buffer.obj = NULL;
    if (!look(arguments[1], INT64, 1, &at) || !look(arguments[2], FLOAT64, 1, &ends) || !look(arguments[3], INT64, 1, &times)) goto done;
    const Py_ssize_t n = signal.columns, start = times.columns ? (Py_ssize_t)I64(times)[0] : 0;
    int sound = signal.rows && times.columns && ends.columns == at.columns;
    sound = sound && near > 0 && near <= far && far <= n && start >= -n && start <= n;
    for (Py_ssize_t k = 1; sound && k < times.columns; k++) sound = I64(times)[k] > I64(times)[k - 1] && I64(times)[k] <= n;
    const Py_ssize_t n_points = sound ? (Py_ssize_t)I64(times)[times.columns - 1] - start + 1 : 0;
    for (Py_ssize_t beat = 0; sound && beat < at.columns; beat++)
        sound = I64(at)[beat] >= far - start && I64(at)[beat] <= n - far - n_points - start;
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "narrowest: rising times are needed, and no point outside of the signal");
        goto done;
    }
    near_by = PyMem_Malloc(sizeof(float) * 2 * (size_t)n_points);
    if (near_by) made = make(FLOAT64, 2, 3, at.columns, &answer);
    else PyErr_NoMemory();
    if (!made) goto done;
    float *from_afar = near_by + n_points;
    for (Py_ssize_t beat = 0; beat < at.columns; beat++) {
        const float *first = F32(signal) + (Py_ssize_t)I64(at)[beat] + start;
        put_heights(first, &signal, n_points, near, near_by);
        put_heights(first, &signal, n_points, far, from_afar);
        double most = 0.0;
        for (Py_ssize_t k = 0; k < times.columns; k++) {
            const Py_ssize_t t = (Py_ssize_t)I64(times)[k] - start;
            const double to_end = (F64(ends)[beat] - (double)I64(times)[k]) / wide;
            const double weight = to_end < 0.0 ? 0.0 : to_end > 1.0 ? 1.0 : to_end;
            const float sharp = near_by[t] / (from_afar[t] > 1e-6f ? from_afar[t] : 1e-6f), share = sharp < 1.0f ? sharp : 1.0f;
            const double narrow = (double)(near_by[t] * (share * share)) * (weight * weight);
            if (k && !(narrow > most)) continue;
            most = narrow;
            F64(answer)[beat] = near_by[t];
            F64(answer)[at.columns + beat] = from_afar[t];
            F64(answer)[2 * at.columns + beat] = (double)I64(times)[k];
        }
    }
    release(&answer);
done:
    PyMem_Free(near_by);
    release(&signal);
    release(&at);
    release(&ends);
    release(&times);
    return made;
}
