/* Selection among numbers. */
#ifndef HEART_READER_SELECT_H
#define HEART_READER_SELECT_H

#include <Python.h>

/* Put those below a pivot, or up to it, first; returns where they end. Nothing is decided by a jump, which could not be foretold. */
static inline Py_ssize_t parted(double *values, Py_ssize_t low, Py_ssize_t high, double pivot, int with_equal) {
    Py_ssize_t end = low;
    for (Py_ssize_t t = low; t < high; t++) {
        const double value = values[t];
        values[t] = values[end];
        values[end] = value;
        end += with_equal ? value <= pivot : value < pivot;
    }
    return end;
}

/* The middle one of three. */
static inline double middle_of(double one, double other, double third) {
    const double low = one < other ? one : other, high = one < other ? other : one;
    return third < low ? low : third > high ? high : third;
}

/* The value of a rank from 0 among n, one or more, which are reordered: those before it are not higher. */
static inline double ranked(double *values, Py_ssize_t n, Py_ssize_t rank) {
    Py_ssize_t low = 0, high = n;
    while (high - low > 1) {
        const double pivot = middle_of(values[low], values[low + (high - low) / 2], values[high - 1]);
        const Py_ssize_t below = parted(values, low, high, pivot, 0);
        if (rank < below) {
            high = below;
            continue;
        }
        /* Each step leaves the pivot out; what is no number ends the search. */
        const Py_ssize_t above = parted(values, below, high, pivot, 1);
        if (rank < above || above == low) return pivot;
        low = above;
    }
    return values[low];
}

/* The median of n values, one or more, which are reordered. */
static inline double median_of(double *values, Py_ssize_t n) {
    const double high = ranked(values, n, n / 2);
    if (n % 2) return high;
    double low = values[0];
    for (Py_ssize_t t = 1; t < n / 2; t++) low = values[t] > low ? values[t] : low;
    return 0.5 * (low + high);
}

#endif
