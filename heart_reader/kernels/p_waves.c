/* Kernels of p_waves.py. */
#include <math.h>
#include <string.h>

#include "arrays.h"

/* Adds to `left` what each part of one lead has, less its mean and its slope, of squares. */
WIDE static void take_mean_and_slope(const double *ALONE row, Py_ssize_t n, Py_ssize_t length, double *ALONE sums, double *ALONE rising,
                                     double *ALONE left) {
    double of_ramp = 0.0;
    const double middle = 0.5 * (double)(length - 1), share = 1.0 / (double)length;
    const Py_ssize_t n_parts = n - length + 1;
    for (Py_ssize_t k = 0; k < length; k++) of_ramp += ((double)k - middle) * ((double)k - middle);
    of_ramp = 1.0 / of_ramp;
    sums[0] = rising[0] = 0.0;
    for (Py_ssize_t t = 0; t < n; t++) {
        sums[t + 1] = sums[t] + row[t];
        rising[t + 1] = rising[t] + row[t] * (double)t;
    }
    for (Py_ssize_t t = 0; t < n_parts; t++) {
        const double total = sums[t + length] - sums[t];
        const double slope = rising[t + length] - rising[t] - ((double)t + middle) * total;
        left[t] = left[t] - total * total * share - slope * slope * of_ramp;
    }
}

KERNEL(activity_of_parts) {
    Array signal, answer;
    if (!expect(count, 2)) return NULL;
    const Py_ssize_t length = PyLong_AsSsize_t(arguments[1]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT64, 2, &signal)) return NULL;
    PyObject *made = NULL;
    double *room = NULL;
    const Py_ssize_t n = signal.columns, n_parts = n - length + 1;
    if (length < 2 || n_parts < 1) {
        PyErr_SetString(PyExc_ValueError, "activity_of_parts: parts of two points or more that fit into the signal are needed");
        goto done;
    }
    room = PyMem_Malloc(sizeof(double) * 2 * (size_t)(n + 1));
    if (!room) {
        PyErr_NoMemory();
        goto done;
    }
    made = make(FLOAT64, 1, 1, n_parts, &answer);
    if (!made) goto done;
    double *left = F64(answer), *squares = room;
    memset(squares, 0, sizeof(double) * (size_t)(n + 1));
    for (Py_ssize_t lead = 0; lead < signal.rows; lead++)
        for (Py_ssize_t t = 0; t < n; t++) squares[t + 1] += F64(signal)[lead * n + t] * F64(signal)[lead * n + t];
    for (Py_ssize_t t = 0; t < n; t++) squares[t + 1] += squares[t];
    for (Py_ssize_t t = 0; t < n_parts; t++) left[t] = squares[t + length] - squares[t];
    for (Py_ssize_t lead = 0; lead < signal.rows; lead++) take_mean_and_slope(F64(signal) + lead * n, n, length, room, room + n + 1, left);
    for (Py_ssize_t t = 0; t < n_parts; t++) left[t] = left[t] > 0.0 ? sqrt(left[t]) : 0.0;
    release(&answer);
done:
    PyMem_Free(room);
    release(&signal);
    return made;
}

KERNEL(diagonal_sums) {
    Array products, answer;
    if (!expect(count, 1) || !look(arguments[0], FLOAT64, 2, &products)) return NULL;
    PyObject *made = NULL;
    const Py_ssize_t length = products.columns, n = products.rows - length + 1;
    if (length < 1 || n < 1) PyErr_SetString(PyExc_ValueError, "diagonal_sums: more rows than columns are needed");
    else made = make(FLOAT64, 1, 1, n, &answer);
    if (made) {
        for (Py_ssize_t t = 0; t < n; t++) {
            const double *first = F64(products) + t * length;
            double sum = 0.0;
            for (Py_ssize_t k = 0; k < length; k++) sum += first[k * (length + 1)];
            F64(answer)[t] = sum;
        }
        release(&answer);
    }
    release(&products);
    return made;
}

KERNEL(levelled_parts) {
    Array signal, places, ramp, answer;
    if (!expect(count, 3) || !look(arguments[0], FLOAT64, 2, &signal)) return NULL;
    PyObject *made = NULL;
    places.buffer.obj = ramp.buffer.obj = NULL;
    if (!look(arguments[1], INT64, 1, &places) || !look(arguments[2], FLOAT64, 1, &ramp)) goto done;
    const Py_ssize_t n = signal.columns, length = ramp.columns;
    int sound = length > 0;
    for (Py_ssize_t place = 0; sound && place < places.columns; place++)
        sound = I64(places)[place] >= 0 && I64(places)[place] + length <= n;
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "levelled_parts: places outside of the signal");
        goto done;
    }
    made = make(FLOAT64, 2, places.columns, signal.rows * length, &answer);
    if (!made) goto done;
    for (Py_ssize_t place = 0; place < places.columns; place++)
        for (Py_ssize_t lead = 0; lead < signal.rows; lead++) {
            const double *row = F64(signal) + lead * n + I64(places)[place];
            double *part = F64(answer) + (place * signal.rows + lead) * length, mean = 0.0, slope = 0.0;
            for (Py_ssize_t k = 0; k < length; k++) mean += row[k];
            mean /= (double)length;
            for (Py_ssize_t k = 0; k < length; k++) {
                part[k] = row[k] - mean;
                slope += part[k] * F64(ramp)[k];
            }
            for (Py_ssize_t k = 0; k < length; k++) part[k] -= slope * F64(ramp)[k];
        }
    release(&answer);
done:
    release(&signal);
    release(&places);
    release(&ramp);
    return made;
}

/* Furthest that a part is moved either way. */
enum { MOST_REACH = 31 };

/* Products of a cut with what lies at its place, moved by -reach to reach, in the order of leads and points. */
static void own_products(const Array *signal, Py_ssize_t place, Py_ssize_t reach, const double *cut, Py_ssize_t length, double *sums) {
    const Py_ssize_t n_moves = 2 * reach + 1;
    double own[2 * MOST_REACH + 1] = {0.0};
    for (Py_ssize_t lead = 0; lead < signal->rows; lead++) {
        const double *row = F64(*signal) + lead * signal->columns + place - reach;
        for (Py_ssize_t k = 0; k < length; k++)
            for (Py_ssize_t move = 0; move < n_moves; move++) own[move] += row[k + move] * cut[lead * length + k];
    }
    memcpy(sums, own, sizeof(double) * (size_t)n_moves);
}

/* The length of the mean of all cuts but one, of which `n` made the template; without cuts that of the template. */
static double length_without(const double *template, const double *cut, Py_ssize_t n, Py_ssize_t n_points) {
    double sum = 0.0;
    for (Py_ssize_t k = 0; k < n_points; k++) {
        const double point = cut ? template[k] * (double)n - cut[k] : template[k];
        sum += point * point;
    }
    return cut ? sqrt(sum) / (double)(n - 1) : sqrt(sum);
}

static inline double at_least(double value, double least) { return value > least ? value : least; }

/* What a row of likenesses() says, from products and sizes at all moves. */
static void compare(const double *product, const double *size, Py_ssize_t reach, double length, double *row) {
    Py_ssize_t best = 0;
    for (Py_ssize_t move = 1; move <= 2 * reach; move++) best = product[move] > product[best] ? move : best;
    const Py_ssize_t inner = within(best, 1, 2 * reach - 1);
    const double before = product[inner - 1], after = product[inner + 1], bend = before - 2.0 * product[inner] + after;
    const double beside = bend < 0.0 && inner == best ? 0.5 * (before - after) / bend : 0.0;
    const double other_size = fabs(product[best] / (length * length) - 1.0);
    row[0] = product[reach] / at_least(size[reach] * length, 1e-9);
    row[1] = product[best] / at_least(size[best] * length, 1e-9);
    row[2] = other_size < 2.0 ? other_size : 2.0;
    row[3] = length;
    row[4] = (double)(best - reach) + (beside < -0.5 ? -0.5 : beside > 0.5 ? 0.5 : beside);
}

KERNEL(likenesses) {
    Array signal, activity, product, template, places, cuts, answer;
    if (!expect(count, 7)) return NULL;
    const Py_ssize_t reach = PyLong_AsSsize_t(arguments[5]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT64, 2, &signal)) return NULL;
    PyObject *made = NULL;
    activity.buffer.obj = product.buffer.obj = template.buffer.obj = places.buffer.obj = cuts.buffer.obj = NULL;
    if (!look(arguments[1], FLOAT64, 1, &activity) || !look(arguments[2], FLOAT64, 1, &product) ||
        !look(arguments[3], FLOAT64, 1, &template) || !look(arguments[4], INT64, 1, &places) || !look(arguments[6], FLOAT64, 2, &cuts))
        goto done;
    const Py_ssize_t n = cuts.rows, n_points = template.columns, length = signal.rows ? n_points / signal.rows : 0;
    const Py_ssize_t n_parts = signal.columns - length + 1;
    int sound = reach >= 1 && reach <= MOST_REACH && length > 0 && length * signal.rows == n_points && cuts.columns == n_points &&
                activity.columns == n_parts && product.columns == n_parts && (!n || (n > 1 && n == places.columns));
    for (Py_ssize_t k = 0; sound && k < places.columns; k++) sound = I64(places)[k] >= reach && I64(places)[k] < n_parts - reach;
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "likenesses: places outside of the signal, or shapes that do not fit each other");
        goto done;
    }
    made = make(FLOAT64, 2, places.columns, 5, &answer);
    if (!made) goto done;
    for (Py_ssize_t k = 0; k < places.columns; k++) {
        const Py_ssize_t first = (Py_ssize_t)I64(places)[k] - reach;
        const double *cut = n ? F64(cuts) + k * n_points : NULL;
        double products[2 * MOST_REACH + 1];
        if (cut) own_products(&signal, first + reach, reach, cut, length, products);
        for (Py_ssize_t move = 0; move <= 2 * reach; move++) {
            const double of_all = F64(product)[first + move];
            products[move] = cut ? (of_all * (double)n - products[move]) / (double)(n - 1) : of_all;
        }
        compare(products, F64(activity) + first, reach, at_least(length_without(F64(template), cut, n, n_points), 1e-9), F64(answer) + 5 * k);
    }
    release(&answer);
done:
    release(&signal);
    release(&activity);
    release(&product);
    release(&template);
    release(&places);
    release(&cuts);
    return made;
}

KERNEL(between_beats) {
    Array of[5], answer;
    PyObject *made = NULL;
    if (!expect(count, 5)) return NULL;
    for (int k = 0; k < 5; k++) of[k].buffer.obj = NULL;
    for (int k = 0; k < 5; k++)
        if (!look(arguments[k], k < 2 ? FLOAT64 : INT64, 1, &of[k])) goto done;
    const Py_ssize_t n = of[0].columns, n_beats = of[2].columns;
    const int64_t *first = I64(of[2]), *late = I64(of[3]), *last = I64(of[4]);
    int sound = of[1].columns == n && of[3].columns == n_beats && of[4].columns == n_beats;
    for (Py_ssize_t beat = 0; sound && beat < n_beats; beat++) sound = first[beat] >= 0 && late[beat] >= 0 && last[beat] <= n;
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "between_beats: points outside of the signal");
        goto done;
    }
    made = make(FLOAT64, 2, 2, n_beats, &answer);
    if (!made) goto done;
    for (Py_ssize_t beat = 0; beat < n_beats; beat++) {
        double least = NAN, largest = NAN;
        if (last[beat] - first[beat] >= 4) {
            least = F64(of[0])[first[beat]];
            for (int64_t t = first[beat] + 1; t < last[beat]; t++) least = F64(of[0])[t] < least ? F64(of[0])[t] : least;
        }
        if (last[beat] - late[beat] >= 2) {
            largest = 0.0;
            for (int64_t t = late[beat]; t < last[beat]; t++) largest = at_least(fabs(F64(of[1])[t]), largest);
        }
        F64(answer)[beat] = least;
        F64(answer)[n_beats + beat] = largest;
    }
    release(&answer);
done:
    for (int k = 0; k < 5; k++) release(&of[k]);
    return made;
}
