/* Kernel of resampling.py. */
#include <string.h>

#include "arrays.h"

/* Products are added in so many sums side by side. */
enum { SUMS = 8 };

WIDE static double product(const double *ALONE values, const double *ALONE taps, Py_ssize_t n) {
    double sums[SUMS] = {0.0};
    for (Py_ssize_t k = 0; k < n; k += SUMS)
        for (int s = 0; s < SUMS; s++) sums[s] += values[k + s] * taps[k + s];
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

/* The taps of each of `up` phases, (up, n), in the order of the points that they are multiplied with. */
static void sort_taps(const Array *taps, Py_ssize_t up, Py_ssize_t reach, Py_ssize_t n, double *phases) {
    const Py_ssize_t half = (taps->columns - 1) / 2;
    for (Py_ssize_t phase = 0; phase < up; phase++)
        for (Py_ssize_t k = 0; k < n; k++) {
            const Py_ssize_t at = half + phase + (reach - k) * up;
            phases[phase * n + k] = at >= 0 && at < taps->columns ? F64(*taps)[at] : 0.0;
        }
}

/* One lead, continued on both sides along the line from its first to its last value. */
static void continued(const double *row, Py_ssize_t n_times, Py_ssize_t before, Py_ssize_t after, double *out) {
    const double slope = (row[n_times - 1] - row[0]) / (double)(n_times > 1 ? n_times - 1 : 1);
    for (Py_ssize_t k = 0; k < before; k++) out[k] = row[0] + slope * (double)(k - before);
    memcpy(out + before, row, sizeof(double) * (size_t)n_times);
    for (Py_ssize_t k = 0; k < after; k++) out[before + n_times + k] = row[n_times - 1] + slope * (double)(k + 1);
}

KERNEL(resampled) {
    Array values, taps, answer;
    if (!expect(count, 5)) return NULL;
    const Py_ssize_t up = PyLong_AsSsize_t(arguments[2]), down = PyLong_AsSsize_t(arguments[3]), n_out = PyLong_AsSsize_t(arguments[4]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT64, 2, &values)) return NULL;
    PyObject *made = NULL;
    double *room = NULL;
    taps.buffer.obj = NULL;
    if (!look(arguments[1], FLOAT64, 1, &taps)) goto done;
    const Py_ssize_t n_times = values.columns;
    if (!n_times || !(taps.columns % 2) || up < 1 || down < 1 || up > 10000 || down > 10000 || n_out < 0 || n_out > (n_times * up) / down + 1) {
        PyErr_SetString(PyExc_ValueError, "resampled: no points, an even number of taps, or more points than there are");
        goto done;
    }
    const Py_ssize_t reach = (taps.columns - 1) / 2 / up, n = (2 * reach + 2 + SUMS - 1) / SUMS * SUMS, after = n;
    room = PyMem_Malloc(sizeof(double) * (size_t)(up * n + reach + n_times + after));
    if (!room) {
        PyErr_NoMemory();
        goto done;
    }
    made = make(FLOAT64, 2, values.rows, n_out, &answer);
    if (!made) goto done;
    double *phases = room, *row = room + up * n;
    sort_taps(&taps, up, reach, n, phases);
    for (Py_ssize_t lead = 0; lead < values.rows; lead++) {
        continued(F64(values) + lead * n_times, n_times, reach, after, row);
        for (Py_ssize_t t = 0; t < n_out; t++)
            F64(answer)[lead * n_out + t] = product(row + t * down / up, phases + t * down % up * n, n);
    }
    release(&answer);
done:
    PyMem_Free(room);
    release(&values);
    release(&taps);
    return made;
}
