/* Kernels of peaks.py. */
#include <stdlib.h>
#include <string.h>

#include "arrays.h"

typedef struct {
    double height;
    int64_t at;
    Py_ssize_t number;
} Peak;

/* The highest first; of equal ones the last. */
static int by_height(const void *one, const void *other) {
    const Peak *first = one, *second = other;
    if (first->height != second->height) return first->height > second->height ? -1 : 1;
    return first->number > second->number ? -1 : 1;
}

/* Every point that is higher than both sides, of a plateau its middle, from `least` on. */
static Py_ssize_t local_maxima(const double *values, Py_ssize_t n, double least, Peak *peaks) {
    Py_ssize_t count = 0;
    for (Py_ssize_t t = 1; t < n - 1;) {
        Py_ssize_t end = t;
        while (end < n - 1 && values[end + 1] == values[t]) end++;
        if (end < n - 1 && values[t] > values[t - 1] && values[t] > values[end + 1] && values[t] >= least) {
            peaks[count].height = values[t];
            peaks[count].at = (t + end) / 2;
            peaks[count].number = count;
            count++;
        }
        t = end + 1;
    }
    return count;
}

KERNEL(high_peaks) {
    Array values, answer;
    if (!expect(count, 3)) return NULL;
    const double least = PyFloat_AsDouble(arguments[1]);
    const Py_ssize_t distance = PyLong_AsSsize_t(arguments[2]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT64, 1, &values)) return NULL;
    PyObject *made = NULL;
    const size_t room = (size_t)(values.columns / 2 + 1);
    Peak *peaks = PyMem_Malloc(sizeof(Peak) * room);
    int64_t *at = PyMem_Malloc(sizeof(int64_t) * room);
    char *kept = PyMem_Malloc(room);
    if (!peaks || !at || !kept) {
        PyErr_NoMemory();
        goto done;
    }
    const Py_ssize_t n = local_maxima(F64(values), values.columns, least, peaks);
    Py_ssize_t n_kept = n;
    memset(kept, 1, room);
    for (Py_ssize_t k = 0; k < n; k++) at[k] = peaks[k].at;
    qsort(peaks, (size_t)n, sizeof(Peak), by_height);
    for (Py_ssize_t k = 0; k < n; k++) {
        const Py_ssize_t chosen = peaks[k].number;
        if (!kept[chosen]) continue;
        for (Py_ssize_t other = chosen + 1; other < n && at[other] - at[chosen] < distance; other++) {
            n_kept -= kept[other];
            kept[other] = 0;
        }
        for (Py_ssize_t other = chosen - 1; other >= 0 && at[chosen] - at[other] < distance; other--) {
            n_kept -= kept[other];
            kept[other] = 0;
        }
    }
    made = make(INT64, 1, 1, n_kept, &answer);
    if (!made) goto done;
    for (Py_ssize_t k = 0, place = 0; k < n; k++)
        if (kept[k]) I64(answer)[place++] = at[k];
    release(&answer);
done:
    PyMem_Free(peaks);
    PyMem_Free(at);
    PyMem_Free(kept);
    release(&values);
    return made;
}
