/* Kernels of beats.py. */
#include <math.h>

#include "arrays.h"

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
