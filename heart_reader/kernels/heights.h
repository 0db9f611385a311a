/* How a point stands out of what lies on both sides. */
#ifndef HEART_READER_HEIGHTS_H
#define HEART_READER_HEIGHTS_H

#include <Python.h>
#include <math.h>

/* By how much a point exceeds or undercuts both points at a distance. */
static inline float height_beside(const float *point, Py_ssize_t reach) {
    const float before = point[0] - point[-reach], after = point[0] - point[reach];
    const float one = fabsf(before), other = fabsf(after);
    return before * after > 0.0f ? (one < other ? one : other) : 0.0f;
}

#endif
