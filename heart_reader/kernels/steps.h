/* Means of steps of time points. */
#ifndef HEART_READER_STEPS_H
#define HEART_READER_STEPS_H

#include <Python.h>

/* The mean of one step, summed in pairs. A step that is known where this is called lets the compiler take several at once. */
static inline float mean_of_step(const float *points, Py_ssize_t step) {
    float sum = 0.0f;
    for (Py_ssize_t k = 0; k + 1 < step; k += 2) sum += points[k] + points[k + 1];
    return (step % 2 ? sum + points[step - 1] : sum) / (float)step;
}

#endif
