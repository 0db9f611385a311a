/* Kernels of p_waves.py. */
#include <math.h>
#include <string.h>

#include "arrays.h"
#include "select.h"
#include "steps.h"

/* Sums of PARTS side by side do not wait for each other, and running sums of LEADS do not either. */
enum { PARTS = 64, LEADS = 4, N_INPUTS = 5, SHORTEST_QUIET = 4, SHORTEST_ELSEWHERE = 2, MOST_REACH = 7, MOST_SHIFTS = 2 * MOST_REACH + 1 };
static const double LEAST_MV = 0.001, TINY = 1e-9, MOST_OTHER_SIZE = 2.0;

/* A signal and what is multiplied with it: (n_leads, n) and (n_leads, length). */
typedef struct {
    const double *signal, *template;
    Py_ssize_t n_leads, n, length;
} Pair;

WIDE static void weigh_fours(const float *ALONE row, Py_ssize_t n, double weight, double *ALONE out) {
    for (Py_ssize_t t = 0; t < n; t++) out[t] = (double)mean_of_step(row + t * 4, 4) * weight;
}

KERNEL(weighed_steps) {
    Array signal, weights, answer;
    if (!expect(count, 3)) return NULL;
    const Py_ssize_t step = PyLong_AsSsize_t(arguments[2]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    PyObject *made = NULL;
    weights.buffer.obj = NULL;
    if (!look(arguments[1], FLOAT64, 1, &weights)) goto done;
    if (step < 1 || weights.columns != signal.rows) {
        PyErr_SetString(PyExc_ValueError, "weighed_steps: a step of one or more and a weight of each lead are needed");
        goto done;
    }
    made = make(FLOAT64, 2, signal.rows, signal.columns / step, &answer);
    if (!made) goto done;
    for (Py_ssize_t lead = 0; lead < signal.rows; lead++) {
        const float *row = F32(signal) + lead * signal.columns;
        double *out = F64(answer) + lead * answer.columns;
        const double weight = sqrt(F64(weights)[lead]);
        if (step == 4) weigh_fours(row, answer.columns, weight, out);
        else for (Py_ssize_t t = 0; t < answer.columns; t++) out[t] = (double)mean_of_step(row + t * step, step) * weight;
    }
    release(&answer);
done:
    release(&signal);
    release(&weights);
    return made;
}

/* Running sums of so many leads, and of their products with the time, n + 1 of each. */
static inline void run_leads(const double *ALONE rows, Py_ssize_t n, Py_ssize_t n_leads, double *ALONE sums, double *ALONE rising) {
    double sum[LEADS] = {0.0}, rise[LEADS] = {0.0};
    for (Py_ssize_t lead = 0; lead < n_leads; lead++) sums[lead * (n + 1)] = rising[lead * (n + 1)] = 0.0;
    for (Py_ssize_t t = 0; t < n; t++)
        for (Py_ssize_t lead = 0; lead < n_leads; lead++) {
            const double value = rows[lead * n + t];
            sums[lead * (n + 1) + t + 1] = sum[lead] += value;
            rising[lead * (n + 1) + t + 1] = rise[lead] += value * (double)t;
        }
}

/* Adds squares of the means and slopes of one lead's parts; `middles` are the times of their middles. */
WIDE static void add_squares_of_mean_and_slope(const double *ALONE sums, const double *ALONE rising, const double *ALONE middles,
                                               Py_ssize_t n_parts, Py_ssize_t length, double *ALONE of_mean, double *ALONE of_slope) {
    for (Py_ssize_t t = 0; t < n_parts; t++) {
        const double total = sums[t + length] - sums[t];
        const double slope = rising[t + length] - rising[t] - middles[t] * total;
        of_mean[t] += total * total;
        of_slope[t] += slope * slope;
    }
}

WIDE static void add_energy(const double *ALONE row, Py_ssize_t n, double *ALONE energy) {
    for (Py_ssize_t t = 0; t < n; t++) energy[t] += row[t] * row[t];
}

WIDE static void root_of_rest(const double *ALONE squares, Py_ssize_t n_parts, Py_ssize_t length, const double *ALONE of_mean,
                              const double *ALONE of_slope, double *ALONE out) {
    double of_ramp = 0.0;
    for (Py_ssize_t k = 0; k < length; k++) {
        const double step = (double)k - 0.5 * (double)(length - 1);
        of_ramp += step * step;
    }
    for (Py_ssize_t t = 0; t < n_parts; t++) {
        const double left = squares[t + length] - squares[t] - of_mean[t] / (double)length - of_slope[t] / of_ramp;
        out[t] = sqrt(left < 0.0 ? 0.0 : left);
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
    room = PyMem_Malloc(sizeof(double) * (size_t)(n + 1) * (4 + 2 * LEADS));
    if (!room) {
        PyErr_NoMemory();
        goto done;
    }
    made = make(FLOAT64, 1, 1, n_parts, &answer);
    if (!made) goto done;
    double *squares = room, *of_mean = squares + n + 1, *of_slope = of_mean + n + 1, *middles = of_slope + n + 1;
    double *sums = middles + n + 1, *rising = sums + LEADS * (n + 1);
    memset(room, 0, sizeof(double) * (size_t)(n + 1) * 3);
    for (Py_ssize_t t = 0; t < n_parts; t++) middles[t] = (double)t + 0.5 * (double)(length - 1);
    for (Py_ssize_t lead = 0; lead < signal.rows; lead++) {
        const double *row = F64(signal) + lead * n;
        const Py_ssize_t of_group = lead % LEADS;
        add_energy(row, n, squares + 1);
        if (!of_group && lead + LEADS <= signal.rows) run_leads(row, n, LEADS, sums, rising);
        else if (lead - of_group + LEADS > signal.rows) run_leads(row, n, 1, sums + of_group * (n + 1), rising + of_group * (n + 1));
        add_squares_of_mean_and_slope(sums + of_group * (n + 1), rising + of_group * (n + 1), middles, n_parts, length, of_mean, of_slope);
    }
    for (Py_ssize_t t = 0; t < n; t++) squares[t + 1] += squares[t];
    root_of_rest(squares, n_parts, length, of_mean, of_slope, F64(answer));
    release(&answer);
done:
    PyMem_Free(room);
    release(&signal);
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
        sound = I64(places)[place] >= 0 && I64(places)[place] <= n - length;
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

/* Products of the template with up to PARTS parts next to each other. */
WIDE static void products_of(const Pair *of, Py_ssize_t first, Py_ssize_t n_parts, double *ALONE sums) {
    memset(sums, 0, sizeof(double) * (size_t)n_parts);
    for (Py_ssize_t lead = 0; lead < of->n_leads; lead++) {
        const double *ALONE row = of->signal + lead * of->n + first, *ALONE template = of->template + lead * of->length;
        Py_ssize_t k = 0;
        /* Four at once in their order: a sum that is put back into memory has to be waited for. */
        for (; k + 3 < of->length; k += 4) {
            const double one = template[k], two = template[k + 1], three = template[k + 2], four = template[k + 3];
            for (Py_ssize_t part = 0; part < n_parts; part++) {
                const double *points = row + k + part;
                sums[part] = sums[part] + points[0] * one + points[1] * two + points[2] * three + points[3] * four;
            }
        }
        for (; k < of->length; k++)
            for (Py_ssize_t part = 0; part < n_parts; part++) sums[part] += row[k + part] * template[k];
    }
}

/* Root of the sum of squares of factor * template - cut. */
static double length_of(const double *template, double factor, const double *cut, Py_ssize_t n) {
    double sum = 0.0;
    for (Py_ssize_t k = 0; k < n; k++) {
        const double value = cut ? template[k] * factor - cut[k] : template[k];
        sum += value * value;
    }
    return sqrt(sum);
}

/* The first of the highest, or of what is no number. */
static Py_ssize_t best_of(const double *values, Py_ssize_t n) {
    Py_ssize_t best = 0;
    for (Py_ssize_t t = 0; t < n && !isnan(values[best]); t++)
        if (values[t] > values[best] || isnan(values[t])) best = t;
    return best;
}

/* Where the parabola through the best value and its neighbours peaks, -0.5 to 0.5. */
static double beside_top(const double *values, Py_ssize_t best, Py_ssize_t n) {
    if (best < 1 || best > n - 2) return 0.0;
    const double bend = values[best - 1] - 2.0 * values[best] + values[best + 1];
    if (!(bend < 0.0)) return 0.0;
    const double beside = 0.5 * (values[best - 1] - values[best + 1]) / bend;
    return beside < -0.5 ? -0.5 : beside > 0.5 ? 0.5 : beside;
}

static void write_inputs(const double *product, const double *activity, Py_ssize_t reach, double length, double *out) {
    const Py_ssize_t n_shifts = 2 * reach + 1, best = best_of(product, n_shifts);
    length = length < TINY ? TINY : length;
    for (int column = 0; column < 2; column++) {
        const Py_ssize_t at = column ? best : reach;
        const double together = activity[at] * length;
        out[column] = product[at] / (together < TINY ? TINY : together);
    }
    const double other = fabs(product[best] / (length * length) - 1.0);
    out[2] = other > MOST_OTHER_SIZE ? MOST_OTHER_SIZE : other;
    out[3] = (activity[reach] + LEAST_MV) / (length + LEAST_MV);
    out[4] = (double)(best - reach) + beside_top(product, best, n_shifts);
}

static int places_are_sound(const Array *signal, const Array *activity, const Array *template, const Array *places, Py_ssize_t reach) {
    if (!signal->rows || template->columns % signal->rows || reach < 1 || reach > MOST_REACH) return 0;
    const Py_ssize_t length = template->columns / signal->rows;
    if (length < 1 || activity->columns > signal->columns - length + 1) return 0;
    for (Py_ssize_t place = 0; place < places->columns; place++)
        if (I64(*places)[place] < reach || I64(*places)[place] >= activity->columns - reach) return 0;
    return 1;
}

KERNEL(compared_parts) {
    Array signal, activity, places, template, cuts, answer;
    if (!expect(count, 6)) return NULL;
    const Py_ssize_t reach = PyLong_AsSsize_t(arguments[3]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT64, 2, &signal)) return NULL;
    PyObject *made = NULL;
    activity.buffer.obj = places.buffer.obj = template.buffer.obj = cuts.buffer.obj = NULL;
    if (!look(arguments[1], FLOAT64, 1, &activity) || !look(arguments[2], INT64, 1, &places)) goto done;
    if (!look(arguments[4], FLOAT64, 1, &template) || !look(arguments[5], FLOAT64, 2, &cuts)) goto done;
    if (!places_are_sound(&signal, &activity, &template, &places, reach)) {
        PyErr_SetString(PyExc_ValueError, "compared_parts: places outside of the signal, or a reach outside of 1 to 7");
        goto done;
    }
    if (cuts.columns != template.columns || cuts.rows > places.columns || cuts.rows == 1) {
        PyErr_SetString(PyExc_ValueError, "compared_parts: cuts, none or two and more, are of the first places and as long as the template");
        goto done;
    }
    made = make(FLOAT64, 2, places.columns, N_INPUTS, &answer);
    if (!made) goto done;
    const Py_ssize_t n_shifts = 2 * reach + 1, width = template.columns;
    const double n = (double)cuts.rows, whole = length_of(F64(template), 1.0, NULL, width);
    Pair with_all = {F64(signal), F64(template), signal.rows, signal.columns, width / signal.rows}, with_own = with_all;
    for (Py_ssize_t place = 0; place < places.columns; place++) {
        const Py_ssize_t first = (Py_ssize_t)I64(places)[place] - reach;
        double product[MOST_SHIFTS], own[MOST_SHIFTS], length = whole;
        products_of(&with_all, first, n_shifts, product);
        if (place < cuts.rows) {
            with_own.template = F64(cuts) + place * width;
            products_of(&with_own, first, n_shifts, own);
            for (Py_ssize_t shift = 0; shift < n_shifts; shift++) product[shift] = (product[shift] * n - own[shift]) / (n - 1.0);
            length = length_of(F64(template), n, with_own.template, width) / (n - 1.0);
        }
        write_inputs(product, F64(activity) + first, reach, length, F64(answer) + place * N_INPUTS);
    }
    release(&answer);
done:
    release(&signal);
    release(&activity);
    release(&places);
    release(&template);
    release(&cuts);
    return made;
}

static double lowest_of(const double *values, Py_ssize_t n) {
    double lowest = values[0];
    for (Py_ssize_t t = 1; t < n; t++) lowest = values[t] < lowest ? values[t] : lowest;
    return lowest;
}

/* The largest product of the template with the parts from one place to another, of either sign. */
static double largest_product(const Pair *of, Py_ssize_t first, Py_ssize_t last) {
    double largest = 0.0, products[PARTS];
    for (Py_ssize_t start = first; start < last; start += PARTS) {
        const Py_ssize_t n_parts = last - start < PARTS ? last - start : PARTS;
        products_of(of, start, n_parts, products);
        for (Py_ssize_t part = 0; part < n_parts; part++) largest = fabs(products[part]) > largest ? fabs(products[part]) : largest;
    }
    return largest;
}

/* A time as a place among n; what is beyond them, or no number, is taken to their ends. */
static Py_ssize_t place_of(double time, Py_ssize_t n) { return !(time > 0.0) ? 0 : time < (double)n ? (Py_ssize_t)time : n; }

KERNEL(diastole_medians) {
    Array signal, activity, places, template, r, members;
    if (!expect(count, 8)) return NULL;
    const double after_r = PyFloat_AsDouble(arguments[6]), late = PyFloat_AsDouble(arguments[7]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT64, 2, &signal)) return NULL;
    PyObject *made = NULL;
    double *room = NULL;
    activity.buffer.obj = places.buffer.obj = template.buffer.obj = r.buffer.obj = members.buffer.obj = NULL;
    if (!look(arguments[1], FLOAT64, 1, &activity) || !look(arguments[2], INT64, 1, &places)) goto done;
    if (!look(arguments[3], FLOAT64, 1, &template) || !look(arguments[4], FLOAT64, 1, &r) || !look(arguments[5], INT64, 1, &members)) goto done;
    const Py_ssize_t n_places = places.columns, n_parts = activity.columns;
    int sound = members.columns == n_places && signal.rows && template.columns && template.columns % signal.rows == 0;
    const Py_ssize_t length = sound ? template.columns / signal.rows : 1;
    sound = sound && n_parts <= signal.columns - length + 1;
    for (Py_ssize_t place = 0; sound && place < n_places; place++) sound = I64(members)[place] >= 0 && I64(members)[place] < r.columns;
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "diastole_medians: parts outside of the signal, or places without a beat");
        goto done;
    }
    room = PyMem_Malloc(sizeof(double) * (size_t)(2 * n_places + 1));
    if (!room) {
        PyErr_NoMemory();
        goto done;
    }
    double *quiet = room, *elsewhere = room + n_places;
    Py_ssize_t n_quiet = 0, n_elsewhere = 0;
    const Pair pair = {F64(signal), F64(template), signal.rows, signal.columns, length};
    for (Py_ssize_t place = 0; place < n_places; place++) {
        const Py_ssize_t member = (Py_ssize_t)I64(members)[place];
        const double before = member ? F64(r)[member - 1] : (double)NAN;
        if (!isfinite(before) || !isfinite(F64(r)[member])) continue;
        const int64_t at = I64(places)[place];
        const Py_ssize_t last = at <= length / 2 ? 0 : within((Py_ssize_t)at - length / 2, 0, n_parts);
        const Py_ssize_t first = place_of(before + after_r, n_parts), from = place_of(before + late * (F64(r)[member] - before), n_parts);
        if (last - first >= SHORTEST_QUIET) quiet[n_quiet++] = lowest_of(F64(activity) + first, last - first);
        if (last - from >= SHORTEST_ELSEWHERE) elsewhere[n_elsewhere++] = largest_product(&pair, from, last);
    }
    made = Py_BuildValue("(dd)", n_quiet ? median_of(quiet, n_quiet) : (double)NAN,
                         n_elsewhere ? median_of(elsewhere, n_elsewhere) : (double)NAN);
done:
    PyMem_Free(room);
    release(&signal);
    release(&activity);
    release(&places);
    release(&template);
    release(&r);
    release(&members);
    return made;
}
