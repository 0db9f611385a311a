/* Kernels of waves.py that make one time of the candidates for each boundary, and one of the times of all leads. */
#include <math.h>

#include "arrays.h"

enum { N_STANDARD = 12, N_BOUNDARIES = 6, N_WAVES = 3 };
static const float WEAK_LEAD = 0.3f;
static const double SHORTEST_P_MS = 30.0, SHORTEST_QRS_MS = 30.0, SHORTEST_T_MS = 50.0;

static void weigh(double guess, const Array *candidates, const Array *log_size, const Array *columns, const double *weights,
                  double *answer) {
    const Py_ssize_t n = candidates->columns;
    for (Py_ssize_t lead = 0; lead < candidates->rows; lead++) {
        const double *row = F64(*candidates) + lead * n;
        const int64_t column = I64(*columns)[lead];
        double sum = weights[0];
        for (Py_ssize_t at = 0; at < n; at++) sum += row[at] * weights[1 + at];
        sum += (double)F32(*log_size)[lead] * weights[1 + n];
        if (column >= 0 && column < N_STANDARD) sum += weights[2 + n + column];
        answer[lead] = guess + sum;
    }
}

KERNEL(weighed) {
    Array candidates, log_size, columns, weights, times;
    PyObject *made = NULL;
    if (!expect(count, 5)) return NULL;
    const double guess = PyFloat_AsDouble(arguments[0]);
    if (PyErr_Occurred() || !look(arguments[1], FLOAT64, 2, &candidates)) return NULL;
    log_size.buffer.obj = columns.buffer.obj = weights.buffer.obj = NULL;
    if (!look(arguments[2], FLOAT32, 1, &log_size) || !look(arguments[3], INT64, 1, &columns)) goto done;
    if (!look(arguments[4], FLOAT64, 1, &weights)) goto done;
    const Py_ssize_t n_leads = candidates.rows, n_inputs = candidates.columns + 2 + N_STANDARD;
    if (log_size.columns != n_leads || columns.columns != n_leads || weights.columns != n_inputs) {
        PyErr_SetString(PyExc_ValueError, "a size and a column of each lead, and a weight of each input are needed");
        goto done;
    }
    made = make(FLOAT64, 1, 1, candidates.rows, &times);
    if (!made) goto done;
    weigh(guess, &candidates, &log_size, &columns, F64(weights), F64(times));
    release(&times);
done:
    release(&weights);
    release(&columns);
    release(&log_size);
    release(&candidates);
    return made;
}

/* The larger or smaller of two, and NaN where the first is: its wave was not found. */
static double at_least(double value, double other) { return value < other ? other : value; }
static double at_most(double value, double other) { return value > other ? other : value; }

/* P before QRS before T, and every wave longer than nothing. */
static void put_in_order(const double *found, double *ordered) {
    ordered[2] = found[2];
    ordered[3] = at_least(found[3], found[2] + SHORTEST_QRS_MS);
    ordered[1] = at_most(found[1], ordered[2]);
    ordered[0] = at_most(found[0], ordered[1] - SHORTEST_P_MS);
    ordered[4] = at_least(found[4], ordered[3]);
    ordered[5] = at_least(found[5], ordered[4] + SHORTEST_T_MS);
}

/* The value of a rank among one column of the leads that are strong. */
static double of_rank(const Array *leads, Py_ssize_t column, const float *size, float least, Py_ssize_t rank) {
    for (Py_ssize_t lead = 0; lead < leads->rows; lead++) {
        const double value = F64(*leads)[lead * N_BOUNDARIES + column];
        Py_ssize_t below = 0, not_above = 0;
        if (!(size[lead] >= least)) continue;
        for (Py_ssize_t other = 0; other < leads->rows; other++) {
            const double another = F64(*leads)[other * N_BOUNDARIES + column];
            below += size[other] >= least && another < value;
            not_above += size[other] >= least && another <= value;
        }
        if (below <= rank && rank < not_above) return value;
    }
    return NAN;
}

static void find_overall(const Array *leads, const Array *sizes, const double *beyond, double *overall) {
    for (Py_ssize_t wave = 0; wave < N_WAVES; wave++) {
        const float *size = F32(*sizes) + wave * leads->rows;
        const Py_ssize_t on = 2 * wave, off = on + 1;
        Py_ssize_t last = -1;
        float least = 0.0f;
        for (Py_ssize_t lead = 0; lead < leads->rows; lead++) least = size[lead] > least ? size[lead] : least;
        least = least < WEAK_LEAD ? least : WEAK_LEAD;
        for (Py_ssize_t lead = 0; lead < leads->rows; lead++) last += size[lead] >= least;
        overall[on] = of_rank(leads, on, size, least, (Py_ssize_t)(beyond[on] * (double)last));
        overall[off] = of_rank(leads, off, size, least, last - (Py_ssize_t)(beyond[off] * (double)last));
    }
}

static PyObject *settle(const Array *leads, const Array *sizes, const double *beyond) {
    Array ordered, overall;
    PyObject *of_leads = make(FLOAT64, 2, leads->rows, N_BOUNDARIES, &ordered);
    if (!of_leads) return NULL;
    for (Py_ssize_t lead = 0; lead < leads->rows; lead++)
        put_in_order(F64(*leads) + lead * N_BOUNDARIES, F64(ordered) + lead * N_BOUNDARIES);
    PyObject *of_all = make(FLOAT64, 1, 1, N_BOUNDARIES, &overall);
    if (of_all) {
        find_overall(&ordered, sizes, beyond, F64(overall));
        release(&overall);
    }
    release(&ordered);
    if (of_all) return Py_BuildValue("(NN)", of_leads, of_all);
    Py_DECREF(of_leads);
    return NULL;
}

KERNEL(settled) {
    Array leads, sizes, beyond;
    PyObject *made = NULL;
    if (!expect(count, 3) || !look(arguments[0], FLOAT64, 2, &leads)) return NULL;
    sizes.buffer.obj = beyond.buffer.obj = NULL;
    if (!look(arguments[1], FLOAT32, 2, &sizes) || !look(arguments[2], FLOAT64, 1, &beyond)) goto done;
    if (leads.columns != N_BOUNDARIES || beyond.columns != N_BOUNDARIES || sizes.rows != N_WAVES || sizes.columns != leads.rows)
        PyErr_SetString(PyExc_ValueError, "six boundaries and three sizes of each lead are needed");
    else
        made = settle(&leads, &sizes, F64(beyond));
done:
    release(&beyond);
    release(&sizes);
    release(&leads);
    return made;
}
