/* Kernel of amplitudes.py: what is measured of each lead between the boundaries of a median beat. */
#include <math.h>

#include "arrays.h"

enum { MOST_TIMES = 650, N_VALUES = 20, N_BOUNDARIES = 6, TO_J40 = 20, TO_J80 = 40 };
static const double MS = 2.0, TERMINAL_MV = 0.01;
static const float LEAST_MV = 0.025f, NOTCH_MV = 0.05f, NOTCH_SHARE = 0.05f;

/* The order of STEMS. */
enum { P_AMP, P_AREA, P_TERMINAL, T_AMP, T_AREA, ST_AMP, ST_AMP40, ST_AMP80, Q_AMP, Q_DUR, R_AMP, R_DUR, S_AMP, S_DUR,
       RS_RATIO, R_NOTCH, QRS_INTDEFL, QRS_AMPPP, QRS_AREA, QRS_LOWEST };

static float mean_of(const float *values, Py_ssize_t n) {
    float sum = values[0];
    for (Py_ssize_t t = 1; t < n; t++) sum += values[t];
    return sum / (float)n;
}

/* How long the points from one place to another stay on one side of the level (sign 1 or -1) around one of them. */
static double lobe_ms(const float *part, Py_ssize_t from, Py_ssize_t to, Py_ssize_t at, float sign) {
    Py_ssize_t left = at - 1, right = at + 1;
    while (left >= from && sign * part[left] > 0.0f) left--;
    while (right < to && sign * part[right] > 0.0f) right++;
    return (double)(right - left - 1) * MS;
}

/* The deepest point of a part of QRS that counts as one deflection, 0 and its first point where nothing lies below the level. */
static float deepest(const float *qrs, Py_ssize_t from, Py_ssize_t to, Py_ssize_t *at) {
    float depth = 0.0f;
    *at = from;
    for (Py_ssize_t t = from; t < to; t++)
        if (qrs[t] < depth) {
            depth = qrs[t];
            *at = t;
        }
    return depth;
}

/* Whether values fall by 1 or more on both sides of a peak, before they rise above it. */
static int is_prominent(const float *values, Py_ssize_t n, Py_ssize_t peak) {
    for (int way = -1; way <= 1; way += 2) {
        Py_ssize_t at = peak + way;
        while (at >= 0 && at < n && (double)values[peak] - (double)values[at] < 1.0) {
            if (values[at] > values[peak]) return 0;
            at += way;
        }
    }
    return 1;
}

/* Count the prominent peaks of one side of the level that follow another in the same lobe. */
static int notches_of_side(const float *qrs, Py_ssize_t n, float unit, float sign) {
    /* In units of what counts as a notch, between zeros. */
    float values[MOST_TIMES + 2];
    int notches = 0, in_lobe = 0;
    values[0] = values[n + 1] = 0.0f;
    for (Py_ssize_t t = 0; t < n; t++) {
        const float value = sign * qrs[t];
        values[t + 1] = (value > 0.0f ? value : 0.0f) / unit;
    }
    for (Py_ssize_t start = 1, end; start <= n; start = end + 1) {
        for (end = start; end < n && values[end + 1] == values[start];) end++;
        if (!(values[start] > 0.0f)) {
            in_lobe = 0;
            continue;
        }
        const Py_ssize_t middle = start + (end - start) / 2;
        if (!(values[start] >= 1.0f && values[start] > values[start - 1] && values[start] > values[end + 1])) continue;
        if (!is_prominent(values, n + 2, middle)) continue;
        notches += in_lobe;
        in_lobe = 1;
    }
    return notches;
}

/* Name the deflections of QRS: R the highest, Q and S what lies below the level beside it. */
static void measure_qrs(const float *qrs, Py_ssize_t n, double *values) {
    Py_ssize_t r_at = 0, q_at, s_at;
    float lowest = qrs[0];
    double area = 0.0;
    for (Py_ssize_t t = 0; t < n; t++) {
        if (qrs[t] > qrs[r_at]) r_at = t;
        if (qrs[t] < lowest) lowest = qrs[t];
        area += (double)qrs[t];
    }
    const float highest = qrs[r_at];
    const int has_r = highest >= LEAST_MV;
    /* Without an R wave the whole complex is one Q wave (QS). */
    const Py_ssize_t r_from = has_r ? r_at : n;
    const float q = deepest(qrs, 0, r_from, &q_at), s = deepest(qrs, r_from, n, &s_at), r = has_r ? highest : 0.0f;
    const int has_q = q <= -LEAST_MV, has_s = s <= -LEAST_MV;
    const float span = highest - lowest, of_span = NOTCH_SHARE * span, unit = of_span > NOTCH_MV ? of_span : NOTCH_MV;
    values[Q_AMP] = has_q ? (double)q : 0.0;
    values[Q_DUR] = has_q ? lobe_ms(qrs, 0, r_from, q_at, -1.0f) : 0.0;
    values[R_AMP] = (double)r;
    values[R_DUR] = has_r ? lobe_ms(qrs, 0, n, r_at, 1.0f) : 0.0;
    values[S_AMP] = has_s ? (double)s : 0.0;
    values[S_DUR] = has_s ? lobe_ms(qrs, r_from, n, s_at, -1.0f) : 0.0;
    values[RS_RATIO] = lowest <= -LEAST_MV ? (double)(r / -lowest) : (double)NAN;
    values[R_NOTCH] = (double)(notches_of_side(qrs, n, unit, 1.0f) + notches_of_side(qrs, n, unit, -1.0f));
    values[QRS_INTDEFL] = has_r ? (double)r_at * MS : (double)NAN;
    values[QRS_AMPPP] = (double)span;
    values[QRS_AREA] = area * MS;
    values[QRS_LOWEST] = (double)lowest;
}

static void measure_p(const float *part, Py_ssize_t n, double *values) {
    const Py_ssize_t n_level = n < 3 ? n : 3;
    const double before = (double)mean_of(part, n_level), after = (double)mean_of(part + n - n_level, n_level);
    const double step = n > 1 ? 1.0 / (double)(n - 1) : 0.0;
    double largest = 0.0, area = 0.0, low = 0.0;
    Py_ssize_t n_low = 0;
    for (Py_ssize_t t = 0; t < n; t++) {
        const double line = n > 1 && t == n - 1 ? 1.0 : (double)t * step;
        const double p = (double)part[t] - before * (1.0 - line) - after * line;
        if (t == 0 || fabs(p) > fabs(largest)) largest = p;
        area += p;
        if (t < n / 3) continue;
        low = p < low ? p : low;
        n_low += p < -TERMINAL_MV;
    }
    values[P_AMP] = largest;
    values[P_AREA] = area * MS;
    /* Depth times duration of the negative end, as it is read with a ruler; zero where P ends upright. */
    values[P_TERMINAL] = low * (double)n_low * MS;
}

static void measure_t(const float *part, Py_ssize_t n, float level, double *values) {
    float largest = part[0] - level;
    double area = 0.0;
    for (Py_ssize_t t = 0; t < n; t++) {
        const float height = part[t] - level;
        if (fabsf(height) > fabsf(largest)) largest = height;
        area += (double)height;
    }
    values[T_AMP] = (double)largest;
    values[T_AREA] = area * MS;
}

/* Measure one lead; what has no boundaries stays NaN. */
static void measure_lead(const float *lead, Py_ssize_t n_times, const int64_t *at, double *values) {
    static const Py_ssize_t after_j[] = {0, TO_J40, TO_J80};
    float qrs[MOST_TIMES] = {0};
    const Py_ssize_t onset = (Py_ssize_t)at[2], offset = (Py_ssize_t)at[3], n = offset - onset + 1;
    const float level = mean_of(lead + onset - 5, 5);
    for (int value = 0; value < N_VALUES; value++) values[value] = (double)NAN;
    for (Py_ssize_t t = 0; t < n; t++) qrs[t] = lead[onset + t] - level;
    measure_qrs(qrs, n, values);
    for (int place = 0; place < 3; place++) {
        const Py_ssize_t j = offset + after_j[place] < n_times - 3 ? offset + after_j[place] : n_times - 3;
        values[ST_AMP + place] = (double)(mean_of(lead + j - 1, 3) - level);
    }
    if (at[0] >= 0 && at[1] >= 0) measure_p(lead + at[0], (Py_ssize_t)(at[1] - at[0] + 1), values);
    if (at[4] >= 0 && at[5] >= 0) measure_t(lead + at[4], (Py_ssize_t)(at[5] - at[4] + 1), level, values);
}

/* Whether every wave lies within the beat, with room for the level before QRS. */
static int lie_within(const int64_t *at, Py_ssize_t n_times) {
    if (n_times < 4 || n_times > MOST_TIMES || at[2] < 5 || at[3] < at[2]) return 0;
    for (int wave = 0; wave < N_BOUNDARIES; wave += 2) {
        if (at[wave] >= n_times || at[wave + 1] >= n_times) return 0;
        if (at[wave] >= 0 && at[wave + 1] >= 0 && at[wave + 1] < at[wave]) return 0;
    }
    return 1;
}

KERNEL(lead_amplitudes) {
    Array beat, at, answer;
    PyObject *made = NULL;
    if (!expect(count, 2) || !look(arguments[0], FLOAT32, 2, &beat)) return NULL;
    at.buffer.obj = NULL;
    if (!look(arguments[1], INT64, 1, &at)) goto done;
    if (at.columns != N_BOUNDARIES || !lie_within(I64(at), beat.columns)) {
        PyErr_SetString(PyExc_ValueError, "six boundaries within a beat of at most 650 time points are needed");
        goto done;
    }
    made = make(FLOAT64, 2, N_VALUES, beat.rows, &answer);
    if (!made) goto done;
    for (Py_ssize_t lead = 0; lead < beat.rows; lead++) {
        double values[N_VALUES];
        measure_lead(F32(beat) + lead * beat.columns, beat.columns, I64(at), values);
        for (int value = 0; value < N_VALUES; value++) F64(answer)[value * beat.rows + lead] = values[value];
    }
    release(&answer);
done:
    release(&at);
    release(&beat);
    return made;
}
