/* Kernels of quality.py. */
#include <math.h>

#include "arrays.h"
#include "select.h"

enum { MOST_TIMES = 1024, N_LEADS = 8, N_PAIRS = 28, N_MEASURES = 2 * N_PAIRS + 8 * N_LEADS };
static const double SMALL_MV = 1e-6, WIDE_SHARE = 0.25;

static double mean_of(const double *values, Py_ssize_t n) {
    double sum = values[0];
    for (Py_ssize_t t = 1; t < n; t++) sum += values[t];
    return sum / (double)n;
}

/* Whether so many values in a row are equal: where they are not, all before the one that differs are passed over. */
static int keeps_still(const float *lead, Py_ssize_t n, Py_ssize_t length) {
    Py_ssize_t start = 0;
    while (start <= n - length) {
        const float value = lead[start + length - 1];
        Py_ssize_t same = start + length - 1;
        while (same > start && lead[same - 1] == value) same--;
        if (same == start) return 1;
        start = same;
    }
    return 0;
}

KERNEL(standing_still) {
    Array signal;
    if (!expect(count, 2)) return NULL;
    const Py_ssize_t length = PyLong_AsSsize_t(arguments[1]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    PyObject *made = PyList_New(signal.rows);
    for (Py_ssize_t lead = 0; made && lead < signal.rows; lead++) {
        const int still = keeps_still(F32(signal) + lead * signal.columns, signal.columns, length > 1 ? length : 1);
        if (PyList_SetItem(made, lead, PyBool_FromLong(still)) < 0) Py_CLEAR(made);
    }
    release(&signal);
    return made;
}

/* Write a lead about its mean; returns its energy. */
static double centre(const double *lead, Py_ssize_t n, double *centred) {
    const double mean = mean_of(lead, n);
    double energy = 0.0;
    for (Py_ssize_t t = 0; t < n; t++) {
        centred[t] = lead[t] - mean;
        energy += centred[t] * centred[t];
    }
    return energy;
}

static PyObject *find_misfit(const Array *limb, const double *factors, double *room) {
    const Py_ssize_t n = limb->columns;
    double *one = room, *two = room + n, *lead = room + 2 * n, worst = 0.0;
    double all = centre(F64(*limb), n, one);
    all += centre(F64(*limb) + n, n, two);
    for (Py_ssize_t row = 2; row < limb->rows; row++, factors += 2) {
        const double energy = centre(F64(*limb) + row * n, n, lead);
        double of_made = 0.0, left = 0.0;
        for (Py_ssize_t t = 0; t < n; t++) {
            const double made = factors[0] * one[t] + factors[1] * two[t], off = lead[t] - made;
            of_made += made * made;
            left += off * off;
        }
        const double size = energy + of_made, share = left / (size > 1e-12 ? size : 1e-12);
        worst = share > worst ? share : worst;
        all += energy;
    }
    return Py_BuildValue("(dd)", sqrt(worst), sqrt(all / (double)(limb->rows * n)));
}

KERNEL(misfit) {
    Array limb, factors;
    PyObject *answer = NULL;
    double *room = NULL;
    if (!expect(count, 2) || !look(arguments[0], FLOAT64, 2, &limb)) return NULL;
    factors.buffer.obj = NULL;
    if (!look(arguments[1], FLOAT64, 2, &factors)) goto done;
    if (limb.rows < 3 || limb.columns < 1 || factors.rows != limb.rows - 2 || factors.columns != 2) {
        PyErr_SetString(PyExc_ValueError, "misfit: three leads or more, and two factors of each but I and II are needed");
        goto done;
    }
    room = PyMem_Malloc(3 * (size_t)limb.columns * sizeof *room);
    if (room) answer = find_misfit(&limb, F64(factors), room);
    else PyErr_NoMemory();
done:
    PyMem_Free(room);
    release(&factors);
    release(&limb);
    return answer;
}

WIDE static Py_ssize_t count_near(const float *part, Py_ssize_t n, float level, float reach) {
    /* As many as a part has fit into 32 bits, or it is counted in pieces of these. */
    Py_ssize_t near = 0;
    for (Py_ssize_t start = 0; start < n; start += 4096) {
        const int32_t end = (int32_t)(n - start < 4096 ? n - start : 4096);
        int32_t there = 0;
        for (int32_t t = 0; t < end; t++) there += fabsf(part[start + t] - level) < reach;
        near += there;
    }
    return near;
}

KERNEL(stays_near) {
    Array lead;
    double *room = NULL;
    int all = 0;
    if (!expect(count, 3)) return NULL;
    const Py_ssize_t length = PyLong_AsSsize_t(arguments[1]);
    const double reach = PyErr_Occurred() ? 0.0 : PyFloat_AsDouble(arguments[2]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT32, 1, &lead)) return NULL;
    if (length < 1) {
        PyErr_SetString(PyExc_ValueError, "stays_near: a part has one time point or more");
        goto done;
    }
    const Py_ssize_t n_parts = lead.columns / length;
    room = PyMem_Malloc((n_parts ? (size_t)length : 1) * sizeof *room);
    if (!room) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t t = 0; n_parts && t < length; t++) room[t] = (double)F32(lead)[t];
    const float level = n_parts ? (float)median_of(room, length) : 0.0f;
    all = 1;
    for (Py_ssize_t part = 0; all && part < n_parts; part++)
        all = count_near(F32(lead) + part * length, length, level, (float)reach) > length / 2;
done:
    PyMem_Free(room);
    release(&lead);
    return PyErr_Occurred() ? NULL : PyBool_FromLong(all);
}

/* Squares of all leads, summed for each time point. */
typedef struct {
    double all[MOST_TIMES], qrs[MOST_TIMES], step[MOST_TIMES], bend[MOST_TIMES], rest[MOST_TIMES], rest_step[MOST_TIMES];
} Squares;

static double sum_of(const double *values, Py_ssize_t n) {
    double sum = 0.0;
    for (Py_ssize_t t = 0; t < n; t++) sum += values[t];
    return sum;
}

WIDE static void add_squares(const double *values, Py_ssize_t n, double *ALONE sums) {
    for (Py_ssize_t t = 0; t < n; t++) sums[t] += values[t] * values[t];
}

/* From n values, their n - 1 steps. */
WIDE static void steps_of(const double *values, Py_ssize_t n, double *ALONE steps) {
    for (Py_ssize_t t = 0; t < n - 1; t++) steps[t] = values[t + 1] - values[t];
}

WIDE static void lower(const double *values, Py_ssize_t n, double level, double *ALONE lowered) {
    for (Py_ssize_t t = 0; t < n; t++) lowered[t] = values[t] - level;
}

static void add_lead(Squares *squares, const float *lead, Py_ssize_t n, Py_ssize_t r, Py_ssize_t about, Py_ssize_t after) {
    double values[MOST_TIMES], levelled[MOST_TIMES] = {0}, bends[MOST_TIMES];
    const Py_ssize_t n_qrs = 2 * about, n_rest = n - r - after;
    for (Py_ssize_t t = 0; t < n; t++) levelled[t] = values[t] = (double)lead[t];
    lower(values, n, median_of(levelled, n), levelled);
    add_squares(levelled, n, squares->all);
    lower(levelled + r - about, n_qrs, mean_of(levelled + r - about, n_qrs), values);
    add_squares(values, n_qrs, squares->qrs);
    steps_of(values, n_qrs, bends);
    add_squares(bends, n_qrs - 1, squares->step);
    steps_of(bends, n_qrs - 1, values);
    add_squares(values, n_qrs - 2, squares->bend);
    steps_of(levelled + r + after, n_rest, values);
    add_squares(values, n_rest - 1, squares->rest_step);
    lower(levelled + r + after, n_rest, mean_of(levelled + r + after, n_rest), values);
    add_squares(values, n_rest, squares->rest);
}

static void find_energies(const Array *beat, Py_ssize_t r, Py_ssize_t about, Py_ssize_t after, Squares *squares, double *answer) {
    const Py_ssize_t n = beat->columns, n_rest = n - r - after;
    double highest = 0.0;
    Py_ssize_t wide = 0;
    for (Py_ssize_t lead = 0; lead < beat->rows; lead++) add_lead(squares, F32(*beat) + lead * n, n, r, about, after);
    for (Py_ssize_t t = 0; t < n; t++) highest = squares->all[t] > highest ? squares->all[t] : highest;
    for (Py_ssize_t t = 0; t < n; t++) wide += squares->all[t] > WIDE_SHARE * highest;
    answer[0] = sum_of(squares->qrs, 2 * about);
    answer[1] = sum_of(squares->step, 2 * about - 1);
    answer[2] = sum_of(squares->bend, 2 * about - 2);
    answer[3] = sum_of(squares->rest, n_rest);
    answer[4] = sum_of(squares->rest_step, n_rest - 1);
    answer[5] = (double)wide;
}

KERNEL(energies) {
    Array beat, answer;
    PyObject *made = NULL;
    Squares *squares = NULL;
    if (!expect(count, 4)) return NULL;
    const Py_ssize_t r = PyLong_AsSsize_t(arguments[1]), about = PyErr_Occurred() ? 0 : PyLong_AsSsize_t(arguments[2]);
    const Py_ssize_t after = PyErr_Occurred() ? 0 : PyLong_AsSsize_t(arguments[3]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT32, 2, &beat)) return NULL;
    const Py_ssize_t n = beat.columns;
    if (n > MOST_TIMES || r < 0 || r > n || about < 2 || about > r || about > n - r || after < 0 || after > n - r - 2) {
        PyErr_SetString(PyExc_ValueError, "energies: R, with time points on both sides, is needed within at most 1024 of them");
        goto done;
    }
    squares = PyMem_Calloc(1, sizeof *squares);
    if (!squares) {
        PyErr_NoMemory();
        goto done;
    }
    made = make(FLOAT64, 1, 1, 6, &answer);
    if (!made) goto done;
    find_energies(&beat, r, about, after, squares, F64(answer));
    release(&answer);
done:
    PyMem_Free(squares);
    release(&beat);
    return made;
}

/* Sums over one part of a beat. */
typedef struct {
    double products[N_LEADS][N_LEADS], sum[N_LEADS], size[N_LEADS], first_half[N_LEADS], highest[N_LEADS], lowest[N_LEADS];
    double like_iii[N_LEADS], iii, norm[N_LEADS], norm_iii;
} Sums;

/* Add up a part; its first half are the first so many points. */
static void add_part(const Array *beat, const double *level, Py_ssize_t from, Py_ssize_t to, Py_ssize_t half, Sums *sums) {
    static const Sums none = {0};
    *sums = none;
    for (Py_ssize_t t = from; t < to; t++) {
        double values[N_LEADS];
        for (int lead = 0; lead < N_LEADS; lead++) values[lead] = (double)F32(*beat)[lead * beat->columns + t] - level[lead];
        const double iii = values[1] - values[0];
        sums->iii += iii * iii;
        for (int lead = 0; lead < N_LEADS; lead++) {
            const double value = values[lead];
            sums->sum[lead] += value;
            sums->size[lead] += fabs(value);
            sums->like_iii[lead] += value * iii;
            if (t - from < half) sums->first_half[lead] += value;
            if (t == from || value > sums->highest[lead]) sums->highest[lead] = value;
            if (t == from || value < sums->lowest[lead]) sums->lowest[lead] = value;
            for (int other = 0; other < N_LEADS; other++) sums->products[lead][other] += value * values[other];
        }
    }
    for (int lead = 0; lead < N_LEADS; lead++) sums->norm[lead] = sqrt(sums->products[lead][lead]) + SMALL_MV;
    sums->norm_iii = sqrt(sums->iii) + SMALL_MV;
}

static double *write_likeness(const Sums *sums, double *answer) {
    for (int lead = 0; lead < N_LEADS; lead++)
        for (int other = lead + 1; other < N_LEADS; other++)
            *answer++ = sums->products[lead][other] / (sums->norm[lead] * sums->norm[other]);
    return answer;
}

/* The root of the mean square of the sizes of the leads. */
static double usual_norm(const Sums *sums) {
    double sum = 0.0;
    for (int lead = 0; lead < N_LEADS; lead++) sum += sums->norm[lead] * sums->norm[lead];
    return sqrt(sum / N_LEADS);
}

static void write_measures(const Sums *qrs, const Sums *st_t, const Sums *p, double *answer) {
    const double usual_qrs = usual_norm(qrs), usual_st_t = usual_norm(st_t);
    double all_p = 0.0;
    for (int lead = 0; lead < N_LEADS; lead++) all_p += p->size[lead];
    answer = write_likeness(st_t, write_likeness(qrs, answer));
    for (int lead = 0; lead < N_LEADS; lead++) {
        const double above = qrs->highest[lead] > 0.0 ? qrs->highest[lead] : 0.0;
        const double below = -qrs->lowest[lead] > 0.0 ? -qrs->lowest[lead] : 0.0;
        const double values[8] = {
            qrs->like_iii[lead] / (qrs->norm[lead] * qrs->norm_iii),
            qrs->sum[lead] / (qrs->size[lead] + SMALL_MV),
            st_t->sum[lead] / (st_t->size[lead] + SMALL_MV),
            p->sum[lead] / (all_p / N_LEADS + SMALL_MV),
            above / (above + below + SMALL_MV),
            qrs->norm[lead] / usual_qrs,
            st_t->norm[lead] / usual_st_t,
            qrs->first_half[lead] / (qrs->size[lead] + SMALL_MV),
        };
        for (int measure = 0; measure < 8; measure++) answer[measure * N_LEADS + lead] = values[measure];
    }
}

static int places(PyObject *object, Py_ssize_t n, Py_ssize_t *from, Py_ssize_t *to) {
    if (!PyTuple_Check(object) || PyTuple_Size(object) != 2) {
        PyErr_SetString(PyExc_TypeError, "a tuple of 2 is needed");
        return 0;
    }
    *from = PyLong_AsSsize_t(PyTuple_GetItem(object, 0));
    *to = PyErr_Occurred() ? 0 : within(PyLong_AsSsize_t(PyTuple_GetItem(object, 1)), 0, n);
    if (PyErr_Occurred()) return 0;
    if (*from >= 0 && *from <= n) return 1;
    PyErr_SetString(PyExc_ValueError, "arrangement_sums: places within the beat are needed");
    return 0;
}

KERNEL(arrangement_sums) {
    Array beat, answer;
    Py_ssize_t first, last, p_first, p_last;
    PyObject *made = NULL;
    double level[N_LEADS];
    Sums qrs, st_t, p;
    if (!expect(count, 4) || !look(arguments[0], FLOAT32, 2, &beat)) return NULL;
    const Py_ssize_t n = beat.columns, end = PyLong_AsSsize_t(arguments[2]);
    if (PyErr_Occurred() || !places(arguments[1], n, &first, &last) || !places(arguments[3], n, &p_first, &p_last)) goto done;
    if (beat.rows != N_LEADS || first >= last || end < last) {
        PyErr_SetString(PyExc_ValueError, "arrangement_sums: eight leads with QRS, and ST-T behind it, are needed");
        goto done;
    }
    made = make(FLOAT64, 1, 1, N_MEASURES, &answer);
    if (!made) goto done;
    for (int lead = 0; lead < N_LEADS; lead++) {
        const float *row = F32(beat) + lead * n;
        const Py_ssize_t from = first > 6 ? first - 6 : 0;
        double sum = 0.0;
        for (Py_ssize_t t = from; t <= first; t++) sum += (double)row[t];
        level[lead] = sum / (double)(first + 1 - from);
    }
    const Py_ssize_t half = (last - first) / 2 > 2 ? (last - first) / 2 : 2;
    add_part(&beat, level, first, last, half, &qrs);
    add_part(&beat, level, last, end < n ? end : n, 0, &st_t);
    add_part(&beat, level, p_first, p_last, 0, &p);
    write_measures(&qrs, &st_t, &p, F64(answer));
    release(&answer);
done:
    release(&beat);
    return made;
}
