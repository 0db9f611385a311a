/* Kernels of ranks.py. */
#include <float.h>
#include <string.h>

#include "arrays.h"
#include "select.h"

/* Values are sorted into so many equal parts of their range, and only one part is put in order. */
enum { PARTS = 512 };

typedef struct {
    double lowest, scale;
    Py_ssize_t counts[PARTS];
} Parts;

/* Never falls with rising values, whatever is rounded. */
static inline Py_ssize_t part_of(const Parts *parts, double value) {
    return (Py_ssize_t)((value - parts->lowest) * parts->scale);
}

/* The value of a rank, values unchanged: only those of the part that has it are compared, in `room` for n of them. */
static double ranked_of_part(const double *values, Py_ssize_t n, Py_ssize_t rank, const Parts *parts, double *room) {
    Py_ssize_t part = 0, before = 0, kept = 0;
    while (before + parts->counts[part] <= rank) before += parts->counts[part++];
    for (Py_ssize_t k = 0; k < n; k++) {
        room[kept] = values[k];
        kept += part_of(parts, values[k]) == part;
    }
    return ranked(room, kept, rank - before);
}

static void divide(const double *values, Py_ssize_t n, Parts *parts) {
    double lowest = n ? values[0] : 0.0, highest = lowest;
    for (Py_ssize_t k = 1; k < n; k++) {
        lowest = values[k] < lowest ? values[k] : lowest;
        highest = values[k] > highest ? values[k] : highest;
    }
    parts->lowest = lowest;
    /* A little less than all parts, so that the highest value is in the last one. */
    parts->scale = (PARTS - 0.5) / (highest - lowest);
    if (!(parts->scale <= DBL_MAX)) parts->scale = 0.0;
    memset(parts->counts, 0, sizeof parts->counts);
    for (Py_ssize_t k = 0; k < n; k++) parts->counts[part_of(parts, values[k])]++;
}

KERNEL(ranked_rows) {
    Array values, ranks, answer;
    if (!expect(count, 2) || !look(arguments[0], FLOAT64, 2, &values)) return NULL;
    PyObject *made = NULL;
    double *room = NULL;
    ranks.buffer.obj = NULL;
    if (!look(arguments[1], INT64, 1, &ranks)) goto done;
    const Py_ssize_t n = values.columns;
    for (Py_ssize_t k = 0; k < ranks.columns; k++)
        if (I64(ranks)[k] < 0 || I64(ranks)[k] >= n) {
            PyErr_SetString(PyExc_ValueError, "ranked_rows: no value has this rank");
            goto done;
        }
    room = PyMem_Malloc(sizeof(double) * (size_t)(n ? n : 1));
    if (!room) {
        PyErr_NoMemory();
        goto done;
    }
    made = make(FLOAT64, 2, values.rows, ranks.columns, &answer);
    if (!made) goto done;
    for (Py_ssize_t row = 0; row < values.rows; row++) {
        Parts parts;
        divide(F64(values) + row * n, n, &parts);
        for (Py_ssize_t k = 0; k < ranks.columns; k++)
            F64(answer)[row * ranks.columns + k] = ranked_of_part(F64(values) + row * n, n, (Py_ssize_t)I64(ranks)[k], &parts, room);
    }
    release(&answer);
done:
    PyMem_Free(room);
    release(&values);
    release(&ranks);
    return made;
}

KERNEL(window_medians) {
    Array values, starts, stops, answer;
    if (!expect(count, 3) || !look(arguments[0], FLOAT64, 1, &values)) return NULL;
    PyObject *made = NULL;
    double *room = NULL;
    starts.buffer.obj = stops.buffer.obj = NULL;
    if (!look(arguments[1], INT64, 1, &starts) || !look(arguments[2], INT64, 1, &stops)) goto done;
    int sound = starts.columns == stops.columns;
    for (Py_ssize_t k = 0; sound && k < starts.columns; k++)
        sound = I64(starts)[k] >= 0 && I64(stops)[k] > I64(starts)[k] && I64(stops)[k] <= values.columns;
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "window_medians: a window without values");
        goto done;
    }
    room = PyMem_Malloc(sizeof(double) * (size_t)(values.columns ? values.columns : 1));
    if (!room) {
        PyErr_NoMemory();
        goto done;
    }
    made = make(FLOAT64, 1, 1, starts.columns, &answer);
    if (!made) goto done;
    for (Py_ssize_t k = 0; k < starts.columns; k++) {
        Parts parts;
        const double *first = F64(values) + I64(starts)[k];
        const Py_ssize_t n = (Py_ssize_t)(I64(stops)[k] - I64(starts)[k]);
        divide(first, n, &parts);
        const double high = ranked_of_part(first, n, n / 2, &parts, room);
        F64(answer)[k] = n % 2 ? high : 0.5 * (ranked_of_part(first, n, n / 2 - 1, &parts, room) + high);
    }
    release(&answer);
done:
    PyMem_Free(room);
    release(&values);
    release(&starts);
    release(&stops);
    return made;
}
