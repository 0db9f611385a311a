/* Kernels of waves.py: the edges of QRS, T and P in a median beat. The constants and the order of every sum are those there. */
#include <math.h>
#include <string.h>

#include "slopes.h"

enum { QRS_STAY = 7, ONSET_TO_R = 9 };
static const double QRS_SHARE = 0.30, P_SHARE = 0.5, QRS_STILL = 0.10, P_STILL = 0.15;

/* Look for the edges of QRS in the slope of all leads; the places are written for make_edges. */
static void common_qrs(const double *together, const Array *fractions, Edges *edges, Py_ssize_t *onsets, Py_ssize_t *offsets) {
    const Py_ssize_t low = BEAT_FROM - 60, high = BEAT_FROM + 80, n_around = 500;
    double around[500];
    Py_ssize_t first, last;
    edges->top = together[highest(together, low, high)];
    memcpy(around, together + BEAT_FROM - 200, sizeof around);
    const double still = 1.2 * ranked(around, n_around, (Py_ssize_t)(QRS_STILL * (double)n_around));
    flanks(together, low, high, QRS_SHARE, &first, &last);
    for (Py_ssize_t n = 0; n < fractions->columns; n++) {
        const double share = F64(*fractions)[n] * edges->top, level = share > still ? share : still;
        onsets[n] = most(outwards(together, least(first, BEAT_FROM - ONSET_TO_R), level, -1, 100, 1), BEAT_FROM - 100);
        offsets[n] = least(outwards(together, last, level, 1, 130, QRS_STAY), BEAT_FROM + 130);
    }
    edges->onset = onsets[2];
    edges->offset = offsets[4];
    edges->peak = BEAT_FROM;
    for (Py_ssize_t n = 0; n < fractions->columns; n++) {
        onsets[n] = within(onsets[n], edges->onset - 20, edges->onset + 20);
        offsets[n] = within(offsets[n], edges->offset - 25, edges->offset + 25);
    }
}

KERNEL(qrs_edges) {
    Given given;
    Edges edges;
    Py_ssize_t onsets[MOST_FRACTIONS] = {0}, offsets[MOST_FRACTIONS] = {0};
    PyObject *answer = NULL;
    if (!expect(count, 3) || !look_given(arguments, 3, 1, 0, &given)) return NULL;
    const Array *fractions = &given.vectors[2], *of_leads = &given.vectors[3];
    if (fractions->columns < 5 || fractions->columns > MOST_FRACTIONS) return misfit(&given, "5 to 16 fractions are needed");
    Slopes of = slopes_of(&given);
    if (find_slopes(&of, &given.vectors[1], 0, N_TIMES)) {
        const Py_ssize_t n = fractions->columns;
        common_qrs(of.together, fractions, &edges, onsets, offsets);
        if (make_edges(&edges, of.n_leads, n + of_leads->columns, n + of_leads->columns)) {
            write_common(&edges.on, onsets, n, edges.onset);
            write_common(&edges.off, offsets, n, edges.offset);
            write_own(&edges, &of, of_leads, edges.onset - 6, edges.offset + 7, QRS_SHARE, 18);
            answer = give_edges(&edges);
        }
    }
    PyMem_Free(of.slope);
    release_given(&given);
    return answer;
}

/* What rises above the line from the level before QRS to that at last: (n_leads, last - first) values. */
static void above_line(const Slopes *of, const Array *bell, Py_ssize_t onset, Py_ssize_t offset, Py_ssize_t first, Py_ssize_t last,
                       double *height) {
    const Py_ssize_t start = offset + 2, n = last - first;
    const double from = (double)(first - onset) / (double)(last - onset), step = (1.0 - from) / (double)(n - 1);
    double smooth[N_TIMES], end[8];
    for (Py_ssize_t lead = 0; lead < of->n_leads; lead++) {
        const float *row = of->beat + lead * N_TIMES;
        const double *part = smooth + first - start;
        correlated(row + start, N_TIMES - start, bell, 1, smooth);
        float base = row[onset - 16];
        for (Py_ssize_t t = onset - 15; t < onset - 2; t++) base += row[t];
        base /= 14.0f;
        for (int t = 0; t < 8; t++) end[t] = (float)part[n - 8 + t];
        const float low = (float)ranked(end, 8, 3), high = (float)ranked(end, 8, 4);
        float drift = 0.5f * (low + high) - base;
        drift = drift < -0.05f ? -0.05f : drift > 0.05f ? 0.05f : drift;
        for (Py_ssize_t t = 0; t < n; t++) {
            const double line = t == n - 1 ? 1.0 : (double)t * step + from;
            height[lead * n + t] = (double)((float)part[t] - base) - (double)drift * line;
        }
    }
}

/* The time point where a T wave is likeliest to have its peak. */
static Py_ssize_t likeliest_peak(const Slopes *of, const double *height, const Array *likely, Py_ssize_t first) {
    double squares[N_TIMES], around[N_TIMES], size[N_TIMES];
    const Py_ssize_t n = likely->columns;
    for (Py_ssize_t t = 0; t < N_TIMES; t++) squares[t] = of->together[t] * of->together[t];
    running_mean(squares, N_TIMES, around);
    for (Py_ssize_t t = 0; t < n; t++) size[t] = 0.0;
    for (Py_ssize_t lead = 0; lead < of->n_leads; lead++)
        for (Py_ssize_t t = 0; t < n; t++) size[t] += of->shares[lead] * (height[lead * n + t] * height[lead * n + t]);
    for (Py_ssize_t t = 0; t < n; t++) {
        /* A running mean of squares may fall below zero by rounding. */
        const double active = around[first + t] > 0.0 ? around[first + t] : 0.0;
        size[t] = sqrt(size[t] * active) * F64(*likely)[t];
    }
    return first + highest(size, 8, n);
}

/* Where a lead is steepest beside its peak, not past a limit. */
static Py_ssize_t steepest(const float *slope, Py_ssize_t peak, int step, Py_ssize_t reach, Py_ssize_t limit) {
    Py_ssize_t best = peak;
    for (Py_ssize_t gone = 1; gone < reach; gone++) {
        const Py_ssize_t at = peak + step * gone;
        if (step > 0 ? at > limit - 1 : at < limit) break;
        if (slope[at] > slope[best]) best = at;
    }
    return best;
}

/* Look for the edges of T in the slope of all leads; the places are written for write_common. */
static void common_t(const double *together, const Array *fractions, Py_ssize_t first, Py_ssize_t last, Py_ssize_t qrs_offset, Edges *edges,
                     Py_ssize_t *onsets, Py_ssize_t *offsets) {
    const Py_ssize_t peak = edges->peak, n = fractions->columns;
    const Py_ssize_t down = highest(together, peak, least(last, peak + 75)), up = highest(together, most(first, peak - 90), peak + 1);
    edges->top = together[highest(together, first, last)];
    for (Py_ssize_t share = 0; share < n; share++) {
        offsets[share] = outwards(together, down, together[down] * F64(*fractions)[share], 1, 70, 1);
        onsets[share] = most(outwards(together, up, together[up] * F64(*fractions)[share], -1, 60, 1), first - 5);
    }
    edges->onset = onsets[2];
    edges->offset = offsets[2];
    /* Where the slope fades slowly, the lowest threshold is crossed anywhere. */
    for (Py_ssize_t share = 0; share < n; share++) offsets[share] = within(offsets[share], edges->offset - 30, edges->offset + 30);
    onsets[n] = up;
    onsets[n + 1] = offsets[n + 1] = peak;
    onsets[n + 2] = qrs_offset;
    offsets[n] = down;
}

/* Write the crossings of each lead beside its own peak, where it is steepest, and where that peak is. */
static void write_own_t(Edges *edges, const Slopes *of, const double *height, const Array *fractions, Py_ssize_t first, Py_ssize_t last) {
    const Py_ssize_t near = most(first, edges->peak - 30), end = least(last, edges->peak + 30), n = fractions->columns;
    const float all = size_of_all(edges);
    for (Py_ssize_t lead = 0; lead < of->n_leads; lead++) {
        const float *slope = of->slope + lead * N_TIMES;
        const double *row = height + lead * (last - first) - first;
        double *on = F64(edges->on) + (lead + 1) * edges->on.columns - n - 2;
        double *off = F64(edges->off) + (lead + 1) * edges->off.columns - n - 2;
        Py_ssize_t peak = near;
        for (Py_ssize_t t = near + 1; t < end; t++)
            if (fabs(row[t]) > fabs(row[peak])) peak = t;
        const Py_ssize_t down = steepest(slope, peak, 1, 70, last), up = steepest(slope, peak, -1, 80, first);
        write_crossings(on, fractions, slope, up, slope[up], -1, edges->onset, 45);
        write_crossings(off, fractions, slope, down, slope[down], 1, edges->offset, 30);
        on[n] = limited_ms(up, edges->onset, 60);
        off[n] = limited_ms(down, edges->offset, 60);
        on[n + 1] = off[n + 1] = limited_ms(peak, edges->peak, 60);
        F32(edges->size)[lead] = highest_slope(slope, first, last) / all;
    }
}

/* The edges of T, once everything given is known to fit. */
static PyObject *t_of(const Given *given, Py_ssize_t qrs_onset, Py_ssize_t qrs_offset) {
    const Array *fractions = &given->vectors[3], *of_leads = &given->vectors[4], *likely = &given->vectors[5];
    const Py_ssize_t first = qrs_offset + 8, last = first + likely->columns, n = fractions->columns;
    Py_ssize_t onsets[MOST_FRACTIONS + 3] = {0}, offsets[MOST_FRACTIONS + 3] = {0};
    Edges edges;
    PyObject *answer = NULL;
    Slopes of = slopes_of(given);
    double *height = PyMem_Malloc(((size_t)of.n_leads * (size_t)likely->columns + 1) * sizeof *height);
    if (!height) return PyErr_NoMemory();
    if (find_slopes(&of, &given->vectors[1], qrs_offset + 2, N_TIMES)) {
        above_line(&of, &given->vectors[2], qrs_onset, qrs_offset, first, last, height);
        edges.peak = likeliest_peak(&of, height, likely, first);
        common_t(of.together, fractions, first, last, qrs_offset, &edges, onsets, offsets);
        if (make_edges(&edges, of.n_leads, n + 3 + of_leads->columns + 2, n + 2 + of_leads->columns + 2)) {
            write_common(&edges.on, onsets, n + 3, edges.onset);
            write_common(&edges.off, offsets, n + 2, edges.offset);
            write_own_t(&edges, &of, height, of_leads, first, last);
            answer = give_edges(&edges);
        }
    }
    PyMem_Free(of.slope);
    PyMem_Free(height);
    return answer;
}

KERNEL(t_edges) {
    Given given;
    Py_ssize_t qrs_onset, qrs_offset;
    if (!expect(count, 5) || !look_places(arguments[4], &qrs_onset, &qrs_offset) || !look_given(arguments, 4, 2, 1, &given)) return NULL;
    const Py_ssize_t n_fractions = given.vectors[3].columns, n = given.vectors[5].columns;
    if (n_fractions < 3 || n_fractions > MOST_FRACTIONS) return misfit(&given, "3 to 16 fractions are needed");
    const int in_order = 16 <= qrs_onset && qrs_onset <= qrs_offset && qrs_offset <= N_TIMES;
    if (!in_order || n < 50 || n > N_TIMES || qrs_offset + 8 + n > N_TIMES - ACTIVE / 2)
        return misfit(&given, "a T wave needs room after QRS and before the end of the beat");
    PyObject *answer = t_of(&given, qrs_onset, qrs_offset);
    release_given(&given);
    return answer;
}

/* Narrow the part where P is looked for; false where no room is left. */
static int room_for_p(const double *together, Py_ssize_t qrs_onset, Py_ssize_t *first, Py_ssize_t *last) {
    /* What still rises towards the QRS complex belongs to it, and what still falls from the T wave before belongs to that. */
    *last = lowest(together, most(*first, qrs_onset - 24), qrs_onset - 2) + 1;
    if (*last - *first > 44) *first = lowest(together, *first, *first + 22);
    return *last - *first >= 20;
}

static Py_ssize_t likeliest_p(const double *together, const Array *likely, Py_ssize_t qrs_onset, Py_ssize_t first, Py_ssize_t last) {
    double values[N_TIMES], activity[N_TIMES];
    const Py_ssize_t n = last - first;
    memcpy(values, together + first, (size_t)n * sizeof *values);
    const double still = ranked(values, n, (Py_ssize_t)(P_STILL * (double)n));
    for (Py_ssize_t t = 0; t < n; t++) {
        const double above = together[first + t] - still;
        values[t] = above > 0.0 ? above * above : 0.0;
    }
    running_mean(values, n, activity);
    for (Py_ssize_t t = 0; t < n; t++) activity[t] *= F64(*likely)[qrs_onset - first - t];
    return first + highest(activity, 0, n);
}

/* Look for the edges of P in the slope of all leads; the places are written for write_common. */
static void common_p(const double *together, const Array *fractions, const Array *inner, Py_ssize_t first, Py_ssize_t last,
                     Py_ssize_t qrs_onset, Edges *edges, Py_ssize_t *onsets, Py_ssize_t *offsets) {
    const Py_ssize_t low = most(first, edges->peak - 40), high = least(last, edges->peak + 41);
    const Py_ssize_t n = fractions->columns, n_inner = inner->columns;
    edges->top = together[highest(together, low, high)];
    for (Py_ssize_t share = 0; share < n_inner; share++)
        flanks(together, low, high, F64(*inner)[share], onsets + n + share, offsets + n + share);
    for (Py_ssize_t share = 0; share < n; share++) {
        const double level = F64(*fractions)[share] * edges->top;
        onsets[share] = most(outwards(together, onsets[n], level, -1, 30, 1), first);
        offsets[share] = least(outwards(together, offsets[n], level, 1, 30, 1), last);
    }
    edges->onset = onsets[1];
    edges->offset = offsets[1];
    onsets[n + n_inner] = offsets[n + n_inner] = edges->peak;
    offsets[n + n_inner + 1] = qrs_onset;
}

/* The edges of P, once everything given is known to fit. */
static PyObject *p_of(const Given *given, Py_ssize_t qrs_onset, Py_ssize_t first) {
    const Array *fractions = &given->vectors[2], *inner = &given->vectors[3], *of_leads = &given->vectors[4];
    const Py_ssize_t n = fractions->columns + inner->columns;
    Py_ssize_t last, onsets[2 * MOST_FRACTIONS + 2] = {0}, offsets[2 * MOST_FRACTIONS + 2] = {0};
    Edges edges;
    PyObject *answer = NULL;
    Slopes of = slopes_of(given);
    if (!find_slopes(&of, &given->vectors[1], 0, qrs_onset - 1)) return NULL;
    if (!room_for_p(of.together, qrs_onset, &first, &last)) {
        answer = Py_NewRef(Py_None);
    } else {
        edges.peak = likeliest_p(of.together, &given->vectors[5], qrs_onset, first, last);
        common_p(of.together, fractions, inner, first, last, qrs_onset, &edges, onsets, offsets);
        if (make_edges(&edges, of.n_leads, n + 1 + of_leads->columns, n + 2 + of_leads->columns)) {
            write_common(&edges.on, onsets, n + 1, edges.onset);
            write_common(&edges.off, offsets, n + 2, edges.offset);
            write_own(&edges, &of, of_leads, most(4, edges.onset - 12), least(qrs_onset, edges.offset + 14), P_SHARE, 24);
            answer = give_edges(&edges);
        }
    }
    PyMem_Free(of.slope);
    return answer;
}

KERNEL(p_edges) {
    Given given;
    Py_ssize_t first, qrs_onset;
    if (!expect(count, 5) || !look_places(arguments[4], &first, &qrs_onset) || !look_given(arguments, 4, 1, 1, &given)) return NULL;
    const Py_ssize_t n_fractions = given.vectors[2].columns, n_inner = given.vectors[3].columns;
    if (n_fractions < 2 || n_fractions > MOST_FRACTIONS || n_inner < 1 || n_inner > MOST_FRACTIONS)
        return misfit(&given, "2 to 16 fractions and 1 to 16 inner shares are needed");
    if (first < 4 || first > N_TIMES || qrs_onset > N_TIMES || first + 30 > qrs_onset - 2 || qrs_onset - first >= given.vectors[5].columns)
        return misfit(&given, "a P wave needs room before QRS");
    PyObject *answer = p_of(&given, qrs_onset, first);
    release_given(&given);
    return answer;
}
