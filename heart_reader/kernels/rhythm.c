/* Kernels of rhythm.py. */
#include <math.h>
#include <string.h>

#include "arrays.h"

KERNEL(step_means) {
    Array signal, answer;
    if (!expect(count, 2)) return NULL;
    const Py_ssize_t step = PyLong_AsSsize_t(arguments[1]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    PyObject *made = NULL;
    if (step < 1) PyErr_SetString(PyExc_ValueError, "step_means: a step of one or more is needed");
    else made = make(FLOAT32, 2, signal.rows, signal.columns / step, &answer);
    if (made) {
        for (Py_ssize_t lead = 0; lead < signal.rows; lead++) {
            const float *ALONE row = F32(signal) + lead * signal.columns;
            float *ALONE out = F32(answer) + lead * answer.columns;
            for (Py_ssize_t t = 0; t < answer.columns; t++) {
                const float *points = row + t * step;
                float sum = 0.0f;
                for (Py_ssize_t k = 0; k + 1 < step; k += 2) sum += points[k] + points[k + 1];
                out[t] = (step % 2 ? sum + points[step - 1] : sum) / (float)step;
            }
        }
        release(&answer);
    }
    release(&signal);
    return made;
}

KERNEL(bridged) {
    Array signal, starts, stops, answer;
    if (!expect(count, 3) || !look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    PyObject *made = NULL;
    starts.buffer.obj = stops.buffer.obj = NULL;
    if (!look(arguments[1], INT64, 1, &starts) || !look(arguments[2], INT64, 1, &stops)) goto done;
    const Py_ssize_t n = signal.columns;
    if (starts.columns != stops.columns || !n) {
        PyErr_SetString(PyExc_ValueError, "bridged: every part needs a start and a stop");
        goto done;
    }
    made = make(FLOAT32, 2, signal.rows, n, &answer);
    if (!made) goto done;
    memcpy(F32(answer), F32(signal), sizeof(float) * (size_t)(signal.rows * n));
    for (Py_ssize_t part = 0; part < starts.columns; part++) {
        const Py_ssize_t first = within((Py_ssize_t)I64(starts)[part], 0, n - 1), last = within((Py_ssize_t)I64(stops)[part], 0, n - 1);
        const double step = last - first > 1 ? 1.0 / (double)(last - first - 1) : 0.0;
        for (Py_ssize_t lead = 0; lead < signal.rows && last > first; lead++) {
            float *row = F32(answer) + lead * n;
            const double from = row[first], rise = row[last] - row[first];
            for (Py_ssize_t t = first; t < last; t++) row[t] = (float)(from + (double)(t - first) * step * rise);
        }
    }
    release(&answer);
done:
    release(&signal);
    release(&starts);
    release(&stops);
    return made;
}

KERNEL(without_beats) {
    Array signal, beat, at, answer;
    if (!expect(count, 4)) return NULL;
    const Py_ssize_t before = PyLong_AsSsize_t(arguments[3]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    PyObject *made = NULL;
    beat.buffer.obj = at.buffer.obj = NULL;
    if (!look(arguments[1], FLOAT32, 2, &beat) || !look(arguments[2], INT64, 1, &at)) goto done;
    const Py_ssize_t n = signal.columns, length = beat.columns;
    if (beat.rows != signal.rows) {
        PyErr_SetString(PyExc_ValueError, "without_beats: the beat has another number of leads");
        goto done;
    }
    made = make(FLOAT32, 2, signal.rows, n, &answer);
    if (!made) goto done;
    memcpy(F32(answer), F32(signal), sizeof(float) * (size_t)(signal.rows * n));
    for (Py_ssize_t place = 0; place < at.columns; place++) {
        const Py_ssize_t start = (Py_ssize_t)I64(at)[place] - before;
        const Py_ssize_t first = within(start, 0, n), last = within(start + length, 0, n);
        for (Py_ssize_t lead = 0; lead < signal.rows; lead++) {
            float *row = F32(answer) + lead * n;
            for (Py_ssize_t t = first; t < last; t++) row[t] -= F32(beat)[lead * length + t - start];
        }
    }
    release(&answer);
done:
    release(&signal);
    release(&beat);
    release(&at);
    return made;
}

/* Adds to `left` what each part of one lead has, less its mean and its slope, of squares. */
static void take_mean_and_slope(const double *row, Py_ssize_t n, Py_ssize_t length, double *room, double *left) {
    double *sums = room, *rising = room + n + 1, of_ramp = 0.0;
    const double middle = 0.5 * (double)(length - 1);
    const Py_ssize_t n_parts = n - length + 1;
    for (Py_ssize_t k = 0; k < length; k++) of_ramp += ((double)k - middle) * ((double)k - middle);
    sums[0] = rising[0] = 0.0;
    for (Py_ssize_t t = 0; t < n; t++) {
        sums[t + 1] = sums[t] + row[t];
        rising[t + 1] = rising[t] + row[t] * (double)t;
    }
    for (Py_ssize_t t = 0; t < n_parts; t++) {
        const double total = sums[t + length] - sums[t];
        const double slope = rising[t + length] - rising[t] - ((double)t + middle) * total;
        left[t] = left[t] - total * total / (double)length - slope * slope / of_ramp;
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
    for (Py_ssize_t lead = 0; lead < signal.rows; lead++) take_mean_and_slope(F64(signal) + lead * n, n, length, room, left);
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

KERNEL(products_at) {
    Array signal, places, shifts, cuts, answer;
    if (!expect(count, 4) || !look(arguments[0], FLOAT64, 2, &signal)) return NULL;
    PyObject *made = NULL;
    places.buffer.obj = shifts.buffer.obj = cuts.buffer.obj = NULL;
    if (!look(arguments[1], INT64, 1, &places) || !look(arguments[2], INT64, 1, &shifts) || !look(arguments[3], FLOAT64, 2, &cuts)) goto done;
    const Py_ssize_t n = signal.columns, length = signal.rows ? cuts.columns / signal.rows : 0;
    int sound = cuts.rows == places.columns && length * signal.rows == cuts.columns;
    for (Py_ssize_t place = 0; sound && place < places.columns; place++)
        for (Py_ssize_t s = 0; sound && s < shifts.columns; s++) {
            const int64_t first = I64(places)[place] + I64(shifts)[s];
            sound = first >= 0 && first + length <= n;
        }
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "products_at: places outside of the signal");
        goto done;
    }
    made = make(FLOAT64, 2, places.columns, shifts.columns, &answer);
    if (!made) goto done;
    for (Py_ssize_t place = 0; place < places.columns; place++)
        for (Py_ssize_t s = 0; s < shifts.columns; s++) {
            const Py_ssize_t first = (Py_ssize_t)(I64(places)[place] + I64(shifts)[s]);
            double sum = 0.0;
            for (Py_ssize_t lead = 0; lead < signal.rows; lead++) {
                const double *row = F64(signal) + lead * n + first, *cut = F64(cuts) + place * cuts.columns + lead * length;
                for (Py_ssize_t k = 0; k < length; k++) sum += row[k] * cut[k];
            }
            F64(answer)[place * shifts.columns + s] = sum;
        }
    release(&answer);
done:
    release(&signal);
    release(&places);
    release(&shifts);
    release(&cuts);
    return made;
}

KERNEL(step_energy) {
    Array signal, at, answer;
    if (!expect(count, 5)) return NULL;
    const Py_ssize_t from = PyLong_AsSsize_t(arguments[2]), to = PyLong_AsSsize_t(arguments[3]), over = PyLong_AsSsize_t(arguments[4]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    PyObject *made = NULL;
    at.buffer.obj = NULL;
    if (!look(arguments[1], INT64, 1, &at)) goto done;
    const Py_ssize_t n = signal.columns, length = to - from;
    if (length < 1 || over < 0 || !n) {
        PyErr_SetString(PyExc_ValueError, "step_energy: a part of one point or more is needed");
        goto done;
    }
    made = make(FLOAT32, 2, at.columns, length, &answer);
    if (!made) goto done;
    for (Py_ssize_t beat = 0; beat < at.columns; beat++) {
        float *energy = F32(answer) + beat * length;
        const Py_ssize_t first = (Py_ssize_t)I64(at)[beat] + from;
        memset(energy, 0, sizeof(float) * (size_t)length);
        for (Py_ssize_t lead = 0; lead < signal.rows; lead++) {
            const float *row = F32(signal) + lead * n;
            for (Py_ssize_t t = 0; t < length; t++) {
                const float step = row[within(first + t + over, 0, n - 1)] - row[within(first + t, 0, n - 1)];
                energy[t] += step * step;
            }
        }
    }
    release(&answer);
done:
    release(&signal);
    release(&at);
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
