/* Kernels of beats.py. */
#include <math.h>
#include <string.h>

#include "arrays.h"
#include "heights.h"

KERNEL(mean_step) {
    Array signal, steps;
    if (!expect(count, 1) || !look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    const Py_ssize_t n = signal.columns > 0 ? signal.columns - 1 : 0;
    PyObject *made = make(FLOAT32, 1, 1, n, &steps);
    if (made) {
        float *sum = F32(steps);
        for (Py_ssize_t t = 0; t < n; t++) sum[t] = 0.0f;
        for (Py_ssize_t lead = 0; lead < signal.rows; lead++) {
            const float *row = F32(signal) + lead * signal.columns;
            for (Py_ssize_t t = 0; t < n; t++) sum[t] += fabsf(row[t + 1] - row[t]);
        }
        for (Py_ssize_t t = 0; t < n; t++) sum[t] /= (float)signal.rows;
        release(&steps);
    }
    release(&signal);
    return made;
}

/* One way through the filter, all leads abreast; `values` are (n_times, n_leads), `state` (4, n_leads). */
WIDE static void filter_one_way(double *values, Py_ssize_t n_times, Py_ssize_t n_leads, Py_ssize_t way, const double *b, const double *a,
                                const double *rest, double *ALONE state) {
    double *ALONE x = way > 0 ? values : values + (n_times - 1) * n_leads;
    const double b0 = b[0], b1 = b[1], b2 = b[2], b3 = b[3], b4 = b[4], a1 = a[1], a2 = a[2], a3 = a[3], a4 = a[4];
    for (Py_ssize_t k = 0; k < 4; k++)
        for (Py_ssize_t lead = 0; lead < n_leads; lead++) state[k * n_leads + lead] = rest[k] * x[lead];
    for (Py_ssize_t t = 0; t < n_times; t++, x += way * n_leads)
        for (Py_ssize_t lead = 0; lead < n_leads; lead++) {
            const double in = x[lead], out = b0 * in + state[lead];
            state[lead] = state[n_leads + lead] + (b1 * in - a1 * out);
            state[n_leads + lead] = state[2 * n_leads + lead] + (b2 * in - a2 * out);
            state[2 * n_leads + lead] = state[3 * n_leads + lead] + (b3 * in - a3 * out);
            state[3 * n_leads + lead] = b4 * in - a4 * out;
            x[lead] = out;
        }
}

/* Means of `step` time points, ends continued point-symmetrically, as (n_times + 2 margin, n_leads). */
static void coarse_and_continued(const Array *signal, Py_ssize_t step, Py_ssize_t n, Py_ssize_t margin, double *values) {
    const Py_ssize_t n_leads = signal->rows;
    for (Py_ssize_t lead = 0; lead < n_leads; lead++) {
        const float *row = F32(*signal) + lead * signal->columns;
        double *out = values + margin * n_leads + lead;
        for (Py_ssize_t t = 0; t < n; t++) {
            double sum = row[t * step];
            for (Py_ssize_t k = 1; k < step; k++) sum += row[t * step + k];
            out[t * n_leads] = sum / (double)step;
        }
        for (Py_ssize_t k = 1; k <= margin; k++) {
            out[-k * n_leads] = 2.0 * out[0] - out[k * n_leads];
            out[(n - 1 + k) * n_leads] = 2.0 * out[(n - 1) * n_leads] - out[(n - 1 - k) * n_leads];
        }
    }
}

/* Sizes of slopes, all leads abreast, (n, n_leads); at both ends those of their neighbours. */
WIDE static void sizes_of_slopes(const double *ALONE values, Py_ssize_t n, Py_ssize_t n_leads, double scale, double *ALONE slopes) {
    for (Py_ssize_t t = 1; t < n - 1; t++)
        for (Py_ssize_t lead = 0; lead < n_leads; lead++)
            slopes[t * n_leads + lead] = fabs(values[(t + 1) * n_leads + lead] - values[(t - 1) * n_leads + lead]) * scale;
    memcpy(slopes, slopes + n_leads, sizeof(double) * (size_t)n_leads);
    memcpy(slopes + (n - 1) * n_leads, slopes + (n - 2) * n_leads, sizeof(double) * (size_t)n_leads);
}

/* Which of n time points a place is that is mirrored at the ends, as scipy.ndimage.uniform_filter1d has it. */
static inline Py_ssize_t mirrored(Py_ssize_t at, Py_ssize_t n) {
    if (at >= 0 && at < n) return at;
    at = (at % (2 * n) + 2 * n) % (2 * n);
    return at < n ? at : 2 * n - 1 - at;
}

/* Running means of (n, n_leads) values, all leads abreast, as (n_leads, n). */
WIDE static void running_means(const double *values, Py_ssize_t n, Py_ssize_t n_leads, Py_ssize_t size, double *ALONE sums, double *ALONE out) {
    const Py_ssize_t before = size / 2;
    const double share = 1.0 / (double)size;
    for (Py_ssize_t lead = 0; lead < n_leads; lead++) sums[lead] = 0.0;
    for (Py_ssize_t k = -before; k < size - before; k++)
        for (Py_ssize_t lead = 0; lead < n_leads; lead++) sums[lead] += values[mirrored(k, n) * n_leads + lead];
    for (Py_ssize_t t = 0; t < n; t++) {
        const double *enters = values + mirrored(t + size - before, n) * n_leads, *leaves = values + mirrored(t - before, n) * n_leads;
        for (Py_ssize_t lead = 0; lead < n_leads; lead++) out[lead * n + t] = sums[lead] * share;
        for (Py_ssize_t lead = 0; lead < n_leads; lead++) sums[lead] += enters[lead] - leaves[lead];
    }
}

KERNEL(slopes_in_band) {
    Array signal, b, a, rest, slopes;
    if (!expect(count, 8)) return NULL;
    const Py_ssize_t step = PyLong_AsSsize_t(arguments[1]), margin = PyLong_AsSsize_t(arguments[5]), size = PyLong_AsSsize_t(arguments[6]);
    const double scale = PyFloat_AsDouble(arguments[7]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    PyObject *made = NULL;
    double *room = NULL;
    b.buffer.obj = a.buffer.obj = rest.buffer.obj = NULL;
    if (!look(arguments[2], FLOAT64, 1, &b) || !look(arguments[3], FLOAT64, 1, &a) || !look(arguments[4], FLOAT64, 1, &rest)) goto done;
    const Py_ssize_t n_leads = signal.rows, n = step > 0 ? signal.columns / step : 0;
    if (b.columns != 5 || a.columns != 5 || rest.columns != 4 || n < 3 || margin < 0 || margin >= n || size < 1) {
        PyErr_SetString(PyExc_ValueError, "slopes_in_band: coefficients of another order, or fewer than three points");
        goto done;
    }
    const Py_ssize_t n_continued = n + 2 * margin;
    made = make(FLOAT64, 2, n_leads, n, &slopes);
    if (!made) goto done;
    room = PyMem_Malloc(sizeof(double) * (size_t)(n_leads * (n_continued + 4 + n) + 1));
    if (!room) {
        release(&slopes);
        Py_CLEAR(made);
        PyErr_NoMemory();
        goto done;
    }
    double *values = room, *state = values + n_leads * n_continued, *sizes = state + 4 * n_leads;
    coarse_and_continued(&signal, step, n, margin, values);
    filter_one_way(values, n_continued, n_leads, 1, F64(b), F64(a), F64(rest), state);
    filter_one_way(values, n_continued, n_leads, -1, F64(b), F64(a), F64(rest), state);
    sizes_of_slopes(values + margin * n_leads, n, n_leads, scale, sizes);
    running_means(sizes, n, n_leads, size, state, F64(slopes));
    release(&slopes);
done:
    PyMem_Free(room);
    release(&signal);
    release(&b);
    release(&a);
    release(&rest);
    return made;
}

KERNEL(means_from) {
    Array signal, starts, answer;
    if (!expect(count, 3)) return NULL;
    const Py_ssize_t n_points = PyLong_AsSsize_t(arguments[2]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    PyObject *made = NULL;
    starts.buffer.obj = NULL;
    if (!look(arguments[1], INT64, 1, &starts)) goto done;
    int sound = n_points > 0 && n_points <= signal.columns;
    for (Py_ssize_t k = 0; sound && k < starts.columns; k++) sound = I64(starts)[k] >= 0 && I64(starts)[k] <= signal.columns - n_points;
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "means_from: points outside of the signal");
        goto done;
    }
    made = make(FLOAT32, 2, signal.rows, starts.columns, &answer);
    if (!made) goto done;
    for (Py_ssize_t lead = 0; lead < signal.rows; lead++)
        for (Py_ssize_t k = 0; k < starts.columns; k++) {
            const float *first = F32(signal) + lead * signal.columns + I64(starts)[k];
            float sum = 0.0f;
            for (Py_ssize_t t = 0; t < n_points; t++) sum += first[t];
            F32(answer)[lead * starts.columns + k] = sum / (float)n_points;
        }
    release(&answer);
done:
    release(&signal);
    release(&starts);
    return made;
}

/* Longest reach of largest_near in points: what is added up stays in the first cache. */
enum { MOST_REACH = 256 };

KERNEL(largest_near) {
    Array signal, at, answer;
    if (!expect(count, 3)) return NULL;
    const Py_ssize_t reach = PyLong_AsSsize_t(arguments[2]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    PyObject *made = NULL;
    at.buffer.obj = NULL;
    if (!look(arguments[1], INT64, 1, &at)) goto done;
    int sound = reach >= 0 && reach <= MOST_REACH;
    for (Py_ssize_t k = 0; sound && k < at.columns; k++) sound = I64(at)[k] >= reach && I64(at)[k] < signal.columns - reach;
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "largest_near: points outside of the signal");
        goto done;
    }
    made = make(INT64, 1, 1, at.columns, &answer);
    if (!made) goto done;
    for (Py_ssize_t k = 0; k < at.columns; k++) {
        const Py_ssize_t first = (Py_ssize_t)I64(at)[k] - reach, n = 2 * reach + 1;
        float size[2 * MOST_REACH + 1] = {0.0f};
        for (Py_ssize_t lead = 0; lead < signal.rows; lead++) {
            const float *row = F32(signal) + lead * signal.columns + first;
            for (Py_ssize_t t = 0; t < n; t++) size[t] += row[t] * row[t];
        }
        Py_ssize_t best = 0;
        for (Py_ssize_t t = 1; t < n; t++) best = size[t] > size[best] ? t : best;
        I64(answer)[k] = first + best;
    }
    release(&answer);
done:
    release(&signal);
    release(&at);
    return made;
}

/* Subtracts the line between two levels from one lead. */
WIDE static void take_line(const float *ALONE row, const float *ALONE share, Py_ssize_t n, float low, float rise, float *ALONE out) {
    for (Py_ssize_t t = 0; t < n; t++) out[t] = row[t] - (rise * share[t] + low);
}

KERNEL(without_baseline) {
    Array signal, levels, at, answer;
    if (!expect(count, 3) || !look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    PyObject *made = NULL;
    float *share = NULL;
    levels.buffer.obj = at.buffer.obj = NULL;
    if (!look(arguments[1], FLOAT32, 2, &levels) || !look(arguments[2], INT64, 1, &at)) goto done;
    const Py_ssize_t n = signal.columns, n_levels = levels.columns;
    if (levels.rows != signal.rows || at.columns != n_levels || !n_levels) {
        PyErr_SetString(PyExc_ValueError, "without_baseline: shapes that do not fit each other");
        goto done;
    }
    share = PyMem_Malloc(sizeof(float) * (size_t)(n ? n : 1));
    if (!share) {
        PyErr_NoMemory();
        goto done;
    }
    made = make(FLOAT32, 2, signal.rows, n, &answer);
    if (!made) goto done;
    const int64_t *times = I64(at);
    for (Py_ssize_t k = 0; k < n_levels; k++) {
        /* The line to the next level; the first level holds before it, the last one behind. */
        const int is_last = k + 1 == n_levels;
        const Py_ssize_t first = k ? within((Py_ssize_t)times[k], 0, n) : 0, last = is_last ? n : within((Py_ssize_t)times[k + 1], 0, n);
        const double gap = is_last ? 1.0 : (double)(times[k + 1] - times[k]);
        for (Py_ssize_t t = first; t < last; t++) share[t] = t > times[k] ? (float)((double)(t - times[k]) / gap) : 0.0f;
        for (Py_ssize_t lead = 0; lead < signal.rows && last > first; lead++) {
            const float *level = F32(levels) + lead * n_levels + k;
            take_line(F32(signal) + lead * n + first, share + first, last - first, level[0], is_last ? 0.0f : level[1] - level[0],
                      F32(answer) + lead * n + first);
        }
    }
    release(&answer);
done:
    PyMem_Free(share);
    release(&signal);
    release(&levels);
    release(&at);
    return made;
}

/* Longest complex in points, most places that a beat is compared at, and points of one lead at all of these. */
enum { MOST_POINTS = 128, LANES = 16, MOST_AT_PLACES = 512 };

/* Adds squares and products with a template of one lead at all places, its mean at each place taken out. */
WIDE static void add_lead(const float *points, const Py_ssize_t *offset, Py_ssize_t n_points, const float *template, float *ALONE square,
                          float *ALONE product) {
    float total[LANES] = {0.0f}, of_square[LANES] = {0.0f}, of_product[LANES] = {0.0f}, mean = 0.0f;
    for (Py_ssize_t k = 0; k < n_points; k++) mean += template[k];
    mean /= (float)n_points;
    for (Py_ssize_t k = 0; k < n_points; k++)
        for (int s = 0; s < LANES; s++) {
            const float value = points[offset[k] + s];
            total[s] += value;
            of_square[s] += value * value;
            of_product[s] += template[k] * value;
        }
    for (int s = 0; s < LANES; s++) {
        square[s] += of_square[s] - total[s] * total[s] / (float)n_points;
        product[s] += of_product[s] - total[s] * mean;
    }
}

/* Where each point lies among those from the first on at the distance of two places; false where it lies between. */
static int find_offsets(const Array *window, const Array *shifts, int64_t *distance, Py_ssize_t *offset) {
    const Py_ssize_t n_points = window->columns, n_shifts = shifts->columns;
    *distance = n_shifts > 1 ? I64(*shifts)[1] - I64(*shifts)[0] : 1;
    int fits = n_points > 0 && n_points <= MOST_POINTS && n_shifts > 0 && n_shifts <= LANES && *distance > 0;
    for (Py_ssize_t s = 1; fits && s < n_shifts; s++) fits = I64(*shifts)[s] - I64(*shifts)[s - 1] == *distance;
    for (Py_ssize_t k = 0; fits && k < n_points; k++) {
        const int64_t from = I64(*window)[k] - I64(*window)[0];
        fits = from >= 0 && from % *distance == 0 && from / *distance + LANES <= MOST_AT_PLACES;
        offset[k] = (Py_ssize_t)(from / *distance);
    }
    return fits;
}

KERNEL(correlations) {
    Array signal, at, window, shifts, template, answer;
    if (!expect(count, 5) || !look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    PyObject *made = NULL;
    Py_ssize_t offset[MOST_POINTS];
    int64_t distance;
    at.buffer.obj = window.buffer.obj = shifts.buffer.obj = template.buffer.obj = NULL;
    if (!look(arguments[1], INT64, 1, &at) || !look(arguments[2], INT64, 1, &window) || !look(arguments[3], INT64, 1, &shifts) ||
        !look(arguments[4], FLOAT32, 1, &template))
        goto done;
    if (!signal.columns || template.columns != signal.rows * window.columns || !find_offsets(&window, &shifts, &distance, offset)) {
        PyErr_SetString(PyExc_ValueError, "correlations: places or points at uneven distances, or a template of others");
        goto done;
    }
    made = make(FLOAT32, 2, shifts.columns, at.columns, &answer);
    if (!made) goto done;
    const Py_ssize_t n_points = window.columns, n_shifts = shifts.columns, n_used = offset[n_points - 1] + LANES, last = signal.columns - 1;
    for (Py_ssize_t beat = 0; beat < at.columns; beat++) {
        const int64_t first = I64(at)[beat] + I64(window)[0] + I64(shifts)[0];
        float points[MOST_AT_PLACES], square[LANES] = {0.0f}, product[LANES] = {0.0f};
        const int is_inside = distance == 1 && first >= 0 && first + n_used <= signal.columns;
        for (Py_ssize_t lead = 0; lead < signal.rows; lead++) {
            const float *row = F32(signal) + lead * signal.columns;
            for (Py_ssize_t k = 0; k < n_used && !is_inside; k++) points[k] = row[within((Py_ssize_t)(first + k * distance), 0, last)];
            add_lead(is_inside ? row + first : points, offset, n_points, F32(template) + lead * n_points, square, product);
        }
        for (Py_ssize_t s = 0; s < n_shifts; s++) {
            const float length = sqrtf(square[s] > 0.0f ? square[s] : 0.0f);
            F32(answer)[s * at.columns + beat] = product[s] / (length > 1e-9f ? length : 1e-9f);
        }
    }
    release(&answer);
done:
    release(&signal);
    release(&at);
    release(&window);
    release(&shifts);
    release(&template);
    return made;
}

KERNEL(complexes) {
    Array signal, at, window, answer;
    if (!expect(count, 3) || !look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    PyObject *made = NULL;
    at.buffer.obj = window.buffer.obj = NULL;
    if (!look(arguments[1], INT64, 1, &at) || !look(arguments[2], INT64, 1, &window)) goto done;
    const Py_ssize_t n_points = window.columns, n = signal.rows * n_points;
    if (!signal.columns || !n_points) {
        PyErr_SetString(PyExc_ValueError, "complexes: no points to cut out");
        goto done;
    }
    made = make(FLOAT32, 2, at.columns, n, &answer);
    if (!made) goto done;
    for (Py_ssize_t beat = 0; beat < at.columns; beat++) {
        float *cut = F32(answer) + beat * n, square = 0.0f;
        for (Py_ssize_t lead = 0; lead < signal.rows; lead++) {
            const float *row = F32(signal) + lead * signal.columns;
            float *points = cut + lead * n_points, mean = 0.0f;
            for (Py_ssize_t k = 0; k < n_points; k++) {
                points[k] = row[within((Py_ssize_t)(I64(at)[beat] + I64(window)[k]), 0, signal.columns - 1)];
                mean += points[k];
            }
            mean /= (float)n_points;
            for (Py_ssize_t k = 0; k < n_points; k++) points[k] -= mean;
        }
        for (Py_ssize_t k = 0; k < n; k++) square += cut[k] * cut[k];
        const float length = sqrtf(square);
        for (Py_ssize_t k = 0; k < n; k++) cut[k] /= length > 1e-9f ? length : 1e-9f;
    }
    release(&answer);
done:
    release(&signal);
    release(&at);
    release(&window);
    return made;
}

/* Most beats of a median, and time points that are put in order at once: both fit a core's first cache. */
enum { MOST_BEATS = 64, TILE = 64 };

/* Median over beats of `width` time points from `start` on, before or after R. */
WIDE static void middle_of_tile(const float *row, Py_ssize_t n_times, const Array *at, const Array *pairs, Py_ssize_t start, Py_ssize_t width,
                                float *out) {
    float ranked[MOST_BEATS][TILE];
    const Py_ssize_t n_beats = at->columns, half = n_beats / 2;
    for (Py_ssize_t beat = 0; beat < n_beats; beat++) {
        const Py_ssize_t first = (Py_ssize_t)I64(*at)[beat] + start;
        if (first >= 0 && first + width <= n_times) memcpy(ranked[beat], row + first, sizeof(float) * (size_t)width);
        else for (Py_ssize_t t = 0; t < width; t++) ranked[beat][t] = row[within(first + t, 0, n_times - 1)];
        for (Py_ssize_t t = width; t < TILE; t++) ranked[beat][t] = 0.0f;
    }
    for (Py_ssize_t pair = 0; pair < pairs->rows; pair++) {
        float *ALONE low = ranked[I64(*pairs)[2 * pair]], *ALONE high = ranked[I64(*pairs)[2 * pair + 1]];
        for (Py_ssize_t t = 0; t < TILE; t++) {
            const float one = low[t], other = high[t];
            low[t] = one < other ? one : other;
            high[t] = one > other ? one : other;
        }
    }
    for (Py_ssize_t t = 0; t < width; t++) out[t] = n_beats % 2 ? ranked[half][t] : 0.5f * (ranked[half - 1][t] + ranked[half][t]);
}

KERNEL(middle_of_beats) {
    Array signal, at, pairs, answer;
    if (!expect(count, 5)) return NULL;
    const Py_ssize_t before = PyLong_AsSsize_t(arguments[3]), after = PyLong_AsSsize_t(arguments[4]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    PyObject *made = NULL;
    at.buffer.obj = pairs.buffer.obj = NULL;
    if (!look(arguments[1], INT64, 1, &at) || !look(arguments[2], INT64, 2, &pairs)) goto done;
    int sound = signal.columns && at.columns && at.columns <= MOST_BEATS && before >= 0 && after >= 0 && (pairs.columns == 2 || !pairs.rows);
    for (Py_ssize_t k = 0; sound && k < 2 * pairs.rows; k++) sound = I64(pairs)[k] >= 0 && I64(pairs)[k] < at.columns;
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "middle_of_beats: no beat or too many, or comparisons of others");
        goto done;
    }
    made = make(FLOAT32, 2, signal.rows, before + after, &answer);
    if (!made) goto done;
    for (Py_ssize_t lead = 0; lead < signal.rows; lead++)
        for (Py_ssize_t t = 0; t < before + after; t += TILE)
            middle_of_tile(F32(signal) + lead * signal.columns, signal.columns, &at, &pairs, t - before,
                           before + after - t < TILE ? before + after - t : TILE, F32(answer) + lead * (before + after) + t);
    release(&answer);
done:
    release(&signal);
    release(&at);
    release(&pairs);
    return made;
}

/* Mean over leads of a point's height beside both points at a distance. */
static float stands_out(const Array *signal, Py_ssize_t t, Py_ssize_t reach) {
    float sum = 0.0f;
    for (Py_ssize_t lead = 0; lead < signal->rows; lead++) sum += height_beside(F32(*signal) + lead * signal->columns + t, reach);
    return sum / (float)signal->rows;
}

KERNEL(narrow_peaks) {
    Array signal, steps, answer;
    if (!expect(count, 6)) return NULL;
    const Py_ssize_t near = PyLong_AsSsize_t(arguments[2]), far = PyLong_AsSsize_t(arguments[3]);
    const double least_step = PyFloat_AsDouble(arguments[1]), least = PyFloat_AsDouble(arguments[4]), share = PyFloat_AsDouble(arguments[5]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    PyObject *made = NULL, *of_steps = NULL;
    int64_t *found = NULL;
    const Py_ssize_t n = signal.columns;
    if (near < 1 || far < near || far < 2 || n < 2 * far + 1) {
        PyErr_SetString(PyExc_ValueError, "narrow_peaks: fewer time points than are compared");
        goto done;
    }
    of_steps = kernel_mean_step(module, arguments, 1);
    if (!of_steps || !look(of_steps, FLOAT32, 1, &steps)) goto done;
    found = PyMem_Malloc(sizeof(int64_t) * (size_t)n);
    Py_ssize_t n_found = 0;
    const float *step = F32(steps), limit = (float)least_step, least_height = (float)least, of_far = (float)share;
    for (Py_ssize_t t = far; found && t < n - far; t++) {
        if (step[t - 2] <= limit && step[t - 1] <= limit && step[t] <= limit && step[t + 1] <= limit) continue;
        const float height = stands_out(&signal, t, near);
        if (height > least_height && height > of_far * stands_out(&signal, t, far)) found[n_found++] = t;
    }
    release(&steps);
    if (found) made = make(INT64, 1, 1, n_found, &answer);
    else PyErr_NoMemory();
    if (made) {
        memcpy(I64(answer), found, sizeof(int64_t) * (size_t)n_found);
        release(&answer);
    }
done:
    PyMem_Free(found);
    Py_XDECREF(of_steps);
    release(&signal);
    return made;
}
