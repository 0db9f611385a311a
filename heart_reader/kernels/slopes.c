/* What the kernels of wave edges are made of; the constants and the order of every sum are those of waves.py. */
#include "slopes.h"

#include <math.h>
#include <string.h>

enum { LONGEST_REACH = 64, LONGEST_WAY = 61 };
static const double MS = 0.5;

Py_ssize_t highest(const double *values, Py_ssize_t low, Py_ssize_t high) {
    Py_ssize_t at = low;
    for (Py_ssize_t t = low + 1; t < high; t++)
        if (values[t] > values[at]) at = t;
    return at;
}

Py_ssize_t lowest(const double *values, Py_ssize_t low, Py_ssize_t high) {
    Py_ssize_t at = low;
    for (Py_ssize_t t = low + 1; t < high; t++)
        if (values[t] < values[at]) at = t;
    return at;
}

float highest_slope(const float *row, Py_ssize_t low, Py_ssize_t high) {
    float top = row[low];
    for (Py_ssize_t t = low + 1; t < high; t++) top = row[t] > top ? row[t] : top;
    return top;
}

WIDE void correlated(const float *row, Py_ssize_t n, const Array *bell, int symmetry, double *ALONE answer) {
    double padded[N_TIMES + 2 * LONGEST_REACH];
    const Py_ssize_t reach = bell->columns / 2;
    const double *factors = F64(*bell);
    for (Py_ssize_t t = 0; t < n + 2 * reach; t++) padded[t] = row[within(t - reach, 0, n - 1)];
    for (Py_ssize_t t = 0; t < n; t++) answer[t] = padded[t + reach] * factors[reach];
    for (Py_ssize_t tap = 0; tap < reach; tap++) {
        const double factor = factors[tap], *before = padded + tap, *after = padded + 2 * reach - tap;
        if (symmetry > 0)
            for (Py_ssize_t t = 0; t < n; t++) answer[t] += (before[t] + after[t]) * factor;
        else
            for (Py_ssize_t t = 0; t < n; t++) answer[t] += (before[t] - after[t]) * factor;
    }
}

WIDE int find_slopes(Slopes *of, const Array *bell, Py_ssize_t start, Py_ssize_t end) {
    double smooth[N_TIMES];
    of->slope = PyMem_Calloc((size_t)of->n_leads * N_TIMES + 1, sizeof(float));
    if (!of->slope) {
        PyErr_NoMemory();
        return 0;
    }
    memset(of->together, 0, sizeof of->together);
    for (Py_ssize_t lead = 0; lead < of->n_leads; lead++) {
        float *slope = of->slope + lead * N_TIMES + start;
        double *sum = of->together + start;
        correlated(of->beat + lead * N_TIMES + start, end - start, bell, -1, smooth);
        for (Py_ssize_t t = 0; t < end - start; t++) {
            slope[t] = fabsf((float)smooth[t]);
            const float square = slope[t] * slope[t];
            sum[t] += of->shares[lead] * (double)square;
        }
    }
    for (Py_ssize_t t = start; t < end; t++) of->together[t] = sqrt(of->together[t]);
    return 1;
}

void running_mean(const double *values, Py_ssize_t n, double *answer) {
    double mean = 0.0;
    for (Py_ssize_t t = 0; t < ACTIVE / 2; t++) mean += t < n ? values[t] : 0.0;
    mean /= ACTIVE;
    answer[0] = mean;
    for (Py_ssize_t t = 1; t < n; t++) {
        const double next = t + ACTIVE / 2 - 1 < n ? values[t + ACTIVE / 2 - 1] : 0.0;
        const double last = t > ACTIVE / 2 ? values[t - ACTIVE / 2 - 1] : 0.0;
        mean += (next - last) / ACTIVE;
        answer[t] = mean;
    }
}

void flanks(const double *values, Py_ssize_t low, Py_ssize_t high, double share, Py_ssize_t *first, Py_ssize_t *last) {
    const double level = share * values[highest(values, low, high)];
    for (*first = low; *first < high - 1 && !(values[*first] >= level);) ++*first;
    for (*last = high - 1; *last > low && !(values[*last] >= level);) --*last;
}

/* The same of one lead; returns its maximum. */
static float own_flanks(const float *slope, Py_ssize_t low, Py_ssize_t high, double share, Py_ssize_t *first, Py_ssize_t *last) {
    const float top = highest_slope(slope, low, high), level = (float)share * top;
    for (*first = low; *first < high - 1 && !(slope[*first] >= level);) ++*first;
    for (*last = high - 1; *last > low && !(slope[*last] >= level);) --*last;
    return top;
}

Py_ssize_t outwards(const double *together, Py_ssize_t start, double level, int step, Py_ssize_t reach, Py_ssize_t stay) {
    Py_ssize_t low = 0, gone = 0;
    for (; gone < reach; gone++) {
        for (; low < stay; low++)
            if (!(together[within(start + step * (gone + low), 0, N_TIMES - 1)] <= level)) break;
        if (low == stay) break;
        /* As long as this place is above the level, none that looks as far as it stays. */
        gone += low;
        low = 0;
    }
    return within(start + step * least(gone, reach), 0, N_TIMES - 1);
}

/* Where the slope of a lead first falls to a level, going one way. */
static Py_ssize_t crossing(const float *slope, Py_ssize_t start, float level, int step) {
    Py_ssize_t gone = 0;
    while (gone < LONGEST_WAY - 1 && !(slope[within(start + step * gone, 0, N_TIMES - 1)] <= level)) gone++;
    return within(start + step * gone, 0, N_TIMES - 1);
}

double limited_ms(Py_ssize_t place, Py_ssize_t guess, Py_ssize_t limit) { return (double)within(place - guess, -limit, limit) / MS; }

float size_of_all(const Edges *edges) { return (float)(edges->top > 1e-9 ? edges->top : 1e-9); }

void write_crossings(double *row, const Array *fractions, const float *slope, Py_ssize_t start, float top, int step,
                            Py_ssize_t guess, Py_ssize_t limit) {
    for (Py_ssize_t n = 0; n < fractions->columns; n++) {
        const Py_ssize_t at = crossing(slope, start, (float)F64(*fractions)[n] * top, step);
        row[n] = limited_ms(at, guess, limit);
    }
}

void write_common(Array *candidates, const Py_ssize_t *places, Py_ssize_t n, Py_ssize_t guess) {
    for (Py_ssize_t lead = 0; lead < candidates->rows; lead++)
        for (Py_ssize_t column = 0; column < n; column++)
            F64(*candidates)[lead * candidates->columns + column] = (double)(places[column] - guess) / MS;
}

int make_edges(Edges *edges, Py_ssize_t n_leads, Py_ssize_t n_on, Py_ssize_t n_off) {
    edges->made_on = make(FLOAT64, 2, n_leads, n_on, &edges->on);
    edges->made_off = edges->made_on ? make(FLOAT64, 2, n_leads, n_off, &edges->off) : NULL;
    edges->made_size = edges->made_off ? make(FLOAT32, 1, 1, n_leads, &edges->size) : NULL;
    if (edges->made_size) return 1;
    if (edges->made_off) release(&edges->off);
    if (edges->made_on) release(&edges->on);
    Py_XDECREF(edges->made_off);
    Py_XDECREF(edges->made_on);
    return 0;
}

PyObject *give_edges(Edges *edges) {
    release(&edges->on);
    release(&edges->off);
    release(&edges->size);
    return Py_BuildValue("(nnNNNdn)", edges->onset, edges->offset, edges->made_on, edges->made_off, edges->made_size, edges->top,
                         edges->peak);
}

void write_own(Edges *edges, const Slopes *of, const Array *fractions, Py_ssize_t low, Py_ssize_t high, double share, Py_ssize_t limit) {
    const float all = size_of_all(edges);
    for (Py_ssize_t lead = 0; lead < of->n_leads; lead++) {
        const float *slope = of->slope + lead * N_TIMES;
        Py_ssize_t first, last;
        const float top = own_flanks(slope, low, high, share, &first, &last);
        double *on = F64(edges->on) + (lead + 1) * edges->on.columns - fractions->columns;
        double *off = F64(edges->off) + (lead + 1) * edges->off.columns - fractions->columns;
        write_crossings(on, fractions, slope, first, top, -1, edges->onset, limit);
        write_crossings(off, fractions, slope, last, top, 1, edges->offset, limit);
        F32(edges->size)[lead] = top / all;
    }
}

void release_given(Given *given) {
    release(&given->beat);
    for (int n = 0; n < given->n; n++) release(&given->vectors[n]);
}

static int is_tuple(PyObject *object, Py_ssize_t length) {
    if (PyTuple_Check(object) && PyTuple_Size(object) == length) return 1;
    PyErr_Format(PyExc_TypeError, "a tuple of %zd is needed", length);
    return 0;
}

int look_given(PyObject *const *arguments, int n_tables, int bells, int has_likely, Given *given) {
    given->n = 0;
    if (!is_tuple(arguments[2], n_tables) || !look(arguments[0], FLOAT32, 2, &given->beat)) return 0;
    int fits = given->beat.columns == N_TIMES;
    for (int n = 0; fits && n < 1 + n_tables + has_likely; n++) {
        PyObject *object = n == 0 ? arguments[1] : n <= n_tables ? PyTuple_GetItem(arguments[2], n - 1) : arguments[3];
        fits = look(object, FLOAT64, 1, &given->vectors[n]);
        if (!fits) break;
        given->n++;
        const Py_ssize_t length = given->vectors[n].columns;
        if (n == 0) fits = length == given->beat.rows;
        else if (n <= bells) fits = length % 2 == 1 && length / 2 <= LONGEST_REACH;
    }
    if (fits) return 1;
    release_given(given);
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "a beat of 650 time points, a share of each lead and short bells are needed");
    return 0;
}

int look_places(PyObject *object, Py_ssize_t *first, Py_ssize_t *second) {
    if (!is_tuple(object, 2)) return 0;
    *first = PyLong_AsSsize_t(PyTuple_GetItem(object, 0));
    *second = PyErr_Occurred() ? 0 : PyLong_AsSsize_t(PyTuple_GetItem(object, 1));
    return !PyErr_Occurred();
}

PyObject *misfit(Given *given, const char *what) {
    release_given(given);
    PyErr_SetString(PyExc_ValueError, what);
    return NULL;
}

Slopes slopes_of(const Given *given) {
    Slopes of;
    of.beat = F32(given->beat);
    of.shares = F64(given->vectors[0]);
    of.n_leads = given->beat.rows;
    of.slope = NULL;
    return of;
}

