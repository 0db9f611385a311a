/* Kernels of rhythm.py. */
#include <math.h>
#include <string.h>

#include "arrays.h"
#include "steps.h"

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
            /* Fives come most often. */
            if (step == 5) for (Py_ssize_t t = 0; t < answer.columns; t++) out[t] = mean_of_step(row + t * 5, 5);
            else for (Py_ssize_t t = 0; t < answer.columns; t++) out[t] = mean_of_step(row + t * step, step);
        }
        release(&answer);
    }
    release(&signal);
    return made;
}

KERNEL(bridged) {
    Array signal, at, answer;
    if (!expect(count, 4)) return NULL;
    const Py_ssize_t before = PyLong_AsSsize_t(arguments[2]), after = PyLong_AsSsize_t(arguments[3]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    PyObject *made = NULL;
    at.buffer.obj = NULL;
    if (!look(arguments[1], INT64, 1, &at)) goto done;
    const Py_ssize_t n = signal.columns;
    if (!n) {
        PyErr_SetString(PyExc_ValueError, "bridged: a signal without time points");
        goto done;
    }
    made = make(FLOAT32, 2, signal.rows, n, &answer);
    if (!made) goto done;
    memcpy(F32(answer), F32(signal), sizeof(float) * (size_t)(signal.rows * n));
    for (Py_ssize_t place = 0; place < at.columns; place++) {
        const Py_ssize_t middle = (Py_ssize_t)I64(at)[place];
        const Py_ssize_t first = within(middle - before, 0, n - 1), last = within(middle + after, 0, n - 1);
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
    release(&at);
    return made;
}

KERNEL(without_beats) {
    Array signal, beat, at, answer;
    if (!expect(count, 4)) return NULL;
    const Py_ssize_t before = PyLong_AsSsize_t(arguments[3]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT32, 2, &signal)) return NULL;
    PyObject *made = NULL;
    float *level = NULL;
    beat.buffer.obj = at.buffer.obj = NULL;
    if (!look(arguments[1], FLOAT32, 2, &beat) || !look(arguments[2], INT64, 1, &at)) goto done;
    const Py_ssize_t n = signal.columns, length = beat.columns;
    if (beat.rows != signal.rows || length < 2) {
        PyErr_SetString(PyExc_ValueError, "without_beats: a beat of as many leads and two points or more is needed");
        goto done;
    }
    level = PyMem_Malloc(sizeof(float) * (size_t)length);
    if (!level) {
        PyErr_NoMemory();
        goto done;
    }
    made = make(FLOAT32, 2, signal.rows, n, &answer);
    if (!made) goto done;
    memcpy(F32(answer), F32(signal), sizeof(float) * (size_t)(signal.rows * n));
    for (Py_ssize_t lead = 0; lead < signal.rows; lead++) {
        const float *of_lead = F32(beat) + lead * length;
        float *row = F32(answer) + lead * n;
        for (Py_ssize_t k = 0; k < length; k++) {
            const double share = (double)k / (double)(length - 1);
            level[k] = (float)((double)of_lead[k] - ((double)of_lead[0] * (1.0 - share) + (double)of_lead[length - 1] * share));
        }
        for (Py_ssize_t place = 0; place < at.columns; place++) {
            const Py_ssize_t start = (Py_ssize_t)I64(at)[place] - before;
            const Py_ssize_t first = within(start, 0, n), last = within(start + length, 0, n);
            for (Py_ssize_t t = first; t < last; t++) row[t] -= level[t - start];
        }
    }
    release(&answer);
done:
    PyMem_Free(level);
    release(&signal);
    release(&beat);
    release(&at);
    return made;
}

/* Mean zero and a window for all leads of a signal, as the first columns of `out`. */
WIDE static void put_windowed(const Array *signal, const double *ALONE window, Py_ssize_t size, double *ALONE mean, double *ALONE out) {
    const Py_ssize_t n = signal->columns, n_leads = signal->rows;
    for (Py_ssize_t lead = 0; lead < n_leads; lead++) mean[lead] = 0.0;
    /* All leads abreast: one sum alone would wait for each of its additions. */
    for (Py_ssize_t t = 0; t < n; t++)
        for (Py_ssize_t lead = 0; lead < n_leads; lead++) mean[lead] += (double)F32(*signal)[lead * n + t];
    for (Py_ssize_t lead = 0; lead < n_leads; lead++) {
        const float *ALONE row = F32(*signal) + lead * n;
        double *ALONE of_lead = out + lead * size;
        const double level = mean[lead] / (double)n;
        for (Py_ssize_t t = 0; t < n; t++) of_lead[t] = ((double)row[t] - level) * window[t];
        memset(of_lead + n, 0, sizeof(double) * (size_t)(size - n));
    }
}

KERNEL(windowed) {
    Array one, other, window, answer;
    if (!expect(count, 4)) return NULL;
    const Py_ssize_t size = PyLong_AsSsize_t(arguments[3]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT32, 2, &one)) return NULL;
    PyObject *made = NULL;
    double *mean = NULL;
    other.buffer.obj = window.buffer.obj = NULL;
    if (!look(arguments[1], FLOAT32, 2, &other) || !look(arguments[2], FLOAT64, 1, &window)) goto done;
    if (other.rows != one.rows || other.columns != one.columns || window.columns != one.columns || size < one.columns) {
        PyErr_SetString(PyExc_ValueError, "windowed: two signals and a window of one length, at most the size, are needed");
        goto done;
    }
    mean = PyMem_Malloc(sizeof(double) * (size_t)(one.rows + 1));
    if (mean) made = make(FLOAT64, 2, 2 * one.rows, size, &answer);
    else PyErr_NoMemory();
    if (!made) goto done;
    put_windowed(&one, F64(window), size, mean, F64(answer));
    put_windowed(&other, F64(window), size, mean, F64(answer) + one.rows * size);
    release(&answer);
done:
    PyMem_Free(mean);
    release(&one);
    release(&other);
    release(&window);
    return made;
}

/* Adds the squares of (n_leads, 2 n) real and imaginary parts over leads. */
WIDE static void add_powers(const double *ALONE parts, Py_ssize_t n_leads, Py_ssize_t n, double *ALONE power) {
    for (Py_ssize_t lead = 0; lead < n_leads; lead++, parts += 2 * n)
        for (Py_ssize_t k = 0; k < n; k++) power[k] += parts[2 * k] * parts[2 * k] + parts[2 * k + 1] * parts[2 * k + 1];
}

KERNEL(band_powers) {
    Array parts, answer;
    if (!expect(count, 4)) return NULL;
    const Py_ssize_t first = PyLong_AsSsize_t(arguments[1]), quick = PyLong_AsSsize_t(arguments[2]), stop = PyLong_AsSsize_t(arguments[3]);
    if (PyErr_Occurred() || !look(arguments[0], FLOAT64, 2, &parts)) return NULL;
    PyObject *made = NULL;
    const Py_ssize_t n = parts.columns / 2, n_leads = parts.rows / 2;
    if (parts.columns % 2 || parts.rows % 2 || first < 0 || quick < first || stop < quick || n < stop)
        PyErr_SetString(PyExc_ValueError, "band_powers: pairs of rows and columns, and a band among them, are needed");
    else made = make(FLOAT64, 2, 3, n, &answer);
    if (made) {
        double *all = F64(answer), *fast = all + n;
        memset(all, 0, sizeof(double) * (size_t)(3 * n));
        add_powers(F64(parts), n_leads, n, all);
        add_powers(F64(parts) + n_leads * parts.columns, n_leads, n, all + 2 * n);
        memset(all, 0, sizeof(double) * (size_t)first);
        memset(all + stop, 0, sizeof(double) * (size_t)(n - stop));
        memcpy(fast + quick, all + quick, sizeof(double) * (size_t)(stop - quick));
        release(&answer);
    }
    release(&parts);
    return made;
}

KERNEL(highest_repeat) {
    Array repeats;
    if (!expect(count, 4)) return NULL;
    const Py_ssize_t low = PyLong_AsSsize_t(arguments[1]), high = PyLong_AsSsize_t(arguments[2]);
    const int twice = PyErr_Occurred() ? 0 : PyLong_AsLong(arguments[3]) != 0;
    if (PyErr_Occurred() || !look(arguments[0], FLOAT64, 1, &repeats)) return NULL;
    const double *of = F64(repeats);
    double best = 0.0;
    Py_ssize_t lag = 0;
    const int sound = low > 0 && high >= low && high <= (twice ? repeats.columns / 2 - 1 : repeats.columns - 2);
    for (Py_ssize_t k = low; sound && k <= high; k++) {
        if (!(of[k] >= of[k - 1] && of[k] >= of[k + 1])) continue;
        double value = of[k];
        if (twice) {
            double again = of[2 * k - 1] > of[2 * k] ? of[2 * k - 1] : of[2 * k];
            again = of[2 * k + 1] > again ? of[2 * k + 1] : again;
            value = again < value ? again : value;
        }
        if (lag && !(value > best)) continue;
        best = value;
        lag = k;
    }
    release(&repeats);
    if (sound) return Py_BuildValue("(dn)", best, lag ? lag : low);
    PyErr_SetString(PyExc_ValueError, "highest_repeat: lags outside of the correlation");
    return NULL;
}
